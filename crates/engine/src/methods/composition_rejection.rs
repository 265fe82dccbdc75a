//! The composition-rejection method (Slepoy, Thompson & Plimpton 2008, J Chem Phys 128:205101): exact; records of
//! reactions are binned by the power of two of their propensity, so that choosing one costs the same however many there
//! are.
//!
//! Rejection is by thinning (Lewis & Shedler 1979, Nav Res Logist Q 26:403): tries come at the rate of the sum of all
//! ceilings, and each succeeds with the probability propensity / ceiling, at least one half. No sum of propensities is
//! kept, so none gathers rounding. Bins have some more places than members, and tries for empty places fail: the rate
//! of tries then stays the same over many events, and what they will touch can be foreseen.
//!
//! For networks of thousands of reactions.

mod ahead;
mod bins;

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use ahead::Ahead;
use bins::Bins;

use super::draws::waiting_time;
use super::records::{LARGE, Records};
use crate::network::Network;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

pub(crate) struct CompositionRejection {
    records: Records,
    bins: Bins,
    ahead: Ahead,
    /// Time of the next try, once drawn; kept over recording times, so that these do not change a trajectory.
    next: Option<f64>,
}

impl Stepper for CompositionRejection {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.records.refresh(state)?;
        self.bins.fill(&mut self.records);
        self.ahead.forget();
        self.next = None;
        Ok(())
    }

    fn frozen(&self) -> bool {
        true
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        if self.records.all.len() > LARGE {
            self.events::<true>(state, until, random, stats)?;
        } else {
            self.events::<false>(state, until, random, stats)?;
        }
        state.update_rules();
        Ok(())
    }
}

impl CompositionRejection {
    pub fn new(network: &Network) -> Self {
        Self { records: Records::new(network), bins: Bins::default(), ahead: Ahead::default(), next: None }
    }

    /// All events before `until`, or up to one that turns a condition.
    fn events<const FAR: bool>(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        let (records, bins) = (&mut self.records, &mut self.bins);
        loop {
            let next = self.next.take().unwrap_or_else(|| state.time() + waiting_time(bins.total, random));
            if next.is_nan() || next > until {
                self.next = Some(next);
                state.set_time(until);
                return Ok(());
            }
            state.set_time(next);
            let chosen = match FAR {
                true => self.ahead.take(records, bins, state, random),
                false => bins.choose([random.random(), random.random()]),
            };
            let Some(record) = bins.member(chosen) else { continue };
            let propensity = records.all[record].propensity;
            if chosen.rest >= propensity {
                continue;
            }
            stats.events += 1;
            stats.step(next)?;
            // What an accepted try leaves of its uniform number is uniform below the propensity.
            let position = records.member(record, chosen.rest / propensity);
            records.fire(state, position)?;
            for list in 0..records.lists(position) {
                for place in 0..records.dependents(position, list).len() {
                    let dependent = records.dependents(position, list)[place] as usize;
                    let change = records.update(state, dependent)?;
                    bins.moved(records, dependent, change);
                }
            }
            bins.settle();
            if records.watched(position) && state.tripped() {
                return Ok(());
            }
        }
    }
}

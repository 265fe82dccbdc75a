//! The direct method (Gillespie 1977, J Phys Chem 81:2340, section III): exact, with a dependency graph
//! (Gibson & Bruck 2000), so that only what an event changes is computed anew, and reactions in groups.
//!
//! For small networks and up to some 10⁵ events a trajectory.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use super::groups::Groups;
use super::small::Small;
use crate::network::{Network, Plan};
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// The sum of propensities is taken afresh after this many events, so that rounding does not add up.
const RESUM: u32 = 512;

pub(crate) struct Direct {
    small: Option<Box<Small>>,
    groups: Groups,
    total: f64,
    /// Time of the next event, once drawn; kept over recording times, so that these do not change a trajectory.
    next: Option<f64>,
    since_sum: u32,
}

/// Why [`Direct::events`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No further event comes before the time asked for.
    Quiet,
    /// As many events as asked for have been fired.
    Many,
    /// A condition has turned.
    Tripped,
}

impl Stepper for Direct {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.restart(state)
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
        if self.events(state, until, u64::MAX, random, stats)? != Stop::Tripped {
            state.set_time(until);
        }
        state.update_rules();
        Ok(())
    }
}

impl Direct {
    pub fn new(network: &Network) -> Self {
        Self { small: Small::new(network), ..Self::one_by_one() }
    }

    /// Without the inner loop for small networks, whose random numbers drawn ahead are lost where trajectories are short.
    pub fn one_by_one() -> Self {
        Self { small: None, groups: Groups::default(), total: 0.0, next: None, since_sum: 0 }
    }

    /// Forgets the event drawn for a state that is no more.
    pub fn restart(&mut self, state: &State) -> Result<(), SimulationError> {
        self.groups.refresh(state)?;
        self.resum();
        if let Some(small) = &mut self.small {
            self.total = small.refresh(state, &self.groups);
        }
        self.next = None;
        Ok(())
    }

    fn resum(&mut self) {
        self.total = self.groups.propensities.iter().sum();
        self.since_sum = 0;
    }

    /// Fires at most `most` events before `until` and leaves the time at the last of them.
    pub fn events(
        &mut self,
        state: &mut State,
        until: f64,
        most: u64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<Stop, SimulationError> {
        let plan = &state.network.plan;
        let mut next = match self.next.take() {
            Some(next) => next,
            None => state.time() + waiting_time(self.total, random),
        };
        if let Some(small) = &mut self.small {
            let (stop, next) = small.events(state, next, (until, most), random, stats)?;
            self.next = Some(next);
            return Ok(stop);
        }
        for _ in 0..most {
            if next.is_nan() || next > until {
                self.next = Some(next);
                return Ok(Stop::Quiet);
            }
            state.set_time(next);
            stats.step(next)?;
            let Some(position) = self.choose(plan, random) else {
                next += waiting_time(self.total, random);
                continue;
            };
            stats.events += 1;
            let firing = &plan.firings[position];
            state.fire(firing, plan.reactions[position])?;
            for &group in &plan.dependents[firing.dependents.0 as usize..firing.dependents.1 as usize] {
                self.total += self.groups.update(state, plan, group as usize)?;
            }
            self.since_sum += 1;
            if self.since_sum >= RESUM {
                self.resum();
            }
            if firing.watched && state.tripped() {
                return Ok(Stop::Tripped);
            }
            next += waiting_time(self.total, random);
        }
        self.next = Some(next);
        Ok(Stop::Many)
    }

    /// The reaction that fires, with probability proportional to its propensity, as a position of the plan.
    #[inline]
    fn choose(&mut self, plan: &Plan, random: &mut Stream) -> Option<usize> {
        loop {
            let mut rest = random.random::<f64>() * self.total;
            for (group, &propensity) in self.groups.propensities.iter().enumerate() {
                if rest < propensity {
                    return Some(self.groups.member(plan, group, rest));
                }
                rest -= propensity;
            }
            // Rounding had made the running total too large.
            self.resum();
            if self.total <= 0.0 {
                return None;
            }
        }
    }
}

//! The direct method (Gillespie 1977, J Phys Chem 81:2340, section III): exact, with a dependency graph
//! (Gibson & Bruck 2000), so that only what an event changes is computed anew.
//!
//! For small networks and up to some 10⁵ events a trajectory.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::draws::waiting_time;
use crate::simulator::{SimulationError, Stats, Stepper};
use crate::state::State;

/// The sum of propensities is taken afresh after this many events, so that rounding does not add up.
const RESUM: u32 = 512;

#[derive(Default)]
pub(crate) struct Direct {
    total: f64,
    /// Time of the next event, once drawn; kept over recording times, so that these do not change a trajectory.
    next: Option<f64>,
    since_sum: u32,
}

impl Stepper for Direct {
    fn jumped(&mut self, state: &mut State) -> Result<(), SimulationError> {
        state.check_autonomous()?;
        self.restart(state);
        Ok(())
    }

    fn advance(
        &mut self,
        state: &mut State,
        until: f64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<(), SimulationError> {
        self.events(state, until, u64::MAX, random, stats)?;
        state.set_time(until);
        state.update_rules();
        Ok(())
    }
}

impl Direct {
    /// Forgets the event drawn for a state that is no more.
    pub fn restart(&mut self, state: &State) {
        self.resum(state);
        self.next = None;
    }

    fn resum(&mut self, state: &State) {
        self.total = state.propensities.iter().sum();
        self.since_sum = 0;
    }

    /// Fires at most `most` events before `until` and leaves the time at the last of them; true if no further one
    /// comes before `until`.
    pub fn events(
        &mut self,
        state: &mut State,
        until: f64,
        most: u64,
        random: &mut Stream,
        stats: &mut Stats,
    ) -> Result<bool, SimulationError> {
        for _ in 0..most {
            let next = match self.next {
                Some(next) => next,
                // Rounding may leave less than nothing.
                None => state.time() + waiting_time(self.total.max(0.0), random),
            };
            if next.is_nan() || next > until {
                self.next = Some(next);
                return Ok(true);
            }
            self.next = None;
            state.set_time(next);
            let chosen = self.choose(state, random);
            if let Some(chosen) = chosen {
                self.fire(state, chosen)?;
                stats.events += 1;
            }
            stats.step(next)?;
        }
        Ok(false)
    }

    /// The reaction that fires, with probability proportional to its propensity.
    #[inline]
    fn choose(&mut self, state: &State, random: &mut Stream) -> Option<usize> {
        loop {
            let mut rest = random.random::<f64>() * self.total;
            for (index, &propensity) in state.propensities.iter().enumerate() {
                rest -= propensity;
                if rest < 0.0 {
                    return Some(index);
                }
            }
            // Rounding had made the running total too large.
            self.resum(state);
            if self.total <= 0.0 {
                return None;
            }
        }
    }

    #[inline]
    fn fire(&mut self, state: &mut State, chosen: usize) -> Result<(), SimulationError> {
        state.fire(chosen)?;
        for &reaction in &state.network.dependents[chosen].reactions {
            self.total += state.update_propensity(reaction)?;
        }
        self.since_sum += 1;
        if self.since_sum >= RESUM {
            self.resum(state);
        }
        Ok(())
    }
}

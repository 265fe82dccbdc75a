//! Lesions of a trajectory, each followed as an individual.
//!
//! A lesion is small at first: its cells divide and die, and its size at the next time that matters is drawn from the law
//! of that process (`kendall.rs`), not cell by cell, unless birth or death depends on its size. From a size on at which
//! chance hardly matters it follows its growth curve (`curve.rs`). So the cost is that of lesions, not of cells.
//!
//! Where nothing in the model changes with what lesions do, they are looked at only when someone wants to know; else
//! at times so close that each lesion, and what lesions emit, changes little in between, and what they emit is that of
//! the middle of the time to come. Rates that follow the environment are averaged over the time since the last look.

mod colony;
mod curve;
mod kendall;
mod life;

use colony::Colony;
use metacascade_random::{Key, Stream};

use crate::agenda::Change;
use crate::network::Network;
use crate::simulator::SimulationError;
use crate::state::State;

/// The child of a trajectory's key that names the stream of its lesions.
const LESIONS: u64 = 0x6c65_7369_6f6e_7300;

/// Lesions beyond this number are an error.
pub(crate) const MOST_LESIONS: usize = 20_000_000;

/// A lesion as a recorder is shown it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesion<'n> {
    /// The name of its kind, such as the organ it is in.
    pub kind: &'n str,
    /// Its cells: a whole number while it is small, on its growth curve once it is large.
    pub size: f64,
    /// When it was founded. By leaps, at a random time within one.
    pub founded: f64,
    /// Whether it is dormant.
    pub dormant: bool,
}

/// All lesions of a trajectory, by kind.
pub(crate) struct Colonies {
    colonies: Vec<Colony>,
    random: Stream,
}

impl Colonies {
    /// Those of a network that has some, at the start of a trajectory.
    pub fn start(network: &Network, key: Key) -> Self {
        Self {
            colonies: network.lesions.iter().map(|_| Colony::default()).collect(),
            random: key.child(LESIONS).stream(),
        }
    }

    /// The next time after now at which lesions must be looked at; infinite if they need not.
    pub fn next(&self) -> f64 {
        self.colonies.iter().map(|colony| colony.next).fold(f64::INFINITY, f64::min)
    }

    /// Takes in lesions that were founded, and looks at all if it is time; what changed.
    pub fn stop(&mut self, state: &mut State) -> Result<Change, SimulationError> {
        let network = state.network;
        let (mut heard, mut founded) = (false, false);
        let now = state.time();
        // What others hear of changes for all kinds at once, where their looks are near.
        let due = self.colonies.iter().zip(&network.lesions).any(|(colony, kind)| now >= colony.next && kind.heard());
        for (kind, colony) in network.lesions.iter().zip(&mut self.colonies) {
            if now >= colony.next || due && kind.heard() && colony.is_near(now) {
                colony.update(kind, state, kind.watched, &mut self.random)?;
                heard |= colony.plan(kind, state)? || kind.watched;
            }
            if state.values[kind.founded] > colony.founded {
                let mut louder = colony.found(kind, state, &mut self.random)?;
                if state.leaped > 0.0 && kind.heard() {
                    // They have a past.
                    colony.update(kind, state, kind.watched, &mut self.random)?;
                    louder |= colony.plan(kind, state)?;
                }
                founded = true;
                heard |= louder || kind.watched;
            }
        }
        Ok(match (heard, founded) {
            (true, _) => Change::Lesions,
            (false, true) => Change::Founded,
            (false, false) => Change::Nothing,
        })
    }

    /// Looks at all, before something changes their rates or someone asks; whether that changes what others see.
    pub fn look(&mut self, state: &mut State) -> Result<bool, SimulationError> {
        let network = state.network;
        let mut changed = false;
        for (kind, colony) in network.lesions.iter().zip(&mut self.colonies) {
            colony.update(kind, state, true, &mut self.random)?;
            changed |= kind.watched;
        }
        Ok(changed)
    }

    /// All lesions, kind by kind, as of the last look.
    pub fn seen<'a, 'n: 'a>(&'a self, network: &'n Network) -> impl Iterator<Item = Lesion<'n>> + 'a {
        network.lesions.iter().zip(&self.colonies).flat_map(|(kind, colony)| {
            colony.seen().map(|(size, founded, dormant)| Lesion { kind: &kind.name, size, founded, dormant })
        })
    }

    /// Goes on from new rates, after an event.
    pub fn restart(&mut self, state: &mut State) -> Result<(), SimulationError> {
        let network = state.network;
        for (kind, colony) in network.lesions.iter().zip(&mut self.colonies) {
            colony.restart(kind, state)?;
            colony.plan(kind, state)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

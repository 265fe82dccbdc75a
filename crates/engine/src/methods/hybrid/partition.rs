//! Which species are integrated and which jump.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;

use super::structure::Structure;
use crate::methods::draws::poisson;
use crate::network::{Network, TIME};
use crate::simulator::SimulationError;
use crate::state::State;

/// An abundant species is counted again below this part of the threshold.
const LOWER: f64 = 0.8;
/// A species turns to a queue if its cells are replaced so many times while any other changes by its own size …
const FAST: f64 = 20.0;
/// … and back once they are replaced less often than this.
const SLOW: f64 = 5.0;
/// Where nothing else is continuous, queues pay if they spare so many jumps for each that is left …
const WORTH: f64 = 20.0;
/// … and no longer below this.
const WORTHLESS: f64 = 5.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers that jump.
    Count,
    /// A number so large that its noise is dropped.
    Abundant,
    /// A Poisson number of which the mean is integrated.
    Queue,
    /// A continuous variable of the model.
    Variable,
}

impl Kind {
    /// Whether reactions change it continuously.
    pub fn flows(self) -> bool {
        matches!(self, Self::Abundant | Self::Queue)
    }
}

pub(super) struct Partition {
    structure: Structure,
    threshold: f64,
    /// Of each species.
    pub kinds: Vec<Kind>,
    /// Species that are integrated.
    pub active: Vec<usize>,
    /// Where each species stands among these.
    pub places: Vec<usize>,
    /// Reactions that are integrated.
    pub flows: Vec<usize>,
    /// Jumps whose propensities change between jumps, and those whose do not.
    pub varying: Vec<usize>,
    pub steady: Vec<usize>,
    /// Whether each reaction jumps.
    pub jumps: Vec<bool>,
    /// Rules that change between jumps and that propensities and rates read.
    pub rules: Vec<usize>,
    /// Work space of a review.
    propensities: Vec<f64>,
    next: Vec<Kind>,
    abundant: Vec<bool>,
    turnover: Vec<f64>,
    arrivals: Vec<f64>,
}

impl Partition {
    pub fn new(network: &Network, threshold: f64) -> Self {
        let (species, reactions) = (network.species.len(), network.reactions.len());
        let mut partition = Self {
            structure: Structure::new(network),
            threshold,
            kinds: vec![Kind::Count; species],
            active: Vec::with_capacity(species),
            places: vec![usize::MAX; species],
            flows: Vec::with_capacity(reactions),
            varying: Vec::with_capacity(reactions),
            steady: Vec::with_capacity(reactions),
            jumps: vec![true; reactions],
            rules: Vec::with_capacity(network.rules.len()),
            propensities: vec![0.0; reactions],
            next: vec![Kind::Count; species],
            abundant: vec![false; species],
            turnover: vec![0.0; species],
            arrivals: vec![0.0; species],
        };
        partition.reset(network);
        partition
    }

    /// Everything is counted.
    pub fn reset(&mut self, network: &Network) {
        for (kind, species) in self.kinds.iter_mut().zip(&network.species) {
            *kind = if species.is_continuous() { Kind::Variable } else { Kind::Count };
        }
    }

    /// Whether nothing is integrated: the direct method does.
    pub fn exact(&self) -> bool {
        self.structure.autonomous && !self.kinds.iter().any(|kind| kind.flows())
    }

    /// Whether a count, or an abundant number, is on the wrong side of the threshold.
    pub fn misplaced(&self, species: usize, value: f64) -> bool {
        match self.kinds[species] {
            Kind::Count => value >= self.threshold && !self.structure.counted[species],
            Kind::Abundant => value < self.lower(),
            _ => false,
        }
    }

    /// An abundant number below this is counted.
    pub fn lower(&self) -> f64 {
        LOWER * self.threshold
    }

    /// Sorts species anew; whether any changed its kind. Those that turn to counts are drawn: abundant ones are rounded
    /// so that their mean is kept, queues are Poisson.
    pub fn review(&mut self, state: &mut State, random: &mut Stream) -> Result<bool, SimulationError> {
        self.sort(state)?;
        if self.next == self.kinds {
            return Ok(false);
        }
        for (species, (&old, &new)) in self.kinds.iter().zip(&self.next).enumerate() {
            if new == Kind::Count {
                let value = &mut state.values[Network::species_slot(species)];
                *value = match old {
                    Kind::Abundant => (*value + random.random::<f64>()).floor(),
                    Kind::Queue => poisson(*value, random),
                    _ => *value,
                };
            }
        }
        self.kinds.copy_from_slice(&self.next);
        Ok(true)
    }

    /// Finds the kind that each species should have now.
    fn sort(&mut self, state: &mut State) -> Result<(), SimulationError> {
        let network = state.network;
        for index in 0..network.reactions.len() {
            self.propensities[index] = state.law(index);
            if !self.propensities[index].is_finite() {
                return Err(state.bad_propensity(index, self.propensities[index]));
            }
        }
        for species in 0..network.species.len() {
            let slot = Network::species_slot(species);
            let (value, kind) = (state.values[slot], self.kinds[species]);
            if kind == Kind::Variable {
                self.next[species] = kind;
                continue;
            }
            let least = if kind == Kind::Abundant { self.lower() } else { self.threshold };
            self.abundant[species] = value >= least && !self.structure.counted[species];
            self.next[species] = if self.abundant[species] { Kind::Abundant } else { Kind::Count };
            if let Some(queue) = &self.structure.queues[species] {
                // The risk of each cell: that of one.
                state.values[slot] = 1.0;
                self.turnover[species] = queue.losses.iter().map(|&index| state.law(index)).sum();
                state.values[slot] = value;
                self.arrivals[species] = queue.gains.iter().map(|&index| self.propensities[index]).sum();
                // A known number is like a Poisson one only if most of it is replaced by cells to come.
                let settled = value == 0.0 || self.arrivals[species] >= 0.5 * self.turnover[species] * value;
                if kind == Kind::Queue || settled {
                    self.next[species] = Kind::Queue;
                }
            }
        }
        while self.dismiss(state) {}
        let still = self.structure.autonomous && !self.next.contains(&Kind::Abundant);
        if still && self.next.contains(&Kind::Queue) {
            let left = (0..network.reactions.len()).filter(|&index| !flows(network, index, &self.next));
            let left: f64 = left.map(|index| self.propensities[index]).sum();
            let queues = (0..self.next.len()).filter(|&species| self.next[species] == Kind::Queue);
            let spared: f64 = queues.map(|species| self.arrivals[species]).sum();
            let worth = if self.kinds.contains(&Kind::Queue) { WORTHLESS } else { WORTH };
            if spared <= worth * left {
                self.next.iter_mut().filter(|kind| **kind == Kind::Queue).for_each(|kind| *kind = Kind::Count);
            }
        }
        Ok(())
    }

    /// Takes away queues that are none among the others; whether there were any.
    fn dismiss(&mut self, state: &State) -> bool {
        let network = state.network;
        let mut pace = 0.0_f64;
        for species in
            (0..self.next.len()).filter(|&species| matches!(self.next[species], Kind::Count | Kind::Abundant))
        {
            let size = state.values[Network::species_slot(species)].max(1.0);
            let mut change = 0.0;
            for (reaction, propensity) in network.reactions.iter().zip(&self.propensities) {
                let own = reaction.changes.iter().filter(|(changed, _)| *changed == species);
                let own = own.map(|(_, change)| change * propensity);
                // What flows changes by its drift, what is counted by each jump.
                change += match self.next[species] {
                    Kind::Abundant => own.sum::<f64>(),
                    _ => own.map(f64::abs).sum(),
                };
            }
            pace = pace.max(change.abs() / size);
        }
        let mut any = false;
        for species in 0..self.next.len() {
            if self.next[species] != Kind::Queue {
                continue;
            }
            let Some(queue) = &self.structure.queues[species] else { continue };
            let times = if self.kinds[species] == Kind::Queue { SLOW } else { FAST };
            let fast = self.turnover[species] >= times * pace && self.turnover[species] > 0.0;
            // Arrivals that are seen, by what else they change, are no secret.
            let unseen = queue.gains.iter().all(|&index| flows(network, index, &self.next));
            if !fast || !unseen {
                self.next[species] = if self.abundant[species] { Kind::Abundant } else { Kind::Count };
                any = true;
            }
        }
        any
    }

    /// Makes the lists that follow from the kinds.
    pub fn arrange(&mut self, network: &Network) {
        self.active.clear();
        self.places.fill(usize::MAX);
        for (species, kind) in self.kinds.iter().enumerate() {
            if kind.flows() || network.species[species].moves() {
                self.places[species] = self.active.len();
                self.active.push(species);
            }
        }
        let Self { active, places, flows: integrated, varying, steady, rules, structure, kinds, jumps, .. } = self;
        for list in [&mut *integrated, varying, steady] {
            list.clear();
        }
        let species_slots = 1..=places.len();
        let moves = |slot: usize| slot == TIME || species_slots.contains(&slot) && places[slot - 1] < active.len();
        for (index, reads) in network.reads.iter().enumerate() {
            jumps[index] = !flows(network, index, kinds);
            match (jumps[index], reads.iter().any(|&slot| moves(slot))) {
                (false, _) => integrated.push(index),
                (true, true) => varying.push(index),
                (true, false) => steady.push(index),
            }
        }
        rules.clear();
        let moving = structure.rules.iter().filter(|(_, roots)| roots.iter().any(|&slot| moves(slot)));
        rules.extend(moving.map(|(rule, _)| *rule));
    }
}

/// Whether all that a reaction changes is continuous.
fn flows(network: &Network, reaction: usize, kinds: &[Kind]) -> bool {
    network.reactions[reaction].changes.iter().all(|&(species, _)| kinds[species].flows())
}

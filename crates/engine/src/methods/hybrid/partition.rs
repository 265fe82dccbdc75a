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
/// Where nothing else is continuous, a species turns to a queue if its cells are replaced so many times while any other
/// changes by its own size …
const FAST: f64 = 20.0;
/// … and back once they are replaced less often than this.
const SLOW: f64 = 5.0;
/// Cells that are there turn to a Poisson number if so many times as many are on their way.
const MANY: f64 = 20.0;
/// Cells that come to a queue by jumps, which makes their number vary a little more than Poisson's law says, may be this
/// part of all …
const SEEN: f64 = 0.01;
/// … until they are more than this.
const TOO_SEEN: f64 = 0.03;
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
    pub structure: Structure,
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
    /// Whether no propensity and no rate of change reads each species.
    pub silent: Vec<bool>,
    /// Work space of a review.
    propensities: Vec<f64>,
    next: Vec<Kind>,
    abundant: Vec<bool>,
    turnover: Vec<f64>,
    arrivals: Vec<f64>,
    /// Whether most cells of what could be a queue are yet to come.
    empty: Vec<bool>,
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
            silent: silent(network),
            propensities: vec![0.0; reactions],
            next: vec![Kind::Count; species],
            abundant: vec![false; species],
            turnover: vec![0.0; species],
            arrivals: vec![0.0; species],
            empty: vec![false; species],
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

    /// The reaction of a jump: those that vary, then the others.
    pub fn jump(&self, place: usize) -> usize {
        match place.checked_sub(self.varying.len()) {
            Some(place) => self.steady[place],
            None => self.varying[place],
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
                let (arrivals, leaving) = (self.arrivals[species], self.turnover[species] * value);
                self.empty[species] = kind == Kind::Queue || value == 0.0 || arrivals >= MANY * leaving;
                if self.empty[species] || arrivals >= 0.5 * leaving {
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
        // The equations are solved anyway.
        let running = !self.structure.autonomous || self.next.contains(&Kind::Abundant);
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
            let is = self.kinds[species] == Kind::Queue;
            let fast = self.turnover[species] >= pace * if is { SLOW } else { FAST } && self.turnover[species] > 0.0;
            // Arrivals that are seen, by what else they change, are no secret.
            let seen = queue.gains.iter().filter(|&&index| !flows(network, index, &self.next));
            let seen: f64 = seen.map(|&index| self.propensities[index]).sum();
            let unseen = seen <= self.arrivals[species] * if is { TOO_SEEN } else { SEEN };
            if !(fast || running && self.empty[species]) || !unseen {
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

/// Species that no propensity and no rate of change reads.
fn silent(network: &Network) -> Vec<bool> {
    let rates = network.species.iter().filter_map(|species| species.rate.as_ref()).flat_map(|rate| rate.reads());
    let rates = network.follow(&rates.copied().collect::<Vec<_>>());
    let mut silent = vec![true; network.species.len()];
    for &slot in network.reads.iter().flatten().chain(&rates) {
        if let Some(silent) = slot.checked_sub(1).and_then(|species| silent.get_mut(species)) {
            *silent = false;
        }
    }
    silent
}

/// Whether all that a reaction changes is continuous.
fn flows(network: &Network, reaction: usize, kinds: &[Kind]) -> bool {
    network.reactions[reaction].changes.iter().all(|&(species, _)| kinds[species].flows())
}

//! All simulations of a fit, whatever generation they are from, weighted as draws from the prior ([`Mixture`]): those nearer
//! to the data than a threshold represent its approximate posterior, and none has to be thrown away because of when it was
//! drawn.

use rayon::prelude::*;

use super::{
    distance::{Distance, Simulation},
    kernel::Kernel,
    mixture::{Density, Mixture},
};
use crate::logarithms::normalised;

/// Simulations that are remembered: those nearest to the data, for each particle, and at least.
const PER_PARTICLE: usize = 10;
const FEWEST: usize = 10_000;

/// Simulations that are remembered beside the particles, at most: they fill memory.
const MOST_BESIDE: usize = 1_000_000;

/// A distance is learned near the data, and may be small elsewhere by chance. So what is farther than this many thresholds
/// of a generation counts as far for all that follow.
const REACH: f64 = 1.3;

/// The simulations of a fit, and what their parameters were drawn from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pool {
    /// In the order of generation and index, or of distance.
    entries: Vec<Entry>,
    mixture: Mixture,
    /// Distances of earlier generations, and how far a simulation may be by each.
    guards: Vec<(Distance, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    simulation: Simulation,
    /// Of which generation it is.
    generation: usize,
    density: Density,
    /// By the newest distance.
    distance: f64,
}

/// The particles of a generation.
pub(super) struct Accepted {
    pub simulations: Vec<Simulation>,
    pub distances: Vec<f64>,
    /// Sum to 1.
    pub weights: Vec<f64>,
    pub threshold: f64,
    /// How many are of the newest generation.
    pub newest: usize,
}

impl Pool {
    pub fn new() -> Self {
        Self { entries: Vec::new(), mixture: Mixture::default(), guards: Vec::new() }
    }

    /// Takes in what is near of a generation: what was simulated of a number of proposals drawn from the prior or from a kernel.
    pub fn add(&mut self, kernel: Option<Kernel>, proposals: u64, simulations: Vec<Simulation>) {
        self.mixture.add(kernel, proposals);
        let generation = self.mixture.newest();
        let entry = |simulation| Entry { simulation, generation, density: Density::default(), distance: 0.0 };
        let near = |simulation: &Simulation| {
            self.guards.iter().all(|(distance, most)| distance.of(&simulation.summaries) <= *most)
        };
        self.entries.extend(simulations.into_iter().filter(near).map(entry));
    }

    /// Whether a simulation may turn out to be near, by the summaries that are known, the others NaN. What is not will not be
    /// taken in.
    pub fn may_be_near(&self, summaries: &[f64]) -> bool {
        self.guards.iter().all(|(distance, most)| distance.at_least(summaries) <= *most)
    }

    /// Whether some summaries can tell without the others that a simulation is far.
    pub fn sees_parts(&self) -> bool {
        self.guards.iter().any(|(distance, _)| distance.is_of_summaries_alone())
    }

    pub fn simulations(&self) -> impl ExactSizeIterator<Item = &Simulation> {
        self.entries.iter().map(|entry| &entry.simulation)
    }

    /// The distance of the generation before.
    pub fn last_distance(&self) -> Option<&Distance> {
        self.guards.last().map(|(distance, _)| distance)
    }

    /// The nearest simulations: `count` of them, and those as near as `floor`; far ones are forgotten.
    pub fn accept(&mut self, distance: &Distance, count: usize, floor: f64) -> Accepted {
        self.entries.par_iter_mut().for_each(|entry| entry.distance = distance.of(&entry.simulation.summaries));
        // Stable: equal distances stay in the order they are in.
        self.entries.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        self.entries.truncate(FEWEST.max((PER_PARTICLE * count).min(count + MOST_BESIDE)));
        let within = |entries: &[Entry], most: f64| entries.partition_point(|entry| entry.distance <= most);
        let near = within(&self.entries, floor).max(count.min(self.entries.len()));
        let distances: Vec<f64> = self.entries[..near].iter().map(|entry| entry.distance).collect();
        let threshold = distances.last().map_or(f64::INFINITY, |&last| last.max(floor));
        let reach = REACH * threshold;
        self.entries.truncate(within(&self.entries, reach));
        self.entries.shrink_to_fit();
        self.guards.push((distance.clone(), reach));
        let weights = self.weigh(near);
        let simulations = self.entries[..near].iter().map(|entry| entry.simulation.clone()).collect();
        let newest = self.entries[..near].iter().filter(|entry| entry.generation == self.mixture.newest()).count();
        Accepted { simulations, distances, weights, threshold, newest }
    }

    /// Weights of the first entries.
    fn weigh(&mut self, count: usize) -> Vec<f64> {
        let Self { entries, mixture, .. } = self;
        let logarithm = |entry: &mut Entry| mixture.log_weight(&entry.simulation.scores, &mut entry.density);
        normalised(&entries[..count].par_iter_mut().map(logarithm).collect::<Vec<f64>>())
    }
}

//! All simulations of a fit, whatever generation they are from, weighted as draws from the prior.
//!
//! Proposals of all generations together are draws from the mixture of what each proposed from, n₀ from the prior and nᵢ
//! from the kernel of generation i. Weighted by prior over mixture, those nearer to the data than a threshold represent
//! its approximate posterior, and none has to be thrown away because of when it was drawn (the deterministic mixture of
//! Veach & Guibas 1995, SIGGRAPH:419; adaptive multiple importance sampling: Cornuet et al. 2012, Scand. J. Stat. 39:798;
//! Lenormand, Jabot & Deffuant 2013, Comput. Stat. 28:2777, keep particles between generations of ABC likewise). The
//! prior's part bounds the weights.

use rayon::prelude::*;

use super::{
    distance::{Distance, Simulation},
    kernel::Kernel,
};

/// Simulations that are remembered: those nearest to the data, for each particle, and at least.
const PER_PARTICLE: usize = 10;
const FEWEST: usize = 10_000;

/// A distance is learned near the data, and may be small elsewhere by chance. So what is farther than this many thresholds
/// of a generation counts as far for all that follow.
const REACH: f64 = 1.3;

/// The simulations of a fit, and what their parameters were drawn from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pool {
    /// In the order of generation and index, or of distance.
    entries: Vec<Entry>,
    /// Proposals drawn from the prior.
    from_prior: u64,
    /// Kernels, and proposals drawn from each.
    kernels: Vec<(Kernel, u64)>,
    /// Distances of earlier generations, and how far a simulation may be by each.
    guards: Vec<(Distance, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    simulation: Simulation,
    /// Of which generation it is.
    generation: usize,
    /// Logarithms of the density under each kernel, of as many as were asked for.
    densities: Vec<f64>,
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
        Self { entries: Vec::new(), from_prior: 0, kernels: Vec::new(), guards: Vec::new() }
    }

    /// Takes in what is near of a generation: what was simulated of a number of proposals drawn from the prior or from a kernel.
    pub fn add(&mut self, kernel: Option<Kernel>, proposals: u64, simulations: Vec<Simulation>) {
        match kernel {
            None => self.from_prior += proposals,
            Some(kernel) => self.kernels.push((kernel, proposals)),
        }
        let generation = self.kernels.len();
        let entry = |simulation| Entry { simulation, generation, densities: Vec::new() };
        let near = |simulation: &Simulation| {
            self.guards.iter().all(|(distance, most)| distance.of(&simulation.summaries) <= *most)
        };
        self.entries.extend(simulations.into_iter().filter(near).map(entry));
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
        let entries = std::mem::take(&mut self.entries);
        let mut ranked: Vec<(f64, Entry)> =
            entries.into_par_iter().map(|entry| (distance.of(&entry.simulation.summaries), entry)).collect();
        // Stable: equal distances stay in the order they are in.
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranked.truncate(FEWEST.max(PER_PARTICLE * count));
        let near = ranked.partition_point(|(distance, _)| *distance <= floor).max(count.min(ranked.len()));
        let distances: Vec<f64> = ranked[..near].iter().map(|(distance, _)| *distance).collect();
        let threshold = distances.last().map_or(f64::INFINITY, |&last| last.max(floor));
        let reach = REACH * threshold;
        ranked.truncate(ranked.partition_point(|(distance, _)| *distance <= reach));
        self.guards.push((distance.clone(), reach));
        self.entries = ranked.into_iter().map(|(_, entry)| entry).collect();
        let weights = self.weigh(near);
        let simulations = self.entries[..near].iter().map(|entry| entry.simulation.clone()).collect();
        let newest = self.entries[..near].iter().filter(|entry| entry.generation == self.kernels.len()).count();
        Accepted { simulations, distances, weights, threshold, newest }
    }

    /// Weights of the first entries.
    fn weigh(&mut self, count: usize) -> Vec<f64> {
        let Self { entries, from_prior, kernels, .. } = self;
        let logarithms: Vec<f64> = entries[..count]
            .par_iter_mut()
            .map(|Entry { simulation, densities, .. }| {
                for (kernel, _) in &kernels[densities.len()..] {
                    densities.push(kernel.log_density(&simulation.scores));
                }
                let prior = -0.5 * simulation.scores.iter().map(|u| u * u).sum::<f64>();
                let terms = kernels.iter().zip(&*densities).map(|((_, drawn), density)| (*drawn as f64).ln() + density);
                prior - log_sum(std::iter::once((*from_prior as f64).ln() + prior).chain(terms))
            })
            .collect();
        let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut weights: Vec<f64> = logarithms.iter().map(|value| (value - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }
}

/// ln Σ exp, without overflow.
pub(super) fn log_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        largest
    } else {
        largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
    }
}

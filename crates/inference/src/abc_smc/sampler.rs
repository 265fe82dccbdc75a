//! The loop over generations.

use super::{
    Check, Error, Fit, Generation, Settings, Stop, adjust,
    batches::{Batches, Counts, Near},
    distance::{Distance, Simulation},
    kernel::Kernel,
    pool::{Accepted, Pool},
};
use crate::{Observer, Posterior, Simulator, parameter::from_scores, posterior::systematic};

/// Share of proposals around adjusted particles.
const ADJUSTED: f64 = 0.5;

/// Particles that a kernel is made of, at most, of those adjusted and of those as they are.
const CENTRES: usize = 300;

/// Particles of earlier generations that are remembered, at most.
const REMEMBERED: usize = 10_000;

/// Where a threshold is more than this share of the one before, generations become half as large again.
const STALLED: f64 = 0.9;

pub(super) struct Sampler<'a, S, O> {
    settings: &'a Settings,
    batches: Batches<'a, S, O>,
    pool: Pool,
}

/// What a complete generation hands to the next.
struct State {
    /// Normal scores of the particles.
    scores: Vec<Vec<f64>>,
    /// The same after regression adjustment, if there is any.
    adjusted: Option<Vec<Vec<f64>>>,
    last: Generation,
    particles: Vec<Simulation>,
    distance: Distance,
}

/// Normal scores of draws from the posterior as it was, their weights, and how many simulations it took.
type Earlier = ((Vec<Vec<f64>>, Vec<f64>), u64);

impl State {
    fn earlier(&self) -> Earlier {
        let scores = self.adjusted.as_ref().unwrap_or(&self.scores);
        let weights = &self.last.posterior.weights;
        let draws = if scores.len() > REMEMBERED {
            let chosen = systematic(weights, REMEMBERED, 0.5);
            let equal = vec![1.0 / REMEMBERED as f64; REMEMBERED];
            (chosen.into_iter().map(|particle| scores[particle].clone()).collect(), equal)
        } else {
            (scores.clone(), weights.clone())
        };
        (draws, self.last.total_simulations)
    }
}

impl<'a, S: Simulator, O: Observer> Sampler<'a, S, O> {
    pub fn new(simulator: &'a S, settings: &'a Settings, observer: &'a mut O) -> Self {
        Self { settings, batches: Batches::new(simulator, settings, observer), pool: Pool::new() }
    }

    pub fn run(mut self) -> Result<Fit, Error> {
        let settings = self.settings;
        let Some(mut state) = self.generation(0, settings.first_simulations(), None)? else {
            return Err(Error::Cancelled);
        };
        let mut size = settings.later_simulations() as f64;
        let mut reached = false;
        let mut earlier: Vec<Earlier> = Vec::new();
        let stop = loop {
            let last = &state.last;
            let near = last.threshold <= settings.min_threshold;
            if near && reached {
                break Stop::Threshold;
            }
            reached = near;
            if last.index + 1 >= settings.max_generations {
                break Stop::Generations;
            }
            if last.acceptance < settings.min_acceptance {
                break Stop::Acceptance;
            }
            let count = match self.batches.next(size) {
                Ok(count) => count,
                Err(stop) => break stop,
            };
            let before = last.threshold;
            let kernel = self.kernel(&state);
            let Some(next) = self.generation(last.index + 1, count, Some(kernel))? else {
                break self.batches.interruption();
            };
            earlier.push(std::mem::replace(&mut state, next).earlier());
            if state.last.threshold > STALLED * before {
                size *= 1.5;
            }
        };
        let halfway = earlier.iter().rev().find(|(_, simulations)| 2 * simulations <= self.batches.counts.simulations);
        let check = Check::new(
            &state.particles,
            &state.last.posterior.weights,
            &state.distance,
            (settings.adjustment, state.adjusted.as_deref()),
            halfway.map(|(draws, _)| draws),
        );
        let mut posterior = state.last.posterior.clone();
        if let Some(adjusted) = &state.adjusted {
            let parameters = self.batches.simulator.parameters();
            posterior.draws = adjusted.iter().map(|scores| from_scores(parameters, scores)).collect();
        }
        let Counts { simulations, failures, first_failure } = self.batches.counts;
        Ok(Fit { last: state.last, posterior, check, stop, simulations, failures, first_failure })
    }

    /// Simulates a generation, from the prior or from a kernel, and takes the particles from all simulations so far.
    /// `None` if it was interrupted.
    fn generation(&mut self, index: usize, count: u64, kernel: Option<Kernel>) -> Result<Option<State>, Error> {
        // Far simulations are of no use, and need not be finished where that is seen before.
        let near = |summaries: &[f64]| self.pool.may_be_near(summaries);
        let near: Option<Near<'_>> = if self.pool.sees_parts() { Some(&near) } else { None };
        let Some((simulations, counts)) = self.batches.generation(index, count, kernel.as_ref(), near)? else {
            return Ok(None);
        };
        self.pool.add(kernel, count, simulations);
        let learned = Distance::fit(self.settings.distance, self.batches.simulator.observed(), &self.pool);
        let distance = match (learned, self.pool.last_distance()) {
            // All that is near is the same, as when counts match exactly: nothing is left to learn.
            (Err(Error::NoInformation), Some(before)) => before.clone(),
            (learned, _) => learned?,
        };
        let accepted = self.pool.accept(&distance, self.settings.particles(), self.settings.min_threshold);
        let acceptance = accepted.newest as f64 / count as f64;
        self.complete(index, accepted, acceptance, &distance, &counts).map(Some)
    }

    /// Adjusts a generation's particles, and tells the observer.
    fn complete(
        &mut self,
        index: usize,
        accepted: Accepted,
        acceptance: f64,
        distance: &Distance,
        counts: &Counts,
    ) -> Result<State, Error> {
        let Accepted { simulations, distances, weights, threshold, .. } = accepted;
        let adjusted = adjust::adjusted(self.settings.adjustment, &simulations, distance, &weights);
        let parameters = self.batches.simulator.parameters();
        let scores: Vec<Vec<f64>> = simulations.iter().map(|simulation| simulation.scores.clone()).collect();
        let posterior = Posterior {
            names: parameters.iter().map(|parameter| parameter.name.clone()).collect(),
            draws: scores.iter().map(|scores| from_scores(parameters, scores)).collect(),
            weights,
            distances,
        };
        let last = Generation {
            index,
            threshold,
            acceptance,
            simulations: counts.simulations,
            failures: counts.failures,
            total_simulations: self.batches.counts.simulations,
            effective_sample_size: posterior.effective_sample_size(),
            posterior,
        };
        self.batches.observer.generation(&last).map_err(Error::Observer)?;
        Ok(State { scores, adjusted, last, particles: simulations, distance: distance.clone() })
    }

    /// Around the adjusted particles, and, in case the regression misleads, around the particles as they are.
    fn kernel(&self, state: &State) -> Kernel {
        let key = self.batches.kernel_key(state.last.index);
        let chosen = state.last.posterior.resample(CENTRES, key);
        let take = |scores: &[Vec<f64>]| chosen.iter().map(|&index| scores[index].clone()).collect();
        let raw = take(&state.scores);
        let sets = match &state.adjusted {
            None => vec![(1.0, raw)],
            Some(adjusted) => vec![(ADJUSTED, take(adjusted)), (1.0 - ADJUSTED, raw)],
        };
        Kernel::new(self.settings.kernel, sets)
    }
}

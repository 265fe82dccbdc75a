//! The loop over generations and batches.

use std::time::{Duration, Instant};

use metacascade_random::{Key, Stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::{
    Check, Error, Fit, Generation, Settings, Stop, adjust,
    distance::{Distance, Simulation},
    kernel::Kernel,
    pool::{Accepted, Pool},
};
use crate::{Observer, Posterior, Progress, Proposal, Simulator, parameter::from_scores};

/// Simulations in a batch: few enough to hear of a cancellation soon, enough to keep all threads busy.
const BATCH: u64 = 256;

/// Share of proposals around adjusted particles.
const ADJUSTED: f64 = 0.5;

/// Particles that a kernel is made of, at most, of those adjusted and of those as they are.
const CENTRES: usize = 300;

/// Where a threshold is more than this share of the one before, generations become half as large again.
const STALLED: f64 = 0.9;

/// Children of a proposal's key, and of a generation's beside those of its proposals.
const PROPOSE: u64 = 0;
const SIMULATE: u64 = 1;
const KERNEL: u64 = u64::MAX;

pub(super) struct Sampler<'a, S, O> {
    simulator: &'a S,
    settings: &'a Settings,
    observer: &'a mut O,
    key: Key,
    started: Instant,
    pool: Pool,
    counts: Counts,
}

/// What has been simulated.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counts {
    simulations: u64,
    failures: u64,
    first_failure: Option<String>,
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
        let scores = self.adjusted.as_ref().unwrap_or(&self.scores).clone();
        ((scores, self.last.posterior.weights.clone()), self.last.total_simulations)
    }
}

impl<'a, S: Simulator, O: Observer> Sampler<'a, S, O> {
    pub fn new(simulator: &'a S, settings: &'a Settings, observer: &'a mut O) -> Self {
        let key = Key::new(settings.seed);
        let (pool, counts) = (Pool::new(), Counts::default());
        Self { simulator, settings, observer, key, started: Instant::now(), pool, counts }
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
            let left = settings.max_simulations - self.counts.simulations;
            if left == 0 {
                break Stop::Simulations;
            }
            if self.time_is_up() {
                break Stop::Time;
            }
            // No remainder too small to be worth a generation.
            let count = if (left as f64) < 1.5 * size { left } else { size as u64 };
            let before = last.threshold;
            let kernel = self.kernel(&state);
            let Some(next) = self.generation(last.index + 1, count, Some(kernel))? else {
                break if self.observer.cancelled() { Stop::Cancelled } else { Stop::Time };
            };
            earlier.push(std::mem::replace(&mut state, next).earlier());
            if state.last.threshold > STALLED * before {
                size *= 1.5;
            }
        };
        let halfway = earlier.iter().rev().find(|(_, simulations)| 2 * simulations <= self.counts.simulations);
        let check = Check::new(
            &state.particles,
            &state.last.posterior.weights,
            &state.distance,
            (settings.adjustment, state.adjusted.as_deref()),
            halfway.map(|(draws, _)| draws),
        );
        let mut posterior = state.last.posterior.clone();
        if let Some(adjusted) = &state.adjusted {
            let parameters = self.simulator.parameters();
            posterior.draws = adjusted.iter().map(|scores| from_scores(parameters, scores)).collect();
        }
        let Counts { simulations, failures, first_failure } = self.counts;
        Ok(Fit { last: state.last, posterior, check, stop, simulations, failures, first_failure })
    }

    fn time_is_up(&self) -> bool {
        let seconds = self.settings.max_seconds.unwrap_or(f64::INFINITY);
        Duration::try_from_secs_f64(seconds).is_ok_and(|most| self.started.elapsed() > most)
    }

    /// Simulates a generation, from the prior or from a kernel, and takes the particles from all simulations so far.
    /// `None` if it was interrupted.
    fn generation(&mut self, index: usize, count: u64, kernel: Option<Kernel>) -> Result<Option<State>, Error> {
        let mut counts = Counts::default();
        let mut simulations = Vec::new();
        while counts.simulations < count {
            if self.observer.cancelled() || (index > 0 && self.time_is_up()) {
                return Ok(None);
            }
            let batch = BATCH.min(count - counts.simulations);
            let propose = |stream: &mut Stream| match &kernel {
                None => self.simulator.parameters().iter().map(|_| StandardNormal.sample(stream)).collect(),
                Some(kernel) => kernel.propose(stream),
            };
            for simulated in self.batch(index, counts.simulations, batch, propose) {
                counts.simulations += 1;
                match simulated {
                    Ok(simulation) => simulations.push(simulation),
                    Err(reason) => {
                        counts.failures += 1;
                        counts.first_failure.get_or_insert(reason);
                    }
                }
            }
            self.observer.progress(&Progress::Generation {
                index,
                simulations: counts.simulations,
                target: count,
                total_simulations: self.counts.simulations + counts.simulations,
            });
        }
        let keep = self.settings.particles();
        if index == 0 && simulations.len() < keep {
            let first = counts.first_failure.unwrap_or_default();
            return Err(Error::Failures { failures: counts.failures, simulations: counts.simulations, first });
        }
        self.pool.add(kernel, count, simulations);
        let learned = Distance::fit(self.settings.distance, self.simulator.observed(), &self.pool);
        let distance = match (learned, self.pool.last_distance()) {
            // All that is near is the same, as when counts match exactly: nothing is left to learn.
            (Err(Error::NoInformation), Some(before)) => before.clone(),
            (learned, _) => learned?,
        };
        let accepted = self.pool.accept(&distance, keep, self.settings.min_threshold);
        let acceptance = accepted.newest as f64 / count as f64;
        self.counts.simulations += counts.simulations;
        self.counts.failures += counts.failures;
        self.counts.first_failure = self.counts.first_failure.take().or(counts.first_failure.clone());
        self.complete(index, accepted, acceptance, &distance, &counts).map(Some)
    }

    /// Simulates the proposals of a generation from index `start` on.
    fn batch(
        &self,
        generation: usize,
        start: u64,
        count: u64,
        propose: impl Fn(&mut Stream) -> Vec<f64> + Sync,
    ) -> impl Iterator<Item = Result<Simulation, String>> {
        let key = self.key.child(generation as u64);
        let (scores, proposals): (Vec<Vec<f64>>, Vec<Proposal>) = (start..start + count)
            .into_par_iter()
            .map(|index| {
                let key = key.child(index);
                let scores = propose(&mut key.child(PROPOSE).stream());
                let parameters = from_scores(self.simulator.parameters(), &scores);
                (scores, Proposal { parameters, key: key.child(SIMULATE) })
            })
            .unzip();
        let results = self.simulator.simulate(&proposals);
        scores.into_iter().zip(results).map(|(scores, result)| {
            let summaries = result.map_err(|failure| failure.0)?;
            if summaries.iter().any(|summary| !summary.is_finite()) {
                return Err("a summary is not finite".to_owned());
            }
            Ok(Simulation { scores, summaries })
        })
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
        let parameters = self.simulator.parameters();
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
            total_simulations: self.counts.simulations,
            effective_sample_size: posterior.effective_sample_size(),
            posterior,
        };
        self.observer.generation(&last).map_err(Error::Observer)?;
        Ok(State { scores, adjusted, last, particles: simulations, distance: distance.clone() })
    }

    /// Around the adjusted particles, and, in case the regression misleads, around the particles as they are.
    fn kernel(&self, state: &State) -> Kernel {
        let key = self.key.child(state.last.index as u64).child(KERNEL);
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

//! The loop over generations and batches.

use metacascade_random::{Key, Stream};
use rayon::prelude::*;

use super::{
    Adjustment, Error, Fit, Generation, Settings, Stop, adjust,
    distance::{Distance, Simulation},
    kernel::Kernel,
};
use crate::{Observer, Posterior, Progress, Proposal, Quantiles, Simulator, parameter::from_scores};

/// Simulations a distance is learned from at most: those of lowest index.
const TRAINING: usize = 10_000;

/// Smallest and largest batch: small enough to hear of a cancellation soon, large enough to keep all threads busy.
const BATCH: std::ops::RangeInclusive<u64> = 64..=1024;

/// Children of a proposal's key.
const PROPOSE: u64 = 0;
const SIMULATE: u64 = 1;

pub(super) struct Sampler<'a, S, O> {
    simulator: &'a S,
    settings: &'a Settings,
    observer: &'a mut O,
    key: Key,
    simulations: u64,
    failures: u64,
    first_failure: Option<String>,
}

/// A simulated proposal.
struct Particle {
    simulation: Simulation,
    parameters: Vec<f64>,
}

/// An unfinished generation: what its simulations gave, in the order of their index.
struct Attempt {
    accepted: Vec<(Particle, f64)>,
    training: Vec<Simulation>,
    simulations: u64,
    failures: u64,
    first_failure: Option<String>,
}

/// How a generation ended.
enum End {
    Complete(Attempt),
    Exhausted,
    Cancelled,
}

impl<'a, S: Simulator, O: Observer> Sampler<'a, S, O> {
    pub fn new(simulator: &'a S, settings: &'a Settings, observer: &'a mut O) -> Self {
        let key = Key::new(settings.seed);
        Self { simulator, settings, observer, key, simulations: 0, failures: 0, first_failure: None }
    }

    pub fn run(mut self) -> Result<Fit, Error> {
        let (mut particles, mut weights, mut distance, mut last) = self.first()?;
        let stop = loop {
            let settings = self.settings;
            if last.threshold <= settings.min_threshold {
                break Stop::Threshold;
            }
            if last.index + 1 >= settings.max_generations {
                break Stop::Generations;
            }
            if last.acceptance < settings.min_acceptance {
                break Stop::Acceptance;
            }
            if self.observer.cancelled() {
                break Stop::Cancelled;
            }
            let distances: Vec<f64> =
                particles.iter().map(|particle| distance.of(&particle.simulation.summaries)).collect();
            let Some(threshold) = next_threshold(&distances, &weights, settings) else { break Stop::Resolution };
            let kernel = Kernel::new(
                particles.iter().map(|particle| particle.simulation.scores.clone()).collect(),
                weights.clone(),
            );
            let attempt = match self.attempt(last.index + 1, threshold, &distance, &kernel) {
                End::Complete(attempt) => attempt,
                End::Exhausted => break Stop::Simulations,
                End::Cancelled => break Stop::Cancelled,
            };
            let next = Distance::fit(settings.distance, self.simulator.observed(), &attempt.training)?;
            let scores: Vec<Vec<f64>> =
                attempt.accepted.iter().map(|(particle, _)| particle.simulation.scores.clone()).collect();
            weights = kernel.weigh(&scores);
            (last, particles) = self.complete(last.index + 1, threshold, attempt, &weights)?;
            distance = next;
        };
        let posterior = self.adjusted(&particles, &distance, &last.posterior);
        let Self { simulations, failures, first_failure, .. } = self;
        Ok(Fit { last, posterior, stop, simulations, failures, first_failure })
    }

    fn adjusted(&self, particles: &[Particle], distance: &Distance, last: &Posterior) -> Posterior {
        let draws = match self.settings.adjustment {
            Adjustment::None => return last.clone(),
            Adjustment::Linear => {
                let scores: Vec<&[f64]> = particles.iter().map(|particle| &particle.simulation.scores[..]).collect();
                let differences: Vec<Vec<f64>> =
                    particles.iter().map(|particle| distance.difference(&particle.simulation.summaries)).collect();
                adjust::linear(&scores, &differences, &last.weights)
            }
        };
        let draws = draws.iter().map(|scores| from_scores(self.simulator.parameters(), scores)).collect();
        Posterior { draws, ..last.clone() }
    }

    /// Generation 0: draws from the prior, of which the nearest are kept.
    fn first(&mut self) -> Result<(Vec<Particle>, Vec<f64>, Distance, Generation), Error> {
        let total = self.settings.first_simulations();
        let population = self.settings.population;
        let mut attempt = Attempt::new();
        let mut all = Vec::new();
        while attempt.simulations < total {
            if self.observer.cancelled() {
                return Err(Error::Cancelled);
            }
            let count = (*BATCH.end()).min(total - attempt.simulations);
            let prior = |stream: &mut Stream| {
                use rand_distr::{Distribution, StandardNormal};
                self.simulator.parameters().iter().map(|_| StandardNormal.sample(stream)).collect()
            };
            for simulated in self.batch(0, attempt.simulations, count, prior) {
                all.extend(attempt.count(simulated));
            }
            self.observer.progress(&Progress::Generation {
                index: 0,
                threshold: f64::INFINITY,
                accepted: attempt.simulations as usize,
                target: total as usize,
                simulations: attempt.simulations,
                total_simulations: attempt.simulations,
            });
        }
        if all.len() < population {
            let first = attempt.first_failure.unwrap_or_default();
            return Err(Error::Failures { failures: attempt.failures, simulations: attempt.simulations, first });
        }
        let distance = Distance::fit(self.settings.distance, self.simulator.observed(), &attempt.training)?;
        let mut ranked: Vec<(Particle, f64)> = all
            .into_iter()
            .map(|particle| {
                let distance = distance.of(&particle.simulation.summaries);
                (particle, distance)
            })
            .collect();
        // Stable: equal distances stay in the order of their index.
        ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
        ranked.truncate(population);
        let threshold = ranked.last().map_or(f64::INFINITY, |particle| particle.1);
        attempt.accepted = ranked;
        let weights = vec![1.0 / population as f64; population];
        let (generation, particles) = self.complete(0, threshold, attempt, &weights)?;
        Ok((particles, weights, distance, generation))
    }

    /// A later generation: perturbs, simulates and accepts until the population is complete.
    fn attempt(&mut self, index: usize, threshold: f64, distance: &Distance, kernel: &Kernel) -> End {
        let target = self.settings.population;
        let budget = self.settings.max_simulations - self.simulations;
        let mut attempt = Attempt::new();
        let mut started = 0;
        loop {
            if self.observer.cancelled() {
                return End::Cancelled;
            }
            if started == budget {
                return End::Exhausted;
            }
            let accepted = attempt.accepted.len() as u64;
            let missing = target as u64 - accepted;
            // As many as the acceptance so far asks for.
            let wanted = (missing * started).checked_div(accepted).unwrap_or(*BATCH.end()) + *BATCH.start();
            let count = wanted.min(*BATCH.end()).min(budget - started);
            let batch = self.batch(index, started, count, |stream| kernel.propose(stream));
            started += count;
            for simulated in batch {
                if let Some(particle) = attempt.count(simulated) {
                    let found = distance.of(&particle.simulation.summaries);
                    if found <= threshold {
                        attempt.accepted.push((particle, found));
                        if attempt.accepted.len() == target {
                            // The rest of the batch is forgotten: where batches end must not matter.
                            return End::Complete(attempt);
                        }
                    }
                }
            }
            self.observer.progress(&Progress::Generation {
                index,
                threshold,
                accepted: attempt.accepted.len(),
                target,
                simulations: attempt.simulations,
                total_simulations: self.simulations + attempt.simulations,
            });
        }
    }

    /// Simulates the proposals of a generation from index `start` on.
    fn batch(
        &self,
        generation: usize,
        start: u64,
        count: u64,
        propose: impl Fn(&mut Stream) -> Vec<f64> + Sync,
    ) -> impl Iterator<Item = Result<Particle, String>> {
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
        scores.into_iter().zip(proposals).zip(results).map(|((scores, proposal), result)| {
            let summaries = result.map_err(|failure| failure.0)?;
            if summaries.iter().any(|summary| !summary.is_finite()) {
                return Err("a summary is not finite".to_owned());
            }
            Ok(Particle { simulation: Simulation { scores, summaries }, parameters: proposal.parameters })
        })
    }

    /// Books a generation, tells the observer, and hands the particles on.
    fn complete(
        &mut self,
        index: usize,
        threshold: f64,
        attempt: Attempt,
        weights: &[f64],
    ) -> Result<(Generation, Vec<Particle>), Error> {
        self.simulations += attempt.simulations;
        self.failures += attempt.failures;
        self.first_failure = self.first_failure.take().or(attempt.first_failure);
        let (particles, distances): (Vec<Particle>, Vec<f64>) = attempt.accepted.into_iter().unzip();
        let posterior = Posterior {
            names: self.simulator.parameters().iter().map(|parameter| parameter.name.clone()).collect(),
            draws: particles.iter().map(|particle| particle.parameters.clone()).collect(),
            weights: weights.to_vec(),
            distances,
        };
        let generation = Generation {
            index,
            threshold,
            acceptance: particles.len() as f64 / attempt.simulations as f64,
            simulations: attempt.simulations,
            failures: attempt.failures,
            total_simulations: self.simulations,
            effective_sample_size: posterior.effective_sample_size(),
            posterior,
        };
        self.observer.generation(&generation).map_err(Error::Observer)?;
        Ok((generation, particles))
    }
}

/// A quantile of the distances, or the next smaller distance where that would accept all particles again (distances of
/// counts come in steps); `None` if all are equal.
fn next_threshold(distances: &[f64], weights: &[f64], settings: &Settings) -> Option<f64> {
    let largest = distances.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let quantile = Quantiles::new(distances, weights).at(settings.threshold_quantile);
    let smaller = distances.iter().copied().filter(|&distance| distance < largest).reduce(f64::max)?;
    Some(quantile.min(smaller).max(settings.min_threshold))
}

impl Attempt {
    const fn new() -> Self {
        Self { accepted: Vec::new(), training: Vec::new(), simulations: 0, failures: 0, first_failure: None }
    }

    /// Books a simulation; gives it back if it did not fail.
    fn count(&mut self, simulated: Result<Particle, String>) -> Option<Particle> {
        self.simulations += 1;
        match simulated {
            Ok(particle) => {
                if self.training.len() < TRAINING {
                    self.training.push(particle.simulation.clone());
                }
                Some(particle)
            }
            Err(reason) => {
                self.failures += 1;
                self.first_failure.get_or_insert(reason);
                None
            }
        }
    }
}

//! The loop over generations and batches.

use metacascade_random::{Key, Stream};
use rand_distr::{Distribution, StandardNormal};
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
const BATCH: std::ops::RangeInclusive<u64> = 64..=256;

/// Share of proposals around adjusted particles.
const ADJUSTED: f64 = 0.5;

/// Where a threshold is more than this share of the one before, the next generation keeps half the share of its
/// simulations.
const STALLED: f64 = 0.9;

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
    /// Infinite until it is known.
    threshold: f64,
    accepted: Vec<(Particle, f64)>,
    training: Vec<Simulation>,
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
    /// Learned from its simulations.
    distance: Distance,
    last: Generation,
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
        let settings = self.settings;
        let mut state = self.first()?;
        let mut share = settings.threshold_quantile;
        let stop = loop {
            let last = &state.last;
            if last.threshold <= settings.min_threshold {
                break Stop::Threshold;
            }
            if last.index + 1 >= settings.max_generations {
                break Stop::Generations;
            }
            if last.acceptance < settings.min_acceptance {
                break Stop::Acceptance;
            }
            let kernel = state.kernel();
            let attempt = match self.attempt(last.index + 1, share, &state.distance, &kernel)? {
                End::Complete(attempt) => attempt,
                End::Exhausted => break Stop::Simulations,
                End::Cancelled => break Stop::Cancelled,
            };
            let scores: Vec<Vec<f64>> =
                attempt.accepted.iter().map(|(particle, _)| particle.simulation.scores.clone()).collect();
            let distance = self.learn(&attempt)?;
            let next = self.complete(last.index + 1, attempt, kernel.weigh(&scores), distance)?;
            if next.last.threshold > STALLED * last.threshold {
                share *= 0.5;
            }
            state = next;
        };
        let mut posterior = state.last.posterior.clone();
        if let Some(adjusted) = &state.adjusted {
            let parameters = self.simulator.parameters();
            posterior.draws = adjusted.iter().map(|scores| from_scores(parameters, scores)).collect();
        }
        let Self { simulations, failures, first_failure, .. } = self;
        Ok(Fit { last: state.last, posterior, stop, simulations, failures, first_failure })
    }

    /// Generation 0: draws from the prior, of which the nearest are kept.
    fn first(&mut self) -> Result<State, Error> {
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
            return Err(attempt.too_many_failures());
        }
        let distance = self.learn(&attempt)?;
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
        attempt.threshold = ranked.last().map_or(f64::INFINITY, |particle| particle.1);
        attempt.accepted = ranked;
        self.complete(0, attempt, vec![1.0 / population as f64; population], distance)
    }

    /// A later generation: perturbs, simulates and accepts until the population is complete. The first simulations, as
    /// many as there are particles, set the threshold: the distance that a given share of them keeps.
    fn attempt(&mut self, index: usize, share: f64, distance: &Distance, kernel: &Kernel) -> Result<End, Error> {
        let target = self.settings.population;
        let budget = self.settings.max_simulations - self.simulations;
        let mut attempt = Attempt::new();
        let mut pilot: Option<Vec<(Particle, f64)>> = Some(Vec::new());
        let mut started = 0;
        loop {
            if self.observer.cancelled() {
                return Ok(End::Cancelled);
            }
            if started == budget {
                return Ok(End::Exhausted);
            }
            let accepted = attempt.accepted.len() as u64;
            // As many as the acceptance so far asks for.
            let missing = (target as u64 - accepted) * started;
            let wanted = missing.checked_div(accepted).unwrap_or(*BATCH.end()) + *BATCH.start();
            let count = wanted.min(*BATCH.end()).min(budget - started);
            let batch = self.batch(index, started, count, |stream| kernel.propose(stream));
            started += count;
            for simulated in batch {
                let found = attempt.count(simulated).map(|particle| {
                    let distance = distance.of(&particle.simulation.summaries);
                    (particle, distance)
                });
                match &mut pilot {
                    Some(first) => {
                        first.extend(found);
                        if attempt.simulations == target as u64 {
                            let first = pilot.take().unwrap_or_default();
                            if first.is_empty() {
                                return Err(attempt.too_many_failures());
                            }
                            attempt.threshold = threshold(&first, share).max(self.settings.min_threshold);
                            attempt.accepted = first.into_iter().filter(|found| found.1 <= attempt.threshold).collect();
                        }
                    }
                    None => attempt.accepted.extend(found.filter(|found| found.1 <= attempt.threshold)),
                }
                if attempt.accepted.len() == target {
                    // The rest of the batch is forgotten: where batches end must not matter.
                    return Ok(End::Complete(attempt));
                }
            }
            self.observer.progress(&Progress::Generation {
                index,
                threshold: attempt.threshold,
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

    /// The distance that a generation's simulations teach.
    fn learn(&self, attempt: &Attempt) -> Result<Distance, Error> {
        Distance::fit(self.settings.distance, self.simulator.observed(), &attempt.training)
    }

    /// Books a generation, adjusts its particles, and tells the observer.
    fn complete(
        &mut self,
        index: usize,
        attempt: Attempt,
        weights: Vec<f64>,
        distance: Distance,
    ) -> Result<State, Error> {
        self.simulations += attempt.simulations;
        self.failures += attempt.failures;
        self.first_failure = self.first_failure.take().or(attempt.first_failure);
        let (particles, distances): (Vec<Particle>, Vec<f64>) = attempt.accepted.into_iter().unzip();
        let (simulations, draws): (Vec<Simulation>, Vec<Vec<f64>>) =
            particles.into_iter().map(|particle| (particle.simulation, particle.parameters)).unzip();
        let adjusted = match self.settings.adjustment {
            Adjustment::None => None,
            Adjustment::Linear => Some(adjust::linear(&simulations, &distance, &weights)),
        };
        let scores: Vec<Vec<f64>> = simulations.into_iter().map(|simulation| simulation.scores).collect();
        let names = self.simulator.parameters().iter().map(|parameter| parameter.name.clone()).collect();
        let posterior = Posterior { names, draws, weights, distances };
        let last = Generation {
            index,
            threshold: attempt.threshold,
            acceptance: scores.len() as f64 / attempt.simulations as f64,
            simulations: attempt.simulations,
            failures: attempt.failures,
            total_simulations: self.simulations,
            effective_sample_size: posterior.effective_sample_size(),
            posterior,
        };
        self.observer.generation(&last).map_err(Error::Observer)?;
        Ok(State { scores, adjusted, distance, last })
    }
}

impl State {
    /// Around the adjusted particles, and, in case the regression misleads, around the particles as they are.
    fn kernel(&self) -> Kernel {
        let raw = self.scores.clone();
        let sets = match &self.adjusted {
            None => vec![(1.0, raw)],
            Some(adjusted) => vec![(ADJUSTED, adjusted.clone()), (1.0 - ADJUSTED, raw)],
        };
        Kernel::new(sets, &self.last.posterior.weights)
    }
}

/// The distance below which a share of simulations lies.
fn threshold(simulated: &[(Particle, f64)], share: f64) -> f64 {
    let distances: Vec<f64> = simulated.iter().map(|found| found.1).collect();
    Quantiles::unweighted(&distances).at(share)
}

impl Attempt {
    fn new() -> Self {
        let (accepted, training) = (Vec::new(), Vec::new());
        Self { threshold: f64::INFINITY, accepted, training, simulations: 0, failures: 0, first_failure: None }
    }

    fn too_many_failures(self) -> Error {
        let first = self.first_failure.unwrap_or_default();
        Error::Failures { failures: self.failures, simulations: self.simulations, first }
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

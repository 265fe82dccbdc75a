//! From proposals to simulations, batch by batch.

use std::time::{Duration, Instant};

use metacascade_random::{Key, Stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::{Error, Settings, Stop, distance::Simulation, kernel::Kernel};
use crate::{Observer, Progress, Proposal, Simulator, parameter::from_scores};

/// Simulations in a batch: few enough to hear of a cancellation soon, enough to keep all threads busy.
const BATCH: u64 = 256;

/// Children of a proposal's key, and of a generation's beside those of its proposals.
const PROPOSE: u64 = 0;
const SIMULATE: u64 = 1;
const KERNEL: u64 = u64::MAX;

/// Whether a simulation may still be near, by the summaries known so far.
pub(super) type Near<'n> = &'n (dyn Fn(&[f64]) -> bool + Sync);

/// What has been simulated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub simulations: u64,
    pub failures: u64,
    pub first_failure: Option<String>,
}

/// Simulates generations for a sampler, tells its observer, and counts.
pub(super) struct Batches<'a, S, O> {
    pub simulator: &'a S,
    pub observer: &'a mut O,
    settings: &'a Settings,
    key: Key,
    started: Instant,
    /// Of all complete generations.
    pub counts: Counts,
}

impl<'a, S: Simulator, O: Observer> Batches<'a, S, O> {
    pub fn new(simulator: &'a S, settings: &'a Settings, observer: &'a mut O) -> Self {
        Self {
            simulator,
            observer,
            settings,
            key: Key::new(settings.seed),
            started: Instant::now(),
            counts: Counts::default(),
        }
    }

    fn time_is_up(&self) -> bool {
        let most = self.settings.max_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        most.is_some_and(|most| self.started.elapsed() > most)
    }

    /// The simulations of a further generation of about this size, or why there is none.
    pub fn next(&self, size: f64) -> Result<u64, Stop> {
        match self.settings.max_simulations - self.counts.simulations {
            0 => Err(Stop::Simulations),
            _ if self.time_is_up() => Err(Stop::Time),
            // No remainder too small to be worth a generation.
            left if (left as f64) < 1.5 * size => Ok(left),
            _ => Ok(size as u64),
        }
    }

    /// Why a generation was not finished.
    pub fn interruption(&self) -> Stop {
        if self.observer.cancelled() { Stop::Cancelled } else { Stop::Time }
    }

    /// The key of what chooses a generation's kernel.
    pub fn kernel_key(&self, generation: usize) -> Key {
        self.key.child(generation as u64).child(KERNEL)
    }

    /// Simulates a generation, from the prior or from a kernel; what could be simulated, and what was counted. Simulations
    /// may be abandoned where `near` is false. `None` if it was interrupted. Fails where the first generation does not give all particles.
    pub fn generation(
        &mut self,
        index: usize,
        count: u64,
        kernel: Option<&Kernel>,
        near: Option<Near<'_>>,
    ) -> Result<Option<(Vec<Simulation>, Counts)>, Error> {
        let mut counts = Counts::default();
        let mut simulations = Vec::new();
        while counts.simulations < count {
            if self.observer.cancelled() || (index > 0 && self.time_is_up()) {
                return Ok(None);
            }
            let batch = BATCH.min(count - counts.simulations);
            let propose = |stream: &mut Stream| match kernel {
                None => self.simulator.parameters().iter().map(|_| StandardNormal.sample(stream)).collect(),
                Some(kernel) => kernel.propose(stream),
            };
            for simulated in self.batch(index, counts.simulations, batch, propose, near) {
                counts.simulations += 1;
                match simulated {
                    Ok(simulation) => simulations.extend(simulation),
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
        if index == 0 && simulations.len() < self.settings.particles() {
            let first = counts.first_failure.unwrap_or_default();
            return Err(Error::Failures { failures: counts.failures, simulations: counts.simulations, first });
        }
        self.counts.simulations += counts.simulations;
        self.counts.failures += counts.failures;
        self.counts.first_failure = self.counts.first_failure.take().or(counts.first_failure.clone());
        Ok(Some((simulations, counts)))
    }

    /// Simulates the proposals of a generation from index `start` on.
    fn batch(
        &self,
        generation: usize,
        start: u64,
        count: u64,
        propose: impl Fn(&mut Stream) -> Vec<f64> + Sync,
        near: Option<Near<'_>>,
    ) -> impl Iterator<Item = Result<Option<Simulation>, String>> {
        let key = self.key.child(generation as u64);
        let parameters = self.simulator.parameters();
        let (scores, proposals): (Vec<Vec<f64>>, Vec<Proposal>) = (start..start + count)
            .into_par_iter()
            .map(|index| {
                let key = key.child(index);
                let scores = propose(&mut key.child(PROPOSE).stream());
                let parameters = from_scores(parameters, &scores);
                (scores, Proposal { parameters, key: key.child(SIMULATE) })
            })
            .unzip();
        let results = match near {
            Some(near) => self.simulator.simulate_near(&proposals, near),
            None => self.simulator.simulate(&proposals).into_iter().map(|result| result.map(Some)).collect(),
        };
        scores.into_iter().zip(results).map(|(scores, result)| {
            let Some(summaries) = result.map_err(|failure| failure.0)? else { return Ok(None) };
            if summaries.iter().any(|summary| !summary.is_finite()) {
                return Err("a summary is not finite".to_owned());
            }
            Ok(Some(Simulation { scores, summaries }))
        })
    }
}

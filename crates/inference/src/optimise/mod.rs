//! Multi-start maximum likelihood, and the Laplace approximation of the posterior around its mode.
//!
//! Starts come from a Latin hypercube over the prior (McKay, Beckman & Conover 1979, Technometrics 21:239); from each,
//! L-BFGS and then the Nelder–Mead simplex of argmin climb in normal scores ([`crate::Parameter::to_score`]), in which
//! bounds are out of reach. [`profiles`] follow the likelihood from its maximum along each parameter.
//!
//! The likelihood alone says nothing about a direction in which it is flat. The posterior is therefore approximated
//! around its own mode, in the same scores, where the prior is N(0, I): where the data are silent the approximation is
//! the prior itself, bounds included.

mod laplace;
mod profile;
mod quasi_newton;
mod simplex;

use std::sync::atomic::{AtomicU64, Ordering};

use metacascade_random::Key;
use rand::{RngExt, seq::SliceRandom};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Likelihood, Observer, Posterior, Progress,
    parameter::{from_scores, to_scores},
};

pub use profile::{Profile, profile_drop, profiles};

/// Settings of a multi-start optimisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Starting points.
    pub starts: usize,
    /// Most iterations of either optimiser from each start.
    pub max_iterations: u64,
    /// Draws from the approximate posterior.
    pub draws: usize,
    /// Seed of starting points and draws.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { starts: 20, max_iterations: 2000, draws: 2000, seed: 1 }
    }
}

/// Where one start led.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The best parameters found, on the natural scale.
    pub parameters: Vec<f64>,
    /// Their log-likelihood.
    pub log_likelihood: f64,
}

/// The result of an optimisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// Parameters of maximum likelihood, on the natural scale.
    pub parameters: Vec<f64>,
    /// Their log-likelihood.
    pub log_likelihood: f64,
    /// All starts that led anywhere, best first.
    pub starts: Vec<Start>,
    /// Parameters at the mode of the posterior of the normal scores, on the natural scale.
    pub mode: Vec<f64>,
    /// Covariance of the normal scores around the mode, row by row.
    pub covariance: Vec<Vec<f64>>,
    /// Draws from the Laplace approximation.
    pub posterior: Posterior,
    /// Evaluations of the likelihood in all.
    pub evaluations: u64,
    /// Evaluations that failed.
    pub failures: u64,
    /// Whether the observer ended it before all starts were done.
    pub cancelled: bool,
}

/// Why an optimisation failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to estimate.
    #[error("there are no parameters to estimate")]
    NoParameters,
    /// A number of starts, iterations or draws of 0.
    #[error("{0} is 0, but must be at least 1")]
    Setting(&'static str),
    /// No start has a likelihood.
    #[error("the likelihood could not be evaluated from any of {starts} starts; the first failure: {first}")]
    Failures {
        /// Starts tried.
        starts: usize,
        /// Why the first failed.
        first: String,
    },
    /// The observer ended it before a start was done.
    #[error("interrupted before the first start was done")]
    Cancelled,
    /// The optimiser refused.
    #[error("the optimiser failed: {0}")]
    Optimiser(String),
}

/// Maximises a likelihood.
///
/// # Errors
/// See [`Error`].
pub fn run(likelihood: &impl Likelihood, settings: &Settings, observer: &mut impl Observer) -> Result<Optimum, Error> {
    let parameters = likelihood.parameters();
    if parameters.is_empty() {
        return Err(Error::NoParameters);
    }
    for (name, value) in [
        ("starts", settings.starts as u64),
        ("max_iterations", settings.max_iterations),
        ("draws", settings.draws as u64),
    ] {
        if value == 0 {
            return Err(Error::Setting(name));
        }
    }
    let key = Key::new(settings.seed);
    let points = latin_hypercube(settings.starts, parameters.len(), key.child(0));
    let counter = Counter::default();
    let value_at = |point: &[f64]| counter.count(likelihood.log_likelihood(point));
    let value = |scores: &[f64]| value_at(&from_scores(parameters, scores));
    let mut found: Vec<Start> = Vec::new();
    let mut cancelled = false;
    // A start's result is its own: how many run at once changes nothing.
    for points in points.chunks(rayon::current_num_threads()) {
        if observer.cancelled() {
            cancelled = true;
            break;
        }
        let climb = |point: &Vec<f64>| maximise(&value, point, settings.max_iterations);
        let climbed: Vec<Result<Maximum, Error>> = points.par_iter().map(climb).collect();
        for maximum in climbed {
            let Maximum { point, value: log_likelihood } = maximum?;
            if log_likelihood.is_finite() {
                found.push(Start { parameters: from_scores(parameters, &point), log_likelihood });
            }
        }
        let log_likelihood = found.iter().map(|start| start.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
        let (done, evaluations) = (found.len(), counter.evaluations());
        observer.progress(&Progress::Starts { done, target: settings.starts, evaluations, log_likelihood });
    }
    // Stable: equal likelihoods stay in the order of their starts.
    found.sort_by(|a, b| b.log_likelihood.total_cmp(&a.log_likelihood));
    let Some(best) = found.first().cloned() else {
        if cancelled {
            return Err(Error::Cancelled);
        }
        let first = points.iter().find_map(|point| likelihood.log_likelihood(&from_scores(parameters, point)).err());
        let first = first.map_or_else(|| "it is not finite".to_owned(), |failure| failure.0);
        return Err(Error::Failures { starts: settings.starts, first });
    };
    let log_posterior = |scores: &[f64]| Ok(value(scores)? - 0.5 * scores.iter().map(|u| u * u).sum::<f64>());
    let mode = maximise(&log_posterior, &to_scores(parameters, &best.parameters), settings.max_iterations)?;
    let covariance = laplace::covariance(&log_posterior, &mode.point, mode.value)?;
    let scores = laplace::draws(&mode.point, &covariance, settings.draws, key.child(1));
    let draws: Vec<Vec<f64>> = scores.iter().map(|scores| from_scores(parameters, scores)).collect();
    let distances = draws.par_iter().map(|draw| match value_at(draw) {
        Ok(log_likelihood) => best.log_likelihood - log_likelihood,
        Err(_) => f64::INFINITY,
    });
    let posterior = Posterior {
        names: parameters.iter().map(|parameter| parameter.name.clone()).collect(),
        distances: distances.collect(),
        weights: vec![1.0 / draws.len() as f64; draws.len()],
        draws,
    };
    Ok(Optimum {
        parameters: best.parameters,
        log_likelihood: best.log_likelihood,
        starts: found,
        mode: from_scores(parameters, &mode.point),
        covariance: covariance.row_iter().map(|row| row.iter().copied().collect()).collect(),
        evaluations: counter.evaluations(),
        failures: counter.failures(),
        posterior,
        cancelled,
    })
}

/// Points in normal scores: in each coordinate one in every `count`-th part of the prior.
fn latin_hypercube(count: usize, dimension: usize, key: Key) -> Vec<Vec<f64>> {
    use statrs::distribution::{ContinuousCDF, Normal};
    let mut points = vec![vec![0.0; dimension]; count];
    for coordinate in 0..dimension {
        let mut stream = key.child(coordinate as u64).stream();
        let mut strata: Vec<usize> = (0..count).collect();
        strata.shuffle(&mut stream);
        for (point, stratum) in points.iter_mut().zip(strata) {
            let within: f64 = stream.random();
            // Never quite 0 or 1, where scores are infinite.
            let p = ((stratum as f64 + within) / count as f64).clamp(1e-9, 1.0 - 1e-9);
            point[coordinate] = Normal::standard().inverse_cdf(p);
        }
    }
    points
}

/// A maximum.
#[derive(Clone, Debug)]
struct Maximum {
    point: Vec<f64>,
    /// −∞ if the function failed wherever it was tried.
    value: f64,
}

/// Standing in for the cost where there is none: finite, since optimisers compute with it.
const WORST: f64 = 1e100;

/// Climbs by gradients, then by a simplex, which needs none and is not held up by kinks.
fn maximise(f: &impl Objective, start: &[f64], max_iterations: u64) -> Result<Maximum, Error> {
    let climbed = quasi_newton::maximise(f, start, max_iterations, 1e-7);
    let found = simplex::maximise(f, &climbed.point, max_iterations)?;
    Ok(if found.value > climbed.value { found } else { climbed })
}

/// Counts evaluations, also of several threads.
#[derive(Default)]
struct Counter {
    evaluations: AtomicU64,
    failures: AtomicU64,
}

impl Counter {
    fn count(&self, value: Result<f64, Failure>) -> Result<f64, Failure> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        if value.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        value
    }

    fn evaluations(&self) -> u64 {
        self.evaluations.load(Ordering::Relaxed)
    }

    fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// A function of normal scores to be maximised.
trait Objective: Fn(&[f64]) -> Result<f64, Failure> {}
impl<F: Fn(&[f64]) -> Result<f64, Failure>> Objective for F {}

#[cfg(test)]
mod tests;

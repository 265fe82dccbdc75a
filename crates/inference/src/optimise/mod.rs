//! Multi-start maximum likelihood, and the Laplace approximation of the posterior around its mode.
//!
//! Starts are the best points of a Latin hypercube over the prior (McKay, Beckman & Conover 1979, Technometrics 21:239),
//! ten times as many; from each, L-BFGS and the Nelder–Mead simplex of argmin climb by turns in normal scores
//! ([`crate::Parameter::to_score`]), in which bounds are out of reach, or CMA-ES does ([`Optimiser`]). [`profiled()`] follows
//! the likelihood from its maximum along each parameter, and goes on from a better one where it meets one.
//! [`maximise_noisy`] is for likelihoods that are estimated.
//!
//! The likelihood alone says nothing about a direction in which it is flat. The posterior is therefore approximated
//! around its own mode, in the same scores, where the prior is N(0, I): where the data are silent the approximation is
//! the prior itself, bounds included.

mod cma_es;
mod laplace;
mod noisy;
mod profile;
mod profiled;
mod quasi_newton;
mod simplex;

use std::sync::atomic::{AtomicU64, Ordering};

use metacascade_random::Key;
use rand::{RngExt, seq::SliceRandom};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Likelihood, Observer, Parameter, Posterior, Progress,
    parameter::{from_scores, to_scores},
};

pub use noisy::{JUDGEMENTS, NoisyOptimum, NoisySettings, Numbers, SCREENED, maximise_noisy};
pub use profile::{Profile, profile_drop, profiles};
pub use profiled::{Profiled, profiled};

/// What climbs from each start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// L-BFGS by turns with a simplex: few evaluations where the likelihood is smooth.
    #[default]
    Gradient,
    /// CMA-ES (Hansen 2016, arXiv:1604.00772): more evaluations, for likelihoods with jumps or many small hills.
    CmaEs,
}

impl Optimiser {
    /// All with their names in files and on the command line.
    pub const NAMES: [(&'static str, Self); 2] = [("gradient", Self::Gradient), ("cma-es", Self::CmaEs)];
}

/// Settings of a multi-start optimisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Starting points.
    pub starts: usize,
    /// What climbs from each.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// Most iterations of each optimiser, or generations, from each start.
    pub max_iterations: u64,
    /// Draws from the approximate posterior.
    pub draws: usize,
    /// Seed of starting points and draws.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { starts: 20, optimiser: Optimiser::default(), max_iterations: 2000, draws: 2000, seed: 1 }
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
    /// A parameter of whole numbers, along which nothing can be climbed.
    #[error(
        "`{0}` is a whole number, which maximum likelihood cannot climb along; abc-smc, mcmc and pmmh can move in it"
    )]
    Whole(String),
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
    if let Some(whole) = parameters.iter().find(|parameter| parameter.prior.is_whole()) {
        return Err(Error::Whole(whole.name.clone()));
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
    let counter = Counter::default();
    let value = |scores: &[f64]| counter.count(likelihood.log_likelihood(&from_scores(parameters, scores)));
    let points = starts(&value, settings.starts, parameters.len(), key.child(0));
    let mut found: Vec<Start> = Vec::new();
    let (mut done, mut cancelled) = (0, false);
    // A start's result is its own: how many run at once changes nothing.
    for points in points.chunks(rayon::current_num_threads()) {
        if observer.cancelled() {
            cancelled = true;
            break;
        }
        let climb = |(index, point): (usize, &Vec<f64>)| match settings.optimiser {
            Optimiser::Gradient => maximise(&value, point, settings.max_iterations),
            Optimiser::CmaEs => {
                let key = key.child(2).child((done + index) as u64);
                Ok(cma_es::maximise(&value, point, settings.max_iterations, key))
            }
        };
        let climbed: Vec<Result<Maximum, Error>> = points.par_iter().enumerate().map(climb).collect();
        done += points.len();
        for maximum in climbed {
            let Maximum { point, value: log_likelihood } = maximum?;
            if log_likelihood.is_finite() {
                found.push(Start { parameters: from_scores(parameters, &point), log_likelihood });
            }
        }
        let log_likelihood = found.iter().map(|start| start.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
        let evaluations = counter.evaluations();
        observer.progress(&Progress::Starts { done, target: settings.starts, evaluations, log_likelihood });
    }
    if found.is_empty() {
        if cancelled {
            return Err(Error::Cancelled);
        }
        let first = points.iter().find_map(|point| likelihood.log_likelihood(&from_scores(parameters, point)).err());
        let first = first.map_or_else(|| "it is not finite".to_owned(), |failure| failure.0);
        return Err(Error::Failures { starts: settings.starts, first });
    }
    around(parameters, &value, found, settings, &counter, cancelled)
}

/// The best start, and the posterior around it.
fn around(
    parameters: &[Parameter],
    value: &(impl Objective + Sync),
    mut starts: Vec<Start>,
    settings: &Settings,
    counter: &Counter,
    cancelled: bool,
) -> Result<Optimum, Error> {
    // Stable: equal likelihoods stay in the order of their starts.
    starts.sort_by(|a, b| b.log_likelihood.total_cmp(&a.log_likelihood));
    let best = starts.first().cloned().ok_or(Error::Cancelled)?;
    let log_posterior = |scores: &[f64]| Ok(value(scores)? - 0.5 * scores.iter().map(|u| u * u).sum::<f64>());
    let mode = maximise(&log_posterior, &to_scores(parameters, &best.parameters), settings.max_iterations)?;
    let covariance = laplace::covariance(&log_posterior, &mode.point, mode.value)?;
    let key = Key::new(settings.seed).child(1);
    let scores = laplace::draws(&mode.point, &covariance, settings.draws, key);
    let distances = scores.par_iter().map(|draw| match value(draw) {
        Ok(log_likelihood) => best.log_likelihood - log_likelihood,
        Err(_) => f64::INFINITY,
    });
    let distances: Vec<f64> = distances.collect();
    let draws: Vec<Vec<f64>> = scores.iter().map(|scores| from_scores(parameters, scores)).collect();
    let posterior = Posterior {
        names: parameters.iter().map(|parameter| parameter.name.clone()).collect(),
        distances,
        weights: vec![1.0 / draws.len() as f64; draws.len()],
        draws,
    };
    Ok(Optimum {
        parameters: best.parameters,
        log_likelihood: best.log_likelihood,
        starts,
        mode: from_scores(parameters, &mode.point),
        covariance: covariance.row_iter().map(|row| row.iter().copied().collect()).collect(),
        evaluations: counter.evaluations(),
        failures: counter.failures(),
        posterior,
        cancelled,
    })
}

/// Points from which to climb: of a Latin hypercube [`SCREENED`] times as large, those of the highest likelihood, which it
/// costs one evaluation each to know.
fn starts(value: &(impl Objective + Sync), count: usize, dimension: usize, key: Key) -> Vec<Vec<f64>> {
    let points = latin_hypercube(SCREENED * count, dimension, key);
    let values: Vec<f64> = points.par_iter().map(|point| value(point).unwrap_or(f64::NEG_INFINITY)).collect();
    cma_es::order(&values).into_iter().take(count).map(|index| points[index].clone()).collect()
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

/// Turns of gradients and simplex at most.
const TURNS: usize = 4;

/// A gain by the simplex that makes another turn worth it.
const GAIN: f64 = 1e-2;

/// Climbs by gradients, then by a simplex, which needs none and is not held up by kinks; and again from where that led, since
/// it is slow along valleys.
fn maximise(f: &impl Objective, start: &[f64], max_iterations: u64) -> Result<Maximum, Error> {
    let mut best = Maximum { point: start.to_vec(), value: f64::NEG_INFINITY };
    for _ in 0..TURNS {
        let climbed = quasi_newton::maximise(f, &best.point, max_iterations, 1e-7);
        let reached = climbed.value.max(best.value);
        let found = simplex::maximise(f, &climbed.point, max_iterations)?;
        let gain = found.value - reached;
        let higher = if found.value > climbed.value { found } else { climbed };
        if higher.value > best.value || !best.value.is_finite() {
            best = higher;
        }
        // Not a number where there is no likelihood.
        if gain.is_nan() || gain <= GAIN {
            break;
        }
    }
    Ok(best)
}

/// Counts evaluations, also of several threads.
#[derive(Default)]
struct Counter {
    evaluations: AtomicU64,
    failures: AtomicU64,
}

impl From<&Optimum> for Counter {
    fn from(optimum: &Optimum) -> Self {
        Self { evaluations: optimum.evaluations.into(), failures: optimum.failures.into() }
    }
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

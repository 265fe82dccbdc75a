//! Markov chains on an estimated likelihood: exact if the estimate is right on average.
//!
//! Chains as those of [`crate::mcmc`], whose likelihood is an [`Estimator`]'s. A chain keeps the estimate of the point
//! where it stands, so that the law it draws from is the posterior, whatever the noise (Beaumont 2003, Genetics
//! 164:1139; Andrieu & Roberts 2009, Ann. Stat. 37:697). With the particle filter of [`crate::particle`] it is
//! particle-marginal Metropolis–Hastings (Andrieu, Doucet & Holenstein 2010, J. R. Stat. Soc. B 72:269, section 2.4.2).
//!
//! Noise slows chains down, effort (particles, simulations) lowers it, and time is best spent where the variance of the
//! log-likelihood's estimate is about 1 in the posterior (Doucet et al. 2015, Biometrika 102:295): a pilot finds the effort
//! for that, at several points since the posterior may be wide or bent. In the warm-up, chains first learn with estimates
//! drawn anew at every comparison, so that a lucky one does not hold them.

mod tune;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use metacascade_random::Key;
use serde::{Deserialize, Serialize};

use self::tune::{SETTLED, START, tune};
pub use crate::mcmc::Error;
use crate::{
    Failure, Observer, Parameter, Posterior, Progress,
    diagnostics::Convergence,
    mcmc::{
        self, Sampled, Wanted,
        chain::{Density, State, Warm, best, learn_apart, learn_together, starts},
    },
    parameter::{from_scores, to_scores},
};

/// A likelihood that is estimated.
pub trait Estimator: Sync {
    /// The parameters to be estimated.
    fn parameters(&self) -> &[Parameter];

    /// An estimate of the log-likelihood at parameters on the natural scale, −∞ where the likelihood's is 0. It depends on
    /// its arguments alone, and its variance falls with the effort.
    ///
    /// For chains to draw from the posterior, the mean over all keys of the likelihood's estimate (not of its logarithm) must
    /// be the likelihood, or a multiple of it.
    ///
    /// # Errors
    /// Why there is none at these parameters.
    fn log_likelihood(&self, parameters: &[f64], effort: usize, key: Key) -> Result<f64, Failure>;

    /// Points near the posterior, on the natural scale, of which chains start at the best; where there are none they start at
    /// the best of draws from the prior.
    fn starts(&self) -> &[Vec<f64>] {
        &[]
    }

    /// The least effort that makes sense.
    fn least_effort(&self) -> usize {
        4
    }
}

/// Settings of the chains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Chains, two at least.
    pub chains: usize,
    /// Draws to keep, evenly from all chains.
    pub draws: usize,
    /// The effort of each estimate, such as its number of particles; 0 to have it tuned.
    pub effort: usize,
    /// The effective sample size at which the chains end.
    pub min_effective_sample_size: f64,
    /// Most estimates of the likelihood in all.
    pub max_evaluations: u64,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chains: 4,
            draws: 10_000,
            effort: 0,
            min_effective_sample_size: 1000.0,
            max_evaluations: 100_000,
            seed: 1,
        }
    }
}

/// A finished fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The draws kept, all of the same weight. Their distances are drops of the estimated log-likelihood from the highest.
    pub posterior: Posterior,
    /// For each parameter, what all draws say.
    pub convergence: Vec<Convergence>,
    /// Accepted share of the proposals after the warm-up.
    pub acceptance: f64,
    /// The log-likelihood at a central point of the posterior, where the effort was tuned: of the mean of its estimates.
    pub log_likelihood: f64,
    /// The effort of each estimate in the chains.
    pub effort: usize,
    /// The variance of the log-likelihood's estimate with this effort: at three quarters of the points where it was tuned it
    /// is no more.
    pub variance: f64,
    /// Estimates of the likelihood in all.
    pub evaluations: u64,
    /// Estimates that were 0, such as where all particles became impossible.
    pub zeros: u64,
    /// Estimates that failed.
    pub failures: u64,
    /// Why one of them did: of all reasons, the first in alphabetical order.
    pub failure: Option<String>,
    /// Whether the observer ended it.
    pub cancelled: bool,
}

impl Fit {
    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warnings(&self, settings: &Settings) -> Vec<String> {
        let mut warnings = mcmc::disagreements(&self.posterior.names, &self.convergence, settings.chains);
        if self.variance > MOST_VARIANCE {
            warnings.push(format!(
                "The log-likelihood is known with a variance of {:.1} only (best is about 1): chains are slow, and \
                 intervals may miss what they did not reach. More particles or simulations each would mend it.",
                self.variance
            ));
        }
        warnings
    }
}

/// Variance of the log-likelihood's estimate from which on chains cannot be relied on: acceptance is below a tenth wherever
/// they propose (2Φ(−σ/√2), Doucet et al. 2015, corollary 3).
const MOST_VARIANCE: f64 = 5.5;

/// Steps of each chain between two looks at convergence: estimates may take long.
const SEGMENT: usize = 200;

/// Counts what went wrong, whatever the order.
#[derive(Default)]
struct Counter {
    zeros: AtomicU64,
    failures: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Counter {
    fn value(&self, found: Result<f64, Failure>) -> f64 {
        match found {
            Ok(value) if value > f64::NEG_INFINITY => value,
            Ok(_) => {
                self.zeros.fetch_add(1, Ordering::Relaxed);
                f64::NEG_INFINITY
            }
            Err(Failure(text)) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                // A panic elsewhere leaves the text whole.
                let mut least = self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if least.as_ref().is_none_or(|least| text < *least) {
                    *least = Some(text);
                }
                f64::NEG_INFINITY
            }
        }
    }
}

/// Draws from the posterior of an estimated likelihood.
///
/// # Errors
/// See [`Error`].
pub fn run(estimator: &impl Estimator, settings: &Settings, observer: &mut impl Observer) -> Result<Fit, Error> {
    let parameters = estimator.parameters();
    let dimension = parameters.len();
    if dimension == 0 {
        return Err(Error::NoParameters);
    }
    let least = estimator.least_effort();
    if settings.effort != 0 && settings.effort < least {
        return Err(Error::Setting("the number of particles or simulations of an estimate", least as u64));
    }
    for (name, value, least) in [("chains", settings.chains, 2), ("draws", settings.draws, 1)] {
        if value < least {
            return Err(Error::Setting(name, least as u64));
        }
    }
    let counter = Counter::default();
    let log_density = |effort: usize| {
        let counter = &counter;
        move |scores: &[f64], key: Key| {
            let value = counter.value(estimator.log_likelihood(&from_scores(parameters, scores), effort, key));
            value - 0.5 * scores.iter().map(|u| u * u).sum::<f64>()
        }
    };
    let key = Key::new(settings.seed);
    let mut evaluations = 0;
    let mut look = |evaluations: u64| {
        observer.progress(&Progress::Chains {
            evaluations,
            effective: 0.0,
            target: settings.min_effective_sample_size,
            r_hat: f64::INFINITY,
            log_likelihood: f64::NEG_INFINITY,
        });
        if observer.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    };
    let fixed = (settings.effort > 0).then_some(settings.effort);
    let first = fixed.unwrap_or(least.max(FIRST));
    let known: Vec<Vec<f64>> = estimator.starts().iter().map(|point| to_scores(parameters, point)).collect();
    let found = match known.is_empty() {
        true => starts(dimension, settings.chains, &log_density(first), key.child(0)),
        false => best(&known, settings.chains, &log_density(first), key.child(0)),
    };
    let Some((mut states, tried)) = found else {
        return Err(Error::Nowhere(counter.failure.into_inner().unwrap_or_default()));
    };
    evaluations += tried;
    look(evaluations)?;
    let mut effort = first;
    if fixed.is_none() {
        let found = tune(&log_density, std::slice::from_ref(&states[0].point), first, &START, least, key.child(1));
        (effort, evaluations) = (found.effort, evaluations + found.evaluations);
        look(evaluations)?;
    }
    let apart = learn_apart(&mut states, Density::Estimated, &log_density(effort), key.child(2));
    evaluations += apart.evaluations;
    look(evaluations)?;
    let aim = match fixed {
        Some(_) => tune::Aim { attempts: 1, ..SETTLED },
        None => SETTLED,
    };
    let found = tune(&log_density, &apart.settled, effort, &aim, least, key.child(3));
    (effort, evaluations) = (found.effort, evaluations + found.evaluations);
    look(evaluations)?;
    let log_density = log_density(effort);
    let anew = |states: &mut [State], key: Key| {
        for (chain, state) in states.iter_mut().enumerate() {
            state.value = log_density(&state.point, key.child(chain as u64));
        }
        states.len() as u64
    };
    evaluations += anew(&mut states, key.child(4));
    let (kernel, taken) = learn_together(apart.kernel, &mut states, Density::Estimated, &log_density, key.child(5));
    evaluations += taken + anew(&mut states, key.child(6));
    look(evaluations)?;
    let Sampled { draws, convergence, tally, evaluations, cancelled } = mcmc::sample(
        Warm { kernel, states, evaluations },
        dimension,
        &Wanted {
            effective: settings.min_effective_sample_size,
            evaluations: settings.max_evaluations,
            segment: SEGMENT,
        },
        &log_density,
        key.child(7),
        observer,
    );
    let (posterior, _) = mcmc::posterior(parameters, &draws, settings.draws).ok_or(Error::Cancelled)?;
    let prior = -0.5 * apart.settled[0].iter().map(|u| u * u).sum::<f64>();
    Ok(Fit {
        posterior,
        convergence,
        acceptance: tally.accepted as f64 / tally.proposals as f64,
        log_likelihood: found.log_density - prior,
        effort,
        variance: found.variance,
        evaluations,
        zeros: counter.zeros.into_inner(),
        failures: counter.failures.into_inner(),
        failure: counter.failure.into_inner().unwrap_or_default(),
        cancelled,
    })
}

/// The effort with which starting points are looked for, unless it is given or the least is more.
const FIRST: usize = 32;

#[cfg(test)]
mod tests;

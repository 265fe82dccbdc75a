//! Markov chain Monte Carlo for a [`Likelihood`]: exact where the likelihood is.
//!
//! Several chains move in normal scores by Metropolis–Hastings, half by a random walk (Haario, Saksman & Tamminen 2001,
//! Bernoulli 7:223, for its covariance), half by independent draws of a multivariate t around what all chains have found.
//! They learn their proposals together in a warm-up that is thrown away, and then keep them, so that the law they draw from is the
//! posterior and nothing else. They go on until the effective sample size is as asked for in every parameter.

pub(crate) mod chain;

use metacascade_random::Key;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::chain::{Draws, Tally, Warm, warm_up};
use crate::{
    Failure, Likelihood, Observer, Parameter, Posterior, Progress,
    diagnostics::{Convergence, convergence},
    parameter::from_scores,
};

/// Settings of the chains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Chains, two at least.
    pub chains: usize,
    /// Draws to keep, evenly from all chains.
    pub draws: usize,
    /// The effective sample size at which the chains end.
    pub min_effective_sample_size: f64,
    /// Most evaluations of the likelihood in all.
    pub max_evaluations: u64,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { chains: 4, draws: 10_000, min_effective_sample_size: 4000.0, max_evaluations: 400_000, seed: 1 }
    }
}

/// A finished fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The draws kept, all of the same weight.
    pub posterior: Posterior,
    /// For each parameter, what all draws say.
    pub convergence: Vec<Convergence>,
    /// Accepted share of the proposals after the warm-up.
    pub acceptance: f64,
    /// The highest log-likelihood met after the warm-up.
    pub log_likelihood: f64,
    /// Evaluations of the likelihood in all.
    pub evaluations: u64,
    /// Whether the observer ended it.
    pub cancelled: bool,
}

impl Fit {
    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warnings(&self, settings: &Settings) -> Vec<String> {
        disagreements(&self.posterior.names, &self.convergence, settings.chains)
    }
}

/// What is said of parameters about which chains have not drawn enough.
pub(crate) fn disagreements(names: &[String], convergence: &[Convergence], chains: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, found) in names.iter().zip(convergence) {
        // Vehtari et al. 2021 ask for 1.01 and for 100 effective draws a chain.
        if found.r_hat.is_nan() || found.r_hat > 1.01 {
            warnings.push(format!(
                "The chains disagree about {name} (R-hat {:.3}): do not trust its interval.",
                found.r_hat
            ));
        } else if found.effective_sample_size < 100.0 * chains as f64 {
            let size = found.effective_sample_size;
            warnings
                .push(format!("The draws of {name} are worth {size:.0} independent ones only: its interval is rough."));
        }
    }
    warnings
}

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to estimate.
    #[error("there are no parameters to estimate")]
    NoParameters,
    /// A setting makes no sense.
    #[error("{0} must be at least {1}")]
    Setting(&'static str, u64),
    /// The likelihood is nowhere positive.
    #[error("the likelihood could not be evaluated, or is 0, at all points tried{}", .0.as_ref().map_or(String::new(), |first| format!("; the first failure: {first}")))]
    Nowhere(Option<String>),
    /// The observer ended it before anything was complete.
    #[error("interrupted before the chains had begun")]
    Cancelled,
}

/// Steps of each chain between two looks at convergence.
pub(crate) const SEGMENT: usize = 1000;

/// Draws from the posterior of a likelihood.
///
/// # Errors
/// See [`Error`].
pub fn run(likelihood: &impl Likelihood, settings: &Settings, observer: &mut impl Observer) -> Result<Fit, Error> {
    let parameters = likelihood.parameters();
    if parameters.is_empty() {
        return Err(Error::NoParameters);
    }
    if settings.chains < 2 {
        return Err(Error::Setting("chains", 2));
    }
    if settings.draws == 0 {
        return Err(Error::Setting("draws", 1));
    }
    let likelihood_at = |scores: &[f64]| likelihood.log_likelihood(&from_scores(parameters, scores));
    let log_density = |scores: &[f64], _: Key| match likelihood_at(scores) {
        Ok(value) if !value.is_nan() => value - 0.5 * scores.iter().map(|u| u * u).sum::<f64>(),
        Ok(_) | Err(_) => f64::NEG_INFINITY,
    };
    let key = Key::new(settings.seed);
    let Some(warm) = warm_up(parameters.len(), settings.chains, &log_density, key.child(0)) else {
        let first = likelihood_at(&vec![0.0; parameters.len()]).err().map(|Failure(text)| text);
        return Err(Error::Nowhere(first));
    };
    let Sampled { draws, convergence, tally, evaluations, cancelled } = sample(
        warm,
        parameters.len(),
        &Wanted {
            effective: settings.min_effective_sample_size,
            evaluations: settings.max_evaluations,
            segment: SEGMENT,
        },
        &log_density,
        key.child(1),
        observer,
    );
    let (posterior, highest) = posterior(parameters, &draws, settings.draws).ok_or(Error::Cancelled)?;
    Ok(Fit {
        posterior,
        convergence,
        acceptance: tally.accepted as f64 / tally.proposals as f64,
        log_likelihood: highest,
        evaluations,
        cancelled,
    })
}

/// The draws to keep, their distances the drop of the log-likelihood from the highest, and that; `None` if there are no draws.
pub(crate) fn posterior(parameters: &[Parameter], draws: &Draws, count: usize) -> Option<(Posterior, f64)> {
    let of_prior = |state: &chain::State| state.value + 0.5 * state.point.iter().map(|u| u * u).sum::<f64>();
    let highest = draws.iter().flatten().map(of_prior).reduce(f64::max)?;
    let kept = thin(draws, count);
    let posterior = Posterior {
        names: parameters.iter().map(|parameter| parameter.name.clone()).collect(),
        draws: kept.iter().map(|state| from_scores(parameters, &state.point)).collect(),
        weights: vec![1.0 / kept.len() as f64; kept.len()],
        distances: kept.iter().map(|state| highest - of_prior(state)).collect(),
    };
    Some((posterior, highest))
}

/// When chains may end.
pub(crate) struct Wanted {
    pub effective: f64,
    pub evaluations: u64,
    /// Steps of each chain between two looks at convergence.
    pub segment: usize,
}

/// What chains have drawn.
pub(crate) struct Sampled {
    pub draws: Draws,
    pub convergence: Vec<Convergence>,
    pub tally: Tally,
    pub evaluations: u64,
    pub cancelled: bool,
}

/// Runs warm chains until they are worth enough.
pub(crate) fn sample(
    warm: Warm,
    dimension: usize,
    wanted: &Wanted,
    log_density: &(impl Fn(&[f64], Key) -> f64 + Sync),
    key: Key,
    observer: &mut impl Observer,
) -> Sampled {
    let Warm { kernel, mut states, mut evaluations } = warm;
    let mut draws: Draws = vec![Vec::new(); states.len()];
    let mut tally = Tally::default();
    let mut found = Vec::new();
    let mut cancelled = false;
    let mut segment = 0;
    loop {
        if observer.cancelled() {
            cancelled = true;
            break;
        }
        let (more, of_segment) = kernel.run(&mut states, wanted.segment, log_density, key.child(segment));
        draws.iter_mut().zip(more).for_each(|(chain, more)| chain.extend(more));
        evaluations += of_segment.proposals;
        tally.add(of_segment);
        segment += 1;
        // Looking costs as much as drawing, so each look waits for a tenth more.
        if segment < 10 || segment % (segment / 10) == 0 || evaluations >= wanted.evaluations {
            let column = |i: usize| -> Vec<Vec<f64>> {
                draws.iter().map(|chain| chain.iter().map(|state| state.point[i]).collect()).collect()
            };
            found = (0..dimension).into_par_iter().map(|i| convergence(&column(i))).collect();
        }
        let effective = found.iter().map(|found| found.effective_sample_size).fold(f64::INFINITY, f64::min);
        let r_hat = found.iter().map(|found| found.r_hat).fold(1.0, f64::max);
        let log_likelihood = states.iter().map(|state| state.value).fold(f64::NEG_INFINITY, f64::max);
        observer.progress(&Progress::Chains {
            evaluations,
            effective,
            target: wanted.effective,
            r_hat,
            log_likelihood,
        });
        if (effective >= wanted.effective && r_hat <= 1.01) || evaluations >= wanted.evaluations {
            break;
        }
    }
    Sampled { draws, convergence: found, tally, evaluations, cancelled }
}

/// Draws taken evenly from all chains; all, if there are not more.
pub(crate) fn thin(draws: &Draws, count: usize) -> Vec<&chain::State> {
    let all = draws.iter().map(Vec::len).sum::<usize>();
    let wanted = count.min(all);
    let flat: Vec<&chain::State> = draws.iter().flatten().collect();
    (0..wanted).map(|index| flat[index * all / wanted]).collect()
}

#[cfg(test)]
mod tests;

//! The marginal likelihood of a model by importance sampling.
//!
//! With draws u from a proposal q in normal scores, in which the prior φ is N(0, I), the evidence is the mean of the weights
//! w = L(u) φ(u) / q(u). Its relative standard error is √((m₂/m₁² − 1)/n), with the weights' first two moments (Owen 2013,
//! Monte Carlo theory, methods and examples, chapter 9). The proposal is fitted to draws of the posterior and then, round by
//! round, to the weighted draws of the round before (population Monte Carlo: Cappé et al. 2008, Stat. Comput. 18:447);
//! the evidence is that of the last round alone, of whose draws the proposal knows nothing.
//!
//! If L is replaced by an estimate that is right on average, the mean of the weights still is the evidence: importance
//! sampling squared (Tran, Scharth, Pitt & Kohn 2013, arXiv:1309.3339, section 3). The noise shows in the weights, and so
//! in the error.

use metacascade_random::Key;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::mixture::{Mixture, log_prior};
use crate::{
    Failure, Likelihood, Observer, Parameter, Posterior,
    diagnostics::pareto_smoothed,
    logarithms::log_sum,
    parameter::{from_scores, to_scores},
    pseudo_marginal::Estimator,
};

/// Settings of importance sampling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Draws of the last round, from which the evidence is computed.
    pub draws: usize,
    /// Draws of each round that adapts the proposal.
    pub adaptive_draws: usize,
    /// Most rounds that adapt the proposal.
    pub rounds: usize,
    /// Share of the proposal that is the prior; between 0 and 1.
    pub prior_share: f64,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { draws: 8000, adaptive_draws: 2000, rounds: 8, prior_share: 0.1, seed: 1 }
    }
}

/// A marginal likelihood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its natural logarithm.
    pub log_evidence: f64,
    /// The standard error of the logarithm, which is the relative one of the evidence.
    pub standard_error: f64,
    /// Effective sample size of the weights, (Σw)²/Σw² (Kong, Liu & Wong 1994, J. Am. Stat. Assoc. 89:278).
    pub effective_sample_size: f64,
    /// Pareto k̂ of the weights: beyond .7 the error is not to be trusted (Vehtari et al. 2024, J. Mach. Learn. Res. 25:72).
    pub pareto_k: f64,
    /// The logarithms of the evidence from either half of the draws.
    pub halves: [f64; 2],
    /// Evaluations of the likelihood, or of its estimate.
    pub evaluations: u64,
    /// Those that failed; the likelihood counts as 0 there.
    pub failures: u64,
    /// Why the first of them failed, in the order of the draws.
    pub first_failure: Option<String>,
}

impl Evidence {
    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.pareto_k > 0.7 || self.pareto_k.is_nan() {
            warnings.push(format!(
                "A few draws decide the evidence (Pareto k {:.2}): its error may be larger than {:.2}.",
                self.pareto_k, self.standard_error
            ));
        }
        let [first, second] = self.halves;
        // The difference of halves has twice the error of the whole.
        if (first - second).abs() > 8.0 * self.standard_error {
            warnings.push(format!("Halves of the draws disagree about the log evidence: {first:.2} and {second:.2}."));
        }
        if self.standard_error > 0.5 {
            warnings.push(format!("The log evidence is known to ±{:.2} only.", self.standard_error));
        }
        warnings
    }
}

/// Why there is no evidence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense.
    #[error("{0} must be {1}")]
    Setting(&'static str, &'static str),
    /// The likelihood is 0 at all draws.
    #[error("the likelihood could not be evaluated, or is 0, at all {draws} draws{}", .first.as_ref().map_or(String::new(), |first| format!("; the first failure: {first}")))]
    Nowhere {
        /// Draws tried.
        draws: usize,
        /// Why the first failed.
        first: Option<String>,
    },
    /// The observer ended it.
    #[error("interrupted before the evidence was known")]
    Cancelled,
}

/// The child of the seed's key.
const EVIDENCE: u64 = 0x6576_6964_656e_6365;

/// Draws of the posterior at most to which a proposal is fitted.
const FITTED: usize = 4000;

/// Draws that are evaluated before the observer is asked whether to go on.
const BATCH: usize = 500;

/// Share of effective draws from which on adapting the proposal further would not pay.
const GOOD: f64 = 0.4;

/// The evidence of a likelihood; `posterior` are draws that say where it is high, such as those of [`crate::mcmc`].
///
/// # Errors
/// See [`Error`].
pub fn evidence_of_likelihood(
    likelihood: &impl Likelihood,
    posterior: &Posterior,
    settings: &Settings,
    observer: &mut impl Observer,
) -> Result<Evidence, Error> {
    let value = |point: &[f64], _: Key| likelihood.log_likelihood(point);
    evidence(likelihood.parameters(), &value, posterior, settings, observer)
}

/// The evidence of a likelihood that is estimated with an effort, such as [`crate::pseudo_marginal::Fit::effort`]:
/// exact up to the error that is told, if the estimates are right on average.
///
/// # Errors
/// See [`Error`].
pub fn evidence_of_estimator(
    estimator: &impl Estimator,
    effort: usize,
    posterior: &Posterior,
    settings: &Settings,
    observer: &mut impl Observer,
) -> Result<Evidence, Error> {
    let value = |point: &[f64], key: Key| estimator.log_likelihood(point, effort, key);
    evidence(estimator.parameters(), &value, posterior, settings, observer)
}

/// Effective draws for each dimension, and for the mean, to which a proposal is fitted.
const EFFECTIVE: f64 = 20.0;

/// Weights, summing to 1, raised to the power at which they have an effective number, where it is less: a handful of draws
/// would be a worse guide than the many that are less good (Koblents & Míguez 2015, Stat. Comput. 25:407).
fn tempered(log_weights: &[f64], wanted: f64) -> Vec<f64> {
    let highest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = |power: f64| -> Vec<f64> {
        // −∞ stays what it is, and all are alike where there is nothing else.
        let weight = |log: &f64| if *log > f64::NEG_INFINITY { (power * (log - highest)).exp() } else { 0.0 };
        let weights: Vec<f64> = log_weights.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        match total > 0.0 {
            true => weights.iter().map(|weight| weight / total).collect(),
            false => vec![1.0 / weights.len() as f64; weights.len()],
        }
    };
    let effective = |power: f64| 1.0 / at(power).iter().map(|weight| weight * weight).sum::<f64>();
    if effective(1.0) >= wanted {
        return at(1.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if effective(middle) >= wanted { low = middle } else { high = middle }
    }
    at(low)
}

/// Points and the logarithms of their weights.
struct Weighted {
    points: Vec<Vec<f64>>,
    log_weights: Vec<f64>,
    failures: u64,
    first_failure: Option<String>,
}

impl Weighted {
    fn effective(&self) -> f64 {
        let highest = self.log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = self.log_weights.iter().map(|weight| (weight - highest).exp());
        let (sum, squares) =
            weights.fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }
}

fn evidence(
    parameters: &[Parameter],
    log_likelihood: &(impl Fn(&[f64], Key) -> Result<f64, Failure> + Sync),
    posterior: &Posterior,
    settings: &Settings,
    observer: &mut impl Observer,
) -> Result<Evidence, Error> {
    if !(settings.prior_share > 0.0 && settings.prior_share < 1.0) {
        return Err(Error::Setting("the prior's share of the proposal", "between 0 and 1"));
    }
    if settings.draws < 2 || settings.adaptive_draws < 2 {
        return Err(Error::Setting("the number of draws", "at least 2"));
    }
    // Fits use the seed's own children.
    let key = Key::new(settings.seed).child(EVIDENCE);
    // More draws would tell moments no better than chains do.
    let step = posterior.draws.len().div_ceil(FITTED).max(1);
    let draws = posterior.draws.iter().zip(&posterior.weights).step_by(step);
    let (scores, weights): (Vec<Vec<f64>>, Vec<f64>) =
        draws.map(|(draw, weight)| (to_scores(parameters, draw), *weight)).unzip();
    let total: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    let mut proposal = Mixture::fit(&scores, &weights, settings.prior_share, key.child(0));
    let (mut evaluations, mut failures, mut first_failure) = (0, 0, None);
    let mut round = |proposal: &Mixture, draws: usize, key: Key| {
        let found = weigh(parameters, log_likelihood, proposal, draws, key, observer)?;
        evaluations += draws as u64;
        failures += found.failures;
        first_failure = first_failure.take().or_else(|| found.first_failure.clone());
        Ok(found)
    };
    let mut best: Option<(f64, Mixture)> = None;
    for index in 0..settings.rounds {
        let key = key.child(1 + index as u64);
        let found = round(&proposal, settings.adaptive_draws, key.child(0))?;
        let reached = found.effective() / settings.adaptive_draws as f64;
        let wanted = EFFECTIVE * (1 + parameters.len()) as f64;
        let usable = found.effective() >= wanted;
        let better = best.as_ref().is_none_or(|(share, _)| reached > *share);
        let weights = tempered(&found.log_weights, wanted.min(0.5 * settings.adaptive_draws as f64));
        let next = Mixture::fit(&found.points, &weights, settings.prior_share, key.child(1));
        let last = std::mem::replace(&mut proposal, next);
        if better {
            best = Some((reached, last));
        }
        if reached >= GOOD || (usable && !better) {
            break;
        }
    }
    if let Some((_, found)) = best {
        proposal = found;
    }
    let found = round(&proposal, settings.draws, key.child(u64::MAX))?;
    let log_mean = |weights: &[f64]| log_sum(weights.iter().copied()) - (weights.len() as f64).ln();
    let log_evidence = log_mean(&found.log_weights);
    if log_evidence == f64::NEG_INFINITY {
        return Err(Error::Nowhere { draws: settings.draws, first: first_failure });
    }
    let effective = found.effective();
    let (first, second) = found.log_weights.split_at(settings.draws / 2);
    Ok(Evidence {
        log_evidence,
        standard_error: (1.0 / effective - 1.0 / settings.draws as f64).max(0.0).sqrt(),
        effective_sample_size: effective,
        pareto_k: pareto_smoothed(&found.log_weights).1,
        halves: [log_mean(first), log_mean(second)],
        evaluations,
        failures,
        first_failure,
    })
}

/// Draws from a proposal and weighs them.
fn weigh(
    parameters: &[Parameter],
    log_likelihood: &(impl Fn(&[f64], Key) -> Result<f64, Failure> + Sync),
    proposal: &Mixture,
    draws: usize,
    key: Key,
    observer: &mut impl Observer,
) -> Result<Weighted, Error> {
    let points: Vec<Vec<f64>> =
        (0..draws).map(|draw| proposal.sample(parameters.len(), key.child(draw as u64).child(0))).collect();
    let mut found =
        Weighted { points: Vec::new(), log_weights: Vec::with_capacity(draws), failures: 0, first_failure: None };
    for (batch, points) in points.chunks(BATCH).enumerate() {
        if observer.cancelled() {
            return Err(Error::Cancelled);
        }
        let value = |(index, scores): (usize, &Vec<f64>)| {
            let key = key.child((batch * BATCH + index) as u64).child(1);
            log_likelihood(&from_scores(parameters, scores), key)
        };
        let values: Vec<Result<f64, Failure>> = points.par_iter().enumerate().map(value).collect();
        for (scores, value) in points.iter().zip(values) {
            let value = value.unwrap_or_else(|Failure(text)| {
                found.failures += 1;
                found.first_failure.get_or_insert(text);
                f64::NEG_INFINITY
            });
            let weight = value + log_prior(scores) - proposal.log_density(scores);
            found.log_weights.push(if weight.is_nan() { f64::NEG_INFINITY } else { weight });
        }
    }
    found.points = points;
    Ok(found)
}

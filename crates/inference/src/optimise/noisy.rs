//! The maximum of a likelihood that is estimated.
//!
//! CMA-ES with uncertainty handling (Hansen, Niederberger, Guzzella & Koumoutsakos 2009, IEEE Trans. Evol. Comput. 13:180,
//! section V): in each generation a few points are estimated anew, and where their ranks change more than by chance the
//! effort of the estimates grows, or, when it can grow no more, the law of the search is widened; where ranks hold, the effort
//! falls. Estimates with common random numbers, the same for all points, are a function without noise, whose ranks never
//! change: then the effort stays as it is.
//!
//! The result is the mean of the search points over the last generations, not the luckiest of them.

use metacascade_random::Key;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Error,
    cma_es::{Evolution, order, within},
    latin_hypercube,
};
use crate::{Observer, Progress, parameter::from_scores, pseudo_marginal::Estimator};

/// Random numbers of estimates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbers {
    /// Others for every estimate.
    Fresh,
    /// The same for all.
    Common,
}

/// Settings of the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoisySettings {
    /// Starting points: the best of [`SCREENED`] times as many.
    pub starts: usize,
    /// Generations from each of them.
    pub generations: u64,
    /// Effort of each estimate at the beginning, such as its number of particles.
    pub effort: usize,
    /// The most that it may grow to.
    pub max_effort: usize,
    /// Random numbers of estimates.
    pub numbers: Numbers,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for NoisySettings {
    fn default() -> Self {
        Self { starts: 4, generations: 120, effort: 32, max_effort: 1024, numbers: Numbers::Fresh, seed: 1 }
    }
}

/// Points that are looked at for each start.
pub const SCREENED: usize = 10;

/// The result of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct NoisyOptimum {
    /// Parameters, on the natural scale.
    pub parameters: Vec<f64>,
    /// The logarithm of the mean of [`JUDGEMENTS`] estimates of the likelihood there, with the most effort.
    pub log_likelihood: f64,
    /// The standard error of that, by the delta method.
    pub standard_error: f64,
    /// The effort at the end.
    pub effort: usize,
    /// Estimates of the likelihood in all.
    pub evaluations: u64,
}

/// Estimates by which starts are held against each other.
pub const JUDGEMENTS: u64 = 16;

/// θ of Hansen et al. 2009: the share of possible changes of rank that count as chance.
const CHANCE: f64 = 0.2;

/// By which the effort grows, and falls.
const GROWTH: f64 = 1.5;
const FALL: f64 = 0.9;

/// Share of the generations at the end over which search points are averaged.
const LAST: u64 = 5;

/// Maximises an estimated likelihood.
///
/// # Errors
/// See [`Error`].
pub fn maximise_noisy(
    estimator: &impl Estimator,
    settings: &NoisySettings,
    observer: &mut impl Observer,
) -> Result<NoisyOptimum, Error> {
    let parameters = estimator.parameters();
    if parameters.is_empty() {
        return Err(Error::NoParameters);
    }
    for (name, value) in [("starts", settings.starts as u64), ("generations", settings.generations)] {
        if value == 0 {
            return Err(Error::Setting(name));
        }
    }
    let key = Key::new(settings.seed);
    let least = estimator.least_effort();
    let most = settings.max_effort.max(settings.effort).max(least);
    let estimate = |point: &[f64], effort: usize, own: Key| {
        let (clamped, penalty) = within(point);
        let own = if settings.numbers == Numbers::Common { key.child(COMMON) } else { own };
        let found = estimator.log_likelihood(&from_scores(parameters, &clamped), effort, own);
        found.map_or(f64::NEG_INFINITY, |value| if value.is_nan() { f64::NEG_INFINITY } else { value - penalty })
    };
    let first = settings.effort.max(least);
    let points = latin_hypercube(SCREENED * settings.starts, parameters.len(), key.child(0));
    let screened: Vec<f64> = points
        .par_iter()
        .enumerate()
        .map(|(index, point)| estimate(point, first, key.child(1).child(index as u64)))
        .collect();
    let mut evaluations = points.len() as u64;
    let mut best: Option<NoisyOptimum> = None;
    let places = order(&screened);
    if screened[places[0]] == f64::NEG_INFINITY {
        let reason = |point: &Vec<f64>| estimator.log_likelihood(&from_scores(parameters, point), first, key).err();
        let text = points.iter().find_map(reason).map_or("it is not finite".to_owned(), |failure| failure.0);
        return Err(Error::Failures { starts: points.len(), first: text });
    }
    for (start, &place) in places.iter().take(settings.starts).enumerate() {
        let key = key.child(2).child(start as u64);
        let mut evolution = Evolution::new(&points[place]);
        let mut effort = first;
        let (mut sum, mut summed) = (vec![0.0; parameters.len()], 0u64);
        for generation in 0..settings.generations {
            if observer.cancelled() {
                return Err(Error::Cancelled);
            }
            let candidates = evolution.ask(key.child(0));
            let own = key.child(1).child(generation);
            let mut values: Vec<f64> = candidates
                .par_iter()
                .enumerate()
                .map(|(index, point)| estimate(point, effort, own.child(index as u64)))
                .collect();
            evaluations += values.len() as u64;
            if settings.numbers == Numbers::Fresh {
                let count = (candidates.len() / 10).max(2).min(candidates.len());
                let again: Vec<f64> = (0..count)
                    .into_par_iter()
                    .map(|index| estimate(&candidates[index], effort, own.child((candidates.len() + index) as u64)))
                    .collect();
                evaluations += count as u64;
                let change = change(&values, &again);
                for (value, again) in values.iter_mut().zip(&again) {
                    *value = 0.5 * (*value + again);
                }
                if change > 0.0 && effort < most {
                    effort = ((effort as f64 * GROWTH).ceil() as usize).min(most);
                } else if change > 0.0 {
                    evolution.widen(1.0 + 2.0 / (parameters.len() as f64 + 10.0));
                } else {
                    effort = ((effort as f64 * FALL) as usize).max(first);
                }
            }
            let sorted: Vec<&[f64]> = order(&values).into_iter().map(|index| candidates[index].as_slice()).collect();
            if !evolution.tell(&sorted) {
                break;
            }
            // Never empty: at the latest the last generation counts.
            if generation + settings.generations.div_ceil(LAST) >= settings.generations {
                sum.iter_mut().zip(evolution.mean()).for_each(|(sum, mean)| *sum += mean);
                summed += 1;
            }
            if settings.numbers == Numbers::Common && evolution.width() < 1e-5 {
                break;
            }
        }
        let point: Vec<f64> = match summed {
            0 => evolution.mean(),
            _ => sum.iter().map(|sum| sum / summed as f64).collect(),
        };
        let judged: Vec<f64> = (0..JUDGEMENTS)
            .into_par_iter()
            .map(|index| {
                let found = estimator.log_likelihood(
                    &from_scores(parameters, &within(&point).0),
                    most,
                    key.child(2).child(index),
                );
                found.unwrap_or(f64::NEG_INFINITY)
            })
            .collect();
        evaluations += JUDGEMENTS;
        let (log_likelihood, standard_error) = log_mean(&judged);
        if best.as_ref().is_none_or(|best| log_likelihood > best.log_likelihood) {
            let parameters = from_scores(parameters, &within(&point).0);
            best = Some(NoisyOptimum { parameters, log_likelihood, standard_error, effort, evaluations });
        }
        let log_likelihood = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.log_likelihood);
        observer.progress(&Progress::Starts { done: start + 1, target: settings.starts, evaluations, log_likelihood });
    }
    best.map(|best| NoisyOptimum { evaluations, ..best }).ok_or(Error::Cancelled)
}

/// The child of the key whose random numbers are common.
const COMMON: u64 = u64::MAX;

/// The logarithm of a mean, and its standard error.
fn log_mean(logarithms: &[f64]) -> (f64, f64) {
    let highest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !highest.is_finite() {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let count = logarithms.len() as f64;
    let values = || logarithms.iter().map(|value| (value - highest).exp());
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (highest + mean.ln(), (variance / count).sqrt() / mean)
}

/// How much more ranks change from one estimate to the next than by chance: Algorithm 3 of Hansen et al. 2009. The first points
/// were estimated again.
fn change(values: &[f64], again: &[f64]) -> f64 {
    let all: Vec<f64> = values.iter().chain(again).copied().collect();
    let mut ranks = vec![0.0; all.len()];
    order(&all).into_iter().enumerate().for_each(|(rank, index)| ranks[index] = rank as f64 + 1.0);
    let limit = |rank: f64| {
        let mut away: Vec<f64> = (1..all.len()).map(|other| (other as f64 - rank).abs()).collect();
        away.sort_by(f64::total_cmp);
        // The share of all differences that a rank may have, half of them being smaller.
        away[((CHANCE * 0.5 * away.len() as f64) as usize).min(away.len() - 1)]
    };
    let of = |index: usize| {
        let (old, new) = (ranks[index], ranks[values.len() + index]);
        let between = (new - old).abs() - 1.0;
        let (above_new, above_old) = (f64::from(u8::from(old < new)), f64::from(u8::from(new < old)));
        2.0 * between - limit(new - above_new) - limit(old - above_old)
    };
    (0..again.len()).map(of).sum::<f64>() / again.len() as f64
}

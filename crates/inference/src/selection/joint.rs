//! Model choice by approximate Bayesian computation.
//!
//! Equally many data sets are simulated from the prior of each model and reduced to the same summaries. Then
//!
//! 1. the tenth nearest to the data, by summaries in units of their median absolute deviation, are kept;
//! 2. from these it is learned what tells of the parameters, of each model by itself, and of the model: linear
//!    regressions of normal scores (Fearnhead & Prangle 2012, J. R. Stat. Soc. B 74:419) and a plane between models (Prangle
//!    et al. 2014, Stat. Appl. Genet. Mol. Biol. 13:67). Those nearest in these coordinates are accepted;
//! 3. their shares, by model, are the probabilities (Grelaud et al. 2009, Bayesian Anal. 4:317), corrected for the distance
//!    that is left by multinomial logistic regression, with Epanechnikov weights (Beaumont 2008, in Simulations, Genetics
//!    and Human Prehistory, 135; Fagundes et al. 2007, PNAS 104:17614).
//!
//! What the summaries lose of the data is lost to the choice as well, and not only in precision: the probabilities need
//! not be near those given the data (Robert et al. 2011, PNAS 108:15112).

use metacascade_random::Key;
use nalgebra::DMatrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    logistic::{Odds, Rows},
    probabilities::{Choice, with_covariance},
};
use crate::{Observer, Proposal, Quantiles, Simulator, parameter::to_scores, ridge::Ridge};

/// Settings of the choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointSettings {
    /// Simulations of each model.
    pub simulations: u64,
    /// Simulations accepted, of all models together.
    pub accepted: usize,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for JointSettings {
    fn default() -> Self {
        Self { simulations: 50_000, accepted: 1000, seed: 1 }
    }
}

/// A finished choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joint {
    /// For each model.
    pub choices: Vec<Choice>,
    /// Probabilities from shares of the accepted simulations alone, without regression.
    pub unadjusted: Vec<f64>,
    /// Accepted simulations of each model.
    pub accepted: Vec<usize>,
    /// Simulations of all models.
    pub simulations: u64,
    /// Those that could not be finished, of each model; they are never accepted.
    pub failures: Vec<u64>,
    /// Why the first of them failed.
    pub first_failure: Option<String>,
    /// How many summaries were compared.
    pub summaries: usize,
    /// Whether regression was possible; if not, the probabilities are those of shares.
    pub adjusted: bool,
    /// Share of accepted simulations that have their neighbours as far away as the data have theirs, or farther: near 0 if no
    /// model simulates data like those observed (Lemaire et al. 2016, arXiv:1601.04096).
    pub likeness: f64,
}

impl Joint {
    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = vec![
            "The models were compared by summaries of the data, not by the data themselves. Summaries that suffice to \
             estimate each model's parameters may still lose what tells the models apart, so these probabilities may be \
             far from those given the whole data (Robert et al. 2011)."
                .to_owned(),
        ];
        if self.likeness < 0.01 {
            warnings.push(
                "No model simulates data like those observed: the probabilities say which is the least wrong."
                    .to_owned(),
            );
        }
        if !self.adjusted {
            warnings.push(
                "Of some model hardly any simulation came near to the data: the probabilities are shares of the accepted \
                 simulations, without regression, and small ones are rough."
                    .to_owned(),
            );
        }
        warnings
    }
}

/// Why there is no choice.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JointError {
    /// Fewer than two models, or priors that are not one positive number each.
    #[error("{0}")]
    Models(&'static str),
    /// The models' observed summaries differ.
    #[error("the models' summaries of the data differ: they must be summaries of the same data")]
    Summaries,
    /// Too few simulations.
    #[error("{found} simulations could be finished, but {wanted} are to be accepted, the nearest hundredth at most")]
    Few {
        /// Finished simulations.
        found: usize,
        /// Simulations to be accepted.
        wanted: usize,
    },
    /// The observer ended it.
    #[error("interrupted before all simulations were done")]
    Cancelled,
}

/// Simulations asked for at once.
const BATCH: u64 = 512;

/// Share of the simulations from which coordinates are learned.
const NEAR: f64 = 0.1;

/// Simulations of a model below which no regression is tried.
const FEWEST: usize = 20;

/// Accepted simulations by which the likeness is judged.
const JUDGES: usize = 100;

/// A simulation.
struct Simulated {
    model: usize,
    scores: Vec<f64>,
    summaries: Vec<f64>,
}

/// Probabilities of models from joint simulation; `priors` need not sum to 1.
///
/// # Errors
/// See [`JointError`].
pub fn by_simulation<S: Simulator + ?Sized>(
    models: &[&S],
    priors: &[f64],
    settings: &JointSettings,
    observer: &mut impl Observer,
) -> Result<Joint, JointError> {
    let Some(observed) = models.first().map(|model| model.observed()) else {
        return Err(JointError::Models("there are no models to choose from"));
    };
    if models.len() < 2 {
        return Err(JointError::Models("there is only one model"));
    }
    if priors.len() != models.len() || !priors.iter().all(|prior| *prior > 0.0 && prior.is_finite()) {
        return Err(JointError::Models("each model must have a positive prior probability"));
    }
    if models.iter().any(|model| model.observed() != observed) {
        return Err(JointError::Summaries);
    }
    let key = Key::new(settings.seed).child(JOINT);
    let mut failures = vec![0; models.len()];
    let (mut simulated, mut first_failure) = (Vec::new(), None);
    for (model, simulator) in models.iter().enumerate() {
        let key = key.child(model as u64);
        for begin in (0..settings.simulations).step_by(BATCH as usize) {
            if observer.cancelled() {
                return Err(JointError::Cancelled);
            }
            let end = (begin + BATCH).min(settings.simulations);
            let proposal = |index: u64| {
                let key = key.child(index);
                let mut stream = key.child(0).stream();
                let parameters = simulator.parameters().iter().map(|parameter| parameter.sample(&mut stream)).collect();
                Proposal { parameters, key: key.child(1) }
            };
            let proposals: Vec<Proposal> = (begin..end).map(proposal).collect();
            for (proposal, found) in proposals.iter().zip(simulator.simulate(&proposals)) {
                match found {
                    Ok(summaries) if summaries.iter().all(|value| value.is_finite()) => {
                        let scores = to_scores(simulator.parameters(), &proposal.parameters);
                        simulated.push(Simulated { model, scores, summaries });
                    }
                    other => {
                        failures[model] += 1;
                        let reason = other.err().map_or("a summary is not finite".to_owned(), |failure| failure.0);
                        first_failure.get_or_insert(reason);
                    }
                }
            }
        }
    }
    if settings.accepted < 2 * FEWEST || simulated.len() < 2 * settings.accepted {
        return Err(JointError::Few { found: simulated.len(), wanted: settings.accepted.max(2 * FEWEST) });
    }
    let columns = distinct(&simulated, observed);
    let scales: Vec<f64> = columns.iter().map(|&column| deviation(&simulated, column)).collect();
    let from = |row: &[f64], to: &[f64]| -> f64 {
        columns.iter().zip(&scales).map(|(&column, scale)| ((row[column] - to[column]) / scale).powi(2)).sum()
    };
    let near = ((NEAR * simulated.len() as f64) as usize).max(2 * settings.accepted).min(simulated.len());
    let squares: Vec<f64> = simulated.par_iter().map(|one| from(&one.summaries, observed)).collect();
    let near = nearest(&squares, near);
    let coordinates = learned(&simulated, &near, &columns, observed, models.len());
    let squares: Vec<f64> = coordinates.iter().map(|row| row.iter().map(|z| z * z).sum()).collect();
    let chosen = nearest(&squares, settings.accepted);
    // The farthest weighs nothing.
    let farthest = chosen.last().map_or(1.0, |&last| squares[last]).max(f64::MIN_POSITIVE);
    let weights: Vec<f64> = chosen.iter().map(|&index| 1.0 - squares[index] / farthest).collect();
    let accepted: Vec<&Simulated> = chosen.iter().map(|&index| &simulated[near[index]]).collect();
    let counts: Vec<usize> =
        (0..models.len()).map(|model| accepted.iter().filter(|one| one.model == model).count()).collect();
    let whole: f64 = priors.iter().sum();
    let shares: Vec<f64> = counts.iter().zip(priors).map(|(&count, prior)| count as f64 * prior / whole).collect();
    let total: f64 = shares.iter().sum();
    let unadjusted = shares.iter().map(|share| share / total).collect();
    let odds = if counts.iter().all(|&count| count >= FEWEST) {
        let predictors: Vec<Vec<f64>> = accepted
            .iter()
            .map(|one| columns.iter().map(|&column| one.summaries[column] - observed[column]).collect())
            .collect();
        let classes: Vec<usize> = accepted.iter().map(|one| one.model).collect();
        Rows { predictors: &predictors, classes: &classes, weights: &weights, count: models.len() }.odds()
    } else {
        None
    };
    let adjusted = odds.is_some();
    let (logs, covariance) =
        match odds {
            Some(Odds { mut log_odds, covariance }) => {
                log_odds.push(0.0);
                let last = models.len();
                (log_odds, covariance.resize(last, last, 0.0))
            }
            // Counts scatter as Poisson ones do; half a simulation stands for none.
            None => (
                counts.iter().map(|&count| (count as f64).max(0.5).ln()).collect(),
                DMatrix::from_fn(counts.len(), counts.len(), |i, j| {
                    if i == j { 1.0 / (counts[i] as f64).max(0.5) } else { 0.0 }
                }),
            ),
        };
    let judges: Vec<&Simulated> = accepted.iter().step_by((accepted.len() / JUDGES).max(1)).copied().collect();
    let radius = |to: &[f64]| {
        let mut squares: Vec<f64> = simulated.iter().map(|one| from(&one.summaries, to)).collect();
        let rank = (settings.accepted / 10).max(1);
        *squares.select_nth_unstable_by(rank, f64::total_cmp).1
    };
    let own = radius(observed);
    let farther: Vec<bool> = judges.par_iter().map(|judge| radius(&judge.summaries) >= own).collect();
    Ok(Joint {
        choices: with_covariance(&logs, &covariance, priors),
        unadjusted,
        accepted: counts,
        simulations: settings.simulations * models.len() as u64,
        failures,
        first_failure,
        summaries: columns.len(),
        adjusted,
        likeness: farther.iter().filter(|farther| **farther).count() as f64 / farther.len() as f64,
    })
}

/// The child of the seed's key.
const JOINT: u64 = 0x6a6f_696e_7400_0000;

/// The smallest values' positions, ascending by value; equal ones by position.
fn nearest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let compare = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]).then(a.cmp(b));
    let count = count.min(order.len());
    if count < order.len() {
        order.select_nth_unstable_by(count, compare);
        order.truncate(count);
    }
    order.sort_by(compare);
    order
}

/// Positions of the summaries that vary and are not the same as one before, in the simulations and in the data.
fn distinct(simulated: &[Simulated], observed: &[f64]) -> Vec<usize> {
    let rows: Vec<&[f64]> = simulated.iter().map(|one| one.summaries.as_slice()).chain([observed]).collect();
    let mut kept: Vec<usize> = Vec::new();
    for column in 0..observed.len() {
        let varies = rows.iter().any(|row| row[column] != rows[0][column]);
        let repeats = kept
            .iter()
            .any(|&other| rows.iter().all(|row| (row[column] - row[other]).abs() <= 1e-12 * row[other].abs()));
        if varies && !repeats {
            kept.push(column);
        }
    }
    kept
}

/// The median absolute deviation of a summary; the standard deviation where more than half are the same.
fn deviation(simulated: &[Simulated], column: usize) -> f64 {
    let values: Vec<f64> = simulated.iter().map(|one| one.summaries[column]).collect();
    let middle = Quantiles::unweighted(&values).at(0.5);
    let away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let median = Quantiles::unweighted(&away).at(0.5);
    if median > 0.0 {
        return median;
    }
    (away.iter().map(|value| value * value).sum::<f64>() / away.len() as f64).sqrt()
}

/// Differences from the data of what linear regressions predict: the parameters of each model, in units of the residual
/// standard deviation, and the model, in the same units.
fn learned(
    simulated: &[Simulated],
    near: &[usize],
    columns: &[usize],
    observed: &[f64],
    models: usize,
) -> Vec<Vec<f64>> {
    let reduced = |row: &[f64]| -> Vec<f64> { columns.iter().map(|&column| row[column]).collect() };
    let rows: Vec<Vec<f64>> = near.iter().map(|&index| reduced(&simulated[index].summaries)).collect();
    let data = reduced(observed);
    let mut coordinates = vec![Vec::new(); near.len()];
    let mut add = |predictors: &[&[f64]], responses: &[Vec<f64>]| {
        let weights = vec![1.0 / predictors.len() as f64; predictors.len()];
        let responses: Vec<&[f64]> = responses.iter().map(Vec::as_slice).collect();
        let Some(ridge) = Ridge::fit(predictors, &responses, &weights) else { return };
        for (row, coordinates) in rows.iter().zip(&mut coordinates) {
            for response in 0..ridge.coefficients.ncols() {
                let slope = ridge.coefficients.column(response);
                let difference: f64 = slope.iter().zip(row.iter().zip(&data)).map(|(b, (a, c))| b * (a - c)).sum();
                let sd = ridge.residual_covariance[(response, response)].max(1e-300).sqrt();
                coordinates.push(difference / sd);
            }
        }
    };
    for model in 0..models {
        let own: Vec<usize> = (0..near.len()).filter(|&index| simulated[near[index]].model == model).collect();
        // Fewer would teach noise.
        if own.len() < 5 * columns.len().max(FEWEST) {
            continue;
        }
        let predictors: Vec<&[f64]> = own.iter().map(|&index| rows[index].as_slice()).collect();
        let responses: Vec<Vec<f64>> = own.iter().map(|&index| simulated[near[index]].scores.clone()).collect();
        if responses.first().is_some_and(|scores| !scores.is_empty()) {
            add(&predictors, &responses);
        }
    }
    // A regression on indicators points where a discriminant does (Hastie, Tibshirani & Friedman 2009, exercise 4.2).
    let predictors: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let indicator = |index: &usize| -> Vec<f64> {
        (0..models - 1).map(|model| f64::from(u8::from(simulated[*index].model == model))).collect()
    };
    let responses: Vec<Vec<f64>> = near.iter().map(indicator).collect();
    let varies = (0..models - 1).any(|model| responses.iter().any(|row| row[model] != responses[0][model]));
    if varies {
        add(&predictors, &responses);
    }
    if coordinates.first().is_none_or(Vec::is_empty) {
        // Nothing was learned: the summaries as they are.
        return rows.iter().map(|row| row.iter().zip(&data).map(|(a, b)| a - b).collect()).collect();
    }
    coordinates
}

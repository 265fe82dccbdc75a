//! Profile likelihoods: how far a parameter can go while the others make good for it.
//!
//! Venzon & Moolgavkar 1988, J. R. Stat. Soc. C 37:87; as a test of identifiability: Raue et al. 2009, Bioinformatics
//! 25:1923. No prior enters but as the range that is searched.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{Error, Maximum, Objective, Optimum, maximise};
use crate::{
    Failure, Likelihood, Parameter,
    parameter::{from_scores, to_scores},
};

/// A profile is followed until the log-likelihood has dropped by this: beyond the interval of 95 %, whose drop is 1.92.
const DROP: f64 = 2.5;

/// Drop from one point to the next that is aimed at.
const STRIDE: f64 = 0.35;

/// Normal score, to either side, that counts as the end of the prior: one part in 30,000 lies beyond.
const EDGE: f64 = 4.0;

/// Most points to either side.
const POINTS: usize = 40;

/// Iterations from one point to the next, which is near.
const ITERATIONS: u64 = 30;

/// A change of the log-likelihood that moves no end of an interval.
const TOLERANCE: f64 = 1e-4;

/// The highest log-likelihood that leaves a parameter at each of some values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The parameter's name.
    pub name: String,
    /// Values of the parameter, on its natural scale, ascending.
    pub values: Vec<f64>,
    /// The highest log-likelihood with the parameter at each of them.
    pub log_likelihoods: Vec<f64>,
}

/// How far the log-likelihood drops at the ends of an interval of a confidence level: half the quantile of χ² with one
/// degree of freedom.
///
/// # Panics
/// If `level` is not between 0 and 1.
#[must_use]
pub fn profile_drop(level: f64) -> f64 {
    // One degree of freedom is a valid number of them.
    ChiSquared::new(1.0).map_or(f64::NAN, |law| 0.5 * law.inverse_cdf(level))
}

impl Profile {
    /// Position of the highest log-likelihood; none if there are no points.
    #[must_use]
    pub fn peak(&self) -> Option<usize> {
        // The first, where several are equal.
        let indices = (0..self.log_likelihoods.len()).rev();
        indices.max_by(|&a, &b| self.log_likelihoods[a].total_cmp(&self.log_likelihoods[b]))
    }

    /// The interval of values that the data do not reject at a confidence level: those at which the log-likelihood has
    /// dropped by less than [`profile_drop`]. An end is missing where the profile stays
    /// above up to the end of the prior: the data set no bound there.
    ///
    /// # Panics
    /// If `level` is not between 0 and 1.
    #[must_use]
    pub fn interval(&self, level: f64) -> (Option<f64>, Option<f64>) {
        let Some(at) = self.peak() else { return (None, None) };
        let (best, limit) = (self.log_likelihoods[at], (2.0 * profile_drop(level)).sqrt());
        // The root of twice the drop is nearly linear in the parameter, and exactly so for a quadratic function.
        let root = |index: usize| (2.0 * (best - self.log_likelihoods[index])).max(0.0).sqrt();
        let crossing = |indices: &mut dyn Iterator<Item = usize>| {
            let mut inner = at;
            for outer in indices {
                if root(outer) >= limit {
                    let share = (limit - root(inner)) / (root(outer) - root(inner));
                    return Some(self.values[inner] + share * (self.values[outer] - self.values[inner]));
                }
                inner = outer;
            }
            None
        };
        (crossing(&mut (0..at).rev()), crossing(&mut (at + 1..self.values.len())))
    }
}

/// The profile of every parameter around a maximum, found by climbing anew from each point to the next.
///
/// # Errors
/// If an optimiser refuses.
pub fn profiles(likelihood: &impl Likelihood, optimum: &Optimum) -> Result<Vec<Profile>, Error> {
    let parameters = likelihood.parameters();
    let value = |scores: &[f64]| likelihood.log_likelihood(&from_scores(parameters, scores));
    Ok(around(parameters, &value, optimum)?.0)
}

/// The profiles around a maximum, and the highest point met on the way, if it is higher.
pub(super) fn around(
    parameters: &[Parameter],
    value: &(impl Objective + Sync),
    optimum: &Optimum,
) -> Result<(Vec<Profile>, Option<Maximum>), Error> {
    let best = Maximum {
        point: to_scores(parameters, &optimum.parameters).iter().map(|score| score.clamp(-EDGE, EDGE)).collect(),
        value: optimum.log_likelihood,
    };
    let sides: Vec<(usize, f64)> = (0..parameters.len()).flat_map(|index| [(index, -1.0), (index, 1.0)]).collect();
    let walked: Vec<Result<Vec<Maximum>, Error>> = sides
        .par_iter()
        .map(|&(index, direction)| {
            let deviation = optimum.covariance[index][index].max(0.0).sqrt().min(1.0);
            walk(value, &best, index, direction * deviation)
        })
        .collect();
    let mut walked = walked.into_iter();
    let mut profiles = Vec::with_capacity(parameters.len());
    let mut higher: Option<Maximum> = None;
    for (index, parameter) in parameters.iter().enumerate() {
        let mut side = || walked.next().unwrap_or_else(|| Ok(Vec::new()));
        let (down, up) = (side()?, side()?);
        for point in down.iter().chain(&up).filter(|point| point.value > best.value) {
            // The first, where several are equal.
            if higher.as_ref().is_none_or(|higher| point.value > higher.value) {
                higher = Some(point.clone());
            }
        }
        profiles.push(joined(parameter, index, down.into_iter().rev().chain([best.clone()]).chain(up)));
    }
    Ok((profiles, higher))
}

fn joined(parameter: &Parameter, index: usize, points: impl Iterator<Item = Maximum>) -> Profile {
    let points = points.filter(|point| point.value.is_finite());
    let (values, log_likelihoods) = points.map(|point| (parameter.from_score(point.point[index]), point.value)).unzip();
    Profile { name: parameter.name.clone(), values, log_likelihoods }
}

/// Points of a profile to one side of the maximum, outwards; `step` is a first guess at a standard deviation.
fn walk(value: &impl Objective, best: &Maximum, index: usize, step: f64) -> Result<Vec<Maximum>, Error> {
    let mut found: Vec<Maximum> = Vec::new();
    // A drop of STRIDE is at .84 standard deviations of a quadratic function.
    let mut step = (2.0 * STRIDE).sqrt() * step;
    while found.len() < POINTS {
        let (last, before) = match found.as_slice() {
            [] => (best, None),
            [last] => (last, Some(best)),
            [.., before, last] => (last, Some(before)),
        };
        let here = last.point[index];
        let next = (here + step).clamp(-EDGE, EDGE);
        if (next - here).abs() < 1e-9 {
            break;
        }
        // The others go on as they went.
        let mut start = last.point.clone();
        if let Some(before) = before {
            let stride = (next - here) / (here - before.point[index]);
            for (coordinate, (to, from)) in start.iter_mut().zip(last.point.iter().zip(&before.point)) {
                *coordinate = (to + stride * (to - from)).clamp(-EDGE, EDGE);
            }
        }
        let maximum = climb(value, &start, index, next)?;
        let fall = last.value - maximum.value;
        if fall > 3.0 * STRIDE && step.abs() > 1e-4 {
            step *= (STRIDE / fall).max(0.2);
            continue;
        }
        let failed = !maximum.value.is_finite();
        let drop = best.value - maximum.value;
        found.push(maximum);
        if failed || drop > DROP {
            break;
        }
        step *= (STRIDE / fall.max(1e-3)).clamp(0.5, 2.0);
    }
    Ok(found)
}

/// The highest point with one coordinate fixed.
fn climb(value: &impl Objective, start: &[f64], index: usize, fixed: f64) -> Result<Maximum, Error> {
    let whole = |others: &[f64]| {
        let mut point = others.to_vec();
        point.insert(index, fixed);
        point
    };
    let mut others = start.to_vec();
    others.remove(index);
    if others.is_empty() {
        let point = whole(&others);
        return Ok(Maximum { value: value(&point).unwrap_or(f64::NEG_INFINITY), point });
    }
    let restricted = |others: &[f64]| -> Result<f64, Failure> { value(&whole(others)) };
    let found = super::quasi_newton::maximise(&restricted, &others, ITERATIONS, TOLERANCE);
    // Gradients lead nowhere from where there is no likelihood.
    let found = if found.value.is_finite() { found } else { maximise(&restricted, &others, 10 * ITERATIONS)? };
    Ok(Maximum { point: whole(&found.point), value: found.value })
}

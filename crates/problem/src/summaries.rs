//! Summaries of a data set: coordinates in which distances and linear regressions make sense.
//!
//! * Each (observable, experiment, time) gives one coordinate, the mean over its subjects of the transformed
//!   measurement. Numbers of cells, amounts and whatever has logarithmic noise are transformed by asinh(y/s): linear
//!   near 0, logarithmic far from it. s is the measurement's noise where it is a number; otherwise 5 % of the median
//!   of the absolute measurements of that observable and experiment. Fractions and the rest stay as they are.
//! * Where several subjects were measured at equal times, one coordinate for each (observable, experiment): the
//!   logarithm of the variance between subjects, pooled over times. Subjects are exchangeable: which of them comes
//!   first in the table changes nothing.
//! * Where the noise has an estimated parameter and there are at least five times, one coordinate for each
//!   (observable, experiment): the logarithm of the mean squared deviation of inner points from the line through
//!   their neighbours (von Neumann 1941, Ann. Math. Statist. 12:367, for unequal steps), which tells noise from trend.

use std::{collections::BTreeMap, ops::Range};

use crate::{measurements::Override, observables::Kind, problem::Problem};

/// Fewest times for the statistic of roughness.
const ROUGHNESS_TIMES: usize = 5;

/// A variance of exactly 0 is taken as this share of the squared unit, so that its logarithm is finite.
const SMALLEST_VARIANCE: f64 = 1e-6;

/// How measurements become coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Transform {
    Identity,
    /// asinh(y / s).
    Asinh(f64),
}

impl Transform {
    fn apply(self, y: f64) -> f64 {
        match self {
            Self::Identity => y,
            Self::Asinh(scale) => (y / scale).asinh(),
        }
    }
}

/// All measurements of one observable in one experiment.
#[derive(Debug)]
struct Group {
    observable: usize,
    experiment: usize,
    /// Each time and its members, as a range of `Summaries::members`.
    times: Vec<(f64, Range<usize>)>,
    spread: bool,
    roughness: bool,
    /// What is a small variance in these coordinates.
    floor: f64,
}

/// A measurement: time, position among the data, value, noise if it is a number.
type Row = (f64, usize, f64, Option<f64>);

/// The map from data sets to summaries.
#[derive(Debug)]
pub(crate) struct Summaries {
    groups: Vec<Group>,
    /// Position among the data and its transform.
    members: Vec<(usize, Transform)>,
}

impl Summaries {
    pub fn new(problem: &Problem) -> Self {
        let mut found: BTreeMap<(usize, usize), Vec<Row>> = BTreeMap::new();
        let mut rough: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        let mut position = 0;
        for series in problem.series() {
            let key = (series.observable, series.experiment);
            let rows = found.entry(key).or_default();
            for row in &series.measurements {
                rows.push((row.time, position, row.value, row.noise));
                position += 1;
                *rough.entry(key).or_default() |= noise_is_estimated(problem, series.observable, &row.overrides);
            }
        }
        let mut members = Vec::with_capacity(position);
        let mut groups = Vec::new();
        for ((observable, experiment), mut rows) in found {
            rows.sort_by(|a, b| a.0.total_cmp(&b.0));
            let definition = &problem.observables()[observable];
            let stabilised = matches!(definition.kind, Kind::Cells | Kind::Amount) || definition.noise.is_logarithmic();
            let typical = typical(rows.iter().map(|row| row.2));
            let mut times: Vec<(f64, Range<usize>)> = Vec::new();
            for (time, position, _, noise) in rows {
                // With logarithmic noise, the noise is relative: no scale of the measurement.
                let noise = noise.filter(|_| !definition.noise.is_logarithmic());
                let transform =
                    if stabilised { Transform::Asinh(noise.unwrap_or(0.05 * typical)) } else { Transform::Identity };
                members.push((position, transform));
                let end = members.len();
                match times.last_mut() {
                    Some((last, range)) if *last == time => range.end = end,
                    _ => times.push((time, end - 1..end)),
                }
            }
            let unit = if stabilised || definition.kind == Kind::Fraction { 1.0 } else { typical };
            groups.push(Group {
                observable,
                experiment,
                spread: times.iter().any(|(_, range)| range.len() > 1),
                roughness: times.len() >= ROUGHNESS_TIMES && rough.get(&(observable, experiment)) == Some(&true),
                times,
                floor: SMALLEST_VARIANCE * unit * unit,
            });
        }
        Self { groups, members }
    }

    /// The summaries of a data set.
    pub fn of(&self, data: &[f64]) -> Vec<f64> {
        let mut summaries = Vec::with_capacity(self.members.len());
        for group in &self.groups {
            let start = summaries.len();
            let (mut squares, mut degrees) = (0.0, 0);
            for (_, range) in &group.times {
                let values = self.members[range.clone()].iter().map(|&(at, transform)| transform.apply(data[at]));
                let mean = values.clone().sum::<f64>() / range.len() as f64;
                squares += values.map(|value| (value - mean) * (value - mean)).sum::<f64>();
                degrees += range.len() - 1;
                summaries.push(mean);
            }
            let roughness = group.roughness.then(|| mean_squared_roughness(&group.times, &summaries[start..]));
            if group.spread {
                summaries.push((squares / degrees as f64 + group.floor).ln());
            }
            summaries.extend(roughness.map(|roughness| (roughness + group.floor).ln()));
        }
        summaries
    }

    /// What each summary is.
    pub fn names(&self, problem: &Problem) -> Vec<String> {
        let mut names = Vec::new();
        for group in &self.groups {
            let observable = &problem.observables()[group.observable].id;
            let experiment = &problem.experiments()[group.experiment].id;
            names.extend(group.times.iter().map(|(time, _)| format!("{observable} {experiment} at {time}")));
            if group.spread {
                names.push(format!("{observable} {experiment} log variance between subjects"));
            }
            if group.roughness {
                names.push(format!("{observable} {experiment} log roughness"));
            }
        }
        names
    }
}

/// The median of the absolute values that are not 0, or 1 if there is none.
fn typical(values: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = values.map(f64::abs).filter(|&size| size > 0.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.get(sizes.len() / 2).copied().unwrap_or(1.0)
}

/// The mean squared deviation of inner points from the line through their neighbours.
///
/// Each square is divided by 1 + a² + b², a and b being the neighbours' weights: for pure noise of variance v its
/// expectation is v, whatever the steps.
fn mean_squared_roughness(times: &[(f64, Range<usize>)], means: &[f64]) -> f64 {
    let squares = times.windows(3).zip(means.windows(3)).map(|(times, means)| {
        let (before, middle, after) = (times[0].0, times[1].0, times[2].0);
        let a = (after - middle) / (after - before);
        let b = 1.0 - a;
        let residual = means[1] - a * means[0] - b * means[2];
        residual * residual / (1.0 + a * a + b * b)
    });
    squares.sum::<f64>() / (means.len() - 2) as f64
}

/// Whether a measurement's noise depends on an estimated parameter.
fn noise_is_estimated(problem: &Problem, observable: usize, overrides: &[Override]) -> bool {
    let observable = &problem.observables()[observable];
    let placeholders = observable.placeholder_slots();
    observable.noise_program.reads().iter().any(|&slot| {
        let slot = match placeholders.contains(&slot).then(|| overrides[slot - placeholders.start]) {
            Some(Override::Slot(slot)) => slot,
            Some(Override::Number(_)) => return false,
            None => slot,
        };
        problem.estimated_positions.iter().any(|&position| problem.slots[position] == slot)
    })
}

#[cfg(test)]
mod tests;

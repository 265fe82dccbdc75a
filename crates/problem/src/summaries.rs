//! Summaries of a data set: coordinates in which distances and linear regressions make sense.
//!
//! * Each (observable, experiment, time) gives one coordinate, the mean over its subjects of the transformed
//!   measurement. Numbers of cells, amounts and whatever has logarithmic noise are transformed by asinh(y/s): linear
//!   near 0, logarithmic far from it. s is the measurement's noise where it is a number; otherwise 5 % of the median
//!   of the absolute measurements of that observable and experiment. Fractions and the rest stay as they are.
//! * Where several subjects were measured at equal times, one coordinate for each (observable, experiment): the
//!   logarithm of the variance between subjects, pooled over times. Subjects are exchangeable: which of them comes
//!   first in the table changes nothing.
//! * Where the noise has an estimated parameter, one coordinate for each (observable, experiment): the logarithm of the
//!   mean squared deviation from a reference, the model's mean field where it fits the data best, after what a change
//!   of parameters could explain to first order is taken away. Any fixed reference would do; near the data this one
//!   tells noise from trend.

use std::{collections::BTreeMap, ops::Range};

use crate::{measurements::Override, observables::Kind, problem::Problem};

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
    noise_is_estimated: bool,
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
    reference: Option<Reference>,
}

/// Data sets without noise, before and after one parameter changes.
pub(crate) type Change = (Vec<f64>, Vec<f64>);

/// What data are compared with to tell noise from trend. Coordinates are those of all groups whose noise is estimated.
#[derive(Debug)]
struct Reference {
    coordinates: Vec<f64>,
    /// Orthonormal directions in which the parameters move the coordinates.
    directions: Vec<Vec<f64>>,
}

impl Summaries {
    pub fn new(problem: &Problem) -> Self {
        let mut found: BTreeMap<(usize, usize), Vec<Row>> = BTreeMap::new();
        let mut estimated: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        let mut position = 0;
        for series in problem.series() {
            let key = (series.observable, series.experiment);
            let rows = found.entry(key).or_default();
            for row in &series.measurements {
                rows.push((row.time, position, row.value, row.noise));
                position += 1;
                *estimated.entry(key).or_default() |= noise_is_estimated(problem, series.observable, &row.overrides);
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
                noise_is_estimated: estimated.get(&(observable, experiment)) == Some(&true),
                times,
                floor: SMALLEST_VARIANCE * unit * unit,
            });
        }
        Self { groups, members, reference: None }
    }

    /// Whether there is noise to be estimated, for which a reference is needed.
    pub fn wants_reference(&self) -> bool {
        self.groups.iter().any(|group| group.noise_is_estimated)
    }

    /// Sets the reference, a data set without noise, and how each parameter changes it.
    pub fn set_reference(&mut self, data: &[f64], changes: &[Change]) {
        let coordinates = self.noisy(data);
        let mut directions: Vec<Vec<f64>> = Vec::new();
        for (down, up) in changes {
            let mut direction: Vec<f64> = self.noisy(up).iter().zip(self.noisy(down)).map(|(a, b)| a - b).collect();
            let length = norm(&direction);
            remove(&mut direction, &directions);
            let left = norm(&direction);
            // What earlier directions explain to rounding is none of its own; something must be left for the noise.
            if left > 1e-6 * length && directions.len() + 1 < coordinates.len() {
                directions.push(direction.iter().map(|value| value / left).collect());
            }
        }
        self.reference = Some(Reference { coordinates, directions });
    }

    /// The coordinates of the groups whose noise is estimated.
    fn noisy(&self, data: &[f64]) -> Vec<f64> {
        let groups = self.groups.iter().filter(|group| group.noise_is_estimated);
        let times = groups.flat_map(|group| &group.times);
        times.map(|(_, range)| mean(&self.members[range.clone()], data)).collect()
    }

    /// The summaries of a data set.
    pub fn of(&self, data: &[f64]) -> Vec<f64> {
        let mut summaries = Vec::with_capacity(self.members.len());
        let mut noisy = Vec::new();
        for group in &self.groups {
            let start = summaries.len();
            let (mut squares, mut degrees) = (0.0, 0);
            for (_, range) in &group.times {
                let members = &self.members[range.clone()];
                let mean = mean(members, data);
                squares +=
                    members.iter().map(|(at, transform)| (transform.apply(data[*at]) - mean).powi(2)).sum::<f64>();
                degrees += range.len() - 1;
                summaries.push(mean);
            }
            if group.noise_is_estimated {
                noisy.extend_from_slice(&summaries[start..]);
            }
            if group.spread {
                summaries.push((squares / degrees as f64 + group.floor).ln());
            }
        }
        summaries.extend(self.reference.iter().flat_map(|reference| self.deviations(reference, &noisy)));
        summaries
    }

    /// The logarithms of the mean squared deviations from the reference.
    fn deviations(&self, reference: &Reference, coordinates: &[f64]) -> Vec<f64> {
        let mut deviation: Vec<f64> = coordinates.iter().zip(&reference.coordinates).map(|(a, b)| a - b).collect();
        remove(&mut deviation, &reference.directions);
        // Each direction takes one degree of freedom, shared by all.
        let share = 1.0 - reference.directions.len() as f64 / deviation.len() as f64;
        let mut rest = deviation.as_slice();
        let groups = self.groups.iter().filter(|group| group.noise_is_estimated);
        let logarithm = |group: &Group| {
            let (own, others) = rest.split_at(group.times.len());
            rest = others;
            let square = own.iter().map(|value| value * value).sum::<f64>() / (share * own.len() as f64);
            (square + group.floor).ln()
        };
        groups.map(logarithm).collect()
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
        }
        for group in self.groups.iter().filter(|group| group.noise_is_estimated && self.reference.is_some()) {
            let observable = &problem.observables()[group.observable].id;
            let experiment = &problem.experiments()[group.experiment].id;
            names.push(format!("{observable} {experiment} log deviation from the reference"));
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

/// The mean coordinate of some members.
fn mean(members: &[(usize, Transform)], data: &[f64]) -> f64 {
    members.iter().map(|&(at, transform)| transform.apply(data[at])).sum::<f64>() / members.len() as f64
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Takes away what lies along orthonormal directions.
fn remove(values: &mut [f64], directions: &[Vec<f64>]) {
    for direction in directions {
        let along: f64 = values.iter().zip(direction).map(|(a, b)| a * b).sum();
        values.iter_mut().zip(direction).for_each(|(value, entry)| *value -= along * entry);
    }
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

//! Summaries of a data set: coordinates in which distances and linear regressions make sense.
//!
//! * Each (observable, experiment, time) gives one coordinate, the mean over its subjects of the transformed
//!   measurement. Numbers of cells, amounts and whatever has logarithmic noise are transformed by asinh(y/s): linear
//!   near 0, logarithmic far from it. s is the measurement's noise where it is a number; otherwise 5 % of the median
//!   of the absolute measurements of that observable and experiment, and one counted cell at least under a law of counts.
//!   Shares of trials are transformed by the arcsine of the root, whose variance hardly depends on the share (Anscombe
//!   1948, Biometrika 35:246). Fractions and the rest stay as they are. Counts of part of a sample are first divided
//!   by what share it is.
//! * Where several subjects were measured at equal times, one coordinate for each (observable, experiment): the
//!   logarithm of the variance between subjects, pooled over times. Subjects are exchangeable: which of them comes
//!   first in the table changes nothing.
//! * Where subjects of two groups or more were measured, one coordinate for each (observable, experiment): the logarithm
//!   of the mean squared deviation of the groups' means, which tells what groups share from what subjects differ in.
//! * Where means of several subjects come with their standard deviation, one coordinate for each (observable,
//!   experiment): the logarithm of the pooled variance.
//! * Where named subjects (`replicateId`, `subjectId`) were counted again and again, three coordinates for each
//!   (observable, experiment) say how the next count follows from the one before ([`transitions`]).
//! * Where the noise has an estimated parameter, one coordinate for each (observable, experiment): the logarithm of the
//!   mean squared deviation from a reference, the model's mean field where it fits the data best, after what a change
//!   of parameters could explain to first order is taken away. Any fixed reference would do; near the data this one
//!   tells noise from trend.
//!
//! Values beyond an assay's limits enter as the limit, measured and simulated alike; a value that was found in an
//! interval is the lower end, and so is what is simulated in it. The distance between summaries is that of
//! [`metacascade_inference::abc_smc`]: differences in what regression predicts from them, so their scales do not matter,
//! and which of them tell of which parameter is learned.

mod transitions;

use std::{collections::BTreeMap, ops::Range};

use crate::{
    measurements::{Measurement, Override, Reading},
    noise::NoiseDistribution,
    observables::{Kind, Observable},
    problem::Problem,
};
use transitions::Transitions;

/// A variance of exactly 0 is taken as this share of the squared unit, so that its logarithm is finite.
const SMALLEST_VARIANCE: f64 = 1e-6;

/// How measurements become coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Transform {
    Identity,
    /// y / e: what all would have given where a share e was looked at.
    Scaled(f64),
    /// asinh(y / s).
    Asinh(f64),
    /// asin √((k + 3/8) / (n + 3/4)) of k out of n trials.
    Arcsine(f64),
}

impl Transform {
    fn apply(self, y: f64) -> f64 {
        match self {
            Self::Identity => y,
            Self::Scaled(exposure) => y / exposure,
            Self::Asinh(scale) => (y / scale).asinh(),
            Self::Arcsine(trials) => ((y + 0.375) / (trials + 0.75)).clamp(0.0, 1.0).sqrt().asin(),
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
    /// Of each group of subjects, positions among `Summaries::members` and among `times`.
    kin: Vec<Vec<(usize, usize)>>,
    /// Positions of the standard deviations of means, the degrees of freedom of each, and what is a small variance.
    deviations: Vec<(usize, f64)>,
    small: f64,
    /// How counts follow from counts.
    transitions: Option<Transitions>,
}

/// A measurement, its position among the data, and its subject's group.
type Row<'p> = (&'p Measurement, usize, Option<usize>);

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
        let mut found: BTreeMap<(usize, usize), Vec<Row<'_>>> = BTreeMap::new();
        let mut estimated: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        let mut deviations: BTreeMap<(usize, usize), Vec<(usize, f64)>> = BTreeMap::new();
        let (mut position, mut spread) = (0, problem.measurement_count());
        for series in problem.series() {
            let key = (series.observable, series.experiment);
            let subject = problem.trajectories()[series.trajectory].subject;
            let kin = subject.and_then(|subject| problem.subjects()[subject].group);
            let rows = found.entry(key).or_default();
            for row in &series.measurements {
                rows.push((row, position, kin));
                position += 1;
                if let Reading::Mean { n, sd: Some(_) } = row.reading {
                    deviations.entry(key).or_default().push((spread, n - 1.0));
                    spread += 1;
                }
                *estimated.entry(key).or_default() |= noise_is_estimated(problem, series.observable, &row.overrides);
            }
        }
        let mut transitions = transitions::of(problem);
        let mut members = Vec::with_capacity(position);
        let mut groups = Vec::new();
        for ((observable, experiment), mut rows) in found {
            rows.sort_by(|a, b| a.0.time.total_cmp(&b.0.time));
            let definition = &problem.observables()[observable];
            let typical = typical(rows.iter().map(|(row, ..)| row.level()));
            let mut times: Vec<(f64, Range<usize>)> = Vec::new();
            let mut kin: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
            for (row, position, group) in rows {
                members.push((position, transform(definition, row, typical)));
                let end = members.len();
                match times.last_mut() {
                    Some((last, range)) if *last == row.time => range.end = end,
                    _ => times.push((row.time, end - 1..end)),
                }
                if let Some(group) = group {
                    kin.entry(group).or_default().push((end - 1, times.len() - 1));
                }
            }
            let key = (observable, experiment);
            let unit = if is_stabilised(definition) || definition.kind == Kind::Fraction { 1.0 } else { typical };
            groups.push(Group {
                observable,
                experiment,
                spread: times.iter().any(|(_, range)| range.len() > 1),
                noise_is_estimated: estimated.get(&key) == Some(&true),
                times,
                floor: SMALLEST_VARIANCE * unit * unit,
                kin: if kin.len() > 1 { kin.into_values().collect() } else { Vec::new() },
                deviations: deviations.remove(&key).unwrap_or_default(),
                small: SMALLEST_VARIANCE * typical * typical,
                transitions: transitions.remove(&key),
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
            if !group.kin.is_empty() {
                let deviation = |members: &Vec<(usize, usize)>| {
                    let own = |&(member, time): &(usize, usize)| {
                        let (at, transform) = self.members[member];
                        transform.apply(data[at]) - summaries[start + time]
                    };
                    members.iter().map(own).sum::<f64>() / members.len() as f64
                };
                let squares: f64 = group.kin.iter().map(|members| deviation(members).powi(2)).sum();
                summaries.push((squares / group.kin.len() as f64 + group.floor).ln());
            }
            if !group.deviations.is_empty() {
                let total: f64 = group.deviations.iter().map(|(_, degrees)| degrees).sum();
                let sum = |sum, &(at, degrees): &(usize, f64)| sum + degrees * data[at] * data[at];
                summaries.push((group.deviations.iter().fold(0.0, sum) / total + group.small).ln());
            }
            summaries.extend(group.transitions.iter().flat_map(|transitions| transitions.summaries(data)));
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
            if !group.kin.is_empty() {
                names.push(format!("{observable} {experiment} log variance between groups"));
            }
            if !group.deviations.is_empty() {
                names.push(format!("{observable} {experiment} log variance as given"));
            }
            if group.transitions.is_some() {
                names.extend(Transitions::NAMES.map(|name| format!("{observable} {experiment} {name}")));
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

/// Whether the scatter of an observable grows with its value, so that it is compared on a logarithmic scale.
fn is_stabilised(observable: &Observable) -> bool {
    let counted = matches!(observable.noise, NoiseDistribution::Poisson | NoiseDistribution::NegativeBinomial);
    matches!(observable.kind, Kind::Cells | Kind::Amount) || observable.noise.is_logarithmic() || counted
}

/// How a measurement becomes a coordinate.
fn transform(observable: &Observable, row: &Measurement, typical: f64) -> Transform {
    if observable.noise.is_discrete()
        && !matches!(observable.noise, NoiseDistribution::Poisson | NoiseDistribution::NegativeBinomial)
    {
        return Transform::Arcsine(row.exposure);
    }
    if !is_stabilised(observable) {
        return match row.exposure {
            1.0 => Transform::Identity,
            exposure => Transform::Scaled(exposure),
        };
    }
    // With logarithmic noise the noise is relative, with counts it is a dispersion: no scale of the measurement.
    let noise = row.noise.filter(|_| !observable.noise.is_logarithmic() && !observable.noise.is_discrete());
    let least = if observable.noise.is_discrete() { 1.0 } else { 0.0 };
    Transform::Asinh(noise.unwrap_or(0.05 * typical * row.exposure).max(least))
}

/// The median of the absolute values that are not 0, or 1 if there is none.
pub(crate) fn typical(values: impl Iterator<Item = f64>) -> f64 {
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

//! How a count follows from the one before, in subjects that are followed.
//!
//! Means and variances at each time say little of birth, death and immigration apart: they see their difference. The
//! changes of single subjects see more: given X now, the change per time has the mean a + b·X, where a is what
//! immigrates and b birth less death, and a variance that grows as X does, with birth plus death. The three
//! coordinates are a and b, by least squares with weights 1/(X + 1), which need no more than that (Wei & Winnicki 1990,
//! Ann. Statist. 18:1757), and the logarithm of the weighted mean squared residual. Transitions of all subjects of an
//! experiment are pooled. Times that are not evenly spaced make them rougher, but no less comparable.

use std::collections::BTreeMap;

use crate::{noise::NoiseDistribution, observables::Kind, problem::Problem};

/// Transitions that are enough for a line and what is left of it.
const FEWEST: usize = 4;

/// The transitions of one observable in one experiment.
#[derive(Debug)]
pub(super) struct Transitions {
    /// Position among the data and the exposure, before and after, and the time between.
    pairs: Vec<([(usize, f64); 2], f64)>,
    /// A typical count, and a typical time between two.
    scale: f64,
    step: f64,
}

/// Those of all observables that count cells, by observable and experiment.
pub(super) fn of(problem: &Problem) -> BTreeMap<(usize, usize), Transitions> {
    let mut found: BTreeMap<(usize, usize), Transitions> = BTreeMap::new();
    let mut position = 0;
    for series in problem.series() {
        let observable = &problem.observables()[series.observable];
        let counted = matches!(observable.noise, NoiseDistribution::Poisson | NoiseDistribution::NegativeBinomial);
        let named = !problem.trajectories()[series.trajectory].replicate.is_empty();
        if (observable.kind == Kind::Cells || counted) && named {
            let key = (series.observable, series.experiment);
            let of = found.entry(key).or_insert(Transitions { pairs: Vec::new(), scale: 1.0, step: 1.0 });
            for (index, rows) in series.measurements.windows(2).enumerate() {
                let time = rows[1].time - rows[0].time;
                if time > 0.0 {
                    let at = position + index;
                    of.pairs.push(([(at, rows[0].exposure), (at + 1, rows[1].exposure)], time));
                }
            }
        }
        position += series.measurements.len();
    }
    found.retain(|_, transitions| transitions.pairs.len() >= FEWEST);
    let values: Vec<f64> =
        problem.series().iter().flat_map(|series| &series.measurements).map(|row| row.value).collect();
    for transitions in found.values_mut() {
        let levels = transitions.pairs.iter().map(|([(at, exposure), _], _)| values[*at] / exposure);
        transitions.scale = super::typical(levels);
        transitions.step = super::typical(transitions.pairs.iter().map(|(_, time)| *time));
    }
    found
}

impl Transitions {
    pub const NAMES: [&str; 3] = ["change at 0", "change with the count", "log variance of changes"];

    /// The three coordinates of a data set: per typical time, the first of the typical count's size, and bounded on the
    /// scale of asinh, since simulated counts may explode.
    pub fn summaries(&self, data: &[f64]) -> [f64; 3] {
        let mut sums = [0.0; 5];
        for &([(before, first), (after, second)], time) in &self.pairs {
            let x = data[before] / first;
            let change = (data[after] / second - x) / time;
            let weight = 1.0 / (x.max(0.0) + 1.0);
            for (sum, term) in sums.iter_mut().zip([1.0, x, change, x * x, x * change]) {
                *sum += weight * term;
            }
        }
        if sums.iter().any(|sum| sum.is_nan()) {
            return [f64::NAN; 3];
        }
        let [weight, x, change, square, product] = sums;
        let spread = square / weight - (x / weight).powi(2);
        let covariance = product / weight - x * change / (weight * weight);
        // Where all counts are the same, nothing is seen of the slope.
        let slope = if spread > 1e-12 * (x / weight).powi(2).max(1.0) { covariance / spread } else { 0.0 };
        let intercept = (change - slope * x) / weight;
        let mut residual = 0.0;
        for &([(before, first), (after, second)], time) in &self.pairs {
            let x = data[before] / first;
            let change = (data[after] / second - x) / time;
            residual += time * (change - intercept - slope * x).powi(2) / (x.max(0.0) + 1.0);
        }
        let variance = self.step * residual / self.pairs.len() as f64;
        [
            (self.step * intercept / (0.05 * self.scale)).asinh(),
            (self.step * slope / 0.05).asinh(),
            (variance + 1e-6).ln(),
        ]
    }
}

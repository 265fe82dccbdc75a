//! The law of counts that are followed over time, as a function of the parameters.

use nalgebra::{Cholesky, DMatrix, DVector};
use rayon::prelude::*;
use statrs::function::gamma::{digamma, ln_gamma};

use super::{basis::dot, regression::Rows};

/// Counts after one length of time: of x individuals a binomial number j has descendants, and given them the count is j
/// plus a negative binomial number of shape j + ρ and ratio β (so linear birth and death with immigration behaves, with
/// ρ the immigration over the birth rate). The logits of the binomial probability and of β, and ln ρ, are polynomials.
#[derive(Clone, Debug)]
pub(super) struct Branching {
    coefficients: [Vec<f64>; 3],
    observed: Vec<(f64, f64)>,
}

/// Linear predictors are kept within this: beyond it nothing changes but rounding.
const LIMIT: f64 = 20.0;

/// Penalty as in [`super::regression`].
const PENALTY: f64 = 0.3;

/// The log-probability of one step, and its derivatives by the three predictors.
fn step(eta: [f64; 3], (from, to): (f64, f64)) -> (f64, [f64; 3]) {
    let [alive, ratio] = [eta[0], eta[1]].map(|eta| 1.0 / (1.0 + (-eta.clamp(-LIMIT, LIMIT)).exp()));
    let shape = eta[2].clamp(-LIMIT, LIMIT).exp();
    // Terms are relative to that of j = 0; the sum is rescaled before it overflows, and ends when terms have become small.
    let factor = alive / (1.0 - alive) * ((1.0 - ratio) / ratio);
    let (mut term, mut sum, mut scale) = (1.0f64, 1.0f64, 0.0);
    let (mut first, mut digammas, mut harmonic) = (0.0, 0.0, 0.0);
    let most = from.min(to);
    let mut j = 0.0;
    while j < most {
        let growth = (from - j) * (to - j) / ((j + 1.0) * (j + shape)) * factor;
        harmonic += 1.0 / (j + shape);
        term *= growth;
        j += 1.0;
        sum += term;
        first += j * term;
        digammas += harmonic * term;
        if sum > 1e250 {
            [term, sum, first, digammas] = [term, sum, first, digammas].map(|value| value * 1e-250);
            scale += 250.0 * std::f64::consts::LN_10;
        }
        if growth < 1.0 && term < 1e-17 * sum {
            break;
        }
    }
    let (lines, digammas) = (first / sum, digammas / sum);
    let value = from * (1.0 - alive).ln()
        + shape * (-ratio).ln_1p()
        + to * ratio.ln()
        + sum.ln()
        + scale
        + ln_gamma(to + shape)
        - ln_gamma(shape)
        - ln_gamma(to + 1.0);
    let gradient = [
        lines - from * alive,
        (to - lines) * (1.0 - ratio) - (lines + shape) * ratio,
        shape * (digamma(to + shape) - digamma(shape) - digammas + (-ratio).ln_1p()),
    ];
    (value, gradient)
}

/// The steps of one length in a data set.
pub(super) fn steps(series: &[Vec<usize>], start: f64, chosen: &[usize], data: &[f64]) -> Vec<(f64, f64)> {
    let of_series = |positions: &Vec<usize>| -> Vec<(f64, f64)> {
        let before = |place: usize| if place == 0 { start } else { data[positions[place - 1]] };
        chosen.iter().map(|&place| (before(place), data[positions[place]])).collect()
    };
    series.iter().flat_map(of_series).collect()
}

impl Branching {
    fn predictors(coefficients: &[Vec<f64>; 3], features: &[f64]) -> [f64; 3] {
        [0, 1, 2].map(|k| dot(&coefficients[k], features))
    }

    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let eta = Self::predictors(&self.coefficients, features);
        self.observed.iter().map(|&pair| step(eta, pair).0).sum()
    }

    /// Maximum likelihood by Fisher's scoring, the information estimated by the squares of the scores.
    pub fn fit(rows: &Rows, simulated: &[Vec<(f64, f64)>], observed: Vec<(f64, f64)>) -> Self {
        let width = rows.width();
        let mut coefficients = [vec![0.0; width], vec![0.0; width], vec![0.0; width]];
        let starts: Vec<[f64; 3]> = simulated.iter().map(|steps| moments(steps)).collect();
        for (k, coefficients) in coefficients.iter_mut().enumerate() {
            let response: Vec<f64> = starts.iter().map(|start| start[k]).collect();
            // A plane is enough to start from, and does not swing at the margins.
            let plane = rows.least_squares(width.min(plane_width(width)), &response, |_| 1.0);
            coefficients[..plane.len()].copy_from_slice(&plane);
        }
        let objective = |coefficients: &[Vec<f64>; 3]| {
            let value = |index: usize| {
                if rows.weights[index] < 1e-6 {
                    return 0.0;
                }
                let eta = Self::predictors(coefficients, rows.row(index));
                rows.weights[index] * simulated[index].iter().map(|&pair| step(eta, pair).0).sum::<f64>()
            };
            // Collected, then summed in order: the same bits whatever the threads.
            let values: Vec<f64> = (0..rows.count()).into_par_iter().map(value).collect();
            values.iter().sum::<f64>() - penalty(coefficients)
        };
        let mut value = objective(&coefficients);
        for _ in 0..30 {
            let (gradient, information) = scores(rows, simulated, &coefficients);
            let Some(factor) = Cholesky::new(information) else { break };
            let move_by = factor.solve(&gradient);
            let decrement = move_by.dot(&gradient);
            let mut share = 1.0;
            let moved = loop {
                let moved = [0, 1, 2].map(|k| {
                    (0..width).map(|i| coefficients[k][i] + share * move_by[k * width + i]).collect::<Vec<f64>>()
                });
                let found = objective(&moved);
                if found >= value {
                    value = found;
                    break Some(moved);
                }
                share *= 0.5;
                if share < 1e-3 {
                    break None;
                }
            };
            let Some(moved) = moved else { break };
            coefficients = moved;
            if decrement < 0.05 {
                break;
            }
        }
        Self { coefficients, observed }
    }
}

/// Features up to the first degree, told from how many there are in all: the first of degree two follows them.
fn plane_width(width: usize) -> usize {
    (1..width)
        .find(|&dimension| {
            super::basis::Basis::size(dimension, 2) == width || super::basis::Basis::size(dimension, 3) == width
        })
        .map_or(1, |dimension| dimension + 1)
}

fn penalty(coefficients: &[Vec<f64>; 3]) -> f64 {
    0.5 * PENALTY * coefficients.iter().flat_map(|c| &c[1..]).map(|c| c * c).sum::<f64>()
}

/// The gradient of the penalised log-likelihood and the information.
fn scores(rows: &Rows, simulated: &[Vec<(f64, f64)>], coefficients: &[Vec<f64>; 3]) -> (DVector<f64>, DMatrix<f64>) {
    let width = rows.width();
    // Per simulation: the sum of scores, and of their products.
    let sums: Vec<([f64; 3], [[f64; 3]; 3])> = (0..rows.count())
        .into_par_iter()
        .map(|index| {
            let (mut sum, mut squares) = ([0.0; 3], [[0.0; 3]; 3]);
            if rows.weights[index] < 1e-6 {
                return (sum, squares);
            }
            let eta = Branching::predictors(coefficients, rows.row(index));
            for &pair in &simulated[index] {
                let score = step(eta, pair).1;
                for a in 0..3 {
                    sum[a] += score[a];
                    (0..3).for_each(|b| squares[a][b] += score[a] * score[b]);
                }
            }
            (sum, squares)
        })
        .collect();
    let mut gradient = DVector::zeros(3 * width);
    let mut information = DMatrix::zeros(3 * width, 3 * width);
    for (index, (sum, squares)) in sums.iter().enumerate() {
        let weight = rows.weights[index];
        if weight < 1e-6 {
            continue;
        }
        let row = rows.row(index);
        for a in 0..3 {
            for (i, x) in row.iter().enumerate() {
                gradient[a * width + i] += weight * sum[a] * x;
                for b in 0..=a {
                    let scaled = weight * squares[a][b] * x;
                    let column = if a == b { &row[..=i] } else { row };
                    for (j, y) in column.iter().enumerate() {
                        information[(a * width + i, b * width + j)] += scaled * y;
                    }
                }
            }
        }
    }
    for a in 0..3 {
        for i in 0..width {
            information[(a * width + i, a * width + i)] += PENALTY;
            if i > 0 {
                gradient[a * width + i] -= PENALTY * coefficients[a][i];
            }
        }
    }
    information.fill_upper_triangle_with_lower_triangle();
    (gradient, information)
}

/// Rough predictors from a data set's own moments: mean and variance are linear in the count before.
fn moments(steps: &[(f64, f64)]) -> [f64; 3] {
    let (from, to) = steps.iter().fold((1e-3, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    // A tenth of the count is taken to have come from outside.
    let growth = (0.9 * to + 0.5) / from;
    let square = |&(from, to): &(f64, f64)| (to - 0.1 * to - growth * from).powi(2) / (from + 1.0);
    let spread = steps.iter().map(square).sum::<f64>() / steps.len().max(1) as f64;
    // Offspring have mean g = a/(1−β) and variance 2gβ/(1−β) + g − g².
    let odds =
        ((spread - growth + growth * growth) / (2.0 * growth)).clamp(0.05, 50.0).max(1.02 * growth - 1.0).max(0.05);
    let alive = (growth / (1.0 + odds)).clamp(0.02, 0.98);
    let arrived = 0.1 * to / steps.len().max(1) as f64;
    [(alive / (1.0 - alive)).ln(), odds.ln(), ((arrived + 0.05) / odds).ln().clamp(-3.0, 4.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums to 1, and derivatives are slopes.
    #[test]
    fn steps_have_a_law_and_its_derivatives() {
        let eta = [0.7, -0.4, 0.3];
        for from in [0.0, 1.0, 12.0] {
            let total: f64 = (0..400).map(|to| step(eta, (from, f64::from(to))).0.exp()).sum();
            assert!((total - 1.0).abs() < 1e-9, "{total}");
            for to in [0.0, 3.0, 40.0] {
                let (_, gradient) = step(eta, (from, to));
                for k in 0..3 {
                    let at = |h: f64| {
                        let mut moved = eta;
                        moved[k] += h;
                        step(moved, (from, to)).0
                    };
                    let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((gradient[k] - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{from} {to} {k}");
                }
            }
        }
    }
}

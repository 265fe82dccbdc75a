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
    /// The maximum, and what it took.
    pub quality: (f64, usize),
}

/// Linear predictors are kept within this: beyond it nothing changes but rounding.
const LIMIT: f64 = 20.0;

/// Penalty as in [`super::regression`].
const PENALTY: f64 = 0.3;

/// The log-probability of one step, and its derivatives by the three predictors: a sum over the number j of individuals
/// with descendants, outwards from its largest term.
fn step(eta: [f64; 3], (from, to): (f64, f64)) -> (f64, [f64; 3]) {
    let [alive, ratio] = [eta[0], eta[1]].map(|eta| 1.0 / (1.0 + (-eta.clamp(-LIMIT, LIMIT)).exp()));
    let shape = eta[2].clamp(-LIMIT, LIMIT).exp();
    let factor = alive / (1.0 - alive) * ((1.0 - ratio) / ratio);
    // Of the term of j + 1 to that of j.
    let growth = |j: f64| (from - j) * (to - j) / ((j + 1.0) * (j + shape)) * factor;
    let most = from.min(to);
    let mode = if most < 12.0 { 0.0 } else { largest(from, to, shape, factor).clamp(0.0, most).floor() };
    let (mut sum, mut first, mut digammas) = (1.0f64, mode, 0.0);
    let (mut term, mut harmonic, mut j) = (1.0, 0.0, mode);
    while j < most {
        let growth = growth(j);
        harmonic += 1.0 / (j + shape);
        term *= growth;
        j += 1.0;
        sum += term;
        first += j * term;
        digammas += harmonic * term;
        if growth < 1.0 && term < 1e-16 * sum {
            break;
        }
    }
    (term, harmonic, j) = (1.0, 0.0, mode);
    while j > 0.0 {
        j -= 1.0;
        term /= growth(j);
        harmonic -= 1.0 / (j + shape);
        sum += term;
        first += j * term;
        digammas += harmonic * term;
        if term < 1e-16 * sum {
            break;
        }
    }
    let (lines, digammas) = (first / sum, digammas / sum);
    let term_of_mode = if mode == 0.0 {
        -ln_gamma(shape) - ln_gamma(to + 1.0)
    } else {
        ln_gamma(from + 1.0)
            - ln_gamma(mode + 1.0)
            - ln_gamma(from - mode + 1.0)
            - ln_gamma(to - mode + 1.0)
            - ln_gamma(mode + shape)
            + mode * factor.ln()
    };
    let value = from * (1.0 - alive).ln()
        + shape * (-ratio).ln_1p()
        + to * ratio.ln()
        + sum.ln()
        + term_of_mode
        + ln_gamma(to + shape);
    let gradient = [
        lines - from * alive,
        (to - lines) * (1.0 - ratio) - (lines + shape) * ratio,
        shape * (digamma(to + shape) - digamma(mode + shape) - digammas + (-ratio).ln_1p()),
    ];
    (value, gradient)
}

/// Where terms grow no more: the root of (from − j)(to − j)·factor = (j + 1)(j + shape).
pub(crate) fn largest(from: f64, to: f64, shape: f64, factor: f64) -> f64 {
    let (a, b, c) = (factor - 1.0, -(factor * (from + to) + 1.0 + shape), factor * from * to - shape);
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    // The smaller root, by the form that loses no digits (b is negative).
    (2.0 * c / (root - b)).max(0.0)
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
    /// The three predictors.
    pub fn predictors(&self, features: &[f64]) -> [f64; 3] {
        predictors(&self.coefficients, features)
    }

    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let eta = self.predictors(features);
        self.observed.iter().map(|&pair| step(eta, pair).0).sum()
    }

    /// Maximum likelihood by Fisher's scoring, the information estimated by the squares of the scores.
    /// It begins at the predictors found before, or at rough ones from moments.
    pub fn fit(
        rows: &Rows,
        simulated: &[Vec<(f64, f64)>],
        observed: Vec<(f64, f64)>,
        before: Option<Vec<[f64; 3]>>,
    ) -> Self {
        let width = rows.width();
        let mut coefficients = [vec![0.0; width], vec![0.0; width], vec![0.0; width]];
        // From moments a plane is enough, and does not swing at the margins.
        let plane = rows.degrees.iter().filter(|&&degree| degree <= 1).count();
        let start_width = if before.is_some() { width } else { plane };
        let starts = before.unwrap_or_else(|| simulated.iter().map(|steps| moments(steps)).collect());
        for (k, coefficients) in coefficients.iter_mut().enumerate() {
            let response: Vec<f64> = starts.iter().map(|start| start[k]).collect();
            let start = rows.least_squares(start_width, &response, |_| 1.0);
            coefficients[..start_width].copy_from_slice(&start);
        }
        let mut sums = scores(rows, simulated, &coefficients);
        for _ in 0..30 {
            let Some(factor) = Cholesky::new(sums.information.clone()) else { break };
            let move_by = factor.solve(&sums.gradient);
            let decrement = move_by.dot(&sums.gradient);
            // In squared standard errors, of which there are as many as coefficients: less is lost in the noise.
            if decrement < 0.3 {
                break;
            }
            let mut share = 1.0;
            let moved = loop {
                let moved = [0, 1, 2].map(|k| {
                    (0..width).map(|i| coefficients[k][i] + share * move_by[k * width + i]).collect::<Vec<f64>>()
                });
                let found = scores(rows, simulated, &moved);
                if found.value >= sums.value {
                    break Some((moved, found));
                }
                share *= 0.5;
                if share < 1e-3 {
                    break None;
                }
            };
            let Some((moved, found)) = moved else { break };
            (coefficients, sums) = (moved, found);
        }
        let value = sums.value;
        Self { coefficients, observed, quality: (value, 3 * width) }
    }
}

fn predictors(coefficients: &[Vec<f64>; 3], features: &[f64]) -> [f64; 3] {
    [0, 1, 2].map(|k| dot(&coefficients[k], features))
}

fn penalty(coefficients: &[Vec<f64>; 3]) -> f64 {
    0.5 * PENALTY * coefficients.iter().flat_map(|c| &c[1..]).map(|c| c * c).sum::<f64>()
}

/// The penalised log-likelihood, its gradient, and the information.
struct Sums {
    value: f64,
    gradient: DVector<f64>,
    information: DMatrix<f64>,
}

fn scores(rows: &Rows, simulated: &[Vec<(f64, f64)>], coefficients: &[Vec<f64>; 3]) -> Sums {
    let width = rows.width();
    // Per simulation: the log-likelihood, the sum of scores, and of their products.
    let sums: Vec<(f64, [f64; 3], [[f64; 3]; 3])> = (0..rows.count())
        .into_par_iter()
        .map(|index| {
            let (mut value, mut sum, mut squares) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
            if rows.weights[index] < 1e-6 {
                return (value, sum, squares);
            }
            let eta = predictors(coefficients, rows.row(index));
            for &pair in &simulated[index] {
                let (log_probability, score) = step(eta, pair);
                value += log_probability;
                for a in 0..3 {
                    sum[a] += score[a];
                    (0..3).for_each(|b| squares[a][b] += score[a] * score[b]);
                }
            }
            (value, sum, squares)
        })
        .collect();
    let mut value = -penalty(coefficients);
    let mut gradient = DVector::zeros(3 * width);
    let mut information = DMatrix::zeros(3 * width, 3 * width);
    for (index, (log_likelihood, sum, squares)) in sums.iter().enumerate() {
        let weight = rows.weights[index];
        if weight < 1e-6 {
            continue;
        }
        value += weight * log_likelihood;
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
    Sums { value, gradient, information }
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
        for from in [0.0, 1.0, 30.0] {
            let total: f64 = (0..600).map(|to| step(eta, (from, f64::from(to))).0.exp()).sum();
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

//! Shares of many categories in a row, whose dependence on the parameters changes smoothly along the row.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use rayon::prelude::*;

use super::{
    precisions::Precisions,
    regression::{Family, PENALTY, Rows},
};

/// Polynomials along the row by which the dependence on the parameters may change. Were each category left to itself, the
/// likelihood of a data set would inherit the noise of each.
const ORDERS: usize = 10;

/// Newton's steps at most, after each of which precisions are set anew.
const STEPS: usize = 20;

/// Squared standard errors that are left to move, and the relative change of the number of determined coefficients, at which
/// it ends.
const LEFT: f64 = 0.1;
const SETTLED: f64 = 0.02;

/// Weights of simulations that say nothing.
const NOTHING: f64 = 1e-6;

/// Simulations whose sums are made by one thread.
const CHUNK: usize = 128;

/// Logits of binomial shares: a constant for each category, plus polynomials of the parameters that vary along the row as
/// Legendre polynomials do.
#[derive(Clone, Debug)]
pub(super) struct Hazards {
    constants: DVector<f64>,
    /// Coefficients of the features but the first: a row an order.
    slopes: DMatrix<f64>,
    /// Legendre polynomials: a row a category.
    orders: DMatrix<f64>,
    observed: Vec<(f64, f64)>,
    precisions: Precisions,
    /// The log-likelihood, and how many coefficients were determined.
    pub quality: (f64, f64),
}

/// Simulations as matrices.
struct Chunk<'c> {
    /// Features but the first: a column a simulation, and transposed.
    features: DMatrix<f64>,
    transposed: DMatrix<f64>,
    /// Products of each two features: a row a simulation.
    products: DMatrix<f64>,
    weights: Vec<f64>,
    counts: Vec<&'c [(f64, f64)]>,
}

/// Sums over simulations at one point of Newton's method: the log-likelihood, its gradient and the information.
struct Sums {
    value: f64,
    constants: DVector<f64>,
    slopes: DMatrix<f64>,
    /// On the constants, which share none.
    of_constants: DVector<f64>,
    /// On a constant and a feature, but for the polynomial of the slope's order: a row a category.
    shared: DMatrix<f64>,
    /// On two slopes: a row for each two orders, a column for each two features.
    of_slopes: DMatrix<f64>,
}

/// Positions of pairs (a, b) with b ≤ a < count.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(|a| (0..=a).map(move |b| (a, b)))
}

impl<'c> Chunk<'c> {
    fn new(rows: &Rows, counts: &'c [Vec<(f64, f64)>], chosen: &[usize]) -> Self {
        let width = rows.width() - 1;
        let transposed = DMatrix::from_fn(chosen.len(), width, |i, j| rows.row(chosen[i])[j + 1]);
        let columns: Vec<DVector<f64>> =
            pairs(width).map(|(a, b)| transposed.column(a).component_mul(&transposed.column(b))).collect();
        let products =
            if columns.is_empty() { DMatrix::zeros(chosen.len(), 0) } else { DMatrix::from_columns(&columns) };
        Self {
            features: transposed.transpose(),
            transposed,
            products,
            weights: chosen.iter().map(|&index| rows.weights[index]).collect(),
            counts: chosen.iter().map(|&index| counts[index].as_slice()).collect(),
        }
    }
}

impl Hazards {
    /// Coefficients of the highest posterior density. `counts` are by simulation, then by category: how many were in it, and
    /// in it or a later one. What was found before is where the search begins; with `again`, its precisions are kept.
    pub fn fit(
        rows: &Rows,
        counts: &[Vec<(f64, f64)>],
        observed: &[(f64, f64)],
        before: Option<&Self>,
        again: bool,
    ) -> Self {
        let categories = observed.len();
        let total = |category: usize| {
            let terms = counts.iter().zip(&rows.weights);
            terms.fold((0.5, 1.0), |sum, (counts, w)| (sum.0 + w * counts[category].0, sum.1 + w * counts[category].1))
        };
        let start = DVector::from_fn(categories, |category, _| {
            let (successes, trials) = total(category);
            f64::ln(successes / (trials - successes))
        });
        let count = ORDERS.min(categories);
        let place = |category: usize| 2.0 * (category as f64 + 0.5) / categories as f64 - 1.0;
        let known = before.filter(|before| again && before.precisions.fit(count, &rows.degrees));
        let precisions = || Precisions::new(count, &rows.degrees, before.map(|before| &before.precisions));
        let mut fitted = Self {
            constants: start.clone(),
            slopes: known.map_or_else(|| DMatrix::zeros(count, rows.width() - 1), |known| known.slopes.clone()),
            orders: DMatrix::from_row_iterator(
                categories,
                count,
                (0..categories).flat_map(|c| legendre(place(c), count)),
            ),
            observed: observed.to_vec(),
            precisions: known.map_or_else(precisions, |known| known.precisions.clone()),
            quality: (0.0, 0.0),
        };
        let told: Vec<usize> = (0..rows.count()).filter(|&index| rows.weights[index] > NOTHING).collect();
        let chunks: Vec<Chunk<'_>> = told.par_chunks(CHUNK).map(|chosen| Chunk::new(rows, counts, chosen)).collect();
        let mut sums = fitted.sums(&chunks);
        let mut determined = 0.0;
        for _ in 0..STEPS {
            let Some(factor) = Cholesky::new(fitted.information(&sums)) else { break };
            let (penalty, gradient) = fitted.penalty(&start, &sums);
            let step = factor.solve(&gradient);
            let decrement = step.dot(&gradient);
            let value = sums.value - penalty;
            let mut share = 1.0;
            let moved = loop {
                let moved = fitted.moved(&step, share);
                let found = moved.sums(&chunks);
                if found.value - moved.penalty(&start, &found).0 >= value - 1e-9 * value.abs() {
                    break Some((moved, found));
                }
                share *= 0.5;
                if share < 1e-3 {
                    break None;
                }
            };
            let Some((moved, found)) = moved else { break };
            (fitted, sums) = (moved, found);
            let (precisions, count) = fitted.updated(&factor);
            let settled = known.is_some() || (count - determined).abs() < SETTLED * count;
            determined = count;
            if decrement < LEFT && settled {
                break;
            }
            if known.is_none() {
                fitted.precisions = precisions;
            }
        }
        fitted.quality = (sums.value, categories as f64 + determined);
        fitted
    }

    /// The position of a slope among all coefficients.
    fn place(&self, order: usize, feature: usize) -> usize {
        self.constants.len() + order * self.slopes.ncols() + feature
    }

    fn moved(&self, step: &DVector<f64>, share: f64) -> Self {
        let mut moved = self.clone();
        moved.constants.axpy(share, &step.rows(0, self.constants.len()), 1.0);
        for order in 0..self.slopes.nrows() {
            for feature in 0..self.slopes.ncols() {
                moved.slopes[(order, feature)] += share * step[self.place(order, feature)];
            }
        }
        moved
    }

    /// Precisions that the coefficients speak for, and how many of these are determined.
    fn updated(&self, factor: &Cholesky<f64, Dyn>) -> (Precisions, f64) {
        let inverse = factor.inverse();
        let variance = |order, feature| {
            let place = self.place(order, feature);
            inverse[(place, place)]
        };
        self.precisions.updated(|order, feature| self.slopes[(order, feature)], variance)
    }

    /// What deviations from the start and slopes are penalised with; and the gradient, less that of the penalty.
    fn penalty(&self, start: &DVector<f64>, sums: &Sums) -> (f64, DVector<f64>) {
        let deviations = &self.constants - start;
        let mut value = 0.5 * PENALTY * deviations.norm_squared();
        let mut gradient = DVector::zeros(self.constants.len() + self.slopes.len());
        gradient.rows_mut(0, deviations.len()).copy_from(&(&sums.constants - PENALTY * deviations));
        for order in 0..self.slopes.nrows() {
            for feature in 0..self.slopes.ncols() {
                let (slope, precision) = (self.slopes[(order, feature)], self.precisions.of(order, feature));
                value += 0.5 * precision * slope * slope;
                gradient[self.place(order, feature)] = sums.slopes[(order, feature)] - precision * slope;
            }
        }
        (value, gradient)
    }

    /// The information on all coefficients, with what penalties add to it.
    fn information(&self, sums: &Sums) -> DMatrix<f64> {
        let (categories, count, width) = (self.constants.len(), self.slopes.nrows(), self.slopes.ncols());
        let size = categories + count * width;
        let mut information = DMatrix::zeros(size, size);
        for category in 0..categories {
            information[(category, category)] = sums.of_constants[category] + PENALTY;
            for order in 0..count {
                for feature in 0..width {
                    information[(self.place(order, feature), category)] =
                        self.orders[(category, order)] * sums.shared[(category, feature)];
                }
            }
        }
        for (row, (a, b)) in pairs(count).enumerate() {
            for (column, (i, j)) in pairs(width).enumerate() {
                let value = sums.of_slopes[(row, column)];
                information[(self.place(a, i), self.place(b, j))] = value;
                information[(self.place(a, j), self.place(b, i))] = value;
            }
        }
        for order in 0..count {
            for feature in 0..width {
                let place = self.place(order, feature);
                information[(place, place)] += self.precisions.of(order, feature);
            }
        }
        // Cholesky reads the lower triangle alone.
        information
    }

    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let slopes = &self.slopes * DVector::from_column_slice(&features[1..]);
        let logits = &self.constants + &self.orders * slopes;
        let terms = logits.iter().zip(&self.observed).filter(|(_, (_, trials))| *trials > 0.0);
        terms.map(|(eta, &(successes, trials))| Family::Binomial.log_likelihood(*eta, successes, trials)).sum()
    }

    fn sums(&self, chunks: &[Chunk<'_>]) -> Sums {
        let products: Vec<DVector<f64>> = pairs(self.orders.ncols())
            .map(|(a, b)| self.orders.column(a).component_mul(&self.orders.column(b)))
            .collect();
        // A row for each two orders, as of the information.
        let products = DMatrix::from_columns(&products).transpose();
        let transposed = self.orders.transpose();
        let sums: Vec<Sums> = chunks.par_iter().map(|chunk| self.of_chunk(chunk, &transposed, &products)).collect();
        // In order: the same bits whatever the threads.
        let mut sums = sums.into_iter();
        let (categories, count, width) = (self.constants.len(), self.slopes.nrows(), self.slopes.ncols());
        let mut all = sums.next().unwrap_or_else(|| Sums {
            value: 0.0,
            constants: DVector::zeros(categories),
            slopes: DMatrix::zeros(count, width),
            of_constants: DVector::zeros(categories),
            shared: DMatrix::zeros(categories, width),
            of_slopes: DMatrix::zeros(pairs(count).count(), pairs(width).count()),
        });
        for other in sums {
            all.value += other.value;
            all.constants += other.constants;
            all.slopes += other.slopes;
            all.of_constants += other.of_constants;
            all.shared += other.shared;
            all.of_slopes += other.of_slopes;
        }
        all
    }

    fn of_chunk(&self, chunk: &Chunk<'_>, orders: &DMatrix<f64>, products: &DMatrix<f64>) -> Sums {
        let mut first = &self.orders * (&self.slopes * &chunk.features);
        let mut second = DMatrix::zeros(first.nrows(), first.ncols());
        let mut value = 0.0;
        for (simulation, (counts, weight)) in chunk.counts.iter().zip(&chunk.weights).enumerate() {
            let mut reached = 0.0;
            for (category, &(successes, trials)) in counts.iter().enumerate() {
                let at = (category, simulation);
                let eta = self.constants[category] + first[at];
                let (likelihood, slope, bend) =
                    if trials > 0.0 { binomial(eta, successes, trials) } else { (0.0, 0.0, 0.0) };
                reached += likelihood;
                first[at] = weight * slope;
                second[at] = weight * bend;
            }
            value += weight * reached;
        }
        Sums {
            value,
            constants: first.column_sum(),
            slopes: orders * (&first * &chunk.transposed),
            of_constants: second.column_sum(),
            shared: &second * &chunk.transposed,
            of_slopes: products * &second * &chunk.products,
        }
    }
}

/// The log-likelihood of a binomial share with this logit, up to a constant, and its derivatives as [`Family`] has them, of
/// which all share one exponential.
fn binomial(eta: f64, successes: f64, trials: f64) -> (f64, f64, f64) {
    let e = (-eta.abs()).exp();
    let likelihood = successes * eta - trials * (eta.max(0.0) + e.ln_1p());
    let p = if eta >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) };
    (likelihood, successes - trials * p, trials * p * (1.0 - p))
}

/// Legendre polynomials of degree 0 to `count` − 1.
fn legendre(x: f64, count: usize) -> Vec<f64> {
    let mut values = vec![1.0, x];
    for n in 1..count {
        let n = n as f64;
        let next = ((2.0 * n + 1.0) * x * values[values.len() - 1] - n * values[values.len() - 2]) / (n + 1.0);
        values.push(next);
    }
    values.truncate(count);
    values
}

#[cfg(test)]
mod tests {
    use metacascade_random::Key;
    use rand::RngExt;
    use rand_distr::{Binomial, Distribution};

    use super::{super::basis::dot, *};

    /// Ten categories whose logits change with one parameter by 1 + t along the row: within .1 at all of them (the standard
    /// error is below .02), and of the ten polynomials' slopes, hardly more than the two that are there are determined.
    #[test]
    fn shares_that_change_along_the_row_are_found() {
        let mut stream = Key::new(8).stream();
        let place = |category: usize| 2.0 * (category as f64 + 0.5) / 10.0 - 1.0;
        let eta = |category: usize, x: f64| -0.5 + 0.1 * category as f64 + (1.0 + place(category)) * x;
        let (mut features, mut counts) = (Vec::new(), Vec::new());
        for _ in 0..3000 {
            let x = 2.0 * stream.random::<f64>() - 1.0;
            let mut left = 100;
            let draw = |category| {
                let trials = left;
                let p = 1.0 / (1.0 + f64::exp(-eta(category, x)));
                let successes = Binomial::new(trials, p).unwrap().sample(&mut stream);
                left -= successes;
                (successes as f64, trials as f64)
            };
            counts.push((0..10).map(draw).collect::<Vec<_>>());
            features.push(vec![1.0, x]);
        }
        let rows = Rows::new(features, vec![0, 1], vec![1.0; 3000]);
        let fitted = Hazards::fit(&rows, &counts, &[(1.0, 2.0); 10], None, false);
        for x in [-0.8, 0.0, 0.8] {
            // Few reach the last ones.
            for category in 0..6 {
                let slopes: Vec<f64> = fitted.slopes.column(0).iter().map(|slope| slope * x).collect();
                let orders: Vec<f64> = fitted.orders.row(category).iter().copied().collect();
                let found = fitted.constants[category] + dot(&orders, &slopes);
                assert!((found - eta(category, x)).abs() < 0.1, "{category} {x}: {found} {}", eta(category, x));
            }
        }
        let determined = fitted.quality.1 - 10.0;
        assert!((1.9..4.5).contains(&determined), "{determined}");
    }
}

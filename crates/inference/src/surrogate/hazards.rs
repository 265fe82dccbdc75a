//! Shares of many categories in a row, whose dependence on the parameters changes smoothly along the row.

use nalgebra::{Cholesky, DMatrix, DVector};
use rayon::prelude::*;

use super::{
    basis::dot,
    regression::{Family, PENALTY, Rows},
};

/// Numbers of polynomials along the row by which the dependence on the parameters may change, tried until Akaike's
/// criterion is satisfied. Were each category left to itself, the likelihood of a data set would inherit the noise of each.
const ORDERS: [usize; 4] = [3, 5, 8, 12];

/// Which numbers of polynomials along the row are tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Search {
    /// This one alone.
    Exactly(usize),
    /// This one, and larger ones while they are better.
    From(usize),
}

impl Default for Search {
    fn default() -> Self {
        Self::From(ORDERS[0])
    }
}

/// Weights of simulations that say nothing.
const NOTHING: f64 = 1e-6;

/// Simulations whose sums are made by one thread.
const CHUNK: usize = 128;

/// Logits of binomial shares: a constant for each category, plus polynomials of the parameters that vary along the row as
/// Legendre polynomials do.
#[derive(Clone, Debug)]
pub(super) struct Hazards {
    constants: Vec<f64>,
    /// Coefficients of the features but the first, by order.
    slopes: Vec<Vec<f64>>,
    /// Legendre polynomials by category.
    orders: Vec<Vec<f64>>,
    observed: Vec<(f64, f64)>,
    /// The maximum, and what it took.
    pub quality: (f64, usize),
}

/// Sums over simulations at one point of Newton's method.
struct Sums {
    value: f64,
    gradient: Vec<f64>,
    /// Column by column, above the diagonal; of the constants the diagonal alone.
    information: Vec<f64>,
    /// By category: the features, weighted by the information on its logit.
    weighted: Vec<f64>,
}

impl Hazards {
    /// Maximum likelihood, slightly penalised. `counts` are by simulation, then by category: how many were in it, and in it
    /// or a later one.
    pub fn fit(rows: &Rows, counts: &[Vec<(f64, f64)>], observed: &[(f64, f64)], search: Search) -> Self {
        let fit = |orders: usize, from: Option<&Self>| {
            Self::of_order(rows, counts, observed, orders.min(observed.len()), from)
        };
        let first = match search {
            Search::Exactly(orders) => return fit(orders, None),
            Search::From(orders) => orders,
        };
        let mut best = fit(first, None);
        for orders in ORDERS.into_iter().filter(|&orders| orders > first && orders <= observed.len()) {
            let next = fit(orders, Some(&best));
            if next.quality.0 - (next.quality.1 as f64) <= best.quality.0 - best.quality.1 as f64 {
                break;
            }
            best = next;
        }
        best
    }

    /// How many polynomials along the row it has.
    pub fn order(&self) -> usize {
        self.slopes.len()
    }

    /// The search begins at the maximum with fewer polynomials, where it is known.
    fn of_order(
        rows: &Rows,
        counts: &[Vec<(f64, f64)>],
        observed: &[(f64, f64)],
        order: usize,
        from: Option<&Self>,
    ) -> Self {
        let observed = observed.to_vec();
        let categories = observed.len();
        let total = |category: usize| {
            let terms = counts.iter().zip(&rows.weights);
            terms.fold((0.5, 1.0), |sum, (counts, w)| (sum.0 + w * counts[category].0, sum.1 + w * counts[category].1))
        };
        let start: Vec<f64> = (0..categories)
            .map(|category| {
                let (successes, trials) = total(category);
                (successes / (trials - successes)).ln()
            })
            .collect();
        let orders: Vec<Vec<f64>> = (0..categories)
            .map(|category| legendre(2.0 * (category as f64 + 0.5) / categories as f64 - 1.0, order))
            .collect();
        let count = orders.first().map_or(0, Vec::len);
        let (constants, mut slopes) =
            from.map_or_else(|| (start.clone(), Vec::new()), |from| (from.constants.clone(), from.slopes.clone()));
        slopes.resize(count, vec![0.0; rows.width() - 1]);
        let mut fitted = Self { constants, slopes, orders, observed, quality: (0.0, 0) };
        let mut sums = fitted.sums(rows, counts, &start, true);
        let size = fitted.size();
        for _ in 0..20 {
            let mut information = DMatrix::from_vec(size, size, std::mem::take(&mut sums.information));
            // What a logit says of its constant and of the slopes at once differs between orders by a factor alone.
            let width = rows.width() - 1;
            for (constant, orders) in fitted.orders.iter().enumerate() {
                for (a, order) in orders.iter().enumerate() {
                    for j in 0..width {
                        let column = categories + a * width + j;
                        information[(constant, column)] = order * sums.weighted[constant * width + j];
                    }
                }
            }
            information.fill_lower_triangle_with_upper_triangle();
            let Some(factor) = Cholesky::new(information) else { break };
            let gradient = DVector::from_vec(std::mem::take(&mut sums.gradient));
            let step = factor.solve(&gradient);
            let decrement = step.dot(&gradient);
            let mut share = 1.0;
            let moved = loop {
                let moved = fitted.moved(step.as_slice(), share);
                let found = moved.sums(rows, counts, &start, decrement >= 0.01);
                if found.value >= sums.value - 1e-9 * sums.value.abs() {
                    break Some((moved, found));
                }
                share *= 0.5;
                if share < 1e-3 {
                    break None;
                }
            };
            let Some((moved, found)) = moved else { break };
            (fitted, sums) = (moved, found);
            if decrement < 0.01 {
                break;
            }
        }
        fitted.quality = (sums.value, size);
        fitted
    }

    fn size(&self) -> usize {
        self.constants.len() + self.slopes.iter().map(Vec::len).sum::<usize>()
    }

    fn moved(&self, step: &[f64], share: f64) -> Self {
        let mut moved = self.clone();
        let values = moved.constants.iter_mut().chain(moved.slopes.iter_mut().flatten());
        values.zip(step).for_each(|(value, step)| *value += share * step);
        moved
    }

    /// The logits of the categories that hold anything, with their positions and counts.
    fn logits<'c>(
        &self,
        features: &[f64],
        counts: &'c [(f64, f64)],
    ) -> impl Iterator<Item = (usize, f64, (f64, f64))> + use<'_, 'c> {
        let along: Vec<f64> = self.slopes.iter().map(|slopes| dot(slopes, &features[1..])).collect();
        let held = counts.iter().enumerate().filter(|(_, (_, trials))| *trials > 0.0);
        held.map(move |(place, &counts)| (place, self.constants[place] + dot(&self.orders[place], &along), counts))
    }

    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let logits = self.logits(features, &self.observed);
        logits.map(|(_, eta, (successes, trials))| Family::Binomial.log_likelihood(eta, successes, trials)).sum()
    }

    /// The penalised log-likelihood and, if wanted, its derivatives.
    fn sums(&self, rows: &Rows, counts: &[Vec<(f64, f64)>], start: &[f64], derivatives: bool) -> Sums {
        let size = self.size();
        let chunks: Vec<Sums> = (0..rows.count().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut sums = Sums { value: 0.0, gradient: Vec::new(), information: Vec::new(), weighted: Vec::new() };
                if derivatives {
                    sums.gradient.resize(size, 0.0);
                    sums.information.resize(size * size, 0.0);
                    sums.weighted.resize(self.constants.len() * (rows.width() - 1), 0.0);
                }
                for (index, counts) in counts.iter().enumerate().skip(chunk * CHUNK).take(CHUNK) {
                    self.add(rows.row(index), rows.weights[index], counts, &mut sums, derivatives);
                }
                sums
            })
            .collect();
        // In order: the same bits whatever the threads.
        let mut chunks = chunks.into_iter();
        let empty = Sums { value: 0.0, gradient: Vec::new(), information: Vec::new(), weighted: Vec::new() };
        let mut all = chunks.next().unwrap_or(empty);
        for chunk in chunks {
            all.value += chunk.value;
            all.gradient.iter_mut().zip(chunk.gradient).for_each(|(sum, value)| *sum += value);
            all.information.iter_mut().zip(chunk.information).for_each(|(sum, value)| *sum += value);
            all.weighted.iter_mut().zip(chunk.weighted).for_each(|(sum, value)| *sum += value);
        }
        let deviations = self.constants.iter().zip(start).map(|(constant, start)| constant - start);
        let penalised: Vec<f64> = deviations.chain(self.slopes.iter().flatten().copied()).collect();
        all.value -= 0.5 * PENALTY * dot(&penalised, &penalised);
        if derivatives {
            for (i, value) in penalised.iter().enumerate() {
                all.gradient[i] -= PENALTY * value;
                all.information[i * size + i] += PENALTY;
            }
        }
        all
    }

    fn add(&self, row: &[f64], weight: f64, counts: &[(f64, f64)], sums: &mut Sums, derivatives: bool) {
        if weight <= NOTHING {
            return;
        }
        if !derivatives {
            let likelihood =
                self.logits(row, counts).map(|(_, eta, (s, n))| Family::Binomial.log_likelihood(eta, s, n));
            sums.value += weight * likelihood.sum::<f64>();
            return;
        }
        let (categories, count, size) = (self.constants.len(), self.slopes.len(), self.size());
        let features = &row[1..];
        let width = features.len();
        // What the features are multiplied by: in the gradient, and in the information.
        let mut slope = vec![0.0; count];
        let mut bend = vec![0.0; count * count];
        let mut value = 0.0;
        for (category, eta, (successes, trials)) in self.logits(row, counts) {
            let (likelihood, first, second) = binomial(eta, successes, trials);
            value += likelihood;
            let (first, second) = (weight * first, weight * second);
            sums.gradient[category] += first;
            sums.information[category * size + category] += second;
            let weighted = &mut sums.weighted[category * width..(category + 1) * width];
            weighted.iter_mut().zip(features).for_each(|(sum, feature)| *sum += second * feature);
            let orders = &self.orders[category];
            for a in 0..count {
                slope[a] += first * orders[a];
                let scaled = second * orders[a];
                (0..=a).for_each(|b| bend[a * count + b] += scaled * orders[b]);
            }
        }
        sums.value += weight * value;
        for a in 0..count {
            for (j, feature) in features.iter().enumerate() {
                let column = categories + a * width + j;
                sums.gradient[column] += slope[a] * feature;
                for b in 0..=a {
                    let scaled = bend[a * count + b] * feature;
                    let rows = if a == b { &features[..=j] } else { features };
                    let from = column * size + categories + b * width;
                    for (sum, other) in sums.information[from..].iter_mut().zip(rows) {
                        *sum += scaled * other;
                    }
                }
            }
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

    use super::*;

    /// Ten categories whose logits change with one parameter by 1 + t along the row: within .1 at all of them (the standard
    /// error is below .02).
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
        let rows = Rows::new(features, vec![1.0; 3000]);
        let fitted = Hazards::fit(&rows, &counts, &[(1.0, 2.0); 10], Search::default());
        for x in [-0.8, 0.0, 0.8] {
            // Few reach the last ones.
            for (category, found, _) in fitted.logits(&[1.0, x], &[(1.0, 2.0); 10]).take(6) {
                assert!((found - eta(category, x)).abs() < 0.1, "{category} {x}: {found} {}", eta(category, x));
            }
        }
    }
}

//! Measurements with noise of a known law around values of the model.
//!
//! The values' means are polynomials of the parameters: learned from values without noise they are nearly exact. Where
//! values scatter by themselves, as those of stochastic models do, they are taken to be normal, with variances that depend
//! on the parameters and correlations that do not, and are integrated out by Laplace's approximation, which is exact for
//! normal noise (Tierney & Kadane 1986, J. Am. Stat. Assoc. 81:82).

use std::sync::Arc;

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};
use rayon::prelude::*;

use super::{
    basis::dot,
    regression::{Family, Rows},
};
use crate::{Noise, law};

/// Share of the correlated scatter that is kept, and directions at most.
const KEPT: f64 = 0.999;
const DIRECTIONS: usize = 12;

/// Scatter is left out where it adds less than this to the squared units of the noise, all measurements together.
const HIDDEN: f64 = 1e-3;

/// Residuals of this size, relative to the values', are rounding.
const ROUNDING: f64 = 1e-9;

/// What is learned of one law.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    noise: Arc<dyn Noise>,
    observed: Vec<f64>,
    values: Vec<Vec<usize>>,
    /// Coefficients by place, the same in all units.
    means: Vec<Vec<f64>>,
    /// By unit and place.
    log_scales: Vec<Vec<Function>>,
    scatter: Option<Scatter>,
    /// The log-likelihood of the simulations, and what it took.
    pub quality: (f64, usize),
}

/// How values scatter around their means.
#[derive(Clone, Debug)]
struct Scatter {
    /// Coefficients by place.
    log_variances: Vec<Vec<f64>>,
    /// A row a place: times its transpose, the correlations.
    factor: DMatrix<f64>,
    /// By place, how much of a measurement's scatter is the values'.
    shares: Vec<f64>,
}

/// Of the parameters.
#[derive(Clone, Debug)]
enum Function {
    Constant(f64),
    Polynomial(Vec<f64>),
}

impl Function {
    fn at(&self, features: &[f64]) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Polynomial(coefficients) => dot(coefficients, features),
        }
    }
}

impl Measured {
    /// Variances are polynomials of the first `width` features. `None` where there is nothing to be learned.
    pub fn fit(law: &law::Measured, rows: &Rows, width: usize, data: &[&[f64]], observed: &[f64]) -> Option<Self> {
        let places = law.values.first()?.len();
        let units = law.values.len() as f64;
        let average = |row: &&[f64]| -> Vec<f64> {
            (0..places).map(|place| law.values.iter().map(|unit| row[unit[place]]).sum::<f64>() / units).collect()
        };
        let averages: Vec<Vec<f64>> = data.par_iter().map(average).collect();
        let means = columns(&rows.least_squares_of_many(rows.width(), &averages)?);
        let log_scales = scales(law, rows, data)?;
        let mut fitted = Self {
            noise: Arc::clone(&law.noise),
            observed: observed.to_vec(),
            values: law.values.clone(),
            means,
            log_scales,
            scatter: None,
            quality: (0.0, 0),
        };
        // By simulation, then by place: the sum of squares over units.
        let squares = |index: usize| -> Vec<f64> {
            let residuals = fitted.deviations(rows.row(index), data[index]);
            (0..places).map(|place| residuals.iter().map(|unit| unit[place] * unit[place]).sum()).collect()
        };
        let squares: Vec<Vec<f64>> = (0..rows.count()).into_par_iter().map(squares).collect();
        let total: f64 = rows.weights.iter().sum();
        let variance = |place: usize| {
            let terms = squares.iter().zip(&rows.weights);
            let size = averages.iter().map(|row| row[place].abs()).fold(0.0, f64::max);
            terms.map(|(row, weight)| weight * row[place]).sum::<f64>() / (total * units) + (ROUNDING * size).powi(2)
        };
        let variances: Vec<f64> = (0..places).map(variance).collect();
        if law.random {
            fitted.learn_scatter(rows, width, data, &squares, &variances);
        }
        let terms = variances.iter().map(|variance| -0.5 * total * units * (variance + 1e-300).ln());
        let size = fitted.means.iter().map(Vec::len).sum();
        fitted.quality = (terms.sum(), size);
        Some(fitted)
    }

    fn learn_scatter(&mut self, rows: &Rows, width: usize, data: &[&[f64]], squares: &[Vec<f64>], variances: &[f64]) {
        let places = self.means.len();
        let trials = vec![self.values.len() as f64; rows.count()];
        let of_place = |place: usize| {
            let response: Vec<f64> = squares.iter().map(|row| row[place]).collect();
            let seen = response.iter().zip(&rows.weights).map(|(square, weight)| weight * square).sum::<f64>();
            // Without scatter, as at the start, there is nothing to regress.
            if seen <= 1e-6 * variances[place] {
                let mut constant = vec![0.0; width];
                constant[0] = variances[place].max(1e-300).ln();
                return constant;
            }
            rows.generalised(Family::Variance, width, &response, &trials)
        };
        let log_variances: Vec<Vec<f64>> = (0..places).into_par_iter().map(of_place).collect();
        // What the scatter adds to the noise where the simulations are.
        let centre: Vec<f64> = (0..rows.width()).map(|feature| if feature == 0 { 1.0 } else { 0.0 }).collect();
        let informations = self.informations(&centre, &log_variances);
        let added: f64 = informations.iter().map(|unit| unit.iter().sum::<f64>()).fold(0.0, f64::max);
        if added < HIDDEN {
            return;
        }
        let mut correlation = DMatrix::<f64>::zeros(places, places);
        for (index, data) in data.iter().enumerate() {
            let features = rows.row(index);
            let precisions: Vec<f64> = log_variances.iter().map(|c| (-0.5 * dot(c, features)).exp()).collect();
            for residual in self.deviations(features, data) {
                for a in 0..places {
                    let scaled = rows.weights[index] * residual[a] * precisions[a];
                    (0..=a).for_each(|b| correlation[(a, b)] += scaled * residual[b] * precisions[b]);
                }
            }
        }
        correlation.fill_upper_triangle_with_lower_triangle();
        let total: f64 = rows.weights.iter().sum::<f64>() * self.values.len() as f64;
        let largest = informations
            .iter()
            .fold(vec![0.0f64; places], |most, unit| most.iter().zip(unit).map(|(most, own)| most.max(*own)).collect());
        self.scatter = Some(Scatter {
            factor: factor(correlation / total),
            shares: largest.into_iter().map(|own| own / (1.0 + own)).collect(),
            log_variances,
        });
    }

    /// By unit and place, the values' variance in units of what the noise leaves unknown of them.
    fn informations(&self, features: &[f64], log_variances: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let means: Vec<f64> = self.means.iter().map(|c| dot(c, features)).collect();
        let of = |unit: usize| {
            let scales = self.scales(unit, features);
            let own = |place: usize| {
                let variance = dot(&log_variances[place], features).clamp(-700.0, 700.0).exp();
                let (_, bend) = self.derivatives(unit, place, means[place], scales[place], variance.sqrt());
                variance * bend
            };
            (0..means.len()).map(own).collect()
        };
        (0..self.values.len()).map(of).collect()
    }

    /// By unit and place, simulated values less their means.
    fn deviations(&self, features: &[f64], data: &[f64]) -> Vec<Vec<f64>> {
        let means: Vec<f64> = self.means.iter().map(|c| dot(c, features)).collect();
        let of = |unit: &Vec<usize>| unit.iter().zip(&means).map(|(&at, mean)| data[at] - mean).collect();
        self.values.iter().map(of).collect()
    }

    fn scales(&self, unit: usize, features: &[f64]) -> Vec<f64> {
        self.log_scales[unit].iter().map(|function| function.at(features)).collect()
    }

    /// The slope of the noise's log density by the value, and the negative of the second derivative, 0 at least; by
    /// differences over a part of `spread`.
    fn derivatives(&self, unit: usize, place: usize, value: f64, log_scale: f64, spread: f64) -> (f64, f64) {
        let step = 0.05 * spread.max(1e-150);
        let at = |value: f64| self.noise.log_density(unit, place, &self.observed, value, log_scale);
        let (below, here, above) = (at(value - step), at(value), at(value + step));
        if !(below.is_finite() && here.is_finite() && above.is_finite()) {
            return (0.0, 0.0);
        }
        ((above - below) / (2.0 * step), ((2.0 * here - below - above) / (step * step)).max(0.0))
    }

    /// The log density of the observations given the values of a simulation.
    pub fn exact(&self, law: &law::Measured, simulated: &[f64]) -> f64 {
        let of = |(unit, (values, scales)): (usize, (&Vec<usize>, &Vec<usize>))| {
            let at = |places: &Vec<usize>| places.iter().map(|&at| simulated[at]).collect::<Vec<f64>>();
            self.given(unit, &at(values), &at(scales))
        };
        law.values.iter().zip(&law.log_scales).enumerate().map(of).sum()
    }

    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let means: Vec<f64> = self.means.iter().map(|c| dot(c, features)).collect();
        let Some(scatter) = &self.scatter else {
            let of = |unit: usize| self.given(unit, &means, &self.scales(unit, features));
            return (0..self.values.len()).map(of).sum();
        };
        let sds: Vec<f64> =
            scatter.log_variances.iter().map(|c| (0.5 * dot(c, features).clamp(-700.0, 700.0)).exp()).collect();
        let mut factor = scatter.factor.clone();
        for (mut row, sd) in factor.row_iter_mut().zip(&sds) {
            row.scale_mut(*sd);
        }
        (0..self.values.len()).map(|unit| self.integrated(unit, features, &means, &sds, &factor)).sum()
    }

    /// The log density of a unit's measurements given its values.
    fn given(&self, unit: usize, values: &[f64], scales: &[f64]) -> f64 {
        let of = |(place, (value, scale)): (usize, (&f64, &f64))| {
            self.noise.log_density(unit, place, &self.observed, *value, *scale)
        };
        values.iter().zip(scales).enumerate().map(of).sum()
    }

    /// The same, with values `means` + `factor`·u and standard normal u integrated out.
    fn integrated(&self, unit: usize, features: &[f64], means: &[f64], sds: &[f64], factor: &DMatrix<f64>) -> f64 {
        /// Newton's steps; normal noise needs one, others a few.
        const STEPS: usize = 20;
        let scales = self.scales(unit, features);
        let values = |u: &DVector<f64>| -> Vec<f64> {
            let moved: DVector<f64> = factor * u;
            means.iter().zip(moved.iter()).map(|(mean, moved)| mean + moved).collect()
        };
        let objective = |u: &DVector<f64>| self.given(unit, &values(u), &scales) - 0.5 * u.norm_squared();
        let mut u: DVector<f64> = DVector::zeros(factor.ncols());
        let mut value = objective(&u);
        if !value.is_finite() {
            return f64::NEG_INFINITY;
        }
        let mut log_determinant = 0.0;
        for _ in 0..STEPS {
            let at = values(&u);
            let mut gradient = -u.clone();
            let mut hessian = DMatrix::identity(u.len(), u.len());
            for (place, row) in factor.row_iter().enumerate() {
                let (slope, bend) = self.derivatives(unit, place, at[place], scales[place], sds[place]);
                for a in 0..u.len() {
                    gradient[a] += slope * row[a];
                    (0..u.len()).for_each(|b| hessian[(a, b)] += bend * row[a] * row[b]);
                }
            }
            // The identity and what is not negative added to it: positive definite, but for what is not a number.
            let Some(cholesky) = Cholesky::new(hessian) else { return f64::NEG_INFINITY };
            log_determinant = cholesky.l_dirty().diagonal().iter().map(|entry: &f64| entry.ln()).sum::<f64>();
            let step = cholesky.solve(&gradient);
            if step.dot(&gradient) < 1e-6 {
                break;
            }
            let mut share = 1.0;
            let moved = loop {
                let moved: DVector<f64> = &u + &step * share;
                let found = objective(&moved);
                if found > value {
                    break Some((moved, found));
                }
                share *= 0.5;
                if share < 1e-3 {
                    break None;
                }
            };
            let Some((moved, found)) = moved else { break };
            (u, value) = (moved, found);
        }
        value - log_determinant
    }

    /// Standardised deviations of the first unit's simulated values, and how much rests on their being normal.
    pub fn residuals(&self, features: &[f64], data: &[f64]) -> Vec<(f64, f64)> {
        let Some(scatter) = &self.scatter else { return Vec::new() };
        let first = self.deviations(features, data).into_iter().next().unwrap_or_default();
        let own = |(place, deviation): (usize, f64)| {
            (deviation * (-0.5 * dot(&scatter.log_variances[place], features)).exp(), scatter.shares[place])
        };
        first.into_iter().enumerate().map(own).collect()
    }
}

/// The scales of the noise as functions of the parameters, by unit and place.
fn scales(law: &law::Measured, rows: &Rows, data: &[&[f64]]) -> Option<Vec<Vec<Function>>> {
    let first = data.first()?;
    let varies: Vec<usize> =
        law.log_scales.iter().flatten().copied().filter(|&at| data.iter().any(|row| row[at] != first[at])).collect();
    let responses: Vec<Vec<f64>> = data.iter().map(|row| varies.iter().map(|&at| row[at]).collect()).collect();
    let found = match varies.is_empty() {
        true => Vec::new(),
        false => columns(&rows.least_squares_of_many(rows.width(), &responses)?),
    };
    let of = |at: &usize| match varies.iter().position(|other| other == at) {
        Some(place) => Function::Polynomial(found[place].clone()),
        None => Function::Constant(first[*at]),
    };
    Some(law.log_scales.iter().map(|unit| unit.iter().map(of).collect()).collect())
}

fn columns(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.column_iter().map(|column| column.iter().copied().collect()).collect()
}

/// A factor of few columns of a correlation matrix.
fn factor(correlation: DMatrix<f64>) -> DMatrix<f64> {
    let eigen = SymmetricEigen::new(correlation);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let total: f64 = eigen.eigenvalues.iter().map(|value| value.max(0.0)).sum();
    let mut sum = 0.0;
    let kept: Vec<usize> = order
        .into_iter()
        .take(DIRECTIONS)
        .take_while(|&index| {
            let more = sum < KEPT * total;
            sum += eigen.eigenvalues[index].max(0.0);
            more
        })
        .collect();
    let places = eigen.eigenvectors.nrows();
    DMatrix::from_fn(places, kept.len(), |row, column| {
        eigen.eigenvectors[(row, kept[column])] * eigen.eigenvalues[kept[column]].max(0.0).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normal noise; the scale of the second place is twice that of the first.
    #[derive(Debug)]
    struct Normal;

    impl Noise for Normal {
        fn log_density(&self, _unit: usize, place: usize, data: &[f64], value: f64, log_scale: f64) -> f64 {
            -0.5 * ((data[place] - value) * (-log_scale).exp()).powi(2) - log_scale
        }
    }

    /// Against the bivariate normal law with covariance D R D + diag(σ²), up to (2π)^(−1).
    #[test]
    fn scatter_under_normal_noise_is_integrated_exactly() {
        let correlation = DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]);
        let (sds, sigmas, means, data): ([f64; 2], [f64; 2], [f64; 2], [f64; 2]) =
            ([0.5, 0.3], [0.2, 0.4], [1.0, -1.0], [1.7, -0.6]);
        let part = Measured {
            noise: Arc::new(Normal),
            observed: data.to_vec(),
            values: vec![vec![0, 1]],
            means: means.map(|mean| vec![mean]).to_vec(),
            log_scales: vec![sigmas.map(|sigma| Function::Constant(sigma.ln())).to_vec()],
            scatter: Some(Scatter {
                log_variances: sds.map(|sd| vec![2.0 * sd.ln()]).to_vec(),
                factor: factor(correlation),
                shares: vec![1.0; 2],
            }),
            quality: (0.0, 0),
        };
        let (a, b) = (sds[0].powi(2) + sigmas[0].powi(2), sds[1].powi(2) + sigmas[1].powi(2));
        let c = 0.6 * sds[0] * sds[1];
        let (x, y, determinant) = (data[0] - means[0], data[1] - means[1], a * b - c * c);
        let exact = -0.5 * (b * x * x - 2.0 * c * x * y + a * y * y) / determinant - 0.5 * determinant.ln();
        assert!((part.log_likelihood(&[1.0]) - exact).abs() < 1e-6, "{} {exact}", part.log_likelihood(&[1.0]));
    }
}

//! Gaussian synthetic likelihood on learned summaries, for data whose law is not known.

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};

use super::{
    basis::{Basis, dot},
    regression::{Family, Rows},
};

/// A summary for each parameter, the linear function of the data that is the score of a normal law at the middle of the
/// simulations ([`projection`]). Given the parameters they are taken to be normal (Wood 2010,
/// Nature 466:1102), with mean, log variance and correlations that are polynomials.
#[derive(Clone, Debug)]
pub(super) struct Gaussian {
    projection: DMatrix<f64>,
    at: Vec<usize>,
    /// Coefficients by summary.
    means: Vec<Vec<f64>>,
    log_variances: Vec<Vec<f64>>,
    /// Coefficients by pair, the lower triangle row by row.
    correlations: Vec<Vec<f64>>,
    observed: Vec<f64>,
    /// The log-likelihood of the simulations, and what it took.
    pub quality: (f64, usize),
}

/// Directions in which correlations leave less than this of a variance are taken to be exact combinations of others.
const EXACT: f64 = 1e-8;

/// Σ⁻¹J, with J the slopes of the data's means at the middle of the simulations and Σ their covariance around the means:
/// no other linear summaries keep more of what the data say about small changes of the parameters (they are the score of a
/// normal law with constant covariance). Means are quadratics of the parameters, so that what is curved is not taken for
/// noise. A row for each value, a column for each parameter; `None` where no value varies.
fn projection(rows: &Rows, (narrow, medium): (usize, usize), data: &[Vec<f64>]) -> Option<DMatrix<f64>> {
    let values = data.first()?.len();
    let total: f64 = rows.weights.iter().sum();
    let fitted = rows.least_squares_of_many(medium.min(rows.width()), data)?;
    let mut covariance = DMatrix::<f64>::zeros(values, values);
    for (index, row) in data.iter().enumerate() {
        let residual: Vec<f64> =
            (0..values).map(|value| row[value] - dot(fitted.column(value).as_slice(), rows.row(index))).collect();
        for i in 0..values {
            let scaled = rows.weights[index] / total * residual[i];
            (0..=i).for_each(|j| covariance[(i, j)] += scaled * residual[j]);
        }
    }
    covariance.fill_upper_triangle_with_lower_triangle();
    let sds: Vec<f64> = covariance.diagonal().iter().map(|variance| variance.sqrt()).collect();
    let range = |value: usize| {
        let values = || data.iter().map(|row| row[value]);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    // Rounding, and the slight penalty of the regression, leave a constant a spread of this order.
    let is_spread = |value: usize| {
        let (low, high) = range(value);
        sds[value].min(high - low) > 1e-10 * low.abs().max(high.abs())
    };
    let varies: Vec<usize> = (0..values).filter(|&value| is_spread(value)).collect();
    if varies.is_empty() {
        return None;
    }
    let correlation = DMatrix::from_fn(varies.len(), varies.len(), |i, j| {
        covariance[(varies[i], varies[j])] / (sds[varies[i]] * sds[varies[j]])
    });
    let slopes = DMatrix::from_fn(varies.len(), narrow - 1, |i, k| fitted[(k + 1, varies[i])] / sds[varies[i]]);
    let eigen = SymmetricEigen::new(correlation);
    let mut along = eigen.eigenvectors.tr_mul(&slopes);
    for (i, &value) in eigen.eigenvalues.iter().enumerate() {
        let factor = if value > EXACT { 1.0 / value } else { 0.0 };
        along.row_mut(i).scale_mut(factor);
    }
    let solved = eigen.eigenvectors * along;
    let mut projection = DMatrix::zeros(values, narrow - 1);
    for (i, &value) in varies.iter().enumerate() {
        projection.set_row(value, &(solved.row(i) / sds[value]));
    }
    Some(projection)
}

/// [`projection`] from simulations at points of equal weight, a data set for each; `None` also where they are too few for
/// a quadratic.
pub(crate) fn score_projection(points: &[Vec<f64>], data: &[Vec<f64>]) -> Option<DMatrix<f64>> {
    let weights = vec![1.0; points.len()];
    let rows: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
    let size = |degree| Basis::size(points.first().map_or(0, Vec::len), degree);
    if points.len() < 2 * size(2) {
        return None;
    }
    let basis = Basis::new(&rows, &weights, 2);
    let features = points.iter().map(|point| basis.of(point)).collect();
    projection(&Rows::new(features, basis.degrees(), weights), (size(1), size(2)), data)
}

/// Correlations are kept below this.
const CORRELATED: f64 = 0.98;

impl Gaussian {
    /// `narrow` is the number of features up to the first degree, `medium` up to the second. `None` where the data do not
    /// vary.
    pub fn fit(
        at: Vec<usize>,
        rows: &Rows,
        (narrow, medium): (usize, usize),
        data: &[&[f64]],
        observed: &[f64],
    ) -> Option<Self> {
        let chosen: Vec<Vec<f64>> = data.iter().map(|row| at.iter().map(|&position| row[position]).collect()).collect();
        let projection = projection(rows, (narrow, medium), &chosen)?;
        let project =
            |row: &[f64]| -> Vec<f64> { projection.tr_mul(&DVector::from_column_slice(row)).as_slice().to_vec() };
        let summaries: Vec<Vec<f64>> = chosen.iter().map(|row| project(row)).collect();
        let dimension = projection.ncols();
        let ones = vec![1.0; rows.count()];
        let (mut means, mut log_variances, mut residuals) = (Vec::new(), Vec::new(), Vec::new());
        for summary in 0..dimension {
            let response: Vec<f64> = summaries.iter().map(|row| row[summary]).collect();
            let mut precision = ones.clone();
            let mut fitted = (Vec::new(), Vec::new());
            for _ in 0..2 {
                let mean = rows.least_squares(rows.width(), &response, |index| precision[index]);
                let squares: Vec<f64> =
                    response.iter().enumerate().map(|(index, y)| (y - dot(&mean, rows.row(index))).powi(2)).collect();
                let log_variance = rows.generalised(Family::Variance, medium.min(rows.width()), &squares, &ones);
                precision = (0..rows.count()).map(|index| (-dot(&log_variance, rows.row(index))).exp()).collect();
                fitted = (mean, log_variance);
            }
            let standard = |(index, y): (usize, &f64)| (y - dot(&fitted.0, rows.row(index))) * precision[index].sqrt();
            residuals.push(response.iter().enumerate().map(standard).collect::<Vec<f64>>());
            means.push(fitted.0);
            log_variances.push(fitted.1);
        }
        let mut correlations = Vec::new();
        for a in 0..dimension {
            for b in 0..a {
                let products: Vec<f64> = residuals[a].iter().zip(&residuals[b]).map(|(a, b)| a * b).collect();
                correlations.push(rows.least_squares(narrow, &products, |_| 1.0));
            }
        }
        let observed: Vec<f64> = at.iter().map(|&position| observed[position]).collect();
        let size = [&means, &log_variances, &correlations].into_iter().flatten().map(Vec::len).sum();
        let observed = project(&observed);
        let mut fitted = Self { observed, projection, at, means, log_variances, correlations, quality: (0.0, size) };
        let density = |(index, summaries): (usize, &Vec<f64>)| {
            let (white, log_determinant) = fitted.whiten(rows.row(index), summaries);
            -rows.weights[index] * (0.5 * dot(&white, &white) + log_determinant)
        };
        fitted.quality.0 = summaries.iter().enumerate().map(density).sum();
        Some(fitted)
    }

    /// Standardised, decorrelated residuals of a data set's summaries, and the log of the determinant.
    fn whiten(&self, features: &[f64], summaries: &[f64]) -> (Vec<f64>, f64) {
        let dimension = summaries.len();
        let logs: Vec<f64> = self.log_variances.iter().map(|c| dot(c, features).clamp(-100.0, 100.0)).collect();
        let residual = DVector::from_iterator(
            dimension,
            (0..dimension).map(|i| (summaries[i] - dot(&self.means[i], features)) * (-0.5 * logs[i]).exp()),
        );
        let mut correlation = DMatrix::identity(dimension, dimension);
        let mut pairs = self.correlations.iter();
        for a in 0..dimension {
            for b in 0..a {
                let value = pairs.next().map_or(0.0, |c| dot(c, features)).clamp(-CORRELATED, CORRELATED);
                correlation[(a, b)] = value;
                correlation[(b, a)] = value;
            }
        }
        let factor = loop {
            match Cholesky::new(correlation.clone()) {
                Some(factor) => break factor,
                // Pairs that do not go together are drawn towards none at all; ends at the identity.
                None => {
                    for a in 0..dimension {
                        for b in 0..dimension {
                            if a != b {
                                correlation[(a, b)] *= 0.9;
                            }
                        }
                    }
                }
            }
        };
        let lower = factor.l_dirty();
        let mut white: Vec<f64> = Vec::with_capacity(dimension);
        let mut log_determinant = 0.5 * logs.iter().sum::<f64>();
        for i in 0..dimension {
            let known: f64 = white.iter().enumerate().map(|(j, w)| lower[(i, j)] * w).sum();
            white.push((residual[i] - known) / lower[(i, i)]);
            log_determinant += lower[(i, i)].ln();
        }
        (white, log_determinant)
    }

    pub fn log_likelihood(&self, features: &[f64]) -> f64 {
        let (white, log_determinant) = self.whiten(features, &self.observed);
        -0.5 * white.iter().map(|z| z * z).sum::<f64>() - log_determinant
    }

    /// Standardised residuals of a simulated data set: standard normal where all is well.
    pub fn residuals(&self, features: &[f64], data: &[f64]) -> Vec<f64> {
        let chosen = DVector::from_iterator(self.at.len(), self.at.iter().map(|&position| data[position]));
        self.whiten(features, self.projection.tr_mul(&chosen).as_slice()).0
    }
}

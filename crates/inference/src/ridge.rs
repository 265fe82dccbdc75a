//! Weighted linear regression with a penalty found by generalised cross-validation.

use nalgebra::{DMatrix, SymmetricEigen};

/// Relative penalties tried: powers of ten times the number of rows.
const PENALTIES: std::ops::RangeInclusive<i32> = -8..=1;

/// Regression of several responses on the same predictors.
pub(crate) struct Ridge {
    /// A row per predictor, a column per response; 0 for predictors that do not vary.
    pub coefficients: DMatrix<f64>,
    /// Of the responses, after the regression.
    pub residual_covariance: DMatrix<f64>,
}

impl Ridge {
    /// Ridge regression; predictors are standardised, each response has its own penalty, the one of least generalised
    /// cross-validation score (Golub, Heath & Wahba 1979, Technometrics 21:215). Weights sum to 1. `None` if no
    /// predictor varies.
    pub fn fit(predictors: &[&[f64]], responses: &[&[f64]], weights: &[f64]) -> Option<Self> {
        let (width, height) = (predictors.first()?.len(), responses.first()?.len());
        let count = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        // Rows of weight w count as count·w rows.
        let factors: Vec<f64> = weights.iter().map(|weight| (weight * count).sqrt()).collect();
        let centred = |rows: &[&[f64]], column: usize| {
            let mean: f64 = rows.iter().zip(weights).map(|(row, weight)| row[column] * weight).sum();
            let values: Vec<f64> =
                rows.iter().zip(&factors).map(|(row, factor)| (row[column] - mean) * factor).collect();
            (mean, values)
        };
        let mut columns = Vec::new();
        let mut data = Vec::new();
        for column in 0..width {
            let (mean, values) = centred(predictors, column);
            let sd = (values.iter().map(|value| value * value).sum::<f64>() / count).sqrt();
            // Rounding leaves a constant predictor a spread of this order.
            if sd > 1e-12 * mean.abs() && sd.is_finite() {
                columns.push((column, sd));
                data.extend(values.iter().map(|value| value / sd));
            }
        }
        if columns.is_empty() {
            return None;
        }
        let x = DMatrix::from_vec(weights.len(), columns.len(), data);
        let y = DMatrix::from_vec(
            weights.len(),
            height,
            (0..height).flat_map(|column| centred(responses, column).1).collect(),
        );
        let eigen = SymmetricEigen::new(x.tr_mul(&x));
        let mut shrunk = eigen.eigenvectors.tr_mul(&x.tr_mul(&y));
        let values: Vec<f64> = eigen.eigenvalues.iter().map(|value| value.max(0.0)).collect();
        let mut freedom = 0.0f64;
        for response in 0..height {
            let total = y.column(response).norm_squared();
            let (penalty, used) = penalty(&values, shrunk.column(response).as_slice(), total, count);
            freedom = freedom.max(used);
            for (value, entry) in values.iter().zip(shrunk.column_mut(response).iter_mut()) {
                *entry /= value + penalty;
            }
        }
        let fitted = &eigen.eigenvectors * shrunk;
        let residuals = &y - &x * &fitted;
        let residual_covariance = residuals.tr_mul(&residuals) / (count - freedom).max(1.0);
        let mut coefficients = DMatrix::zeros(width, height);
        for (place, &(column, sd)) in columns.iter().enumerate() {
            coefficients.set_row(column, &(fitted.row(place) / sd));
        }
        Some(Self { coefficients, residual_covariance })
    }
}

/// The penalty with the least generalised cross-validation score, and the degrees of freedom it takes. `projected` is
/// the response in the eigenvectors' coordinates, `total` its sum of squares.
fn penalty(values: &[f64], projected: &[f64], total: f64, count: f64) -> (f64, f64) {
    let mut best = (f64::INFINITY, count, 0.0);
    for exponent in PENALTIES {
        let penalty = count * 10f64.powi(exponent);
        let mut freedom = 1.0;
        let mut residual = total;
        for (&value, &entry) in values.iter().zip(projected) {
            let share = value / (value + penalty);
            freedom += share;
            residual += entry * entry / (value + penalty) * (share - 2.0);
        }
        let left = (count - freedom).max(1e-9 * count);
        let score = residual.max(0.0) / (left * left);
        if score < best.0 {
            best = (score, penalty, freedom);
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: y = 2 + 3a, exactly, on points of unequal weight; the constant predictor gets no coefficient.
    #[test]
    fn an_exact_line_is_found_under_any_weights() {
        let predictors: Vec<[f64; 2]> = (0..30).map(|i| [f64::from(i), 4.0]).collect();
        let responses: Vec<[f64; 1]> = predictors.iter().map(|row| [2.0 + 3.0 * row[0]]).collect();
        let weights: Vec<f64> = (0..30).map(|i| f64::from(1 + i % 4)).collect();
        let total: f64 = weights.iter().sum();
        let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let x: Vec<&[f64]> = predictors.iter().map(|row| &row[..]).collect();
        let y: Vec<&[f64]> = responses.iter().map(|row| &row[..]).collect();
        let ridge = Ridge::fit(&x, &y, &weights).unwrap();
        assert!((ridge.coefficients[(0, 0)] - 3.0).abs() < 1e-6);
        assert_eq!(ridge.coefficients[(1, 0)], 0.0);
        assert!(ridge.residual_covariance[(0, 0)] < 1e-9);
    }

    /// Thirty predictors of pure noise: cross-validation shrinks them away.
    #[test]
    fn noise_is_not_fitted() {
        use metacascade_random::Key;
        use rand_distr::{Distribution, StandardNormal};
        let mut stream = Key::new(9).stream();
        let rows: Vec<Vec<f64>> =
            (0..200).map(|_| (0..31).map(|_| StandardNormal.sample(&mut stream)).collect()).collect();
        let x: Vec<&[f64]> = rows.iter().map(|row| &row[1..]).collect();
        let y: Vec<&[f64]> = rows.iter().map(|row| &row[..1]).collect();
        let ridge = Ridge::fit(&x, &y, &[1.0 / 200.0; 200]).unwrap();
        // Ordinary least squares would have a squared length near 30/200.
        assert!(ridge.coefficients.norm_squared() < 0.05, "{}", ridge.coefficients.norm_squared());
        assert!((ridge.residual_covariance[(0, 0)] - 1.0).abs() < 0.4);
    }
}

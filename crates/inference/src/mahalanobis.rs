//! Distances in units of a covariance.

use nalgebra::DMatrix;

/// The squared Mahalanobis distance of a point from a mean, by the lower Cholesky factor of the covariance.
pub(crate) fn square(point: &[f64], mean: &[f64], lower: &DMatrix<f64>) -> f64 {
    let mut square = 0.0;
    let mut white: Vec<f64> = Vec::with_capacity(point.len());
    for (i, (value, mean)) in point.iter().zip(mean).enumerate() {
        let known: f64 = white.iter().enumerate().map(|(j, w)| lower[(i, j)] * w).sum();
        let entry = (value - mean - known) / lower[(i, i)];
        square += entry * entry;
        white.push(entry);
    }
    square
}

//! A normal approximation around a maximum, from a numerical Hessian.

use metacascade_random::Key;
use nalgebra::{DMatrix, SymmetricEigen};
use rand_distr::{Distribution, StandardNormal};

use super::{Error, Objective};

/// Steps lower the function by about this much: large against the error of numerical solutions, small against
/// the range in which it is nearly quadratic.
const DROP: std::ops::RangeInclusive<f64> = 0.1..=1.0;

/// Passes of [`hessian`]: each takes its differences along the eigenvectors found by the one before, since differences
/// across a narrow ridge would drown the slight curvature along it.
const PASSES: usize = 3;

/// The inverse of the negative Hessian of a log-posterior in normal scores, at its maximum. The prior alone gives every
/// direction a curvature of 1; less than that is numerical error or a neighbouring hill, and is taken as 1/4.
pub(super) fn covariance(f: &impl Objective, mode: &[f64], value: f64) -> Result<DMatrix<f64>, Error> {
    let mut basis = DMatrix::identity(mode.len(), mode.len());
    let mut passes = 0;
    loop {
        let matrix = &basis * hessian(f, mode, value, &basis) * basis.transpose();
        let mut eigen = SymmetricEigen::try_new(matrix, f64::EPSILON, 10_000)
            .ok_or_else(|| Error::Optimiser("the Hessian at the mode has no eigenvalues".to_owned()))?;
        passes += 1;
        if passes == PASSES {
            eigen.eigenvalues.apply(|value| *value = 1.0 / value.max(0.25));
            return Ok(eigen.recompose());
        }
        basis = eigen.eigenvectors;
    }
}

/// The negative Hessian in the coordinates of a basis, by central differences.
fn hessian(f: &impl Objective, mode: &[f64], value: f64, basis: &DMatrix<f64>) -> DMatrix<f64> {
    let dimension = mode.len();
    let at = |moves: &[(usize, f64)]| {
        let mut point = mode.to_vec();
        for &(direction, step) in moves {
            for (coordinate, entry) in point.iter_mut().zip(basis.column(direction).iter()) {
                *coordinate += step * entry;
            }
        }
        f(&point).ok().filter(|value| value.is_finite())
    };
    let mut steps = Vec::with_capacity(dimension);
    let mut hessian = DMatrix::zeros(dimension, dimension);
    for i in 0..dimension {
        let (step, curvature) = curvature(|step| Some((at(&[(i, step)])?, at(&[(i, -step)])?)), value);
        steps.push(step);
        hessian[(i, i)] = curvature;
    }
    for i in 0..dimension {
        for j in 0..i {
            let corner = |a: f64, b: f64| at(&[(i, a * steps[i]), (j, b * steps[j])]);
            let corners = (corner(1.0, 1.0), corner(-1.0, -1.0), corner(1.0, -1.0), corner(-1.0, 1.0));
            if let (Some(up), Some(down), Some(right), Some(left)) = corners {
                let mixed = -(up + down - right - left) / (4.0 * steps[i] * steps[j]);
                hessian[(i, j)] = mixed;
                hessian[(j, i)] = mixed;
            }
        }
    }
    hessian
}

/// A step at which the function drops by [`DROP`] on average of both sides, and the negative second derivative there.
fn curvature(at: impl Fn(f64) -> Option<(f64, f64)>, value: f64) -> (f64, f64) {
    let mut step = 0.1;
    for _ in 0..40 {
        let drop = at(step).map_or(f64::INFINITY, |(up, down)| value - 0.5 * (up + down));
        if DROP.contains(&drop) || (drop < *DROP.start() && step > 1.0) {
            return (step, 2.0 * drop / (step * step));
        }
        // A quadratic function's drop is as the square of the step; at most a factor of 8 at once.
        let factor = (0.5 / drop.max(1e-12)).sqrt().clamp(0.125, 8.0);
        step *= factor;
    }
    (step, 1.0)
}

/// Draws from a normal law.
pub(super) fn draws(mean: &[f64], covariance: &DMatrix<f64>, count: usize, key: Key) -> Vec<Vec<f64>> {
    let eigen = SymmetricEigen::new(covariance.clone());
    let root = &eigen.eigenvectors * DMatrix::from_diagonal(&eigen.eigenvalues.map(|value| value.max(0.0).sqrt()));
    let mut stream = key.stream();
    (0..count)
        .map(|_| {
            let steps: Vec<f64> = mean.iter().map(|_| StandardNormal.sample(&mut stream)).collect();
            let row = |i: usize| steps.iter().enumerate().map(|(j, step)| root[(i, j)] * step).sum::<f64>();
            mean.iter().enumerate().map(|(i, mean)| mean + row(i)).collect()
        })
        .collect()
}

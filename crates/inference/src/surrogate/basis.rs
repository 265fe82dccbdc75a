//! Polynomials of the parameters' scores, centred and whitened where the simulations are.

use nalgebra::{Cholesky, DMatrix};

use crate::mcmc::chain::mean_and_covariance;

/// All monomials up to a degree.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    mean: Vec<f64>,
    lower: DMatrix<f64>,
    /// How each monomial but the first, 1, comes from an earlier one: its position, and the coordinate it is multiplied by.
    products: Vec<(usize, usize)>,
}

impl Basis {
    /// Monomials in coordinates in which points, in proportion to their weights, have mean 0 and covariance I.
    pub fn new(points: &[&[f64]], weights: &[f64], degree: usize) -> Self {
        let (mean, covariance) = weighted_moments(points, weights);
        let lower = Self::factor(covariance);
        let dimension = mean.len();
        // Each monomial is multiplied by coordinates from its own last one on, so that each product comes once.
        let mut products = Vec::new();
        let mut last = vec![(0, 0)];
        for _ in 0..degree {
            let mut next = Vec::new();
            for &(position, from) in &last {
                for coordinate in from..dimension {
                    products.push((position, coordinate));
                    next.push((products.len(), coordinate));
                }
            }
            last = next;
        }
        Self { mean, lower, products }
    }

    fn factor(mut covariance: DMatrix<f64>) -> DMatrix<f64> {
        let mut jitter = 1e-12 * covariance.diagonal().max().max(1e-12);
        loop {
            for i in 0..covariance.nrows() {
                covariance[(i, i)] += jitter;
            }
            match Cholesky::new(covariance.clone()) {
                Some(factor) => return factor.unpack(),
                // Ends: a large enough diagonal is positive definite.
                None => jitter *= 10.0,
            }
        }
    }

    /// Monomials up to a degree of so many coordinates.
    pub fn size(dimension: usize, degree: usize) -> usize {
        (1..=degree)
            .fold((1, 1), |(total, term), k| {
                let term = term * (dimension + k - 1) / k;
                (total + term, term)
            })
            .0
    }

    pub fn len(&self) -> usize {
        self.products.len() + 1
    }

    /// The degree of each monomial.
    pub fn degrees(&self) -> Vec<usize> {
        let mut degrees = vec![0];
        for &(position, _) in &self.products {
            degrees.push(degrees[position] + 1);
        }
        degrees
    }

    /// Whitened coordinates.
    pub fn whiten(&self, point: &[f64]) -> Vec<f64> {
        let mut white: Vec<f64> = Vec::with_capacity(point.len());
        for (i, (value, mean)) in point.iter().zip(&self.mean).enumerate() {
            let known: f64 = white.iter().enumerate().map(|(j, w)| self.lower[(i, j)] * w).sum();
            white.push((value - mean - known) / self.lower[(i, i)]);
        }
        white
    }

    /// The monomials of whitened coordinates, lower degrees first.
    pub fn of_white(&self, white: &[f64]) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.len());
        values.push(1.0);
        for &(position, coordinate) in &self.products {
            values.push(values[position] * white[coordinate]);
        }
        values
    }

    /// The monomials of a point.
    pub fn of(&self, point: &[f64]) -> Vec<f64> {
        self.of_white(&self.whiten(point))
    }
}

fn weighted_moments(points: &[&[f64]], weights: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
    let total: f64 = weights.iter().sum();
    let (plain, _) = mean_and_covariance(points.iter().copied());
    let dimension = plain.len();
    let mut mean = vec![0.0; dimension];
    for (point, weight) in points.iter().zip(weights) {
        mean.iter_mut().zip(*point).for_each(|(mean, value)| *mean += weight * value / total);
    }
    let mut covariance = DMatrix::zeros(dimension, dimension);
    for (point, weight) in points.iter().zip(weights) {
        for i in 0..dimension {
            for j in 0..=i {
                covariance[(i, j)] += weight / total * (point[i] - mean[i]) * (point[j] - mean[j]);
            }
        }
    }
    covariance.fill_upper_triangle_with_lower_triangle();
    (mean, covariance)
}

pub(super) fn dot(coefficients: &[f64], features: &[f64]) -> f64 {
    coefficients.iter().zip(features).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monomials_are_complete_and_in_order() {
        for (dimension, degree, size) in [(1, 2, 3), (3, 2, 10), (4, 2, 15), (4, 3, 35), (3, 3, 20), (2, 1, 3)] {
            assert_eq!(Basis::size(dimension, degree), size);
        }
        let points = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]].map(|point| point.map(|x| x * 2f64.sqrt()));
        let rows: Vec<&[f64]> = points.iter().map(|point| &point[..]).collect();
        let basis = Basis::new(&rows, &[1.0; 4], 3);
        assert_eq!(basis.len(), 10);
        let values = basis.of(&[2.0, 3.0]);
        let exact = [1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 8.0, 12.0, 18.0, 27.0];
        assert!(values.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-9), "{values:?}");
    }
}

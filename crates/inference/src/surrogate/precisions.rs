//! Precisions of coefficients, set by what the simulations show.

use super::regression::PENALTY;

/// Coefficients of one polynomial along a row and one degree in the parameters are taken to scatter around 0 by a normal law
/// of a precision of their own, which maximises the evidence (MacKay 1992, Neural Comput. 4:415, section 4): what
/// simulations do not show is not followed into their noise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Precisions {
    /// By order, then by degree from 1 on.
    by_order: Vec<Vec<f64>>,
    /// Of the features but the first, a constant.
    degrees: Vec<usize>,
}

/// Where the search begins, and within what precisions are kept.
const START: f64 = 100.0;
const LEAST: f64 = PENALTY;
const MOST: f64 = 1e6;

impl Precisions {
    /// Where the search begins: at those found before, if they are not so large that it would be a long way back.
    pub fn new(orders: usize, degrees: &[usize], before: Option<&Self>) -> Self {
        let degrees = degrees[1..].to_vec();
        let highest = degrees.iter().copied().max().unwrap_or(0);
        let before = |order: usize, degree: usize| Some(before?.by_order.get(order)?.get(degree)?.min(10.0 * START));
        let of_order = |order| (0..highest).map(|degree| before(order, degree).unwrap_or(START)).collect();
        Self { by_order: (0..orders).map(of_order).collect(), degrees }
    }

    /// Whether they are of as many orders, and the same features.
    pub fn fit(&self, orders: usize, degrees: &[usize]) -> bool {
        self.by_order.len() == orders && self.degrees == degrees[1..]
    }

    /// Of a coefficient.
    pub fn of(&self, order: usize, feature: usize) -> f64 {
        self.by_order[order][self.degrees[feature] - 1]
    }

    /// What coefficients, and the variances left to them, speak for; and how many coefficients are determined.
    pub fn updated(
        &self,
        coefficient: impl Fn(usize, usize) -> f64,
        variance: impl Fn(usize, usize) -> f64,
    ) -> (Self, f64) {
        let mut updated = self.clone();
        let mut determined = 0.0;
        for (order, precisions) in updated.by_order.iter_mut().enumerate() {
            for (degree, precision) in precisions.iter_mut().enumerate() {
                let chosen = (0..self.degrees.len()).filter(|&feature| self.degrees[feature] == degree + 1);
                let (count, squares) = chosen.fold((0.0, 0.0), |(count, squares), feature| {
                    (count + 1.0 - *precision * variance(order, feature), squares + coefficient(order, feature).powi(2))
                });
                determined += count;
                *precision = (count.max(1e-3) / squares.max(1e-12)).clamp(LEAST, MOST);
            }
        }
        (updated, determined)
    }
}

#[cfg(test)]
mod tests {
    use metacascade_random::Key;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// 200 coefficients of standard deviation .5, each seen with a standard error of .2, and 200 that are 0: the precision of
    /// the former is 4 (its standard error is .54 by the evidence's curvature, n/2·(1 + .16)⁻²), that of the latter large.
    #[test]
    fn precisions_tell_what_is_there_from_what_is_not() {
        let mut stream = Key::new(3).stream();
        let mut normal = || -> f64 { StandardNormal.sample(&mut stream) };
        let (there, error) = (0.5, 0.2);
        let seen: Vec<Vec<f64>> =
            [there, 0.0].map(|sd| (0..200).map(|_| sd * normal() + error * normal()).collect()).into();
        let degrees: Vec<usize> = (0..=200).map(|feature| feature.min(1)).collect();
        let mut precisions = Precisions::new(2, &degrees, None);
        let mut determined = 0.0;
        for _ in 0..500 {
            let information = 1.0 / (error * error);
            let before = precisions.clone();
            let variance = |order: usize, feature: usize| 1.0 / (information + before.of(order, feature));
            let coefficient =
                |order: usize, feature: usize| information * variance(order, feature) * seen[order][feature];
            (precisions, determined) = precisions.updated(coefficient, variance);
        }
        assert!((precisions.of(0, 7) - 4.0).abs() < 5.0 * 0.54, "{precisions:?}");
        assert!(precisions.of(1, 7) > 100.0, "{precisions:?}");
        assert!((determined - 200.0 * 25.0 / 29.0).abs() < 40.0, "{determined}");
    }
}

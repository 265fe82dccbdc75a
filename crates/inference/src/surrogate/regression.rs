//! Weighted regressions on polynomials: least squares, logistic, Poisson, and of variances.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::basis::dot;

/// Rows of features, one a simulation, and their weights.
pub(super) struct Rows {
    features: Vec<f64>,
    width: usize,
    pub weights: Vec<f64>,
    /// Of the features: 0 of the first, a constant.
    pub degrees: Vec<usize>,
}

/// How a response scatters around what is regressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Family {
    /// Successes among trials; logistic.
    Binomial,
    /// Counts; logarithmic. Trials are exposures.
    Poisson,
    /// Squares of centred normal values; the logarithm of the variance. Trials are degrees of freedom.
    Variance,
}

/// Penalty on squared coefficients: keeps those of rare events finite, and is lost among thousands of simulations.
pub(super) const PENALTY: f64 = 0.3;

impl Rows {
    pub fn new(features: Vec<Vec<f64>>, degrees: Vec<usize>, weights: Vec<f64>) -> Self {
        Self { features: features.concat(), width: degrees.len(), weights, degrees }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn row(&self, index: usize) -> &[f64] {
        &self.features[index * self.width..(index + 1) * self.width]
    }

    pub fn count(&self) -> usize {
        self.weights.len()
    }

    /// Adds w·xxᵀ for the first `width` features of each row; the lower triangle.
    fn gram(&self, width: usize, weight: impl Fn(usize) -> f64) -> DMatrix<f64> {
        let mut sums = vec![0.0; width * width];
        for index in 0..self.count() {
            let weight = weight(index);
            if weight == 0.0 {
                continue;
            }
            let row = &self.row(index)[..width];
            for (i, &x) in row.iter().enumerate() {
                let scaled = weight * x;
                for (sum, &y) in sums[i * width..=i * width + i].iter_mut().zip(row) {
                    *sum += scaled * y;
                }
            }
        }
        // Row-major lower triangle is column-major upper.
        let mut matrix = DMatrix::from_vec(width, width, sums);
        matrix.fill_lower_triangle_with_upper_triangle();
        matrix
    }

    /// Least squares with weights of its own besides those of the rows.
    pub fn least_squares(&self, width: usize, response: &[f64], precision: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut gram = self.gram(width, |index| self.weights[index] * precision(index));
        let mut right = DVector::zeros(width);
        for (index, value) in response.iter().enumerate() {
            let weight = self.weights[index] * precision(index) * value;
            right.iter_mut().zip(self.row(index)).for_each(|(sum, x)| *sum += weight * x);
        }
        let scale = gram[(0, 0)].max(1e-300);
        let mut jitter = 1e-10 * scale;
        loop {
            match Cholesky::new(gram.clone()) {
                Some(factor) => return factor.solve(&right).as_slice().to_vec(),
                None => {
                    (0..width).for_each(|i| gram[(i, i)] += jitter);
                    jitter *= 10.0;
                    if !jitter.is_finite() {
                        return vec![0.0; width];
                    }
                }
            }
        }
    }

    /// Least squares of many responses, a row a simulation: a column of coefficients for each.
    pub fn least_squares_of_many(&self, width: usize, responses: &[Vec<f64>]) -> Option<DMatrix<f64>> {
        let mut gram = self.gram(width, |index| self.weights[index]);
        let jitter = 1e-10 * gram[(0, 0)];
        (0..width).for_each(|i| gram[(i, i)] += jitter);
        let mut right = DMatrix::zeros(width, responses.first()?.len());
        for (index, response) in responses.iter().enumerate() {
            let row = &self.row(index)[..width];
            for (value, mut column) in response.iter().zip(right.column_iter_mut()) {
                let scaled = self.weights[index] * value;
                column.iter_mut().zip(row).for_each(|(sum, x)| *sum += scaled * x);
            }
        }
        Some(Cholesky::new(gram)?.solve(&right))
    }

    /// Maximum likelihood, with a slight penalty, by Newton's method (iteratively reweighted least squares), of the
    /// first `width` features.
    pub fn generalised(&self, family: Family, width: usize, response: &[f64], trials: &[f64]) -> Vec<f64> {
        self.maximum(family, width, response, trials).0
    }

    /// The same, with the penalised log-likelihood that was reached.
    pub fn maximum(&self, family: Family, width: usize, response: &[f64], trials: &[f64]) -> (Vec<f64>, f64) {
        let active: Vec<usize> =
            (0..self.count()).filter(|&index| trials[index] > 0.0 && self.weights[index] > 1e-6).collect();
        let sum = |values: &[f64]| active.iter().map(|&index| self.weights[index] * values[index]).sum::<f64>();
        let (successes, all) = (sum(response), sum(trials));
        let mut coefficients = vec![0.0; width];
        let start = match family {
            Family::Binomial => ((successes + 0.5) / (all - successes + 0.5)).ln(),
            Family::Poisson => ((successes + 0.5) / (all + 1e-9)).ln(),
            Family::Variance => ((successes + 1e-300) / (all + 1e-300)).ln(),
        };
        if all == 0.0 || !start.is_finite() {
            return (coefficients, 0.0);
        }
        coefficients[0] = start;
        // Deviations from the start are penalised, not the start.
        let objective = |coefficients: &[f64]| {
            let value = |&index: &usize| {
                let eta = dot(coefficients, self.row(index));
                self.weights[index] * family.log_likelihood(eta, response[index], trials[index])
            };
            let penalty: f64 = coefficients[1..].iter().map(|c| c * c).sum::<f64>() + (coefficients[0] - start).powi(2);
            active.iter().map(value).sum::<f64>() - 0.5 * PENALTY * penalty
        };
        let mut value = objective(&coefficients);
        for _ in 0..25 {
            let mut gradient = DVector::zeros(width);
            let mut curvature = vec![0.0; self.count()];
            for &index in &active {
                let row = &self.row(index)[..width];
                let (slope, bend) = family.derivatives(dot(&coefficients, row), response[index], trials[index]);
                let slope = self.weights[index] * slope;
                gradient.iter_mut().zip(row).for_each(|(sum, x)| *sum += slope * x);
                curvature[index] = self.weights[index] * bend;
            }
            let mut hessian = self.gram(width, |index| curvature[index]);
            for i in 0..width {
                hessian[(i, i)] += PENALTY;
                gradient[i] -= PENALTY * if i == 0 { coefficients[0] - start } else { coefficients[i] };
            }
            let Some(factor) = Cholesky::new(hessian) else { break };
            let step = factor.solve(&gradient);
            let decrement = step.dot(&gradient);
            let mut share = 1.0;
            let moved = loop {
                let moved: Vec<f64> = coefficients.iter().zip(step.iter()).map(|(c, step)| c + share * step).collect();
                let found = objective(&moved);
                if found >= value - 1e-9 * value.abs() {
                    value = found;
                    break Some(moved);
                }
                share *= 0.5;
                if share < 1e-3 {
                    break None;
                }
            };
            let Some(moved) = moved else { break };
            coefficients = moved;
            // Half a squared decrement is what is left to gain; a thousandth of a unit is lost in the noise.
            if decrement < 1e-3 {
                break;
            }
        }
        (coefficients, value)
    }
}

impl Family {
    /// Up to a constant of the data.
    pub fn log_likelihood(self, eta: f64, response: f64, trials: f64) -> f64 {
        match self {
            // ln(1 + e^η) without overflow.
            Self::Binomial => response * eta - trials * (eta.max(0.0) + (-eta.abs()).exp().ln_1p()),
            Self::Poisson => response * eta - trials * eta.min(700.0).exp(),
            Self::Variance => -0.5 * (trials * eta + response * (-eta).min(700.0).exp()),
        }
    }

    /// The first derivative by η, and the negative of the second's expectation.
    pub fn derivatives(self, eta: f64, response: f64, trials: f64) -> (f64, f64) {
        match self {
            Self::Binomial => {
                let p = 1.0 / (1.0 + (-eta).exp());
                (response - trials * p, trials * p * (1.0 - p))
            }
            Self::Poisson => {
                let mean = trials * eta.min(700.0).exp();
                (response - mean, mean)
            }
            Self::Variance => (0.5 * (response * (-eta).min(700.0).exp() - trials), 0.5 * trials),
        }
    }
}

#[cfg(test)]
mod tests {
    use metacascade_random::Key;
    use rand::RngExt;
    use rand_distr::{Binomial, Distribution, Normal, Poisson};

    use super::*;

    /// Coefficients within 5 standard errors of the truth (false alarm below 1e-6 each); 4,000 rows.
    #[test]
    fn regressions_find_the_coefficients_that_data_were_drawn_with() {
        let mut stream = Key::new(6).stream();
        let points: Vec<f64> = (0..4000).map(|_| 2.0 * stream.random::<f64>() - 1.0).collect();
        let rows =
            Rows::new(points.iter().map(|x| vec![1.0, *x, x * x]).collect(), vec![0, 1, 2], vec![1.0; points.len()]);
        let eta = |x: f64| 0.4 - 0.8 * x + 0.5 * x * x;
        let mut draw = |family: Family, x: f64| match family {
            Family::Binomial => Binomial::new(10, 1.0 / (1.0 + (-eta(x)).exp())).unwrap().sample(&mut stream) as f64,
            Family::Poisson => Poisson::new(10.0 * eta(x).exp()).unwrap().sample(&mut stream),
            Family::Variance => {
                let law = Normal::new(0.0, (0.5 * eta(x)).exp()).unwrap();
                (0..10).map(|_| law.sample(&mut stream).powi(2)).sum()
            }
        };
        for family in [Family::Binomial, Family::Poisson, Family::Variance] {
            let response: Vec<f64> = points.iter().map(|&x| draw(family, x)).collect();
            let found = rows.generalised(family, 3, &response, &vec![10.0; points.len()]);
            let information = rows.gram(3, |index| family.derivatives(dot(&found, rows.row(index)), 0.0, 10.0).1);
            let covariance = information.try_inverse().unwrap();
            for (index, exact) in [0.4, -0.8, 0.5].into_iter().enumerate() {
                let z = (found[index] - exact) / covariance[(index, index)].sqrt();
                assert!(z.abs() < 5.0, "{family:?} {index}: {} (z {z})", found[index]);
            }
        }
        let line: Vec<f64> = points.iter().map(|x| 2.0 - x).collect();
        let found = rows.least_squares(2, &line, |_| 1.0);
        assert!((found[0] - 2.0).abs() < 1e-9 && (found[1] + 1.0).abs() < 1e-9);
    }

    /// Neither no success at all nor no trial at all breaks the fit.
    #[test]
    fn events_that_never_happen_are_rare() {
        let rows =
            Rows::new((0..50).map(|i| vec![1.0, f64::from(i) / 25.0 - 1.0]).collect(), vec![0, 1], vec![1.0; 50]);
        let never = rows.generalised(Family::Binomial, 2, &[0.0; 50], &[10.0; 50]);
        assert!(never.iter().all(|c| c.is_finite()) && never[0] < -4.0, "{never:?}");
        assert_eq!(rows.generalised(Family::Binomial, 2, &[0.0; 50], &[0.0; 50]), [0.0, 0.0]);
    }
}

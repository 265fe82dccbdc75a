//! From evidences to probabilities.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use crate::logarithms::normalised;

/// A model among others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its probability before the data.
    pub prior: f64,
    /// Its probability after them.
    pub probability: f64,
    /// The standard error of the latter.
    pub probability_error: f64,
    /// The natural logarithm of the Bayes factor against the model of highest evidence; 0 for that one.
    pub log_bayes_factor: f64,
    /// The standard error of the latter.
    pub log_bayes_factor_error: f64,
}

/// Probabilities of models from logarithms of their evidences (up to one constant), the independent standard errors of
/// these, and prior probabilities, which need not sum to 1.
///
/// Pᵢ = πᵢ exp(ℓᵢ) / Σ πⱼ exp(ℓⱼ); the error is √(Σⱼ (∂Pᵢ/∂ℓⱼ)² sⱼ²) with ∂Pᵢ/∂ℓⱼ = Pᵢ(δᵢⱼ − Pⱼ).
///
/// # Panics
/// If there are not as many errors and priors as evidences.
#[must_use]
pub fn probabilities(log_evidences: &[f64], errors: &[f64], priors: &[f64]) -> Vec<Choice> {
    let variances = DVector::from_iterator(errors.len(), errors.iter().map(|error| error * error));
    with_covariance(log_evidences, &DMatrix::from_diagonal(&variances), priors)
}

/// The same with errors that depend on each other.
pub(super) fn with_covariance(log_evidences: &[f64], covariance: &DMatrix<f64>, priors: &[f64]) -> Vec<Choice> {
    let whole: f64 = priors.iter().sum();
    let logs: Vec<f64> = log_evidences.iter().zip(priors).map(|(log, prior)| log + (prior / whole).ln()).collect();
    let probabilities = normalised(&logs);
    let count = log_evidences.len();
    // The first, where several are equal.
    let best = (0..count).rev().max_by(|&a, &b| log_evidences[a].total_cmp(&log_evidences[b])).unwrap_or(0);
    let is = |a: usize, b: usize| f64::from(u8::from(a == b));
    let error = |slopes: DVector<f64>| (covariance * &slopes).dot(&slopes).max(0.0).sqrt();
    let choice = |index: usize| {
        let own = probabilities[index];
        Choice {
            prior: priors[index] / whole,
            probability: own,
            probability_error: error(DVector::from_fn(count, |other, _| {
                own * (is(other, index) - probabilities[other])
            })),
            log_bayes_factor: log_evidences[index] - log_evidences[best],
            log_bayes_factor_error: error(DVector::from_fn(count, |other, _| is(other, index) - is(other, best))),
        }
    };
    (0..count).map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: evidences 3 to 1 and priors 1 to 2 make 3 to 2; the error is P(1 − P)·√(.1² + .2²).
    #[test]
    fn evidences_and_priors_multiply() {
        let found = probabilities(&[3f64.ln() - 700.0, -700.0], &[0.1, 0.2], &[1.0, 2.0]);
        assert!((found[0].probability - 0.6).abs() < 1e-12 && (found[1].probability - 0.4).abs() < 1e-12);
        let error = 0.24 * 0.05f64.sqrt();
        assert!(found.iter().all(|choice| (choice.probability_error - error).abs() < 1e-12));
        assert!((found[1].log_bayes_factor + 3f64.ln()).abs() < 1e-12 && found[0].log_bayes_factor == 0.0);
        assert!((found[1].log_bayes_factor_error - 0.05f64.sqrt()).abs() < 1e-12);
    }
}

//! Counts of several kinds in one sample of known size.

use metacascade_random::rand::Rng;
use statrs::function::gamma::ln_gamma;

use super::shares::sample_binomial;

/// ln n! − Σ ln kᵢ! + Σ kᵢ ln pᵢ, with n = Σ kᵢ and pᵢ = yᵢ / Σ y.
///
/// −∞ where a count is not one, a y is negative, or all are 0.
pub fn log_density(counts: &[f64], y: &[f64]) -> f64 {
    let (total, weight) = (counts.iter().sum::<f64>(), y.iter().sum::<f64>());
    if !(weight > 0.0 && y.iter().all(|&y| y >= 0.0) && counts.iter().all(|&count| super::counts::is_count(count))) {
        return f64::NEG_INFINITY;
    }
    let term = |(&count, &y): (&f64, &f64)| {
        if count == 0.0 { 0.0 } else { count * (y / weight).ln() - ln_gamma(count + 1.0) }
    };
    ln_gamma(total + 1.0) + counts.iter().zip(y).map(term).sum::<f64>()
}

/// A sample of `total`, one binomial draw after another; negative `y` count as 0, and where all are 0 each is as likely.
pub fn sample(total: f64, y: &[f64], random: &mut impl Rng) -> Vec<f64> {
    let mut weight: f64 = y.iter().map(|y| y.max(0.0)).sum();
    let even = weight <= 0.0;
    if even {
        weight = y.len() as f64;
    }
    let mut left = total;
    let last = y.len().saturating_sub(1);
    y.iter()
        .enumerate()
        .map(|(index, y)| {
            let own = if even { 1.0 } else { y.max(0.0) };
            let count = if index == last { left } else { sample_binomial(own / weight, left, random) };
            weight -= own;
            left -= count;
            count
        })
        .collect()
}

//! Counts of what is found in a sample, without an upper end.

use metacascade_random::rand::Rng;
use rand_distr::{Distribution, Gamma, Poisson};
use statrs::function::{
    beta::checked_beta_reg,
    gamma::{checked_gamma_lr, checked_gamma_ur, ln_gamma},
};

/// Whether a law of counts can give this measurement.
pub fn is_count(measurement: f64) -> bool {
    measurement >= 0.0 && measurement.fract() == 0.0
}

/// k ln λ − λ − ln k!
pub fn poisson(count: f64, mean: f64) -> f64 {
    if !is_count(count) || mean < 0.0 {
        return f64::NEG_INFINITY;
    }
    // 0 ln 0 is 0.
    let power = if count == 0.0 { 0.0 } else { count * mean.ln() };
    power - mean - ln_gamma(count + 1.0)
}

pub fn poisson_tails(count: f64, mean: f64) -> (f64, f64) {
    let count = count.floor();
    if count < 0.0 {
        return (f64::NEG_INFINITY, 0.0);
    }
    if mean <= 0.0 {
        return (0.0, f64::NEG_INFINITY);
    }
    let of = |value: Option<f64>| value.map_or(f64::NAN, f64::ln);
    (of(checked_gamma_ur(count + 1.0, mean).ok()), of(checked_gamma_lr(count + 1.0, mean).ok()))
}

/// With r = 1/σ and p = r/(r + mean): ln Γ(k + r) − ln Γ(r) − ln k! + r ln p + k ln(1 − p).
pub fn negative_binomial(count: f64, mean: f64, sigma: f64) -> f64 {
    if !is_count(count) || mean < 0.0 {
        return f64::NEG_INFINITY;
    }
    if mean == 0.0 {
        return if count == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    let size = 1.0 / sigma;
    let rising = if count * sigma < 1e-8 {
        // Γ(k + r)/(Γ(r) r^k) to first order in k²/r: the difference of two huge logarithms has no digits left.
        count * size.ln() + count * (count - 1.0) * 0.5 * sigma
    } else {
        ln_gamma(count + size) - ln_gamma(size)
    };
    rising - ln_gamma(count + 1.0) - size * (sigma * mean).ln_1p() + count * (mean / (size + mean)).ln()
}

pub fn negative_binomial_tails(count: f64, mean: f64, sigma: f64) -> (f64, f64) {
    let count = count.floor();
    if count < 0.0 {
        return (f64::NEG_INFINITY, 0.0);
    }
    if mean <= 0.0 {
        return (0.0, f64::NEG_INFINITY);
    }
    if sigma * mean < 1e-9 {
        // So near to Poisson that 1 − p would have lost its digits.
        return poisson_tails(count, mean);
    }
    let (size, share) = (1.0 / sigma, 1.0 / (1.0 + sigma * mean));
    let of = |value: Option<f64>| value.map_or(f64::NAN, f64::ln);
    let rest = sigma * mean / (1.0 + sigma * mean);
    (of(checked_beta_reg(size, count + 1.0, share).ok()), of(checked_beta_reg(count + 1.0, size, rest).ok()))
}

pub fn sample_poisson(mean: f64, random: &mut impl Rng) -> f64 {
    // Only a mean of 0, or one beyond what can be counted, makes no law.
    Poisson::new(mean).map_or(if mean > 0.0 { mean } else { 0.0 }, |law| law.sample(random))
}

pub fn sample_negative_binomial(mean: f64, sigma: f64, random: &mut impl Rng) -> f64 {
    let mean = mean.max(0.0);
    let varied = Gamma::new(1.0 / sigma, sigma * mean).map_or(mean, |law| law.sample(random));
    sample_poisson(varied, random)
}

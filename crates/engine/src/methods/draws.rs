//! Waiting times, and Poisson and binomial numbers of firings.
//!
//! Where the variance of a number passes [`NORMAL`], it is drawn as a rounded normal: its skewness is then below 0.01,
//! far under the error of a leap, and the draw costs a tenth.

use metacascade_random::Stream;
use rand_distr::{Binomial, Distribution, Exp1, Poisson, StandardNormal};

const NORMAL: f64 = 1e4;

/// Exponential time until something of the given rate happens; infinite for a rate of 0, or one that rounding made
/// negative.
#[inline]
pub(super) fn waiting_time(rate: f64, random: &mut Stream) -> f64 {
    let exponential: f64 = Exp1.sample(random);
    if rate > 0.0 { exponential / rate } else { f64::INFINITY }
}

/// Poisson number with the given mean; 0 for a mean that is not positive.
pub(crate) fn poisson(mean: f64, random: &mut Stream) -> f64 {
    if mean > NORMAL {
        return normal(mean, mean, random).max(0.0);
    }
    // Fails for means that are not positive and finite only.
    Poisson::new(mean).map_or(0.0, |law| law.sample(random))
}

/// How many of `n` (a whole number) do what each does with probability `p`.
pub(crate) fn binomial(n: f64, p: f64, random: &mut Stream) -> f64 {
    if n <= 0.0 || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return n;
    }
    let variance = n * p * (1.0 - p);
    if variance > NORMAL {
        return normal(n * p, variance, random).clamp(0.0, n);
    }
    Binomial::new(n as u64, p).map_or(0.0, |law| law.sample(random) as f64)
}

fn normal(mean: f64, variance: f64, random: &mut Stream) -> f64 {
    let z: f64 = StandardNormal.sample(random);
    (mean + variance.sqrt() * z).round()
}

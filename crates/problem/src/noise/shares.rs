//! Numbers out of a known number of trials.

use metacascade_random::rand::Rng;
use rand_distr::{Beta, Binomial, Distribution};
use statrs::{
    distribution::{Beta as BetaLaw, ContinuousCDF as _},
    function::{
        beta::{checked_beta_reg, ln_beta},
        gamma::ln_gamma,
    },
};

use super::counts::is_count;

/// A probability that rounding has pushed out of 0 to 1; none if it is out by more than that.
fn probability(y: f64) -> Option<f64> {
    (-1e-9..=1.0 + 1e-9).contains(&y).then(|| y.clamp(0.0, 1.0))
}

fn ln_choose(n: f64, k: f64) -> f64 {
    ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
}

/// k ln p + (n − k) ln(1 − p) and the binomial coefficient.
pub fn binomial(count: f64, y: f64, trials: f64) -> f64 {
    let Some(p) = probability(y).filter(|_| is_count(count) && count <= trials) else { return f64::NEG_INFINITY };
    let power = |number: f64, logarithm: f64| if number == 0.0 { 0.0 } else { number * logarithm };
    ln_choose(trials, count) + power(count, p.ln()) + power(trials - count, (-p).ln_1p())
}

pub fn binomial_tails(count: f64, y: f64, trials: f64) -> (f64, f64) {
    let count = count.floor();
    let Some(p) = probability(y) else { return (f64::NEG_INFINITY, f64::NEG_INFINITY) };
    if count < 0.0 || count >= trials || p == 0.0 || p == 1.0 {
        let all = count >= 0.0 && (count >= trials || p == 0.0);
        return if all { (0.0, f64::NEG_INFINITY) } else { (f64::NEG_INFINITY, 0.0) };
    }
    let of = |value: Option<f64>| value.map_or(f64::NAN, f64::ln);
    (
        of(checked_beta_reg(trials - count, count + 1.0, 1.0 - p).ok()),
        of(checked_beta_reg(count + 1.0, trials - count, p).ok()),
    )
}

/// The parameters of the beta law with mean y and correlation σ.
fn beta(y: f64, sigma: f64) -> Option<(f64, f64)> {
    let total = (1.0 - sigma) / sigma;
    (y > 0.0 && y < 1.0 && total > 0.0 && total.is_finite()).then_some((y * total, (1.0 - y) * total))
}

/// ln B(k + a, n − k + b) − ln B(a, b) and the binomial coefficient.
pub fn beta_binomial(count: f64, y: f64, sigma: f64, trials: f64) -> f64 {
    let Some(p) = probability(y).filter(|_| is_count(count) && count <= trials) else { return f64::NEG_INFINITY };
    match beta(p, sigma) {
        Some((a, b)) => ln_choose(trials, count) + ln_beta(count + a, trials - count + b) - ln_beta(a, b),
        // Certainty scatters as little as the binomial law; a correlation of 1 or more is none.
        None if sigma < 1.0 => binomial(count, p, trials),
        None => f64::NEG_INFINITY,
    }
}

pub fn beta_binomial_tails(count: f64, y: f64, sigma: f64, trials: f64) -> (f64, f64) {
    let sum = |from: f64, to: f64| {
        let mut total = 0.0;
        let mut k = from;
        while k <= to {
            total += beta_binomial(k, y, sigma, trials).exp();
            k += 1.0;
        }
        total.min(1.0).ln()
    };
    let count = count.floor();
    (sum(0.0, count.min(trials)), sum((count + 1.0).max(0.0), trials))
}

pub fn sample_binomial(y: f64, trials: f64, random: &mut impl Rng) -> f64 {
    // Trials are whole numbers below 2^53, and the probability is one: the law is there.
    let law = Binomial::new(trials as u64, y.clamp(0.0, 1.0));
    law.map_or(0.0, |law| law.sample(random) as f64)
}

pub fn sample_beta_binomial(y: f64, sigma: f64, trials: f64, random: &mut impl Rng) -> f64 {
    let y = y.clamp(0.0, 1.0);
    let varied = beta(y, sigma).and_then(|(a, b)| Beta::new(a, b).ok()).map_or(y, |law| law.sample(random));
    sample_binomial(varied, trials, random)
}

/// The exact interval of a probability of which `found` of `of` trials are known (Clopper & Pearson 1934, Biometrika
/// 26:404): it holds the truth with a probability of at least `level`.
#[must_use]
pub fn clopper_pearson(found: f64, of: f64, level: f64) -> [f64; 2] {
    let tail = 0.5 * (1.0 - level);
    // Shapes are at least 1 where they are used.
    let quantile = |a: f64, b: f64, p: f64| BetaLaw::new(a, b).map_or(f64::NAN, |law| law.inverse_cdf(p));
    let lower = if found <= 0.0 { 0.0 } else { quantile(found, of - found + 1.0, tail) };
    let upper = if found >= of { 1.0 } else { quantile(found + 1.0, of - found, 1.0 - tail) };
    [lower, upper]
}

//! Normal and Laplace's laws, of the measurement or of its logarithm.

use metacascade_random::rand::Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};
use statrs::function::erf::erfc;

use super::NoiseDistribution as Law;

pub fn log_density(law: Law, measurement: f64, y: f64, sigma: f64) -> f64 {
    if law.is_logarithmic() && (measurement <= 0.0 || y <= 0.0) {
        return f64::NEG_INFINITY;
    }
    let residual = residual(law, measurement, y, sigma);
    let jacobian = if law.is_logarithmic() { measurement.ln() } else { 0.0 };
    match law {
        Law::Laplace | Law::LogLaplace => -residual.abs() - (2.0 * sigma).ln() - jacobian,
        _ => -0.5 * residual * residual - sigma.ln() - 0.5 * std::f64::consts::TAU.ln() - jacobian,
    }
}

pub fn log_tails(law: Law, measurement: f64, y: f64, sigma: f64) -> (f64, f64) {
    if law.is_logarithmic() && measurement <= 0.0 {
        return (f64::NEG_INFINITY, 0.0);
    }
    if law.is_logarithmic() && y <= 0.0 {
        return (0.0, f64::NEG_INFINITY);
    }
    let residual = residual(law, measurement, y, sigma);
    let lower = |z: f64| match law {
        Law::Laplace | Law::LogLaplace if z < 0.0 => z - std::f64::consts::LN_2,
        Law::Laplace | Law::LogLaplace => (-0.5 * (-z).exp()).ln_1p(),
        _ => log_normal_tail(z),
    };
    (lower(residual), lower(-residual))
}

pub fn sample(law: Law, y: f64, sigma: f64, random: &mut impl Rng) -> f64 {
    let standard: f64 = match law {
        Law::Laplace | Law::LogLaplace => {
            // The difference of two standard exponentials is a standard Laplace variable.
            let (a, b): (f64, f64) = (Exp1.sample(random), Exp1.sample(random));
            a - b
        }
        _ => StandardNormal.sample(random),
    };
    if law.is_logarithmic() { y * (sigma * standard).exp() } else { y + sigma * standard }
}

fn residual(law: Law, measurement: f64, y: f64, sigma: f64) -> f64 {
    if law.is_logarithmic() { (measurement.ln() - y.ln()) / sigma } else { (measurement - y) / sigma }
}

/// ln Φ(z); far out by Laplace's asymptotic series (Abramowitz & Stegun 26.2.12).
fn log_normal_tail(z: f64) -> f64 {
    if z > -30.0 {
        return (0.5 * erfc(-z / std::f64::consts::SQRT_2)).ln();
    }
    let square = z * z;
    -0.5 * square - 0.5 * std::f64::consts::TAU.ln() - (-z).ln() + (-1.0 / square + 3.0 / (square * square)).ln_1p()
}

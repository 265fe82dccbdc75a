//! Measurement noise: the laws by which a measurement scatters around the model's value.

use metacascade_random::rand::Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};

/// A noise law of PEtab version 2 (specification, "Noise distributions").
///
/// With m the measurement, y the model's value and σ the value of the noise formula.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseDistribution {
    /// m is normal with mean y and standard deviation σ.
    #[default]
    Normal,
    /// ln m is normal with mean ln y and standard deviation σ.
    LogNormal,
    /// m follows Laplace's law with location y and scale σ.
    Laplace,
    /// ln m follows Laplace's law with location ln y and scale σ.
    LogLaplace,
}

impl NoiseDistribution {
    pub(crate) const NAMES: [(&'static str, Self); 4] = [
        ("normal", Self::Normal),
        ("log-normal", Self::LogNormal),
        ("laplace", Self::Laplace),
        ("log-laplace", Self::LogLaplace),
    ];

    /// Whether the law is one of the logarithm, which only positive values have.
    #[must_use]
    pub fn is_logarithmic(self) -> bool {
        matches!(self, Self::LogNormal | Self::LogLaplace)
    }

    /// The logarithm of the density of `measurement`, given the model's value `y` and `sigma` > 0.
    ///
    /// −∞ where a law of the logarithm meets a value that is not positive.
    #[must_use]
    pub fn log_density(self, measurement: f64, y: f64, sigma: f64) -> f64 {
        if self.is_logarithmic() && (measurement <= 0.0 || y <= 0.0) {
            return f64::NEG_INFINITY;
        }
        let residual = if self.is_logarithmic() { measurement.ln() - y.ln() } else { measurement - y } / sigma;
        let jacobian = if self.is_logarithmic() { measurement.ln() } else { 0.0 };
        match self {
            Self::Normal | Self::LogNormal => {
                -0.5 * residual * residual - sigma.ln() - 0.5 * std::f64::consts::TAU.ln() - jacobian
            }
            Self::Laplace | Self::LogLaplace => -residual.abs() - (2.0 * sigma).ln() - jacobian,
        }
    }

    /// A measurement drawn around the model's value `y`. A law of the logarithm leaves a `y` of 0 at 0.
    pub fn sample(self, y: f64, sigma: f64, rng: &mut impl Rng) -> f64 {
        let standard: f64 = match self {
            Self::Normal | Self::LogNormal => StandardNormal.sample(rng),
            Self::Laplace | Self::LogLaplace => {
                // The difference of two standard exponentials is a standard Laplace variable.
                let (a, b): (f64, f64) = (Exp1.sample(rng), Exp1.sample(rng));
                a - b
            }
        };
        if self.is_logarithmic() { y * (sigma * standard).exp() } else { y + sigma * standard }
    }
}

#[cfg(test)]
mod tests;

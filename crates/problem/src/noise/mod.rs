//! Measurement noise: the laws by which a measurement scatters around the model's value.
//!
//! One file a family: [`continuous`], [`counts`] and [`shares`] of single measurements, [`multinomial`] of several at
//! once. What ABC compares under each law is told in [`crate::summaries`].

mod continuous;
mod counts;
pub(crate) mod multinomial;
mod shares;

use metacascade_random::rand::Rng;

pub use shares::clopper_pearson;

/// A noise law of PEtab version 2 (specification, "Noise distributions"), or one of ours for counts, under the names
/// that PEtab's own proposal uses (PEtab-dev/PEtab, pull request 654).
///
/// With m the measurement, y the model's value, σ the value of the noise formula, and e the exposure: the `trials` of a
/// law of k of n, the `sampledFraction` of any other, 1 unless given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoiseDistribution {
    /// m is normal with mean e·y and standard deviation σ.
    #[default]
    Normal,
    /// ln m is normal with mean ln(e·y) and standard deviation σ.
    LogNormal,
    /// m follows Laplace's law with location e·y and scale σ.
    Laplace,
    /// ln m follows Laplace's law with location ln(e·y) and scale σ.
    LogLaplace,
    /// m is a count, Poisson with mean e·y; there is no σ.
    Poisson,
    /// m is a count with mean e·y and variance e·y + σ·(e·y)²: Poisson of a mean that is gamma distributed.
    NegativeBinomial,
    /// m is a count out of e, each with probability y; there is no σ.
    Binomial,
    /// m is a count out of e, each with a probability that is beta distributed with mean y; σ, between 0 and 1, is the
    /// correlation of two of them, so that the variance of m is e·y·(1−y)·(1+(e−1)·σ).
    BetaBinomial,
    /// The measurements of an observable group (column `observableGroup`) at one time on one subject are counts of a
    /// sample whose size is their sum; each falls to an observable with a probability proportional to its y. No σ.
    Multinomial,
}

impl NoiseDistribution {
    pub(crate) const NAMES: [(&'static str, Self); 9] = [
        ("normal", Self::Normal),
        ("log-normal", Self::LogNormal),
        ("laplace", Self::Laplace),
        ("log-laplace", Self::LogLaplace),
        ("poisson", Self::Poisson),
        ("negative-binomial", Self::NegativeBinomial),
        ("binomial", Self::Binomial),
        ("beta-binomial", Self::BetaBinomial),
        ("multinomial", Self::Multinomial),
    ];

    /// The law's name in the observable table.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, law)| *law == self).map_or("", |(name, _)| name)
    }

    /// Whether the law is one of the logarithm, which only positive values have.
    #[must_use]
    pub fn is_logarithmic(self) -> bool {
        matches!(self, Self::LogNormal | Self::LogLaplace)
    }

    /// Whether measurements are counts: whole numbers, 0 or more.
    #[must_use]
    pub fn is_discrete(self) -> bool {
        !matches!(self, Self::Normal | Self::LogNormal | Self::Laplace | Self::LogLaplace)
    }

    /// Whether measurements are numbers out of so many, and the model's value a probability.
    #[must_use]
    pub fn is_of_trials(self) -> bool {
        matches!(self, Self::Binomial | Self::BetaBinomial)
    }

    /// Whether the law has a parameter of its own, the noise formula's value.
    #[must_use]
    pub fn has_noise(self) -> bool {
        !matches!(self, Self::Poisson | Self::Binomial | Self::Multinomial)
    }

    /// The logarithm of the density, or probability, of `measurement`, given the model's value `y`, `sigma` > 0 and the
    /// exposure.
    ///
    /// −∞ where the law cannot give such a measurement. One part of a multinomial sample alone is binomial.
    #[must_use]
    pub fn log_density(self, measurement: f64, y: f64, sigma: f64, exposure: f64) -> f64 {
        match self {
            Self::Normal | Self::LogNormal | Self::Laplace | Self::LogLaplace => {
                continuous::log_density(self, measurement, exposure * y, sigma)
            }
            Self::Poisson => counts::poisson(measurement, exposure * y),
            Self::NegativeBinomial => counts::negative_binomial(measurement, exposure * y, sigma),
            Self::Binomial | Self::Multinomial => shares::binomial(measurement, y, exposure),
            Self::BetaBinomial => shares::beta_binomial(measurement, y, sigma, exposure),
        }
    }

    /// The logarithms of the probabilities of at most `measurement`, and of more.
    #[must_use]
    pub fn log_tails(self, measurement: f64, y: f64, sigma: f64, exposure: f64) -> (f64, f64) {
        match self {
            Self::Normal | Self::LogNormal | Self::Laplace | Self::LogLaplace => {
                continuous::log_tails(self, measurement, exposure * y, sigma)
            }
            Self::Poisson => counts::poisson_tails(measurement, exposure * y),
            Self::NegativeBinomial => counts::negative_binomial_tails(measurement, exposure * y, sigma),
            Self::Binomial | Self::Multinomial => shares::binomial_tails(measurement, y, exposure),
            Self::BetaBinomial => shares::beta_binomial_tails(measurement, y, sigma, exposure),
        }
    }

    /// The variance of measurements around the model's value `y`; of laws of the logarithm, that of the logarithm; of one
    /// part of a multinomial sample, that of a binomial one.
    #[must_use]
    pub(crate) fn variance(self, y: f64, sigma: f64, exposure: f64) -> f64 {
        let mean = exposure * y;
        match self {
            Self::Normal | Self::LogNormal => sigma * sigma,
            Self::Laplace | Self::LogLaplace => 2.0 * sigma * sigma,
            Self::Poisson => mean,
            Self::NegativeBinomial => mean + sigma * mean * mean,
            Self::Binomial | Self::Multinomial => mean * (1.0 - y),
            Self::BetaBinomial => mean * (1.0 - y) * (1.0 + (exposure - 1.0) * sigma),
        }
    }

    /// A measurement drawn around the model's value `y`. A law of the logarithm leaves a `y` of 0 at 0; a law of counts
    /// takes a negative mean as 0, and probabilities outside 0 to 1 as the nearer of the two.
    pub fn sample(self, y: f64, sigma: f64, exposure: f64, random: &mut impl Rng) -> f64 {
        match self {
            Self::Normal | Self::LogNormal | Self::Laplace | Self::LogLaplace => {
                continuous::sample(self, exposure * y, sigma, random)
            }
            Self::Poisson => counts::sample_poisson(exposure * y, random),
            Self::NegativeBinomial => counts::sample_negative_binomial(exposure * y, sigma, random),
            Self::Binomial | Self::Multinomial => shares::sample_binomial(y, exposure, random),
            Self::BetaBinomial => shares::sample_beta_binomial(y, sigma, exposure, random),
        }
    }
}

#[cfg(test)]
mod tests;

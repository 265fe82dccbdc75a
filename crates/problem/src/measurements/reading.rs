//! What the number in a row of the measurement table says, and how likely that is.

use crate::noise::NoiseDistribution;

use super::Measurement;

/// What a measurement's value says of what was there to be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Reading {
    /// It is the value.
    #[default]
    Exact,
    /// The value is below (`censoring` left).
    Below,
    /// The value is above (`censoring` right).
    Above,
    /// The value is between `measurement` and this, both included (`censoring` interval).
    UpTo(f64),
    /// It is the mean of several subjects.
    Mean {
        /// How many (`measurementN`).
        n: f64,
        /// Their standard deviation, with n − 1 in the denominator (`measurementSd`).
        sd: Option<f64>,
    },
}

impl Reading {
    /// Whether only a range is known.
    #[must_use]
    pub fn is_censored(self) -> bool {
        matches!(self, Self::Below | Self::Above | Self::UpTo(_))
    }
}

impl Measurement {
    /// The log-likelihood of the measurement given the model's value `y` and the noise `sigma`.
    ///
    /// Censored values have the probability of their range (Tobin 1958, Econometrica 26:24). The mean m and standard
    /// deviation s of n subjects under normal noise have what their n values would have, which depends on m and s alone:
    /// −n ln(σ√2π) − (n(m − y)² + (n − 1)s²)/2σ². Without s, m is normal with standard deviation σ/√n. One part of a
    /// multinomial sample is taken alone here, as binomial.
    #[must_use]
    pub fn log_likelihood(&self, noise: NoiseDistribution, y: f64, sigma: f64) -> f64 {
        self.reading.log_likelihood(self.value, noise, y, sigma, self.exposure)
    }
}

impl Reading {
    /// How another value is read in place of one that was read so: the same where it is the same value; else censored at
    /// an assay's limits, or exact.
    pub(crate) fn of(self, own: f64, limits: [Option<f64>; 2], value: f64) -> Self {
        let [lower, upper] = limits;
        match self {
            Self::Mean { .. } => self,
            Self::Below | Self::Above | Self::UpTo(_) if value == own => self,
            _ if lower.is_some_and(|limit| value <= limit) => Self::Below,
            _ if upper.is_some_and(|limit| value >= limit) => Self::Above,
            _ => Self::Exact,
        }
    }

    /// [`Measurement::log_likelihood`] of a value that is read so.
    pub(crate) fn log_likelihood(self, value: f64, noise: NoiseDistribution, y: f64, sigma: f64, exposure: f64) -> f64 {
        match self {
            Self::Exact => noise.log_density(value, y, sigma, exposure),
            Self::Below => below(noise, value, y, sigma, exposure),
            Self::Above => noise.log_tails(value, y, sigma, exposure).1,
            Self::UpTo(upper) => {
                let before = if noise.is_discrete() { value.ceil() - 1.0 } else { value };
                let low = noise.log_tails(before, y, sigma, exposure);
                let high = noise.log_tails(upper, y, sigma, exposure);
                // The difference of the smaller tails keeps its digits.
                if high.0 < low.1 { difference(high.0, low.0) } else { difference(low.1, high.1) }
            }
            Self::Mean { n, sd: None } => noise.log_density(value, y, sigma / n.sqrt(), exposure),
            Self::Mean { n, sd: Some(sd) } => {
                let residual = value - exposure * y;
                let squares = n * residual * residual + (n - 1.0) * sd * sd;
                -n * (sigma.ln() + 0.5 * std::f64::consts::TAU.ln()) - 0.5 * squares / (sigma * sigma)
            }
        }
    }
}

/// The logarithm of the probability of less than `value`.
fn below(noise: NoiseDistribution, value: f64, y: f64, sigma: f64, exposure: f64) -> f64 {
    let value = if noise.is_discrete() { value.ceil() - 1.0 } else { value };
    noise.log_tails(value, y, sigma, exposure).0
}

/// ln(eᵃ − eᵇ) for a ≥ b.
fn difference(a: f64, b: f64) -> f64 {
    if b == f64::NEG_INFINITY { a } else { a + (-(b - a).exp().min(1.0)).ln_1p() }
}

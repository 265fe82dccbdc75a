//! Prior distributions, as PEtab version 2 names and parameterises them.

use statrs::distribution::{Cauchy, ChiSquared, Continuous, ContinuousCDF, Exp, Gamma, Laplace, LogNormal, Normal};

/// A prior distribution on a parameter's natural scale, before truncation by the parameter's bounds.
///
/// Names and parameters are those of PEtab 2.0, section "Parameters table", column `priorDistribution`; [`Prior::Whole`] is
/// ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    /// Equal density between two values.
    Uniform {
        /// Lower end.
        lower: f64,
        /// Upper end, above the lower one.
        upper: f64,
    },
    /// Equal density of the logarithm between two positive values.
    LogUniform {
        /// Lower end, positive.
        lower: f64,
        /// Upper end, above the lower one.
        upper: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation, positive.
        sd: f64,
    },
    /// The natural logarithm is normal.
    LogNormal {
        /// Mean of the logarithm.
        log_mean: f64,
        /// Standard deviation of the logarithm, positive.
        log_sd: f64,
    },
    /// Laplace (double exponential).
    Laplace {
        /// Median.
        location: f64,
        /// Mean absolute deviation, positive.
        scale: f64,
    },
    /// The natural logarithm is Laplace.
    LogLaplace {
        /// Median of the logarithm.
        log_location: f64,
        /// Mean absolute deviation of the logarithm, positive.
        log_scale: f64,
    },
    /// Gamma; the mean is shape × scale.
    Gamma {
        /// Shape, positive.
        shape: f64,
        /// Scale, positive.
        scale: f64,
    },
    /// Exponential.
    Exponential {
        /// Mean, positive.
        scale: f64,
    },
    /// Cauchy.
    Cauchy {
        /// Median.
        location: f64,
        /// Half the interquartile range, positive.
        scale: f64,
    },
    /// Chi-squared.
    ChiSquare {
        /// Degrees of freedom, positive.
        degrees_of_freedom: f64,
    },
    /// Rayleigh.
    Rayleigh {
        /// Mode, positive.
        scale: f64,
    },
    /// A law of whole numbers: the probability of each is what another law has within half a unit of it.
    Whole(Box<Prior>),
}

/// A distribution of statrs, which has no Rayleigh and no logarithmic variants.
enum Base {
    Normal(Normal),
    LogNormal(LogNormal),
    Laplace(Laplace),
    Gamma(Gamma),
    Exp(Exp),
    Cauchy(Cauchy),
    ChiSquared(ChiSquared),
}

macro_rules! each {
    ($base:expr, $law:ident => $value:expr) => {
        match $base {
            Base::Normal($law) => $value,
            Base::LogNormal($law) => $value,
            Base::Laplace($law) => $value,
            Base::Gamma($law) => $value,
            Base::Exp($law) => $value,
            Base::Cauchy($law) => $value,
            Base::ChiSquared($law) => $value,
        }
    };
}

impl Prior {
    /// The law in statrs and whether it is that of the logarithm. `None` for the four that are computed below, and
    /// where a parameter is out of its range.
    fn base(&self) -> Option<(Base, bool)> {
        Some(match *self {
            Self::Normal { mean, sd } => (Base::Normal(Normal::new(mean, sd).ok()?), false),
            Self::LogNormal { log_mean, log_sd } => (Base::LogNormal(LogNormal::new(log_mean, log_sd).ok()?), false),
            Self::Laplace { location, scale } => (Base::Laplace(Laplace::new(location, scale).ok()?), false),
            Self::LogLaplace { log_location, log_scale } => {
                (Base::Laplace(Laplace::new(log_location, log_scale).ok()?), true)
            }
            Self::Gamma { shape, scale } => (Base::Gamma(Gamma::new(shape, 1.0 / scale).ok()?), false),
            Self::Exponential { scale } => (Base::Exp(Exp::new(1.0 / scale).ok()?), false),
            Self::Cauchy { location, scale } => (Base::Cauchy(Cauchy::new(location, scale).ok()?), false),
            Self::ChiSquare { degrees_of_freedom } => {
                (Base::ChiSquared(ChiSquared::new(degrees_of_freedom).ok()?), false)
            }
            Self::Uniform { .. } | Self::LogUniform { .. } | Self::Rayleigh { .. } | Self::Whole(_) => return None,
        })
    }

    /// The probability of values up to `x`; NaN if the distribution's parameters are out of their ranges.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        match *self {
            Self::Whole(ref law) => law.cdf(x.floor() + 0.5),
            Self::Uniform { lower, upper } => ((x - lower) / (upper - lower)).clamp(0.0, 1.0),
            Self::LogUniform { lower, .. } if x <= lower => 0.0,
            Self::LogUniform { lower, upper } => ((x / lower).ln() / (upper / lower).ln()).clamp(0.0, 1.0),
            Self::Rayleigh { .. } if x <= 0.0 => 0.0,
            Self::Rayleigh { scale } => -(-0.5 * (x / scale).powi(2)).exp_m1(),
            _ => match self.base() {
                Some((_, true)) if x <= 0.0 => 0.0,
                Some((base, logarithm)) => {
                    let x = if logarithm { x.ln() } else { x };
                    each!(base, law => law.cdf(x))
                }
                None => f64::NAN,
            },
        }
    }

    /// The probability of values less than `x`; NaN as for [`Prior::cdf`].
    #[must_use]
    pub fn below(&self, x: f64) -> f64 {
        match self {
            Self::Whole(law) => law.cdf(x.ceil() - 0.5),
            continuous => continuous.cdf(x),
        }
    }

    /// Whether all values are whole numbers.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The value below which a share `p` of the probability lies: the inverse of [`Prior::cdf`]. The ends of the
    /// support for `p` of 0 and 1; NaN if the distribution's parameters or `p` are out of their ranges.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let (lower, upper) = self.support();
        match *self {
            _ if p.is_nan() || !(0.0..=1.0).contains(&p) => f64::NAN,
            _ if p == 0.0 => lower,
            _ if p == 1.0 => upper,
            Self::Whole(ref law) => law.quantile(p).round(),
            Self::Uniform { lower, upper } => lower + p * (upper - lower),
            Self::LogUniform { lower, upper } => lower * (p * (upper / lower).ln()).exp(),
            Self::Rayleigh { scale } => scale * (-2.0 * (-p).ln_1p()).sqrt(),
            _ => match self.base() {
                Some((base, logarithm)) => {
                    let x = each!(base, law => law.inverse_cdf(p));
                    if logarithm { x.exp() } else { x }
                }
                None => f64::NAN,
            },
        }
    }

    /// The natural logarithm of the density at `x`, −∞ outside the support; of whole numbers, that of the probability of the
    /// nearest.
    #[must_use]
    pub fn log_density(&self, x: f64) -> f64 {
        let (lower, upper) = self.support();
        if !(lower..=upper).contains(&x) {
            return f64::NEG_INFINITY;
        }
        match *self {
            Self::Whole(ref law) => (law.cdf(x.round() + 0.5) - law.cdf(x.round() - 0.5)).ln(),
            Self::Uniform { lower, upper } => -(upper - lower).ln(),
            Self::LogUniform { lower, upper } => -x.ln() - (upper / lower).ln().ln(),
            Self::Rayleigh { scale } => (x / (scale * scale)).ln() - 0.5 * (x / scale).powi(2),
            _ => match self.base() {
                Some((_, true)) if x <= 0.0 => f64::NEG_INFINITY,
                Some((base, true)) => each!(base, law => law.ln_pdf(x.ln())) - x.ln(),
                Some((base, false)) => each!(base, law => law.ln_pdf(x)),
                None => f64::NAN,
            },
        }
    }

    /// The ends of the support.
    #[must_use]
    pub fn support(&self) -> (f64, f64) {
        match *self {
            Self::Whole(ref law) => {
                let (lower, upper) = law.support();
                (first_whole(lower), last_whole(upper))
            }
            Self::Uniform { lower, upper } | Self::LogUniform { lower, upper } => (lower, upper),
            Self::Normal { .. } | Self::Laplace { .. } | Self::Cauchy { .. } => (f64::NEG_INFINITY, f64::INFINITY),
            Self::LogNormal { .. }
            | Self::LogLaplace { .. }
            | Self::Gamma { .. }
            | Self::Exponential { .. }
            | Self::ChiSquare { .. }
            | Self::Rayleigh { .. } => (0.0, f64::INFINITY),
        }
    }
}

/// The first whole number with a probability, where that begins at `lower`.
fn first_whole(lower: f64) -> f64 {
    (lower + 0.5).floor()
}

fn last_whole(upper: f64) -> f64 {
    (upper - 0.5).ceil()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all() -> Vec<Prior> {
        vec![
            Prior::Uniform { lower: -1.0, upper: 3.0 },
            Prior::LogUniform { lower: 1e-3, upper: 10.0 },
            Prior::Normal { mean: 1.0, sd: 2.0 },
            Prior::LogNormal { log_mean: -1.0, log_sd: 0.7 },
            Prior::Laplace { location: 0.5, scale: 2.0 },
            Prior::LogLaplace { log_location: 0.1, log_scale: 0.4 },
            Prior::Gamma { shape: 2.5, scale: 0.3 },
            Prior::Exponential { scale: 4.0 },
            Prior::Cauchy { location: 1.0, scale: 0.5 },
            Prior::ChiSquare { degrees_of_freedom: 3.0 },
            Prior::Rayleigh { scale: 1.5 },
        ]
    }

    #[test]
    fn quantiles_invert_the_distribution_function_and_densities_are_its_slope() {
        for prior in all() {
            for p in [1e-6, 0.01, 0.2, 0.5, 0.77, 0.99, 1.0 - 1e-6] {
                let x = prior.quantile(p);
                assert!((prior.cdf(x) - p).abs() < 1e-9, "{prior:?} at {p}: {}", prior.cdf(x));
            }
            for p in [0.1, 0.4, 0.6, 0.9] {
                let x = prior.quantile(p);
                let h = 1e-5 * (prior.quantile(0.75) - prior.quantile(0.25));
                let slope = (prior.cdf(x + h) - prior.cdf(x - h)) / (2.0 * h);
                let density = prior.log_density(x).exp();
                assert!((density / slope - 1.0).abs() < 1e-5, "{prior:?} at {x}: {density} {slope}");
            }
            let (lower, upper) = prior.support();
            assert_eq!((prior.quantile(0.0), prior.quantile(1.0)), (lower, upper));
            if lower.is_finite() {
                assert_eq!(prior.log_density(lower - 1e-9), f64::NEG_INFINITY);
                assert_eq!(prior.cdf(lower - 1.0), 0.0);
            }
        }
    }

    /// Uniform from .5 to 6.5 is a die; exponential with mean 1/ln 2 has each whole number half as often as the one before,
    /// but for 0, which has only half a unit.
    #[test]
    fn whole_numbers_have_what_is_within_half_a_unit() {
        let die = Prior::Whole(Box::new(Prior::Uniform { lower: 0.5, upper: 6.5 }));
        assert_eq!(die.support(), (1.0, 6.0));
        for face in 1..=6 {
            let face = f64::from(face);
            assert!((die.log_density(face).exp() - 1.0 / 6.0).abs() < 1e-12);
            assert!((die.cdf(face) - face / 6.0).abs() < 1e-12 && (die.below(face) - (face - 1.0) / 6.0).abs() < 1e-12);
            assert_eq!(die.quantile((face - 0.5) / 6.0), face);
        }
        assert_eq!((die.quantile(0.0), die.quantile(1.0)), (1.0, 6.0));
        assert_eq!(die.log_density(7.0), f64::NEG_INFINITY);
        let halving = Prior::Whole(Box::new(Prior::Exponential { scale: 1.0 / 2f64.ln() }));
        assert!((halving.log_density(4.0) - halving.log_density(3.0) + 2f64.ln()).abs() < 1e-9);
        assert!((halving.log_density(0.0).exp() - (1.0 - 0.5f64.sqrt())).abs() < 1e-9);
    }

    /// Moments in closed form: a wrong parameterisation (rate for scale) would show.
    #[test]
    fn parameters_mean_what_petab_says() {
        let mean = |prior: &Prior| (0..20_000).map(|i| prior.quantile((f64::from(i) + 0.5) / 2e4)).sum::<f64>() / 2e4;
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 2e-3, "{a} {b}");
        near(mean(&Prior::Gamma { shape: 2.5, scale: 0.3 }), 0.75);
        near(mean(&Prior::Exponential { scale: 4.0 }), 4.0);
        near(mean(&Prior::ChiSquare { degrees_of_freedom: 3.0 }), 3.0);
        near(mean(&Prior::Rayleigh { scale: 1.5 }), 1.5 * (std::f64::consts::PI / 2.0).sqrt());
        near(mean(&Prior::LogNormal { log_mean: -1.0, log_sd: 0.7 }), (-1.0f64 + 0.245).exp());
        near(mean(&Prior::LogLaplace { log_location: 0.1, log_scale: 0.4 }), 0.1f64.exp() / (1.0 - 0.16));
        near(Prior::Cauchy { location: 1.0, scale: 0.5 }.quantile(0.75), 1.5);
        near(Prior::Laplace { location: 0.5, scale: 2.0 }.quantile(0.75), 0.5 + 2.0 * 2f64.ln());
    }
}

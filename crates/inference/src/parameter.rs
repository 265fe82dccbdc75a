//! A parameter to be estimated: its prior, its bounds, and the coordinates in which methods move.

use rand::{Rng, RngExt};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::Prior;

/// A parameter to be estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Identifier.
    pub name: String,
    /// Prior, truncated and renormalised by the bounds (PEtab 2.0, column `priorDistribution`).
    pub prior: Prior,
    /// Lower bound on the natural scale; may be −∞.
    pub lower: f64,
    /// Upper bound on the natural scale; may be ∞.
    pub upper: f64,
    /// The scale on which spread is spoken of and densities are drawn.
    pub scale: Scale,
}

/// A parameter's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Natural.
    Lin,
    /// Decadic logarithm.
    Log10,
}

impl Parameter {
    /// The prior probability below the bounds and within them.
    fn truncation(&self) -> (f64, f64) {
        let below = self.prior.below(self.lower);
        (below, self.prior.cdf(self.upper) - below)
    }

    /// The value below which a share `p` of the truncated prior lies; NaN outside 0 to 1.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let (below, within) = self.truncation();
        // Rounding may carry `below + within` past 1.
        self.prior.quantile((below + p * within).min(1.0)).clamp(self.lower, self.upper)
    }

    /// The probability of values up to `x` under the truncated prior.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        let (below, within) = self.truncation();
        ((self.prior.cdf(x) - below) / within).clamp(0.0, 1.0)
    }

    /// A draw from the truncated prior.
    pub fn sample(&self, stream: &mut impl Rng) -> f64 {
        self.quantile(stream.random())
    }

    /// The natural logarithm of the truncated prior's density at `x`, −∞ outside the bounds.
    #[must_use]
    pub fn log_density(&self, x: f64) -> f64 {
        if !(self.lower..=self.upper).contains(&x) {
            return f64::NEG_INFINITY;
        }
        self.prior.log_density(x) - self.truncation().1.ln()
    }

    /// A value of the natural scale on [`Parameter::scale`].
    #[must_use]
    pub fn to_scale(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Lin => x,
            Scale::Log10 => x.log10(),
        }
    }

    /// A value of [`Parameter::scale`] on the natural scale.
    #[must_use]
    pub fn from_scale(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Lin => x,
            Scale::Log10 => 10f64.powf(x),
        }
    }

    /// The normal score of `x`: u = Φ⁻¹(F(x)) with F the truncated prior's distribution function and Φ the standard
    /// normal one, so that the prior of u is standard normal, whatever it is on the natural scale. A whole number has many
    /// scores; this is the one in the middle of their probability.
    #[must_use]
    pub fn to_score(&self, x: f64) -> f64 {
        let (less, up_to) = self.span(x);
        Normal::standard().inverse_cdf(0.5 * (less + up_to)).clamp(-SCORE_LIMIT, SCORE_LIMIT)
    }

    /// The probabilities of less than `x`, and of up to `x`, under the truncated prior: apart where it is a whole number.
    pub(crate) fn span(&self, x: f64) -> (f64, f64) {
        let (before, within) = self.truncation();
        (((self.prior.below(x) - before) / within).clamp(0.0, 1.0), self.cdf(x))
    }

    /// The value whose normal score is `u`.
    #[must_use]
    pub fn from_score(&self, u: f64) -> f64 {
        self.quantile(Normal::standard().cdf(u.clamp(-SCORE_LIMIT, SCORE_LIMIT)))
    }
}

/// Scores are kept within this limit: beyond it 1 − Φ(u) is lost to rounding. 6·10⁻¹⁶ of the prior lies outside.
const SCORE_LIMIT: f64 = 8.0;

/// Normal scores of a point of the natural scale.
pub(crate) fn to_scores(parameters: &[Parameter], point: &[f64]) -> Vec<f64> {
    parameters.iter().zip(point).map(|(parameter, &x)| parameter.to_score(x)).collect()
}

/// The point of the natural scale with these normal scores.
pub(crate) fn from_scores(parameters: &[Parameter], scores: &[f64]) -> Vec<f64> {
    parameters.iter().zip(scores).map(|(parameter, &u)| parameter.from_score(u)).collect()
}

#[cfg(test)]
mod tests {
    use metacascade_random::Key;

    use super::*;

    fn truncated() -> Parameter {
        Parameter {
            name: "k".into(),
            prior: Prior::Normal { mean: 0.0, sd: 1.0 },
            lower: 0.0,
            upper: f64::INFINITY,
            scale: Scale::Lin,
        }
    }

    #[test]
    fn bounds_truncate_and_renormalise() {
        let half = truncated();
        assert_eq!(half.log_density(-0.1), f64::NEG_INFINITY);
        let normal = Prior::Normal { mean: 0.0, sd: 1.0 }.log_density(0.3);
        assert!((half.log_density(0.3) - normal - 2f64.ln()).abs() < 1e-12);
        // Median of the half-normal: the upper quartile of the normal.
        assert!((half.quantile(0.5) - 0.674_489_750_196_081_7).abs() < 1e-9);
        assert_eq!((half.quantile(0.0), half.quantile(1.0)), (0.0, f64::INFINITY));
        // Mean of the half-normal is √(2/π), its variance 1 − 2/π; 4 standard errors: false alarm in 1 of 16,000.
        let mut stream = Key::new(1).stream();
        let mean = (0..20_000).map(|_| half.sample(&mut stream)).sum::<f64>() / 2e4;
        let error = (1.0 - std::f64::consts::FRAC_2_PI).sqrt() / 2e4f64.sqrt();
        assert!((mean - std::f64::consts::FRAC_2_PI.sqrt()).abs() < 4.0 * error);
    }

    #[test]
    fn bounds_leave_whole_numbers_whole() {
        let die = Prior::Whole(Box::new(Prior::Uniform { lower: 0.5, upper: 6.5 }));
        let some = Parameter { name: "n".into(), prior: die, lower: 2.0, upper: 5.0, scale: Scale::Lin };
        for face in 2..=5 {
            let face = f64::from(face);
            assert!((some.log_density(face).exp() - 0.25).abs() < 1e-12);
            assert!((some.cdf(face) - (face - 1.0) / 4.0).abs() < 1e-12);
            assert_eq!(some.from_score(some.to_score(face)), face);
        }
        assert_eq!((some.quantile(0.0), some.quantile(1.0)), (2.0, 5.0));
    }

    #[test]
    fn scores_and_scales_go_there_and_back() {
        let log = Parameter {
            name: "k".into(),
            prior: Prior::LogUniform { lower: 1e-4, upper: 1.0 },
            lower: 1e-4,
            upper: 1.0,
            scale: Scale::Log10,
        };
        assert_eq!(log.to_scale(0.01), -2.0);
        assert!((log.from_scale(-2.0) - 0.01).abs() < 1e-15);
        assert!(log.to_score(0.01).abs() < 1e-12, "the median scores 0");
        for x in [1.2e-4, 0.003, 0.5, 0.99] {
            assert!((log.from_score(log.to_score(x)) / x - 1.0).abs() < 1e-9);
        }
        for (x, end) in [(1e-4, 1e-4), (1.0, 1.0)] {
            assert!((log.from_score(log.to_score(x)) / end - 1.0).abs() < 1e-9, "bounds have finite scores");
        }
        let half = truncated();
        assert!(half.from_score(8.0).is_finite());
    }
}

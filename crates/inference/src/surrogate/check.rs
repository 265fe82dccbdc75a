//! How a learned posterior doubts itself.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::density::{Simulated, Surrogate, Task};
use crate::diagnostics::{displacement, pareto_smoothed};

/// What the fit found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// How far the posterior is estimated to be off because simulations are few, in posterior standard deviations, a mean
    /// over parameters: half the distance between what two halves of the simulations give.
    pub noise: f64,
    /// How far it moves where polynomials are of another degree.
    pub misfit: f64,
    /// How far it is off by likelihoods that are exact, at fresh simulations from some of its draws; 0 where simulations
    /// scatter, so that none is.
    pub resimulated: f64,
    /// Pareto k̂ of the weights between what the two halves of the simulations give; beyond .7 the distance between them is
    /// known badly (Vehtari et al. 2024, J. Mach. Learn. Res. 25:72). Where it is small all the same, a few draws far out
    /// are at fault, and the posterior may be used.
    pub pareto_k: f64,
    /// Share of draws so far from all simulations that the likelihood there is not learned.
    pub beyond: f64,
    /// The largest deviation of summaries' standardised residuals from a normal law, as a Kolmogorov distance; 0 where all
    /// laws are known.
    pub residuals: f64,
    /// Observed values beyond which there are hardly any simulated ones: how likely they are is extrapolated, with an error
    /// that the other numbers do not know of.
    #[serde(default)]
    pub outliers: usize,
}

/// Above this the check has failed.
const FAILED: f64 = 0.3;

/// Above this the result is usable, with a warning.
const DOUBTFUL: f64 = 0.15;

impl Check {
    /// The estimated error of the posterior, in its standard deviations: noise and misfit together, or what exact
    /// likelihoods say, if that is more.
    #[must_use]
    pub fn error(&self) -> f64 {
        let learned = self.noise.hypot(self.misfit);
        // Not a number is no reason to pass, and `max` would pass it over.
        if learned.is_nan() || self.resimulated.is_nan() { f64::NAN } else { learned.max(self.resimulated) }
    }

    /// Whether the posterior may be used.
    #[must_use]
    pub fn passed(&self) -> bool {
        let most = if self.pareto_k <= 0.7 { FAILED } else { DOUBTFUL };
        self.error() <= most && self.beyond <= 0.05 && self.residuals <= 0.1
    }

    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let error = self.error();
        if error.is_nan() || error > DOUBTFUL {
            warnings.push(format!(
                "The learned posterior may be off by about {error:.2} of its standard deviations (halves of the simulations: \
                 {:.2}, another degree: {:.2}, fresh simulations: {:.2}, Pareto k {:.2}). More simulations make it better.",
                self.noise, self.misfit, self.resimulated, self.pareto_k
            ));
        }
        if self.beyond > 0.05 {
            warnings.push(format!(
                "{:.0} % of the posterior lies where nothing was simulated: the intervals end too early.",
                100.0 * self.beyond
            ));
        }
        if self.residuals > 0.1 {
            warnings.push(format!(
                "The summaries do not follow the normal law that they are taken to follow (distance {:.2}).",
                self.residuals
            ));
        }
        if self.outliers > 0 {
            let (they, lie) =
                if self.outliers == 1 { ("it says", "measurement lies") } else { ("they say", "measurements lie") };
            warnings.push(format!(
                "{} {lie} further out than nearly all that were simulated, so that what {they} is extrapolated, and the \
                 posterior may be off by some tenths of its standard deviations. More simulations make it better.",
                self.outliers
            ));
        }
        warnings
    }
}

/// A fit to be doubted.
pub(super) struct Fitted<'f> {
    pub surrogate: &'f Surrogate,
    /// The same with polynomials of another degree.
    pub other: Option<&'f Surrogate>,
    pub simulated: &'f [Simulated],
    pub weights: &'f [f64],
    pub task: &'f Task<'f>,
    /// Scores and data of fresh simulations from the posterior.
    pub fresh: &'f [Simulated],
}

impl Fitted<'_> {
    /// The likelihood learned from simulations of which `keep` is true.
    fn again(&self, degree: usize, keep: impl Fn(usize) -> bool) -> Option<Surrogate> {
        let weights: Vec<f64> =
            self.weights.iter().enumerate().map(|(index, &weight)| if keep(index) { weight } else { 0.0 }).collect();
        Surrogate::fit(self.simulated, &weights, degree, self.task, Some(self.surrogate), true)
    }
}

impl Fitted<'_> {
    /// How far exact likelihoods move the draws that were simulated afresh.
    fn resimulated(&self) -> f64 {
        let ratio = |fresh: &Simulated| {
            let exact = self.surrogate.exact(&fresh.data, self.task.laws)?;
            Some(exact - self.surrogate.log_likelihood(&fresh.scores))
        };
        let Some(ratios) = self.fresh.iter().map(ratio).collect::<Option<Vec<f64>>>() else { return 0.0 };
        if ratios.is_empty() {
            return 0.0;
        }
        let scores: Vec<Vec<f64>> = self.fresh.iter().map(|fresh| fresh.scores.clone()).collect();
        let equal = vec![1.0 / scores.len() as f64; scores.len()];
        displacement((&scores, &pareto_smoothed(&ratios).0), (&scores, &equal))
    }
}

/// Draws used by the check.
const DRAWS: usize = 2000;

pub(super) fn check(fitted: &Fitted<'_>, scores: &[&[f64]], values: &[f64]) -> Check {
    let step = (scores.len() / DRAWS).max(1);
    let scores: Vec<Vec<f64>> = scores.iter().step_by(step).map(|scores| scores.to_vec()).collect();
    let values: Vec<f64> = values.iter().copied().step_by(step).collect();
    let failed = Check {
        noise: f64::INFINITY,
        misfit: f64::INFINITY,
        resimulated: f64::INFINITY,
        pareto_k: f64::INFINITY,
        beyond: 1.0,
        residuals: 1.0,
        outliers: fitted.surrogate.outliers(),
    };
    let half = |half: usize| fitted.again(fitted.surrogate.degree, |index| index % 2 == half);
    let halves = rayon::join(|| half(0), || half(1));
    let ((Some(first), Some(second)), Some(different)) = (halves, fitted.other) else {
        return failed;
    };
    // Weights of the draws under another likelihood.
    let weigh = |surrogate: &Surrogate| -> (Vec<f64>, f64) {
        let ratios: Vec<f64> =
            scores.par_iter().zip(&values).map(|(scores, value)| surrogate.log_likelihood(scores) - value).collect();
        pareto_smoothed(&ratios)
    };
    let ((first_weights, first_k), (second_weights, second_k)) = (weigh(&first), weigh(&second));
    let equal = vec![1.0 / scores.len() as f64; scores.len()];
    let noise = 0.5 * displacement((&scores, &first_weights), (&scores, &second_weights));
    let misfit = displacement((&scores, &weigh(different).0), (&scores, &equal));
    let beyond = scores.iter().filter(|scores| fitted.surrogate.is_beyond(scores)).count() as f64 / scores.len() as f64;
    // Each half of the simulations is fresh for what the other has taught.
    let residuals: Vec<Vec<(f64, f64)>> = (0..fitted.simulated.len())
        .filter(|&index| fitted.weights[index] > 0.3)
        .map(|index| if index % 2 == 0 { &second } else { &first }.residuals(&fitted.simulated[index]))
        .collect();
    let columns = residuals.iter().map(Vec::len).min().unwrap_or(0);
    let residuals = (0..columns).map(|column| {
        let share = residuals.iter().map(|row| row[column].1).fold(0.0, f64::max);
        share * kolmogorov(residuals.iter().map(|row| row[column].0).collect())
    });
    let resimulated = fitted.resimulated();
    Check {
        noise,
        misfit,
        resimulated,
        pareto_k: first_k.max(second_k),
        beyond,
        residuals: residuals.fold(0.0, f64::max),
        outliers: fitted.surrogate.outliers(),
    }
}

/// The largest difference between the distribution function of values and the standard normal one.
fn kolmogorov(mut values: Vec<f64>) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    values.sort_by(f64::total_cmp);
    let (normal, count) = (Normal::standard(), values.len() as f64);
    let gap = |(index, value): (usize, &f64)| (normal.cdf(*value) - (index as f64 + 0.5) / count).abs();
    values.iter().enumerate().map(gap).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_that_overlap_badly_must_be_near_each_other() {
        let check = |noise: f64, pareto_k: f64| Check {
            noise,
            misfit: 0.01,
            resimulated: 0.0,
            pareto_k,
            beyond: 0.0,
            residuals: 0.0,
            outliers: 0,
        };
        assert!(check(0.01, 0.96).passed() && check(0.01, 0.96).warnings().is_empty());
        assert!(check(0.2, 0.5).passed() && check(0.2, 0.5).warnings().len() == 1);
        assert!(!check(0.2, 0.96).passed());
        let outlying = Check { outliers: 1, ..check(0.01, 0.5) };
        assert!(outlying.passed() && outlying.warnings()[0].starts_with("1 measurement lies further out"));
        assert!(!check(0.4, 0.1).passed() && !check(f64::NAN, 0.1).passed());
    }
}

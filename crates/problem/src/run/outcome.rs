//! What a fit came to, in numbers that a report or a script reads: `diagnostics.json`.

use metacascade_inference::{Parameter, Posterior};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Points at which a prior's quantiles stand for the prior.
const PRIOR_POINTS: usize = 999;

/// A fit's outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Why the fit stopped.
    pub stopped: String,
    /// Wall time of the fit.
    pub seconds: f64,
    /// Simulations of the whole problem, or evaluations of its likelihood.
    pub simulations: u64,
    /// Simulations divided by seconds.
    pub simulations_per_second: f64,
    /// Simulations that could not be finished.
    pub failures: u64,
    /// Effective sample size of the posterior, 1/Σw² (Kong 1992).
    pub effective_sample_size: f64,
    /// The highest log-likelihood found (`mle`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    /// What the reader should know.
    pub warnings: Vec<String>,
    /// One for each estimated parameter.
    pub parameters: Vec<ParameterSummary>,
}

/// A parameter's posterior against its prior, on the natural scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterSummary {
    /// Identifier.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Unit; may be empty.
    pub unit: String,
    /// Posterior median.
    pub median: f64,
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
    /// Central 50 % interval.
    pub interval50: (f64, f64),
    /// Central 95 % interval.
    pub interval95: (f64, f64),
    /// Central 95 % interval of the prior.
    pub prior95: (f64, f64),
    /// 1 − posterior variance / prior variance, in the space in which the parameter moves (logarithmic or linear): 0 if
    /// the data taught nothing, 1 if they taught everything (Schad, Betancourt & Vasishth 2021, Psychol. Methods 26:103).
    pub contraction: f64,
}

impl ParameterSummary {
    /// Whether the posterior moved from the prior at all: contraction of a tenth or more.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.contraction >= 0.1
    }

    /// Summaries of all estimated parameters.
    #[must_use]
    pub fn all(problem: &Problem, posterior: &Posterior) -> Vec<Self> {
        let rows = problem.estimated_rows().zip(problem.estimated()).enumerate();
        rows.map(|(index, (row, parameter))| {
            let values: Vec<f64> = posterior.draws.iter().map(|draw| draw[index]).collect();
            let quantiles = Quantiles::new(&values, &posterior.weights);
            let (mean, variance) = moments(&values, &posterior.weights);
            Self {
                id: row.id.clone(),
                name: row.name.clone(),
                unit: row.unit.clone(),
                median: quantiles.at(0.5),
                mean,
                sd: variance.sqrt(),
                interval50: (quantiles.at(0.25), quantiles.at(0.75)),
                interval95: (quantiles.at(0.025), quantiles.at(0.975)),
                prior95: (parameter.quantile(0.025), parameter.quantile(0.975)),
                contraction: contraction(parameter, &values, &posterior.weights),
            }
        })
        .collect()
    }
}

fn contraction(parameter: &Parameter, values: &[f64], weights: &[f64]) -> f64 {
    let scaled: Vec<f64> = values.iter().map(|&value| parameter.to_scale(value)).collect();
    let points = (1..=PRIOR_POINTS).map(|point| point as f64 / (PRIOR_POINTS + 1) as f64);
    let prior: Vec<f64> = points.map(|p| parameter.to_scale(parameter.quantile(p))).collect();
    let equal = vec![1.0 / PRIOR_POINTS as f64; PRIOR_POINTS];
    1.0 - moments(&scaled, weights).1 / moments(&prior, &equal).1
}

/// Weighted mean and variance; weights sum to 1.
fn moments(values: &[f64], weights: &[f64]) -> (f64, f64) {
    let mean: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    let variance = values.iter().zip(weights).map(|(value, weight)| (value - mean) * (value - mean) * weight).sum();
    (mean, variance)
}

/// Weighted quantiles: linear between the middles of the particles' weights.
struct Quantiles {
    /// (value, cumulated weight up to the middle of its own), ascending.
    steps: Vec<(f64, f64)>,
}

impl Quantiles {
    fn new(values: &[f64], weights: &[f64]) -> Self {
        let mut order: Vec<(f64, f64)> = values.iter().copied().zip(weights.iter().copied()).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut cumulated = 0.0;
        let middles = order.into_iter().map(|(value, weight)| {
            cumulated += weight;
            (value, cumulated - 0.5 * weight)
        });
        Self { steps: middles.collect() }
    }

    fn at(&self, p: f64) -> f64 {
        let above = self.steps.partition_point(|&(_, middle)| middle < p);
        match (above.checked_sub(1).map(|index| self.steps[index]), self.steps.get(above)) {
            (Some((low, from)), Some(&(high, to))) => low + (high - low) * (p - from) / (to - from),
            (Some((value, _)), None) | (None, Some(&(value, _))) => value,
            (None, None) => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_equal_weights_are_the_usual_ones() {
        let quantiles = Quantiles::new(&[3.0, 1.0, 2.0], &[1.0 / 3.0; 3]);
        assert!((quantiles.at(0.5) - 2.0).abs() < 1e-12);
        assert!((quantiles.at(1.0 / 3.0) - 1.5).abs() < 1e-12);
        assert_eq!((quantiles.at(0.0), quantiles.at(1.0)), (1.0, 3.0));
        // All the weight on one value.
        assert_eq!(Quantiles::new(&[5.0, 7.0], &[1.0, 0.0]).at(0.25), 5.0);
    }

    #[test]
    fn moments_are_weighted() {
        let (mean, variance) = moments(&[0.0, 4.0], &[0.75, 0.25]);
        assert!((mean - 1.0).abs() < 1e-12 && (variance - 3.0).abs() < 1e-12);
    }
}

//! What a fit came to, in numbers that a report or a script reads: `diagnostics.json`.

use metacascade_inference::{Posterior, moments};
use serde::{Deserialize, Serialize};

use crate::{derived::DerivedSummary, problem::Problem};

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
    /// The same before regression adjustment, where there was one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_adjustment: Vec<ParameterSummary>,
    /// One for each derived quantity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<DerivedSummary>,
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
    /// The share of probability that posterior and prior have in common (Garrett & Zeger 2000, Biometrics 56:1055).
    pub overlap: f64,
}

impl ParameterSummary {
    /// Summaries of all estimated parameters.
    #[must_use]
    pub fn all(problem: &Problem, posterior: &Posterior) -> Vec<Self> {
        let rows = problem.estimated_rows().zip(problem.estimated()).enumerate();
        rows.map(|(index, (row, parameter))| {
            let quantiles = posterior.quantiles(index);
            let (mean, variance) = moments(&posterior.column(index), &posterior.weights);
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
                contraction: posterior.contraction(index, parameter),
                overlap: posterior.overlap(index, parameter),
            }
        })
        .collect()
    }
}

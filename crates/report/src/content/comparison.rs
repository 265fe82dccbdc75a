//! What a page that compares runs says, as plain data.

use serde::{Deserialize, Serialize};

use super::{Predicted, Verdict};

/// Everything a page on several runs says; what is told of each run is in the order of [`Comparison::runs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// Title of the page.
    pub title: String,
    /// What is the same and what is not, in sentences.
    pub headline: Vec<String>,
    /// The runs.
    pub runs: Vec<ComparedRun>,
    /// All parameters of any run, those of several first.
    pub parameters: Vec<ComparedParameter>,
    /// How well each run fits each kind of data.
    pub checks: Vec<ComparedCheck>,
    /// Settings that are not the same everywhere.
    pub settings: Vec<ComparedSetting>,
    /// The command that writes the page again.
    pub command: String,
}

/// A run among others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedRun {
    /// By which it is told from the others.
    pub label: String,
    /// Title of the problem.
    pub title: String,
    /// Title of the model.
    pub model: String,
    /// How it was fitted.
    pub method: String,
    /// Measurements and times to events.
    pub data: usize,
    /// How many parameters were estimated.
    pub parameters: usize,
    /// Parameters determined by the data, known in part, and left at their prior.
    pub verdicts: [usize; 3],
    /// Of draws of the posterior the highest log-likelihood, and the mean; none where there is no likelihood.
    pub log_likelihood: Option<[f64; 2]>,
    /// Akaike's criterion at the highest log-likelihood, 2k − 2 ln L.
    pub aic: Option<f64>,
    /// Effective sample size of the posterior.
    pub effective_sample_size: f64,
    /// Wall-clock seconds of the fit.
    pub seconds: f64,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// A parameter in several runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedParameter {
    /// Identifier.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Whether it is shown on a logarithmic axis.
    pub log_scale: bool,
    /// Posterior and verdict in each run; none where it was not estimated.
    pub values: Vec<Option<(Predicted, Verdict)>>,
    /// Whether the 95 % intervals of two runs have nothing in common.
    pub apart: bool,
}

/// Posterior-predictive p-values of one kind of data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedCheck {
    /// What was measured.
    pub name: String,
    /// What is compared.
    pub of: String,
    /// The p-value in each run; none where there is none.
    pub p_values: Vec<Option<f64>>,
}

/// A setting in each run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedSetting {
    /// Its name.
    pub name: String,
    /// Its values; empty where a run has none.
    pub values: Vec<String>,
}

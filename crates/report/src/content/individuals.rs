//! What follows from the parameters, and what each group and subject is like.

use serde::{Deserialize, Serialize};

use super::Predicted;

/// A quantity that follows from the parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// Its name.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// The formula over parameters.
    pub formula: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Posterior median.
    pub estimate: f64,
    /// Central 50 % interval, lower and upper end.
    pub interval_50: [f64; 2],
    /// Central 95 % interval, lower and upper end.
    pub interval_95: [f64; 2],
    /// Central 95 % interval under the prior.
    pub prior_95: [f64; 2],
}

/// One quantity of all individuals, each given its own data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Individuals {
    /// The parameter that varies, or the rule that follows from such parameters.
    pub quantity: String,
    /// What it means; may be empty.
    pub description: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Whether the individuals are groups of subjects that share the quantity.
    pub of_groups: bool,
    /// Whether values are shown on a logarithmic axis.
    pub log_axis: bool,
    /// Posterior median of the quantity's location, where the individuals' values scatter around a parameter.
    pub location: Option<f64>,
    /// Ascending in the median.
    pub rows: Vec<Individual>,
}

/// One group or subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Individual {
    /// Whose the quantity is.
    pub name: String,
    /// The posterior of the quantity.
    pub value: Predicted,
}

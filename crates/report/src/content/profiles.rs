//! Profile likelihoods.

use serde::{Deserialize, Serialize};

/// The profile likelihood of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileCurve {
    /// The parameter's name.
    pub name: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Whether values are shown on a logarithmic axis.
    pub log_axis: bool,
    /// Values of the parameter, ascending.
    pub values: Vec<f64>,
    /// How far below its highest the log-likelihood is at each.
    pub drops: Vec<f64>,
    /// The drop at the ends of an interval of 95 %.
    pub limit: f64,
    /// Where the likelihood is highest.
    pub best: f64,
    /// Ends of the interval of 50 %; missing where the data set no bound.
    pub interval_50: [Option<f64>; 2],
    /// Ends of the interval of 95 %.
    pub interval_95: [Option<f64>; 2],
}

//! Whole samples: shares, counts of many subjects, compositions.

use serde::{Deserialize, Serialize};

/// The posterior predictive distribution of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Lower end of the central 95 % interval.
    pub lower95: f64,
    /// Lower end of the central 50 % interval.
    pub lower50: f64,
    /// Median.
    pub median: f64,
    /// Upper end of the central 50 % interval.
    pub upper50: f64,
    /// Upper end of the central 95 % interval.
    pub upper95: f64,
}

/// Shares of whole samples, told apart by one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// What was looked for.
    pub title: String,
    /// What the rows of a panel are told apart by; may be empty.
    pub by: String,
    /// One for each arm and time.
    pub panels: Vec<SharePanel>,
}

/// Shares that were measured in one arm at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharePanel {
    /// Arm and time.
    pub name: String,
    /// From top to bottom.
    pub rows: Vec<Share>,
}

/// A number found among so many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Whose or what.
    pub name: String,
    /// How many were found.
    pub found: f64,
    /// Among how many.
    pub of: f64,
    /// The exact 95 % interval of the probability, by these data alone (Clopper & Pearson).
    pub exact: [f64; 2],
    /// The share in samples of the model as large as this one.
    pub predicted: Option<Predicted>,
}

/// Counts of one observable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// What was counted.
    pub title: String,
    /// One for each arm and time.
    pub panels: Vec<Rootogram>,
}

/// How many subjects had how many, in one arm at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rootogram {
    /// Arm and time.
    pub name: String,
    /// How many subjects there are.
    pub subjects: usize,
    /// Numbers, or classes of them, ascending; all there can be.
    pub bins: Vec<CountBin>,
}

/// Subjects with a number, or with one of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountBin {
    /// The number or class.
    pub label: String,
    /// Subjects in the data.
    pub observed: usize,
    /// Mean number of subjects in data sets of the model.
    pub expected: f64,
    /// Number of subjects in data sets of the model.
    pub predicted: Option<Predicted>,
}

/// What parts make up of a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Composition {
    /// Name of the whole.
    pub title: String,
    /// Names of the parts.
    pub parts: Vec<String>,
    /// One for each arm and time.
    pub wholes: Vec<Whole>,
}

/// A composition in one arm at one time: shares that sum to 1, in the order of [`Composition::parts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// Arm; may be empty if there is one only.
    pub arm: String,
    /// Time, in [`Content::time_unit`](super::Content::time_unit).
    pub time: f64,
    /// As measured.
    pub measured: Vec<f64>,
    /// Posterior predictive mean; empty where there is none.
    pub predicted: Vec<f64>,
}

//! What passes through each step of a cascade.

use serde::{Deserialize, Serialize};

use super::Predicted;

/// The steps of a cascade under the posterior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cascade {
    /// The experiment, where there are several; may be empty.
    pub arm: String,
    /// Which cells are followed.
    pub entering: String,
    /// Whether numbers are of single trajectories, so that chance has a part in the intervals.
    pub chance: bool,
    /// In order of passage; one at least. Where those that pass the first are followed, it is among them.
    pub steps: Vec<CascadeStep>,
    /// The position of the step with the smallest share, where there are several to choose from.
    pub bottleneck: Option<usize>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CascadeStep {
    /// The stage it belongs to, with the states that it leads to where the stage has several steps.
    pub name: String,
    /// States that cells come from.
    pub from: String,
    /// States that they reach.
    pub to: String,
    /// How many pass it until the end of the experiment, of a million that enter the cascade.
    pub reach: Predicted,
    /// The same as a share of those that passed the step before. Above 1 where cells multiply on the way.
    pub share: Predicted,
}

//! What a page on predictions under arms says, as plain data.

use serde::{Deserialize, Serialize};

use super::{Band, Observable, Predicted, Verdict};

/// Everything a page on predictions says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Predictions {
    /// Title of the page.
    pub title: String,
    /// What the problem is, in a sentence or two.
    pub subtitle: String,
    /// What was predicted how, in a sentence.
    pub method: String,
    /// What arms come to, in sentences; the first is the most important one.
    pub headline: Vec<String>,
    /// What a reader must know before trusting the numbers.
    pub warnings: Vec<String>,
    /// Unit of every time.
    pub time_unit: String,
    /// The arms; the first is the one the others are held against.
    pub arms: Vec<ArmSet>,
    /// What was assumed, not fitted.
    pub assumed: Vec<Assumption>,
    /// Events, and when they come under each arm.
    pub events: Vec<EventCurves>,
    /// Observables over time, a series for each arm, without measurements.
    pub observables: Vec<Observable>,
    /// Differences of observables at the last time.
    pub ends: Vec<EndContrast>,
    /// Which parameters the differences depend on.
    pub sensitivities: Vec<OutcomeSensitivity>,
    /// Every setting and its value.
    pub settings: Vec<(String, String)>,
    /// The command that gives the same again.
    pub command: String,
    /// Programs and libraries with their versions.
    pub versions: Vec<(String, String)>,
    /// The files that went in with their SHA-256 in hexadecimal digits.
    pub file_hashes: Vec<(String, String)>,
}

/// An arm and what it sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmSet {
    /// Name for readers.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// Parameters and their values or expressions.
    pub set: Vec<(String, String)>,
}

/// A parameter that was not fitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// The parameter.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// The law in words.
    pub law: String,
    /// Where it comes from; may be empty.
    pub source: String,
}

/// When an event comes under each arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventCurves {
    /// What happens, such as `the first detected lesion (lung)`.
    pub endpoint: String,
    /// Until when it is waited for.
    pub horizon: f64,
    /// One for each arm, in their order.
    pub arms: Vec<EventCurve>,
    /// Arms against each other.
    pub contrasts: Vec<EventContrast>,
}

/// The share without the event under an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventCurve {
    /// Name of the arm.
    pub arm: String,
    /// The share over time, with intervals over the posterior.
    pub bands: Vec<Band>,
    /// The share at the horizon.
    pub event_free: Predicted,
    /// The mean time without the event until the horizon.
    pub restricted_mean: Predicted,
}

/// An arm against another, over the posterior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventContrast {
    /// The arm.
    pub arm: String,
    /// What it is held against.
    pub reference: String,
    /// The ratio of the hazards, of Cox's model.
    pub hazard_ratio: Predicted,
    /// The share of draws in which there is such a ratio: some event in either arm.
    pub defined: f64,
    /// Difference of the mean time without the event until the horizon.
    pub restricted_mean: Predicted,
    /// The share of draws in which that is above 0.
    pub gains: f64,
    /// Difference of the share without the event at the horizon.
    pub event_free: Predicted,
    /// The same over time.
    pub bands: Vec<Band>,
}

/// An observable at the last time, under an arm against another, over the posterior: means of the subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndContrast {
    /// Name of the observable.
    pub observable: String,
    /// Its unit.
    pub unit: String,
    /// The time.
    pub time: f64,
    /// The arm.
    pub arm: String,
    /// What it is held against.
    pub reference: String,
    /// Mean under the arm.
    pub mean: Predicted,
    /// Difference of the means.
    pub difference: Predicted,
    /// Ratio of the means.
    pub ratio: Predicted,
}

/// How much an outcome goes with each parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeSensitivity {
    /// What the outcome is.
    pub outcome: String,
    /// The parameters, the strongest first.
    pub rows: Vec<ParameterSensitivity>,
}

/// How much an outcome goes with a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterSensitivity {
    /// The parameter.
    pub parameter: String,
    /// What it means; may be empty.
    pub description: String,
    /// Partial rank correlation coefficient.
    pub coefficient: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// What the data said of the parameter; none if it was assumed.
    pub verdict: Option<Verdict>,
}

impl ParameterSensitivity {
    /// Whether the interval leaves out 0.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.interval[0] > 0.0 || self.interval[1] < 0.0
    }

    /// What is known of the parameter, in words.
    #[must_use]
    pub fn words(&self) -> &'static str {
        self.verdict.map_or("assumed", Verdict::words)
    }

    /// Whether it is an assumption: the data did not move it, or never could.
    #[must_use]
    pub fn is_assumption(&self) -> bool {
        self.verdict.is_none_or(|verdict| verdict == Verdict::FollowsPrior)
    }
}

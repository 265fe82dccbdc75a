//! What a report says, as plain data. Nothing here knows HTML or Vega.

mod cascade;
mod comparison;
mod forecast;
mod individuals;
mod profiles;
mod samples;
mod simulation;

pub use cascade::{Cascade, CascadeStep};
pub use comparison::{ComparedCheck, ComparedParameter, ComparedRun, ComparedSetting, Comparison};
pub use forecast::{
    ArmSet, Assumption, EndContrast, EventContrast, EventCurve, EventCurves, OutcomeSensitivity, ParameterSensitivity,
    Predictions,
};
pub use individuals::{Derived, Individual, Individuals};
pub use profiles::ProfileCurve;
pub use samples::{Composition, CountBin, Counts, Predicted, Rootogram, Share, SharePanel, Shares, Whole};
use serde::{Deserialize, Serialize};
pub(crate) use simulation::below;
pub use simulation::{Course, MOST_LINES, Simulation, Values};

use crate::Error;

/// Everything a report says about one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// Title of the page.
    pub title: String,
    /// What the problem is, in a sentence or two.
    pub subtitle: String,
    /// How the fit was done, in a sentence.
    pub method: String,
    /// What was found, in sentences; the first is the most important one.
    pub headline: Vec<String>,
    /// What a reader must know before trusting the numbers, in plain words; shown before everything else.
    pub warnings: Vec<String>,
    /// The estimated parameters, in the order of the problem.
    pub parameters: Vec<Parameter>,
    /// What follows from the parameters.
    pub derived: Vec<Derived>,
    /// What groups and subjects are like that differ.
    pub individuals: Vec<Individuals>,
    /// The profile likelihood of each parameter; empty where the method finds none.
    pub profiles: Vec<ProfileCurve>,
    /// The model as a picture: an SVG element, which becomes part of the page as it is.
    pub diagram: String,
    /// What passes through each step of the cascade, where the model has steps.
    pub cascade: Option<Cascade>,
    /// On which parameters what is predicted depends.
    pub sensitivities: Vec<OutcomeSensitivity>,
    /// Unit of every time in [`Content::observables`], such as `days`.
    pub time_unit: String,
    /// What was measured and what the fitted model predicts.
    pub observables: Vec<Observable>,
    /// When things happened to subjects, and what the fitted model predicts.
    pub survival: Vec<Survival>,
    /// Numbers found among so many, and what the fitted model predicts.
    pub shares: Vec<Shares>,
    /// Counts of many subjects at the same time.
    pub counts: Vec<Counts>,
    /// What parts make up of a whole.
    pub compositions: Vec<Composition>,
    /// Whether the data look like data of the model.
    pub checks: Vec<Check>,
    /// Whether the method is calibrated on the problem, if that was studied.
    pub calibration: Option<Calibration>,
    /// Draws from the joint posterior.
    pub pairs: Pairs,
    /// Generations of a sequential sampler, in order; empty for other methods.
    pub generations: Vec<Generation>,
    /// Final log-likelihoods of an optimiser's starts, in any order; empty for other methods.
    pub optimiser_starts: Vec<f64>,
    /// Why the fit stopped, as a clause or sentence.
    pub stopping_reason: String,
    /// Wall-clock seconds of the fit.
    pub seconds: f64,
    /// What was done, as a paragraph for a paper; may be empty.
    pub methods: String,
    /// The references that [`Content::methods`] cites, in BibTeX.
    pub bibliography: String,
    /// Every setting and its value.
    pub settings: Vec<(String, String)>,
    /// The command that reproduces the run.
    pub command: String,
    /// Programs and libraries with their versions.
    pub versions: Vec<(String, String)>,
    /// The problem's files with their SHA-256 in hexadecimal digits.
    pub file_hashes: Vec<(String, String)>,
}

/// An estimated parameter. All values are on the natural scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Identifier, as in the model.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Prior in words, such as `log-uniform from 0.001 to 1`.
    pub prior: String,
    /// Posterior median.
    pub estimate: f64,
    /// Central 50 % interval, lower and upper end.
    pub interval_50: [f64; 2],
    /// Central 80 % interval, lower and upper end.
    pub interval_80: [f64; 2],
    /// Central 95 % interval, lower and upper end.
    pub interval_95: [f64; 2],
    /// 1 − posterior variance / prior variance, on the logarithmic scale if `log_scale`: 0 if the data
    /// said nothing, near 1 if they said nearly all. Betancourt, <https://arxiv.org/abs/1803.08393>, section 1.3.
    pub contraction: f64,
    /// The share of probability that posterior and prior have in common: 1 if the data said nothing.
    /// Garrett & Zeger 2000, Biometrics 56:1055.
    pub overlap: f64,
    /// Effective number of independent posterior draws behind these numbers, where the method tells it.
    pub effective_draws: Option<f64>,
    /// What the data said about the parameter.
    pub verdict: Verdict,
    /// The parameter that it is known together with, where it is not known by itself.
    pub tie: Option<Tie>,
    /// The posterior before regression adjustment, where the method adjusts.
    pub before_adjustment: Option<BeforeAdjustment>,
    /// Whether the parameter is shown on a logarithmic axis.
    pub log_scale: bool,
    /// Prior density as ascending points `[value, density]`; the density is per unit of the shown axis
    /// (per decade or any other constant step in the logarithm if `log_scale`), as is the posterior's.
    pub prior_density: Vec<[f64; 2]>,
    /// Posterior density, like the prior's.
    pub posterior_density: Vec<[f64; 2]>,
}

/// A parameter's posterior as simulations were accepted, before regression adjustment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeforeAdjustment {
    /// Median.
    pub estimate: f64,
    /// Central 95 % interval, lower and upper end.
    pub interval_95: [f64; 2],
    /// The adjusted mean less this one's, in standard deviations of the adjusted posterior.
    pub moved: f64,
}

/// What the data said about a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The posterior is much narrower than the prior.
    Determined,
    /// The posterior is narrower than the prior, yet not by much, or lies elsewhere.
    PartlyDetermined,
    /// The posterior is the prior.
    FollowsPrior,
}

impl Verdict {
    /// The verdict on a contraction ([`Parameter::contraction`]) and an overlap: determined from .75 on, where the posterior is at
    /// most half as wide as the prior; unmoved below .2, where it is at least nine tenths as wide, unless it has less than
    /// three quarters of its probability in common with the prior ([`Parameter::overlap`]), as after a shift by two thirds of
    /// a standard deviation.
    #[must_use]
    pub fn of(contraction: f64, overlap: f64) -> Self {
        if contraction >= 0.75 {
            Self::Determined
        } else if contraction >= 0.2 || overlap < 0.75 {
            Self::PartlyDetermined
        } else {
            Self::FollowsPrior
        }
    }

    /// The verdict in words, such as `determined by the data`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Determined => "determined by the data",
            Self::PartlyDetermined => "partly determined",
            Self::FollowsPrior => "did not move from its prior",
        }
    }
}

/// What the data fix of two parameters of which they do not fix this one alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// The other parameter's name.
    pub with: String,
    /// What is fixed.
    pub of: Combination,
}

/// A combination of two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// Their product.
    Product,
    /// Their ratio.
    Ratio,
    /// Their sum.
    Sum,
    /// Their difference.
    Difference,
    /// A line or curve along which both may move.
    Curve,
}

impl Tie {
    /// Such as `only its product with seeding is fixed`.
    #[must_use]
    pub fn words(&self) -> String {
        let with = &self.with;
        match self.of {
            Combination::Product => format!("only its product with {with} is fixed"),
            Combination::Ratio => format!("only its ratio to {with} is fixed"),
            Combination::Sum => format!("only its sum with {with} is fixed"),
            Combination::Difference => format!("only its difference from {with} is fixed"),
            Combination::Curve => format!("only together with {with} is it fixed"),
        }
    }
}

/// A measured quantity with its predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observable {
    /// Identifier, as in the observables table.
    pub id: String,
    /// Name for readers; the identifier is used if it is empty.
    pub name: String,
    /// Unit; empty for a pure number.
    pub unit: String,
    /// Whether the values span decades and are shown on a logarithmic axis (symmetric-logarithmic if there are zeros).
    pub log_axis: bool,
    /// Whether it is drawn over time; it is not where whole samples ([`Shares`]) tell more.
    pub over_time: bool,
    /// One series per arm of the experiment, or per group of subjects.
    pub series: Vec<Series>,
}

impl Observable {
    /// Name for readers.
    #[must_use]
    pub fn label(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }
}

/// Measurements and predictions of one observable in one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Arm (condition, treatment group) for readers; may be empty if there is one only.
    pub arm: String,
    /// Measurements, in any order.
    pub data: Vec<Measurement>,
    /// Posterior predictive intervals, ascending in time.
    pub bands: Vec<Band>,
}

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Time, in [`Content::time_unit`].
    pub time: f64,
    /// Measured value, in the observable's unit.
    pub value: f64,
    /// Standard deviation, in the observable's unit, where reported.
    pub sd: Option<f64>,
    /// The number found and among how many, where the value is a share of a known number.
    pub found_of: Option<(f64, f64)>,
    /// Identifier of the replicate; may be empty.
    pub replicate: String,
}

/// Posterior predictive distribution at one time, in the observable's unit; intervals include measurement noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Time, in [`Content::time_unit`].
    pub time: f64,
    /// Median of what the model gives, measurement noise left out.
    pub median: f64,
    /// Lower end of the central 50 % interval.
    pub lower50: f64,
    /// Upper end of the central 50 % interval.
    pub upper50: f64,
    /// Lower end of the central 95 % interval.
    pub lower95: f64,
    /// Upper end of the central 95 % interval.
    pub upper95: f64,
}

/// Times to an event of all subjects at once, or of subjects told apart by one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    /// What happens, such as `the first detected lesion (lung)`.
    pub endpoint: String,
    /// What subjects are told apart by, such as `arm`; empty if they are not.
    pub by: String,
    /// The subjects: all, or one entry per arm or part.
    pub strata: Vec<Stratum>,
}

/// Subjects whose times to an event make up one Kaplan–Meier curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stratum {
    /// Who they are; empty if all.
    pub name: String,
    /// Of each subject the time, in [`Content::time_unit`], and whether the event happened then (else it had not until
    /// then).
    pub observed: Vec<(f64, bool)>,
    /// Ascending in time from 0: the share without the event among as many subjects of the model (`median`), and predictive
    /// intervals of the Kaplan–Meier estimate of that share when they are followed as these were.
    pub bands: Vec<Band>,
}

impl Stratum {
    /// How many subjects are followed without an event until a time at least.
    #[must_use]
    pub fn at_risk(&self, time: f64) -> usize {
        self.observed.iter().filter(|(end, _)| *end >= time).count()
    }

    /// The longest follow-up.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.observed.iter().map(|(time, _)| *time).fold(0.0, f64::max)
    }
}

/// How one kind of data compares with data sets simulated from the posterior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was measured.
    pub name: String,
    /// What is compared, such as `scatter about the model`.
    pub of: String,
    /// Posterior-predictive p-value: the share of simulated data sets that deviate as much from the model as the data, or
    /// more.
    pub p_value: f64,
    /// For each measurement the share of simulated ones below it (probability integral transform); may be empty.
    pub pit: Vec<f64>,
    /// The simultaneous 95 % band of the distribution function of as many independent uniform values: points, and lower
    /// and upper end.
    pub band: Vec<(f64, [f64; 2])>,
    /// Whether the distribution function of `pit` is inside the band.
    pub inside: bool,
    /// Whether subjects were measured repeatedly: their measurements are not independent, and the band is too narrow.
    pub repeated: bool,
}

/// Simulation-based calibration: what the method made of data sets simulated from the prior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Data sets that were fitted.
    pub replicates: usize,
    /// Data sets that could not be.
    pub failures: usize,
    /// By parameter.
    pub parameters: Vec<CalibratedParameter>,
    /// The simultaneous 95 % band of the distribution function of as many uniform values: points, and lower and upper end.
    pub band: Vec<(f64, [f64; 2])>,
}

/// How a method is calibrated for one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibratedParameter {
    /// The parameter.
    pub name: String,
    /// For each data set the posterior probability below the truth.
    pub ranks: Vec<f64>,
    /// The share of truths within the central 50, 80 and 95 % intervals.
    pub coverage: [f64; 3],
    /// Whether the distribution function of the ranks is inside its band.
    pub inside: bool,
}

/// Draws from the joint posterior, all of equal weight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pairs {
    /// Names of the parameters.
    pub names: Vec<String>,
    /// Per parameter, whether it is shown on a logarithmic axis; as long as `names`.
    pub log_scale: Vec<bool>,
    /// Draws, one row each, natural scale, a column per parameter; about 400 rows show enough.
    pub draws: Vec<Vec<f64>>,
    /// Correlation matrix on the shown scales, a row and a column per parameter.
    pub correlation: Vec<Vec<f64>>,
}

impl Pairs {
    /// Whether every row has an entry per name.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let expected = self.names.len();
        let check = |what: String, found: usize| {
            if found == expected { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
        };
        check("`log_scale` of the pairs".into(), self.log_scale.len())?;
        check("`correlation` of the pairs".into(), self.correlation.len())?;
        for (index, row) in self.draws.iter().enumerate() {
            check(format!("row {} of the pairs' draws", index + 1), row.len())?;
        }
        for (index, row) in self.correlation.iter().enumerate() {
            check(format!("row {} of the pairs' correlation", index + 1), row.len())?;
        }
        Ok(())
    }
}

/// One generation of a sequential sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// Number of the generation, as the run counts them.
    pub index: usize,
    /// Largest distance accepted; infinite if everything was.
    pub threshold: f64,
    /// Accepted share of the simulations, 0 to 1.
    pub acceptance: f64,
    /// Simulations run in this generation.
    pub simulations: u64,
    /// Effective sample size of the weighted particles.
    pub effective_sample_size: f64,
}

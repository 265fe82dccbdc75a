//! Calibration problems on disk and fits on disk.
//!
//! A [`Problem`] is a folder of PEtab tables and a model. It becomes a [`ProblemSimulator`] for approximate Bayesian
//! computation, a [`ProblemLikelihood`] for maximum likelihood, or a [`ProblemProcess`] for particle filters; its posterior becomes a [`Predictive`]; and all of
//! it is kept in a [`run`]. [`evaluate()`] tells how well it fits at given parameters, [`export()`] writes it as SBML and
//! PEtab.
//!
//! ```text
//! problem.yaml     format_version: 2.0.0
//!                  parameter_files: [parameters.tsv]
//!                  model_files: {ID: {location: model.toml, language: metacascade}}, or language: sbml
//!                  condition_files, experiment_files, observable_files, measurement_files, mapping_files: [...]
//!                  extensions: {metacascade: {version, required, title, description, simulation, fit, subject_files,
//!                  survival_files, covariates: {column: parameter, or {parameter, unit}},
//!                  conversions: [{from, to, by}], derived: [{name, formula, unit, description}]}}
//! parameters.tsv   parameterId, lowerBound, upperBound, nominalValue, estimate, [parameterName], [priorDistribution],
//!                  [priorParameters], and ours: [unit], [description], [integer]
//! conditions.tsv   conditionId, targetId, targetValue, [conditionName]
//! experiments.tsv  experimentId, time, conditionId, and ours: [experimentName]
//! observables.tsv  observableId, observableFormula, noiseFormula, [observableName], [observablePlaceholders],
//!                  [noisePlaceholders], [noiseDistribution], and ours: [observableUnit], [observableKind],
//!                  [observableGroup], [lowerLimit], [upperLimit]
//! measurements.tsv observableId, experimentId, measurement, time, [observableParameters], [noiseParameters], [modelId],
//!                  [datasetId], and ours: [replicateId], [subjectId], [trials], [sampledFraction], [censoring],
//!                  [upperLimit], [measurementSd], [measurementN], [measurementUnit], [timeUnit]
//! mapping.tsv      petabEntityId, modelEntityId, [name]
//! subjects.tsv     ours: subjectId, [groupId], [experimentId], and any covariates
//! survival.tsv     ours: subjectId, time, event, endpoint, [experimentId], [timeUpper], [timeUnit]
//! ```
//!
//! Tables are text separated by tabs, commas or semicolons, packed by gzip or not, or Parquet files; columns come in any
//! order; cells may be quoted; an empty cell or `NA` is no value. Decimal commas are understood where all numbers of a
//! table have them.
//!
//! What the columns of ours say:
//!
//! * `integer` true: the parameter is a whole number, such as how many cells found a lesion. Each has the probability that
//!   the prior has within half a unit of it; the ends of `uniform` and `log-uniform` count whole.
//! * `noiseDistribution` may also be `poisson`, `negative-binomial`, `binomial`, `beta-binomial` or `multinomial`
//!   ([`NoiseDistribution`] says what y and the noise formula mean); laws without noise leave `noiseFormula` empty.
//! * `observableKind`: `cells`, `fraction` or `amount`. `observableGroup`: observables that are parts of one whole, the
//!   fractions of a composition (which must sum to 1) or the counts of a multinomial sample. `lowerLimit` and
//!   `upperLimit`: what the assay can measure.
//! * `trials`: `measurement` is the number found among so many (`binomial`, `beta-binomial`). `sampledFraction`: the
//!   share that was looked at, such as 0.0015 for 7.5 ml of 5 l; the model's value is that of the whole.
//! * `censoring`: `left` (below `measurement`), `right` (above), `interval` (from `measurement` to `upperLimit`).
//! * `measurementN`, `measurementSd`: `measurement` is the mean of so many subjects, with this standard deviation.
//! * `replicateId`, `subjectId`: whose measurement it is. Rows of different ones, or, without a subject table, repeating
//!   an observable, experiment and time, belong to different subjects: independent trajectories ([`Trajectory`]).
//! * Numbers of lesions in an organ are counts like others (`lung`, `lung_detected`). A list of their sizes enters as
//!   numbers in size classes: `counts` of the model's `[[lesions]]` give the lesions of at least a size, their differences
//!   are observables of one multinomial `observableGroup`, and a further one has the number of all.
//! * `experimentId` of a subject is its arm, which rows of measurements and survival need not repeat. A covariate sets the
//!   parameter of its name for each subject, or the one that `covariates` gives it, converted where a unit is given. Subjects of one `groupId` share what
//!   the model says varies between groups. Location and spread of what varies are parameters like others.
//! * `event` 1: `endpoint` happened at `time`, or between `time` and `timeUpper`; 0: it had not until `time`. `endpoint` is
//!   a condition of the model, or a symbol whose name ends in `_first_detected`.
//! * `measurementUnit`, `timeUnit`: units of a row (of `measurement`, `upperLimit`, `measurementSd`; of `time`), converted
//!   into `observableUnit` and the model's unit of time. Units of one dimension convert by themselves; for others
//!   `conversions` says by how much, a number or a parameter that is not estimated. The noise is in the observable's unit.
//! * A row whose measurement is `NA` is left out.
//! * `noiseLaw`: one of the laws that PEtab lacks, where `noiseDistribution` must be one that other programs know.
//!
//! An experiment is a sequence of periods. Conditions of the first act before initial values are computed, those of a later
//! one on the state then; a first period at `-inf` lasts until the mean field is steady, and a measurement at `inf` is one
//! of the steady state after the last period. Both exist for the method `ode` alone. An arm of the model is a condition.
//! Expressions are those of PEtab. In SBML models, ids mean what they mean there: a species may be a concentration.
//!
//! Version 1 of PEtab is read too, with a YAML file of any name, and becomes version 2 cell by cell: each pair of
//! `preequilibrationConditionId` and `simulationConditionId` is an experiment, `observableTransformation` part of the law
//! of the noise, a prior on the parameter's scale a law of the parameter or its logarithm. Priors for starting points and
//! visualization files are left aside. Columns that mean nothing here are told in [`Problem::warnings`].

mod arms;
mod as_measured;
mod dataset;
mod derived;
mod document;
mod effects;
mod evaluate;
mod exact;
mod experiments;
mod export;
mod files;
mod fluxes;
mod forecast;
mod identify;
mod in_parts;
mod individuals;
mod likelihood;
mod linear_noise;
mod load;
mod measurements;
mod model;
mod noise;
mod observables;
mod observe;
mod overview;
mod parameters;
mod predictive;
mod priors;
mod problem;
mod problems;
mod process;
mod propose;
mod replicates;
mod rival;
pub mod run;
mod same_data;
mod scope;
mod simulator;
mod start;
mod steady;
mod subjects;
mod summaries;
mod survival;
mod table;
mod tally;
mod units;
mod version_1;
mod with_data;

pub use arms::{Arm, ArmFile, Arms, Assumed, BASELINE, Setting};
pub use as_measured::{AsMeasured, laws_are_known};
pub use derived::{Derived, DerivedSummary};
pub use document::{FitMethod, FitSettings, SimulationSettings};
pub use evaluate::{EvaluateMethod, Evaluation, evaluate};
pub use experiments::Experiment;
pub use export::{Exported, export};
pub use files::{SourceFile, sha256};
pub use fluxes::{Fluxes, fluxes};
pub use forecast::{
    FORECAST_DRAWS, FORECAST_SUBJECTS, Forecast, ForecastSettings, endpoints_of, experiment, forecast, hazard_ratio,
    horizon, subjects_of,
};
pub use identify::{Identifiability, identifiability};
pub use individuals::{INDIVIDUAL_DRAWS, Individuals, individuals};
pub use likelihood::{ProblemLikelihood, likelihood_is_exact};
pub use measurements::{Measurement, Reading, Series, Trajectory};
pub use noise::{NoiseDistribution, clopper_pearson};
pub use observables::{FigureKind, Kind, Observable};
pub use overview::{ObservableOverview, Overview, overview};
pub use parameters::Parameter;
pub use predictive::{DRAWS, Predictive, predicted_particles, predictive, predictive_key};
pub use problem::Problem;
pub use process::ProblemProcess;
pub use propose::{Asked, Guess, Proposal, propose};
pub use replicates::{Replicates, Seen, replicated_particles, replicated_sets, replicates};
pub use rival::Rival;
pub use run::{
    Journal, Journaled, Run, RunError, RunGlance, RunSettings, RunState, RunWriter, Stage, TableColumn, write_columns,
    write_file, write_forecast, write_table,
};
pub use same_data::SameData;
pub use simulator::ProblemSimulator;
pub use subjects::{Covariate, Subject, Values, thirds};
pub use survival::{Endpoint, Survival, at as survival_at, kaplan_meier};

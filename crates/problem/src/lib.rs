//! Calibration problems on disk and fits on disk.
//!
//! A [`Problem`] is a folder of PEtab 2 tables and a model. It becomes a [`ProblemSimulator`] for approximate Bayesian
//! computation, or a [`ProblemLikelihood`] for maximum likelihood; its posterior becomes a [`Predictive`]; and all of
//! it is kept in a [`run`].
//!
//! ```text
//! problem.yaml     format_version: 2.0.0
//!                  parameter_files: [parameters.tsv]
//!                  model_files: {ID: {location: model.toml, language: metacascade}}
//!                  condition_files, experiment_files, observable_files, measurement_files: [...]
//!                  extensions: {metacascade: {version, required, title, description, simulation, fit}}
//! parameters.tsv   parameterId, lowerBound, upperBound, nominalValue, estimate, [parameterName], [priorDistribution],
//!                  [priorParameters], and ours: [unit], [description]
//! conditions.tsv   conditionId, targetId, targetValue, [conditionName]
//! experiments.tsv  experimentId, time, conditionId, and ours: [experimentName]
//! observables.tsv  observableId, observableFormula, noiseFormula, [observableName], [observablePlaceholders],
//!                  [noisePlaceholders], [noiseDistribution], and ours: [observableUnit], [observableKind]
//! measurements.tsv observableId, experimentId, measurement, time, [observableParameters], [noiseParameters], [modelId],
//!                  and ours: [replicateId]
//! ```
//!
//! Rows of different `replicateId`, or repeating an observable, experiment and time, belong to different subjects:
//! independent trajectories ([`Trajectory`]). Conditions act at time 0.

mod document;
mod evaluate;
mod experiments;
mod export;
mod files;
mod likelihood;
mod linear_noise;
mod load;
mod measurements;
mod model;
mod noise;
mod observables;
mod observe;
mod parameters;
mod predictive;
mod priors;
mod problem;
mod problems;
pub mod run;
mod scope;
mod simulator;
mod steady;
mod summaries;
mod table;
mod version_1;

pub use document::{FitMethod, FitSettings, SimulationSettings};
pub use evaluate::{EvaluateMethod, Evaluation, evaluate};
pub use experiments::Experiment;
pub use export::{Exported, export};
pub use files::SourceFile;
pub use likelihood::ProblemLikelihood;
pub use measurements::{Measurement, Series, Trajectory};
pub use noise::NoiseDistribution;
pub use observables::{Kind, Observable};
pub use parameters::Parameter;
pub use predictive::{DRAWS, Predictive, predictive};
pub use problem::Problem;
pub use run::{Run, RunError, RunSettings, RunWriter, write_file, write_table};
pub use simulator::ProblemSimulator;

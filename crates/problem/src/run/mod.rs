//! A fit on disk: a folder that holds all that went in and all that came out.
//!
//! ```text
//! settings.toml            what was asked for, everything resolved: command, version, seed, method
//! problem/                 the problem's files as read, and hashes.toml (SHA-256 of each)
//! generation-000.parquet   one for each generation: parameters (natural scale), weight, distance
//! generations.parquet      index, threshold, acceptance, simulations, failures, effective_sample_size
//! starts.parquet           maximum likelihood: one row for each start
//! profiles.parquet         maximum likelihood: parameter, value, log_likelihood (the highest with the parameter there)
//! posterior.parquet        one row for each particle: parameters (natural scale), weight, distance
//! predictive.parquet       observableId, experimentId, time, draw, simulation, prediction
//! individuals.parquet      quantity, groupId, subjectId, experimentId, draw, value: what varies, given the data
//! predictive_data.parquet      data sets simulated from the posterior, each of the size of the one measured:
//!                          observableId, experimentId, replicateId, time, draw, measurement
//! predictive_survival.parquet  the same for times to events: subjectId, experimentId, endpoint, draw, time, event,
//!                          eventTime (of the model, infinite where it does not happen while anybody is followed)
//! diagnostics.json         [`Outcome`]
//! calibration.json         what simulation-based calibration found of the method on this problem, if it was run
//! report.html
//! journal                  answers of the simulator or likelihood, until the fit is complete ([`Journal`])
//! progress                 what a person is told of a fit that is under way, one line
//! lock                     held by the process that fits
//! ```
//!
//! The folder appears with its first complete result, and each file of it whole: it is written under a temporary name
//! and renamed. Until then all is in `.NAME.partial` beside it. A fit that was cut off is resumed from its journal.

mod forecast;
mod frame;
mod glance;
mod journal;
mod lock;
mod outcome;
mod reader;
mod replicates;
mod state;
mod writer;

use std::path::{Path, PathBuf};

pub use forecast::write_forecast;
pub use frame::{TableColumn, write_columns, write_file, write_table};
pub use glance::RunGlance;
pub use journal::{Journal, Journaled};
use metacascade_engine::Diagnostics;
pub use outcome::{Outcome, ParameterSummary};
pub use reader::{GenerationRow, Run, StartRow};
use serde::{Deserialize, Serialize};
pub use state::{RunState, Stage};
pub use writer::RunWriter;

use crate::document::FitMethod;

pub(crate) const SETTINGS: &str = "settings.toml";
pub(crate) const PROBLEM: &str = "problem";
pub(crate) const HASHES: &str = "hashes.toml";
pub(crate) const GENERATIONS: &str = "generations.parquet";
pub(crate) const STARTS: &str = "starts.parquet";
pub(crate) const PROFILES: &str = "profiles.parquet";
pub(crate) const POSTERIOR: &str = "posterior.parquet";
pub(crate) const PREDICTIVE: &str = "predictive.parquet";
pub(crate) const INDIVIDUALS: &str = "individuals.parquet";
pub(crate) const PREDICTIVE_DATA: &str = "predictive_data.parquet";
pub(crate) const PREDICTIVE_SURVIVAL: &str = "predictive_survival.parquet";
pub(crate) const JOURNAL: &str = "journal";
pub(crate) const PROGRESS: &str = "progress";
pub(crate) const OUTCOME: &str = "diagnostics.json";
pub(crate) const CALIBRATION: &str = "calibration.json";

/// The name of a generation's file.
pub(crate) fn generation_file(index: usize) -> String {
    format!("generation-{index:03}.parquet")
}

/// Everything that decides a fit's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// The command that reproduces the run.
    pub command: String,
    /// Version of metacascade.
    pub version: String,
    /// Seed of all random numbers.
    pub seed: u64,
    /// The algorithm.
    pub method: FitMethod,
    /// Threads used; results do not depend on it.
    pub threads: usize,
    /// The problem's folder, as named by the user.
    pub problem: PathBuf,
    /// The problem's title.
    pub title: String,
    /// How trajectories were computed.
    pub simulation: SimulationChoice,
    /// The algorithm's settings, everything resolved.
    pub fit: toml::Table,
}

/// The simulation method of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulationChoice {
    /// Name of the method.
    pub method: String,
    /// Why this one.
    pub reason: String,
}

/// Why a run's folder could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `write`, `read`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The folder to be written holds something else.
    #[error("{} exists and is not a run of metacascade; choose another folder with -o, or remove it", .0.display())]
    Occupied(PathBuf),
    /// The folder to be read is no run.
    #[error("{} is not a run of metacascade: it has no {SETTINGS}", .0.display())]
    NotARun(PathBuf),
    /// Another process writes the run.
    #[error("{} is being written by another process", .0.display())]
    Busy(PathBuf),
    /// The run to be resumed is complete.
    #[error("{} is complete: there is nothing to resume", .0.display())]
    Complete(PathBuf),
    /// The run to be resumed is of another version, which may answer otherwise.
    #[error("{} was begun by version {began} of metacascade, and this is {}: fit anew", path.display(), env!("CARGO_PKG_VERSION"))]
    Version {
        /// The run.
        path: PathBuf,
        /// The version that began it.
        began: String,
    },
    /// A file of the run is damaged.
    #[error("{} cannot be used: {message}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file of the problem is no longer what was read.
    #[error("{} was changed while the fit was prepared; start again", .0.display())]
    Changed(PathBuf),
    /// The problem in the run's folder cannot be read.
    #[error("the problem in the run's folder cannot be read\n{0}")]
    Problem(Diagnostics),
}

impl RunError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn damaged(path: &Path, message: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), message: message.to_string() }
    }
}

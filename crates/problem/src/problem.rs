//! A calibration problem: everything its folder says, checked and resolved.

use std::path::Path;

use metacascade_engine::{Diagnostics, Network};
use metacascade_inference as inference;

use crate::{
    derived::Derived,
    document::{FitSettings, SimulationSettings},
    experiments::Experiment,
    files::SourceFile,
    load,
    measurements::{Series, Trajectory},
    observables::Observable,
    parameters::Parameter,
    subjects::{Covariate, Subject, Subjects},
    survival::{Endpoint, Survival},
};

/// A calibration problem, as read from a folder.
///
/// ```no_run
/// let problem = metacascade_problem::Problem::load("datasets/sw620-switching".as_ref())?;
/// println!("{}: {} measurements", problem.title(), problem.measurement_count());
/// # Ok::<(), metacascade_engine::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) folder: std::path::PathBuf,
    pub(crate) files: Vec<SourceFile>,
    /// The model's name and text, if it is a shipped one and no file.
    pub(crate) shipped: Option<(String, &'static str)>,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) network: Network,
    /// Whether the tables are those of PEtab version 1.
    pub(crate) version_1: bool,
    pub(crate) measurement_files: Vec<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) estimated: Vec<inference::Parameter>,
    /// Where each estimated parameter stands in `parameters`.
    pub(crate) estimated_positions: Vec<usize>,
    /// Slots of all parameters of the table, in its order.
    pub(crate) slots: Vec<usize>,
    /// How many slots there are before those of an observable.
    pub(crate) scope_slots: usize,
    pub(crate) observables: Vec<Observable>,
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) trajectories: Vec<Trajectory>,
    pub(crate) series: Vec<Series>,
    pub(crate) subjects: Subjects,
    pub(crate) survival: Vec<Survival>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) derived: Vec<Derived>,
    pub(crate) simulation: SimulationSettings,
    pub(crate) fit: FitSettings,
    pub(crate) warnings: Vec<String>,
}

impl Problem {
    /// Reads a problem: a folder with `problem.yaml` (or one YAML file of another name), or such a file.
    ///
    /// The model is a file of the folder, or one of [`metacascade_cascade::names`].
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, each with its place.
    pub fn load(folder: &Path) -> Result<Self, Diagnostics> {
        load::load(folder, None)
    }

    /// Reads a problem with another model in place of its own: one that extends it, such as by a therapy.
    ///
    /// # Errors
    /// As [`Problem::load`]: all that the tables name must be in the other model too.
    pub fn load_with_model(folder: &Path, model: &Path) -> Result<Self, Diagnostics> {
        load::load(folder, Some(model))
    }

    /// The title in `problem.yaml`, or the model's, or the folder's name.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the problem is about; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The folder it was read from.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The files it was read from, `problem.yaml` first.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The model.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// All rows of the parameter table, estimated or not.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The estimated parameters, in the order of the table: the coordinates of every proposal.
    #[must_use]
    pub fn estimated(&self) -> &[inference::Parameter] {
        &self.estimated
    }

    /// The row of the parameter table behind each of [`Problem::estimated`].
    pub fn estimated_rows(&self) -> impl Iterator<Item = &Parameter> {
        self.estimated_positions.iter().map(|&position| &self.parameters[position])
    }

    /// What follows from the parameters and is told beside them.
    #[must_use]
    pub fn derived(&self) -> &[Derived] {
        &self.derived
    }

    /// What is measured.
    #[must_use]
    pub fn observables(&self) -> &[Observable] {
        &self.observables
    }

    /// What is done to the model.
    #[must_use]
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// The subjects that were measured.
    #[must_use]
    pub fn trajectories(&self) -> &[Trajectory] {
        &self.trajectories
    }

    /// The measurements, by observable and subject.
    #[must_use]
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// The subjects of the subject tables; empty if there are none.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects.subjects
    }

    /// The names of the groups that subjects are in.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.subjects.groups
    }

    /// What is known of the subjects.
    #[must_use]
    pub fn covariates(&self) -> &[Covariate] {
        &self.subjects.covariates
    }

    /// The times to events, in the order of the survival tables; empty if there are none.
    #[must_use]
    pub fn survival(&self) -> &[Survival] {
        &self.survival
    }

    /// What happens in them.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// How many measurements there are.
    #[must_use]
    pub fn measurement_count(&self) -> usize {
        self.series.iter().map(|series| series.measurements.len()).sum()
    }

    /// How the problem asks to be simulated.
    #[must_use]
    pub fn simulation(&self) -> &SimulationSettings {
        &self.simulation
    }

    /// How the problem asks to be fitted.
    #[must_use]
    pub fn fit(&self) -> &FitSettings {
        &self.fit
    }

    /// What is odd but not wrong.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Room for the scope's values (see [`crate::scope`]), then an observable's own value and placeholders.
    pub(crate) fn blank_values(&self) -> Vec<f64> {
        let placeholders = self.observables.iter().map(|observable| observable.placeholder_slots().len()).max();
        vec![0.0; self.scope_slots + 1 + placeholders.unwrap_or(0)]
    }

    /// A value for each estimated parameter: its nominal value, or its prior's median.
    #[must_use]
    pub fn nominal(&self) -> Vec<f64> {
        let rows = self.estimated_rows().zip(&self.estimated);
        rows.map(|(row, parameter)| row.nominal.unwrap_or_else(|| parameter.quantile(0.5))).collect()
    }
}

//! Writes a run's folder, file by file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use metacascade_inference::{Posterior, abc_smc::Generation};
use polars::prelude::Column;
use serde::Serialize;

use super::{
    GENERATIONS, GenerationRow, HASHES, INDIVIDUALS, OUTCOME, Outcome, POSTERIOR, PREDICTIVE, PROBLEM, RunError,
    RunSettings, SETTINGS, STARTS, StartRow,
    frame::{counts, numbers, texts, write_file, write_parquet},
    generation_file, replicates,
};
use crate::{
    files::sha256, individuals::Individuals, predictive::Predictive, problem::Problem, replicates::Replicates,
};

/// Writes a run.
///
/// Until the first result (a generation, or the posterior) is complete, everything is kept in a hidden folder beside
/// the run's, which is removed if the writer is dropped: a fit that fails leaves nothing behind. From then on the run
/// is readable at any time.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    /// The hidden folder, until the first result is complete.
    staging: Option<PathBuf>,
    /// Parents that were created for the run, outermost first.
    parents: Vec<PathBuf>,
    generations: Vec<GenerationRow>,
}

impl RunWriter {
    /// Prepares a run in `folder`. An older run there is replaced when the first result is complete.
    ///
    /// # Errors
    /// If `folder` holds anything but a run, a file of the problem has changed since it was loaded, or the file system
    /// refuses. Nothing is left behind.
    pub fn create(folder: &Path, problem: &Problem, settings: &RunSettings) -> Result<Self, RunError> {
        let path = std::path::absolute(folder).map_err(RunError::io("write", folder))?;
        if path.exists() && !is_run(&path) && !is_empty_folder(&path) {
            return Err(RunError::Occupied(folder.to_owned()));
        }
        let parent = path.parent().ok_or_else(|| RunError::Occupied(folder.to_owned()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let staging = parent.join(format!(".{name}.partial-{}", std::process::id()));
        let parents = missing_parents(parent);
        let writer = Self { folder: path.clone(), staging: Some(staging.clone()), parents, generations: Vec::new() };
        fs::create_dir_all(parent).map_err(RunError::io("create", parent))?;
        // A folder left by a process of the same number that was killed.
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(RunError::io("replace", &staging))?;
        }
        fs::create_dir(&staging).map_err(RunError::io("create", folder))?;
        copy_problem(problem, &staging.join(PROBLEM))?;
        write_file(&staging.join(SETTINGS), to_toml(settings, folder)?.as_bytes())?;
        Ok(writer)
    }

    /// The run's folder; it exists once the first result is complete.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a finished generation of ABC-SMC; its particles are the run's posterior until the next one.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn generation(&mut self, generation: &Generation) -> Result<(), RunError> {
        self.generations.push(GenerationRow::from(generation));
        let rows = &self.generations;
        let columns = vec![
            counts("index", rows.iter().map(|row| row.index as u64)),
            numbers("threshold", rows.iter().map(|row| row.threshold)),
            numbers("acceptance", rows.iter().map(|row| row.acceptance)),
            counts("simulations", rows.iter().map(|row| row.simulations)),
            counts("failures", rows.iter().map(|row| row.failures)),
            numbers("effective_sample_size", rows.iter().map(|row| row.effective_sample_size)),
        ];
        write_parquet(&self.path(&generation_file(generation.index)), posterior_columns(&generation.posterior))?;
        write_parquet(&self.path(GENERATIONS), columns)?;
        self.posterior(&generation.posterior)
    }

    /// Writes the starts of a maximum-likelihood fit: parameters in the order of `names`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn starts(&mut self, names: &[String], starts: &[StartRow]) -> Result<(), RunError> {
        let mut columns: Vec<Column> = names
            .iter()
            .enumerate()
            .map(|(index, name)| numbers(name, starts.iter().map(|start| start.parameters[index])))
            .collect();
        columns.push(numbers("log_likelihood", starts.iter().map(|start| start.log_likelihood)));
        write_parquet(&self.path(STARTS), columns)
    }

    /// Writes the posterior.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn posterior(&mut self, posterior: &Posterior) -> Result<(), RunError> {
        write_parquet(&self.path(POSTERIOR), posterior_columns(posterior))?;
        self.show()
    }

    /// Writes the posterior predictive.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn predictive(&mut self, problem: &Problem, predictive: &Predictive) -> Result<(), RunError> {
        let observables = predictive.observable.iter().map(|&index| problem.observables()[index].id.as_str());
        let experiments = predictive.experiment.iter().map(|&index| problem.experiments()[index].id.as_str());
        let columns = vec![
            texts("observableId", observables),
            texts("experimentId", experiments),
            numbers("time", predictive.time.iter().copied()),
            counts("draw", predictive.draw.iter().map(|&draw| draw as u64)),
            numbers("simulation", predictive.simulation.iter().copied()),
            numbers("prediction", predictive.prediction.iter().copied()),
        ];
        write_parquet(&self.path(PREDICTIVE), columns)
    }

    /// Writes what each group and subject is like.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn individuals(&mut self, problem: &Problem, individuals: &Individuals) -> Result<(), RunError> {
        let experiments = individuals.experiment.iter().map(|&index| problem.experiments()[index].id.as_str());
        let columns = vec![
            texts("quantity", individuals.quantity.iter().map(String::as_str)),
            texts("groupId", individuals.group.iter().map(String::as_str)),
            texts("subjectId", individuals.subject.iter().map(String::as_str)),
            texts("experimentId", experiments),
            counts("draw", individuals.draw.iter().map(|&draw| draw as u64)),
            numbers("value", individuals.value.iter().copied()),
        ];
        write_parquet(&self.path(INDIVIDUALS), columns)
    }

    /// Writes the data sets simulated from the posterior.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn replicates(&mut self, problem: &Problem, found: &Replicates) -> Result<(), RunError> {
        replicates::write(problem, found, |name| self.path(name))
    }

    /// Writes what the fit came to.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn outcome(&mut self, outcome: &Outcome) -> Result<(), RunError> {
        let path = self.path(OUTCOME);
        let text = serde_json::to_string_pretty(outcome).map_err(|error| RunError::damaged(&path, error))?;
        write_file(&path, text.as_bytes())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.staging.as_ref().unwrap_or(&self.folder).join(name)
    }

    /// Gives the run its name, if it has not got it yet.
    fn show(&mut self) -> Result<(), RunError> {
        let Some(staging) = &self.staging else { return Ok(()) };
        let replace = RunError::io("replace", &self.folder);
        if is_empty_folder(&self.folder) {
            fs::remove_dir(&self.folder).map_err(replace)?;
            fs::rename(staging, &self.folder).map_err(RunError::io("create", &self.folder))?;
        } else if self.folder.exists() {
            let old = staging.with_extension("old");
            fs::rename(&self.folder, &old).map_err(replace)?;
            if let Err(error) = fs::rename(staging, &self.folder) {
                // Put the old run back; the first error is the one to report.
                let _ = fs::rename(&old, &self.folder);
                return Err(RunError::io("create", &self.folder)(error));
            }
            fs::remove_dir_all(&old).map_err(RunError::io("remove", &old))?;
        } else {
            fs::rename(staging, &self.folder).map_err(RunError::io("create", &self.folder))?;
        }
        self.staging = None;
        Ok(())
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if let Some(staging) = &self.staging {
            // Best effort: there is nobody to report to, and a parent in use by others must stay.
            let _ = fs::remove_dir_all(staging);
            for parent in self.parents.iter().rev() {
                let _ = fs::remove_dir(parent);
            }
        }
    }
}

/// Whether a folder looks like a run, so that replacing it loses nothing else.
pub(super) fn is_run(folder: &Path) -> bool {
    folder.join(SETTINGS).is_file() && folder.join(PROBLEM).is_dir()
}

fn is_empty_folder(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// The ancestors of a folder, and the folder itself, that do not exist; outermost first.
fn missing_parents(folder: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> = folder.ancestors().take_while(|path| !path.exists()).map(Path::to_owned).collect();
    missing.reverse();
    missing
}

fn copy_problem(problem: &Problem, target: &Path) -> Result<(), RunError> {
    fs::create_dir_all(target).map_err(RunError::io("create", target))?;
    let mut hashes = BTreeMap::new();
    for file in problem.files() {
        let source = problem.folder().join(&file.name);
        let bytes = match &problem.shipped {
            Some((name, text)) if *name == file.name => text.as_bytes().to_vec(),
            _ => fs::read(&source).map_err(RunError::io("read", &source))?,
        };
        if sha256(&bytes) != file.sha256 {
            return Err(RunError::Changed(source));
        }
        let copy = target.join(&file.name);
        if let Some(parent) = copy.parent() {
            fs::create_dir_all(parent).map_err(RunError::io("create", parent))?;
        }
        write_file(&copy, &bytes)?;
        hashes.insert(file.name.as_str(), file.sha256.as_str());
    }
    write_file(&target.join(HASHES), to_toml(&hashes, target)?.as_bytes())
}

fn to_toml(value: &impl Serialize, path: &Path) -> Result<String, RunError> {
    toml::to_string(value).map_err(|error| RunError::damaged(path, error))
}

fn posterior_columns(posterior: &Posterior) -> Vec<Column> {
    let parameters = posterior.names.iter().enumerate();
    let mut columns: Vec<Column> =
        parameters.map(|(index, name)| numbers(name, posterior.draws.iter().map(|draw| draw[index]))).collect();
    columns.push(numbers("weight", posterior.weights.iter().copied()));
    columns.push(numbers("distance", posterior.distances.iter().copied()));
    columns
}

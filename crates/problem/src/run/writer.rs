//! Writes a run's folder, file by file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use metacascade_inference::{Posterior, abc_smc::Generation, optimise::Profile};
use polars::prelude::Column;
use serde::Serialize;

use super::{
    GENERATIONS, GenerationRow, HASHES, INDIVIDUALS, JOURNAL, Journal, OUTCOME, Outcome, POSTERIOR, PREDICTIVE,
    PROBLEM, PROFILES, PROGRESS, RunError, RunSettings, SETTINGS, STARTS, StartRow,
    frame::{counts, numbers, texts, write_file, write_parquet},
    generation_file,
    lock::Lock,
    reader::{read_problem, read_settings},
    replicates,
};
use crate::{
    files::sha256, individuals::Individuals, predictive::Predictive, problem::Problem, replicates::Replicates,
};

/// Writes a run.
///
/// Until the first result (a generation, or the posterior) is complete, everything is kept in a hidden folder beside
/// the run's, which is removed if the writer is dropped: a fit that fails leaves nothing behind, unless it failed because
/// something could not be written, as to a full disk, and its journal has answers; then all stays, to be resumed. From
/// the first result on the run is readable at any time. No other process can write it meanwhile.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    /// The hidden folder, until the first result is complete.
    staging: Option<PathBuf>,
    /// Parents that were created for the run, outermost first.
    parents: Vec<PathBuf>,
    generations: Vec<GenerationRow>,
    /// Held as long as the run is written: that of a run that will be replaced, if there is one, and its own.
    locks: Vec<Lock>,
    /// Whether something could not be written, by this writer or its journal.
    unwritten: Arc<AtomicBool>,
}

impl RunWriter {
    /// Prepares a run in `folder`. An older run there is replaced when the first result is complete; what is left of a fit
    /// to the same folder that was killed before is removed.
    ///
    /// # Errors
    /// If `folder` holds anything but a run, another process writes it, a file of the problem has changed since it was
    /// loaded, or the file system refuses. Nothing is left behind.
    pub fn create(folder: &Path, problem: &Problem, settings: &RunSettings) -> Result<Self, RunError> {
        let path = std::path::absolute(folder).map_err(RunError::io("write", folder))?;
        if path.exists() && !is_run(&path) && !is_empty_folder(&path) {
            return Err(RunError::Occupied(folder.to_owned()));
        }
        let (parent, staging) = beside(&path, folder)?;
        let mut locks = Vec::new();
        if is_run(&path) {
            locks.push(Lock::take(&path, folder)?);
        }
        if staging.exists() {
            let left = Lock::take(&staging, folder)?;
            fs::remove_dir_all(&staging).map_err(RunError::io("replace", &staging))?;
            drop(left);
        }
        let parents = missing_parents(parent);
        fs::create_dir_all(parent).map_err(RunError::io("create", parent))?;
        // Two processes at once: one of them cannot create it.
        fs::create_dir(&staging).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => RunError::Busy(folder.to_owned()),
            _ => RunError::io("create", folder)(error),
        })?;
        let mut writer = Self {
            folder: path,
            staging: Some(staging.clone()),
            parents,
            generations: Vec::new(),
            locks,
            unwritten: Arc::default(),
        };
        writer.locks.push(Lock::take(&staging, folder)?);
        copy_problem(problem, &staging.join(PROBLEM))?;
        write_file(&staging.join(SETTINGS), to_toml(settings, folder)?.as_bytes())?;
        Ok(writer)
    }

    /// Goes on with the run in `folder` that was cut off: the writer, the problem and the settings it began with.
    ///
    /// # Errors
    /// If there is no such run, it is complete, another process writes it, it was begun by another version, or one of its
    /// files is damaged.
    pub fn resume(folder: &Path) -> Result<(Self, Problem, RunSettings), RunError> {
        let path = std::path::absolute(folder).map_err(RunError::io("read", folder))?;
        let (_, staging) = beside(&path, folder)?;
        // A fit that has no result yet is the later one.
        let (place, staging) = match is_run(&staging) {
            true => (staging.clone(), Some(staging)),
            false if is_run(&path) => (path.clone(), None),
            false => return Err(RunError::NotARun(folder.to_owned())),
        };
        let lock = Lock::take(&place, folder)?;
        if staging.is_none() && !place.join(JOURNAL).exists() {
            lock.remove();
            return Err(RunError::Complete(folder.to_owned()));
        }
        let settings = read_settings(&place)?;
        if settings.version != env!("CARGO_PKG_VERSION") {
            return Err(RunError::Version { path: folder.to_owned(), began: settings.version });
        }
        let problem = read_problem(&place)?;
        tracing::info!(run = %place.display(), method = settings.method.name(), "run resumed");
        let mut writer = Self {
            folder: path,
            staging: None,
            parents: Vec::new(),
            generations: Vec::new(),
            locks: vec![lock],
            unwritten: Arc::default(),
        };
        if staging.is_some() && is_run(&writer.folder) {
            writer.locks.insert(0, Lock::take(&writer.folder, folder)?);
        }
        writer.staging = staging;
        Ok((writer, problem, settings))
    }

    /// Changes what the run was asked for: another method takes over.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn settings(&mut self, settings: &RunSettings) -> Result<(), RunError> {
        let path = self.path(SETTINGS);
        write_file(&path, to_toml(settings, &path)?.as_bytes())
    }

    /// The journal of the run's simulator or likelihood.
    ///
    /// # Errors
    /// If it is damaged, or the file system refuses.
    pub fn journal(&self) -> Result<Journal, RunError> {
        Journal::with_alarm(&self.path(JOURNAL), Arc::clone(&self.unwritten))
    }

    /// Notes for others what the fit says of its progress, one line. That it cannot be written is no reason to stop.
    pub fn progress(&self, line: &str) {
        let _ = write_file(&self.path(PROGRESS), line.as_bytes());
    }

    /// Leaves a run that has no result yet as it is, so that it can be resumed.
    pub fn set_aside(mut self) {
        self.staging = None;
    }

    /// Ends the run: it is complete, and can no longer be resumed.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn finish(self) -> Result<(), RunError> {
        // It says nothing any more, and nobody misses it.
        let _ = fs::remove_file(self.path(PROGRESS));
        let journal = self.path(JOURNAL);
        match fs::remove_file(&journal) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(RunError::io("remove", &journal)(error)),
            _ => Ok(()),
        }
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
        let particles = posterior_columns(&generation.posterior);
        self.table(&generation_file(generation.index), particles)?;
        self.table(GENERATIONS, columns)?;
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
        self.table(STARTS, columns)
    }

    /// Writes profile likelihoods.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn profiles(&mut self, profiles: &[Profile]) -> Result<(), RunError> {
        let names = profiles.iter().flat_map(|profile| profile.values.iter().map(|_| profile.name.as_str()));
        let columns = vec![
            texts("parameter", names),
            numbers("value", profiles.iter().flat_map(|profile| profile.values.iter().copied())),
            numbers("log_likelihood", profiles.iter().flat_map(|profile| profile.log_likelihoods.iter().copied())),
        ];
        self.table(PROFILES, columns)
    }

    /// Writes the posterior.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn posterior(&mut self, posterior: &Posterior) -> Result<(), RunError> {
        self.table(POSTERIOR, posterior_columns(posterior))?;
        let shown = self.show();
        self.noted(shown)
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
        self.table(PREDICTIVE, columns)
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
        self.table(INDIVIDUALS, columns)
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

    fn table(&self, name: &str, columns: Vec<Column>) -> Result<(), RunError> {
        self.noted(write_parquet(&self.path(name), columns))
    }

    /// Notes that something could not be written.
    fn noted(&self, written: Result<(), RunError>) -> Result<(), RunError> {
        if let Err(error) = &written {
            tracing::debug!(%error, "the run could not be written");
            self.unwritten.store(true, Ordering::Relaxed);
        }
        written
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
            // Left by a process that was killed between the two renamings below.
            if old.exists() {
                fs::remove_dir_all(&old).map_err(RunError::io("remove", &old))?;
            }
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
        // What was replaced is gone, with its lock; the run's own has moved with it.
        let own = self.locks.pop().map(|lock| lock.moved(&self.folder));
        self.locks = own.into_iter().collect();
        Ok(())
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        // Best effort: there is nobody to report to, and a parent in use by others must stay.
        for lock in self.locks.drain(..) {
            lock.remove();
        }
        if let Some(staging) = &self.staging {
            if self.unwritten.load(Ordering::Relaxed) && Journal::has_answers(&staging.join(JOURNAL)) {
                return;
            }
            let _ = fs::remove_dir_all(staging);
            for parent in self.parents.iter().rev() {
                let _ = fs::remove_dir(parent);
            }
        }
    }
}

/// The folder that a run is in, and the hidden one that it is prepared in.
pub(super) fn beside<'p>(path: &'p Path, named: &Path) -> Result<(&'p Path, PathBuf), RunError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(RunError::Occupied(named.to_owned()));
    };
    Ok((parent, parent.join(format!(".{}.partial", name.to_string_lossy()))))
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

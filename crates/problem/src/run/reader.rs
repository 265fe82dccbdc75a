//! Reads a run's folder back.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use metacascade_inference::{Posterior, abc_smc::Generation, diagnostics::Study, optimise::Profile};

use serde::de::DeserializeOwned;

use super::{
    CALIBRATION, GENERATIONS, INDIVIDUALS, OUTCOME, Outcome, POSTERIOR, PREDICTIVE, PROBLEM, PROFILES, RunError,
    RunSettings, SETTINGS, STARTS,
    frame::{Frame, write_file},
    generation_file, replicates,
    writer::is_run,
};
use crate::{individuals::Individuals, predictive::Predictive, problem::Problem, replicates::Replicates};

/// One generation of ABC-SMC, without its particles.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerationRow {
    /// Number, from 0.
    pub index: usize,
    /// Largest distance accepted.
    pub threshold: f64,
    /// Share of simulations that were accepted.
    pub acceptance: f64,
    /// Simulations of this generation.
    pub simulations: u64,
    /// Simulations of this generation that could not be finished.
    pub failures: u64,
    /// 1/Σw².
    pub effective_sample_size: f64,
}

impl From<&Generation> for GenerationRow {
    fn from(generation: &Generation) -> Self {
        Self {
            index: generation.index,
            threshold: generation.threshold,
            acceptance: generation.acceptance,
            simulations: generation.simulations,
            failures: generation.failures,
            effective_sample_size: generation.effective_sample_size,
        }
    }
}

/// Where one start of a maximum-likelihood fit ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRow {
    /// Parameters, on their natural scale.
    pub parameters: Vec<f64>,
    /// Log-likelihood there.
    pub log_likelihood: f64,
}

/// A run, as far as it has come.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    /// What was asked for.
    pub settings: RunSettings,
    /// The problem as it was then.
    pub problem: Problem,
    /// The posterior, or the last complete generation.
    pub posterior: Posterior,
    /// The generations of ABC-SMC; empty for other methods.
    pub generations: Vec<GenerationRow>,
    /// The starts of maximum likelihood; empty for other methods.
    pub starts: Vec<StartRow>,
    /// The profile likelihood of each parameter; empty for other methods.
    pub profiles: Vec<Profile>,
    /// The posterior predictive, if the run came so far.
    pub predictive: Option<Predictive>,
    /// What each group and subject is like, where that varies and was told.
    pub individuals: Option<Individuals>,
    /// Data sets simulated from the posterior, if the run came so far.
    pub replicates: Option<Replicates>,
    /// What the fit came to, if it came to an end.
    pub outcome: Option<Outcome>,
    /// What calibration of the method on this problem found, if it was run.
    pub calibration: Option<Study>,
}

impl Run {
    /// Reads a run.
    ///
    /// # Errors
    /// If the folder is no run, or a file of it is missing, damaged or, for the problem's, not what the run began with.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        if !is_run(folder) {
            return Err(RunError::NotARun(folder.to_owned()));
        }
        let settings = read_settings(folder)?;
        let problem = read_problem(folder)?;
        let posterior = read_posterior(&folder.join(POSTERIOR), &problem)?;
        let generations = optional(&folder.join(GENERATIONS), read_generations)?.unwrap_or_default();
        let starts = optional(&folder.join(STARTS), |path| read_starts(path, &problem))?.unwrap_or_default();
        let profiles = optional(&folder.join(PROFILES), read_profiles)?.unwrap_or_default();
        let predictive = optional(&folder.join(PREDICTIVE), |path| read_predictive(path, &problem))?;
        let individuals = optional(&folder.join(INDIVIDUALS), |path| read_individuals(path, &problem))?;
        let replicates = replicates::read(&problem, |name| folder.join(name))?;
        let outcome = optional(&folder.join(OUTCOME), read_json)?;
        let calibration = optional(&folder.join(CALIBRATION), read_json)?;
        Ok(Self {
            folder: folder.to_owned(),
            settings,
            problem,
            posterior,
            generations,
            starts,
            profiles,
            predictive,
            individuals,
            replicates,
            outcome,
            calibration,
        })
    }

    /// Keeps what calibration of the method on this problem found.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn keep_calibration(&self, study: &Study) -> Result<(), RunError> {
        let path = self.folder.join(CALIBRATION);
        let text = serde_json::to_string_pretty(study).map_err(|error| RunError::damaged(&path, error))?;
        write_file(&path, text.as_bytes())
    }

    /// Whether a folder holds a run.
    #[must_use]
    pub fn is_one(folder: &Path) -> bool {
        is_run(folder)
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The particles of a generation.
    ///
    /// # Errors
    /// If there is no such generation, or its file is damaged.
    pub fn generation(&self, index: usize) -> Result<Posterior, RunError> {
        read_posterior(&self.folder.join(generation_file(index)), &self.problem)
    }
}

fn optional<T>(path: &Path, read: impl FnOnce(&Path) -> Result<T, RunError>) -> Result<Option<T>, RunError> {
    if path.exists() { read(path).map(Some) } else { Ok(None) }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let text = std::fs::read_to_string(path).map_err(RunError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| RunError::damaged(path, error))
}

/// What was asked for.
pub(super) fn read_settings(folder: &Path) -> Result<RunSettings, RunError> {
    let path = folder.join(SETTINGS);
    let text = std::fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
    toml::from_str(&text).map_err(|error| RunError::damaged(&path, error))
}

/// The problem as it was when the fit began.
pub(super) fn read_problem(folder: &Path) -> Result<Problem, RunError> {
    let problem = Problem::load(&folder.join(PROBLEM)).map_err(RunError::Problem)?;
    check_hashes(&problem)?;
    Ok(problem)
}

fn check_hashes(problem: &Problem) -> Result<(), RunError> {
    let path = problem.folder().join(super::HASHES);
    let text = std::fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
    let hashes: HashMap<String, String> = toml::from_str(&text).map_err(|error| RunError::damaged(&path, error))?;
    match problem.files().iter().find(|file| hashes.get(&file.name) != Some(&file.sha256)) {
        None => Ok(()),
        Some(file) => {
            let message = "it is not the file that was fitted: its hash has changed";
            Err(RunError::damaged(&problem.folder().join(&file.name), message))
        }
    }
}

fn read_posterior(path: &Path, problem: &Problem) -> Result<Posterior, RunError> {
    let frame = Frame::read(path)?;
    let names: Vec<String> = problem.estimated().iter().map(|parameter| parameter.name.clone()).collect();
    let weights = frame.numbers("weight")?;
    let draws = read_rows(&frame, &names)?;
    Ok(Posterior { names, draws, weights, distances: frame.numbers("distance")? })
}

/// Rows of the named columns.
fn read_rows(frame: &Frame<'_>, names: &[String]) -> Result<Vec<Vec<f64>>, RunError> {
    let columns: Vec<Vec<f64>> = names.iter().map(|name| frame.numbers(name)).collect::<Result<_, _>>()?;
    let height = columns.first().map_or(0, Vec::len);
    Ok((0..height).map(|row| columns.iter().map(|column| column[row]).collect()).collect())
}

fn read_generations(path: &Path) -> Result<Vec<GenerationRow>, RunError> {
    let frame = Frame::read(path)?;
    let (index, simulations, failures) =
        (frame.counts("index")?, frame.counts("simulations")?, frame.counts("failures")?);
    let (threshold, acceptance) = (frame.numbers("threshold")?, frame.numbers("acceptance")?);
    let effective_sample_size = frame.numbers("effective_sample_size")?;
    let row = |row: usize| GenerationRow {
        index: index[row] as usize,
        threshold: threshold[row],
        acceptance: acceptance[row],
        simulations: simulations[row],
        failures: failures[row],
        effective_sample_size: effective_sample_size[row],
    };
    Ok((0..index.len()).map(row).collect())
}

fn read_starts(path: &Path, problem: &Problem) -> Result<Vec<StartRow>, RunError> {
    let frame = Frame::read(path)?;
    let names: Vec<String> = problem.estimated().iter().map(|parameter| parameter.name.clone()).collect();
    let rows = read_rows(&frame, &names)?.into_iter().zip(frame.numbers("log_likelihood")?);
    Ok(rows.map(|(parameters, log_likelihood)| StartRow { parameters, log_likelihood }).collect())
}

/// Rows of one parameter stand together.
fn read_profiles(path: &Path) -> Result<Vec<Profile>, RunError> {
    let frame = Frame::read(path)?;
    let mut profiles: Vec<Profile> = Vec::new();
    let rows = frame.texts("parameter")?.into_iter().zip(frame.numbers("value")?).zip(frame.numbers("log_likelihood")?);
    for ((name, value), log_likelihood) in rows {
        match profiles.last_mut().filter(|last| last.name == name) {
            Some(last) => {
                last.values.push(value);
                last.log_likelihoods.push(log_likelihood);
            }
            None => profiles.push(Profile { name, values: vec![value], log_likelihoods: vec![log_likelihood] }),
        }
    }
    Ok(profiles)
}

fn read_predictive(path: &Path, problem: &Problem) -> Result<Predictive, RunError> {
    let frame = Frame::read(path)?;
    let observables = problem.observables().iter().map(|observable| observable.id.as_str());
    let experiments = problem.experiments().iter().map(|experiment| experiment.id.as_str());
    Ok(Predictive {
        observable: positions(&frame.texts("observableId")?, observables, path)?,
        experiment: positions(&frame.texts("experimentId")?, experiments, path)?,
        time: frame.numbers("time")?,
        draw: frame.counts("draw")?.into_iter().map(|draw| draw as usize).collect(),
        simulation: frame.numbers("simulation")?,
        prediction: frame.numbers("prediction")?,
        failures: 0,
    })
}

fn read_individuals(path: &Path, problem: &Problem) -> Result<Individuals, RunError> {
    let frame = Frame::read(path)?;
    let experiments = problem.experiments().iter().map(|experiment| experiment.id.as_str());
    Ok(Individuals {
        quantity: frame.texts("quantity")?,
        group: frame.texts("groupId")?,
        subject: frame.texts("subjectId")?,
        experiment: positions(&frame.texts("experimentId")?, experiments, path)?,
        draw: frame.counts("draw")?.into_iter().map(|draw| draw as usize).collect(),
        value: frame.numbers("value")?,
    })
}

fn positions<'a>(ids: &[String], known: impl Iterator<Item = &'a str>, path: &Path) -> Result<Vec<usize>, RunError> {
    let known: HashMap<&str, usize> = known.enumerate().map(|(index, id)| (id, index)).collect();
    ids.iter()
        .map(|id| {
            let position = known.get(id.as_str()).copied();
            position.ok_or_else(|| RunError::damaged(path, format!("`{id}` is not in the run's problem")))
        })
        .collect()
}

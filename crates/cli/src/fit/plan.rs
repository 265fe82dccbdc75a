//! All that decides a fit: what was typed, what the problem asks for, and what is usual.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use metacascade_engine::Method;
use metacascade_inference::{abc_smc, mcmc, optimise, pseudo_marginal, surrogate as learned};
use metacascade_problem::run::SimulationChoice;
use metacascade_problem::{
    FitMethod, Problem, Run, RunError, RunSettings, RunWriter, laws_are_known, likelihood_is_exact,
};
use serde::Serialize;

use crate::args::Fitting;
use crate::error::Failed;
use crate::progress::Telling;

/// Everything that decides the result.
pub(crate) struct Plan {
    pub problem: Problem,
    pub method: FitMethod,
    pub abc_smc: abc_smc::Settings,
    pub surrogate: learned::Settings,
    pub mcmc: mcmc::Settings,
    /// Of the methods whose likelihood is estimated.
    pub estimated: pseudo_marginal::Settings,
    pub optimise: optimise::Settings,
    pub seed: u64,
    pub(super) folder: PathBuf,
    /// The problem's folder as the user named it.
    named: PathBuf,
    /// The run that is resumed, until a method takes it.
    resumed: Mutex<Option<RunWriter>>,
    /// How progress and result are told.
    pub(super) telling: Telling,
}

impl Plan {
    /// The run that a method writes.
    pub(super) fn begin(&self, settings: &RunSettings) -> Result<RunWriter, Failed> {
        match self.resumed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(writer) => Ok(writer),
            None => Ok(RunWriter::create(&self.folder, &self.problem, settings)?),
        }
    }

    /// What is said if a fit is interrupted before anything is complete: its journal stays.
    pub(super) fn nothing_yet(&self, writer: RunWriter, error: &impl std::fmt::Display) -> Failed {
        writer.set_aside();
        Failed::Interrupted(format!("{error}; `metacascade fit --resume {}` goes on", quoted(&self.folder)))
    }
}

/// What a run that was cut off began with; none if it is complete, which is told.
pub(super) fn resumed(run: &Path) -> Result<Option<Plan>, Failed> {
    let (writer, problem, settings) = match RunWriter::resume(run) {
        Err(error @ RunError::Complete(_)) => {
            say!("{error}");
            return Ok(None);
        }
        found => found?,
    };
    let resumed = Mutex::new(Some(writer));
    Ok(Some(Plan { resumed, ..of(run, problem, settings)? }))
}

/// What a run was fitted by.
pub(crate) fn of_run(run: Run) -> Result<Plan, Failed> {
    let folder = run.folder().to_owned();
    of(&folder, run.problem, run.settings)
}

/// The plan that settings of a run stand for.
fn of(run: &Path, problem: Problem, settings: RunSettings) -> Result<Plan, Failed> {
    let damaged = |error: toml::de::Error| Failed::Work(format!("{}: settings.toml: {error}", run.display()));
    let fit = settings.fit;
    let mut plan = resolved(problem, Some(run), &Fitting::default(), Some(settings.method))?;
    match settings.method {
        FitMethod::AbcSmc | FitMethod::AbcRejection => plan.abc_smc = fit.try_into().map_err(damaged)?,
        FitMethod::Surrogate => plan.surrogate = fit.try_into().map_err(damaged)?,
        FitMethod::Mcmc => plan.mcmc = fit.try_into().map_err(damaged)?,
        FitMethod::Mle => plan.optimise = fit.try_into().map_err(damaged)?,
        FitMethod::Pmmh | FitMethod::SyntheticLikelihood => plan.estimated = fit.try_into().map_err(damaged)?,
    }
    Ok(Plan { seed: settings.seed, named: settings.problem, ..plan })
}

/// Reads the problem, and resolves all settings.
pub(crate) fn plan(problem: &Path, output: Option<&Path>, typed: &Fitting) -> Result<Plan, Failed> {
    let method = match typed.method.as_deref() {
        None => None,
        Some(asked) => match FitMethod::NAMES.into_iter().find(|(name, _)| *name == asked) {
            Some((_, method)) => Some(method),
            None => {
                let names = FitMethod::NAMES.map(|(name, _)| name);
                let help = metacascade_engine::suggestion(asked, names)
                    .unwrap_or_else(|| format!("the methods are {}", names.join(", ")));
                return Err(Failed::usage(format!("there is no method `{asked}` to fit with")).help(help));
            }
        },
    };
    resolved(Problem::load(problem)?, output, typed, method)
}

/// All settings: what was typed, or else what the problem asks for, or else what is usual.
fn resolved(
    problem: Problem,
    output: Option<&Path>,
    typed: &Fitting,
    method: Option<FitMethod>,
) -> Result<Plan, Failed> {
    let asked = problem.fit().clone();
    let seed = typed.seed.or(asked.seed).unwrap_or(1);
    let default = abc_smc::Settings::default();
    let abc_smc = abc_smc::Settings {
        population: typed.population.or(asked.population).unwrap_or(default.population),
        max_simulations: typed.max_simulations.or(asked.max_simulations).unwrap_or(default.max_simulations),
        max_generations: asked.max_generations.unwrap_or(default.max_generations),
        min_acceptance: asked.min_acceptance.unwrap_or(default.min_acceptance),
        min_threshold: asked.min_threshold.unwrap_or(default.min_threshold),
        acceptance: asked.acceptance.unwrap_or(default.acceptance),
        distance: asked.distance.unwrap_or(default.distance),
        kernel: asked.kernel.unwrap_or(default.kernel),
        max_seconds: typed.max_seconds.or(asked.max_seconds),
        adjustment: asked.adjustment.unwrap_or(default.adjustment),
        seed,
    };
    let default = learned::Settings::default();
    // A problem's own limit is meant for ABC, which needs far more.
    let least = default.simulations.max(default.least(problem.estimated().len()));
    let surrogate = learned::Settings { simulations: typed.max_simulations.unwrap_or(least), seed, ..default };
    let default = mcmc::Settings::default();
    let min_effective_sample_size = asked.min_effective_sample_size.unwrap_or(default.min_effective_sample_size);
    let mcmc = mcmc::Settings {
        chains: asked.chains.unwrap_or(default.chains),
        max_evaluations: typed.max_evaluations.or(asked.max_evaluations).unwrap_or(default.max_evaluations),
        min_effective_sample_size,
        seed,
        ..default
    };
    let default = pseudo_marginal::Settings::default();
    let estimated = pseudo_marginal::Settings {
        chains: asked.chains.unwrap_or(default.chains),
        effort: typed.particles.or(asked.particles).unwrap_or(default.effort),
        max_evaluations: typed.max_evaluations.or(asked.max_evaluations).unwrap_or(default.max_evaluations),
        min_effective_sample_size: asked.min_effective_sample_size.unwrap_or(default.min_effective_sample_size),
        seed,
        ..default
    };
    let default = optimise::Settings::default();
    let optimise = optimise::Settings {
        starts: asked.starts.unwrap_or(default.starts),
        optimiser: optimiser(typed.optimiser.as_deref())?.or(asked.optimiser).unwrap_or_default(),
        max_iterations: asked.max_iterations.unwrap_or(default.max_iterations),
        draws: default.draws,
        seed,
    };
    let folder = output.map_or_else(|| Path::new("runs").join(folder_name(problem.folder())), Path::to_owned);
    // A learned likelihood wins where the law of the data is known; elsewhere ABC has to take over too often.
    let (method, why) = match (method, asked.method) {
        (Some(typed), _) => (typed, "it was asked for"),
        (None, Some(asked)) => (asked, "the problem asks for it"),
        (None, None) if likelihood_is_exact(&problem) => (FitMethod::Mcmc, "the likelihood is exact"),
        (None, None) if laws_are_known(&problem) => (FitMethod::Surrogate, "the law of the data is known"),
        (None, None) => (FitMethod::AbcSmc, "the law of the data is not known"),
    };
    tracing::info!(method = method.name(), why, seed, "method of the fit");
    // Where abc-smc has to take over, the surrogate's limit is not meant for it.
    let abc_smc = match method {
        FitMethod::Surrogate => {
            let max_simulations = asked.max_simulations.unwrap_or(abc_smc::Settings::default().max_simulations);
            abc_smc::Settings { max_simulations, ..abc_smc }
        }
        FitMethod::AbcRejection => abc_smc::Settings { max_generations: 1, ..abc_smc },
        _ => abc_smc,
    };
    let simulation = problem.simulation().method();
    let simulates = matches!(
        method,
        FitMethod::AbcSmc | FitMethod::AbcRejection | FitMethod::Surrogate | FitMethod::SyntheticLikelihood
    );
    if simulates && problem.is_steady() && !matches!(simulation, Method::Ode { .. }) {
        let failed = Failed::usage("the problem has steady states, which are those of the mean field");
        return Err(failed.help("fit by --method mle, or ask for `simulation: {method: ode}` in the problem"));
    }
    let (named, resumed, telling) = (problem.folder().to_owned(), Mutex::new(None), Telling::Lines);
    Ok(Plan { problem, method, abc_smc, surrogate, mcmc, estimated, optimise, seed, folder, named, resumed, telling })
}

/// The optimiser that was typed, if one was.
fn optimiser(typed: Option<&str>) -> Result<Option<optimise::Optimiser>, Failed> {
    let Some(typed) = typed else { return Ok(None) };
    let names = optimise::Optimiser::NAMES;
    if let Some((_, optimiser)) = names.into_iter().find(|(name, _)| *name == typed) {
        return Ok(Some(optimiser));
    }
    let names = names.map(|(name, _)| name);
    let help = metacascade_engine::suggestion(typed, names)
        .unwrap_or_else(|| format!("the optimisers are {}", names.join(", ")));
    Err(Failed::usage(format!("there is no optimiser `{typed}`")).help(help))
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains([' ', '\'', '"', '$', '\\']) { format!("'{}'", text.replace('\'', r"'\''")) } else { text }
}

/// The last part of a path, also of `.` or `..`.
fn folder_name(problem: &Path) -> PathBuf {
    let whole = std::path::absolute(problem).ok().and_then(|path| path.canonicalize().ok());
    let name = whole.as_deref().unwrap_or(problem).file_name();
    name.map_or_else(|| "fit".into(), PathBuf::from)
}

/// The settings as the run keeps them.
pub(super) fn settings(
    plan: &Plan,
    method: FitMethod,
    threads: usize,
    simulation: &Method,
    reason: &str,
    resolved: &impl Serialize,
) -> Result<RunSettings, Failed> {
    let (problem, folder) = (quoted(&plan.named), quoted(&plan.folder));
    let command = match method {
        FitMethod::AbcSmc | FitMethod::AbcRejection => format!(
            "metacascade fit {problem} --method {} --population {} --max-simulations {} --seed {} -o {folder}",
            method.name(),
            plan.abc_smc.population,
            plan.abc_smc.max_simulations,
            plan.seed
        ),
        FitMethod::Surrogate => format!(
            "metacascade fit {problem} --method surrogate --max-simulations {} --seed {} -o {folder}",
            plan.surrogate.simulations, plan.seed
        ),
        FitMethod::Pmmh | FitMethod::SyntheticLikelihood => format!(
            "metacascade fit {problem} --method {} --particles {} --max-evaluations {} --seed {} -o {folder}",
            method.name(),
            plan.estimated.effort,
            plan.estimated.max_evaluations,
            plan.seed
        ),
        FitMethod::Mcmc => format!("metacascade fit {problem} --method mcmc --seed {} -o {folder}", plan.seed),
        FitMethod::Mle => {
            let optimiser = match plan.optimise.optimiser {
                optimise::Optimiser::Gradient => "",
                optimise::Optimiser::CmaEs => " --optimiser cma-es",
            };
            format!("metacascade fit {problem} --method mle{optimiser} --seed {} -o {folder}", plan.seed)
        }
    };
    tracing::info!(method = %simulation, why = reason, "method of simulation");
    let fit = toml::Table::try_from(resolved).map_err(|error| Failed::Work(error.to_string()))?;
    Ok(RunSettings {
        command,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: plan.seed,
        method,
        threads,
        problem: plan.named.clone(),
        title: plan.problem.title().to_owned(),
        simulation: SimulationChoice { method: simulation.to_string(), reason: reason.to_owned() },
        fit,
    })
}

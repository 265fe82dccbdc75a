//! `metacascade fit`.

mod chains;
pub(crate) mod estimated;
mod surrogate;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use metacascade_engine::Method;
use metacascade_inference::abc_smc::{self, Stop};
use metacascade_inference::{mcmc, optimise, pseudo_marginal, surrogate as learned};
use metacascade_problem::run::{Outcome, ParameterSummary, SimulationChoice, StartRow};
use metacascade_problem::{
    DATA_SETS, DRAWS, DerivedSummary, FitMethod, Problem, ProblemLikelihood, ProblemSimulator, RunError, RunSettings,
    RunWriter, individuals, laws_are_known, predictive, predictive_key, replicates,
};
use metacascade_random::Key;
use serde::Serialize;

use crate::args::{Fit, Fitting};
use crate::error::Failed;
use crate::progress::{Telling, Watcher};
use crate::{posterior, progress, report, simulate};

/// A child of the seed's key: methods use the lower ones, predictions the last.
const INDIVIDUALS: u64 = u64::MAX - 1;

/// Everything that decides the result.
pub(crate) struct Plan {
    pub problem: Problem,
    pub method: FitMethod,
    pub abc_smc: abc_smc::Settings,
    pub surrogate: learned::Settings,
    pub mcmc: mcmc::Settings,
    /// Of the methods whose likelihood is estimated.
    pub estimated: pseudo_marginal::Settings,
    optimise: optimise::Settings,
    pub seed: u64,
    folder: PathBuf,
    /// The problem's folder as the user named it.
    named: PathBuf,
    /// The run that is resumed, until a method takes it.
    resumed: Mutex<Option<RunWriter>>,
    /// How progress and result are told.
    telling: Telling,
}

impl Plan {
    /// The run that a method writes.
    fn begin(&self, settings: &RunSettings) -> Result<RunWriter, Failed> {
        match self.resumed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(writer) => Ok(writer),
            None => Ok(RunWriter::create(&self.folder, &self.problem, settings)?),
        }
    }

    /// What is said if a fit is interrupted before anything is complete: its journal stays.
    fn nothing_yet(&self, writer: RunWriter, error: &impl std::fmt::Display) -> Failed {
        writer.set_aside();
        Failed::Interrupted(format!("{error}; `metacascade fit --resume {}` goes on", quoted(&self.folder)))
    }
}

/// What an algorithm gives, apart from the draws, which are in the run already.
struct Found {
    outcome: Outcome,
    posterior: metacascade_inference::Posterior,
    /// How predictions are simulated.
    simulation: Method,
    /// Profile likelihoods, where the method finds them.
    profiles: Vec<optimise::Profile>,
    cancelled: bool,
}

/// Fits a problem and writes its run and report.
pub fn run(typed: &Fit) -> Result<(), Failed> {
    let telling = Telling::asked(typed.quiet, typed.json);
    let plan = match (&typed.resume, &typed.problem) {
        (Some(run), _) => match resumed(run)? {
            Some(plan) => plan,
            None => return Ok(()),
        },
        (None, Some(problem)) => plan(problem, typed.output.as_deref(), &typed.fitting)?,
        // The parser asks for one of them.
        (None, None) => return Err(Failed::usage("name a problem to fit, or a run to resume")),
    };
    let plan = Plan { telling, ..plan };
    for warning in plan.problem.warnings() {
        anstream::eprintln!("warning: {warning}");
    }
    let cancelled = interruption()?;
    let pool = simulate::threads(typed.fitting.threads)?;
    pool.install(|| fit(&plan, pool.current_num_threads(), cancelled))
}

/// A flag that Ctrl-C raises; pressed again, it ends the program at once.
pub(crate) fn interruption() -> Result<Arc<AtomicBool>, Failed> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            // Asked twice: at once.
            std::process::exit(130);
        }
        anstream::eprintln!("\nstopping after what is under way; press Ctrl-C again to stop at once");
    })
    .map_err(|error| Failed::Work(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(cancelled)
}

fn fit(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(), Failed> {
    let problem = &plan.problem;
    plan.telling.started(problem, plan.method);
    let (mut writer, mut found) = match plan.method {
        FitMethod::AbcSmc | FitMethod::AbcRejection => sample(plan, threads, cancelled, None, Vec::new())?,
        FitMethod::Surrogate => surrogate::fit(plan, threads, cancelled)?,
        FitMethod::Mcmc => chains::fit(plan, threads, cancelled)?,
        FitMethod::Pmmh => estimated::particles(plan, threads, cancelled)?,
        FitMethod::SyntheticLikelihood => estimated::synthetic(plan, threads, cancelled)?,
        FitMethod::Mle => maximise(plan, threads, cancelled)?,
    };
    let key = predictive_key(plan.seed);
    let predicted = predictive(problem, &found.simulation, &found.posterior, DRAWS, key);
    if predicted.failures > 0 {
        let text = format!("{} of {DRAWS} posterior predictions could not be simulated", predicted.failures);
        found.outcome.warnings.push(text);
    }
    writer.predictive(problem, &predicted)?;
    writer.replicates(problem, &replicates(problem, &found.simulation, &found.posterior, DATA_SETS, key))?;
    let key = Key::new(plan.seed).child(INDIVIDUALS);
    // Others know no law of what varies given the data.
    if matches!(plan.method, FitMethod::Mcmc | FitMethod::Mle)
        && let Some(individuals) = individuals(problem, &found.posterior, key)
    {
        writer.individuals(problem, &individuals)?;
    }
    found.outcome.derived = DerivedSummary::all(problem, &found.posterior);
    writer.outcome(&found.outcome)?;
    let page = report::write(&plan.folder, None)?;
    if !found.cancelled {
        writer.finish()?;
    }
    show(&found, plan, &page);
    match found.cancelled {
        true => Err(Failed::Interrupted(format!("what was complete is in {}", plan.folder.display()))),
        false => Ok(()),
    }
}

/// ABC-SMC, or rejection, which is its first generation alone; in the run that another method began, if it has failed.
/// Warnings that are known already come first.
fn sample(
    plan: &Plan,
    threads: usize,
    cancelled: Arc<AtomicBool>,
    begun: Option<RunWriter>,
    mut warnings: Vec<String>,
) -> Result<(RunWriter, Found), Failed> {
    let problem = &plan.problem;
    let simulator = ProblemSimulator::new(problem, &problem.simulation().method());
    let (simulation, reason) = simulator.method();
    let method = match plan.method {
        FitMethod::AbcRejection => FitMethod::AbcRejection,
        _ => FitMethod::AbcSmc,
    };
    let settings = settings(plan, method, threads, simulation, reason, &plan.abc_smc)?;
    let mut writer = match begun {
        Some(mut writer) => {
            writer.settings(&settings)?;
            writer
        }
        None => plan.begin(&settings)?,
    };
    let journal = writer.journal()?;
    let started = Instant::now();
    let mut watcher = Watcher::new(&mut writer, &journal, cancelled, plan.telling);
    let fit = abc_smc::run(&journal.of(&simulator), &plan.abc_smc, &mut watcher);
    watcher.finish()?;
    let fit = match fit {
        Ok(fit) => fit,
        Err(error @ abc_smc::Error::Setting { .. }) => return Err(Failed::usage(error.to_string())),
        Err(error @ abc_smc::Error::Cancelled) => return Err(plan.nothing_yet(writer, &error)),
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    let seconds = started.elapsed().as_secs_f64();
    writer.posterior(&fit.posterior)?;
    warnings.extend(failures(fit.first_failure.as_deref(), fit.failures, fit.simulations));
    if fit.stop != Stop::Threshold && fit.stop != Stop::Acceptance {
        warnings.push(format!(
            "The distance to the data came down to {:.2} only, where {:.2} was asked for: {}. The intervals are wider than \
             they would be with more simulations.",
            fit.last.threshold, plan.abc_smc.min_threshold, fit.stop
        ));
    }
    warnings.extend(fit.check.warnings());
    let outcome = Outcome {
        stopped: fit.stop.to_string(),
        seconds,
        simulations: fit.simulations,
        simulations_per_second: fit.simulations as f64 / seconds,
        failures: fit.failures,
        effective_sample_size: fit.last.effective_sample_size,
        log_likelihood: None,
        warnings,
        parameters: ParameterSummary::all(problem, &fit.posterior),
        before_adjustment: match plan.abc_smc.adjustment {
            abc_smc::Adjustment::Linear => ParameterSummary::all(problem, &fit.last.posterior),
            abc_smc::Adjustment::None => Vec::new(),
        },
        derived: Vec::new(),
    };
    let cancelled = fit.stop == Stop::Cancelled;
    let simulation = *simulation;
    Ok((writer, Found { outcome, posterior: fit.posterior, simulation, profiles: Vec::new(), cancelled }))
}

/// What is said of simulations that could not be finished, if there were any.
fn failures(first: Option<&str>, failures: u64, simulations: u64) -> Option<String> {
    let share = 100.0 * failures as f64 / simulations as f64;
    first.map(|first| format!("{share:.2} % of the simulations could not be finished; the first: {first}"))
}

/// Multi-start maximum likelihood.
fn maximise(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
    let problem = &plan.problem;
    let simulation = problem.simulation().mean_field();
    let reason = "maximum likelihood compares the mean field with the data";
    let settings = settings(plan, FitMethod::Mle, threads, &simulation, reason, &plan.optimise)?;
    let mut writer = plan.begin(&settings)?;
    let journal = writer.journal()?;
    let started = Instant::now();
    let mut watcher = Watcher::new(&mut writer, &journal, cancelled, plan.telling);
    let likelihood = ProblemLikelihood::new(problem);
    let likelihood = journal.of(&likelihood);
    let found = optimise::run(&likelihood, &plan.optimise, &mut watcher).and_then(|optimum| match optimum.cancelled {
        true => Ok(optimise::Profiled { optimum, profiles: Vec::new(), left: Vec::new(), settled: true }),
        false => optimise::profiled(&likelihood, &plan.optimise, optimum, &mut watcher),
    });
    watcher.finish()?;
    let optimise::Profiled { optimum, profiles, left, settled } = match found {
        Ok(found) => found,
        Err(error @ optimise::Error::Setting(_)) => return Err(Failed::usage(error.to_string())),
        Err(error @ optimise::Error::Cancelled) => return Err(plan.nothing_yet(writer, &error)),
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    let seconds = started.elapsed().as_secs_f64();
    let starts: Vec<StartRow> = optimum
        .starts
        .iter()
        .map(|start| StartRow { parameters: start.parameters.clone(), log_likelihood: start.log_likelihood })
        .collect();
    writer.starts(&optimum.posterior.names, &starts)?;
    writer.profiles(&profiles)?;
    writer.posterior(&optimum.posterior)?;
    // What profiles led to is listed with the starts, the best of all among them.
    let done = starts.len() - left.len();
    let near = starts.iter().filter(|start| optimum.log_likelihood - start.log_likelihood < 0.1).count();
    let near = near - usize::from(!left.is_empty());
    let mut warnings = vec![
        "Intervals of the posterior are from a normal approximation around the best fit. Where those of the profile \
         likelihood differ, prefer mcmc."
            .to_owned(),
    ];
    if let Some(first) = left.first() {
        warnings.push(format!(
            "The profiles met a better fit than the {} starts (log-likelihood {:.2} against {first:.2}), which was adopted, \
             and began again around it{}.",
            done,
            optimum.log_likelihood,
            if left.len() > 1 { format!(", {} times in all", left.len()) } else { String::new() }
        ));
    }
    if !settled {
        warnings.push("The last profiles still met a better fit: there may be one that is better yet.".to_owned());
    }
    if near < 2 && done > 1 {
        let who = if near == 0 { "None" } else { "Only one" };
        warnings.push(format!("{who} of the {done} starts reached the best fit: there may be a better one."));
    }
    if optimum.cancelled {
        warnings.push(format!("Interrupted after {done} of {} starts.", plan.optimise.starts));
    }
    let outcome = Outcome {
        stopped: format!("{done} starts were done, of which {near} reached the best fit"),
        seconds,
        simulations: optimum.evaluations,
        simulations_per_second: optimum.evaluations as f64 / seconds,
        failures: optimum.failures,
        effective_sample_size: optimum.posterior.effective_sample_size(),
        log_likelihood: Some(optimum.log_likelihood),
        warnings,
        parameters: ParameterSummary::all(problem, &optimum.posterior),
        before_adjustment: Vec::new(),
        derived: Vec::new(),
    };
    let cancelled = optimum.cancelled;
    Ok((writer, Found { outcome, posterior: optimum.posterior, simulation, profiles, cancelled }))
}

/// What a run that was cut off began with; none if it is complete, which is told.
fn resumed(run: &Path) -> Result<Option<Plan>, Failed> {
    let (writer, problem, settings) = match RunWriter::resume(run) {
        Err(error @ RunError::Complete(_)) => {
            anstream::eprintln!("{error}");
            return Ok(None);
        }
        found => found?,
    };
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
    let resumed = Mutex::new(Some(writer));
    Ok(Some(Plan { seed: settings.seed, named: settings.problem, resumed, ..plan }))
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
        distance: asked.distance.unwrap_or(default.distance),
        kernel: asked.kernel.unwrap_or(default.kernel),
        max_seconds: typed.max_seconds.or(asked.max_seconds),
        adjustment: default.adjustment,
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
    let method = method.or(asked.method).unwrap_or_else(|| match laws_are_known(&problem) {
        true => FitMethod::Surrogate,
        false => FitMethod::AbcSmc,
    });
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
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains([' ', '\'', '"', '$', '\\']) { format!("'{}'", text.replace('\'', r"'\''")) } else { text }
}

/// The last part of a path, also of `.` or `..`.
fn folder_name(problem: &Path) -> PathBuf {
    let whole = std::path::absolute(problem).ok().and_then(|path| path.canonicalize().ok());
    let name = whole.as_deref().unwrap_or(problem).file_name();
    name.map_or_else(|| "fit".into(), PathBuf::from)
}

fn settings(
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

/// The last of the events that are told.
#[derive(Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// The report.
    report: &'a Path,
}

/// Prints the result.
fn show(found: &Found, plan: &Plan, page: &Path) {
    let outcome = &found.outcome;
    match plan.telling {
        Telling::Events => return progress::tell("done", &Done { outcome, report: page }),
        Telling::Nothing | Telling::Lines => {}
    }
    anstream::println!("{}", posterior::rows(&outcome.parameters));
    if !outcome.derived.is_empty() {
        anstream::println!("{}", posterior::derived(&outcome.derived));
    }
    if !found.profiles.is_empty() {
        anstream::println!("{}", posterior::profiles(&found.profiles));
    }
    for warning in &outcome.warnings {
        anstream::eprintln!("warning: {warning}");
    }
    let what = match plan.method {
        FitMethod::AbcSmc | FitMethod::AbcRejection | FitMethod::Surrogate => "simulations",
        FitMethod::Mcmc | FitMethod::Mle => "evaluations of the likelihood",
        FitMethod::Pmmh | FitMethod::SyntheticLikelihood => "estimates of the likelihood",
    };
    anstream::println!("{} {what} in {:.1} s; {}", outcome.simulations, outcome.seconds, outcome.stopped);
    anstream::println!("{}", page.display());
}

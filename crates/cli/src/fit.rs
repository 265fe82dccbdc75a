//! `metacascade fit`.

mod chains;
pub(crate) mod estimated;
mod maximum;
mod plan;
mod sample;
mod surrogate;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metacascade_engine::Method;
use metacascade_inference::{Observer, Opinion, Posterior, optimise};
use metacascade_problem::run::{Journal, Outcome};
use metacascade_problem::{
    DRAWS, DerivedSummary, FitMethod, ProblemSimulator, RunState, Stage, individuals, predictive, predictive_key,
    replicated_sets, replicates,
};
use metacascade_random::Key;
pub(crate) use plan::{Plan, of_run, plan};
use plan::{quoted, settings};
use serde::Serialize;

use crate::args::Fit;
use crate::error::Failed;
use crate::progress::Telling;
use crate::{posterior, progress, report, simulate};

/// A child of the seed's key: methods use the lower ones, predictions the last.
const INDIVIDUALS: u64 = u64::MAX - 1;

/// Answers are data as measured, and not summaries of them.
const MEASURED: u64 = 1;

/// What an algorithm gives, apart from the draws, which are in the run already.
struct Found {
    outcome: Outcome,
    posterior: Posterior,
    /// How predictions are simulated.
    simulation: Method,
    /// Profile likelihoods, where the method finds them.
    profiles: Vec<optimise::Profile>,
    cancelled: bool,
}

/// Fits a problem and writes its run and report.
pub fn run(typed: &Fit) -> Result<(), Failed> {
    let telling = Telling::asked(typed.quiet, typed.json);
    let mut plan = match (&typed.resume, &typed.problem) {
        (Some(run), _) => match plan::resumed(run)? {
            Some(plan) => plan,
            None => return Ok(()),
        },
        (None, Some(problem)) => plan(problem, typed.output.as_deref(), &typed.fitting)?,
        // The parser asks for one of them.
        (None, None) => return Err(Failed::usage("name a problem to fit, or a run to resume")),
    };
    plan.telling = telling;
    for warning in plan.problem.warnings() {
        say!("warning: {warning}");
    }
    let cancelled = interruption()?;
    let pool = simulate::threads(typed.fitting.threads)?;
    pool.install(|| fit(&plan, pool.current_num_threads(), cancelled)).map_err(|failed| match failed {
        Failed::Unwritten { message, .. } => Failed::Unwritten { message, help: way_on(&plan.folder) },
        failed => failed,
    })
}

/// What is said where a fit ended because something could not be written: its journal is kept, if it says anything.
fn way_on(folder: &Path) -> Option<String> {
    let state = RunState::of(folder).filter(|state| state.stage != Stage::Done)?;
    let kept = "what was simulated so far is kept: when there is room again,";
    (!state.is_written).then(|| format!("{kept} `metacascade fit --resume {}` goes on", quoted(folder)))
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
        say!("\nstopping after what is under way; press Ctrl-C again to stop at once");
    })
    .map_err(|error| Failed::Work(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(cancelled)
}

fn fit(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(), Failed> {
    let problem = &plan.problem;
    plan.telling.started(problem, plan.method);
    let (mut writer, mut found) = match plan.method {
        FitMethod::AbcSmc | FitMethod::AbcRejection => sample::fit(plan, threads, cancelled, None, Vec::new())?,
        FitMethod::Surrogate => surrogate::fit(plan, threads, cancelled)?,
        FitMethod::Mcmc => chains::fit(plan, threads, cancelled)?,
        FitMethod::Pmmh => estimated::particles(plan, threads, cancelled)?,
        FitMethod::SyntheticLikelihood => estimated::synthetic(plan, threads, cancelled)?,
        FitMethod::Mle => maximum::fit(plan, threads, cancelled)?,
    };
    let key = predictive_key(plan.seed);
    let predicted = predictive(problem, &found.simulation, &found.posterior, DRAWS, key);
    if predicted.failures > 0 {
        let text = format!("{} of {DRAWS} posterior predictions could not be simulated", predicted.failures);
        found.outcome.warnings.push(text);
    }
    writer.predictive(problem, &predicted)?;
    let sets = replicated_sets(problem);
    writer.replicates(problem, &replicates(problem, &found.simulation, &found.posterior, sets, key))?;
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

/// What the law of the data, where it is known, says of a posterior from summaries.
fn opinion(
    plan: &Plan,
    simulator: &ProblemSimulator<'_>,
    journal: &Journal,
    posterior: &Posterior,
    simulations: u64,
    observer: &impl Observer,
) -> Option<Opinion> {
    let measured = simulator.as_measured()?;
    let opinion = Opinion::on(posterior, simulations, &journal.apart(MEASURED, &measured), plan.seed, observer)?;
    tracing::info!(displacement = opinion.displacement, error = opinion.error, "second opinion");
    Some(opinion)
}

/// What is said of simulations that could not be finished, if there were any.
fn failures(first: Option<&str>, failures: u64, simulations: u64) -> Option<String> {
    let share = 100.0 * failures as f64 / simulations as f64;
    first.map(|first| format!("{share:.2} % of the simulations could not be finished; the first: {first}"))
}

/// The last of the events that are told.
#[derive(Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// The report.
    report: &'a Path,
}

/// Clauses, a line each.
pub(crate) fn lines(clauses: &str) -> String {
    clauses.replace("; ", ";\n")
}

/// Prints the result.
fn show(found: &Found, plan: &Plan, page: &Path) {
    let outcome = &found.outcome;
    match plan.telling {
        Telling::Events => return progress::tell("done", &Done { outcome, report: page }),
        Telling::Nothing | Telling::Lines => {}
    }
    anstream::println!("{}", posterior::rows(&outcome.parameters));
    if !outcome.before_adjustment.is_empty() {
        anstream::println!("\n{}", posterior::before_adjustment(outcome));
    }
    if !outcome.derived.is_empty() {
        anstream::println!("\n{}", posterior::derived(&outcome.derived));
    }
    if !found.profiles.is_empty() {
        anstream::println!("\n{}", posterior::profiles(&found.profiles));
    }
    for warning in &outcome.warnings {
        say!("warning: {warning}");
    }
    let what = match plan.method {
        FitMethod::AbcSmc | FitMethod::AbcRejection | FitMethod::Surrogate => "simulations",
        FitMethod::Mcmc | FitMethod::Mle => "evaluations of the likelihood",
        FitMethod::Pmmh | FitMethod::SyntheticLikelihood => "estimates of the likelihood",
    };
    anstream::println!("{} {what} in {:.1} s; {}", outcome.simulations, outcome.seconds, lines(&outcome.stopped));
    anstream::println!("{}", page.display());
}

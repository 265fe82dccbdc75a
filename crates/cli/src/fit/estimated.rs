//! `--method pmmh` and `--method synthetic-likelihood`: Markov chains on likelihoods that are estimated.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metacascade_engine::Method;
use metacascade_inference::particle::Filter;
use metacascade_inference::pseudo_marginal::{self, Estimator};
use metacascade_inference::synthetic::Synthetic;
use metacascade_inference::{Failure, Opinion, Posterior, abc_smc, mcmc};
use metacascade_problem::run::{Outcome, ParameterSummary};
use metacascade_problem::{FitMethod, Problem, ProblemProcess, ProblemSimulator, RunWriter};

use super::{Found, Plan};
use crate::error::Failed;
use crate::progress::Watcher;

/// Draws from the posterior under the model's own likelihood, estimated by particle filters.
pub(super) fn particles(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
    let process = process(&plan.problem)?;
    let (simulation, reason) = process.method();
    let settings = super::settings(plan, FitMethod::Pmmh, threads, simulation, reason, &plan.estimated)?;
    let mut writer = plan.begin(&settings)?;
    let journal = writer.journal()?;
    let mut watcher = Watcher::new(&mut writer, &journal, cancelled, plan.telling);
    let found = chains(plan, &journal.of(&Filter(&process)), "particles", &mut watcher);
    watcher.finish()?;
    finished(plan, writer, *simulation, found)
}

/// Draws from the posterior under a synthetic likelihood of learned summaries.
pub(super) fn synthetic(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
    let simulator = ProblemSimulator::new(&plan.problem, &plan.problem.simulation().method());
    let (&simulation, reason) = simulator.method();
    let settings =
        super::settings(plan, FitMethod::SyntheticLikelihood, threads, &simulation, reason, &plan.estimated)?;
    let mut writer = plan.begin(&settings)?;
    let journal = writer.journal()?;
    let events = || simulator.events();
    let mut watcher = Watcher::new(&mut writer, &journal, cancelled, plan.telling).counting(&events);
    let mut found = match Synthetic::learned(&simulator, plan.seed, &mut watcher) {
        Ok(synthetic) => chains(plan, &journal.of(&synthetic), "simulations", &mut watcher),
        Err(abc_smc::Error::Cancelled) => Err(mcmc::Error::Cancelled),
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    if let Ok((posterior, outcome, false)) = &mut found {
        // Summaries lose as much here as in ABC.
        let simulations = outcome.simulations;
        let opinion = super::opinion(plan, &simulator, &journal, posterior, simulations, &watcher);
        outcome.warnings.extend(opinion.as_ref().and_then(Opinion::warning));
        outcome.stopped.extend(opinion.as_ref().and_then(Opinion::agreement).map(|text| format!("; {text}")));
    }
    watcher.finish()?;
    finished(plan, writer, simulation, found)
}

/// Writes the posterior, or says why there is none.
fn finished(
    plan: &Plan,
    mut writer: RunWriter,
    simulation: Method,
    found: Result<(Posterior, Outcome, bool), mcmc::Error>,
) -> Result<(RunWriter, Found), Failed> {
    let (posterior, outcome, cancelled) = match found {
        Ok(found) => found,
        Err(error @ mcmc::Error::Setting(..)) => return Err(Failed::usage(error.to_string())),
        Err(error @ mcmc::Error::Cancelled) => return Err(plan.nothing_yet(writer, &error)),
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    writer.posterior(&posterior)?;
    Ok((writer, Found { outcome, posterior, simulation, profiles: Vec::new(), cancelled }))
}

/// A problem as a process, or why it is none.
pub(crate) fn process(problem: &Problem) -> Result<ProblemProcess<'_>, Failed> {
    looking_ahead(problem).map_err(|failure| {
        Failed::usage(failure.0).help("--method pmmh needs measurements of single subjects at given times")
    })
}

/// The same, with the looks ahead that the problem asks for.
pub(crate) fn looking_ahead(problem: &Problem) -> Result<ProblemProcess<'_>, Failure> {
    let process = ProblemProcess::new(problem, &problem.simulation().method())?;
    Ok(process.looking_ahead(problem.fit().looks.unwrap_or(0)))
}

/// Runs the chains; `each` is what an estimate takes many of.
fn chains(
    plan: &Plan,
    estimator: &impl Estimator,
    each: &str,
    watcher: &mut Watcher<'_>,
) -> Result<(Posterior, Outcome, bool), mcmc::Error> {
    let started = Instant::now();
    let fit = pseudo_marginal::run(estimator, &plan.estimated, watcher)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut warnings = fit.warnings(&plan.estimated);
    warnings.extend(super::failures(fit.failure.as_deref(), fit.failures, fit.evaluations));
    if fit.cancelled {
        warnings.push("Interrupted before the chains were as long as asked for.".to_owned());
    }
    let effective = fit.convergence.iter().map(|found| found.effective_sample_size).fold(f64::INFINITY, f64::min);
    let r_hat = fit.convergence.iter().map(|found| found.r_hat).fold(1.0, f64::max);
    let outcome = Outcome {
        stopped: format!(
            "the chains are worth {effective:.0} independent draws, R-hat {r_hat:.3}; {} {each} an estimate, which tell the \
             log-likelihood with a variance of {:.2}",
            fit.effort, fit.variance
        ),
        seconds,
        simulations: fit.evaluations,
        simulations_per_second: fit.evaluations as f64 / seconds,
        failures: fit.failures,
        effective_sample_size: effective,
        log_likelihood: Some(fit.log_likelihood),
        warnings,
        parameters: ParameterSummary::all(&plan.problem, &fit.posterior),
        before_adjustment: Vec::new(),
        derived: Vec::new(),
    };
    Ok((fit.posterior, outcome, fit.cancelled))
}

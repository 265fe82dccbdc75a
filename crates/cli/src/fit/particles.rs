//! `--method pmmh`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metacascade_inference::particle::Filter;
use metacascade_inference::{mcmc, pseudo_marginal};
use metacascade_problem::run::{Outcome, ParameterSummary};
use metacascade_problem::{FitMethod, ProblemProcess, RunWriter};

use super::{Found, Plan};
use crate::error::Failed;
use crate::progress::Watcher;

/// Draws from the posterior under the model's own likelihood, estimated by particle filters.
pub(super) fn fit(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
    let problem = &plan.problem;
    let process = process(plan)?;
    let (simulation, reason) = process.method();
    let settings = super::settings(plan, FitMethod::Pmmh, threads, simulation, reason, &plan.pmmh)?;
    let mut writer = RunWriter::create(&plan.folder, problem, &settings)?;
    let started = Instant::now();
    let mut watcher = Watcher::new(&mut writer, cancelled, plan.telling);
    let fit = pseudo_marginal::run(&Filter(&process), &plan.pmmh, &mut watcher);
    watcher.finish();
    let fit = fit.map_err(|error| match error {
        mcmc::Error::Setting(..) => Failed::usage(error.to_string()),
        mcmc::Error::Cancelled => Failed::Interrupted(format!("{error}; nothing was written")),
        error => Failed::Work(error.to_string()),
    })?;
    let seconds = started.elapsed().as_secs_f64();
    writer.posterior(&fit.posterior)?;
    let mut warnings = fit.warnings(&plan.pmmh);
    if fit.cancelled {
        warnings.push("Interrupted before the chains were as long as asked for.".to_owned());
    }
    let effective = fit.convergence.iter().map(|found| found.effective_sample_size).fold(f64::INFINITY, f64::min);
    let r_hat = fit.convergence.iter().map(|found| found.r_hat).fold(1.0, f64::max);
    let outcome = Outcome {
        stopped: format!(
            "the chains are worth {effective:.0} independent draws, R-hat {r_hat:.3}; {} particles each, which tell the \
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
        parameters: ParameterSummary::all(problem, &fit.posterior),
        derived: Vec::new(),
    };
    let simulation = *simulation;
    Ok((writer, Found { outcome, posterior: fit.posterior, simulation, cancelled: fit.cancelled }))
}

/// The problem as a process, or why it is none.
pub(crate) fn process(plan: &Plan) -> Result<ProblemProcess<'_>, Failed> {
    let method = plan.problem.simulation().method();
    ProblemProcess::new(&plan.problem, &method).map_err(|failure| {
        Failed::usage(failure.0).help("--method pmmh needs measurements of single subjects at given times")
    })
}

//! `--method mcmc`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metacascade_inference::mcmc;
use metacascade_problem::run::{Outcome, ParameterSummary};
use metacascade_problem::{FitMethod, ProblemLikelihood, RunWriter};

use super::{Found, Plan};
use crate::error::Failed;
use crate::progress::Watcher;

/// Draws from the posterior under the likelihood around the mean field.
pub(super) fn fit(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
    let problem = &plan.problem;
    let simulation = problem.simulation().mean_field();
    let reason = "the likelihood compares the mean field with the data";
    let settings = super::settings(plan, FitMethod::Mcmc, threads, &simulation, reason, &plan.mcmc)?;
    let mut writer = plan.begin(&settings)?;
    let journal = writer.journal()?;
    let started = Instant::now();
    let mut watcher = Watcher::new(&mut writer, &journal, cancelled, plan.telling);
    let fit = mcmc::run(&journal.of(&ProblemLikelihood::new(problem)), &plan.mcmc, &mut watcher);
    watcher.finish()?;
    let fit = match fit {
        Ok(fit) => fit,
        Err(error @ mcmc::Error::Setting(..)) => return Err(Failed::usage(error.to_string())),
        Err(error @ mcmc::Error::Cancelled) => return Err(plan.nothing_yet(writer, &error)),
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    let seconds = started.elapsed().as_secs_f64();
    writer.posterior(&fit.posterior)?;
    let mut warnings = fit.warnings(&plan.mcmc);
    if fit.cancelled {
        warnings.push("Interrupted before the chains were as long as asked for.".to_owned());
    }
    let effective = fit.convergence.iter().map(|found| found.effective_sample_size).fold(f64::INFINITY, f64::min);
    let r_hat = fit.convergence.iter().map(|found| found.r_hat).fold(1.0, f64::max);
    let outcome = Outcome {
        stopped: format!("the chains are worth {effective:.0} independent draws, R-hat {r_hat:.3}"),
        seconds,
        simulations: fit.evaluations,
        simulations_per_second: fit.evaluations as f64 / seconds,
        failures: 0,
        effective_sample_size: effective,
        log_likelihood: Some(fit.log_likelihood),
        warnings,
        parameters: ParameterSummary::all(problem, &fit.posterior),
        before_adjustment: Vec::new(),
        derived: Vec::new(),
    };
    let cancelled = fit.cancelled;
    Ok((writer, Found { outcome, posterior: fit.posterior, simulation, profiles: Vec::new(), cancelled }))
}

//! `--method surrogate`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metacascade_inference::surrogate;
use metacascade_problem::run::{Outcome, ParameterSummary};
use metacascade_problem::{FitMethod, ProblemSimulator, RunWriter};

use super::{Found, Plan};
use crate::error::Failed;
use crate::progress::Watcher;

/// Learns a likelihood from simulations. Where its own check says that it should not be trusted, ABC-SMC does the work, and
/// the result says so.
pub(super) fn fit(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
    let problem = &plan.problem;
    let simulator = ProblemSimulator::new(problem, &problem.simulation().method());
    let (simulation, reason) = simulator.method();
    let settings = super::settings(plan, FitMethod::Surrogate, threads, simulation, reason, &plan.surrogate)?;
    let mut writer = plan.begin(&settings)?;
    let journal = writer.journal()?;
    let started = Instant::now();
    let events = || simulator.events();
    let mut watcher = Watcher::new(&mut writer, &journal, Arc::clone(&cancelled), plan.telling).counting(&events);
    let fit = match simulator.as_measured() {
        Some(measured) => surrogate::run(&journal.apart(super::MEASURED, &measured), &plan.surrogate, &mut watcher),
        None => surrogate::run(&journal.of(&simulator), &plan.surrogate, &mut watcher),
    };
    watcher.finish()?;
    drop(journal);
    let fit = match fit {
        Ok(fit) => fit,
        Err(error @ surrogate::Error::Setting { .. }) => return Err(Failed::usage(error.to_string())),
        Err(error @ surrogate::Error::Cancelled) => return Err(plan.nothing_yet(writer, &error)),
        Err(error @ surrogate::Error::Nowhere) => {
            let text = format!("The surrogate failed ({error}); abc-smc was used instead.");
            tracing::warn!("{text}");
            return super::sample::fit(plan, threads, cancelled, Some(writer), vec![text]);
        }
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    let seconds = started.elapsed().as_secs_f64();
    if !fit.check.passed() && !fit.cancelled {
        let reasons = fit.check.warnings().join(" ");
        let text = format!("The surrogate did not pass its own check; abc-smc was used instead. {reasons}");
        tracing::warn!("{text}");
        return super::sample::fit(plan, threads, cancelled, Some(writer), vec![text]);
    }
    writer.posterior(&fit.posterior)?;
    let mut warnings = fit.check.warnings();
    warnings.extend(super::failures(fit.first_failure.as_deref(), fit.failures, fit.simulations));
    if fit.cancelled {
        warnings.push("Interrupted: the surrogate was learned from the rounds that were complete.".to_owned());
    }
    let effective = fit.convergence.iter().map(|found| found.effective_sample_size).fold(f64::INFINITY, f64::min);
    let outcome = Outcome {
        stopped: format!("the simulations asked for were done; estimated error {:.2} s.d.", fit.check.error()),
        seconds,
        simulations: fit.simulations,
        simulations_per_second: fit.simulations as f64 / seconds,
        failures: fit.failures,
        effective_sample_size: effective,
        log_likelihood: None,
        warnings,
        parameters: ParameterSummary::all(problem, &fit.posterior),
        before_adjustment: Vec::new(),
        derived: Vec::new(),
    };
    let simulation = *simulation;
    let cancelled = fit.cancelled;
    Ok((writer, Found { outcome, posterior: fit.posterior, simulation, profiles: Vec::new(), cancelled }))
}

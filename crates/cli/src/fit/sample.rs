//! `--method abc-smc` and `abc-rejection`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metacascade_inference::Opinion;
use metacascade_inference::abc_smc::{self, Acceptance, Stop};
use metacascade_problem::run::{Outcome, ParameterSummary};
use metacascade_problem::{FitMethod, ProblemSimulator, RunWriter};

use super::{Found, Plan, failures, settings};
use crate::error::Failed;
use crate::progress::Watcher;

/// ABC-SMC, or rejection, which is its first generation alone; in the run that another method began, if it has failed.
/// Warnings that are known already come first.
pub(super) fn fit(
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
    let begun_afresh = begun.is_none();
    let mut writer = match begun {
        Some(mut writer) => {
            writer.settings(&settings)?;
            writer
        }
        None => plan.begin(&settings)?,
    };
    let journal = writer.journal()?;
    let started = Instant::now();
    let events = || simulator.events();
    let mut watcher = Watcher::new(&mut writer, &journal, cancelled, plan.telling).counting(&events);
    let stochastic = plan.abc_smc.acceptance == Acceptance::Stochastic;
    let fit = match simulator.as_measured().filter(|_| stochastic) {
        Some(measured) => abc_smc::run(&journal.apart(super::MEASURED, &measured), &plan.abc_smc, &mut watcher),
        None => abc_smc::run(&journal.of(&simulator), &plan.abc_smc, &mut watcher),
    };
    let seconds = started.elapsed().as_secs_f64();
    let opinion = match &fit {
        Ok(fit) if begun_afresh && !stochastic && !matches!(fit.stop, Stop::Cancelled | Stop::Time) => {
            super::opinion(plan, &simulator, &journal, &fit.posterior, fit.simulations, &watcher)
        }
        _ => None,
    };
    watcher.finish()?;
    let fit = match fit {
        Ok(fit) => fit,
        Err(error @ (abc_smc::Error::Setting { .. } | abc_smc::Error::NoNoise)) => {
            return Err(Failed::usage(error.to_string()));
        }
        Err(error @ abc_smc::Error::Cancelled) => return Err(plan.nothing_yet(writer, &error)),
        Err(error) => return Err(Failed::Work(error.to_string())),
    };
    writer.posterior(&fit.posterior)?;
    warnings.extend(failures(fit.first_failure.as_deref(), fit.failures, fit.simulations));
    if fit.stop != Stop::Threshold && fit.stop != Stop::Acceptance && !stochastic {
        warnings.push(format!(
            "The distance to the data came down to {:.2} only, where {:.2} was asked for: {}. The intervals are wider than \
             they would be with more simulations.",
            fit.last.threshold, plan.abc_smc.min_threshold, fit.stop
        ));
    }
    warnings.extend(fit.check.warnings());
    warnings.extend(opinion.as_ref().and_then(Opinion::warning));
    let outcome = Outcome {
        stopped: match (fit.stop, opinion.as_ref().and_then(Opinion::agreement)) {
            (Stop::Threshold, _) if stochastic => {
                "the temperature is 1 and the weights are worth half of the particles".to_owned()
            }
            (stop, Some(agreement)) => format!("{stop}; {agreement}"),
            (stop, None) => stop.to_string(),
        },
        seconds,
        simulations: fit.simulations,
        simulations_per_second: fit.simulations as f64 / seconds,
        failures: fit.failures,
        effective_sample_size: fit.last.effective_sample_size,
        log_likelihood: None,
        warnings,
        parameters: ParameterSummary::all(problem, &fit.posterior),
        before_adjustment: match plan.abc_smc.adjustment {
            _ if stochastic => Vec::new(),
            abc_smc::Adjustment::None => Vec::new(),
            _ => ParameterSummary::all(problem, &fit.last.posterior),
        },
        derived: Vec::new(),
    };
    let cancelled = fit.stop == Stop::Cancelled;
    let simulation = *simulation;
    Ok((writer, Found { outcome, posterior: fit.posterior, simulation, profiles: Vec::new(), cancelled }))
}

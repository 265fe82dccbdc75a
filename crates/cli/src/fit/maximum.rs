//! `--method mle`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metacascade_inference::optimise;
use metacascade_problem::run::{Outcome, ParameterSummary, StartRow};
use metacascade_problem::{FitMethod, ProblemLikelihood, RunWriter};

use super::{Found, Plan, settings};
use crate::error::Failed;
use crate::progress::Watcher;

/// Multi-start maximum likelihood of the mean field, and its profiles.
pub(super) fn fit(plan: &Plan, threads: usize, cancelled: Arc<AtomicBool>) -> Result<(RunWriter, Found), Failed> {
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
        Err(error @ (optimise::Error::Setting(_) | optimise::Error::Whole(_))) => {
            return Err(Failed::usage(error.to_string()));
        }
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

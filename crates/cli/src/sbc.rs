//! `metacascade sbc`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metacascade_inference::diagnostics::{LEVELS, Observed, Study, calibrate, calibrate_with};
use metacascade_inference::particle::Filter;
use metacascade_inference::synthetic::Synthetic;
use metacascade_inference::{
    Observer, Posterior, Proposal, Simulator, abc_smc, mcmc, optimise, pseudo_marginal, surrogate,
};
use metacascade_problem::{FitMethod, Problem, ProblemLikelihood, ProblemSimulator, Run, write_file};

use crate::args::Sbc;
use crate::error::Failed;
use crate::fit::{Plan, estimated, interruption, of_run, plan};
use crate::table::table;
use crate::{report, simulate};

/// Cancels when asked to, and is silent otherwise.
pub(crate) struct Quiet(pub Arc<AtomicBool>);

impl Observer for Quiet {
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Calibrates a method on a problem.
pub fn run(typed: &Sbc) -> Result<(), Failed> {
    if typed.replicates == 0 {
        return Err(Failed::usage("--replicates must be at least 1"));
    }
    let run = if Run::is_one(&typed.problem) { Some(Run::open(&typed.problem)?) } else { None };
    let plan = match run {
        Some(_) if typed.fitting.is_given() => {
            let failed = Failed::usage("a run is calibrated as it was fitted");
            return Err(
                failed.help("leave out all options but --replicates, --threads and -o, or name the problem instead")
            );
        }
        Some(run) => of_run(run)?,
        None => plan(&typed.problem, None, &typed.fitting)?,
    };
    let cancelled = interruption()?;
    let study = simulate::threads(typed.fitting.threads)?.install(|| match plan.method {
        FitMethod::Pmmh | FitMethod::Mcmc | FitMethod::Mle => by_likelihood(&plan, typed.replicates, &cancelled),
        _ => Ok(study(&plan, typed.replicates, &cancelled)),
    })?;
    if cancelled.load(Ordering::Relaxed) {
        return Err(Failed::Interrupted(format!("{} data sets were fitted; nothing was written", study.replicates)));
    }
    if let Some(path) = &typed.output {
        let json = serde_json::to_vec_pretty(&study).map_err(|error| Failed::Work(error.to_string()))?;
        write_file(path, &json).map_err(|error| Failed::Work(error.to_string()))?;
    }
    if Run::is_one(&typed.problem) {
        Run::open(&typed.problem)?.keep_calibration(&study)?;
        let page = report::write(&typed.problem, None)?;
        say!("the report says so too: {}", page.display());
    }
    show(&study, &plan)
}

fn study(plan: &Plan, replicates: usize, cancelled: &Arc<AtomicBool>) -> Study {
    let simulator = ProblemSimulator::new(&plan.problem, &plan.problem.simulation().method());
    let quiet = || Quiet(Arc::clone(cancelled));
    let told = |replicate: usize, found: Result<Posterior, String>| {
        say!("data set {} of {replicates} fitted", replicate + 1);
        (!cancelled.load(Ordering::Relaxed)).then_some(found)
    };
    let stochastic = plan.abc_smc.acceptance == abc_smc::Acceptance::Stochastic;
    if (plan.method == FitMethod::Surrogate || stochastic)
        && let Some(measured) = simulator.as_measured()
    {
        return calibrate(&measured, replicates, plan.seed, |own, replicate| {
            let summarised = Observed::new(&simulator, simulator.summaries(own.observed()));
            told(replicate, fit(plan, own, &summarised, replicate, &mut quiet()))
        });
    }
    calibrate(&simulator, replicates, plan.seed, |own, replicate| {
        told(replicate, fit(plan, own, own, replicate, &mut quiet()))
    })
}

/// Likelihoods and particle filters see the data themselves, no summaries.
fn by_likelihood(plan: &Plan, replicates: usize, cancelled: &Arc<AtomicBool>) -> Result<Study, Failed> {
    // Data come from the model as the method sees it, which for particles is one that can be left and taken up again.
    let method = match plan.method {
        FitMethod::Pmmh => *estimated::process(&plan.problem)?.method().0,
        _ => {
            let likelihood = ProblemLikelihood::new(&plan.problem);
            likelihood.check().map_err(|failure| Failed::usage(failure.0))?;
            plan.problem.simulation().mean_field()
        }
    };
    let simulator = ProblemSimulator::new(&plan.problem, &method);
    let simulate = |proposal: Proposal| {
        let data = simulator.data(&proposal.parameters, proposal.key)?;
        Ok(plan.problem.with_data(&data))
    };
    let fit = |problem: Problem, replicate: usize| {
        let seed = plan.seed.wrapping_add(1 + replicate as u64);
        let found = posterior(plan, &problem, seed, &mut Quiet(Arc::clone(cancelled)));
        say!("data set {} of {replicates} fitted", replicate + 1);
        (!cancelled.load(Ordering::Relaxed)).then_some(found)
    };
    Ok(calibrate_with(plan.problem.estimated(), replicates, plan.seed, simulate, fit))
}

/// The posterior of a problem by a method that sees the data themselves.
fn posterior(plan: &Plan, problem: &Problem, seed: u64, observer: &mut Quiet) -> Result<Posterior, String> {
    match plan.method {
        FitMethod::Pmmh => {
            let process = estimated::looking_ahead(problem).map_err(|failure| failure.0)?;
            let settings = pseudo_marginal::Settings { seed, ..plan.estimated.clone() };
            let fit = pseudo_marginal::run(&Filter(&process), &settings, observer);
            fit.map(|fit| fit.posterior).map_err(|error| error.to_string())
        }
        FitMethod::Mle => {
            let settings = optimise::Settings { seed, ..plan.optimise.clone() };
            let fit = optimise::run(&ProblemLikelihood::new(problem), &settings, observer);
            fit.map(|fit| fit.posterior).map_err(|error| error.to_string())
        }
        _ => {
            let settings = mcmc::Settings { seed, ..plan.mcmc.clone() };
            let fit = mcmc::run(&ProblemLikelihood::new(problem), &settings, observer);
            fit.map(|fit| fit.posterior).map_err(|error| error.to_string())
        }
    }
}

/// Fits a data set, as a surrogate and as ABC see it.
fn fit(
    plan: &Plan,
    learned: &impl Simulator,
    compared: &impl Simulator,
    replicate: usize,
    observer: &mut Quiet,
) -> Result<Posterior, String> {
    let seed = plan.seed.wrapping_add(1 + replicate as u64);
    if plan.method == FitMethod::Surrogate {
        let settings = surrogate::Settings { seed, ..plan.surrogate.clone() };
        match surrogate::run(learned, &settings, observer) {
            Ok(fit) if fit.check.passed() => return Ok(fit.posterior),
            // As in a fit, abc-smc takes over.
            Ok(_) | Err(surrogate::Error::Nowhere) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    if plan.method == FitMethod::SyntheticLikelihood {
        let settings = pseudo_marginal::Settings { seed, ..plan.estimated.clone() };
        let synthetic = Synthetic::learned(compared, seed, observer).map_err(|error| error.to_string())?;
        let fit = pseudo_marginal::run(&synthetic, &settings, observer);
        return fit.map(|fit| fit.posterior).map_err(|error| error.to_string());
    }
    let settings = abc_smc::Settings { seed, ..plan.abc_smc.clone() };
    let fit = match settings.acceptance {
        abc_smc::Acceptance::Uniform => abc_smc::run(compared, &settings, observer),
        abc_smc::Acceptance::Stochastic => abc_smc::run(learned, &settings, observer),
    };
    fit.map(|fit| fit.posterior).map_err(|error| error.to_string())
}

fn show(study: &Study, plan: &Plan) -> Result<(), Failed> {
    let [a, b, c] = LEVELS.map(|level| format!("{:.0} % interval", 100.0 * level));
    let mut rows = table(&["parameter", &a, &b, &c, "ranks"]);
    for parameter in &study.parameters {
        let [a, b, c] = parameter.coverage.map(|share| format!("{:.0} %", 100.0 * share));
        let verdict = if parameter.inside { "inside the 95 % band" } else { "outside the 95 % band" };
        rows.add_row([parameter.name.clone(), a, b, c, verdict.to_owned()]);
    }
    anstream::println!("{rows}");
    anstream::println!("{} data sets from the prior, fitted by {}", study.replicates, plan.method.name());
    if let Some(first) = &study.first_failure {
        say!("warning: {} data sets could not be fitted; the first: {first}", study.failures);
    }
    let outside = study.parameters.iter().filter(|parameter| !parameter.inside).count();
    match outside {
        0 if study.replicates > 0 => Ok(()),
        0 => Err(Failed::Work("no data set could be fitted".to_owned())),
        _ => Err(Failed::Work(format!("the ranks of {outside} parameters are not those of a calibrated method"))),
    }
}

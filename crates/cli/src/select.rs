//! `metacascade select`.

mod show;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metacascade_engine::suggestion;
use metacascade_inference::particle::Filter;
use metacascade_inference::selection::{self, Choice, Evidence, Joint, JointSettings};
use metacascade_inference::{mcmc, pseudo_marginal};
use metacascade_problem::{FitMethod, Problem, ProblemLikelihood, ProblemSimulator, Rival, SameData};

use crate::args::Fitting;
use crate::error::Failed;
use crate::fit::{Plan, estimated, interruption, plan};
use crate::sbc::Quiet;
use crate::simulate;

/// Choose between models of the same data: their probabilities, and Bayes factors
///
/// Each problem is a model of the same data: the tables may differ in everything but what was measured. Tells each model's
/// probability given the data, with its Monte Carlo error, and the logarithm of its Bayes factor against the best. These
/// weigh each model's whole prior: a prior ten times as wide may cost a factor of ten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  metacascade select with-return without-return --method mcmc --prior with-return=0.5,without-return=0.5")]
pub struct Select {
    /// Problems' folders, or their YAML files.
    #[arg(required = true, num_args = 2.., value_name = "PROBLEM")]
    pub problems: Vec<PathBuf>,
    /// How to compare: mcmc (marginal likelihoods around the mean field), pmmh (those of the models themselves, by particle
    /// filters: for few cells) or abc (simulations from all models, by summaries of the data, which may lose what tells
    /// models apart). Unless given, mcmc or pmmh where the first problem asks for it, and abc elsewhere.
    #[arg(long)]
    pub method: Option<String>,
    /// Probabilities before the data, by names of the folders; the same for all unless given. They are scaled to sum to 1.
    #[arg(long, value_name = "NAME=P", value_delimiter = ',')]
    pub prior: Vec<String>,
    /// Simulations of all models together (abc).
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub max_simulations: u64,
    /// Most evaluations of the likelihood, or of its estimate, before the evidence of each model is computed (mcmc, pmmh).
    #[arg(long, value_name = "N")]
    pub max_evaluations: Option<u64>,
    /// Particles of each subject's filter (pmmh); as many as pay, unless given.
    #[arg(long, value_name = "N")]
    pub particles: Option<usize>,
    /// Seed of all randomness; the first problem's unless given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads; all processors unless given. They change no result.
    #[arg(long, value_name = "K")]
    pub threads: Option<usize>,
    /// Write the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// How models are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Mcmc,
    Pmmh,
    Abc,
}

impl Method {
    const NAMES: [(&'static str, Self); 3] = [("mcmc", Self::Mcmc), ("pmmh", Self::Pmmh), ("abc", Self::Abc)];

    fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// What was typed, if it is one.
    fn typed(text: &str) -> Result<Self, Failed> {
        if let Some((_, method)) = Self::NAMES.into_iter().find(|(name, _)| *name == text) {
            return Ok(method);
        }
        let names = Self::NAMES.map(|(name, _)| name);
        let help = suggestion(text, names).unwrap_or_else(|| format!("the methods are {}", names.join(", ")));
        Err(Failed::usage(format!("there is no method `{text}` to choose between models with")).help(help))
    }

    /// What a problem asks for.
    fn of(problem: &Problem) -> Self {
        match problem.fit().method {
            Some(FitMethod::Mcmc | FitMethod::Mle) => Self::Mcmc,
            Some(FitMethod::Pmmh) => Self::Pmmh,
            _ => Self::Abc,
        }
    }

    /// The fit whose settings it takes.
    fn fit(self) -> FitMethod {
        match self {
            Self::Mcmc => FitMethod::Mcmc,
            Self::Pmmh => FitMethod::Pmmh,
            Self::Abc => FitMethod::AbcRejection,
        }
    }
}

/// What came of it.
struct Selected {
    method: Method,
    seed: u64,
    labels: Vec<String>,
    /// How many parameters each model has.
    parameters: Vec<usize>,
    choices: Vec<Choice>,
    /// Of each model, where its likelihood is known or estimated.
    evidences: Vec<Evidence>,
    /// Where models were only simulated.
    joint: Option<Joint>,
    warnings: Vec<String>,
}

/// Chooses between problems.
pub fn run(typed: &Select) -> Result<(), Failed> {
    let labels = crate::compare::labels(&typed.problems);
    let priors = priors(&typed.prior, &labels)?;
    let asked = typed.method.as_deref().map(Method::typed).transpose()?;
    let method = match asked {
        Some(method) => method,
        None => Method::of(&Problem::load(&typed.problems[0])?),
    };
    let fitting = Fitting {
        method: Some(method.fit().name().to_owned()),
        max_evaluations: typed.max_evaluations,
        particles: typed.particles,
        seed: typed.seed,
        ..Fitting::default()
    };
    let plans =
        typed.problems.iter().map(|problem| plan(problem, None, &fitting)).collect::<Result<Vec<Plan>, Failed>>()?;
    for (label, plan) in labels.iter().zip(&plans) {
        for warning in plan.problem.warnings() {
            anstream::eprintln!("warning: {label}: {warning}");
        }
    }
    let same = same(&plans, &labels)?;
    let cancelled = interruption()?;
    let chosen = simulate::threads(typed.threads)?.install(|| match method {
        Method::Abc => by_simulation(&plans, &same, &priors, typed.max_simulations, &cancelled),
        Method::Mcmc | Method::Pmmh => by_evidence(&plans, &labels, &priors, method, &cancelled),
    });
    if cancelled.load(Ordering::Relaxed) {
        return Err(Failed::Interrupted("nothing was written".to_owned()));
    }
    let (choices, evidences, joint, warnings) = chosen?;
    let parameters = plans.iter().map(|plan| plan.problem.estimated().len()).collect();
    let seed = plans.first().map_or(1, |plan| plan.seed);
    let selected = Selected { method, seed, labels, parameters, choices, evidences, joint, warnings };
    if typed.json { show::json(&selected, &typed.problems) } else { show::lines(&selected) }
}

/// The prior probabilities, in the order of the labels.
fn priors(typed: &[String], labels: &[String]) -> Result<Vec<f64>, Failed> {
    if typed.is_empty() {
        return Ok(vec![1.0 / labels.len() as f64; labels.len()]);
    }
    let mut found: Vec<Option<f64>> = vec![None; labels.len()];
    for text in typed {
        let (name, value) = simulate::assignment(text)?;
        let Some(index) = labels.iter().position(|label| label == name) else {
            let known = labels.iter().map(String::as_str);
            let help = suggestion(name, known).unwrap_or_else(|| format!("the problems are {}", labels.join(", ")));
            return Err(Failed::usage(format!("--prior names `{name}`, which is no problem here")).help(help));
        };
        if !(value > 0.0 && value.is_finite()) {
            return Err(Failed::usage(format!("the prior probability of `{name}` must be positive")));
        }
        found[index] = Some(value);
    }
    let complete: Option<Vec<f64>> = found.iter().copied().collect();
    complete.ok_or_else(|| {
        let missing: Vec<&str> =
            labels.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(label, _)| label.as_str()).collect();
        Failed::usage(format!("--prior gives no probability of {}", missing.join(", ")))
            .help("give one to each problem")
    })
}

/// Compares the problems' data with those of the first.
fn same(plans: &[Plan], labels: &[String]) -> Result<Vec<SameData>, Failed> {
    let Some(first) = plans.first() else { return Ok(Vec::new()) };
    let compare = |(plan, label): (&Plan, &String)| {
        SameData::of(&first.problem, &plan.problem).map_err(|differences| {
            let list: String = differences.iter().map(|difference| format!("\n  {difference}")).collect();
            Failed::usage(format!("`{}` and `{label}` have different data:{list}", labels[0]))
                .help("probabilities of models are told for the same measurements under each of them")
        })
    };
    plans.iter().zip(labels).map(compare).collect()
}

/// What a way of choosing gives: choices, evidences, joint simulation, warnings.
type Found = (Vec<Choice>, Vec<Evidence>, Option<Joint>, Vec<String>);

/// Simulates all models together.
fn by_simulation(
    plans: &[Plan],
    same: &[SameData],
    priors: &[f64],
    simulations: u64,
    cancelled: &Arc<AtomicBool>,
) -> Result<Found, Failed> {
    let simulators: Vec<ProblemSimulator<'_>> =
        plans.iter().map(|plan| ProblemSimulator::new(&plan.problem, &plan.problem.simulation().method())).collect();
    let rivals = Rival::all(&simulators, same);
    let models: Vec<&Rival<'_, '_>> = rivals.iter().collect();
    let settings = JointSettings {
        simulations: (simulations / models.len() as u64).max(1),
        accepted: ((simulations / 100) as usize).clamp(100, 2000),
        seed: plans.first().map_or(1, |plan| plan.seed),
    };
    let joint = selection::by_simulation(&models, priors, &settings, &mut Quiet(Arc::clone(cancelled)))
        .map_err(|error| Failed::Work(error.to_string()))?;
    let mut warnings = joint.warnings();
    let failures: u64 = joint.failures.iter().sum();
    if let Some(first) = &joint.first_failure {
        warnings.push(format!("{failures} simulations could not be finished; the first: {first}"));
    }
    Ok((joint.choices.clone(), Vec::new(), Some(joint), warnings))
}

/// Effective draws that are enough to fit a proposal to.
const EFFECTIVE: f64 = 1000.0;

/// Fits each model by Markov chains, and computes its marginal likelihood.
fn by_evidence(
    plans: &[Plan],
    labels: &[String],
    priors: &[f64],
    method: Method,
    cancelled: &Arc<AtomicBool>,
) -> Result<Found, Failed> {
    let (mut evidences, mut warnings) = (Vec::new(), Vec::new());
    for (index, (plan, label)) in plans.iter().zip(labels).enumerate() {
        // Each model has its own random numbers, so that errors are independent.
        let seed = plan.seed.wrapping_add(index as u64);
        let (evidence, told) =
            evidence(plan, method, seed, &mut Quiet(Arc::clone(cancelled))).map_err(|failed| match failed {
                Failed::Work(message) => Failed::Work(format!("{label}: {message}")),
                other => other,
            })?;
        anstream::eprintln!("{label}: log evidence {:.2} ± {:.2}", evidence.log_evidence, evidence.standard_error);
        warnings.extend(told.into_iter().chain(evidence.warnings()).map(|warning| format!("{label}: {warning}")));
        evidences.push(evidence);
    }
    let logs: Vec<f64> = evidences.iter().map(|evidence| evidence.log_evidence).collect();
    let errors: Vec<f64> = evidences.iter().map(|evidence| evidence.standard_error).collect();
    if method == Method::Mcmc {
        warnings.push(
            "The models were compared by their mean fields, with measurement noise alone; where cells are few, pmmh compares \
             the models themselves."
                .to_owned(),
        );
    }
    Ok((selection::probabilities(&logs, &errors, priors), evidences, None, warnings))
}

/// The evidence of a model, and what is said of the chains.
fn evidence(plan: &Plan, method: Method, seed: u64, quiet: &mut Quiet) -> Result<(Evidence, Vec<String>), Failed> {
    let work = |error: &dyn std::fmt::Display| Failed::Work(error.to_string());
    let settings = selection::Settings { seed, ..selection::Settings::default() };
    if method == Method::Pmmh {
        let process = estimated::process(&plan.problem)?;
        let filter = Filter(&process);
        let chains = pseudo_marginal::Settings {
            min_effective_sample_size: plan.estimated.min_effective_sample_size.min(EFFECTIVE),
            seed,
            ..plan.estimated.clone()
        };
        let fit = pseudo_marginal::run(&filter, &chains, quiet).map_err(|error| work(&error))?;
        // Estimates are dear, and their noise hides what a better proposal would gain.
        let settings = selection::Settings { draws: settings.draws / 4, adaptive_draws: 500, rounds: 2, ..settings };
        let found = selection::evidence_of_estimator(&filter, fit.effort, &fit.posterior, &settings, quiet);
        return Ok((found.map_err(|error| work(&error))?, fit.warnings(&chains)));
    }
    let likelihood = ProblemLikelihood::new(&plan.problem);
    let chains = mcmc::Settings {
        min_effective_sample_size: plan.mcmc.min_effective_sample_size.min(EFFECTIVE),
        seed,
        ..plan.mcmc.clone()
    };
    let fit = mcmc::run(&likelihood, &chains, quiet).map_err(|error| work(&error))?;
    let found = selection::evidence_of_likelihood(&likelihood, &fit.posterior, &settings, quiet);
    Ok((found.map_err(|error| work(&error))?, fit.warnings(&chains)))
}

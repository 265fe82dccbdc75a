//! What a run says, gathered for the page.

mod cascade;
mod checks;
mod density;
mod individuals;
mod methods;
mod parts;
mod predictions;
mod profiles;
mod samples;
mod sensitivity;
mod survival;
mod ties;
mod words;

pub(crate) use survival::in_words as endpoint_in_words;
pub(crate) use words::law as prior_in_words;

use metacascade_inference::{self as inference, Posterior, Scale, moments};
use metacascade_problem::{FitMethod, Problem, Run, run::ParameterSummary};
use metacascade_random::Key;

use crate::{
    content::{BeforeAdjustment, Content, Generation, Pairs, Parameter, Verdict},
    inline::LIBRARY_VERSIONS,
    number::significant,
};

/// Rows of [`Pairs::draws`].
const PAIRS: usize = 400;

/// Everything the page says about a run, finished or not.
#[must_use]
pub fn content(run: &Run) -> Content {
    let Run { settings, problem, posterior, outcome, .. } = run;
    let summaries = match outcome {
        Some(outcome) => outcome.parameters.clone(),
        None => ParameterSummary::all(problem, posterior),
    };
    let parameters = parameters(run, &summaries);
    let samples = samples::Samples::new(run);
    let mut observables = predictions::observables(run, &samples);
    let survival = survival::survival(run);
    let mut warnings: Vec<String> = match outcome {
        Some(outcome) => outcome.warnings.clone(),
        None => {
            vec!["The fit has not come to its end: these are the particles of its last complete generation.".into()]
        }
    };
    warnings.extend(problem.warnings().iter().cloned());
    let headline = words::headline(&parameters, &observables, &survival);
    warnings.extend(predictions::thin(&mut observables));
    let mut content = Content {
        title: problem.title().to_owned(),
        subtitle: problem.description().to_owned(),
        method: method(run),
        headline,
        warnings,
        sensitivities: sensitivity::sensitivities(run, &parameters, time_unit(problem)),
        // A picture is not worth a run.
        diagram: crate::diagram(problem.network()).unwrap_or_default(),
        cascade: cascade::cascade(run),
        parameters,
        derived: individuals::derived(run),
        individuals: individuals::individuals(run),
        profiles: profiles::profiles(run),
        time_unit: time_unit(problem).to_owned(),
        observables,
        survival,
        shares: samples.shares(),
        counts: samples.counts(),
        compositions: samples.compositions(),
        checks: checks::checks(run),
        calibration: checks::calibration(run),
        pairs: pairs(problem, posterior, settings.seed),
        generations: run
            .generations
            .iter()
            .map(|row| Generation {
                index: row.index,
                threshold: row.threshold,
                acceptance: row.acceptance,
                simulations: row.simulations,
                effective_sample_size: row.effective_sample_size,
            })
            .collect(),
        optimiser_starts: run.starts.iter().map(|start| start.log_likelihood).collect(),
        stopping_reason: outcome.as_ref().map(|outcome| outcome.stopped.clone()).unwrap_or_default(),
        seconds: outcome.as_ref().map_or(0.0, |outcome| outcome.seconds),
        settings: rows(run),
        command: settings.command.clone(),
        versions: versions(&settings.version),
        file_hashes: problem.files().iter().map(|file| (file.name.clone(), file.sha256.clone())).collect(),
        ..Content::default()
    };
    content.methods = methods::paragraph(run, &content);
    content.bibliography = methods::bibliography(&content.methods);
    content
}

/// The unit of time for readers; empty where time is a pure number.
pub(crate) fn time_unit(problem: &Problem) -> &str {
    match problem.network().time_unit() {
        "1" => "",
        unit => unit,
    }
}

/// Of metacascade at the time of the fit, and of what draws the figures.
#[must_use]
pub fn versions(metacascade: &str) -> Vec<(String, String)> {
    let all = [("metacascade", metacascade)].into_iter().chain(LIBRARY_VERSIONS);
    all.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

fn method(run: &Run) -> String {
    let simulation = &run.settings.simulation;
    match run.settings.method {
        FitMethod::AbcSmc => format!(
            "approximate Bayesian computation (ABC-SMC) on stochastic simulations by {}: {}",
            simulation.method, simulation.reason
        ),
        FitMethod::AbcRejection => format!(
            "approximate Bayesian computation by rejection on stochastic simulations by {}: {}",
            simulation.method, simulation.reason
        ),
        FitMethod::Surrogate => format!(
            "synthetic likelihood learned in rounds (surrogate) from stochastic simulations by {}: {}",
            simulation.method, simulation.reason
        ),
        FitMethod::Mcmc => "Markov chains on the likelihood around the mean field".to_owned(),
        FitMethod::Pmmh => format!(
            "Markov chains on the model's own likelihood (pmmh), estimated from stochastic simulations by {}: {}",
            simulation.method, simulation.reason
        ),
        FitMethod::SyntheticLikelihood => format!(
            "Markov chains on a synthetic likelihood of learned summaries, from stochastic simulations by {}: {}",
            simulation.method, simulation.reason
        ),
        FitMethod::Mle => {
            let log_likelihood = run.outcome.as_ref().and_then(|outcome| outcome.log_likelihood);
            let highest = log_likelihood.map_or(String::new(), |value| format!(", {} at best", significant(value, 5)));
            format!(
                "maximum likelihood of the mean field from many starts{highest}; intervals by Laplace's approximation"
            )
        }
    }
}

fn rows(run: &Run) -> Vec<(String, String)> {
    let settings = &run.settings;
    let value = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut rows: Vec<(String, String)> =
        settings.fit.iter().map(|(name, setting)| (name.replace('_', " "), value(setting))).collect();
    rows.push(("simulation".into(), settings.simulation.method.clone()));
    rows.push(("threads".into(), settings.threads.to_string()));
    rows
}

/// How many independent draws the posterior is worth.
pub(crate) fn effective_draws(run: &Run) -> f64 {
    let outcome = run.outcome.as_ref().map(|outcome| outcome.effective_sample_size);
    outcome.unwrap_or_else(|| run.posterior.effective_sample_size())
}

fn parameters(run: &Run, summaries: &[ParameterSummary]) -> Vec<Parameter> {
    let Run { problem, posterior, .. } = run;
    // Draws from a normal approximation may be as many as one likes: their number says nothing about its precision.
    let effective = match run.settings.method {
        FitMethod::AbcSmc | FitMethod::AbcRejection => Some(posterior.effective_sample_size()),
        // Draws of chains weigh the same but depend on each other.
        FitMethod::Surrogate | FitMethod::Mcmc | FitMethod::Pmmh | FitMethod::SyntheticLikelihood => {
            run.outcome.as_ref().map(|outcome| outcome.effective_sample_size)
        }
        FitMethod::Mle => None,
    };
    let ties = ties::ties(run, summaries);
    let raw = run.outcome.as_ref().map_or(&[][..], |outcome| &outcome.before_adjustment);
    let before = |summary: &ParameterSummary| {
        let raw = raw.iter().find(|raw| raw.id == summary.id)?;
        Some(BeforeAdjustment {
            estimate: raw.median,
            interval_95: raw.interval95.into(),
            moved: (summary.mean - raw.mean) / summary.sd,
        })
    };
    let all = problem.estimated_rows().zip(problem.estimated()).zip(summaries).zip(ties).enumerate();
    all.map(|(index, (((row, parameter), summary), tie))| Parameter {
        name: row.id.clone(),
        description: if row.name.is_empty() { row.description.clone() } else { row.name.clone() },
        unit: row.unit.clone(),
        prior: words::prior(parameter),
        estimate: summary.median,
        interval_50: summary.interval50.into(),
        interval_80: [0.1, 0.9].map(|p| posterior.quantiles(index).at(p)),
        interval_95: summary.interval95.into(),
        contraction: summary.contraction,
        overlap: summary.overlap,
        effective_draws: effective,
        verdict: Verdict::of(summary.contraction, summary.overlap),
        tie,
        before_adjustment: before(summary),
        log_scale: parameter.scale == Scale::Log10,
        prior_density: density::prior(parameter),
        posterior_density: density::posterior(parameter, &posterior.column(index), &posterior.weights),
    })
    .collect()
}

fn pairs(problem: &Problem, posterior: &Posterior, seed: u64) -> Pairs {
    let parameters = problem.estimated();
    let chosen = posterior.resample(PAIRS, Key::new(seed));
    let weights = &posterior.weights;
    let standardised = |(index, parameter): (usize, &inference::Parameter)| -> Vec<f64> {
        let scaled: Vec<f64> = posterior.draws.iter().map(|draw| parameter.to_scale(draw[index])).collect();
        let (mean, variance) = moments(&scaled, weights);
        scaled.iter().map(|value| (value - mean) / variance.sqrt()).collect()
    };
    let columns: Vec<Vec<f64>> = parameters.iter().enumerate().map(standardised).collect();
    let correlation = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(weights).map(|((x, y), w)| w * x * y).sum();
    Pairs {
        names: posterior.names.clone(),
        log_scale: parameters.iter().map(|parameter| parameter.scale == Scale::Log10).collect(),
        draws: chosen.iter().map(|&index| posterior.draws[index].clone()).collect(),
        correlation: columns.iter().map(|a| columns.iter().map(|b| correlation(a, b)).collect()).collect(),
    }
}

//! The inference benchmark's own side: fits fresh data sets of the reference problems, and scores each posterior against the
//! exact one. Prints a header and one line a fit, separated by tabs. `scripts/bench inference` runs it.
//!
//! Arguments: methods, problems (or `all`), data sets, simulations, and a folder for the data sets with draws from their
//! exact posteriors, if peers are to fit them too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::time::Instant;

use metacascade_inference::{
    Parameter, Posterior, Simulator, abc_smc, mcmc,
    particle::Filter,
    pseudo_marginal,
    reference::{self, Case},
    surrogate,
    synthetic::Synthetic,
};
use metacascade_random::Key;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut option = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let methods = option("surrogate");
    let problems = option("all");
    let data_sets: u64 = option("12").parse().expect("the number of data sets");
    let simulations: u64 = option("5000").parse().expect("the number of simulations");
    let folder = option("");
    println!("problem\tmethod\tdata_set\tsimulations\tseconds\terror\twarnings");
    for problem in reference::all() {
        if problems != "all" && !problems.split(',').any(|name| name == problem.name()) {
            continue;
        }
        for data_set in 0..data_sets {
            let case = Case::draw(&*problem, Key::new(1000 + data_set)).expect("the truth can be simulated");
            let exact = reference::exact_posterior(&case, 20_000.0, 1).expect("there is a posterior");
            if !folder.is_empty() {
                export(&case, &exact.posterior, &format!("{folder}/{}-{data_set}.json", problem.name()));
            }
            for method in methods.split(',') {
                let started = Instant::now();
                let Fitted { posterior, raw, simulations, warnings } = fit(&case, method, simulations, data_set + 1);
                let seconds = started.elapsed().as_secs_f64();
                let before = raw.map(|raw| (format!("{method} before adjustment"), raw));
                for (method, posterior) in std::iter::once((method.to_owned(), posterior)).chain(before) {
                    let error = reference::error(problem.parameters(), &posterior, &exact.posterior);
                    let mut warned = warnings.join(" ");
                    if std::env::var_os("DETAIL").is_some() {
                        warned += &detail(&case, &posterior, &exact.posterior);
                    }
                    let name = problem.name();
                    println!("{name}\t{method}\t{data_set}\t{simulations}\t{seconds:.3}\t{error:.4}\t{warned}");
                }
            }
        }
    }
}

/// Writes a data set, its summaries, and 5,000 draws from its exact posterior on the parameters' scales.
fn export(case: &Case<'_>, exact: &Posterior, path: &str) {
    let parameters = case.reference.parameters();
    let scaled = |draw: &Vec<f64>| -> Vec<f64> {
        parameters.iter().zip(draw).map(|(parameter, &value)| parameter.to_scale(value)).collect()
    };
    let step = (exact.draws.len() / 5000).max(1);
    let draws: Vec<Vec<f64>> = exact.draws.iter().step_by(step).map(scaled).collect();
    let content = serde_json::json!({
        "problem": case.reference.name(),
        "names": exact.names,
        "data": case.data,
        "summaries": case.summarised().observed(),
        "exact": draws,
    });
    std::fs::write(path, content.to_string()).expect("the folder can be written");
}

/// How far each parameter's mean is off, in standard deviations, and its standard deviation as a share of the exact one.
fn detail(case: &Case<'_>, found: &Posterior, exact: &Posterior) -> String {
    let parameters = case.reference.parameters().iter().enumerate();
    let one = |(index, parameter): (usize, &Parameter)| {
        let moments = |posterior: &Posterior| {
            let values: Vec<f64> = posterior.draws.iter().map(|draw| parameter.to_scale(draw[index])).collect();
            metacascade_inference::moments(&values, &posterior.weights)
        };
        let (found, exact) = (moments(found), moments(exact));
        format!(" {:+.3}/{:.2}", (found.0 - exact.0) / exact.1.sqrt(), (found.1 / exact.1).sqrt())
    };
    parameters.map(one).collect()
}

/// What a method gives.
struct Fitted {
    posterior: Posterior,
    /// Before regression adjustment, where there is any.
    raw: Option<Posterior>,
    /// Simulations, or evaluations of the likelihood.
    simulations: u64,
    warnings: Vec<String>,
}

fn fit(case: &Case<'_>, method: &str, simulations: u64, seed: u64) -> Fitted {
    match method {
        "exact" => {
            let settings = mcmc::Settings { seed, ..mcmc::Settings::default() };
            let fit = mcmc::run(case, &settings, &mut ()).expect("a fit");
            let warnings = fit.warnings(&settings);
            Fitted { posterior: fit.posterior, raw: None, simulations: fit.evaluations, warnings }
        }
        "pmmh" => {
            // 3,000 effective draws score about .025.
            let settings = pseudo_marginal::Settings {
                min_effective_sample_size: 3000.0,
                seed,
                ..pseudo_marginal::Settings::default()
            };
            let fit = pseudo_marginal::run(&Filter(case), &settings, &mut ()).expect("a fit");
            let mut warnings = fit.warnings(&settings);
            warnings.push(format!("{} particles, variance {:.2}", fit.effort, fit.variance));
            Fitted { posterior: fit.posterior, raw: None, simulations: fit.evaluations, warnings }
        }
        "synthetic-likelihood" => {
            let settings = pseudo_marginal::Settings { seed, ..pseudo_marginal::Settings::default() };
            let summarised = case.summarised();
            let synthetic = Synthetic::learned(&summarised, seed, &mut ()).expect("a pilot");
            let fit = pseudo_marginal::run(&synthetic, &settings, &mut ()).expect("a fit");
            let mut warnings = fit.warnings(&settings);
            warnings.push(format!("{} simulations each, variance {:.2}", fit.effort, fit.variance));
            let simulations = fit.evaluations * fit.effort as u64 + synthetic.spent();
            Fitted { posterior: fit.posterior, raw: None, simulations, warnings }
        }
        "surrogate" | "surrogate-summaries" => {
            let settings = surrogate::Settings { simulations, seed, ..surrogate::Settings::default() };
            let fit = match method {
                "surrogate" => surrogate::run(case, &settings, &mut ()),
                _ => surrogate::run(&case.summarised(), &settings, &mut ()),
            };
            let fit = fit.expect("a fit");
            let mut warnings = fit.check.warnings();
            warnings.push(format!("{:?}", fit.check));
            Fitted { posterior: fit.posterior, raw: None, simulations: fit.simulations, warnings }
        }
        "abc-smc" => {
            let settings = abc_smc::Settings { max_simulations: simulations, seed, ..abc_smc::Settings::default() };
            let fit = abc_smc::run(&case.summarised(), &settings, &mut ()).expect("a fit");
            let mut warnings = fit.check.warnings();
            warnings.push(format!("{:?}", fit.check));
            let raw = Some(fit.last.posterior);
            Fitted { posterior: fit.posterior, raw, simulations: fit.simulations, warnings }
        }
        other => panic!("there is no method {other}"),
    }
}

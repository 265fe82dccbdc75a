//! The inference benchmark's own side: fits fresh data sets of the reference problems, and scores each posterior against the
//! exact one. Prints a header and one line a fit, separated by tabs. `scripts/bench inference` runs it.
//!
//! Arguments: methods, problems (or `all`), data sets, simulations, and a folder for the data sets with draws from their
//! exact posteriors, if peers are to fit them too.
//!
//! With `calibration` before these, data sets have truths from the whole prior, and what is told is whether the methods are
//! calibrated: a line a parameter. `scripts/calibration` runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on has failed")]

use std::time::Instant;

use metacascade_inference::{
    Opinion, Parameter, Posterior, Simulator,
    reference::{self, Case},
};
use metacascade_random::Key;

use fit::{Effort, Fitted, fit};

mod calibration;
mod fit;

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let calibrated = arguments.next_if(|first| first == "calibration").is_some();
    let mut option = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let methods = option("surrogate");
    let problems = option("all");
    let data_sets: u64 = option("12").parse().expect("the number of data sets");
    let simulations: u64 = option("5000").parse().expect("the number of simulations");
    if calibrated {
        return calibration::run(&methods, &problems, data_sets as usize, simulations);
    }
    let folder = option("");
    // 4,000 effective draws score about .02.
    let effort = Effort { simulations, draws: 4000.0 };
    println!("problem\tmethod\tdata_set\tsimulations\tseconds\terror\twarnings");
    for problem in reference::all() {
        if !wanted(&problems, problem.name()) {
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
                let Fitted { posterior, raw, simulations, mut warnings } = fit(&case, method, effort, data_set + 1);
                let seconds = started.elapsed().as_secs_f64();
                if method.starts_with("abc-smc") || method == "synthetic-likelihood" {
                    let opinion = Opinion::on(&posterior, simulations, &case, data_set + 1, &());
                    warnings.extend(opinion.as_ref().and_then(Opinion::warning));
                    warnings.push(format!("{opinion:?}"));
                }
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

/// Whether a list of names, or `all`, holds a name.
fn wanted(names: &str, name: &str) -> bool {
    names == "all" || names.split(',').any(|wanted| wanted == name)
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

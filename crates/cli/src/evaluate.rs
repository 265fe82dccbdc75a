//! `metacascade evaluate`.

use std::collections::BTreeMap;

use metacascade_engine::suggestion;
use metacascade_problem::{EvaluateMethod, Evaluation, Problem, evaluate, write_file};
use serde::Serialize;

use crate::args::Evaluate;
use crate::error::Failed;
use crate::simulate;

const METHODS: [&str; 3] = ["ode", "linear-noise", "exact"];

/// What is written as JSON; numbers that are not finite are null.
#[derive(Serialize)]
struct Found<'a> {
    method: &'a str,
    log_likelihood: f64,
    chi_squared: f64,
    log_prior: f64,
    log_posterior: f64,
    measurements: usize,
    parameters: BTreeMap<&'a str, f64>,
}

/// Evaluates a problem at its nominal parameters.
pub fn run(typed: &Evaluate) -> Result<(), Failed> {
    let method = match typed.method.as_str() {
        "ode" => EvaluateMethod::Ode,
        "linear-noise" => EvaluateMethod::LinearNoise,
        "exact" => EvaluateMethod::Exact,
        other => {
            let help = suggestion(other, METHODS).unwrap_or_else(|| format!("the methods are {}", METHODS.join(", ")));
            return Err(Failed::usage(format!("there is no method `{other}` to evaluate with")).help(help));
        }
    };
    let mut problem = Problem::load(&typed.problem)?;
    for warning in problem.warnings() {
        say!("warning: {warning}");
    }
    for text in &typed.set {
        let (name, value) = simulate::assignment(text)?;
        problem.set(name, value).map_err(Failed::usage)?;
    }
    let point = problem.nominal();
    let evaluation = evaluate(&problem, &point, method)
        .map_err(|failure| Failed::Work(format!("at these parameters: {}", failure.0)))?;
    if let Some(output) = &typed.output {
        write_file(output, problem.simulation_table(&evaluation.simulations)?.as_bytes())?;
    }
    let Evaluation { log_likelihood, chi_squared, log_prior, .. } = evaluation;
    let (log_posterior, measurements) = (evaluation.log_posterior(), problem.measurement_count());
    if typed.json {
        let estimated =
            problem.estimated().iter().zip(&point).map(|(parameter, &value)| (parameter.name.as_str(), value));
        let (method, parameters) = (typed.method.as_str(), estimated.collect());
        let found = Found { method, log_likelihood, chi_squared, log_prior, log_posterior, measurements, parameters };
        crate::json::print(&found)?;
    } else {
        anstream::println!("log-likelihood  {log_likelihood:.4}");
        anstream::println!("chi²            {chi_squared:.4} ({measurements} measurements)");
        anstream::println!("log-prior       {log_prior:.4}");
        anstream::println!("log-posterior   {log_posterior:.4}");
    }
    Ok(())
}

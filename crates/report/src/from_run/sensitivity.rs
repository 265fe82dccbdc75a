//! On which parameters what the model predicts depends, over the posterior.

use metacascade_inference::diagnostics::partial_rank_correlations;
use metacascade_problem::{DRAWS, Run, predicted_particles, predictive_key, replicated_particles, replicated_sets};

use super::parts::arm;
use crate::{
    content::{OutcomeSensitivity, Parameter, ParameterSensitivity},
    number::tick,
};

/// Outcomes that are told.
const OUTCOMES: usize = 6;

/// What is predicted at the end, and how it goes with each parameter: shares without the events first, then observables.
pub fn sensitivities(run: &Run, parameters: &[Parameter], unit: &str) -> Vec<OutcomeSensitivity> {
    if parameters.len() < 2 {
        return Vec::new();
    }
    let mut outcomes = events(run, unit);
    outcomes.extend(observables(run, unit));
    outcomes.truncate(OUTCOMES);
    let one = |(outcome, particles, values): Outcome| {
        let draws: Vec<Vec<f64>> = particles.iter().map(|&particle| run.posterior.draws[particle].clone()).collect();
        let found = partial_rank_correlations(&draws, &values, super::effective_draws(run));
        let mut rows: Vec<ParameterSensitivity> = parameters
            .iter()
            .zip(found)
            .map(|(parameter, found)| ParameterSensitivity {
                parameter: parameter.name.clone(),
                description: parameter.description.clone(),
                coefficient: found.coefficient,
                interval: found.interval.into(),
                verdict: Some(parameter.verdict),
            })
            .collect();
        rows.sort_by(|a, b| b.coefficient.abs().total_cmp(&a.coefficient.abs()));
        OutcomeSensitivity { outcome, rows }
    };
    outcomes.into_iter().map(one).collect()
}

/// What it is, the positions of the draws in the posterior, and its values.
type Outcome = (String, Vec<usize>, Vec<f64>);

/// For each endpoint the share of subjects without it at the end of the longest follow-up.
fn events(run: &Run, unit: &str) -> Vec<Outcome> {
    let Some(found) = &run.replicates else { return Vec::new() };
    let problem = &run.problem;
    let particles = replicated_particles(&run.posterior, replicated_sets(problem), predictive_key(run.settings.seed));
    let outcome = |endpoint: usize| {
        let rows: Vec<usize> =
            (0..problem.survival().len()).filter(|&row| problem.survival()[row].endpoint == endpoint).collect();
        let end = rows.iter().map(|&row| problem.survival()[row].time).fold(0.0, f64::max);
        let (mut chosen, mut values) = (Vec::new(), Vec::new());
        for (&draw, seen) in found.draws.iter().zip(&found.survival) {
            let free = rows.iter().filter(|&&row| seen[row].event_time > end).count();
            chosen.push(*particles.get(draw)?);
            values.push(free as f64 / rows.len().max(1) as f64);
        }
        let what = super::endpoint_in_words(&problem.endpoints()[endpoint].formula);
        Some((format!("share without {what} at {} {unit}", tick(end)), chosen, values))
    };
    (0..problem.endpoints().len()).filter_map(outcome).collect()
}

/// For each observable its value at the last time it is predicted for, in the first experiment it was measured in.
fn observables(run: &Run, unit: &str) -> Vec<Outcome> {
    let Some(found) = &run.predictive else { return Vec::new() };
    let problem = &run.problem;
    let particles = predicted_particles(&run.posterior, DRAWS, predictive_key(run.settings.seed));
    let several = problem.experiments().len() > 1;
    let outcome = |observable: usize| {
        let rows = || (0..found.time.len()).filter(move |&row| found.observable[row] == observable);
        let experiment = rows().map(|row| found.experiment[row]).min()?;
        let rows = || rows().filter(move |&row| found.experiment[row] == experiment);
        let last = rows().map(|row| found.time[row]).filter(|time| time.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        let (mut chosen, mut values) = (Vec::new(), Vec::new());
        for row in rows().filter(|&row| found.time[row] == last) {
            chosen.push(*particles.get(found.draw[row])?);
            values.push(found.simulation[row]);
        }
        let name = &problem.observables()[observable];
        let name = if name.name.is_empty() { &name.id } else { &name.name };
        let of = if several { format!(", {}", arm(problem, experiment)) } else { String::new() };
        Some((format!("{name}{of} at {} {unit}", tick(last)), chosen, values))
    };
    (0..problem.observables().len()).filter_map(outcome).collect()
}

//! What follows from the parameters, and what each group and subject is like.

use std::collections::BTreeMap;

use metacascade_inference::Quantiles;
use metacascade_problem::{DerivedSummary, Problem, Run};

use crate::content::{Derived, Individual, Individuals, Predicted};

/// Values that span more than this factor are shown on a logarithmic axis.
const LOG_FACTOR: f64 = 10.0;

/// The derived quantities of a run: as told at its end, or computed if it did not come to one.
pub fn derived(run: &Run) -> Vec<Derived> {
    let computed;
    let summaries = match &run.outcome {
        Some(outcome) => &outcome.derived,
        None => {
            computed = DerivedSummary::all(&run.problem, &run.posterior);
            &computed
        }
    };
    let one = |summary: &DerivedSummary| Derived {
        name: summary.id.clone(),
        description: summary.description.clone(),
        formula: summary.formula.clone(),
        unit: summary.unit.clone(),
        estimate: summary.median,
        interval_50: summary.interval50.into(),
        interval_95: summary.interval95.into(),
        prior_95: summary.prior95.into(),
    };
    summaries.iter().map(one).collect()
}

/// Each quantity that is different in every individual, in the order of the run.
pub fn individuals(run: &Run) -> Vec<Individuals> {
    let Some(found) = &run.individuals else { return Vec::new() };
    let several = run.problem.experiments().len() > 1;
    let mut order: Vec<(&str, bool)> = Vec::new();
    let mut values: BTreeMap<(&str, bool), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for row in 0..found.value.len() {
        let group = !found.group[row].is_empty();
        let key = (found.quantity[row].as_str(), group);
        if !order.contains(&key) {
            order.push(key);
        }
        let name = match (group, several) {
            (true, _) => found.group[row].clone(),
            (false, false) => found.subject[row].clone(),
            (false, true) => {
                format!("{}, {}", found.subject[row], super::parts::arm(&run.problem, found.experiment[row]))
            }
        };
        values.entry(key).or_default().entry(name).or_default().push(found.value[row]);
    }
    let quantities = order.into_iter().filter_map(|key| {
        let all = values.remove(&key)?;
        let of = |(name, values): (String, Vec<f64>)| {
            let quantiles = Quantiles::unweighted(&values);
            let [lower95, lower50, median, upper50, upper95] = [0.025, 0.25, 0.5, 0.75, 0.975].map(|p| quantiles.at(p));
            Individual { name, value: Predicted { lower95, lower50, median, upper50, upper95 } }
        };
        let mut rows: Vec<Individual> = all.into_iter().map(of).collect();
        rows.sort_by(|a, b| a.value.median.total_cmp(&b.value.median));
        let (low, high) = rows.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), row| {
            (low.min(row.value.lower95), high.max(row.value.upper95))
        });
        let (description, unit) = about(&run.problem, key.0);
        Some(Individuals {
            quantity: key.0.to_owned(),
            description,
            unit,
            of_groups: key.1,
            log_axis: low > 0.0 && high > LOG_FACTOR * low,
            location: location(run, key.0),
            rows,
        })
    });
    quantities.collect()
}

/// Description and unit of a symbol of the model.
fn about(problem: &Problem, name: &str) -> (String, String) {
    let network = problem.network();
    let parameter = network.parameter_index(name).map(|index| &network.parameters()[index]);
    let rule = || network.rules().iter().find(|rule| rule.name == name);
    let own = parameter.map(|one| (&one.description, &one.unit));
    let found = own.or_else(|| rule().map(|one| (&one.description, &one.unit)));
    found.map_or_else(Default::default, |(description, unit)| (description.clone(), unit.clone()))
}

/// The posterior median of an estimated parameter.
fn location(run: &Run, name: &str) -> Option<f64> {
    let index = run.problem.estimated().iter().position(|parameter| parameter.name == name)?;
    Some(run.posterior.quantiles(index).at(0.5))
}

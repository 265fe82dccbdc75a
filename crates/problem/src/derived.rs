//! Quantities derived from the parameters, such as a doubling time: told with their intervals, beside the parameters.
//!
//! ```yaml
//! derived:
//! - {name: doubling_time, formula: ln(2) / growth, unit: day, description: doubling time of the primary}
//! ```

use metacascade_engine::Program;
use metacascade_inference::{Posterior, Quantiles};
use metacascade_random::Key;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use crate::{
    files::Folder,
    problem::Problem,
    problems::Problems,
    scope::{Scope, is_identifier},
};

/// Draws of the prior behind the intervals of a derived quantity under it.
const PRIOR_DRAWS: u64 = 4000;

/// A line of `derived`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub name: Spanned<String>,
    pub formula: Spanned<String>,
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub description: String,
}

/// A quantity that follows from the parameters.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Its name.
    pub name: String,
    /// The formula over parameters, as written.
    pub formula: String,
    /// Unit; may be empty.
    pub unit: String,
    /// What it means; may be empty.
    pub description: String,
    program: Program,
}

/// What a posterior says of a derived quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedSummary {
    /// Its name.
    pub id: String,
    /// What it means; may be empty.
    pub description: String,
    /// The formula over parameters.
    pub formula: String,
    /// Unit; may be empty.
    pub unit: String,
    /// Posterior median.
    pub median: f64,
    /// Central 50 % interval.
    pub interval50: (f64, f64),
    /// Central 95 % interval.
    pub interval95: (f64, f64),
    /// Central 95 % interval under the prior.
    pub prior95: (f64, f64),
}

/// Compiles all lines; what is wrong is told at its place in the document.
pub(crate) fn read(lines: &[Line], folder: &Folder, scope: &mut Scope<'_>, problems: &mut Problems) -> Vec<Derived> {
    let mut found: Vec<Derived> = Vec::new();
    for line in lines {
        let name = line.name.value.as_str();
        if !is_identifier(name) {
            let help = "use letters, digits and underscores, and begin with a letter";
            problems.push(folder.complain(&line.name, format!("`{name}` is not an identifier"), "here").help(help));
        } else if found.iter().any(|known| known.name == name) || scope.parameter_names().any(|known| known == name) {
            let message = format!("there is a parameter or derived quantity `{name}` already");
            problems.push(folder.complain(&line.name, message, "again here").help("choose another name"));
        }
        let Some(network) = scope.network else { continue };
        let program = match network.compile_in(scope.dialect, &line.formula.value, &scope.extra) {
            Ok(program) => program,
            Err(error) => {
                let problem = folder.complain(&line.formula, format!("in `formula`: {}", error.message), "here");
                problems.push(match error.help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
                continue;
            }
        };
        let parameters = crate::experiments::parameter_slots(network);
        let changing =
            program.reads().iter().copied().find(|slot| *slot < network.slots() && !parameters.contains(slot));
        if let Some(slot) = changing {
            let other = network.symbols().nth(slot).unwrap_or_default();
            let problem =
                folder.complain(&line.formula, format!("`{other}` changes as the model runs"), "not a parameter");
            problems.push(problem.help("derived quantities follow from parameters; measure others as observables"));
            continue;
        }
        let extra = program.reads().iter().filter(|slot| **slot >= network.slots());
        scope.used.extend(extra.map(|slot| slot - network.slots()));
        found.push(Derived {
            name: name.to_owned(),
            formula: line.formula.value.clone(),
            unit: line.unit.clone(),
            description: line.description.clone(),
            program,
        });
    }
    found
}

impl Derived {
    /// The value at parameters on the natural scale, in the order of [`Problem::estimated`].
    #[must_use]
    pub fn value(&self, problem: &Problem, parameters: &[f64]) -> f64 {
        let mut values = vec![0.0; problem.scope_slots];
        let slots = crate::experiments::parameter_slots(&problem.network);
        values[slots].copy_from_slice(&problem.network.default_parameters());
        for (row, &slot) in problem.parameters.iter().zip(&problem.slots) {
            values[slot] = row.nominal.unwrap_or_default();
        }
        for (&position, &value) in problem.estimated_positions.iter().zip(parameters) {
            values[problem.slots[position]] = value;
        }
        self.program.evaluate(&values)
    }
}

impl DerivedSummary {
    /// Summaries of all derived quantities.
    #[must_use]
    pub fn all(problem: &Problem, posterior: &Posterior) -> Vec<Self> {
        let prior: Vec<Vec<f64>> = (0..PRIOR_DRAWS)
            .map(|draw| {
                let mut stream = Key::new(0).child(draw).stream();
                problem.estimated().iter().map(|parameter| parameter.sample(&mut stream)).collect()
            })
            .collect();
        let of = |derived: &Derived| {
            let values =
                |draws: &[Vec<f64>]| draws.iter().map(|draw| derived.value(problem, draw)).collect::<Vec<f64>>();
            let quantiles = Quantiles::new(&values(&posterior.draws), &posterior.weights);
            let before = Quantiles::unweighted(&values(&prior));
            Self {
                id: derived.name.clone(),
                description: derived.description.clone(),
                formula: derived.formula.clone(),
                unit: derived.unit.clone(),
                median: quantiles.at(0.5),
                interval50: (quantiles.at(0.25), quantiles.at(0.75)),
                interval95: (quantiles.at(0.025), quantiles.at(0.975)),
                prior95: (before.at(0.025), before.at(0.975)),
            }
        };
        problem.derived().iter().map(of).collect()
    }
}

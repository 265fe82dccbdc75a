//! What a choice between models comes to, in a terminal and as JSON.

use std::path::PathBuf;

use comfy_table::CellAlignment;
use metacascade_inference::selection::{Choice, Evidence};
use metacascade_report::number::significant;
use serde::Serialize;

use super::Selected;
use crate::error::Failed;
use crate::table::table;

/// A model, as JSON.
#[derive(Serialize)]
struct Model<'s> {
    name: &'s str,
    problem: String,
    parameters: usize,
    #[serde(flatten)]
    choice: &'s Choice,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'s Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unadjusted_probability: Option<f64>,
}

/// What joint simulation was, as JSON.
#[derive(Serialize)]
struct Simulated<'s> {
    simulations: u64,
    failures: &'s [u64],
    summaries: usize,
    adjusted: bool,
    likeness: f64,
}

/// All of it, as JSON.
#[derive(Serialize)]
struct Written<'s> {
    method: &'s str,
    seed: u64,
    models: Vec<Model<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joint: Option<Simulated<'s>>,
    warnings: &'s [String],
}

/// Prints JSON.
pub(super) fn json(selected: &Selected, problems: &[PathBuf]) -> Result<(), Failed> {
    let Selected { method, seed, labels, parameters, choices, evidences, joint, warnings } = selected;
    let model = |index: usize| Model {
        name: &labels[index],
        problem: problems[index].display().to_string(),
        parameters: parameters[index],
        choice: &choices[index],
        evidence: evidences.get(index),
        accepted: joint.as_ref().map(|joint| joint.accepted[index]),
        unadjusted_probability: joint.as_ref().map(|joint| joint.unadjusted[index]),
    };
    let joint = joint.as_ref().map(|joint| Simulated {
        simulations: joint.simulations,
        failures: &joint.failures,
        summaries: joint.summaries,
        adjusted: joint.adjusted,
        likeness: joint.likeness,
    });
    let models = (0..labels.len()).map(model).collect();
    crate::json::print(&Written { method: method.name(), seed: *seed, models, joint, warnings })
}

/// Prints a table, a sentence, and warnings.
pub(super) fn lines(selected: &Selected) -> Result<(), Failed> {
    let Selected { labels, choices, evidences, joint, warnings, .. } = selected;
    let third = if joint.is_some() { "accepted" } else { "log evidence" };
    let mut rows = table(&["model", "prior", third, "log Bayes factor", "probability"]);
    for (index, (label, choice)) in labels.iter().zip(choices).enumerate() {
        let found = match (joint, evidences.get(index)) {
            (Some(joint), _) => joint.accepted[index].to_string(),
            (None, Some(evidence)) => format!("{:.2} ± {:.2}", evidence.log_evidence, evidence.standard_error),
            (None, None) => String::new(),
        };
        let factor = match choice.log_bayes_factor_error {
            0.0 => format!("{:.2}", choice.log_bayes_factor),
            error => format!("{:.2} ± {error:.2}", choice.log_bayes_factor),
        };
        let probability = probability(choice);
        rows.add_row([label.clone(), significant(choice.prior, 3), found, factor, probability]);
    }
    for column in 1..5 {
        if let Some(column) = rows.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    anstream::println!("{rows}");
    // Where no simulation came near there is no factor.
    let counted = joint.as_ref().is_none_or(|joint| joint.adjusted);
    if let Some(sentence) = sentence(labels, choices).filter(|_| counted) {
        anstream::println!("{sentence}");
    }
    for warning in warnings {
        anstream::eprintln!("warning: {warning}");
    }
    Ok(())
}

/// A probability and its error, of as many digits as that has.
fn probability(choice: &Choice) -> String {
    let Choice { probability, probability_error: error, .. } = *choice;
    match probability {
        p if p > 0.9995 => "> 0.999".to_owned(),
        p if p < 0.0005 => format!("{} ± {}", significant(p, 2), significant(error, 1)),
        p => format!("{p:.3} ± {:.3}", error.max(0.0005)),
    }
}

/// The best against the next.
fn sentence(labels: &[String], choices: &[Choice]) -> Option<String> {
    let mut order: Vec<usize> = (0..choices.len()).collect();
    order.sort_by(|&a, &b| choices[b].log_bayes_factor.total_cmp(&choices[a].log_bayes_factor));
    let [best, next, ..] = order[..] else { return None };
    let factor = (-choices[next].log_bayes_factor).exp();
    let times = match factor {
        factor if factor < 1e6 => significant(factor, 2),
        _ => format!("more than {}", significant(1e6, 1)),
    };
    Some(format!("the data are {times} times as probable under {} as under {}", labels[best], labels[next]))
}

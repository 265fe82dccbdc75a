//! The figures of a report, each a Vega-Lite specification.

pub mod caterpillar;
pub mod compositions;
pub mod convergence;
pub mod courses;
pub mod data_against_prediction;
pub mod event_free;
pub mod kaplan_meier;
pub mod marginals;
pub mod pairs;
pub mod pit;
pub mod profiles;
pub mod ridges;
pub mod rootogram;
pub mod sensitivity;
pub mod shares;

use serde_json::{Value, json};

/// The parts all specifications begin with. `description` is read out by screen readers.
fn specification(description: &str) -> Value {
    json!({"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "description": description})
}

/// A name with its unit in brackets, for titles of axes.
pub(crate) fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_owned() } else { format!("{name} [{unit}]") }
}

/// A tooltip entry: a text field of the data under a heading.
fn tip(field: &str, title: &str) -> Value {
    json!({"field": field, "type": "nominal", "title": title})
}

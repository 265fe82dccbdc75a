//! `metacascade datasets`.

use serde::{Deserialize, Serialize};

use crate::args::Datasets;
use crate::error::Failed;
use crate::table::wrapped;

/// The index beside the folders, as it was when the program was built.
const INDEX: &str = include_str!("../../../datasets/index.toml");

/// What `datasets/index.toml` holds.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Index {
    datasets: Vec<Dataset>,
}

/// A data set: one folder.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Dataset {
    /// Name of the folder.
    name: String,
    title: String,
    /// The question that a fit answers.
    question: String,
    model: String,
    /// Kinds of measurements.
    data: Vec<String>,
    /// Who was measured, and how many.
    subjects: String,
    /// Paper, and where the figures are from.
    source: String,
    /// As stated at the source.
    licence: String,
    /// What a fit takes on two cores.
    minutes: f64,
}

/// Lists the data sets.
pub fn run(typed: &Datasets) -> Result<(), Failed> {
    let index: Index = toml::from_str(INDEX).map_err(|error| Failed::Work(format!("datasets/index.toml: {error}")))?;
    if typed.json {
        return crate::json::print(&index.datasets);
    }
    let mut rows = wrapped(&["dataset", "question", "data", "minutes"]);
    for one in &index.datasets {
        let data = format!("{}; {}", one.data.join(", "), one.subjects);
        rows.add_row([&one.name, &one.question, &data, &one.minutes.to_string()]);
    }
    anstream::println!("{rows}");
    anstream::println!("metacascade fit datasets/NAME fits one; its README.md and SOURCE.md say what it is.");
    Ok(())
}

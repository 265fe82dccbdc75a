//! `metacascade simulate --plot`.

use std::path::Path;

use metacascade_problem::{sha256, write_file};
use metacascade_report::content::{Course, Simulation, Values};
use metacascade_report::{render_simulation, versions};

use super::{Columns, Plan};
use crate::args::Simulate;
use crate::error::Failed;
use crate::report::quoted;

/// Writes the page of what was simulated.
pub fn write(path: &Path, typed: &Simulate, plan: &Plan, columns: &Columns) -> Result<(), Failed> {
    let page =
        render_simulation(&content(path, typed, plan, columns)).map_err(|error| Failed::Work(error.to_string()))?;
    tracing::debug!(file = %path.display(), bytes = page.len(), "file written");
    Ok(write_file(path, page.as_bytes())?)
}

fn content(path: &Path, typed: &Simulate, plan: &Plan, columns: &Columns) -> Simulation {
    let (network, times) = (&plan.network, &plan.times);
    let species = network.species().iter().map(|one| (&one.name, &one.description, &one.unit));
    let rules = network.rules().iter().map(|one| (&one.name, &one.description, &one.unit));
    let course = |(index, (name, description, unit)): (usize, (&String, &String, &String))| Course {
        name: name.clone(),
        description: description.clone(),
        unit: readable(unit),
        values: values(typed.summary, index, times, columns),
    };
    Simulation {
        title: if network.title().is_empty() { network.name() } else { network.title() }.to_owned(),
        subtitle: network.description().to_owned(),
        method: format!("by {}: {}", plan.method, plan.why),
        trajectories: typed.trajectories,
        time_unit: readable(network.time_unit()),
        times: times.clone(),
        courses: species.chain(rules).enumerate().map(course).collect(),
        settings: settings(typed, plan),
        command: command(path, typed),
        versions: versions(env!("CARGO_PKG_VERSION")),
        file_hashes: hashes(&typed.model),
    }
}

/// A unit for readers: a pure number has none.
fn readable(unit: &str) -> String {
    if unit == "1" { String::new() } else { unit.to_owned() }
}

/// The values of a species or rule, by its number, in the columns that are written to tables.
fn values(summary: bool, index: usize, times: &[f64], columns: &Columns) -> Values {
    let column = |place: usize| columns.get(place).map_or(&[][..], |(_, values)| values);
    match summary {
        true => Values::Moments { mean: column(1 + 2 * index).to_vec(), sd: column(2 + 2 * index).to_vec() },
        false => {
            let trajectories: Vec<&[f64]> = column(2 + index).chunks(times.len().max(1)).collect();
            Values::of(times, &trajectories)
        }
    }
}

fn settings(typed: &Simulate, plan: &Plan) -> Vec<(String, String)> {
    let arms = if typed.values.arm.is_empty() { "none".to_owned() } else { typed.values.arm.join(", ") };
    let set = if typed.values.set.is_empty() { "none".to_owned() } else { typed.values.set.join(", ") };
    let all = [
        ("model", plan.network.name().to_owned()),
        ("method", plan.method.to_string()),
        ("times", typed.times.clone()),
        ("trajectories", typed.trajectories.to_string()),
        ("seed", typed.seed.to_string()),
        ("arms", arms),
        ("set", set),
    ];
    all.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The model, a file or a shipped one, with its hash.
fn hashes(model: &str) -> Vec<(String, String)> {
    let shipped = || metacascade_cascade::model(model).map(|text| text.as_bytes().to_vec());
    let bytes = std::fs::read(model).ok().or_else(shipped);
    bytes.map(|bytes| (model.to_owned(), sha256(&bytes))).into_iter().collect()
}

/// The command that writes the page again.
fn command(path: &Path, typed: &Simulate) -> String {
    let mut words = vec!["metacascade".to_owned(), "simulate".to_owned(), quoted(&typed.model)];
    let mut add = |option: &str, value: &str| words.extend([option.to_owned(), quoted(value)]);
    add("--times", &typed.times);
    add("-n", &typed.trajectories.to_string());
    add("--seed", &typed.seed.to_string());
    add("--method", &typed.method);
    typed.values.arm.iter().for_each(|arm| add("--arm", arm));
    typed.values.set.iter().for_each(|set| add("--set", set));
    add("--plot", &path.display().to_string());
    words.extend(typed.summary.then(|| "--summary".to_owned()));
    words.join(" ")
}

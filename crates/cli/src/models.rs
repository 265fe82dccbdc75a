//! `metacascade models`, and how all commands find a model.

use std::path::Path;

use metacascade_engine::{Builder, Diagnostic, Format, Network, suggestion};
use metacascade_problem::sha256;

use crate::args::Models;
use crate::error::Failed;
use crate::table::table;

/// A model by the path of its file or the name of a shipped one. A file wins over a name.
pub fn find(model: &str) -> Result<Network, Failed> {
    Ok(read(model)?.build()?)
}

/// The parts of the model that [`find`] finds, in the format that its file's name says, or else the project's own.
pub fn read(model: &str) -> Result<Builder, Failed> {
    let path = Path::new(model);
    if path.is_file() {
        let bytes = std::fs::read(path).map_err(|error| Diagnostic::new(model, format!("cannot be read: {error}")))?;
        tracing::debug!(file = model, bytes = bytes.len(), sha256 = sha256(&bytes), "file read");
        let text = String::from_utf8(bytes).map_err(|error| {
            let line =
                error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            Diagnostic::new(model, format!("is not UTF-8 text (line {})", line + 1))
        })?;
        return Ok(Format::of(path).unwrap_or(Format::Toml).read(&text, model)?);
    }
    match metacascade_cascade::model(model) {
        Some(text) => Ok(Format::Toml.read(text, model)?),
        None => {
            let message = match model.contains(['/', '.']) {
                true => format!("there is no file `{model}`"),
                false => format!("there is no file and no shipped model `{model}`"),
            };
            let help = suggestion(model, metacascade_cascade::names())
                .unwrap_or_else(|| "shipped models are listed by `metacascade models`".to_owned());
            Err(Failed::usage(message).help(help))
        }
    }
}

/// Lists the shipped models, or shows one.
pub fn run(typed: &Models) -> Result<(), Failed> {
    match &typed.name {
        Some(name) => show(&find(name)?),
        None => {
            let mut table = table(&["model", "what it is"]);
            for name in metacascade_cascade::names() {
                table.add_row([name.to_owned(), find(name)?.title().to_owned()]);
            }
            anstream::println!("{table}");
        }
    }
    Ok(())
}

fn show(network: &Network) {
    let title = if network.title().is_empty() { network.name() } else { network.title() };
    anstream::println!("{title}\n");
    if !network.description().is_empty() {
        anstream::println!("{}\n", network.description());
    }
    let mut species = table(&["species", "unit", "what it is"]);
    for one in network.species() {
        species.add_row([&one.name, &one.unit, &one.description]);
    }
    let mut parameters = table(&["parameter", "default", "plausible", "unit", "known", "what it is, and where from"]);
    for one in network.parameters() {
        let range = one.range.map_or_else(String::new, |[from, to]| format!("{from} – {to}"));
        let source = if one.source.is_empty() { String::new() } else { format!(" [{}]", one.source) };
        let basis = one.basis.map_or("", metacascade_engine::Basis::name);
        let about = format!("{}{source}", one.description);
        parameters.add_row([&one.name, &one.value.to_string(), &range, &one.unit, basis, &about]);
    }
    anstream::println!("{species}\n\n{parameters}\n\n{}", reactions(network));
    if !network.arms().is_empty() {
        let mut arms = table(&["arm", "sets", "what it is"]);
        for arm in network.arms() {
            let set = arm.set.iter().map(|&(index, value)| format!("{} = {value}", network.parameters()[index].name));
            arms.add_row([arm.name.clone(), set.collect::<Vec<_>>().join(", "), arm.description.clone()]);
        }
        anstream::println!("\n{arms}");
    }
}

/// Reactions by stage, stages in the order of the model.
fn reactions(network: &Network) -> comfy_table::Table {
    let mut stages: Vec<&str> = Vec::new();
    for reaction in network.reactions() {
        if !stages.contains(&reaction.stage.as_str()) {
            stages.push(&reaction.stage);
        }
    }
    let mut reactions = table(&["stage", "reaction", "equation", "propensity"]);
    for stage in stages {
        let of_stage = network.reactions().iter().filter(|reaction| reaction.stage == stage);
        for (index, one) in of_stage.enumerate() {
            reactions.add_row([if index == 0 { stage } else { "" }, &one.name, &one.equation, &one.rate]);
        }
    }
    reactions
}

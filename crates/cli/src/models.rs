//! `metacascade models`, and how all commands find a model.

use std::path::Path;

use metacascade_engine::{Builder, Diagnostic, Format, Network, suggestion};

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
    let mut parameters = table(&["parameter", "default", "unit", "what it is"]);
    for one in network.parameters() {
        parameters.add_row([one.name.clone(), one.value.to_string(), one.unit.clone(), one.description.clone()]);
    }
    let mut reactions = table(&["reaction", "equation", "propensity", "stage"]);
    for one in network.reactions() {
        reactions.add_row([&one.name, &one.equation, &one.rate, &one.stage]);
    }
    anstream::println!("{species}\n\n{parameters}\n\n{reactions}");
}

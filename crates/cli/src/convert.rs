//! `metacascade convert`.

use std::path::Path;

use metacascade_engine::Format;
use metacascade_problem::{export, write_file};

use crate::args::Convert;
use crate::error::Failed;
use crate::models;

/// Writes a model in another format, once it is sure that it can be read back, or a problem as SBML and PEtab.
pub fn run(typed: &Convert) -> Result<(), Failed> {
    if let Some(folder) = &typed.petab {
        return problem(typed.model.as_ref(), folder);
    }
    let Some(output) = &typed.output else { return Err(Failed::usage("name a file to write, or --petab FOLDER")) };
    let shown = output.display().to_string();
    let Some(format) = Format::of(output) else {
        let failed = Failed::usage(format!("cannot tell the format of `{shown}`"));
        return Err(failed.help("name it .toml, or .xml or .sbml for SBML"));
    };
    let text = format.write(&models::read(&typed.model)?)?;
    if let Err(problems) = format.read(&text, &shown).and_then(|network| network.build()) {
        return Err(Failed::Work(format!("`{}` cannot be written as `{shown}`:\n{problems}", typed.model)));
    }
    Ok(write_file(output, text.as_bytes())?)
}

fn problem(path: &Path, folder: &Path) -> Result<(), Failed> {
    let files = export(path)?;
    let failed = |error: std::io::Error| Failed::Work(format!("cannot write {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let failed = Failed::usage(format!("the folder {} is not empty", folder.display()));
        return Err(failed.help("name a folder that is not there yet"));
    }
    for (name, text) in files {
        write_file(&folder.join(name), &text)?;
    }
    Ok(())
}

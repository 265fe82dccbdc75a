//! `metacascade convert`.

use metacascade_engine::Format;
use metacascade_problem::write_file;

use crate::args::Convert;
use crate::error::Failed;
use crate::models;

/// Writes a model in another format, once it is sure that it can be read back.
pub fn run(typed: &Convert) -> Result<(), Failed> {
    let shown = typed.output.display().to_string();
    let Some(format) = Format::of(&typed.output) else {
        let failed = Failed::usage(format!("cannot tell the format of `{shown}`"));
        return Err(failed.help("name it .toml, or .xml or .sbml for SBML"));
    };
    let text = format.write(&models::read(&typed.model)?)?;
    if let Err(problems) = format.read(&text, &shown).and_then(|network| network.build()) {
        return Err(Failed::Work(format!("`{}` cannot be written as `{shown}`:\n{problems}", typed.model)));
    }
    Ok(write_file(&typed.output, text.as_bytes())?)
}

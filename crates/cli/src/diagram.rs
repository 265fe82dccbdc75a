//! `metacascade diagram`.

use metacascade_problem::write_file;

use crate::args::Diagram;
use crate::error::Failed;
use crate::models;

/// Draws a model.
pub fn run(typed: &Diagram) -> Result<(), Failed> {
    if typed.output.extension().is_none_or(|extension| extension != "svg") {
        let failed = Failed::usage(format!("cannot draw into `{}`", typed.output.display()));
        return Err(failed.help("name it .svg"));
    }
    let svg =
        metacascade_report::diagram(&models::find(&typed.model)?).map_err(|error| Failed::Work(error.to_string()))?;
    Ok(write_file(&typed.output, svg.as_bytes())?)
}

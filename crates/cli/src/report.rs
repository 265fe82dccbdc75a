//! `metacascade report`.

use std::path::{Path, PathBuf};

use metacascade_problem::{Run, write_file};

use crate::args::Report;
use crate::error::Failed;

/// Writes the report of a run.
pub fn run(typed: &Report) -> Result<(), Failed> {
    let page = write(&typed.run, typed.output.as_deref())?;
    anstream::println!("{}", page.display());
    Ok(())
}

/// A word as a shell takes it.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./,:=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Writes the report of a run to a file, by default in the run's folder, and says to which.
pub fn write(folder: &Path, output: Option<&Path>) -> Result<PathBuf, Failed> {
    let run = Run::open(folder)?;
    let page = metacascade_report::render(&metacascade_report::content_of(&run))
        .map_err(|error| Failed::Work(error.to_string()))?;
    let path = output.map_or_else(|| folder.join("report.html"), Path::to_owned);
    write_file(&path, page.as_bytes())?;
    Ok(path)
}

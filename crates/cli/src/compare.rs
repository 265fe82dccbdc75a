//! `metacascade compare`.

use std::path::Path;

use metacascade_problem::{Run, write_file};

use crate::args::Compare;
use crate::error::Failed;
use crate::report::quoted;

/// Writes a page that holds runs against each other.
pub fn run(typed: &Compare) -> Result<(), Failed> {
    let runs = typed.runs.iter().map(|folder| Run::open(folder)).collect::<Result<Vec<Run>, _>>()?;
    let runs: Vec<(String, Run)> = labels(&typed.runs).into_iter().zip(runs).collect();
    let mut content = metacascade_report::comparison_of(&runs);
    let folders = typed.runs.iter().map(|folder| quoted(&folder.display().to_string()));
    let words = ["metacascade".to_owned(), "compare".to_owned()].into_iter().chain(folders);
    let output = ["-o".to_owned(), quoted(&typed.output.display().to_string())];
    content.command = words.chain(output).collect::<Vec<String>>().join(" ");
    let page = metacascade_report::render_comparison(&content).map_err(|error| Failed::Work(error.to_string()))?;
    write_file(&typed.output, page.as_bytes())?;
    for sentence in &content.headline {
        anstream::println!("{sentence}");
    }
    anstream::println!("{}", typed.output.display());
    Ok(())
}

/// The names of the folders, or, where these do not tell all apart, their paths; of a run that comes twice, numbered.
pub(crate) fn labels(folders: &[impl AsRef<Path>]) -> Vec<String> {
    let name = |folder: &Path| folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let mut all: Vec<String> = folders.iter().map(|folder| name(folder.as_ref())).collect();
    let distinct = |all: &[String]| {
        let mut sorted: Vec<&String> = all.iter().filter(|label| !label.is_empty()).collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.len() == all.len()
    };
    if !distinct(&all) {
        all = folders.iter().map(|folder| folder.as_ref().display().to_string()).collect();
    }
    if !distinct(&all) {
        for (index, label) in all.iter_mut().enumerate() {
            *label = format!("{}: {label}", index + 1);
        }
    }
    all
}

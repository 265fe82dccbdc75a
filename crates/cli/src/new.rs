//! `metacascade new`: a problem's folder to start from.

mod data;
mod starter;

use std::fs;
use std::path::Path;

use crate::args::New;
use crate::error::Failed;

/// Writes a folder that can be fitted as it is: proposed for a table, or a first problem with a shipped model.
pub fn run(typed: &New) -> Result<(), Failed> {
    let shown = typed.folder.display();
    if let Some(table) = &typed.data {
        let proposal = data::read(typed, table)?;
        whole(&typed.folder, |folder| data::write(folder, &proposal))?;
        data::show(&proposal);
        anstream::println!("look through {shown}, above all the bounds in parameters.tsv; then");
        anstream::println!("  metacascade check {shown}");
        anstream::println!("  metacascade fit {shown}");
        return Ok(());
    }
    let starter = starter::find(&typed.model)?;
    whole(&typed.folder, |folder| starter::write(folder, starter, typed.seed))?;
    anstream::println!("{shown}: {} with the model {}", starter.question, starter.model);
    anstream::println!("replace measurements.tsv, which is simulated, by your own; then");
    anstream::println!("  metacascade fit {shown}");
    Ok(())
}

/// Writes a folder beside, and moves it into place whole.
fn whole(folder: &Path, write: impl FnOnce(&Path) -> Result<(), Failed>) -> Result<(), Failed> {
    let shown = folder.display();
    if folder.exists() && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failed::usage(format!("`{shown}` is there already")).help("choose a folder that is not there yet"));
    }
    let mut beside = folder.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = Path::new(&beside);
    let failed = |error: std::io::Error| Failed::Work(format!("cannot write `{shown}`: {error}"));
    if beside.exists() {
        fs::remove_dir_all(beside).map_err(failed)?;
    }
    fs::create_dir_all(beside).map_err(failed)?;
    let written = write(beside).and_then(|()| fs::rename(beside, folder).map_err(failed));
    if written.is_err() {
        // What failed is told; that its remains could not be removed would hide it.
        let _ = fs::remove_dir_all(beside);
    }
    written
}

//! What the end-to-end tests share: the program, the datasets, and the coverage study.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

pub mod coverage;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The workspace's folder.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

/// A dataset's folder.
#[must_use]
pub fn dataset(name: &str) -> PathBuf {
    workspace().join("datasets").join(name)
}

/// A command of the program that was built with the tests, run in the workspace's folder.
///
/// # Panics
/// If the program was not built; `cargo test --workspace` builds it.
#[must_use]
pub fn metacascade() -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().find(|folder| folder.ends_with("deps")).and_then(Path::parent);
    let program = folder.unwrap_or(Path::new("")).join("metacascade");
    assert!(program.exists(), "{} is missing: run `cargo test --workspace`", program.display());
    let mut command = Command::new(program);
    command.current_dir(workspace());
    command
}

/// Runs a command and gives back its standard output; fails with its standard error.
///
/// # Panics
/// If the command fails.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the program can be run");
    assert!(output.status.success(), "{command:?}: {}", error(&output));
    String::from_utf8(output.stdout).expect("the program writes UTF-8")
}

/// What a command wrote on standard error.
#[must_use]
pub fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder's files copied into a new temporary folder of the same name.
///
/// # Panics
/// If the file system refuses.
#[must_use]
pub fn copy(folder: &Path) -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let target = place.path().join(folder.file_name().expect("a named folder"));
    std::fs::create_dir(&target).expect("a new folder");
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        std::fs::copy(entry.path(), target.join(entry.file_name())).expect("a copy");
    }
    (place, target)
}

/// The summary of a parameter in a run's diagnostics.
///
/// # Panics
/// If the run has no diagnostics or no such parameter.
#[must_use]
pub fn parameter(run: &Path, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(run.join("diagnostics.json")).expect("the run has diagnostics");
    let outcome: serde_json::Value = serde_json::from_str(&text).expect("the diagnostics are JSON");
    let all = outcome["parameters"].as_array().expect("parameters are listed");
    all.iter().find(|one| one["id"] == name).cloned().unwrap_or_else(|| panic!("no parameter {name}"))
}

/// The ends of a parameter's 95 % interval in a run's diagnostics.
///
/// # Panics
/// As [`parameter`].
#[must_use]
pub fn interval(run: &Path, name: &str) -> (f64, f64) {
    let interval = parameter(run, name)["interval95"].clone();
    (interval[0].as_f64().expect("a number"), interval[1].as_f64().expect("a number"))
}

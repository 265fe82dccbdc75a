//! Records of what goes on: which are written, and where.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

/// Standard output and standard error of a short fit.
fn fit(arguments: &[&str], level: Option<&str>) -> (String, String) {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_metacascade"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if let Some(level) = level {
        command.env("METACASCADE_LOG_LEVEL", level);
    }
    command.args(["fit", "datasets/sw620-switching", "--population", "100", "--max-simulations", "2000"]);
    let output = command.args(arguments).arg("-o").arg(&run).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let error = text(output.stderr);
    assert!(output.status.success(), "{error}");
    (text(output.stdout), error)
}

#[test]
fn records_of_the_level_asked_for_go_to_standard_error() {
    let (_, silent) = fit(&["--quiet"], None);
    assert!(!silent.contains("INFO") && !silent.contains("DEBUG"), "{silent}");
    let (out, told) = fit(&["--json", "--log-level", "debug"], None);
    for record in [
        "method of the fit method=\"abc-smc\"",
        "method of simulation method=",
        "generation complete index=0",
        "file read file=",
        "sha256=",
    ] {
        assert!(told.contains(record), "{record} is missing in\n{told}");
    }
    // Events are as they were.
    assert!(out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{out}");
    // By the environment; what is typed wins.
    let (_, told) = fit(&["--quiet"], Some("info"));
    assert!(told.contains("INFO") && !told.contains("DEBUG"), "{told}");
    let (_, told) = fit(&["--quiet", "--log-level", "off"], Some("info"));
    assert!(!told.contains("INFO"), "{told}");
}

#[test]
fn an_unknown_level_is_told() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_metacascade")).args(["models", "--log-level", "loud"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("debug"));
}

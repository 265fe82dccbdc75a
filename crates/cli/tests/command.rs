//! What the command line says of itself, and how it ends. That this test needs the program also has it built for the
//! end-to-end tests in the workspace's `tests/`.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn metacascade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_metacascade")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_subcommand_explains_itself() {
    let help = text(&metacascade(&["--help"]).stdout);
    for command in ["fit", "report", "simulate", "probability", "models", "diagram", "convert"] {
        assert!(help.contains(command), "{help}");
        let output = metacascade(&[command, "--help"]);
        assert!(output.status.success() && text(&output.stdout).contains("Usage: metacascade"));
    }
}

#[test]
fn shipped_models_are_listed_and_shown() {
    let list = text(&metacascade(&["models"]).stdout);
    for model in ["birth-death", "sir", "switching"] {
        assert!(list.contains(model), "{list}");
    }
    let shown = text(&metacascade(&["models", "switching"]).stdout);
    assert!(shown.contains("k_AB") && shown.contains("1/day") && shown.contains("A -> B"), "{shown}");
}

#[test]
fn what_is_typed_wrong_ends_with_2_and_a_way_out() {
    for (arguments, expected) in [
        (&["models", "swiching"][..], "switching"),
        (&["simulate", "birth-death", "--times", "0:5"][..], "0:50:1"),
        (&["simulate", "birth-death", "--times", "0,1", "--set", "brith=2"][..], "birth"),
        (&["simulate", "birth-death", "--times", "0,1", "--method", "tau-leep"][..], "tau-leap"),
        (&["convert", "birth-death", "model.txt"][..], "name it .toml"),
        (&["fit", "nowhere", "--method", "abc"][..], "abc-smc"),
        (&["report", "nowhere"][..], "not a run"),
    ] {
        let output = metacascade(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

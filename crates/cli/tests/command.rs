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
    for command in ["fit", "check", "report", "simulate", "probability", "models", "diagram", "convert"] {
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
fn lesions_are_listed_one_a_row() {
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (lesions, table) = (place.join("lesions.csv"), place.join("table.csv"));
    let (lesions, table) = (lesions.to_str().unwrap(), table.to_str().unwrap());
    let arguments = ["simulate", "cascade-core", "--times", "20,45", "-n", "3", "-o", table, "--lesions", lesions];
    let output = metacascade(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read = |path: &str| -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let (lesions, table) = (read(lesions), read(table));
    assert_eq!(lesions[0], ["trajectory", "time", "lesions", "size", "founded", "state"]);
    assert!(lesions[1..].iter().all(|row| row[2] == "lung" && row[5] == "active"));
    let column = |name: &str| table[0].iter().position(|known| known == name).unwrap();
    for row in &table[1..] {
        let here = lesions[1..].iter().filter(|lesion| lesion[..2] == row[..2]);
        let sizes: Vec<f64> = here.map(|lesion| lesion[3].parse().unwrap()).collect();
        let number = |name: &str| row[column(name)].parse::<f64>().unwrap();
        assert_eq!(sizes.len() as f64, number("lung"));
        assert!((sizes.iter().sum::<f64>() - number("lung_cells")).abs() <= 1e-6 * number("lung_cells"));
    }
    assert!(lesions.len() > 10, "{}", lesions.len());
    let refused = metacascade(&["simulate", "birth-death", "--times", "1", "--lesions", "x.csv"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("no lesions"), "{}", text(&refused.stderr));
}

#[test]
fn a_problem_is_checked_and_summed_up() {
    let datasets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets");
    let sound = format!("{datasets}/sw620-switching");
    let output = metacascade(&["check", &sound]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in ["nothing is wrong", "subjects", "free parameters", "The means tell"] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let output = metacascade(&["check", &sound, "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["problems"].as_array().map(Vec::len), Some(0));
    assert!(found["summary"]["identifiability"]["singular_values"].as_array().is_some_and(|all| !all.is_empty()));
    // A copy with two mistakes.
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&sound).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let table = folder.path().join("measurements.tsv");
    let spoiled = std::fs::read_to_string(&table).unwrap().replacen("0.835", "83.5", 1).replacen(
        "fraction_CSC",
        "fractoin_CSC",
        1,
    );
    std::fs::write(&table, spoiled).unwrap();
    let output = metacascade(&["check", folder.path().to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &found["problems"][0];
    assert!(problem["file"].as_str().is_some_and(|file| file.ends_with("measurements.tsv")), "{found}");
    assert_eq!((problem["line"].as_u64(), problem["column"].as_u64()), (Some(2), Some(1)), "{found}");
    assert!(problem["help"].as_str().is_some_and(|help| help.contains("fraction_CSC")), "{found}");
    assert!(found["summary"].is_null());
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

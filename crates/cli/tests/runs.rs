//! Long work: how it is told, and what can be done with a run.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn metacascade(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metacascade"));
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = metacascade(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

const QUICK: [&str; 7] = ["fit", "datasets/sw620-switching", "--population", "100", "--max-simulations", "3000", "-o"];

#[test]
fn a_run_is_told_listed_shown_and_exported() {
    let place = tempfile::tempdir().unwrap();
    let (folder, run) = (place.path().to_str().unwrap(), place.path().join("one"));
    let run = run.to_str().unwrap();
    // Told as events, one a line.
    let output = metacascade(&[&QUICK[..], &[run, "--json"]].concat());
    let events: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((named("started"), named("done")), (1, 1), "{events:?}");
    assert!(named("generation") >= 1, "{events:?}");
    assert_eq!(events[0]["parameters"], 3);
    let done = events.last().unwrap();
    assert!(done["report"].as_str().is_some_and(|report| Path::new(report).exists()));
    assert!(!text(&output.stderr).contains("generation"), "{}", text(&output.stderr));
    // Listed, with a run that is damaged and a folder that is none.
    let bad = place.path().join("two");
    std::fs::create_dir_all(bad.join("problem")).unwrap();
    std::fs::copy(format!("{run}/settings.toml"), bad.join("settings.toml")).unwrap();
    std::fs::write(bad.join("diagnostics.json"), "{").unwrap();
    std::fs::create_dir(place.path().join("else")).unwrap();
    let listed: Vec<Value> = serde_json::from_str(&succeed(&["runs", folder, "--json"])).unwrap();
    assert_eq!(listed.len(), 2);
    let of = |name: &str| listed.iter().find(|one| one["run"] == name).unwrap()["state"].as_str().unwrap();
    assert!(of("one").starts_with("done, ") && of("two").starts_with("damaged: "), "{listed:?}");
    assert!(succeed(&["runs", folder]).contains("abc-smc"));
    // Shown: what diagnostics.json says.
    let outcome: Value = serde_json::from_str(&succeed(&["show", run, "--json"])).unwrap();
    assert_eq!(outcome["parameters"], done["parameters"]);
    assert!(succeed(&["show", run]).contains("k_AB"));
    // Exported: three formats, the same draws.
    let csv = succeed(&["export", run]);
    let mut lines = csv.lines();
    assert_eq!(lines.next().unwrap(), "k_AB,k_BA,sigma,weight,distance");
    let draws: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    let objects: Vec<Value> = serde_json::from_str(&succeed(&["export", run, "--format", "json"])).unwrap();
    assert_eq!((draws.len(), objects.len()), (100, 100));
    for (draw, object) in draws.iter().zip(&objects) {
        assert_eq!(object["k_BA"].as_f64(), Some(draw[1]));
        assert_eq!(object["weight"].as_f64(), Some(draw[3]));
    }
    let parquet = place.path().join("draws.parquet");
    succeed(&["export", run, "--format", "parquet", "-o", parquet.to_str().unwrap()]);
    assert_eq!(&std::fs::read(&parquet).unwrap()[..4], b"PAR1");
    let refused = metacascade(&["export", run, "--format", "parquet"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("-o"), "{}", text(&refused.stderr));
}

#[test]
fn quiet_says_the_result_alone_and_settings_may_come_from_a_file() {
    let place = tempfile::tempdir().unwrap();
    let (file, run) = (place.path().join("mine.toml"), place.path().join("run"));
    std::fs::write(&file, "[fit]\npopulation = 64\nmax_simulations = 2000\nquiet = true\n").unwrap();
    let (file, run) = (file.to_str().unwrap(), run.to_str().unwrap());
    let output = metacascade(&["fit", "datasets/sw620-switching", "--config", file, "-o", run, "--seed", "3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("k_AB"));
    let told: Vec<&str> = text(&output.stderr).lines().filter(|line| !line.starts_with("warning: ")).collect();
    assert!(told.is_empty(), "{told:?}");
    let settings = std::fs::read_to_string(format!("{run}/settings.toml")).unwrap();
    assert!(settings.contains("--population 64 --max-simulations 2000 --seed 3"), "{settings}");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let help = succeed(&["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> =
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() > 15, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = succeed(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("man1");
    succeed(&["man", folder.to_str().unwrap()]);
    for command in commands {
        let page = std::fs::read_to_string(folder.join(format!("metacascade-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains(&format!("metacascade\\-{command}")), "{page}");
    }
    assert!(folder.join("metacascade.1").exists());
}

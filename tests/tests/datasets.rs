//! Claim: fits of the real datasets give what is known about them, and say what the data do not tell.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use metacascade_problem::Problem;
use metacascade_tests::{dataset, interval, metacascade, parameter, succeed, workspace};

/// Fits a dataset with fewer particles than its own settings ask for.
fn fit(name: &str, arguments: &[&str]) -> (tempfile::TempDir, PathBuf, String) {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let mut command = metacascade();
    command.args(["fit", &format!("datasets/{name}"), "-o", run.to_str().unwrap()]).args(arguments);
    let told = succeed(&mut command);
    (place, run, told)
}

fn brackets(run: &std::path::Path, name: &str, known: f64) {
    let (lower, upper) = interval(run, name);
    assert!((lower..=upper).contains(&known), "{name}: {lower} to {upper} for {known}");
    // An answer that says nothing would bracket anything.
    assert!(upper / lower < 3.0, "{name}: {lower} to {upper}");
}

fn overlaps(run: &std::path::Path, name: &str, low: f64, high: f64) {
    let (lower, upper) = interval(run, name);
    assert!(lower <= high && upper >= low, "{name}: {lower} to {upper} for {low} to {high}");
}

#[test]
fn sw620_cells_switch_as_known() {
    for arguments in [
        &["--population", "300", "--max-simulations", "20000"][..],
        &["--method", "surrogate"][..],
        &["--method", "mcmc"][..],
        &["--method", "mle"][..],
    ] {
        let (_place, run, _) = fit("sw620-switching", arguments);
        brackets(&run, "k_AB", 0.0721);
        brackets(&run, "k_BA", 0.1335);
        let (ab, ba) = (parameter(&run, "k_AB"), parameter(&run, "k_BA"));
        let (ab, ba) = (ab["median"].as_f64().unwrap(), ba["median"].as_f64().unwrap());
        let equilibrium = ba / (ab + ba);
        assert!((equilibrium - 0.649).abs() < 0.03, "{arguments:?}: {equilibrium}");
    }
}

/// Rejection says what it is, and gives the particles as they were beside the corrected ones, whose intervals are narrower.
#[test]
fn rejection_tells_posteriors_before_adjustment() {
    let arguments = ["--method", "abc-rejection", "--population", "300", "--max-simulations", "10000"];
    let (_place, run, _) = fit("sw620-switching", &arguments);
    let text = std::fs::read_to_string(run.join("diagnostics.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["simulations"], 10_000);
    for (after, before) in
        told["parameters"].as_array().unwrap().iter().zip(told["before_adjustment"].as_array().unwrap())
    {
        let width = |of: &serde_json::Value| {
            let end = |end: usize| of["interval95"][end].as_f64().unwrap();
            end(1) / end(0)
        };
        assert_eq!(after["id"], before["id"]);
        assert!(width(after) < width(before), "{after} {before}");
    }
    assert!(std::fs::read_to_string(run.join("settings.toml")).unwrap().contains("abc-rejection"));
}

#[test]
fn hypoxia_fate_map_determines_growth_and_switching_and_says_what_it_does_not() {
    let (_place, run, told) = fit("hypoxia-fatemap", &["--population", "500", "--max-simulations", "60000"]);
    overlaps(&run, "growth_primary", 0.11, 0.14);
    overlaps(&run, "hypoxia_switch", 0.0155, 0.0171);
    overlaps(&run, "growth_lung", 0.16, 0.21);
    let contraction = |name: &str| parameter(&run, name)["contraction"].as_f64().unwrap();
    assert!(contraction("growth_primary") > 0.75 && contraction("hypoxia_switch") > 0.75);
    assert!(contraction("delay") < 0.2, "{}", contraction("delay"));
    assert!(told.contains("did not move from"), "{told}");
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("did not move from"), "the report says so too");
}

#[test]
fn the_index_lists_the_folders_and_each_is_complete_and_sound() {
    let listed = succeed(metacascade().args(["datasets", "--json"]));
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    let mut names: Vec<&str> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let entries = std::fs::read_dir(workspace().join("datasets")).unwrap().map(Result::unwrap);
    let mut folders: Vec<String> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    folders.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, folders);
    let shown = succeed(metacascade().arg("datasets"));
    for one in &listed {
        let name = one["name"].as_str().unwrap();
        assert!(shown.contains(name), "{shown}");
        for key in ["title", "question", "model", "subjects", "source", "licence"] {
            assert!(one[key].as_str().is_some_and(|text| text.len() > 10), "{name}: {key}");
        }
        for file in ["README.md", "SOURCE.md"] {
            let text = std::fs::read_to_string(dataset(name).join(file)).unwrap_or_default();
            assert!(text.lines().count() > 10, "{name}: {file} is missing or says nothing");
        }
        let problem = Problem::load(&dataset(name)).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert!(problem.warnings().is_empty(), "{name}: {:?}", problem.warnings());
        assert!(one["model"].as_str().unwrap().contains("model.toml") == dataset(name).join("model.toml").exists());
    }
}

//! Claim: each mistake in the input is one clear error with its place, exit code 2, and leaves no run behind.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use metacascade_tests::{copy, dataset, error, metacascade};

/// Spoils a copy of a dataset, fits it, and gives what was said.
fn spoiled(spoil: impl Fn(&Path)) -> String {
    let (place, folder) = copy(&dataset("hypoxia-fatemap"));
    spoil(&folder);
    let runs = place.path().join("runs");
    let output = metacascade().args(["fit"]).arg(&folder).arg("-o").arg(runs.join("run")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(output.stdout.is_empty());
    assert!(!runs.exists(), "a run was left behind");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "something else was left behind");
    error(&output)
}

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[track_caller]
fn says(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    assert_eq!(told.matches("error").count(), 1, "one error, not several:\n{told}");
}

#[test]
fn a_missing_file() {
    let told = spoiled(|folder| fs::remove_file(folder.join("observables.tsv")).unwrap());
    says(&told, &["observables.tsv", "no such file"]);
    let output = metacascade().args(["fit", "no/such/problem"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    says(&error(&output), &["no/such/problem"]);
}

#[test]
fn an_unknown_column() {
    let told = spoiled(|folder| replace(folder, "measurements.tsv", "noiseParameters", "noiseParameter"));
    says(&told, &["measurements.tsv:1:", "noiseParameter", "did you mean `noiseParameters`?", "^"]);
}

#[test]
fn an_observable_of_a_species_the_model_lacks() {
    let told = spoiled(|folder| replace(folder, "observables.tsv", "\tlung_naive\t", "\tlung_naif\t"));
    says(&told, &["observables.tsv:6:", "lung_naif", "did you mean `lung_naive`?", "^"]);
}

#[test]
fn a_negative_cell_count() {
    let told = spoiled(|folder| replace(folder, "measurements.tsv", "\t11000\t", "\t-11000\t"));
    says(&told, &["measurements.tsv:10:", "cannot be -11000", "0 or more", "^"]);
}

#[test]
fn a_malformed_rate_law() {
    let told = spoiled(|folder| replace(folder, "model.toml", "growth_lung * lung_naive", "growth_lung * (lung_naive"));
    says(&told, &["model.toml:", "(", "^"]);
}

#[test]
fn an_empty_table() {
    let header = |folder: &Path| {
        let path = folder.join("measurements.tsv");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.lines().next().unwrap()).unwrap();
    };
    says(&spoiled(header), &["measurements.tsv"]);
    says(&spoiled(|folder| fs::write(folder.join("measurements.tsv"), "").unwrap()), &["measurements.tsv", "empty"]);
}

#[test]
fn a_stray_quote() {
    let told = spoiled(|folder| replace(folder, "measurements.tsv", "7472538.433", "7472538.433\""));
    says(&told, &["measurements.tsv:2:", "quote", "^"]);
}

#[test]
fn a_broken_problem_file() {
    let told = spoiled(|folder| replace(folder, "problem.yaml", "parameter_files: [", "parameter_files: [["));
    says(&told, &["problem.yaml:"]);
}

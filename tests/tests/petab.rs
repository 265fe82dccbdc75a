//! Claim: problems are evaluated and written as SBML and PEtab from the command line, with clear refusals.
//!
//! What other programs make of it is tested by tests/petab.

#![allow(clippy::unwrap_used)]

use std::fs;

use metacascade_tests::{dataset, error, metacascade, succeed};

#[test]
fn a_problem_is_evaluated() {
    let told = succeed(metacascade().args(["evaluate", "datasets/sw620-switching"]));
    assert_eq!(
        told,
        "log-likelihood  36.0757\nchi²            52.0543 (24 measurements)\nlog-prior       3.4617\nlog-posterior   39.5374\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("simulations.tsv");
    let mut command = metacascade();
    command.args(["evaluate", "datasets/sw620-switching/problem.yaml", "--set", "k_AB=0.0721", "--json", "-o"]);
    let told: serde_json::Value = serde_json::from_str(&succeed(command.arg(&table))).unwrap();
    assert_eq!(told["parameters"]["k_AB"], 0.0721);
    assert_eq!((told["measurements"].as_u64(), told["method"].as_str()), (Some(24), Some("ode")));
    let sum = told["log_likelihood"].as_f64().unwrap() + told["log_prior"].as_f64().unwrap();
    assert!((told["log_posterior"].as_f64().unwrap() - sum).abs() < 1e-9);
    let simulations = fs::read_to_string(table).unwrap();
    let measurements = fs::read_to_string(dataset("sw620-switching").join("measurements.tsv")).unwrap();
    assert_eq!(simulations.lines().count(), measurements.lines().count());
    assert_eq!(
        simulations.lines().next(),
        Some(measurements.lines().next().unwrap().replace("measurement", "simulation").as_str())
    );
    // The fluctuations of the model widen what is expected.
    let wider = succeed(metacascade().args(["evaluate", "datasets/sw620-switching", "--method", "linear-noise"]));
    assert!(wider.starts_with("log-likelihood  36.38") && wider.contains("chi²            50.85"), "{wider}");
}

#[test]
fn what_cannot_be_evaluated_is_told() {
    for (arguments, parts) in [
        (&["--set", "k_AC=1"][..], &["there is no parameter `k_AC`", "did you mean `k_AB`?"][..]),
        (&["--set", "k_AB=1e9"], &["1000000000 is outside the bounds of `k_AB`"]),
        (&["--set", "k_AB"], &["lacks its `=`", "name=value"]),
        (&["--method", "odd"], &["there is no method `odd`", "did you mean `ode`?"]),
    ] {
        let output = metacascade().args(["evaluate", "datasets/sw620-switching"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = error(&output);
        for part in parts {
            assert!(told.contains(part), "{arguments:?}: {part} is not in\n{told}");
        }
    }
}

#[test]
fn a_problem_is_written_as_sbml_and_petab() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("written");
    succeed(metacascade().args(["convert", "datasets/sw620-switching", "--petab"]).arg(&written));
    let mut names: Vec<String> =
        fs::read_dir(&written).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    let expected = [
        "conditions.tsv",
        "experiments.tsv",
        "measurements.tsv",
        "model.xml",
        "observables.tsv",
        "parameters.tsv",
        "problem.yaml",
    ];
    assert_eq!(names, expected);
    let posterior = |path: &std::path::Path| {
        let told = succeed(metacascade().arg("evaluate").arg(path).arg("--json"));
        serde_json::from_str::<serde_json::Value>(&told).unwrap()["log_posterior"].as_f64().unwrap()
    };
    let (original, copy) = (posterior("datasets/sw620-switching".as_ref()), posterior(&written));
    assert!((original - copy).abs() < 1e-4, "{copy} for {original}");
    // Nothing is overwritten.
    let again = metacascade().args(["convert", "datasets/sw620-switching", "--petab"]).arg(&written).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(error(&again).contains("is not empty"), "{}", error(&again));
    // What SBML has no place for is told.
    let course = metacascade().args(["convert", "no-such-problem", "--petab"]).arg(&written).output().unwrap();
    assert_eq!(course.status.code(), Some(2));
}

//! `metacascade new` writes a folder that can be fitted as it is.

use std::fs;

use metacascade_tests::{error, metacascade, succeed};

#[test]
fn every_first_problem_loads_and_one_is_fitted() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["cascade-core", "cascade-tme", "recurrence", "switching", "lymph"] {
        let problem = folder.path().join(model);
        let told = succeed(metacascade().arg("new").arg(&problem).args(["--model", model]));
        assert!(told.contains("metacascade fit"), "{told}");
        let measured = fs::read_to_string(problem.join("measurements.tsv")).unwrap();
        assert!(measured.lines().count() > 3 && !measured.contains("NaN"), "{model}: {measured}");
        // The same seed gives the same measurements.
        let again = folder.path().join(format!("{model}-again"));
        succeed(metacascade().arg("new").arg(&again).args(["--model", model]));
        assert_eq!(fs::read_to_string(again.join("measurements.tsv")).unwrap(), measured);
    }
    let problem = folder.path().join("switching");
    let run = folder.path().join("run");
    succeed(
        metacascade()
            .arg("fit")
            .arg(&problem)
            .args(["--method", "abc-smc", "--max-simulations", "3000", "--population", "200", "-o"])
            .arg(&run),
    );
    assert!(run.join("report.html").exists());
}

#[test]
fn what_is_there_stays_and_unknown_models_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "keep").unwrap();
    let output = metacascade().arg("new").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("is there already"), "{}", error(&output));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let output =
        metacascade().arg("new").arg(folder.path().join("x")).args(["--model", "cascade-cor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("did you mean `cascade-core`?"), "{}", error(&output));
}

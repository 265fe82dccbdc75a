//! Claim: `select` finds the model that data are from, with the evidence that the model has, and refuses other data.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use metacascade_problem::{EvaluateMethod, Problem, evaluate};
use metacascade_tests::{dataset, error, metacascade, succeed};

/// Deviates of a standard normal law.
const DEVIATES: [f64; 12] = [0.3, -1.1, 0.6, 1.4, -0.4, -0.7, 0.1, 0.9, -1.5, 0.2, -0.2, 0.8];

/// Two problems on measured fractions of cells sorted for A: one in which cells switch back, one in which they do not.
fn problems(place: &Path, name: &str, fraction: impl Fn(f64) -> f64) -> [PathBuf; 2] {
    let mut rows = "observableId\texperimentId\ttime\tmeasurement\n".to_owned();
    for (index, deviate) in DEVIATES.iter().enumerate() {
        let time = 2.0 * (index + 1) as f64;
        rows += &format!("fraction_CSC\tsorted_CSC\t{time}\t{}\n", fraction(time) + 0.02 * deviate);
    }
    let with_return = "k_BA\tback\t1/day\t0.005\t1\t0.1\ttrue\tlog-uniform\t0.005;1\n";
    let without = "k_BA\tback\t1/day\t0\t1\t0\tfalse\t\t\n";
    [("return", with_return), ("no-return", without)].map(|(kind, row)| {
        let folder = place.join(format!("{name}-{kind}"));
        fs::create_dir(&folder).unwrap();
        for file in ["problem.yaml", "conditions.tsv", "experiments.tsv", "observables.tsv", "parameters.tsv"] {
            let text = fs::read_to_string(dataset("sw620-switching").join(file)).unwrap();
            let kept = text.lines().filter(|line| !line.starts_with("k_BA")).map(|line| format!("{line}\n"));
            let more = if file == "parameters.tsv" { row } else { "" };
            fs::write(folder.join(file), kept.collect::<String>() + more).unwrap();
        }
        fs::write(folder.join("measurements.tsv"), &rows).unwrap();
        folder
    })
}

fn select(problems: &[PathBuf], arguments: &[&str]) -> serde_json::Value {
    let told = succeed(metacascade().arg("select").args(problems).args(arguments).arg("--json"));
    serde_json::from_str(&told).unwrap()
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn the_model_that_data_are_from_is_found() {
    let place = tempfile::tempdir().unwrap();
    let back = problems(place.path(), "back", |time| 0.6 + 0.4 * (-0.25 * time).exp());
    let gone = problems(place.path(), "gone", |time| (-0.05 * time).exp());
    for (problems, truth) in [(&back, 0), (&gone, 1)] {
        let found = select(problems, &["--method", "mcmc"]);
        let models = found["models"].as_array().unwrap();
        let [own, other] = [truth, 1 - truth].map(|index| number(&models[index]["probability"]));
        // Without return the larger model comes near the truth, and loses by its prior alone.
        assert!(own > if truth == 0 { 0.999 } else { 0.6 } && (own + other - 1.0).abs() < 1e-9, "{found}");
        assert!(models.iter().all(|model| number(&model["evidence"]["standard_error"]) < 0.1), "{found}");
    }
    // By simulation: the same answer, more roughly; and the same bits on any number of threads.
    let abc = |threads: &str| {
        select(
            &back,
            &[
                "--method",
                "abc",
                "--max-simulations",
                "10000",
                "--threads",
                threads,
                "--prior",
                "back-return=1,back-no-return=3",
            ],
        )
    };
    let found = abc("2");
    assert_eq!(found, abc("1"));
    assert!(number(&found["models"][0]["probability"]) > 0.9, "{found}");
    assert!((number(&found["models"][1]["prior"]) - 0.75).abs() < 1e-12);
    assert!(found["warnings"][0].as_str().unwrap().contains("Robert et al. 2011"), "{found}");
    let told = succeed(metacascade().arg("select").args(&gone).args(["--method", "mcmc"]));
    assert!(told.contains("log Bayes factor") && told.contains("times as probable under gone-no-return"), "{told}");
}

#[test]
fn other_data_and_wrong_names_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let one = problems(place.path(), "one", |time| (-0.05 * time).exp());
    let two = problems(place.path(), "two", |time| (-0.06 * time).exp());
    let refused = |problems: [&PathBuf; 2], arguments: &[&str]| {
        let output = metacascade().arg("select").args(problems).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        error(&output)
    };
    let told = refused([&one[0], &two[1]], &[]);
    assert!(told.contains("different data") && told.contains("fraction_CSC of sorted_CSC at 2 is 0.9"), "{told}");
    assert!(told.contains("measurements.tsv, row 1") && told.contains("and 7 more"), "{told}");
    let told = refused([&one[0], &one[1]], &["--method", "mcmcc"]);
    assert!(told.contains("did you mean `mcmc`"), "{told}");
    let told = refused([&one[0], &one[1]], &["--prior", "one-return=0.5"]);
    assert!(told.contains("no probability of one-no-return"), "{told}");
}

/// Ten cells that divide and die in each of four wells, half of which are counted: two models that differ in the rate of death.
fn wells(folder: &Path, death: f64) {
    let wells = [[3.0, 10.0], [6.0, 16.0], [10.0, 13.0], [5.0, 1.0]];
    let mut rows = "observableId\texperimentId\tmeasurement\ttime\treplicateId\tsampledFraction\n".to_owned();
    for (well, counts) in wells.iter().enumerate() {
        for (time, count) in counts.iter().enumerate() {
            rows += &format!("counted\t\t{count}\t{}\twell_{well}\t0.5\n", time + 1);
        }
    }
    let model = format!(
        "name = \"wells\"\ntime_unit = \"day\"\n[species]\nX = 10\n\
         [parameters]\nbirth = {{ value = 0.8, unit = \"1/day\" }}\ndeath = {{ value = {death}, unit = \"1/day\" }}\n\
         [[reactions]]\nequation = \"X -> 2 X\"\nrate = \"birth * X\"\n\
         [[reactions]]\nequation = \"X ->\"\nrate = \"death * X\"\n"
    );
    let problem = "format_version: 2.0.0\nparameter_files: [parameters.tsv]\n\
                   model_files:\n  wells: {location: model.toml, language: metacascade}\n\
                   observable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n\
                   extensions:\n  metacascade:\n    version: 1.0.0\n    required: false\n\
                   \x20   fit: {method: pmmh, min_effective_sample_size: 200}\n";
    let parameters = "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n\
                      birth\t0.05\t5\t0.8\ttrue\tlog-normal\t-0.5;0.7\n";
    let observables = "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\ncounted\tX\t\tpoisson\n";
    fs::create_dir(folder).unwrap();
    for (name, text) in [
        ("problem.yaml", problem),
        ("model.toml", model.as_str()),
        ("parameters.tsv", parameters),
        ("observables.tsv", observables),
        ("measurements.tsv", &rows),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// The evidence by the master equation, and by the midpoint rule over quantiles of the prior.
fn exact(folder: &Path) -> f64 {
    let problem = Problem::load(folder).unwrap();
    let points = 24;
    let value = |point: i32| {
        let birth = problem.estimated()[0].quantile((f64::from(point) + 0.5) / f64::from(points));
        evaluate(&problem, &[birth], EvaluateMethod::Exact).unwrap().log_likelihood
    };
    let values: Vec<f64> = (0..points).map(value).collect();
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    highest + (values.iter().map(|value| (value - highest).exp()).sum::<f64>() / f64::from(points)).ln()
}

/// 4.5 errors each (false alarm 7e-6), and .02 for the sum over quantiles.
#[test]
fn evidence_by_particle_filters_is_that_of_the_master_equation() {
    let place = tempfile::tempdir().unwrap();
    let folders = [("mortal", 0.5), ("less-mortal", 0.1)].map(|(name, death)| {
        let folder = place.path().join(name);
        wells(&folder, death);
        folder
    });
    let found = select(&folders, &["--max-evaluations", "2000", "--particles", "12"]);
    assert_eq!(found["method"], "pmmh");
    for (folder, model) in folders.iter().zip(found["models"].as_array().unwrap()) {
        let (evidence, exact) = (&model["evidence"], exact(folder));
        let (log, error) = (number(&evidence["log_evidence"]), number(&evidence["standard_error"]));
        assert!((log - exact).abs() < 4.5 * error + 0.02 && error < 0.1, "{folder:?} {log} ± {error} for {exact}");
    }
}

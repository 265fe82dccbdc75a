//! Claims: predictions under arms are the same on any number of threads, hold what they promise, and say what they assume; runs
//! are held against each other.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use metacascade_tests::{error, metacascade, succeed};

fn fit(run: &Path, arguments: &[&str]) {
    succeed(metacascade().args(["fit", "-o", run.to_str().unwrap(), "--quiet"]).args(arguments));
}

fn predict(run: &Path, folder: &Path, threads: &str) -> String {
    let arms = "datasets/pdx-resection/arms/anti-VEGF.toml";
    let paths = [run.to_str().unwrap(), "--arm", arms, "-o", folder.to_str().unwrap()];
    let few = ["--draws", "40", "-n", "67", "--times", "0:200:20", "--method", "hybrid", "--csv", "--threads", threads];
    succeed(metacascade().arg("predict").args(paths).args(few))
}

#[test]
fn therapies_that_come_with_a_data_set_are_predicted_on_its_posterior() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    fit(&run, &["datasets/pdx-resection", "--method", "mle"]);
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    let told = predict(&run, &one, "1");
    predict(&run, &two, "2");
    for file in ["predictions.parquet", "events.parquet", "draws.parquet", "events.csv", "predictions.csv"] {
        assert!(fs::read(one.join(file)).unwrap() == fs::read(two.join(file)).unwrap(), "threads changed {file}");
    }
    assert!(told.contains("Under “as fitted”") && told.contains("hazard ratio"), "{told}");
    // 4 arms, 40 draws, 67 mice, one event; 11 times of one observable.
    let rows = |file: &str| fs::read_to_string(one.join(file)).unwrap().lines().count() - 1;
    assert_eq!((rows("events.csv"), rows("predictions.csv"), rows("draws.csv")), (4 * 40 * 67, 4 * 40 * 67 * 11, 40));
    let page = fs::read_to_string(one.join("predict.html")).unwrap();
    for wanted in ["Before you use these numbers", "is assumed", "Number needed to treat", "therapy_start", "Ebos 2009"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn what_cannot_be_predicted_is_said_with_help() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    fit(&run, &["datasets/sum-switching", "--method", "mle"]);
    let told = |arguments: &[&str]| {
        let output = metacascade().args(["predict", run.to_str().unwrap()]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        error(&output)
    };
    assert!(told(&["--arm", "surgery"]).contains("the model has no arm `surgery`"));
    assert!(told(&["--arm", "no-such-file.toml"]).contains("there is no such file"));
    assert!(told(&["--experiment", "nowhere"]).contains("no experiment `nowhere`"));
    assert!(told(&["--event", "nothing >= 1"]).contains("--event"));
    assert!(told(&["--times", "3:1:1"]).contains("--times"));
    assert!(told(&["--draws", "0"]).contains("--draws"));
    // Without arms the model as fitted is predicted alone.
    succeed(metacascade().args(["predict", run.to_str().unwrap(), "--draws", "20"]));
    assert!(run.join("predict/predict.html").is_file());
}

#[test]
fn runs_of_the_same_data_are_held_against_each_other() {
    let place = tempfile::tempdir().unwrap();
    let (mle, abc) = (place.path().join("mle"), place.path().join("abc"));
    fit(&mle, &["datasets/sw620-switching", "--method", "mle"]);
    fit(&abc, &["datasets/sw620-switching", "--method", "abc-smc", "--population", "60", "--max-simulations", "3000"]);
    let page = place.path().join("compare.html");
    let paths = [mle.to_str().unwrap(), abc.to_str().unwrap(), "-o", page.to_str().unwrap()];
    let told = succeed(metacascade().arg("compare").args(paths));
    assert!(told.contains("2 runs on the same data"), "{told}");
    let page = fs::read_to_string(page).unwrap();
    for wanted in ["abc-smc", "min acceptance", "AIC", "Settings that differ"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    let output = metacascade().args(["compare", mle.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

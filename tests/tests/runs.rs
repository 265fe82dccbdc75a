//! Claims: a fit's run is complete, the same on any number of threads, and readable when it was interrupted.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use metacascade_tests::{metacascade, succeed};

const QUICK: [&str; 4] = ["--population", "60", "--max-simulations", "4000"];

fn fit(run: &Path, arguments: &[&str]) -> String {
    let mut command = metacascade();
    command.args(["fit", "datasets/hypoxia-fatemap", "-o", run.to_str().unwrap()]).args(QUICK).args(arguments);
    succeed(&mut command)
}

#[test]
fn threads_change_no_byte_of_the_posterior() {
    let place = tempfile::tempdir().unwrap();
    let posterior = |name: &str, arguments: &[&str]| {
        let run = place.path().join(name);
        fit(&run, arguments);
        (fs::read(run.join("posterior.parquet")).unwrap(), fs::read(run.join("predictive.parquet")).unwrap())
    };
    let one = posterior("one", &["--seed", "5", "--threads", "1"]);
    assert!(one == posterior("two", &["--seed", "5", "--threads", "2"]), "threads changed the posterior");
    assert!(one.0 != posterior("other", &["--seed", "6", "--threads", "2"]).0, "the seed changed nothing");
}

#[test]
fn a_run_holds_all_that_went_in_and_came_out() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let told = fit(&run, &[]);
    assert!(told.contains("growth_primary") && told.contains("report.html"), "{told}");
    for file in [
        "settings.toml",
        "problem/problem.yaml",
        "problem/model.toml",
        "problem/measurements.tsv",
        "problem/hashes.toml",
        "generation-000.parquet",
        "generations.parquet",
        "posterior.parquet",
        "predictive.parquet",
        "predictive_data.parquet",
        "diagnostics.json",
        "report.html",
    ] {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    // The report can be made again from the run alone, to the same bytes.
    let again = place.path().join("again.html");
    succeed(metacascade().args(["report", run.to_str().unwrap(), "-o", again.to_str().unwrap()]));
    assert!(fs::read(&again).unwrap() == fs::read(run.join("report.html")).unwrap());
    // An older run is replaced; anything else is not touched.
    fit(&run, &["--seed", "2"]);
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.txt"), "irreplaceable").unwrap();
    let output =
        metacascade().args(["fit", "datasets/sw620-switching", "-o", other.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(other.join("thesis.txt")).unwrap(), "irreplaceable");
}

#[test]
fn an_interrupted_fit_leaves_a_readable_run() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let mut command = metacascade();
    command.args(["fit", "datasets/hypoxia-fatemap", "--population", "200", "-o", run.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !run.join("generation-001.parquet").exists() {
        assert!(started.elapsed() < Duration::from_secs(120), "no generation was written");
        std::thread::sleep(Duration::from_millis(20));
    }
    succeed(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let again = place.path().join("report.html");
    succeed(metacascade().args(["report", run.to_str().unwrap(), "-o", again.to_str().unwrap()]));
    assert!(fs::read_to_string(run.join("diagnostics.json")).unwrap().contains("interrupted"));
    // No half-written file and no hidden folder is left.
    let names = |folder: &Path| -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert!(names(&run).iter().chain(&names(place.path())).all(|name| !name.starts_with('.')), "{:?}", names(&run));
}

//! Runs on disk: what is written comes back, and nothing is left of what failed.

use std::{fs, path::Path};

use metacascade_engine::Method;
use metacascade_inference::{Posterior, abc_smc::Generation};
use metacascade_problem::{
    FitMethod, Problem, Run, RunError, RunSettings, RunWriter, predictive,
    run::{Outcome, ParameterSummary, SimulationChoice, StartRow},
    write_table,
};
use metacascade_random::{Key, rand::RngExt};

use crate::fixture::{Copy, load, path};

fn settings(problem: &Problem) -> RunSettings {
    let mut fit = toml::Table::new();
    fit.insert("population".to_owned(), toml::Value::Integer(50));
    RunSettings {
        command: "metacascade fit switching --seed 3".to_owned(),
        version: "0.1.0".to_owned(),
        seed: 3,
        method: FitMethod::AbcSmc,
        threads: 2,
        problem: problem.folder().to_owned(),
        title: problem.title().to_owned(),
        simulation: SimulationChoice { method: "direct".to_owned(), reason: "as asked for".to_owned() },
        fit,
    }
}

fn posterior(problem: &Problem, seed: u64) -> Posterior {
    let mut random = Key::new(seed).stream();
    let draws: Vec<Vec<f64>> =
        (0..50).map(|_| problem.estimated().iter().map(|parameter| parameter.sample(&mut random)).collect()).collect();
    Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        weights: vec![1.0 / 50.0; 50],
        distances: (0..50).map(|_| random.random()).collect(),
        draws,
    }
}

fn generation(problem: &Problem, index: usize) -> Generation {
    Generation {
        index,
        threshold: 1.0 / (index + 1) as f64,
        acceptance: 0.25,
        simulations: 200,
        failures: 1,
        total_simulations: 200 * (index as u64 + 1),
        effective_sample_size: 50.0,
        posterior: posterior(problem, index as u64),
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_comes_back_as_it_was_written() {
    let problem = load("switching");
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("deep/run");
    let settings = settings(&problem);
    let mut writer = RunWriter::create(&folder, &problem, &settings).unwrap();
    assert!(!folder.exists());
    writer.generation(&generation(&problem, 0)).unwrap();
    // From the first generation on, the run can be read.
    let early = Run::open(&folder).unwrap();
    assert!(early.predictive.is_none() && early.outcome.is_none());
    writer.generation(&generation(&problem, 1)).unwrap();
    let last = generation(&problem, 1).posterior;
    let rows = predictive(&problem, &Method::Direct, &last, 10, Key::new(1));
    writer.predictive(&problem, &rows).unwrap();
    let outcome = Outcome {
        stopped: "the threshold stood still".to_owned(),
        seconds: 1.5,
        simulations: 400,
        simulations_per_second: 266.7,
        failures: 2,
        effective_sample_size: 50.0,
        log_likelihood: None,
        warnings: vec!["few".to_owned()],
        parameters: ParameterSummary::all(&problem, &last),
        before_adjustment: Vec::new(),
        derived: Vec::new(),
    };
    writer.outcome(&outcome).unwrap();
    drop(writer);
    assert_eq!(entries(place.path().join("deep").as_path()), ["run"]);

    let run = Run::open(&folder).unwrap();
    assert_eq!(run.settings, settings);
    assert_eq!(run.problem.title(), problem.title());
    assert_eq!(run.problem.files(), problem.files());
    assert_eq!(run.posterior.draws, last.draws);
    assert_eq!((run.posterior.weights.clone(), run.posterior.distances.clone()), (last.weights, last.distances));
    assert_eq!(run.generations.len(), 2);
    assert_eq!((run.generations[1].threshold, run.generations[1].failures), (0.5, 1));
    assert_eq!(run.generation(0).unwrap().draws, posterior(&problem, 0).draws);
    assert_eq!(run.predictive.as_ref(), Some(&rows));
    assert_eq!(run.outcome.as_ref(), Some(&outcome));
    assert!(run.generation(7).is_err());
}

#[test]
fn files_are_copied_byte_by_byte() {
    let copy = Copy::of("switching");
    for file in ["problem.yaml", "model.toml", "measurements.tsv"] {
        copy.write(file, format!("\u{FEFF}{}", copy.read(file).replace('\n', "\r\n")));
    }
    let problem = copy.load();
    let place = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(&place.path().join("run"), &problem, &settings(&problem)).unwrap();
    writer.posterior(&posterior(&problem, 4)).unwrap();
    let run = Run::open(&place.path().join("run")).unwrap();
    assert_eq!(run.problem.files(), problem.files());
    assert_eq!(fs::read(run.folder().join("problem/model.toml")).unwrap(), copy.read("model.toml").into_bytes());
}

#[test]
fn nothing_is_left_of_a_fit_that_fails() {
    let problem = load("switching");
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a/b/run");
    drop(RunWriter::create(&folder, &problem, &settings(&problem)).unwrap());
    assert_eq!(entries(place.path()), Vec::<String>::new());
}

#[test]
fn other_folders_are_not_overwritten_and_old_runs_are() {
    let problem = load("switching");
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("thesis");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("chapter1.txt"), "words").unwrap();
    let error = RunWriter::create(&folder, &problem, &settings(&problem)).unwrap_err();
    assert!(matches!(error, RunError::Occupied(_)), "{error}");
    assert_eq!(entries(&folder), ["chapter1.txt"]);
    fs::remove_file(folder.join("chapter1.txt")).unwrap();

    for seed in [1, 2] {
        let mut writer = RunWriter::create(&folder, &problem, &settings(&problem)).unwrap();
        writer.starts(&["k_EM".into(), "k_ME".into(), "sigma".into()], &[start(seed)]).unwrap();
        writer.posterior(&posterior(&problem, seed)).unwrap();
        drop(writer);
        let run = Run::open(&folder).unwrap();
        assert_eq!(run.posterior.draws, posterior(&problem, seed).draws);
        assert_eq!(run.starts, [start(seed)]);
        assert_eq!(entries(place.path()), ["thesis"]);
    }
    // An older run stays until the new one has a result.
    drop(RunWriter::create(&folder, &problem, &settings(&problem)).unwrap());
    assert!(Run::open(&folder).is_ok());
}

fn start(seed: u64) -> StartRow {
    StartRow { parameters: vec![0.1, 0.2, 0.3], log_likelihood: seed as f64 }
}

#[test]
fn equal_posteriors_are_equal_bytes() {
    let problem = load("switching");
    let place = tempfile::tempdir().unwrap();
    let bytes: Vec<Vec<u8>> = ["a", "b"]
        .iter()
        .map(|name| {
            let folder = place.path().join(name);
            let mut writer = RunWriter::create(&folder, &problem, &settings(&problem)).unwrap();
            writer.posterior(&posterior(&problem, 4)).unwrap();
            fs::read(folder.join("posterior.parquet")).unwrap()
        })
        .collect();
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn damaged_runs_are_told() {
    let problem = load("switching");
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    assert!(matches!(Run::open(&folder).unwrap_err(), RunError::NotARun(_)));
    assert!(matches!(Run::open(&path("switching")).unwrap_err(), RunError::NotARun(_)));
    let mut writer = RunWriter::create(&folder, &problem, &settings(&problem)).unwrap();
    writer.posterior(&posterior(&problem, 4)).unwrap();
    drop(writer);
    let table = folder.join("problem/measurements.tsv");
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replace("0.9466", "0.8466")).unwrap();
    let error = Run::open(&folder).unwrap_err().to_string();
    assert!(error.contains("measurements.tsv") && error.contains("hash"), "{error}");
    fs::write(&table, text).unwrap();
    fs::write(folder.join("posterior.parquet"), "PAR1").unwrap();
    let error = Run::open(&folder).unwrap_err().to_string();
    assert!(error.contains("posterior.parquet"), "{error}");
}

#[test]
fn a_problem_that_changed_since_it_was_loaded_is_not_run() {
    let copy = Copy::of("switching");
    let problem = copy.load();
    copy.replace("measurements.tsv", "0.9466", "0.8466");
    let place = tempfile::tempdir().unwrap();
    let error = RunWriter::create(&place.path().join("run"), &problem, &settings(&problem)).unwrap_err();
    assert!(matches!(error, RunError::Changed(_)), "{error}");
    assert_eq!(entries(place.path()), Vec::<String>::new());
}

#[test]
fn tables_are_written_by_the_ending_of_their_names() {
    let place = tempfile::tempdir().unwrap();
    let columns = vec![("time".to_owned(), vec![0.0, 0.5]), ("X".to_owned(), vec![1.0, f64::NAN])];
    let csv = place.path().join("t.csv");
    write_table(&csv, columns.clone()).unwrap();
    assert_eq!(fs::read_to_string(&csv).unwrap(), "time,X\n0.0,1.0\n0.5,NaN\n");
    write_table(&place.path().join("t.parquet"), columns.clone()).unwrap();
    assert!(fs::read(place.path().join("t.parquet")).unwrap().starts_with(b"PAR1"));
    let error = write_table(&place.path().join("t.xlsx"), columns).unwrap_err().to_string();
    assert!(error.contains(".csv or .parquet"), "{error}");
    let twice = vec![("X".to_owned(), vec![0.0]), ("X".to_owned(), vec![0.0])];
    assert!(write_table(&place.path().join("u.csv"), twice).is_err());
    assert!(write_table(&place.path().join("no/such/folder.csv"), Vec::new()).is_err());
    assert_eq!(entries(place.path()), ["t.csv", "t.parquet"]);
}

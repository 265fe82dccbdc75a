//! Data sets simulated from the posterior: law, follow-up, reproducibility, and the files they are kept in.

use metacascade_engine::Method;
use metacascade_inference::Posterior;
use metacascade_problem::{FitMethod, Problem, Run, RunSettings, RunWriter, replicates, run::SimulationChoice};
use metacascade_random::Key;

use crate::fixture::load;

fn point(problem: &Problem, count: usize) -> Posterior {
    Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        draws: vec![problem.nominal(); count],
        weights: vec![1.0 / count as f64; count],
        distances: vec![0.0; count],
    }
}

/// Events come with the hazard .1 × dose. 2000 data sets, 5 standard errors at each of five places: a false alarm once in
/// 3e5 seeds.
#[test]
fn events_follow_the_model_and_are_seen_as_long_as_subjects_are_followed() {
    let problem = load("cohort");
    let sets = 2000;
    let found = replicates(&problem, &Method::Direct, &point(&problem, sets), sets, Key::new(4));
    assert_eq!(found.draws, (0..sets).collect::<Vec<usize>>());
    let close = |share: f64, expected: f64| {
        let error = (expected * (1.0 - expected) / sets as f64).sqrt();
        assert!((share - expected).abs() < 5.0 * error, "{share}, expected {expected} ± {error}");
    };
    let share = |happened: &dyn Fn(&Vec<metacascade_problem::Seen>) -> bool| {
        found.survival.iter().filter(|set| happened(set)).count() as f64 / sets as f64
    };
    // Everybody's events are known until 20 days, the longest follow-up, whoever was followed until when.
    for (row, dose) in [1.5, 0.5, 1.0, 1.0].into_iter().enumerate() {
        close(share(&|set| set[row].event_time <= 20.0), 1.0 - (-0.1 * dose * 20.0_f64).exp());
    }
    // The arm of the third subject has nobody whose follow-up ended: it is followed until its own event, at 3 days.
    close(share(&|set| set[2].event), 1.0 - (-0.1 * 3.0_f64).exp());
    for (row, seen) in found.survival.iter().flat_map(|set| set.iter().enumerate()) {
        let followed = match (seen.event, row) {
            // Its visits are two days apart: an event is seen in the middle between two of them.
            (true, 2) => (seen.time - seen.event_time).abs() <= 1.0,
            (true, _) => seen.time == seen.event_time,
            (false, _) => seen.time < seen.event_time,
        };
        assert!(followed, "{seen:?}");
    }
    let sizes: Vec<usize> = found.measurements.iter().map(Vec::len).collect();
    assert!(sizes.iter().all(|&size| size == problem.measurement_count()));
}

#[test]
fn equal_keys_give_equal_data_sets() {
    let problem = load("cohort");
    let posterior = point(&problem, 20);
    let one = |seed| replicates(&problem, &Method::Direct, &posterior, 20, Key::new(seed));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(one(5), pool.install(|| one(5)));
    assert_ne!(one(5), one(6));
    let mut posterior = posterior;
    posterior.draws[2][0] = f64::NAN;
    assert!(!replicates(&problem, &Method::Direct, &posterior, 20, Key::new(5)).draws.contains(&2));
}

#[test]
fn a_run_keeps_them() {
    let problem = load("cohort");
    let posterior = point(&problem, 5);
    let found = replicates(&problem, &Method::Direct, &posterior, 5, Key::new(1));
    let settings = RunSettings {
        command: String::new(),
        version: String::new(),
        seed: 1,
        method: FitMethod::AbcSmc,
        threads: 1,
        problem: problem.folder().to_owned(),
        title: String::new(),
        simulation: SimulationChoice { method: "direct".into(), reason: String::new() },
        fit: toml::Table::new(),
    };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("run");
    let mut writer = RunWriter::create(&folder, &problem, &settings).unwrap();
    writer.posterior(&posterior).unwrap();
    assert!(Run::open(&folder).unwrap().replicates.is_none());
    writer.replicates(&problem, &found).unwrap();
    drop(writer);
    assert_eq!(Run::open(&folder).unwrap().replicates.as_ref(), Some(&found));
    // A table of another problem is not taken for this one's.
    std::fs::copy(folder.join("predictive_survival.parquet"), folder.join("predictive_data.parquet")).unwrap();
    assert!(Run::open(&folder).is_err());
}

//! Any bytes as one of a problem's files: read or refused with a message that names the file, without a panic.
//! `cargo fuzz run tables` in crates/problem. The first byte chooses the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use metacascade_problem::Problem;

const FILES: [(&str, &[u8]); 9] = [
    ("problem.yaml", include_bytes!("../../tests/fixtures/cohort/problem.yaml")),
    ("model.toml", include_bytes!("../../tests/fixtures/cohort/model.toml")),
    ("parameters.tsv", include_bytes!("../../tests/fixtures/cohort/parameters.tsv")),
    ("conditions.tsv", include_bytes!("../../tests/fixtures/cohort/conditions.tsv")),
    ("experiments.tsv", include_bytes!("../../tests/fixtures/cohort/experiments.tsv")),
    ("observables.tsv", include_bytes!("../../tests/fixtures/cohort/observables.tsv")),
    ("measurements.tsv", include_bytes!("../../tests/fixtures/cohort/measurements.tsv")),
    ("subjects.csv", include_bytes!("../../tests/fixtures/cohort/subjects.csv")),
    ("survival.tsv", include_bytes!("../../tests/fixtures/cohort/survival.tsv")),
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, sound) in FILES {
        std::fs::write(folder.path().join(name), sound).expect("a file");
    }
    let (name, _) = FILES[usize::from(choice) % FILES.len()];
    std::fs::write(folder.path().join(name), bytes).expect("a file");
    if let Err(found) = Problem::load(folder.path()) {
        assert!(!found.is_empty());
        assert!(found.0.iter().all(|diagnostic| !diagnostic.file.is_empty()));
        let _ = found.render(false);
    }
});

//! What a sound problem holds, however its files are written.

use metacascade_inference::{Prior, Scale};
use metacascade_problem::{FitMethod, Kind, NoiseDistribution, Problem};

use crate::fixture::{Copy, load};

#[test]
fn a_problem_holds_what_its_tables_say() {
    let problem = load("switching");
    assert_eq!(problem.title(), "Switching between two states");
    assert_eq!(problem.warnings(), Vec::<String>::new());
    assert_eq!(problem.fit().population, Some(200));
    assert_eq!(problem.fit().method, None::<FitMethod>);
    let names: Vec<&str> = problem.estimated().iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["k_EM", "k_ME", "sigma"]);
    assert_eq!(problem.estimated()[0].prior, Prior::LogUniform { lower: 0.001, upper: 1.0 });
    assert_eq!(problem.estimated()[2].prior, Prior::Uniform { lower: 0.001, upper: 0.5 });
    // The bounds span more than a factor of 100.
    assert_eq!(problem.estimated()[2].scale, Scale::Log10);
    assert_eq!(problem.nominal(), [0.07, 0.13, 0.03]);
    let rows: Vec<(&str, &str)> =
        problem.estimated_rows().map(|row| (row.name.as_str(), row.description.as_str())).collect();
    assert_eq!(rows[0], ("E to M", "rate from E to M"));
    assert_eq!(problem.observables()[0].kind, Kind::Fraction);
    assert_eq!(problem.series().len(), 2);
    assert_eq!(problem.series()[1].measurements[3].value, 0.5188);
    assert_eq!(problem.measurement_count(), 14);
    let files: Vec<&str> = problem.files().iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files[..3], ["problem.yaml", "model.toml", "parameters.tsv"]);
    assert!(problem.files().iter().all(|file| file.sha256.len() == 64));
}

#[test]
fn replicates_and_repetitions_are_subjects_of_their_own() {
    let problem = load("immigration");
    // Experiment `empty`: replicates a, b, and rows without one; `full`: rows without one, and one repetition.
    let subjects: Vec<(usize, &str, usize)> = problem
        .trajectories()
        .iter()
        .map(|trajectory| (trajectory.experiment, trajectory.replicate.as_str(), trajectory.repetition))
        .collect();
    assert_eq!(subjects, [(0, "", 0), (0, "a", 0), (0, "b", 0), (1, "", 0), (1, "", 1)]);
    let counts = problem.series().iter().filter(|series| series.observable == 0);
    let sizes: Vec<(usize, usize)> = counts.map(|series| (series.trajectory, series.measurements.len())).collect();
    assert_eq!(sizes, [(1, 2), (2, 2), (3, 2), (4, 1)]);
    assert_eq!(problem.experiments()[1].name, "from 80");
    assert_eq!(problem.observables()[1].noise, NoiseDistribution::LogNormal);
    assert_eq!(problem.observables()[1].unit, "a.u.");
    // The noise is known where it is a number, whatever the formula.
    let noise: Vec<Option<f64>> = problem.series().iter().map(|series| series.measurements[0].noise).collect();
    assert_eq!(noise, [Some(1.5), Some(2.5), Some(6.0), Some(6.0), None, None, Some(0.3)]);
}

#[test]
fn arms_of_the_model_are_conditions() {
    let plain = load("immigration");
    let copy = Copy::of("immigration");
    let model = copy.read("model.toml");
    copy.write("model.toml", format!("{model}\n[[arms]]\nname = \"arm\"\nset = {{ x0 = 80 }}\n"));
    copy.replace("experiments.tsv", "seeding", "arm");
    let with_arm = copy.load();
    let series = |problem: &metacascade_problem::Problem| problem.series().len();
    assert_eq!(series(&with_arm), series(&plain));
    copy.replace("experiments.tsv", "arm", "amr");
    let error = metacascade_problem::Problem::load(copy.path()).unwrap_err().to_string();
    assert!(error.contains("there is no condition `amr`") && error.contains("`arm`"), "{error}");
}

#[test]
fn ways_to_write_a_table_change_nothing() {
    let plain = load("immigration");
    let copy = Copy::of("immigration");
    for file in ["parameters.tsv", "measurements.tsv", "observables.tsv"] {
        let text = copy.read(file).replace('\n', "\r\n");
        copy.write(file, format!("\u{FEFF}{text}\r\n\r\n\t\t\r\n"));
    }
    copy.replace("observables.tsv", "gain * scale * X", "\"gain * scale * X\"");
    copy.replace("measurements.tsv", "\t330\t", "\t 3.3e2 \t");
    let other = copy.load();
    assert_eq!(format!("{:?}", plain.series()), format!("{:?}", other.series()));
    assert_eq!(format!("{:?}", plain.observables()), format!("{:?}", other.observables()));
    assert_eq!(plain.estimated(), other.estimated());
}

#[test]
fn measurements_without_an_experiment_are_of_the_model_as_it_is() {
    let copy = Copy::of("switching");
    let table = copy.read("measurements.tsv").replace("from_E", "").replace("from_M", "");
    copy.write("measurements.tsv", table).replace("problem.yaml", "condition_files: [conditions.tsv]\n", "");
    copy.replace("problem.yaml", "experiment_files: [experiments.tsv]\n", "");
    copy.replace("parameters.tsv", "start_M\tM at the start\t\t\t500\tfalse\t\t\tcells\n", "");
    let problem = copy.load();
    assert_eq!(problem.experiments().len(), 1);
    assert_eq!(problem.experiments()[0].id, "");
    assert_eq!(problem.trajectories().len(), 2);
}

#[test]
fn what_is_not_measured_is_told() {
    let copy = Copy::of("switching");
    let table: String =
        copy.read("measurements.tsv").lines().filter(|line| !line.contains("from_M")).collect::<Vec<_>>().join("\n");
    let problem = copy.write("measurements.tsv", table).load();
    assert_eq!(problem.warnings(), ["the experiment `from_M` has no measurements"]);
}

#[test]
fn whole_numbers_have_a_law_of_their_own() {
    let copy = Copy::of("immigration");
    let table =
        copy.read("parameters.tsv").replace('\n', "\t\n").replace("priorParameters\t\n", "priorParameters\tinteger\n");
    let row = "seeded\t1\t100\t40\ttrue\tlog-uniform\t1;100\ttrue";
    copy.write("parameters.tsv", table.replace("seeded\t\t\t40\tfalse\t\t\t", row));
    let problem = copy.load();
    let seeded = problem.estimated().iter().find(|parameter| parameter.name == "seeded").unwrap();
    assert_eq!(seeded.prior, Prior::Whole(Box::new(Prior::LogUniform { lower: 0.5, upper: 100.5 })));
    assert_eq!((seeded.lower, seeded.upper, seeded.scale), (1.0, 100.0, Scale::Log10));
    assert!((seeded.log_density(1.0).exp() - 3f64.ln() / 201f64.ln()).abs() < 1e-12);
    assert_eq!(problem.nominal()[4], 40.0);
    for (written, wrong) in [
        ("1;100\ttrue", "1;100\tmaybe|`integer` must be true or false"),
        ("\t1\t100", "\t0.5\t100|a whole number between bounds that are none"),
        ("\t1;100", "\t0.2;100|a log-uniform law of whole numbers begins at 1 or more"),
    ] {
        let (cells, told) = wrong.split_once('|').unwrap();
        copy.write("parameters.tsv", table.replace("seeded\t\t\t40\tfalse\t\t\t", &row.replacen(written, cells, 1)));
        let found = Problem::load(copy.path()).unwrap_err().to_string();
        assert!(found.contains(told) && found.contains("parameters.tsv:6:"), "{found}");
    }
}

//! The likelihood where parameters vary between groups and subjects, against the multivariate normal law that normal
//! deviates and normal noise add up to, and against integrals on a fine grid.

use std::fmt::Write;

use approx::assert_relative_eq;
use metacascade_inference::{Likelihood, Posterior};
use metacascade_problem::{Problem, ProblemLikelihood, individuals};
use metacascade_random::{Key, rand::RngExt};
use nalgebra::{DMatrix, DVector};

const MEAN: f64 = 5.0;
const NOISE: f64 = 0.4;

/// Three groups of two subjects, each measured at two times; the level varies as `varies` says.
fn levels(varies: &str, values: &[f64; 12]) -> (tempfile::TempDir, Problem) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file(
        "model.toml",
        &format!(
            "name = \"level\"\ntime_unit = \"day\"\n[species]\nX = {{ initial = \"level\", rate = \"0\" }}\n[parameters]\n\
             level = {{ value = 5, varies = {varies} }}\nbetween = {{ value = 1.5 }}\nwithin = {{ value = 0.7 }}\n"
        ),
    );
    file(
        "problem.yaml",
        "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files: {m: {location: model.toml, language: metacascade}}\n\
         observable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n\
         extensions: {metacascade: {version: \"1\", required: true, subject_files: [subjects.tsv]}}\n",
    );
    file("parameters.tsv", "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\nlevel\t1\t9\t5\ttrue\n");
    let noise = format!("observableId\tobservableFormula\tnoiseFormula\nlevels\tX\t{NOISE}\n");
    file("observables.tsv", &noise);
    let mut subjects = "subjectId\tgroupId\n".to_owned();
    let mut measurements = "observableId\texperimentId\ttime\tmeasurement\tsubjectId\n".to_owned();
    for (index, value) in values.iter().enumerate() {
        let (subject, group, time) = (index / 2, index / 4, index % 2);
        if time == 0 {
            writeln!(subjects, "s{subject}\tg{group}").unwrap();
        }
        writeln!(measurements, "levels\t\t{time}\t{value}\ts{subject}").unwrap();
    }
    file("subjects.tsv", &subjects);
    file("measurements.tsv", &measurements);
    let problem = Problem::load(folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    (folder, problem)
}

fn values() -> [f64; 12] {
    let mut stream = Key::new(11).stream();
    std::array::from_fn(|_| MEAN + 4.0 * (stream.random::<f64>() - 0.5))
}

/// What all measurements covary by, with spreads between groups and within.
fn covariance(between: f64, within: f64) -> DMatrix<f64> {
    DMatrix::from_fn(12, 12, |i, j| {
        let same = |size: usize| if i / size == j / size { 1.0 } else { 0.0 };
        between * between * same(4) + within * within * same(2) + NOISE * NOISE * same(1)
    })
}

fn log_normal_density(values: &[f64; 12], covariance: DMatrix<f64>) -> f64 {
    let residual = DVector::from_iterator(12, values.iter().map(|value| value - MEAN));
    let factor = covariance.cholesky().unwrap();
    let log_determinant: f64 = factor.l().diagonal().iter().map(|entry| 2.0 * entry.ln()).sum();
    -0.5 * (residual.dot(&factor.solve(&residual)) + log_determinant + 12.0 * std::f64::consts::TAU.ln())
}

const SUBJECTS: &str = "{ law = \"normal\", spread = \"within\" }";
const GROUPS: &str = "{ law = \"normal\", spread = \"between\", between = \"groups\" }";
const BOTH: &str =
    "[{ law = \"normal\", spread = \"between\", between = \"groups\" }, { law = \"normal\", spread = \"within\" }]";

#[test]
fn normal_deviates_add_up_to_a_multivariate_normal_law() {
    let values = values();
    for (varies, between, within) in [(SUBJECTS, 0.0, 0.7), (GROUPS, 1.5, 0.0), (BOTH, 1.5, 0.7)] {
        let (_folder, problem) = levels(varies, &values);
        let found = ProblemLikelihood::new(&problem).log_likelihood(&[MEAN]).unwrap();
        assert_relative_eq!(found, log_normal_density(&values, covariance(between, within)), max_relative = 1e-6);
    }
}

#[test]
fn individuals_are_drawn_from_their_law_given_the_data() {
    let values = values();
    let (_folder, problem) = levels(SUBJECTS, &values);
    let posterior = Posterior {
        names: vec!["level".to_owned()],
        draws: vec![vec![MEAN]; 200],
        weights: vec![1.0 / 200.0; 200],
        distances: vec![0.0; 200],
    };
    let found = individuals(&problem, &posterior, Key::new(4)).unwrap();
    for subject in 0..6 {
        let rows = (0..found.draw.len()).filter(|&row| found.subject[row] == format!("s{subject}"));
        let drawn: Vec<f64> = rows.map(|row| found.value[row]).collect();
        assert_eq!(drawn.len(), 200);
        // Conjugate: precisions add up.
        let precision = 2.0 / (NOISE * NOISE) + 1.0 / (0.7 * 0.7);
        let data = values[2 * subject] + values[2 * subject + 1];
        let mean = (data / (NOISE * NOISE) + MEAN / (0.7 * 0.7)) / precision;
        let average = drawn.iter().sum::<f64>() / 200.0;
        // Four standard errors, for each of six: a false alarm in 2,600 seeds.
        assert!((average - mean).abs() < 4.0 / (200.0 * precision).sqrt(), "{subject}: {average} for {mean}");
    }
}

#[test]
fn groups_come_with_the_quantity_they_share() {
    let (_folder, problem) = levels(GROUPS, &values());
    let posterior = Posterior {
        names: vec!["level".to_owned()],
        draws: vec![vec![MEAN]],
        weights: vec![1.0],
        distances: vec![0.0],
    };
    let found = individuals(&problem, &posterior, Key::new(4)).unwrap();
    assert_eq!(found.draw.len(), 3 * metacascade_problem::INDIVIDUAL_DRAWS.min(1));
    assert!(found.group.iter().all(|group| group.starts_with('g')) && found.subject.iter().all(String::is_empty));
}

#[test]
fn what_differs_between_the_subjects_of_a_group_is_not_told_of_the_group() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/pdx-resection");
    let problem = Problem::load(&folder).unwrap();
    let posterior = Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        draws: vec![vec![2e-5, 4.0, 12.0]],
        weights: vec![1.0],
        distances: vec![0.0],
    };
    let found = individuals(&problem, &posterior, Key::new(4)).unwrap();
    // `expected` and `metastasis` follow from each mouse's own resection too.
    assert!(found.quantity.iter().all(|quantity| quantity == "emission"), "{:?}", found.quantity);
    let (mut told, mut groups) = (found.group.clone(), problem.groups().to_vec());
    told.sort();
    groups.sort();
    assert_eq!(told, groups);
}

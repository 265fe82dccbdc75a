//! Any problem that is written and read back is the same.

use std::fmt::Write as _;

use metacascade_inference::Likelihood;
use metacascade_problem::{Asked, Problem, ProblemLikelihood, export, propose};
use proptest::prelude::*;

use crate::fixture::Copy;

/// Rows of the measurement table of `immigration`: observable, experiment, value, time, replicate, override.
type Row = (usize, bool, f64, f64, Option<String>, f64);

const OBSERVABLES: [&str; 4] = ["count", "light", "area", "volume"];

/// Positive numbers of any number of digits.
fn positive() -> impl Strategy<Value = f64> {
    prop_oneof![(1u32..500).prop_map(f64::from), (-6.0..6.0f64).prop_map(|power| 10f64.powf(power)), 0.001..1000.0f64]
}

fn row() -> impl Strategy<Value = Row> {
    let time = prop_oneof![(1u32..20).prop_map(f64::from), 0.01..20.0f64];
    let replicate = prop::option::of(prop_oneof!["[a-z]{1,3}", "[0-9]{1,3}", "mouse [0-9]", "[αβ](\"\"|')x"]);
    (0..4usize, any::<bool>(), positive(), time, replicate, positive())
}

/// A row of the parameter table: bounds, nominal value, prior.
fn parameter() -> impl Strategy<Value = String> {
    (positive(), 1.5..50.0f64, 0.1..0.9f64, 0..5usize).prop_map(|(lower, ratio, place, law)| {
        let upper = lower * ratio;
        let nominal = lower + place * (upper - lower);
        let prior = match law {
            0 => String::from("\t"),
            1 => format!("uniform\t{lower};{upper}"),
            2 => format!("log-uniform\t{lower};{upper}"),
            3 => format!("normal\t{nominal};{}", 0.3 * nominal),
            _ => format!("log-normal\t{};0.7", nominal.ln()),
        };
        format!("{lower}\t{upper}\t{nominal}\ttrue\t{prior}")
    })
}

/// All that the tables say, as text.
fn told(problem: &Problem) -> String {
    let mut text = format!("{:?}\n{:?}\n{:?}\n", problem.title(), problem.parameters(), problem.estimated());
    for one in problem.observables() {
        let _ = writeln!(text, "{} {} {} {:?} {:?} {}", one.id, one.name, one.unit, one.kind, one.noise, one.group);
    }
    for experiment in problem.experiments() {
        let _ = writeln!(text, "{}", experiment.id);
    }
    let _ = writeln!(text, "{:?}", problem.trajectories());
    for series in problem.series() {
        let _ = write!(text, "{} {} {}:", series.observable, series.experiment, series.trajectory);
        for one in &series.measurements {
            let bits = [one.time, one.value, one.exposure].map(f64::to_bits);
            let _ = write!(text, " {bits:?} {:?} {:?}", one.reading, one.noise);
        }
        text.push('\n');
    }
    text
}

fn config(cases: u32, seed: u64) -> ProptestConfig {
    let rng_seed = prop::test_runner::RngSeed::Fixed(seed);
    ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(300, 30))]

    #[test]
    fn a_problem_exported_and_read_back_is_the_same(
        rows in prop::collection::vec(row(), 1..25),
        parameters in prop::collection::vec(parameter(), 4),
    ) {
        let problem = Copy::of("immigration");
        let mut table =
            "observableId\texperimentId\tmeasurement\ttime\tobservableParameters\tnoiseParameters\treplicateId\n".to_owned();
        for (observable, full, value, time, replicate, other) in &rows {
            let (observable, experiment) = (OBSERVABLES[*observable], if *full { "full" } else { "empty" });
            let [of_observable, of_noise] = match observable {
                "count" | "area" => [String::new(), other.to_string()],
                "light" => [other.to_string(), String::new()],
                _ => [String::new(), String::new()],
            };
            let replicate = replicate.as_deref().unwrap_or_default();
            let _ = writeln!(
                table,
                "{observable}\t{experiment}\t{value}\t{time}\t{of_observable}\t{of_noise}\t{}",
                if replicate.contains('"') { format!("\"{}\"", replicate.replace('"', "\"\"")) } else { replicate.to_owned() }
            );
        }
        problem.write("measurements.tsv", table);
        let mut table =
            "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n".to_owned();
        for (name, row) in ["nu", "delta", "scale", "sd_log"].iter().zip(&parameters) {
            let _ = writeln!(table, "{name}\t{row}");
        }
        problem.write("parameters.tsv", table + "seeded\t\t\t40\tfalse\t\t\n");
        let original = problem.load();
        let files = export(problem.path()).unwrap_or_else(|found| panic!("{found}"));
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let copy = Problem::load(folder.path()).unwrap_or_else(|found| panic!("{found}"));
        // The model's parameters that conditions read become rows that are not estimated.
        prop_assert!(copy.parameters().len() >= original.parameters().len());
        let of_both = |problem: &Problem| told(problem).lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(of_both(&copy), of_both(&original));
        let likelihood = |problem: &Problem| ProblemLikelihood::new(problem).log_likelihood(&original.nominal());
        match (likelihood(&copy), likelihood(&original)) {
            (Ok(found), Ok(expected)) if expected.is_finite() => {
                prop_assert!((found - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{} for {}", found, expected);
            }
            (found, expected) => prop_assert_eq!(found.is_ok(), expected.is_ok()),
        }
    }

    #[test]
    fn a_table_for_which_a_problem_is_proposed_is_all_in_it(
        courses in prop::collection::vec((prop::sample::subsequence((0..12).collect::<Vec<u32>>(), 2..8), positive()), 2..7),
        comma in any::<bool>(),
    ) {
        let mut table = "mouse;day;volume_mm3\n".to_owned();
        let mut expected = Vec::new();
        for (mouse, (days, first)) in courses.iter().enumerate() {
            for day in days {
                let value = first * (1.0 + f64::from(*day));
                expected.push((format!("m{mouse}"), f64::from(*day).to_bits(), value.to_bits()));
                let line = format!("m{mouse};{day};{value}\n");
                table += &if comma { line.replace('.', ",") } else { line };
            }
        }
        let proposal = propose(table.as_bytes(), "t.csv", &Asked::default()).unwrap_or_else(|found| panic!("{found}"));
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &proposal.files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let problem = Problem::load(folder.path()).unwrap_or_else(|found| panic!("{found}"));
        let mut found = Vec::new();
        for series in problem.series() {
            let subject = &problem.trajectories()[series.trajectory].replicate;
            found.extend(series.measurements.iter().map(|one| (subject.clone(), one.time.to_bits(), one.value.to_bits())));
        }
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

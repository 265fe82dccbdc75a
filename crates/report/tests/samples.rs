//! What a page says of whole samples, and of parameters that are known together only.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{fmt::Write as _, fs, path::Path};

use metacascade_inference::Posterior;
use metacascade_problem::{
    FitMethod, Problem, Replicates, Run, RunSettings, RunWriter, clopper_pearson, run::SimulationChoice,
};
use metacascade_report::{
    Content,
    content::{Combination, Predicted, Tie},
    content_of, render,
};

/// Subjects in two groups.
const SUBJECTS: u32 = 40;

const MODEL: &str = r#"
name = "samples"
time_unit = "day"
[species]
X = { initial = 10 }
[parameters]
a = { value = 1, unit = "1/day" }
b = { value = 1 }
[[reactions]]
equation = "X ->"
rate = "a * b * X"
"#;

/// `counted`: i modulo 4 of subject i. `bitten`: 1 of 1 in every fifth. `left` and `right`: 3 and 7 of a sample of ten;
/// `small`, `middling` and `large`: 5, 3 and 2.
fn problem(folder: &Path) -> Problem {
    let mut subjects = "subjectId\tgroupId\n".to_owned();
    let mut rows = "observableId\texperimentId\tsubjectId\ttime\tmeasurement\ttrials\n".to_owned();
    for index in 0..SUBJECTS {
        let group = if index < 10 { "first" } else { "second" };
        writeln!(subjects, "s{index:02}\t{group}").unwrap();
        writeln!(rows, "counted\t\ts{index:02}\t1\t{}\t", index % 4).unwrap();
        writeln!(rows, "bitten\t\ts{index:02}\t1\t{}\t1", u32::from(index % 5 == 0)).unwrap();
    }
    writeln!(rows, "left\t\ts00\t1\t3\t\nright\t\ts00\t1\t7\t").unwrap();
    writeln!(rows, "small\t\ts02\t1\t5\t\nmiddling\t\ts02\t1\t3\t\nlarge\t\ts02\t1\t2\t").unwrap();
    for time in 1..=3 {
        writeln!(rows, "pale\t\ts01\t{time}\t0.4\t\ndark\t\ts01\t{time}\t0.6\t").unwrap();
    }
    let files = [
        ("model.toml", MODEL.to_owned()),
        ("subjects.tsv", subjects),
        ("measurements.tsv", rows),
        (
            "observables.tsv",
            "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\tobservableGroup\tobservableKind\n\
             counted\tX\t\tpoisson\t\tcells\nbitten\t0.2\t\tbinomial\t\tfraction\n\
             left\tX\t\tmultinomial\tsides\t\nright\t20\t\tmultinomial\tsides\t\n\
             small\t9 - 4\t\tmultinomial\tsizes\t\nmiddling\t4 - 2\t\tmultinomial\tsizes\t\n\
             large\t2\t\tmultinomial\tsizes\t\n\
             pale\t0.4\t0.1\tnormal\tshades\tfraction\ndark\t0.6\t0.1\tnormal\tshades\tfraction\n"
                .to_owned(),
        ),
        (
            "parameters.tsv",
            "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n\
             a\t0.001\t1000\t1\ttrue\tlog-uniform\t0.001;1000\nb\t0.001\t1000\t1\ttrue\tlog-uniform\t0.001;1000\n"
                .to_owned(),
        ),
        (
            "problem.yaml",
            "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  m: {location: model.toml, \
             language: metacascade}\nobservable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n\
             extensions:\n  metacascade: {version: 1.0.0, required: false, subject_files: [subjects.tsv]}\n"
                .to_owned(),
        ),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    Problem::load(folder).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// In data set d of 101 every subject counts d modulo 2, d of 101 subjects are bitten and so on: by observable.
fn replicates(problem: &Problem) -> Replicates {
    let value = |id: &str, draw: usize| match id {
        "counted" => (draw % 2) as f64,
        "small" | "middling" | "large" => 10.0 * f64::from(u8::from(id == "large")),
        "bitten" => f64::from(u8::from(draw > 50)),
        "left" => (draw % 11) as f64,
        "right" => 10.0 - (draw % 11) as f64,
        "pale" => 0.002 * draw as f64,
        _ => 1.0 - 0.002 * draw as f64,
    };
    let set = |draw: usize| {
        let series = problem.series().iter();
        let values = series.flat_map(|series| {
            let id = problem.observables()[series.observable].id.clone();
            series.measurements.iter().map(move |_| value(&id, draw))
        });
        values.collect::<Vec<f64>>()
    };
    Replicates { draws: (0..101).collect(), measurements: (0..101).map(set).collect(), survival: vec![Vec::new(); 101] }
}

/// The product of the two parameters is 1 within a per cent, and each of them anywhere over four decades.
fn posterior() -> Posterior {
    let draw = |index: u32| {
        let decades = 4.0 * f64::from(index) / 199.0 - 2.0;
        vec![10_f64.powf(decades), 10_f64.powf(-decades) * (1.0 + 0.01 * f64::from(index % 2))]
    };
    Posterior {
        names: vec!["a".into(), "b".into()],
        draws: (0..200).map(draw).collect(),
        weights: vec![1.0 / 200.0; 200],
        distances: vec![0.0; 200],
    }
}

fn content() -> Content {
    let place = tempfile::tempdir().unwrap();
    let problem = problem(place.path());
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
    let folder = place.path().join("run");
    let mut writer = RunWriter::create(&folder, &problem, &settings).unwrap();
    writer.posterior(&posterior()).unwrap();
    writer.replicates(&problem, &replicates(&problem)).unwrap();
    drop(writer);
    content_of(&Run::open(&folder).unwrap())
}

#[test]
fn samples_are_held_against_simulated_ones() {
    let content = content();
    let titles: Vec<(&str, &str)> =
        content.shares.iter().map(|shares| (shares.title.as_str(), shares.by.as_str())).collect();
    assert_eq!(
        titles,
        [("bitten", "group"), ("sizes: of this class or a larger one", ""), ("sides", ""), ("sizes", "")]
    );
    // Pooled subjects: 8 of 40, 2 of the first ten; in half of the data sets all, in the other half none.
    let rows = &content.shares[0].panels[0].rows;
    let found: Vec<(&str, f64, f64)> = rows.iter().map(|row| (row.name.as_str(), row.found, row.of)).collect();
    assert_eq!(found, [("all", 8.0, 40.0), ("first", 2.0, 10.0), ("second", 6.0, 30.0)]);
    assert_eq!(rows[1].exact, clopper_pearson(2.0, 10.0, 0.95));
    let half = Predicted { lower95: 0.0, lower50: 0.0, median: 0.0, upper50: 1.0, upper95: 1.0 };
    assert_eq!(rows[0].predicted, Some(half));
    let sides: Vec<(f64, f64)> = content.shares[2].panels[0].rows.iter().map(|row| (row.found, row.of)).collect();
    assert_eq!(sides, [(3.0, 10.0), (7.0, 10.0)]);
    // Half of the lesions are middling or large, a fifth are large.
    let sizes: Vec<(&str, f64, f64)> =
        content.shares[1].panels[0].rows.iter().map(|row| (row.name.as_str(), row.found, row.of)).collect();
    assert_eq!(sizes, [("middling", 5.0, 10.0), ("large", 2.0, 10.0)]);
    assert_eq!(content.shares[1].panels[0].rows[0].predicted.map(|predicted| predicted.lower95), Some(1.0));
    // What is drawn as a whole sample is not drawn over time.
    let over_time: Vec<bool> = content.observables.iter().map(|observable| observable.over_time).collect();
    assert_eq!(over_time, [true, false, false, false, false, false, false, true, true]);

    // Ten subjects have each number from 0 to 3; in data sets all have 0 or all have 1.
    let [counts] = content.counts.as_slice() else { panic!("{:?}", content.counts) };
    let bins: Vec<(&str, usize)> = counts.panels[0].bins.iter().map(|bin| (bin.label.as_str(), bin.observed)).collect();
    assert_eq!(bins, [("0", 10), ("1", 10), ("2", 10), ("3", 10), ("≥ 4", 0)]);
    let zero = &counts.panels[0].bins[0];
    assert!((zero.expected - 40.0 * 51.0 / 101.0).abs() < 1e-9, "{}", zero.expected);
    let predicted = zero.predicted.unwrap();
    assert_eq!((predicted.lower95, predicted.upper95), (0.0, 40.0));

    // The mean over data sets of .002 d is .1.
    let [shades] = content.compositions.as_slice() else { panic!("{:?}", content.compositions) };
    assert_eq!((shades.parts.len(), shades.wholes.len()), (2, 3));
    assert_eq!(shades.wholes[0].measured, [0.4, 0.6]);
    assert!((shades.wholes[0].predicted[0] - 0.1).abs() < 1e-9, "{:?}", shades.wholes[0].predicted);
    assert!(render(&content).unwrap().trim_end().ends_with("</html>"));
}

#[test]
fn parameters_of_which_the_product_is_known_are_told_so() {
    let content = content();
    let ties: Vec<Option<Tie>> = content.parameters.iter().map(|parameter| parameter.tie.clone()).collect();
    let tie = |with: &str| Some(Tie { with: with.into(), of: Combination::Product });
    assert_eq!(ties, [tie("b"), tie("a")]);
    assert!(
        content.headline.contains(&"Only the product of a and b is fixed, not each by itself.".to_owned()),
        "{:?}",
        content.headline
    );
    let [low, high] = content.parameters[0].interval_80;
    assert!((low / 10_f64.powf(-1.6) - 1.0).abs() < 0.05 && (high / 10_f64.powf(1.6) - 1.0).abs() < 0.05);
}

#[test]
fn data_that_no_data_set_is_like_are_told() {
    let content = content();
    let check = |name: &str| content.checks.iter().find(|check| check.name == name).unwrap();
    // Counts of 2 and 3 never come, half of the measurements lie above all.
    let counted = check("counted");
    assert!(!counted.repeated && check("pale").repeated);
    assert!(counted.p_value < 0.01 && !counted.inside, "{} {}", counted.p_value, counted.inside);
    assert_eq!(counted.pit.len(), SUBJECTS as usize);
    assert!(counted.pit.iter().filter(|pit| **pit > 0.98).count() >= 20);
    // Two numbers are too few for a figure.
    assert!(check("left").pit.is_empty());
}

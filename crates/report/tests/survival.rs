//! What a page says of times to events whose curves are known.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{fmt::Write as _, fs, path::Path};

use metacascade_inference::Posterior;
use metacascade_problem::{FitMethod, Problem, Replicates, Run, RunSettings, RunWriter, Seen, run::SimulationChoice};
use metacascade_report::{content_of, render};

/// Subjects in two arms, the event of the one numbered i at i + 1 days; every fifth was followed no longer.
const SUBJECTS: u32 = 60;

const MODEL: &str = r#"
name = "death"
time_unit = "day"
[species]
well = { initial = 1 }
[parameters]
hazard = { value = 0.1, unit = "1/day" }
dose = { value = 1 }
[[reactions]]
equation = "well ->"
rate = "hazard * dose * well"
"#;

fn problem(folder: &Path) -> Problem {
    let mut subjects = "subjectId\texperimentId\tdose\n".to_owned();
    let mut survival = "subjectId\ttime\tevent\tendpoint\n".to_owned();
    for index in 0..SUBJECTS {
        let arm = if index % 2 == 0 { "control" } else { "treated" };
        writeln!(subjects, "s{index:02}\t{arm}\t{}", index + 1).unwrap();
        writeln!(survival, "s{index:02}\t{}\t{}\twell <= 0", index + 1, u8::from(index % 5 != 4)).unwrap();
    }
    let files = [
        ("model.toml", MODEL.to_owned()),
        ("subjects.tsv", subjects),
        ("survival.tsv", survival),
        ("experiments.tsv", "experimentId\ttime\tconditionId\ncontrol\t0\t\ntreated\t0\t\n".to_owned()),
        (
            "parameters.tsv",
            "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\nhazard\t0.001\t1\t0.1\ttrue\n".to_owned(),
        ),
        (
            "problem.yaml",
            "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  m: {location: model.toml, \
             language: metacascade}\nexperiment_files: [experiments.tsv]\nobservable_files: []\nmeasurement_files: []\n\
             extensions:\n  metacascade: {version: 1.0.0, required: false, subject_files: [subjects.tsv], \
             survival_files: [survival.tsv]}\n"
                .to_owned(),
        ),
    ];
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    Problem::load(folder).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// In data set d of 101, the event of all comes at d + .5 days, where it is seen until day 60.
fn replicates() -> Replicates {
    let set = |draw: usize| {
        let event_time = draw as f64 + 0.5;
        let event = event_time <= 60.0;
        vec![Seen { time: event_time.min(60.0), event, event_time }; SUBJECTS as usize]
    };
    Replicates { draws: (0..101).collect(), measurements: vec![Vec::new(); 101], survival: (0..101).map(set).collect() }
}

#[test]
fn curves_are_held_against_those_of_simulated_subjects() {
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
    let draws: Vec<Vec<f64>> = (0..50).map(|index| vec![0.1 + 0.001 * f64::from(index)]).collect();
    let posterior =
        Posterior { names: vec!["hazard".into()], draws, weights: vec![0.02; 50], distances: vec![0.0; 50] };
    writer.posterior(&posterior).unwrap();
    writer.replicates(&problem, &replicates()).unwrap();
    drop(writer);
    let content = content_of(&Run::open(&folder).unwrap());

    let by: Vec<(&str, usize)> =
        content.survival.iter().map(|survival| (survival.by.as_str(), survival.strata.len())).collect();
    assert_eq!(by, [("", 1), ("arm", 2), ("thirds of dose", 3)]);
    let all = &content.survival[0].strata[0];
    assert_eq!((all.observed.len(), all.at_risk(0.0), all.at_risk(41.0), all.end()), (60, 60, 20, 60.0));
    // By day 50.25, in 50 of 101 data sets the event has come to all, in the others to none.
    let band = |time: f64| {
        let band = all.bands.iter().rev().find(|band| band.time <= time).unwrap();
        [band.lower95, band.lower50, band.median, band.upper50, band.upper95].map(|share| (1e9 * share).round() / 1e9)
    };
    assert_eq!(band(1.0), [1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(band(50.25), [0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(band(60.0), [0.0, 0.0, 0.0, 1.0, 1.0]);
    let thirds: Vec<&str> = content.survival[2].strata.iter().map(|stratum| stratum.name.as_str()).collect();
    assert_eq!(thirds, ["lowest third, 1.00 to 20.0", "middle third, 21.0 to 40.0", "highest third, 41.0 to 60.0"]);
    let lowest = &content.survival[2].strata[0];
    assert_eq!((lowest.observed.len(), lowest.end()), (20, 20.0));
    assert!(content.headline[0].contains("fitted to 60 times to an event"), "{}", content.headline[0]);
    // Before the third data set's event all curves of at least 97.5 % stand at 1, and the data's has fallen.
    assert!(
        content.headline.iter().any(|sentence| {
            sentence
                .starts_with("The Kaplan–Meier curve of 60 subjects is outside the model's 95 % predictive band for ")
        }),
        "{:?}",
        content.headline
    );

    let page = render(&content).unwrap();
    for text in ["Time until well &#60;= 0, by thirds of dose", "<td>treated</td>"] {
        assert!(page.contains(text), "{text}");
    }
}

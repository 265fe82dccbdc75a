//! Predictions under arms against closed forms: a birth–death process, exponential times, and the arms that come with a data
//! set.

use std::{fs, path::Path};

use metacascade_engine::Method;
use metacascade_inference::Posterior;
use metacascade_problem::{
    ArmFile, Arms, Endpoint, Forecast, ForecastSettings, Problem, endpoints_of, forecast, hazard_ratio, horizon,
    subjects_of,
};
use metacascade_random::Key;

const BIRTH: f64 = 0.3;
const DEATH: f64 = 0.2;
const SEEDING: f64 = 0.4;

/// 20 cells that divide and die, and an event that comes to each subject at a constant rate.
const MODEL: &str = r#"
name = "birth-death"
time_unit = "day"
[species]
X = { initial = 20 }
M = { initial = 0 }
[parameters]
birth = 0.3
death = { value = 0.2, unit = "1/day", description = "death of a cell" }
seeding = 0.4
boost = 1
[[reactions]]
equation = "X -> 2 X"
rate = "birth * X"
[[reactions]]
equation = "X ->"
rate = "death * X"
[[reactions]]
equation = "-> M"
rate = "seeding * boost"
[[arms]]
name = "boosted"
set = { boost = 2 }
"#;

const YAML: &str = "format_version: 2.0.0
parameter_files: [parameters.tsv]
model_files: {m: {location: model.toml, language: metacascade}}
observable_files: [observables.tsv]
measurement_files: [measurements.tsv]
";

const ARMS: &str = r#"
[assumed]
boost = { prior = "log-normal", parameters = [0.0, 0.5], source = "none" }
[[arms]]
name = "killing"
set = { death = "2 * death" }
[[arms]]
name = "nothing"
set = { death = "death" }
[[arms]]
name = "seeding"
set = { seeding = "2 * seeding" }
"#;

fn problem() -> (tempfile::TempDir, Problem) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("problem.yaml", YAML);
    write("model.toml", MODEL);
    let head = "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\n";
    write(
        "parameters.tsv",
        &format!("{head}birth\t0.1\t1\t0.3\ttrue\ndeath\t0.1\t1\t0.2\ttrue\nseeding\t0.1\t1\t0.4\ttrue\n"),
    );
    write("observables.tsv", "observableId\tobservableFormula\tnoiseFormula\nX_obs\tX\t1\n");
    write("measurements.tsv", "observableId\texperimentId\ttime\tmeasurement\nX_obs\t\t4\t25\n");
    let problem = Problem::load(folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    (folder, problem)
}

fn point(names: &[&str], values: &[f64], count: usize) -> Posterior {
    Posterior {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        draws: vec![values.to_vec(); count],
        weights: vec![1.0 / count as f64; count],
        distances: vec![0.0; count],
    }
}

fn arms(problem: &Problem, folder: &Path, text: &str) -> Arms {
    let path = folder.join("arms.toml");
    fs::write(&path, text).unwrap();
    let mut arms = Arms::baseline();
    arms.add_file(problem, &ArmFile::read(&path).unwrap()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    arms
}

fn settings(problem: &Problem, draws: usize, subjects: usize) -> ForecastSettings {
    let endpoints = vec![Endpoint::new(problem, "M >= 1").unwrap()];
    let times = vec![0.0, 2.0, 4.0];
    ForecastSettings { experiment: 0, times, endpoints, draws, subjects, method: Method::Direct }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Of 8,000 subjects; four standard errors each, of ten numbers: a false alarm in 1,600 seeds.
#[test]
fn arms_come_to_what_their_closed_forms_say() {
    let (folder, problem) = problem();
    let arms = arms(&problem, folder.path(), &ARMS[ARMS.find("[[arms]]").unwrap()..]);
    let posterior = point(&["birth", "death", "seeding"], &[BIRTH, DEATH, SEEDING], 20);
    let found = forecast(&problem, &posterior, &arms, &settings(&problem, 20, 400), Key::new(1)).unwrap();
    assert_eq!((found.failures, found.draws.len(), found.subjects.len()), (0, 20, 400));
    let subjects = 8000.0_f64;
    for (arm, death) in [(0, DEATH), (1, 2.0 * DEATH), (2, DEATH)] {
        for (time, when) in [(1, 2.0_f64), (2, 4.0)] {
            let expected = 20.0 * ((BIRTH - death) * when).exp();
            // Variance of a linear birth–death process (Bailey 1964, The elements of stochastic processes, 8.6).
            let growth = BIRTH - death;
            let variance = expected * (BIRTH + death) / growth * ((growth * when).exp() - 1.0);
            let average = mean(&found.mean(arm, 0, time));
            assert!((average - expected).abs() < 4.0 * (variance / subjects).sqrt(), "{average} for {expected}");
        }
    }
    for (arm, rate) in [(0, SEEDING), (3, 2.0 * SEEDING)] {
        let free = (-rate * 4.0).exp();
        let average = mean(&found.event_free(arm, 0, 4.0));
        assert!((average - free).abs() < 4.0 * (free * (1.0 - free) / subjects).sqrt(), "{average} for {free}");
        // The condition is looked at 200 times: events are seen half a look, 0.01 days, late.
        let restricted = (1.0 - free) / rate + 0.01 * (1.0 - free);
        let average = mean(&found.restricted_mean(arm, 0));
        assert!((average - restricted).abs() < 4.0 * 1.6 / subjects.sqrt(), "{average} for {restricted}");
    }
    // Of each draw, the logarithm has a variance of 1/events + 1/events.
    let ratios: Vec<f64> = found.hazard_ratios(3, 0, 0).iter().map(|ratio| ratio.ln()).collect();
    let events = |rate: f64| subjects * (1.0 - (-rate * 4.0).exp());
    let error = (1.0 / events(SEEDING) + 1.0 / events(2.0 * SEEDING)).sqrt();
    assert!((mean(&ratios) - 2.0_f64.ln()).abs() < 4.0 * error, "{}", mean(&ratios));
}

#[test]
fn an_arm_that_sets_what_is_there_differs_by_nothing() {
    let (folder, problem) = problem();
    let arms = arms(&problem, folder.path(), ARMS);
    let posterior = point(&["birth", "death", "seeding"], &[BIRTH, DEATH, SEEDING], 10);
    let settings = settings(&problem, 10, 8);
    let found = forecast(&problem, &posterior, &arms, &settings, Key::new(1)).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let again = pool.install(|| forecast(&problem, &posterior, &arms, &settings, Key::new(1))).unwrap();
    assert_eq!(found, again, "the same on any number of threads");
    assert_ne!(found, forecast(&problem, &posterior, &arms, &settings, Key::new(2)).unwrap());
    for draw in 0..10 {
        for subject in 0..8 {
            for time in 0..3 {
                assert_eq!(found.value(0, draw, subject, time, 0), found.value(2, draw, subject, time, 0));
            }
        }
        assert!(found.event_times(0, draw, 0).eq(found.event_times(2, draw, 0)));
        assert!(found.event_times(0, draw, 0).ne(found.event_times(3, draw, 0)));
    }
    // What is assumed is drawn for each draw, and is a parameter like others.
    assert_eq!(found.parameters, ["birth", "death", "seeding", "boost"]);
    let mut boosts: Vec<f64> = found.draws.iter().map(|draw| draw[3]).collect();
    boosts.sort_by(f64::total_cmp);
    boosts.dedup();
    assert_eq!(boosts.len(), 10);
    assert!(boosts.iter().all(|boost| (0.1..10.0).contains(boost)));
}

#[test]
fn arms_of_the_model_combine() {
    let (_folder, problem) = problem();
    let mut arms = Arms::baseline();
    arms.add_named(&problem, "boosted").unwrap();
    let posterior = point(&["birth", "death", "seeding"], &[BIRTH, DEATH, SEEDING], 4);
    let found = forecast(&problem, &posterior, &arms, &settings(&problem, 4, 300), Key::new(1)).unwrap();
    let free = mean(&found.event_free(1, 0, 4.0));
    let wanted = (-2.0 * SEEDING * 4.0_f64).exp();
    assert!((free - wanted).abs() < 4.0 * (wanted / 1200.0).sqrt(), "{free} for {wanted}");
    let (message, help) = arms.add_named(&problem, "boosted, bosted").unwrap_err();
    assert_eq!((message.as_str(), help.as_str()), ("the model has no arm `bosted`", "did you mean `boosted`?"));
}

/// All mistakes of a file of arms at once, each where it stands.
#[test]
fn mistakes_of_a_file_of_arms_are_told_where_they_are() {
    let (folder, problem) = problem();
    let told = |text: &str| {
        let path = folder.path().join("arms.toml");
        fs::write(&path, text).unwrap();
        match ArmFile::read(&path) {
            Ok(file) => Arms::baseline().add_file(&problem, &file).unwrap_err().to_string(),
            Err(diagnostics) => diagnostics.to_string(),
        }
    };
    let all = told(
        "[assumed]\nboots = { prior = \"normal\", parameters = [0, 1] }\ndeath = { prior = \"normal\", parameters = [0, 1] }\n\
         boost = { prior = \"normale\", parameters = [0, 1] }\n[[arms]]\nname = \"a\"\narms = [\"boster\"]\n\
         set = { deaht = 1, death = \"X + 1\", birth = \"2 *\", seeding = \"time\" }\n[[arms]]\nname = \"a\"\n",
    );
    for wanted in [
        "no parameter `boots`",
        "`death` was fitted",
        "no law `normale`",
        "no arm `boster`",
        "no parameter `deaht`",
        "`X` has no value before the simulation",
        "in the value of `birth`",
        "`time` has no value",
        "there is an arm of this name",
        "arms.toml:8:",
    ] {
        assert!(all.contains(wanted), "{wanted} in {all}");
    }
    assert!(told("[[arms]]\nname = 3\n").contains("arms.toml:2"));
    assert!(told("").contains("the file has no arms"));
    assert!(
        told("[assumed]\nboost = { prior = \"normal\", parameters = [0] }\n[[arms]]\nname=\"a\"").contains("2 numbers")
    );
    assert!(
        told("[assumed]\nboost = { prior = \"normal\", parameters = [0, -1] }\n[[arms]]\nname=\"a\"")
            .contains("positive")
    );
}

#[test]
fn what_an_arm_cannot_set_is_a_failure_and_not_a_number() {
    let (folder, problem) = problem();
    let arms = arms(&problem, folder.path(), "[[arms]]\nname = \"broken\"\nset = { death = \"1 / (boost - 1)\" }\n");
    let posterior = point(&["birth", "death", "seeding"], &[BIRTH, DEATH, SEEDING], 3);
    let found = forecast(&problem, &posterior, &arms, &settings(&problem, 3, 2), Key::new(1)).unwrap();
    assert_eq!((found.draws.len(), found.failures), (0, 3));
    assert_eq!(found.first_failure.as_deref(), Some("the arm sets `death` to inf"));
    let none = ForecastSettings { times: vec![2.0, 1.0], ..settings(&problem, 1, 1) };
    assert!(forecast(&problem, &posterior, &Arms::baseline(), &none, Key::new(1)).is_err());
    let many = settings(&problem, 3, usize::MAX);
    assert!(forecast(&problem, &posterior, &Arms::baseline(), &many, Key::new(1)).unwrap_err().contains("memory"));
}

const LATENCY: f64 = 12.0;

/// The arms that come with `pdx-resection`, on one parameter vector without variation between lines.
fn resection(draws: usize) -> (Problem, Forecast) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/pdx-resection");
    let file = ArmFile::read(&folder.join("arms/anti-VEGF.toml")).unwrap();
    let problem = Problem::load_with_model(&folder, &file.model().unwrap()).unwrap_or_else(|error| panic!("{error}"));
    let mut arms = Arms::baseline();
    arms.add_file(&problem, &file).unwrap_or_else(|error| panic!("{error}"));
    let posterior = point(&["emission", "line_spread", "latency"], &[EMISSION, 1e-9, LATENCY], draws);
    let settings = ForecastSettings {
        experiment: 0,
        times: vec![200.0, horizon(&problem, 0).unwrap()],
        endpoints: endpoints_of(&problem),
        draws,
        subjects: subjects_of(&problem, 0).len(),
        method: "hybrid".parse().unwrap(),
    };
    let found = forecast(&problem, &posterior, &arms, &settings, Key::new(7)).unwrap();
    (problem, found)
}

const EMISSION: f64 = 1e-4;

/// Without treatment the model with a therapy is the fitted one: how many mice have a metastasis by the day they were killed.
/// And an earlier resection of a primary that grows as before is a shorter integral. Four standard errors, of two numbers.
#[test]
fn the_model_with_a_therapy_is_the_fitted_one_where_there_is_none() {
    let draws = 20;
    let (problem, found) = resection(draws);
    assert_eq!((found.failures, found.arms.len(), found.endpoints.len()), (0, 4, 1));
    let column = |name: &str| -> Vec<f64> {
        let covariate = problem.covariates().iter().find(|covariate| covariate.name == name).unwrap();
        let metacascade_problem::Values::Numbers(numbers) = &covariate.values else { panic!("numbers") };
        numbers.clone()
    };
    let (day, volume, killed) = (column("resection_day"), column("resection_volume"), column("killed"));
    for (arm, earlier) in [(0, 0.0), (3, 14.0)] {
        let (mut expected, mut variance, mut seen) = (0.0, 0.0, 0.0);
        for (subject, ((day, volume), killed)) in day.iter().zip(&volume).zip(&killed).enumerate() {
            let growth = volume.ln() / day;
            let last = (day - earlier).min(killed - LATENCY);
            let p = 1.0 - (-EMISSION * ((growth * last).exp() - 1.0) / growth).exp();
            expected += p * draws as f64;
            variance += p * (1.0 - p) * draws as f64;
            let times = (0..draws).filter_map(|draw| found.event_times(arm, draw, 0).nth(subject));
            seen += times.filter(|time| time <= killed).count() as f64;
        }
        assert!((seen - expected).abs() < 4.0 * variance.sqrt(), "arm {arm}: {seen} for {expected}");
        assert!(expected > 200.0, "{expected}: there is something to compare");
    }
}

/// θ/(2θ+1) · 1/(θ+1) is highest at θ = 1/√2.
#[test]
fn the_hazard_ratio_is_the_maximum_of_the_partial_likelihood() {
    let found = hazard_ratio(&[(1.0, true), (3.0, true)], &[(2.0, true)]);
    assert!((found - 0.5_f64.sqrt()).abs() < 1e-10, "{found}");
    // The other way round it is the reciprocal.
    let other = hazard_ratio(&[(2.0, true)], &[(1.0, true), (3.0, true)]);
    assert!((found * other - 1.0).abs() < 1e-10);
}

/// Two tied events, one of each set of two: Efron's likelihood is θ / ((2θ+2)(1.5θ+1.5)), then all are lost: θ = 1.
#[test]
fn ties_are_efrons() {
    let set = [(1.0, true), (2.0, false)];
    assert!((hazard_ratio(&set, &set) - 1.0).abs() < 1e-12);
    // One of one against one of three, tied: θ / ((θ+3)(θ/2+5/2)) is highest where θ² = 15.
    let found = hazard_ratio(&[(1.0, true)], &[(1.0, true), (2.0, false), (2.0, false)]);
    assert!((found - 15.0_f64.sqrt()).abs() < 1e-9, "{found}");
}

/// Quantiles of exponential laws with rates 0.3 and 0.1: the estimate is near their ratio.
#[test]
fn exponential_laws_have_the_ratio_of_their_rates() {
    let law = |rate: f64| -> Vec<(f64, bool)> {
        (0..4000).map(|index| (-(1.0 - (f64::from(index) + 0.5) / 4000.0).ln() / rate, true)).collect()
    };
    let cut = |law: Vec<(f64, bool)>| -> Vec<(f64, bool)> {
        law.into_iter().map(|(time, _)| (time.min(12.0), time < 12.0)).collect()
    };
    assert!((hazard_ratio(&law(0.3), &law(0.1)) / 3.0 - 1.0).abs() < 2e-3);
    assert!((hazard_ratio(&cut(law(0.3)), &cut(law(0.1))) / 3.0 - 1.0).abs() < 2e-3);
}

#[test]
fn without_events_there_is_no_ratio() {
    let (never, once) = ([(5.0, false); 3], [(1.0, true), (5.0, false)]);
    assert_eq!(hazard_ratio(&never, &once), 0.0);
    assert_eq!(hazard_ratio(&once, &never), f64::INFINITY);
    assert!(hazard_ratio(&never, &never).is_nan() && hazard_ratio(&[], &once).is_nan());
}

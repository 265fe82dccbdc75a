//! Kinds of data: laws of counts and shares, censoring, means of several subjects, times to events, subjects and units.

use approx::assert_relative_eq;
use metacascade_engine::Method;
use metacascade_inference::{Likelihood, Simulator, abc_smc};
use metacascade_problem::{Problem, ProblemLikelihood, ProblemSimulator, Reading, Values, identifiability, overview};
use metacascade_random::Key;
use statrs::distribution::{
    Binomial, Continuous, ContinuousCDF, Discrete, Multinomial, NegativeBinomial, Normal, Poisson,
};

use crate::fixture::{Copy, load};

const NU: f64 = 5.0;
const DELTA: f64 = 0.5;
const SPREAD: f64 = 0.2;
const POINT: [f64; 4] = [NU, DELTA, 0.1, SPREAD];

/// The mean number of cells.
fn cells(dose: f64, start: f64, time: f64) -> f64 {
    let decay = (-DELTA * time).exp();
    NU * dose / DELTA * (1.0 - decay) + start * decay
}

fn without_survival() -> Problem {
    let copy = Copy::of("cohort");
    copy.replace("problem.yaml", "    survival_files: [survival.tsv]\n", "").load()
}

#[test]
fn subjects_have_groups_arms_and_covariates() {
    let problem = load("cohort");
    let subjects: Vec<(&str, usize, usize)> = problem
        .subjects()
        .iter()
        .map(|subject| (subject.id.as_str(), subject.group.unwrap(), subject.experiment.unwrap()))
        .collect();
    assert_eq!(subjects, [("m1", 0, 0), ("m2", 0, 0), ("m3", 1, 1), ("m4", 1, 1)]);
    assert_eq!(problem.groups(), ["left", "right"]);
    let [grade, grams] = problem.covariates() else { panic!("{:?}", problem.covariates()) };
    assert_eq!((grams.name.as_str(), grams.parameter.as_deref()), ("grams", Some("dose")));
    assert!(matches!(&grams.values, Values::Numbers(numbers) if numbers == &[1.5, 0.5, 1.0, 1.0]));
    assert!(matches!(&grade.values, Values::Labels(labels) if labels == &["low", "high", "low", ""]));
    assert_eq!(problem.trajectories().len(), 5);
    assert_eq!(problem.warnings(), ["1 rows whose measurement is `NA` are left out"]);
    // 24 hours are a day, .12 ml are 12 cells, and a row without an experiment is of the subject's arm.
    let rows = |id: &str| {
        let series = problem.series().iter().filter(|series| problem.observables()[series.observable].id == id);
        series.flat_map(|series| series.measurements.iter().map(|row| (series.experiment, row))).collect::<Vec<_>>()
    };
    let drawn: Vec<(usize, f64, f64)> =
        rows("drawn").iter().map(|(experiment, row)| (*experiment, row.time, row.level())).collect();
    assert_eq!(drawn, [(0, 2.0, 8.0), (0, 4.0, 14.0), (1, 1.0, 12.0)]);
    let signal: Vec<(f64, Reading)> = rows("signal").iter().map(|(_, row)| (row.value, row.reading)).collect();
    assert!(signal.contains(&(12.0, Reading::Exact)) && signal.contains(&(2.0, Reading::Below)), "{signal:?}");
    assert!(signal.contains(&(10.0, Reading::UpTo(14.0))) && signal.contains(&(18.0, Reading::Above)), "{signal:?}");
    assert!(signal.contains(&(9.5, Reading::Mean { n: 6.0, sd: Some(3.5) })), "{signal:?}");
    let survival: Vec<(f64, bool)> = problem.survival().iter().map(|row| (row.time, row.event)).collect();
    assert_eq!(survival, [(3.0, true), (20.0, false), (3.0, true), (12.0, true)]);
    assert_eq!(problem.survival()[2].interval, Some((2.0, 4.0)));
}

/// Every law by the formulas of an independent library at the mean field in closed form.
#[test]
fn every_kind_of_data_has_its_likelihood() {
    let problem = without_survival();
    let ln_nb = |k: u64, mean: f64| NegativeBinomial::new(1.0 / SPREAD, 1.0 / (1.0 + SPREAD * mean)).unwrap().ln_pmf(k);
    let share = |x: f64| x / (x + 20.0);
    let mut expected = Poisson::new(0.5 * cells(1.5, 0.0, 2.0)).unwrap().ln_pmf(4)
        + Poisson::new(0.5 * cells(1.5, 0.0, 4.0)).unwrap().ln_pmf(7)
        + Poisson::new(0.5 * cells(1.0, 20.0, 1.0)).unwrap().ln_pmf(6)
        + ln_nb(9, cells(1.5, 0.0, 2.0))
        + ln_nb(3, cells(0.5, 0.0, 2.0))
        + Binomial::new(share(cells(1.5, 0.0, 2.0)), 10).unwrap().ln_pmf(3);
    // Beta-binomial by adding up over the beta law.
    let y = share(cells(1.0, 20.0, 2.0));
    let (a, b) = (9.0 * y, 9.0 * (1.0 - y));
    let beta = statrs::distribution::Beta::new(a, b).unwrap();
    let steps = 20_000;
    let integral: f64 = (0..steps)
        .map(|step| (f64::from(step) + 0.5) / f64::from(steps))
        .map(|p| beta.pdf(p) * Binomial::new(p, 12).unwrap().pmf(8) / f64::from(steps))
        .sum();
    expected += integral.ln();
    let x = cells(0.5, 0.0, 3.0);
    expected += Multinomial::new(vec![x / (x + 10.0), 10.0 / (x + 10.0)], 11)
        .unwrap()
        .ln_pmf(&nalgebra::DVector::from_vec(vec![2, 9]));
    let normal = |mean: f64| Normal::new(mean, 1.5).unwrap();
    expected += normal(cells(1.5, 0.0, 1.0)).ln_pdf(5.5) + normal(cells(1.0, 20.0, 1.0)).ln_pdf(12.0);
    expected += normal(cells(0.5, 0.0, 1.0)).cdf(2.0).ln() + normal(cells(1.0, 20.0, 1.0)).sf(18.0).ln();
    let law = normal(cells(1.0, 20.0, 3.0));
    expected += (law.cdf(14.0) - law.cdf(10.0)).ln();
    // Six values with mean 9.5 and s.d. 3.5.
    let law = normal(cells(1.0, 0.0, 2.0));
    let side = 3.5 * (5.0_f64 / 6.0).sqrt();
    expected += (0..6).map(|index| law.ln_pdf(9.5 + if index % 2 == 0 { side } else { -side })).sum::<f64>();
    let x = cells(1.5, 0.0, 2.0);
    let fraction = |mean: f64| Normal::new(mean, 0.05).unwrap();
    expected += fraction(x / (x + 10.0)).ln_pdf(0.52) + fraction(10.0 / (x + 10.0)).ln_pdf(0.48);
    let found = ProblemLikelihood::new(&problem).log_likelihood(&POINT).unwrap();
    assert_relative_eq!(found, expected, max_relative = 1e-5);
    // Times to events have none.
    assert!(ProblemLikelihood::new(&load("cohort")).log_likelihood(&POINT).is_err());
}

/// Simulated data of each kind against means and probabilities in closed form: 4000 data sets, 5 standard errors, some
/// 15 tests: a false alarm once in 1e5 seeds.
#[test]
fn every_kind_of_data_is_simulated() {
    let copy = Copy::of("cohort");
    // Limits would cut the mean of six.
    let problem = copy.replace("observables.tsv", "\t2\t18", "\t\t").load();
    let simulator = ProblemSimulator::new(&problem, &Method::Direct);
    let sets = 4000_usize;
    let data: Vec<Vec<f64>> =
        (0..sets).map(|index| simulator.data(&POINT, Key::new(3).child(index as u64)).unwrap()).collect();
    let mut position = 0;
    let mut at = std::collections::BTreeMap::new();
    for series in problem.series() {
        for row in &series.measurements {
            let id = problem.observables()[series.observable].id.clone();
            let subject = problem.trajectories()[series.trajectory].replicate.clone();
            at.insert((id, subject, row.time.to_bits()), position);
            position += 1;
        }
    }
    let column = |position: usize| data.iter().map(|set| set[position]).collect::<Vec<f64>>();
    let close = |what: &str, values: Vec<f64>, mean: f64| {
        let found = values.iter().sum::<f64>() / sets as f64;
        let variance = values.iter().map(|value| (value - found).powi(2)).sum::<f64>() / (sets - 1) as f64;
        let error = (variance / sets as f64).sqrt();
        assert!((found - mean).abs() < 5.0 * error, "{what}: {found}, expected {mean} ± {error}");
    };
    let measured =
        |id: &str, subject: &str, time: f64| column(at[&(id.to_owned(), subject.to_owned(), time.to_bits())]);
    close("drawn", measured("drawn", "m1", 2.0), 0.5 * cells(1.5, 0.0, 2.0));
    close("drawn in hours", measured("drawn", "m3", 1.0), 0.5 * cells(1.0, 20.0, 1.0));
    close("plated", measured("plated", "m2", 2.0), cells(0.5, 0.0, 2.0));
    let parts: Vec<f64> =
        measured("part_a", "m2", 3.0).iter().zip(measured("part_b", "m2", 3.0)).map(|(a, b)| a + b).collect();
    assert!(parts.iter().all(|&total| total == 11.0));
    // Values below or above a row's own limit come as the limit.
    assert!(measured("signal", "m2", 1.0).iter().all(|&value| value >= 2.0));
    assert!(measured("signal", "m3", 1.0).iter().all(|&value| value <= 18.0));
    assert!(measured("signal", "m4", 3.0).iter().all(|&value| value <= 10.0 || value > 14.0));
    close("mean of six", measured("signal", "", 2.0), cells(1.0, 0.0, 2.0));
    let variances = column(position).iter().map(|sd| sd * sd).collect();
    close("variance of six", variances, cells(1.0, 0.0, 2.0) + 1.5 * 1.5);
    // Times to events: subjects with an event are followed to the last censoring time of their arm, 20 days; in the other
    // arm nobody was censored.
    let events = |row: usize| column(position + 1 + 2 * row + 1);
    close("m1", events(0), 1.0 - (-0.1 * 1.5 * 20.0_f64).exp());
    close("m2", events(1), 1.0 - (-0.1 * 0.5 * 20.0_f64).exp());
    let names = simulator.summary_names();
    assert_eq!(names.len(), simulator.observed().len());
    assert!(simulator.observed().iter().all(|value| value.is_finite()));
    assert!(names.iter().any(|name| name.starts_with("survival well <= 0 empty at 3")), "{names:?}");
}

#[test]
fn the_overview_says_what_there_is_and_what_is_weak() {
    let problem = without_survival();
    let found = identifiability(&problem).unwrap();
    // Spread is noise, hazard moves nothing that is measured.
    assert_eq!(found.silent, ["hazard", "spread"]);
    assert_eq!(found.singular_values.len(), 2);
    assert!(found.singular_values.windows(2).all(|pair| pair[0] >= pair[1]));
    let overview = overview(&load("cohort"));
    assert_eq!((overview.subjects, overview.followed, overview.events), (5, 4, 3));
    assert_eq!(overview.times, Some((1.0, 4.0)));
    let censored: usize = overview.observables.iter().map(|observable| observable.censored).sum();
    assert_eq!(censored, 3);
    assert_eq!(overview.covariates[1], ("grams".to_owned(), Some("dose".to_owned())));
    // One observable at one late time sees the ratio of the two rates only.
    let copy = Copy::of("immigration");
    copy.write("measurements.tsv", "observableId\texperimentId\tmeasurement\ttime\nvolume\tempty\t26\t200\n");
    copy.replace("parameters.tsv", "sd_log\t0.01\t1\t0.2\ttrue\t\t\n", "");
    let observables = copy.read("observables.tsv");
    let kept: Vec<&str> =
        observables.lines().filter(|line| !line.starts_with("light") && !line.starts_with("area")).collect();
    copy.write("observables.tsv", kept.join("\n")).replace(
        "parameters.tsv",
        "scale\t0\t10\t2\ttrue\tnormal\t2;1\n",
        "",
    );
    let found = identifiability(&copy.load()).unwrap();
    assert_eq!((found.told, found.weak.len()), (1, 1), "{found:?}");
    assert!(found.weak[0].contains("says nothing of") && found.weak[0].contains("rising together"), "{found:?}");
}

const HIERARCHY: &str = r#"
name = "hierarchy"
time_unit = "day"
[species]
X = { initial = 0, unit = "cells" }
[parameters]
nu = { value = 20, unit = "cells/day", varies = { law = "lognormal", spread = "sigma_nu" } }
sigma_nu = { value = 0.4 }
delta = { value = 1, unit = "1/day" }
[[reactions]]
equation = "-> X"
rate = "nu"
[[reactions]]
equation = "X ->"
rate = "delta * X"
"#;

/// Location and spread of a parameter that varies between subjects are parameters like others: a fit to data made with
/// known ones finds them. The seed is fixed; central 98 % intervals miss one of two truths in 4 % of seeds.
#[test]
fn the_spread_between_subjects_is_fitted() {
    let copy = Copy::of("cohort");
    copy.write("model.toml", HIERARCHY);
    copy.write(
        "parameters.tsv",
        "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\nnu\t2\t200\t20\ttrue\nsigma_nu\t0.02\t2\t0.4\ttrue\n",
    );
    copy.write(
        "observables.tsv",
        "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\nfound\tX\t\tpoisson\n",
    );
    copy.write(
        "problem.yaml",
        "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  m: {location: model.toml, \
         language: metacascade}\nobservable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n",
    );
    let table = |value: &dyn Fn(usize) -> f64| {
        let mut text = "observableId,experimentId,replicateId,time,measurement\n".to_owned();
        for subject in 0..40 {
            for (index, time) in [4, 6, 8].into_iter().enumerate() {
                text.push_str(&format!("found,,s{subject:02},{time},{}\n", value(3 * subject + index)));
            }
        }
        text
    };
    let problem = copy.write("measurements.tsv", table(&|_| 20.0)).load();
    let truth = [30.0, 0.5];
    let data = ProblemSimulator::new(&problem, &Method::Direct).data(&truth, Key::new(12)).unwrap();
    let problem = copy.write("measurements.tsv", table(&|index| data[index])).load();
    let simulator = ProblemSimulator::new(&problem, &Method::Direct);
    assert!(simulator.summary_names().iter().any(|name| name.contains("change with the count")));
    let settings = abc_smc::Settings { population: 200, max_simulations: 8000, ..abc_smc::Settings::default() };
    let fit = abc_smc::run(&simulator, &settings, &mut ()).unwrap();
    for (index, truth) in truth.into_iter().enumerate() {
        let mut draws = fit.posterior.column(index);
        draws.sort_by(f64::total_cmp);
        let (low, high) = (draws[draws.len() / 100], draws[draws.len() - 1 - draws.len() / 100]);
        assert!(low < truth && truth < high, "{truth} is outside {low} to {high}");
        assert!(high / low < [2.0, 4.0][index], "{low} to {high} is as wide as the prior");
    }
}

/// Subjects of one group share what varies between groups: with a spread between groups alone, the counts of a group
/// are far nearer to each other than to those of others. 400 data sets of 4 groups of 3; the ratio of the variances is
/// about 16, and 4 is beyond any chance.
#[test]
fn groups_share_their_draws() {
    let copy = Copy::of("cohort");
    let model = HIERARCHY.replace("spread = \"sigma_nu\"", "spread = \"sigma_nu\", between = \"groups\"");
    copy.write("model.toml", model);
    copy.write(
        "parameters.tsv",
        "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\nsigma_nu\t0.02\t2\t0.5\ttrue\n",
    );
    copy.write(
        "observables.tsv",
        "observableId\tobservableFormula\tnoiseFormula\tobservableKind\nfound\tX\t0.1\tcells\n",
    );
    copy.write(
        "problem.yaml",
        "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  m: {location: model.toml, \
         language: metacascade}\nobservable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n\
         extensions:\n  metacascade: {version: 1.0.0, required: false, subject_files: [subjects.csv]}\n",
    );
    let mut subjects = "subjectId,groupId\n".to_owned();
    let mut rows = "observableId,experimentId,subjectId,time,measurement\n".to_owned();
    for subject in 0..12 {
        subjects.push_str(&format!("s{subject:02},line{}\n", subject / 3));
        rows.push_str(&format!("found,,s{subject:02},200,{}\n", 15 + subject));
    }
    let model = copy
        .read("model.toml")
        .replace("nu = { value = 20", "nu = { value = 400")
        .replace("delta = { value = 1,", "delta = { value = 2,");
    let problem = copy
        .write("model.toml", model)
        .write("subjects.csv", subjects)
        .write("measurements.tsv", rows.replace(",200,", ",4,"))
        .load();
    let simulator = ProblemSimulator::new(&problem, &Method::Direct);
    assert!(simulator.summary_names().iter().any(|name| name.ends_with("log variance between groups")));
    let (mut within, mut between) = (0.0, 0.0);
    for set in 0..400 {
        let data = simulator.data(&[0.5], Key::new(2).child(set)).unwrap();
        let logs: Vec<f64> = data.iter().map(|count| count.max(1.0).ln()).collect();
        for group in logs.chunks(3) {
            within += (group[0] - group[1]).powi(2);
        }
        between += (logs[0] - logs[3]).powi(2) + (logs[6] - logs[9]).powi(2);
    }
    assert!(between / 2.0 > 4.0 * within / 4.0, "{between} {within}");
}

#[test]
fn covariates_are_converted_into_the_units_of_parameters() {
    let copy = Copy::of("cohort");
    let size = "cells_per_ml = { value = 100 }\nsize = { value = 1, unit = \"cm\" }";
    copy.replace("model.toml", "cells_per_ml = { value = 100 }", size);
    copy.replace("problem.yaml", "{grams: dose}", "{grams: {parameter: size, unit: mm}}");
    let problem = copy.load();
    let known = problem.covariates().iter().find(|known| known.name == "grams").unwrap();
    assert_eq!(known.parameter.as_deref(), Some("size"));
    let Values::Numbers(found) = &known.values else { panic!("{known:?}") };
    for (found, millimetres) in found.iter().zip([1.5, 0.5, 1.0, 1.0]) {
        assert!((found - 0.1 * millimetres).abs() < 1e-12, "{found}");
    }
    copy.replace("problem.yaml", "unit: mm", "unit: kg");
    let told = Problem::load(copy.path()).unwrap_err().to_string();
    assert!(told.contains("subjects.csv") && told.contains("mass"), "{told}");
}

/// With its own data a problem has its own likelihood; with those of a simulation, what the simulation was limited to is
/// censored.
#[test]
fn other_data_are_read_as_the_own() {
    let problem = without_survival();
    let rows = || problem.series().iter().flat_map(|series| &series.measurements);
    let mut data: Vec<f64> = rows().map(|row| row.value).collect();
    data.extend(rows().filter_map(|row| if let Reading::Mean { sd, .. } = row.reading { sd } else { None }));
    let log_likelihood = |problem: &Problem| ProblemLikelihood::new(problem).log_likelihood(&POINT).unwrap();
    assert_eq!(log_likelihood(&problem.with_data(&data)), log_likelihood(&problem));
    let simulator = ProblemSimulator::new(&problem, &problem.simulation().mean_field());
    let other = problem.with_data(&simulator.data(&POINT, Key::new(5)).unwrap());
    assert_ne!(log_likelihood(&other), log_likelihood(&problem));
    for series in other.series() {
        let observable = &other.observables()[series.observable];
        for row in &series.measurements {
            let lowest = observable.lower_limit.is_some_and(|limit| row.value <= limit);
            assert!(!lowest || row.reading == Reading::Below, "{row:?}");
        }
    }
}

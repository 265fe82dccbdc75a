//! What a page says of a run on disk whose numbers are known.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use metacascade_engine::Method;
use metacascade_inference::Posterior;
use metacascade_problem::{
    FitMethod, Individuals, Predictive, Problem, Run, RunSettings, RunWriter, predictive as simulate, predictive_key,
    run::{Outcome, ParameterSummary, SimulationChoice},
};
use metacascade_report::{
    Content,
    content::{Band, BeforeAdjustment, Verdict},
    content_of, render,
};

/// Draws: growing in the first two parameters, at the prior's quantiles in the third.
const DRAWS: u32 = 1000;

/// Weights that are not equal: the second half of the draws weighs three times the first.
fn weight(draw: u32) -> f64 {
    if draw < DRAWS / 2 { 0.5 / f64::from(DRAWS) } else { 1.5 / f64::from(DRAWS) }
}

fn posterior(problem: &Problem) -> Posterior {
    let share = |draw: u32| (f64::from(draw) + 0.5) / f64::from(DRAWS);
    let noise = &problem.estimated()[2];
    Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        // The weights' distribution function, so that the weighted draws follow the prior.
        draws: (0..DRAWS)
            .map(|draw| {
                let cumulated = (0..draw).map(weight).sum::<f64>() + 0.5 * weight(draw);
                vec![0.1 * 1.1_f64.powf(share(draw)), 0.2 / 1.1_f64.powf(share(draw)), noise.quantile(cumulated)]
            })
            .collect(),
        weights: (0..DRAWS).map(weight).collect(),
        distances: vec![0.0; DRAWS as usize],
    }
}

/// At every measured time of the first experiment, predictions spread evenly over 0.68 to 0.78; model values from 0.7 to
/// 0.75.
fn predictive(problem: &Problem) -> Predictive {
    let mut rows = Predictive::default();
    for series in problem.series().iter().filter(|series| series.experiment == 0) {
        for row in &series.measurements {
            // In an order that is not ascending.
            for draw in (0..101).map(|draw| draw * 37 % 101) {
                rows.observable.push(series.observable);
                rows.experiment.push(0);
                rows.time.push(row.time);
                rows.draw.push(draw);
                rows.simulation.push(0.7 + 0.05 * draw as f64 / 100.0);
                rows.prediction.push(0.68 + 0.1 * (draw as f64 + 0.5) / 101.0);
            }
        }
    }
    rows
}

fn run(folder: &Path, method: FitMethod, finished: bool) -> Run {
    let problem = Problem::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/sw620-switching")).unwrap();
    let settings = RunSettings {
        command: "metacascade fit datasets/sw620-switching --seed 3".into(),
        version: "1.2.3".into(),
        seed: 3,
        method,
        threads: 2,
        problem: problem.folder().to_owned(),
        title: problem.title().to_owned(),
        simulation: SimulationChoice { method: "direct".into(), reason: "as asked for".into() },
        fit: [("min_threshold".to_owned(), 0.5.into())].into_iter().collect(),
    };
    let posterior = posterior(&problem);
    let mut writer = RunWriter::create(folder, &problem, &settings).unwrap();
    writer.posterior(&posterior).unwrap();
    if finished {
        writer.predictive(&problem, &predictive(&problem)).unwrap();
        let outcome = Outcome {
            stopped: "the threshold stood still".into(),
            seconds: 1.5,
            simulations: 400,
            simulations_per_second: 266.7,
            failures: 0,
            effective_sample_size: posterior.effective_sample_size(),
            log_likelihood: None,
            warnings: vec!["few".into()],
            parameters: ParameterSummary::all(&problem, &posterior),
            before_adjustment: {
                let mut moved = posterior.clone();
                moved.draws.iter_mut().for_each(|draw| draw[0] *= 2.0);
                ParameterSummary::all(&problem, &moved)
            },
            derived: Vec::new(),
        };
        writer.outcome(&outcome).unwrap();
    }
    drop(writer);
    Run::open(folder).unwrap()
}

fn said(method: FitMethod, finished: bool) -> Content {
    let place = tempfile::tempdir().unwrap();
    let content = content_of(&run(&place.path().join("run"), method, finished));
    assert!(render(&content).unwrap().trim_end().ends_with("</html>"));
    content
}

#[test]
fn a_finished_run_is_told_in_full() {
    let content = said(FitMethod::AbcSmc, true);
    assert_eq!(
        content.headline[0],
        "Of 3 parameters fitted to 24 measurements, 2 are determined by the data and 1 did not move from its prior."
    );
    assert!(content.headline[1].starts_with("CSC to NSCC switching is 0.10"), "{}", content.headline[1]);
    assert!(content.headline[2].starts_with("The data say nothing about s.d. of a measured fraction"));
    // Measured at 2 to 24 days: .835 and .7868 lie above the 95 % interval, .6788 + .6567 below it.
    assert_eq!(content.headline[3], "8 of 12 measurements lie within the model's 95 % predictive intervals.");
    assert_eq!(content.warnings, ["few"]);
    assert_eq!(content.stopping_reason, "the threshold stood still");
    assert_eq!(content.settings[0], ("min threshold".to_owned(), "0.5".to_owned()));
    assert_eq!(content.versions[0], ("metacascade".to_owned(), "1.2.3".to_owned()));
    assert_eq!(content.versions.len(), 4);
    assert!(content.file_hashes.iter().any(|(name, hash)| name == "measurements.tsv" && hash.len() == 64));
}

#[test]
fn parameters_have_weighted_summaries_and_densities_of_area_one() {
    let content = said(FitMethod::AbcSmc, true);
    let verdicts: Vec<Verdict> = content.parameters.iter().map(|parameter| parameter.verdict).collect();
    assert_eq!(verdicts, [Verdict::Determined, Verdict::Determined, Verdict::FollowsPrior]);
    let growth = &content.parameters[0];
    // Half the weight lies above two thirds of the draws: the median's exponent is 2/3.
    assert!((growth.estimate / (0.1 * 1.1_f64.powf(2.0 / 3.0)) - 1.0).abs() < 1e-3, "{}", growth.estimate);
    // 1/Σw² = 1/(500 × .0005² + 500 × .0015²).
    assert!((growth.effective_draws.unwrap() - 800.0).abs() < 1e-6);
    for parameter in &content.parameters {
        for density in [&parameter.prior_density, &parameter.posterior_density] {
            let area: f64 = density
                .windows(2)
                .map(|pair| (pair[1][0] / pair[0][0]).log10() * 0.5 * (pair[0][1] + pair[1][1]))
                .sum();
            assert!((area - 1.0).abs() < 0.01, "{}: {area}", parameter.name);
        }
    }
}

/// Twice as large before adjustment, in the first parameter alone.
#[test]
fn the_posterior_before_adjustment_is_told_beside_the_adjusted_one() {
    let content = said(FitMethod::AbcSmc, true);
    let before: Vec<&BeforeAdjustment> =
        content.parameters.iter().map(|parameter| parameter.before_adjustment.as_ref().unwrap()).collect();
    assert!((before[0].estimate / content.parameters[0].estimate - 2.0).abs() < 1e-12);
    assert!(before[0].moved < -0.5, "{}", before[0].moved);
    assert_eq!(before[1].estimate, content.parameters[1].estimate);
    assert_eq!(before[1].moved, 0.0);
    assert!(render(&content).unwrap().contains("<h3>Before regression adjustment</h3>"));
    let interrupted = said(FitMethod::AbcSmc, false);
    assert!(interrupted.parameters.iter().all(|parameter| parameter.before_adjustment.is_none()));
}

#[test]
fn bands_are_quantiles_of_the_predictions_at_each_time() {
    let content = said(FitMethod::AbcSmc, true);
    let [observable] = content.observables.as_slice() else { panic!("one observable") };
    let [first, second] = observable.series.as_slice() else { panic!("two arms") };
    assert_eq!((first.arm.as_str(), second.arm.as_str()), ("sorted CSC", "sorted NSCC"));
    assert_eq!((first.data.len(), first.bands.len(), second.data.len(), second.bands.len()), (12, 12, 12, 0));
    for Band { median, lower50, upper50, lower95, upper95, .. } in &first.bands {
        let wanted = [0.725, 0.705, 0.755, 0.6825, 0.7775];
        for (found, wanted) in [median, lower50, upper50, lower95, upper95].into_iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9, "{found} for {wanted}");
        }
    }
    assert!(first.bands.windows(2).all(|pair| pair[0].time < pair[1].time));
    assert!(!observable.log_axis);
}

#[test]
fn pairs_are_draws_of_equal_weight() {
    let pairs = said(FitMethod::AbcSmc, true).pairs;
    assert_eq!((pairs.draws.len(), pairs.names.len()), (400, 3));
    // Three quarters of the weight lie on the second half of the draws; systematic resampling keeps that to one draw.
    let second = pairs.draws.iter().filter(|draw| draw[0] > 0.1 * 1.1_f64.sqrt()).count();
    assert!(second.abs_diff(300) <= 1, "{second}");
    for row in 0..3 {
        assert!((pairs.correlation[row][row] - 1.0).abs() < 1e-9);
    }
    // Their product is constant: a straight line on logarithmic scales.
    assert!((pairs.correlation[0][1] + 1.0).abs() < 1e-9, "{}", pairs.correlation[0][1]);
}

#[test]
fn a_run_that_was_interrupted_says_so() {
    let content = said(FitMethod::AbcSmc, false);
    assert!(content.warnings[0].starts_with("The fit has not come to its end"));
    assert!(content.headline.iter().all(|sentence| !sentence.contains("predictive")), "{:?}", content.headline);
    assert!(content.stopping_reason.is_empty());
}

#[test]
fn draws_of_a_normal_approximation_are_no_effective_sample() {
    assert!(said(FitMethod::Mle, true).parameters.iter().all(|parameter| parameter.effective_draws.is_none()));
}

/// Draws of one group's value around its own place, one a draw; groups in an order that is not that of their values.
#[test]
fn individuals_are_ordered_by_their_medians() {
    let place = tempfile::tempdir().unwrap();
    let problem = Problem::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/pdx-resection")).unwrap();
    let draws = 101;
    let mut found = Individuals::default();
    for draw in 0..draws {
        for (index, group) in problem.groups().iter().enumerate() {
            found.quantity.push("emission".into());
            found.group.push(group.clone());
            found.subject.push(String::new());
            found.experiment.push(0);
            found.draw.push(draw);
            // Medians 1, 10, 100 … of groups 0, 2, 4 … before those of 1, 3 …
            let rank = if index % 2 == 0 { index } else { index + problem.groups().len() };
            found.value.push(10.0_f64.powi(rank as i32) * (draw as f64 + 1.0) / 51.0);
        }
    }
    let settings = plain(&problem);
    let posterior = Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        draws: vec![vec![2e-5, 4.0, 12.0]; 3],
        weights: vec![1.0 / 3.0; 3],
        distances: vec![0.0; 3],
    };
    let mut writer = RunWriter::create(&place.path().join("run"), &problem, &settings).unwrap();
    writer.posterior(&posterior).unwrap();
    writer.individuals(&problem, &found).unwrap();
    drop(writer);
    let content = content_of(&Run::open(&place.path().join("run")).unwrap());
    let [individuals] = content.individuals.as_slice() else { panic!("one quantity") };
    assert!(individuals.of_groups && individuals.log_axis && individuals.unit == "lesions/mm^3/day");
    assert_eq!(individuals.location, Some(2e-5));
    let names: Vec<&str> = individuals.rows.iter().map(|row| row.name.as_str()).collect();
    let groups = problem.groups();
    let wanted: Vec<&str> = (0..9).step_by(2).chain((1..9).step_by(2)).map(|index| groups[index].as_str()).collect();
    assert_eq!(names, wanted);
    let first = individuals.rows[0].value;
    assert!((first.median - 1.0).abs() < 1e-9, "{}", first.median);
    // The quantile of 25 % of 1 … 101 lies at 25.75 (quantiles are those between the middles of the weights).
    assert!((first.lower50 - 25.75 / 51.0).abs() < 1e-9, "{}", first.lower50);
    // Derived quantities of a run without an end are computed: exp(1.2816 × 4).
    assert!((content.derived[0].estimate / (1.2816_f64 * 4.0).exp() - 1.0).abs() < 1e-9);
}

/// Settings of a run that nothing is asked of.
fn plain(problem: &Problem) -> RunSettings {
    RunSettings {
        command: String::new(),
        version: String::new(),
        seed: 1,
        method: FitMethod::Mcmc,
        threads: 1,
        problem: problem.folder().to_owned(),
        title: String::new(),
        simulation: SimulationChoice { method: "ode".into(), reason: String::new() },
        fit: toml::Table::new(),
    }
}

fn dataset(name: &str) -> Problem {
    Problem::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(name)).unwrap()
}

/// The page of a run with a posterior and what is simulated from it.
fn simulated(problem: &Problem, draws: Vec<Vec<f64>>) -> Content {
    let place = tempfile::tempdir().unwrap();
    let count = draws.len();
    let posterior = Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        draws,
        weights: vec![1.0 / count as f64; count],
        distances: vec![0.0; count],
    };
    let settings = plain(problem);
    let mut writer = RunWriter::create(&place.path().join("run"), problem, &settings).unwrap();
    writer.posterior(&posterior).unwrap();
    let key = predictive_key(settings.seed);
    writer
        .predictive(problem, &simulate(problem, &Method::ode(), &posterior, metacascade_problem::DRAWS, key))
        .unwrap();
    drop(writer);
    let content = content_of(&Run::open(&place.path().join("run")).unwrap());
    assert!(render(&content).unwrap().contains("</svg>"), "the model is drawn");
    content
}

/// Cells that are lost or pass on with constant rates: shares have closed forms.
#[test]
fn shares_that_pass_each_step_are_those_of_competing_rates() {
    let problem = dataset("luzzi-efficiency");
    let names: Vec<&str> = problem.estimated().iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["loss", "death", "initiation", "vanishing", "outgrowth"]);
    let value = |name: &str| {
        let network = problem.network();
        let table = problem.parameters().iter().find(|row| row.id == name).and_then(|row| row.nominal);
        table.unwrap_or_else(|| network.default_parameters()[network.parameter_index(name).unwrap()])
    };
    let (loss, extravasation) = (0.2, value("extravasation"));
    let content = simulated(&problem, vec![vec![loss, 0.06, 0.013, 0.34, 0.0008]; 3]);
    let cascade = content.cascade.unwrap();
    let steps: Vec<&str> = cascade.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["extravasation", "colonisation: micro", "colonisation: macro"]);
    let horizon =
        problem.series().iter().flat_map(|series| &series.measurements).map(|row| row.time).fold(0.0, f64::max);
    let wanted = extravasation / (extravasation + loss) * (1.0 - (-(extravasation + loss) * horizon).exp());
    let found = cascade.steps[0].share;
    assert!((found.median / wanted - 1.0).abs() < 0.01, "{} for {wanted}", found.median);
    assert!((cascade.steps[0].reach.median / 1e6 / wanted - 1.0).abs() < 0.01);
    assert_eq!((cascade.bottleneck, cascade.entering.as_str()), (Some(2), "cells that begin as injected"));
    // Of solitary cells that die or begin to grow, about 18 % begin: most have done one or the other by then.
    let begun = cascade.steps[1].share.median;
    assert!((begun - 0.013 / 0.073 * (1.0 - (-0.073 * horizon).exp())).abs() < 0.03, "{begun} by {horizon}");
}

/// Two thousand cells of a primary shed or die at .3 and .7 a day, those in the blood arrive or are lost at .2 and .8, and each
/// that arrives founds a lesion that grows to 100 cells within some days: of a million cells 60,000 arrive, and all of their
/// lesions can be found at the end. Of 100 trajectories with some 120 lesions each, the median is known to 1.2 %.
#[test]
fn lesions_that_are_individuals_are_followed_by_trajectories() {
    let folder = tempfile::tempdir().unwrap();
    let reaction = |stage: &str, equation: &str, rate: &str| {
        format!("[[reactions]]\nequation = \"{equation}\"\nrate = \"{rate}\"\nstage = \"{stage}\"\n")
    };
    let model =
        "name = \"lesions\"\ntime_unit = \"day\"\n[species]\nprimary = 2000\nblood = 0\n[parameters]\nshedding = 0.3\n"
            .to_owned()
            + &reaction("intravasation", "primary -> blood", "shedding * primary")
            + &reaction("", "primary ->", "0.7 * primary")
            + &reaction("extravasation", "blood -> lung", "0.2 * blood")
            + &reaction("circulation", "blood ->", "0.8 * blood")
            + "[[lesions]]\nname = \"lung\"\nbirth = \"0.6\"\ndeath = \"0\"\ndetection = \"100\"\n";
    let problem = "format_version: 2.0.0\nparameter_files: [parameters.tsv]\n\
                   model_files: {lesions: {location: model.toml, language: metacascade}}\n\
                   observable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n";
    for (name, text) in [
        ("model.toml", model.as_str()),
        ("problem.yaml", problem),
        (
            "parameters.tsv",
            "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\nshedding\t0.01\t1\t0.3\ttrue\n",
        ),
        (
            "observables.tsv",
            "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\ncounted\tlung\t\tpoisson\n",
        ),
        ("measurements.tsv", "observableId\texperimentId\tmeasurement\ttime\ncounted\t\t120\t60\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let problem = Problem::load(folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let cascade = simulated(&problem, vec![vec![0.3]; 400]).cascade.unwrap();
    let steps: Vec<&str> = cascade.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["intravasation", "extravasation", "growth to detection"]);
    assert!(cascade.chance);
    let reach: Vec<f64> = cascade.steps.iter().map(|step| step.reach.median).collect();
    assert!((reach[0] / 3e5 - 1.0).abs() < 0.03 && (reach[1] / 6e4 - 1.0).abs() < 0.06, "{reach:?}");
    assert!((cascade.steps[2].share.median - 1.0).abs() < 0.06, "{:?}", cascade.steps[2].share);
    // What chance has a part in.
    let spread = cascade.steps[1].reach.upper95 / cascade.steps[1].reach.lower95;
    assert!((1.05..2.0).contains(&spread), "{spread}");
}

/// The fraction rises with one rate of switching, falls with the other, and knows nothing of the noise.
#[test]
fn predictions_depend_on_the_parameters_that_they_follow_from() {
    let problem = dataset("sw620-switching");
    let share = |index: usize, step: usize| ((index * step) % 301) as f64 / 301.0;
    let draws = (0..301).map(|index| {
        vec![0.05 + 0.1 * share(index, 1), 0.05 + 0.1 * share(index, 46), 0.02 + 0.02 * share(index, 118)]
    });
    let content = simulated(&problem, draws.collect());
    let [found] = content.sensitivities.as_slice() else { panic!("{:?}", content.sensitivities) };
    let of = |name: &str| found.rows.iter().find(|row| row.parameter == name).unwrap();
    let names: Vec<&str> = problem.estimated().iter().map(|parameter| parameter.name.as_str()).collect();
    let (one, other, noise) = (of(names[0]), of(names[1]), of(names[2]));
    assert!(one.coefficient * other.coefficient < -0.9, "{one:?} {other:?}");
    assert!(noise.coefficient.abs() < 0.2, "{noise:?}");
    assert_eq!(found.rows[2].parameter, noise.parameter, "the strongest first");
}

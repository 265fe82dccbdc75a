//! What a page says of a run on disk whose numbers are known.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use metacascade_inference::Posterior;
use metacascade_problem::{
    FitMethod, Predictive, Problem, Run, RunSettings, RunWriter,
    run::{Outcome, ParameterSummary, SimulationChoice},
};
use metacascade_report::{
    Content,
    content::{Band, Verdict},
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
            before_adjustment: Vec::new(),
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
    assert!(content.warnings[0].starts_with("The fit did not come to its end"));
    assert!(content.headline.iter().all(|sentence| !sentence.contains("predictive")), "{:?}", content.headline);
    assert!(content.stopping_reason.is_empty());
}

#[test]
fn draws_of_a_normal_approximation_are_no_effective_sample() {
    assert!(said(FitMethod::Mle, true).parameters.iter().all(|parameter| parameter.effective_draws.is_none()));
}

//! Claim: methods that need no summaries find the posterior under the model's own law, which the master equation gives:
//! `fit --method pmmh`, and `abc-smc` with `acceptance: stochastic`.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use metacascade_inference::moments;
use metacascade_problem::{EvaluateMethod, Problem, Run, evaluate};
use metacascade_tests::{error, metacascade, succeed};

const WELLS: [[f64; 3]; 8] = [
    [3.0, 10.0, 23.0],
    [3.0, 8.0, 13.0],
    [6.0, 16.0, 18.0],
    [10.0, 13.0, 7.0],
    [5.0, 1.0, 0.0],
    [5.0, 4.0, 9.0],
    [8.0, 13.0, 15.0],
    [13.0, 13.0, 15.0],
];

const PMMH: &str = "method: pmmh, min_effective_sample_size: 400";

/// Ten cells that divide and die in each well, half of a sample of which is counted.
fn write(folder: &Path, fit: &str, wells: &[[f64; 3]]) {
    let mut rows = "observableId\texperimentId\tmeasurement\ttime\treplicateId\tsampledFraction\n".to_owned();
    for (well, counts) in wells.iter().enumerate() {
        for (time, count) in counts.iter().enumerate() {
            rows += &format!("counted\t\t{count}\t{}\twell_{well}\t0.5\n", time + 1);
        }
    }
    let model = "name = \"wells\"\ntime_unit = \"day\"\n[species]\nX = 10\n\
                 [parameters]\nbirth = { value = 0.8, unit = \"1/day\" }\ndeath = { value = 0.5, unit = \"1/day\" }\n\
                 [[reactions]]\nequation = \"X -> 2 X\"\nrate = \"birth * X\"\n\
                 [[reactions]]\nequation = \"X ->\"\nrate = \"death * X\"\n";
    let problem = format!(
        "format_version: 2.0.0\nparameter_files: [parameters.tsv]\n\
         model_files:\n  wells: {{location: model.toml, language: metacascade}}\n\
         observable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n\
         extensions:\n  metacascade:\n    version: 1.0.0\n    required: false\n\
         \x20   fit: {{{fit}}}\n"
    );
    let parameters = "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n\
                      birth\t0.05\t5\t0.8\ttrue\tlog-normal\t-0.5;0.7\ndeath\t0.05\t5\t0.5\ttrue\tlog-normal\t-0.5;0.7\n";
    let observables = "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\ncounted\tX\t\tpoisson\n";
    for (name, text) in [
        ("problem.yaml", problem.as_str()),
        ("model.toml", model),
        ("parameters.tsv", parameters),
        ("observables.tsv", observables),
        ("measurements.tsv", &rows),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Means and standard deviations of ln birth and ln death, by a grid of the likelihood by the master equation: over ln death
/// and over birth − death, which the data tell much better.
fn exact(problem: &Problem, growths: impl Iterator<Item = f64> + Clone) -> [(f64, f64); 2] {
    let mut cells = Vec::new();
    for log_death in (0..13).map(|step| -2.8 + 0.3 * f64::from(step)) {
        for growth in growths.clone() {
            let death = f64::exp(log_death);
            let birth = death + growth;
            if birth > 0.05 && death > 0.05 {
                let found = evaluate(problem, &[birth, death], EvaluateMethod::Exact).unwrap();
                // Of the grid's coordinates the density has a factor death.
                cells.push(([birth.ln(), log_death], found.log_posterior() + log_death));
            }
        }
    }
    let highest = cells.iter().map(|cell| cell.1).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = cells.iter().map(|cell| (cell.1 - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    [0, 1].map(|index| {
        let (mean, variance) = moments(&cells.iter().map(|cell| cell.0[index]).collect::<Vec<_>>(), &weights);
        (mean, variance.sqrt())
    })
}

/// Draws of the logarithms.
fn draws(run: &Path) -> [Vec<f64>; 2] {
    let table = succeed(metacascade().arg("export").arg(run));
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    ["birth", "death"].map(|name| {
        let column = header.iter().position(|column| *column == name).unwrap();
        rows.iter().map(|row| row[column].ln()).collect()
    })
}

/// With 400 effective draws a mean is known to .05 standard deviations and a standard deviation to 3.5 %: both may be off by
/// four times that.
#[test]
fn the_posterior_is_that_of_the_master_equation() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), PMMH, &WELLS);
    let fit = |name: &str, threads: &str| {
        let run = place.path().join(name);
        let told = succeed(
            metacascade().arg("fit").arg(place.path()).args(["--seed", "3", "--threads", threads, "-o"]).arg(&run),
        );
        assert!(told.contains("estimates of the likelihood") && told.contains("particles an estimate"), "{told}");
        draws(&run)
    };
    let (found, exact) =
        (fit("run", "2"), exact(&Problem::load(place.path()).unwrap(), (0..9).map(|step| 0.08 * f64::from(step))));
    for (draws, (mean, sd)) in found.iter().zip(exact) {
        let (own_mean, own_variance) = moments(draws, &vec![1.0 / draws.len() as f64; draws.len()]);
        assert!((own_mean - mean).abs() < 0.2 * sd, "{own_mean} for {mean} ± {sd}");
        assert!((own_variance.sqrt() / sd - 1.0).abs() < 0.14, "{} for {sd}", own_variance.sqrt());
    }
    let page = fs::read_to_string(place.path().join("run/report.html")).unwrap();
    assert!(page.contains("Andrieu et al. 2010"));
}

/// Two wells: a simulation of one cell count is likely to be near one measured, one of 24 is not. The weights are worth 100
/// at least, so that a mean is known to .1 standard deviations and a standard deviation to 7 %; the test allows 3.5 times
/// that (false alarm about 1 in 500 for each of four).
#[test]
fn stochastic_acceptance_finds_that_posterior_too() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), "method: abc-smc, acceptance: stochastic, population: 400", &WELLS[1..3]);
    let run = place.path().join("run");
    succeed(
        metacascade().arg("fit").arg(place.path()).args(["--seed", "3", "--max-simulations", "60000", "-o"]).arg(&run),
    );
    let found = Run::open(&run).unwrap();
    let last = found.generations.last().unwrap();
    assert!(last.threshold == 1.0 && last.effective_sample_size > 100.0, "{last:?}");
    assert_eq!(found.outcome.as_ref().unwrap().before_adjustment, []);
    let growths = (0..23).map(|step| -0.7 + 0.1 * f64::from(step));
    for (index, (mean, sd)) in exact(&found.problem, growths).into_iter().enumerate() {
        let logarithms: Vec<f64> = found.posterior.column(index).iter().map(|value| value.ln()).collect();
        let (own_mean, own_variance) = moments(&logarithms, &found.posterior.weights);
        assert!((own_mean - mean).abs() < 0.35 * sd, "{own_mean} for {mean} ± {sd}");
        assert!((own_variance.sqrt() / sd - 1.0).abs() < 0.25, "{} for {sd}", own_variance.sqrt());
    }
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("Wilkinson 2013") && page.contains("at a temperature that fell to 1"));
    // The method is calibrated as it was used, and the report tells.
    let mut command = metacascade();
    let told = command.arg("sbc").arg(&run).args(["--replicates", "3"]).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned() + &error(&told);
    assert!(told.contains("3 data sets from the prior, fitted by abc-smc"), "{told}");
    assert_eq!(Run::open(&run).unwrap().calibration.unwrap().replicates, 3);
    assert!(fs::read_to_string(run.join("report.html")).unwrap().contains("Calibration of the method"));
    let refused = metacascade().arg("sbc").arg(&run).args(["--seed", "3"]).output().unwrap();
    assert!(refused.status.code() == Some(2) && error(&refused).contains("as it was fitted"), "{}", error(&refused));
}

/// Few data sets and short chains: that data are passed on, not that intervals are right.
#[test]
fn data_sets_from_the_prior_are_fitted() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), PMMH, &WELLS);
    let mut command = metacascade();
    command.arg("sbc").arg(place.path()).args(["--replicates", "2", "--particles", "8", "--max-evaluations", "500"]);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("2 data sets from the prior, fitted by pmmh"), "{told} {}", error(&output));
}

/// The likelihood of the mean field too: of a problem whose data come from it, mcmc is calibrated. Few data sets, as above.
#[test]
fn methods_on_the_mean_field_are_calibrated() {
    let place = tempfile::tempdir().unwrap();
    write(place.path(), "method: mcmc", &WELLS[..2]);
    let mut command = metacascade();
    let output = command.arg("sbc").arg(place.path()).args(["--replicates", "4", "--max-evaluations", "2000"]).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("4 data sets from the prior, fitted by mcmc"), "{told} {}", error(&output));
}

#[test]
fn problems_without_such_a_likelihood_are_refused() {
    let output = metacascade().args(["fit", "datasets/transbig-recurrence", "--method", "pmmh"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("times to events"), "{}", error(&output));
}

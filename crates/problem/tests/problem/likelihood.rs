//! The likelihood against closed forms: X' = ν − δX, so X(t) = ν/δ + (X₀ − ν/δ) e^(−δt).

use approx::assert_relative_eq;
use metacascade_inference::Likelihood;
use metacascade_problem::{EvaluateMethod, ProblemLikelihood, evaluate};

use crate::fixture::{Copy, load};

fn mean_field(nu: f64, delta: f64, start: f64, time: f64) -> f64 {
    nu / delta + (start - nu / delta) * (-delta * time).exp()
}

/// By PEtab's densities, written out: −ln(σ√2π) − r²/2 and −ln(2σ) − |r|, on the logarithm with −ln m more.
fn normal(m: f64, y: f64, sigma: f64) -> f64 {
    -(sigma * (2.0 * std::f64::consts::PI).sqrt()).ln() - (m - y).powi(2) / (2.0 * sigma * sigma)
}

fn laplace(m: f64, y: f64, sigma: f64) -> f64 {
    -(2.0 * sigma).ln() - (m - y).abs() / sigma
}

#[test]
fn every_noise_law_placeholder_and_condition_enters_as_petab_says() {
    let problem = load("immigration");
    let likelihood = ProblemLikelihood::new(&problem);
    for [nu, delta, scale, sd_log] in [[5.0, 0.2, 2.0, 0.2], [8.0, 0.5, 1.5, 0.1]] {
        let empty = |time| mean_field(nu, delta, 0.0, time);
        let full = |time| mean_field(nu, delta, 80.0, time);
        let counts = normal(4.5, empty(1.0), 1.5)
            + normal(15.0, empty(5.0), 4.0)
            + normal(6.0, empty(1.0), 2.5)
            + normal(17.0, empty(5.0), 4.0)
            + normal(70.0, full(1.0), 6.0)
            + normal(75.0, full(1.0), 6.0)
            + normal(41.0, full(5.0), 5.0);
        let log_normal = |m: f64, y: f64| normal(m.ln(), y.ln(), sd_log) - m.ln();
        let light = log_normal(330.0, 2.5 * scale * full(1.0)) + log_normal(70.0, scale * full(10.0));
        let area = |m: f64, time: f64, sd: f64| laplace(m, empty(time) + 1.0, 0.1 * (empty(time) + 1.0) + sd);
        let volume = laplace(60f64.ln(), (full(2.0) + 1.0).ln(), 0.3) - 60f64.ln();
        let expected = counts + light + area(5.0, 2.0, scale) + area(20.0, 8.0, 1.0) + volume;
        let found = likelihood.log_likelihood(&[nu, delta, scale, sd_log]).unwrap();
        assert_relative_eq!(found, expected, max_relative = 1e-5);
    }
}

#[test]
fn the_likelihood_of_switching_is_highest_near_what_made_the_data() {
    let problem = load("switching");
    let likelihood = ProblemLikelihood::new(&problem);
    let share = |from: f64, to: f64, start: f64, time: f64| {
        let limit = to / (from + to);
        limit + (start - limit) * (-(from + to) * time).exp()
    };
    let (from, to, sigma) = (0.07, 0.13, 0.03);
    let expected: f64 = problem
        .series()
        .iter()
        .flat_map(|series| series.measurements.iter().map(move |row| (series.experiment, row)))
        .map(|(experiment, row)| {
            let start = if experiment == 0 { 1.0 } else { 0.0 };
            normal(row.value, share(from, to, start, row.time), sigma)
        })
        .sum();
    let found = likelihood.log_likelihood(&[from, to, sigma]).unwrap();
    assert_relative_eq!(found, expected, max_relative = 1e-5);
    for other in [[0.03, 0.13, 0.03], [0.07, 0.3, 0.03], [0.07, 0.13, 0.2]] {
        assert!(likelihood.log_likelihood(&other).unwrap() < found - 3.0);
    }
}

#[test]
fn impossible_parameters_are_failures_not_crashes() {
    let problem = load("immigration");
    let likelihood = ProblemLikelihood::new(&problem);
    // A scale of 0 gives light of 0, which logarithmic noise cannot explain.
    assert_eq!(likelihood.log_likelihood(&[5.0, 0.2, 0.0, 0.2]).ok(), Some(f64::NEG_INFINITY));
    // A noise of 0, and rates that are no numbers.
    assert!(likelihood.log_likelihood(&[5.0, 0.2, 2.0, 0.0]).is_err());
    assert!(likelihood.log_likelihood(&[f64::NAN, 0.2, 2.0, 0.2]).is_err());
    assert!(likelihood.log_likelihood(&[-1.0, 0.2, 2.0, 0.2]).is_err());
}

/// Rows that share the model's value are taken together: the sum over single rows, each at what `evaluate` says was
/// simulated, is the same. σ is .3 of the light, 4 of the counts.
#[test]
fn replicates_taken_together_are_as_likely_as_one_by_one() {
    let copy = Copy::of("immigration");
    let mut rows =
        "observableId\texperimentId\tmeasurement\ttime\tobservableParameters\tnoiseParameters\treplicateId\n"
            .to_owned();
    for replicate in 0..40 {
        let value = 11.0 + f64::from(replicate % 7);
        for time in [1, 5] {
            rows += &format!("count\tfull\t{}\t{time}\t\t4\tr{replicate}\n", 50.0 + value);
            rows += &format!("volume\tempty\t{value}\t{time}\t\t\tr{replicate}\n");
            rows += &format!("plate\tempty\t{}\t{time}\t\t\tr{replicate}\n", replicate % 5);
            rows += &format!("spot\tempty\t{}\t{time}\t\t\tr{replicate}\n", 0.5 + value);
        }
    }
    copy.write("measurements.tsv", rows);
    let observables = copy.read("observables.tsv");
    let header: Vec<&str> = observables.lines().next().unwrap().split('\t').collect();
    let more = |id: &str, law: &str| {
        let cell = |column: &&str| match *column {
            "observableId" => id.to_owned(),
            "observableFormula" => "X + 1".to_owned(),
            "noiseFormula" => {
                if law == "poisson" {
                    String::new()
                } else {
                    "0.3".to_owned()
                }
            }
            "noiseDistribution" => law.to_owned(),
            _ => String::new(),
        };
        header.iter().map(cell).collect::<Vec<_>>().join("\t") + "\n"
    };
    copy.write("observables.tsv", observables.clone() + &more("plate", "poisson") + &more("spot", "log-normal"));
    let problem = copy.load();
    let point = [5.0, 0.2, 2.0, 0.2];
    let found = evaluate(&problem, &point, EvaluateMethod::Ode).unwrap();
    let series = problem.series().iter();
    let rows = series.flat_map(|series| series.measurements.iter().map(move |row| (series.observable, row)));
    let one = |((observable, row), &y): ((usize, &metacascade_problem::Measurement), &f64)| {
        let observable = &problem.observables()[observable];
        row.log_likelihood(observable.noise, y, if observable.id == "count" { 4.0 } else { 0.3 })
    };
    let expected: f64 = rows.zip(&found.simulations).map(one).sum();
    assert_eq!(found.simulations.len(), 320);
    assert_relative_eq!(found.log_likelihood, expected, max_relative = 1e-12);
}

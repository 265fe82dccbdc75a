//! Particle filters of problems, against the master equation.

use metacascade_engine::Method;
use metacascade_inference::{Likelihood, moments, particle::Filter, pseudo_marginal::Estimator};
use metacascade_problem::{EvaluateMethod, ProblemLikelihood, ProblemProcess, ProblemSimulator, evaluate};
use metacascade_random::Key;

use crate::fixture::{Copy, load};

/// The mean of exp(estimate − exact) over 400 estimates, its standard error, and the variance of estimates.
fn spread(process: &ProblemProcess<'_>, point: &[f64], exact: f64, particles: usize) -> (f64, f64, f64) {
    let estimate = |index| Filter(process).log_likelihood(point, particles, Key::new(5).child(index)).unwrap();
    let logs: Vec<f64> = (0..400).map(estimate).collect();
    let ratios: Vec<f64> = logs.iter().map(|log| (log - exact).exp()).collect();
    let equal = [1.0 / 400.0; 400];
    let (mean, variance) = moments(&ratios, &equal);
    (mean, (variance / 400.0).sqrt(), moments(&logs, &equal).1)
}

/// Placeholders, conditions, replicates and several laws of noise enter as in the master equation, by exact methods and by
/// leaps, looking ahead or not: the mean of exp(estimate − exact) is 1 within 4 standard errors, of which each of eight fails
/// by chance in 6e-5, if means were normal.
#[test]
fn estimates_are_unbiased_for_the_probability_by_the_master_equation() {
    let problem = load("immigration");
    for point in [[5.0, 0.2, 2.0, 0.2], [8.0, 0.25, 1.7, 0.3]] {
        let exact = evaluate(&problem, &point, EvaluateMethod::Exact).unwrap().log_likelihood;
        for (method, looks) in
            [(Method::Auto, 0), (Method::Auto, 2), (Method::NextReaction, 0), (Method::tau_leap(), 0)]
        {
            let process = ProblemProcess::new(&problem, &method).unwrap().looking_ahead(looks);
            let (mean, error, _) = spread(&process, &point, exact, 100);
            assert!(error < 0.2 && (mean - 1.0).abs() < 4.0 * error, "{method} {looks} {point:?}: {mean} ± {error}");
        }
    }
}

/// Counts that are nearly exact, and unlikely, are missed by most particles: often by all of them. Looking ahead, estimates
/// have a variance below 1.5 and are unbiased: 4 standard errors, as above.
#[test]
fn looking_ahead_finds_what_is_nearly_exact() {
    let copy = Copy::of("immigration");
    let rows = [("60", "1"), ("50", "5"), ("22", "8"), ("38", "12")];
    let rows: String = rows.map(|(count, time)| format!("count\tfull\t{count}\t{time}\t\t0.3\n")).concat();
    let header = "observableId\texperimentId\tmeasurement\ttime\tobservableParameters\tnoiseParameters\n";
    let problem = copy.write("measurements.tsv", header.to_owned() + &rows).load();
    let point = [5.0, 0.2, 2.0, 0.2];
    let exact = evaluate(&problem, &point, EvaluateMethod::Exact).unwrap().log_likelihood;
    let process = ProblemProcess::new(&problem, &Method::Direct).unwrap();
    let (_, _, blind) = spread(&process, &point, exact, 200);
    // Not a number where some estimates are 0.
    assert!(blind.is_nan() || blind > 10.0, "{blind}");
    let (mean, error, looking) = spread(&process.looking_ahead(6), &point, exact, 200);
    assert!(looking < 1.5 && (mean - 1.0).abs() < 4.0 * error, "{looking}: {mean} ± {error}");
}

/// Without chance one particle is enough, and the likelihood is that around the mean field.
#[test]
fn the_mean_field_is_a_process_without_chance() {
    let problem = load("immigration");
    let process = ProblemProcess::new(&problem, &problem.simulation().mean_field()).unwrap();
    let point = [5.0, 0.2, 2.0, 0.2];
    let found = Filter(&process).log_likelihood(&point, 1, Key::new(1)).unwrap();
    let exact = ProblemLikelihood::new(&problem).log_likelihood(&point).unwrap();
    assert!((found - exact).abs() < 1e-3, "{found} {exact}");
    assert!(Filter(&process).log_likelihood(&[f64::NAN, 0.2, 2.0, 0.2], 4, Key::new(1)).is_err());
}

/// Data simulated elsewhere take the place of those measured.
#[test]
fn other_data_have_another_likelihood() {
    let problem = load("immigration");
    let process = ProblemProcess::new(&problem, &Method::Direct).unwrap();
    let data = ProblemSimulator::new(&problem, &Method::Direct).data(&[5.0, 0.2, 2.0, 0.2], Key::new(2)).unwrap();
    let estimate = |process: &ProblemProcess<'_>, death: f64| {
        Filter(process).log_likelihood(&[5.0, death, 2.0, 0.2], 500, Key::new(3)).unwrap()
    };
    let other = problem.with_data(&data);
    let other = ProblemProcess::new(&other, &Method::Direct).unwrap();
    assert!(estimate(&other, 0.2) > estimate(&process, 0.2) - 30.0 && estimate(&other, 0.2) != estimate(&process, 0.2));
    assert!(estimate(&other, 0.2) > estimate(&other, 0.9) + 5.0);
}

#[test]
fn what_has_no_likelihood_at_a_time_is_refused() {
    let refused = |problem: &metacascade_problem::Problem, method: &Method| {
        ProblemProcess::new(problem, method).err().map_or(String::new(), |failure| failure.0)
    };
    let cohort = Copy::of("cohort");
    assert!(refused(&cohort.load(), &Method::Auto).starts_with("times to events"));
    let means = cohort.replace("problem.yaml", "    survival_files: [survival.tsv]\n", "").load();
    assert!(refused(&means, &Method::Auto).starts_with("some measurements are means"));
    let problem = load("immigration");
    assert!(refused(&problem, &Method::hybrid()).contains("`hybrid` cannot be left and taken up again"));
    let moving = Copy::of("immigration");
    moving.replace("model.toml", "[parameters]", "K = { initial = 1, rate = \"1\" }\n\n[parameters]");
    assert!(refused(&moving.load(), &Method::Auto).contains("`K` changes continuously"));
    let timed = Copy::of("immigration");
    timed.replace("model.toml", "rate = \"nu\"", "rate = \"nu * (1 + 0.01 * time)\"");
    assert!(refused(&timed.load(), &Method::Direct).contains("depends on time"));
    let timed = timed.load();
    assert_eq!(*ProblemProcess::new(&timed, &Method::Auto).unwrap().method().0, Method::tau_leap());
}

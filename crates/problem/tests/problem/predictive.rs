//! The posterior predictive: grid, law, reproducibility.

use metacascade_engine::Method;
use metacascade_inference::Posterior;
use metacascade_problem::predictive;
use metacascade_random::Key;

use crate::fixture::load;

fn point(problem: &metacascade_problem::Problem, count: usize) -> Posterior {
    Posterior {
        names: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        draws: vec![problem.nominal(); count],
        weights: vec![1.0 / count as f64; count],
        distances: vec![0.0; count],
    }
}

#[test]
fn every_measured_time_is_predicted_on_a_fine_grid() {
    let problem = load("immigration");
    let rows = predictive(&problem, &Method::ode(), &point(&problem, 3), 400, Key::new(1));
    assert_eq!((rows.failures, rows.draw.iter().max()), (0, Some(&2)));
    for series in problem.series() {
        for measurement in &series.measurements {
            let at = |row: usize| {
                rows.observable[row] == series.observable
                    && rows.experiment[row] == series.experiment
                    && rows.time[row] == measurement.time
            };
            assert_eq!((0..rows.time.len()).filter(|&row| at(row)).count(), 3);
        }
    }
    // `volume` is measured in `full` only, whose last time is 10: 60 even times and 1, 2, 5 between them.
    let volume: Vec<f64> = (0..rows.time.len())
        .filter(|&row| rows.observable[row] == 3 && rows.draw[row] == 0)
        .map(|row| rows.time[row])
        .collect();
    assert_eq!(volume.len(), 63);
    assert!(volume.windows(2).all(|times| times[0] < times[1]));
    // The mean field: 25 + 55 e^(−t/5), and 1 more.
    for row in (0..rows.time.len()).filter(|&row| rows.observable[row] == 3) {
        let expected = 26.0 + 55.0 * (-0.2 * rows.time[row]).exp();
        assert!((rows.simulation[row] - expected).abs() < 1e-3, "{} at {}", rows.simulation[row], rows.time[row]);
    }
}

#[test]
fn equal_keys_give_equal_rows() {
    let problem = load("switching");
    let posterior = point(&problem, 20);
    let rows = predictive(&problem, &Method::Direct, &posterior, 20, Key::new(5));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(rows, pool.install(|| predictive(&problem, &Method::Direct, &posterior, 20, Key::new(5))));
    assert_ne!(rows, predictive(&problem, &Method::Direct, &posterior, 20, Key::new(6)));
}

/// Noise about the mean field: the standard deviation of 400 draws at each of 65 times has a standard error of
/// σ/√800 = 3.5 %; 5 of them at each of 130 places are a false alarm once in 1e4 seeds.
#[test]
fn predictions_scatter_as_the_noise_says() {
    let problem = load("switching");
    let rows = predictive(&problem, &Method::ode(), &point(&problem, 400), 400, Key::new(2));
    let mut times: Vec<f64> = rows.time.clone();
    times.sort_by(f64::total_cmp);
    times.dedup();
    for experiment in 0..2 {
        for &time in &times {
            let residuals: Vec<f64> = (0..rows.time.len())
                .filter(|&row| rows.experiment[row] == experiment && rows.time[row] == time)
                .map(|row| rows.prediction[row] - rows.simulation[row])
                .collect();
            let sd =
                (residuals.iter().map(|residual| residual * residual).sum::<f64>() / residuals.len() as f64).sqrt();
            assert!((sd / 0.03 - 1.0).abs() < 5.0 / 800f64.sqrt(), "{sd} at {time}");
        }
    }
}

#[test]
fn parameters_that_cannot_be_simulated_are_counted() {
    let problem = load("switching");
    let mut posterior = point(&problem, 4);
    posterior.draws[2] = vec![-1.0, 0.1, 0.03];
    let rows = predictive(&problem, &Method::Direct, &posterior, 400, Key::new(3));
    assert_eq!(rows.failures, 1);
    assert!(!rows.draw.contains(&2) && rows.draw.contains(&3));
}

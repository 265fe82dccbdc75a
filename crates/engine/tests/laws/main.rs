//! The laws that the engine is held to, each in a test of its name, by every method that can follow it.
//!
//! | law | numbers | test | methods |
//! |---|---|---|---|
//! | birth–death (Kendall 1948) | P(0) .511768, mean 3.32012, variance 30.8122 | `methods::tests::linear_birth_death` | all stochastic |
//! | birth–death–immigration (Bailey 1964) | P(0) .383474, mean 2.900146 | `methods::tests::birth_death_immigration`, `lesions::tests::foundings_and_growth_are_birth_death_and_immigration` | all stochastic |
//! | Kendall's pulse | P(alive) .1733127, mean 12.1825 | `methods::tests::kendall_pulse_by_events`, `lesions::tests::kendall_pulse`, `network::therapies::tests::a_therapy_kills` | all stochastic |
//! | Poisson seeding | γ = 1: 86.56; γ = 2/3: .129842, P(none) .878234 | `seeding` | hybrid, tau-leap, ode |
//! | no emission (a Riccati equation) | .72658787 by 60, .70122408 ever | `emission` | all stochastic |
//! | recurrence after resection | .0193490 by 5 years, .0198013 by 10 | `recurrence` | hybrid, tau-leap |
//! | Luria–Delbrück, m = 1 | .367879, .183940, .107298, .068977 | `mutants` | hybrid, tau-leap, lesions |
//! | renewal of Iwata et al. 2000 | 1.160, 76.42, 1227.7 | `lesions::tests::lesions_of_lesions_follow_iwatas_renewal_equation` | hybrid |
//! | colony behind a barrier | 1.34e-11, 3.8e-6, .0440, .666, .9987 | `barrier`; `probability::tests::a_colony_passes_a_barrier` | all stochastic, lesions cell by cell; splitting |
//! | Kuznetsov et al. 1994 | 8.186e6, 2.680e8, 4.470e8 | `steady::kuznetsov` | ode, hybrid, tau-leap |
//! | Hahnfeldt et al. 1999 | 17 346.5; 1105, 3857, 11 293 | `steady::hahnfeldt` | ode, hybrid |
//! | switching of SW620 | .649 | `steady::switching` | all stochastic, ode, moments |
//! | sizes and times of detection of lesions | two samples | `samples`; `lesions::tests::sizes_drawn_at_once_are_those_cell_by_cell` | all stochastic |
//! | everything at once | means agree | `together` | all stochastic |
//!
//! Seeds are fixed. Unless a test says otherwise, each z-test has a false-alarm rate of 6e-5 (|z| < 4), each chi-square
//! and Kolmogorov–Smirnov test one of 1e-4; about 190 are made, so that one seed in sixty would fail by chance.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on has failed")]

mod barrier;
mod emission;
mod mutants;
mod recurrence;
mod samples;
mod seeding;
mod steady;
mod together;

use std::ops::ControlFlow;

use metacascade_engine::{Method, Network, Simulator};
use metacascade_random::Key;

/// All that follow single cells.
const STOCHASTIC: [Method; 6] = [
    Method::Direct,
    Method::Ensemble,
    Method::NextReaction,
    Method::CompositionRejection,
    Method::tau_leap(),
    Method::hybrid(),
];

/// Those that follow propensities which change with time by themselves.
const TIMED: [Method; 2] = [Method::hybrid(), Method::tau_leap()];

/// The values of some symbols at the times, of each trajectory.
fn run(
    network: &Network,
    method: Method,
    names: &[&str],
    times: &[f64],
    trajectories: u64,
    seed: u64,
) -> Vec<Vec<Vec<f64>>> {
    let mut simulator = Simulator::new(network, &method);
    let parameters = network.default_parameters();
    let slots: Vec<usize> = names.iter().map(|name| network.slot(name).unwrap()).collect();
    let one = |index| {
        let mut path = Vec::new();
        let mut record = |_: usize, values: &[f64]| {
            path.push(slots.iter().map(|&slot| values[slot]).collect::<Vec<_>>());
            ControlFlow::Continue(())
        };
        simulator.run(&parameters, times, Key::new(seed).child(index), &mut record).unwrap();
        path
    };
    (0..trajectories).map(one).collect()
}

/// One symbol at the end of each trajectory.
fn ends(network: &Network, method: Method, name: &str, end: f64, trajectories: u64, seed: u64) -> Vec<f64> {
    run(network, method, &[name], &[end], trajectories, seed).into_iter().map(|path| path[0][0]).collect()
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// So many of `n` have the probability `p`.
fn assert_share(what: &str, count: f64, n: f64, p: f64) {
    let z = (count - n * p) / (n * p * (1.0 - p)).sqrt();
    assert!(z.abs() < 4.0, "{what}: {count} of {n}, not {} (z {z})", n * p);
}

/// Mean and variance are those of a Poisson law; the variance of an estimated variance is (2m² + m)/n.
fn assert_poisson(what: &str, values: &[f64], expected: f64) {
    let n = values.len() as f64;
    let (mean, variance) = mean_and_variance(values);
    assert!(((mean - expected) / (expected / n).sqrt()).abs() < 4.0, "{what}: mean {mean}, not {expected}");
    let error = ((2.0 * expected * expected + expected) / n).sqrt();
    assert!(((variance - expected) / error).abs() < 4.0, "{what}: variance {variance}, not {expected}");
}

/// Chi-square of counts against the probabilities of 0, 1, 2, …; the rest of the law is one more cell.
fn chi_square(values: &[f64], law: &[f64]) -> f64 {
    let mut observed = vec![0.0; law.len() + 1];
    values.iter().for_each(|value| observed[(*value as usize).min(law.len())] += 1.0);
    let rest = 1.0 - law.iter().sum::<f64>();
    let expected = law.iter().chain([&rest]).map(|p| p * values.len() as f64);
    observed.iter().zip(expected).map(|(o, e): (&f64, f64)| (o - e).powi(2) / e).sum()
}

/// Two samples of the same law by the test of Kolmogorov and Smirnov; 2.225 is the quantile of Kolmogorov's law for 1e-4.
fn assert_same_law(what: &str, one: &[f64], other: &[f64]) {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (one, other) = (sorted(one), sorted(other));
    let below = |values: &[f64], x: f64| values.partition_point(|value| *value <= x) as f64 / values.len() as f64;
    let gap = one.iter().chain(&other).map(|&x| (below(&one, x) - below(&other, x)).abs()).fold(0.0, f64::max);
    let (n, m) = (one.len() as f64, other.len() as f64);
    assert!(gap * (n * m / (n + m)).sqrt() < 2.225, "{what}: distributions differ by {gap}");
}

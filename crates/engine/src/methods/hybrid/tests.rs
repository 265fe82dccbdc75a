//! The hybrid method where it jumps, flows and changes between the two, against laws known in closed form.
//!
//! Seeds are fixed. Each z-test has a false-alarm rate of 6e-5 (|z| < 4), the Kolmogorov–Smirnov test one of 1e-4;
//! fourteen are made here, so that about one seed in a thousand would fail by chance.

use std::f64::consts::LN_2;
use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Method, Network, Simulator, Stats};

/// What a species holds at each time of each trajectory, and the work of all.
fn paths(network: &Network, species: usize, times: &[f64], trajectories: u64, seed: u64) -> (Vec<Vec<f64>>, Stats) {
    let mut simulator = Simulator::new(network, &Method::hybrid());
    let parameters = network.default_parameters();
    let mut total = Stats::default();
    let run = |index| {
        let mut path = Vec::with_capacity(times.len());
        let mut record = |_: usize, values: &[f64]| {
            path.push(values[1 + species]);
            ControlFlow::Continue(())
        };
        let stats = simulator.run(&parameters, times, Key::new(seed).child(index), &mut record).unwrap();
        total.events += stats.events;
        total.steps += stats.steps;
        path
    };
    ((0..trajectories).map(run).collect(), total)
}

fn column(paths: &[Vec<f64>], time: usize) -> Vec<f64> {
    paths.iter().map(|path| path[time]).collect()
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Mean and variance are those of a Poisson law; the variance of an estimated variance is (2m² + m)/n.
fn assert_poisson(values: &[f64], expected: f64) {
    let n = values.len() as f64;
    let (mean, variance) = mean_and_variance(values);
    assert!(((mean - expected) / (expected / n).sqrt()).abs() < 4.0, "mean {mean}, not {expected}");
    let error = ((2.0 * expected * expected + expected) / n).sqrt();
    assert!(((variance - expected) / error).abs() < 4.0, "variance {variance}, not {expected}");
}

/// Cells in the blood for minutes between a primary of 10⁵ to 10⁹ cells and lesions: seeds are a Poisson process with
/// the rate that the primary has, so that their number has the mean μ(N − N₀)/g, 86.56 for the doubling time of 60
/// days and μ = 1e-9; the primary's own noise adds less than a thousandth.
fn seeding() -> Network {
    Network::builder("seeding")
        .species("P", "1e5")
        .species("C", "0")
        .species("L", "0")
        .parameter("grow", LN_2 / 60.0)
        .parameter("shed", 1e-6)
        .parameter("clear", 250.0)
        .parameter("seed", 1e-3)
        .reaction("P -> 2 P", "(grow + 0.1) * P")
        .reaction("P ->", "0.1 * P")
        .reaction("P -> P + C", "shed * P")
        .reaction("C ->", "(1 - seed) * clear * C")
        .reaction("C -> L", "seed * clear * C")
        .build()
        .unwrap()
}

#[test]
fn seeding_from_a_growing_primary_is_poisson() {
    let end = 60.0 * 1e4_f64.log2();
    let times = [0.0, 0.5 * end, end];
    let (lesions, stats) = paths(&seeding(), 2, &times, 4000, 1);
    let expected = |size: f64| 1e-9 * (size - 1e5) * 60.0 / LN_2;
    assert!((expected(1e9) - 86.56).abs() < 0.01);
    assert_poisson(&column(&lesions, 2), expected(1e9));
    assert_poisson(&column(&lesions, 1), expected(1e7));
    // Some 8e4 cells go through the blood of each; only those that stay jump.
    assert!(stats.events < 4000 * 100, "{stats:?}");
    assert!(stats.steps < 4000 * 400, "{stats:?}");
    let (blood, _) = paths(&seeding(), 1, &times, 4000, 2);
    assert_poisson(&column(&blood, 2), 1e-6 * 1e9 / 250.0);
}

/// Times between jumps at a hazard that grows as e^{gt}: the first is Gompertz-distributed, by Kolmogorov–Smirnov.
#[test]
fn the_first_jump_comes_when_the_integrated_hazard_says() {
    let end = 60.0 * 1e4_f64.log2();
    let times: Vec<f64> = (0..=2000).map(|index| end * f64::from(index) / 2000.0).collect();
    let (lesions, _) = paths(&seeding(), 2, &times, 4000, 3);
    let mut largest: f64 = 0.0;
    for (index, time) in times.iter().enumerate() {
        let hazard = 1e-9 * 1e5 * ((time * LN_2 / 60.0).exp_m1()) * 60.0 / LN_2;
        let none = lesions.iter().filter(|path| path[index] == 0.0).count() as f64 / 4000.0;
        largest = largest.max((none - (-hazard).exp()).abs());
    }
    // The quantile of the Kolmogorov law for 1e-4 is 2.225; times on a grid make it smaller yet.
    assert!(largest * 4000_f64.sqrt() < 2.225, "{largest}");
}

/// A clone starts with one cell and grows past the threshold: Kendall's law of extinction and of the numbers beyond.
#[test]
fn counts_turn_to_flows_and_keep_their_law() {
    let network = Network::builder("clone")
        .species("X", "1")
        .reaction("X -> 2 X", "1 * X")
        .reaction("X ->", "0.6 * X")
        .build()
        .unwrap();
    let end = 25.0;
    let (clones, stats) = paths(&network, 0, &[end], 40_000, 4);
    let counts = column(&clones, 0);
    let growth = (0.4_f64 * end).exp();
    let (extinct, eta) = (0.6 * (growth - 1.0) / (growth - 0.6), (growth - 1.0) / (growth - 0.6));
    for size in [0.0, 5e3, 2e4, 8e4] {
        let beyond = (1.0 - extinct) * eta.powf(size);
        let found = counts.iter().filter(|count| **count > size).count() as f64 / 4e4;
        let z = (found - beyond) / (beyond * (1.0 - beyond) / 4e4).sqrt();
        assert!(z.abs() < 4.0, "{found} of clones have more than {size}, not {beyond}");
    }
    // The direct method makes 4 events for each of e^{10} cells.
    assert!(stats.events < 40_000 * 4_000, "{stats:?}");
}

/// What is abundant dies out: the last cells are counted, and extinction at t has the probability (1 − e^{−μt})^n, of
/// which the flow until 800 cells are left changes nothing but the noise.
#[test]
fn flows_turn_to_counts_and_die_out() {
    let network = Network::builder("decay").species("X", "1e5").reaction("X ->", "0.5 * X").build().unwrap();
    let (cells, _) = paths(&network, 0, &[20.0, 23.0, 26.0], 10_000, 5);
    for (index, time) in [20.0_f64, 23.0, 26.0].into_iter().enumerate() {
        let extinct = (1.0 - (-0.5 * time).exp()).powf(1e5);
        let found = cells.iter().filter(|path| path[index] == 0.0).count() as f64 / 1e4;
        let z = (found - extinct) / (extinct * (1.0 - extinct) / 1e4).sqrt();
        assert!(z.abs() < 4.0, "extinct {found}, not {extinct}");
    }
    assert!(cells.iter().flatten().all(|count| count.fract() == 0.0));
}

/// Resection once the primary has 10⁷ cells: 10⁶ e^{.1 t} gets there at t = 10 ln 10.
#[test]
fn events_come_when_an_abundant_number_reaches_their_size() {
    let network = Network::builder("resection")
        .species("P", "1e6")
        .species("L", "0")
        .variable("resected", "0", "0")
        .reaction("P -> 2 P", "0.1 * P")
        .reaction("P -> P + L", "1e-8 * P")
        .event_when("P >= 1e7", &[("P", "0"), ("resected", "time")])
        .build()
        .unwrap();
    let (times, _) = paths(&network, 2, &[100.0], 200, 6);
    for path in times {
        assert!((path[0] - 10.0 * 10_f64.ln()).abs() < 1e-3, "{path:?}");
    }
    let (lesions, _) = paths(&network, 1, &[100.0], 4000, 7);
    assert_poisson(&column(&lesions, 0), 1e-8 * 9e6 / 0.1);
}

#[test]
fn recording_times_do_not_change_a_trajectory() {
    let end = 60.0 * 1e4_f64.log2();
    let fine: Vec<f64> = (0..=997).map(|index| end * f64::from(index) / 997.0).collect();
    for species in [0, 2] {
        let (coarse, _) = paths(&seeding(), species, &[end], 20, 8);
        let (fine, _) = paths(&seeding(), species, &fine, 20, 8);
        for (coarse, fine) in coarse.iter().zip(&fine) {
            assert_eq!(coarse.last(), fine.last());
        }
    }
}

/// When the primary is taken out, the blood empties: no propensity becomes negative by the solver's error.
#[test]
fn a_queue_may_run_dry() {
    let network = Network::builder("resection")
        .species("P", "1e6")
        .species("C", "0")
        .species("L", "0")
        .reaction("P -> 2 P", "0.3 * P")
        .reaction("P ->", "0.25 * P")
        .reaction("P -> P + C", "1e-4 * P")
        .reaction("C ->", "10 * C")
        .reaction("C -> L", "0.001 * C")
        .event("20", &[("P", "0")])
        .build()
        .unwrap();
    let (lesions, _) = paths(&network, 2, &[400.0], 4000, 9);
    // Some 1e-4 of what was shed until then.
    let shed = 1e-4 * 1e6 * (1_f64.exp() - 1.0) / 0.05;
    assert_poisson(&column(&lesions, 0), shed * 0.001 / 10.001);
    let (blood, _) = paths(&network, 1, &[400.0], 100, 9);
    assert!(blood.iter().all(|path| path[0] == 0.0));
}

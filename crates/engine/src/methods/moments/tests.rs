//! Linear networks, for which the approximation is exact, against closed forms; nonlinear ones against simulation.

use metacascade_random::Key;

use super::*;
use crate::methods::ode::System;
use crate::{Ensemble, Simulator};

/// Mean and covariance at some times, and steps taken.
fn moments(network: &Network, times: &[f64]) -> (Vec<MeanCovariance>, u64) {
    let parameters = network.default_parameters();
    let (found, stats) = LinearNoise { network, parameters: &parameters, initial: &[], times }.moments().unwrap();
    (found, stats.steps)
}

fn assert_close(found: f64, exact: f64, what: &str) {
    assert!((found - exact).abs() < 2e-5 * (1.0 + exact.abs()), "{what}: {found} instead of {exact}");
}

fn birth_death(initial: &str) -> crate::Builder {
    Network::builder("birth-death")
        .species("X", initial)
        .parameter("birth", 1.0)
        .parameter("death", 0.6)
        .reaction("X -> 2 X", "birth * X")
        .reaction("X ->", "death * X")
}

#[test]
fn birth_death_and_immigration_death() {
    let (found, _) = moments(&birth_death("1").build().unwrap(), &[0.0, 3.0]);
    assert_eq!((found[0].mean[0], found[0].covariance[0][0]), (1.0, 0.0));
    assert_close(found[1].mean[0], 3.320_117, "mean");
    assert_close(found[1].covariance[0][0], 30.812_25, "variance");
    // From none, immigration and death are Poisson at all times.
    let network =
        Network::builder("queue").species("X", "0").reaction("-> X", "7").reaction("X ->", "0.5 * X").build().unwrap();
    for (found, time) in moments(&network, &[0.3, 4.0]).0.iter().zip([0.3, 4.0_f64]) {
        let exact = 14.0 * (1.0 - (-0.5 * time).exp());
        assert_close(found.mean[0], exact, "Poisson mean");
        assert_close(found.covariance[0][0], exact, "Poisson variance");
    }
}

/// Cells that go A → B → gone are multinomial: cov(A, B) = −N·p_A·p_B. The rule's moments follow linearly.
#[test]
fn a_chain_is_multinomial() {
    let network = Network::builder("chain")
        .species("A", "300")
        .species("B", "0")
        .rule("weighted", "2*A + 3*B + time")
        .reaction("A -> B", "0.7 * A")
        .reaction("B ->", "0.4 * B")
        .build()
        .unwrap();
    let time = 1.7_f64;
    let a = (-0.7 * time).exp();
    let b = 0.7 / (0.4 - 0.7) * (a - (-0.4 * time).exp());
    let found = &moments(&network, &[time]).0[0];
    let covariance = |i: usize, j: usize| found.covariance[i][j];
    assert_close(found.mean[2], 300.0 * (2.0 * a + 3.0 * b) + time, "mean of the rule");
    assert_close(covariance(0, 0), 300.0 * a * (1.0 - a), "A, A");
    assert_close(covariance(1, 1), 300.0 * b * (1.0 - b), "B, B");
    assert_close(covariance(1, 0), -300.0 * a * b, "B, A");
    assert_close(covariance(0, 2), 2.0 * covariance(0, 0) + 3.0 * covariance(0, 1), "A, rule");
    let of_rule = 4.0 * covariance(0, 0) + 12.0 * covariance(0, 1) + 9.0 * covariance(1, 1);
    assert_close(covariance(2, 2), of_rule, "rule, rule");
}

/// Reversible switching is binomial; a fraction of a fixed number is linear in the counts too. As a summary.
#[test]
fn switching_is_binomial() {
    let network = Network::builder("switching")
        .species("A", "400")
        .species("B", "0")
        .rule("fraction", "A / (A + B)")
        .reaction("A -> B", "0.7 * A")
        .reaction("B -> A", "0.3 * B")
        .build()
        .unwrap();
    let ensemble = Ensemble {
        network: &network,
        method: Method::Moments,
        parameters: &[],
        initial: &[(0, 1000.0)],
        times: &[2.0],
        trajectories: 1,
        key: Key::new(0),
    };
    let (summary, _) = ensemble.summary().unwrap();
    let p = 0.3 + 0.7 * (-2.0_f64).exp();
    let sd = (1000.0 * p * (1.0 - p)).sqrt();
    for (column, (mean, sd)) in [(1000.0 * p, sd), (1000.0 * (1.0 - p), sd), (p, sd / 1000.0)].into_iter().enumerate() {
        assert_close(summary.mean[0][column], mean, &summary.names[column]);
        assert_close(summary.sd[0][column], sd, &summary.names[column]);
    }
    assert_eq!(ensemble.trajectories().unwrap_err(), SimulationError::NoTrajectories);
    let mut ignore = |_: usize, _: &[f64]| std::ops::ControlFlow::Continue(());
    let refused = Simulator::new(&network, &Method::Moments).run(&[], &[1.0], Key::new(0), &mut ignore);
    assert_eq!(refused.unwrap_err(), SimulationError::NoTrajectories);
}

/// Cells that live in the blood for minutes, shed at a rate that swings: numbers there and of lesions are Poisson and
/// independent, since each cell goes its own way (Kingman 1993, Poisson Processes, section 5.1). Stiff.
#[test]
fn fast_turnover_takes_few_steps() {
    let network = Network::builder("blood")
        .species("C", "0")
        .species("L", "0")
        .reaction("-> C", "1000 * (1 + 0.5 * sin(time))")
        .reaction("C ->", "(1 - 0.02) * 500 * C")
        .reaction("C -> L", "0.02 * 500 * C")
        .build()
        .unwrap();
    let (found, steps) = moments(&network, &[5.0, 50.0]);
    assert!(steps < 2500, "{steps} steps; the explicit method would take 50·1000/3.3");
    for (found, time) in found.iter().zip([5.0_f64, 50.0]) {
        let (rate, level) = (500.0_f64, 1000.0);
        // C' = level·(1 + sin(t)/2) − rate·C, the transient long gone, and L' = 10·C from 0.
        let wave = |t: f64| (rate * t.sin() - t.cos()) / (rate * rate + 1.0);
        let blood = level / rate + 0.5 * level * wave(time);
        // Integral of C from 0: all that was shed, less what is still there, by the rate.
        let lesions = 0.02 * (level * time + 0.5 * level * (1.0 - time.cos()) - blood);
        for (species, exact) in [blood, lesions].into_iter().enumerate() {
            assert_close(found.mean[species], exact, "mean");
            assert_close(found.covariance[species][species], exact, "variance");
        }
        assert_close(found.covariance[0][1], 0.0, "covariance");
    }
}

/// A signal that follows a number at rest, V' = 2(X − V), smooths its noise: var V = cov(X, V) = mean·2/(2 + 0.5), by
/// the equations of second moments.
#[test]
fn continuous_variables_carry_noise_on() {
    let network = Network::builder("signal")
        .species("X", "0")
        .variable("V", "0", "2 * (X - V)")
        .reaction("-> X", "7")
        .reaction("X ->", "0.5 * X")
        .build()
        .unwrap();
    let found = &moments(&network, &[60.0]).0[0];
    for (i, j, exact) in [(0, 0, 14.0), (0, 1, 14.0 * 2.0 / 2.5), (1, 1, 14.0 * 2.0 / 2.5)] {
        assert_close(found.covariance[i][j], exact, "covariance");
    }
    assert_close(found.mean[1], 14.0, "mean");
}

/// At time 2 half of the cells are taken and 10 given, and the death rate changes.
#[test]
fn events_map_fluctuations() {
    let network = birth_death("100").event("2", &[("X", "X / 2 + 10"), ("death", "1.1")]).build().unwrap();
    let through = |birth: f64, death: f64, time: f64, mean: f64, variance: f64| {
        let growth = ((birth - death) * time).exp();
        let own = mean * (birth + death) / (birth - death) * growth * (growth - 1.0);
        (mean * growth, variance * growth * growth + own)
    };
    let (mean, variance) = through(1.0, 0.6, 2.0, 100.0, 0.0);
    let (mean, variance) = through(1.0, 1.1, 1.5, mean / 2.0 + 10.0, variance / 4.0);
    let found = &moments(&network, &[1.0, 3.5]).0[1];
    assert_close(found.mean[0], mean, "mean");
    assert_close(found.covariance[0][0], variance, "variance");
}

/// An epidemic among 10,000, half way up, against 2,000 exact trajectories: means within four standard errors and 3
/// cells (the bias is that of a second derivative, some cells whatever their number), standard deviations and
/// correlation within four standard errors (1.6 % and 0.022 at most) and 2 %. False alarms: 5 tests of 6e-5.
#[test]
fn an_epidemic_agrees_with_simulation() {
    let network = Network::builder("sir")
        .species("S", "9500")
        .species("I", "500")
        .reaction("S + I -> 2 I", "mass_action(5e-5)")
        .reaction("I ->", "0.1 * I")
        .build()
        .unwrap();
    let trajectories = 2000;
    let at = |method: Method| Ensemble {
        network: &network,
        method,
        parameters: &[],
        initial: &[],
        times: &[6.0],
        trajectories,
        key: Key::new(20),
    };
    let (values, _) = at(Method::Direct).trajectories().unwrap();
    let n = trajectories as f64;
    let mean = [0, 1].map(|species| values.iter().map(|value| value[species]).sum::<f64>() / n);
    let product = |i: usize, j: usize| {
        values.iter().map(|value| (value[i] - mean[i]) * (value[j] - mean[j])).sum::<f64>() / (n - 1.0)
    };
    let found = &moments(&network, &[6.0]).0[0];
    for (species, (mean, sd)) in mean.into_iter().zip(found.sd()).enumerate() {
        let difference = (found.mean[species] - mean).abs();
        assert!(difference < 4.0 * sd / n.sqrt() + 3.0, "mean {} not {mean}", found.mean[species]);
        let ratio = product(species, species).sqrt() / sd;
        assert!((ratio - 1.0).abs() < 4.0 / (2.0 * n).sqrt() + 0.02, "s.d. {sd}, observed {ratio} of it");
    }
    let sd = found.sd();
    let (theory, observed) =
        (found.covariance[0][1] / (sd[0] * sd[1]), product(0, 1) / (product(0, 0) * product(1, 1)).sqrt());
    assert!((theory - observed).abs() < 4.0 * (1.0 - theory * theory) / n.sqrt() + 0.02, "{theory} not {observed}");
}

/// What is solved is (σ − J)x = b with the Jacobian of means and covariances together: J·x and ∂f/∂t against central
/// differences of the drift.
#[test]
fn linear_systems_are_those_of_the_drift() {
    let network = Network::builder("curved")
        .species("X", "1000")
        .species("Y", "300")
        .species("Z", "50")
        .variable("W", "20", "0.01 * Y * sin(time) - 0.001 * W^2")
        .rule("share", "X / (X + Y)")
        .reaction("2 X -> Y", "mass_action(1e-4)")
        .reaction("Y -> 2 X + Z", "0.3 * Y * share * (2 + sin(time)) * W / 20")
        .reaction("Z + Y ->", "hill(Z, 40, 2) * Y")
        .build()
        .unwrap();
    let mut state = State::new(&network);
    state.initialise(&[], &[], false, None).unwrap();
    let mut linear = Linear::new(&network);
    let mut system = Noise::new(&mut state, &mut linear);
    let (time, shift) = (1.3, 2.0);
    let y = [1000.0, 300.0, 50.0, 20.0, 900.0, -200.0, 400.0, 30.0, 10.0, 60.0, 5.0, -7.0, 1.0, 9.0];
    let mut by_time = [0.0; 14];
    system.linearise(time, &y, &mut by_time);
    assert!(system.factor(shift));
    let b = [3.0, -2.0, 1.0, 0.5, 50.0, 20.0, -70.0, 5.0, 8.0, -4.0, 2.0, 6.0, -9.0, 1.0];
    let mut x = b;
    system.solve(&mut x);
    let mut along = |by_time: f64, by: [f64; 14]| {
        let mut at = |delta: f64| {
            let moved: Vec<f64> = y.iter().zip(by).map(|(y, by)| y + delta * by).collect();
            let mut drift = [0.0; 14];
            system.drift(time + delta * by_time, &moved, &mut drift);
            drift
        };
        let (above, below) = (at(1e-4), at(-1e-4));
        std::array::from_fn::<f64, 14, _>(|index| (above[index] - below[index]) / 2e-4)
    };
    for (index, jacobian_x) in along(0.0, x).into_iter().enumerate() {
        let left = shift * x[index] - jacobian_x;
        assert!((left - b[index]).abs() < 1e-5, "{index}: {left} instead of {}", b[index]);
    }
    for (found, exact) in by_time.into_iter().zip(along(1.0, [0.0; 14])) {
        assert!((found - exact).abs() < 1e-6 * (1.0 + exact.abs()), "{found} {exact}");
    }
}

/// Dimers that form and fall apart fast, at tolerances a thousand times tighter: the error stays in proportion.
#[test]
fn stiff_and_nonlinear() {
    let network = Network::builder("dimers")
        .species("P", "100000")
        .species("D", "0")
        .parameter("on", 0.01)
        .parameter("off", 1000.0)
        .reaction("2 P -> D", "mass_action(on)")
        .reaction("D -> 2 P", "mass_action(off)")
        .reaction("P ->", "0.1 * P")
        .build()
        .unwrap();
    let (found, steps) = moments(&network, &[20.0]);
    assert!(steps < 500, "{steps} steps");
    let mut state = State::new(&network);
    state.initialise(&network.default_parameters(), &[], false, None).unwrap();
    let mut run = Run::new(state);
    run.solver = Solver::new(run.y.len(), Tolerance { relative: 1e-9, absolute: 1e-9 });
    run.advance(20.0).unwrap();
    let exact = run.moments();
    for (row, exact_row) in found[0].covariance.iter().zip(&exact.covariance) {
        for (found, exact) in row.iter().zip(exact_row) {
            assert!((found / exact - 1.0).abs() < 1e-4, "{found} instead of {exact}");
        }
    }
}

#[test]
fn what_linear_noise_cannot_do_is_said() {
    let fails = |network: crate::Builder| {
        let network = network.build().unwrap();
        let parameters = network.default_parameters();
        LinearNoise { network: &network, parameters: &parameters, initial: &[], times: &[5.0] }.moments().unwrap_err()
    };
    let random = fails(birth_death("10").event("1", &[("death", "X / 10")]));
    assert!(
        matches!(random, SimulationError::RandomParameter { ref parameter, .. } if parameter == "death"),
        "{random}"
    );
    let bend = fails(Network::builder("bend").species("X", "0").reaction("-> X", "1 + sqrt(X)"));
    assert!(matches!(bend, SimulationError::Slope { ref species, .. } if species == "X"), "{bend}");
    let net = fails(Network::builder("net").species("X", "10").reaction("X ->", "X - time^2"));
    assert!(matches!(net, SimulationError::Propensity { .. }), "{net}");
    let condition = fails(birth_death("10").event_when("X > 20", &[("X", "0")]));
    assert_eq!(condition, SimulationError::Condition);
    // A parameter set from counts that do not fluctuate yet is as good as a number.
    let network = birth_death("10").event("0", &[("death", "X / 10")]).build().unwrap();
    assert_close(moments(&network, &[5.0]).0[0].mean[0], 10.0, "mean");
}

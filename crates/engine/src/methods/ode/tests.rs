//! Orders, switching, and problems with known solutions.

use std::ops::ControlFlow;

use metacascade_random::Key;

use super::*;
use crate::{Method, Network, Simulator};

/// y' = f(t, y) with the derivatives by y and t.
struct Scalar<F: Fn(f64, f64) -> [f64; 3]> {
    f: F,
    jacobian: f64,
    shift: f64,
    linearised: u32,
}

impl<F: Fn(f64, f64) -> [f64; 3]> Scalar<F> {
    fn new(f: F) -> Self {
        Self { f, jacobian: 0.0, shift: 0.0, linearised: 0 }
    }
}

impl<F: Fn(f64, f64) -> [f64; 3]> System for Scalar<F> {
    fn drift(&mut self, time: f64, y: &[f64], drift: &mut [f64]) {
        drift[0] = (self.f)(time, y[0])[0];
    }

    fn linearise(&mut self, time: f64, y: &[f64], by_time: &mut [f64]) {
        [_, self.jacobian, by_time[0]] = (self.f)(time, y[0]);
        self.linearised += 1;
    }

    fn factor(&mut self, shift: f64) -> bool {
        self.shift = shift;
        true
    }

    fn solve(&mut self, b: &mut [f64]) {
        b[0] /= self.shift - self.jacobian;
    }

    fn norm(&self, _: &[f64]) -> f64 {
        self.jacobian.abs()
    }
}

const TOLERANCE: Tolerance = Tolerance { relative: 1e-6, absolute: 1e-6 };

/// y' = −2ty² from 1 has y = 1/(1+t²): halving the step divides the error by 2^order.
#[test]
fn orders_of_convergence() {
    let error = |steps: u32, stiff: bool| {
        let mut system = Scalar::new(|t, y| [-2.0 * t * y * y, -4.0 * t * y, -2.0 * y * y]);
        let (mut explicit, mut rosenbrock) = (Explicit::new(1), Rosenbrock::new(1));
        let (mut y, h) = ([1.0], 2.0 / f64::from(steps));
        for step in 0..steps {
            let time = h * f64::from(step);
            if stiff {
                rosenbrock.attempt(&mut system, time, h, &y, TOLERANCE);
                rosenbrock.accept(&system, h, &mut y);
            } else {
                explicit.attempt(&mut system, time, h, &y, TOLERANCE);
                explicit.accept(h, &mut y);
            }
        }
        (y[0] - 0.2).abs()
    };
    for (stiff, order) in [(false, 5.0), (true, 4.0)] {
        let observed = (error(80, stiff) / error(160, stiff)).log2();
        assert!((observed - order).abs() < 0.25, "order {observed} instead of {order}");
    }
}

/// The continuous extensions within one step of y' = −y², y = 1/(1+t): halving it divides the error by 2^(order + 1).
#[test]
fn orders_within_steps() {
    let error = |h: f64, stiff: bool| {
        let mut system = Scalar::new(|_, y| [-y * y, -2.0 * y, 0.0]);
        let (mut explicit, mut rosenbrock, mut dense) = (Explicit::new(1), Rosenbrock::new(1), Dense::default());
        if stiff {
            rosenbrock.attempt(&mut system, 0.0, h, &[1.0], TOLERANCE);
            rosenbrock.dense(&[1.0], &mut dense);
        } else {
            explicit.attempt(&mut system, 0.0, h, &[1.0], TOLERANCE);
            explicit.dense(h, &[1.0], &mut dense);
        }
        let within = (1..10).map(|part| 0.1 * f64::from(part));
        within.map(|theta| (dense.at(0, theta) - 1.0 / (1.0 + theta * h)).abs()).fold(0.0, f64::max)
    };
    for (stiff, order) in [(false, 4.0), (true, 3.0)] {
        let observed = (error(0.1, stiff) / error(0.05, stiff)).log2() - 1.0;
        assert!((observed - order).abs() < 0.4, "order {observed} instead of {order}");
    }
}

/// y' = −λ(t)(y − cos t) − sin t has y = cos t whatever λ: stiff for a while only.
#[test]
fn methods_take_turns() {
    let rate = |t: f64| if t < 50.5 { 1e4 } else { 0.1 };
    let mut system = Scalar::new(|t, y| [-rate(t) * (y - t.cos()) - t.sin(), -rate(t), -rate(t) * t.sin() - t.cos()]);
    let mut solver = Solver::new(1, TOLERANCE);
    let (mut y, mut stats) = ([1.0], Stats::default());
    solver.advance(&mut system, &mut y, 0.0, 50.0, &mut stats).unwrap();
    assert!(solver.stiff && (y[0] - 50.0_f64.cos()).abs() < 1e-5, "{y:?}");
    // The explicit method alone would take 50·1e4/3.3.
    assert!(stats.steps < 1000, "{stats:?}");
    solver.advance(&mut system, &mut y, 50.0, 100.0, &mut stats).unwrap();
    assert!(!solver.stiff && (y[0] - 100.0_f64.cos()).abs() < 1e-4, "{y:?}");
    let linearised = system.linearised;
    solver.advance(&mut system, &mut y, 100.0, 200.0, &mut stats).unwrap();
    assert!((y[0] - 200.0_f64.cos()).abs() < 1e-4, "{y:?}");
    assert_eq!(system.linearised, linearised, "the Jacobian is not asked for where nothing is stiff");
}

#[test]
fn a_solution_that_ends_is_an_error() {
    let mut system = Scalar::new(|_, y| [y * y, 2.0 * y, 0.0]);
    let (mut solver, mut stats) = (Solver::new(1, TOLERANCE), Stats::default());
    let error = solver.advance(&mut system, &mut [1.0], 0.0, 2.0, &mut stats).unwrap_err();
    let SimulationError::Stiff { time } = error else { panic!("{error}") };
    assert!((time - 1.0).abs() < 1e-3, "y = 1/(1 - t), stopped at {time}");
}

/// Species at each time, and the steps taken.
fn run(network: &Network, method: Method, times: &[f64]) -> (Vec<Vec<f64>>, u64) {
    let mut found = Vec::new();
    let mut record = |_: usize, values: &[f64]| {
        found.push(values[1..=network.species.len()].to_vec());
        ControlFlow::Continue(())
    };
    let stats =
        Simulator::new(network, &method).run(&network.default_parameters(), times, Key::new(0), &mut record).unwrap();
    (found, stats.steps)
}

/// A clock that starts anew at 2.5, and a decay that ends at 50: by conditions, whose turns must be found within steps.
/// A fast variable makes the second stiff.
#[test]
fn conditions_turn_within_steps() {
    let clock =
        Network::builder("clock").variable("X", "0", "1").event_when("X >= 2.5", &[("X", "0")]).build().unwrap();
    let (found, _) = run(&clock, Method::ode(), &[2.0, 11.0]);
    assert!((found[0][0] - 2.0).abs() < 1e-9 && (found[1][0] - 1.0).abs() < 1e-9, "{found:?}");
    let decay = Network::builder("decay")
        .variable("X", "100", "-k * X")
        .variable("Y", "100", "1e5 * (X - Y)")
        .parameter("k", 0.1)
        .event_when("X < 50", &[("k", "0")])
        .build()
        .unwrap();
    let (found, steps) = run(&decay, Method::ode(), &[5.0, 20.0]);
    assert!((found[0][0] - 100.0 * (-0.5_f64).exp()).abs() < 1e-4, "{found:?}");
    assert!((found[1][0] - 50.0).abs() < 1e-9 && (found[1][1] - 50.0).abs() < 1e-4, "{found:?}");
    assert!(steps < 500, "{steps} steps");
}

/// Robertson's kinetics; values of the example `cvRoberts_dns` of SUNDIALS.
#[test]
fn robertson() {
    let network = Network::builder("robertson")
        .species("A", "1")
        .species("B", "0")
        .species("C", "0")
        .reaction("A -> B", "0.04 * A")
        .reaction("2 B -> B + C", "3e7 * B^2")
        .reaction("B + C -> A + C", "1e4 * B * C")
        .build()
        .unwrap();
    let method = Method::Ode { relative_tolerance: 1e-7, absolute_tolerance: 1e-12 };
    let (found, steps) = run(&network, method, &[0.4, 4.0, 40.0, 400.0, 4e4, 4e6]);
    let known = [
        [9.8517e-1, 3.3864e-5, 1.4794e-2],
        [9.0552e-1, 2.2405e-5, 9.4460e-2],
        [7.1583e-1, 9.1855e-6, 2.8416e-1],
        [4.5052e-1, 3.2232e-6, 5.4948e-1],
        [3.8984e-2, 1.6218e-7, 9.6102e-1],
        [5.1683e-4, 2.0682e-9, 9.9948e-1],
    ];
    for (found, known) in found.iter().flatten().zip(known.iter().flatten()) {
        assert!((found / known - 1.0).abs() < 3e-4, "{found} instead of {known}");
    }
    assert!(steps < 1000, "{steps} steps");
}

/// Logistic growth: K/(1 + (K/x₀ − 1)e^{−rt}).
#[test]
fn logistic_growth() {
    let network =
        Network::builder("logistic").species("X", "10").reaction("-> X", "0.5 * X * (1 - X/1e6)").build().unwrap();
    let times = [1.0, 10.0, 20.0, 25.0, 40.0];
    let (found, steps) = run(&network, Method::ode(), &times);
    for (found, time) in found.iter().zip(times) {
        let exact = 1e6 / (1.0 + (1e6 / 10.0 - 1.0) * (-0.5 * time).exp());
        assert!((found[0] / exact - 1.0).abs() < 1e-5, "{} instead of {exact} at {time}", found[0]);
    }
    assert!(steps < 100, "{steps} steps");
}

/// Lotka–Volterra: δ·x − γ·ln x + β·y − α·ln y stays what it was, over some eight rounds.
#[test]
fn lotka_volterra_keeps_its_integral() {
    let network = Network::builder("lotka-volterra")
        .species("X", "1000")
        .species("Y", "500")
        .reaction("X -> 2 X", "1.0 * X")
        .reaction("X + Y -> 2 Y", "0.002 * X * Y")
        .reaction("Y ->", "0.8 * Y")
        .build()
        .unwrap();
    let integral = |x: f64, y: f64| 0.002 * x - 0.8 * x.ln() + 0.002 * y - y.ln();
    let times: Vec<f64> = (1..=120).map(|index| 0.5 * f64::from(index)).collect();
    let (found, _) = run(&network, Method::ode(), &times);
    let drift = found.iter().map(|at| (integral(at[0], at[1]) - integral(1000.0, 500.0)).abs()).fold(0.0, f64::max);
    assert!(drift < 1e-4, "{drift}");
    let swing = found.iter().map(|at| at[0]).fold(0.0, f64::max);
    assert!(swing > 950.0, "it must have gone round: {swing}");
}

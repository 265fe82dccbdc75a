//! L-BFGS of argmin, turned to maximise a smooth function that may fail, with gradients by central differences.
//!
//! Liu & Nocedal 1989, Math. Program. 45:503; line search: Moré & Thuente 1994, ACM Trans. Math. Softw. 20:286.

use std::cell::RefCell;

use argmin::{
    core::{CostFunction, Executor, Gradient},
    solver::{linesearch::MoreThuenteLineSearch, quasinewton::LBFGS},
};

use super::{Maximum, Objective, WORST};

/// Step of the differences, in prior standard deviations: large against the error of numerical solutions, small against
/// what data can resolve. The error of a difference vanishes for a quadratic function.
const STEP: f64 = 3e-3;

/// Pairs of steps and gradients that are remembered.
const MEMORY: usize = 12;

/// A gradient of this norm, in units of log-likelihood a prior standard deviation, is level.
const LEVEL: f64 = 1e-3;

/// What is maximised, and the best point it was asked for: a line search that fails loses it.
struct Cost<'f, F> {
    function: &'f F,
    best: RefCell<Maximum>,
}

impl<F: Objective> Cost<'_, F> {
    fn value(&self, point: &[f64]) -> f64 {
        let value = (self.function)(point).ok().filter(|value| value.is_finite());
        let Some(value) = value else { return WORST };
        if value > self.best.borrow().value {
            *self.best.borrow_mut() = Maximum { point: point.to_vec(), value };
        }
        -value
    }
}

impl<F: Objective> CostFunction for &Cost<'_, F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.value(point))
    }
}

impl<F: Objective> Gradient for &Cost<'_, F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        let mut moved = point.clone();
        let mut slope = |coordinate: usize| {
            let mut at = |step: f64| {
                moved[coordinate] = point[coordinate] + step;
                self.value(&moved)
            };
            let (up, down) = (at(STEP), at(-STEP));
            moved[coordinate] = point[coordinate];
            // Where one side cannot be computed, no slope is known.
            if up < WORST && down < WORST { (up - down) / (2.0 * STEP) } else { 0.0 }
        };
        Ok((0..point.len()).map(&mut slope).collect())
    }
}

/// Maximises from a point of normal scores, until an iteration changes the function by less than `tolerance`. Where the
/// line search finds no way on, what it had found stands.
pub(super) fn maximise(f: &impl Objective, start: &[f64], max_iterations: u64, tolerance: f64) -> Maximum {
    let best = RefCell::new(Maximum { point: start.to_vec(), value: f64::NEG_INFINITY });
    let cost = Cost { function: f, best };
    if cost.value(start) < WORST && !start.is_empty() {
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(LEVEL)
            .and_then(|solver| solver.with_tolerance_cost(tolerance));
        // The tolerances are not negative; that is all that is asked of them.
        if let Ok(solver) = solver {
            let executor = Executor::new(&cost, solver)
                .configure(|state| state.param(start.to_vec()).max_iters(max_iterations))
                .ctrlc(false)
                .timer(false);
            // The best point is kept, however it ends.
            drop(executor.run());
        }
    }
    cost.best.into_inner()
}

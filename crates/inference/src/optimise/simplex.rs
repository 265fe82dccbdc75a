//! The Nelder–Mead simplex of argmin, turned to maximise a function that may fail.

use std::sync::atomic::{AtomicU64, Ordering};

use argmin::{
    core::{CostFunction, Executor, State},
    solver::neldermead::NelderMead,
};

use super::{Error, Objective};
use crate::Failure;

/// A maximum.
pub(super) struct Maximum {
    pub point: Vec<f64>,
    /// −∞ if the function failed wherever it was tried.
    pub value: f64,
}

/// Standing in for the cost where there is none: finite, since the simplex computes with it.
const WORST: f64 = 1e100;

/// Side of the first simplex, in prior standard deviations.
const SIDE: f64 = 0.5;

/// The simplex has converged when the values at its corners spread by less.
const TOLERANCE: f64 = 1e-6;

struct Cost<'f, F>(&'f F);

impl<F: Objective> CostFunction for Cost<'_, F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        let value = (self.0)(point).unwrap_or(f64::NEG_INFINITY);
        Ok(if value.is_finite() { -value } else { WORST })
    }
}

/// Maximises from a point of normal scores.
pub(super) fn maximise(f: &impl Objective, start: &[f64], max_iterations: u64) -> Result<Maximum, Error> {
    let mut corners = vec![start.to_vec()];
    for coordinate in 0..start.len() {
        let mut corner = start.to_vec();
        // Inwards: far out the prior's bounds make the function flat.
        corner[coordinate] += if corner[coordinate] > 0.0 { -SIDE } else { SIDE };
        corners.push(corner);
    }
    let failed = |error: argmin::core::Error| Error::Optimiser(error.to_string());
    let solver = NelderMead::new(corners).with_sd_tolerance(TOLERANCE).map_err(failed)?;
    let result = Executor::new(Cost(f), solver)
        .configure(|state| state.max_iters(max_iterations))
        .ctrlc(false)
        .timer(false)
        .run()
        .map_err(failed)?;
    let cost = result.state().get_best_cost();
    let value = if cost < WORST { -cost } else { f64::NEG_INFINITY };
    let point = result.state().get_best_param().cloned().unwrap_or_else(|| start.to_vec());
    Ok(Maximum { point, value })
}

/// Counts evaluations, also of several threads.
#[derive(Default)]
pub(super) struct Counter {
    evaluations: AtomicU64,
    failures: AtomicU64,
}

impl Counter {
    pub fn count(&self, value: Result<f64, Failure>) -> Result<f64, Failure> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        if value.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        value
    }

    pub fn evaluations(&self) -> u64 {
        self.evaluations.load(Ordering::Relaxed)
    }

    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

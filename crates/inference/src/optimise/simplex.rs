//! The Nelder–Mead simplex of argmin, turned to maximise a function that may fail.

use argmin::{
    core::{CostFunction, Executor, State},
    solver::neldermead::NelderMead,
};

use super::{Error, Maximum, Objective, WORST};

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

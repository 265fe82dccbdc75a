//! The probability of measurements by the linear-noise approximation.
//!
//! What is measured on one trajectory at one time is jointly normal: its mean is the mean field, its covariance that of the
//! fluctuating counts, carried over to the observables by their slopes (the delta method), and the variance of the
//! measurement noise besides. Laws of the logarithm are normal in the logarithm. Measurements at different times are
//! taken as independent given the mean: what a trajectory remembers of its fluctuations is left out.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::ControlFlow,
};

use metacascade_engine::{LinearNoise, MeanCovariance};
use metacascade_inference::Failure;
use nalgebra::{DMatrix, DVector};

use crate::{
    measurements::Reading,
    noise::NoiseDistribution,
    observables::Observable,
    observe::{Design, Run, Whom, Workspace, runs},
    problem::Problem,
    start::{Start, Treatment, start},
};

/// The times at which an experiment is measured, and the moments then.
type Moments = (Vec<f64>, Vec<MeanCovariance>);

/// Log-likelihood and χ². The means of all measurements are written to `simulations`.
pub(crate) fn evaluate(problem: &Problem, parameters: &[f64], simulations: &mut [f64]) -> Result<(f64, f64), Failure> {
    if problem.is_steady() {
        return Err(Failure("the linear noise of a steady state is not known here; use the method ode".to_owned()));
    }
    let measured = problem.series().iter().map(|series| &problem.observables()[series.observable]);
    for observable in measured {
        if !matches!(observable.noise, NoiseDistribution::Normal | NoiseDistribution::LogNormal) {
            let message = format!(
                "the noise of `{}` is not normal, also not in the logarithm; linear noise needs one that is",
                observable.id
            );
            return Err(Failure(message));
        }
    }
    let mut rows = problem.series().iter().flat_map(|series| &series.measurements);
    if rows.any(|row| row.reading != Reading::Exact) {
        let message = "some measurements are censored or means of several subjects, which linear noise does not know";
        return Err(Failure(message.to_owned()));
    }
    let method = problem.simulation().mean_field();
    let mut workspace = Workspace::new(problem, &method);
    let mut values = vec![0.0; problem.scope_slots];
    let (mut log_likelihood, mut chi_squared) = (0.0, 0.0);
    // The means are those of the mean field, which also knows what events do to parameters.
    let mut known: BTreeMap<Design, Moments> = BTreeMap::new();
    for run in runs(problem, false, None) {
        let known = match known.entry(run.design) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(empty) => {
                let times = times(problem, run.design.experiment);
                let Start { parameters, initial } =
                    start(problem, &method, &mut values, run.design, parameters, &Treatment::default())?;
                let network = problem.experiments()[run.design.experiment].network.as_ref();
                let network = network.unwrap_or_else(|| problem.network());
                let noise = LinearNoise { network, parameters: &parameters, initial: &initial, times: &times };
                let moments = noise.moments().map_err(|error| Failure(error.to_string()))?.0;
                empty.insert((times, moments))
            }
        };
        let (likelihood, chi) = one(problem, &mut workspace, &run, parameters, known, simulations)?;
        log_likelihood += likelihood;
        chi_squared += chi;
    }
    Ok((log_likelihood, chi_squared))
}

/// All times at which an experiment is measured.
fn times(problem: &Problem, experiment: usize) -> Vec<f64> {
    let series = problem.series().iter().filter(|series| series.experiment == experiment);
    let mut times: Vec<f64> = series.flat_map(|series| &series.measurements).map(|row| row.time).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    times
}

/// One trajectory.
fn one(
    problem: &Problem,
    workspace: &mut Workspace<'_>,
    run: &Run,
    parameters: &[f64],
    (times, moments): &Moments,
    simulations: &mut [f64],
) -> Result<(f64, f64), Failure> {
    let (mut log_likelihood, mut chi_squared) = (0.0, 0.0);
    workspace.run(run.design, parameters, &run.times, Whom::Typical, |index, view| {
        let reads = &run.reads[index];
        let time = run.times[index];
        let at = times.iter().position(|other| *other == time).unwrap_or_default();
        let covariance = &moments[at].covariance;
        let size = reads.len();
        let mut slopes: Vec<Vec<f64>> = Vec::with_capacity(size);
        let mut residuals = DVector::zeros(size);
        let mut total = DMatrix::zeros(size, size);
        let mut jacobian = 0.0;
        for (row, read) in reads.iter().enumerate() {
            let (observable, measurement) = (read.observable(problem), read.row(problem));
            let (y, sigma) = view.observe(observable, &measurement.overrides)?;
            let y = measurement.exposure * y;
            simulations[read.position] = y;
            let mut slope = gradient(problem, observable, view.values());
            slope.iter_mut().for_each(|slope| *slope *= measurement.exposure);
            if observable.noise.is_logarithmic() {
                if y <= 0.0 {
                    return Err(Failure(format!("the observable `{}` is {y} at time {time}", observable.id)));
                }
                slope.iter_mut().for_each(|slope| *slope /= y);
                residuals[row] = measurement.value.ln() - y.ln();
                jacobian += measurement.value.ln();
            } else {
                residuals[row] = measurement.value - y;
            }
            total[(row, row)] += sigma * sigma;
            slopes.push(slope);
        }
        for (row, a) in slopes.iter().enumerate() {
            for (column, b) in slopes.iter().enumerate() {
                total[(row, column)] += bilinear(a, covariance, b);
            }
        }
        let Some(factor) = total.cholesky() else {
            return Err(Failure(format!("the covariance of the measurements at time {time} is not positive")));
        };
        let square = residuals.dot(&factor.solve(&residuals));
        let log_determinant: f64 = factor.l().diagonal().iter().map(|entry| 2.0 * entry.ln()).sum();
        log_likelihood -= 0.5 * (square + log_determinant + size as f64 * std::f64::consts::TAU.ln()) + jacobian;
        chi_squared += square;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((log_likelihood, chi_squared))
}

/// The slopes of an observable along species and rules, in the order of [`MeanCovariance`].
pub(crate) fn gradient(problem: &Problem, observable: &Observable, values: &[f64]) -> Vec<f64> {
    let network = problem.network();
    let species = network.species().len();
    let first_rule = 1 + species + network.parameters().len();
    let slots = (1..=species).chain(first_rule..first_rule + network.rules().len());
    let mut tangents = vec![0.0; values.len()];
    let slope = |slot: usize| {
        tangents[slot] = 1.0;
        let slope = observable.formula_program.derivative(values, &tangents);
        tangents[slot] = 0.0;
        slope
    };
    slots.map(slope).collect()
}

pub(crate) fn bilinear(a: &[f64], matrix: &[Vec<f64>], b: &[f64]) -> f64 {
    let rows = a.iter().zip(matrix).filter(|(a, _)| **a != 0.0);
    rows.map(|(a, row)| a * row.iter().zip(b).map(|(entry, b)| entry * b).sum::<f64>()).sum()
}

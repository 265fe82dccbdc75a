//! A problem as what maximum likelihood and Markov chains need: the mean field under the noise laws.

use std::ops::ControlFlow;

use metacascade_engine::Method;
use metacascade_inference::{Failure, Likelihood, Parameter};

use crate::{
    effects::Effects,
    measurements::{Measurement, Reading},
    noise::{NoiseDistribution, multinomial},
    observe::{Read, Run, Whom, Workspace, runs},
    problem::Problem,
    tally::Tallies,
};

/// The log-likelihood of a problem's measurements around the model's mean field.
///
/// PEtab version 2: the sum, over all measurements, of the log density of [`crate::NoiseDistribution`]; censored values
/// and means of several subjects have what [`Measurement::log_likelihood`] says, multinomial samples are taken together.
/// Parameters that vary between groups and subjects are integrated out, each subject around its own mean field, by
/// adaptive Gauss–Hermite quadrature. Stochasticity of the model itself is left out, so this serves models of many cells,
/// where the mean field is near the truth.
#[derive(Debug)]
pub struct ProblemLikelihood<'p> {
    problem: &'p Problem,
    method: Method,
    runs: Vec<Run>,
    /// Of each run and time; none where parameters vary, since no two subjects then have the same mean field.
    tallies: Vec<Vec<Tallies>>,
    effects: Option<Effects>,
}

/// Whether the likelihood around the mean field is the problem's own: the model is simulated by the mean field, nothing
/// varies between subjects, and all data have a law.
#[must_use]
pub fn likelihood_is_exact(problem: &Problem) -> bool {
    let is_mean_field = matches!(problem.simulation().method(), Method::Ode { .. });
    is_mean_field && !problem.network().varies() && ProblemLikelihood::new(problem).check().is_ok()
}

/// The model's value and the noise of each measurement of a run, in the order of its reads.
pub(crate) type Predicted = Vec<[f64; 2]>;

impl<'p> ProblemLikelihood<'p> {
    /// The likelihood, solved with the tolerances that the problem asks for.
    #[must_use]
    pub fn new(problem: &'p Problem) -> Self {
        let varies = problem.network().varies();
        let runs = runs(problem, !varies, None);
        let effects = varies.then(|| Effects::new(problem, &runs));
        let of = |run: &Run| run.reads.iter().map(|reads| Tallies::new(problem, reads)).collect();
        let tallies = if varies { Vec::new() } else { runs.iter().map(of).collect() };
        Self { problem, method: problem.simulation().mean_field(), runs, tallies, effects }
    }

    pub(crate) fn workspace(&self) -> Workspace<'p> {
        Workspace::new(self.problem, &self.method)
    }

    /// What varies, if anything does, and the runs it refers to.
    pub(crate) fn effects(&self) -> Option<(&Effects, &[Run])> {
        Some((self.effects.as_ref()?, &self.runs))
    }

    /// The mean field of every measurement, without noise, on the scale of the model's value: series after series, each in
    /// order of time. Parameters that vary lie at their locations.
    ///
    /// # Errors
    /// Why the parameters cannot be simulated.
    pub fn mean_field(&self, parameters: &[f64]) -> Result<Vec<f64>, Failure> {
        let mut data = vec![f64::NAN; self.problem.measurement_count()];
        self.visit(parameters, |read, _, y, _| data[read.position] = y)?;
        Ok(data)
    }

    /// Shows every measurement with the mean field and the noise there.
    pub(crate) fn visit(
        &self,
        parameters: &[f64],
        mut show: impl FnMut(&Read, &Measurement, f64, f64),
    ) -> Result<(), Failure> {
        let mut workspace = self.workspace();
        for run in &self.runs {
            let predicted = predict(self.problem, &mut workspace, run, parameters, Whom::Typical)?;
            for (read, [y, sigma]) in run.reads.iter().flatten().zip(predicted) {
                show(read, read.row(self.problem), y, sigma);
            }
        }
        Ok(())
    }

    /// Whether there is a likelihood of such data.
    ///
    /// # Errors
    /// Why there is none.
    pub fn check(&self) -> Result<(), Failure> {
        let mut rows = self.problem.series().iter().flat_map(|series| &series.measurements);
        let message = if !self.problem.survival().is_empty() {
            "times to events have no likelihood here"
        } else if self.effects.is_some() && rows.any(|row| matches!(row.reading, Reading::Mean { .. })) {
            "means of several subjects have no likelihood here where subjects vary"
        } else if self.effects.is_some() && self.problem.is_steady() {
            "steady states have no likelihood here where subjects vary"
        } else {
            return Ok(());
        };
        Err(Failure(format!("{message}; approximate Bayesian computation (abc-smc) fits them")))
    }
}

/// Solves the mean field of a run.
pub(crate) fn predict(
    problem: &Problem,
    workspace: &mut Workspace<'_>,
    run: &Run,
    parameters: &[f64],
    whom: Whom<'_>,
) -> Result<Predicted, Failure> {
    let mut predicted = Vec::with_capacity(run.reads.iter().map(Vec::len).sum());
    // Replicates of a time have the same value, unless the table gives them one of their own.
    let mut known: Vec<Option<[f64; 2]>> = vec![None; problem.observables().len()];
    workspace.run(run.design, parameters, &run.times, whom, |time, view| {
        known.fill(None);
        for read in &run.reads[time] {
            let (at, overrides) = (problem.series()[read.series].observable, &read.row(problem).overrides);
            let before = known[at].filter(|_| overrides.is_empty());
            let value = match before {
                Some(value) => value,
                None => view.observe(read.observable(problem), overrides).map(|(y, sigma)| [y, sigma])?,
            };
            known[at] = overrides.is_empty().then_some(value);
            predicted.push(value);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(predicted)
}

/// The log-likelihood of a run's measurements.
pub(crate) fn log_likelihood(problem: &Problem, run: &Run, predicted: &[[f64; 2]]) -> f64 {
    let mut total = 0.0;
    let (mut counts, mut weights) = (Vec::new(), Vec::new());
    for (read, &[y, sigma]) in run.reads.iter().flatten().zip(predicted) {
        let (noise, row) = (read.observable(problem).noise, read.row(problem));
        if noise != NoiseDistribution::Multinomial {
            total += row.log_likelihood(noise, y, sigma);
            continue;
        }
        counts.push(row.value);
        weights.push(y);
        if read.sample.is_some() {
            total += multinomial::log_density(&counts, &weights);
            counts.clear();
            weights.clear();
        }
    }
    total
}

impl Likelihood for ProblemLikelihood<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.problem.estimated()
    }

    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        self.check()?;
        let mut workspace = self.workspace();
        if let Some(effects) = &self.effects {
            return effects.log_likelihood(self.problem, &self.runs, &mut workspace, parameters);
        }
        let mut total = 0.0;
        for (run, tallies) in self.runs.iter().zip(&self.tallies) {
            workspace.run(run.design, parameters, &run.times, Whom::Typical, |time, view| {
                total += tallies[time].log_likelihood(self.problem, view)?;
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(total)
    }
}

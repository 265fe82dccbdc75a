//! A problem as what maximum likelihood needs: the mean field under the noise laws.

use std::ops::ControlFlow;

use metacascade_engine::Method;
use metacascade_inference::{Failure, Likelihood, Parameter};
use metacascade_random::Key;

use crate::{
    measurements::Measurement,
    noise::{NoiseDistribution, multinomial},
    observe::{Read, Run, Workspace, runs},
    problem::Problem,
};

/// The log-likelihood of a problem's measurements around the model's mean field.
///
/// PEtab version 2: the sum, over all measurements, of the log density of [`crate::NoiseDistribution`]; censored values
/// and means of several subjects have what [`Measurement::log_likelihood`] says, multinomial samples are taken together.
/// Stochasticity of the model itself is left out, so this serves models of many cells, where the mean field is near the
/// truth.
#[derive(Debug)]
pub struct ProblemLikelihood<'p> {
    problem: &'p Problem,
    method: Method,
    runs: Vec<Run>,
}

impl<'p> ProblemLikelihood<'p> {
    /// The likelihood, solved with the tolerances that the problem asks for.
    #[must_use]
    pub fn new(problem: &'p Problem) -> Self {
        Self { problem, method: problem.simulation().mean_field(), runs: runs(problem, true, None) }
    }

    /// The mean field of every measurement, without noise, on the scale of the model's value: series after series, each in order of time.
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
        let mut workspace = Workspace::new(self.problem, &self.method);
        for run in &self.runs {
            // The mean field draws nothing, whatever the key.
            workspace.run(run.design, parameters, &run.times, Key::new(0), |time, view| {
                for read in &run.reads[time] {
                    let row = read.row(self.problem);
                    let (y, sigma) = view.observe(read.observable(self.problem), &row.overrides)?;
                    show(read, row, y, sigma);
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }
}

impl Likelihood for ProblemLikelihood<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.problem.estimated()
    }

    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        if !self.problem.survival().is_empty() {
            let message =
                "times to events have no likelihood here; approximate Bayesian computation (abc-smc) fits them";
            return Err(Failure(message.to_owned()));
        }
        let mut total = 0.0;
        let (mut counts, mut weights) = (Vec::new(), Vec::new());
        self.visit(parameters, |read, row, y, sigma| {
            let noise = read.observable(self.problem).noise;
            if noise != NoiseDistribution::Multinomial {
                total += row.log_likelihood(noise, y, sigma);
                return;
            }
            counts.push(row.value);
            weights.push(y);
            if read.sample.is_some() {
                total += multinomial::log_density(&counts, &weights);
                counts.clear();
                weights.clear();
            }
        })?;
        Ok(total)
    }
}

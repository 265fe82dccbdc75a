//! A problem as what maximum likelihood needs: the mean field under PEtab's noise laws.

use metacascade_engine::Method;
use metacascade_inference::{Failure, Likelihood, Parameter};
use metacascade_random::Key;

use crate::{
    measurements::Measurement,
    observe::{Read, Run, Workspace, runs},
    problem::Problem,
};

/// The log-likelihood of a problem's measurements around the model's mean field.
///
/// PEtab version 2: the sum, over all measurements, of the log density of [`crate::NoiseDistribution`]. Stochasticity
/// of the model itself is left out, so this serves models of many cells, where the mean field is near the truth.
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
        Self { problem, method: problem.simulation().mean_field(), runs: runs(problem, true) }
    }

    /// The mean field of every measurement, without noise: series after series, each in order of time.
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
            workspace.run(run.experiment, parameters, &run.times, Key::new(0), |time, view| {
                for read in &run.reads[time] {
                    let series = &self.problem.series()[read.series];
                    let row = &series.measurements[read.measurement];
                    let (y, sigma) = view.observe(&self.problem.observables()[series.observable], &row.overrides)?;
                    show(read, row, y, sigma);
                }
                Ok(())
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
        let mut total = 0.0;
        self.visit(parameters, |read, row, y, sigma| {
            let observable = self.problem.series()[read.series].observable;
            total += self.problem.observables()[observable].noise.log_density(row.value, y, sigma);
        })?;
        Ok(total)
    }
}

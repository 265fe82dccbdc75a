//! A problem as what maximum likelihood needs: the mean field under PEtab's noise laws.

use metacascade_engine::Method;
use metacascade_inference::{Failure, Likelihood, Parameter};
use metacascade_random::Key;

use crate::{
    observe::{Run, Workspace, runs},
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
}

impl Likelihood for ProblemLikelihood<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.problem.estimated()
    }

    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        let mut workspace = Workspace::new(self.problem, &self.method);
        let mut total = 0.0;
        for run in &self.runs {
            // The mean field draws nothing, whatever the key.
            workspace.run(run.experiment, parameters, &run.times, Key::new(0), |time, view| {
                for read in &run.reads[time] {
                    let series = &self.problem.series()[read.series];
                    let observable = &self.problem.observables()[series.observable];
                    let row = &series.measurements[read.measurement];
                    let (y, sigma) = view.observe(observable, &row.overrides)?;
                    total += observable.noise.log_density(row.value, y, sigma);
                }
                Ok(())
            })?;
        }
        Ok(total)
    }
}

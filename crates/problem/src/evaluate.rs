//! How well a problem's model fits its measurements at given parameters, and what it says they should have been.

use metacascade_engine::{Diagnostic, Diagnostics, suggestion};
use metacascade_inference::{Failure, Likelihood as _};

use crate::{
    exact, experiments,
    likelihood::ProblemLikelihood,
    linear_noise,
    measurements::{self, Measurement, Reading},
    noise::NoiseDistribution,
    problem::Problem,
    problems::Problems,
    table::Table,
    version_1,
};

/// How the probability of the measurements is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvaluateMethod {
    /// The mean field, with measurement noise alone: what PEtab means.
    #[default]
    Ode,
    /// Gaussian fluctuations around the mean field, by the linear-noise approximation, and measurement noise.
    LinearNoise,
    /// The model's own law, by the master equation, and measurement noise: for models of few cells. Residuals and
    /// simulations are those of [`EvaluateMethod::Ode`].
    Exact,
}

/// What is found at one point of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Log density of all measurements.
    pub log_likelihood: f64,
    /// Sum of squared residuals in units of the noise (its standard deviation, or the scale of Laplace's law), on the
    /// logarithmic scale for laws of the logarithm. Censored measurements and multinomial samples have none.
    pub chi_squared: f64,
    /// Log density of the estimated parameters under their priors, truncated by their bounds.
    pub log_prior: f64,
    /// The model's value of each measurement, of counts their mean: series after series, each in order of time.
    pub simulations: Vec<f64>,
}

impl Evaluation {
    /// The logarithm of the unnormalised posterior density.
    #[must_use]
    pub fn log_posterior(&self) -> f64 {
        self.log_likelihood + self.log_prior
    }
}

/// Evaluates a problem at values of its estimated parameters.
///
/// # Errors
/// Why the parameters cannot be simulated, or the method not be used for this problem.
pub fn evaluate(problem: &Problem, parameters: &[f64], method: EvaluateMethod) -> Result<Evaluation, Failure> {
    if !problem.survival().is_empty() {
        let message = "times to events have no likelihood here; approximate Bayesian computation (abc-smc) fits them";
        return Err(Failure(message.to_owned()));
    }
    let log_prior = problem.estimated().iter().zip(parameters).map(|(law, &value)| law.log_density(value)).sum();
    let mut simulations = vec![f64::NAN; problem.measurement_count()];
    let (log_likelihood, chi_squared) = match method {
        EvaluateMethod::Ode | EvaluateMethod::Exact => {
            let likelihood = ProblemLikelihood::new(problem);
            let mut chi_squared = 0.0;
            likelihood.visit(parameters, |read, row, y, sigma| {
                simulations[read.position] = row.exposure * y;
                let residual = residual(read.observable(problem).noise, row, y, sigma);
                chi_squared += residual * residual;
            })?;
            let log_likelihood = match method {
                EvaluateMethod::Exact => exact::log_likelihood(problem, parameters)?,
                _ => likelihood.log_likelihood(parameters)?,
            };
            (log_likelihood, chi_squared)
        }
        EvaluateMethod::LinearNoise => linear_noise::evaluate(problem, parameters, &mut simulations)?,
    };
    Ok(Evaluation { log_likelihood, chi_squared, log_prior, simulations })
}

/// A residual in units of the noise; 0 where there is none.
fn residual(noise: NoiseDistribution, row: &Measurement, y: f64, sigma: f64) -> f64 {
    let count = match row.reading {
        Reading::Exact => 1.0,
        Reading::Mean { n, .. } => n,
        Reading::Below | Reading::Above | Reading::UpTo(_) => return 0.0,
    };
    let (e, mean) = (row.exposure, row.exposure * y);
    let sd = match noise {
        NoiseDistribution::Normal | NoiseDistribution::Laplace => sigma / f64::sqrt(count),
        NoiseDistribution::LogNormal | NoiseDistribution::LogLaplace => return (row.value.ln() - mean.ln()) / sigma,
        NoiseDistribution::Poisson => mean.sqrt(),
        NoiseDistribution::NegativeBinomial => (mean + sigma * mean * mean).sqrt(),
        NoiseDistribution::Binomial => (mean * (1.0 - y)).sqrt(),
        NoiseDistribution::BetaBinomial => (mean * (1.0 - y) * (1.0 + (e - 1.0) * sigma)).sqrt(),
        NoiseDistribution::Multinomial => return 0.0,
    };
    (row.value - mean) / sd
}

impl Problem {
    /// Gives a parameter of the parameter table another value; of an estimated one, the value of [`Problem::nominal`].
    ///
    /// # Errors
    /// A parameter like it, or all there are, if there is none of this name; or why it cannot have this value.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
        let Some(parameter) = self.parameters.iter_mut().find(|parameter| parameter.id == name) else {
            let known = || self.parameters.iter().map(|parameter| parameter.id.as_str());
            let all = || format!("the parameter table has {}", known().collect::<Vec<_>>().join(", "));
            let help = suggestion(name, known()).unwrap_or_else(all);
            return Err(format!("there is no parameter `{name}`; {help}"));
        };
        if let Some(law) = &parameter.estimated
            && !(law.lower..=law.upper).contains(&value)
        {
            return Err(format!("{value} is outside the bounds of `{name}`, {} to {}", law.lower, law.upper));
        }
        parameter.nominal = Some(value);
        Ok(())
    }

    /// PEtab's simulation table: the measurement tables as they are, the column `simulation` in place of `measurement`.
    ///
    /// `simulations` are those of an [`Evaluation`]. Tables of several files follow each other, with the columns of all.
    ///
    /// # Errors
    /// If a measurement table can no longer be read as it was.
    pub fn simulation_table(&self, simulations: &[f64]) -> Result<String, Diagnostics> {
        let mut problems = Problems::default();
        let columns = if self.version_1 { &version_1::MEASUREMENTS } else { &measurements::COLUMNS };
        let mut tables = Vec::new();
        for name in &self.measurement_files {
            let path = self.folder.join(name);
            let shown = path.display().to_string();
            match std::fs::read(&path) {
                Ok(bytes) => tables.extend(Table::parse(&bytes, &shown, columns, &mut problems)),
                Err(error) => problems.push(crate::table::unreadable(&path, &shown, &error)),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into_diagnostics());
        }
        let mut values: Vec<Vec<Option<f64>>> = tables.iter().map(|table| vec![None; table.len()]).collect();
        let rows = self.series.iter().flat_map(|series| &series.measurements);
        for (measurement, &simulation) in rows.zip(simulations) {
            let (table, row) = measurement.source;
            match values.get_mut(table as usize).and_then(|table| table.get_mut(row as usize)) {
                Some(value) => *value = Some(simulation),
                None => {
                    let file = self.measurement_files.get(table as usize).cloned().unwrap_or_default();
                    return Err(Diagnostic::new(file, "the file has changed since it was read").into());
                }
            }
        }
        let mut names: Vec<String> = Vec::new();
        for name in tables.iter().flat_map(Table::names) {
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        let header = names.iter().map(|name| if name == "measurement" { "simulation" } else { name });
        let mut text = header.collect::<Vec<_>>().join("\t");
        text.push('\n');
        for (table, values) in tables.iter().zip(&values) {
            let place = |name: &String| table.names().position(|other| other == name);
            let places: Vec<Option<usize>> = names.iter().map(place).collect();
            for (row, value) in values.iter().enumerate() {
                let cells = names.iter().zip(&places).map(|(name, place)| match (name.as_str(), value) {
                    ("measurement", Some(value)) => value.to_string(),
                    ("measurement", None) => String::new(),
                    _ => cell(place.and_then(|place| table.text(row, place)).unwrap_or_default()),
                });
                text.push_str(&cells.collect::<Vec<_>>().join("\t"));
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// Whether some measurement is one of a steady state, which only the mean field has.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        let infinite = |series: &measurements::Series| series.measurements.iter().any(|row| row.time.is_infinite());
        self.experiments.iter().any(experiments::Experiment::begins_steady) || self.series.iter().any(infinite)
    }
}

/// A cell's text, in quotes where it needs them.
pub(crate) fn cell(text: &str) -> String {
    if text.contains(['\t', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

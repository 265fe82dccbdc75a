//! Four reference problems whose posterior is known exactly, for tests and benchmarks of fitting methods.
//!
//! | name | data | parameters | law |
//! |---|---|---|---|
//! | [`BirthDeathImmigration`] | counts of replicates at several times | birth, death, immigration | transition law in closed form |
//! | [`Switching`] | cells of three phenotypes at several times | four rates | multinomial, by matrix exponential |
//! | [`Metastases`] | metastases per animal in two arms | founders, effect, growth | Luria–Delbrück with differential growth |
//! | [`Recurrence`] | times to recurrence, censored | seeding, growth, birth | hazard in closed form |
//!
//! Data are drawn from the laws themselves. A [`Case`] is a problem with one data set: a [`Likelihood`] for exact
//! methods, a [`Process`] for particle filters, and a [`Simulator`] of the data as they are; [`Case::summarised`] is a
//! simulator of the problem's summaries, for methods that compare those.

mod birth_death_immigration;
mod metastases;
mod recurrence;
mod score;
mod switching;

pub use birth_death_immigration::BirthDeathImmigration;
pub use metastases::Metastases;
pub use recurrence::Recurrence;
pub use score::{error, exact_posterior};
pub use switching::Switching;

use metacascade_random::{Key, Stream};
use rand::RngExt;

use crate::{Failure, Law, Likelihood, Parameter, Prior, Proposal, Scale, Simulator, particle::Process};

/// A model with a known likelihood.
pub trait Reference: Sync {
    /// Its name in tables of results.
    fn name(&self) -> &'static str;

    /// The parameters to be estimated.
    fn parameters(&self) -> &[Parameter];

    /// What may be told to methods about the law of the data.
    fn laws(&self) -> Vec<Law>;

    /// A data set under parameters on the natural scale.
    ///
    /// # Errors
    /// Why there is none.
    fn simulate(&self, parameters: &[f64], key: Key) -> Result<Vec<f64>, Failure>;

    /// Summaries of a data set; of data followed over time they include how one time leads to the next.
    fn summaries(&self, data: &[f64]) -> Vec<f64>;

    /// The log-likelihood of a data set, up to a constant that depends on the data alone.
    fn log_likelihood(&self, parameters: &[f64], data: &[f64]) -> f64;

    /// How many observations each independent part of the data has.
    fn series(&self) -> Vec<usize>;

    /// The logarithm of a random weight of one observation, given by its series and its place there: on average it is the
    /// probability of what was observed, given what was observed before. Part of what happened is simulated, the rest is
    /// as likely as it is.
    ///
    /// # Errors
    /// Why there is none.
    fn log_weight(
        &self,
        parameters: &[f64],
        data: &[f64],
        place: (usize, usize),
        stream: &mut Stream,
    ) -> Result<f64, Failure>;
}

/// All reference problems.
#[must_use]
pub fn all() -> Vec<Box<dyn Reference>> {
    vec![
        Box::new(BirthDeathImmigration::new()),
        Box::new(Switching::new()),
        Box::new(Metastases::new()),
        Box::new(Recurrence::new()),
    ]
}

/// A reference problem with a data set.
pub struct Case<'r> {
    /// The problem.
    pub reference: &'r dyn Reference,
    /// The parameters that the data were simulated with.
    pub truth: Vec<f64>,
    /// The data.
    pub data: Vec<f64>,
    laws: Vec<Law>,
    summaries: Vec<f64>,
}

impl<'r> Case<'r> {
    /// Parameters from the middle half of each prior, and a data set simulated with them.
    ///
    /// # Errors
    /// Why they cannot be simulated.
    pub fn draw(reference: &'r dyn Reference, key: Key) -> Result<Self, Failure> {
        let mut stream = key.child(0).stream();
        let middle = |parameter: &Parameter| parameter.quantile(0.25 + 0.5 * stream.random::<f64>());
        let truth: Vec<f64> = reference.parameters().iter().map(middle).collect();
        let data = reference.simulate(&truth, key.child(1))?;
        Ok(Self::new(reference, truth, data))
    }

    /// A problem with this data set.
    #[must_use]
    pub fn new(reference: &'r dyn Reference, truth: Vec<f64>, data: Vec<f64>) -> Self {
        let (laws, summaries) = (reference.laws(), reference.summaries(&data));
        Self { reference, truth, data, laws, summaries }
    }

    /// A simulator of the problem's summaries.
    #[must_use]
    pub fn summarised(&self) -> Summarised<'_> {
        Summarised(self)
    }
}

impl Simulator for Case<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.reference.parameters()
    }
    fn observed(&self) -> &[f64] {
        &self.data
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        proposals.iter().map(|proposal| self.reference.simulate(&proposal.parameters, proposal.key)).collect()
    }
    fn laws(&self) -> &[Law] {
        &self.laws
    }
}

impl Likelihood for Case<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.reference.parameters()
    }
    fn log_likelihood(&self, parameters: &[f64]) -> Result<f64, Failure> {
        Ok(self.reference.log_likelihood(parameters, &self.data))
    }
}

/// All that is seen is seen exactly, so that particles have nothing to remember.
impl Process for Case<'_> {
    type Particle = ();
    /// The series and the parameters.
    type Workspace = (usize, Vec<f64>);

    fn parameters(&self) -> &[Parameter] {
        self.reference.parameters()
    }
    fn observations(&self) -> Vec<usize> {
        self.reference.series()
    }
    fn workspace(&self, series: usize, parameters: &[f64]) -> Result<(usize, Vec<f64>), Failure> {
        Ok((series, parameters.to_vec()))
    }
    fn start(&self, _: &mut (usize, Vec<f64>), _: Key) -> Result<(), Failure> {
        Ok(())
    }
    fn advance(
        &self,
        (series, parameters): &mut (usize, Vec<f64>),
        observation: usize,
        (): &mut (),
        key: Key,
    ) -> Result<f64, Failure> {
        self.reference.log_weight(parameters, &self.data, (*series, observation), &mut key.stream())
    }
}

/// A [`Case`] seen through its summaries.
pub struct Summarised<'c>(&'c Case<'c>);

impl Simulator for Summarised<'_> {
    fn parameters(&self) -> &[Parameter] {
        self.0.reference.parameters()
    }
    fn observed(&self) -> &[f64] {
        &self.0.summaries
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        let data = Simulator::simulate(self.0, proposals);
        data.into_iter().map(|data| Ok(self.0.reference.summaries(&data?))).collect()
    }
}

/// A positive parameter with a prior that is uniform in the logarithm.
fn log_uniform(name: &str, lower: f64, upper: f64) -> Parameter {
    Parameter { name: name.into(), prior: Prior::LogUniform { lower, upper }, lower, upper, scale: Scale::Log10 }
}

/// Mean and standard deviation.
fn mean_and_sd(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt())
}

#[cfg(test)]
mod tests;

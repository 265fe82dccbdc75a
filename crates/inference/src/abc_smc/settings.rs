//! Settings, reasons for stopping, and errors.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Adjustment, DistanceLaw};

/// Settings of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Particles of each generation.
    pub population: usize,
    /// Most simulations in all. A generation that would need more is not finished.
    pub max_simulations: u64,
    /// Most generations.
    pub max_generations: usize,
    /// The share of a generation's simulations that its threshold accepts, between 0 and 1; halved whenever the
    /// threshold stalls.
    pub threshold_quantile: f64,
    /// The fit stops after a generation that accepted a smaller share of its simulations.
    pub min_acceptance: f64,
    /// The fit stops at this threshold. With [`DistanceLaw::Learned`] it is in posterior standard deviations: ε adds ε²
    /// of a posterior variance to each direction: without adjustment, .5 widens intervals by 12 %.
    pub min_threshold: f64,
    /// How distances are measured.
    pub distance: DistanceLaw,
    /// How the last generation is corrected for its distance from the data.
    pub adjustment: Adjustment,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            population: 1000,
            max_simulations: 200_000,
            max_generations: 30,
            threshold_quantile: 0.25,
            min_acceptance: 0.03,
            min_threshold: 0.5,
            distance: DistanceLaw::default(),
            adjustment: Adjustment::default(),
            seed: 1,
        }
    }
}

impl Settings {
    /// Simulations of generation 0: enough to learn a distance from, and to keep a quarter at most.
    pub(super) fn first_simulations(&self) -> u64 {
        (4 * self.population as u64).max(2000).min(self.max_simulations)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |setting, found: &dyn fmt::Display, wanted: &str| {
            Err(Error::Setting { setting, found: found.to_string(), wanted: wanted.to_owned() })
        };
        if self.population < 10 {
            return wrong("population", &self.population, "at least 10");
        }
        if self.max_simulations < 2 * self.population as u64 {
            let wanted = format!("at least twice the population, {}", 2 * self.population);
            return wrong("max_simulations", &self.max_simulations, &wanted);
        }
        if self.max_generations == 0 {
            return wrong("max_generations", &self.max_generations, "at least 1");
        }
        if !(self.threshold_quantile > 0.0 && self.threshold_quantile < 1.0) {
            return wrong("threshold_quantile", &self.threshold_quantile, "between 0 and 1");
        }
        if !(0.0..1.0).contains(&self.min_acceptance) {
            return wrong("min_acceptance", &self.min_acceptance, "at least 0 and less than 1");
        }
        if self.min_threshold.is_nan() || self.min_threshold < 0.0 {
            return wrong("min_threshold", &self.min_threshold, "0 or more");
        }
        Ok(())
    }
}

/// Why a fit stopped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Stop {
    /// The smallest threshold asked for was reached.
    Threshold,
    /// A generation accepted too small a share.
    Acceptance,
    /// The next generation needed more simulations than were left.
    Simulations,
    /// The number of generations was reached.
    Generations,
    /// The observer ended it.
    Cancelled,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threshold => "the smallest threshold asked for was reached",
            Self::Acceptance => "the share of accepted simulations fell below the smallest asked for",
            Self::Simulations => "the next generation needed more simulations than allowed",
            Self::Generations => "the number of generations asked for was reached",
            Self::Cancelled => "it was interrupted; the last complete generation was kept",
        })
    }
}

/// Why a fit failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense.
    #[error("{setting} is {found}, but must be {wanted}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// There is nothing to estimate.
    #[error("there are no parameters to estimate")]
    NoParameters,
    /// Simulations under the prior do not vary.
    #[error("the simulated summaries are the same whatever the parameters: the data cannot teach anything about them")]
    NoInformation,
    /// Too few simulations could be finished.
    #[error("{failures} of {simulations} simulations could not be finished; the first: {first}")]
    Failures {
        /// Failed simulations.
        failures: u64,
        /// All simulations.
        simulations: u64,
        /// Why the first failed.
        first: String,
    },
    /// The observer ended the fit before anything was complete.
    #[error("interrupted before the first generation was complete")]
    Cancelled,
    /// The observer could not go on.
    #[error("{0}")]
    Observer(String),
}

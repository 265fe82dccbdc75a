//! Settings, reasons for stopping, and errors.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Adjustment, DistanceLaw, KernelLaw};

/// Simulations for each particle, at least; and particles, whatever the simulations.
const SIMULATIONS_PER_PARTICLE: u64 = 20;
const FEWEST_PARTICLES: usize = 100;

/// Which simulations become particles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acceptance {
    /// Those whose summaries are nearest to those of the data.
    #[default]
    Uniform,
    /// Each with the probability that its noise makes the data of it, which gives the exact posterior. The simulator's
    /// data must all be [`crate::Law::Measured`]. Distances, adjustment, `min_acceptance` and `min_threshold` do not matter:
    /// the fit ends when the temperature is 1 and the weights are worth half of the particles.
    Stochastic,
}

/// Settings of a fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Particles: the simulations nearest to the data that are kept. Fewer, a twentieth of `max_simulations`, where those
    /// are few.
    pub population: usize,
    /// Most simulations in all; all are used unless the fit stops before.
    pub max_simulations: u64,
    /// Most generations. With 1, all simulations are from the prior: rejection ABC (Pritchard et al. 1999, Mol. Biol. Evol.
    /// 16:1791).
    pub max_generations: usize,
    /// Most wall time, in seconds: a generation that is under way then is not finished. What a fit comes to by then depends
    /// on the machine.
    pub max_seconds: Option<f64>,
    /// The fit stops after a generation of whose simulations a smaller share is among the nearest.
    pub min_acceptance: f64,
    /// The fit stops at this threshold. With [`DistanceLaw::Learned`] it is in posterior standard deviations: ε adds ε²
    /// of a posterior variance to each direction: without adjustment, .3 widens intervals by 4 %. It must be reached twice
    /// in a row, since the first regressions see little of what the data tell.
    pub min_threshold: f64,
    /// Which simulations become particles.
    #[serde(default)]
    pub acceptance: Acceptance,
    /// How distances are measured.
    pub distance: DistanceLaw,
    /// How particles are perturbed.
    pub kernel: KernelLaw,
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
            max_seconds: None,
            min_acceptance: 0.03,
            min_threshold: 0.3,
            acceptance: Acceptance::default(),
            distance: DistanceLaw::default(),
            kernel: KernelLaw::default(),
            adjustment: Adjustment::default(),
            seed: 1,
        }
    }
}

impl Settings {
    /// Simulations of generation 0: four for each particle, of which a quarter is kept.
    pub(super) fn first_simulations(&self) -> u64 {
        match self.max_generations {
            1 => self.max_simulations,
            _ => 4 * self.particles() as u64,
        }
    }

    /// Simulations of each later generation, to begin with.
    pub(super) fn later_simulations(&self) -> u64 {
        self.particles() as u64
    }

    /// Particles of each generation. Twenty simulations for each leave a budget for some sixteen generations.
    pub(super) fn particles(&self) -> usize {
        let share = (self.max_simulations / SIMULATIONS_PER_PARTICLE) as usize;
        self.population.min(share.max(FEWEST_PARTICLES))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |setting, found: &dyn fmt::Display, wanted: &str| {
            Err(Error::Setting { setting, found: found.to_string(), wanted: wanted.to_owned() })
        };
        if self.population < 10 {
            return wrong("population", &self.population, "at least 10");
        }
        let fewest = 4 * self.particles() as u64;
        if self.max_simulations < fewest {
            let wanted = format!("at least {fewest}");
            return wrong("max_simulations", &self.max_simulations, &wanted);
        }
        if self.max_generations == 0 {
            return wrong("max_generations", &self.max_generations, "at least 1");
        }
        if self.max_seconds.is_some_and(|seconds| seconds.is_nan() || seconds <= 0.0) {
            return wrong("max_seconds", &self.max_seconds.unwrap_or_default(), "more than 0");
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
    /// The simulations asked for were done.
    Simulations,
    /// The time was over.
    Time,
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
            Self::Simulations => "all simulations allowed were done",
            Self::Time => "the time allowed was over; the last complete generation was kept",
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
    /// Stochastic acceptance without a law of noise.
    #[error("the noise of some of the data has no known law, which stochastic acceptance needs")]
    NoNoise,
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

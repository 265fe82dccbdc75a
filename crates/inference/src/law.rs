//! What is known about the law of data.

use std::{fmt, sync::Arc};

/// What a simulator knows about how some of its data scatter, given the parameters. Positions are those of
/// [`crate::Simulator::observed`]; data under different laws are independent.
///
/// The parameters of the law are not known: a fit learns from simulations how they depend on what is estimated.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Counts of the categories in one sample: multinomial; with two categories, binomial.
    Multinomial {
        /// A position for each category.
        at: Vec<usize>,
    },
    /// A Poisson count.
    Poisson {
        /// Its position.
        at: usize,
    },
    /// Independent draws from one law, whatever it be.
    Exchangeable {
        /// Their positions.
        at: Vec<usize>,
    },
    /// Independent draws of the time to an event from one law, each followed up to a limit of its own. A value at the
    /// limit is a time that was not seen.
    Survival {
        /// Their positions.
        at: Vec<usize>,
        /// The end of each follow-up, known beforehand.
        limits: Vec<f64>,
    },
    /// Counts of independent replicates followed over time: Markov chains in which a binomial share of individuals leaves
    /// descendants, a geometric number each, and others arrive, a negative binomial number. So linear birth and death
    /// with immigration behaves.
    Branching {
        /// For each replicate, its positions in order of time.
        series: Vec<Vec<usize>>,
        /// The count at the beginning.
        start: f64,
        /// The time that passes before each count.
        gaps: Vec<f64>,
    },
    /// Measurements with noise of a known law around what the simulation gives.
    Measured(Measured),
}

/// Measurements whose noise has a known law, given the values of the model that they scatter around and the noise's
/// scale. A simulation gives these beside the measurements; their positions in the observations hold nothing.
///
/// Units, such as subjects, are independent and of one design: the values of all of them follow the same law, and are on
/// a scale on which that is near to normal.
#[derive(Clone, Debug)]
pub struct Measured {
    /// For each unit, the positions of the model's values.
    pub values: Vec<Vec<usize>>,
    /// For each unit, the positions of the logarithms of the noise's scales.
    pub log_scales: Vec<Vec<usize>>,
    /// Positions of the measurements.
    pub data: Vec<usize>,
    /// Whether values scatter given the parameters; if not, they are a function of these.
    pub random: bool,
    /// The law of the noise.
    pub noise: Arc<dyn Noise>,
}

impl PartialEq for Measured {
    fn eq(&self, other: &Self) -> bool {
        let parts = |measured: &Self| (measured.values.clone(), measured.log_scales.clone(), measured.random);
        parts(self) == parts(other) && Arc::ptr_eq(&self.noise, &other.noise)
    }
}

/// The law of a measurement's noise.
pub trait Noise: fmt::Debug + Send + Sync {
    /// The log density, or probability, of the measurement at a place of a unit, which stands somewhere in `data`, given
    /// the model's value and the logarithm of the noise's scale. Smooth in both.
    fn log_density(&self, unit: usize, place: usize, data: &[f64], value: f64, log_scale: f64) -> f64;
}

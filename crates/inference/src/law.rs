//! What is known about the law of data.

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
}

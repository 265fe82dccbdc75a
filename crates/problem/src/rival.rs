//! Problems on the same data, simulated so that they can be held against each other.

use metacascade_inference::{Failure, Parameter, Proposal, Simulator};
use rayon::prelude::*;

use crate::{observe::measured, same_data::SameData, simulator::ProblemSimulator};

/// One of several problems on the same data. The summaries of all of them are those that any of the problems would make
/// for itself, so that none is judged by another's alone; each is a function of the data and of nothing else.
#[derive(Debug)]
pub struct Rival<'r, 'p> {
    all: &'r [ProblemSimulator<'p>],
    own: usize,
    /// Of each problem, against the first.
    same: &'r [SameData],
    observed: Vec<f64>,
}

impl<'r, 'p> Rival<'r, 'p> {
    /// All problems as rivals; `same` is [`SameData::of`] the first problem and each, in order.
    ///
    /// # Panics
    /// If there are not as many of the ones as of the others.
    #[must_use]
    pub fn all(all: &'r [ProblemSimulator<'p>], same: &'r [SameData]) -> Vec<Self> {
        let Some(first) = all.first() else { return Vec::new() };
        let observed = summaries(all, same, &measured(first.problem()));
        (0..all.len()).map(|own| Self { all, own, same, observed: observed.clone() }).collect()
    }
}

/// What all problems make of data in the layout of the first.
fn summaries(all: &[ProblemSimulator<'_>], same: &[SameData], data: &[f64]) -> Vec<f64> {
    all.iter().zip(same).flat_map(|(simulator, same)| simulator.summaries(&same.to_other(data))).collect()
}

impl Simulator for Rival<'_, '_> {
    fn parameters(&self) -> &[Parameter] {
        self.all[self.own].parameters()
    }

    fn observed(&self) -> &[f64] {
        &self.observed
    }

    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        let sets = self.all[self.own].sets();
        proposals
            .par_iter()
            .map_init(
                || sets.workspace(),
                |workspace, proposal| {
                    let data = sets.simulate(workspace, &proposal.parameters, proposal.key)?.data;
                    Ok(summaries(self.all, self.same, &self.same[self.own].to_first(&data)))
                },
            )
            .collect()
    }
}

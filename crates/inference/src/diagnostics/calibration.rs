//! Simulation-based calibration: whether a method's intervals hold as many truths as they say.

use metacascade_random::Key;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::UniformBand;
use crate::{Failure, Law, Parameter, Posterior, Proposal, Simulator};

/// A simulator with other observations, such as simulated ones.
pub struct Observed<'s, S> {
    simulator: &'s S,
    observed: Vec<f64>,
}

impl<'s, S: Simulator> Observed<'s, S> {
    /// A simulator with these observations, in the coordinates of its own.
    #[must_use]
    pub fn new(simulator: &'s S, observed: Vec<f64>) -> Self {
        Self { simulator, observed }
    }
}

impl<S: Simulator> Simulator for Observed<'_, S> {
    fn parameters(&self) -> &[Parameter] {
        self.simulator.parameters()
    }
    fn observed(&self) -> &[f64] {
        &self.observed
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        self.simulator.simulate(proposals)
    }
    fn simulate_near(
        &self,
        proposals: &[Proposal],
        near: &(dyn Fn(&[f64]) -> bool + Sync),
    ) -> Vec<Result<Option<Vec<f64>>, Failure>> {
        self.simulator.simulate_near(proposals, near)
    }
    fn laws(&self) -> &[Law] {
        self.simulator.laws()
    }
}

/// Levels of the central intervals whose coverage is told.
pub const LEVELS: [f64; 3] = [0.5, 0.8, 0.95];

/// How a method is calibrated for one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The parameter.
    pub name: String,
    /// For each data set, the posterior probability below the truth: uniform if all is well.
    pub ranks: Vec<f64>,
    /// The share of truths within the central intervals of [`LEVELS`].
    pub coverage: [f64; 3],
    /// Whether the distribution function of the ranks is inside its simultaneous 95 % band.
    pub inside: bool,
}

/// What calibration found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// By parameter.
    pub parameters: Vec<Calibration>,
    /// Data sets that were fitted.
    pub replicates: usize,
    /// Data sets that could not be simulated or fitted.
    pub failures: usize,
    /// Why the first of them could not.
    pub first_failure: Option<String>,
}

/// Draws truths from the prior, simulates a data set from each, and has it fitted (Talts et al. 2018, arXiv:1804.06788).
///
/// `fit` is given the simulator with the simulated observations, and the number of the replicate, for a seed. The study ends
/// early where `fit` gives `None`. Truths and data of a replicate depend on the seed and its number alone.
pub fn calibrate<S: Simulator>(
    simulator: &S,
    replicates: usize,
    seed: u64,
    mut fit: impl FnMut(&Observed<'_, S>, usize) -> Option<Result<Posterior, String>>,
) -> Study {
    let simulate = |proposal: Proposal| match simulator.simulate(&[proposal]).pop() {
        Some(simulated) => simulated,
        None => Err(Failure("nothing was simulated".to_owned())),
    };
    let fit = |observed, replicate| fit(&Observed { simulator, observed }, replicate);
    calibrate_with(simulator.parameters(), replicates, seed, simulate, fit)
}

/// [`calibrate`] by data sets of any kind, which `simulate` gives at a truth and `fit` is given.
pub fn calibrate_with<D>(
    parameters: &[Parameter],
    replicates: usize,
    seed: u64,
    simulate: impl Fn(Proposal) -> Result<D, Failure>,
    mut fit: impl FnMut(D, usize) -> Option<Result<Posterior, String>>,
) -> Study {
    let mut ranks: Vec<Vec<f64>> = vec![Vec::new(); parameters.len()];
    let (mut failures, mut first_failure) = (0, None);
    for replicate in 0..replicates {
        let key = Key::new(seed).child(replicate as u64);
        let mut stream = key.child(0).stream();
        let truth: Vec<f64> = parameters.iter().map(|parameter| parameter.sample(&mut stream)).collect();
        let result = match simulate(Proposal { parameters: truth.clone(), key: key.child(1) }) {
            Ok(data) => match fit(data, replicate) {
                Some(result) => result,
                None => break,
            },
            Err(failure) => Err(failure.0),
        };
        match result {
            Ok(posterior) => {
                let mut stream = key.child(2).stream();
                for (index, ranks) in ranks.iter_mut().enumerate() {
                    ranks.push(rank(&posterior, index, truth[index], stream.random()));
                }
            }
            Err(reason) => {
                failures += 1;
                first_failure.get_or_insert(reason);
            }
        }
    }
    let replicates = ranks.first().map_or(0, Vec::len);
    let band = UniformBand::new(replicates, Key::new(seed).child(u64::MAX));
    let of_parameter = |(parameter, ranks): (&Parameter, Vec<f64>)| {
        let within = |level: f64| {
            let tail = 0.5 * (1.0 - level);
            ranks.iter().filter(|&&rank| (tail..=1.0 - tail).contains(&rank)).count() as f64 / replicates.max(1) as f64
        };
        Calibration { name: parameter.name.clone(), coverage: LEVELS.map(within), inside: band.holds(&ranks), ranks }
    };
    let parameters = parameters.iter().zip(ranks).map(of_parameter).collect();
    Study { parameters, replicates, failures, first_failure }
}

/// The posterior probability below a value; of draws that equal it, a random share.
fn rank(posterior: &Posterior, index: usize, value: f64, share: f64) -> f64 {
    let pairs = posterior.draws.iter().zip(&posterior.weights);
    let terms = pairs.map(|(draw, weight)| match draw[index].total_cmp(&value) {
        std::cmp::Ordering::Less => *weight,
        std::cmp::Ordering::Equal => share * weight,
        std::cmp::Ordering::Greater => 0.0,
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, Normal, StandardNormal};

    use super::*;
    use crate::{Prior, Scale};

    /// A normal mean with prior N(0, 1), seen once with noise of s.d. 1: posterior N(y/2, 1/2).
    struct Mean([Parameter; 1]);

    impl Simulator for Mean {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn observed(&self) -> &[f64] {
            &[0.0]
        }
        fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
            let noise = |proposal: &Proposal| -> f64 { StandardNormal.sample(&mut proposal.key.stream()) };
            proposals.iter().map(|proposal| Ok(vec![proposal.parameters[0] + noise(proposal)])).collect()
        }
    }

    fn study(shift: f64, width: f64) -> Study {
        let prior = Prior::Normal { mean: 0.0, sd: 1.0 };
        let (lower, upper) = prior.support();
        let mean = Mean([Parameter { name: "mean".into(), prior, lower, upper, scale: Scale::Lin }]);
        calibrate(&mean, 300, 5, |simulator, replicate| {
            let law = Normal::new(0.5 * simulator.observed()[0] + shift, width * 0.5f64.sqrt()).unwrap();
            let mut stream = Key::new(77).child(replicate as u64).stream();
            let draws: Vec<Vec<f64>> = (0..500).map(|_| vec![law.sample(&mut stream)]).collect();
            let weights = vec![1.0 / 500.0; 500];
            Some(Ok(Posterior { names: vec!["mean".into()], distances: vec![0.0; 500], weights, draws }))
        })
    }

    /// The exact posterior is inside the band (by definition it would not be in 5 % of studies; the seed is fixed) and
    /// covers as it says: 4 standard errors at 300 replicates are .12, .09 and .05. One that is shifted by half a standard
    /// deviation, or too narrow or too wide by a third, is found out.
    #[test]
    fn a_wrong_posterior_is_found_out() {
        let exact = study(0.0, 1.0);
        assert!(exact.parameters[0].inside && exact.replicates == 300);
        for ((found, level), error) in exact.parameters[0].coverage.iter().zip(LEVELS).zip([0.12, 0.09, 0.05]) {
            assert!((found - level).abs() < error, "{found} for {level}");
        }
        assert!(!study(0.35, 1.0).parameters[0].inside);
        assert!(!study(0.0, 0.67).parameters[0].inside && study(0.0, 0.67).parameters[0].coverage[1] < 0.75);
        assert!(!study(0.0, 1.5).parameters[0].inside && study(0.0, 1.5).parameters[0].coverage[1] > 0.87);
    }

    #[test]
    fn failures_and_early_ends_are_told() {
        let prior = Prior::Normal { mean: 0.0, sd: 1.0 };
        let (lower, upper) = prior.support();
        let mean = Mean([Parameter { name: "mean".into(), prior, lower, upper, scale: Scale::Lin }]);
        let study = calibrate(&mean, 10, 1, |_, replicate| (replicate < 4).then(|| Err("no".to_owned())));
        assert_eq!((study.replicates, study.failures, study.first_failure.as_deref()), (0, 4, Some("no")));
    }
}

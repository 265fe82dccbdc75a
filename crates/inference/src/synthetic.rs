//! Synthetic likelihood: summaries taken to be normal, with mean and covariance estimated from simulations at every point.
//!
//! Wood 2010, Nature 466:1102; Bayesian: Price et al. 2018, J. Comput. Graph. Stat. 27:1. [`Synthetic`] is an
//! [`Estimator`], so that [`crate::pseudo_marginal::run`] draws from the posterior. Nothing but the law of the summaries is
//! assumed, and much is simulated; [`crate::surrogate`] learns how mean and covariance depend on the parameters, from far
//! fewer simulations.

use metacascade_random::Key;
use nalgebra::{Cholesky, DMatrix, DVector};
use statrs::function::gamma::ln_gamma;

use crate::{
    Failure, Observer, Parameter, Progress, Proposal, Simulator, abc_smc, parameter::to_scores,
    pseudo_marginal::Estimator, surrogate,
};

/// The synthetic likelihood of a simulator's observations. Its effort is the number of simulations at each point.
#[derive(Clone, Debug)]
pub struct Synthetic<'s, S> {
    simulator: &'s S,
    /// A row for each summary of the simulator, a column for each of those compared; none where all are compared.
    projection: Option<DMatrix<f64>>,
    observed: DVector<f64>,
    starts: Vec<Vec<f64>>,
    /// The number of those compared.
    dimension: usize,
    /// How the density is estimated.
    pub density: Density,
}

/// How a normal density is estimated from draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// Without bias, if the draws are normal (Ghurye & Olkin 1969, Ann. Math. Stat. 40:1261, section 3.1; Price et al. 2018,
    /// equation 6): the posterior does not depend on the number of simulations. 0 where the observations lie further from the
    /// draws than these are many, and so for starts near the posterior only.
    #[default]
    Unbiased,
    /// By their mean and covariance (Wood 2010): positive everywhere, and biased by the order of one over their number.
    PlugIn,
}

/// Simulations of the pilot that finds out where the posterior is, and of those there from which summaries are learned.
const PILOT: u64 = 4000;
const LEARNING: usize = 2000;

impl<'s, S: Simulator> Synthetic<'s, S> {
    /// Compares all summaries as they are: there should be few, and all of them should vary.
    #[must_use]
    pub fn new(simulator: &'s S) -> Self {
        let observed = DVector::from_column_slice(simulator.observed());
        let dimension = observed.len();
        Self { simulator, projection: None, observed, starts: Vec::new(), dimension, density: Density::PlugIn }
    }

    /// Compares one learned combination of the summaries for each parameter: where a pilot run of ABC-SMC finds the
    /// posterior, those that are the score of a normal law there.
    ///
    /// # Errors
    /// Why the pilot failed, or learned nothing.
    pub fn learned(simulator: &'s S, seed: u64, observer: &mut impl Observer) -> Result<Self, abc_smc::Error> {
        let settings = abc_smc::Settings { max_simulations: PILOT, seed, ..abc_smc::Settings::default() };
        let pilot = abc_smc::run(simulator, &settings, &mut Pilot(observer))?;
        let key = Key::new(seed).child(u64::MAX);
        let starts: Vec<Vec<f64>> = pilot
            .posterior
            .resample(LEARNING, key.child(0))
            .into_iter()
            .map(|index| pilot.posterior.draws[index].clone())
            .collect();
        // Fewer draws than simulations are taken in turn.
        let proposals: Vec<Proposal> = (0..LEARNING)
            .map(|index| Proposal {
                parameters: starts[index % starts.len()].clone(),
                key: key.child(1).child(index as u64),
            })
            .collect();
        let (mut points, mut data) = (Vec::new(), Vec::new());
        for (proposal, simulated) in proposals.iter().zip(simulator.simulate(&proposals)) {
            if let Ok(summaries) = simulated {
                points.push(to_scores(simulator.parameters(), &proposal.parameters));
                data.push(summaries);
            }
        }
        let mut learned = Self { starts, density: Density::Unbiased, ..Self::new(simulator) };
        // Nothing varies: as they are, they will say so.
        if let Some(projection) = surrogate::score_projection(&points, &data) {
            learned.dimension = projection.ncols();
            learned.observed = projection.tr_mul(&learned.observed);
            learned.projection = Some(projection);
        }
        Ok(learned)
    }

    /// Simulations of the pilot and for learning, if there were such.
    #[must_use]
    pub fn spent(&self) -> u64 {
        if self.projection.is_some() { PILOT + LEARNING as u64 } else { 0 }
    }
}

/// An observer that hears nothing of the pilot's generations, which are no results.
struct Pilot<'o, O>(&'o mut O);

impl<O: Observer> Observer for Pilot<'_, O> {
    fn progress(&mut self, progress: &Progress) {
        self.0.progress(progress);
    }
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

impl<S: Simulator> Estimator for Synthetic<'_, S> {
    fn parameters(&self) -> &[Parameter] {
        self.simulator.parameters()
    }

    /// Simulations that cannot be finished lower the likelihood by their share.
    fn log_likelihood(&self, parameters: &[f64], simulations: usize, key: Key) -> Result<f64, Failure> {
        let proposal = |index| Proposal { parameters: parameters.to_vec(), key: key.child(index) };
        let proposals: Vec<Proposal> = (0..simulations as u64).map(proposal).collect();
        let (mut draws, mut failure) = (Vec::with_capacity(simulations), None);
        for simulated in self.simulator.simulate(&proposals) {
            match simulated {
                Ok(summaries) => {
                    let summaries = DVector::from_vec(summaries);
                    draws.push(self.projection.as_ref().map_or_else(|| summaries.clone(), |p| p.tr_mul(&summaries)));
                }
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        match failure {
            Some(failure) if draws.len() < self.least_effort() => Err(failure),
            _ => {
                let share = draws.len() as f64 / simulations as f64;
                Ok(log_density(&draws, &self.observed, self.density)? + share.ln())
            }
        }
    }

    fn least_effort(&self) -> usize {
        self.dimension + 5
    }

    fn starts(&self) -> &[Vec<f64>] {
        &self.starts
    }
}

/// The logarithm of the estimated density at a point; there must be at least four draws more than dimensions.
fn log_density(draws: &[DVector<f64>], at: &DVector<f64>, density: Density) -> Result<f64, Failure> {
    let (n, d) = (draws.len() as f64, at.len());
    let mean = draws.iter().fold(DVector::zeros(d), |sum, draw| sum + draw) / n;
    let mut scatter = DMatrix::<f64>::zeros(d, d);
    for draw in draws {
        let deviation = draw - &mean;
        scatter.ger(1.0, &deviation, &deviation, 1.0);
    }
    let factor = Cholesky::new(scatter).ok_or_else(|| {
        Failure(format!("{} simulations gave summaries whose covariance is singular: some do not vary", draws.len()))
    })?;
    let log_determinant = 2.0 * factor.l_dirty().diagonal().iter().map(|entry| entry.ln()).sum::<f64>();
    let deviation = at - mean;
    let square = deviation.dot(&factor.solve(&deviation));
    let size = d as f64;
    let tau = std::f64::consts::TAU;
    Ok(match density {
        Density::PlugIn => -0.5 * (size * (tau / (n - 1.0)).ln() + log_determinant) - 0.5 * (n - 1.0) * square,
        Density::Unbiased => {
            let rest = 1.0 - square / (1.0 - 1.0 / n);
            if rest <= 0.0 {
                return Ok(f64::NEG_INFINITY);
            }
            // ln c(d, n − 2) − ln c(d, n − 1), in the notation of Price et al.
            let gammas = (1..=d).map(|i| ln_gamma(0.5 * (n - i as f64)) - ln_gamma(0.5 * (n - 1.0 - i as f64)));
            let constant = 0.5 * size * 2f64.ln() + gammas.sum::<f64>();
            constant - 0.5 * size * (tau.ln() + (1.0 - 1.0 / n).ln()) - 0.5 * log_determinant
                + 0.5 * (n - size - 3.0) * rest.ln()
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::{
        Prior, Quantiles, Scale,
        pseudo_marginal::{self, Settings},
        reference::{self, Case},
    };

    /// The unbiased estimate is so at the centre, at its side and far away, and whatever the number of draws: 4 standard
    /// errors of 20,000 estimates, false alarm 6e-5 for each of six, if means were normal. The plug-in estimate is not.
    #[test]
    fn the_density_is_estimated_without_bias() {
        // Covariance LLᵀ of determinant 1.44.
        let lower = DMatrix::<f64>::from_row_slice(2, 2, &[2.0, 0.0, 0.9, 0.6]);
        for at in [[1.0, -1.0], [3.0, 0.2], [5.0, 1.5]] {
            let at = DVector::from_column_slice(&at);
            let white = lower.clone().lu().solve(&(&at - DVector::from_column_slice(&[1.0, -1.0]))).unwrap();
            let exact = (-0.5 * white.norm_squared()).exp() / (std::f64::consts::TAU * 1.2);
            for count in [7, 30] {
                let estimate = |index: u64, density| {
                    let mut stream = Key::new(8).child(index).stream();
                    let mut draw = || {
                        let noise = DVector::from_fn(2, |_, _| StandardNormal.sample(&mut stream));
                        &lower * noise + DVector::from_column_slice(&[1.0, -1.0])
                    };
                    let draws: Vec<DVector<f64>> = (0..count).map(|_| draw()).collect();
                    log_density(&draws, &at, density).unwrap().exp() / exact
                };
                let mean = |density| {
                    let values: Vec<f64> = (0..20_000).map(|index| estimate(index, density)).collect();
                    let (mean, variance) = crate::moments(&values, &vec![1.0 / 2e4; 20_000]);
                    (mean, (variance / 2e4).sqrt())
                };
                let (found, error) = mean(Density::Unbiased);
                assert!((found - 1.0).abs() < 4.0 * error, "{at} {count}: {found} ± {error}");
                let (found, error) = mean(Density::PlugIn);
                // Somewhere off the centre its bias changes sign.
                let biased = (found - 1.0).abs() > 6.0 * error;
                assert!(biased || count > 7 || at[0] > 1.0, "{at} {count}: {found} ± {error}");
            }
        }
    }

    /// The mean of a normal law of known spread, from two observations and a number that says nothing.
    struct Mean([Parameter; 1]);

    impl Simulator for Mean {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn observed(&self) -> &[f64] {
            &[1.3, 0.5, 7.0]
        }
        fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
            let simulate = |proposal: &Proposal| {
                let mut stream = proposal.key.stream();
                let mut draw = || -> f64 { StandardNormal.sample(&mut stream) };
                let mean = proposal.parameters[0];
                Ok(vec![mean + 0.5 * draw(), mean + 0.5 * draw(), 7.0 + draw()])
            };
            proposals.iter().map(simulate).collect()
        }
    }

    /// Where summaries are normal the posterior is the exact one, N(.9, .25/2) but for a wide prior: 4 binomial standard
    /// errors at the effective sample size, false alarm 6e-5 for each of five quantiles and two ways.
    #[test]
    fn a_normal_posterior_is_found() {
        let prior = Prior::Normal { mean: 0.0, sd: 5.0 };
        let (lower, upper) = prior.support();
        let mean = Mean([Parameter { name: "mean".into(), prior, lower, upper, scale: Scale::Lin }]);
        let precision = 8.0 + 1.0 / 25.0;
        let exact = Prior::Normal { mean: 8.0 * 0.9 / precision, sd: precision.powf(-0.5) };
        let all = Synthetic { density: Density::Unbiased, starts: vec![vec![0.5], vec![1.0]], ..Synthetic::new(&mean) };
        for synthetic in [all, Synthetic::learned(&mean, 3, &mut ()).unwrap()] {
            let settings = Settings { min_effective_sample_size: 1500.0, ..Settings::default() };
            let fit = pseudo_marginal::run(&synthetic, &settings, &mut ()).unwrap();
            assert!(fit.convergence[0].effective_sample_size >= 1500.0 && fit.variance < 2.5, "{}", fit.variance);
            let quantiles = Quantiles::unweighted(&fit.posterior.column(0));
            for p in [0.05, 0.25, 0.5, 0.75, 0.95] {
                let found = exact.cdf(quantiles.at(p));
                assert!((found - p).abs() < 4.0 * (p * (1.0 - p) / 1500.0).sqrt(), "{p}: {found}");
            }
        }
    }

    /// Summaries keep less than the data have, so that this is far from exact; on the problems of counts it was .12 at most.
    #[test]
    fn reference_posteriors_are_near() {
        for (index, problem) in reference::all().iter().enumerate().skip(1).take(2) {
            let case = Case::draw(&**problem, Key::new(40 + index as u64)).unwrap();
            let exact = reference::exact_posterior(&case, 4000.0, 1).unwrap();
            let summarised = case.summarised();
            let synthetic = Synthetic::learned(&summarised, 2, &mut ()).unwrap();
            let settings = Settings { min_effective_sample_size: 400.0, seed: 2, ..Settings::default() };
            let fit = pseudo_marginal::run(&synthetic, &settings, &mut ()).unwrap();
            let error = reference::error(problem.parameters(), &fit.posterior, &exact.posterior);
            assert!(error < 0.3, "{}: {error} {}", problem.name(), fit.effort);
        }
    }

    #[test]
    fn what_does_not_vary_is_told() {
        struct Same([Parameter; 1]);
        impl Simulator for Same {
            fn parameters(&self) -> &[Parameter] {
                &self.0
            }
            fn observed(&self) -> &[f64] {
                &[1.0]
            }
            fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
                proposals.iter().map(|_| Ok(vec![1.0])).collect()
            }
        }
        let prior = Prior::Uniform { lower: 0.0, upper: 1.0 };
        let same = Same([Parameter { name: "k".into(), prior, lower: 0.0, upper: 1.0, scale: Scale::Lin }]);
        let error = pseudo_marginal::run(&Synthetic::new(&same), &Settings::default(), &mut ()).unwrap_err();
        assert!(error.to_string().contains("some do not vary"), "{error}");
    }
}

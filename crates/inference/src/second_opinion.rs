//! What a likelihood learned from a few simulations says of a posterior that rests on summaries.
//!
//! What summaries lose of the data is not seen from within a fit that compares summaries. Where the law of the data is known,
//! a small [`surrogate`](mod@crate::surrogate), which loses nothing, sees it.

use crate::{Observer, Parameter, Posterior, Simulator, diagnostics::displacement, surrogate};

/// Simulations of an opinion, if that is a fifth of those of the fit at most: on the reference problems of
/// [`crate::reference`] it is .01 to .27 posterior standard deviations off then.
const SIMULATIONS: u64 = 1000;
const SHARE: u64 = 5;

/// Disagreement beyond this is told.
const TOLD: f64 = 0.3;

/// How far a posterior is from one that rests on the law of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// Simulations it took.
    pub simulations: u64,
    /// The mean over parameters, in posterior standard deviations.
    pub displacement: f64,
    /// The parameter on which the two differ most, and by how much.
    pub most: (String, f64),
    /// How far the opinion itself may be off ([`surrogate::Check::error`]).
    pub error: f64,
}

impl Opinion {
    /// The opinion of a simulator of data as measured, some of whose laws are known, on a posterior from so many simulations.
    /// None where a few simulations are not enough to learn from, by the surrogate's own check, or the observer interrupts.
    #[must_use]
    pub fn on(
        posterior: &Posterior,
        simulations: u64,
        simulator: &impl Simulator,
        seed: u64,
        observer: &impl Observer,
    ) -> Option<Self> {
        let parameters = simulator.parameters();
        let settings = surrogate::Settings { seed, draws: 4000, ..surrogate::Settings::default() };
        let least = settings.least(parameters.len());
        let settings = surrogate::Settings { simulations: SIMULATIONS.max(least).min(simulations / SHARE), ..settings };
        if settings.simulations < least {
            return None;
        }
        let fit = surrogate::run(simulator, &settings, &mut Silent(observer)).ok()?;
        if fit.cancelled || !fit.check.passed() {
            return None;
        }
        let apart = |index: usize| {
            let own = scores(&fit.posterior, parameters, index);
            displacement((&own, &fit.posterior.weights), (&scores(posterior, parameters, index), &posterior.weights))
        };
        let each: Vec<f64> = (0..parameters.len()).map(apart).collect();
        let most = (0..each.len()).max_by(|&a, &b| each[a].total_cmp(&each[b]))?;
        Some(Self {
            simulations: fit.simulations,
            displacement: each.iter().sum::<f64>() / each.len() as f64,
            most: (parameters[most].name.clone(), each[most]),
            error: fit.check.error(),
        })
    }

    /// What to add to how the fit ended, where the two agree.
    #[must_use]
    pub fn agreement(&self) -> Option<String> {
        let Self { simulations, displacement, .. } = self;
        (*displacement <= TOLD).then(|| {
            format!("a likelihood learned from {simulations} further simulations agrees to {displacement:.2} s.d.")
        })
    }

    /// What a reader of the result must know, in plain words.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Self { simulations, displacement, most: (name, most), error } = self;
        (*displacement > TOLD).then(|| {
            format!(
                "The summaries lose part of what the data tell, or have not been met yet: a likelihood learned from \
                 {simulations} further simulations puts the posterior {displacement:.2} of its standard deviations away \
                 ({most:.2} for {name}; it is itself good to about {error:.2}). --method surrogate is nearer to the exact \
                 posterior."
            )
        })
    }
}

/// Is told nothing, but may interrupt.
struct Silent<'o, O>(&'o O);

impl<O: Observer> Observer for Silent<'_, O> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// Normal scores of one parameter.
fn scores(posterior: &Posterior, parameters: &[Parameter], index: usize) -> Vec<Vec<f64>> {
    posterior.draws.iter().map(|draw| vec![parameters[index].to_score(draw[index])]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use metacascade_random::Key;

    use super::*;
    use crate::{
        mcmc,
        reference::{Case, Switching},
    };

    /// On the exact posterior of switching cells there is nothing to be said; on one that is moved by two standard
    /// deviations in one rate, that is.
    #[test]
    fn what_is_off_is_told() {
        let switching = Switching::new();
        let case = Case::draw(&switching, Key::new(41)).unwrap();
        let settings = mcmc::Settings { min_effective_sample_size: 1000.0, ..mcmc::Settings::default() };
        let exact = mcmc::run(&case, &settings, &mut ()).unwrap().posterior;
        let on = |posterior: &Posterior| Opinion::on(posterior, 20_000, &case, 5, &()).unwrap();
        let opinion = on(&exact);
        assert!(opinion.displacement < 0.2 && opinion.warning().is_none(), "{opinion:?}");
        let mut moved = exact.clone();
        let parameter = &crate::Likelihood::parameters(&case)[2];
        let scores: Vec<f64> = exact.draws.iter().map(|draw| parameter.to_score(draw[2])).collect();
        let sd = crate::moments(&scores, &exact.weights).1.sqrt();
        for (draw, score) in moved.draws.iter_mut().zip(&scores) {
            draw[2] = parameter.from_score(score + 2.0 * sd);
        }
        let opinion = on(&moved);
        assert!((opinion.most.1 - 2.0).abs() < 0.4 && opinion.most.0 == parameter.name, "{opinion:?}");
        assert!(opinion.warning().unwrap().contains(&parameter.name));
        assert_eq!(Opinion::on(&exact, 500, &case, 5, &()), None);
    }
}

//! Laws of data: what a learned likelihood is told agrees with the likelihood there is.

use std::path::Path;

use metacascade_engine::Method;
use metacascade_inference::{Law, Likelihood, Proposal, Simulator, mcmc, reference, surrogate};
use metacascade_problem::{Problem, ProblemLikelihood, ProblemSimulator, laws_are_known};
use metacascade_random::Key;

use crate::fixture::{Copy, load};

fn shipped(name: &str) -> Problem {
    Problem::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(name)).unwrap()
}

/// The log density of the observed data given the values of one simulation.
fn log_density(simulator: &impl Simulator, parameters: &[f64]) -> f64 {
    let proposal = Proposal { parameters: parameters.to_vec(), key: Key::new(1) };
    let simulated = simulator.simulate(&[proposal]).remove(0).unwrap();
    let of = |law: &Law| match law {
        Law::Measured(law) => {
            let units = law.values.iter().zip(&law.log_scales).enumerate();
            let of_unit = |(unit, (values, scales)): (usize, (&Vec<usize>, &Vec<usize>))| {
                let places = values.iter().zip(scales).enumerate();
                let terms = places.map(|(place, (&value, &scale))| {
                    law.noise.log_density(unit, place, simulator.observed(), simulated[value], simulated[scale])
                });
                terms.sum::<f64>()
            };
            units.map(of_unit).sum::<f64>()
        }
        other => panic!("{other:?}"),
    };
    simulator.laws().iter().map(of).sum()
}

/// In the mean field values do not scatter: the density of the noise around them is the likelihood, for every noise law,
/// censored values and multinomial samples included.
#[test]
fn noise_around_the_mean_field_is_the_likelihood() {
    let fixtures = ["switching", "immigration"].map(|name| (name, load(name)));
    let sets = ["sw620-switching", "hypoxia-fatemap", "luzzi-efficiency", "lymph-hnscc", "sum-switching"];
    for (name, problem) in fixtures.into_iter().chain(sets.map(|name| (name, shipped(name)))) {
        let simulator = ProblemSimulator::new(&problem, &Method::ode());
        let Some(measured) = simulator.as_measured() else { panic!("{name}: no laws") };
        for factor in [1.0, 0.9] {
            let parameters: Vec<f64> = problem.nominal().iter().map(|value| value * factor).collect();
            let exact = ProblemLikelihood::new(&problem).log_likelihood(&parameters).unwrap();
            let found = log_density(&measured, &parameters);
            assert!((found - exact).abs() < 1e-6 * (1.0 + exact.abs()), "{name}: {found} for {exact}");
        }
    }
}

/// Where subjects differ in what sets their hazards, there are too many laws; where they do not, there is one an arm.
#[test]
fn laws_are_known_where_subjects_are_alike() {
    assert!(!laws_are_known(&shipped("transbig-recurrence")));
    assert!(laws_are_known(&shipped("sw620-switching")));
}

/// Against Markov chains on the likelihood: .15 s.d. of error, of which some .03 are the draws' own. Noise is estimated.
#[test]
fn a_learned_likelihood_finds_the_posterior_of_a_table() {
    let problem = Copy::of("switching").replace("problem.yaml", "direct", "ode").load();
    let simulator = ProblemSimulator::new(&problem, &problem.simulation().method());
    let exact = mcmc::run(&ProblemLikelihood::new(&problem), &mcmc::Settings::default(), &mut ()).unwrap();
    let settings = surrogate::Settings { simulations: 2000, ..surrogate::Settings::default() };
    let fit = surrogate::run(&simulator.as_measured().unwrap(), &settings, &mut ()).unwrap();
    let error = reference::error(problem.estimated(), &fit.posterior, &exact.posterior);
    assert!(error < 0.15 && fit.check.passed(), "{error}, {:?}", fit.check);
}

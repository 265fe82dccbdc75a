#![allow(clippy::unwrap_used)]

use rand::RngExt;
use rand_distr::{Distribution, Normal, Poisson};

use super::*;
use crate::{Failure, Parameter, Prior, Progress, Proposal, Scale};

/// A simulator made of a closure.
struct Model<F> {
    parameters: Vec<Parameter>,
    observed: Vec<f64>,
    simulate: F,
}

impl<F: Fn(&Proposal) -> Result<Vec<f64>, Failure> + Sync> Simulator for Model<F> {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }
    fn observed(&self) -> &[f64] {
        &self.observed
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        proposals.iter().map(&self.simulate).collect()
    }
}

fn parameter(name: &str, prior: Prior, scale: Scale) -> Parameter {
    let (lower, upper) = prior.support();
    Parameter { name: name.into(), prior, lower, upper, scale }
}

/// Means a and b, prior N(0, 3²) each, seen through a + b ± .5, a − b ± 2 and an uninformative third summary.
fn two_means(observed: [f64; 3]) -> impl Simulator {
    let prior = Prior::Normal { mean: 0.0, sd: 3.0 };
    Model {
        parameters: vec![parameter("a", prior.clone(), Scale::Lin), parameter("b", prior, Scale::Lin)],
        observed: observed.to_vec(),
        simulate: |proposal: &Proposal| {
            let mut stream = proposal.key.stream();
            let mut noise = |sd: f64| Normal::new(0.0, sd).unwrap().sample(&mut stream);
            let (a, b) = (proposal.parameters[0], proposal.parameters[1]);
            Ok(vec![a + b + noise(0.5), a - b + noise(2.0), noise(30.0)])
        },
    }
}

/// Posterior mean and standard deviation of a + b and a − b for [`two_means`]: independent, prior variance 18.
fn exact(observed: [f64; 3]) -> [(f64, f64); 2] {
    [(observed[0], 0.25), (observed[1], 4.0)].map(|(y, noise): (f64, f64)| {
        let variance: f64 = 1.0 / (1.0 / 18.0 + 1.0 / noise);
        (variance * y / noise, variance.sqrt())
    })
}

fn settings() -> Settings {
    Settings { population: 1000, min_threshold: 0.2, min_acceptance: 0.0, ..Settings::default() }
}

/// Bounds: at an effective sample size above 500, four standard errors are .18 s.d. for a mean and 13 % for an s.d.;
/// the threshold of .2 adds 2 % to the s.d. False alarm about 1 in 4,000 for each of four checks; the seed is fixed.
#[test]
fn a_normal_posterior_is_found() {
    let observed = [2.5, -3.0, 12.0];
    let fit = run(&two_means(observed), &settings(), &mut ()).unwrap();
    assert_eq!(fit.stop, Stop::Threshold);
    assert!(fit.last.effective_sample_size > 500.0, "{}", fit.last.effective_sample_size);
    let posterior = fit.posterior;
    for (sign, (mean, sd)) in [1.0, -1.0].into_iter().zip(exact(observed)) {
        let values: Vec<f64> = posterior.draws.iter().map(|draw| draw[0] + sign * draw[1]).collect();
        let found = crate::moments(&values, &posterior.weights);
        assert!((found.0 - mean).abs() < 0.2 * sd, "mean {} for {mean}", found.0);
        assert!((found.1.sqrt() / sd - 1.0).abs() < 0.15, "s.d. {} for {sd}", found.1.sqrt());
    }
}

/// Counts 3, 8 and 5 of one Poisson rate with prior Gamma(2, scale 4): posterior Gamma(18, scale 4/13). Quantiles within
/// .02 in probability plus 4 binomial standard errors at the effective sample size (.09 at the median).
#[test]
fn a_gamma_posterior_of_counts_is_found() {
    let model = Model {
        parameters: vec![parameter("rate", Prior::Gamma { shape: 2.0, scale: 4.0 }, Scale::Lin)],
        observed: vec![3.0, 8.0, 5.0],
        simulate: |proposal: &Proposal| {
            let mut stream = proposal.key.stream();
            let law = Poisson::new(proposal.parameters[0]).map_err(|error| Failure(error.to_string()))?;
            Ok((0..3).map(|_| law.sample(&mut stream)).collect())
        },
    };
    for distance in [DistanceLaw::Learned, DistanceLaw::Euclidean] {
        let limits = Settings { min_threshold: 0.1, min_acceptance: 0.0, max_simulations: 5_000_000, ..settings() };
        let settings = Settings { distance, population: 700, ..limits };
        let fit = run(&model, &settings, &mut ()).unwrap();
        assert!(fit.stop == Stop::Threshold && fit.last.effective_sample_size > 300.0, "{:?}", fit.stop);
        let exact = Prior::Gamma { shape: 18.0, scale: 4.0 / 13.0 };
        let quantiles = fit.posterior.quantiles(0);
        for p in [0.1, 0.25, 0.5, 0.75, 0.9] {
            let found = exact.cdf(quantiles.at(p));
            let error = (p * (1.0 - p) / fit.last.effective_sample_size).sqrt();
            assert!((found - p).abs() < 0.02 + 4.0 * error, "{distance:?} {p}: {found}");
        }
    }
}

/// A whole number from 1 to 12 and five measurements around it with an s.d. of 1.5, 6.2 on average: its probabilities are
/// those of the normal law at whole numbers, here within .03 for the threshold and 4 binomial standard errors at an effective
/// sample size of 400 (false alarm below 1e-4 for each of five).
#[test]
fn whole_numbers_have_their_probabilities() {
    let model = Model {
        parameters: vec![Parameter {
            name: "n".into(),
            prior: Prior::Whole(Box::new(Prior::Uniform { lower: 0.5, upper: 12.5 })),
            lower: 1.0,
            upper: 12.0,
            scale: Scale::Lin,
        }],
        observed: vec![6.2],
        simulate: |proposal: &Proposal| {
            let n = proposal.parameters[0];
            assert_eq!(n.fract(), 0.0);
            Ok(vec![Normal::new(n, 1.5 / 5f64.sqrt()).unwrap().sample(&mut proposal.key.stream())])
        },
    };
    let fit = run(&model, &Settings { min_threshold: 0.1, ..settings() }, &mut ()).unwrap();
    assert!(fit.last.effective_sample_size > 400.0, "{}", fit.last.effective_sample_size);
    let weight = |k: i32| (-0.5 * 5.0 * ((6.2 - f64::from(k)) / 1.5).powi(2)).exp();
    let total: f64 = (1..=12).map(weight).sum();
    for k in 4..=8 {
        let exact = weight(k) / total;
        let draws = fit.last.posterior.draws.iter().zip(&fit.last.posterior.weights);
        let found: f64 = draws.filter(|(draw, _)| draw[0] == f64::from(k)).map(|(_, weight)| weight).sum();
        let error = 4.0 * (exact * (1.0 - exact) / 400.0).sqrt();
        assert!((found - exact).abs() < 0.03 + error, "{k}: {found} for {exact}");
    }
}

/// Ten measurements of a mean with noise of .5 and prior N(0, 3²), two of them far off: the sum of squares is drawn to them,
/// by 20·2/10 = 4 if all counted alike; a robust distance stays within .5 of what the eight others say (their posterior
/// s.d. is .18).
#[test]
fn outliers_hardly_move_a_robust_fit() {
    let clean = [1.7, 2.4, 2.1, 1.5, 2.6, 2.2, 1.8, 2.3];
    let model = Model {
        parameters: vec![parameter("mean", Prior::Normal { mean: 0.0, sd: 3.0 }, Scale::Lin)],
        observed: clean.into_iter().chain([22.0, 22.0]).collect(),
        simulate: |proposal: &Proposal| {
            let law = Normal::new(proposal.parameters[0], 0.5).unwrap();
            let mut stream = proposal.key.stream();
            Ok((0..10).map(|_| law.sample(&mut stream)).collect())
        },
    };
    let median = |distance: DistanceLaw| {
        let settings = Settings {
            distance,
            population: 400,
            max_simulations: 20_000,
            adjustment: Adjustment::None,
            min_threshold: 0.0,
            ..Settings::default()
        };
        run(&model, &settings, &mut ()).unwrap().posterior.quantiles(0).at(0.5)
    };
    let expected = clean.iter().sum::<f64>() / 8.0;
    let (robust, euclidean) = (median(DistanceLaw::Robust), median(DistanceLaw::Euclidean));
    assert!((robust - expected).abs() < 0.5, "{robust} for {expected}");
    assert!(euclidean > expected + 2.0, "{euclidean}");
}

/// Truths drawn from the prior, data from the truths: 90 % intervals must hold 90 % of the truths. 120 fits, two
/// parameters: between 84 % and 96 % is within 3 standard errors of independent hits (false alarm below 1 in 300); the
/// seed is fixed.
#[test]
fn intervals_cover_truths_as_often_as_they_say() {
    let root = metacascade_random::Key::new(17);
    let mut hits = 0;
    for repeat in 0..120 {
        let mut stream = root.child(repeat).stream();
        let mut normal = |sd: f64| Normal::new(0.0, sd).unwrap().sample(&mut stream);
        let (a, b) = (normal(3.0), normal(3.0));
        let model = two_means([a + b + normal(0.5), a - b + normal(2.0), normal(30.0)]);
        let settings = Settings { population: 300, seed: repeat, ..settings() };
        let fit = run(&model, &settings, &mut ()).unwrap();
        for (index, truth) in [a, b].into_iter().enumerate() {
            let quantiles = fit.posterior.quantiles(index);
            hits += u32::from((quantiles.at(0.05)..=quantiles.at(0.95)).contains(&truth));
        }
    }
    assert!((202..=230).contains(&hits), "{hits} of 240");
}

/// Threads share batches differently, but every simulation has its own key.
#[test]
fn results_do_not_depend_on_threads() {
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&two_means([1.0, 1.0, 1.0]), &Settings { population: 100, ..settings() }, &mut ()).unwrap())
    };
    assert_eq!(fit(1), fit(4));
}

#[test]
fn failed_simulations_are_counted_and_never_accepted() {
    let model = |share: f64| Model {
        parameters: vec![parameter("k", Prior::Uniform { lower: 0.0, upper: 1.0 }, Scale::Lin)],
        observed: vec![0.5],
        simulate: move |proposal: &Proposal| {
            let mut stream = proposal.key.stream();
            let k = proposal.parameters[0];
            if k < share {
                return Err(Failure("negative propensity of `E -> H`".into()));
            }
            Ok(vec![k + 0.2 * (stream.random::<f64>() - 0.5)])
        },
    };
    let fit = run(&model(0.3), &Settings { population: 200, ..settings() }, &mut ()).unwrap();
    assert!(fit.failures > 150 && fit.first_failure.unwrap().contains("E -> H"));
    assert!(fit.last.posterior.draws.iter().all(|draw| draw[0] >= 0.3));
    let error = run(&model(2.0), &Settings { population: 200, ..settings() }, &mut ()).unwrap_err();
    assert!(matches!(error, Error::Failures { failures: 800, simulations: 800, .. }), "{error}");
}

/// An observer that remembers generations and cancels after some of them.
struct Watcher {
    generations: Vec<Generation>,
    cancel_after: usize,
}

impl Observer for Watcher {
    fn generation(&mut self, generation: &Generation) -> Result<(), String> {
        self.generations.push(generation.clone());
        Ok(())
    }
    fn progress(&mut self, progress: &Progress) {
        assert!(matches!(progress, Progress::Generation { simulations, target, .. } if simulations <= target));
    }
    fn cancelled(&self) -> bool {
        self.generations.len() >= self.cancel_after
    }
}

#[test]
fn a_cancelled_fit_keeps_its_last_complete_generation() {
    let model = two_means([1.0, 1.0, 1.0]);
    let mut watcher = Watcher { generations: Vec::new(), cancel_after: 2 };
    let fit = run(&model, &settings(), &mut watcher).unwrap();
    assert_eq!((fit.stop, fit.last.index), (Stop::Cancelled, 1));
    assert_eq!(watcher.generations.last(), Some(&fit.last));
    assert!(watcher.generations[1].threshold < watcher.generations[0].threshold);
    let mut at_once = Watcher { generations: Vec::new(), cancel_after: 0 };
    assert_eq!(run(&model, &settings(), &mut at_once), Err(Error::Cancelled));
}

#[test]
fn limits_are_kept_and_settings_checked() {
    let model = two_means([1.0, 1.0, 1.0]);
    let limited = Settings { max_simulations: 6000, min_threshold: 0.0, ..settings() };
    let fit = run(&model, &limited, &mut ()).unwrap();
    assert!(fit.simulations == 6000 && fit.stop == Stop::Simulations, "{} {:?}", fit.simulations, fit.stop);
    let fit = run(&model, &Settings { max_generations: 2, ..settings() }, &mut ()).unwrap();
    assert_eq!((fit.stop, fit.last.index), (Stop::Generations, 1));
    assert_eq!(fit.simulations, 5000);
    let wrong = Settings { min_acceptance: 1.0, ..settings() };
    let error = run(&model, &wrong, &mut ()).unwrap_err();
    assert_eq!(error.to_string(), "min_acceptance is 1, but must be at least 0 and less than 1");
    // No time at all: what is begun first is finished.
    let hurried = Settings { max_seconds: Some(1e-9), ..settings() };
    let fit = run(&model, &hurried, &mut ()).unwrap();
    assert_eq!((fit.stop, fit.last.index), (Stop::Time, 0));
}

/// Every kernel and rejection find the same normal posterior. Bounds as above; rejection, whose threshold is larger, is
/// held to the adjusted mean and s.d. only.
#[test]
fn kernels_and_rejection_agree() {
    let observed = [2.5, -3.0, 12.0];
    let kernels = [KernelLaw::Global, KernelLaw::ComponentWise, KernelLaw::Local];
    let smc = kernels.map(|kernel| Settings { kernel, ..settings() });
    let rejection = Settings { max_generations: 1, max_simulations: 100_000, ..settings() };
    for settings in smc.into_iter().chain([rejection]) {
        let fit = run(&two_means(observed), &settings, &mut ()).unwrap();
        for (sign, (mean, sd)) in [1.0, -1.0].into_iter().zip(exact(observed)) {
            let values: Vec<f64> = fit.posterior.draws.iter().map(|draw| draw[0] + sign * draw[1]).collect();
            let found = crate::moments(&values, &fit.posterior.weights);
            assert!((found.0 - mean).abs() < 0.2 * sd, "{settings:?}: mean {} for {mean}", found.0);
            assert!((found.1.sqrt() / sd - 1.0).abs() < 0.15, "{settings:?}: s.d. {} for {sd}", found.1.sqrt());
        }
    }
}

/// Five thousand simulations are used in full, on every reference problem: the error stays below half a posterior standard
/// deviation where regression from the prior alone is one to two off.
#[test]
fn few_simulations_are_used_well() {
    use crate::reference::{self, Case};
    for problem in reference::all().into_iter().take(3) {
        let errors = (0..5).map(|data_set| {
            let case = Case::draw(&*problem, metacascade_random::Key::new(1000 + data_set)).unwrap();
            let exact = reference::exact_posterior(&case, 2000.0, 1).unwrap();
            let settings = Settings { max_simulations: 5000, ..Settings::default() };
            let fit = run(&case.summarised(), &settings, &mut ()).unwrap();
            assert_eq!(fit.simulations, 5000);
            reference::error(problem.parameters(), &fit.posterior, &exact.posterior)
        });
        let mut errors: Vec<f64> = errors.collect();
        errors.sort_by(f64::total_cmp);
        assert!(errors[2] < 0.4, "{}: {errors:?}", problem.name());
    }
}

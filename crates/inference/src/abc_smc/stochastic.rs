//! Stochastic acceptance: the exact posterior, where the law of the noise is known.
//!
//! A simulation is accepted with a probability proportional to the density of the data around what was simulated
//! (Wilkinson 2013, Stat. Appl. Genet. Mol. Biol. 12:129): no distance, no tolerance, no summaries. The density is first
//! flattened by a temperature that falls to 1 (Schälte & Hasenauer 2020, Bioinformatics 36:i551), p^(1/T), which under
//! normal noise is √T times the noise. Instead of being accepted or not, each simulation is weighted with that probability,
//! which is the same but for the luck of acceptance, and needs no bound on the density.

use rayon::prelude::*;

use super::{
    Check, Error, Fit, Generation, Settings, Stop,
    batches::{Batches, Counts},
    kernel::Kernel,
    mixture::{Density, Mixture},
};
use crate::{Law, Measured, Observer, Posterior, Simulator, logarithms::normalised, parameter::from_scores};

/// Share of the particles asked for that the weights must be worth before the temperature falls.
const WORTH: f64 = 0.5;

/// Effective particles that are enough for an exact posterior, where the budget does not give more.
const FEWEST: f64 = 100.0;

/// Particles that a kernel is made of, at most.
const CENTRES: usize = 500;

/// What is this far below the best log-likelihood, in units of the temperature, is forgotten: lower temperatures see less
/// of it still.
const FORGOTTEN: f64 = 50.0;

/// Share of the weights that particles keep: the rest is of a great many which are worth nothing.
const KEPT: f64 = 0.9999;

/// Logarithm of the highest temperature looked for, and halvings of the interval down to 0.
const HOTTEST: f64 = 40.0;
const HALVINGS: usize = 50;

/// A simulation.
#[derive(Clone, Debug)]
struct Entry {
    /// Normal scores of the parameters.
    scores: Vec<f64>,
    /// Of the data around what was simulated.
    log_likelihood: f64,
    density: Density,
}

pub(super) struct Sampler<'a, S, O> {
    settings: &'a Settings,
    batches: Batches<'a, S, O>,
    laws: Vec<&'a Measured>,
    entries: Vec<Entry>,
    mixture: Mixture,
    temperature: f64,
}

/// What a complete generation leaves.
struct State {
    last: Generation,
    scores: Vec<Vec<f64>>,
    /// Logarithms of the weights of all entries at temperature 1.
    exact: Vec<f64>,
}

impl<'a, S: Simulator, O: Observer> Sampler<'a, S, O> {
    pub fn new(simulator: &'a S, settings: &'a Settings, observer: &'a mut O) -> Result<Self, Error> {
        let measured = |law: &'a Law| match law {
            Law::Measured(measured) => Some(measured),
            _ => None,
        };
        let laws: Option<Vec<&Measured>> = simulator.laws().iter().map(measured).collect();
        let laws = laws.filter(|laws| !laws.is_empty()).ok_or(Error::NoNoise)?;
        let batches = Batches::new(simulator, settings, observer);
        let (entries, mixture) = (Vec::new(), Mixture::default());
        Ok(Self { settings, batches, laws, entries, mixture, temperature: f64::INFINITY })
    }

    pub fn run(mut self) -> Result<Fit, Error> {
        let settings = self.settings;
        let Some(mut state) = self.generation(0, settings.first_simulations(), None)? else {
            return Err(Error::Cancelled);
        };
        let mut size = settings.later_simulations() as f64;
        let stop = loop {
            let index = state.last.index;
            if self.temperature <= 1.0 && state.last.effective_sample_size >= self.worth() {
                break Stop::Threshold;
            }
            if index + 1 >= settings.max_generations {
                break Stop::Generations;
            }
            let count = match self.batches.next(size) {
                Ok(count) => count,
                Err(stop) => break stop,
            };
            let chosen = state.last.posterior.resample(CENTRES, self.batches.kernel_key(index));
            let centres = chosen.into_iter().map(|particle| state.scores[particle].clone()).collect();
            let kernel = Kernel::new(settings.kernel, vec![(1.0, centres)]);
            let Some(next) = self.generation(index + 1, count, Some(kernel))? else {
                break self.batches.interruption();
            };
            state = next;
            size *= 1.2;
        };
        let check = Check::weighted(&state.exact, &state.last);
        let Counts { simulations, failures, first_failure } = self.batches.counts;
        let posterior = state.last.posterior.clone();
        Ok(Fit { last: state.last, posterior, check, stop, simulations, failures, first_failure })
    }

    /// How many effective particles are wanted at any temperature.
    fn worth(&self) -> f64 {
        WORTH * self.settings.particles() as f64
    }

    /// Simulates a generation, weights all simulations so far, and tells the observer. `None` if it was interrupted.
    fn generation(&mut self, index: usize, count: u64, kernel: Option<Kernel>) -> Result<Option<State>, Error> {
        let Some((simulations, counts)) = self.batches.generation(index, count, kernel.as_ref(), None)? else {
            return Ok(None);
        };
        let observed = self.batches.simulator.observed();
        let entry = |simulation: super::distance::Simulation| {
            let log_likelihood = log_density(&self.laws, observed, &simulation.summaries);
            Entry { scores: simulation.scores, log_likelihood, density: Density::default() }
        };
        let newest: Vec<Entry> = simulations.into_par_iter().map(entry).collect();
        let news: Vec<f64> = newest.iter().map(|entry| entry.log_likelihood).collect();
        self.mixture.add(kernel, count);
        self.entries.extend(newest.into_iter().filter(|entry| entry.log_likelihood > f64::NEG_INFINITY));
        if self.entries.is_empty() {
            return Err(Error::NoInformation);
        }
        let mixture = &self.mixture;
        let base: Vec<f64> =
            self.entries.par_iter_mut().map(|entry| mixture.log_weight(&entry.scores, &mut entry.density)).collect();
        let temperature = self.cooled(&base);
        self.temperature = temperature;
        let weights = normalised(&self.tempered(&base, temperature));
        let exact = self.tempered(&base, 1.0);
        let best = self.entries.iter().map(|entry| entry.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
        let accepted: f64 = news.iter().map(|value| ((value - best) / temperature).exp().min(1.0)).sum();
        let kept = heaviest(&weights);
        let total: f64 = kept.iter().map(|&entry| weights[entry]).sum();
        let parameters = self.batches.simulator.parameters();
        let scores: Vec<Vec<f64>> = kept.iter().map(|&entry| self.entries[entry].scores.clone()).collect();
        let posterior = Posterior {
            names: parameters.iter().map(|parameter| parameter.name.clone()).collect(),
            draws: scores.iter().map(|scores| from_scores(parameters, scores)).collect(),
            weights: kept.iter().map(|&entry| weights[entry] / total).collect(),
            distances: kept.iter().map(|&entry| best - self.entries[entry].log_likelihood).collect(),
        };
        let last = Generation {
            index,
            threshold: temperature,
            acceptance: accepted / count as f64,
            simulations: counts.simulations,
            failures: counts.failures,
            total_simulations: self.batches.counts.simulations,
            effective_sample_size: posterior.effective_sample_size(),
            posterior,
        };
        self.batches.observer.generation(&last).map_err(Error::Observer)?;
        let floor = best - FORGOTTEN * temperature;
        self.entries.retain(|entry| entry.log_likelihood >= floor);
        Ok(Some(State { last, scores, exact }))
    }

    /// Logarithms of the weights of all entries at a temperature, from those of prior over mixture.
    fn tempered(&self, base: &[f64], temperature: f64) -> Vec<f64> {
        self.entries.iter().zip(base).map(|(entry, base)| base + entry.log_likelihood / temperature).collect()
    }

    /// The lowest temperature at which the weights are worth enough; 1 if they are then worth little, but enough, and no
    /// more simulations are allowed.
    fn cooled(&self, base: &[f64]) -> f64 {
        let worth = |temperature: f64| {
            1.0 / normalised(&self.tempered(base, temperature)).iter().map(|weight| weight * weight).sum::<f64>()
        };
        let is_last = self.batches.counts.simulations >= self.settings.max_simulations;
        let wanted = if is_last { FEWEST.min(self.worth()) } else { self.worth() };
        if worth(1.0) >= wanted {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, HOTTEST.min(self.temperature.ln()));
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if worth(middle.exp()) >= self.worth() { high = middle } else { low = middle }
        }
        high.exp()
    }
}

/// The log density of the data around what was simulated.
fn log_density(laws: &[&Measured], observed: &[f64], simulated: &[f64]) -> f64 {
    let of = |law: &&Measured| -> f64 {
        let units = law.values.iter().zip(&law.log_scales).enumerate();
        let of = |(unit, (values, log_scales)): (usize, (&Vec<usize>, &Vec<usize>))| -> f64 {
            let places = values.iter().zip(log_scales).enumerate();
            let of = |(place, (&value, &log_scale)): (usize, (&usize, &usize))| {
                law.noise.log_density(unit, place, observed, simulated[value], simulated[log_scale])
            };
            places.map(of).sum()
        };
        units.map(of).sum()
    };
    let total: f64 = laws.iter().map(of).sum();
    if total.is_nan() { f64::NEG_INFINITY } else { total }
}

/// Positions of the heaviest weights, ascending, which together have nearly all weight.
fn heaviest(weights: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
    let mut found = 0.0;
    let enough = order.iter().position(|&entry| {
        found += weights[entry];
        found >= KEPT
    });
    order.truncate(enough.map_or(weights.len(), |last| last + 1));
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use metacascade_random::Key;
    use rand_distr::{Distribution, Normal};

    use super::*;
    use crate::{
        Failure, Noise, Parameter, Prior, Proposal, Scale,
        abc_smc::{Acceptance, Generation, run},
        moments,
    };

    /// Values of the process scatter by .6 around a mean, measurements around the values by an unknown noise.
    struct Scattered {
        parameters: Vec<Parameter>,
        observed: Vec<f64>,
        laws: Vec<Law>,
    }

    const SCATTER: f64 = 0.6;

    #[derive(Debug)]
    struct Gaussian;

    impl Noise for Gaussian {
        fn log_density(&self, _: usize, place: usize, data: &[f64], value: f64, log_scale: f64) -> f64 {
            -0.5 * ((data[place] - value) / log_scale.exp()).powi(2) - log_scale
        }
    }

    impl Scattered {
        fn new(data: &[f64]) -> Self {
            let parameter = |name: &str, prior: Prior| {
                let (lower, upper) = prior.support();
                Parameter { name: name.into(), prior, lower, upper, scale: Scale::Lin }
            };
            let count = data.len();
            let law = Measured {
                values: vec![(count..2 * count).collect()],
                log_scales: vec![vec![2 * count; count]],
                data: (0..count).collect(),
                random: true,
                noise: Arc::new(Gaussian),
            };
            let mut observed = data.to_vec();
            observed.resize(2 * count + 1, 0.0);
            Self {
                parameters: vec![
                    parameter("mean", Prior::Normal { mean: 0.0, sd: 2.0 }),
                    parameter("log_noise", Prior::Normal { mean: 0.0, sd: 0.5 }),
                ],
                observed,
                laws: vec![Law::Measured(law)],
            }
        }

        /// Mean and standard deviation of each parameter, by sums over a grid: measurements are normal around the mean with
        /// both variances.
        fn exact(&self, data: &[f64]) -> [(f64, f64); 2] {
            let (mut points, mut weights) = (Vec::new(), Vec::new());
            for mean in (-300..=300).map(|step| f64::from(step) * 0.02) {
                for log_noise in (-150..=150).map(|step| f64::from(step) * 0.02) {
                    let variance = SCATTER * SCATTER + (2.0 * log_noise).exp();
                    let of = |y: &f64| -0.5 * (y - mean).powi(2) / variance - 0.5 * variance.ln();
                    let prior = -0.5 * (mean / 2.0).powi(2) - 0.5 * (log_noise / 0.5).powi(2);
                    points.push([mean, log_noise]);
                    weights.push(data.iter().map(of).sum::<f64>() + prior);
                }
            }
            let weights = normalised(&weights);
            [0, 1].map(|place| {
                let (mean, variance) =
                    moments(&points.iter().map(|point| point[place]).collect::<Vec<f64>>(), &weights);
                (mean, variance.sqrt())
            })
        }
    }

    impl Simulator for Scattered {
        fn parameters(&self) -> &[Parameter] {
            &self.parameters
        }
        fn observed(&self) -> &[f64] {
            &self.observed
        }
        fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
            let count = (self.observed.len() - 1) / 2;
            let one = |proposal: &Proposal| {
                let law = Normal::new(proposal.parameters[0], SCATTER).map_err(|error| Failure(error.to_string()))?;
                let mut stream = proposal.key.stream();
                let mut all = vec![0.0; count];
                all.extend((0..count).map(|_| law.sample(&mut stream)));
                all.push(proposal.parameters[1]);
                Ok(all)
            };
            proposals.iter().map(one).collect()
        }
        fn laws(&self) -> &[Law] {
            &self.laws
        }
    }

    /// Temperatures of generations.
    struct Trace(Vec<f64>);

    impl Observer for Trace {
        fn generation(&mut self, generation: &Generation) -> Result<(), String> {
            self.0.push(generation.threshold);
            Ok(())
        }
    }

    fn data(count: usize, sd: f64) -> Vec<f64> {
        let mut stream = Key::new(8).stream();
        (0..count).map(|_| Normal::new(1.5, sd).unwrap().sample(&mut stream)).collect()
    }

    fn settings() -> Settings {
        Settings { acceptance: Acceptance::Stochastic, ..Settings::default() }
    }

    /// The weights are worth 500 or more: four standard errors are .18 s.d. of a mean and 13 % of an s.d. False alarm about 1
    /// in 4,000 for each of four checks; the seed is fixed.
    #[test]
    fn the_exact_posterior_is_found() {
        let data = data(12, 1.0);
        let model = Scattered::new(&data);
        let mut trace = Trace(Vec::new());
        let fit = run(&model, &settings(), &mut trace).unwrap();
        assert_eq!(fit.stop, Stop::Threshold);
        assert!(trace.0[0] > 1.0 && trace.0.last() == Some(&1.0), "{:?}", trace.0);
        assert!(trace.0.windows(2).all(|pair| pair[1] <= pair[0]), "{:?}", trace.0);
        assert!(fit.last.effective_sample_size >= 500.0, "{}", fit.last.effective_sample_size);
        assert!(fit.check.warnings().is_empty(), "{:?}", fit.check);
        for (parameter, (mean, sd)) in model.exact(&data).into_iter().enumerate() {
            let found = moments(&fit.posterior.column(parameter), &fit.posterior.weights);
            assert!((found.0 - mean).abs() < 0.18 * sd, "mean {} for {mean}", found.0);
            assert!((found.1.sqrt() / sd - 1.0).abs() < 0.13, "s.d. {} for {sd}", found.1.sqrt());
        }
    }

    #[test]
    fn a_posterior_that_is_still_hot_says_so() {
        let model = Scattered::new(&data(60, 0.62));
        let fit = run(&model, &Settings { max_simulations: 1000, ..settings() }, &mut ()).unwrap();
        assert_eq!(fit.stop, Stop::Simulations);
        let warnings = fit.check.warnings();
        assert!(fit.last.threshold > 1.0 && warnings.iter().any(|text| text.contains("temperature")), "{warnings:?}");
    }

    #[test]
    fn data_of_no_known_noise_are_refused() {
        let mut model = Scattered::new(&data(3, 1.0));
        model.laws = Vec::new();
        assert_eq!(run(&model, &settings(), &mut ()), Err(Error::NoNoise));
    }
}

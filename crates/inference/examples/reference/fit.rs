//! The methods by their names.

use metacascade_inference::{
    Posterior,
    abc_smc::{self, Adjustment, DistanceLaw},
    mcmc,
    particle::Filter,
    pseudo_marginal,
    reference::Case,
    surrogate,
    synthetic::Synthetic,
};

/// What a method gives.
pub struct Fitted {
    pub posterior: Posterior,
    /// Before regression adjustment, where there is any.
    pub raw: Option<Posterior>,
    /// Simulations, or evaluations of the likelihood.
    pub simulations: u64,
    pub warnings: Vec<String>,
}

/// How much a fit may take.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Simulations, of the methods that limit them.
    pub simulations: u64,
    /// Effective sample size, of chains.
    pub draws: f64,
}

/// Fits a case by the method of this name.
pub fn fit(case: &Case<'_>, method: &str, Effort { simulations, draws }: Effort, seed: u64) -> Fitted {
    match method {
        "exact" => {
            let settings = mcmc::Settings { min_effective_sample_size: draws, seed, ..mcmc::Settings::default() };
            let fit = mcmc::run(case, &settings, &mut ()).expect("a fit");
            let warnings = fit.warnings(&settings);
            Fitted { posterior: fit.posterior, raw: None, simulations: fit.evaluations, warnings }
        }
        "pmmh" => {
            let settings = pseudo_marginal::Settings {
                min_effective_sample_size: draws,
                seed,
                ..pseudo_marginal::Settings::default()
            };
            let fit = pseudo_marginal::run(&Filter(case), &settings, &mut ()).expect("a fit");
            let mut warnings = fit.warnings(&settings);
            warnings.push(format!("{} particles, variance {:.2}", fit.effort, fit.variance));
            Fitted { posterior: fit.posterior, raw: None, simulations: fit.evaluations, warnings }
        }
        "synthetic-likelihood" => {
            let settings = pseudo_marginal::Settings {
                min_effective_sample_size: draws,
                seed,
                ..pseudo_marginal::Settings::default()
            };
            let summarised = case.summarised();
            let synthetic = Synthetic::learned(&summarised, seed, &mut ()).expect("a pilot");
            let fit = pseudo_marginal::run(&synthetic, &settings, &mut ()).expect("a fit");
            let mut warnings = fit.warnings(&settings);
            warnings.push(format!("{} simulations each, variance {:.2}", fit.effort, fit.variance));
            let simulations = fit.evaluations * fit.effort as u64 + synthetic.spent();
            Fitted { posterior: fit.posterior, raw: None, simulations, warnings }
        }
        "surrogate" | "surrogate-summaries" | "surrogate-checked" => {
            let settings = surrogate::Settings { simulations, seed, ..surrogate::Settings::default() };
            let found = match method {
                "surrogate-summaries" => surrogate::run(&case.summarised(), &settings, &mut ()),
                _ => surrogate::run(case, &settings, &mut ()),
            };
            let found = found.expect("a fit");
            if method == "surrogate-checked" && !found.check.passed() {
                // As on the command line, with as many simulations as it has there.
                let most = abc_smc::Settings::default().max_simulations;
                return fit(case, "abc-smc", Effort { simulations: most, draws }, seed);
            }
            let mut warnings = found.check.warnings();
            warnings.push(format!("{:?}", found.check));
            Fitted { posterior: found.posterior, raw: None, simulations: found.simulations, warnings }
        }
        "abc-smc" | "abc-smc-heteroscedastic" | "abc-smc-euclidean" | "abc-smc-robust" => {
            let default = abc_smc::Settings::default();
            let settings = abc_smc::Settings {
                max_simulations: simulations,
                distance: match method {
                    "abc-smc-euclidean" => DistanceLaw::Euclidean,
                    "abc-smc-robust" => DistanceLaw::Robust,
                    _ => default.distance,
                },
                adjustment: match method {
                    "abc-smc-heteroscedastic" => Adjustment::Heteroscedastic,
                    _ => default.adjustment,
                },
                seed,
                ..default
            };
            let fit = abc_smc::run(&case.summarised(), &settings, &mut ()).expect("a fit");
            let mut warnings = fit.check.warnings();
            warnings.push(format!("{:?}", fit.check));
            let raw = Some(fit.last.posterior);
            Fitted { posterior: fit.posterior, raw, simulations: fit.simulations, warnings }
        }
        other => panic!("there is no method {other}"),
    }
}

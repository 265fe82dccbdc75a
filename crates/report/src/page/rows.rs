//! Rows of the page's tables, every number already in words.

use crate::{
    content::{CalibratedParameter, Check, Derived, Generation, Pairs, Parameter, Verdict},
    number::{count, interval, significant},
};

/// A row of the table of parameters.
pub struct ParameterRow<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub unit: &'a str,
    pub prior: &'a str,
    pub estimate: String,
    pub interval_50: String,
    pub interval_80: String,
    pub interval_95: String,
    pub contraction: String,
    pub overlap: String,
    pub effective_draws: String,
    pub verdict: String,
    /// A sign beside the words, so that a glance down the column tells the verdicts apart without colour.
    pub sign: &'static str,
}

impl<'a> ParameterRow<'a> {
    pub fn new(parameter: &'a Parameter) -> Self {
        let [lower_50, upper_50] = parameter.interval_50;
        let [lower_80, upper_80] = parameter.interval_80;
        let [lower_95, upper_95] = parameter.interval_95;
        // Sampling noise may make a posterior look wider than its prior by a hair.
        let percent = |share: f64| match (share * 100.0).round() + 0.0 {
            percent if percent.is_finite() => format!("{percent} %").replace('-', "−"),
            _ => "–".into(),
        };
        Self {
            name: &parameter.name,
            description: &parameter.description,
            unit: &parameter.unit,
            prior: &parameter.prior,
            estimate: significant(parameter.estimate, 3),
            interval_50: interval(lower_50, upper_50),
            interval_80: interval(lower_80, upper_80),
            interval_95: interval(lower_95, upper_95),
            contraction: percent(parameter.contraction),
            overlap: percent(parameter.overlap),
            effective_draws: parameter
                .effective_draws
                .filter(|draws| draws.is_finite())
                .map_or("–".into(), |draws| count(draws.round() as u64)),
            verdict: match &parameter.tie {
                Some(tie) => format!("{}: {}", parameter.verdict.words(), tie.words()),
                None => parameter.verdict.words().to_owned(),
            },
            sign: match parameter.verdict {
                Verdict::Determined => "●",
                Verdict::PartlyDetermined => "◐",
                Verdict::FollowsPrior => "○",
            },
        }
    }
}

/// A row of the table of parameters before regression adjustment.
pub struct BeforeRow<'a> {
    pub name: &'a str,
    pub unit: &'a str,
    pub before: String,
    pub after: String,
    pub moved: String,
}

impl<'a> BeforeRow<'a> {
    /// A row of each parameter that was adjusted.
    pub fn all(parameters: &'a [Parameter]) -> Vec<Self> {
        let words =
            |median: f64, [lower, upper]: [f64; 2]| format!("{} ({})", significant(median, 3), interval(lower, upper));
        let row = |parameter: &'a Parameter| {
            let before = parameter.before_adjustment.as_ref()?;
            Some(Self {
                name: &parameter.name,
                unit: &parameter.unit,
                before: words(before.estimate, before.interval_95),
                after: words(parameter.estimate, parameter.interval_95),
                moved: if before.moved.is_finite() {
                    format!("{:+.2}", before.moved).replace('-', "−")
                } else {
                    "–".into()
                },
            })
        };
        parameters.iter().filter_map(row).collect()
    }
}

/// A row of the table of derived quantities.
pub struct DerivedRow<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub formula: &'a str,
    pub unit: &'a str,
    pub estimate: String,
    pub interval_50: String,
    pub interval_95: String,
    pub prior_95: String,
}

impl<'a> DerivedRow<'a> {
    pub fn new(derived: &'a Derived) -> Self {
        Self {
            name: &derived.name,
            description: &derived.description,
            formula: &derived.formula,
            unit: &derived.unit,
            estimate: significant(derived.estimate, 3),
            interval_50: interval(derived.interval_50[0], derived.interval_50[1]),
            interval_95: interval(derived.interval_95[0], derived.interval_95[1]),
            prior_95: interval(derived.prior_95[0], derived.prior_95[1]),
        }
    }
}

/// A row of the correlation matrix.
pub struct CorrelationRow<'a> {
    pub name: &'a str,
    pub values: Vec<String>,
}

impl<'a> CorrelationRow<'a> {
    pub fn all(pairs: &'a Pairs) -> Vec<Self> {
        let number =
            |value: &f64| if value.is_finite() { format!("{value:.2}").replace('-', "−") } else { "–".into() };
        let rows = pairs.names.iter().zip(&pairs.correlation);
        rows.map(|(name, row)| Self { name, values: row.iter().map(number).collect() }).collect()
    }
}

/// A row of the table of generations.
pub struct GenerationRow {
    pub index: usize,
    pub threshold: String,
    pub acceptance: String,
    pub simulations: String,
    pub effective_sample_size: String,
}

impl GenerationRow {
    pub fn new(generation: &Generation) -> Self {
        Self {
            index: generation.index,
            threshold: significant(generation.threshold, 3),
            acceptance: format!("{} %", significant(100.0 * generation.acceptance, 3)),
            simulations: count(generation.simulations),
            effective_sample_size: significant(generation.effective_sample_size, 3),
        }
    }
}

/// How many of an optimiser's starts ended at the best log-likelihood, in a sentence.
pub fn starts_in_words(log_likelihoods: &[f64]) -> Option<String> {
    let best = log_likelihoods.iter().copied().filter(|value| value.is_finite()).reduce(f64::max)?;
    // 0.1 in the log-likelihood is far below what a likelihood-ratio test at 95 % notices (1.92).
    let near = log_likelihoods.iter().filter(|value| best - **value <= 0.1).count();
    let all = log_likelihoods.len();
    Some(format!("{near} of {all} starts ended within 0.1 of the best log-likelihood, {}.", significant(best, 5)))
}

/// A row of the table of calibration.
pub struct CalibratedRow<'a> {
    pub name: &'a str,
    pub coverage: [String; 3],
    pub words: &'static str,
}

impl<'a> CalibratedRow<'a> {
    pub fn new(parameter: &'a CalibratedParameter) -> Self {
        Self {
            name: &parameter.name,
            coverage: parameter.coverage.map(|share| format!("{:.0}\u{a0}%", 100.0 * share)),
            words: match parameter.inside {
                true => "truths fall everywhere in their posteriors, as they should",
                false => "truths do not fall where posteriors say: see the figure",
            },
        }
    }
}

/// A row of the table of checks.
pub struct CheckRow<'a> {
    pub name: &'a str,
    pub of: &'a str,
    pub p_value: String,
    /// What the p-value and the transforms say.
    pub words: String,
}

impl<'a> CheckRow<'a> {
    pub fn new(check: &'a Check) -> Self {
        let p = check.p_value;
        let scatter = match p {
            _ if !p.is_finite() => "cannot be told",
            _ if p < 0.025 => "the data lie further from the model than it says they would",
            _ if p > 0.975 => "the data lie closer to the model than it says they would",
            _ => "as far from the model as it says",
        };
        let place = match (check.pit.is_empty(), check.inside, check.repeated) {
            (true, ..) => "",
            (false, true, _) => "; they fall where the model expects them",
            (false, false, false) => "; they do not fall where the model expects them: see the figure",
            (false, false, true) => {
                "; they fall elsewhere than independent ones would, as those of subjects measured repeatedly may: see the figure"
            }
        };
        Self { name: &check.name, of: &check.of, p_value: format!("{p:.2}"), words: format!("{scatter}{place}") }
    }
}

//! Rows of the page's tables, every number already in words.

use metacascade_problem::{kaplan_meier, survival_at};

use crate::{
    content::{Generation, Pairs, Parameter, Series, Stratum, Survival, Verdict},
    figures::kaplan_meier::time_axis,
    number::{count, interval, percent, significant, tick},
};

/// A row of the table of parameters.
pub struct ParameterRow<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub unit: &'a str,
    pub prior: &'a str,
    pub estimate: String,
    pub interval_50: String,
    pub interval_95: String,
    pub contraction: String,
    pub effective_draws: String,
    pub verdict: &'static str,
    /// A sign beside the words, so that a glance down the column tells the verdicts apart without colour.
    pub sign: &'static str,
}

impl<'a> ParameterRow<'a> {
    pub fn new(parameter: &'a Parameter) -> Self {
        let [lower_50, upper_50] = parameter.interval_50;
        let [lower_95, upper_95] = parameter.interval_95;
        // Sampling noise may make a posterior look wider than its prior by a hair.
        let contraction = (parameter.contraction * 100.0).round() + 0.0;
        Self {
            name: &parameter.name,
            description: &parameter.description,
            unit: &parameter.unit,
            prior: &parameter.prior,
            estimate: significant(parameter.estimate, 3),
            interval_50: interval(lower_50, upper_50),
            interval_95: interval(lower_95, upper_95),
            contraction: if contraction.is_finite() {
                format!("{contraction} %").replace('-', "−")
            } else {
                "–".into()
            },
            effective_draws: parameter
                .effective_draws
                .filter(|draws| draws.is_finite())
                .map_or("–".into(), |draws| count(draws.round() as u64)),
            verdict: parameter.verdict.words(),
            sign: match parameter.verdict {
                Verdict::Determined => "●",
                Verdict::PartlyDetermined => "◐",
                Verdict::FollowsPrior => "○",
            },
        }
    }
}

/// A measurement beside its prediction.
pub struct DataRow {
    pub arm: String,
    pub time: String,
    pub replicate: String,
    pub measured: String,
    pub predicted: String,
    pub interval_95: String,
}

impl DataRow {
    /// The measurements of an arm in order of time, with the predictions at those times where there are any.
    pub fn all(series: &Series) -> Vec<Self> {
        let mut data: Vec<_> = series.data.iter().collect();
        data.sort_by(|left, right| left.time.total_cmp(&right.time));
        let row = |point: &crate::content::Measurement| {
            let same = |time: f64| (time - point.time).abs() <= 1e-9 * point.time.abs().max(1.0);
            let band = series.bands.iter().find(|band| same(band.time));
            let spread = point.sd.map_or(String::new(), |sd| format!(" ± {}", significant(sd, 3)));
            Self {
                arm: series.arm.clone(),
                time: tick(point.time),
                replicate: point.replicate.clone(),
                measured: format!("{}{spread}", significant(point.value, 3)),
                predicted: band.map_or("–".into(), |band| significant(band.median, 3)),
                interval_95: band.map_or("–".into(), |band| interval(band.lower95, band.upper95)),
            }
        };
        data.into_iter().map(row).collect()
    }
}

/// The share without an event at one time.
pub struct SurvivalRow {
    pub stratum: String,
    pub time: String,
    pub at_risk: usize,
    pub measured: String,
    pub predicted: String,
    pub interval_95: String,
}

impl SurvivalRow {
    /// At the ticks of the axis that the strata's figures share, and at the end of each stratum's follow-up.
    pub fn all(survival: &Survival) -> Vec<Self> {
        let ticks = time_axis(survival).ticks;
        let rows = |stratum: &Stratum| {
            let curve = kaplan_meier(&stratum.observed);
            let end = stratum.end();
            let times = ticks.iter().copied().filter(|time| *time > 0.0 && *time < end).chain([end]);
            let row = |time: f64| {
                let band = stratum.bands.iter().rev().find(|band| band.time <= time);
                Self {
                    stratum: stratum.name.clone(),
                    time: tick(time),
                    at_risk: stratum.at_risk(time),
                    measured: percent(survival_at(&curve, time)),
                    predicted: band.map_or("–".into(), |band| percent(band.median)),
                    interval_95: band
                        .map_or("–".into(), |band| format!("{} – {}", percent(band.lower95), percent(band.upper95))),
                }
            };
            times.map(row).collect::<Vec<Self>>()
        };
        survival.strata.iter().flat_map(rows).collect()
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

//! What predictions under arms come to, gathered for the page.

use metacascade_inference::{Quantiles, diagnostics::partial_rank_correlations};
use metacascade_problem::{Arms, Forecast, Problem, Run, Setting};

use crate::{
    content::{
        ArmSet, Assumption, Band, EndContrast, EventContrast, EventCurve, EventCurves, Observable, OutcomeSensitivity,
        ParameterSensitivity, Predicted, Predictions, Series, Verdict,
    },
    from_run::{effective_draws, prior_in_words, time_unit, versions},
    number::{count, percent, significant},
};

/// Even times at which curves of events are told.
const GRID: usize = 120;

/// Arms up to which each is held against each; of more, each against the first.
const ALL_PAIRS: usize = 4;

/// Values that span more than this factor are shown on a logarithmic axis.
const LOG_FACTOR: f64 = 30.0;

/// Everything the page says. `problem` is the one the arms were simulated by, whose model may extend that of the run.
#[must_use]
pub fn predictions(run: &Run, problem: &Problem, arms: &Arms, found: &Forecast) -> Predictions {
    let unit = time_unit(problem);
    let pairs = pairs(found.arms.len());
    let names: Vec<&str> = arms.arms.iter().map(|arm| arm.title.as_str()).collect();
    let events: Vec<EventCurves> =
        (0..found.endpoints.len()).map(|endpoint| event(found, endpoint, &names, &pairs)).collect();
    let sensitivities = sensitivities(run, problem, arms, found, &names);
    let set = |setting: &Setting| (setting.parameter.clone(), setting.value.clone());
    let mut warnings = warnings(found, &sensitivities);
    if let Some(outcome) = &run.outcome {
        warnings.extend(outcome.warnings.iter().cloned());
    }
    Predictions {
        title: format!("{}: predictions", problem.title()),
        subtitle: problem.description().to_owned(),
        method: format!(
            "{} draws of the posterior, {} subjects each, in whom what varies between subjects and groups is drawn anew; the same \
             random numbers in all arms",
            count(found.draws.len() as u64),
            count(found.subjects.len() as u64)
        ),
        headline: headline(&events, unit),
        warnings,
        time_unit: unit.to_owned(),
        arms: arms
            .arms
            .iter()
            .map(|arm| ArmSet {
                name: arm.title.clone(),
                description: arm.description.clone(),
                set: arm.set.iter().map(set).collect(),
            })
            .collect(),
        assumed: arms
            .assumed
            .iter()
            .map(|one| Assumption {
                name: one.name.clone(),
                description: one.description.clone(),
                unit: one.unit.clone(),
                law: prior_in_words(&one.prior),
                source: one.source.clone(),
            })
            .collect(),
        events,
        observables: observables(problem, found, &names),
        ends: ends(problem, found, &names, &pairs),
        sensitivities,
        versions: versions(env!("CARGO_PKG_VERSION")),
        file_hashes: problem.files().iter().map(|file| (file.name.clone(), file.sha256.clone())).collect(),
        ..Predictions::default()
    }
}

/// Arms that are held against each other: (arm, reference).
fn pairs(arms: usize) -> Vec<(usize, usize)> {
    let references = if arms <= ALL_PAIRS { arms } else { 1 };
    (0..references).flat_map(|reference| (reference + 1..arms).map(move |arm| (arm, reference))).collect()
}

/// Median and intervals over draws; those that are not numbers are left out.
pub fn predicted(values: &[f64]) -> Predicted {
    let values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let quantiles = Quantiles::unweighted(&values);
    // Between infinite values there is nothing to interpolate.
    let at = |p: f64| match quantiles.at(p) {
        value if value.is_nan() => {
            sorted.get((p * sorted.len() as f64) as usize).or(sorted.last()).copied().unwrap_or(f64::NAN)
        }
        value => value,
    };
    let [lower95, lower50, median, upper50, upper95] = [0.025, 0.25, 0.5, 0.75, 0.975].map(at);
    Predicted { lower95, lower50, median, upper50, upper95 }
}

fn difference(of: &[f64], from: &[f64]) -> Vec<f64> {
    of.iter().zip(from).map(|(a, b)| a - b).collect()
}

fn band(time: f64, values: &[f64]) -> Band {
    let Predicted { lower95, lower50, median, upper50, upper95 } = predicted(values);
    Band { time, median, lower50, upper50, lower95, upper95 }
}

fn event(found: &Forecast, endpoint: usize, names: &[&str], pairs: &[(usize, usize)]) -> EventCurves {
    let horizon = found.horizon();
    let times = (0..=GRID).map(|index| found.origin + (horizon - found.origin) * index as f64 / GRID as f64);
    let times: Vec<f64> = times.collect();
    let curve = |arm: usize| EventCurve {
        arm: names[arm].to_owned(),
        bands: times.iter().map(|&time| band(time, &found.event_free(arm, endpoint, time))).collect(),
        event_free: predicted(&found.event_free(arm, endpoint, horizon)),
        restricted_mean: predicted(&found.restricted_mean(arm, endpoint)),
    };
    let contrast = |&(arm, reference): &(usize, usize)| {
        let ratios = found.hazard_ratios(arm, reference, endpoint);
        let defined = ratios.iter().filter(|ratio| !ratio.is_nan()).count() as f64 / ratios.len().max(1) as f64;
        let free = |arm: usize| found.event_free(arm, endpoint, horizon);
        let mean = |arm: usize| found.restricted_mean(arm, endpoint);
        let gained = difference(&mean(arm), &mean(reference));
        let over_time = |&time: &f64| {
            let free = |arm: usize| found.event_free(arm, endpoint, time);
            band(time, &difference(&free(arm), &free(reference)))
        };
        EventContrast {
            arm: names[arm].to_owned(),
            reference: names[reference].to_owned(),
            hazard_ratio: predicted(&ratios),
            defined,
            gains: gained.iter().filter(|gain| **gain > 0.0).count() as f64 / gained.len().max(1) as f64,
            restricted_mean: predicted(&gained),
            event_free: predicted(&difference(&free(arm), &free(reference))),
            bands: times.iter().map(over_time).collect(),
        }
    };
    EventCurves {
        endpoint: crate::from_run::endpoint_in_words(&found.endpoints[endpoint]),
        horizon,
        arms: (0..found.arms.len()).map(curve).collect(),
        contrasts: pairs.iter().map(contrast).collect(),
    }
}

/// Each observable under each arm; intervals are those of subjects, over the posterior and all that varies, or, of what is
/// found or not, those of the share of the subjects.
fn observables(problem: &Problem, found: &Forecast, names: &[&str]) -> Vec<Observable> {
    let one = |(position, &index): (usize, &usize)| {
        let observable = &problem.observables()[index];
        let at = |arm: usize, time: usize| -> Vec<f64> {
            if observable.noise.is_of_trials() {
                return found.mean(arm, position, time);
            }
            let draws = 0..found.draws.len();
            let value = |draw: usize, subject: usize| found.value(arm, draw, subject, time, position);
            draws.flat_map(|draw| (0..found.subjects.len()).map(move |subject| value(draw, subject))).collect()
        };
        let series: Vec<Series> = (0..found.arms.len())
            .map(|arm| Series {
                arm: names[arm].to_owned(),
                data: Vec::new(),
                bands: found.times.iter().enumerate().map(|(time, &when)| band(when, &at(arm, time))).collect(),
            })
            .collect();
        let medians = series.iter().flat_map(|series| &series.bands).map(|band| band.median);
        let (low, high) = medians.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        Observable {
            id: observable.id.clone(),
            name: observable.name.clone(),
            unit: observable.unit.clone(),
            log_axis: low > 0.0 && high > LOG_FACTOR * low,
            over_time: true,
            series,
        }
    };
    found.observables.iter().enumerate().map(one).collect()
}

fn ends(problem: &Problem, found: &Forecast, names: &[&str], pairs: &[(usize, usize)]) -> Vec<EndContrast> {
    let last = found.times.len().saturating_sub(1);
    let mut all = Vec::new();
    for (position, &index) in found.observables.iter().enumerate() {
        let observable = &problem.observables()[index];
        let means: Vec<Vec<f64>> = (0..found.arms.len()).map(|arm| found.mean(arm, position, last)).collect();
        all.extend(pairs.iter().map(|&(arm, reference)| EndContrast {
            observable: if observable.name.is_empty() { observable.id.clone() } else { observable.name.clone() },
            unit: observable.unit.clone(),
            time: found.horizon(),
            arm: names[arm].to_owned(),
            reference: names[reference].to_owned(),
            mean: predicted(&means[arm]),
            difference: predicted(&difference(&means[arm], &means[reference])),
            ratio: predicted(&means[arm].iter().zip(&means[reference]).map(|(a, b)| a / b).collect::<Vec<f64>>()),
        }));
    }
    all
}

/// For each arm but the first, on which parameters its difference from the first depends: in the mean time without the event,
/// or, without events, in the observables at the last time.
fn sensitivities(
    run: &Run,
    problem: &Problem,
    arms: &Arms,
    found: &Forecast,
    names: &[&str],
) -> Vec<OutcomeSensitivity> {
    let last = found.times.len().saturating_sub(1);
    let mut all = Vec::new();
    for arm in 1..found.arms.len() {
        for (endpoint, formula) in found.endpoints.iter().enumerate() {
            let mean = |arm: usize| found.restricted_mean(arm, endpoint);
            let what = crate::from_run::endpoint_in_words(formula);
            let outcome = format!("{} against {}: mean time until {what}", names[arm], names[0]);
            all.push((outcome, difference(&mean(arm), &mean(0))));
        }
        for (position, &index) in found.observables.iter().enumerate().filter(|_| found.endpoints.is_empty()) {
            let mean = |arm: usize| found.mean(arm, position, last);
            let name = problem.observables()[index].name.as_str();
            let name = if name.is_empty() { &problem.observables()[index].id } else { name };
            let outcome = format!("{} against {}: {name} at the end", names[arm], names[0]);
            all.push((outcome, difference(&mean(arm), &mean(0))));
        }
    }
    let verdict = |index: usize| {
        let parameter = problem.estimated().get(index)?;
        Some(Verdict::of(run.posterior.contraction(index, parameter), run.posterior.overlap(index, parameter)))
    };
    let description = |index: usize| match problem.estimated_rows().nth(index) {
        Some(row) if row.name != row.id => row.name.clone(),
        Some(row) => row.description.clone(),
        None => {
            let assumed = arms.assumed.get(index - problem.estimated().len());
            assumed.map_or(String::new(), |one| one.description.clone())
        }
    };
    let one = |(outcome, values): (String, Vec<f64>)| {
        let coefficients = partial_rank_correlations(&found.draws, &values, effective_draws(run));
        let mut rows: Vec<ParameterSensitivity> = coefficients
            .iter()
            .enumerate()
            .map(|(index, one)| ParameterSensitivity {
                parameter: found.parameters[index].clone(),
                description: description(index),
                coefficient: one.coefficient,
                interval: one.interval.into(),
                verdict: verdict(index),
            })
            .collect();
        rows.sort_by(|a, b| b.coefficient.abs().total_cmp(&a.coefficient.abs()));
        OutcomeSensitivity { outcome, rows }
    };
    all.into_iter().map(one).collect()
}

/// What a difference rests on that no data speak of, and what could not be simulated.
fn warnings(found: &Forecast, sensitivities: &[OutcomeSensitivity]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut matter: Vec<&ParameterSensitivity> = Vec::new();
    for row in sensitivities.iter().flat_map(|one| &one.rows).filter(|row| row.is_clear() && row.is_assumption()) {
        if !matter.iter().any(|other| other.parameter == row.parameter) {
            matter.push(row);
        }
    }
    let named = |row: &&ParameterSensitivity| {
        let words = if row.verdict.is_none() { "which is assumed" } else { "which did not move from its prior" };
        let description = if row.description.is_empty() { String::new() } else { format!(" ({})", row.description) };
        format!("{}{description}, {words}", row.parameter)
    };
    let list: Vec<String> = matter.iter().map(named).collect();
    if !list.is_empty() {
        warnings.push(format!(
            "What arms differ by depends on {}: as far as that goes, the prediction is an assumption carried forward, \
             not a finding.",
            list.join("; on ")
        ));
    }
    if found.failures > 0 {
        let first = found.first_failure.as_deref().unwrap_or_default();
        warnings.push(format!(
            "{} of {} draws of the posterior could not be simulated under every arm and are left out; the first: {first}.",
            found.failures,
            found.failures + found.draws.len()
        ));
    }
    warnings
}

/// A time beside a horizon; what is less than a thousandth of that is nothing.
pub fn time_in_words(time: f64, horizon: f64) -> String {
    if time.abs() < 1e-3 * horizon.abs() { "0".to_owned() } else { significant(time, 3) }
}

/// A number with a unit of time, which is more than one unless the number says so.
fn with_unit_of_time(number: &str, unit: &str) -> String {
    match unit {
        "day" | "hour" | "minute" | "second" | "week" | "month" | "year" if number != "1" => {
            format!("{number} {unit}s")
        }
        "" => number.to_owned(),
        _ => format!("{number} {unit}"),
    }
}

/// For each event, what the first arm comes to, and the others against it.
fn headline(events: &[EventCurves], unit: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let duration = |time: String| with_unit_of_time(&time, unit);
    for event in events {
        let Some(first) = event.arms.first() else { continue };
        let share = |value: &Predicted| {
            format!("{} ({} to {})", percent(value.median), percent(value.lower95), percent(value.upper95))
        };
        sentences.push(format!(
            "Under “{}”, {} of subjects are without {} at {} (95 % interval over the posterior and the subjects drawn).",
            first.arm,
            share(&first.event_free),
            event.endpoint,
            duration(significant(event.horizon, 3))
        ));
        for contrast in event.contrasts.iter().filter(|contrast| contrast.reference == first.arm) {
            let mean = &contrast.restricted_mean;
            let ratio = &contrast.hazard_ratio;
            sentences.push(format!(
                "Under “{}”, the mean time without it until then changes by {} ({} to {}; longer in {} of draws), at a hazard \
                 ratio of {} ({} to {}).",
                contrast.arm,
                duration(time_in_words(mean.median, event.horizon)),
                time_in_words(mean.lower95, event.horizon),
                time_in_words(mean.upper95, event.horizon),
                percent(contrast.gains),
                significant(ratio.median, 3),
                significant(ratio.lower95, 3),
                significant(ratio.upper95, 3)
            ));
        }
    }
    sentences
}

//! How the fit came to rest: thresholds, acceptance and effective sample size per generation of a sequential
//! sampler, or the final log-likelihoods of an optimiser's starts.

use serde_json::{Value, json};

use super::{specification, tip};
use crate::{
    axis::Axis,
    content::Generation,
    number::{count, significant},
    style::POSTERIOR,
};

/// Height of a panel in pixels.
const HEIGHT: u32 = 170;

/// Panels of a sequential sampler, with a name each: threshold, acceptance, effective sample size.
#[must_use]
pub fn generations(generations: &[Generation]) -> Vec<(&'static str, Value)> {
    let column = |value: fn(&Generation) -> f64| generations.iter().map(value).collect::<Vec<f64>>();
    let threshold = column(|generation| generation.threshold);
    let acceptance = column(|generation| generation.acceptance);
    let size = column(|generation| generation.effective_sample_size);
    let from_zero = Axis::linear(size.iter().copied().chain([0.0]), 0.06);
    vec![
        ("threshold", generation_panel(generations, "threshold", &threshold, &Axis::decades(&threshold, &[]))),
        ("acceptance", generation_panel(generations, "accepted share", &acceptance, &Axis::decades(&acceptance, &[]))),
        ("effective sample size", generation_panel(generations, "effective sample size", &size, &from_zero)),
    ]
}

fn generation_panel(generations: &[Generation], title: &str, values: &[f64], y: &Axis) -> Value {
    let rows: Vec<Value> = generations
        .iter()
        .zip(values)
        .filter(|(_, value)| value.is_finite())
        .map(|(generation, value)| {
            json!({"x": generation.index, "y": value, "generation": generation.index.to_string(),
                "text": significant(*value, 3), "simulations": count(generation.simulations)})
        })
        .collect();
    let x = whole_numbers(generations.iter().map(|generation| generation.index));
    let tips = [tip("generation", "generation"), tip("text", title), tip("simulations", "simulations")];
    panel(&format!("{title} by generation"), rows, &x.channel("x", "generation"), &y.channel("y", title), &tips)
}

/// The panel of an optimiser: how far each start's final log-likelihood lies below the best, best start first.
/// Starts that ended without a finite log-likelihood are left out.
#[must_use]
pub fn starts(log_likelihoods: &[f64]) -> Value {
    let mut sorted: Vec<f64> = log_likelihoods.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(|left, right| right.total_cmp(left));
    let best = sorted.first().copied().unwrap_or(0.0);
    let gaps: Vec<f64> = sorted.iter().map(|value| best - value).collect();
    // The best lies at zero: the axis turns logarithmic at a difference of one, which is one that matters.
    let y = Axis::symlog(gaps.last().copied().unwrap_or(0.0), 1.0);
    let title = "log-likelihood below the best";
    let rows: Vec<Value> = sorted
        .iter()
        .zip(&gaps)
        .enumerate()
        .map(|(index, (value, gap))| {
            json!({"x": index + 1, "y": gap, "start": (index + 1).to_string(), "text": significant(*value, 6)})
        })
        .collect();
    let x = whole_numbers(1..=sorted.len());
    let tips = [tip("start", "rank of the start"), tip("text", "log-likelihood")];
    panel("Final log-likelihood by start", rows, &x.channel("x", "start, best first"), &y.channel("y", title), &tips)
}

fn panel(description: &str, rows: Vec<Value>, x: &Value, y: &Value, tips: &[Value]) -> Value {
    let mut spec = specification(description);
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["data"] = json!({"values": rows});
    spec["mark"] = json!({"type": "line", "color": POSTERIOR, "strokeWidth": 1.8,
        "point": {"filled": true, "size": 42, "color": POSTERIOR}});
    spec["encoding"] = json!({"x": x, "y": y, "tooltip": tips});
    spec
}

/// An axis with ticks at whole numbers, eleven at most.
fn whole_numbers(values: impl IntoIterator<Item = usize>) -> Axis {
    let values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
    let mut axis = Axis::linear(values.iter().copied(), 0.04);
    let step = values.len().div_ceil(11).max(1);
    axis.ticks = values.into_iter().step_by(step).collect();
    axis
}

//! What the data said of every parameter at a glance: a row for each, its prior dashed and its posterior filled, on the
//! range that the prior allows.

use serde_json::{Value, json};

use super::{specification, tip};
use crate::{
    axis::range,
    content::Parameter,
    number::{interval, rounded, significant},
    style::{GREY, INK, POSTERIOR},
};

/// Height of a row in pixels; densities reach into the row above.
const ROW: usize = 34;

/// Widest name in pixels.
const NAMES: usize = 120;

/// How many rows the highest density is high.
const REACH: f64 = 1.5;

/// All parameters, in their order from top to bottom.
#[must_use]
pub fn spec(parameters: &[Parameter]) -> Value {
    let rows: Vec<Value> = parameters.iter().enumerate().flat_map(|(index, one)| row(index, one)).collect();
    let names: Vec<Value> = parameters
        .iter()
        .enumerate()
        .map(|(index, one)| {
            json!({"base": index, "name": one.name, "estimate": significant(one.estimate, 3),
                "interval": interval(one.interval_95[0], one.interval_95[1])})
        })
        .collect();
    let x = json!({"field": "x", "type": "quantitative", "title": "range of the prior",
        "scale": {"domain": [0, 1], "nice": false}, "axis": {"values": [], "grid": false}});
    let y = |field: &str| {
        json!({"field": field, "type": "quantitative", "axis": null,
            "scale": {"domain": [parameters.len() as f64 - 0.9, -REACH], "nice": false}})
    };
    let curve = |density: &str, mark: Value| {
        json!({
            "data": {"name": "densities"},
            "transform": [{"filter": {"field": "density", "equal": density}}],
            "mark": mark,
            "encoding": {"x": x, "y": y("base"), "y2": {"field": "top"}, "detail": {"field": "base", "type": "ordinal"}}
        })
    };
    let tips = [tip("name", "parameter"), tip("estimate", "median"), tip("interval", "95 % interval")];
    let mut spec = specification("Prior and posterior densities of all parameters, on the ranges of their priors");
    spec["width"] = json!("container");
    spec["height"] = json!(ROW * parameters.len() + ROW);
    spec["datasets"] = json!({"densities": rows, "names": names});
    spec["layer"] = json!([
        curve("posterior", json!({"type": "area", "color": POSTERIOR, "fillOpacity": 0.35,
            "line": false, "clip": true})),
        {
            "data": {"name": "densities"},
            "mark": {"type": "line", "strokeWidth": 1.4, "clip": true},
            "encoding": {
                "x": x, "y": y("top"), "detail": {"field": "base", "type": "ordinal"},
                "color": {"field": "density", "type": "nominal", "legend": null,
                    "scale": {"domain": ["prior", "posterior"], "range": [GREY, POSTERIOR]}},
                "strokeDash": {"field": "density", "type": "nominal", "legend": null,
                    "scale": {"domain": ["prior", "posterior"], "range": [[4, 3], [1, 0]]}}
            }
        },
        {
            "data": {"name": "names"},
            "mark": {"type": "text", "align": "right", "baseline": "bottom", "dx": -8, "fontSize": 11, "color": INK,
                "limit": NAMES},
            "encoding": {"x": {"value": 0}, "y": y("base"), "text": {"field": "name", "type": "nominal"}, "tooltip": tips}
        },
    ]);
    spec
}

/// The curves of one parameter: positions along the range of the prior, and heights above its row, on an axis that points
/// down.
fn row(index: usize, parameter: &Parameter) -> Vec<Value> {
    let place = |value: f64| if parameter.log_scale { value.ln() } else { value };
    let ends = parameter.prior_density.iter().map(|point| place(point[0]));
    let Some([low, high]) = range(ends).filter(|[low, high]| high > low) else { return Vec::new() };
    let densities = [("prior", &parameter.prior_density), ("posterior", &parameter.posterior_density)];
    let all = densities.iter().flat_map(|(_, density)| density.iter().map(|point| point[1]));
    let Some([_, highest]) = range(all).filter(|[_, highest]| *highest > 0.0) else { return Vec::new() };
    let base = index as f64;
    let point = move |(name, value, density): (&str, f64, f64)| {
        json!({"base": base, "density": name, "x": rounded((place(value) - low) / (high - low)),
            "top": rounded(base - REACH * density / highest)})
    };
    let points = densities.into_iter().flat_map(|(name, density)| {
        // Half of the points are enough for a row of this height.
        density.iter().step_by(2).map(move |[value, density]| (name, *value, *density))
    });
    points.map(point).collect()
}

//! Prior against posterior: one panel per parameter.

use serde_json::{Value, json};

use super::{specification, tip, with_unit};
use crate::{
    axis::{Axis, range},
    content::Parameter,
    number::{interval, rounded, significant},
    style::{GREY, INK, POSTERIOR},
};

/// Height of a panel in pixels; the interval is drawn below it, between the densities and the axis.
const HEIGHT: u32 = 110;

/// The panel of one parameter: prior and posterior density, and below them the median (dot) with the central
/// intervals of 50 % (thick), 80 % and 95 % (thin).
#[must_use]
pub fn spec(parameter: &Parameter) -> Value {
    let densities = [&parameter.prior_density, &parameter.posterior_density];
    let values = densities.into_iter().flatten().map(|[value, _]| *value).chain(parameter.interval_95);
    let axis = if parameter.log_scale { Axis::log(values, 0.0) } else { Axis::linear(values, 0.0) };
    let mut x = axis.channel("value", &with_unit(&parameter.name, &parameter.unit));
    x["axis"]["offset"] = json!(12);
    let highest =
        range(densities.into_iter().flatten().map(|[_, density]| *density)).map_or(1.0, |[_, highest]| highest);
    let highest = if highest > 0.0 { highest * 1.05 } else { 1.0 };
    let y = json!({"field": "density", "type": "quantitative", "axis": null, "title": "density",
        "scale": {"domain": [0.0, highest], "nice": false}});
    let rows = |density: &[[f64; 2]]| -> Vec<Value> {
        density.iter().map(|[value, density]| json!({"value": rounded(*value), "density": rounded(*density)})).collect()
    };
    let curve = |name: &str, colour: &str, opacity: f64, line: Value| {
        json!({"data": {"name": name}, "encoding": {"x": x, "y": y},
            "mark": {"type": "area", "color": colour, "fillOpacity": opacity, "line": line, "clip": true}})
    };
    let below = json!({"value": HEIGHT + 6});
    let span = |name: &str, [lower, upper]: [f64; 2], width: f64| {
        let mut start = x.clone();
        start["field"] = json!("lower");
        json!({
            "data": {"values": [{"lower": axis.clamp(lower), "upper": axis.clamp(upper), "text": interval(lower, upper)}]},
            "mark": {"type": "rule", "color": POSTERIOR, "strokeWidth": width},
            "encoding": {"x": start, "x2": {"field": "upper"}, "y": below,
                "tooltip": [tip("text", name)]}
        })
    };

    let mut spec = specification(&format!("Prior and posterior density of {}", parameter.name));
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["datasets"] =
        json!({"prior": rows(&parameter.prior_density), "posterior": rows(&parameter.posterior_density)});
    spec["layer"] = json!([
        curve("prior", GREY, 0.15, json!({"color": GREY, "strokeWidth": 1.2, "strokeDash": [4, 3]})),
        curve("posterior", POSTERIOR, 0.3, json!({"color": POSTERIOR, "strokeWidth": 1.8})),
        span("95 % interval", parameter.interval_95, 1.3),
        span("80 % interval", parameter.interval_80, 3.0),
        span("50 % interval", parameter.interval_50, 6.0),
        {
            "data": {"values": [{"value": axis.clamp(parameter.estimate), "text": significant(parameter.estimate, 3)}]},
            "mark": {"type": "point", "filled": true, "shape": "circle", "size": 46, "opacity": 1, "color": "white",
                "stroke": INK, "strokeWidth": 1.4},
            "encoding": {"x": x, "y": below, "tooltip": [tip("text", "posterior median")]}
        }
    ]);
    spec
}

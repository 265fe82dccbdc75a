//! How far the likelihood of a parameter reaches, the others making good for it.

use serde_json::{Value, json};

use super::{specification, tip, with_unit};
use crate::{
    axis::Axis,
    content::ProfileCurve,
    number::{rounded, significant},
    style::{GREY, POSTERIOR},
};

/// Height in pixels.
const HEIGHT: usize = 120;

/// Drop of the log-likelihood beyond which nothing is drawn.
const LOWEST: f64 = 3.0;

/// One profile: the drop of the log-likelihood below its highest, and the line under which an interval of 95 % ends.
#[must_use]
pub fn spec(curve: &ProfileCurve) -> Value {
    let ends = curve.values.iter().copied();
    let axis = if curve.log_axis { Axis::log(ends, 0.03) } else { Axis::linear(ends, 0.03) };
    let points: Vec<Value> = curve
        .values
        .iter()
        .zip(&curve.drops)
        .filter(|(_, drop)| **drop <= LOWEST)
        .map(|(value, drop)| {
            json!({"value": rounded(*value), "drop": rounded(-drop), "value_text": significant(*value, 3),
                "drop_text": significant(*drop, 2)})
        })
        .collect();
    let x = axis.channel("value", &with_unit(&curve.name, &curve.unit));
    let y = json!({"field": "drop", "type": "quantitative", "title": "log-likelihood, from its highest",
        "scale": {"domain": [-LOWEST, 0.1], "nice": false}});
    let tips = [tip("value_text", &curve.name), tip("drop_text", "drop")];
    let mut spec = specification(&format!("Profile likelihood of {}", curve.name));
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["layer"] = json!([
        {"data": {"values": [{"drop": rounded(-curve.limit)}]},
            "mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]}, "encoding": {"y": y}},
        {"data": {"values": points}, "mark": {"type": "line", "color": POSTERIOR, "point": {"size": 14, "color": POSTERIOR}},
            "encoding": {"x": x, "y": y, "tooltip": tips}},
    ]);
    spec
}

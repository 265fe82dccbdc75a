//! How much an outcome goes with each parameter: a bar for each, from −1 to 1.

use serde_json::{Value, json};

use super::{specification, tip};
use crate::{
    axis::Axis,
    content::OutcomeSensitivity,
    style::{GREY, INK, POSTERIOR},
};

/// Height of a row in pixels.
const ROW: usize = 22;

/// Partial rank correlations with their 95 % intervals; bars of what is assumed are grey.
#[must_use]
pub fn spec(found: &OutcomeSensitivity) -> Value {
    let axis = Axis { domain: [-1.0, 1.0], ticks: vec![-1.0, -0.5, 0.0, 0.5, 1.0], ..Axis::linear([-1.0, 1.0], 0.0) };
    let x = |field: &str| axis.channel(field, "partial rank correlation");
    let rows: Vec<Value> = found
        .rows
        .iter()
        .map(|row| {
            json!({
                "parameter": row.parameter, "zero": 0, "coefficient": row.coefficient,
                "lower": row.interval[0], "upper": row.interval[1],
                "known": if row.is_assumption() { "assumption" } else { "data" },
                "text": signed(row.coefficient),
                "interval": format!("{} – {}", signed(row.interval[0]), signed(row.interval[1])),
                "words": row.words(),
            })
        })
        .collect();
    let names: Vec<&str> = found.rows.iter().map(|row| row.parameter.as_str()).collect();
    let y = json!({"field": "parameter", "type": "nominal", "sort": names, "title": null,
        "axis": {"domain": false, "ticks": false, "labelLimit": 150, "labelFontSize": 11, "labelPadding": 6}});
    let tips = [
        tip("parameter", "parameter"),
        tip("text", "partial rank correlation"),
        tip("interval", "95 % interval"),
        tip("words", "known"),
    ];
    let layer = |mark: Value, encoding: Value| json!({"data": {"name": "rows"}, "mark": mark, "encoding": encoding});
    let mut spec = specification(&format!("{}: partial rank correlation with each parameter", found.outcome));
    spec["width"] = json!("container");
    spec["height"] = json!(ROW * found.rows.len());
    spec["datasets"] = json!({"rows": rows});
    spec["layer"] = json!([
        layer(
            json!({"type": "bar", "size": 12, "opacity": 0.55}),
            json!({"x": x("zero"), "x2": {"field": "coefficient"}, "y": y, "tooltip": tips,
                "color": {"field": "known", "type": "nominal", "legend": null,
                    "scale": {"domain": ["data", "assumption"], "range": [POSTERIOR, GREY]}}})
        ),
        layer(
            json!({"type": "rule", "color": INK, "opacity": 0.8}),
            json!({"x": x("lower"), "x2": {"field": "upper"}, "y": y})
        ),
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": GREY},
            "encoding": {"x": x("zero")}
        },
    ]);
    spec
}

/// A coefficient with two decimals and a true minus.
#[must_use]
pub fn signed(value: f64) -> String {
    if value.is_finite() { format!("{:.2}", value + 0.0).replace('-', "−") } else { "–".into() }
}

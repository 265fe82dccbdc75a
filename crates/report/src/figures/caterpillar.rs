//! A posterior median with intervals of 50 % and 95 % in each of many rows: individuals, or differences.

use serde_json::{Value, json};

use super::{specification, tip};
use crate::{
    axis::Axis,
    content::Predicted,
    number::{interval, rounded, significant},
    style::{GREY, INK},
};

/// Rows up to which each has its name beside it.
const NAMED: usize = 40;

/// Heights of a row with and without a name, in pixels.
const ROWS: [usize; 2] = [20, 7];

/// Rows from which on they are drawn closer, so that all of them are about as high as this many.
const MOST: usize = 110;

/// What a plot of rows is of.
pub struct Plot<'a> {
    /// For screen readers.
    pub description: &'a str,
    /// The title of the axis.
    pub title: &'a str,
    /// What a row is, such as `subject`.
    pub of: &'a str,
    /// Whether the axis is logarithmic.
    pub log: bool,
    /// A value that rows are to be held against, drawn as a dashed line.
    pub reference: Option<f64>,
    /// Of intervals.
    pub colour: &'a str,
}

/// Rows from the first at the top to the last.
#[must_use]
pub fn spec(plot: &Plot<'_>, rows: &[(&str, Predicted)]) -> Value {
    let ends = rows.iter().flat_map(|(_, value)| [value.lower95, value.upper95]).chain(plot.reference);
    let axis = if plot.log { Axis::log(ends, 0.03) } else { Axis::linear(ends, 0.03) };
    let named = rows.len() <= NAMED;
    let height = match (named, rows.len()) {
        (true, rows) => ROWS[0] * rows,
        (false, rows) => ROWS[1] * rows.min(MOST),
    };
    let shown = |value: f64| rounded(axis.clamp(value));
    let values: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(index, (name, value))| {
            json!({
                "row": index, "name": name, "median": shown(value.median),
                "lower50": shown(value.lower50), "upper50": shown(value.upper50),
                "lower95": shown(value.lower95), "upper95": shown(value.upper95),
                "median_text": significant(value.median, 3),
                "interval50": interval(value.lower50, value.upper50),
                "interval95": interval(value.lower95, value.upper95),
            })
        })
        .collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let y_axis = match named {
        true => json!({"domain": false, "ticks": false, "grid": false, "labelLimit": 150, "labelPadding": 6,
            "labelOverlap": false, "values": (0..rows.len()).collect::<Vec<_>>(),
            "labelExpr": format!("{}[datum.value]", json!(names))}),
        false => Value::Null,
    };
    let y = json!({"field": "row", "type": "quantitative", "title": null, "axis": y_axis,
        "scale": {"domain": [rows.len() as f64 - 0.5, -0.5], "nice": false, "zero": false}});
    let x = |field: &str| axis.channel(field, plot.title);
    let tips = [
        tip("name", plot.of),
        tip("median_text", "median"),
        tip("interval50", "50 % interval"),
        tip("interval95", "95 % interval"),
    ];
    let layer = |mark: Value, encoding: Value| json!({"data": {"name": "rows"}, "mark": mark, "encoding": encoding});
    let rule = |width: f64, opacity: f64| json!({"type": "rule", "color": plot.colour, "strokeWidth": width, "opacity": opacity});
    let (thick, dot) = if named { (5.0, 34) } else { (2.6, 9) };
    let mut layers = vec![
        layer(rule(1.2, 0.75), json!({"x": x("lower95"), "x2": {"field": "upper95"}, "y": y})),
        layer(rule(thick, 0.6), json!({"x": x("lower50"), "x2": {"field": "upper50"}, "y": y})),
        layer(
            json!({"type": "point", "filled": true, "size": dot, "opacity": 1, "color": INK}),
            json!({"x": x("median"), "y": y}),
        ),
        // Unseen, but as large as a row.
        layer(
            json!({"type": "rule", "strokeWidth": height as f64 / rows.len().max(1) as f64, "opacity": 0}),
            json!({"x": x("lower95"), "x2": {"field": "upper95"}, "y": y, "tooltip": tips}),
        ),
    ];
    if let Some(reference) = plot.reference {
        layers.insert(
            0,
            json!({
                "data": {"values": [{"reference": rounded(axis.clamp(reference))}]},
                "mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]},
                "encoding": {"x": x("reference")}
            }),
        );
    }
    let mut spec = specification(plot.description);
    spec["width"] = json!("container");
    spec["height"] = json!(height);
    spec["datasets"] = json!({"rows": values});
    spec["layer"] = json!(layers);
    spec
}

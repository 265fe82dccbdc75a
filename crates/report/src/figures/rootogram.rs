//! Counts of many subjects: a hanging rootogram (Tukey 1972, "Some graphic and semigraphic displays").
//!
//! The bars are how many subjects had each number, and hang from how many were expected, on an axis of square roots, on
//! which all numbers of subjects scatter alike. Where the model holds, their lower ends lie near the line at zero.

use serde_json::{Value, json};

use super::{data_against_prediction::lines, specification, tip};
use crate::{
    axis::range,
    content::{CountBin, Counts, Predicted, Rootogram},
    number::{rounded, significant},
    style::{GREY, INK},
};

/// Height of a panel in pixels.
const HEIGHT: u32 = 210;

/// The panel of one arm and time.
#[must_use]
pub fn spec(counts: &Counts, panel: &Rootogram, colour: &str) -> Value {
    let row = |bin: &CountBin| {
        // Without predictions the bars stand on the axis.
        let top = if bin.expected.is_finite() { bin.expected.sqrt() } else { (bin.observed as f64).sqrt() };
        let foot = |number: f64| rounded(top - number.sqrt());
        let mut value = json!({
            "label": bin.label, "top": rounded(top), "foot": foot(bin.observed as f64),
            "observed": bin.observed.to_string(), "expected": significant(bin.expected, 3),
        });
        if let Some(Predicted { lower95, upper95, .. }) = bin.predicted {
            value["lower"] = json!(foot(upper95));
            value["upper"] = json!(foot(lower95));
            value["interval"] = json!(format!("{lower95:.0} – {upper95:.0}"));
        }
        value
    };
    let rows: Vec<Value> = panel.bins.iter().map(row).collect();
    let labels: Vec<&str> = panel.bins.iter().map(|bin| bin.label.as_str()).collect();
    let ends = rows.iter().flat_map(|row| ["top", "foot", "lower", "upper"].map(|field| row[field].as_f64()));
    let [lowest, highest] = range(ends.flatten().chain([0.0, 1.0])).unwrap_or([0.0, 1.0]);
    let x = json!({"field": "label", "type": "ordinal", "sort": labels, "title": counts.title,
        "axis": {"labelAngle": 0, "grid": false, "labelOverlap": "greedy"}});
    let y = |field: &str| {
        let numbers: Vec<u32> = [0, 1, 4, 9, 25, 49, 100, 225, 400, 900, 2500, 10_000]
            .into_iter()
            .filter(|number| f64::from(*number).sqrt() <= highest)
            .collect();
        let ticks: Vec<f64> = numbers.iter().map(|number| f64::from(*number).sqrt()).collect();
        json!({"field": field, "type": "quantitative", "title": "subjects",
            "scale": {"domain": [lowest - 0.1, highest + 0.15], "nice": false},
            "axis": {"values": ticks, "labelExpr": "format(datum.value * datum.value, '.0f')"}})
    };
    let tips = [
        tip("label", "number"),
        tip("observed", "subjects"),
        tip("expected", "expected"),
        tip("interval", "95 % interval"),
    ];
    let layer = |mark: Value, encoding: Value| json!({"mark": mark, "encoding": encoding});
    let mut spec = specification(&format!(
        "{}, {}: hanging rootogram of {} subjects against the posterior predictive distribution",
        counts.title, panel.name, panel.subjects
    ));
    if !panel.name.is_empty() {
        spec["title"] = json!({"text": lines(&panel.name)});
    }
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["data"] = json!({"values": rows});
    spec["layer"] = json!([
        {
            "transform": [{"filter": "isValid(datum.lower)"}],
            "mark": {"type": "bar", "width": {"band": 0.95}, "color": colour, "opacity": 0.25},
            "encoding": {"x": x, "y": y("lower"), "y2": {"field": "upper"}}
        },
        layer(
            json!({"type": "bar", "width": {"band": 0.5}, "color": INK, "opacity": 0.75}),
            json!({"x": x, "y": y("top"), "y2": {"field": "foot"}, "tooltip": tips})
        ),
        layer(
            json!({"type": "line", "color": colour, "strokeWidth": 2, "point": {"color": colour, "size": 26}}),
            json!({"x": x, "y": y("top")})
        ),
        {
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": GREY},
            "encoding": {"y": y("zero")}
        },
    ]);
    spec
}

//! Numbers found among so many: each share with its exact interval, over the intervals that the model predicts for a sample
//! as large.

use serde_json::{Value, json};

use super::{data_against_prediction::lines, specification, tip};
use crate::{
    axis::Axis,
    content::{SharePanel, Shares},
    number::{percent, tick},
    style::INK,
};

/// Height of a row in pixels.
const ROW: usize = 26;

/// The panel of one arm and time: a row for each share. All panels have the same axis.
#[must_use]
pub fn spec(shares: &Shares, panel: &SharePanel, colour: &str) -> Value {
    let all = shares.panels.iter().flat_map(|panel| &panel.rows);
    let ends = all.flat_map(|row| [Some(row.exact[1]), row.predicted.map(|predicted| predicted.upper95)]);
    let axis = Axis::linear(ends.flatten().chain([0.0]), 0.03);
    let axis = Axis { domain: [0.0, axis.domain[1].min(1.0)], ..axis };
    let x = |field: &str| axis.channel(field, "share");
    // Rows of one name are told apart by what is not seen.
    let places: Vec<String> = panel
        .rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            let before = panel.rows[..index].iter().filter(|other| other.name == row.name).count();
            format!("{}{}", row.name, "\u{200b}".repeat(before))
        })
        .collect();
    let rows: Vec<Value> = panel
        .rows
        .iter()
        .zip(&places)
        .map(|(row, place)| {
            let mut value = json!({
                "row": place, "share": row.found / row.of, "lower": row.exact[0], "upper": row.exact[1],
                "measured": format!("{} of {}", tick(row.found), tick(row.of)),
                "exact": format!("{} – {}", percent(row.exact[0]), percent(row.exact[1])),
            });
            if let Some(predicted) = row.predicted {
                value["lower95"] = json!(predicted.lower95);
                value["lower50"] = json!(predicted.lower50);
                value["median"] = json!(predicted.median);
                value["upper50"] = json!(predicted.upper50);
                value["upper95"] = json!(predicted.upper95);
                value["predicted"] = json!(format!(
                    "{} ({} – {})",
                    percent(predicted.median),
                    percent(predicted.lower95),
                    percent(predicted.upper95)
                ));
            }
            value
        })
        .collect();
    let y = json!({"field": "row", "type": "nominal", "sort": places, "title": null,
        "axis": {"domain": false, "ticks": false, "labelLimit": 150, "labelFontSize": 11, "labelPadding": 6}});
    let tips = [
        tip("row", "of"),
        tip("measured", "measured"),
        tip("exact", "exact 95 % interval"),
        tip("predicted", "model (95 % interval)"),
    ];
    let layer = |mark: Value, encoding: Value| json!({"data": {"name": "rows"}, "mark": mark, "encoding": encoding});
    let predicted = |mark: Value, encoding: Value| {
        let mut layer = layer(mark, encoding);
        layer["transform"] = json!([{"filter": "isValid(datum.median)"}]);
        layer
    };
    let band = |size: u32, opacity: f64| json!({"type": "bar", "size": size, "color": colour, "opacity": opacity});
    let name = if panel.name.is_empty() { String::new() } else { format!(", {}", panel.name) };
    let mut spec = specification(&format!("{}{name}: shares against posterior predictive intervals", shares.title));
    if !panel.name.is_empty() {
        spec["title"] = json!({"text": lines(&panel.name)});
    }
    spec["width"] = json!("container");
    spec["height"] = json!(ROW * panel.rows.len());
    spec["datasets"] = json!({"rows": rows});
    spec["layer"] = json!([
        predicted(band(16, 0.18), json!({"x": x("lower95"), "x2": {"field": "upper95"}, "y": y})),
        predicted(band(16, 0.32), json!({"x": x("lower50"), "x2": {"field": "upper50"}, "y": y})),
        predicted(
            json!({"type": "tick", "size": 16, "thickness": 2, "color": colour}),
            json!({"x": x("median"), "y": y})
        ),
        layer(json!({"type": "rule", "color": INK}), json!({"x": x("lower"), "x2": {"field": "upper"}, "y": y})),
        layer(
            json!({"type": "point", "filled": true, "size": 40, "opacity": 1, "color": INK}),
            json!({"x": x("share"), "y": y, "tooltip": tips})
        ),
    ]);
    spec
}

//! The share of subjects without an event under each of some arms, in one panel.

use serde_json::{Value, json};

use super::{specification, tip, with_unit};
use crate::{
    axis::Axis,
    content::{Band, EventCurves},
    number::{percent, rounded, tick},
};

/// Height of the panel in pixels.
const HEIGHT: u32 = 280;

/// Curves of all arms with bands of 95 % over the posterior; `colours` are those of the arms.
#[must_use]
pub fn spec(event: &EventCurves, time_unit: &str, colours: &[&str]) -> Value {
    let times = || event.arms.iter().flat_map(|arm| &arm.bands).map(|band| band.time);
    let axis = Axis::linear(times(), 0.0).with_ticks(7.0);
    let lowest = event.arms.iter().flat_map(|arm| &arm.bands).map(|band| band.lower95).fold(1.0, f64::min);
    // Rare events would be a line along the top.
    let floor = if lowest > 0.8 { Axis::linear([lowest, 1.0], 0.1).domain[0].min(lowest) } else { 0.0 };
    let share = Axis { domain: [floor, 1.0], ..Axis::linear([floor, 1.0], 0.0) };
    let x = axis.channel("time", &with_unit("time", time_unit));
    let y = |field: &str| share.channel(field, "share without the event");
    let row = |arm: &str, band: &Band| {
        json!({
            "arm": arm, "time": rounded(band.time), "median": rounded(band.median),
            "lower95": rounded(band.lower95), "upper95": rounded(band.upper95),
            "time_text": format!("{} {time_unit}", tick(band.time)), "median_text": percent(band.median),
            "interval95": format!("{} – {}", percent(band.lower95), percent(band.upper95)),
        })
    };
    let rows: Vec<Value> = event.arms.iter().flat_map(|arm| arm.bands.iter().map(|band| row(&arm.arm, band))).collect();
    let names: Vec<&str> = event.arms.iter().map(|arm| arm.arm.as_str()).collect();
    let colour = json!({"field": "arm", "type": "nominal", "title": null,
        "scale": {"domain": names, "range": colours},
        "legend": {"orient": "top", "direction": "vertical", "columns": 1, "labelLimit": 320, "symbolType": "stroke",
            "symbolStrokeWidth": 3, "symbolOpacity": 1}});
    let tips =
        [tip("arm", "arm"), tip("time_text", "time"), tip("median_text", "share"), tip("interval95", "95 % interval")];
    let layer = |mark: Value, encoding: Value| json!({"data": {"name": "curves"}, "mark": mark, "encoding": encoding});
    // Bands of several arms would hide each other: of the first alone it is filled.
    let mut area = layer(
        json!({"type": "area", "interpolate": "step-after", "opacity": 0.13}),
        json!({"x": x, "y": y("lower95"), "y2": {"field": "upper95"}, "color": colour}),
    );
    area["transform"] = json!([{"filter": {"field": "arm", "equal": names.first()}}]);
    let edge = |field: &str| {
        layer(
            json!({"type": "line", "interpolate": "step-after", "strokeWidth": 1, "strokeDash": [3, 3], "opacity": 0.8}),
            json!({"x": x, "y": y(field), "color": colour}),
        )
    };
    let mut spec = specification(&format!(
        "Share of subjects without {} over time under each arm, with 95 % intervals over the posterior",
        event.endpoint
    ));
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["datasets"] = json!({"curves": rows});
    spec["layer"] = json!([
        area,
        edge("lower95"),
        edge("upper95"),
        layer(
            json!({"type": "line", "interpolate": "step-after", "strokeWidth": 2}),
            json!({"x": x, "y": y("median"), "color": colour})
        ),
        // Unseen, but large enough to be pointed at.
        layer(
            json!({"type": "point", "filled": true, "size": 200, "opacity": 0}),
            json!({"x": x, "y": y("median"), "tooltip": tips})
        ),
    ]);
    spec
}

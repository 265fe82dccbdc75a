//! Times to an event: the Kaplan–Meier curve of the data before the band of those the model predicts, with the numbers at
//! risk under the axis.

use metacascade_problem::{kaplan_meier, survival_at};
use serde_json::{Value, json};

use super::{data_against_prediction::lines, specification, tip, with_unit};
use crate::{
    axis::Axis,
    content::{Band, Stratum, Survival},
    number::{percent, rounded, tick},
    style::{GREY, INK},
};

/// Height of a panel in pixels, without what stands under it.
const HEIGHT: u32 = 210;

/// How far below the panel the numbers at risk stand: under the labels of the axis.
const AT_RISK: u32 = HEIGHT + 31;

/// The axis of time that all panels share; its ticks are where numbers at risk and rows of the table are.
#[must_use]
pub fn time_axis(survival: &Survival) -> Axis {
    let ends = survival.strata.iter().map(Stratum::end);
    let axis = Axis::linear(ends.chain([0.0]), 0.02);
    Axis { domain: [0.0, axis.domain[1]], ..axis }.with_ticks(7.0)
}

/// The panel of one stratum: bands of 50 % and 95 % of predicted Kaplan–Meier curves, the model's own share without the
/// event, the data's curve with a tick where a subject was lost from sight, and how many were at risk.
#[must_use]
pub fn spec(survival: &Survival, stratum: &Stratum, time_unit: &str, colour: &str) -> Value {
    let time = time_axis(survival);
    let mut x = time.channel("time", &with_unit("time", time_unit));
    x["axis"]["titlePadding"] = json!(26);
    let share = Axis { domain: [0.0, 1.0], ..Axis::linear([0.0, 1.0], 0.0) };
    let y = |field: &str| share.channel(field, "share without the event");
    let curve = kaplan_meier(&stratum.observed);
    let data: Vec<Value> =
        steps(&curve, stratum.end()).map(|[time, share]| json!({"time": time, "share": share})).collect();
    let lost: Vec<Value> = stratum
        .observed
        .iter()
        .filter(|(_, event)| !event)
        .map(|(time, _)| json!({"time": time, "share": survival_at(&curve, *time)}))
        .collect();
    let risk: Vec<Value> = time
        .ticks
        .iter()
        .filter(|tick| **tick <= stratum.end())
        .map(|tick| json!({"time": tick, "count": stratum.at_risk(*tick).to_string()}))
        .collect();
    let row = |band: &Band| {
        json!({
            "time": rounded(band.time), "median": rounded(band.median),
            "lower50": rounded(band.lower50), "upper50": rounded(band.upper50),
            "lower95": rounded(band.lower95), "upper95": rounded(band.upper95),
            "time_text": format!("{} {time_unit}", tick(band.time)),
            "share_text": percent(survival_at(&curve, band.time)), "median_text": percent(band.median),
            "interval50": interval_of_shares(band.lower50, band.upper50),
            "interval95": interval_of_shares(band.lower95, band.upper95),
            "at_risk": stratum.at_risk(band.time).to_string(),
        })
    };
    let tips = [
        tip("time_text", "time"),
        tip("share_text", "measured"),
        tip("median_text", "model"),
        tip("interval50", "50 % interval"),
        tip("interval95", "95 % interval"),
        tip("at_risk", "at risk"),
    ];
    let layer =
        |data: &str, mark: Value, encoding: Value| json!({"data": {"name": data}, "mark": mark, "encoding": encoding});
    let area = |opacity: f64| json!({"type": "area", "interpolate": "step-after", "color": colour, "opacity": opacity});
    let of = if stratum.name.is_empty() { String::new() } else { format!(", {}", stratum.name) };
    let mut spec = specification(&format!(
        "{}{of}: Kaplan–Meier curve of {} subjects against its posterior predictive intervals",
        survival.endpoint,
        stratum.observed.len()
    ));
    if !stratum.name.is_empty() {
        spec["title"] = json!({"text": lines(&stratum.name)});
    }
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["datasets"] = json!({
        "bands": stratum.bands.iter().map(row).collect::<Vec<Value>>(), "data": data, "lost": lost, "risk": risk
    });
    spec["layer"] = json!([
        layer("bands", area(0.18), json!({"x": x, "y": y("lower95"), "y2": {"field": "upper95"}})),
        layer("bands", area(0.32), json!({"x": x, "y": y("lower50"), "y2": {"field": "upper50"}})),
        layer("bands", json!({"type": "line", "color": colour, "strokeWidth": 2}), json!({"x": x, "y": y("median")})),
        layer(
            "data",
            json!({"type": "line", "interpolate": "step-after", "color": INK, "strokeWidth": 1.6}),
            json!({"x": x, "y": y("share")})
        ),
        layer(
            "lost",
            json!({"type": "point", "shape": "M0,-0.5L0,0.5", "size": 110, "stroke": INK, "strokeWidth": 1, "opacity": 0.75}),
            json!({"x": x, "y": y("share")})
        ),
        layer(
            "risk",
            json!({"type": "text", "fontSize": 11, "color": INK}),
            json!({"x": x, "y": {"value": AT_RISK}, "text": {"field": "count", "type": "nominal"}})
        ),
        {
            "data": {"values": [{"text": "at risk"}]},
            "mark": {"type": "text", "fontSize": 11, "color": GREY, "align": "right", "dx": -12},
            "encoding": {"x": {"value": 0}, "y": {"value": AT_RISK}, "text": {"field": "text", "type": "nominal"}}
        },
        // Unseen, but large enough to be pointed at.
        layer(
            "bands",
            json!({"type": "point", "filled": true, "size": 300, "opacity": 0}),
            json!({"x": x, "y": y("median"), "tooltip": tips})
        ),
    ]);
    spec
}

/// `62 % – 71 %`.
fn interval_of_shares(lower: f64, upper: f64) -> String {
    format!("{} – {}", percent(lower), percent(upper))
}

/// The corners of a curve from 1 at time 0 to the end of follow-up.
fn steps(curve: &[(f64, f64)], end: f64) -> impl Iterator<Item = [f64; 2]> {
    let last = survival_at(curve, end);
    std::iter::once([0.0, 1.0]).chain(curve.iter().map(|&(time, share)| [time, share])).chain([[end, last]])
}

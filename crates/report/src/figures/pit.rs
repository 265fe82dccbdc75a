//! Whether measurements fall where the model expects them, and truths where a method does: the distribution function of
//! probability integral transforms, less that of uniform values, in its simultaneous 95 % band (Säilynoja, Bürkner & Vehtari
//! 2022, Stat. Comput. 32:32).

use serde_json::{Value, json};

use super::specification;
use crate::{
    axis::{Axis, range},
    content::{CalibratedParameter, Calibration, Check},
    number::rounded,
    style::{GREY, INK, POSTERIOR},
};

/// Height of a panel in pixels.
const HEIGHT: u32 = 150;

/// The panel of one observable.
#[must_use]
pub fn spec(check: &Check) -> Value {
    let what = format!(
        "{}: distribution function of the probability integral transforms less the uniform one, in its 95 % band",
        check.name
    );
    panel(&check.name, &what, "simulated values below the measured one", &check.pit, &check.band)
}

/// The panel of one parameter's ranks.
#[must_use]
pub fn ranks(calibration: &Calibration, parameter: &CalibratedParameter) -> Value {
    let what = format!("{}: distribution function of the ranks less the uniform one, in its 95 % band", parameter.name);
    panel(&parameter.name, &what, "posterior below the truth", &parameter.ranks, &calibration.band)
}

fn panel(name: &str, what: &str, below: &str, values: &[f64], band: &[(f64, [f64; 2])]) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let size = sorted.len().max(1) as f64;
    let corner = |(index, value): (usize, &f64)| {
        // Before the step and after it.
        [index as f64, index as f64 + 1.0]
            .map(|below| json!({"x": rounded(*value), "y": rounded(below / size - value)}))
    };
    let mut steps = vec![json!({"x": 0, "y": 0})];
    steps.extend(sorted.iter().enumerate().flat_map(corner));
    steps.push(json!({"x": 1, "y": 0}));
    let ends = band.iter().map(|(point, [lower, upper])| (*point, lower - point, upper - point));
    let mut band = vec![json!({"x": 0, "lower": 0, "upper": 0})];
    band.extend(ends.map(|(x, lower, upper)| json!({"x": x, "lower": rounded(lower), "upper": rounded(upper)})));
    band.push(json!({"x": 1, "lower": 0, "upper": 0}));
    let heights = steps.iter().map(|step| step["y"].as_f64());
    let bounds = band.iter().flat_map(|end| [end["lower"].as_f64(), end["upper"].as_f64()]);
    let highest = range(heights.chain(bounds).flatten()).map_or(0.1, |[low, high]| high.max(-low));
    let axis = Axis::linear([-highest, highest], 0.05);
    let x = json!({"field": "x", "type": "quantitative", "title": below,
        "scale": {"domain": [0, 1], "nice": false}, "axis": {"values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f"}});
    let y = |field: &str| axis.channel(field, "too many below");
    let mut spec = specification(what);
    spec["title"] = json!({"text": super::data_against_prediction::lines(name)});
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["datasets"] = json!({"band": band, "steps": steps});
    spec["layer"] = json!([
        {"data": {"name": "band"}, "mark": {"type": "area", "color": POSTERIOR, "opacity": 0.2},
            "encoding": {"x": x, "y": y("lower"), "y2": {"field": "upper"}}},
        {"data": {"values": [{"y": 0}]}, "mark": {"type": "rule", "color": GREY, "strokeWidth": 0.7},
            "encoding": {"y": y("y")}},
        {"data": {"name": "steps"}, "mark": {"type": "line", "color": INK, "strokeWidth": 1.4},
            "encoding": {"x": x, "y": y("y"), "order": {"value": null}}},
    ]);
    spec
}

//! Measurements against the posterior predictive distribution: one panel per observable and arm, all panels of
//! an observable on the same axes.

use std::collections::BTreeMap;

use metacascade_problem::clopper_pearson;
use serde_json::{Value, json};

use super::{specification, tip, with_unit};
use crate::{
    axis::{Axis, Scale},
    content::{Band, Measurement, Observable, Series},
    number::{interval, rounded, significant, tick},
    style::INK,
};

/// Height of a panel in pixels.
const HEIGHT: u32 = 210;

/// Subjects measured repeatedly from which on each is a line.
const LINES: usize = 8;

/// Characters of a line of a panel's title.
const TITLE: usize = 36;

/// The panel of one arm: bands of 50 % and 95 %, the median, and the measurements with bars of one standard
/// deviation either way, or of the exact 95 % interval of a share. Of many subjects measured repeatedly, each is a thin
/// line. `colour` is the arm's.
#[must_use]
pub fn spec(observable: &Observable, series: &Series, time_unit: &str, colour: &str) -> Value {
    let [time, value] = axes(observable);
    let x = time.channel("time", &with_unit("time", time_unit));
    let y = |field: &str| value.channel(field, &with_unit(observable.label(), &observable.unit));
    let bands: Vec<Value> = series.bands.iter().map(|band| band_row(band, &value, time_unit)).collect();
    let data: Vec<Value> = series.data.iter().map(|point| data_row(point, &value, time_unit)).collect();

    // An area or a line over a single time has no width and would not be seen.
    let (area, line) = match bands.len() {
        1 => (json!({"type": "rule", "strokeWidth": 14}), json!({"type": "tick", "width": 22, "thickness": 2})),
        _ => (json!({"type": "area"}), json!({"type": "line", "strokeWidth": 2})),
    };
    let styled = |mut mark: Value, opacity: f64| {
        mark["color"] = json!(colour);
        mark["opacity"] = json!(opacity);
        mark["clip"] = json!(true);
        mark
    };
    let band_tips = [
        tip("time_text", "time"),
        tip("median_text", "predicted median"),
        tip("interval50", "50 % interval"),
        tip("interval95", "95 % interval"),
    ];
    let data_tips = [tip("time_text", "time"), tip("value_text", "measured"), tip("replicate", "replicate")];
    let bands_of =
        |mark: Value, encoding: Value| json!({"data": {"name": "bands"}, "mark": mark, "encoding": encoding});
    let data_of = |mark: Value, encoding: Value| json!({"data": {"name": "data"}, "mark": mark, "encoding": encoding});

    let mut spec = specification(&format!(
        "{}{}: measurements against posterior predictive intervals",
        observable.label(),
        if series.arm.is_empty() { String::new() } else { format!(", {}", series.arm) }
    ));
    if !series.arm.is_empty() {
        spec["title"] = json!({"text": lines(&series.arm)});
    }
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["datasets"] = json!({"bands": bands, "data": data});
    let lines_shown = repeated(series) >= LINES;
    let points = match lines_shown {
        true => json!({"type": "point", "filled": true, "size": 8, "opacity": 0.6, "color": INK}),
        false => json!({"type": "point", "filled": true, "size": 34, "opacity": 0.85, "color": INK}),
    };
    let mut layers = vec![
        bands_of(styled(area.clone(), 0.18), json!({"x": x, "y": y("lower95"), "y2": {"field": "upper95"}})),
        bands_of(styled(area, 0.32), json!({"x": x, "y": y("lower50"), "y2": {"field": "upper50"}})),
        bands_of(styled(line, 1.0), json!({"x": x, "y": y("median")})),
        // Unseen, but large enough to be pointed at.
        bands_of(
            json!({"type": "point", "filled": true, "size": 300, "opacity": 0, "clip": true}),
            json!({"x": x, "y": y("median"), "tooltip": band_tips}),
        ),
    ];
    // Marks of nothing would have nothing to say to screen readers.
    if !series.data.is_empty() {
        layers.push(data_of(
            json!({"type": "rule", "color": INK, "clip": true}),
            json!({"x": x, "y": y("lower"), "y2": {"field": "upper"}}),
        ));
        layers.push(data_of(points, json!({"x": x, "y": y("value"), "tooltip": data_tips})));
    }
    if lines_shown {
        let line = json!({"type": "line", "color": INK, "strokeWidth": 0.7, "opacity": 0.4, "clip": true});
        let detail = json!({"field": "replicate", "type": "nominal"});
        layers.insert(2, data_of(line, json!({"x": x, "y": y("value"), "detail": detail})));
    }
    spec["layer"] = json!(layers);
    spec
}

/// How many named subjects were measured more than once.
fn repeated(series: &Series) -> usize {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for point in series.data.iter().filter(|point| !point.replicate.is_empty()) {
        *times.entry(&point.replicate).or_default() += 1;
    }
    times.values().filter(|times| **times > 1).count()
}

/// The ends of a measurement's bar.
fn bar(point: &Measurement) -> [f64; 2] {
    match (point.found_of, point.sd) {
        (Some((found, of)), _) => clopper_pearson(found, of, 0.95),
        (None, sd) => [point.value - sd.unwrap_or(0.0), point.value + sd.unwrap_or(0.0)],
    }
}

/// A title in lines that fit into a panel on a phone.
pub(super) fn lines(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < TITLE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The axes of time and value that all arms of an observable share.
fn axes(observable: &Observable) -> [Axis; 2] {
    let data = || observable.series.iter().flat_map(|series| &series.data);
    let bands = || observable.series.iter().flat_map(|series| &series.bands);
    let times = data().map(|point| point.time).chain(bands().map(|band| band.time));
    let core: Vec<f64> = data().map(|point| point.value).collect();
    let medians = bands().map(|band| band.median);
    let bars = data().flat_map(bar);
    let ends = bands().flat_map(|band| [band.lower95, band.upper95]);
    // A bar or an interval may reach below zero though the quantity cannot.
    let floor = if !core.is_empty() && core.iter().all(|value| *value >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let fringe: Vec<f64> = bars.chain(medians).chain(ends).map(|value| value.max(floor)).collect();
    let value = if observable.log_axis {
        Axis::decades(&core, &fringe)
    } else {
        Axis::linear(core.iter().copied().chain(fringe).chain([0.0]), 0.04)
    };
    [Axis::linear(times, 0.03), value]
}

fn band_row(band: &Band, axis: &Axis, time_unit: &str) -> Value {
    let shown = |value: f64| rounded(axis.clamp(value));
    // The median leaves the panel where it falls below a logarithmic axis; along its foot it would look like a value.
    let median = match axis.scale {
        Scale::Log if band.median <= 0.0 => Value::Null,
        Scale::Log => json!(rounded(band.median)),
        _ => json!(shown(band.median)),
    };
    json!({
        "time": band.time,
        "median": median,
        "lower50": shown(band.lower50),
        "upper50": shown(band.upper50),
        "lower95": shown(band.lower95),
        "upper95": shown(band.upper95),
        "time_text": format!("{} {time_unit}", tick(band.time)),
        "median_text": significant(band.median, 3),
        "interval50": interval(band.lower50, band.upper50),
        "interval95": interval(band.lower95, band.upper95),
    })
}

fn data_row(point: &Measurement, axis: &Axis, time_unit: &str) -> Value {
    let [lower, upper] = bar(point);
    let spread = match (point.found_of, point.sd) {
        (Some((found, of)), _) => format!(" ({} of {})", tick(found), tick(of)),
        (None, sd) => sd.map_or(String::new(), |sd| format!(" ± {}", significant(sd, 3))),
    };
    json!({
        "time": point.time,
        "value": axis.clamp(point.value),
        "lower": axis.clamp(lower),
        "upper": axis.clamp(upper),
        "time_text": format!("{} {time_unit}", tick(point.time)),
        "value_text": format!("{}{spread}", significant(point.value, 3)),
        "replicate": if point.replicate.is_empty() { "–" } else { &point.replicate },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_titles_are_broken_between_words() {
        assert_eq!(lines("control"), ["control"]);
        assert_eq!(
            lines("anti-VEGF from day 10 and surgery on day 24"),
            ["anti-VEGF from day 10 and surgery on", "day 24"]
        );
        assert_eq!(lines(&"x".repeat(50)).len(), 1);
    }

    #[test]
    fn a_median_of_zero_leaves_a_logarithmic_panel_and_lies_on_a_linear_one() {
        let band = Band { time: 1.0, median: 0.0, lower50: -1.0, upper50: 20.0, lower95: -9.0, upper95: 1e9 };
        let row = band_row(&band, &Axis::decades(&[10.0, 1000.0], &[]), "day");
        assert_eq!(row["median"], Value::Null);
        // Ends of intervals stay at the panel's edge.
        assert!(row["lower95"].as_f64().is_some_and(|lower| lower > 0.0 && lower <= 10.0), "{row}");
        assert!(row["upper95"].as_f64().is_some_and(|upper| upper < 1e4), "{row}");
        assert_eq!(band_row(&band, &Axis::linear([0.0, 10.0], 0.0), "day")["median"], json!(0.0));
    }
}

//! How a simulated quantity went over time: its trajectories, intervals over many of them, or mean and standard deviation.

use serde_json::{Value, json};

use super::{specification, tip, with_unit};
use crate::{
    axis::Axis,
    content::{Course, Values, below},
    number::{interval, rounded, significant, tick},
    style::POSTERIOR,
};

/// Height of a panel in pixels.
const HEIGHT: u32 = 180;

/// Points of a panel; more cannot be told apart.
const MOST_POINTS: usize = 10_000;

/// Times of bands.
const MOST_TIMES: usize = 400;

/// The ratio of the largest to the smallest positive value from which on an axis is logarithmic.
const DECADES: f64 = 1000.0;

/// The panel of one quantity at the given times.
#[must_use]
pub fn spec(course: &Course, times: &[f64], time_unit: &str) -> Value {
    let time = Axis::linear(times.iter().copied(), 0.0);
    let value = axis(&course.values);
    let x = time.channel("time", &with_unit("time", time_unit));
    let y = |field: &str| value.channel(field, &with_unit(&course.name, &course.unit));
    let shown = |number: f64| rounded(value.clamp(number));
    let text = |time: f64| format!("{} {time_unit}", tick(time)).trim_end().to_owned();
    let layer = |mark: Value, encoding: Value| json!({"mark": mark, "encoding": encoding});
    let area = |opacity: f64| json!({"type": "area", "color": POSTERIOR, "opacity": opacity, "clip": true});
    let line = json!({"type": "line", "color": POSTERIOR, "strokeWidth": 2, "clip": true});
    // Unseen, but large enough to be pointed at.
    let point = json!({"type": "point", "filled": true, "size": 200, "opacity": 0, "clip": true});

    let (rows, layers, what): (Vec<Value>, Vec<Value>, &str) = match &course.values {
        Values::Trajectories(all) => {
            let places = places(times.len(), (MOST_POINTS / all.len().max(1)).max(2));
            let of_one = |(index, values): (usize, &Vec<f64>)| {
                let row = |&place: &usize| {
                    let (time, value) = (times[place], *values.get(place)?);
                    let row = json!({"time": time, "value": shown(value), "trajectory": index});
                    value.is_finite().then_some(row)
                };
                places.iter().filter_map(row).collect::<Vec<_>>()
            };
            let [width, opacity] = if all.len() == 1 { [2.0, 1.0] } else { [0.9, 0.45] };
            let line = json!({"type": "line", "color": POSTERIOR, "strokeWidth": width, "opacity": opacity,
                "clip": true});
            let detail = json!({"field": "trajectory", "type": "nominal"});
            let layers = vec![layer(line, json!({"x": x, "y": y("value"), "detail": detail}))];
            (all.iter().enumerate().flat_map(of_one).collect(), layers, "trajectories")
        }
        Values::Quantiles(bands) => {
            let row = |&place: &usize| {
                let band = bands.get(place)?;
                Some(json!({
                    "time": band.time, "median": shown(band.median), "lower50": shown(band.lower50),
                    "upper50": shown(band.upper50), "lower95": shown(band.lower95), "upper95": shown(band.upper95),
                    "time_text": text(band.time), "median_text": significant(band.median, 3),
                    "interval50": interval(band.lower50, band.upper50),
                    "interval95": interval(band.lower95, band.upper95),
                }))
            };
            let tips = [
                tip("time_text", "time"),
                tip("median_text", "median"),
                tip("interval50", "50 % of trajectories"),
                tip("interval95", "95 % of trajectories"),
            ];
            let layers = vec![
                layer(area(0.18), json!({"x": x, "y": y("lower95"), "y2": {"field": "upper95"}})),
                layer(area(0.32), json!({"x": x, "y": y("lower50"), "y2": {"field": "upper50"}})),
                layer(line, json!({"x": x, "y": y("median")})),
                layer(point, json!({"x": x, "y": y("median"), "tooltip": tips})),
            ];
            let rows = places(times.len(), MOST_TIMES).iter().filter_map(row).collect();
            (rows, layers, "median and intervals that hold 50 and 95 % of the trajectories")
        }
        Values::Moments { mean, sd } => {
            let row = |&place: &usize| {
                let (time, mean, sd) = (times[place], *mean.get(place)?, *sd.get(place)?);
                let row = json!({
                    "time": time, "mean": shown(mean), "lower": shown(below(mean, sd)), "upper": shown(mean + sd),
                    "time_text": text(time), "mean_text": significant(mean, 3), "sd_text": significant(sd, 3),
                });
                (mean.is_finite() && sd.is_finite()).then_some(row)
            };
            let tips = [tip("time_text", "time"), tip("mean_text", "mean"), tip("sd_text", "standard deviation")];
            let layers = vec![
                layer(area(0.25), json!({"x": x, "y": y("lower"), "y2": {"field": "upper"}})),
                layer(line, json!({"x": x, "y": y("mean")})),
                layer(point, json!({"x": x, "y": y("mean"), "tooltip": tips})),
            ];
            let rows = places(times.len(), MOST_TIMES).iter().filter_map(row).collect();
            (rows, layers, "mean, and one standard deviation either way")
        }
    };
    let mut spec = specification(&format!("{} over time: {what}", course.name));
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["data"] = json!({"values": rows});
    spec["layer"] = json!(layers);
    spec
}

/// Logarithmic where values span decades, with zero where there are zeros.
fn axis(values: &Values) -> Axis {
    let all = values.all();
    let positive = || all.iter().copied().filter(|value| *value > 0.0 && value.is_finite());
    let [lowest, highest] = [positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max)];
    if highest / lowest > DECADES && all.iter().all(|value| *value >= 0.0 || value.is_nan()) {
        Axis::decades(&all, &[])
    } else {
        Axis::linear(all.into_iter().chain([0.0]), 0.04)
    }
}

/// Places of at most about `most` of `count` times, evenly, the first and the last among them.
pub(crate) fn places(count: usize, most: usize) -> Vec<usize> {
    let step = count.saturating_sub(1).div_ceil(most.saturating_sub(1).max(1)).max(1);
    let mut places: Vec<usize> = (0..count).step_by(step).collect();
    if count > 0 && places.last() != Some(&(count - 1)) {
        places.push(count - 1);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_thinned_evenly_to_both_ends() {
        assert_eq!(places(0, 5), [] as [usize; 0]);
        assert_eq!(places(1, 5), [0]);
        assert_eq!(places(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(places(11, 5), [0, 3, 6, 9, 10]);
        assert!(places(100_000, 400).len() <= 401);
    }

    #[test]
    fn counts_that_span_decades_have_a_logarithmic_axis_also_with_zeros() {
        let axis = |values: &[f64]| axis(&Values::Trajectories(vec![values.to_vec()])).scale;
        assert_eq!(axis(&[1.0, 500.0]), crate::axis::Scale::Linear);
        assert_eq!(axis(&[1.0, 5e6]), crate::axis::Scale::Log);
        assert_eq!(axis(&[0.0, 1.0, 5e6]), crate::axis::Scale::Symlog { constant: 1.0 });
        assert_eq!(axis(&[-1.0, 1.0, 5e6]), crate::axis::Scale::Linear);
        assert_eq!(axis(&[f64::NAN]), crate::axis::Scale::Linear);
    }
}

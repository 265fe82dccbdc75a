//! Which parameters the data tie together: scatter plots below the diagonal, histograms on it, correlations above.

use serde_json::{Value, json};

use super::{specification, tip};
use crate::{
    axis::{Axis, Scale, range},
    content::Pairs,
    number::rounded,
    style::POSTERIOR,
};

/// Bars of a histogram.
const BINS: usize = 16;

/// The whole matrix as one specification of fixed size: its page lets it scroll where it is wider than the screen.
#[must_use]
pub fn spec(pairs: &Pairs) -> Value {
    let count = pairs.names.len();
    let size = panel_size(count);
    let columns: Vec<Vec<f64>> = (0..count).map(|column| pairs.draws.iter().map(|row| row[column]).collect()).collect();
    let axes: Vec<Axis> = columns
        .iter()
        .zip(&pairs.log_scale)
        .map(|(values, log)| {
            let values = values.iter().copied();
            if *log { Axis::log(values, 0.06) } else { Axis::linear(values, 0.06) }
        })
        .map(|axis| Axis { ticks: few(&axis.ticks), ..axis })
        .collect();
    // Fields are named by position: a parameter's name may hold what Vega reads as a path.
    let rows: Vec<Value> = pairs
        .draws
        .iter()
        .map(|row| row.iter().enumerate().map(|(index, value)| (format!("p{index}"), json!(rounded(*value)))).collect())
        .collect();
    let panels: Vec<Value> = (0..count * count)
        .map(|index| {
            let (row, column) = (index / count, index % count);
            let mut panel = match row.cmp(&column) {
                std::cmp::Ordering::Greater => scatter(pairs, &axes, row, column),
                std::cmp::Ordering::Equal => histogram(pairs, &axes[row], &columns[row], row),
                std::cmp::Ordering::Less => correlation(pairs, row, column, size),
            };
            panel["width"] = json!(size);
            panel["height"] = json!(size);
            panel
        })
        .collect();
    let mut spec = specification("Scatter plots, histograms and correlations of the posterior draws");
    spec["datasets"] = json!({"draws": rows});
    let names = pairs.names.iter().enumerate().map(|(index, name)| (format!("p{index}"), json!(name)));
    // What the columns are called where the data are saved.
    spec["usermeta"] = json!({"columns": names.collect::<serde_json::Map<String, Value>>()});
    spec["columns"] = json!(count);
    spec["concat"] = json!(panels);
    // Flush bounds align the panels whatever the width of their labels.
    spec["bounds"] = json!("flush");
    spec["spacing"] = json!(8);
    spec
}

/// Side of a panel in pixels: the matrix fills a wide page up to eight parameters, and stays legible beyond.
fn panel_size(count: usize) -> usize {
    (960 / count.max(1)).saturating_sub(8).clamp(84, 200)
}

/// At most three of the ticks, evenly spaced.
fn few(ticks: &[f64]) -> Vec<f64> {
    let step = if ticks.len() <= 3 { 1 } else { ticks.len() / 2 };
    ticks.iter().copied().step_by(step).collect()
}

/// Axis titles and labels at the left and lower border only.
fn border(mut channel: Value, shown: bool, size: usize) -> Value {
    if shown {
        channel["axis"]["titleLimit"] = json!(size);
        channel["axis"]["titleFontSize"] = json!(11);
        channel["axis"]["labelFontSize"] = json!(10);
    } else {
        channel["axis"] = Value::Null;
    }
    channel
}

/// Labels near an end of a horizontal axis stay within it: they would run into those of the next panel.
fn within(x: &mut Value) {
    if !x["axis"].is_null() {
        x["axis"]["labelFlush"] = json!(16);
    }
}

fn scatter(pairs: &Pairs, axes: &[Axis], row: usize, column: usize) -> Value {
    let count = pairs.names.len();
    let channel = |index: usize, shown: bool| {
        border(axes[index].channel(&format!("p{index}"), &pairs.names[index]), shown, panel_size(count))
    };
    let mut x = channel(column, row + 1 == count);
    within(&mut x);
    json!({
        "data": {"name": "draws"},
        "view": {"stroke": "#d0d7de"},
        "mark": {"type": "circle", "size": 7, "opacity": 0.4, "color": POSTERIOR},
        "encoding": {"x": x, "y": channel(row, column == 0)}
    })
}

fn histogram(pairs: &Pairs, axis: &Axis, values: &[f64], index: usize) -> Value {
    let count = pairs.names.len();
    let bars = bins(axis, values);
    let highest = bars.iter().map(|(_, _, height)| *height).max().unwrap_or(0).max(1);
    let rows: Vec<Value> =
        bars.iter().map(|(start, end, height)| json!({"start": start, "end": end, "count": height})).collect();
    let mut x = border(axis.channel("start", &pairs.names[index]), index + 1 == count, panel_size(count));
    within(&mut x);
    x["bin"] = json!("binned");
    json!({
        "data": {"values": rows},
        "view": {"stroke": "#d0d7de"},
        "mark": {"type": "bar", "color": POSTERIOR, "opacity": 0.55, "binSpacing": 0},
        "encoding": {
            "x": x, "x2": {"field": "end"},
            "y": {"field": "count", "type": "quantitative", "axis": null,
                "scale": {"domain": [0.0, highest as f64 * 1.1], "nice": false}}
        }
    })
}

/// Bars `(start, end, count)` of equal width on the shown axis.
fn bins(axis: &Axis, values: &[f64]) -> Vec<(f64, f64, usize)> {
    let log = axis.scale == Scale::Log;
    let forward = |value: f64| if log { value.ln() } else { value };
    let back = |value: f64| if log { value.exp() } else { value };
    let shown = values.iter().copied().map(forward).filter(|value| value.is_finite());
    let [lower, upper] = range(shown.clone()).unwrap_or([0.0, 0.0]);
    let width = if upper > lower { (upper - lower) / BINS as f64 } else { return Vec::new() };
    let mut counts = [0_usize; BINS];
    for value in shown {
        counts[(((value - lower) / width) as usize).min(BINS - 1)] += 1;
    }
    let edge = |index: usize| back(lower + index as f64 * width);
    counts.into_iter().enumerate().map(|(index, count)| (edge(index), edge(index + 1), count)).collect()
}

/// The correlation as a number on a field whose depth is its strength.
fn correlation(pairs: &Pairs, row: usize, column: usize, size: usize) -> Value {
    let value = pairs.correlation[row][column];
    let strength = if value.is_finite() { value.abs().min(1.0) } else { 0.0 };
    let colour = if value < 0.0 { "#d55e00" } else { POSTERIOR };
    let text = if value.is_finite() { format!("{value:.2}").replace('-', "−") } else { "–".into() };
    let tips = [tip("first", "parameter"), tip("second", "and"), tip("text", "correlation")];
    json!({
        "data": {"values": [{"text": text, "first": pairs.names[row], "second": pairs.names[column]}]},
        "layer": [
            {"mark": {"type": "rect", "color": colour, "opacity": 0.55 * strength},
                "encoding": {"x": {"value": 0}, "x2": {"value": size}, "y": {"value": 0}, "y2": {"value": size}, "tooltip": tips}},
            {"mark": {"type": "text", "fontSize": 13, "color": "#1f2328", "opacity": 0.45 + 0.55 * strength},
                "encoding": {"x": {"value": size as f64 / 2.0}, "y": {"value": size as f64 / 2.0},
                    "text": {"field": "text", "type": "nominal"}, "tooltip": tips}}
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_that_are_kept_are_evenly_spaced() {
        let kept = |count: u32| few(&(0..count).map(f64::from).collect::<Vec<_>>());
        assert_eq!(kept(3), [0.0, 1.0, 2.0]);
        assert_eq!(kept(4), [0.0, 2.0]);
        assert_eq!(kept(5), [0.0, 2.0, 4.0]);
        assert_eq!(kept(7), [0.0, 3.0, 6.0]);
    }

    #[test]
    fn a_histogram_holds_every_draw_in_bars_of_equal_width_on_its_axis() {
        let values: Vec<f64> = (0..=1000).map(|index| 10_f64.powf(f64::from(index) / 500.0)).collect();
        let bars = bins(&Axis::log(values.iter().copied(), 0.06), &values);
        assert_eq!(bars.iter().map(|bar| bar.2).sum::<usize>(), values.len());
        for (start, end, count) in bars {
            assert!((end / start - 100_f64.powf(1.0 / BINS as f64)).abs() < 1e-9);
            assert!(count.abs_diff(values.len() / BINS) <= 1, "{count}");
        }
        assert!(bins(&Axis::linear([2.0], 0.0), &[2.0, 2.0]).is_empty());
    }
}

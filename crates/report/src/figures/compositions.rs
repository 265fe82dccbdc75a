//! What parts make up of a whole: a pair of stacked bars for each time, measured and predicted.

use serde_json::{Value, json};

use super::{data_against_prediction::lines, specification, tip, with_unit};
use crate::{
    content::{Composition, Whole},
    number::{percent, rounded, tick},
    style::ARMS,
};

/// Height of a panel in pixels.
const HEIGHT: u32 = 210;

/// The arms of a composition, in order of appearance.
#[must_use]
pub fn arms(composition: &Composition) -> Vec<&str> {
    let mut arms: Vec<&str> = Vec::new();
    for whole in &composition.wholes {
        if !arms.contains(&whole.arm.as_str()) {
            arms.push(&whole.arm);
        }
    }
    arms
}

/// The panel of one arm.
#[must_use]
pub fn spec(composition: &Composition, arm: &str, time_unit: &str) -> Value {
    let wholes: Vec<&Whole> = composition.wholes.iter().filter(|whole| whole.arm == arm).collect();
    let times: Vec<String> = wholes.iter().map(|whole| tick(whole.time)).collect();
    let rows: Vec<Value> = wholes
        .iter()
        .zip(&times)
        .flat_map(|(whole, time)| {
            let bars = [("measured", &whole.measured), ("model", &whole.predicted)];
            let row = move |(of, shares): (&'static str, &Vec<f64>)| {
                let part = move |(part, share): (usize, &f64)| {
                    json!({"time": time, "of": of, "part": composition.parts[part], "order": part,
                        "share": rounded(*share), "text": percent(*share), "time_text": format!("{time} {time_unit}")})
                };
                shares.iter().enumerate().map(part).collect::<Vec<Value>>()
            };
            bars.into_iter().flat_map(row)
        })
        .collect();
    let colours: Vec<String> = (0..composition.parts.len()).map(colour).collect();
    let tips = [tip("time_text", "time"), tip("of", "of"), tip("part", "part"), tip("text", "share")];
    let mut spec = specification(&format!(
        "{}{}: shares of the parts, measured beside the model's",
        composition.title,
        if arm.is_empty() { String::new() } else { format!(", {arm}") }
    ));
    if !arm.is_empty() {
        spec["title"] = json!({"text": lines(arm)});
    }
    spec["width"] = json!("container");
    spec["height"] = json!(HEIGHT);
    spec["data"] = json!({"values": rows});
    spec["mark"] = json!({"type": "bar", "stroke": "white", "strokeWidth": 0.7, "opacity": 0.85});
    spec["encoding"] = json!({
        "x": {"field": "time", "type": "ordinal", "sort": times, "title": with_unit("time", time_unit),
            "axis": {"labelAngle": 0}, "scale": {"paddingInner": 0.25}},
        "xOffset": {"field": "of", "type": "nominal", "sort": ["measured", "model"], "scale": {"paddingInner": 0.08}},
        "y": {"field": "share", "type": "quantitative", "stack": true, "title": "measured | model",
            "scale": {"domain": [0, 1]}},
        "color": {"field": "part", "type": "nominal", "title": null, "sort": composition.parts,
            "scale": {"domain": composition.parts, "range": colours},
            "legend": {"orient": "bottom", "columns": 2, "labelLimit": 160, "symbolType": "square"}},
        "order": {"field": "order", "type": "quantitative"},
        "tooltip": tips
    });
    spec
}

/// The colour of a part; they come again, paler, where there are more parts than colours.
fn colour(part: usize) -> String {
    let colour = ARMS[part % ARMS.len()];
    let white = (part / ARMS.len()).min(3) as f64 * 0.3;
    let channel = |index: usize| {
        let value = f64::from(u8::from_str_radix(&colour[index..index + 2], 16).unwrap_or(0));
        (value + white * (255.0 - value)).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(1), channel(3), channel(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_again_paler() {
        assert_eq!((colour(0).as_str(), colour(6).as_str()), ("#0072b2", "#4d9cc9"));
        let mut all: Vec<String> = (0..24).map(colour).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 24);
    }
}

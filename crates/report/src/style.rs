//! Colours and type of the figures.

use serde_json::{Value, json};

/// Ink of data points, axes and titles.
pub const INK: &str = "#1f2328";
/// Secondary ink: labels and the prior.
pub const GREY: &str = "#6a737d";
/// Colour of the posterior where there are no arms.
pub const POSTERIOR: &str = "#0072b2";

/// Colours of arms, distinct to colour-blind readers: Okabe & Ito 2008 (<https://jfly.uni-koeln.de/color/>)
/// without black, which is the data's, and yellow, which is too faint on white.
pub const ARMS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// The Vega-Lite configuration all figures share. Figures are designed for a white page; the style sheet
/// inverts them for dark screens, so that prints and exported images stay black on white.
#[must_use]
pub fn config() -> Value {
    json!({
        "background": "white",
        "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif",
        "padding": 4,
        "view": {"stroke": null},
        "axis": {
            "domainColor": "#8c959f", "tickColor": "#8c959f", "tickSize": 4, "labelColor": "#424a53",
            "labelFontSize": 11, "titleColor": INK, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 6,
            "gridColor": "#eaeef2", "labelOverlap": "greedy", "labelFlush": false
        },
        "axisX": {"grid": false, "titleLimit": 280},
        "axisY": {"titleLimit": 205},
        "title": {"color": INK, "fontSize": 13, "fontWeight": 600, "anchor": "start", "frame": "group", "offset": 8, "limit": 280},
        "concat": {"spacing": 8}
    })
}

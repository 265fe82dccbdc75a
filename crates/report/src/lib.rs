//! A calibration run as one self-contained HTML page.
//!
//! [`Content`] holds everything the page says, as plain data; [`render`] turns it into a file that
//! opens in any browser without a network:
//!
//! ```
//! use metacascade_report::{Content, render};
//! let content = Content { title: "Switching of SW620".into(), ..Content::default() };
//! let page = render(&content)?;
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), metacascade_report::Error>(())
//! ```
//!
//! Figures are Vega-Lite specifications ([`figures`], one file per figure), drawn by the vendored
//! Vega libraries. Names and texts from users' files reach the page only as escaped text or as JSON
//! ([`inline`]); a content security policy admits the page's own scripts, by hash, and nothing else.

pub mod axis;
pub mod content;
mod diagram;
pub mod figures;
mod from_forecast;
mod from_run;
mod from_runs;
pub mod inline;
mod live;
pub mod number;
mod page;
pub mod style;

pub use content::Content;
pub use diagram::diagram;
pub use from_forecast::predictions as predictions_of;
pub use from_run::{content as content_of, versions};
pub use from_runs::comparison as comparison_of;
pub use live::{LivePage, LiveRun, index_page, run_page};

/// Why a page could not be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Rows or columns that belong together differ in length.
    #[error("{what} has {found} entries where {expected} were expected")]
    Shape {
        /// The part of the content, such as `row 3 of the pairs' draws`.
        what: String,
        /// The number of entries the rest of the content asks for.
        expected: usize,
        /// The number of entries found.
        found: usize,
    },
    /// The template could not be filled in.
    #[error("the page could not be written: {0}")]
    Template(#[from] askama::Error),
}

/// Renders a run as one HTML page that needs no other file and no network.
///
/// Numbers that are not finite are left out of figures and shown as a dash in tables.
///
/// # Errors
/// [`Error::Shape`] if the draws or the correlations of [`content::Pairs`] do not match its names.
pub fn render(content: &Content) -> Result<String, Error> {
    content.pairs.check()?;
    page::render(content)
}

/// Renders a comparison of runs as one HTML page that needs no other file and no network.
///
/// # Errors
/// If the template cannot be filled in.
pub fn render_comparison(content: &content::Comparison) -> Result<String, Error> {
    page::render_comparison(content)
}

/// Renders predictions under arms as one HTML page that needs no other file and no network.
///
/// # Errors
/// If the template cannot be filled in.
pub fn render_predictions(content: &content::Predictions) -> Result<String, Error> {
    page::render_predictions(content)
}

/// Renders a simulation as one HTML page that needs no other file and no network.
///
/// # Errors
/// If the template cannot be filled in.
pub fn render_simulation(content: &content::Simulation) -> Result<String, Error> {
    page::render_simulation(content)
}

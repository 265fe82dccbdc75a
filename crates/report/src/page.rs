//! The page: texts and figures of a [`Content`] poured into the template.

mod blocks;
mod cascade;
mod comparison;
mod forecast;
mod rows;
mod simulation;

pub use comparison::render as render_comparison;
pub use forecast::render as render_predictions;
pub use simulation::render as render_simulation;

use askama::Template;
use serde_json::Value;

use crate::{
    Content, Error,
    content::Parameter,
    figures::{convergence, marginals, pairs, pit, ridges},
    inline,
    number::{count, duration},
    style,
};
use blocks::{Block, Kind, Section};
use cascade::CascadeBlock;
use rows::{BeforeRow, CalibratedRow, CheckRow, CorrelationRow, DerivedRow, GenerationRow, ParameterRow};

/// Parameters from which on an overview of all is drawn before each of them.
const RIDGES: usize = 3;

/// A figure as the template wants it.
struct Figure {
    /// The specification, escaped for a script element.
    specification: String,
    /// Name of the file an export is saved under, without extension.
    file: String,
    /// `svg`, or `canvas` where there are too many marks for that.
    renderer: &'static str,
}

impl Figure {
    fn new(specification: &Value, name: &str) -> Self {
        Self { specification: inline::json(specification), file: file_name(name), renderer: "svg" }
    }
}

/// What all pages hold beside what they say.
struct Frame<'a> {
    title: &'a str,
    policy: String,
    style: &'static str,
    chart_config: String,
    libraries: [&'static str; 3],
    script: &'static str,
}

impl<'a> Frame<'a> {
    fn new(title: &'a str) -> Self {
        Self {
            title,
            policy: inline::content_security_policy(),
            style: include_str!("../templates/report.css"),
            chart_config: inline::json(&style::config()),
            libraries: inline::LIBRARIES,
            script: inline::SCRIPT,
        }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    frame: Frame<'a>,
    content: &'a Content,
    sections: Vec<Section>,
    parameters: Vec<ParameterRow<'a>>,
    before_adjustment: Vec<BeforeRow<'a>>,
    cascade: Option<CascadeBlock>,
    sensitivities: Vec<Block>,
    derived: Vec<DerivedRow<'a>>,
    individuals: Vec<Block>,
    profiles: Option<Block>,
    shows_locations: bool,
    headline: Vec<String>,
    warnings: Vec<String>,
    /// The effective draws of all parameters, if they agree; a column of the table tells them apart otherwise.
    effective_draws: Option<String>,
    shows_effective_draws: bool,
    ridges: Option<Figure>,
    marginals: Vec<Figure>,
    checks: Vec<CheckRow<'a>>,
    transforms: Vec<Figure>,
    calibrated: Vec<CalibratedRow<'a>>,
    ranks: Vec<Figure>,
    pairs: Option<Figure>,
    correlations: Vec<CorrelationRow<'a>>,
    convergence: Vec<Figure>,
    generations: Vec<GenerationRow>,
    simulations: Option<String>,
    duration: Option<String>,
    starts: Option<String>,
}

/// Fills in the template. The pairs have been checked.
pub fn render(content: &Content) -> Result<String, Error> {
    let effective_draws = common_effective_draws(&content.parameters);
    let page = Page {
        frame: Frame::new(&content.title),
        content,
        sections: blocks::sections(content),
        cascade: content.cascade.as_ref().map(CascadeBlock::new),
        sensitivities: content.sensitivities.iter().map(forecast::sensitivity_block).collect(),
        parameters: content.parameters.iter().map(ParameterRow::new).collect(),
        before_adjustment: BeforeRow::all(&content.parameters),
        shows_locations: content.individuals.iter().any(|found| found.location.is_some()),
        derived: content.derived.iter().map(DerivedRow::new).collect(),
        individuals: content.individuals.iter().map(blocks::individuals).collect(),
        profiles: (!content.profiles.is_empty()).then(|| blocks::profiles(&content.profiles)),
        headline: content.headline.iter().map(|sentence| tied(sentence)).collect(),
        warnings: content.warnings.iter().map(|sentence| tied(sentence)).collect(),
        shows_effective_draws: effective_draws.is_none()
            && content.parameters.iter().any(|parameter| parameter.effective_draws.is_some()),
        effective_draws: effective_draws.map(|draws| count(draws.round() as u64)),
        ridges: (content.parameters.len() >= RIDGES)
            .then(|| Figure::new(&ridges::spec(&content.parameters), "parameters")),
        marginals: content
            .parameters
            .iter()
            .map(|parameter| Figure::new(&marginals::spec(parameter), &format!("parameter {}", parameter.name)))
            .collect(),
        checks: content.checks.iter().map(CheckRow::new).collect(),
        transforms: content
            .checks
            .iter()
            .filter(|check| !check.pit.is_empty())
            .map(|check| Figure::new(&pit::spec(check), &format!("transforms {}", check.name)))
            .collect(),
        calibrated: content.calibration.iter().flat_map(|found| &found.parameters).map(CalibratedRow::new).collect(),
        ranks: content
            .calibration
            .iter()
            .flat_map(|found| found.parameters.iter().map(move |parameter| (found, parameter)))
            .map(|(found, parameter)| Figure::new(&pit::ranks(found, parameter), &format!("ranks {}", parameter.name)))
            .collect(),
        pairs: (content.pairs.names.len() > 1)
            .then(|| Figure { renderer: "canvas", ..Figure::new(&pairs::spec(&content.pairs), "pairs") }),
        correlations: CorrelationRow::all(&content.pairs),
        convergence: convergence_figures(content),
        generations: content.generations.iter().map(GenerationRow::new).collect(),
        simulations: (!content.generations.is_empty())
            .then(|| count(content.generations.iter().map(|generation| generation.simulations).sum())),
        duration: (content.seconds > 0.0).then(|| duration(content.seconds)),
        starts: rows::starts_in_words(&content.optimiser_starts),
    };
    Ok(page.render()?)
}

/// The number of effective draws behind every parameter, if it is the same for all.
fn common_effective_draws(parameters: &[Parameter]) -> Option<f64> {
    let first = parameters.first()?.effective_draws.filter(|draws| draws.is_finite())?;
    parameters.iter().all(|parameter| parameter.effective_draws == Some(first)).then_some(first)
}

/// A sentence whose percentages do not break at the end of a line.
fn tied(sentence: &str) -> String {
    sentence.replace(" %", "\u{a0}%")
}

fn convergence_figures(content: &Content) -> Vec<Figure> {
    let mut figures = Vec::new();
    if !content.generations.is_empty() {
        for (name, spec) in convergence::generations(&content.generations) {
            figures.push(Figure::new(&spec, name));
        }
    }
    if !content.optimiser_starts.is_empty() {
        figures.push(Figure::new(&convergence::starts(&content.optimiser_starts), "optimiser starts"));
    }
    figures
}

/// A name any file system takes: letters, digits and hyphens of ASCII.
fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use crate::{
        Content,
        content::{
            BeforeAdjustment, Check, Combination, Composition, CountBin, Counts, Derived, Individual, Individuals,
            Observable, Parameter, Predicted, Rootogram, Series, Share, SharePanel, Shares, Stratum, Survival, Tie,
            Verdict, Whole,
        },
        render,
    };

    /// Names come from users' files: none may end a script or begin an element.
    #[test]
    fn names_from_files_stay_text() {
        let name = "</script><script>alert('x')</script><b>".to_owned();
        let parameter = Parameter {
            name: name.clone(),
            description: name.clone(),
            unit: name.clone(),
            prior: name.clone(),
            estimate: 1.0,
            interval_50: [0.9, 1.1],
            interval_80: [0.7, 1.3],
            interval_95: [0.5, f64::NAN],
            contraction: f64::NAN,
            overlap: f64::NAN,
            effective_draws: None,
            verdict: Verdict::FollowsPrior,
            tie: Some(Tie { with: name.clone(), of: Combination::Product }),
            before_adjustment: Some(BeforeAdjustment { estimate: 1.0, interval_95: [0.5, 2.0], moved: f64::NAN }),
            log_scale: true,
            prior_density: vec![[0.1, 1.0], [10.0, 1.0]],
            posterior_density: Vec::new(),
        };
        let series = vec![Series { arm: name.clone(), data: Vec::new(), bands: Vec::new() }];
        let observable = Observable {
            id: name.clone(),
            name: name.clone(),
            unit: name.clone(),
            log_axis: true,
            over_time: true,
            series,
        };
        let derived = Derived {
            name: name.clone(),
            description: name.clone(),
            formula: name.clone(),
            unit: name.clone(),
            estimate: 1.0,
            interval_50: [1.0; 2],
            interval_95: [1.0; 2],
            prior_95: [f64::NAN; 2],
        };
        let value = Predicted { lower95: 1.0, lower50: 1.0, median: 1.0, upper50: 1.0, upper95: f64::INFINITY };
        let individuals = Individuals {
            quantity: name.clone(),
            description: name.clone(),
            unit: name.clone(),
            of_groups: false,
            log_axis: true,
            location: None,
            rows: vec![Individual { name: name.clone(), value }],
        };
        let content = Content {
            title: name.clone(),
            derived: vec![derived],
            individuals: vec![individuals],
            headline: vec![name.clone()],
            warnings: vec![name.clone()],
            parameters: vec![parameter],
            observables: vec![observable],
            survival: vec![Survival {
                endpoint: name.clone(),
                by: "arm".into(),
                strata: vec![Stratum { name: name.clone(), observed: vec![(1.0, true)], bands: Vec::new() }],
            }],
            shares: vec![Shares {
                title: name.clone(),
                by: name.clone(),
                panels: vec![SharePanel {
                    name: name.clone(),
                    rows: vec![Share { name: name.clone(), found: 1.0, of: 2.0, exact: [0.0, 1.0], predicted: None }],
                }],
            }],
            counts: vec![Counts {
                title: name.clone(),
                panels: vec![Rootogram {
                    name: name.clone(),
                    subjects: 8,
                    bins: vec![CountBin { label: name.clone(), observed: 8, expected: f64::NAN, predicted: None }],
                }],
            }],
            compositions: vec![Composition {
                title: name.clone(),
                parts: vec![name.clone()],
                wholes: vec![Whole { arm: name.clone(), time: 1.0, measured: vec![1.0], predicted: Vec::new() }],
            }],
            checks: vec![Check {
                name: name.clone(),
                of: name.clone(),
                p_value: f64::NAN,
                pit: vec![0.5],
                band: Vec::new(),
                inside: false,
                repeated: true,
            }],
            methods: name.clone(),
            bibliography: name.clone(),
            settings: vec![(name.clone(), name.clone())],
            command: name.clone(),
            ..Content::default()
        };
        let page = render(&content).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<b>"));
        assert!(page.contains("&#60;/script&#62;") || page.contains("&lt;/script&gt;"), "it is shown all the same");
        // What the page's policy admits are the scripts it holds, no more.
        let scripts = page.matches("<script>").count();
        assert_eq!(page.matches("sha256-").count(), scripts);
    }

    #[test]
    fn an_empty_run_is_still_a_page() {
        let page = render(&Content { title: "Nothing yet".into(), ..Content::default() }).unwrap();
        assert!(page.contains("<h1>Nothing yet</h1>") && page.trim_end().ends_with("</html>"));
    }
}

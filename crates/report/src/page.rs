//! The page: texts and figures of a [`Content`] poured into the template.

mod rows;

use askama::Template;
use serde_json::Value;

use crate::{
    Content, Error,
    content::{Observable, Parameter, Survival},
    figures::{convergence, data_against_prediction, kaplan_meier, marginals, pairs, with_unit},
    inline,
    number::{count, duration},
    style,
};
use rows::{CorrelationRow, DataRow, GenerationRow, ParameterRow, SurvivalRow};

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

/// An observable's heading, panels and table.
struct ObservableView {
    heading: String,
    panels: Vec<Figure>,
    rows: Vec<DataRow>,
}

/// Kaplan–Meier curves: heading, panels and table.
struct SurvivalView {
    heading: String,
    panels: Vec<Figure>,
    rows: Vec<SurvivalRow>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    content: &'a Content,
    policy: String,
    style: &'static str,
    chart_config: String,
    libraries: [&'static str; 3],
    script: &'static str,
    observables: Vec<ObservableView>,
    survival: Vec<SurvivalView>,
    parameters: Vec<ParameterRow<'a>>,
    headline: Vec<String>,
    warnings: Vec<String>,
    /// The effective draws of all parameters, if they agree; a column of the table tells them apart otherwise.
    effective_draws: Option<String>,
    shows_effective_draws: bool,
    marginals: Vec<Figure>,
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
    let arms = arms(content);
    let effective_draws = common_effective_draws(&content.parameters);
    let page = Page {
        content,
        policy: inline::content_security_policy(),
        style: include_str!("../templates/report.css"),
        chart_config: inline::json(&style::config()),
        libraries: inline::LIBRARIES,
        script: inline::SCRIPT,
        observables: content.observables.iter().map(|observable| view(observable, &arms, &content.time_unit)).collect(),
        survival: content.survival.iter().map(|survival| survival_view(survival, &arms, &content.time_unit)).collect(),
        parameters: content.parameters.iter().map(ParameterRow::new).collect(),
        headline: content.headline.iter().map(|sentence| tied(sentence)).collect(),
        warnings: content.warnings.iter().map(|sentence| tied(sentence)).collect(),
        shows_effective_draws: effective_draws.is_none()
            && content.parameters.iter().any(|parameter| parameter.effective_draws.is_some()),
        effective_draws: effective_draws.map(|draws| count(draws.round() as u64)),
        marginals: content
            .parameters
            .iter()
            .map(|parameter| Figure::new(&marginals::spec(parameter), &format!("parameter {}", parameter.name)))
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

/// The named arms of all data in order of appearance: an arm has one colour throughout.
fn arms(content: &Content) -> Vec<&str> {
    let observed = content.observables.iter().flat_map(|observable| &observable.series).map(|series| &series.arm);
    let followed = content.survival.iter().filter(|survival| survival.by == "arm").flat_map(|by| &by.strata);
    let mut arms: Vec<&str> = Vec::new();
    for arm in observed.chain(followed.map(|stratum| &stratum.name)) {
        if !arm.is_empty() && !arms.contains(&arm.as_str()) {
            arms.push(arm);
        }
    }
    arms
}

/// The colour of an arm.
fn colour(arms: &[&str], arm: &str) -> &'static str {
    let position = arms.iter().position(|other| *other == arm);
    position.map_or(style::POSTERIOR, |arm| style::ARMS[arm % style::ARMS.len()])
}

fn view(observable: &Observable, arms: &[&str], time_unit: &str) -> ObservableView {
    let panels = observable.series.iter().map(|series| {
        let spec = data_against_prediction::spec(observable, series, time_unit, colour(arms, &series.arm));
        Figure::new(&spec, &format!("{} {}", observable.id, series.arm))
    });
    ObservableView {
        heading: with_unit(observable.label(), &observable.unit),
        panels: panels.collect(),
        rows: observable.series.iter().flat_map(DataRow::all).collect(),
    }
}

fn survival_view(survival: &Survival, arms: &[&str], time_unit: &str) -> SurvivalView {
    let panels = survival.strata.iter().map(|stratum| {
        let spec = kaplan_meier::spec(survival, stratum, time_unit, colour(arms, &stratum.name));
        Figure::new(&spec, &format!("survival {} {}", survival.endpoint, stratum.name))
    });
    let by = if survival.by.is_empty() { String::new() } else { format!(", by {}", survival.by) };
    SurvivalView {
        heading: format!("Time until {}{by}", survival.endpoint),
        panels: panels.collect(),
        rows: SurvivalRow::all(survival),
    }
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
        content::{Observable, Parameter, Series, Verdict},
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
            interval_95: [0.5, f64::NAN],
            contraction: f64::NAN,
            effective_draws: None,
            verdict: Verdict::FollowsPrior,
            log_scale: true,
            prior_density: vec![[0.1, 1.0], [10.0, 1.0]],
            posterior_density: Vec::new(),
        };
        let series = vec![Series { arm: name.clone(), data: Vec::new(), bands: Vec::new() }];
        let observable =
            Observable { id: name.clone(), name: name.clone(), unit: name.clone(), log_axis: true, series };
        let content = Content {
            title: name.clone(),
            headline: vec![name.clone()],
            warnings: vec![name.clone()],
            parameters: vec![parameter],
            observables: vec![observable],
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

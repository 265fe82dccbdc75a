//! The page that compares runs.

use askama::Template;

use super::{
    Figure, Frame,
    blocks::{Block, Table},
    tied,
};
use crate::{
    Error,
    content::{ComparedParameter, ComparedRun, Comparison, Predicted},
    figures::{caterpillar, with_unit},
    number::{count, duration, interval, significant},
    style,
};

#[derive(Template)]
#[template(path = "compare.html")]
struct Page<'a> {
    frame: Frame<'a>,
    content: &'a Comparison,
    headline: Vec<String>,
    runs: Vec<RunRow<'a>>,
    parameters: Vec<Block>,
    table: Table,
    checks: Table,
    settings: Table,
}

struct RunRow<'a> {
    run: &'a ComparedRun,
    data: String,
    known: String,
    log_likelihood: String,
    aic: String,
    draws: String,
    duration: String,
}

/// Fills in the template.
pub fn render(content: &Comparison) -> Result<String, Error> {
    let labels: Vec<&str> = content.runs.iter().map(|run| run.label.as_str()).collect();
    let several = |parameter: &&ComparedParameter| parameter.values.iter().flatten().count() > 1;
    let texts = |first: &[&str], number: bool| -> Vec<String> {
        let runs = labels.iter().map(|label| if number { (*label).to_owned() } else { format!("text {label}") });
        first.iter().map(|name| format!("text {name}")).chain(runs).collect()
    };
    let table = |columns: Vec<String>, rows: Vec<Vec<String>>| {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        Table::new(&columns, rows)
    };
    let checks = content.checks.iter().map(|check| {
        let p_values = check.p_values.iter().map(|p| p.map_or("–".to_owned(), |p| format!("{p:.2}")));
        [check.name.clone(), check.of.clone()].into_iter().chain(p_values).collect()
    });
    let settings = content.settings.iter().map(|setting| {
        let values = setting.values.iter().map(|value| if value.is_empty() { "–" } else { value }.to_owned());
        std::iter::once(setting.name.clone()).chain(values).collect()
    });
    let page = Page {
        frame: Frame::new(&content.title),
        content,
        headline: content.headline.iter().map(|sentence| tied(sentence)).collect(),
        runs: content.runs.iter().map(RunRow::new).collect(),
        parameters: content.parameters.iter().filter(several).map(|one| panel(one, &labels)).collect(),
        table: Table::new(
            &["text Parameter", "text Unit", "text Run", "Median", "50 % interval", "95 % interval", "text Verdict"],
            content.parameters.iter().flat_map(|parameter| rows(parameter, &labels)).collect(),
        ),
        checks: table(texts(&["Data", "Compared by"], true), checks.collect()),
        settings: table(texts(&["Setting"], false), settings.collect()),
    };
    Ok(page.render()?)
}

impl<'a> RunRow<'a> {
    fn new(run: &'a ComparedRun) -> Self {
        let [determined, partly, unmoved] = run.verdicts;
        let number = |value: Option<f64>| value.filter(|value| value.is_finite());
        Self {
            data: count(run.data as u64),
            known: format!("{determined} determined, {partly} in part, {unmoved} unmoved"),
            log_likelihood: match run.log_likelihood {
                Some([highest, mean]) => format!("{} ({})", significant(highest, 5), significant(mean, 5)),
                None => "–".into(),
            },
            aic: number(run.aic).map_or("–".into(), |aic| significant(aic, 5)),
            draws: significant(run.effective_sample_size, 3),
            duration: if run.seconds > 0.0 { duration(run.seconds) } else { "–".into() },
            run,
        }
    }
}

fn panel(parameter: &ComparedParameter, labels: &[&str]) -> Block {
    let rows: Vec<(&str, Predicted)> = labels
        .iter()
        .zip(&parameter.values)
        .filter_map(|(label, value)| value.map(|(value, _)| (*label, value)))
        .collect();
    let name = if parameter.description.is_empty() { &parameter.name } else { &parameter.description };
    let plot = caterpillar::Plot {
        description: &format!("{name} in each run, with 50 % and 95 % intervals"),
        title: &with_unit(&parameter.name, &parameter.unit),
        of: "run",
        log: parameter.log_scale,
        reference: None,
        colour: style::POSTERIOR,
    };
    Block {
        heading: name.clone(),
        panels: vec![Figure::new(&caterpillar::spec(&plot, &rows), &format!("runs {}", parameter.name))],
        table: Table::new(&[], Vec::new()),
        wide: false,
    }
}

fn rows(parameter: &ComparedParameter, labels: &[&str]) -> Vec<Vec<String>> {
    let row = |(label, value): (&&str, &Option<(Predicted, crate::content::Verdict)>)| {
        let (value, verdict) = (*value)?;
        Some(vec![
            parameter.name.clone(),
            if parameter.unit.is_empty() { "–".to_owned() } else { parameter.unit.clone() },
            (*label).to_owned(),
            significant(value.median, 3),
            interval(value.lower50, value.upper50),
            interval(value.lower95, value.upper95),
            verdict.words().to_owned(),
        ])
    };
    labels.iter().zip(&parameter.values).filter_map(row).collect()
}

//! The page on a simulation.

use askama::Template;

use super::{
    Figure, Frame,
    blocks::{Block, Table},
};
use crate::{
    Error,
    content::{Course, MOST_LINES, Simulation, Values},
    figures::courses,
    number::{count, interval, significant, tick},
};

/// Rows of a table: enough to follow a course.
const ROWS: usize = 11;

#[derive(Template)]
#[template(path = "simulate.html")]
struct Page<'a> {
    frame: Frame<'a>,
    content: &'a Simulation,
    caption: String,
    courses: Vec<Block>,
    ends: Table,
    end: String,
    /// What did not change, with its value.
    constant: Vec<(&'a str, String)>,
}

/// Fills in the template.
pub fn render(content: &Simulation) -> Result<String, Error> {
    let value = |course: &Course| constant(&course.values);
    let page = Page {
        frame: Frame::new(&content.title),
        content,
        caption: caption(content),
        ends: ends(content),
        end: content
            .times
            .last()
            .map_or_else(String::new, |&time| format!("{} {}", tick(time), content.time_unit).trim_end().to_owned()),
        courses: content
            .courses
            .iter()
            .filter(|course| value(course).is_none())
            .map(|one| block(one, content))
            .collect(),
        constant: content
            .courses
            .iter()
            .filter_map(|course| Some((course.name.as_str(), significant(value(course)?, 4))))
            .collect(),
    };
    Ok(page.render()?)
}

/// The value of what is the same at all times in all trajectories.
fn constant(values: &Values) -> Option<f64> {
    let all = values.all();
    let first = *all.first()?;
    all.iter().all(|value| *value == first).then_some(first)
}

fn caption(content: &Simulation) -> String {
    let trajectories = count(content.trajectories as u64);
    match content.courses.first().map(|course| &course.values) {
        None => String::new(),
        Some(Values::Trajectories(_)) if content.trajectories == 1 => "One trajectory.".to_owned(),
        Some(Values::Trajectories(_)) => format!("{trajectories} trajectories, a line each."),
        Some(Values::Quantiles(_)) => format!(
            "Of {trajectories} trajectories the median at each time, and intervals that hold 50 and 95\u{a0}% of them; up \
             to {MOST_LINES} would be drawn one by one."
        ),
        Some(Values::Moments { .. }) => format!(
            "Mean at each time, and one standard deviation either way, over {trajectories} trajectories; not below zero \
             where the mean is not."
        ),
    }
}

fn block(course: &Course, content: &Simulation) -> Block {
    let spec = courses::spec(course, &content.times, &content.time_unit);
    let figure = Figure::new(&spec, &format!("course {}", course.name));
    let lines = matches!(&course.values, Values::Trajectories(all) if all.len() > 1);
    let heading = if course.description.is_empty() { &course.name } else { &course.description };
    Block {
        heading: heading.clone(),
        panels: vec![if lines { Figure { renderer: "canvas", ..figure } } else { figure }],
        table: table(course, content),
        wide: false,
    }
}

fn table(course: &Course, content: &Simulation) -> Table {
    let time = match content.time_unit.as_str() {
        "" => "Time".to_owned(),
        unit => format!("Time [{unit}]"),
    };
    let columns: Vec<&str> = std::iter::once(time.as_str()).chain(columns(&course.values).iter().copied()).collect();
    let row = |&place: &usize| {
        Some(std::iter::once(tick(content.times[place])).chain(cells(&course.values, place)?).collect())
    };
    Table::new(&columns, courses::places(content.times.len(), ROWS).iter().filter_map(row).collect())
}

/// What every quantity was at the last time.
fn ends(content: &Simulation) -> Table {
    let values = content.courses.first().map_or(&[][..], |course| columns(&course.values));
    let columns: Vec<&str> = ["text Quantity", "text Unit"].into_iter().chain(values.iter().copied()).collect();
    let row = |course: &Course| {
        let unit = if course.unit.is_empty() { "–" } else { &course.unit };
        let named = [course.name.clone(), unit.to_owned()];
        Some(named.into_iter().chain(cells(&course.values, content.times.len().checked_sub(1)?)?).collect())
    };
    Table::new(&columns, content.courses.iter().filter_map(row).collect())
}

/// What is told of values at one time.
fn columns(values: &Values) -> &'static [&'static str] {
    match values {
        Values::Trajectories(all) if all.len() == 1 => &["Value"],
        Values::Trajectories(_) => &["Median", "Lowest to highest"],
        Values::Quantiles(_) => &["Median", "50 % of trajectories", "95 % of trajectories"],
        Values::Moments { .. } => &["Mean", "Standard deviation"],
    }
}

/// The values at one of the times, in these columns.
fn cells(values: &Values, place: usize) -> Option<Vec<String>> {
    match values {
        Values::Trajectories(all) => {
            let mut values: Vec<f64> = all.iter().filter_map(|values| values.get(place).copied()).collect();
            values.sort_by(f64::total_cmp);
            let (first, last) = (values.first()?, values.last()?);
            let middle = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
            let range = (all.len() > 1).then(|| interval(*first, *last));
            Some(std::iter::once(significant(middle, 4)).chain(range).collect())
        }
        Values::Quantiles(bands) => {
            let band = bands.get(place)?;
            let intervals = [interval(band.lower50, band.upper50), interval(band.lower95, band.upper95)];
            Some(std::iter::once(significant(band.median, 4)).chain(intervals).collect())
        }
        Values::Moments { mean, sd } => Some(vec![significant(*mean.get(place)?, 4), significant(*sd.get(place)?, 3)]),
    }
}

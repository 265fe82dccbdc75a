//! Data against predictions: figures of one kind with a caption, each with the table of its numbers.

use crate::{
    Content,
    content::{
        Composition, Counts, EventCurves, Individual, Individuals, Measurement, Observable, Predicted, ProfileCurve,
        Series, Shares, Stratum, Survival,
    },
    figures::{
        caterpillar, compositions, data_against_prediction, kaplan_meier, profiles as profile, rootogram, shares,
        with_unit,
    },
    number::{count, interval, open_interval, percent, significant, tick},
    style,
};
use metacascade_problem::{kaplan_meier as estimate, survival_at};

use super::Figure;

/// Figures of one kind.
pub struct Section {
    /// The kind, by which the template chooses caption and key.
    pub kind: Kind,
    pub blocks: Vec<Block>,
}

/// Kinds of figures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Survival,
    OverTime,
    Shares,
    Counts,
    Compositions,
}

/// One heading with its panels and the table of their numbers.
pub struct Block {
    pub heading: String,
    pub panels: Vec<Figure>,
    pub table: Table,
    /// Whether a single panel is as wide as the page.
    pub wide: bool,
}

impl Block {
    /// How the table is named to those who do not see the page.
    pub fn label(&self) -> String {
        format!("{}: the numbers", self.heading)
    }
}

/// A table, every number already in words.
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<String>>,
}

/// A column's heading, and whether it holds numbers.
pub struct Column {
    pub name: String,
    pub is_number: bool,
}

impl Table {
    /// Columns of words begin with `text `, which is not part of the name.
    pub fn new(columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        let column = |name: &&str| match name.strip_prefix("text ") {
            Some(name) => Column { name: name.to_owned(), is_number: false },
            None => Column { name: (*name).to_owned(), is_number: true },
        };
        Self { columns: columns.iter().map(column).collect(), rows }
    }

    /// Its cells, each with whether it is a number.
    pub fn cells<'t>(&'t self, row: &'t [String]) -> impl Iterator<Item = (&'t String, bool)> {
        row.iter().zip(&self.columns).map(|(cell, column)| (cell, column.is_number))
    }
}

/// All sections that hold something.
pub fn sections(content: &Content) -> Vec<Section> {
    let arms = arms(content);
    let unit = content.time_unit.as_str();
    let all = [
        (Kind::Survival, content.survival.iter().map(|survival| survival_block(survival, &arms, unit)).collect()),
        (
            Kind::OverTime,
            content
                .observables
                .iter()
                .filter(|observable| observable.over_time)
                .map(|observable| over_time(observable, &arms, unit))
                .collect(),
        ),
        (Kind::Shares, content.shares.iter().map(shares_block).collect()),
        (Kind::Counts, content.counts.iter().map(counts_block).collect()),
        (Kind::Compositions, content.compositions.iter().map(|whole| composition_block(whole, unit)).collect()),
    ];
    let section = |(kind, blocks): (Kind, Vec<Block>)| (!blocks.is_empty()).then_some(Section { kind, blocks });
    all.into_iter().filter_map(section).collect()
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

/// The colour of an arm; one for all where there are more arms than colours.
pub fn colour(arms: &[&str], arm: &str) -> &'static str {
    let position = arms.iter().position(|other| *other == arm).filter(|_| arms.len() <= style::ARMS.len());
    position.map_or(style::POSTERIOR, |arm| style::ARMS[arm])
}

fn time_column(unit: &str) -> String {
    with_unit("Time", unit)
}

fn by(by: &str) -> String {
    if by.is_empty() { String::new() } else { format!(", by {by}") }
}

fn over_time(observable: &Observable, arms: &[&str], unit: &str) -> Block {
    let panels = observable.series.iter().map(|series| {
        let spec = data_against_prediction::spec(observable, series, unit, colour(arms, &series.arm));
        Figure::new(&spec, &format!("{} {}", observable.id, series.arm))
    });
    let columns = ["text Arm", &time_column(unit), "text Replicate", "Measured", "Predicted median", "95 % interval"];
    Block {
        heading: with_unit(observable.label(), &observable.unit),
        panels: panels.collect(),
        table: Table::new(&columns, observable.series.iter().flat_map(measurements).collect()),
        wide: observable.series.len() == 1 && observable.series.iter().any(|series| series.data.len() > 100),
    }
}

/// Predictions of an observable, without measurements.
pub fn predicted_over_time(observable: &Observable, arms: &[&str], unit: &str) -> Block {
    let block = over_time(observable, arms, unit);
    let rows = observable.series.iter().flat_map(|series| {
        // About ten times are enough to read.
        let step = series.bands.len().div_ceil(10).max(1);
        series.bands.iter().rev().step_by(step).rev().map(|band| {
            let (inner, outer) = (interval(band.lower50, band.upper50), interval(band.lower95, band.upper95));
            vec![series.arm.clone(), tick(band.time), significant(band.median, 3), inner, outer]
        })
    });
    let columns = ["text Arm", &time_column(unit), "Median", "50 % interval", "95 % interval"];
    Block { table: Table::new(&columns, rows.collect()), ..block }
}

/// Shares without an event at about ten times.
pub fn event_table(event: &EventCurves, unit: &str) -> Table {
    let rows = event.arms.iter().flat_map(|arm| {
        let step = arm.bands.len().div_ceil(10).max(1);
        arm.bands.iter().step_by(step).skip(1).map(|band| {
            let share = |low: f64, high: f64| format!("{} – {}", percent(low), percent(high));
            let (inner, outer) = (share(band.lower50, band.upper50), share(band.lower95, band.upper95));
            vec![arm.arm.clone(), tick(band.time), percent(band.median), inner, outer]
        })
    });
    let columns = ["text Arm", &time_column(unit), "Without the event", "50 % interval", "95 % interval"];
    Table::new(&columns, rows.collect())
}

/// The measurements of an arm in order of time, with the predictions at those times where there are any.
fn measurements(series: &Series) -> Vec<Vec<String>> {
    let mut data: Vec<&Measurement> = series.data.iter().collect();
    data.sort_by(|left, right| left.time.total_cmp(&right.time));
    let row = |point: &Measurement| {
        let same = |time: f64| (time - point.time).abs() <= 1e-9 * point.time.abs().max(1.0);
        let band = series.bands.iter().find(|band| same(band.time));
        let spread = match (point.found_of, point.sd) {
            (Some((found, of)), _) => format!(" ({} of {})", tick(found), tick(of)),
            (None, sd) => sd.map_or(String::new(), |sd| format!(" ± {}", significant(sd, 3))),
        };
        vec![
            series.arm.clone(),
            tick(point.time),
            point.replicate.clone(),
            format!("{}{spread}", significant(point.value, 3)),
            band.map_or("–".into(), |band| significant(band.median, 3)),
            band.map_or("–".into(), |band| interval(band.lower95, band.upper95)),
        ]
    };
    data.into_iter().map(row).collect()
}

fn survival_block(survival: &Survival, arms: &[&str], unit: &str) -> Block {
    let panels = survival.strata.iter().map(|stratum| {
        let spec = kaplan_meier::spec(survival, stratum, unit, colour(arms, &stratum.name));
        Figure::new(&spec, &format!("survival {} {}", survival.endpoint, stratum.name))
    });
    let columns = ["text Subjects", &time_column(unit), "At risk", "Without the event", "Model", "95 % interval"];
    Block {
        heading: format!("Time until {}{}", survival.endpoint, by(&survival.by)),
        panels: panels.collect(),
        table: Table::new(&columns, survival.strata.iter().flat_map(|stratum| curve(survival, stratum)).collect()),
        wide: survival.strata.len() == 1,
    }
}

/// The share without the event at the ticks of the axis that all strata share, and at the end of follow-up.
fn curve(survival: &Survival, stratum: &Stratum) -> Vec<Vec<String>> {
    let curve = estimate(&stratum.observed);
    let end = stratum.end();
    let ticks = kaplan_meier::time_axis(survival).ticks;
    let row = |time: f64| {
        let band = stratum.bands.iter().rev().find(|band| band.time <= time);
        vec![
            if stratum.name.is_empty() { "all".to_owned() } else { stratum.name.clone() },
            tick(time),
            count(stratum.at_risk(time) as u64),
            percent(survival_at(&curve, time)),
            band.map_or("–".into(), |band| percent(band.median)),
            band.map_or("–".into(), |band| format!("{} – {}", percent(band.lower95), percent(band.upper95))),
        ]
    };
    ticks.into_iter().filter(|time| *time > 0.0 && *time < end).chain([end]).map(row).collect()
}

/// Median and 95 % interval in words.
fn predicted(found: Option<Predicted>, words: fn(f64) -> String) -> [String; 2] {
    match found {
        Some(found) => [words(found.median), format!("{} – {}", words(found.lower95), words(found.upper95))],
        None => ["–".to_owned(), "–".to_owned()],
    }
}

fn shares_block(shares: &Shares) -> Block {
    let panels = shares.panels.iter().map(|panel| {
        let spec = shares::spec(shares, panel, style::POSTERIOR);
        Figure::new(&spec, &format!("{} {} {}", shares.title, shares.by, panel.name))
    });
    let rows = shares.panels.iter().flat_map(|panel| {
        panel.rows.iter().map(|row| {
            let [median, interval] = predicted(row.predicted, percent);
            let exact = format!("{} – {}", percent(row.exact[0]), percent(row.exact[1]));
            let (found, of) = (tick(row.found), tick(row.of));
            vec![panel.name.clone(), row.name.clone(), found, of, percent(row.found / row.of), exact, median, interval]
        })
    });
    let columns = ["text When", "text Of", "Found", "Among", "Share", "Exact 95 % interval", "Model", "95 % interval"];
    Block {
        heading: format!("{}{}", shares.title, by(&shares.by)),
        panels: panels.collect(),
        table: Table::new(&columns, rows.collect()),
        wide: shares.panels.len() == 1,
    }
}

/// The individuals of one quantity, the highest at the top.
pub fn individuals(found: &Individuals) -> Block {
    let of = if found.of_groups { "group" } else { "subject" };
    let name = if found.description.is_empty() { &found.quantity } else { &found.description };
    let plot = caterpillar::Plot {
        description: &format!("{name} of each {of}, with 50 % and 95 % intervals"),
        title: &with_unit(&found.quantity, &found.unit),
        of,
        log: found.log_axis,
        reference: found.location,
        colour: style::POSTERIOR,
    };
    let rows: Vec<_> = found.rows.iter().rev().map(|row| (row.name.as_str(), row.value)).collect();
    let row = |Individual { name, value }: &Individual| {
        let (inner, outer) = (interval(value.lower50, value.upper50), interval(value.lower95, value.upper95));
        vec![name.clone(), significant(value.median, 3), inner, outer]
    };
    let columns =
        [if found.of_groups { "text Group" } else { "text Subject" }, "Median", "50 % interval", "95 % interval"];
    Block {
        heading: format!("{name}, by {of}"),
        panels: vec![Figure::new(&caterpillar::spec(&plot, &rows), &format!("{} by {of}", found.quantity))],
        table: Table::new(&columns, found.rows.iter().rev().map(row).collect()),
        wide: false,
    }
}

/// The profile likelihood of every parameter.
pub fn profiles(curves: &[ProfileCurve]) -> Block {
    let range = |[lower, upper]: [Option<f64>; 2]| open_interval(lower, upper);
    let row = |curve: &ProfileCurve| {
        let best = significant(curve.best, 3);
        vec![curve.name.clone(), best, range(curve.interval_50), range(curve.interval_95)]
    };
    let columns = ["text Parameter", "Best", "50 % interval", "95 % interval"];
    Block {
        heading: "Profile likelihoods".to_owned(),
        panels: curves
            .iter()
            .map(|curve| Figure::new(&profile::spec(curve), &format!("profile {}", curve.name)))
            .collect(),
        table: Table::new(&columns, curves.iter().map(row).collect()),
        wide: false,
    }
}

fn counts_block(counts: &Counts) -> Block {
    let panels = counts.panels.iter().map(|panel| {
        Figure::new(&rootogram::spec(counts, panel, style::POSTERIOR), &format!("{} {}", counts.title, panel.name))
    });
    let rows = counts.panels.iter().flat_map(|panel| {
        panel.bins.iter().map(|bin| {
            let [_, interval] = predicted(bin.predicted, |number| format!("{number:.0}"));
            let expected = significant(bin.expected, 3);
            vec![panel.name.clone(), bin.label.clone(), count(bin.observed as u64), expected, interval]
        })
    });
    let columns = ["text When", "Number", "Subjects", "Expected", "95 % interval"];
    Block {
        heading: format!("{}: how many subjects had how many", counts.title),
        panels: panels.collect(),
        table: Table::new(&columns, rows.collect()),
        wide: counts.panels.len() == 1,
    }
}

fn composition_block(composition: &Composition, unit: &str) -> Block {
    let panels = compositions::arms(composition).into_iter().map(|arm| {
        Figure::new(&compositions::spec(composition, arm, unit), &format!("{} parts {arm}", composition.title))
    });
    let rows = composition.wholes.iter().flat_map(|whole| {
        let predicted = |part: usize| whole.predicted.get(part).map_or("–".into(), |share| percent(*share));
        let parts = composition.parts.iter().zip(&whole.measured).enumerate();
        parts.map(move |(part, (name, share))| {
            vec![whole.arm.clone(), tick(whole.time), name.clone(), percent(*share), predicted(part)]
        })
    });
    Block {
        heading: format!("{}: what the parts make up", composition.title),
        panels: panels.collect(),
        table: Table::new(&["text Arm", &time_column(unit), "text Part", "Measured", "Model"], rows.collect()),
        wide: false,
    }
}

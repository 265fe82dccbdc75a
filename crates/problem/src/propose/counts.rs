//! A count of each subject: founders that arrive one by one.

use super::{
    Reading,
    draft::{Draft, Estimated, Measured, Observed},
    frame::{Column, identifiers},
    roles::{self, MOST_GROUPS, quoted},
};

/// Words of columns that hold counts.
const WORDS: &[&str] = &[
    "count",
    "counts",
    "number",
    "lesions",
    "metastases",
    "mets",
    "colonies",
    "nodules",
    "nodes",
    "foci",
    "ctc",
    "ctcs",
    "clusters",
    "tumors",
    "tumours",
];

/// Variance over mean from which counts are more scattered than Poisson's.
const SCATTERED: f64 = 1.5;

pub(super) fn draft(reading: &mut Reading<'_>) -> Option<Draft> {
    let subject = roles::subject(reading);
    let counts = reading.measured(|column| column.is_count() && column.says(WORDS) && column.most() > 1.0);
    if counts.is_empty() {
        return None;
    }
    let time = roles::time(reading);
    let group = roles::groups(reading, subject).into_iter().find(|index| !counts.contains(index));
    if let Some(group) = group {
        reading.take(group, "group", "several subjects have each of its names");
    }
    let texts = group.map_or(Vec::new(), |group| reading.column(group).distinct());
    let groups = if (2..=MOST_GROUPS).contains(&texts.len()) { texts } else { vec!["all"] };
    let ids = identifiers(&groups);
    let frame = reading.frame;
    let place = |row: usize| match (group, groups.len()) {
        (Some(column), 2..) => groups.iter().position(|known| *known == frame.columns[column].text(row)),
        _ => Some(0),
    };
    let names: Vec<&str> = counts.iter().map(|&index| reading.column(index).name.as_str()).collect();
    let whats = identifiers(&names);
    let at = |row: usize| time.and_then(|time| frame.columns[time].number(row));
    let longest = (0..reading.frame.rows).filter_map(at).fold(0.0, f64::max);
    let (unit, longest) = match time {
        Some(time) if longest > 0.0 => (roles::time_unit(reading.column(time)), longest),
        _ => ("1", 1.0),
    };
    let mut draft = Draft {
        description: "How many founders arrive in a subject?".to_owned(),
        model: model(&whats, &names, unit),
        simulation: "ode",
        method: "mcmc",
        ..Draft::default()
    };
    let mut left_out = 0;
    for ((what, name), &column) in whats.iter().zip(&names).zip(&counts) {
        let mut rows = Vec::new();
        for row in 0..reading.frame.rows {
            let time = if unit == "1" { Some(1.0) } else { at(row) };
            match (place(row), reading.column(column).number(row), time) {
                (Some(group), Some(value), Some(time)) => rows.push((group, value, time, row)),
                _ => left_out += 1,
            }
        }
        let scattered = dispersion(&rows, groups.len()) > SCATTERED;
        let why = match scattered {
            true => "whole numbers, more scattered than Poisson's; negative-binomial",
            false => "whole numbers; Poisson",
        };
        reading.take(column, "measured: count", why);
        draft.observables.push(Observed {
            id: format!("counted_{what}"),
            name: (*name).to_owned(),
            kind: "cells",
            formula: what.clone(),
            noise: if scattered { format!("dispersion_{what}") } else { String::new() },
            law: if scattered { "negative-binomial" } else { "poisson" },
            ..Observed::default()
        });
        for (index, id) in ids.iter().enumerate() {
            let parameter = if ids.len() == 1 { format!("founding_{what}") } else { format!("founding_{what}_{id}") };
            let of_group = || rows.iter().filter(|row| row.0 == index).map(|row| row.1);
            let mean = (of_group().sum::<f64>() / of_group().count().max(1) as f64).max(0.1);
            let bounds = [mean / 100.0 / longest, mean * 100.0 / longest];
            draft.parameters.push(Estimated::new(
                parameter.clone(),
                format!("founding, {name}, {}", groups[index]),
                per(unit),
                bounds,
            ));
            if ids.len() > 1 {
                draft.conditions.push((id.clone(), format!("founding_{what}"), parameter));
            }
        }
        if scattered {
            let about = format!("scatter of {name} beyond Poisson's");
            draft.parameters.push(Estimated::new(format!("dispersion_{what}"), about, "", [0.01, 20.0]));
        }
        draft.measurements.extend(rows.into_iter().map(|(group, value, time, row)| Measured {
            observable: format!("counted_{what}"),
            experiment: ids[group].clone(),
            time,
            value,
            subject: roles::subject_name(reading, subject, row),
            ..Measured::default()
        }));
    }
    for (id, name) in ids.iter().zip(&groups) {
        let condition = if ids.len() > 1 { id.clone() } else { String::new() };
        draft.experiments.push((id.clone(), (*name).to_owned(), 0.0, condition));
    }
    if left_out > 0 {
        reading.left_out.push(format!("{left_out} cells without a number, time or group"));
    }
    reading.choose(format!(
        "Model: founders arrive at a constant rate, {} group(s) with one of their own each.",
        ids.len()
    ));
    if unit == "1" {
        reading.choose("No column says when: the unit of time is until subjects were looked at.");
    }
    Some(draft)
}

/// Pooled variance within groups over the pooled mean.
fn dispersion(rows: &[(usize, f64, f64, usize)], groups: usize) -> f64 {
    let (mut squares, mut freedom, mut sum, mut count) = (0.0, 0.0, 0.0, 0.0);
    for group in 0..groups {
        let values: Vec<f64> = rows.iter().filter(|row| row.0 == group).map(|row| row.1).collect();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        squares += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        freedom += values.len().saturating_sub(1) as f64;
        sum += values.iter().sum::<f64>();
        count += values.len() as f64;
    }
    if freedom > 0.0 && sum > 0.0 { squares / freedom / (sum / count) } else { 1.0 }
}

/// The unit of a rate.
fn per(unit: &str) -> String {
    if unit == "1" { String::new() } else { format!("1/{unit}") }
}

fn model(whats: &[String], names: &[&str], time_unit: &str) -> String {
    let (mut species, mut parameters) = (String::new(), String::new());
    for (what, name) in whats.iter().zip(names) {
        let about = quoted(&format!("expected {name}"));
        species += &format!("{what} = {{ initial = 0, rate = \"founding_{what}\", description = {about} }}\n");
        let unit = if time_unit == "1" { String::new() } else { format!(", unit = \"1/{time_unit}\"") };
        parameters +=
            &format!("founding_{what} = {{ value = 1{unit}, description = \"arrival of founders in a subject\" }}\n");
    }
    format!(
        "name = \"founders\"\ntitle = \"Founders counted in each subject\"\ntime_unit = \"{time_unit}\"\n\n[species]\n{species}\n\
         [parameters]\n{parameters}"
    )
}

/// What a column of counts must be called, for other rules.
pub(super) fn says_count(column: &Column) -> bool {
    column.says(WORDS)
}

//! Fractions of the states of cells over time: cells that switch between the states.

use std::collections::HashMap;

use super::{
    Reading,
    draft::{Draft, Estimated, Measured, Observed},
    frame::{Column, identifiers},
    roles::{self, quoted},
};

/// What was measured of one mixture of cells: its first state, and its fractions at each time.
struct Culture<'t> {
    start: Option<&'t str>,
    rows: Vec<usize>,
}

pub(super) fn draft(reading: &mut Reading<'_>) -> Option<Draft> {
    let is_fraction = |column: &Column| {
        let most = if column.unit == Some("%") { 100.0 } else { 1.0 };
        let says = column.says(&["fraction", "fractions", "share", "proportion", "percent", "pct", "percentage"]);
        column.numbers.is_some() && says && column.least() >= 0.0 && column.most() <= most
    };
    let fraction = *reading.measured(is_fraction).first()?;
    let is_state =
        |column: &Column| column.is_label() && column.says(&["state", "phenotype", "population", "celltype", "type"]);
    let is_start = |column: &Column| column.is_label() && column.says(&["initial", "start", "sorted", "from"]);
    let state = reading.free().find(|&index| is_state(reading.column(index)) && !is_start(reading.column(index)))?;
    let start = reading.free().find(|&index| is_start(reading.column(index)));
    let time = roles::time(reading)?;
    reading.take(fraction, "measured", "a fraction by its name and its values; normal noise");
    reading.take(state, "state", "its name says so");
    if let Some(start) = start {
        reading.take(start, "state at time 0", "its name says so");
    }
    // One model has one set of states: the first group with most rows.
    let all: Vec<usize> = (0..reading.frame.rows).collect();
    let group = roles::group(reading, None);
    let rows: Vec<usize> = match group {
        None => all,
        Some(group) => {
            let mut counts: Vec<(&str, usize)> = Vec::new();
            for &row in &all {
                let text = reading.column(group).text(row);
                match counts.iter_mut().find(|(known, _)| *known == text) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((text, 1)),
                }
            }
            let most = counts.iter().rev().max_by_key(|(_, count)| *count)?.0;
            let name = &reading.column(group).name;
            let others: Vec<&str> = counts.iter().map(|(text, _)| *text).filter(|text| *text != most).collect();
            if !others.is_empty() {
                reading.left_out.push(format!(
                    "all of {name} but {most}, which has most rows; --where \"{name}={}\" chooses another of {}",
                    others[0],
                    others.join(", ")
                ));
            }
            all.into_iter().filter(|&row| reading.column(group).text(row) == most).collect()
        }
    };
    let mut states: Vec<&str> = Vec::new();
    for &row in &rows {
        let text = reading.column(state).text(row);
        if !text.is_empty() && !states.contains(&text) {
            states.push(text);
        }
    }
    if !(2..=6).contains(&states.len()) {
        return None;
    }
    let ids = identifiers(&states);
    let cultures = cultures(reading, start, &rows);
    let scale = if reading.column(fraction).unit == Some("%") { 0.01 } else { 1.0 };
    let mut draft = Draft {
        description: format!("How fast do cells switch between {}, and where do they settle?", states.join(", ")),
        model: model(&states, &ids, roles::time_unit(reading.column(time))),
        simulation: "ode",
        method: "mcmc",
        ..Draft::default()
    };
    let times: Vec<f64> = rows.iter().filter_map(|&row| reading.column(time).number(row)).collect();
    let (first, last) = (
        times.iter().copied().filter(|time| *time > 0.0).fold(f64::INFINITY, f64::min),
        times.iter().copied().fold(0.0, f64::max),
    );
    if !first.is_finite() {
        return None;
    }
    let unit = format!("1/{}", roles::time_unit(reading.column(time)));
    for (from, from_id) in states.iter().zip(&ids) {
        for (to, to_id) in states.iter().zip(&ids).filter(|(_, to)| *to != from_id) {
            let name = format!("switching from {from} to {to}");
            draft.parameters.push(Estimated::new(
                format!("{from_id}_to_{to_id}"),
                name,
                unit.clone(),
                [0.01 / last, 10.0 / first],
            ));
        }
    }
    draft.parameters.push(Estimated::new("sigma", "s.d. of a measured fraction", "", [0.002, 0.3]));
    // The fractions of a whole say one less than their number.
    for (name, id) in states.iter().zip(&ids).skip(1) {
        draft.observables.push(Observed {
            id: format!("fraction_{id}"),
            name: format!("fraction of {name}"),
            kind: "fraction",
            formula: format!("cells_{id} / cells"),
            noise: "sigma".to_owned(),
            law: "normal",
            ..Observed::default()
        });
    }
    for (number, culture) in cultures.iter().enumerate() {
        let id = format!("culture_{}", number + 1);
        let begins = starts(reading, culture, [time, state, fraction], &states, scale)?;
        let name = culture.start.map_or(format!("culture {}", number + 1), |start| format!("from {start}"));
        for (id_of, share) in ids.iter().zip(&begins.shares) {
            draft.conditions.push((id.clone(), format!("start_{id_of}"), share.to_string()));
        }
        draft.experiments.push((id.clone(), name, begins.time, id.clone()));
        for &row in &culture.rows {
            let place =
                states.iter().position(|known| *known == reading.column(state).text(row)).filter(|place| *place > 0);
            let read = reading.column(time).number(row).zip(reading.column(fraction).number(row));
            let (Some(place), Some((time, value))) = (place, read) else { continue };
            if time > begins.time {
                draft.measurements.push(Measured {
                    observable: format!("fraction_{}", ids[place]),
                    experiment: id.clone(),
                    time,
                    value: value * scale,
                    ..Measured::default()
                });
            }
        }
    }
    reading.choose(format!(
        "Model: {} states, each cell switches from each to each at a rate of its own; the states grow alike.",
        states.len()
    ));
    reading.choose(match start {
        Some(_) => "Each culture begins pure, with the state that is named.",
        None => "Each culture begins with the fractions measured first.",
    });
    reading.choose(format!("The fractions of {} follow from the others and are not compared.", states[0]));
    Some(draft)
}

/// Rows by the state that they began with, in the order in which they come.
fn cultures<'t>(reading: &Reading<'t>, start: Option<usize>, rows: &[usize]) -> Vec<Culture<'t>> {
    let mut found: Vec<Culture<'t>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for &row in rows {
        let text = start.map_or("", |column| reading.column(column).text(row));
        let place = *places.entry(text).or_insert_with(|| {
            found.push(Culture { start: start.map(|_| text), rows: Vec::new() });
            found.len() - 1
        });
        found[place].rows.push(row);
    }
    found
}

/// When a culture begins, and with which fractions.
struct Begins {
    time: f64,
    shares: Vec<f64>,
}

/// Pure at time 0, if its first state is named, or else the fractions at its first time.
fn starts(
    reading: &Reading<'_>,
    culture: &Culture<'_>,
    [time, state, fraction]: [usize; 3],
    states: &[&str],
    scale: f64,
) -> Option<Begins> {
    if let Some(start) = culture.start {
        let place = states.iter().position(|state| *state == start)?;
        let shares = (0..states.len()).map(|index| if index == place { 1.0 } else { 0.0 }).collect();
        return Some(Begins { time: 0.0, shares });
    }
    let first = culture.rows.iter().filter_map(|&row| reading.column(time).number(row)).fold(f64::INFINITY, f64::min);
    let of = |wanted: &str| {
        let mut rows = culture.rows.iter().filter(|&&row| reading.column(state).text(row) == wanted);
        let row = rows.find(|&&row| reading.column(time).number(row) == Some(first));
        row.and_then(|&row| reading.column(fraction).number(row)).unwrap_or(0.0) * scale
    };
    let shares: Vec<f64> = states.iter().map(|state| of(state)).collect();
    let sum: f64 = shares.iter().sum();
    (sum > 0.0).then(|| Begins { time: first, shares: shares.iter().map(|share| share / sum).collect() })
}

/// A model of cells that switch from each state to each.
fn model(names: &[&str], ids: &[String], time_unit: &str) -> String {
    let (mut species, mut parameters, mut reactions) = (String::new(), String::new(), String::new());
    for (index, (name, id)) in names.iter().zip(ids).enumerate() {
        let start = if index == 0 { 1 } else { 0 };
        species += &format!(
            "cells_{id} = {{ initial = \"cells * start_{id}\", unit = \"cells\", description = {} }}\n",
            quoted(&format!("cells in state {name}"))
        );
        parameters += &format!(
            "start_{id} = {{ value = {start}, description = {} }}\n",
            quoted(&format!("fraction of {name} at the start"))
        );
    }
    for (from, from_id) in names.iter().zip(ids) {
        for (to, to_id) in names.iter().zip(ids).filter(|(_, to)| *to != from_id) {
            let about = quoted(&format!("switching from {from} to {to}, per cell"));
            parameters +=
                &format!("{from_id}_to_{to_id} = {{ value = 0.1, unit = \"1/{time_unit}\", description = {about} }}\n");
            reactions += &format!(
                "\n[[reactions]]\nname = {}\nequation = \"cells_{from_id} -> cells_{to_id}\"\nrate = \"{from_id}_to_{to_id} * \
                 cells_{from_id}\"\nstage = \"emt\"\n",
                quoted(&format!("{from} to {to}"))
            );
        }
    }
    format!(
        "name = \"states\"\ntitle = {}\ntime_unit = \"{time_unit}\"\n\n[species]\n{species}\n[parameters]\ncells = {{ value = \
         10000, unit = \"cells\", description = \"cells followed\" }}\n{parameters}{reactions}",
        quoted(&format!("Switching between {}", names.join(", ")))
    )
}

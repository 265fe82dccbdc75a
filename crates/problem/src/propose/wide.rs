//! A column a time becomes a row a time.

use super::frame::{Column, Frame, TIMES, words};

/// A column whose name is a time: `day_7`, `d14`, `week 2`, `21`; its unit, if it says one.
fn time_of(column: &Column) -> Option<(f64, Option<&'static str>)> {
    column.numbers.as_ref()?;
    let name = column.name.to_ascii_lowercase();
    let digits = name.find(|c: char| c.is_ascii_digit())?;
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let number: f64 = name[digits..end].parse().ok()?;
    let (before, after) =
        (name[..digits].trim_matches([' ', '_', '-', '.']), name[end..].trim_matches([' ', '_', '-', '.']));
    let word = match (before, after) {
        ("" | "t" | "time", word) | (word, "") => word,
        _ => return None,
    };
    if matches!(word, "" | "t" | "time") {
        return Some((number, None));
    }
    // As the end of a name would be read.
    let unit = Column::new(&format!("time_{word}"), Vec::new()).unit.filter(|unit| TIMES.contains(unit))?;
    (words(word).len() == 1).then_some((number, Some(unit)))
}

/// The table with columns `time` and `value` in place of at least two columns whose names are times.
pub(super) fn melt(frame: &Frame) -> Option<(Frame, String)> {
    let times: Vec<(usize, f64, Option<&'static str>)> = frame
        .columns
        .iter()
        .enumerate()
        .filter_map(|(index, column)| time_of(column).map(|(time, unit)| (index, time, unit)))
        .collect();
    let unit = times.iter().find_map(|(.., unit)| *unit);
    if times.len() < 2 || times.iter().any(|(.., other)| other.is_some() && *other != unit) {
        return None;
    }
    let kept: Vec<&Column> = frame
        .columns
        .iter()
        .enumerate()
        .filter(|(index, _)| times.iter().all(|(time, ..)| time != index))
        .map(|(_, column)| column)
        .collect();
    let rows: Vec<(usize, usize)> =
        (0..frame.rows).flat_map(|row| (0..times.len()).map(move |time| (row, time))).collect();
    let mut columns: Vec<Column> = kept
        .iter()
        .map(|column| Column::new(&column.name, rows.iter().map(|&(row, _)| column.cells[row].clone()).collect()))
        .collect();
    if !kept.iter().any(|column| column.is_label() || column.is_count()) {
        let subjects = rows.iter().map(|&(row, _)| Some(format!("row_{}", row + 1))).collect();
        columns.insert(0, Column::new("subject", subjects));
    }
    let name = unit.map_or("time".to_owned(), |unit| format!("time_{unit}"));
    columns.push(Column::new(&name, rows.iter().map(|&(_, time)| Some(times[time].1.to_string())).collect()));
    let values = rows.iter().map(|&(row, time)| frame.columns[times[time].0].cells[row].clone()).collect();
    columns.push(Column::new("value", values));
    let told = format!("{} columns are times: they became rows, with the columns {name} and value", times.len());
    Some((Frame { columns, rows: rows.len() }, told))
}

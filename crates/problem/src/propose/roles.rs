//! Columns that tables of several kinds have: when, who, and of which group.

use std::collections::HashMap;

use super::{
    Reading,
    frame::{Column, TIMES},
};

/// Words of columns that name subjects.
const SUBJECTS: &[&str] = &[
    "id",
    "subject",
    "mouse",
    "animal",
    "patient",
    "tumor",
    "tumour",
    "lesion",
    "sample",
    "replicate",
    "well",
    "culture",
    "case",
    "individual",
    "dish",
];

/// Words of columns that name groups, those that most often do first.
const GROUPS: &[&str] = &[
    "group",
    "arm",
    "treatment",
    "condition",
    "genotype",
    "line",
    "strain",
    "cohort",
    "drug",
    "dose",
    "dataset",
    "stage",
];

/// Groups of which each can have a parameter of its own; of more, it varies between them.
pub(super) const MOST_GROUPS: usize = 6;

/// The column of times, taken.
pub(super) fn time(reading: &mut Reading<'_>) -> Option<usize> {
    let is_time = |column: &Column| {
        column.numbers.is_some()
            && !column.says(&["age", "birth", "passage"])
            && (column.is_time_unit() || column.says(&["time"]) || column.words == ["t"])
    };
    let rank = |column: &Column| {
        let unit = column.unit.and_then(|unit| TIMES.iter().position(|known| *known == unit));
        (unit.unwrap_or(TIMES.len()), !column.says(&["time", "t"]))
    };
    let all: Vec<usize> = reading.free().filter(|&index| is_time(reading.column(index))).collect();
    let found = *all.iter().min_by_key(|&&index| rank(reading.column(index)))?;
    let why = match reading.column(found).unit {
        Some(unit) => format!("its name says {unit}"),
        None => "its name says so; the unit is not said, days are assumed".to_owned(),
    };
    reading.take(found, "time", why);
    Some(found)
}

/// The unit of a column of times.
pub(super) fn time_unit(column: &Column) -> &'static str {
    column.unit.unwrap_or("day")
}

/// The column that tells subjects apart, taken.
pub(super) fn subject(reading: &mut Reading<'_>) -> Option<usize> {
    let names = |column: &Column| {
        column.says(SUBJECTS)
            && column.unit.is_none()
            && !column.says(&["volume", "size", "weight", "count", "number", "n", "site", "type", "class"])
            && (column.is_label() || column.is_count() && !column.is_flag())
    };
    let all: Vec<usize> = reading.free().filter(|&index| names(reading.column(index))).collect();
    // Of the first among those with most names.
    let found = *all.iter().rev().max_by_key(|&&index| reading.column(index).distinct().len())?;
    let count = reading.column(found).distinct().len();
    reading.take(found, "subject", format!("its name says so; {count} of them"));
    Some(found)
}

/// The columns that may say in which group a row is, the most likely first: labels, and numbers whose name says so, with
/// several rows each. With a column of subjects, all rows of a subject must be of one group.
pub(super) fn groups(reading: &Reading<'_>, subject: Option<usize>) -> Vec<usize> {
    let rank = |index: &usize| {
        let column = reading.column(*index);
        GROUPS.iter().position(|word| column.says(&[word])).unwrap_or(GROUPS.len())
    };
    let may = |&index: &usize| {
        let column = reading.column(index);
        let named = column.is_label() || column.is_count() && rank(&index) < GROUPS.len();
        named && (2..=30).contains(&column.distinct().len()) && is_constant(reading, index, subject)
    };
    let mut found: Vec<usize> = reading.free().filter(may).collect();
    found.sort_by_key(rank);
    found
}

/// The most likely column of groups whose name says that it is one, taken.
pub(super) fn group(reading: &mut Reading<'_>, subject: Option<usize>) -> Option<usize> {
    let found = groups(reading, subject).into_iter().find(|&index| reading.column(index).says(GROUPS))?;
    let count = reading.column(found).distinct().len();
    reading.take(found, "group", format!("its name says so; {count} of them"));
    Some(found)
}

/// Whether a column says one thing for each subject.
pub(super) fn is_constant(reading: &Reading<'_>, column: usize, subject: Option<usize>) -> bool {
    let Some(subject) = subject else { return true };
    let mut seen: HashMap<&str, &str> = HashMap::new();
    (0..reading.frame.rows).all(|row| {
        let text = reading.column(column).text(row);
        *seen.entry(reading.column(subject).text(row)).or_insert(text) == text
    })
}

/// The name of a row's subject: what the column says, or its number.
pub(super) fn subject_name(reading: &Reading<'_>, subject: Option<usize>, row: usize) -> String {
    match subject.map(|column| reading.column(column).text(row)).filter(|text| !text.is_empty()) {
        // A bare number would be read as one by other programs.
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => format!("subject_{text}"),
        Some(text) => text.to_owned(),
        None => format!("subject_{}", row + 1),
    }
}

/// A text as it stands in a TOML or YAML file.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The middle of some numbers.
pub(super) fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

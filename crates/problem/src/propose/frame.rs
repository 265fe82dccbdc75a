//! A table of any columns, and what its column names and cells say by themselves.

use crate::table::{Table, parse_number};

/// A table by columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub columns: Vec<Column>,
    pub rows: usize,
}

/// One column: its name, and its cells as text and, where all are numbers, as numbers.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    /// The words of the name in lower case: `Tumour_volume (mm3)` has `tumour`, `volume`, `mm3`.
    pub words: Vec<String>,
    /// The unit that the last word of the name says, as the engine writes it.
    pub unit: Option<&'static str>,
    /// None where a cell is empty or `NA`.
    pub cells: Vec<Option<String>>,
    /// Not-a-number where a cell is empty; none where some cell is no number. `True` and `yes` are 1.
    pub numbers: Option<Vec<f64>>,
}

/// Units by the words that end names of columns.
const UNITS: &[(&str, &[&str])] = &[
    ("min", &["min", "mins", "minute", "minutes"]),
    ("h", &["h", "hr", "hrs", "hour", "hours"]),
    ("day", &["d", "day", "days"]),
    ("week", &["w", "wk", "wks", "week", "weeks"]),
    ("month", &["mo", "month", "months"]),
    ("year", &["y", "yr", "yrs", "year", "years"]),
    ("mm^3", &["mm3", "cumm"]),
    ("cm^3", &["cm3", "cc"]),
    ("ml", &["ml"]),
    ("ul", &["ul"]),
    ("mm", &["mm"]),
    ("cm", &["cm"]),
    ("mg", &["mg"]),
    ("g", &["g", "gram", "grams"]),
    ("cells", &["cells"]),
    ("%", &["pct", "percent", "percentage"]),
];

/// Units of time, the one that is taken first first.
pub(super) const TIMES: [&str; 6] = ["day", "week", "h", "month", "year", "min"];

impl Frame {
    pub fn new(table: &Table) -> Self {
        let names: Vec<&str> = table.names().collect();
        let of = |(index, name): (usize, &&str)| {
            let cells = (0..table.len()).map(|row| table.text(row, index).map(str::to_owned));
            Column::new(name, cells.collect())
        };
        Self { columns: names.iter().enumerate().map(of).collect(), rows: table.len() }
    }

    /// The rows that a test passes.
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.rows).filter(|&row| keep(row)).collect();
        let columns = self.columns.iter().map(|column| {
            let cells = rows.iter().map(|&row| column.cells[row].clone()).collect();
            Column::new(&column.name, cells)
        });
        Self { columns: columns.collect(), rows: rows.len() }
    }

    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Column {
    pub fn new(name: &str, cells: Vec<Option<String>>) -> Self {
        let words = words(name);
        let unit = words.last().and_then(|last| {
            // A single letter is a unit behind another word alone: `time_d`, not `d`.
            let known = UNITS.iter().find(|(_, known)| known.contains(&last.as_str()));
            known.filter(|_| last.len() > 1 || words.len() > 1).map(|(unit, _)| *unit)
        });
        // Of time also the first: `days_since_transplant`.
        let unit = unit.or_else(|| {
            let first = words.first().filter(|first| first.len() > 1)?;
            let known = UNITS.iter().find(|(unit, known)| TIMES.contains(unit) && known.contains(&first.as_str()));
            known.map(|(unit, _)| *unit)
        });
        let unit = if name.contains('%') { Some("%") } else { unit };
        let number = |cell: &Option<String>| match cell.as_deref() {
            None => Some(f64::NAN),
            Some(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" => Some(1.0),
                "false" | "no" => Some(0.0),
                _ => parse_number(text),
            },
        };
        let numbers = cells.iter().map(number).collect::<Option<Vec<f64>>>();
        let numbers = numbers.filter(|numbers| numbers.iter().any(|number| !number.is_nan()));
        Self { name: name.to_owned(), words, unit, cells, numbers }
    }

    /// Whether one of some words is in the name.
    pub fn says(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_str()))
    }

    /// The numbers that are there.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.numbers.iter().flatten().copied().filter(|number| !number.is_nan())
    }

    pub fn number(&self, row: usize) -> Option<f64> {
        self.numbers.as_ref().map(|numbers| numbers[row]).filter(|number| !number.is_nan())
    }

    pub fn text(&self, row: usize) -> &str {
        self.cells[row].as_deref().unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(Option::is_none)
    }

    /// Whether all numbers are whole and none is negative.
    pub fn is_count(&self) -> bool {
        self.numbers.is_some() && self.values().all(|value| value >= 0.0 && value.fract() == 0.0)
    }

    /// Whether all numbers are 0 or 1, and both occur.
    pub fn is_flag(&self) -> bool {
        self.is_count() && self.values().all(|value| value <= 1.0) && self.distinct().len() > 1
    }

    pub fn is_label(&self) -> bool {
        self.numbers.is_none() && !self.is_empty()
    }

    /// The different texts, in the order in which they come.
    pub fn distinct(&self) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        self.cells.iter().flatten().map(String::as_str).filter(|text| seen.insert(*text)).collect()
    }

    pub fn least(&self) -> f64 {
        self.values().fold(f64::INFINITY, f64::min)
    }

    pub fn most(&self) -> f64 {
        self.values().fold(f64::NEG_INFINITY, f64::max)
    }

    pub fn is_time_unit(&self) -> bool {
        self.unit.is_some_and(|unit| TIMES.contains(&unit))
    }
}

/// The words of a name in lower case; a capital behind a small letter begins one.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && before.is_lowercase();
        before = c;
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A text as an identifier: letters, digits and underscores, not beginning with a digit.
pub(super) fn identifier(text: &str) -> String {
    let mut clean: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    while clean.contains("__") {
        clean = clean.replace("__", "_");
    }
    let clean = clean.trim_matches('_');
    match clean.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{clean}"),
        Some(_) => clean.to_owned(),
    }
}

/// Identifiers of some texts, different ones for different texts.
pub(super) fn identifiers(texts: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        let clean = identifier(text);
        let mut unique = clean.clone();
        let mut number = 2;
        while found.contains(&unique) {
            unique = format!("{clean}_{number}");
            number += 1;
        }
        found.push(unique);
    }
    found
}

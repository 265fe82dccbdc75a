//! A tab-separated table whose every cell can be traced back to its place in the file.
//!
//! The file is first checked line by line ([`scan`]), then parsed by polars with every column as text. Numbers are
//! parsed here, so that a bad one is reported with its line and column. Places are worked out only for problems:
//! a table of a million rows costs its text and its columns.

mod derive;
pub(crate) mod scan;

pub(crate) use derive::{Origin, open_columns};

use std::{
    collections::{BTreeMap, HashSet},
    io::Cursor,
    ops::Range,
    path::Path,
    sync::Arc,
};

use metacascade_engine::{Diagnostic, Place, suggestion};
use polars::prelude::{CsvParseOptions, CsvReadOptions, DataFrame, DataType, Field, Schema, SerReader, StringChunked};

use crate::problems::{Complaint, Problems};
use scan::Line;

/// The columns a kind of table may have.
pub(crate) struct Columns {
    /// What the table is called in messages: `measurement`.
    pub kind: &'static str,
    /// Columns that must be there.
    pub required: &'static [&'static str],
    /// Columns that may be there.
    pub optional: &'static [&'static str],
}

impl Columns {
    fn known(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }
}

/// A table as read: text cells and where they stand.
pub(crate) struct Table {
    file: String,
    source: String,
    header: Line,
    rows: Vec<Line>,
    frame: DataFrame,
    /// Where cells stand in the file, if not where the columns say.
    origin: Option<Origin>,
    /// Columns of the file that mean nothing here.
    ignored: Vec<String>,
}

impl Table {
    /// Reads a table from a file's bytes. What is wrong with its text or its columns is added to `problems`, and nothing is
    /// returned.
    pub fn parse(bytes: &[u8], file: &str, columns: &Columns, problems: &mut Problems) -> Option<Self> {
        let any = open_columns(columns.kind);
        let source = scan::decode(bytes, file, problems)?;
        let mut lines = scan::lines(source);
        if lines.is_empty() {
            let help = format!("its first line must name the columns: {}", columns.required.join(", "));
            problems.push(Diagnostic::new(file, format!("the {} table is empty", columns.kind)).help(help));
            return None;
        }
        let names = check_lines(source, &lines, file, columns, any, problems)?;
        let known = |name: &&String| any || columns.known().any(|known| known == name.as_str());
        let ignored = names.iter().filter(|name| !known(name)).cloned().collect();
        let text = scan::tidy(source, &lines);
        let frame = match parse_text(text.as_bytes(), &names) {
            Ok(frame) if frame.height() + 1 == lines.len() => frame,
            Ok(frame) => {
                let message = format!("{} rows were read where the file has {}", frame.height(), lines.len() - 1);
                problems.push(Diagnostic::new(file, message));
                return None;
            }
            Err(error) => {
                problems.push(Diagnostic::new(file, format!("the table cannot be parsed: {error}")));
                return None;
            }
        };
        let rows = lines.split_off(1);
        let (file, source, header, origin) = (file.to_owned(), source.to_owned(), lines[0], None);
        Some(Self { file, source, header, rows, frame, origin, ignored })
    }

    /// The file, as shown in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many rows there are, the header not counted.
    pub fn len(&self) -> usize {
        self.frame.height()
    }

    /// The cells of a column, or none if the table has no such column.
    pub fn column(&self, name: &'static str) -> Option<Cells<'_>> {
        let cells = self.frame.column(name).ok()?.str().ok()?;
        Some(Cells { name, cells })
    }

    /// The place of a cell and its text, without quotes; the place is the whole line if there is no such column.
    pub fn place(&self, row: usize, column: &str) -> (Place, String) {
        let (row, index) = match &self.origin {
            Some(origin) => origin.place(row, column),
            None => (row, self.frame.get_column_index(column)),
        };
        let line = self.rows[row];
        let text = line.text(&self.source);
        let cell = index.and_then(|index| scan::cells(text).ok()?.get(index).cloned());
        let span = scan::content(text, cell.unwrap_or(0..text.len()));
        (line.place(&self.source, span.clone()), text[span].to_owned())
    }

    /// The place of the header line.
    pub fn header_place(&self) -> Place {
        self.header.place(&self.source, 0..self.header.end - self.header.start)
    }

    /// The line of a row, from 1.
    pub fn line(&self, row: usize) -> usize {
        self.rows[self.origin.as_ref().map_or(row, |origin| origin.row(row))].number
    }

    /// Columns that mean nothing here, and are left aside.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

/// One column of a [`Table`].
#[derive(Clone, Copy)]
pub(crate) struct Cells<'t> {
    /// The column's name.
    pub name: &'static str,
    cells: &'t StringChunked,
}

impl<'t> Cells<'t> {
    /// The text of a cell without surrounding blanks; none if it is empty.
    pub fn text(&self, row: usize) -> Option<&'t str> {
        self.cells.get(row).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The text of a cell that must not be empty.
    pub fn required(&self, table: &Table, row: usize, problems: &mut Problems) -> Option<&'t str> {
        let text = self.text(row);
        if text.is_none() {
            let message = format!("`{}` is empty", self.name);
            problems.cell(table, row, self.name, |_| Complaint::new(message, "a value is needed here"));
        }
        text
    }

    /// The number in a cell that must hold one; `inf` and `nan` are not numbers.
    pub fn number(&self, table: &Table, row: usize, problems: &mut Problems) -> Option<f64> {
        let text = self.required(table, row, problems)?;
        let number = parse_number(text);
        if number.is_none() {
            problems.cell(table, row, self.name, |text| not_a_number(self.name, text));
        }
        number
    }
}

/// A finite number in decimal notation.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn not_a_number(column: &str, text: &str) -> Complaint {
    let complaint = Complaint::new(format!("`{column}` must be a finite number"), "not a number");
    let point = text.replace(',', ".");
    match parse_number(&point) {
        Some(_) if text.matches(',').count() == 1 => complaint.help(format!("write the decimal point as `.`: {point}")),
        _ => complaint,
    }
}

/// A file that cannot be opened or read, with the names near it that may be meant.
pub(crate) fn unreadable(path: &Path, file: &str, error: &std::io::Error) -> Diagnostic {
    if error.kind() != std::io::ErrorKind::NotFound {
        return Diagnostic::new(file, format!("the file cannot be read: {error}"));
    }
    let siblings = path.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
    let names: Vec<String> =
        siblings.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect::<Vec<String>>();
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    let diagnostic = Diagnostic::new(file, "there is no such file");
    match suggestion(&wanted, names.iter().map(String::as_str)) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Checks quotes, numbers of cells and column names; returns the column names if nothing is wrong.
fn check_lines(
    source: &str,
    lines: &[Line],
    file: &str,
    columns: &Columns,
    any: bool,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let mut sound = true;
    let mut complain = |line: Line, message: &str, span: Range<usize>, label: &str, help: &str| {
        sound = false;
        problems
            .counted(file, "(lines)", || Diagnostic::new(file, message).at(line.place(source, span), label).help(help));
    };
    let width = scan::count_cells(lines[0].text(source)).ok();
    // A wrong number of cells often runs through a whole table: the first line with each number, and how many more.
    let mut ragged: BTreeMap<usize, (Line, usize)> = BTreeMap::new();
    for &line in lines {
        let text = line.text(source);
        match scan::count_cells(text) {
            Err(stray) => {
                let help = "remove the quote, or double it inside a quoted cell";
                complain(line, "a stray quote", stray.at..stray.at + 1, stray.label, help);
            }
            Ok(count) if width.is_some_and(|width| width != count) => ragged.entry(count).or_insert((line, 0)).1 += 1,
            Ok(_) => {
                if let Some(at) = text.find('\r') {
                    complain(line, "a stray carriage return", at..at + 1, "here", "end lines with a newline");
                }
            }
        }
    }
    for (count, (line, lines)) in ragged {
        let width = width.unwrap_or_default();
        let more = if lines > 1 { format!(", and so in {} more lines", lines - 1) } else { String::new() };
        let message = format!("{count} cells where the header has {width}{more}");
        let span = ragged_span(line.text(source), width);
        complain(line, &message, span, "", "cells are separated by one tab character each");
    }
    let names = check_header(source, lines[0], file, columns, any, problems);
    // Other programs write tables of nothing where there are no conditions.
    if lines.len() == 1 && !matches!(columns.kind, "condition" | "experiment" | "mapping") {
        let message = format!("the {} table has no rows", columns.kind);
        let place = lines[0].place(source, 0..lines[0].end - lines[0].start);
        problems.push(Diagnostic::new(file, message).at(place, "nothing follows the header"));
        sound = false;
    }
    names.filter(|_| sound)
}

/// The first cell too many, or the end of a line that has too few.
fn ragged_span(line: &str, width: usize) -> Range<usize> {
    let cells = scan::cells(line).unwrap_or_default();
    cells.get(width).cloned().unwrap_or(line.len()..line.len())
}

fn check_header(
    source: &str,
    header: Line,
    file: &str,
    columns: &Columns,
    any: bool,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let text = header.text(source);
    let cells = scan::cells(text).ok()?;
    let spans: Vec<Range<usize>> = cells.into_iter().map(|cell| scan::content(text, cell)).collect();
    let names: Vec<&str> = spans.iter().map(|span| &text[span.clone()]).collect();
    let missing: Vec<&str> = columns.required.iter().copied().filter(|name| !names.contains(name)).collect();
    let whole = || header.place(source, 0..text.len());
    if names.len() == 1 && missing.len() > 1 {
        let message = format!("the {} table is not tab separated", columns.kind);
        let help = format!("the columns are: {}", columns.known().collect::<Vec<_>>().join(", "));
        problems.push(Diagnostic::new(file, message).at(whole(), "one cell, no tab").help(help));
        return None;
    }
    let mut sound = missing.is_empty();
    let mut seen = HashSet::new();
    for (&name, span) in names.iter().zip(&spans) {
        let absent = || columns.known().filter(|known| !names.contains(known));
        let (message, help) = if !seen.insert(name) {
            (format!("two columns are named `{name}`"), "keep one of them".to_owned())
        } else if any || columns.known().any(|known| known == name) {
            continue;
        } else if let Some(meant) = suggestion(name, absent()) {
            (format!("unknown column `{name}`"), meant)
        } else {
            // PEtab allows further columns; they change nothing.
            continue;
        };
        sound = false;
        problems.push(Diagnostic::new(file, message).at(header.place(source, span.clone()), "this column").help(help));
    }
    for name in missing {
        let message = format!("the {} table lacks the column `{name}`", columns.kind);
        let label = format!("`{name}` is not here");
        problems.push(Diagnostic::new(file, message).at(whole(), label).help(format!("add a column `{name}`")));
    }
    sound.then(|| names.into_iter().map(str::to_owned).collect())
}

fn parse_text(text: &[u8], names: &[String]) -> polars::prelude::PolarsResult<DataFrame> {
    let fields = names.iter().map(|name| Field::new(name.as_str().into(), DataType::String));
    CsvReadOptions::default()
        .with_has_header(true)
        .with_schema(Some(Arc::new(Schema::from_iter(fields))))
        .with_parse_options(CsvParseOptions::default().with_separator(b'\t').with_missing_is_null(true))
        .with_rechunk(true)
        .into_reader_with_file_handle(Cursor::new(text))
        .finish()
}

#[cfg(test)]
mod tests;

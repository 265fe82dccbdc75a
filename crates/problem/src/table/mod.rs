//! A table whose every cell can be traced back to its place in the file.
//!
//! Tables are text whose cells are separated by tabs, commas or semicolons ([`scan`]), packed by gzip or not
//! ([`unpack`]), or Parquet files ([`parquet`]). All become one text and the places of cells in it. Numbers are parsed
//! where they are asked for, so that a bad one is reported with its line and column.

mod derive;
pub(crate) mod limits;
mod number;
mod parquet;
pub(crate) mod scan;
mod unpack;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    path::Path,
    sync::Arc,
};

use metacascade_engine::{Diagnostic, Place, suggestion};

use crate::problems::{Complaint, Problems};
pub(crate) use derive::Origin;
pub(crate) use number::parse_number;
use scan::Line;

/// The columns a kind of table may have.
pub(crate) struct Columns {
    /// What the table is called in messages: `measurement`.
    pub kind: &'static str,
    /// Columns that must be there.
    pub required: &'static [&'static str],
    /// Columns that may be there.
    pub optional: &'static [&'static str],
    /// Whether others mean something too.
    pub open: bool,
}

impl Columns {
    pub fn known(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }
}

/// Two lists of columns as one, of `N` columns.
pub(crate) const fn joined<const N: usize>(one: &[&'static str], other: &[&'static str]) -> [&'static str; N] {
    // Where this does not hold, it does not compile.
    assert!(N == one.len() + other.len());
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < one.len() { one[at] } else { other[at - one.len()] };
        at += 1;
    }
    all
}

/// Where a cell begins and ends, in bytes.
type Span = (u32, u32);

/// A table as read: its text, and where its cells stand.
pub(crate) struct Table {
    file: String,
    source: Arc<str>,
    separator: char,
    header: Line,
    rows: Arc<[Line]>,
    names: Vec<String>,
    height: usize,
    /// What `cells` are places in: the source, with points for decimal commas, or a text of a derived table's own.
    text: Arc<str>,
    /// The content of each cell in `text`, row by row, without quotes and surrounding blanks.
    cells: Vec<Span>,
    /// The texts of cells that hold doubled quotes.
    quoted: HashMap<Span, String>,
    /// Where cells stand in the file, if not where the columns say.
    origin: Option<Origin>,
    /// Columns of the file that mean nothing here.
    ignored: Vec<String>,
}

impl Table {
    /// Reads a table from a file's bytes. What is wrong with its text or its columns is added to `problems`, and nothing is
    /// returned.
    pub fn parse(bytes: &[u8], file: &str, columns: &Columns, problems: &mut Problems) -> Option<Self> {
        let bytes = unpack::unpack(bytes, limits::MOST_BYTES, file, problems)?;
        if parquet::is_parquet(&bytes) {
            let text = parquet::to_text(&bytes, file, problems)?;
            return Self::parse_text(text, '\t', file, columns, problems);
        }
        let source = scan::decode(&bytes, file, problems)?;
        let separator = separator(source, columns);
        Self::parse_text(source.to_owned(), separator, file, columns, problems)
    }

    fn parse_text(
        source: String,
        separator: char,
        file: &str,
        columns: &Columns,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut lines = scan::lines(&source, separator);
        if lines.is_empty() {
            let help = format!("its first line must name the columns: {}", columns.required.join(", "));
            problems.push(Diagnostic::new(file, format!("the {} table is empty", columns.kind)).help(help));
            return None;
        }
        let (names, cells) = Reader { source: &source, separator, file }.read(&lines, columns, problems)?;
        let quoted = cells.iter().map(|&(start, end)| (start, end, &source[start as usize..end as usize]));
        let quoted = quoted.filter(|(.., text)| text.contains('"'));
        let quoted = match source.contains('"') {
            true => quoted.map(|(start, end, text)| ((start, end), text.replace("\"\"", "\""))).collect(),
            false => HashMap::new(),
        };
        let points = number::without_decimal_commas(&source, separator, &cells);
        let known = |name: &&String| columns.open || columns.known().any(|known| known == name.as_str());
        let ignored = names.iter().filter(|name| !known(name)).cloned().collect();
        let rows: Arc<[Line]> = lines.split_off(1).into();
        let source: Arc<str> = source.into();
        Some(Self {
            file: file.to_owned(),
            text: points.map_or_else(|| Arc::clone(&source), Arc::from),
            source,
            separator,
            header: lines[0],
            height: rows.len(),
            rows,
            names,
            cells,
            quoted,
            origin: None,
            ignored,
        })
    }

    /// The file, as shown in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How many rows there are, the header not counted.
    pub fn len(&self) -> usize {
        self.height
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The cells of a column, or none if the table has no such column.
    pub fn column<'t>(&'t self, name: &'t str) -> Option<Cells<'t>> {
        let index = self.position(name)?;
        Some(Cells { name, index, table: self })
    }

    /// The place of a cell and its text, without quotes; the place is the whole line if there is no such column.
    pub fn place(&self, row: usize, column: &str) -> (Place, String) {
        match &self.origin {
            Some(origin) => {
                let (line, index) = origin.place(row, column);
                let (place, text) = self.place_in(self.rows[line], index);
                // Its own text may not be that of the file.
                (place, self.position(column).map_or(text, |column| self.whole(row, column).to_owned()))
            }
            None => self.place_in(self.rows[row], self.position(column)),
        }
    }

    /// The position of a column.
    fn position(&self, column: &str) -> Option<usize> {
        self.names.iter().position(|name| name == column)
    }

    /// The place of the header line.
    pub fn header_place(&self) -> Place {
        self.header.place(&self.source, 0..self.header.end - self.header.start)
    }

    /// The place of a column's name.
    pub fn header_cell_place(&self, column: &str) -> Place {
        let index = match &self.origin {
            Some(origin) => origin.place(0, column).1,
            None => self.position(column),
        };
        self.place_in(self.header, index).0
    }

    fn place_in(&self, line: Line, column: Option<usize>) -> (Place, String) {
        let text = line.text(&self.source);
        let cell = column.and_then(|index| scan::cells(text, self.separator).ok()?.get(index).cloned());
        let span = scan::content(text, cell.unwrap_or(0..text.len()));
        (line.place(&self.source, span.clone()), text[span].to_owned())
    }

    /// The line of a row, from 1; in a Parquet file, the row's number after a header.
    pub fn line(&self, row: usize) -> usize {
        self.rows[self.origin.as_ref().map_or(row, |origin| origin.row(row))].number
    }

    /// Columns that mean nothing here, and are left aside.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The text of a cell by the position of its column, `NA` and emptiness included.
    fn whole(&self, row: usize, column: usize) -> &str {
        let cell = self.cells[row * self.names.len() + column];
        match self.quoted.get(&cell).filter(|_| !self.quoted.is_empty()) {
            Some(text) => text.trim(),
            None => &self.text[cell.0 as usize..cell.1 as usize],
        }
    }
}

/// One column of a [`Table`].
#[derive(Clone, Copy)]
pub(crate) struct Cells<'t> {
    /// The column's name.
    pub name: &'t str,
    index: usize,
    table: &'t Table,
}

impl<'t> Cells<'t> {
    fn whole(&self, row: usize) -> &'t str {
        self.table.whole(row, self.index)
    }

    /// The text of a cell without surrounding blanks; none if it is empty or `NA`.
    pub fn text(&self, row: usize) -> Option<&'t str> {
        Some(self.whole(row)).filter(|text| !text.is_empty() && *text != "NA")
    }

    /// Whether the cell says `NA`: not measured.
    pub fn is_missing(&self, row: usize) -> bool {
        self.whole(row) == "NA"
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

fn not_a_number(column: &str, text: &str) -> Complaint {
    let complaint = Complaint::new(format!("`{column}` must be a finite number"), "not a number");
    let point = text.replace(',', ".");
    match parse_number(&point) {
        Some(_) if text.matches(',').count() == 1 => {
            complaint.help(format!("write the decimal point as `.`: {point}, or all numbers of the table with a comma"))
        }
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

/// What separates the cells of the first line that is not blank: of tab, semicolon and comma the one that makes most
/// names of columns.
fn separator(source: &str, columns: &Columns) -> char {
    let header = source.split('\n').map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let known = |separator: char| {
        let cells = scan::cells(header, separator).unwrap_or_default();
        let names = cells.into_iter().map(|cell| &header[scan::content(header, cell)]);
        names.filter(|name| columns.known().any(|known| known == *name)).count()
    };
    // The first of several that are as good: a table of one column has no separator.
    let best = ['\t', ';', ','].into_iter().rev().max_by_key(|&separator| known(separator)).unwrap_or('\t');
    let present = ['\t', ';', ','].into_iter().find(|&separator| header.contains(separator));
    if known(best) > 0 { best } else { present.unwrap_or('\t') }
}

/// Reads lines into cells.
struct Reader<'s> {
    source: &'s str,
    separator: char,
    file: &'s str,
}

impl Reader<'_> {
    /// The names of the columns and the content of each cell, if nothing is wrong.
    fn read(&self, lines: &[Line], columns: &Columns, problems: &mut Problems) -> Option<(Vec<String>, Vec<Span>)> {
        let before = problems.count();
        let names = self.names(lines[0], columns, problems);
        let width = names.as_ref().map(Vec::len);
        let mut cells: Vec<Span> = Vec::with_capacity((lines.len() - 1) * width.unwrap_or_default());
        // A wrong number of cells often runs through a whole table: the first line with each number, and how many more.
        let mut ragged: BTreeMap<usize, (Line, usize)> = BTreeMap::new();
        for &line in &lines[1..] {
            let text = line.text(self.source);
            let first = cells.len();
            let found = scan::each_cell(text, self.separator, |cell| {
                let content = scan::content(text, cell);
                cells.push(((line.start + content.start) as u32, (line.start + content.end) as u32));
            });
            let mut count = cells.len() - first;
            if let Err(stray) = found {
                let help = "remove the quote, or double it inside a quoted cell";
                self.complain(line, "a stray quote", stray.at..stray.at + 1, stray.label, help, problems);
            } else if let Some(width) = width {
                // Spreadsheets leave empty cells at the ends of lines.
                while count > width && cells.last().is_some_and(|(start, end)| start == end) {
                    cells.pop();
                    count -= 1;
                }
                if count != width {
                    ragged.entry(count).or_insert((line, 0)).1 += 1;
                }
            }
            if let Some(at) = text.bytes().position(|byte| byte == b'\r') {
                self.complain(
                    line,
                    "a stray carriage return",
                    at..at + 1,
                    "here",
                    "end lines with a newline",
                    problems,
                );
            }
            if problems.count() > before {
                // Nothing will be returned.
                cells.clear();
            }
        }
        for (count, (line, lines)) in ragged {
            let width = width.unwrap_or_default();
            let more = if lines > 1 { format!(", and so in {} more lines", lines - 1) } else { String::new() };
            let message = format!("{count} cells where the header has {width}{more}");
            let span = self.ragged_span(line, width);
            let help = format!("cells are separated by one {} each", self.separator_name());
            self.complain(line, &message, span, "", &help, problems);
        }
        // Other programs write tables of nothing where there are no conditions.
        if lines.len() == 1 && !matches!(columns.kind, "condition" | "experiment" | "mapping") {
            let message = format!("the {} table has no rows", columns.kind);
            let place = lines[0].place(self.source, 0..lines[0].end - lines[0].start);
            problems.push(Diagnostic::new(self.file, message).at(place, "nothing follows the header"));
        }
        names.filter(|_| problems.count() == before).map(|names| (names, cells))
    }

    fn complain(
        &self,
        line: Line,
        message: &str,
        span: Range<usize>,
        label: &str,
        help: &str,
        problems: &mut Problems,
    ) {
        problems.counted(self.file, "(lines)", || {
            Diagnostic::new(self.file, message).at(line.place(self.source, span), label).help(help)
        });
    }

    fn separator_name(&self) -> &'static str {
        match self.separator {
            '\t' => "tab character",
            ';' => "semicolon",
            _ => "comma",
        }
    }

    /// The first cell too many, or the end of a line that has too few.
    fn ragged_span(&self, line: Line, width: usize) -> Range<usize> {
        let text = line.text(self.source);
        let cells = scan::cells(text, self.separator).unwrap_or_default();
        cells.get(width).cloned().unwrap_or(text.len()..text.len())
    }

    /// The names of the columns, checked; none if the line cannot be cut into cells.
    fn names(&self, header: Line, columns: &Columns, problems: &mut Problems) -> Option<Vec<String>> {
        let text = header.text(self.source);
        let cells = match scan::cells(text, self.separator) {
            Ok(cells) => cells,
            Err(stray) => {
                let help = "remove the quote, or double it inside a quoted cell";
                self.complain(header, "a stray quote", stray.at..stray.at + 1, stray.label, help, problems);
                return None;
            }
        };
        let mut spans: Vec<Range<usize>> = cells.into_iter().map(|cell| scan::content(text, cell)).collect();
        while spans.len() > 1 && spans.last().is_some_and(Range::is_empty) {
            spans.pop();
        }
        let names: Vec<&str> = spans.iter().map(|span| &text[span.clone()]).collect();
        let missing: Vec<&str> = columns.required.iter().copied().filter(|name| !names.contains(name)).collect();
        let whole = || header.place(self.source, 0..text.len());
        if names.len() == 1 && missing.len() > 1 {
            let message = format!("the {} table has one column", columns.kind);
            let help = format!(
                "cells are separated by tabs, commas or semicolons; the columns are: {}",
                columns.known().collect::<Vec<_>>().join(", ")
            );
            problems.push(Diagnostic::new(self.file, message).at(whole(), "one cell").help(help));
            return None;
        }
        let mut seen = HashSet::new();
        for (&name, span) in names.iter().zip(&spans) {
            let absent = || columns.known().filter(|known| !names.contains(known));
            let (message, help) = if !seen.insert(name) {
                (format!("two columns are named `{name}`"), "keep one of them".to_owned())
            } else if name.is_empty() {
                ("a column without a name".to_owned(), "name the column, or leave it out".to_owned())
            } else if columns.open || columns.known().any(|known| known == name) {
                continue;
            } else if let Some(meant) = suggestion(name, absent()) {
                (format!("unknown column `{name}`"), meant)
            } else {
                // PEtab allows further columns; they change nothing.
                continue;
            };
            let place = header.place(self.source, span.clone());
            problems.push(Diagnostic::new(self.file, message).at(place, "this column").help(help));
        }
        for name in missing {
            let message = format!("the {} table lacks the column `{name}`", columns.kind);
            let label = format!("`{name}` is not here");
            let help = match names.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                Some(known) => format!("write `{known}` as `{name}`"),
                None => format!("add a column `{name}`"),
            };
            problems.push(Diagnostic::new(self.file, message).at(whole(), label).help(help));
        }
        Some(names.into_iter().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests;

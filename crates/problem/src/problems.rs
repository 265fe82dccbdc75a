//! Gathers everything that is wrong with a problem's files, without drowning the reader in it.

use std::{collections::BTreeMap, ops::Range};

use metacascade_engine::{Diagnostic, Diagnostics, Place};

use crate::table::Table;

/// How many problems of one column of one file are shown; the rest are counted.
const SHOWN: usize = 20;

/// What is wrong with one cell.
pub(crate) struct Complaint {
    message: String,
    label: String,
    help: Option<String>,
    span: Option<Range<usize>>,
}

impl Complaint {
    /// What is wrong, and the word said under the underlined cell.
    pub fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), help: None, span: None }
    }

    /// What would fix it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What would fix it, if anything is known to.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Underlines only these bytes of the cell's text.
    pub fn within(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }
}

/// All problems found so far.
#[derive(Default)]
pub(crate) struct Problems {
    found: Diagnostics,
    /// How many problems each (file, column) has.
    counts: BTreeMap<(String, String), usize>,
    total: usize,
}

impl Problems {
    /// How many problems were found so far, those not shown included.
    pub fn count(&self) -> usize {
        self.total
    }

    /// Adds a problem that cannot come by the thousand.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.total += 1;
        self.found.push(diagnostic);
    }

    /// Adds all problems of another reader.
    pub fn extend(&mut self, other: Diagnostics) {
        self.total += other.0.len();
        self.found.extend(other);
    }

    /// Adds a problem of a kind that may come by the thousand: `build` is called for the first few of its column only.
    pub fn counted(&mut self, file: &str, column: &str, build: impl FnOnce() -> Diagnostic) {
        self.total += 1;
        let count = self.counts.entry((file.to_owned(), column.to_owned())).or_default();
        *count += 1;
        if *count <= SHOWN {
            self.found.push(build());
        }
    }

    /// Adds a problem with one cell of a table; `build` is given the cell's text.
    pub fn cell(&mut self, table: &Table, row: usize, column: &str, build: impl FnOnce(&str) -> Complaint) {
        self.counted(table.file(), column, || {
            let (place, text) = table.place(row, column);
            complain(table.file(), place, build(&text))
        });
    }

    /// Adds a problem with a table's header.
    pub fn header(&mut self, table: &Table, complaint: Complaint) {
        self.push(complain(table.file(), table.header_place(), complaint));
    }

    /// Adds a problem with one column's name.
    pub fn header_cell(&mut self, table: &Table, column: &str, complaint: Complaint) {
        self.push(complain(table.file(), table.header_cell_place(column), complaint));
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Everything found, file by file in order of place, with one line for each column that had more than are shown.
    pub fn into_diagnostics(self) -> Diagnostics {
        let mut found = self.found;
        let mut files: Vec<String> = Vec::new();
        for diagnostic in &found.0 {
            if !files.contains(&diagnostic.file) {
                files.push(diagnostic.file.clone());
            }
        }
        found.0.sort_by_key(|diagnostic| {
            let file = files.iter().position(|file| *file == diagnostic.file);
            (file, diagnostic.place.as_ref().map(|place| (place.line, place.column)))
        });
        for ((file, column), count) in self.counts {
            if count > SHOWN {
                let more = count - SHOWN;
                found.push(Diagnostic::new(file, format!("{more} more problems like these in `{column}`")));
            }
        }
        found
    }
}

fn complain(file: &str, mut place: Place, complaint: Complaint) -> Diagnostic {
    if let Some(span) = complaint.span {
        let start = (place.span.start + span.start).min(place.span.end);
        let end = (place.span.start + span.end).clamp(start, place.span.end);
        // A span that splits a character is left out: the whole cell is underlined then.
        if let (Some(before), true) = (place.text.get(..start), place.text.is_char_boundary(end)) {
            place.column = before.chars().count() + 1;
            place.span = start..end;
        }
    }
    let diagnostic = Diagnostic::new(file, complaint.message).at(place, complaint.label);
    match complaint.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

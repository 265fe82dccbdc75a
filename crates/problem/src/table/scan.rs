//! The lines and cells of a text file whose cells are separated by tabs, commas or semicolons.
//!
//! A parser that meets a stray quote reads the rest of a file as one cell, and complains, if at all, somewhere else.
//! Here every line is looked at by itself: text encoding, quotes, number of cells. A quoted cell (`"…"`, with `""` for
//! a quote) must end on its line.

use std::ops::Range;

use metacascade_engine::{Diagnostic, Place};

use crate::problems::Problems;

/// One line that holds cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number in the file, from 1.
    pub number: usize,
    /// Byte at which it begins.
    pub start: usize,
    /// Byte after its last, line end excluded.
    pub end: usize,
}

impl Line {
    /// The line's text.
    pub fn text(self, source: &str) -> &str {
        &source[self.start..self.end]
    }

    /// A place on this line; `span` in bytes from the line's beginning, on character boundaries.
    pub fn place(self, source: &str, span: Range<usize>) -> Place {
        let text = self.text(source);
        let column = text[..span.start].chars().count() + 1;
        Place { line: self.number, column, text: text.to_owned(), span }
    }
}

/// The text of a file's bytes; a byte-order mark is dropped.
///
/// On bytes that are not text a problem is added and nothing returned.
pub(crate) fn decode<'b>(bytes: &'b [u8], file: &str, problems: &mut Problems) -> Option<&'b str> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let help = "save it as UTF-8";
        problems.push(Diagnostic::new(file, "the file is UTF-16 text, not UTF-8").help(help));
        return None;
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    let (bad, what) = match (std::str::from_utf8(bytes), bytes.iter().position(|&byte| byte == 0)) {
        (Ok(text), None) => return Some(text),
        (Err(error), nul) if nul.is_none_or(|nul| error.valid_up_to() < nul) => (error.valid_up_to(), "not UTF-8 text"),
        (_, nul) => (nul.unwrap_or_default(), "a NUL byte"),
    };
    let start = bytes[..bad].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let end = bytes[bad..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |newline| bad + newline);
    let before = String::from_utf8_lossy(&bytes[start..bad]).replace('\0', "\u{FFFD}");
    let rest = String::from_utf8_lossy(&bytes[bad..end]).replace('\0', "\u{FFFD}");
    let width = rest.chars().next().map_or(0, char::len_utf8);
    let place = Place {
        line: bytes[..start].iter().filter(|&&byte| byte == b'\n').count() + 1,
        column: before.chars().count() + 1,
        span: before.len()..before.len() + width,
        text: before + rest.trim_end_matches('\r'),
    };
    problems.push(Diagnostic::new(file, "the file is not UTF-8 text").at(place, what).help("save the file as UTF-8"));
    None
}

/// The lines that hold anything but blanks, separators and empty quotes. Both `\n` and `\r\n` end a line.
pub(crate) fn lines(source: &str, separator: char) -> Vec<Line> {
    let mut start = 0;
    let mut lines = Vec::new();
    for (index, text) in source.split('\n').enumerate() {
        let shown = text.strip_suffix('\r').unwrap_or(text);
        if shown.contains(|c: char| !c.is_whitespace() && c != separator && c != '"') {
            lines.push(Line { number: index + 1, start, end: start + shown.len() });
        }
        start += text.len() + 1;
    }
    lines
}

/// What stands between two separators is not a cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StrayQuote {
    /// The quote, in bytes from the line's beginning.
    pub at: usize,
    /// What is wrong with it.
    pub label: &'static str,
}

/// Shows each cell of a line, as bytes of it, quotes included.
pub(crate) fn each_cell(line: &str, separator: char, mut show: impl FnMut(Range<usize>)) -> Result<(), StrayQuote> {
    let mut start = 0;
    loop {
        let end = cell_end(line, separator, start)?;
        show(start..end);
        if end == line.len() {
            return Ok(());
        }
        start = end + 1;
    }
}

/// The cells of a line, as bytes of it, quotes included.
pub(crate) fn cells(line: &str, separator: char) -> Result<Vec<Range<usize>>, StrayQuote> {
    let mut cells = Vec::new();
    each_cell(line, separator, |cell| cells.push(cell))?;
    Ok(cells)
}

/// The byte of the separator that ends the cell at `start`, or the line's length. Separators are of one byte.
fn cell_end(line: &str, separator: char, start: usize) -> Result<usize, StrayQuote> {
    let rest = &line[start..];
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.bytes().position(|byte| byte == separator as u8).unwrap_or(rest.len());
        return match rest[..end].bytes().position(|byte| byte == b'"') {
            Some(quote) => {
                Err(StrayQuote { at: start + quote, label: "a quote inside a cell that does not begin with one" })
            }
            None => Ok(start + end),
        };
    };
    let mut closing = 0;
    loop {
        closing += match quoted[closing..].find('"') {
            Some(quote) => quote + 1,
            None => return Err(StrayQuote { at: start, label: "opened here and not closed on this line" }),
        };
        match quoted[closing..].chars().next() {
            Some('"') => closing += 1,
            Some(next) if next != separator => {
                return Err(StrayQuote { at: start + closing, label: "text goes on after this closing quote" });
            }
            _ => return Ok(start + 1 + closing),
        }
    }
}

/// The bytes of a cell that are its content: without quotes and surrounding blanks.
pub(crate) fn content(line: &str, cell: Range<usize>) -> Range<usize> {
    let text = &line[cell.clone()];
    let (offset, inner) = match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inner) => (cell.start + 1, inner),
        None => (cell.start, text),
    };
    let start = offset + (inner.len() - inner.trim_start().len());
    start..start + inner.trim().len()
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

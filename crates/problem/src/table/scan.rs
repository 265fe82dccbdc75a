//! The lines and cells of a tab-separated file, checked before any parser guesses at them.
//!
//! A parser that meets a stray quote reads the rest of a file as one cell, and complains, if at all, somewhere else.
//! So every line is looked at first: text encoding, quotes, number of cells. A quoted cell (`"…"`, with `""` for a
//! quote) must end on its line.

use std::{borrow::Cow, ops::Range};

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
        let help = "save it as UTF-8, tab separated";
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
    problems.push(
        Diagnostic::new(file, "the file is not UTF-8 text")
            .at(place, what)
            .help("save the file as UTF-8, tab separated"),
    );
    None
}

/// The lines that hold anything but blanks and tabs. Both `\n` and `\r\n` end a line.
pub(crate) fn lines(source: &str) -> Vec<Line> {
    let mut start = 0;
    let mut lines = Vec::new();
    for (index, text) in source.split('\n').enumerate() {
        let shown = text.strip_suffix('\r').unwrap_or(text);
        if !shown.trim().is_empty() {
            lines.push(Line { number: index + 1, start, end: start + shown.len() });
        }
        start += text.len() + 1;
    }
    lines
}

/// What stands between two tabs is not a cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StrayQuote {
    /// The quote, in bytes from the line's beginning.
    pub at: usize,
    /// What is wrong with it.
    pub label: &'static str,
}

/// The cells of a line, as bytes of it, quotes included.
pub(crate) fn cells(line: &str) -> Result<Vec<Range<usize>>, StrayQuote> {
    let mut cells = Vec::new();
    let mut start = 0;
    loop {
        let end = cell_end(line, start)?;
        cells.push(start..end);
        if end == line.len() {
            return Ok(cells);
        }
        start = end + 1;
    }
}

/// How many cells a line has: [`cells`] without keeping them.
pub(crate) fn count_cells(line: &str) -> Result<usize, StrayQuote> {
    if line.contains('"') { cells(line).map(|cells| cells.len()) } else { Ok(line.matches('\t').count() + 1) }
}

/// The byte of the tab that ends the cell at `start`, or the line's length.
fn cell_end(line: &str, start: usize) -> Result<usize, StrayQuote> {
    let rest = &line[start..];
    let Some(quoted) = rest.strip_prefix('"') else {
        let cell = rest.split('\t').next().unwrap_or_default();
        return match cell.find('"') {
            Some(quote) => {
                Err(StrayQuote { at: start + quote, label: "a quote inside a cell that does not begin with one" })
            }
            None => Ok(start + cell.len()),
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
            Some('\t') | None => return Ok(start + 1 + closing),
            Some(_) => return Err(StrayQuote { at: start + closing, label: "text goes on after this closing quote" }),
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

/// What the parser is to read: the lines that hold cells and nothing else.
pub(crate) fn tidy<'s>(source: &'s str, lines: &[Line]) -> Cow<'s, str> {
    let tidy = !source.contains('\r')
        && lines.iter().enumerate().all(|(index, line)| line.number == index + 1)
        && lines.last().is_none_or(|last| source.len() <= last.end + 1);
    if tidy {
        return Cow::Borrowed(source);
    }
    let mut text = String::with_capacity(source.len());
    for line in lines {
        text.push_str(line.text(source));
        text.push('\n');
    }
    Cow::Owned(text)
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

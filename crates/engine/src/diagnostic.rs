//! What is wrong with a file, where, and what would fix it, shown as rustc shows it.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};

/// A place in a source file: one or more whole lines and the bytes meant within them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line of the place's beginning, from 1.
    pub line: usize,
    /// Column of the place's beginning, in characters from 1.
    pub column: usize,
    /// The source lines that hold the place, without the last line's end; of very long lines, the part around it.
    pub text: String,
    /// The bytes meant, within `text`.
    pub span: Range<usize>,
}

impl Place {
    /// The place of the bytes `span` of a whole source text. A span that runs past the end is cut, and so is one that
    /// is longer than a screen.
    #[must_use]
    pub fn in_source(source: &str, span: Range<usize>) -> Self {
        let start = floor_char_boundary(source, span.start);
        let end = floor_char_boundary(source, span.end).max(start);
        let first = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let last = source[end..].find('\n').map_or(source.len(), |newline| end + newline);
        let from = match last - first {
            0..LONG => first,
            _ => floor_char_boundary(source, start.saturating_sub(LONG / 4)).max(first),
        };
        let to = last.min(floor_char_boundary(source, start + LONG));
        Self {
            line: source[..start].matches('\n').count() + 1,
            column: source[first..start].chars().count() + 1,
            text: source[from..to].trim_end_matches('\r').to_owned(),
            span: start - from..end.min(to) - from,
        }
    }

    /// Whether the line begins before the part of it that is kept.
    fn is_cut(&self) -> bool {
        let before = floor_char_boundary(&self.text, self.span.start);
        self.text[..before].chars().count() + 1 != self.column
    }
}

/// Bytes beyond which lines are not kept whole: files of some megabytes may be a single line.
const LONG: usize = 4096;

fn floor_char_boundary(source: &str, index: usize) -> usize {
    (0..=index.min(source.len())).rev().find(|&i| source.is_char_boundary(i)).unwrap_or(0)
}

/// One problem with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line.
    pub message: String,
    /// The file, as the user named it.
    pub file: String,
    /// Where in the file, unless the problem is the file itself.
    pub place: Option<Place>,
    /// What is said under the underlined place; may be empty.
    pub label: String,
    /// What would fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem with a file as a whole.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), file: file.into(), place: None, label: String::new(), help: None }
    }

    /// The same problem at a place, with a word on it.
    #[must_use]
    pub fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.place = Some(place);
        self.label = label.into();
        self
    }

    /// The same problem with what would fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The problem as a terminal shows it, without a trailing newline.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let message = normalize_untrusted_str(&self.message);
        let help = self.help.as_deref().map(normalize_untrusted_str);
        let file = match &self.place {
            Some(place) if place.is_cut() => {
                normalize_untrusted_str(&format!("{}, column {} of line", self.file, place.column))
            }
            _ => normalize_untrusted_str(&self.file),
        };
        let title = Level::ERROR.primary_title(message.as_str());
        let mut group = match &self.place {
            Some(place) => {
                let end = place.span.end.min(place.text.len());
                let annotation =
                    AnnotationKind::Primary.span(place.span.start.min(end)..end).label(self.label.as_str());
                let snippet = Snippet::source(place.text.as_str()).line_start(place.line).path(file.as_str());
                title.element(snippet.annotation(annotation))
            }
            None => title.element(annotate_snippets::Origin::path(file.as_str())),
        };
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// All problems found in one pass over one or more files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all problems of another pass.
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// All problems as a terminal shows them, a blank line between two.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let rendered: Vec<String> = self.0.iter().map(|diagnostic| diagnostic.render(color)).collect();
        rendered.join("\n\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

/// ``did you mean `x`?``, if a known name is close enough to the unknown one to be meant.
pub fn suggestion<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lower = unknown.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|&(distance, name)| {
            let length = unknown.chars().count().max(name.chars().count());
            distance <= 1 + length / 4 && distance < length
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_underlined_with_line_column_and_help() {
        let source = "[reactions]\nrate = \"k*Q\"\n";
        let start = source.find('Q').unwrap_or(0);
        let place = Place::in_source(source, start..start + 1);
        assert_eq!((place.line, place.column), (2, 11));
        let shown =
            Diagnostic::new("m.toml", "unknown name `Q`").at(place, "not found").help("declare it").render(false);
        for part in ["error: unknown name `Q`", "m.toml:2:11", "rate = \"k*Q\"", "^ not found", "help: declare it"] {
            assert!(shown.contains(part), "{part} is missing in\n{shown}");
        }
    }

    #[test]
    fn places_survive_any_span() {
        let source = "äöü\r\n\u{1f9ec}";
        for start in 0..20 {
            for end in 0..20 {
                let place = Place::in_source(source, start..end);
                let _ = Diagnostic::new("f", "m").at(place, "l").render(true);
            }
        }
    }

    #[test]
    fn of_a_very_long_line_the_part_around_the_place_is_kept() {
        let source = format!("a\n{}Q{}\nb", "ä".repeat(100_000), "ö".repeat(100_000));
        let start = source.find('Q').unwrap_or(0);
        let place = Place::in_source(&source, start..start + 1);
        assert_eq!((place.line, place.column, &place.text[place.span.clone()]), (2, 100_001, "Q"));
        assert!(place.text.len() < 2 * LONG);
        let shown = Diagnostic::new("m.toml", "unknown name `Q`").at(place, "").render(false);
        assert!(shown.contains("m.toml, column 100001 of line:2:"), "{shown}");
    }

    #[test]
    fn suggestions_are_close_names_only() {
        assert_eq!(
            suggestion("observableid", ["observableId", "time"]).as_deref(),
            Some("did you mean `observableId`?")
        );
        assert_eq!(suggestion("zebra", ["observableId", "time"]), None);
    }
}

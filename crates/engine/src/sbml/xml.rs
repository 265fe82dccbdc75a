//! Writes XML, indented.

use std::fmt::Write;

/// A text as it stands in XML; characters that XML does not know are left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' | '\r' => _ = write!(out, "&#{};", c as u32),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() && (c as u32) < 32 => {}
            c => out.push(c),
        }
    }
    out
}

/// A document as it grows.
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    pub fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)], end: &str) {
        let _ = write!(self.text, "{:1$}<{name}", "", 2 * self.open.len());
        for (attribute, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(self.text, " {attribute}=\"{}\"", escape(value));
        }
        self.text += end;
        self.text.push('\n');
    }

    /// Opens an element. Attributes without a value are left out.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, ">");
        self.open.push(name);
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = writeln!(self.text, "{:1$}</{name}>", "", 2 * self.open.len());
        }
    }

    /// An element with nothing in it.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes, "/>");
    }

    /// A line that is XML already.
    pub fn raw(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:1$}{line}", "", 2 * self.open.len());
    }

    /// An element, with a list in it unless the list is empty.
    pub fn list(&mut self, name: &'static str, lines: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        self.open(name, &[]);
        let start = self.text.len();
        lines(self);
        let empty = self.text.len() == start;
        self.close();
        if empty {
            self.text.truncate(before);
        }
    }

    /// Paragraphs of notes; those without text are left out.
    pub fn notes(&mut self, paragraphs: &[&str]) {
        let paragraphs: Vec<&str> = paragraphs.iter().flat_map(|text| text.lines()).map(str::trim).collect();
        if paragraphs.iter().all(|text| text.is_empty()) {
            return;
        }
        self.open("notes", &[]);
        self.open("body", &[("xmlns", "http://www.w3.org/1999/xhtml")]);
        for text in paragraphs.into_iter().filter(|text| !text.is_empty()) {
            self.raw(&format!("<p>{}</p>", escape(text)));
        }
        self.close();
        self.close();
    }

    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

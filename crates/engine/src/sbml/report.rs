//! Collects what is wrong with a document, and reads attributes and children with complaints.

use std::ops::Range;

use roxmltree::{Attribute, Node as Element};

use super::document::is_core;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, suggestion};
use crate::network::{Builder, MOST_PROBLEMS, Text};

pub(super) struct Report<'s> {
    source: &'s str,
    file: &'s str,
    problems: Diagnostics,
}

impl<'s> Report<'s> {
    pub fn new(source: &'s str, file: &'s str) -> Self {
        Self { source, file, problems: Diagnostics::default() }
    }

    pub fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<Option<String>>) {
        if !self.is_full() {
            let mut diagnostic = Diagnostic::new(self.file, message).at(Place::in_source(self.source, span), "");
            diagnostic.help = help.into();
            self.problems.push(diagnostic);
        }
    }

    /// A known name close to an unknown one. None once enough is wrong: each costs a look at all names.
    pub fn suggestion<'k>(&self, unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
        if self.is_full() { None } else { suggestion(unknown, known) }
    }

    pub fn is_full(&self) -> bool {
        self.problems.0.len() >= MOST_PROBLEMS
    }

    /// The model, unless something is wrong; mistakes of the layout and mistakes of the contents are shown together.
    pub fn finish(mut self, read: Option<Builder>) -> Result<Builder, Diagnostics> {
        let builder = read.map(|mut builder| {
            builder.file = Some((self.file.to_owned(), self.source.to_owned()));
            builder
        });
        match builder {
            Some(mut builder) if self.problems.is_empty() => {
                builder.drop_units_that_differ();
                Ok(builder)
            }
            builder => {
                if let Some(Err(more)) = builder.map(|builder| builder.build()) {
                    self.problems.extend(more);
                }
                self.problems.0.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
                // Some lists are looked at more than once.
                self.problems.0.dedup();
                Err(self.problems)
            }
        }
    }

    /// The bytes of an element's opening tag.
    pub fn tag(&self, element: Element) -> Range<usize> {
        let whole = element.range();
        let length = self.source.get(whole.clone()).and_then(|text| text.find('>')).map_or(whole.len(), |end| end + 1);
        whole.start..whole.start + length
    }

    /// A text that comes from an element, for messages of later checks.
    pub fn text(&self, value: String, element: Element) -> Text {
        Text { value, span: Some(self.tag(element)) }
    }

    /// The children that belong to SBML, of which only those named in `known` mean something here.
    pub fn children<'a, 'i>(&mut self, parent: Element<'a, 'i>, known: &[&str]) -> Vec<Element<'a, 'i>> {
        let core = parent.children().filter(|child| child.is_element() && is_core(*child));
        let mut found = Vec::new();
        for child in core {
            let name = child.tag_name().name();
            if known.contains(&name) {
                found.push(child);
            } else if !matches!(name, "notes" | "annotation") {
                let message = format!("<{name}> does not belong in <{}>", parent.tag_name().name());
                let help = self.suggestion(name, known.iter().copied());
                self.problem(self.tag(child), message, help);
            }
        }
        found
    }

    /// The entries of a list such as `listOfSpecies`, which may be missing.
    pub fn list<'a, 'i>(&mut self, parent: Element<'a, 'i>, list: &str, known: &[&str]) -> Vec<Element<'a, 'i>> {
        let lists = parent.children().filter(|child| is_core(*child) && child.tag_name().name() == list);
        lists.flat_map(|list| self.children(list, known)).collect()
    }

    /// The formula element below a rule, an assignment and so on.
    pub fn math<'a, 'i>(&mut self, parent: Element<'a, 'i>) -> Option<Element<'a, 'i>> {
        let math = parent.children().find(|child| child.tag_name().name() == "math");
        if math.is_none() {
            let message = format!("this <{}> has no formula", parent.tag_name().name());
            self.problem(self.tag(parent), message, "a <math> element is missing in it".to_owned());
        }
        math
    }

    pub fn required<'a, 'i>(&mut self, element: Element<'a, 'i>, name: &str) -> Option<Attribute<'a, 'i>> {
        let found = element.attribute_node(name);
        if found.is_none() {
            let message = format!("this <{}> has no `{name}`", element.tag_name().name());
            self.problem(self.tag(element), message, None);
        }
        found
    }

    pub fn flag(&mut self, element: Element, name: &str, default: bool) -> bool {
        match element.attribute_node(name).map(|attribute| (attribute.value().trim(), attribute.range_value())) {
            None => default,
            Some(("true" | "1", _)) => true,
            Some(("false" | "0", _)) => false,
            Some((_, span)) => {
                self.problem(span, format!("`{name}` is \"true\" or \"false\""), None);
                default
            }
        }
    }

    pub fn number(&mut self, element: Element, name: &str) -> Option<f64> {
        let attribute = element.attribute_node(name)?;
        let number = attribute.value().trim().parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            let message = format!("`{name}` must be a finite number");
            self.problem(attribute.range_value(), message, None);
            // Given, though wrongly: not to be reported as missing too.
            return Some(1.0);
        }
        number
    }
}

/// An attribute's value as a text that knows its place.
pub(super) fn named(value: String, attribute: &Attribute) -> Text {
    Text { value, span: Some(attribute.range_value()) }
}

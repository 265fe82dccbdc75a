//! `[[therapies]]`, `[[arms]]` and what `varies` in a model file.

use std::ops::Range;

use super::{Reader, Table};
use crate::network::parts::Text;
use crate::network::therapies::{ArmPart, THERAPY, Therapy};
use crate::network::variation::Law;

impl Reader<'_> {
    pub(super) fn therapy(&mut self, entry: &Table, span: Range<usize>) -> Therapy {
        self.keys(entry, &[&["name", "description"], &THERAPY[..]].concat());
        let mut values = Vec::new();
        for key in THERAPY {
            if let Some(value) = entry.get(key) {
                values.push((key, self.number(value)));
            }
        }
        if entry.contains_key("duration") == entry.contains_key("half_life") {
            let help = "give the duration of each cycle, or the half-life with which doses decay".to_owned();
            self.problem(span.clone(), "a therapy has either `duration` or `half_life`", Some(help));
        }
        let description = self.words(entry, "description");
        Therapy::with(self.required(entry, "name", span), description, values)
    }

    pub(super) fn arm(&mut self, entry: &Table, span: Range<usize>) -> ArmPart {
        self.keys(entry, &["name", "description", "set"]);
        let mut set = Vec::new();
        for (name, value) in self.entries(entry, "set") {
            let value = self.number(value);
            set.push((name, value));
        }
        let description = self.words(entry, "description");
        ArmPart { name: self.required(entry, "name", span), description, set }
    }

    /// `varies = { law = "lognormal", spread = "…" }` of a parameter.
    pub(super) fn varies(&mut self, parameter: &Table) -> Option<(Law, Text)> {
        let value = parameter.get("varies")?;
        let Some(detail) = value.get_ref().as_table() else {
            let help = "write { law = \"lognormal\", spread = \"…\" }".to_owned();
            self.problem(value.span(), "`varies` must be a table", Some(help));
            return None;
        };
        self.keys(detail, &["law", "spread"]);
        Some((self.law(detail), self.required(detail, "spread", value.span())))
    }
}

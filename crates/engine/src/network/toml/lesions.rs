//! `[[lesions]]` of a model file.

use std::ops::Range;

use super::{Reader, Table};
use crate::network::lesions::{LARGE, Lesions, OwnPart};
use crate::network::variation::Law;

impl Reader<'_> {
    pub(super) fn lesions(&mut self, entry: &Table, span: Range<usize>) -> Lesions {
        let known = [
            "name",
            "description",
            "initial",
            "size",
            "birth",
            "death",
            "dormant",
            "large",
            "growth",
            "own",
            "emission",
            "detection",
            "counts",
        ];
        self.keys(entry, &known);
        let optional = |reader: &mut Self, key: &str| entry.get(key).map(|value| reader.expression(value));
        let or = |reader: &mut Self, key: &str, default: &str| {
            entry.get(key).map_or_else(|| default.into(), |value| reader.expression(value))
        };
        let mut own = Vec::new();
        for (name, value) in self.entries(entry, "own") {
            let Some(detail) = value.get_ref().as_table() else {
                let help = "write { location = \"…\", spread = \"…\" }".to_owned();
                self.problem(value.span(), format!("`{}` must be a table", name.value), Some(help));
                continue;
            };
            self.keys(detail, &["law", "location", "spread", "description"]);
            let law = self.law(detail);
            let location = self.required(detail, "location", value.span());
            let spread = self.required(detail, "spread", value.span());
            own.push(OwnPart { name, law, location, spread });
        }
        let mut counts = Vec::new();
        for (name, value) in self.entries(entry, "counts") {
            let cells = self.expression(value);
            counts.push((name, cells));
        }
        let dormancy = entry.get("dormant").and_then(|value| {
            let Some(detail) = value.get_ref().as_table() else {
                let help = "write { probability = \"…\", waking = \"…\", death = \"…\" }".to_owned();
                self.problem(value.span(), "`dormant` must be a table", Some(help));
                return None;
            };
            self.keys(detail, &["probability", "waking", "death"]);
            Some(["probability", "waking", "death"].map(|key| self.required(detail, key, value.span())))
        });
        Lesions {
            name: self.required(entry, "name", span.clone()),
            description: self.words(entry, "description"),
            initial: or(self, "initial", "0"),
            size: or(self, "size", "1"),
            birth: self.required(entry, "birth", span.clone()),
            death: self.required(entry, "death", span),
            dormancy,
            large: or(self, "large", LARGE),
            growth: optional(self, "growth"),
            own,
            emission: optional(self, "emission"),
            detection: optional(self, "detection"),
            counts,
        }
    }

    /// The law of a value that varies; lognormal unless another is named.
    pub(super) fn law(&mut self, table: &Table) -> Law {
        let Some(value) = table.get("law") else { return Law::default() };
        let law = value.get_ref().as_str().unwrap_or_default().parse();
        law.unwrap_or_else(|message| {
            self.problem(value.span(), message, None);
            Law::default()
        })
    }
}

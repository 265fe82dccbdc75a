//! `[[therapies]]`, `[[arms]]` and what `varies` in a model file.

use std::ops::Range;

use super::{Reader, Table, Value};
use crate::network::Basis;
use crate::network::parts::Text;
use crate::network::therapies::{ArmPart, THERAPY, Therapy};
use crate::network::variation::Law;

impl Reader<'_> {
    pub(super) fn therapy(&mut self, entry: &Table, span: Range<usize>) -> Therapy {
        self.keys(entry, &[&["name", "description", "after"], &THERAPY[..]].concat());
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
        let after = entry.get("after").map(|condition| self.expression(condition));
        Therapy::with(self.required(entry, "name", span), description, values, after)
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

    /// `basis = "measured"` of a parameter.
    pub(super) fn basis(&mut self, parameter: &Table) -> Option<Basis> {
        let value = parameter.get("basis")?;
        let basis = Basis::ALL.into_iter().find(|basis| value.get_ref().as_str() == Some(basis.name()));
        if basis.is_none() {
            let help = Some(format!("write one of {}", Basis::ALL.map(Basis::name).join(", ")));
            self.problem(value.span(), "`basis` says how a value is known", help);
        }
        basis
    }

    /// `range = [0.1, 10]` of a parameter.
    pub(super) fn range(&mut self, parameter: &Table) -> Option<[f64; 2]> {
        let value = parameter.get("range")?;
        let numbers: Vec<&Value> = value.get_ref().as_array().map(|list| list.iter().collect()).unwrap_or_default();
        let numbers: Vec<f64> = numbers.into_iter().map(|number| self.number(number)).collect();
        match numbers[..] {
            [from, to] if from <= to => Some([from, to]),
            _ => {
                self.problem(
                    value.span(),
                    "`range` is the least and the largest plausible value",
                    Some("write [0.1, 10]".to_owned()),
                );
                None
            }
        }
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

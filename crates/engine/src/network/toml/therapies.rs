//! `[[therapies]]`, `[[arms]]` and what `varies` in a model file.

use std::ops::Range;

use super::{Reader, Table, Value};
use crate::network::Basis;
use crate::network::parts::Varies;
use crate::network::therapies::{ArmPart, THERAPY, Therapy};

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

    /// `varies = { law = "lognormal", spread = "…", between = "groups" }` of a parameter, or a list of one for groups and
    /// one for subjects.
    pub(super) fn varies(&mut self, parameter: &Table) -> Option<Varies> {
        let value = parameter.get("varies")?;
        let parts = value.get_ref().as_array().map_or_else(|| vec![value], |list| list.iter().collect());
        let mut varies: Option<Varies> = None;
        for part in parts {
            let Some(detail) = part.get_ref().as_table() else {
                let help = "write { law = \"lognormal\", spread = \"…\" }".to_owned();
                self.problem(part.span(), "`varies` must be a table", Some(help));
                return None;
            };
            self.keys(detail, &["law", "spread", "between"]);
            let (law, spread) = (self.law(detail), self.required(detail, "spread", part.span()));
            let all = varies.get_or_insert(Varies { law, groups: None, subjects: None });
            if all.law != law {
                let help = Some("groups and their subjects deviate on the scale of one law".to_owned());
                self.problem(part.span(), "a parameter varies by one law", help);
            }
            let between = detail.get("between");
            let place = match between.map_or(Some("subjects"), |value| value.get_ref().as_str()) {
                Some("subjects") => &mut all.subjects,
                Some("groups") => &mut all.groups,
                _ => {
                    let help = Some("write \"groups\" or \"subjects\"".to_owned());
                    self.problem(part.span(), "`between` says what the parameter varies between", help);
                    continue;
                }
            };
            if place.replace(spread).is_some() {
                self.problem(part.span(), "the parameter varies twice between the same", None);
            }
        }
        varies
    }
}

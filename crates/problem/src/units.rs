//! Units of data: what is measured in one unit and compared in another.
//!
//! `measurementUnit` and `timeUnit` of a row are converted into the unit of the observable (`observableUnit`) and of the
//! model's time. Units of one dimension convert by themselves (hours and days, mm³ and ml). What is not the same kind
//! of thing is converted only where `problem.yaml` says by how much, under `extensions: metacascade: conversions`:
//!
//! ```yaml
//! conversions:
//! - {from: mm^3, to: cells, by: cells_per_mm3}   # a parameter that is not estimated, or a number
//! ```

use std::collections::HashMap;

use metacascade_engine::conversion;
use serde::Deserialize;

/// One line of `conversions`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub from: String,
    pub to: String,
    pub by: By,
}

/// By how much.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum By {
    Number(f64),
    Parameter(String),
}

/// What counts what; two different ones are not the same although neither has a dimension.
const THINGS: [&str; 9] = ["cell", "molecule", "lesion", "cluster", "animal", "mouse", "mice", "patient", "event"];

/// All conversions of a problem: from, to and how many.
#[derive(Debug, Default)]
pub(crate) struct Conversions {
    rules: Vec<(String, String, f64)>,
    known: HashMap<(String, String), Result<f64, Mismatch>>,
}

/// Why a unit cannot be converted: what is wrong, and what would help.
pub(crate) type Mismatch = (String, String);

impl Conversions {
    /// `value` gives the value of a parameter that is not estimated. Rules whose parameter has none come back.
    pub fn new(rules: &[Rule], value: impl Fn(&str) -> Option<f64>) -> (Self, Vec<String>) {
        let (mut found, mut unknown) = (Self::default(), Vec::new());
        for rule in rules {
            let factor = match &rule.by {
                By::Number(number) => Some(*number),
                By::Parameter(name) => value(name),
            };
            match factor.filter(|factor| *factor > 0.0 && factor.is_finite()) {
                Some(factor) => found.rules.push((rule.from.clone(), rule.to.clone(), factor)),
                None => unknown.push(match &rule.by {
                    By::Number(number) => number.to_string(),
                    By::Parameter(name) => name.clone(),
                }),
            }
        }
        (found, unknown)
    }

    /// How many `to` one `from` is.
    pub fn factor(&mut self, from: &str, to: &str) -> Result<f64, Mismatch> {
        if from == to {
            return Ok(1.0);
        }
        if let Some(known) = self.known.get(&(from.to_owned(), to.to_owned())) {
            return known.clone();
        }
        let found = self.find(from, to);
        self.known.insert((from.to_owned(), to.to_owned()), found.clone());
        found
    }

    fn find(&self, from: &str, to: &str) -> Result<f64, Mismatch> {
        for (source, target, factor) in &self.rules {
            let parts = |from: &str, to: &str| if from == to { Some(1.0) } else { like(from, to).ok() };
            if let (Some(first), Some(last)) = (parts(from, source), parts(target, to)) {
                return Ok(first * factor * last);
            }
            if let (Some(first), Some(last)) = (parts(from, target), parts(source, to)) {
                return Ok(first / factor * last);
            }
        }
        like(from, to).map_err(|(message, help)| {
            let rule = format!("say by how much in `conversions`: {{from: {from}, to: {to}, by: …}}");
            (message, if help.starts_with("only like") { rule } else { help })
        })
    }
}

/// The factor between units of one dimension that count the same things.
fn like(from: &str, to: &str) -> Result<f64, Mismatch> {
    let factor = conversion(from, to).map_err(|mismatch| (mismatch.message, mismatch.help))?;
    let (first, second) = (things(from), things(to));
    if first != second && !first.is_empty() && !second.is_empty() {
        return Err((
            format!("`{from}` counts other things than `{to}`"),
            "only like is converted into like".to_owned(),
        ));
    }
    Ok(factor)
}

/// The things that a unit counts.
fn things(text: &str) -> Vec<&str> {
    let names = text.split(|c: char| !c.is_alphabetic()).map(|word| word.trim_end_matches('s'));
    let mut found: Vec<&str> = names.filter(|name| THINGS.contains(name)).collect();
    found.sort_unstable();
    found.into_iter().map(|name| if name == "mice" { "mouse" } else { name }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn units_convert_by_dimension_or_by_rule() {
        let rules = [
            Rule { from: "mm^3".to_owned(), to: "cells".to_owned(), by: By::Parameter("density".to_owned()) },
            Rule { from: "cells/ml".to_owned(), to: "cells/animal".to_owned(), by: By::Number(2.0) },
        ];
        let (mut conversions, unknown) = Conversions::new(&rules, |name| (name == "density").then_some(1e6));
        assert!(unknown.is_empty());
        for (from, to, factor) in [
            ("hours", "day", 1.0 / 24.0),
            ("mm^3", "cells", 1e6),
            ("ml", "cells", 1e9),
            ("cells", "mm^3", 1e-6),
            ("cells/ml", "cells/animal", 2.0),
            ("cells", "cell", 1.0),
            ("%", "1", 0.01),
        ] {
            let found = conversions.factor(from, to).unwrap();
            assert!((found / factor - 1.0).abs() < 1e-11, "{from} {to}: {found}");
        }
        let (message, help) = conversions.factor("g", "cells").unwrap_err();
        assert!(message.contains("mass") && help.contains("{from: g, to: cells, by: …}"), "{message} {help}");
        assert!(conversions.factor("animals", "cells").unwrap_err().0.contains("other things"));
        assert!(conversions.factor("dya", "day").unwrap_err().1.contains("`day`"));
    }
}

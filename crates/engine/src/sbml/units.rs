//! Units of SBML as units of ours.

use std::collections::HashMap;

use roxmltree::Node as Element;

use super::document::Level;
use super::report::Report;
use crate::units::Unit;

/// Units that are tried where a definition bears no name that says it.
const TRIED: [&str; 12] =
    ["second", "minute", "hour", "day", "week", "year", "1/second", "1/minute", "1/hour", "1/day", "1/week", "1/year"];

/// The model's unit definitions: what each comes to, and the texts that may name it.
pub(super) struct Units(HashMap<String, (Option<Unit>, Vec<String>)>);

impl Units {
    pub fn read(model: Element, level: Level, report: &mut Report) -> Self {
        let mut units = HashMap::new();
        if level.0 == 2 {
            units.insert("time".to_owned(), (Unit::parse("second").ok(), vec!["second".to_owned()]));
        }
        for definition in report.list(model, "listOfUnitDefinitions", &["unitDefinition"]) {
            let factors = report.list(definition, "listOfUnits", &["unit"]);
            let unit = factors.iter().try_fold(Unit::NONE, |unit, factor| {
                let number = |name: &str, default: f64| match factor.attribute(name) {
                    Some(text) => text.trim().parse::<f64>().ok(),
                    None => Some(default),
                };
                let (exponent, scale) = (number("exponent", 1.0)?, number("scale", 0.0)?);
                let size = number("multiplier", 1.0)? * 10.0_f64.powf(scale);
                Some(unit.times(kind(factor.attribute("kind")?)?.scaled(size), exponent))
            });
            if let Some(id) = definition.attribute("id") {
                let texts = [definition.attribute("name"), Some(id)].into_iter().flatten().map(str::to_owned);
                units.insert(id.to_owned(), (unit, texts.collect()));
            }
        }
        Self(units)
    }

    /// Our text for a unit that an attribute refers to; empty where there is none.
    pub fn text(&self, reference: Option<&str>) -> String {
        let Some(reference) = reference else { return String::new() };
        let (unit, texts) = match self.0.get(reference) {
            Some((unit, texts)) => (*unit, texts.as_slice()),
            None => (kind(reference), &[][..]),
        };
        let same = |text: &&str| unit.is_some_and(|unit| Unit::parse(text).is_ok_and(|own| own.compare(unit).is_none()));
        let texts = texts.iter().map(String::as_str).chain([reference]).chain(TRIED);
        texts.into_iter().find(same).unwrap_or_default().to_owned()
    }
}

/// A base unit of SBML that ours can follow.
fn kind(name: &str) -> Option<Unit> {
    let ours = match name {
        "dimensionless" | "item" => "1",
        "second" => "s",
        "metre" => "m",
        "litre" => "l",
        "gram" => "g",
        "kilogram" => "kg",
        _ => return None,
    };
    Unit::parse(ours).ok()
}

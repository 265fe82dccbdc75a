//! Units of SBML as units of ours, and back.

use std::collections::{BTreeMap, HashMap};

use roxmltree::Node as Element;

use super::document::Level;
use super::report::Report;
use super::xml::Xml;
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
        let same =
            |text: &&str| unit.is_some_and(|unit| Unit::parse(text).is_ok_and(|own| own.compare(unit).is_none()));
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

/// Names that SBML gives base units; a definition cannot bear them.
const BASE: [&str; 34] = [
    "ampere",
    "avogadro",
    "becquerel",
    "candela",
    "coulomb",
    "dimensionless",
    "farad",
    "gram",
    "gray",
    "henry",
    "hertz",
    "item",
    "joule",
    "katal",
    "kelvin",
    "kilogram",
    "litre",
    "lumen",
    "lux",
    "metre",
    "mole",
    "newton",
    "ohm",
    "pascal",
    "radian",
    "second",
    "siemens",
    "sievert",
    "steradian",
    "tesla",
    "volt",
    "watt",
    "weber",
    "celsius",
];

/// Unit definitions of a document that is written, by our text for the unit.
#[derive(Default)]
pub(super) struct Definitions(BTreeMap<String, (String, Unit)>);

impl Definitions {
    /// Makes a definition for a unit, if ours can be read.
    pub fn add(&mut self, text: &str) {
        let Some(unit) = Unit::parse(text).ok().filter(|_| !text.is_empty() && !self.0.contains_key(text)) else {
            return;
        };
        let words = match text.strip_prefix("1/") {
            Some(divisor) => format!("per_{divisor}"),
            None => text.replace('/', "_per_"),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let mut id: String = words.chars().map(plain).collect();
        if !id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            id.insert(0, '_');
        }
        while BASE.contains(&id.as_str()) || self.0.values().any(|(other, _)| *other == id) {
            id.push('_');
        }
        self.0.insert(text.to_owned(), (id, unit));
    }

    /// The id that stands for a unit; empty where there is none.
    pub fn id(&self, text: &str) -> String {
        self.0.get(text).map(|(id, _)| id.clone()).unwrap_or_default()
    }

    /// The same where the unit counts something, else that of counts.
    pub fn substance(&self, text: &str) -> String {
        let counts = |(_, unit): &&(String, Unit)| unit.compare(Unit::NONE).is_none();
        self.0.get(text).filter(counts).map_or_else(|| "item".to_owned(), |(id, _)| id.clone())
    }

    pub fn write(&self, xml: &mut Xml) {
        xml.list("listOfUnitDefinitions", |xml| {
            for (text, (id, unit)) in &self.0 {
                xml.open("unitDefinition", &[("id", id), ("name", if text == id { "" } else { text })]);
                xml.open("listOfUnits", &[]);
                for (kind, exponent, multiplier) in unit.factors() {
                    let (exponent, multiplier) = (exponent.to_string(), multiplier.to_string());
                    let scale = ("scale", "0");
                    xml.empty("unit", &[("kind", kind), ("exponent", &exponent), scale, ("multiplier", &multiplier)]);
                }
                xml.close();
                xml.close();
            }
        });
    }
}

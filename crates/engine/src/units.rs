//! Units: read from their text, followed through expressions, checked where they are given.
//!
//! Counts (cells, molecules, animals …) have no dimension; time, length and mass have. Where a parameter has no unit
//! written, nothing is checked that it is part of. A bare number takes the unit it is added to or compared with.

use std::fmt;

use crate::diagnostic::suggestion;
use crate::expression::{Expression, ExpressionError, Function, Node};

/// A unit: a size and the powers of its dimensions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    /// In days, millimetres and grams.
    size: f64,
    time: f64,
    length: f64,
    mass: f64,
}

const NONE: Unit = Unit::NONE;

/// Name, size, powers of time, length, mass. Plurals in s are understood.
const NAMES: &[(&str, f64, [i8; 3])] = &[
    ("1", 1.0, [0, 0, 0]),
    ("%", 0.01, [0, 0, 0]),
    ("dimensionless", 1.0, [0, 0, 0]),
    ("cell", 1.0, [0, 0, 0]),
    ("count", 1.0, [0, 0, 0]),
    ("molecule", 1.0, [0, 0, 0]),
    ("lesion", 1.0, [0, 0, 0]),
    ("cluster", 1.0, [0, 0, 0]),
    ("animal", 1.0, [0, 0, 0]),
    ("mouse", 1.0, [0, 0, 0]),
    ("mice", 1.0, [0, 0, 0]),
    ("patient", 1.0, [0, 0, 0]),
    ("event", 1.0, [0, 0, 0]),
    ("s", 1.0 / 86_400.0, [1, 0, 0]),
    ("second", 1.0 / 86_400.0, [1, 0, 0]),
    ("min", 1.0 / 1440.0, [1, 0, 0]),
    ("minute", 1.0 / 1440.0, [1, 0, 0]),
    ("h", 1.0 / 24.0, [1, 0, 0]),
    ("hour", 1.0 / 24.0, [1, 0, 0]),
    ("d", 1.0, [1, 0, 0]),
    ("day", 1.0, [1, 0, 0]),
    ("week", 7.0, [1, 0, 0]),
    ("month", 30.4375, [1, 0, 0]),
    ("y", 365.25, [1, 0, 0]),
    ("year", 365.25, [1, 0, 0]),
    ("um", 1e-3, [0, 1, 0]),
    ("µm", 1e-3, [0, 1, 0]),
    ("mm", 1.0, [0, 1, 0]),
    ("cm", 10.0, [0, 1, 0]),
    ("m", 1000.0, [0, 1, 0]),
    ("ul", 1.0, [0, 3, 0]),
    ("µl", 1.0, [0, 3, 0]),
    ("ml", 1e3, [0, 3, 0]),
    ("l", 1e6, [0, 3, 0]),
    ("ng", 1e-9, [0, 0, 1]),
    ("ug", 1e-6, [0, 0, 1]),
    ("µg", 1e-6, [0, 0, 1]),
    ("mg", 1e-3, [0, 0, 1]),
    ("g", 1.0, [0, 0, 1]),
    ("kg", 1e3, [0, 0, 1]),
];

impl Unit {
    /// That of pure numbers and counts.
    pub const NONE: Unit = Unit { size: 1.0, time: 0.0, length: 0.0, mass: 0.0 };

    /// Reads a unit such as `1/day`, `cells`, `mm^3`, `1/(cell*day)`.
    pub fn parse(text: &str) -> Result<Self, UnknownUnit> {
        let mut unit = NONE;
        let mut power = 1.0;
        // Division lasts to the end of what is in its brackets, or to the next factor without them.
        let mut after: Vec<f64> = Vec::new();
        let mut name = String::new();
        let mut characters = text.chars().peekable();
        let finish = |name: &mut String, unit: &mut Unit, power: f64| -> Result<(), UnknownUnit> {
            if !name.is_empty() {
                *unit = unit.times(factor(name)?, power);
                name.clear();
            }
            Ok(())
        };
        while let Some(c) = characters.next() {
            match c {
                '/' => {
                    finish(&mut name, &mut unit, power)?;
                    power = -after.last().copied().unwrap_or(1.0);
                }
                '*' | '·' | ' ' => {
                    finish(&mut name, &mut unit, power)?;
                    if c != ' ' {
                        power = after.last().copied().unwrap_or(1.0);
                    }
                }
                '(' => after.push(power),
                ')' => {
                    finish(&mut name, &mut unit, power)?;
                    after.pop().ok_or_else(|| UnknownUnit::new(text))?;
                    power = after.last().copied().unwrap_or(1.0);
                }
                c => {
                    name.push(c);
                    while let Some(c) = characters.next_if(|c| !matches!(c, '/' | '*' | '·' | ' ' | '(' | ')')) {
                        name.push(c);
                    }
                }
            }
        }
        finish(&mut name, &mut unit, power)?;
        if after.is_empty() { Ok(unit) } else { Err(UnknownUnit::new(text)) }
    }

    /// The product of this and a power of `other`.
    pub fn times(self, other: Unit, power: f64) -> Unit {
        Unit {
            size: self.size * other.size.powf(power),
            time: self.time + other.time * power,
            length: self.length + other.length * power,
            mass: self.mass + other.mass * power,
        }
    }

    /// So many of this unit.
    pub fn scaled(self, by: f64) -> Unit {
        Unit { size: self.size * by, ..self }
    }

    /// The unit as a product of powers of base units of SBML: (kind, exponent, multiplier), each factor being
    /// (multiplier · kind)^exponent.
    pub fn factors(self) -> Vec<(&'static str, f64, f64)> {
        let bases = [("second", self.time, 86_400.0), ("metre", self.length, 1e-3), ("gram", self.mass, 1.0)];
        let mut factors: Vec<_> = bases.into_iter().filter(|(_, power, _)| *power != 0.0).collect();
        match factors.first_mut() {
            // Such as 3600 s rather than 1/24 of a day.
            Some((_, power, multiplier)) => *multiplier = round(*multiplier * self.size.powf(1.0 / *power)),
            None if self.size == 1.0 => factors.push(("item", 1.0, 1.0)),
            None => factors.push(("dimensionless", 1.0, self.size)),
        }
        factors
    }

    /// One over this unit.
    pub fn inverse(self) -> Unit {
        NONE.times(self, -1.0)
    }

    /// The unit of this over `other`.
    pub fn per(self, other: Unit) -> Unit {
        self.times(other, -1.0)
    }

    fn same_dimension(self, other: Unit) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        close(self.time, other.time) && close(self.length, other.length) && close(self.mass, other.mass)
    }

    /// Whether the two are the same, or what is between them.
    pub fn compare(self, other: Unit) -> Option<String> {
        if !self.same_dimension(other) {
            return Some(format!("{self} is not {other}"));
        }
        let ratio = self.size / other.size;
        ((ratio - 1.0).abs() > 1e-9).then(|| format!("{self}: one of these is {ratio} of the unit expected"))
    }
}

/// How many of the unit `to` one of `from` is, such as 24 for `day` and `hour`. What is counted (cells, animals …) has no
/// dimension.
///
/// # Errors
/// If a unit is unknown, or the two do not measure the same, with what would help.
pub fn conversion(from: &str, to: &str) -> Result<f64, UnitMismatch> {
    let read =
        |text: &str| Unit::parse(text).map_err(|unknown| UnitMismatch { message: unknown.message, help: unknown.help });
    let (source, target) = (read(from)?, read(to)?);
    if !source.same_dimension(target) {
        let message = format!("`{from}` is {source}, `{to}` is {target}");
        return Err(UnitMismatch { message, help: "only like is converted into like".to_owned() });
    }
    // So that 24 hours are 1 day to the last bit.
    let ratio = source.size / target.size;
    Ok(if ratio < 1.0 { 1.0 / round(1.0 / ratio) } else { round(ratio) })
}

/// Why one unit cannot be converted into another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnitMismatch {
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub help: String,
}

/// Without what rounding left in the last places.
fn round(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}

/// `day^-1` and its like: one factor with its power.
fn factor(text: &str) -> Result<Unit, UnknownUnit> {
    let (name, power) = match text.split_once('^') {
        Some((name, power)) => (name, power.parse::<f64>().map_err(|_| UnknownUnit::new(text))?),
        None => (text, 1.0),
    };
    let found = NAMES.iter().find(|(known, ..)| *known == name || name.strip_suffix('s') == Some(known));
    let (_, size, [time, length, mass]) = found.ok_or_else(|| UnknownUnit::new(name))?;
    let unit = Unit { size: *size, time: (*time).into(), length: (*length).into(), mass: (*mass).into() };
    Ok(NONE.times(unit, power))
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let powers = [("time", self.time), ("length", self.length), ("mass", self.mass)];
        let mut parts = powers.iter().filter(|(_, power)| *power != 0.0).map(|(name, power)| match *power {
            1.0 => (*name).to_owned(),
            power => format!("{name}^{power}"),
        });
        match parts.next() {
            None => f.write_str("a pure number"),
            Some(first) => f.write_str(&parts.fold(first, |all, part| all + "·" + &part)),
        }
    }
}

/// A unit that is not known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UnknownUnit {
    pub message: String,
    pub help: String,
}

impl UnknownUnit {
    fn new(text: &str) -> Self {
        let help = suggestion(text, NAMES.iter().map(|(name, ..)| *name))
            .unwrap_or_else(|| "write units such as 1/day, cells, mm^3 or 1/(cell*day)".to_owned());
        Self { message: format!("unknown unit `{text}`"), help }
    }
}

/// What is known of the unit of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// A bare number: of any unit where it is added, of none where it multiplies.
    Any,
    /// It depends on something whose unit is not written.
    Not,
    Unit(Unit),
}

/// Checks an expression against the unit it must have; `unit_of` gives the unit of a name, where it is written.
pub(crate) fn check(
    expression: &Expression,
    expected: Option<Unit>,
    unit_of: &impl Fn(&str) -> Option<Unit>,
) -> Result<Option<Unit>, ExpressionError> {
    let known = infer(expression, unit_of)?;
    match (known, expected) {
        // A bare number among the factors may bear the unit, as in 0.1 * X.
        (Known::Unit(unit), Some(_)) if unit.same_dimension(NONE) && has_number(expression) => Ok(None),
        (Known::Unit(unit), Some(expected)) => match unit.compare(expected) {
            Some(difference) => Err(ExpressionError::new(format!("wrong unit: {difference}"), expression.span.clone())
                .help("check the units of the parameters, or convert by a factor")),
            None => Ok(Some(unit)),
        },
        (Known::Unit(unit), None) => Ok(Some(unit)),
        _ => Ok(None),
    }
}

fn has_number(expression: &Expression) -> bool {
    match &expression.node {
        Node::Number(_) => true,
        Node::Call(_, arguments) => arguments.iter().any(has_number),
        Node::Name(_) | Node::Defined(..) | Node::MassAction(_) => false,
    }
}

fn infer(expression: &Expression, unit_of: &impl Fn(&str) -> Option<Unit>) -> Result<Known, ExpressionError> {
    let (function, arguments) = match &expression.node {
        Node::Number(_) => return Ok(Known::Any),
        Node::Name(name) => return Ok(unit_of(name).map_or(Known::Not, Known::Unit)),
        Node::Defined(..) => return Ok(Known::Not),
        Node::MassAction(constant) => return infer(constant, unit_of),
        Node::Call(function, arguments) => (*function, arguments),
    };
    let mut units = Vec::with_capacity(arguments.len());
    for argument in arguments {
        units.push(infer(argument, unit_of)?);
    }
    let none = Known::Unit(NONE);
    Ok(match function {
        Function::Multiply | Function::Divide => {
            let power = if function == Function::Multiply { 1.0 } else { -1.0 };
            match (units[0], units[1]) {
                (Known::Any, Known::Any) => Known::Any,
                (Known::Not, _) | (_, Known::Not) => Known::Not,
                (a, b) => Known::Unit(plain(a).times(plain(b), power)),
            }
        }
        Function::Power => match (units[0], &arguments[1].node) {
            (Known::Unit(unit), Node::Number(power)) => Known::Unit(NONE.times(unit, *power)),
            (Known::Unit(NONE), _) => none,
            (Known::Any, _) => Known::Any,
            _ => Known::Not,
        },
        Function::Sqrt => match units[0] {
            Known::Unit(unit) => Known::Unit(NONE.times(unit, 0.5)),
            other => other,
        },
        Function::Negate | Function::Abs | Function::Floor | Function::Ceil => units[0],
        Function::Add | Function::Subtract | Function::Min | Function::Max => same(arguments, &units, 1)?,
        Function::Less
        | Function::LessEqual
        | Function::Greater
        | Function::GreaterEqual
        | Function::Equal
        | Function::NotEqual => {
            same(arguments, &units, 1)?;
            none
        }
        // Values stand at even places; the last is the one for when no condition holds.
        Function::Piecewise => same(arguments, &units, 2)?,
        Function::Hill => {
            same(&arguments[..2], &units[..2], 1)?;
            none
        }
        Function::And | Function::Or | Function::Not => none,
        Function::Exp
        | Function::Ln
        | Function::Log10
        | Function::Log2
        | Function::Sin
        | Function::Cos
        | Function::Tan
        | Function::Asin
        | Function::Acos
        | Function::Atan
        | Function::Sinh
        | Function::Cosh
        | Function::Tanh
        | Function::Factorial => match units[0] {
            Known::Unit(unit) if !unit.same_dimension(NONE) => {
                let message = format!("`{}` needs a pure number, not {unit}", function.text());
                return Err(ExpressionError::new(message, arguments[0].span.clone()).help("divide by a scale first"));
            }
            _ => none,
        },
    })
}

fn plain(known: Known) -> Unit {
    match known {
        Known::Unit(unit) => unit,
        Known::Any | Known::Not => NONE,
    }
}

/// The common unit of every `step`-th argument.
fn same(arguments: &[Expression], units: &[Known], step: usize) -> Result<Known, ExpressionError> {
    let mut common = Known::Any;
    for (argument, unit) in arguments.iter().zip(units).step_by(step) {
        common = match (common, *unit) {
            (Known::Unit(first), Known::Unit(other)) => match other.compare(first) {
                Some(difference) => {
                    return Err(ExpressionError::new(format!("units differ: {difference}"), argument.span.clone())
                        .help("only like is added to or compared with like"));
                }
                None => common,
            },
            (Known::Not, _) | (_, Known::Not) => Known::Not,
            (Known::Any, other) => other,
            (unit, Known::Any) => unit,
        };
    }
    Ok(common)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::parse;

    #[test]
    fn units_are_read() {
        for (text, other) in [
            ("1/day", "1/d"),
            ("cells/day", "1/day"),
            ("1/(cell*day)", "day^-1"),
            ("24/h", "24/h"),
            ("ml", "cm^3"),
            ("1/hour", "h^-1"),
            ("mm^3/day", "ul/day"),
        ] {
            match (Unit::parse(text), Unit::parse(other)) {
                (Ok(unit), Ok(other)) => assert_eq!(unit.compare(other), None, "{text}"),
                (unit, _) => assert_eq!(text, "24/h", "{unit:?}"),
            }
        }
        assert!(Unit::parse("1/dya").unwrap_err().help.contains("`day`"));
        assert!(Unit::parse("1/(day").is_err());
    }

    #[test]
    fn like_is_converted_into_like() {
        for (from, to, factor) in [
            ("day", "hours", 24.0),
            ("h", "day", 1.0 / 24.0),
            ("cm^3", "mm^3", 1000.0),
            ("ml", "mm^3", 1000.0),
            ("1/hour", "1/day", 24.0),
            ("%", "1", 0.01),
            ("mg", "g", 1e-3),
            ("cells/ml", "cells/l", 1000.0),
        ] {
            let found = conversion(from, to).unwrap();
            assert!((found / factor - 1.0).abs() < 1e-11, "{from} {to}: {found}");
        }
        assert!(conversion("mm^3", "cells").unwrap_err().message.contains("length^3"));
        assert!(conversion("dya", "hour").unwrap_err().help.contains("`day`"));
    }

    #[test]
    fn expressions_are_checked() {
        let unit_of = |name: &str| match name {
            "X" | "n" => Some(NONE),
            "k" => Unit::parse("1/day").ok(),
            "slow" => Unit::parse("1/hour").ok(),
            "T" => Unit::parse("day").ok(),
            _ => None,
        };
        let day = Unit::parse("1/day").ok();
        let verdict = |text: &str| check(&parse(text).unwrap(), day, &unit_of).map_err(|error| error.message);
        for fine in [
            "k * X",
            "2 * k * X",
            "k * X * (1 - X/1e6)",
            "X / T",
            "unknown * X",
            "k * X + unknown",
            "X^2 * k",
            "piecewise(k, X > 3, 0) * X",
            "k * hill(X, 100, n)",
            "exp(k * T) * k",
            "0.3",
            "0.3 * X",
            "sqrt(k * k)",
            "k * X * (time < 3)",
        ] {
            assert!(verdict(fine).is_ok(), "{fine}: {:?}", verdict(fine));
        }
        for (wrong, message) in [
            ("X", "a pure number is not time^-1"),
            ("k * k * X", "time^-2 is not time^-1"),
            ("slow * X", "one of these is 24 of"),
            ("k * X + X", "units differ"),
            ("k * exp(T)", "`exp` needs a pure number"),
            ("k * (X > T)", "units differ"),
        ] {
            let error = verdict(wrong).unwrap_err();
            assert!(error.contains(message), "{wrong}: {error}");
        }
    }
}

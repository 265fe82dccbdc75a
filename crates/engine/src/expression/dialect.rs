//! How expressions elsewhere differ from those of model files: more functions, and names that stand for something else.

use std::collections::HashMap;

use super::parse::{Functions, parse_with};
use super::{Expression, ExpressionError, Node};

/// Functions that PEtab has beyond those of model files (specification of version 2, "Math expressions syntax"), by
/// their arguments and definitions; each may use those above it.
const PETAB: [(&str, &str); 26] = [
    ("sign", "piecewise(1, x > 0, -1, x < 0, 0)"),
    ("cot", "1 / tan(x)"),
    ("sec", "1 / cos(x)"),
    ("csc", "1 / sin(x)"),
    ("arcsin", "asin(x)"),
    ("arccos", "acos(x)"),
    ("arctan", "atan(x)"),
    ("arccot", "atan(1 / x)"),
    ("arcsec", "acos(1 / x)"),
    ("arccsc", "asin(1 / x)"),
    ("coth", "1 / tanh(x)"),
    ("sech", "1 / cosh(x)"),
    ("csch", "1 / sinh(x)"),
    ("arcsinh", "ln(x + sqrt(x^2 + 1))"),
    ("arccosh", "ln(x + sqrt(x - 1) * sqrt(x + 1))"),
    ("arctanh", "0.5 * ln((1 + x) / (1 - x))"),
    ("arccoth", "arctanh(1 / x)"),
    ("arcsech", "arccosh(1 / x)"),
    ("arccsch", "arcsinh(1 / x)"),
    ("asinh", "arcsinh(x)"),
    ("acosh", "arccosh(x)"),
    ("atanh", "arctanh(x)"),
    ("acot", "arccot(x)"),
    ("acoth", "arccoth(x)"),
    ("asech", "arcsech(x)"),
    ("acsch", "arccsch(x)"),
];

/// A way of writing expressions: names and functions that mean something beyond a network's own.
#[derive(Clone, Debug, Default)]
pub struct Dialect {
    pub(super) functions: Functions,
    names: HashMap<String, Expression>,
}

impl Dialect {
    /// The expressions of PEtab's tables: `true`, `false`, `inf`, and the functions that model files lack.
    #[must_use]
    pub fn petab() -> Self {
        let mut dialect = Self::default();
        for (name, definition) in PETAB {
            if let Ok(body) = parse_with(definition, &dialect.functions) {
                dialect.functions.insert(name.to_owned(), (vec!["x".to_owned()], body));
            }
        }
        for (name, value) in [("true", 1.0), ("false", 0.0), ("inf", f64::INFINITY)] {
            dialect.names.insert(name.to_owned(), Expression::number(value));
        }
        dialect
    }

    /// Lets a name stand for an expression over a network's own names.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn define(&mut self, name: &str, expression: &str) -> Result<(), ExpressionError> {
        let expression = parse_with(expression, &self.functions)?;
        self.names.insert(name.to_owned(), expression);
        Ok(())
    }

    /// The network's own name that a name stands for, itself if it stands for nothing else; none if it stands for more
    /// than a name.
    #[must_use]
    pub fn resolve<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        match self.names.get(name).map(|expression| &expression.node) {
            None => Some(name),
            Some(Node::Name(own)) => Some(own),
            Some(_) => None,
        }
    }

    /// Reads an expression, written out in a network's own names and functions.
    pub(crate) fn parse(&self, text: &str) -> Result<Expression, ExpressionError> {
        let mut expression = parse_with(text, &self.functions)?;
        if !self.names.is_empty() {
            self.write_out(&mut expression);
        }
        Ok(expression)
    }

    fn write_out(&self, expression: &mut Expression) {
        match &mut expression.node {
            Node::Number(_) => {}
            Node::Name(name) => {
                if let Some(meaning) = self.names.get(name) {
                    expression.node = meaning.node.clone();
                }
            }
            Node::Call(_, parts) | Node::Defined(_, parts) => parts.iter_mut().for_each(|part| self.write_out(part)),
            Node::MassAction(constant) => self.write_out(constant),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::Network;

    #[test]
    fn functions_of_petab_have_their_values() {
        let network = Network::builder("empty").build().unwrap();
        let mut dialect = Dialect::petab();
        dialect.define("half", "0.5 * two").unwrap();
        dialect.define("two", "1 + 1").unwrap();
        let value = |text: &str| network.compile_in(&dialect, text, &["two".to_owned()]).unwrap().evaluate(&[0.0, 2.0]);
        for (text, expected) in [
            ("sign(-3) + sign(0) + 2 * sign(5)", 1.0),
            ("log(8, 2)", 3.0),
            ("log(exp(2))", 2.0),
            ("arcsinh(sinh(1.5))", 1.5),
            ("arccosh(cosh(1.5))", 1.5),
            ("arctanh(tanh(0.5))", 0.5),
            ("arccoth(coth(0.5)) + arcsech(sech(0.5)) + arccsch(csch(0.5))", 1.5),
            ("cot(arccot(0.7)) + sec(arcsec(1.7)) + csc(arccsc(1.7))", 4.1),
            ("piecewise(1, true && !false, 2)", 1.0),
            ("piecewise(1, 3 < inf, 2)", 1.0),
            ("half", 1.0),
        ] {
            assert!((value(text) - expected).abs() < 1e-12, "{text}");
        }
    }
}

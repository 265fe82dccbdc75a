//! Writes an expression as PEtab's tables have it (specification of version 2, "Math expressions syntax").

use std::fmt::Write as _;

use super::parse::{PREFIX, binary, parse_with};
use super::{Dialect, Expression, ExpressionError, Function, Node};

impl Dialect {
    /// An expression of this dialect in the syntax of PEtab, for any program that reads its tables. Names stay as they are;
    /// functions that PEtab lacks are written out.
    ///
    /// # Errors
    /// If the expression cannot be read, or uses `floor`, `ceil`, `factorial` or `mass_action`, for which PEtab has no
    /// word.
    pub fn to_petab(&self, expression: &str) -> Result<String, ExpressionError> {
        let parsed = parse_with(expression, &self.functions)?;
        let mut text = String::new();
        write(&parsed, 0, &mut text)?;
        Ok(text)
    }
}

/// Comparisons and what joins them: their order of precedence is another one in PEtab, so that they are bracketed.
fn is_logical(function: Function) -> bool {
    matches!(
        function,
        Function::And
            | Function::Or
            | Function::Less
            | Function::LessEqual
            | Function::Greater
            | Function::GreaterEqual
            | Function::Equal
            | Function::NotEqual
    )
}

fn write(expression: &Expression, minimum: u8, text: &mut String) -> Result<(), ExpressionError> {
    let bracketed = |needed: bool, text: &mut String, inner: &dyn Fn(&mut String) -> Result<(), ExpressionError>| {
        if needed {
            text.push('(');
        }
        inner(text)?;
        if needed {
            text.push(')');
        }
        Ok(())
    };
    match &expression.node {
        Node::Number(value) => bracketed(value.is_sign_negative() && PREFIX < minimum, text, &|text| {
            // Writing to a string cannot fail.
            let _ = match value.abs() {
                size if size == f64::INFINITY => write!(text, "{}inf", if *value < 0.0 { "-" } else { "" }),
                size if size != 0.0 && !(1e-5..1e16).contains(&size) => write!(text, "{value:e}"),
                _ => write!(text, "{value}"),
            };
            Ok(())
        }),
        Node::Name(name) => {
            text.push_str(name);
            Ok(())
        }
        Node::Call(function @ (Function::Negate | Function::Not), parts) => {
            bracketed(PREFIX < minimum, text, &|text| {
                text.push_str(function.text());
                write(&parts[0], PREFIX + 1, text)
            })
        }
        Node::Call(function, parts) => {
            let symbol = if *function == Function::Power { "^" } else { function.text() };
            if let Some((_, left, right)) = binary(symbol) {
                let needed = left.min(right) < minimum || (is_logical(*function) && minimum > 0);
                return bracketed(needed, text, &|text| {
                    write(&parts[0], if left > right { left + 1 } else { left }, text)?;
                    text.push_str(&if symbol == "^" { symbol.to_owned() } else { format!(" {symbol} ") });
                    write(&parts[1], right, text)
                });
            }
            call(*function, parts, expression, minimum, text)
        }
        Node::Defined(name, _) => Err(unknown(name, expression)),
        Node::MassAction(_) => Err(unknown("mass_action", expression)),
    }
}

fn unknown(name: &str, expression: &Expression) -> ExpressionError {
    let message = format!("PEtab has no function `{name}`");
    ExpressionError::new(message, expression.span.clone()).help("give the value by a rule of the model")
}

fn call(
    function: Function,
    parts: &[Expression],
    expression: &Expression,
    minimum: u8,
    text: &mut String,
) -> Result<(), ExpressionError> {
    let name = match function {
        Function::Floor | Function::Ceil | Function::Factorial => return Err(unknown(function.text(), expression)),
        Function::Asin => "arcsin",
        Function::Acos => "arccos",
        Function::Atan => "arctan",
        Function::Hill => {
            let power = |base: &Expression| {
                Expression::call(Function::Power, vec![base.clone(), parts[2].clone()], expression.span.clone())
            };
            let sum = Expression::call(Function::Add, vec![power(&parts[1]), power(&parts[0])], 0..0);
            return write(&Expression::call(Function::Divide, vec![power(&parts[0]), sum], 0..0), minimum, text);
        }
        // PEtab's take two arguments.
        Function::Min | Function::Max if parts.len() != 2 => match parts {
            [] => return Err(unknown(function.text(), expression)),
            [only] => return write(only, minimum, text),
            [first, rest @ ..] => {
                let rest = Expression::call(function, rest.to_vec(), expression.span.clone());
                return call(function, &[first.clone(), rest], expression, minimum, text);
            }
        },
        Function::Piecewise if parts.len() == 1 => return write(&parts[0], minimum, text),
        function => function.text(),
    };
    text.push_str(name);
    text.push('(');
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write(part, 0, text)?;
    }
    text.push(')');
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::Network;

    #[test]
    fn what_is_written_means_the_same() {
        let network = Network::builder("two").parameter("a", 0.3).parameter("b", 0.7).build().unwrap();
        let dialect = Dialect::petab();
        for (given, expected) in [
            ("a**2 · b", "a^2 * b"),
            ("-a^2", "-a^2"),
            ("-(a^2)^b", "-(a^2)^b"),
            ("2^-a", "2^(-a)"),
            ("a - (b - 1)", "a - (b - 1)"),
            ("a / b * 2", "a / b * 2"),
            ("hill(a, b, 2)", "a^2 / (b^2 + a^2)"),
            ("min(a, b, 1)", "min(a, min(b, 1))"),
            ("asin(a) + log(b)", "arcsin(a) + ln(b)"),
            ("piecewise(1, a < b && a > 0 || b < 0, 2)", "piecewise(1, ((a < b) && (a > 0)) || (b < 0), 2)"),
            ("sign(a)", "piecewise(1, a > 0, -1, a < 0, 0)"),
            ("1e-9 * a", "1e-9 * a"),
        ] {
            let written = dialect.to_petab(given).unwrap();
            assert_eq!(written, expected);
            let value = |text: &str| network.compile_in(&dialect, text, &[]).unwrap().evaluate(&[0.0, 0.3, 0.7]);
            assert!((value(given) - value(&written)).abs() < 1e-15, "{given}: {written}");
        }
        let error = dialect.to_petab("1 + floor(a)").unwrap_err();
        assert!(error.message.contains("floor") && error.span == (4..12), "{error:?}");
    }
}

//! Writes an expression as text that reads back as the same expression.

use std::fmt;

use super::parse::{PREFIX, binary};
use super::{Expression, Function, Node};

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, 0, f)
    }
}

/// Writes with brackets if the expression binds looser than `minimum`.
fn write(expression: &Expression, minimum: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &expression.node {
        Node::Number(value) if value.is_sign_negative() => bracketed(PREFIX < minimum, f, |f| write_number(*value, f)),
        Node::Number(value) => write_number(*value, f),
        Node::Name(name) => f.write_str(name),
        Node::Call(Function::Power, arguments) => infix("^", arguments, minimum, f),
        Node::Call(function @ (Function::Negate | Function::Not), arguments) => bracketed(PREFIX < minimum, f, |f| {
            f.write_str(function.text())?;
            write(&arguments[0], PREFIX, f)
        }),
        Node::Call(function, arguments) if binary(function.text()).is_some() => {
            infix(function.text(), arguments, minimum, f)
        }
        Node::Call(function, arguments) => call(function.text(), arguments, f),
        Node::Defined(name, arguments) => call(name, arguments, f),
        Node::MassAction(constant) => call("mass_action", std::slice::from_ref(constant), f),
    }
}

fn infix(symbol: &str, arguments: &[Expression], minimum: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (_, left, right) = binary(symbol).ok_or(fmt::Error)?;
    bracketed(left.min(right) < minimum, f, |f| {
        // The left side of the one operator that groups to the right must bind tighter than it.
        write(&arguments[0], if left > right { left + 1 } else { left }, f)?;
        match symbol {
            "^" => f.write_str(symbol)?,
            _ => write!(f, " {symbol} ")?,
        }
        write(&arguments[1], right, f)
    })
}

fn call(name: &str, arguments: &[Expression], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}(")?;
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(argument, 0, f)?;
    }
    f.write_str(")")
}

fn bracketed(
    needed: bool,
    f: &mut fmt::Formatter<'_>,
    inner: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if needed {
        f.write_str("(")?;
    }
    inner(f)?;
    if needed { f.write_str(")") } else { Ok(()) }
}

fn write_number(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value.abs() {
        size if size != 0.0 && !(1e-5..1e16).contains(&size) => write!(f, "{value:e}"),
        _ => write!(f, "{value}"),
    }
}

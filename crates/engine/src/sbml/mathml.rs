//! Expressions as MathML.

use std::fmt::Write;

use super::xml::escape;
use crate::expression::{Expression, Function, Node};

/// Writes expressions; `id` gives the id that a name has in the document.
pub(super) struct MathMl<'n> {
    pub id: &'n dyn Fn(&str) -> String,
    /// Names that are arguments of the function whose body is written, where `time` has no other meaning either.
    pub arguments: &'n [String],
}

impl MathMl<'_> {
    /// A `<math>` element for a value.
    pub fn value(&self, expression: &Expression) -> String {
        let mut out = String::new();
        self.number(expression, &mut out);
        wrap(&out)
    }

    /// A `<math>` element for a condition.
    pub fn condition(&self, expression: &Expression) -> String {
        let mut out = String::new();
        self.truth(expression, &mut out);
        wrap(&out)
    }

    /// A `<math>` element for a function.
    pub fn lambda(&self, body: &Expression) -> String {
        let mut out = "<lambda>".to_owned();
        for name in self.arguments {
            out += &format!("<bvar><ci>{}</ci></bvar>", escape(&(self.id)(name)));
        }
        self.number(body, &mut out);
        wrap(&(out + "</lambda>"))
    }

    /// Writes what is used as a number. Truths become 1 or 0, since SBML keeps the two apart.
    fn number(&self, expression: &Expression, out: &mut String) {
        if is_truth(expression) {
            *out += "<piecewise><piece><cn>1</cn>";
            self.truth(expression, out);
            *out += "</piece><otherwise><cn>0</cn></otherwise></piecewise>";
            return;
        }
        match &expression.node {
            Node::Number(value) => number(*value, out),
            Node::Name(name) if name == "time" && !self.arguments.contains(name) => {
                *out +=
                    "<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/time\">t</csymbol>";
            }
            Node::Name(name) => _ = write!(out, "<ci>{}</ci>", escape(&(self.id)(name))),
            Node::Defined(name, arguments) => {
                let head = format!("<ci>{}</ci>", escape(&(self.id)(name)));
                self.apply(&head, arguments, out);
            }
            Node::MassAction(constant) => self.number(constant, out),
            Node::Call(Function::Piecewise, arguments) => self.piecewise(arguments, out),
            Node::Call(Function::Hill, arguments) => {
                if let [x, half, exponent] = arguments.as_slice() {
                    let power = |base: &Expression| call(Function::Power, vec![base.clone(), exponent.clone()]);
                    let sum = call(Function::Add, vec![power(half), power(x)]);
                    self.number(&call(Function::Divide, vec![power(x), sum]), out);
                }
            }
            Node::Call(function, arguments) => self.apply(head(*function), arguments, out),
        }
    }

    /// Writes what is used as a condition. Numbers are true unless 0.
    fn truth(&self, expression: &Expression, out: &mut String) {
        match &expression.node {
            Node::Call(function @ (Function::And | Function::Or | Function::Not), arguments) => {
                *out += "<apply>";
                *out += head(*function);
                arguments.iter().for_each(|argument| self.truth(argument, out));
                *out += "</apply>";
            }
            Node::Call(function, arguments) if is_truth(expression) => self.apply(head(*function), arguments, out),
            Node::Number(value) => *out += if *value == 0.0 { "<false/>" } else { "<true/>" },
            _ => {
                *out += "<apply><neq/>";
                self.number(expression, out);
                *out += "<cn>0</cn></apply>";
            }
        }
    }

    fn apply(&self, head: &str, arguments: &[Expression], out: &mut String) {
        *out += "<apply>";
        *out += head;
        arguments.iter().for_each(|argument| self.number(argument, out));
        *out += "</apply>";
    }

    fn piecewise(&self, arguments: &[Expression], out: &mut String) {
        *out += "<piecewise>";
        for part in arguments.chunks(2) {
            match part {
                [value, condition] => {
                    *out += "<piece>";
                    self.number(value, out);
                    self.truth(condition, out);
                    *out += "</piece>";
                }
                rest => {
                    *out += "<otherwise>";
                    rest.iter().for_each(|value| self.number(value, out));
                    *out += "</otherwise>";
                }
            }
        }
        *out += "</piecewise>";
    }
}

fn wrap(inner: &str) -> String {
    format!("<math xmlns=\"http://www.w3.org/1998/Math/MathML\">{inner}</math>")
}

fn call(function: Function, arguments: Vec<Expression>) -> Expression {
    Expression::call(function, arguments, 0..0)
}

/// Whether an expression is a comparison or made of conditions.
fn is_truth(expression: &Expression) -> bool {
    matches!(
        expression.node,
        Node::Call(
            Function::Less
                | Function::LessEqual
                | Function::Greater
                | Function::GreaterEqual
                | Function::Equal
                | Function::NotEqual
                | Function::And
                | Function::Or
                | Function::Not,
            _
        )
    )
}

fn number(value: f64, out: &mut String) {
    let text = Expression::number(value).to_string();
    match text.split_once('e') {
        _ if value.is_nan() => *out += "<notanumber/>",
        _ if value.is_infinite() => {
            *out += if value > 0.0 { "<infinity/>" } else { "<apply><minus/><infinity/></apply>" }
        }
        Some((digits, exponent)) => _ = write!(out, "<cn type=\"e-notation\">{digits}<sep/>{exponent}</cn>"),
        None => _ = write!(out, "<cn>{text}</cn>"),
    }
}

/// The operator's element, with what qualifies it.
fn head(function: Function) -> &'static str {
    match function {
        Function::Add => "<plus/>",
        Function::Subtract | Function::Negate => "<minus/>",
        Function::Multiply => "<times/>",
        Function::Divide | Function::Hill => "<divide/>",
        Function::Power => "<power/>",
        Function::Not => "<not/>",
        Function::And => "<and/>",
        Function::Or => "<or/>",
        Function::Less => "<lt/>",
        Function::LessEqual => "<leq/>",
        Function::Greater => "<gt/>",
        Function::GreaterEqual => "<geq/>",
        Function::Equal => "<eq/>",
        Function::NotEqual => "<neq/>",
        Function::Exp => "<exp/>",
        Function::Ln => "<ln/>",
        Function::Log10 => "<log/><logbase><cn>10</cn></logbase>",
        Function::Log2 => "<log/><logbase><cn>2</cn></logbase>",
        Function::Sqrt => "<root/>",
        Function::Abs => "<abs/>",
        Function::Floor => "<floor/>",
        Function::Ceil => "<ceiling/>",
        Function::Sin => "<sin/>",
        Function::Cos => "<cos/>",
        Function::Tan => "<tan/>",
        Function::Asin => "<arcsin/>",
        Function::Acos => "<arccos/>",
        Function::Atan => "<arctan/>",
        Function::Sinh => "<sinh/>",
        Function::Cosh => "<cosh/>",
        Function::Tanh => "<tanh/>",
        Function::Factorial => "<factorial/>",
        Function::Min => "<min/>",
        Function::Max => "<max/>",
        Function::Piecewise => "<piecewise/>",
    }
}

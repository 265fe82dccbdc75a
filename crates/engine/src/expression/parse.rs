//! Reads an expression by operator precedence (Pratt 1973).

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::token::{Token, tokens};
use super::{Expression, ExpressionError, Function, Node};
use crate::diagnostic::suggestion;

/// Nesting and length beyond these are refused, so that hostile input cannot exhaust the stack.
pub(crate) const MAXIMUM_DEPTH: usize = 128;
pub(crate) const MAXIMUM_TOKENS: usize = 3000;

/// Functions that a model defines: names of the arguments, and the body.
pub(crate) type Functions = HashMap<String, (Vec<String>, Expression)>;

/// Parses a whole text that uses no functions but the built-in ones.
pub(crate) fn parse(text: &str) -> Result<Expression, ExpressionError> {
    parse_with(text, &Functions::new())
}

/// Parses a whole text; calls of `functions` are replaced by their bodies.
pub(crate) fn parse_with(text: &str, functions: &Functions) -> Result<Expression, ExpressionError> {
    whole(text, functions, true)
}

/// Parses a whole text; calls of `functions` stay calls.
pub(crate) fn parse_calls(text: &str, functions: &Functions) -> Result<Expression, ExpressionError> {
    whole(text, functions, false)
}

fn whole(text: &str, functions: &Functions, write_out: bool) -> Result<Expression, ExpressionError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, functions, write_out, written: 0 };
    if *parser.peek() == Token::End {
        return Err(ExpressionError::new("the expression is empty", 0..text.len()));
    }
    if parser.tokens.len() > MAXIMUM_TOKENS {
        return Err(ExpressionError::new("the expression is too long", 0..text.len())
            .help("name its parts by assignment rules"));
    }
    let expression = parser.expression(0)?;
    match parser.peek() {
        // Functions within functions may grow without bound.
        Token::End if expression.size() > MAXIMUM_TOKENS => {
            Err(ExpressionError::new("the expression is too long once its functions are written out", 0..text.len())
                .help("name its parts by assignment rules"))
        }
        Token::End => Ok(expression),
        token => {
            let message = match token {
                Token::Symbol(")") => "this `)` was never opened".to_owned(),
                Token::Symbol(symbol) => format!("`{symbol}` was not expected here"),
                _ => "an operator is missing before this".to_owned(),
            };
            Err(ExpressionError::new(message, parser.span()))
        }
    }
}

struct Parser<'t> {
    tokens: Vec<(Token<'t>, Range<usize>)>,
    next: usize,
    depth: usize,
    functions: &'t Functions,
    /// Whether calls of `functions` are replaced by their bodies.
    write_out: bool,
    /// Bound of the size of all that was written out for functions.
    written: usize,
}

/// Left and right binding power of a binary operator: the larger binds tighter.
pub(super) fn binary(symbol: &str) -> Option<(Function, u8, u8)> {
    Some(match symbol {
        "||" => (Function::Or, 1, 2),
        "&&" => (Function::And, 3, 4),
        "==" => (Function::Equal, 5, 6),
        "!=" => (Function::NotEqual, 5, 6),
        "<" => (Function::Less, 7, 8),
        "<=" => (Function::LessEqual, 7, 8),
        ">" => (Function::Greater, 7, 8),
        ">=" => (Function::GreaterEqual, 7, 8),
        "+" => (Function::Add, 9, 10),
        "-" => (Function::Subtract, 9, 10),
        "*" => (Function::Multiply, 11, 12),
        "/" => (Function::Divide, 11, 12),
        "^" => (Function::Power, 16, 15),
        _ => return None,
    })
}

/// Binding power of a sign or `!`: looser than `^`, so that -x^2 is -(x^2).
pub(super) const PREFIX: u8 = 13;

impl<'t> Parser<'t> {
    fn peek(&self) -> &Token<'t> {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0..0, |(_, span)| span.clone())
    }

    fn advance(&mut self) -> (Token<'t>, Range<usize>) {
        let taken = (self.peek().clone(), self.span());
        self.next += 1;
        taken
    }

    fn expression(&mut self, minimum: u8) -> Result<Expression, ExpressionError> {
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return Err(ExpressionError::new("the expression is nested too deeply", self.span())
                .help("name its parts by assignment rules"));
        }
        let mut left = self.operand()?;
        while let Token::Symbol(symbol) = *self.peek() {
            let Some((function, left_power, right_power)) = binary(symbol) else { break };
            if left_power < minimum {
                break;
            }
            self.advance();
            let right = self.expression(right_power)?;
            let span = left.span.start..right.span.end;
            left = Expression::call(function, vec![left, right], span);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, ExpressionError> {
        let (token, span) = self.advance();
        match token {
            Token::Number(value) => Ok(Expression { node: Node::Number(value), span }),
            Token::Name(name) if *self.peek() == Token::Symbol("(") => self.call(name, span),
            Token::Name(name) => Ok(Expression { node: Node::Name(name.to_owned()), span }),
            Token::Symbol("-") => {
                let operand = self.expression(PREFIX)?;
                let span = span.start..operand.span.end;
                Ok(Expression::call(Function::Negate, vec![operand], span))
            }
            Token::Symbol("+") => self.expression(PREFIX),
            Token::Symbol("!") => {
                let operand = self.expression(PREFIX)?;
                let span = span.start..operand.span.end;
                Ok(Expression::call(Function::Not, vec![operand], span))
            }
            Token::Symbol("(") => {
                let mut inner = self.expression(0)?;
                let close = self.close(&span)?;
                inner.span = span.start..close;
                Ok(inner)
            }
            Token::Symbol(symbol) => {
                Err(ExpressionError::new(format!("a number or a name was expected, not `{symbol}`"), span))
            }
            Token::End => {
                // Point at the last character, since nothing can be underlined past the end.
                let end = span.start;
                Err(ExpressionError::new("the expression ends too early", end.saturating_sub(1)..end)
                    .help("a number, a name or `(` is missing at the end"))
            }
        }
    }

    fn close(&mut self, open: &Range<usize>) -> Result<usize, ExpressionError> {
        match self.advance() {
            (Token::Symbol(")"), span) => Ok(span.end),
            (Token::End, _) => Err(ExpressionError::new("this `(` is never closed", open.clone()).help("add a `)`")),
            (_, span) => Err(ExpressionError::new("an operator or `)` is missing before this", span)),
        }
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Expression, ExpressionError> {
        let open = self.advance().1;
        let mut arguments = Vec::new();
        if *self.peek() == Token::Symbol(")") {
            self.advance();
        } else {
            loop {
                arguments.push(self.expression(0)?);
                if *self.peek() == Token::Symbol(",") {
                    self.advance();
                } else {
                    self.close(&open)?;
                    break;
                }
            }
        }
        let end = self.tokens[self.next - 1].1.end;
        let whole = span.start..end;
        match self.functions.get(name) {
            Some((names, _)) if !self.write_out => {
                check_count(name, names, &arguments, &whole)?;
                Ok(Expression { node: Node::Defined(name.to_owned(), arguments), span: whole })
            }
            Some((names, body)) => {
                // Before it is written out: sizes multiply.
                let given = arguments.iter().map(Expression::size).sum::<usize>().max(1);
                self.written = self.written.saturating_add(body.size().saturating_mul(given));
                if self.written > 100 * MAXIMUM_TOKENS {
                    return Err(ExpressionError::new(format!("`{name}` becomes too long when written out"), whole));
                }
                defined(name, names, body, &arguments, whole)
            }
            None => resolve(name, arguments, span, whole, self.functions),
        }
    }
}

/// A call of a function that the model defines.
fn defined(
    name: &str,
    names: &[String],
    body: &Expression,
    arguments: &[Expression],
    span: Range<usize>,
) -> Result<Expression, ExpressionError> {
    check_count(name, names, arguments, &span)?;
    let value = |own: &str| names.iter().position(|known| known == own).map(|index| &arguments[index]);
    Ok(body.substitute(&value, &span))
}

fn check_count(
    name: &str,
    names: &[String],
    arguments: &[Expression],
    span: &Range<usize>,
) -> Result<(), ExpressionError> {
    if names.len() == arguments.len() {
        return Ok(());
    }
    let message = format!("`{name}` takes {} argument(s), {} given", names.len(), arguments.len());
    Err(ExpressionError::new(message, span.clone()))
}

fn resolve(
    name: &str,
    mut arguments: Vec<Expression>,
    name_span: Range<usize>,
    span: Range<usize>,
    functions: &Functions,
) -> Result<Expression, ExpressionError> {
    if name == "mass_action" {
        return match (arguments.len(), arguments.pop()) {
            (1, Some(constant)) => Ok(Expression { node: Node::MassAction(Box::new(constant)), span }),
            _ => Err(ExpressionError::new("mass_action takes one argument, the rate constant", span)),
        };
    }
    // To a base, as in PEtab.
    if name == "log" && arguments.len() == 2 {
        let logarithms = arguments.into_iter().map(|part| Expression::call(Function::Ln, vec![part], span.clone()));
        return Ok(Expression::call(Function::Divide, logarithms.collect(), span.clone()));
    }
    let written = |function: &&Function| function.text().starts_with(|c: char| c.is_alphabetic());
    let text = if name == "log" { "ln" } else { name };
    let Some(function) = Function::ALL.iter().filter(written).find(|function| function.text() == text).copied() else {
        let known = Function::ALL.iter().filter(written).map(|function| function.text()).chain(["mass_action"]);
        let known = known.chain(functions.keys().map(String::as_str).collect::<BTreeSet<_>>());
        let error = ExpressionError::new(format!("there is no function `{name}`"), name_span);
        return Err(match suggestion(name, known) {
            Some(help) => error.help(help),
            None => error.help("functions: exp, ln, log10, log2, sqrt, abs, floor, ceil, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, factorial, pow, min, max, hill, piecewise, mass_action"),
        });
    };
    let arity = function.arity();
    if !arity.contains(&arguments.len()) {
        let expected = if *arity.end() == usize::MAX { "at least one".into() } else { arity.start().to_string() };
        let message = format!("`{name}` takes {expected} argument(s), {} given", arguments.len());
        return Err(ExpressionError::new(message, span));
    }
    if function == Function::Piecewise && arguments.len().is_multiple_of(2) {
        return Err(ExpressionError::new("piecewise lacks its last value, for when no condition holds", span)
            .help("write piecewise(value, condition, …, otherwise)"));
    }
    Ok(Expression::call(function, arguments, span))
}

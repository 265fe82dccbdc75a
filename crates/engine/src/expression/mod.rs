//! Expressions: rate laws, assignment rules, initial values, observables.
//!
//! Numbers, names, `+ - * / ^` (also `**`), comparisons, `&& || !`, and the functions of [`Function`].
//! Comparisons give 1 or 0; any number other than 0 counts as true.

mod compile;
mod derivative;
mod dialect;
mod lanes;
mod parse;
mod petab;
mod print;
mod run;
mod token;

use std::ops::Range;

pub use compile::Program;
pub use dialect::Dialect;
pub(crate) use lanes::{LaneStack, Row};
pub(crate) use parse::{Functions, MAXIMUM_DEPTH, MAXIMUM_TOKENS, parse, parse_calls, parse_with};

/// What is wrong with an expression, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the expression's text that are meant.
    pub span: Range<usize>,
    /// What would fix it.
    pub help: Option<String>,
}

impl ExpressionError {
    pub(crate) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A parsed expression: its outermost node and the bytes it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub node: Node,
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Name(String),
    Call(Function, Vec<Expression>),
    /// A call of a function that the model defines, where such calls are kept; [`parse_with`] writes them out.
    Defined(String, Vec<Expression>),
    /// `mass_action(k)`: k times the falling factorials of the reactants; expanded by the network.
    MassAction(Box<Expression>),
}

impl Expression {
    pub fn number(value: f64) -> Self {
        Self { node: Node::Number(value), span: 0..0 }
    }

    pub fn name(name: &str) -> Self {
        Self { node: Node::Name(name.to_owned()), span: 0..0 }
    }

    pub fn call(function: Function, arguments: Vec<Expression>, span: Range<usize>) -> Self {
        Self { node: Node::Call(function, arguments), span }
    }

    /// Whether the value is exactly proportional to the name `own`, by the expression's form.
    pub fn is_proportional(&self, own: &impl Fn(&str) -> bool, independent: &impl Fn(&str) -> bool) -> bool {
        let proportional = |part: &Expression| part.is_proportional(own, independent);
        let constant = |part: &Expression| {
            let mut all = true;
            part.names(&mut |name, _| all &= independent(name));
            all
        };
        match &self.node {
            Node::Name(name) => own(name),
            Node::Call(Function::Multiply, parts) => {
                (proportional(&parts[0]) && constant(&parts[1])) || (constant(&parts[0]) && proportional(&parts[1]))
            }
            Node::Call(Function::Divide, parts) => proportional(&parts[0]) && constant(&parts[1]),
            Node::Call(Function::Add | Function::Subtract | Function::Negate, parts) => parts.iter().all(proportional),
            _ => false,
        }
    }

    /// How many numbers, names and functions it consists of.
    pub fn size(&self) -> usize {
        match &self.node {
            Node::Number(_) | Node::Name(_) => 1,
            Node::Call(_, arguments) | Node::Defined(_, arguments) => {
                1 + arguments.iter().map(Expression::size).sum::<usize>()
            }
            Node::MassAction(constant) => 1 + constant.size(),
        }
    }

    /// The expression with some names replaced; `span` is where mistakes in it are shown.
    pub fn substitute<'a>(&self, value: &impl Fn(&str) -> Option<&'a Expression>, span: &Range<usize>) -> Self {
        let node = match &self.node {
            Node::Name(name) => match value(name) {
                Some(expression) => return expression.clone(),
                None => self.node.clone(),
            },
            Node::Number(_) => self.node.clone(),
            Node::Call(function, arguments) => {
                Node::Call(*function, arguments.iter().map(|part| part.substitute(value, span)).collect())
            }
            Node::Defined(name, arguments) => {
                Node::Defined(name.clone(), arguments.iter().map(|part| part.substitute(value, span)).collect())
            }
            Node::MassAction(constant) => Node::MassAction(Box::new(constant.substitute(value, span))),
        };
        Self { node, span: span.clone() }
    }

    /// Calls `visit` for every name in the expression.
    pub fn names<'a>(&'a self, visit: &mut impl FnMut(&'a str, &Range<usize>)) {
        match &self.node {
            Node::Number(_) => {}
            Node::Name(name) => visit(name, &self.span),
            Node::Call(_, arguments) | Node::Defined(_, arguments) => {
                arguments.iter().for_each(|argument| argument.names(visit));
            }
            Node::MassAction(constant) => constant.names(visit),
        }
    }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $variant:ident $text:literal $minimum:literal..=$maximum:expr;)*) => {
        /// Everything an expression can compute from its arguments; operators included.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function { $($(#[$doc])* $variant,)* }

        impl Function {
            pub const ALL: &'static [Function] = &[$(Function::$variant,)*];

            /// How the function is written.
            pub fn text(self) -> &'static str {
                match self { $(Function::$variant => $text,)* }
            }

            /// How many arguments it takes.
            pub fn arity(self) -> std::ops::RangeInclusive<usize> {
                match self { $(Function::$variant => $minimum..=$maximum,)* }
            }
        }
    };
}

functions! {
    Add "+" 2..=2;
    Subtract "-" 2..=2;
    Multiply "*" 2..=2;
    Divide "/" 2..=2;
    Power "pow" 2..=2;
    Negate "-" 1..=1;
    Not "!" 1..=1;
    And "&&" 2..=2;
    Or "||" 2..=2;
    Less "<" 2..=2;
    LessEqual "<=" 2..=2;
    Greater ">" 2..=2;
    GreaterEqual ">=" 2..=2;
    Equal "==" 2..=2;
    NotEqual "!=" 2..=2;
    Exp "exp" 1..=1;
    /// Natural logarithm; `log` is the same, as in PEtab and SBML.
    Ln "ln" 1..=1;
    Log10 "log10" 1..=1;
    Log2 "log2" 1..=1;
    Sqrt "sqrt" 1..=1;
    Abs "abs" 1..=1;
    Floor "floor" 1..=1;
    Ceil "ceil" 1..=1;
    Sin "sin" 1..=1;
    Cos "cos" 1..=1;
    Tan "tan" 1..=1;
    Asin "asin" 1..=1;
    Acos "acos" 1..=1;
    Atan "atan" 1..=1;
    Sinh "sinh" 1..=1;
    Cosh "cosh" 1..=1;
    Tanh "tanh" 1..=1;
    /// n!, by the gamma function between whole numbers.
    Factorial "factorial" 1..=1;
    Min "min" 1..=usize::MAX;
    Max "max" 1..=usize::MAX;
    /// `hill(x, K, n)` = xⁿ / (Kⁿ + xⁿ).
    Hill "hill" 3..=3;
    /// `piecewise(value, condition, value, condition, …, otherwise)`: the first value whose condition holds.
    Piecewise "piecewise" 1..=usize::MAX;
}

#[cfg(test)]
mod tests;

//! Turns a parsed expression into a short program for a stack machine.

use super::run::{Step, run, steps};
use super::{Expression, ExpressionError, Function, Node};

/// How deep the stack may grow, and how deep it grows in ordinary expressions.
pub(super) const STACK: usize = 192;
pub(super) const SHALLOW: usize = 12;

/// A compiled expression over the values of a network's symbols.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    code: Vec<Instruction>,
    /// The same, to be run.
    steps: Box<[Step]>,
    reads: Vec<usize>,
    depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Instruction {
    Constant(f64),
    Load(usize),
    /// Pops two values, or one for functions of one argument; hill pops three.
    Apply(Function),
    /// Pops otherwise, condition, value; pushes value if the condition holds, else otherwise.
    Select,
}

impl Program {
    /// The value of the expression, given the value in every slot.
    ///
    /// # Panics
    /// If `values` is shorter than the largest slot the program reads.
    #[must_use]
    #[inline]
    pub fn evaluate(&self, values: &[f64]) -> f64 {
        // The commonest programs need no stack.
        match &*self.steps {
            [Step::Constant(value)] => *value,
            [Step::Load(slot)] => values[*slot],
            [Step::Load(a), Step::MultiplySlot(b)] => values[*a] * values[*b],
            steps if self.deep() => run::<STACK>(steps, values),
            steps => run::<SHALLOW>(steps, values),
        }
    }

    /// The program that gives 0.
    pub(crate) fn zero() -> Self {
        Self::number(0.0)
    }

    /// The program that gives a number.
    pub(crate) fn number(value: f64) -> Self {
        let code = vec![Instruction::Constant(value)];
        Self { steps: steps(&code), code, reads: Vec::new(), depth: 1 }
    }

    /// The value, if the expression reads nothing.
    #[must_use]
    pub fn constant(&self) -> Option<f64> {
        match self.code.as_slice() {
            [Instruction::Constant(value)] => Some(*value),
            _ => None,
        }
    }

    /// The slots the expression reads, ascending, each once.
    #[must_use]
    pub fn reads(&self) -> &[usize] {
        &self.reads
    }

    pub(super) fn code(&self) -> &[Instruction] {
        &self.code
    }

    /// The largest number of values on the stack.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the stack grows beyond [`SHALLOW`].
    pub(super) fn deep(&self) -> bool {
        self.depth > SHALLOW
    }

    /// Compiles an expression whose names `slot` resolves; `mass_action` must have been expanded before.
    pub(crate) fn compile(
        expression: &Expression,
        slot: &impl Fn(&str) -> Option<usize>,
        unknown: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ExpressionError> {
        let mut program = Self { code: Vec::new(), steps: Box::default(), reads: Vec::new(), depth: 1 };
        program.emit(expression, slot, unknown)?;
        program.steps = steps(&program.code);
        program.reads =
            program.code.iter().filter_map(|i| if let Instruction::Load(s) = i { Some(*s) } else { None }).collect();
        program.reads.sort_unstable();
        program.reads.dedup();
        program.depth = depth(&program.code);
        Ok(program)
    }

    fn emit(
        &mut self,
        expression: &Expression,
        slot: &impl Fn(&str) -> Option<usize>,
        unknown: &impl Fn(&str) -> Option<String>,
    ) -> Result<(), ExpressionError> {
        let start = self.code.len();
        match &expression.node {
            Node::Number(value) => self.code.push(Instruction::Constant(*value)),
            Node::Name(name) => match slot(name) {
                Some(slot) => self.code.push(Instruction::Load(slot)),
                None => {
                    let error = ExpressionError::new(format!("unknown name `{name}`"), expression.span.clone());
                    return Err(match unknown(name) {
                        Some(help) => error.help(help),
                        None => error,
                    });
                }
            },
            Node::Call(Function::Piecewise, arguments) => {
                // value, condition, … are pushed in order; selections then fold from the last pair to the first.
                for argument in arguments {
                    self.emit(argument, slot, unknown)?;
                }
                for _ in 0..arguments.len() / 2 {
                    self.code.push(Instruction::Select);
                }
            }
            Node::Call(function @ (Function::Min | Function::Max), arguments) => {
                for (index, argument) in arguments.iter().enumerate() {
                    self.emit(argument, slot, unknown)?;
                    if index > 0 {
                        self.code.push(Instruction::Apply(*function));
                    }
                }
            }
            Node::Call(function, arguments) => {
                for argument in arguments {
                    self.emit(argument, slot, unknown)?;
                }
                self.code.push(Instruction::Apply(*function));
            }
            Node::Defined(name, _) => {
                return Err(ExpressionError::new(format!("there is no function `{name}`"), expression.span.clone()));
            }
            Node::MassAction(_) => {
                return Err(ExpressionError::new(
                    "mass_action belongs in a reaction's rate only",
                    expression.span.clone(),
                ));
            }
        }
        let tail = &self.code[start..];
        if depth(tail) > STACK {
            return Err(ExpressionError::new("the expression is too large", expression.span.clone())
                .help("name its parts by assignment rules"));
        }
        if tail.len() > 1 && tail.iter().all(|instruction| !matches!(instruction, Instruction::Load(_))) {
            let value = run::<STACK>(&steps(tail), &[]);
            self.code.truncate(start);
            self.code.push(Instruction::Constant(value));
        }
        Ok(())
    }
}

pub(super) fn pops(function: Function) -> usize {
    match function {
        Function::Min | Function::Max => 2,
        other => *other.arity().start(),
    }
}

/// The largest number of values on the stack while `code` runs.
fn depth(code: &[Instruction]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for instruction in code {
        match instruction {
            Instruction::Constant(_) | Instruction::Load(_) => now += 1,
            Instruction::Apply(function) => now = (now + 1).saturating_sub(pops(*function)),
            Instruction::Select => now = now.saturating_sub(2),
        }
        most = most.max(now);
    }
    most
}

/// xⁿ/(Kⁿ+xⁿ), written so that it neither overflows nor divides 0 by 0.
pub(super) fn hill(x: f64, half: f64, exponent: f64) -> f64 {
    if x <= 0.0 { 0.0 } else { 1.0 / (1.0 + (half / x).powf(exponent)) }
}

pub(super) fn unary(function: Function, x: f64) -> f64 {
    match function {
        Function::Negate => -x,
        Function::Not => truth(x == 0.0),
        Function::Exp => x.exp(),
        Function::Ln => x.ln(),
        Function::Log10 => x.log10(),
        Function::Log2 => x.log2(),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Floor => x.floor(),
        Function::Ceil => x.ceil(),
        Function::Sin => x.sin(),
        Function::Cos => x.cos(),
        Function::Tan => x.tan(),
        Function::Asin => x.asin(),
        Function::Acos => x.acos(),
        Function::Atan => x.atan(),
        Function::Sinh => x.sinh(),
        Function::Cosh => x.cosh(),
        Function::Tanh => x.tanh(),
        Function::Factorial => statrs::function::gamma::gamma(x + 1.0),
        _ => f64::NAN,
    }
}

#[inline]
pub(super) fn binary(function: Function, x: f64, y: f64) -> f64 {
    match function {
        Function::Add => x + y,
        Function::Subtract => x - y,
        Function::Multiply => x * y,
        Function::Divide => x / y,
        Function::Power => power(x, y),
        Function::And => truth(x != 0.0 && y != 0.0),
        Function::Or => truth(x != 0.0 || y != 0.0),
        Function::Less => truth(x < y),
        Function::LessEqual => truth(x <= y),
        Function::Greater => truth(x > y),
        Function::GreaterEqual => truth(x >= y),
        Function::Equal => truth(x == y),
        Function::NotEqual => truth(x != y),
        Function::Min => x.min(y),
        Function::Max => x.max(y),
        _ => f64::NAN,
    }
}

fn power(x: f64, y: f64) -> f64 {
    if y == 2.0 { x * x } else { x.powf(y) }
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

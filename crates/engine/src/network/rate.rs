//! Rate laws: a fast path for products such as `k * S * I`, and programs for all others.

use crate::expression::{Expression, ExpressionError, Function, Node, Program};

/// How a reaction's propensity is computed.
#[derive(Clone, Debug)]
pub(crate) enum RateLaw {
    /// constant × Π (value − offset): mass action and its like. The constant reads parameters only and is
    /// computed anew only where a trajectory starts or an event has happened.
    Product { constant: Program, factors: Vec<Factor> },
    /// Anything else.
    General(Program),
}

/// A factor `value[slot] - offset` of a product; the offset makes falling factorials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub slot: usize,
    pub offset: f64,
}

impl RateLaw {
    /// The propensity. `constant` is the value of the product's constant.
    #[inline]
    pub fn evaluate(&self, constant: f64, values: &[f64]) -> f64 {
        match self {
            RateLaw::Product { factors, .. } => match factors.as_slice() {
                [a] => constant * (values[a.slot] - a.offset),
                [a, b] => constant * (values[a.slot] - a.offset) * (values[b.slot] - b.offset),
                factors => factors.iter().fold(constant, |product, f| product * (values[f.slot] - f.offset)),
            },
            RateLaw::General(program) => program.evaluate(values),
        }
    }

    /// The derivative of the propensity along a direction, as [`Program::derivative`] has it.
    pub fn derivative(&self, constant: f64, values: &[f64], tangents: &[f64]) -> f64 {
        match self {
            RateLaw::Product { factors, .. } => {
                let others = |skipped: usize| factors.iter().enumerate().filter(move |(index, _)| *index != skipped);
                let term = |(index, factor): (usize, &Factor)| match tangents[factor.slot] {
                    0.0 => 0.0,
                    tangent => {
                        others(index).fold(constant * tangent, |product, (_, f)| product * (values[f.slot] - f.offset))
                    }
                };
                factors.iter().enumerate().map(term).sum()
            }
            RateLaw::General(program) => program.derivative(values, tangents),
        }
    }

    /// The slots the law itself reads, not those read by rules it names.
    pub fn reads(&self) -> Vec<usize> {
        match self {
            RateLaw::Product { constant, factors } => {
                constant.reads().iter().copied().chain(factors.iter().map(|factor| factor.slot)).collect()
            }
            RateLaw::General(program) => program.reads().to_vec(),
        }
    }

    /// Compiles a law. `varies` says whether a slot changes as the network runs by itself (species, rules, time).
    pub fn compile(
        expression: &Expression,
        slot: &impl Fn(&str) -> Option<usize>,
        unknown: &impl Fn(&str) -> Option<String>,
        varies: &impl Fn(usize) -> bool,
    ) -> Result<Self, ExpressionError> {
        // Compiled first for its errors, whatever path is taken afterwards.
        let program = Program::compile(expression, slot, unknown)?;
        let (mut constants, mut factors) = (Vec::new(), Vec::new());
        if !flatten(expression, false, slot, varies, &mut constants, &mut factors) {
            return Ok(RateLaw::General(program));
        }
        let product = constants.into_iter().fold(Expression::number(1.0), |product, (inverted, part)| {
            let function = if inverted { Function::Divide } else { Function::Multiply };
            Expression::call(function, vec![product, part], 0..0)
        });
        Ok(RateLaw::Product { constant: Program::compile(&product, slot, unknown)?, factors })
    }
}

/// Takes a product apart into constant parts (with whether they divide) and factors that vary.
/// False if it is not such a product.
fn flatten(
    expression: &Expression,
    inverted: bool,
    slot: &impl Fn(&str) -> Option<usize>,
    varies: &impl Fn(usize) -> bool,
    constants: &mut Vec<(bool, Expression)>,
    factors: &mut Vec<Factor>,
) -> bool {
    let mut constant = true;
    expression.names(&mut |name, _| constant &= slot(name).is_some_and(|slot| !varies(slot)));
    if constant {
        constants.push((inverted, expression.clone()));
        return true;
    }
    match &expression.node {
        Node::Call(Function::Multiply, arguments) => {
            arguments.iter().all(|part| flatten(part, inverted, slot, varies, constants, factors))
        }
        Node::Call(Function::Divide, arguments) => {
            flatten(&arguments[0], inverted, slot, varies, constants, factors)
                && flatten(&arguments[1], !inverted, slot, varies, constants, factors)
        }
        Node::Name(name) if !inverted => {
            factors.extend(slot(name).map(|slot| Factor { slot, offset: 0.0 }));
            true
        }
        Node::Call(Function::Subtract, arguments) if !inverted => match (&arguments[0].node, &arguments[1].node) {
            (Node::Name(name), Node::Number(offset)) => {
                factors.extend(slot(name).map(|slot| Factor { slot, offset: *offset }));
                true
            }
            _ => false,
        },
        _ => false,
    }
}

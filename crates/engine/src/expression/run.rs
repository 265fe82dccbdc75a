//! Runs programs: what a program does, with its commonest pairs of instructions in one.

use super::Function;
use super::compile::{Instruction, binary, hill, pops, unary};

/// An instruction for a machine whose top value is at hand, below it the stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Constant(f64),
    Load(usize),
    /// Of the value below and the top.
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Of the top and a value.
    AddSlot(usize),
    SubtractSlot(usize),
    MultiplySlot(usize),
    DivideSlot(usize),
    AddConstant(f64),
    SubtractConstant(f64),
    MultiplyConstant(f64),
    DivideConstant(f64),
    Unary(Function),
    Binary(Function),
    Hill,
    Select,
}

/// The steps of a program.
pub(super) fn steps(code: &[Instruction]) -> Box<[Step]> {
    let mut steps = Vec::with_capacity(code.len());
    for instruction in code {
        let step = match *instruction {
            Instruction::Constant(value) => Step::Constant(value),
            Instruction::Load(slot) => Step::Load(slot),
            Instruction::Select => Step::Select,
            Instruction::Apply(Function::Hill) => Step::Hill,
            Instruction::Apply(function) if pops(function) == 1 => Step::Unary(function),
            Instruction::Apply(function) => {
                // The first value of all is loaded by itself.
                let last = steps.last().copied().filter(|_| steps.len() > 1);
                let joined = match (last, function) {
                    (Some(Step::Load(slot)), Function::Add) => Some(Step::AddSlot(slot)),
                    (Some(Step::Load(slot)), Function::Subtract) => Some(Step::SubtractSlot(slot)),
                    (Some(Step::Load(slot)), Function::Multiply) => Some(Step::MultiplySlot(slot)),
                    (Some(Step::Load(slot)), Function::Divide) => Some(Step::DivideSlot(slot)),
                    (Some(Step::Constant(value)), Function::Add) => Some(Step::AddConstant(value)),
                    (Some(Step::Constant(value)), Function::Subtract) => Some(Step::SubtractConstant(value)),
                    (Some(Step::Constant(value)), Function::Multiply) => Some(Step::MultiplyConstant(value)),
                    (Some(Step::Constant(value)), Function::Divide) => Some(Step::DivideConstant(value)),
                    _ => None,
                };
                if let Some(joined) = joined {
                    steps.pop();
                    steps.push(joined);
                    continue;
                }
                match function {
                    Function::Add => Step::Add,
                    Function::Subtract => Step::Subtract,
                    Function::Multiply => Step::Multiply,
                    Function::Divide => Step::Divide,
                    other => Step::Binary(other),
                }
            }
        };
        steps.push(step);
    }
    steps.into_boxed_slice()
}

/// The value of a program whose stack stays below `DEPTH`.
#[inline]
pub(super) fn run<const DEPTH: usize>(steps: &[Step], values: &[f64]) -> f64 {
    let mut stack = [0.0; DEPTH];
    // Values below the top; the first that is pushed there is none.
    let (mut top, mut below) = (0.0, 0);
    for step in steps {
        match *step {
            Step::Constant(value) => {
                stack[below] = top;
                (top, below) = (value, below + 1);
            }
            Step::Load(slot) => {
                stack[below] = top;
                (top, below) = (values[slot], below + 1);
            }
            Step::Add => {
                below -= 1;
                top += stack[below];
            }
            Step::Subtract => {
                below -= 1;
                top = stack[below] - top;
            }
            Step::Multiply => {
                below -= 1;
                top *= stack[below];
            }
            Step::Divide => {
                below -= 1;
                top = stack[below] / top;
            }
            Step::AddSlot(slot) => top += values[slot],
            Step::SubtractSlot(slot) => top -= values[slot],
            Step::MultiplySlot(slot) => top *= values[slot],
            Step::DivideSlot(slot) => top /= values[slot],
            Step::AddConstant(value) => top += value,
            Step::SubtractConstant(value) => top -= value,
            Step::MultiplyConstant(value) => top *= value,
            Step::DivideConstant(value) => top /= value,
            Step::Unary(function) => top = unary(function, top),
            Step::Binary(function) => {
                below -= 1;
                top = binary(function, stack[below], top);
            }
            Step::Hill => {
                below -= 2;
                top = hill(stack[below], stack[below + 1], top);
            }
            Step::Select => {
                // Otherwise, condition, value.
                below -= 2;
                let (value, condition) = (stack[below], stack[below + 1]);
                top = if condition == 0.0 { top } else { value };
            }
        }
    }
    top
}

//! Evaluates a compiled expression for many sets of values at once.

#![expect(clippy::needless_range_loop, reason = "a loop over lanes reads the same place of several rows")]

use super::Function;
use super::compile::{Instruction, Program, binary, hill, pops, unary};

/// One number a lane.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Row<const W: usize>(pub [f64; W]);

impl<const W: usize> Row<W> {
    pub const ZERO: Self = Self([0.0; W]);
}

/// Memory for the evaluation.
#[derive(Default)]
pub(crate) struct LaneStack<const W: usize> {
    rows: Vec<Row<W>>,
}

impl<const W: usize> LaneStack<W> {
    /// Values of the expression evaluated last.
    #[inline(always)]
    pub fn result(&self) -> &Row<W> {
        &self.rows[0]
    }
}

impl Program {
    /// The value of the expression in every lane: the same bits as [`Program::evaluate`] gives for each.
    #[inline(always)]
    pub(crate) fn evaluate_lanes<const W: usize>(&self, values: &[Row<W>], stack: &mut LaneStack<W>) {
        let depth = self.depth();
        if stack.rows.len() < depth {
            stack.rows.resize(depth, Row::ZERO);
        }
        let rows = stack.rows.as_mut_slice();
        let mut top = 0;
        for instruction in self.code() {
            match *instruction {
                Instruction::Constant(value) => {
                    rows[top].0 = [value; W];
                    top += 1;
                }
                Instruction::Load(slot) => {
                    rows[top] = values[slot];
                    top += 1;
                }
                Instruction::Apply(Function::Hill) => {
                    top -= 2;
                    let (below, above) = rows.split_at_mut(top);
                    let x = &mut below[top - 1].0;
                    for lane in 0..W {
                        x[lane] = hill(x[lane], above[0].0[lane], above[1].0[lane]);
                    }
                }
                Instruction::Apply(function) if pops(function) == 1 => {
                    let x = &mut rows[top - 1].0;
                    match function {
                        Function::Negate => x.iter_mut().for_each(|x| *x = -*x),
                        Function::Sqrt => x.iter_mut().for_each(|x| *x = x.sqrt()),
                        Function::Abs => x.iter_mut().for_each(|x| *x = x.abs()),
                        function => x.iter_mut().for_each(|x| *x = unary(function, *x)),
                    }
                }
                Instruction::Apply(function) => {
                    top -= 1;
                    let (below, above) = rows.split_at_mut(top);
                    let (x, y) = (&mut below[top - 1].0, &above[0].0);
                    // The commonest are written out, so that each is a loop of its own.
                    match function {
                        Function::Add => zip(x, y, |x, y| x + y),
                        Function::Subtract => zip(x, y, |x, y| x - y),
                        Function::Multiply => zip(x, y, |x, y| x * y),
                        Function::Divide => zip(x, y, |x, y| x / y),
                        Function::Min => zip(x, y, f64::min),
                        Function::Max => zip(x, y, f64::max),
                        function => zip(x, y, |x, y| binary(function, x, y)),
                    }
                }
                Instruction::Select => {
                    top -= 2;
                    let (below, above) = rows.split_at_mut(top);
                    let x = &mut below[top - 1].0;
                    for lane in 0..W {
                        x[lane] = if above[0].0[lane] == 0.0 { above[1].0[lane] } else { x[lane] };
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn zip<const W: usize>(x: &mut [f64; W], y: &[f64; W], function: impl Fn(f64, f64) -> f64) {
    for lane in 0..W {
        x[lane] = function(x[lane], y[lane]);
    }
}

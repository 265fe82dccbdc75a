//! Exact derivatives of programs, by dual numbers (forward-mode differentiation; Griewank & Walther 2008, Evaluating
//! Derivatives, section 3.1).

use super::compile::{Instruction, SHALLOW, STACK, binary, hill, pops, unary};
use super::{Function, Program};

/// A value and its derivative along the direction in question.
#[derive(Clone, Copy, Default)]
struct Dual {
    value: f64,
    tangent: f64,
}

impl Program {
    /// The derivative of the expression along a direction, `tangents[slot]` being the rate at which the value in each
    /// slot changes: with 1 in one slot and 0 elsewhere, the partial derivative by that slot.
    ///
    /// Of `piecewise`, `min`, `max` and `abs` it is that of the branch taken; comparisons, `floor` and `ceil` have
    /// none, that is 0. Where the derivative is infinite, as that of `sqrt` at 0, so is the result.
    ///
    /// # Panics
    /// If `values` or `tangents` is shorter than the largest slot the program reads.
    #[must_use]
    pub fn derivative(&self, values: &[f64], tangents: &[f64]) -> f64 {
        if self.reads().iter().all(|&slot| tangents[slot] == 0.0) {
            return 0.0;
        }
        if self.deep() {
            run::<STACK>(self.code(), values, tangents)
        } else {
            run::<SHALLOW>(self.code(), values, tangents)
        }
    }
}

fn run<const DEPTH: usize>(code: &[Instruction], values: &[f64], tangents: &[f64]) -> f64 {
    let mut stack = [Dual::default(); DEPTH];
    let mut top = 0;
    for instruction in code {
        match *instruction {
            Instruction::Constant(value) => {
                stack[top] = Dual { value, tangent: 0.0 };
                top += 1;
            }
            Instruction::Load(slot) => {
                stack[top] = Dual { value: values[slot], tangent: tangents[slot] };
                top += 1;
            }
            Instruction::Apply(Function::Hill) => {
                top -= 2;
                stack[top - 1] = dual_hill(stack[top - 1], stack[top], stack[top + 1]);
            }
            Instruction::Apply(function) if pops(function) == 1 => {
                stack[top - 1] = dual_unary(function, stack[top - 1]);
            }
            Instruction::Apply(function) => {
                top -= 1;
                stack[top - 1] = dual_binary(function, stack[top - 1], stack[top]);
            }
            Instruction::Select => {
                top -= 2;
                if stack[top].value == 0.0 {
                    stack[top - 1] = stack[top + 1];
                }
            }
        }
    }
    stack[0].tangent
}

/// `slope · tangent`, where an infinite slope along nothing is nothing.
fn along(tangent: f64, slope: impl FnOnce() -> f64) -> f64 {
    if tangent == 0.0 { 0.0 } else { slope() * tangent }
}

fn dual_unary(function: Function, x: Dual) -> Dual {
    let value = unary(function, x.value);
    let slope = || match function {
        Function::Negate => -1.0,
        Function::Exp => value,
        Function::Ln => 1.0 / x.value,
        Function::Log10 => 1.0 / (x.value * std::f64::consts::LN_10),
        Function::Log2 => 1.0 / (x.value * std::f64::consts::LN_2),
        Function::Sqrt => 0.5 / value,
        Function::Abs if x.value < 0.0 => -1.0,
        Function::Abs => 1.0,
        Function::Sin => x.value.cos(),
        Function::Cos => -x.value.sin(),
        Function::Tan => 1.0 + value * value,
        Function::Asin => 1.0 / (1.0 - x.value * x.value).sqrt(),
        Function::Acos => -1.0 / (1.0 - x.value * x.value).sqrt(),
        Function::Atan => 1.0 / (1.0 + x.value * x.value),
        Function::Sinh => x.value.cosh(),
        Function::Cosh => x.value.sinh(),
        Function::Tanh => 1.0 - value * value,
        Function::Factorial => value * statrs::function::gamma::digamma(x.value + 1.0),
        Function::Not | Function::Floor | Function::Ceil => 0.0,
        _ => f64::NAN,
    };
    Dual { value, tangent: along(x.tangent, slope) }
}

fn dual_binary(function: Function, x: Dual, y: Dual) -> Dual {
    let value = binary(function, x.value, y.value);
    let tangent = match function {
        Function::Add => x.tangent + y.tangent,
        Function::Subtract => x.tangent - y.tangent,
        Function::Multiply => along(x.tangent, || y.value) + along(y.tangent, || x.value),
        Function::Divide => along(x.tangent, || 1.0 / y.value) - along(y.tangent, || value / y.value),
        Function::Power => {
            let by_base = along(x.tangent, || base_slope(x.value, y.value));
            // 0^y stays 0 for all y above 0.
            let by_exponent = || if value == 0.0 { 0.0 } else { value * x.value.ln() };
            by_base + along(y.tangent, by_exponent)
        }
        Function::Min => {
            if y.value < x.value {
                y.tangent
            } else {
                x.tangent
            }
        }
        Function::Max => {
            if y.value > x.value {
                y.tangent
            } else {
                x.tangent
            }
        }
        Function::And
        | Function::Or
        | Function::Less
        | Function::LessEqual
        | Function::Greater
        | Function::GreaterEqual
        | Function::Equal
        | Function::NotEqual => 0.0,
        _ => f64::NAN,
    };
    Dual { value, tangent }
}

/// y·x^(y−1), which is 0 for y = 0 even where x is 0.
fn base_slope(x: f64, y: f64) -> f64 {
    if y == 0.0 { 0.0 } else { y * x.powf(y - 1.0) }
}

/// With h = xⁿ/(Kⁿ+xⁿ): ∂h/∂x = n·h(1−h)/x, ∂h/∂K = −n·h(1−h)/K, ∂h/∂n = h(1−h)·ln(x/K). At x = 0 the derivative by x
/// is that from above: h ≈ (x/K)ⁿ.
fn dual_hill(x: Dual, half: Dual, exponent: Dual) -> Dual {
    let value = hill(x.value, half.value, exponent.value);
    let n = exponent.value;
    let tangent = if x.value > 0.0 {
        let bell = value * (1.0 - value);
        along(x.tangent, || n * bell / x.value) - along(half.tangent, || n * bell / half.value)
            + along(exponent.tangent, || if bell == 0.0 { 0.0 } else { bell * (x.value / half.value).ln() })
    } else if x.value == 0.0 {
        along(x.tangent, || base_slope(0.0, n) / half.value.powf(n))
    } else {
        0.0
    };
    Dual { value, tangent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{Expression, parse};

    fn compile(text: &str) -> Program {
        let names = ["x", "y", "z"];
        let slot = |name: &str| names.iter().position(|&known| known == name);
        Program::compile(&parse(text).unwrap(), &slot, &|_| None).unwrap()
    }

    /// The derivative by each slot against central differences.
    fn agrees(program: &Program, values: [f64; 3], what: &str) {
        for slot in 0..3 {
            let mut tangents = [0.0; 3];
            tangents[slot] = 1.0;
            let exact = program.derivative(&values, &tangents);
            let delta = 1e-6;
            let at = |shift: f64| {
                let mut moved = values;
                moved[slot] += shift;
                program.evaluate(&moved)
            };
            let difference = (at(delta) - at(-delta)) / (2.0 * delta);
            assert!((exact - difference).abs() < 1e-7 * (1.0 + exact.abs()), "{what} by {slot}: {exact} {difference}");
        }
    }

    #[test]
    fn every_function_has_its_derivative() {
        // None of these points lies on a kink.
        for values in [[0.7, 1.3, 2.2], [2.4, 0.6, 1.5], [0.31, 0.32, 3.0]] {
            for &function in Function::ALL {
                let names = ["x", "y", "z"].map(Expression::name);
                let count = (*function.arity().start()).max((*function.arity().end()).min(3));
                // Arguments between 0 and 1 that depend on one another through x, so that the chain rule is at work.
                let arguments = names.into_iter().take(count).map(|name| {
                    let growth = Expression::call(Function::Exp, vec![Expression::name("x")], 0..0);
                    let product = Expression::call(Function::Multiply, vec![name, growth], 0..0);
                    Expression::call(Function::Divide, vec![product, Expression::number(30.0)], 0..0)
                });
                let call = Expression::call(function, arguments.collect(), 0..0);
                let slot = |name: &str| ["x", "y", "z"].iter().position(|&known| known == name);
                let program = Program::compile(&call, &slot, &|_| None).unwrap();
                agrees(&program, values, function.text());
            }
        }
        agrees(&compile("piecewise(x^2*y, x > 1, z*y, y > 1, x/z)"), [2.0, 3.0, 0.5], "first piece");
        agrees(&compile("piecewise(x^2*y, x > 1, z*y, y > 1, x/z)"), [0.5, 3.0, 0.5], "second piece");
        agrees(&compile("piecewise(x^2*y, x > 1, z*y, y > 1, x/z)"), [0.5, 0.3, 0.5], "otherwise");
        agrees(&compile("abs(x - y)*tanh(-x*y)^3 - hill(x*y, z, 2.5)"), [0.5, 0.3, 0.5], "nested");
    }

    #[test]
    fn at_zero_too_where_it_exists() {
        for (text, expected) in [
            ("x^2", 0.0),
            ("x^1", 1.0),
            ("x^1.5", 0.0),
            ("x^0", 0.0),
            ("x^y", 0.0),
            ("y*sqrt(z) + x", 1.0),
            ("hill(x, 4, 1)", 0.25),
            ("hill(x, 4, 2)", 0.0),
            ("x/(x + y)", 1.0 / 3.0),
            ("sqrt(x)", f64::INFINITY),
            ("piecewise(1/x, x > 0, 2*x)", 2.0),
        ] {
            assert_eq!(compile(text).derivative(&[0.0, 3.0, 0.0], &[1.0, 0.0, 0.0]), expected, "{text}");
        }
        assert_eq!(compile("x^y").derivative(&[0.0, 3.0, 0.0], &[0.0, 1.0, 0.0]), 0.0);
        assert_eq!(compile("hill(x, y, z)").derivative(&[0.0, 3.0, 2.0], &[0.0, 1.0, 1.0]), 0.0);
        assert_eq!(compile("(x - 1)^3").derivative(&[-1.0, 0.0, 0.0], &[1.0, 0.0, 0.0]), 12.0);
    }
}

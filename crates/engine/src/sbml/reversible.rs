//! A reversible reaction whose law is a difference is two reactions, because a propensity cannot be negative.

use crate::expression::{Expression, Function, Node};

/// The laws of the two directions.
pub(super) struct Directions {
    pub forward: Expression,
    pub reverse: Expression,
}

/// Takes a law such as `k1*A - k2*B`, or `cell * (k1*A - k2*B) / (1 + A)`, apart.
///
/// `consumed` and `produced` are the species of which the reaction leaves less or more, counting none as constant.
/// What is subtracted is a law of the reverse direction only if it reads one of those produced and not the one of those
/// consumed that the forward law reads: `k * X * (X - 1)` and `r * X * (1 - X/K)` are laws of one direction.
pub(super) fn directions(law: &Expression, consumed: &[&str], produced: &[&str]) -> Option<Directions> {
    let reads = |expression: &Expression, name: &str| {
        let mut found = false;
        expression.names(&mut |read, _| found |= read == name);
        found
    };
    let accept = |minuend: &Expression, subtrahend: &Expression| {
        let back = produced.iter().any(|name| reads(subtrahend, name));
        let forth = match consumed {
            [] => !produced.iter().any(|name| reads(minuend, name)),
            _ => consumed.iter().any(|name| reads(minuend, name) && !reads(subtrahend, name)),
        };
        back && forth
    };
    find(law, &accept)
}

fn find(law: &Expression, accept: &impl Fn(&Expression, &Expression) -> bool) -> Option<Directions> {
    let Node::Call(function, arguments) = &law.node else { return None };
    let [left, right] = arguments.as_slice() else { return None };
    let difference = |minuend: &Expression, subtrahend: &Expression| {
        let directions = || Directions { forward: minuend.clone(), reverse: subtrahend.clone() };
        accept(minuend, subtrahend).then(directions)
    };
    let whole =
        |left: &Expression, right: &Expression| Expression::call(*function, vec![left.clone(), right.clone()], 0..0);
    match (function, &left.node, &right.node) {
        (Function::Subtract, ..) => difference(left, right),
        (Function::Add, Node::Call(Function::Negate, negated), _) => difference(right, &negated[0]),
        (Function::Add, _, Node::Call(Function::Negate, negated)) => difference(left, &negated[0]),
        (Function::Multiply | Function::Divide, ..) => {
            if let Some(part) = find(left, accept) {
                let (forward, reverse) = (whole(&part.forward, right), whole(&part.reverse, right));
                return Some(Directions { forward, reverse });
            }
            let part = find(right, accept).filter(|_| *function == Function::Multiply)?;
            Some(Directions { forward: whole(left, &part.forward), reverse: whole(left, &part.reverse) })
        }
        _ => None,
    }
}

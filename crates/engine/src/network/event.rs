//! Events: what sets them off, and what they assign.

use crate::expression::{Expression, Function, Node, Program};

/// Assignments made at a time or when a condition becomes true.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub trigger: Trigger,
    /// Time between trigger and assignments.
    pub delay: Option<Program>,
    pub priority: Option<Program>,
    /// Whether new values are computed when the event is triggered, rather than when it is carried out.
    pub values_from_trigger_time: bool,
    /// (slot, new value), all computed from the values before the event.
    pub assignments: Vec<(usize, Program)>,
    /// Whether it comes from outside the network, and so before all that is due at the same time.
    pub imposed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Trigger {
    /// A time, computed from the parameters at the start.
    At {
        at: Program,
        /// The time until it comes again, and how many times it comes.
        every: Option<[Program; 2]>,
    },
    When {
        condition: Program,
        /// The comparisons of the condition that time alone may turn.
        clocks: Vec<Clock>,
        /// What the condition counts as before the start.
        initially: bool,
        /// Whether a triggered event stays so when its condition ceases to hold.
        persistent: bool,
    },
}

impl Event {
    /// Whether the time at which the condition turns may change with any reaction.
    pub fn is_moving(&self) -> bool {
        matches!(&self.trigger, Trigger::When { clocks, .. } if clocks.iter().any(|clock| clock.of_species))
    }
}

/// A comparison with time in it, such as `time >= 5`.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Left side minus right side: the comparison turns where this passes 0.
    pub gap: Program,
    pub comparison: Program,
    /// Whether species have a part in it too.
    pub of_species: bool,
}

/// The comparisons within a condition in which `timed` names occur.
pub(super) fn clocks(
    condition: &Expression,
    timed: &impl Fn(&str) -> bool,
    compile: &impl Fn(&Expression) -> Option<Program>,
    of_species: &impl Fn(&Program) -> bool,
) -> Vec<Clock> {
    let mut any = false;
    condition.names(&mut |name, _| any |= timed(name));
    let Node::Call(function, arguments) = &condition.node else { return Vec::new() };
    if !any {
        return Vec::new();
    }
    match function {
        Function::Less
        | Function::LessEqual
        | Function::Greater
        | Function::GreaterEqual
        | Function::Equal
        | Function::NotEqual => {
            let gap = Expression::call(Function::Subtract, arguments.clone(), 0..0);
            let found = compile(&gap).zip(compile(condition));
            found.map(|(gap, comparison)| Clock { of_species: of_species(&gap), gap, comparison }).into_iter().collect()
        }
        _ => arguments.iter().flat_map(|argument| clocks(argument, timed, compile, of_species)).collect(),
    }
}

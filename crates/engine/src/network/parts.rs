//! The parts of a network before they are checked, as files and code give them.

use std::ops::Range;

use super::Basis;
use super::lesions::Lesions;
use super::therapies::{ArmPart, Therapy};
use super::variation::Law;

/// A piece of text of a model, and where in the model's file it begins (not known for text with escapes or built in
/// code).
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub value: String,
    pub span: Option<Range<usize>>,
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self { value: value.to_owned(), span: None }
    }
}

#[derive(Clone)]
pub(crate) struct SpeciesPart {
    pub name: Text,
    /// Over parameters, rules and the initial values of other species.
    pub initial: Text,
    /// Of a continuous variable, its change per unit of time; a count has none.
    pub rate: Option<Text>,
    pub unit: Text,
    pub description: String,
}

/// How a parameter varies: its law, and the spreads of it between groups and between the subjects of one.
#[derive(Clone)]
pub(crate) struct Varies {
    pub law: Law,
    pub groups: Option<Text>,
    pub subjects: Option<Text>,
}

#[derive(Clone, Default)]
pub(crate) struct ParameterPart {
    pub name: Text,
    pub value: f64,
    pub unit: Text,
    pub description: String,
    pub source: String,
    /// Whether it was measured, fitted or assumed.
    pub basis: Option<Basis>,
    /// Plausible values, from and to.
    pub range: Option<[f64; 2]>,
    /// How it varies between groups and subjects.
    pub varies: Option<Varies>,
}

#[derive(Clone)]
pub(crate) struct RulePart {
    pub name: Text,
    pub expression: Text,
    pub unit: Text,
    pub description: String,
}

#[derive(Clone)]
pub(crate) struct ReactionPart {
    pub name: String,
    pub equation: Text,
    pub rate: Text,
    pub stage: String,
}

/// A function for use in expressions.
#[derive(Clone)]
pub(crate) struct FunctionPart {
    pub name: Text,
    pub arguments: Vec<Text>,
    pub expression: Text,
}

/// What sets an event off.
#[derive(Clone)]
pub(crate) enum TriggerPart {
    /// A time, an expression over parameters; again after each interval until it has come so many times.
    At { at: Text, every: Option<[Text; 2]> },
    /// A condition that becomes true.
    When {
        condition: Text,
        /// What the condition counts as before the start: where true, the event waits for it to become false first.
        initially: bool,
        /// Whether the event comes even if the condition ceases to hold before it is carried out.
        persistent: bool,
    },
}

#[derive(Clone)]
pub(crate) struct EventPart {
    pub name: String,
    pub trigger: TriggerPart,
    /// Time between trigger and assignments.
    pub delay: Option<Text>,
    /// Of several events at the same time the one with the largest comes first.
    pub priority: Option<Text>,
    /// Whether new values are computed when the event is triggered, rather than when it is carried out.
    pub values_from_trigger_time: bool,
    pub set: Vec<(Text, Text)>,
    /// Whether it comes from another part.
    pub derived: bool,
}

/// The parts of a network, before they are checked.
///
/// ```
/// use metacascade_engine::Network;
/// let network = Network::builder("birth-death")
///     .species("X", "10")
///     .parameter("birth", 1.0)
///     .parameter("death", 0.6)
///     .reaction("X -> 2 X", "birth * X")
///     .reaction("X ->", "death * X")
///     .build()?;
/// assert_eq!(network.reactions().len(), 2);
/// # Ok::<(), metacascade_engine::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct Builder {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) time_unit: Text,
    pub(crate) species: Vec<SpeciesPart>,
    pub(crate) parameters: Vec<ParameterPart>,
    pub(crate) rules: Vec<RulePart>,
    pub(crate) reactions: Vec<ReactionPart>,
    pub(crate) events: Vec<EventPart>,
    pub(crate) functions: Vec<FunctionPart>,
    pub(crate) lesions: Vec<Lesions>,
    pub(crate) therapies: Vec<Therapy>,
    pub(crate) arms: Vec<ArmPart>,
    /// File name and source of a model that was read.
    pub(crate) file: Option<(String, String)>,
}

impl Builder {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: String::new(),
            description: String::new(),
            time_unit: "".into(),
            species: Vec::new(),
            parameters: Vec::new(),
            rules: Vec::new(),
            reactions: Vec::new(),
            events: Vec::new(),
            functions: Vec::new(),
            lesions: Vec::new(),
            therapies: Vec::new(),
            arms: Vec::new(),
            file: None,
        }
    }

    /// Adds a species with its initial count, a number or an expression over parameters.
    #[must_use]
    pub fn species(mut self, name: &str, initial: &str) -> Self {
        let (unit, description) = ("".into(), String::new());
        self.species.push(SpeciesPart { name: name.into(), initial: initial.into(), rate: None, unit, description });
        self
    }

    /// Adds a continuous variable with its initial value and its change per unit of time, both numbers or expressions.
    /// A rate of `0` makes a variable that events change.
    #[must_use]
    pub fn variable(mut self, name: &str, initial: &str, rate: &str) -> Self {
        let (unit, description, rate) = ("".into(), String::new(), Some(rate.into()));
        self.species.push(SpeciesPart { name: name.into(), initial: initial.into(), rate, unit, description });
        self
    }

    /// Adds a function for use in expressions, which replace its calls by its body.
    #[must_use]
    pub fn function(mut self, name: &str, arguments: &[&str], expression: &str) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.into()).collect();
        self.functions.push(FunctionPart { name: name.into(), arguments, expression: expression.into() });
        self
    }

    /// Adds a parameter with its default value.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: f64) -> Self {
        self.parameters.push(ParameterPart { name: name.into(), value, ..ParameterPart::default() });
        self
    }

    /// Adds an assignment rule.
    #[must_use]
    pub fn rule(mut self, name: &str, expression: &str) -> Self {
        let (unit, description) = ("".into(), String::new());
        self.rules.push(RulePart { name: name.into(), expression: expression.into(), unit, description });
        self
    }

    /// Adds a reaction such as `E -> H` with its propensity, in events per unit of time.
    #[must_use]
    pub fn reaction(mut self, equation: &str, rate: &str) -> Self {
        let (name, stage) = (equation.to_owned(), String::new());
        self.reactions.push(ReactionPart { name, equation: equation.into(), rate: rate.into(), stage });
        self
    }

    /// Adds an event: at the time `at` (an expression over parameters), each target takes its new value.
    #[must_use]
    pub fn event(self, at: &str, set: &[(&str, &str)]) -> Self {
        self.push_event(TriggerPart::At { at: at.into(), every: None }, set)
    }

    /// Adds an event: whenever `condition` becomes true, or is true at the start, each target takes its new value.
    #[must_use]
    pub fn event_when(self, condition: &str, set: &[(&str, &str)]) -> Self {
        let trigger = TriggerPart::When { condition: condition.into(), initially: false, persistent: true };
        self.push_event(trigger, set)
    }

    fn push_event(mut self, trigger: TriggerPart, set: &[(&str, &str)]) -> Self {
        let set = set.iter().map(|&(target, value)| (target.into(), value.into())).collect();
        let (name, delay, priority) = (String::new(), None, None);
        self.events.push(EventPart {
            name,
            trigger,
            delay,
            priority,
            values_from_trigger_time: true,
            set,
            derived: false,
        });
        self
    }
}

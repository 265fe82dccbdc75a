//! Reaction networks: what a model says, checked and compiled.

mod build;
mod check_units;
mod derivatives;
pub(crate) mod equation;
mod event;
mod format;
mod lesions;
mod parts;
mod plan;
mod protocol;
mod rate;
mod repeats;
mod subjects;
mod therapies;
mod to_toml;
mod toml;
mod variation;

use std::collections::{BTreeSet, HashMap};

pub(crate) use build::{MOST_PROBLEMS, expand};
pub(crate) use derivatives::Derivatives;
pub(crate) use event::{Clock, Event, Trigger};
pub use format::Format;
pub(crate) use lesions::Kind;
pub use lesions::Lesions;
pub use parts::Builder;
pub(crate) use parts::{
    EventPart, FunctionPart, ParameterPart, ReactionPart, RulePart, SpeciesPart, Text, TriggerPart,
};
pub(crate) use plan::{Firing, Group, LARGEST_GROUP, Plan};
pub use protocol::Intervention;
pub(crate) use rate::RateLaw;
pub(crate) use subjects::Variation;
pub use therapies::Therapy;
pub use variation::Law;

use crate::diagnostic::{Diagnostics, suggestion};
use crate::expression::{Dialect, ExpressionError, Program};

/// A species: something that is counted, or a continuous variable.
#[derive(Clone, Debug)]
pub struct Species {
    /// Its name in expressions.
    pub name: String,
    /// Unit of its count or value, as written in the model; may be empty.
    pub unit: String,
    /// What it is; may be empty.
    pub description: String,
    pub(crate) initial: Program,
    /// Change per unit of time of a continuous variable.
    pub(crate) rate: Option<Program>,
}

impl Species {
    /// Whether it is a continuous variable with a rate of change, rather than a count that reactions change.
    #[must_use]
    pub fn is_continuous(&self) -> bool {
        self.rate.is_some()
    }

    /// Whether it is a variable that nothing but events changes.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.is_continuous() && !self.moves()
    }

    /// Whether it changes by itself.
    pub(crate) fn moves(&self) -> bool {
        self.rate.as_ref().is_some_and(|rate| rate.constant() != Some(0.0))
    }
}

/// A parameter: a number that the model's user may set.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in expressions.
    pub name: String,
    /// Value unless set otherwise.
    pub value: f64,
    /// Unit, as written in the model; may be empty.
    pub unit: String,
    /// What it is; may be empty.
    pub description: String,
    /// Where the value is from; may be empty.
    pub source: String,
    /// Whether it was measured, fitted or assumed, where the model says so.
    pub basis: Option<Basis>,
    /// The least and the largest plausible value, where the model gives them.
    pub range: Option<[f64; 2]>,
}

/// How a value is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// It was measured.
    Measured,
    /// It was fitted to data.
    Fitted,
    /// It is an assumption.
    Assumed,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Measured, Self::Fitted, Self::Assumed];

    /// Its name, as model files have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Fitted => "fitted",
            Self::Assumed => "assumed",
        }
    }
}

/// An assignment rule: a name for an expression that holds at all times.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name in expressions.
    pub name: String,
    /// Unit, as written in the model; may be empty.
    pub unit: String,
    /// What it is; may be empty.
    pub description: String,
    pub(crate) program: Program,
}

/// A reaction: what it changes, and its propensity.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// Its name; the equation where the model gives none.
    pub name: String,
    /// Stoichiometry as written, such as `E -> H`.
    pub equation: String,
    /// Propensity as written, in events per unit of time.
    pub rate: String,
    /// Stage of the cascade it belongs to; may be empty.
    pub stage: String,
    /// Net change of each species it changes: (index of the species, change).
    pub changes: Vec<(usize, f64)>,
    /// Those of the changed species to whose counts the propensity is exactly proportional.
    pub(crate) proportional_to: Vec<usize>,
    pub(crate) law: RateLaw,
}

/// A named set of parameter values, such as the treatment of a group.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// The parameters it sets: (index of the parameter, value).
    pub set: Vec<(usize, f64)>,
}

/// A reaction network, checked and compiled; built by [`Network::from_toml`] or a [`Builder`].
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) time_unit: String,
    /// When trajectories begin.
    pub(crate) start: f64,
    pub(crate) species: Vec<Species>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) events: Vec<Event>,
    pub(crate) lesions: Vec<Kind>,
    /// Parameters that vary between groups or subjects.
    pub(crate) variations: Vec<Variation>,
    arms: Vec<Arm>,
    /// Species that are strengths of therapies.
    therapies: Vec<usize>,
    /// Rules in an order in which each comes after those it reads.
    pub(crate) rule_order: Vec<usize>,
    /// Those of them that depend on time or species, in the same order.
    pub(crate) moving_rules: Vec<usize>,
    /// Slots of species and rules in an order in which each comes after those its initial value reads.
    pub(crate) initial_order: Vec<usize>,
    pub(crate) plan: Plan,
    /// What each rule reads in the end, when the rules it reads are followed.
    roots: Vec<BTreeSet<usize>>,
    /// The slots that each reaction's propensity depends on, through rules too; ascending.
    pub(crate) reads: Vec<Vec<usize>>,
    slots: HashMap<String, usize>,
}

/// Slot of time among the values; the species' slots follow, then the parameters', then the rules'.
pub(crate) const TIME: usize = 0;

impl Network {
    /// Reads a model file.
    ///
    /// `file` is how messages name it.
    ///
    /// # Errors
    /// All mistakes of the file, each with its place.
    pub fn from_toml(source: &str, file: &str) -> Result<Self, Diagnostics> {
        Builder::from_toml(source, file)?.build()
    }

    /// A network to be built in code.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// The model's short name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model's title in words; may be empty.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the model describes; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The unit of time, such as `day`; may be empty.
    #[must_use]
    pub fn time_unit(&self) -> &str {
        &self.time_unit
    }

    /// All species, in the order of the model.
    #[must_use]
    pub fn species(&self) -> &[Species] {
        &self.species
    }

    /// All parameters, in the order of the model.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// All assignment rules, in the order of the model.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Rules that follow from parameters alone, one of which varies between groups or subjects at least: by its place in
    /// [`Network::rules`] each, with the places of those parameters in [`Network::varying`].
    #[must_use]
    pub fn individual_rules(&self) -> Vec<(usize, Vec<usize>)> {
        let first = 1 + self.species.len();
        let varying = |rule: usize| -> Vec<usize> {
            let reads = |one: &(usize, &Variation)| self.roots[rule].contains(&(first + one.1.parameter));
            self.variations.iter().enumerate().filter(reads).map(|(index, _)| index).collect()
        };
        let constant = (0..self.rules.len()).filter(|rule| !self.moving_rules.contains(rule));
        constant.map(|rule| (rule, varying(rule))).filter(|(_, varying)| !varying.is_empty()).collect()
    }

    /// Whether a rule, by its place in [`Network::rules`], follows from what is in a slot, by itself or through other rules.
    #[must_use]
    pub fn rule_follows_from(&self, rule: usize, slot: usize) -> bool {
        self.roots.get(rule).is_some_and(|roots| roots.contains(&slot))
    }

    /// All reactions, in the order of the model.
    #[must_use]
    pub fn reactions(&self) -> &[Reaction] {
        &self.reactions
    }

    /// Where a parameter stands in [`Network::parameters`].
    #[must_use]
    pub fn parameter_index(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.name == name)
    }

    /// Where a species stands in [`Network::species`].
    #[must_use]
    pub fn species_index(&self, name: &str) -> Option<usize> {
        self.species.iter().position(|species| species.name == name)
    }

    /// The parameters' values as the model gives them.
    #[must_use]
    pub fn default_parameters(&self) -> Vec<f64> {
        self.parameters.iter().map(|parameter| parameter.value).collect()
    }

    /// Names of the kinds of lesions, in the order of the model.
    pub fn lesions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lesions.iter().map(|kind| kind.name.as_str())
    }

    /// The kind of lesions, by its place in [`Network::lesions`], that a species is a symbol of.
    #[must_use]
    pub fn kind_of_lesions(&self, species: usize) -> Option<usize> {
        let slot = Self::species_slot(species);
        self.lesions.iter().position(|kind| kind.founded == slot || kind.is_symbol(slot))
    }

    /// The species that are strengths of therapies, by their places in [`Network::species`].
    #[must_use]
    pub fn therapies(&self) -> &[usize] {
        &self.therapies
    }

    /// The species that the propensity of a reaction depends on, through rules too; ascending.
    #[must_use]
    pub fn influences(&self, reaction: usize) -> Vec<usize> {
        let species = 1..=self.species.len();
        self.reads[reaction].iter().filter(|slot| species.contains(slot)).map(|slot| slot - 1).collect()
    }

    /// Whether some parameter varies between subjects.
    #[must_use]
    pub fn varies(&self) -> bool {
        !self.variations.is_empty()
    }

    /// All arms, in the order of the model.
    #[must_use]
    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// The parameters' values under an arm.
    #[must_use]
    pub fn arm(&self, name: &str) -> Option<Vec<f64>> {
        self.under_arms(&[name]).ok()
    }

    /// The parameters' values under several arms together; of arms that set the same parameter, the last wins.
    ///
    /// # Errors
    /// The first name that is no arm.
    pub fn under_arms<'n>(&self, names: &[&'n str]) -> Result<Vec<f64>, &'n str> {
        let mut values = self.default_parameters();
        for &name in names {
            let arm = self.arms.iter().find(|arm| arm.name == name).ok_or(name)?;
            arm.set.iter().for_each(|&(index, value)| values[index] = value);
        }
        Ok(values)
    }

    /// Every name an expression may use: `time`, species, parameters, rules, in the order of their slots.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        ["time"]
            .into_iter()
            .chain(self.species.iter().map(|species| species.name.as_str()))
            .chain(self.parameters.iter().map(|parameter| parameter.name.as_str()))
            .chain(self.rules.iter().map(|rule| rule.name.as_str()))
    }

    /// Where the value of a name stands among the values that a [`crate::Recorder`] is shown.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    /// How many values a [`crate::Recorder`] is shown.
    #[must_use]
    pub fn slots(&self) -> usize {
        1 + self.species.len() + self.parameters.len() + self.rules.len()
    }

    /// Compiles an expression over this network's symbols and `extra` names, whose slots follow the network's own.
    ///
    /// # Errors
    /// What is wrong with the expression, and where in it.
    pub fn compile(&self, expression: &str, extra: &[String]) -> Result<Program, ExpressionError> {
        self.compile_in(&Dialect::default(), expression, extra)
    }

    /// [`Network::compile`] for an expression in a dialect.
    ///
    /// # Errors
    /// As [`Network::compile`].
    pub fn compile_in(
        &self,
        dialect: &Dialect,
        expression: &str,
        extra: &[String],
    ) -> Result<Program, ExpressionError> {
        let slot = |name: &str| {
            self.slot(name).or_else(|| extra.iter().position(|known| known == name).map(|index| self.slots() + index))
        };
        let help = |name: &str| suggestion(name, self.symbols().chain(extra.iter().map(String::as_str)));
        Program::compile(&dialect.parse(expression)?, &slot, &help)
    }

    pub(crate) const fn species_slot(index: usize) -> usize {
        1 + index
    }

    pub(crate) fn rule_slot(&self, index: usize) -> usize {
        1 + self.species.len() + self.parameters.len() + index
    }
}

#[cfg(test)]
mod protocol_tests;
#[cfg(test)]
mod tests;

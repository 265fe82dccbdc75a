//! Builds a network from its parts: resolves names, checks, compiles, finds what depends on what.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::{Dependents, Network, Parameter, RateLaw, Reaction, Rule, Species, TIME, TimeEvent, equation};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, suggestion};
use crate::expression::{Expression, ExpressionError, Function, Node, Program, parse};

/// A piece of text of a model, and where in the model's file it begins (not known for text with escapes or built in
/// code).
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub value: String,
    pub span: Option<Range<usize>>,
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self { value: value.to_owned(), span: None }
    }
}

pub(super) struct SpeciesPart {
    pub name: Text,
    pub initial: Text,
    pub unit: Text,
    pub description: String,
}

pub(super) struct ParameterPart {
    pub name: Text,
    pub value: f64,
    pub unit: Text,
    pub description: String,
    pub source: String,
}

pub(super) struct RulePart {
    pub name: Text,
    pub expression: Text,
    pub unit: Text,
    pub description: String,
}

pub(super) struct ReactionPart {
    pub name: String,
    pub equation: Text,
    pub rate: Text,
    pub stage: String,
}

pub(super) struct EventPart {
    pub at: Text,
    pub set: Vec<(Text, Text)>,
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
pub struct Builder {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) time_unit: Text,
    pub(super) species: Vec<SpeciesPart>,
    pub(super) parameters: Vec<ParameterPart>,
    pub(super) rules: Vec<RulePart>,
    pub(super) reactions: Vec<ReactionPart>,
    pub(super) events: Vec<EventPart>,
    /// File name and source of a model that was read.
    pub(super) file: Option<(String, String)>,
}

impl Builder {
    pub(super) fn new(name: &str) -> Self {
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
            file: None,
        }
    }

    /// Adds a species with its initial count, a number or an expression over parameters.
    #[must_use]
    pub fn species(mut self, name: &str, initial: &str) -> Self {
        let (unit, description) = ("".into(), String::new());
        self.species.push(SpeciesPart { name: name.into(), initial: initial.into(), unit, description });
        self
    }

    /// Adds a parameter with its default value.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: f64) -> Self {
        let (unit, description, source) = ("".into(), String::new(), String::new());
        self.parameters.push(ParameterPart { name: name.into(), value, unit, description, source });
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
    pub fn event(mut self, at: &str, set: &[(&str, &str)]) -> Self {
        let set = set.iter().map(|&(target, value)| (target.into(), value.into())).collect();
        self.events.push(EventPart { at: at.into(), set });
        self
    }

    /// Checks and compiles the network.
    ///
    /// # Errors
    /// All mistakes, each with its place.
    pub fn build(self) -> Result<Network, Diagnostics> {
        let mut problems = Diagnostics::default();
        let slots = self.slots(&mut problems);
        let network = self.compile(slots, &mut problems);
        if problems.is_empty() {
            self.check_units(&network.rule_order, &mut problems);
        }
        problems.into_result(network)
    }

    pub(super) fn report(&self, problems: &mut Diagnostics, text: &Text, error: ExpressionError) {
        let (file, place) = match (&self.file, &text.span) {
            (Some((file, source)), Some(span)) => {
                // Escapes in the text make offsets unknown: underline all of it then.
                let exact = source.get(span.clone()) == Some(text.value.as_str());
                let inner = span.start + error.span.start..span.start + error.span.end;
                (file.clone(), Place::in_source(source, if exact { inner } else { span.clone() }))
            }
            _ => (self.name.clone(), Place::in_source(&text.value, error.span)),
        };
        problems.0.push(Diagnostic {
            message: error.message,
            file,
            place: Some(place),
            label: String::new(),
            help: error.help,
        });
    }

    /// Gives each name its slot: time, species, parameters, rules.
    fn slots(&self, problems: &mut Diagnostics) -> HashMap<String, usize> {
        let mut slots = HashMap::from([("time".to_owned(), TIME)]);
        let names = self.species.iter().map(|part| &part.name);
        let names = names.chain(self.parameters.iter().map(|part| &part.name));
        for (index, name) in names.chain(self.rules.iter().map(|part| &part.name)).enumerate() {
            let text = &name.value;
            let whole = 0..text.len();
            let valid = text.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !valid {
                let error = ExpressionError::new(format!("`{text}` cannot be a name in expressions"), whole.clone())
                    .help("names are letters, digits and `_`, and begin with a letter");
                self.report(problems, name, error);
            }
            if Function::ALL.iter().any(|function| function.text() == text) || text == "mass_action" {
                let error = ExpressionError::new(format!("`{text}` is the name of a function"), whole.clone());
                self.report(problems, name, error.help("choose another name"));
            }
            if slots.insert(text.clone(), 1 + index).is_some() {
                let message = match text.as_str() {
                    "time" => "`time` is always there and cannot be declared".to_owned(),
                    _ => format!("`{text}` is declared twice"),
                };
                let error = ExpressionError::new(message, whole);
                self.report(problems, name, error.help("species, parameters and rules share one set of names"));
            }
        }
        slots
    }

    fn compile(&self, slots: HashMap<String, usize>, problems: &mut Diagnostics) -> Network {
        let first_parameter = 1 + self.species.len();
        let first_rule = first_parameter + self.parameters.len();
        let varies = |slot: usize| slot < first_parameter || slot >= first_rule;
        let slot = |name: &str| slots.get(name).copied();
        let parameter = |name: &str| slot(name).filter(|&slot| !varies(slot));
        let known = |name: &str| suggestion(name, slots.keys().map(String::as_str).collect::<BTreeSet<_>>());
        let fixed = |name: &str| match slot(name) {
            Some(_) => Some("only parameters are known before the simulation starts".to_owned()),
            None => known(name),
        };
        let mut program = |text: &Text, at_start: bool| {
            let compiled = parse(&text.value).and_then(|expression| match at_start {
                true => Program::compile(&expression, &parameter, &fixed),
                false => Program::compile(&expression, &slot, &known),
            });
            compiled.unwrap_or_else(|error| {
                self.report(problems, text, error);
                Program::zero()
            })
        };

        let species = self.species.iter().map(|part| Species {
            name: part.name.value.clone(),
            unit: part.unit.value.clone(),
            description: part.description.clone(),
            initial: program(&part.initial, true),
        });
        let species: Vec<Species> = species.collect();
        let rules = self.rules.iter().map(|part| Rule {
            name: part.name.value.clone(),
            unit: part.unit.value.clone(),
            description: part.description.clone(),
            program: program(&part.expression, false),
        });
        let rules: Vec<Rule> = rules.collect();
        let mut events = Vec::new();
        for part in &self.events {
            let at = program(&part.at, true);
            let assignments =
                part.set.iter().map(|(target, value)| (slot(&target.value).unwrap_or(TIME), program(value, false)));
            events.push(TimeEvent { at, assignments: assignments.collect() });
        }
        for (part, species) in self.species.iter().zip(&species) {
            if let Some(count) = species.initial.constant().filter(|count| !count.is_finite() || *count < 0.0) {
                let error = ExpressionError::new(format!("a count cannot be {count}"), 0..part.initial.value.len());
                self.report(problems, &part.initial, error.help("initial counts are 0 or more"));
            }
        }
        for (target, _) in self.events.iter().flat_map(|part| &part.set) {
            let whole = 0..target.value.len();
            match slot(&target.value) {
                Some(slot) if slot != TIME && slot < first_rule => {}
                Some(_) => {
                    let error = ExpressionError::new(format!("an event cannot set `{}`", target.value), whole);
                    self.report(problems, target, error.help("events set species and parameters"));
                }
                None => {
                    let mut error = ExpressionError::new(format!("unknown name `{}`", target.value), whole);
                    error.help = known(&target.value);
                    self.report(problems, target, error);
                }
            }
        }
        let rule_order = self.order_rules(&rules, first_rule, problems);

        let roots = rule_roots(&rules, &rule_order, first_rule);
        let mut reactions = Vec::new();
        for part in &self.reactions {
            let equation = equation::parse(&part.equation.value).unwrap_or_else(|error| {
                self.report(problems, &part.equation, error);
                equation::Equation::default()
            });
            let mut changes: Vec<(usize, f64)> = Vec::new();
            let mut reactants = Vec::new();
            let sides = equation.reactants.iter().map(|p| (p, -1.0));
            for (participant, sign) in sides.chain(equation.products.iter().map(|p| (p, 1.0))) {
                let Some(index) = self.species.iter().position(|part| part.name.value == participant.name) else {
                    let message = match slot(&participant.name) {
                        Some(_) => format!("`{}` is not a species", participant.name),
                        None => format!("unknown species `{}`", participant.name),
                    };
                    let mut error = ExpressionError::new(message, participant.span.clone());
                    error.help =
                        suggestion(&participant.name, self.species.iter().map(|part| part.name.value.as_str()))
                            .or_else(|| Some("declare it under [species]".to_owned()));
                    self.report(problems, &part.equation, error);
                    continue;
                };
                let change = sign * f64::from(participant.count);
                match changes.iter_mut().find(|(species, _)| *species == index) {
                    Some((_, total)) => *total += change,
                    None => changes.push((index, change)),
                }
                if sign < 0.0 {
                    reactants.push((participant.name.as_str(), participant.count));
                }
            }
            changes.retain(|&(_, change)| change != 0.0);
            let expression = parse(&part.rate.value).map(|expression| expand(expression, &reactants));
            let proportional_to = changes.iter().map(|&(species, _)| species).filter(|&species| {
                let own = Network::species_slot(species);
                let independent = |name: &str| match slot(name) {
                    Some(slot) if slot >= first_rule => !roots[slot - first_rule].contains(&own),
                    other => other != Some(own),
                };
                let is_own = |name: &str| slot(name) == Some(own);
                expression.as_ref().is_ok_and(|expression| expression.is_proportional(&is_own, &independent))
            });
            let proportional_to = proportional_to.collect();
            let law = expression.and_then(|expression| RateLaw::compile(&expression, &slot, &known, &varies));
            let law = law.unwrap_or_else(|error| {
                self.report(problems, &part.rate, error);
                RateLaw::General(Program::zero())
            });
            reactions.push(Reaction {
                name: part.name.clone(),
                equation: part.equation.value.clone(),
                rate: part.rate.value.clone(),
                stage: part.stage.clone(),
                changes,
                proportional_to,
                law,
            });
        }
        let parameters = self.parameters.iter().map(|part| Parameter {
            name: part.name.value.clone(),
            value: part.value,
            unit: part.unit.value.clone(),
            description: part.description.clone(),
            source: part.source.clone(),
        });
        let mut network = Network {
            name: self.name.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            time_unit: self.time_unit.value.clone(),
            species,
            parameters: parameters.collect(),
            rules,
            reactions,
            events,
            rule_order,
            dependents: Vec::new(),
            reads: Vec::new(),
            slots,
        };
        network.find_dependents(&roots);
        network
    }

    /// An order in which each rule comes after those it reads.
    fn order_rules(&self, rules: &[Rule], first: usize, problems: &mut Diagnostics) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        let mut waiting: Vec<usize> = (0..rules.len()).collect();
        while !waiting.is_empty() {
            let ready = |&rule: &usize| {
                rules[rule].program.reads().iter().all(|&slot| slot < first || order.contains(&(slot - first)))
            };
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
            if now.is_empty() {
                let names: Vec<_> = later.iter().map(|&rule| format!("`{}`", rules[rule].name)).collect();
                let text = &self.rules[later[0]].expression;
                let message = format!("the rules {} define each other in a circle", names.join(", "));
                self.report(problems, text, ExpressionError::new(message, 0..text.value.len()));
                break;
            }
            order.extend(now);
            waiting = later;
        }
        order
    }
}

/// Replaces `mass_action(k)` by k times the falling factorial of each reactant (Gillespie 1977, section III).
fn expand(expression: Expression, reactants: &[(&str, u32)]) -> Expression {
    let Expression { node, span } = expression;
    match node {
        Node::MassAction(constant) => {
            let mut product = expand(*constant, reactants);
            for &(name, count) in reactants {
                for offset in 0..count {
                    let factor = match offset {
                        0 => Expression::name(name),
                        _ => Expression::call(
                            Function::Subtract,
                            vec![Expression::name(name), Expression::number(f64::from(offset))],
                            0..0,
                        ),
                    };
                    product = Expression::call(Function::Multiply, vec![product, factor], span.clone());
                }
            }
            product
        }
        Node::Call(function, arguments) => {
            let arguments = arguments.into_iter().map(|argument| expand(argument, reactants)).collect();
            Expression { node: Node::Call(function, arguments), span }
        }
        node => Expression { node, span },
    }
}

/// What each rule reads in the end, when the rules it reads are followed.
fn rule_roots(rules: &[Rule], order: &[usize], first_rule: usize) -> Vec<BTreeSet<usize>> {
    let mut roots = vec![BTreeSet::new(); rules.len()];
    for &rule in order {
        roots[rule] = follow(rules[rule].program.reads(), &roots, first_rule);
    }
    roots
}

fn follow(slots: &[usize], roots: &[BTreeSet<usize>], first_rule: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for &slot in slots {
        match slot.checked_sub(first_rule) {
            Some(rule) => found.extend(&roots[rule]),
            None => _ = found.insert(slot),
        }
    }
    found
}

impl Network {
    fn find_dependents(&mut self, roots: &[BTreeSet<usize>]) {
        let first_rule = self.rule_slot(0);
        let reads = self.reactions.iter().map(|reaction| follow(&reaction.law.reads(), roots, first_rule));
        self.reads = reads.map(|slots| slots.into_iter().collect()).collect();
        let of = |reaction: &Reaction| {
            let changed: Vec<usize> =
                reaction.changes.iter().map(|&(species, _)| Self::species_slot(species)).collect();
            let rules = self.rule_order.iter().copied().filter(|&rule| changed.iter().any(|s| roots[rule].contains(s)));
            let reactions = (0..self.reactions.len())
                .filter(|&other| changed.iter().any(|slot| self.reads[other].binary_search(slot).is_ok()));
            Dependents { rules: rules.collect(), reactions: reactions.collect() }
        };
        self.dependents = self.reactions.iter().map(of).collect();
    }
}

//! Builds a network from its parts: resolves names, checks, compiles, finds what depends on what.

use std::collections::{BTreeSet, HashMap};

use super::event::{Event, Trigger, clocks};
use super::parts::{Builder, Text, TriggerPart};
use super::plan::Plan;
use super::{Network, Parameter, RateLaw, Reaction, Rule, Species, TIME, equation};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, suggestion};
use crate::expression::{Expression, ExpressionError, Function, Functions, Node, Program, parse_with};

/// Problems after which no more are collected: finding the place of each costs a look at the whole file.
pub(crate) const MOST_PROBLEMS: usize = 100;

impl Builder {
    /// Checks and compiles the network.
    ///
    /// # Errors
    /// All mistakes, each with its place.
    pub fn build(&self) -> Result<Network, Diagnostics> {
        let mut problems = Diagnostics::default();
        let slots = self.slots(&mut problems);
        let functions = self.functions(&mut problems);
        let mut network = self.compile(slots, &functions, &mut problems);
        self.check_lesion_targets(&mut problems);
        self.compile_subjects(&mut network, &functions, &mut problems);
        self.compile_lesions(&mut network, &functions, &mut problems);
        if problems.is_empty() {
            self.check_units(&network.rule_order, &functions, &mut problems);
            network.plan = Plan::new(&network);
        }
        problems.into_result(network)
    }

    /// The functions that the model defines; each may use those above it.
    pub(crate) fn functions(&self, problems: &mut Diagnostics) -> Functions {
        let mut functions = Functions::new();
        for part in &self.functions {
            self.check_name(&part.name, problems);
            part.arguments.iter().for_each(|argument| self.check_name(argument, problems));
            let names: Vec<String> = part.arguments.iter().map(|argument| argument.value.clone()).collect();
            let body = parse_with(&part.expression.value, &functions).and_then(|body| {
                let mut stranger = None;
                body.names(&mut |name, span| {
                    if !names.iter().any(|known| known == name) {
                        stranger.get_or_insert((name.to_owned(), span.clone()));
                    }
                });
                match stranger {
                    None => Ok(body),
                    Some((name, span)) => Err(ExpressionError::new(format!("`{name}` is not an argument"), span)
                        .help("functions know their arguments only; pass it as one")),
                }
            });
            match body {
                Ok(body) => _ = functions.insert(part.name.value.clone(), (names, body)),
                Err(error) => self.report(problems, &part.expression, error),
            }
        }
        functions
    }

    pub(crate) fn report(&self, problems: &mut Diagnostics, text: &Text, error: ExpressionError) {
        if problems.0.len() >= MOST_PROBLEMS {
            return;
        }
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
    pub(super) fn slots(&self, problems: &mut Diagnostics) -> HashMap<String, usize> {
        let mut slots = HashMap::from([("time".to_owned(), TIME)]);
        let names = self.species.iter().map(|part| &part.name);
        let names = names.chain(self.parameters.iter().map(|part| &part.name));
        for (index, name) in names.chain(self.rules.iter().map(|part| &part.name)).enumerate() {
            let text = &name.value;
            let whole = 0..text.len();
            self.check_name(name, problems);
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

    fn check_name(&self, name: &Text, problems: &mut Diagnostics) {
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
            let error = ExpressionError::new(format!("`{text}` is the name of a function"), whole);
            self.report(problems, name, error.help("choose another name"));
        }
    }

    pub(super) fn compile(
        &self,
        slots: HashMap<String, usize>,
        functions: &Functions,
        problems: &mut Diagnostics,
    ) -> Network {
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
        let parse = |text: &Text| parse_with(&text.value, functions);
        let mut program = |text: &Text, at_start: bool| {
            let compiled = parse(text).and_then(|expression| match at_start {
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
            initial: program(&part.initial, false),
            rate: part.rate.as_ref().map(|rate| program(rate, false)),
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
            let trigger = match &part.trigger {
                TriggerPart::At { at, every } => Trigger::At {
                    at: program(at, true),
                    every: every.as_ref().map(|every| every.each_ref().map(|text| program(text, true))),
                },
                TriggerPart::When { condition, initially, persistent } => Trigger::When {
                    condition: program(condition, false),
                    clocks: Vec::new(),
                    initially: *initially,
                    persistent: *persistent,
                },
            };
            let delay = part.delay.as_ref().map(|delay| program(delay, false));
            let priority = part.priority.as_ref().map(|priority| program(priority, false));
            let assignments =
                part.set.iter().map(|(target, value)| (slot(&target.value).unwrap_or(TIME), program(value, false)));
            events.push(Event {
                trigger,
                delay,
                priority,
                values_from_trigger_time: part.values_from_trigger_time,
                assignments: assignments.collect(),
                imposed: false,
            });
        }
        events.extend(self.lesions.iter().filter_map(|part| Self::founding_event(part, &slot)));
        for (part, species) in self.species.iter().zip(&species) {
            let bad = |count: &f64| !count.is_finite() || (*count < 0.0 && !species.is_continuous());
            if let Some(count) = species.initial.constant().filter(bad) {
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
        let initial_order = self.order_initial(&species, &rules, first_rule, problems);

        let roots = rule_roots(&rules, &rule_order, first_rule);
        for (part, event) in self.events.iter().zip(&mut events) {
            if let (TriggerPart::When { condition, .. }, Trigger::When { clocks: found, .. }) =
                (&part.trigger, &mut event.trigger)
            {
                let timed = |name: &str| match slot(name) {
                    Some(slot) if slot >= first_rule => roots[slot - first_rule].contains(&TIME),
                    other => other == Some(TIME),
                };
                let compile = |part: &Expression| Program::compile(part, &slot, &known).ok();
                let of_species = |program: &Program| {
                    let still = |slot: usize| species[slot - 1].is_continuous() && !species[slot - 1].moves();
                    let reads = follow(program.reads(), &roots, first_rule);
                    reads.iter().any(|&slot| (1..first_parameter).contains(&slot) && !still(slot))
                };
                let all = parse(condition).map(|condition| clocks(&condition, &timed, &compile, &of_species));
                *found = all.unwrap_or_default();
            }
        }
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
                let founds = self.is_lesions(&participant.name).filter(|_| sign > 0.0);
                let founded = founds.map(|kind| format!("{}_founded", self.lesions[kind].name.value));
                let name = founded.as_ref().unwrap_or(&participant.name);
                let lost = sign < 0.0 && self.is_lesions(name).is_some();
                let index = slot(name).filter(|_| !lost).filter(|&slot| slot != TIME && slot < first_parameter);
                let Some(index) = index.map(|slot| slot - 1) else {
                    let message = match slot(&participant.name) {
                        Some(_) if self.is_lesions(&participant.name).is_some() => {
                            format!("`{}` are lesions, which reactions only found", participant.name)
                        }
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
            if let Some(&(index, _)) = changes.iter().find(|&&(index, _)| species[index].is_continuous()) {
                let message = format!("`{}` is continuous and cannot be changed by a reaction", species[index].name);
                let error = ExpressionError::new(message, 0..part.equation.value.len());
                self.report(problems, &part.equation, error.help("let its own rate change it, or make it a count"));
            }
            let expression = parse(&part.rate).map(|expression| expand(expression, &reactants));
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
            basis: part.basis,
            range: part.range,
        });
        let mut network = Network {
            name: self.name.clone(),
            title: self.title.clone(),
            description: self.description.clone(),
            time_unit: self.time_unit.value.clone(),
            start: 0.0,
            species,
            parameters: parameters.collect(),
            rules,
            reactions,
            events,
            lesions: Vec::new(),
            variations: Vec::new(),
            arms: Vec::new(),
            therapies: Vec::new(),
            moving_rules: rule_order
                .iter()
                .copied()
                .filter(|&rule| roots[rule].iter().any(|slot| *slot < first_parameter))
                .collect(),
            rule_order,
            initial_order,
            plan: Plan::default(),
            reads: Vec::new(),
            roots,
            slots,
        };
        let reads = network.reactions.iter().map(|reaction| network.follow(&reaction.law.reads()));
        network.reads = reads.collect();
        network
    }

    /// Slots of species and rules in an order in which each comes after those its initial value reads.
    fn order_initial(
        &self,
        species: &[Species],
        rules: &[Rule],
        first_rule: usize,
        problems: &mut Diagnostics,
    ) -> Vec<usize> {
        let is_parameter = |slot: usize| slot == TIME || (slot > species.len() && slot < first_rule);
        let reads = |slot: usize| match slot.checked_sub(first_rule) {
            Some(rule) => rules[rule].program.reads(),
            None => species[slot - 1].initial.reads(),
        };
        let mut known: BTreeSet<usize> = BTreeSet::new();
        let mut order = Vec::new();
        let mut waiting: Vec<usize> = (1..=species.len()).chain(first_rule..first_rule + rules.len()).collect();
        while !waiting.is_empty() {
            let ready = |&slot: &usize| reads(slot).iter().all(|read| is_parameter(*read) || known.contains(read));
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
            if now.is_empty() {
                // A circle of rules alone has been reported.
                if let Some(&slot) = later.iter().find(|slot| **slot < first_rule) {
                    let text = &self.species[slot - 1].initial;
                    let message = format!("the initial value of `{}` depends on itself", species[slot - 1].name);
                    self.report(problems, text, ExpressionError::new(message, 0..text.value.len()));
                }
                break;
            }
            known.extend(&now);
            order.extend(now);
            waiting = later;
        }
        order
    }

    /// An order in which each rule comes after those it reads.
    fn order_rules(&self, rules: &[Rule], first: usize, problems: &mut Diagnostics) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        let mut ordered = vec![false; rules.len()];
        let mut waiting: Vec<usize> = (0..rules.len()).collect();
        while !waiting.is_empty() {
            let ready =
                |&rule: &usize| rules[rule].program.reads().iter().all(|&slot| slot < first || ordered[slot - first]);
            let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
            if now.is_empty() {
                let names: Vec<_> = later.iter().map(|&rule| format!("`{}`", rules[rule].name)).collect();
                let text = &self.rules[later[0]].expression;
                let message = format!("the rules {} define each other in a circle", names.join(", "));
                self.report(problems, text, ExpressionError::new(message, 0..text.value.len()));
                break;
            }
            now.iter().for_each(|&rule| ordered[rule] = true);
            order.extend(now);
            waiting = later;
        }
        order
    }
}

/// Replaces `mass_action(k)` by k times the falling factorial of each reactant (Gillespie 1977, section III).
pub(crate) fn expand(expression: Expression, reactants: &[(&str, u32)]) -> Expression {
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
        Node::Defined(name, arguments) => {
            let arguments = arguments.into_iter().map(|argument| expand(argument, reactants)).collect();
            Expression { node: Node::Defined(name, arguments), span }
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
    /// The time, species and parameters that these slots depend on, through rules too; ascending.
    pub(crate) fn follow(&self, slots: &[usize]) -> Vec<usize> {
        let first_rule = self.rule_slot(0);
        if slots.iter().all(|slot| *slot < first_rule) {
            let mut found = slots.to_vec();
            found.sort_unstable();
            found.dedup();
            return found;
        }
        follow(slots, &self.roots, first_rule).into_iter().collect()
    }
}

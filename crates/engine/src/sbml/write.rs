//! Writes a network as SBML Level 3 Version 2.

use std::collections::BTreeSet;

use super::mathml::MathMl;
use super::names::Ids;
use super::notes::{SOURCE, STAGE};
use super::units::Definitions;
use super::xml::Xml;
use crate::diagnostic::Diagnostics;
use crate::expression::{Expression, ExpressionError, Function, Functions, Program, parse_calls, parse_with};

use crate::network::{Builder, SpeciesPart, Text, TriggerPart, equation, expand};

struct Writer<'b> {
    builder: &'b Builder,
    functions: Functions,
    ids: Ids,
    units: Definitions,
    xml: Xml,
    problems: Diagnostics,
}

/// See [`Builder::to_sbml`].
pub(super) fn write(builder: &Builder) -> Result<String, Diagnostics> {
    builder.build()?;
    let builder = &builder.without_repeats();
    let names = builder.functions.iter().map(|part| part.name.value.as_str());
    let names = names.chain(builder.species.iter().map(|part| part.name.value.as_str()));
    let names = names.chain(builder.parameters.iter().map(|part| part.name.value.as_str()));
    let names = names.chain(builder.rules.iter().map(|part| part.name.value.as_str()));
    let mut problems = Diagnostics::default();
    for part in &builder.lesions {
        let whole = 0..part.name.value.len();
        let error = ExpressionError::new(format!("lesions of `{}` have no place in SBML", part.name.value), whole);
        builder.report(&mut problems, &part.name, error.help("SBML knows no individuals; make them a species"));
    }
    for part in &builder.parameters {
        if part.varies.is_some() {
            let whole = 0..part.name.value.len();
            let error =
                ExpressionError::new(format!("`{}` varies between subjects, SBML knows one", part.name.value), whole);
            builder.report(
                &mut problems,
                &part.name,
                error.help("remove `varies`, and vary it where the model is used"),
            );
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let functions = builder.functions(&mut problems);
    let (ids, units) = (Ids::new(names), Definitions::default());
    let writer = Writer { builder, functions, ids, units, xml: Xml::new(), problems };
    writer.document()
}

impl Writer<'_> {
    fn document(mut self) -> Result<String, Diagnostics> {
        let builder = self.builder;
        let written = builder.parameters.iter().map(|part| &part.unit);
        let written = written.chain(builder.species.iter().map(|part| &part.unit));
        for unit in written.chain(builder.rules.iter().map(|part| &part.unit)).chain([&builder.time_unit]) {
            self.units.add(&unit.value);
        }
        let time_unit = self.units.id(&builder.time_unit.value);
        let title = if builder.title.is_empty() { &builder.name } else { &builder.title };
        self.xml.open(
            "sbml",
            &[("xmlns", "http://www.sbml.org/sbml/level3/version2/core"), ("level", "3"), ("version", "2")],
        );
        let id = self.ids.fresh(&builder.name);
        let attributes = [
            ("id", id.as_str()),
            ("name", if *title == id { "" } else { title.as_str() }),
            ("substanceUnits", "item"),
            ("timeUnits", &time_unit),
            ("volumeUnits", "dimensionless"),
            ("extentUnits", "item"),
        ];
        self.xml.open("model", &attributes);
        self.xml.notes(&[&builder.description]);
        self.function_definitions();
        self.units.write(&mut self.xml);
        let species = self.species_among(&builder.species);
        let compartment = self.ids.fresh("compartment");
        if !species.is_empty() {
            self.xml.open("listOfCompartments", &[]);
            let size = [("spatialDimensions", "3"), ("size", "1"), ("constant", "true")];
            self.xml.empty("compartment", &[&[("id", compartment.as_str())], &size[..]].concat());
            self.xml.close();
        }
        self.all_species(&species, &compartment);
        self.parameters(&species);
        self.initial_assignments();
        self.rules();
        self.reactions(&species);
        self.events();
        let Self { xml, problems, .. } = self;
        problems.into_result(xml.finish())
    }

    /// Parses a text; it has been parsed before, so that mistakes are not expected.
    fn parse(&mut self, text: &Text) -> Expression {
        parse_calls(&text.value, &self.functions).unwrap_or_else(|error| {
            self.builder.report(&mut self.problems, text, error);
            Expression::number(0.0)
        })
    }

    fn math(&self, expression: &Expression) -> String {
        MathMl { id: &|name| self.ids.id(name), arguments: &[] }.value(expression)
    }

    /// The formula of a text.
    fn value(&mut self, text: &Text) -> String {
        let expression = self.parse(text);
        self.math(&expression)
    }

    /// The number that a text is, if it reads nothing.
    fn constant(&mut self, text: &Text) -> Option<f64> {
        let expression = parse_with(&text.value, &self.functions).ok()?;
        Program::compile(&expression, &|_| None, &|_| None).ok()?.constant()
    }

    /// A name where it says more than the id.
    fn name_beside<'n>(id: &str, name: &'n str) -> &'n str {
        if id == name { "" } else { name }
    }

    fn function_definitions(&mut self) {
        let functions = &self.builder.functions;
        if functions.is_empty() {
            return;
        }
        self.xml.open("listOfFunctionDefinitions", &[]);
        for part in functions {
            let body = self.parse(&part.expression);
            let arguments: Vec<String> = part.arguments.iter().map(|argument| argument.value.clone()).collect();
            let own = Ids::new(part.arguments.iter().map(|argument| argument.value.as_str()));
            let id =
                |name: &str| if arguments.iter().any(|own| own == name) { own.id(name) } else { self.ids.id(name) };
            let math = MathMl { id: &id, arguments: &arguments }.lambda(&body);
            let id = self.ids.id(&part.name.value);
            let name = Self::name_beside(&id, &part.name.value);
            self.xml.open("functionDefinition", &[("id", &id), ("name", name)]);
            self.xml.raw(&math);
            self.xml.close();
        }
        self.xml.close();
    }

    /// Which of these are written as species: counts, and variables that some equation names.
    fn species_among(&self, parts: &[SpeciesPart]) -> BTreeSet<String> {
        let equations = self.builder.reactions.iter().filter_map(|part| equation::parse(&part.equation.value).ok());
        let in_equations: BTreeSet<String> = equations
            .flat_map(|equation| equation.reactants.into_iter().chain(equation.products))
            .map(|participant| participant.name)
            .collect();
        let is_species = |part: &&SpeciesPart| part.rate.is_none() || in_equations.contains(&part.name.value);
        parts.iter().filter(is_species).map(|part| part.name.value.clone()).collect()
    }

    fn all_species(&mut self, species: &BTreeSet<String>, compartment: &str) {
        if species.is_empty() {
            return;
        }
        self.xml.open("listOfSpecies", &[]);
        for part in self.builder.species.iter().filter(|part| species.contains(&part.name.value)) {
            let id = self.ids.id(&part.name.value);
            let unit = self.units.substance(&part.unit.value);
            let amount = self.constant(&part.initial).map(|amount| Expression::number(amount).to_string());
            let attributes = [
                ("id", id.as_str()),
                ("name", Self::name_beside(&id, &part.name.value)),
                ("compartment", compartment),
                ("initialAmount", amount.as_deref().unwrap_or_default()),
                ("substanceUnits", &unit),
                ("hasOnlySubstanceUnits", "true"),
                // Reactions leave continuous variables as they are.
                ("boundaryCondition", if part.rate.is_some() { "true" } else { "false" }),
                ("constant", "false"),
            ];
            self.element("species", &attributes, &[&part.description]);
        }
        self.xml.close();
    }

    /// An element with nothing in it but notes.
    fn element(&mut self, name: &'static str, attributes: &[(&str, &str)], notes: &[&str]) {
        if notes.iter().all(|text| text.trim().is_empty()) {
            self.xml.empty(name, attributes);
            return;
        }
        self.xml.open(name, attributes);
        self.xml.notes(notes);
        self.xml.close();
    }

    /// Parameters, continuous variables, and what rules determine.
    fn parameters(&mut self, species: &BTreeSet<String>) {
        let builder = self.builder;
        let set: BTreeSet<&str> =
            builder.events.iter().flat_map(|event| &event.set).map(|(target, _)| target.value.as_str()).collect();
        let variables: Vec<_> = builder.species.iter().filter(|part| !species.contains(&part.name.value)).collect();
        if builder.parameters.is_empty() && builder.rules.is_empty() && variables.is_empty() {
            return;
        }
        self.xml.open("listOfParameters", &[]);
        let source = |text: &str| if text.is_empty() { String::new() } else { format!("{SOURCE}{text}") };
        for part in &builder.parameters {
            let value = Expression::number(part.value).to_string();
            let constant = if set.contains(part.name.value.as_str()) { "false" } else { "true" };
            let source = source(&part.source);
            self.parameter(&part.name, &value, &part.unit, constant, &[&part.description, &source]);
        }
        for part in variables {
            let value = self.constant(&part.initial).map(|value| Expression::number(value).to_string());
            let value = value.unwrap_or_default();
            self.parameter(&part.name, &value, &part.unit, "false", &[&part.description]);
        }
        for part in &builder.rules {
            self.parameter(&part.name, "", &part.unit, "false", &[&part.description]);
        }
        self.xml.close();
    }

    fn parameter(&mut self, name: &Text, value: &str, unit: &Text, constant: &str, notes: &[&str]) {
        let (id, unit) = (self.ids.id(&name.value), self.units.id(&unit.value));
        let beside = Self::name_beside(&id, &name.value);
        let attributes =
            [("id", id.as_str()), ("name", beside), ("value", value), ("units", &unit), ("constant", constant)];
        self.element("parameter", &attributes, notes);
    }

    /// Initial values that are not plain numbers.
    fn initial_assignments(&mut self) {
        let mut assignments = Vec::new();
        for part in &self.builder.species {
            if self.constant(&part.initial).is_none() {
                assignments.push((self.ids.id(&part.name.value), self.value(&part.initial)));
            }
        }
        self.xml.list("listOfInitialAssignments", |xml| {
            for (id, math) in assignments {
                xml.open("initialAssignment", &[("symbol", &id)]);
                xml.raw(&math);
                xml.close();
            }
        });
    }

    fn rules(&mut self) {
        let mut rules = Vec::new();
        for part in &self.builder.rules {
            rules.push(("assignmentRule", self.ids.id(&part.name.value), self.value(&part.expression)));
        }
        for part in &self.builder.species {
            // A rate of 0 says nothing.
            if let Some(rate) = part.rate.as_ref().filter(|rate| self.constant(rate) != Some(0.0)) {
                rules.push(("rateRule", self.ids.id(&part.name.value), self.value(rate)));
            }
        }
        self.xml.list("listOfRules", |xml| {
            for (kind, id, math) in rules {
                xml.open(kind, &[("variable", &id)]);
                xml.raw(&math);
                xml.close();
            }
        });
    }

    fn reactions(&mut self, species: &BTreeSet<String>) {
        if self.builder.reactions.is_empty() {
            return;
        }
        self.xml.open("listOfReactions", &[]);
        for part in &self.builder.reactions {
            let equation = equation::parse(&part.equation.value).unwrap_or_default();
            let id = self.ids.fresh(&part.name);
            self.xml.open(
                "reaction",
                &[("id", &id), ("name", Self::name_beside(&id, &part.name)), ("reversible", "false")],
            );
            let stage = if part.stage.is_empty() { String::new() } else { format!("{STAGE}{}", part.stage) };
            self.xml.notes(&[&stage]);
            let mut named = BTreeSet::new();
            for (list, side) in [("listOfReactants", &equation.reactants), ("listOfProducts", &equation.products)] {
                let ids = &self.ids;
                self.xml.list(list, |xml| {
                    for participant in side {
                        let (id, count) = (ids.id(&participant.name), participant.count.to_string());
                        let attributes = [("species", id.as_str()), ("stoichiometry", &count), ("constant", "true")];
                        xml.empty("speciesReference", &attributes);
                    }
                });
                named.extend(side.iter().map(|participant| participant.name.as_str()));
            }
            let reactants: Vec<_> = equation.reactants.iter().map(|one| (one.name.as_str(), one.count)).collect();
            let law = expand(self.parse(&part.rate), &reactants);
            let mut modifiers = BTreeSet::new();
            law.names(&mut |name, _| {
                if species.contains(name) && !named.contains(name) {
                    modifiers.insert(self.ids.id(name));
                }
            });
            self.xml.list("listOfModifiers", |xml| {
                modifiers.iter().for_each(|id| xml.empty("modifierSpeciesReference", &[("species", id)]));
            });
            let math = self.math(&law);
            self.xml.open("kineticLaw", &[]);
            self.xml.raw(&math);
            self.xml.close();
            self.xml.close();
        }
        self.xml.close();
    }

    fn events(&mut self) {
        if self.builder.events.is_empty() {
            return;
        }
        self.xml.open("listOfEvents", &[]);
        for (index, part) in self.builder.events.iter().enumerate() {
            let id = if part.name.is_empty() { format!("event_{}", index + 1) } else { part.name.clone() };
            let id = self.ids.fresh(&id);
            let truth = |truth: bool| if truth { "true" } else { "false" };
            let values = truth(part.values_from_trigger_time);
            let name = Self::name_beside(&id, &part.name);
            self.xml.open("event", &[("id", &id), ("name", name), ("useValuesFromTriggerTime", values)]);
            let (condition, initially, persistent) = self.trigger(&part.trigger);
            let condition = MathMl { id: &|name| self.ids.id(name), arguments: &[] }.condition(&condition);
            self.xml.open("trigger", &[("initialValue", truth(initially)), ("persistent", truth(persistent))]);
            self.xml.raw(&condition);
            self.xml.close();
            for (element, text) in [("priority", &part.priority), ("delay", &part.delay)] {
                if let Some(text) = text {
                    let math = self.value(text);
                    self.xml.open(element, &[]);
                    self.xml.raw(&math);
                    self.xml.close();
                }
            }
            let mut set = Vec::new();
            for (target, value) in &part.set {
                set.push((self.ids.id(&target.value), self.value(value)));
            }
            self.xml.list("listOfEventAssignments", |xml| {
                for (id, math) in set {
                    xml.open("eventAssignment", &[("variable", &id)]);
                    xml.raw(&math);
                    xml.close();
                }
            });
            self.xml.close();
        }
        self.xml.close();
    }

    /// The condition of a trigger, what it counts as before the start, and whether it may cease to hold.
    fn trigger(&mut self, trigger: &TriggerPart) -> (Expression, bool, bool) {
        match trigger {
            TriggerPart::When { condition, initially, persistent } => (self.parse(condition), *initially, *persistent),
            TriggerPart::At { at, .. } => {
                let time = self.parse(at);
                let later = |left: Expression, right| Expression::call(Function::GreaterEqual, vec![left, right], 0..0);
                let due = later(Expression::name("time"), time.clone());
                match self.constant(at) {
                    // A time before the start never comes.
                    Some(at) => (due, at < 0.0, true),
                    None => {
                        let comes = later(time, Expression::number(0.0));
                        (Expression::call(Function::And, vec![due, comes], 0..0), false, true)
                    }
                }
            }
        }
    }
}

//! What determines values beside reactions: initial assignments, rules, events.

use std::collections::{BTreeSet, HashMap};

use roxmltree::{Attribute, Node as Element};

use super::document::Level;
use super::model::{Meaning, Reader};
use super::report::named;
use crate::network::{Builder, EventPart, TriggerPart};

/// Rules and assignments of the quantities, by the id they determine.
#[derive(Default)]
pub(super) struct Assignments<'a, 'i> {
    pub initial: HashMap<&'a str, Element<'a, 'i>>,
    pub rules: HashMap<&'a str, Element<'a, 'i>>,
    pub rates: HashMap<&'a str, Element<'a, 'i>>,
    /// What events change.
    pub by_events: BTreeSet<&'a str>,
}

impl Assignments<'_, '_> {
    /// Whether anything but its own value determines a quantity.
    pub fn change(&self, id: &str) -> bool {
        self.initial.contains_key(id) || self.vary(id)
    }

    /// Whether a quantity changes during a simulation.
    pub fn vary(&self, id: &str) -> bool {
        self.rules.contains_key(id) || self.rates.contains_key(id) || self.by_events.contains(id)
    }
}

impl<'a, 'i> Reader<'_, '_, 'a, 'i> {
    /// Finds what determines each quantity; the formulas are read later.
    pub fn assignments(&mut self, model: Element<'a, 'i>) {
        for assignment in self.report.list(model, "listOfInitialAssignments", &["initialAssignment"]) {
            if let Some(id) = self.target(assignment, "symbol")
                && self.assignments.initial.insert(id, assignment).is_some()
            {
                self.report.problem(self.report.tag(assignment), format!("`{id}` has two initial assignments"), None);
            }
        }
        for rule in self.report.list(model, "listOfRules", &["assignmentRule", "rateRule", "algebraicRule"]) {
            if rule.tag_name().name() == "algebraicRule" {
                let help = "solve it for one quantity and write an assignment rule".to_owned();
                self.report.problem(self.report.tag(rule), "algebraic rules are not supported", help);
                continue;
            }
            let Some(id) = self.target(rule, "variable") else { continue };
            let twice = self.assignments.rules.contains_key(id) || self.assignments.rates.contains_key(id);
            match rule.tag_name().name() {
                "rateRule" => self.assignments.rates.insert(id, rule),
                _ => self.assignments.rules.insert(id, rule),
            };
            if twice {
                self.report.problem(self.report.tag(rule), format!("`{id}` has two rules"), None);
            }
        }
        for event in self.report.list(model, "listOfEvents", &["event"]) {
            for assignment in self.report.list(event, "listOfEventAssignments", &["eventAssignment"]) {
                let target = self.target(assignment, "variable");
                self.assignments.by_events.extend(target);
            }
        }
        for compartment in &mut self.compartments {
            compartment.varies = compartment.element.attribute("id").is_some_and(|id| self.assignments.vary(id));
        }
        for species in &mut self.species {
            let id = species.element.attribute("id");
            species.ruled = id.is_some_and(|id| self.assignments.rules.contains_key(id));
        }
    }

    /// The id that a rule or an assignment determines.
    fn target(&mut self, element: Element<'a, 'i>, attribute: &str) -> Option<&'a str> {
        let target: Attribute = self.report.required(element, attribute)?;
        let id = target.value();
        let (message, help) = match self.meanings.get(id) {
            Some(Meaning::Compartment(_) | Meaning::Species(_) | Meaning::Parameter) => return Some(id),
            Some(Meaning::Stoichiometry(_)) => {
                let help = "write one reaction for each stoichiometry".to_owned();
                (format!("`{id}` is a stoichiometry; those that change are not supported"), Some(help))
            }
            Some(_) => (format!("`{id}` has no value that can be set"), None),
            None => {
                let known = self.meanings.keys().copied().collect::<BTreeSet<_>>();
                (format!("unknown id `{id}`"), self.report.suggestion(id, known))
            }
        };
        self.report.problem(target.range_value(), message, help);
        None
    }

    pub fn events(&mut self, model: Element<'a, 'i>, builder: &mut Builder) {
        let no_locals = HashMap::new();
        for event in self.report.list(model, "listOfEvents", &["event"]) {
            let mut parts = self.report.children(event, &["trigger", "delay", "priority", "listOfEventAssignments"]);
            parts.reverse();
            let part = |name: &str| parts.iter().find(|part| part.tag_name().name() == name).copied();
            let (trigger, delay, priority) = (part("trigger"), part("delay"), part("priority"));
            if let Some(unit) = event.attribute_node("timeUnits") {
                let help = "write delays in the model's unit of time".to_owned();
                self.report.problem(unit.range(), "units of time of an event's own are not supported", help);
            }
            let Some(trigger) = trigger else {
                self.report.problem(self.report.tag(event), "this event has no <trigger>", None);
                continue;
            };
            // In Level 2, a condition that holds from the start does not trigger.
            let level2 = self.level < Level(3, 1);
            let initially = self.report.flag(trigger, "initialValue", level2);
            let persistent = self.report.flag(trigger, "persistent", true);
            let values_from_trigger_time = self.report.flag(event, "useValuesFromTriggerTime", true);
            let mut text = |element: Element| {
                let formula = self.formula(element, &no_locals);
                self.text(&formula, element)
            };
            let trigger = TriggerPart::When { condition: text(trigger), initially, persistent };
            let (delay, priority) = (delay.map(&mut text), priority.map(&mut text));
            let mut set = Vec::new();
            for assignment in self.report.list(event, "listOfEventAssignments", &["eventAssignment"]) {
                let Some(variable) = assignment.attribute_node("variable") else { continue };
                let id = variable.value();
                set.push((named(self.names.name(id), &variable), self.value(assignment, id)));
            }
            self.check_sizes(event, &set);
            let name = event.attribute("name").or(event.attribute("id")).unwrap_or_default().to_owned();
            builder.events.push(EventPart {
                name,
                trigger,
                delay,
                priority,
                values_from_trigger_time,
                set,
                derived: false,
            });
        }
    }

    /// A concentration cannot be set together with the size that makes it an amount.
    fn check_sizes(&mut self, event: Element, set: &[(crate::network::Text, crate::network::Text)]) {
        let sets = |name: &str| set.iter().any(|(target, _)| target.value == name);
        let both = self
            .species
            .iter()
            .find(|species| species.per.is_some_and(|per| sets(&self.compartments[per].name)) && sets(&species.name));
        if let Some(species) = both {
            let message =
                format!("this event sets the concentration of `{}` and the size of its compartment", species.name);
            let help = "give the species hasOnlySubstanceUnits=\"true\" and set its amount".to_owned();
            self.report.problem(self.report.tag(event), message, help);
        }
    }
}

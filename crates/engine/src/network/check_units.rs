//! Checks the units of a network's expressions, where units are written.

use std::collections::HashMap;

use super::Network;
use super::parts::{Builder, Text, TriggerPart};
use crate::diagnostic::Diagnostics;
use crate::expression::{ExpressionError, Functions, parse, parse_with};
use crate::units::{Unit, check};

impl Network {
    /// Checks that an expression over the network's symbols has a unit, as far as units are written: names without one,
    /// and names the network lacks, are not checked. Counts are pure numbers.
    ///
    /// # Errors
    /// Where in the expression units differ; nothing is said of an unknown unit or of what is no expression.
    pub fn check_unit(&self, expression: &str, unit: &str) -> Result<(), ExpressionError> {
        let (Ok(expected), Ok(expression)) = (Unit::parse(unit), parse(expression)) else { return Ok(()) };
        let written = |text: &str| if text.is_empty() { None } else { Unit::parse(text).ok() };
        let unit_of = |name: &str| {
            if name == "time" {
                return written(&self.time_unit);
            }
            if let Some(index) = self.species_index(name) {
                let species = &self.species[index];
                let count = Unit::parse("count").ok().filter(|_| !species.is_continuous());
                return written(&species.unit).or(count);
            }
            let parameter = self.parameter_index(name).map(|index| &self.parameters[index].unit);
            let rule = || self.rules.iter().find(|rule| rule.name == name).map(|rule| &rule.unit);
            parameter.or_else(rule).and_then(|text| written(text))
        };
        check(&expression, Some(expected), &unit_of).map(drop)
    }
}

impl Builder {
    /// Leaves out units that contradict each other: in SBML they are information only. That of time stays if it can.
    pub(crate) fn drop_units_that_differ(&mut self) {
        if self.units_agree() {
            return;
        }
        let species = self.species.iter_mut().map(|part| &mut part.unit);
        let parameters = self.parameters.iter_mut().map(|part| &mut part.unit);
        species.chain(parameters).chain(self.rules.iter_mut().map(|part| &mut part.unit)).for_each(|unit| {
            *unit = "".into();
        });
        if !self.units_agree() {
            self.time_unit = "".into();
        }
    }

    fn units_agree(&self) -> bool {
        let mut problems = Diagnostics::default();
        let functions = self.functions(&mut problems);
        let network = self.compile(self.slots(&mut problems), &functions, &mut problems);
        if !problems.is_empty() {
            // To be shown by `build`.
            return true;
        }
        self.check_units(&network.rule_order, &functions, &mut problems);
        problems.is_empty()
    }

    /// Every rate must be in events per unit of time, every initial value and assignment in the unit of its target.
    /// Names without a written unit are not checked; species without one are counts.
    pub(super) fn check_units(&self, rule_order: &[usize], functions: &Functions, problems: &mut Diagnostics) {
        let mut units: HashMap<&str, Unit> = HashMap::new();
        let check_unit =
            |text: &Text, expected: Option<Unit>, units: &HashMap<&str, Unit>, problems: &mut Diagnostics| {
                let expression = parse_with(&text.value, functions).ok()?;
                check(&expression, expected, &|name| units.get(name).copied()).unwrap_or_else(|error| {
                    self.report(problems, text, error);
                    None
                })
            };
        let read = |text: &Text, problems: &mut Diagnostics| match Unit::parse(&text.value) {
            _ if text.value.is_empty() => None,
            Ok(unit) => Some(unit),
            Err(unknown) => {
                let error = ExpressionError::new(unknown.message, 0..text.value.len()).help(unknown.help);
                self.report(problems, text, error);
                None
            }
        };
        let time = read(&self.time_unit, problems);
        units.extend(time.map(|unit| ("time", unit)));
        for part in &self.species {
            let written = read(&part.unit, problems);
            let count = Unit::parse("count").ok().filter(|_| part.rate.is_none());
            units.extend(written.or(count).map(|unit| (part.name.value.as_str(), unit)));
        }
        for part in &self.parameters {
            units.extend(read(&part.unit, problems).map(|unit| (part.name.value.as_str(), unit)));
        }
        let rule_units: Vec<_> = self.rules.iter().map(|part| read(&part.unit, problems)).collect();
        for &index in rule_order {
            let part = &self.rules[index];
            let found = check_unit(&part.expression, rule_units[index], &units, problems);
            units.extend(rule_units[index].or(found).map(|unit| (part.name.value.as_str(), unit)));
        }
        for part in &self.species {
            check_unit(&part.initial, units.get(part.name.value.as_str()).copied(), &units, problems);
        }
        for part in &self.species {
            if let Some(rate) = &part.rate {
                let own = units.get(part.name.value.as_str()).copied();
                let expected = own.zip(time).map(|(own, time)| own.per(time));
                check_unit(rate, expected, &units, problems);
            }
        }
        for part in &self.reactions {
            // The falling factorial of mass_action is a count.
            check_unit(&part.rate, time.map(Unit::inverse), &units, problems);
        }
        for part in &self.events {
            match &part.trigger {
                TriggerPart::At { at, every } => {
                    every.iter().for_each(|[interval, _]| _ = check_unit(interval, time, &units, problems));
                    check_unit(at, time, &units, problems)
                }
                TriggerPart::When { condition, .. } => check_unit(condition, None, &units, problems),
            };
            if let Some(delay) = &part.delay {
                check_unit(delay, time, &units, problems);
            }
            for (target, value) in &part.set {
                check_unit(value, units.get(target.value.as_str()).copied(), &units, problems);
            }
        }
    }
}

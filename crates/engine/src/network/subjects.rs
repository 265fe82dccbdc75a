//! What makes subjects differ: parameters that vary between them, and the arms they are in.

use std::collections::HashSet;

use super::parts::{Builder, Text, Varies};
use super::{Arm, Law, Network};
use crate::diagnostic::{Diagnostics, suggestion};
use crate::expression::{ExpressionError, Functions, Program, parse_with};

/// A parameter that varies, compiled: its index, and its spreads between groups and between the subjects of one.
#[derive(Clone, Debug)]
pub(crate) struct Variation {
    pub parameter: usize,
    pub law: Law,
    pub groups: Option<Program>,
    pub subjects: Option<Program>,
}

impl Builder {
    pub(super) fn compile_subjects(&self, network: &mut Network, functions: &Functions, problems: &mut Diagnostics) {
        let parameter = |name: &str| network.slot(name).filter(|_| network.parameter_index(name).is_some());
        let known = |name: &str| suggestion(name, network.parameters().iter().map(|known| known.name.as_str()));
        let mut variations = Vec::new();
        for (index, part) in self.parameters.iter().enumerate() {
            let Some(Varies { law, groups, subjects }) = &part.varies else { continue };
            let mut compile = |spread: &Text| {
                let program = parse_with(&spread.value, functions);
                let program = program.and_then(|spread| Program::compile(&spread, &parameter, &known));
                program.map_err(|error| self.report(problems, spread, error)).ok()
            };
            let groups = groups.as_ref().and_then(&mut compile);
            let subjects = subjects.as_ref().and_then(&mut compile);
            variations.push(Variation { parameter: index, law: *law, groups, subjects });
        }
        let mut arms = Vec::new();
        let mut names = HashSet::new();
        for part in &self.arms {
            if !names.insert(&part.name.value) {
                let error =
                    ExpressionError::new(format!("there are two arms `{}`", part.name.value), 0..part.name.value.len());
                self.report(problems, &part.name, error);
            }
            let mut set = Vec::new();
            for (name, value) in &part.set {
                match network.parameter_index(&name.value) {
                    Some(index) => set.push((index, *value)),
                    None => {
                        let mut error =
                            ExpressionError::new(format!("`{}` is not a parameter", name.value), 0..name.value.len());
                        error.help = known(&name.value);
                        self.report(problems, name, error);
                    }
                }
            }
            let (name, description) = (part.name.value.clone(), part.description.clone());
            arms.push(Arm { name, description, set });
        }
        let strengths = self.therapies.iter().filter_map(|therapy| network.species_index(&therapy.name.value));
        let therapies = strengths.collect();
        (network.variations, network.arms, network.therapies) = (variations, arms, therapies);
    }
}

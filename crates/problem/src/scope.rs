//! Which names the tables' expressions may use.

use std::collections::{BTreeSet, HashMap};

use metacascade_engine::{Dialect, Network, Program, Symbols};

use crate::{
    problems::{Complaint, Problems},
    table::Table,
};

/// The names of the model and of the parameter table.
///
/// Values are laid out as the network's own slots, then the parameters that only the tables know ([`Scope::extra`]),
/// then what an observable adds (see [`crate::observables`]).
pub(crate) struct Scope<'a> {
    /// None if the model could not be read: then no expression is compiled and no name is doubted.
    pub network: Option<&'a Network>,
    /// What names of the tables stand for in the model, where that is not a name of the model itself.
    pub symbols: &'a Symbols,
    /// Whether the model's units are binding.
    pub has_units: bool,
    /// How the tables' expressions are written, with `symbols`.
    pub dialect: &'a Dialect,
    /// Parameters of the parameter table that the model lacks, such as the standard deviation of the noise.
    pub extra: Vec<String>,
    /// Which of `extra` something refers to.
    pub used: BTreeSet<usize>,
    /// Whether some expression could not be compiled, so that `used` is not complete.
    pub failed: bool,
    /// Every parameter of the parameter table: position there.
    pub parameters: HashMap<String, usize>,
    /// Places (file, line, column) of what was told already.
    pub told: BTreeSet<(String, usize, &'static str)>,
}

impl Scope<'_> {
    /// Compiles the expression in a cell over all names and `local` ones; a problem is reported where it stands.
    pub fn compile(
        &mut self,
        table: &Table,
        row: usize,
        column: &str,
        text: &str,
        local: &[String],
        problems: &mut Problems,
    ) -> Option<Program> {
        let network = self.network?;
        let names: Vec<String> = self.extra.iter().chain(local).cloned().collect();
        match network.compile_in(self.dialect, text, &names) {
            Ok(program) => {
                let extra = network.slots()..network.slots() + self.extra.len();
                self.used
                    .extend(program.reads().iter().filter(|slot| extra.contains(slot)).map(|slot| slot - extra.start));
                Some(program)
            }
            Err(error) => {
                self.failed = true;
                problems.cell(table, row, column, |_| {
                    let message = format!("in `{column}`: {}", error.message);
                    Complaint::new(message, "here").maybe_help(error.help).within(error.span)
                });
                None
            }
        }
    }

    /// The slot of a parameter of the model or of the parameter table.
    pub fn parameter_slot(&mut self, name: &str) -> Option<usize> {
        let network = self.network?;
        if let Some(slot) = constant_slot(network, self.own(name)) {
            return Some(slot);
        }
        let index = self.extra.iter().position(|extra| extra == name)?;
        self.used.insert(index);
        Some(network.slots() + index)
    }

    /// The model's name of what the tables call `name`.
    pub fn own<'n>(&'n self, name: &'n str) -> &'n str {
        self.symbols.get(name).map_or(name, |symbol| &symbol.name)
    }

    /// The compartment in which `name` is a concentration.
    pub fn compartment(&self, name: &str) -> Option<String> {
        self.symbols.get(name)?.per.clone()
    }

    /// The names of all parameters.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        let model = self.network.into_iter().flat_map(Network::parameters).map(|parameter| parameter.name.as_str());
        model.chain(self.extra.iter().map(String::as_str))
    }
}

/// The slot of a parameter of the model, or of a variable that keeps its initial value.
pub(crate) fn constant_slot(network: &Network, name: &str) -> Option<usize> {
    let variable = || network.species_index(name).filter(|&index| network.species()[index].is_constant());
    network.slot(name).filter(|_| network.parameter_index(name).is_some() || variable().is_some())
}

/// Whether PEtab allows a name: letters, digits and underscores, no digit first.
pub(crate) fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// The identifier in a cell, which must be there, well-formed and new.
///
/// `seen` maps each identifier to where it was first defined.
pub(crate) fn new_identifier(
    table: &Table,
    row: usize,
    column: &'static str,
    seen: &mut HashMap<String, String>,
    problems: &mut Problems,
) -> Option<String> {
    let id = table.column(column)?.required(table, row, problems)?;
    if !is_identifier(id) {
        problems.cell(table, row, column, |text| {
            Complaint::new(format!("`{text}` is not an identifier"), "not an identifier")
                .help("use letters, digits and underscores, and begin with a letter")
        });
        return None;
    }
    if let Some(first) = seen.get(id) {
        problems.cell(table, row, column, |text| {
            Complaint::new(format!("`{text}` is defined twice"), "again here").help(format!("first defined in {first}"))
        });
        return None;
    }
    seen.insert(id.to_owned(), format!("{}, line {}", table.file(), table.line(row)));
    Some(id.to_owned())
}

//! What a document's ids mean to tables that refer to it, such as PEtab's.

use std::collections::BTreeMap;

use super::model::{Meaning, Reader};

/// The quantity that an id of an SBML document stands for, by the names of the network read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name in the network: of a species, its amount.
    pub name: String,
    /// The compartment, by whose size the amount is divided: the id means a concentration.
    pub per: Option<String>,
}

/// The ids that are not simply names of the network: concentrations, ids that mean something else in expressions, and
/// parameters of reactions' own, as `reaction.parameter`.
pub type Symbols = BTreeMap<String, Symbol>;

impl Reader<'_, '_, '_, '_> {
    pub(super) fn symbols(&self) -> Symbols {
        let mut symbols = Symbols::new();
        for (&id, meaning) in &self.meanings {
            let (name, per) = match meaning {
                Meaning::Species(index) => {
                    let size = self.species[*index].per.map(|compartment| &self.compartments[compartment]);
                    let sized = size.filter(|compartment| {
                        let element = compartment.element;
                        let id = element.attribute("id").unwrap_or_default();
                        element.has_attribute("size") || self.assignments.change(id)
                    });
                    (self.species[*index].name.clone(), sized.map(|compartment| compartment.name.clone()))
                }
                Meaning::Compartment(_) | Meaning::Parameter | Meaning::Reaction => (self.names.name(id), None),
                Meaning::Stoichiometry(_) | Meaning::Function | Meaning::Other => continue,
            };
            if name != id || per.is_some() {
                symbols.insert(id.to_owned(), Symbol { name, per });
            }
        }
        for (id, name) in &self.local_names {
            symbols.insert(id.clone(), Symbol { name: name.clone(), per: None });
        }
        symbols
    }
}

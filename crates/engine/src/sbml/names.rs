//! Ids of SBML as names in our expressions, where those that mean something there already get a `_` at their end; and
//! names as ids.

use std::collections::{BTreeSet, HashMap};

use crate::expression::Function;

/// Whether a name means something of its own in expressions.
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(name, "time" | "log" | "mass_action") || Function::ALL.iter().any(|function| function.text() == name)
}

/// Whether a text is an id as SBML wants it: ASCII letters, digits and `_`.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[derive(Default)]
pub(super) struct Names {
    given: HashMap<String, String>,
    taken: BTreeSet<String>,
}

impl Names {
    /// Names for all ids of a model; each id that can stays as it is.
    pub fn new<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        let ids: Vec<&str> = ids.collect();
        let mut names = Self { given: HashMap::new(), taken: ids.iter().map(|&id| id.to_owned()).collect() };
        for id in ids.into_iter().filter(|id| is_reserved(id)) {
            let name = names.fresh(&format!("{id}_"));
            names.given.insert(id.to_owned(), name);
        }
        names
    }

    /// The name of an id.
    pub fn name(&self, id: &str) -> String {
        self.given.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// A name like `wanted` that nothing has yet.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while is_reserved(&name) || !self.taken.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    pub fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name) || is_reserved(name)
    }
}

/// Ids of the document, by the names of the network; no two are the same.
pub(super) struct Ids {
    given: HashMap<String, String>,
    taken: BTreeSet<String>,
}

impl Ids {
    /// Names that can be ids are given first, so that they stay as they are.
    pub fn new<'b>(names: impl Iterator<Item = &'b str> + Clone) -> Self {
        let mut ids = Self { given: HashMap::new(), taken: BTreeSet::new() };
        for name in names.clone().filter(|name| is_id(name)).chain(names) {
            if !ids.given.contains_key(name) {
                let id = ids.fresh(name);
                ids.given.insert(name.to_owned(), id);
            }
        }
        ids
    }

    /// An id like `wanted` that nothing has yet.
    pub fn fresh(&mut self, wanted: &str) -> String {
        let mut id = to_id(wanted);
        while !self.taken.insert(id.clone()) {
            id.push('_');
        }
        id
    }

    pub fn id(&self, name: &str) -> String {
        self.given.get(name).cloned().unwrap_or_else(|| to_id(name))
    }
}

/// Letters, digits and `_` of ASCII; others become `_`, or the number of their character.
fn to_id(text: &str) -> String {
    let mut id = String::new();
    for c in text.trim().chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '_' => id.push(c),
            c if c.is_alphanumeric() => id += &format!("u{:x}", c as u32),
            _ => id.push('_'),
        }
    }
    if !is_id(&id) {
        id.insert(0, '_');
    }
    id
}

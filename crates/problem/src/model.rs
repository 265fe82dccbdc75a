//! The model of a problem: reads its file, and learns what the tables call its parts.

use std::{collections::BTreeSet, path::Path};

use metacascade_engine::{Builder, Diagnostic, Dialect, Format, Network, Symbol, Symbols, suggestion};

use crate::{
    document::{self, Document},
    files::Folder,
    parameters::Defined,
    problems::{Complaint, Problems},
    table::{Columns, Table, unreadable},
    version_1::identifiers,
};

/// Columns of the mapping table, in both versions of PEtab.
pub(crate) const MAPPING_COLUMNS: Columns =
    Columns { kind: "mapping", required: &["petabEntityId", "modelEntityId"], optional: &["name"], open: false };

/// A model as read.
pub(crate) struct Model {
    pub builder: Builder,
    pub network: Network,
    /// What names of the tables stand for, where that is not a name of the network itself.
    pub symbols: Symbols,
    /// Its file as shown in messages, and its text.
    pub shown: String,
    pub text: String,
    /// Whether it is SBML, whose amounts may be of any size.
    pub is_sbml: bool,
    /// Its name and text, if it is a shipped one.
    pub shipped: Option<(String, &'static str)>,
}

/// Reads the model that `problem.yaml` names.
///
/// The file `other` is read in its place.
pub(crate) fn read(
    folder: &mut Folder,
    document: &Document,
    other: Option<&Path>,
    problems: &mut Problems,
) -> Option<Model> {
    let mut files = document.model_files.values();
    let (Some(file), None) = (files.next(), files.next()) else {
        let message = format!("{} models are listed in `model_files`", document.model_files.len());
        let diagnostic = Diagnostic::new(folder.shown(&folder.document_name), message);
        problems.push(diagnostic.help("list one model; several are not supported"));
        return None;
    };
    let is_sbml = match file.language.value.as_str() {
        _ if other.is_some() => other.and_then(Format::of) == Some(Format::Sbml),
        "metacascade" => false,
        "sbml" => true,
        other => {
            let message = format!("the model language `{other}` is not supported");
            let help = "write `language: metacascade` and name a .toml file or a shipped model, or `language: sbml`";
            problems.push(folder.complain(&file.language, message, "not supported").help(help));
            return None;
        }
    };
    let location = &file.location;
    // A file of the same name goes first, so that the copy in a run's folder is read from there.
    let is_file = folder.path.join(&location.value).is_file();
    let shipped = metacascade_cascade::model(&location.value).filter(|_| other.is_none() && !is_file && !is_sbml);
    let (text, shown) = match (shipped, other) {
        (_, Some(path)) => {
            let shown = path.display().to_string();
            let bytes = match std::fs::read(path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    problems.push(unreadable(path, &shown, &error));
                    return None;
                }
            };
            folder.note(&location.value, &bytes);
            let text = crate::table::scan::decode(&bytes, &shown, problems)?;
            (text.to_owned(), shown)
        }
        (Some(text), None) => {
            folder.note(&location.value, text.as_bytes());
            (text.to_owned(), location.value.clone())
        }
        (None, None) => {
            let shipped_names: Vec<&str> = metacascade_cascade::names().collect();
            let is_name = !location.value.contains(['.', '/']);
            if is_name && !is_file {
                let message = format!("`{}` is neither a file nor a shipped model", location.value);
                let list = || format!("shipped models are: {}", shipped_names.join(", "));
                let help = suggestion(&location.value, shipped_names.iter().copied()).unwrap_or_else(list);
                problems.push(folder.complain(location, message, "no such model").help(help));
                return None;
            }
            let bytes = folder.read(location, problems)?;
            let shown = folder.shown(&location.value);
            let text = crate::table::scan::decode(&bytes, &shown, problems)?;
            (text.to_owned(), shown)
        }
    };
    let read = match is_sbml {
        true => Builder::from_sbml_with_symbols(&text, &shown),
        false => Builder::from_toml(&text, &shown).map(|builder| (builder, Symbols::new())),
    };
    let built = read.and_then(|(builder, symbols)| Ok((builder.build()?, builder, symbols)));
    match built {
        Ok((network, builder, symbols)) => {
            let shipped = shipped.map(|text| (location.value.clone(), text));
            Some(Model { builder, network, symbols, shown, text, is_sbml, shipped })
        }
        Err(mut diagnostics) => {
            for diagnostic in diagnostics.0.iter_mut().filter(|diagnostic| diagnostic.file != shown) {
                // A part the file lacks has no place in it.
                diagnostic.file.clone_from(&shown);
                diagnostic.place = None;
            }
            problems.extend(diagnostics);
            None
        }
    }
}

impl Model {
    /// Learns the names that mapping tables give to parts of the model.
    pub fn map(&mut self, tables: &[Table], problems: &mut Problems) {
        for table in tables {
            let column = |name: &'static str| table.column(name);
            for row in 0..table.len() {
                let alias = column("petabEntityId").and_then(|cells| cells.required(table, row, problems));
                // Rows without an entity of the model are remarks.
                let entity = column("modelEntityId").and_then(|cells| cells.text(row));
                let Some((alias, entity)) = alias.zip(entity).filter(|(alias, entity)| alias != entity) else {
                    continue;
                };
                let symbol = self.symbols.get(entity).cloned();
                let own = || {
                    Some(Symbol { name: entity.to_owned(), per: None }).filter(|_| self.network.slot(entity).is_some())
                };
                match symbol.or_else(own) {
                    Some(_) if self.network.slot(alias).is_some() => {
                        problems.cell(table, row, "petabEntityId", |text| {
                            Complaint::new(format!("the model has a `{text}` already"), "this name is taken")
                                .help("choose another name")
                        })
                    }
                    Some(symbol) => _ = self.symbols.insert(alias.to_owned(), symbol),
                    None => problems.cell(table, row, "modelEntityId", |text| {
                        let known = self.network.symbols().chain(self.symbols.keys().map(String::as_str));
                        Complaint::new(format!("the model has no `{text}`"), "not in the model")
                            .maybe_help(suggestion(text, known))
                    }),
                }
            }
        }
    }

    /// How the tables' expressions are written.
    pub fn dialect(&self) -> Dialect {
        let mut dialect = Dialect::petab();
        for (id, Symbol { name, per }) in &self.symbols {
            let meaning = match per {
                Some(compartment) => format!("{name} / {compartment}"),
                None => name.clone(),
            };
            // Names of the network always make an expression.
            let _ = dialect.define(id, &meaning);
        }
        dialect
    }

    /// Gives the network the parameters that conditions set or read and that only the tables know, so that they can
    /// change during a simulation.
    pub fn complete(
        &mut self,
        conditions: &[Table],
        observables: &[Table],
        defined: &[Defined],
        problems: &mut Problems,
    ) {
        let cells = |tables: &[Table], columns: &[&'static str]| -> BTreeSet<String> {
            let mut names = BTreeSet::new();
            for (table, column) in tables.iter().flat_map(|table| columns.iter().map(move |&column| (table, column))) {
                let Some(cells) = table.column(column) else { continue };
                let texts = (0..table.len()).filter_map(|row| cells.text(row));
                names.extend(texts.flat_map(identifiers).map(str::to_owned));
            }
            names
        };
        let read = cells(conditions, &["targetValue"]);
        let set = cells(conditions, &["targetId"]);
        let seen = cells(observables, &["observableFormula", "noiseFormula"]);
        let is_known = |name: &str| self.network.slot(name).is_some() || self.symbols.contains_key(name);
        let mut missing: Vec<(String, f64)> = Vec::new();
        for parameter in defined.iter().map(|defined| &defined.parameter) {
            if read.contains(&parameter.id) && !is_known(&parameter.id) {
                missing.push((parameter.id.clone(), parameter.nominal.unwrap_or_default()));
            }
        }
        for name in set.intersection(&seen) {
            let is_defined = defined.iter().any(|defined| defined.parameter.id == *name);
            if !is_defined && !is_known(name) {
                // Without a value where no condition gives it one.
                missing.push((name.clone(), f64::NAN));
            }
        }
        if missing.is_empty() {
            return;
        }
        let mut builder = self.builder.clone();
        for (name, value) in &missing {
            builder = builder.parameter(name, *value);
        }
        match builder.build() {
            Ok(network) => (self.network, self.builder) = (network, builder),
            Err(diagnostics) => problems.extend(diagnostics),
        }
    }
}

/// The identifier of the model.
pub(crate) fn id(document: &document::Document) -> &str {
    document.model_files.keys().next().map_or("", String::as_str)
}

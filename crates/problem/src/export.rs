//! Writes a problem as SBML and tables of PEtab version 2, for any program that reads them.
//!
//! Tables keep all their columns, those of ours among them, which change nothing for others. Formulas are written in
//! PEtab's own functions. Arms of the model that experiments use become conditions; parameters of the model that
//! conditions read, rows of the parameter table that are not estimated. What `problem.yaml` says under
//! `extensions: metacascade:` stays there, and so do the tables it names.
//!
//! Laws of counts, which PEtab lacks, move to the column `noiseLaw`. What `noiseDistribution` then says is for programs
//! that know no better: a normal law, for Poisson counts with their variance, otherwise with the noise formula as standard
//! deviation. Rows without a measurement (`NA`) are left out.

use std::{collections::BTreeSet, path::Path};

use metacascade_engine::{Diagnostic, Diagnostics, Dialect, Network};

use crate::{
    document::{self, Document, FILE},
    evaluate::cell,
    files::Folder,
    load::{self, Read},
    model::{self, Model},
    noise::NoiseDistribution,
    problems::{Complaint, Problems},
    scope::is_identifier,
    table::Table,
    version_1::identifiers,
};

/// A file to be written: its name in the folder, and what it holds.
pub type Exported = (String, Vec<u8>);

/// The files of a problem as SBML and PEtab version 2, `problem.yaml` among them.
///
/// # Errors
/// Everything that is wrong with the problem, or has no place in SBML or PEtab.
pub fn export(path: &Path) -> Result<Vec<Exported>, Diagnostics> {
    let problem = load::load(path, None)?;
    let mut problems = Problems::default();
    match write(path, problem.experiments(), &mut problems) {
        Some(files) if problems.is_empty() => Ok(files),
        _ => Err(problems.into_diagnostics()),
    }
}

fn write(path: &Path, experiments: &[crate::Experiment], problems: &mut Problems) -> Option<Vec<Exported>> {
    let (path, name) = document::locate(path);
    let (mut document, file, source) = Document::read(&path, &name, problems)?;
    let mut folder = Folder { path, document_name: name, document: source, files: vec![file] };
    let model = model::read(&mut folder, &document, None, problems)?;
    let Read { parameters, conditions, experiments: courses, observables, measurements, .. } =
        load::read_tables(&mut folder, &document, document.extension.survival_files.is_empty(), problems);
    let mapping = load::tables(&mut folder, &document.mapping_files, &model::MAPPING_COLUMNS, problems);
    let mut files = vec![("model.xml".to_owned(), sbml(&model, problems)?.into_bytes())];
    let extension = std::mem::take(&mut document.extension);
    for name in extension.subject_files.iter().chain(&extension.survival_files) {
        files.push((name.value.clone(), folder.read(name, problems)?));
    }
    let model_id = identifier(model::id(&document));

    let mut conditions = Sheet::of(&conditions.read);
    let mut parameters = Sheet::of(&parameters.read);
    conditions.add_arms(experiments, &model.network);
    parameters.add_fixed(&conditions, &model.network);
    conditions.formulas("targetValue", problems);
    let mut observables = Sheet::of(&observables.read);
    for name in ["observableFormula", "noiseFormula"] {
        observables.formulas(name, problems);
    }
    if let Some(column) = parameters.column("estimate") {
        parameters.rows.iter_mut().for_each(|row| row.cells[column] = row.cells[column].to_ascii_lowercase());
    }
    observables.laws();
    refuse_units(&measurements.read, problems);
    let mut measurements = Sheet::of(&measurements.read);
    measurements.rows.retain(|row| row.source.is_none_or(|(table, row)| is_measured(table, row)));
    if measurements.rows.is_empty() {
        let message = "a problem without measurements, of times to events alone, has no place in PEtab";
        problems.push(Diagnostic::new(folder.shown(&folder.document_name), message));
    }
    if let Some(column) = measurements.column("modelId") {
        let named = measurements.rows.iter_mut().filter(|row| !row.cells[column].is_empty());
        named.for_each(|row| row.cells[column].clone_from(&model_id));
    }
    let kinds = [
        ("parameter", parameters),
        ("condition", conditions),
        ("experiment", Sheet::of(&courses.read)),
        ("observable", observables),
        ("measurement", measurements),
        ("mapping", Sheet::of(&mapping.read)),
    ];
    let mut listed = serde_json::Map::new();
    listed.insert("format_version".to_owned(), "2.0.0".into());
    if let Some(id) = &document.id {
        listed.insert("id".to_owned(), id.as_str().into());
    }
    let location = serde_json::json!({ "location": "model.xml", "language": "sbml" });
    listed.insert("model_files".to_owned(), serde_json::json!({ model_id: location }));
    for (kind, sheet) in kinds {
        if !sheet.rows.is_empty() {
            let name = format!("{kind}s.tsv").replace("mappings", "mapping");
            listed.insert(format!("{kind}_files"), serde_json::json!([name]));
            files.push((name, sheet.text().into_bytes()));
        }
    }
    let whole: Option<serde_json::Value> = serde_saphyr::from_str(&folder.document).ok();
    if let Some(extension) = whole.as_ref().and_then(|whole| whole.pointer("/extensions/metacascade")) {
        listed.insert("extensions".to_owned(), serde_json::json!({ "metacascade": extension }));
    }
    // JSON is YAML too.
    let text = serde_json::to_string_pretty(&serde_json::Value::Object(listed)).ok()?;
    files.push((FILE.to_owned(), (text + "\n").into_bytes()));
    Some(files)
}

/// Other programs would not convert what rows say of their units.
fn refuse_units(tables: &[Table], problems: &mut Problems) {
    for (table, name) in tables.iter().flat_map(|table| ["measurementUnit", "timeUnit"].map(|name| (table, name))) {
        let Some(cells) = table.column(name) else { continue };
        if let Some(row) = (0..table.len()).find(|&row| cells.text(row).is_some()) {
            problems.cell(table, row, name, |_| {
                Complaint::new("PEtab does not convert units", "the row's own unit")
                    .help(format!("write all rows in the units of the observables and the model, without `{name}`"))
            });
        }
    }
}

/// A name as an identifier of PEtab.
fn identifier(name: &str) -> String {
    let mut id: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !is_identifier(&id) {
        id.insert(0, '_');
    }
    id
}

fn is_measured(table: &Table, row: usize) -> bool {
    table.column("measurement").is_some_and(|cells| !cells.is_missing(row))
}

/// The model as SBML.
fn sbml(model: &Model, problems: &mut Problems) -> Option<String> {
    if model.is_sbml {
        return Some(model.text.clone());
    }
    let strange: Vec<&str> = model.network.symbols().filter(|name| !is_identifier(name)).collect();
    if !strange.is_empty() {
        let message = format!("PEtab has no such names: {}", strange.join(", "));
        let help = "use letters of ASCII, digits and underscores";
        problems.push(Diagnostic::new(&model.shown, message).help(help));
        return None;
    }
    match model.builder.to_sbml() {
        Ok(text) => Some(text),
        Err(diagnostics) => {
            problems.extend(diagnostics);
            None
        }
    }
}

/// The rows of all tables of a kind.
struct Sheet<'t> {
    names: Vec<String>,
    rows: Vec<Row<'t>>,
}

struct Row<'t> {
    cells: Vec<String>,
    /// Table and row it comes from.
    source: Option<(&'t Table, usize)>,
}

impl<'t> Sheet<'t> {
    fn of(tables: &'t [Table]) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in tables.iter().flat_map(Table::names) {
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
        let mut rows = Vec::new();
        for table in tables {
            let place = |name: &String| table.names().position(|other| other == name);
            let places: Vec<Option<usize>> = names.iter().map(place).collect();
            for row in 0..table.len() {
                let text = |place: &Option<usize>| place.and_then(|place| table.text(row, place)).unwrap_or_default();
                let cells = places.iter().map(|place| text(place).to_owned()).collect();
                rows.push(Row { cells, source: Some((table, row)) });
            }
        }
        Self { names, rows }
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name)
    }

    /// The texts of a column.
    fn cells(&self, name: &str) -> impl Iterator<Item = &str> {
        let column = self.column(name);
        self.rows.iter().filter_map(move |row| Some(row.cells[column?].as_str()))
    }

    fn push(&mut self, cells: &[(&str, String)]) {
        for (name, _) in cells {
            if self.column(name).is_none() {
                self.names.push((*name).to_owned());
                self.rows.iter_mut().for_each(|row| row.cells.push(String::new()));
            }
        }
        let text = |name: &String| cells.iter().find(|(other, _)| other == name).map(|(_, text)| text.clone());
        let cells = self.names.iter().map(|name| text(name).unwrap_or_default()).collect();
        self.rows.push(Row { cells, source: None });
    }

    /// Writes the formulas of a column as PEtab has them.
    fn formulas(&mut self, name: &'static str, problems: &mut Problems) {
        let dialect = Dialect::petab();
        let Some(column) = self.column(name) else { return };
        for row in self.rows.iter_mut().filter(|row| !row.cells[column].is_empty()) {
            match dialect.to_petab(&row.cells[column]) {
                Ok(text) => row.cells[column] = text,
                Err(error) => {
                    if let Some((table, row)) = row.source {
                        problems.cell(table, row, name, |_| {
                            Complaint::new(error.message, "no place in PEtab").maybe_help(error.help).within(error.span)
                        });
                    }
                }
            }
        }
    }

    /// Laws that PEtab lacks, as a column of ours.
    fn laws(&mut self) {
        let (Some(law), Some(formula), Some(id)) =
            (self.column("noiseDistribution"), self.column("noiseFormula"), self.column("observableId"))
        else {
            return;
        };
        let is_foreign = |name: &str| {
            let found = NoiseDistribution::NAMES.iter().find(|(known, _)| *known == name);
            found.is_some_and(|(_, law)| law.is_discrete())
        };
        if !self.rows.iter().any(|row| is_foreign(&row.cells[law])) {
            return;
        }
        let ours = self.column("noiseLaw").unwrap_or(self.names.len());
        if ours == self.names.len() {
            self.names.push("noiseLaw".to_owned());
            self.rows.iter_mut().for_each(|row| row.cells.push(String::new()));
        }
        for row in self.rows.iter_mut().filter(|row| is_foreign(&row.cells[law])) {
            row.cells[ours] = std::mem::replace(&mut row.cells[law], "normal".to_owned());
            if row.cells[ours] == "poisson" {
                row.cells[formula] = format!("sqrt(max({}, 1))", row.cells[id]);
            } else if row.cells[formula].is_empty() {
                "1".clone_into(&mut row.cells[formula]);
            }
        }
    }

    /// Arms of the model that experiments use, as conditions.
    fn add_arms(&mut self, experiments: &[crate::Experiment], network: &Network) {
        let known: BTreeSet<String> = self.cells("conditionId").map(str::to_owned).collect();
        let used = experiments.iter().flat_map(|experiment| &experiment.periods);
        let used: BTreeSet<&String> = used.flat_map(|period| &period.conditions).collect();
        for arm in network.arms().iter().filter(|arm| used.contains(&arm.name) && !known.contains(&arm.name)) {
            for &(parameter, value) in &arm.set {
                let target = network.parameters()[parameter].name.clone();
                let cells =
                    [("conditionId", arm.name.clone()), ("targetId", target), ("targetValue", value.to_string())];
                self.push(&cells);
            }
        }
    }

    /// Parameters of the model that conditions read: PEtab wants them among its own where an experiment begins.
    fn add_fixed(&mut self, conditions: &Sheet<'_>, network: &Network) {
        let known: BTreeSet<String> = self.cells("parameterId").map(str::to_owned).collect();
        let targets: BTreeSet<&str> = conditions.cells("targetId").collect();
        let read: BTreeSet<&str> = conditions.cells("targetValue").flat_map(identifiers).collect();
        for parameter in network.parameters() {
            let name = parameter.name.as_str();
            if read.contains(name) && !known.contains(name) && !targets.contains(name) {
                let value = parameter.value.to_string();
                self.push(&[
                    ("parameterId", name.to_owned()),
                    ("nominalValue", value),
                    ("estimate", "false".to_owned()),
                ]);
            }
        }
    }

    fn text(&self) -> String {
        let mut text = self.names.join("\t");
        text.push('\n');
        for row in &self.rows {
            text.push_str(&row.cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join("\t"));
            text.push('\n');
        }
        text
    }
}

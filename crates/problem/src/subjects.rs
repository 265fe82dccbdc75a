//! The subject table: who was measured, in which group and arm, and what is known of each.
//!
//! A column that has the name of a parameter, of the model or of the parameter table, sets that parameter for each
//! subject; `covariates: {column: parameter}` in `problem.yaml` says so for a column of another name, and `{column: {parameter,
//! unit}}` for one in another unit than the parameter's, which is converted. Other columns are carried along, as strata of survival. Measurements refer to subjects by `subjectId`, or else `replicateId`.

use std::collections::{BTreeMap, HashMap};

use metacascade_engine::{Network, suggestion};
use serde::Deserialize;

use crate::{
    experiments::Experiment,
    problem::Problem,
    problems::{Complaint, Problems},
    scope::Scope,
    table::{Columns, Table, parse_number},
    units::{Conversions, Mismatch},
};

/// Columns that have a meaning; all others are covariates.
pub(crate) const COLUMNS: Columns =
    Columns { kind: "subject", required: &["subjectId"], optional: &["groupId", "experimentId"], open: true };

/// Items in which thirds by a covariate are told apart.
const FEWEST_IN_THIRDS: usize = 30;

/// A subject of the subject table: one animal, patient or culture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Identifier.
    pub id: String,
    /// Position among the problem's groups, if it is in one.
    pub group: Option<usize>,
    /// Position among the problem's experiments: the arm it is in, if the table says so.
    pub experiment: Option<usize>,
    /// Subjects of one class have the same parameters.
    pub(crate) class: usize,
}

/// A column of the subject table beyond those with a meaning of their own.
#[derive(Clone, Debug)]
pub struct Covariate {
    /// The column's name.
    pub name: String,
    /// The parameter that it sets, if it sets one.
    pub parameter: Option<String>,
    /// The value of each subject.
    pub values: Values,
    /// Where the parameter stands among the values of all symbols.
    pub(crate) slot: Option<usize>,
}

/// The values of a covariate.
#[derive(Clone, Debug)]
pub enum Values {
    /// Numbers, not-a-number where the cell is empty.
    Numbers(Vec<f64>),
    /// Words, empty where the cell is.
    Labels(Vec<String>),
}

/// All that the subject tables say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subjects {
    pub subjects: Vec<Subject>,
    pub groups: Vec<String>,
    pub covariates: Vec<Covariate>,
}

impl Subjects {
    /// Sets what the covariates of a subject set.
    pub fn set(&self, subject: usize, values: &mut [f64]) {
        for covariate in &self.covariates {
            if let (Some(slot), Values::Numbers(numbers)) = (covariate.slot, &covariate.values) {
                values[slot] = numbers[subject];
            }
        }
    }

    /// Whether a parameter is set for each subject.
    pub fn sets(&self, parameter: &str) -> bool {
        self.covariates.iter().any(|covariate| covariate.parameter.as_deref() == Some(parameter))
    }
}

/// What a column sets, if not the parameter of its own name in that one's unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Target {
    /// A parameter, in its own unit.
    Parameter(String),
    /// A parameter, in another unit.
    Converted(Converted),
}

/// A parameter, and the unit in which a column gives it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Converted {
    parameter: String,
    unit: String,
}

/// What columns set, and how their units convert.
pub(crate) struct Targets<'t> {
    pub named: &'t BTreeMap<String, Target>,
    pub conversions: &'t mut Conversions,
}

impl Targets<'_> {
    /// The parameter that a column sets if there is one of this name, and the column's unit, if it is said.
    fn of<'n>(&'n self, column: &'n str) -> (&'n str, Option<&'n str>) {
        match self.named.get(column) {
            None => (column, None),
            Some(Target::Parameter(name)) => (name, None),
            Some(Target::Converted(target)) => (&target.parameter, Some(&target.unit)),
        }
    }

    /// By what the numbers of a column are multiplied, if it sets a parameter of this network.
    fn factor(&mut self, column: &str, network: Option<&Network>) -> Result<f64, Mismatch> {
        let (parameter, unit) = self.of(column);
        let index = network.and_then(|network| Some((network, network.parameter_index(parameter)?)));
        let (Some(unit), Some((network, index))) = (unit.map(str::to_owned), index) else { return Ok(1.0) };
        let own = network.parameters()[index].unit.as_str();
        if own.is_empty() {
            let message = format!("`{column}` is in {unit}, and the parameter `{parameter}` has no unit");
            return Err((message, "give the parameter a unit in the model".to_owned()));
        }
        self.conversions.factor(&unit, own)
    }
}

/// Reads all subject tables; `targets` say which columns set which parameter besides those of the same name.
pub(crate) fn read(
    tables: &[Table],
    experiments: Option<&[Experiment]>,
    mut targets: Targets<'_>,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Subjects {
    let mut found = Subjects::default();
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut groups: HashMap<String, usize> = HashMap::new();
    let arms: Option<HashMap<&str, usize>> = experiments
        .map(|all| all.iter().enumerate().map(|(index, experiment)| (experiment.id.as_str(), index)).collect());
    let mut cells: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for table in tables {
        let before = found.subjects.len();
        for row in 0..table.len() {
            let id = read_id(table, row, &mut seen, problems).unwrap_or_default();
            let group = table.column("groupId").and_then(|cells| cells.text(row)).map(|name| {
                *groups.entry(name.to_owned()).or_insert_with(|| {
                    found.groups.push(name.to_owned());
                    found.groups.len() - 1
                })
            });
            let experiment = read_arm(table, row, arms.as_ref(), problems);
            found.subjects.push(Subject { id, group, experiment, class: 0 });
        }
        for name in table.names().filter(|name| COLUMNS.known().all(|known| known != *name)) {
            let values = cells.entry(name).or_default();
            values.resize(before, None);
            values.extend((0..table.len()).map(|row| table.column(name).and_then(|cells| cells.text(row))));
        }
    }
    let places = Places { tables };
    for (name, mut texts) in cells {
        texts.resize(found.subjects.len(), None);
        let mut covariate = read_covariate(name, &texts, &targets, &places, scope, problems);
        match (targets.factor(name, scope.network), &mut covariate.values) {
            (Ok(factor), Values::Numbers(numbers)) => numbers.iter_mut().for_each(|number| *number *= factor),
            (Ok(_), Values::Labels(_)) => {}
            (Err((message, help)), _) => {
                places.header(name, problems, Complaint::new(message, "is not converted").help(help));
            }
        }
        found.covariates.push(covariate);
    }
    classify(&mut found);
    found
}

/// An identifier of a subject may be any text, such as a patient's number, that comes once.
fn read_id(table: &Table, row: usize, seen: &mut HashMap<String, String>, problems: &mut Problems) -> Option<String> {
    let id = table.column("subjectId")?.required(table, row, problems)?;
    if let Some(first) = seen.get(id) {
        problems.cell(table, row, "subjectId", |text| {
            Complaint::new(format!("the subject `{text}` is listed twice"), "again here")
                .help(format!("first listed in {first}"))
        });
        return None;
    }
    seen.insert(id.to_owned(), format!("{}, line {}", table.file(), table.line(row)));
    Some(id.to_owned())
}

fn read_arm(table: &Table, row: usize, arms: Option<&HashMap<&str, usize>>, problems: &mut Problems) -> Option<usize> {
    let name = table.column("experimentId")?.text(row)?;
    let arms = arms?;
    let position = arms.get(name).copied();
    if position.is_none() {
        problems.cell(table, row, "experimentId", |text| {
            let mut known: Vec<&str> = arms.keys().copied().filter(|id| !id.is_empty()).collect();
            known.sort_unstable();
            Complaint::new(format!("there is no experiment `{text}`"), "not in the experiment table")
                .maybe_help(suggestion(text, known))
        });
    }
    position
}

/// Where a subject's row is.
struct Places<'t> {
    tables: &'t [Table],
}

impl Places<'_> {
    fn cell(&self, subject: usize, column: &str, problems: &mut Problems, complaint: impl FnOnce(&str) -> Complaint) {
        let mut row = subject;
        for table in self.tables {
            if row < table.len() {
                return problems.cell(table, row, column, complaint);
            }
            row -= table.len();
        }
    }

    fn header(&self, column: &str, problems: &mut Problems, complaint: Complaint) {
        if let Some(table) = self.tables.iter().find(|table| table.names().any(|name| name == column)) {
            problems.header_cell(table, column, complaint);
        }
    }
}

fn read_covariate(
    name: &str,
    texts: &[Option<&str>],
    targets: &Targets<'_>,
    places: &Places<'_>,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Covariate {
    let (target, _) = targets.of(name);
    let slot = scope.parameter_slot(target);
    let parameter = slot.map(|_| target.to_owned());
    let numbers = || texts.iter().map(|text| text.map_or(Some(f64::NAN), parse_number)).collect::<Option<Vec<f64>>>();
    if slot.is_none() {
        if targets.named.contains_key(name) && scope.network.is_some() {
            let complaint = Complaint::new(format!("`{name}` sets no parameter"), "its parameter is unknown");
            let message = suggestion(target, scope.parameter_names());
            let help = message.unwrap_or_else(|| format!("there is no parameter `{target}`; change `covariates`"));
            places.header(name, problems, complaint.help(help));
        }
        let labels = || texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect();
        let values = numbers().map_or_else(|| Values::Labels(labels()), Values::Numbers);
        return Covariate { name: name.to_owned(), parameter, values, slot };
    }
    let mut values = Vec::with_capacity(texts.len());
    for (subject, text) in texts.iter().enumerate() {
        let number = text.and_then(parse_number);
        if number.is_none() {
            places.cell(subject, name, problems, |_| {
                Complaint::new(format!("`{name}` sets a parameter and must be a number"), "for this subject")
                    .help("give a number, or leave the subject out")
            });
        }
        values.push(number.unwrap_or(f64::NAN));
    }
    Covariate { name: name.to_owned(), parameter, values: Values::Numbers(values), slot }
}

/// Thirds of some items, each of a subject, by each covariate that sets a parameter, from low to high, with the
/// covariate's name; none where there are fewer than 30 or all have the same value.
#[must_use]
pub fn thirds(
    problem: &Problem,
    items: impl IntoIterator<Item = (usize, Option<usize>)>,
) -> Vec<(String, Vec<Vec<usize>>)> {
    let items: Vec<(usize, Option<usize>)> = items.into_iter().collect();
    let mut found = Vec::new();
    for covariate in problem.covariates().iter().filter(|covariate| covariate.parameter.is_some()) {
        let Values::Numbers(numbers) = &covariate.values else { continue };
        let mut values: Vec<(f64, usize)> =
            items.iter().filter_map(|&(item, subject)| Some((numbers[subject?], item))).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        if values.len() < FEWEST_IN_THIRDS || values.first().map(|value| value.0) == values.last().map(|value| value.0)
        {
            continue;
        }
        let cut = |third: usize| values.len() * third / 3;
        let third = |index: usize| values[cut(index)..cut(index + 1)].iter().map(|(_, item)| *item).collect();
        found.push((covariate.name.clone(), (0..3).map(third).collect()));
    }
    found
}

/// Finds who is the same, so that a mean field is solved once for them.
fn classify(found: &mut Subjects) {
    let mut classes: HashMap<Vec<u64>, usize> = HashMap::new();
    for index in 0..found.subjects.len() {
        let mut key = Vec::new();
        for covariate in &found.covariates {
            if let (Some(_), Values::Numbers(numbers)) = (covariate.slot, &covariate.values) {
                key.push(numbers[index].to_bits());
            }
        }
        let next = classes.len();
        found.subjects[index].class = *classes.entry(key).or_insert(next);
    }
}

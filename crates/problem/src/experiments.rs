//! The condition and experiment tables: what is done to the model before it is simulated.

use std::collections::{BTreeMap, HashMap};

use metacascade_engine::{Network, Program, suggestion};

use crate::{
    problems::{Complaint, Problems},
    scope::{Scope, is_identifier, new_identifier},
    table::{Columns, Table},
};

/// Columns of PEtab version 2.
pub(crate) const CONDITION_COLUMNS: Columns = Columns {
    kind: "condition",
    required: &["conditionId", "targetId", "targetValue"],
    optional: &["conditionName"],
    open: false,
};

/// Columns of PEtab version 2, and of ours `experimentName`.
pub(crate) const EXPERIMENT_COLUMNS: Columns = Columns {
    kind: "experiment",
    required: &["experimentId", "time", "conditionId"],
    optional: &["experimentName"],
    open: false,
};

/// An experiment: the changes made to the model at time 0, and nothing after.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Identifier; empty for measurements of the model as it is.
    pub id: String,
    /// Name for people: the extension column `experimentName`, or the identifier.
    pub name: String,
    pub(crate) changes: Vec<Change>,
}

impl Experiment {
    /// The model as it is.
    pub(crate) fn unchanged(id: &str) -> Self {
        Self { id: id.to_owned(), name: id.to_owned(), changes: Vec::new() }
    }
}

/// What a condition sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A parameter, by its position in the network.
    Parameter(usize),
    /// The initial value of a species, by its position in the network.
    Species(usize),
}

/// A target and its value, an expression over parameters.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub target: Target,
    pub value: Program,
}

/// The changes of each condition.
pub(crate) type Conditions = BTreeMap<String, Vec<Change>>;

/// Reads all condition tables; arms of the model are conditions too.
pub(crate) fn read_conditions(tables: &[Table], scope: &mut Scope<'_>, problems: &mut Problems) -> Conditions {
    let mut conditions = Conditions::new();
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    for table in tables {
        for row in 0..table.len() {
            let cell = |column: &'static str| table.column(column);
            let id = cell("conditionId").and_then(|cells| cells.required(table, row, problems));
            if id.is_some_and(|id| !is_identifier(id)) {
                problems.cell(table, row, "conditionId", |text| {
                    Complaint::new(format!("`{text}` is not an identifier"), "not an identifier")
                        .help("use letters, digits and underscores, and begin with a letter")
                });
                continue;
            }
            let target = cell("targetId").and_then(|cells| cells.required(table, row, problems));
            let value = cell("targetValue").and_then(|cells| cells.required(table, row, problems));
            let Some(id) = id else { continue };
            let changes = conditions.entry(id.to_owned()).or_default();
            let (Some(target), Some(value)) = (target, value) else { continue };
            if let Some(line) = seen.insert((id.to_owned(), target.to_owned()), table.line(row)) {
                problems.cell(table, row, "targetId", |text| {
                    Complaint::new(format!("condition `{id}` sets `{text}` twice"), "again here")
                        .help(format!("it is set on line {line} already"))
                });
            }
            let target = read_target(table, row, target, scope, problems);
            let program = scope.compile(table, row, "targetValue", value, &[], problems);
            let program = program.filter(|program| reads_parameters_only(table, row, program, scope, problems));
            changes.extend(target.zip(program).map(|(target, value)| Change { target, value }));
        }
    }
    if let Some(network) = scope.network {
        add_arms(network, &mut conditions);
    }
    conditions
}

/// Arms of the model are conditions, unless a table has one of the same name.
fn add_arms(network: &Network, conditions: &mut Conditions) {
    for arm in network.arms() {
        conditions.entry(arm.name.clone()).or_insert_with(|| {
            let change = |&(parameter, value): &(usize, f64)| {
                let value = network.compile(&format!("{value:e}"), &[]).ok()?;
                Some(Change { target: Target::Parameter(parameter), value })
            };
            arm.set.iter().filter_map(change).collect()
        });
    }
}

fn read_target(table: &Table, row: usize, target: &str, scope: &Scope<'_>, problems: &mut Problems) -> Option<Target> {
    let network = scope.network?;
    if let Some(index) = network.species_index(target) {
        return Some(Target::Species(index));
    }
    if let Some(index) = network.parameter_index(target) {
        if scope.parameters.contains_key(target) {
            problems.cell(table, row, "targetId", |text| {
                Complaint::new(
                    format!("`{text}` is set here and in the parameter table"),
                    "also a row of the parameter table",
                )
                .help("give the parameter table a parameter of another name and use it as `targetValue`")
            });
            return None;
        }
        return Some(Target::Parameter(index));
    }
    problems.cell(table, row, "targetId", |text| {
        let names = network.species().iter().map(|species| species.name.as_str());
        let names = names.chain(network.parameters().iter().map(|parameter| parameter.name.as_str()));
        Complaint::new(format!("the model has no species or parameter `{text}`"), "not in the model")
            .maybe_help(suggestion(text, names))
    });
    None
}

/// Conditions are applied before the simulation, when only parameters have a value.
fn reads_parameters_only(
    table: &Table,
    row: usize,
    program: &Program,
    scope: &Scope<'_>,
    problems: &mut Problems,
) -> bool {
    let Some(network) = scope.network else { return false };
    let is_parameter = |slot: usize| slot >= network.slots() || parameter_slots(network).contains(&slot);
    match program.reads().iter().find(|&&slot| !is_parameter(slot)) {
        None => true,
        Some(&slot) => {
            let name = network.symbols().nth(slot).unwrap_or_default();
            problems.cell(table, row, "targetValue", |_| {
                Complaint::new(format!("a condition's value may not use `{name}`"), "not a parameter")
                    .help("use numbers and parameters: they alone have a value before the simulation")
            });
            false
        }
    }
}

/// The slots of the network's parameters.
pub(crate) fn parameter_slots(network: &Network) -> std::ops::Range<usize> {
    let start = 1 + network.species().len();
    start..start + network.parameters().len()
}

/// Reads all experiment tables; none of `conditions` if their tables could not be read.
pub(crate) fn read_experiments(
    tables: &[Table],
    conditions: Option<&Conditions>,
    problems: &mut Problems,
) -> Vec<Experiment> {
    let mut experiments: Vec<Experiment> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for table in tables {
        for row in 0..table.len() {
            // Several rows may make up one experiment, so an identifier may come again.
            let Some(id) = new_identifier(table, row, "experimentId", &mut HashMap::new(), problems) else { continue };
            let position = *index.entry(id.clone()).or_insert_with(|| {
                experiments.push(Experiment::unchanged(&id));
                experiments.len() - 1
            });
            check_time(table, row, problems);
            if let Some(name) = table.column("experimentName").and_then(|cells| cells.text(row)) {
                experiments[position].name = name.to_owned();
            }
            let condition = table.column("conditionId").and_then(|cells| cells.text(row));
            let (Some(condition), Some(conditions)) = (condition, conditions) else { continue };
            let Some(changes) = conditions.get(condition) else {
                problems.cell(table, row, "conditionId", |text| {
                    let known = conditions.keys().map(String::as_str);
                    Complaint::new(format!("there is no condition `{text}`"), "not in the condition table")
                        .maybe_help(suggestion(text, known))
                });
                continue;
            };
            for change in changes {
                if experiments[position].changes.iter().any(|earlier| earlier.target == change.target) {
                    problems.cell(table, row, "conditionId", |text| {
                        let message = format!("`{text}` sets what another condition of `{id}` sets");
                        Complaint::new(message, "both set the same target").help("keep one of the two")
                    });
                }
                experiments[position].changes.push(change.clone());
            }
        }
    }
    experiments
}

fn check_time(table: &Table, row: usize, problems: &mut Problems) {
    let Some(cells) = table.column("time") else { return };
    if cells.text(row) == Some("-inf") {
        problems.cell(table, row, "time", |_| {
            Complaint::new("a steady state before the experiment is not supported yet", "`-inf`")
                .help("begin at time 0 with the values of the steady state")
        });
        return;
    }
    match cells.number(table, row, problems) {
        Some(time) if time < 0.0 => problems.cell(table, row, "time", |_| {
            Complaint::new(format!("the time {time} is negative"), "must be 0").help("experiments begin at time 0")
        }),
        Some(time) if time > 0.0 => problems.cell(table, row, "time", |_| {
            Complaint::new("a condition that begins after time 0 is not supported yet", "must be 0")
                .help("put the change into the model, as an event at this time")
        }),
        _ => {}
    }
}

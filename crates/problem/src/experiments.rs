//! The condition and experiment tables: what is done to the model, and when.

use std::collections::{BTreeMap, HashMap};

use metacascade_engine::{Intervention, Network, Program, suggestion};

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

/// An experiment: periods, at whose beginnings the model is changed.
///
/// Changes of the first period are made before the model's initial values are computed, those of a later one to its
/// state then (PEtab version 2, "Initialization and parameter application" and "Detailed semantics").
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Identifier; empty for measurements of the model as it is.
    pub id: String,
    /// Name for people: the extension column `experimentName`, or the identifier.
    pub name: String,
    /// Ascending in time; the first may begin at −∞, that is, last until nothing changes any more.
    pub(crate) periods: Vec<Period>,
    /// The network with what later periods change; none if there are none and the start is that of the network.
    pub(crate) network: Option<Network>,
}

/// What is changed at a time.
#[derive(Clone, Debug)]
pub(crate) struct Period {
    pub time: f64,
    /// The conditions that begin.
    pub conditions: Vec<String>,
    pub changes: Vec<Change>,
    /// The changes as values of slots, computed from the state; of periods after the first.
    pub set: Vec<(usize, Program)>,
}

impl Experiment {
    /// The model as it is.
    pub(crate) fn unchanged(id: &str) -> Self {
        Self { id: id.to_owned(), name: id.to_owned(), periods: Vec::new(), network: None }
    }

    /// The changes made before initial values are computed.
    pub(crate) fn first_changes(&self) -> &[Change] {
        self.periods.first().map_or(&[], |period| &period.changes)
    }

    /// The period that begins at the start, if a steady state comes before it.
    pub(crate) fn after_steady_state(&self) -> Option<&Period> {
        self.periods.get(1).filter(|_| self.begins_steady())
    }

    /// Whether the model is at a steady state when the experiment begins.
    #[must_use]
    pub fn begins_steady(&self) -> bool {
        self.periods.first().is_some_and(|period| period.time == f64::NEG_INFINITY)
    }

    /// The time at which it begins, a steady state before it not counted.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.periods.iter().map(|period| period.time).find(|time| time.is_finite()).unwrap_or(0.0)
    }
}

/// What a condition sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A parameter, by its position in the network.
    Parameter(usize),
    /// A species or variable, by its position in the network.
    Species(usize),
}

impl Target {
    fn slot(self, network: &Network) -> usize {
        match self {
            Self::Parameter(index) => parameter_slots(network).start + index,
            Self::Species(index) => 1 + index,
        }
    }
}

/// A target and its value.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub target: Target,
    /// The target as the table names it, and the expression of its value.
    pub text: (String, String),
    pub value: Program,
    /// The compartment by whose size the value is multiplied: the target is a concentration.
    pub per: Option<String>,
    /// Table and row it comes from; none if it is an arm of the model.
    place: Option<(usize, usize)>,
}

/// The changes of each condition.
pub(crate) type Conditions = BTreeMap<String, Vec<Change>>;

/// Reads all condition tables; arms of the model are conditions too.
pub(crate) fn read_conditions(tables: &[Table], scope: &mut Scope<'_>, problems: &mut Problems) -> Conditions {
    let mut conditions = Conditions::new();
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    for (index, table) in tables.iter().enumerate() {
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
            let (Some(name), Some(value)) = (target, value) else { continue };
            if let Some(line) = seen.insert((id.to_owned(), name.to_owned()), table.line(row)) {
                problems.cell(table, row, "targetId", |_| {
                    Complaint::new(format!("condition `{id}` sets `{name}` twice"), "again here")
                        .help(format!("it is set on line {line} already"))
                });
            }
            let target = read_target(table, row, name, scope, problems);
            let program = scope.compile(table, row, "targetValue", value, &[], problems);
            let (text, per) = ((name.to_owned(), value.to_owned()), scope.compartment(name));
            let place = Some((index, row));
            changes.extend(target.zip(program).map(|(target, value)| Change { target, text, value, per, place }));
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
                let text = (network.parameters()[parameter].name.clone(), format!("{value:e}"));
                let value = network.compile(&text.1, &[]).ok()?;
                Some(Change { target: Target::Parameter(parameter), text, value, per: None, place: None })
            };
            arm.set.iter().filter_map(change).collect()
        });
    }
}

fn read_target(table: &Table, row: usize, target: &str, scope: &Scope<'_>, problems: &mut Problems) -> Option<Target> {
    let network = scope.network?;
    let name = scope.own(target);
    if scope.parameters.contains_key(target) {
        problems.cell(table, row, "targetId", |_| {
            Complaint::new(
                format!("`{target}` is set here and in the parameter table"),
                "also a row of the parameter table",
            )
            .help("give the parameter table a parameter of another name and use it as `targetValue`")
        });
        return None;
    }
    if let Some(index) = network.species_index(name) {
        return Some(Target::Species(index));
    }
    if let Some(index) = network.parameter_index(name) {
        return Some(Target::Parameter(index));
    }
    // In version 1, the place is a cell below the target's name.
    problems.cell(table, row, "targetId", |_| {
        let names = network.species().iter().map(|species| species.name.as_str());
        let names = names.chain(network.parameters().iter().map(|parameter| parameter.name.as_str()));
        let complaint = Complaint::new(format!("the model has no species or parameter `{target}`"), "not in the model");
        match network.slot(name) {
            Some(_) => complaint.help("rules give their value at all times; a condition cannot set them"),
            None => complaint.maybe_help(suggestion(target, names)),
        }
    });
    None
}

/// The slots of the network's parameters.
pub(crate) fn parameter_slots(network: &Network) -> std::ops::Range<usize> {
    let start = 1 + network.species().len();
    start..start + network.parameters().len()
}

/// Reads all experiment tables; none of `conditions` if their tables could not be read.
pub(crate) fn read_experiments(
    tables: &[Table],
    conditions: Option<(&Conditions, &[Table])>,
    scope: &mut Scope<'_>,
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
            let experiment = &mut experiments[position];
            if let Some(name) = table.column("experimentName").and_then(|cells| cells.text(row)) {
                experiment.name = name.to_owned();
            }
            let Some(time) = read_time(table, row, problems) else { continue };
            let period = match experiment.periods.iter().position(|period| period.time == time) {
                Some(period) => &mut experiment.periods[period],
                None => {
                    let (conditions, changes, set) = (Vec::new(), Vec::new(), Vec::new());
                    experiment.periods.push(Period { time, conditions, changes, set });
                    // It was pushed the line before.
                    let last = experiment.periods.len() - 1;
                    &mut experiment.periods[last]
                }
            };
            let condition = table.column("conditionId").and_then(|cells| cells.text(row));
            let (Some(condition), Some((conditions, _))) = (condition, conditions) else { continue };
            let Some(changes) = conditions.get(condition) else {
                problems.cell(table, row, "conditionId", |text| {
                    let known = conditions.keys().map(String::as_str);
                    Complaint::new(format!("there is no condition `{text}`"), "not in the condition table")
                        .maybe_help(suggestion(text, known))
                });
                continue;
            };
            period.conditions.push(condition.to_owned());
            for change in changes {
                if period.changes.iter().any(|earlier| earlier.target == change.target) {
                    problems.cell(table, row, "conditionId", |text| {
                        let message = format!("`{text}` sets what another condition of `{id}` sets at the same time");
                        Complaint::new(message, "both set the same target").help("keep one of the two")
                    });
                }
                period.changes.push(change.clone());
            }
        }
    }
    for experiment in &mut experiments {
        experiment.periods.sort_by(|a, b| a.time.total_cmp(&b.time));
        if let Some((_, tables)) = conditions {
            check_first(experiment.first_changes(), tables, scope, problems);
        }
        set_up(experiment, scope);
    }
    experiments
}

/// The time at which a period begins; −∞ for one that lasts until a steady state.
fn read_time(table: &Table, row: usize, problems: &mut Problems) -> Option<f64> {
    let cells = table.column("time")?;
    if cells.text(row) == Some("-inf") {
        return Some(f64::NEG_INFINITY);
    }
    // -0.0 and 0.0 are one time.
    cells.number(table, row, problems).map(|time| time + 0.0)
}

/// Changes of the first period are made before the simulation, when only parameters have a value.
fn check_first(changes: &[Change], tables: &[Table], scope: &mut Scope<'_>, problems: &mut Problems) {
    let Some(network) = scope.network else { return };
    let known = |slot: usize| {
        let constant = slot.checked_sub(1).and_then(|index| network.species().get(index));
        slot == 0
            || slot >= network.slots()
            || parameter_slots(network).contains(&slot)
            || constant.is_some_and(|variable| {
                variable.is_constant() && scope.parameters.keys().any(|id| scope.own(id) == variable.name)
            })
    };
    let mut told = Vec::new();
    for change in changes {
        let Some((table, row)) = change.place else { continue };
        let table = &tables[table];
        let size = change.per.as_ref().filter(|name| network.parameter_index(name).is_none());
        if let Some(compartment) = size {
            told.push((table, row, "targetId", {
                let message = format!("the size of `{compartment}` is not known before the simulation");
                Complaint::new(message, "a concentration in a compartment that is no constant")
                    .help("set the amount, or make the compartment's size a constant")
            }));
        }
        if let Some(&slot) = change.value.reads().iter().find(|&&slot| !known(slot)) {
            let name = network.symbols().nth(slot).unwrap_or_default();
            told.push((table, row, "targetValue", {
                Complaint::new(
                    format!("a condition's value may not use `{name}` when an experiment begins"),
                    "not a parameter",
                )
                .help("use numbers and parameters: they alone have a value before the simulation")
            }));
        }
    }
    for (table, row, column, complaint) in told {
        if scope.told.insert((table.file().to_owned(), table.line(row), column)) {
            problems.cell(table, row, column, |_| complaint);
        }
    }
}

/// Makes the network that the experiment's later periods change.
fn set_up(experiment: &mut Experiment, scope: &Scope<'_>) {
    let Some(network) = scope.network else { return };
    for period in experiment.periods.iter_mut().skip(1) {
        period.set = settings(&period.changes, network, scope);
    }
    let simulated = 1 + usize::from(experiment.begins_steady());
    let later = experiment.periods.iter().skip(simulated);
    let interventions: Vec<Intervention> =
        later.map(|period| Intervention { time: period.time, set: period.set.clone() }).collect();
    let start = experiment.start();
    if start != network.start() || !interventions.is_empty() {
        experiment.network = Some(network.under(start, &interventions));
    }
}

/// The changes of a period as values of slots.
///
/// A concentration is set by its amount, with the compartment's size after the changes; concentrations of a compartment
/// whose size is set, and that are not set themselves, are kept.
fn settings(changes: &[Change], network: &Network, scope: &Scope<'_>) -> Vec<(usize, Program)> {
    let size = |compartment: &str| {
        let set = changes.iter().find(|change| change.target.slot(network) == network.slot(compartment).unwrap_or(0));
        set.map_or(compartment, |change| change.text.1.as_str()).to_owned()
    };
    let compile = |text: &str| network.compile_in(scope.dialect, text, &[]).ok();
    let mut set: Vec<(usize, Program)> = Vec::new();
    for change in changes {
        let value = match &change.per {
            // Both parts were compiled before, so that the product can be.
            Some(compartment) => compile(&format!("({}) * ({})", change.text.1, size(compartment))),
            None => Some(change.value.clone()),
        };
        set.extend(value.map(|value| (change.target.slot(network), value)));
    }
    for (id, symbol) in scope.symbols {
        let Some((slot, compartment)) = network.slot(&symbol.name).zip(symbol.per.as_deref()) else { continue };
        let resized = size(compartment) != compartment;
        if resized && network.species_index(&symbol.name).is_some() && set.iter().all(|(other, _)| *other != slot) {
            let kept = compile(&format!("{id} * ({})", size(compartment)));
            set.extend(kept.map(|value| (slot, value)));
        }
    }
    set
}

//! The measurement table: what was measured, where and when.

use std::collections::{BTreeMap, HashMap, HashSet};

use metacascade_engine::suggestion;

use crate::{
    experiments::Experiment,
    observables::{Defined, Kind, is_positive},
    problems::{Complaint, Problems},
    scope::Scope,
    table::{Cells, Columns, Table, parse_number},
};

/// Columns of PEtab version 2, and of ours `replicateId`.
pub(crate) const COLUMNS: Columns = Columns {
    kind: "measurement",
    required: &["observableId", "experimentId", "measurement", "time"],
    optional: &["observableParameters", "noiseParameters", "datasetId", "replicateId", "modelId"],
};

/// The value of a placeholder in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Override {
    Number(f64),
    /// A parameter, by its slot among the scope's values.
    Slot(usize),
}

impl Override {
    pub fn value(self, values: &[f64]) -> f64 {
        match self {
            Self::Number(value) => value,
            Self::Slot(slot) => values[slot],
        }
    }
}

/// One row of the measurement table.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// When, in the model's unit of time.
    pub time: f64,
    /// What was measured, in the observable's unit.
    pub value: f64,
    /// The standard deviation (or scale) of its noise, if it is a number whatever the parameters.
    pub noise: Option<f64>,
    /// The observable's placeholders, then the noise's.
    pub(crate) overrides: Box<[Override]>,
    /// Table and row it comes from.
    pub(crate) source: (usize, usize),
}

/// The measurements of one observable on one trajectory, ascending in time.
#[derive(Clone, Debug)]
pub struct Series {
    /// Position among the problem's observables.
    pub observable: usize,
    /// Position among the problem's experiments.
    pub experiment: usize,
    /// Position among the problem's trajectories: series of the same trajectory were measured on the same subject.
    pub trajectory: usize,
    /// The measurements; one for each time.
    pub measurements: Vec<Measurement>,
}

/// A subject: one run of an experiment, on which one or more observables were measured.
///
/// Rows of the same experiment and `replicateId` (or lack of one) belong to one subject. A row that repeats an
/// observable, experiment, `replicateId` and time belongs to a further one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trajectory {
    /// Position among the problem's experiments.
    pub experiment: usize,
    /// `replicateId`; empty where none is given.
    pub replicate: String,
    /// 0 for the first row at an observable and time, 1 for its first repetition, and so on.
    pub repetition: usize,
}

/// All that the measurement tables say.
pub(crate) struct Measurements {
    pub trajectories: Vec<Trajectory>,
    pub series: Vec<Series>,
}

/// What rows refer to.
pub(crate) struct References<'a> {
    /// None if the observable tables could not be read: then no name is doubted.
    pub observables: Option<&'a [Defined]>,
    /// None if the experiment tables could not be read.
    pub experiments: Option<&'a [Experiment]>,
    /// The identifier of the model.
    pub model: &'a str,
}

/// The columns of one table.
struct Row<'t> {
    observable: Cells<'t>,
    experiment: Cells<'t>,
    measurement: Cells<'t>,
    time: Cells<'t>,
    observable_parameters: Option<Cells<'t>>,
    noise_parameters: Option<Cells<'t>>,
    replicate: Option<Cells<'t>>,
    model: Option<Cells<'t>>,
}

impl<'t> Row<'t> {
    fn of(table: &'t Table) -> Option<Self> {
        Some(Self {
            observable: table.column("observableId")?,
            experiment: table.column("experimentId")?,
            measurement: table.column("measurement")?,
            time: table.column("time")?,
            observable_parameters: table.column("observableParameters"),
            noise_parameters: table.column("noiseParameters"),
            replicate: table.column("replicateId"),
            model: table.column("modelId"),
        })
    }
}

/// Reads all measurement tables.
pub(crate) fn read(
    tables: &[Table],
    references: &References<'_>,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Measurements {
    let observables: HashMap<&str, usize> =
        references.observables.into_iter().flatten().enumerate().map(|(i, defined)| (defined.id.as_str(), i)).collect();
    let experiments: HashMap<&str, usize> =
        references.experiments.into_iter().flatten().enumerate().map(|(i, known)| (known.id.as_str(), i)).collect();
    let mut told: HashSet<String> = HashSet::new();
    let mut repetitions: HashMap<(usize, usize, &str, u64), usize> = HashMap::new();
    let mut found: BTreeMap<(usize, Trajectory), Vec<Measurement>> = BTreeMap::new();
    for (number, table) in tables.iter().enumerate() {
        let Some(columns) = Row::of(table) else { continue };
        for row in 0..table.len() {
            let observable = known(
                &columns.observable,
                table,
                row,
                &observables,
                references.observables.is_some(),
                &mut told,
                problems,
            );
            let experiment = match columns.experiment.text(row) {
                // PEtab 2: an empty cell is the model as it is.
                None => experiments.get("").copied(),
                Some(_) => known(
                    &columns.experiment,
                    table,
                    row,
                    &experiments,
                    references.experiments.is_some(),
                    &mut told,
                    problems,
                ),
            };
            check_model(&columns, table, row, references.model, problems);
            let known = experiment.zip(references.experiments).and_then(|(index, all)| all.get(index));
            let time = read_time(&columns.time, table, row, known.map_or(0.0, Experiment::start), problems);
            let value = columns.measurement.number(table, row, problems);
            let Some((observable, defined)) = observable.zip(references.observables).map(|(i, all)| (i, &all[i]))
            else {
                continue;
            };
            if let Some(value) = value {
                check_value(table, row, value, defined, problems);
            }
            let overrides = read_overrides(&columns, table, row, defined, scope, problems);
            let (Some(experiment), Some(time), Some(value), Some(overrides)) = (experiment, time, value, overrides)
            else {
                continue;
            };
            let noise = known_noise(table, row, defined, &overrides, problems);
            let replicate = columns.replicate.and_then(|cells| cells.text(row)).unwrap_or_default();
            let repetition = repetitions.entry((observable, experiment, replicate, time.to_bits())).or_default();
            let trajectory = Trajectory { experiment, replicate: replicate.to_owned(), repetition: *repetition };
            *repetition += 1;
            found.entry((observable, trajectory)).or_default().push(Measurement {
                time,
                value,
                noise,
                overrides,
                source: (number, row),
            });
        }
    }
    assemble(found)
}

fn assemble(found: BTreeMap<(usize, Trajectory), Vec<Measurement>>) -> Measurements {
    let mut trajectories: Vec<Trajectory> = found.keys().map(|(_, trajectory)| trajectory.clone()).collect();
    trajectories.sort();
    trajectories.dedup();
    let series = found
        .into_iter()
        .map(|((observable, trajectory), mut measurements)| {
            measurements.sort_by(|a, b| a.time.total_cmp(&b.time));
            let position = trajectories.partition_point(|earlier| *earlier < trajectory);
            Series { observable, experiment: trajectory.experiment, trajectory: position, measurements }
        })
        .collect();
    Measurements { trajectories, series }
}

/// The position of what a cell refers to; if all names are known, an unknown one is a problem, told once.
fn known(
    cells: &Cells<'_>,
    table: &Table,
    row: usize,
    names: &HashMap<&str, usize>,
    complete: bool,
    told: &mut HashSet<String>,
    problems: &mut Problems,
) -> Option<usize> {
    let name = cells.required(table, row, problems)?;
    let position = names.get(name).copied();
    if position.is_none() && complete && told.insert(format!("{} {name}", cells.name)) {
        let kind = cells.name.trim_end_matches("Id");
        problems.cell(table, row, cells.name, |text| {
            let mut known: Vec<&str> = names.keys().copied().collect();
            known.sort_unstable();
            let list = || format!("add it to the {kind} table, which has: {}", known.join(", "));
            Complaint::new(format!("there is no {kind} `{text}`"), format!("not in the {kind} table"))
                .help(suggestion(text, known.iter().copied()).unwrap_or_else(list))
        });
    }
    position
}

fn check_model(columns: &Row<'_>, table: &Table, row: usize, model: &str, problems: &mut Problems) {
    if let Some(text) = columns.model.and_then(|cells| cells.text(row))
        && text != model
    {
        problems.cell(table, row, "modelId", |text| {
            Complaint::new(format!("there is no model `{text}`"), "not a key of `model_files`")
                .help(format!("the model is called `{model}`"))
        });
    }
}

/// A time not before the experiment's start; infinite at its steady state.
fn read_time(cells: &Cells<'_>, table: &Table, row: usize, start: f64, problems: &mut Problems) -> Option<f64> {
    if cells.text(row) == Some("inf") {
        return Some(f64::INFINITY);
    }
    let time = cells.number(table, row, problems)?;
    if time < start {
        problems.cell(table, row, cells.name, |_| {
            let complaint = match start == 0.0 {
                true => format!("the time {time} is negative"),
                false => format!("the time {time} is before {start}, when the experiment begins"),
            };
            Complaint::new(complaint, "before the beginning").help(format!("the experiment begins at time {start}"))
        });
        return None;
    }
    // -0.0 and 0.0 are one time.
    Some(time + 0.0)
}

fn check_value(table: &Table, row: usize, value: f64, defined: &Defined, problems: &mut Problems) {
    let (message, help) = match defined.kind {
        Kind::Cells if value < 0.0 => {
            (format!("a number of cells cannot be {value}"), "numbers of cells are 0 or more")
        }
        Kind::Amount if value < 0.0 => (format!("an amount cannot be {value}"), "amounts are 0 or more"),
        Kind::Fraction if !(0.0..=1.0).contains(&value) => {
            (format!("a fraction cannot be {value}"), "fractions are between 0 and 1; divide percentages by 100")
        }
        _ if defined.noise.is_logarithmic() && value <= 0.0 => {
            (format!("logarithmic noise cannot give {value}"), "measurements must be positive, or the noise `normal`")
        }
        _ => return,
    };
    problems.cell(table, row, "measurement", |_| Complaint::new(message, "not possible").help(help));
}

fn read_overrides(
    columns: &Row<'_>,
    table: &Table,
    row: usize,
    defined: &Defined,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Option<Box<[Override]>> {
    let (observable_placeholders, noise_placeholders) = defined.placeholders?;
    let groups = [
        ("observableParameters", columns.observable_parameters, observable_placeholders),
        ("noiseParameters", columns.noise_parameters, noise_placeholders),
    ];
    let mut overrides = Vec::new();
    let mut sound = true;
    for (column, cells, wanted) in groups {
        let text = cells.and_then(|cells| cells.text(row)).unwrap_or_default();
        let parts: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(';').map(str::trim).collect() };
        if parts.len() != wanted {
            sound = false;
            // Without the column, the identifier is the place to complain.
            let place = if cells.is_some() { column } else { "observableId" };
            problems.cell(table, row, place, |_| {
                let message = format!("{} values in `{column}` where `{}` needs {wanted}", parts.len(), defined.id);
                let list = if column == "noiseParameters" { "noisePlaceholders" } else { "observablePlaceholders" };
                Complaint::new(message, "wrong number of values")
                    .help(format!("give one value, or parameter, for each name in `{list}`, separated by `;`"))
            });
            continue;
        }
        for part in parts {
            match parse_number(part).map(Override::Number).or_else(|| scope.parameter_slot(part).map(Override::Slot)) {
                Some(value) => overrides.push(value),
                None => {
                    sound = false;
                    // Without a model no name can be doubted.
                    if scope.network.is_some() {
                        problems.cell(table, row, column, |_| {
                            Complaint::new(format!("`{part}` is neither a number nor a parameter"), "unknown")
                                .maybe_help(suggestion(part, scope.parameter_names()))
                        });
                    }
                }
            }
        }
    }
    sound.then(|| overrides.into_boxed_slice())
}

/// The noise of a row, if it depends on numbers alone; it must be positive.
fn known_noise(
    table: &Table,
    row: usize,
    defined: &Defined,
    overrides: &[Override],
    problems: &mut Problems,
) -> Option<f64> {
    let observable = defined.observable.as_ref()?;
    let slots = observable.placeholder_slots();
    let mut values = vec![0.0; slots.end];
    for &slot in observable.noise_program.reads() {
        match slots.contains(&slot).then(|| overrides[slot - slots.start]) {
            Some(Override::Number(value)) => values[slot] = value,
            _ => return None,
        }
    }
    let noise = observable.noise_program.evaluate(&values);
    // A formula without any placeholder was checked with the observable table.
    if !is_positive(noise) && !observable.noise_program.reads().is_empty() {
        problems.cell(table, row, "noiseParameters", |_| {
            Complaint::new(
                format!("the noise of this measurement is {noise}, not positive"),
                "must give a value above 0",
            )
            .help("a value known without error is no measurement: leave the row out, or set it by a condition")
        });
    }
    Some(noise)
}

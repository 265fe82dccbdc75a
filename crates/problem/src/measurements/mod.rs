//! The measurement table: what was measured, where and when.

mod cells;
mod compositions;
mod reading;

use std::collections::{HashMap, HashSet};

use metacascade_engine::suggestion;

use crate::{
    experiments::Experiment,
    observables::Defined,
    problems::{Complaint, Problems},
    scope::Scope,
    subjects::Subject,
    table::{Cells, Columns, Table},
    units::Conversions,
};

use cells::Row;
pub use reading::Reading;

/// Columns of PEtab version 2, PEtab version 1's `datasetId`, and ours.
pub(crate) const COLUMNS: Columns = Columns {
    kind: "measurement",
    required: &["observableId", "experimentId", "measurement", "time"],
    optional: OPTIONAL,
    open: false,
};

/// Columns that may be there, in either version of PEtab.
pub(crate) const OPTIONAL: &[&str] = &[
    "observableParameters",
    "noiseParameters",
    "modelId",
    "datasetId",
    "replicateId",
    "subjectId",
    "trials",
    "sampledFraction",
    "censoring",
    "upperLimit",
    "measurementSd",
    "measurementN",
    "measurementUnit",
    "timeUnit",
];

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
    /// What was measured, in the observable's unit: for a law of counts the number that was counted.
    pub value: f64,
    /// What the value says.
    pub reading: Reading,
    /// How much was looked at: the `trials` of a law of k of n, the size of a multinomial sample, or the
    /// `sampledFraction`, the share of what the model's value means; 1 unless given.
    pub exposure: f64,
    /// The standard deviation (or scale) of its noise, if it is a number whatever the parameters.
    pub noise: Option<f64>,
    /// The observable's placeholders, then the noise's.
    pub(crate) overrides: Box<[Override]>,
    /// Table and row it comes from.
    pub(crate) source: (u32, u32),
}

impl Measurement {
    /// The measurement on the scale of the model's value: the share of the trials, or what all would have given.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.value / self.exposure
    }
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
    /// The measurements. Only a subject of the subject table may have several at one time.
    pub measurements: Vec<Measurement>,
}

/// A subject: one run of an experiment, on which one or more observables were measured.
///
/// Rows of the same experiment and `replicateId` (or lack of one) belong to one subject. A row that repeats an
/// observable, experiment, `replicateId` and time belongs to a further one, unless it is of a subject of the subject
/// table, which then was measured twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trajectory {
    /// Position among the problem's experiments.
    pub experiment: usize,
    /// `subjectId` or `replicateId`; empty where none is given.
    pub replicate: String,
    /// 0 for the first row at an observable and time, 1 for its first repetition, and so on.
    pub repetition: usize,
    /// Position among the problem's subjects, if it is one of the subject table.
    pub subject: Option<usize>,
}

/// All that the measurement tables say.
pub(crate) struct Measurements {
    pub trajectories: Vec<Trajectory>,
    pub series: Vec<Series>,
    /// Rows whose measurement is `NA`.
    pub missing: usize,
}

/// What rows refer to.
pub(crate) struct References<'a> {
    /// None if the observable tables could not be read: then no name is doubted.
    pub observables: Option<&'a [Defined]>,
    /// None if the experiment tables could not be read.
    pub experiments: Option<&'a [Experiment]>,
    /// None if the subject tables could not be read; empty if there are none.
    pub subjects: Option<&'a [Subject]>,
    /// The identifier of the model.
    pub model: &'a str,
    /// The model's unit of time.
    pub time_unit: &'a str,
}

/// The names of tables that rows refer to, with their positions.
pub(crate) struct Names<'a> {
    observables: HashMap<&'a str, usize>,
    pub experiments: HashMap<&'a str, usize>,
    pub subjects: HashMap<&'a str, usize>,
    told: HashSet<String>,
}

impl<'a> Names<'a> {
    pub fn new(references: &References<'a>) -> Self {
        let observables = references.observables.into_iter().flatten().enumerate();
        let experiments = references.experiments.into_iter().flatten().enumerate();
        let subjects = references.subjects.into_iter().flatten().enumerate();
        Self {
            observables: observables.map(|(index, defined)| (defined.id.as_str(), index)).collect(),
            experiments: experiments.map(|(index, experiment)| (experiment.id.as_str(), index)).collect(),
            subjects: subjects.map(|(index, subject)| (subject.id.as_str(), index)).collect(),
            told: HashSet::new(),
        }
    }

    /// The subject and experiment of a row; each may be given, or the experiment follow from the subject's arm.
    ///
    /// The outer none says that a name is wrong.
    pub fn design(
        &mut self,
        table: &Table,
        row: usize,
        [experiment, subject]: [Option<Cells<'_>>; 2],
        references: &References<'_>,
        problems: &mut Problems,
    ) -> Option<(usize, Option<usize>)> {
        let Self { experiments, subjects, told, .. } = self;
        let named = experiment.filter(|cells| cells.text(row).is_some());
        let complete = references.experiments.is_some();
        let known_experiment = named.map(|cells| known(&cells, table, row, experiments, complete, told, problems));
        let (mut position, mut arm) = (None, None);
        if let Some(cells) = subject.filter(|cells| !subjects.is_empty() && cells.text(row).is_some()) {
            position = Some(known(&cells, table, row, subjects, true, told, problems)?);
            arm = position.and_then(|position| references.subjects?[position].experiment);
        }
        if let (Some(Some(experiment)), Some(arm), Some(cells)) = (known_experiment, arm, named)
            && experiment != arm
        {
            problems.cell(table, row, cells.name, |text| {
                let arm = references.experiments.map_or("", |experiments| &experiments[arm].id);
                Complaint::new(format!("the subject is not in `{text}`"), "another arm")
                    .help(format!("the subject table says `{arm}`"))
            });
            return None;
        }
        // PEtab 2: an empty cell is the model as it is.
        let unnamed = || experiments.get("").copied();
        Some((known_experiment.unwrap_or_else(|| arm.or_else(unnamed))?, position))
    }
}

/// One row and where it belongs.
struct Found {
    observable: usize,
    experiment: usize,
    /// Position among the names of replicates in order of first use, later by name.
    replicate: usize,
    repetition: usize,
    measurement: Measurement,
}

impl Found {
    fn trajectory(&self) -> (usize, usize, usize) {
        (self.experiment, self.replicate, self.repetition)
    }
}

/// Names of replicates, each with its subject.
#[derive(Default)]
struct Replicates<'t> {
    index: HashMap<(&'t str, Option<usize>), usize>,
    names: Vec<(&'t str, Option<usize>)>,
}

impl<'t> Replicates<'t> {
    fn position(&mut self, name: &'t str, subject: Option<usize>) -> usize {
        *self.index.entry((name, subject)).or_insert_with(|| {
            self.names.push((name, subject));
            self.names.len() - 1
        })
    }
}

/// Reads all measurement tables.
pub(crate) fn read(
    tables: &[Table],
    references: &References<'_>,
    conversions: &mut Conversions,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Measurements {
    let mut names = Names::new(references);
    let mut replicates = Replicates::default();
    let mut found: Vec<Found> = Vec::new();
    let mut missing = 0;
    for (number, table) in tables.iter().enumerate() {
        let Some(columns) = Row::of(table) else { continue };
        for row in 0..table.len() {
            if columns.measurement.is_missing(row) {
                missing += 1;
                continue;
            }
            let complete = references.observables.is_some();
            let Names { observables, told, .. } = &mut names;
            let observable = known(&columns.observable, table, row, observables, complete, told, problems);
            let cells = [Some(columns.experiment), columns.subject()];
            let design = names.design(table, row, cells, references, problems);
            columns.check_model(table, row, references.model, problems);
            let begins = design.zip(references.experiments).and_then(|((index, _), all)| all.get(index));
            let to = convert(columns.time_unit, table, row, references.time_unit, conversions, problems);
            let start = begins.map_or(0.0, Experiment::start);
            let time = to.and_then(|factor| columns.read_time(table, row, factor, start, problems));
            let value = columns.measurement.number(table, row, problems);
            let Some((observable, defined)) = observable.zip(references.observables).map(|(i, all)| (i, &all[i]))
            else {
                continue;
            };
            let factor = convert(columns.unit, table, row, &defined.unit, conversions, problems);
            let value = value.zip(factor).map(|(value, factor)| value * factor);
            let parts = value.zip(factor);
            let parts =
                parts.and_then(|(value, factor)| columns.read_value(table, row, value, factor, defined, problems));
            let overrides = columns.read_overrides(table, row, defined, scope, problems);
            let (Some((experiment, subject)), Some(time), Some((reading, exposure)), Some(overrides), Some(value)) =
                (design, time, parts, overrides, value)
            else {
                continue;
            };
            let noise = cells::known_noise(table, row, defined, &overrides, problems);
            let measurement =
                Measurement { time, value, reading, exposure, noise, overrides, source: (number as u32, row as u32) };
            let replicate = replicates.position(columns.replicate_name(row), subject);
            found.push(Found { observable, experiment, replicate, repetition: 0, measurement });
        }
    }
    let order = sort(&mut found, &replicates.names);
    if let Some(observables) = references.observables {
        compositions::check(&mut found, observables, tables, problems);
    }
    Measurements { missing, ..assemble(found, &replicates.names, &order) }
}

/// Sorts rows by observable, trajectory and time, and tells repetitions apart; the order of the replicates' names.
fn sort(found: &mut [Found], names: &[(&str, Option<usize>)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&position| names[position]);
    let mut ranks = vec![0; names.len()];
    order.iter().enumerate().for_each(|(rank, &position)| ranks[position] = rank);
    found.iter_mut().for_each(|row| row.replicate = ranks[row.replicate]);
    // Stable sorts: rows of one time keep their order.
    found.sort_by(|a, b| {
        let key = |row: &Found| (row.observable, row.experiment, row.replicate);
        key(a).cmp(&key(b)).then(a.measurement.time.total_cmp(&b.measurement.time))
    });
    let mut repeated = false;
    for index in 1..found.len() {
        let (before, row) = found.split_at_mut(index);
        let (Some(before), Some(row)) = (before.last(), row.first_mut()) else { continue };
        let same = (before.observable, before.experiment, before.replicate, before.measurement.time)
            == (row.observable, row.experiment, row.replicate, row.measurement.time);
        if same && names[order[row.replicate]].1.is_none() {
            row.repetition = before.repetition + 1;
            repeated = true;
        }
    }
    if repeated {
        found.sort_by(|a, b| {
            let key = |row: &Found| (row.observable, row.trajectory());
            key(a).cmp(&key(b)).then(a.measurement.time.total_cmp(&b.measurement.time))
        });
    }
    order
}

/// The factor from the unit in a cell to another; 1 where the cell is empty or not there.
pub(crate) fn convert(
    cells: Option<Cells<'_>>,
    table: &Table,
    row: usize,
    to: &str,
    conversions: &mut Conversions,
    problems: &mut Problems,
) -> Option<f64> {
    let Some((cells, from)) = cells.and_then(|cells| Some((cells, cells.text(row)?))) else { return Some(1.0) };
    let found = match to.is_empty() {
        true => Err((format!("`{from}` cannot be converted"), "it is not said into which unit".to_owned())),
        false => conversions.factor(from, to),
    };
    match found {
        Ok(factor) => Some(factor),
        Err((message, help)) => {
            problems.cell(table, row, cells.name, |_| Complaint::new(message, "another unit").help(help));
            None
        }
    }
}

/// Gathers sorted rows into series.
fn assemble(found: Vec<Found>, names: &[(&str, Option<usize>)], order: &[usize]) -> Measurements {
    let mut keys: Vec<(usize, usize, usize)> = found.iter().map(Found::trajectory).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut series: Vec<Series> = Vec::new();
    for row in found {
        // Every key is among the sorted ones.
        let trajectory = keys.binary_search(&row.trajectory()).unwrap_or_default();
        match series.last_mut() {
            Some(last) if (last.observable, last.trajectory) == (row.observable, trajectory) => {
                last.measurements.push(row.measurement);
            }
            _ => series.push(Series {
                observable: row.observable,
                experiment: row.experiment,
                trajectory,
                measurements: vec![row.measurement],
            }),
        }
    }
    let trajectory = |(experiment, replicate, repetition): (usize, usize, usize)| {
        let (name, subject) = names[order[replicate]];
        Trajectory { experiment, replicate: name.to_owned(), repetition, subject }
    };
    Measurements { trajectories: keys.into_iter().map(trajectory).collect(), series, missing: 0 }
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
    // A file full of wrong names is told by its first ones.
    if position.is_none() && complete && told.len() < MOST_TOLD && told.insert(format!("{} {name}", cells.name)) {
        let kind = match cells.name {
            "replicateId" => "subject",
            name => name.trim_end_matches("Id"),
        };
        problems.cell(table, row, cells.name, |text| {
            let mut known: Vec<&str> = names.keys().copied().filter(|name| !name.is_empty()).collect();
            known.sort_unstable();
            let more = if known.len() > MOST_LISTED { ", …" } else { "" };
            let list = || {
                let shown = known[..known.len().min(MOST_LISTED)].join(", ");
                format!("add it to the {kind} table, which has: {shown}{more}")
            };
            let near = known.iter().copied().take(MOST_COMPARED);
            Complaint::new(format!("there is no {kind} `{text}`"), format!("not in the {kind} table"))
                .help(suggestion(text, near).unwrap_or_else(list))
        });
    }
    position
}

/// Unknown names that are remembered as told.
const MOST_TOLD: usize = 10_000;

/// Known names that a message lists.
const MOST_LISTED: usize = 20;

/// Known names that an unknown one is compared with.
const MOST_COMPARED: usize = 10_000;

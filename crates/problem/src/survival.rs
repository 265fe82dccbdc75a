//! The survival table: when something happened to each subject, or until when it had not.
//!
//! ```text
//! survival.tsv  subjectId, experimentId, time, event, [timeUpper], [endpoint]
//! ```
//!
//! `event` is 1 where it happened at `time`, 0 where the subject was followed until `time` without it (right
//! censoring). With `timeUpper` it happened between the two times (interval censoring), and counts as seen in their
//! middle; what is simulated is looked at at the same visits ([`visits`]). `endpoint` is what happened, an expression of the model: a symbol whose name ends in `_first_detected` is
//! the time itself; anything else is a condition, such as `lung_detected >= 1`, looked at [`LOOKS`] times until the end
//! of follow-up.
//!
//! What simulated times are compared by is in [`curves`].

mod curves;
mod visits;

use std::ops::ControlFlow;

use metacascade_engine::Program;
use metacascade_inference::Failure;

use crate::{
    measurements::{self, Names, References, Series, Trajectory},
    observables::FigureKind,
    observe::View,
    problem::Problem,
    problems::{Complaint, Problems},
    scope::Scope,
    table::{Columns, Table},
    units::Conversions,
};

pub(crate) use curves::Curves;
pub use curves::{at, kaplan_meier};

/// Columns of the survival table.
pub(crate) const COLUMNS: Columns = Columns {
    kind: "survival",
    required: &["subjectId", "time", "event", "endpoint"],
    optional: &["experimentId", "timeUpper", "timeUnit"],
    open: false,
};

/// How often a condition is looked at until the end of follow-up.
pub(crate) const LOOKS: usize = 200;

/// One row of the survival table.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// Position among the problem's trajectories.
    pub trajectory: usize,
    /// Position among the problem's endpoints.
    pub endpoint: usize,
    /// When it happened, or until when it had not; the middle of an interval.
    pub time: f64,
    /// Whether it happened.
    pub event: bool,
    /// The interval in which it happened, where only that is known.
    pub interval: Option<(f64, f64)>,
}

/// What happens to subjects.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// As the table writes it.
    pub formula: String,
    pub(crate) program: Program,
    /// Whether its value is the time of the event.
    pub(crate) is_time: bool,
}

impl Endpoint {
    /// How times to it are best held against predictions.
    #[must_use]
    pub fn figure(&self) -> FigureKind {
        FigureKind::KaplanMeier
    }

    pub(crate) fn of(formula: &str, program: Program) -> Self {
        let is_time = formula.ends_with("_first_detected") && crate::scope::is_identifier(formula);
        Self { formula: formula.to_owned(), program, is_time }
    }

    /// When it happened, infinite if it has not.
    pub(crate) fn look(&self, view: &View<'_>) -> Result<f64, Failure> {
        let (value, time) = (self.program.evaluate(view.values()), view.values()[0]);
        if value.is_nan() {
            return Err(Failure(format!("the endpoint `{}` is not a number at time {time}", self.formula)));
        }
        Ok(match self.is_time {
            true => value,
            false if value != 0.0 => time,
            false => f64::INFINITY,
        })
    }
}

/// One row as read, before trajectories are known.
pub(crate) struct Row<'t> {
    pub experiment: usize,
    pub replicate: &'t str,
    pub subject: Option<usize>,
    pub survival: Survival,
}

/// Reads all survival tables.
pub(crate) fn read<'t>(
    tables: &'t [Table],
    references: &References<'_>,
    conversions: &mut Conversions,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> (Vec<Row<'t>>, Vec<Endpoint>) {
    let mut names = Names::new(references);
    let (mut rows, mut endpoints): (Vec<Row<'t>>, Vec<Endpoint>) = (Vec::new(), Vec::new());
    let mut seen: std::collections::HashMap<(&str, usize), usize> = std::collections::HashMap::new();
    for table in tables {
        for row in 0..table.len() {
            let subject = table.column("subjectId");
            let id = subject.and_then(|cells| cells.required(table, row, problems));
            let design = names.design(table, row, [table.column("experimentId"), subject], references, problems);
            let unit = table.column("timeUnit");
            let factor = measurements::convert(unit, table, row, references.time_unit, conversions, problems);
            let times = factor.and_then(|factor| read_times(table, row, factor, problems));
            let endpoint = read_endpoint(table, row, &mut endpoints, scope, problems);
            let (Some(id), Some((experiment, subject)), Some((time, event, interval)), Some(endpoint)) =
                (id, design, times, endpoint)
            else {
                continue;
            };
            if let Some(line) = seen.insert((id, endpoint), table.line(row)) {
                problems.cell(table, row, "subjectId", |text| {
                    Complaint::new(format!("the subject `{text}` comes twice"), "again here")
                        .help(format!("it has this endpoint on line {line} already"))
                });
            }
            let survival = Survival { trajectory: 0, endpoint, time, event, interval };
            rows.push(Row { experiment, replicate: id, subject, survival });
        }
    }
    (rows, endpoints)
}

/// Gives rows of survival their trajectories, which may be those of measurements of the same subject.
pub(crate) fn join(rows: Vec<Row<'_>>, trajectories: &mut Vec<Trajectory>, series: &mut [Series]) -> Vec<Survival> {
    if rows.is_empty() {
        return Vec::new();
    }
    let of = |row: &Row<'_>| Trajectory {
        experiment: row.experiment,
        replicate: row.replicate.to_owned(),
        repetition: 0,
        subject: row.subject,
    };
    let before = trajectories.clone();
    trajectories.extend(rows.iter().map(of));
    trajectories.sort();
    trajectories.dedup();
    // All are among them.
    let position = |wanted: &Trajectory| trajectories.binary_search(wanted).unwrap_or_default();
    series.iter_mut().for_each(|series| series.trajectory = position(&before[series.trajectory]));
    rows.into_iter().map(|row| Survival { trajectory: position(&of(&row)), ..row.survival }).collect()
}

/// Time, whether the event happened, and the interval it happened in.
type Times = (f64, bool, Option<(f64, f64)>);

fn read_times(table: &Table, row: usize, factor: f64, problems: &mut Problems) -> Option<Times> {
    let time = table.column("time").and_then(|cells| cells.number(table, row, problems));
    let event = table.column("event").and_then(|cells| cells.required(table, row, problems));
    let event = match event?.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => true,
        "0" | "false" | "no" => false,
        _ => {
            problems.cell(table, row, "event", |text| {
                Complaint::new(format!("`event` cannot be `{text}`"), "neither 1 nor 0")
                    .help("1: it happened at this time; 0: it had not happened until then")
            });
            return None;
        }
    };
    let time = factor * time?;
    if time < 0.0 || (time == 0.0 && !event) {
        problems.cell(table, row, "time", |_| {
            let message = match time < 0.0 {
                true => format!("the time {time} is negative"),
                false => "a subject without an event and without follow-up".to_owned(),
            };
            Complaint::new(message, "says nothing").help("give the time of follow-up, or leave the subject out")
        });
        return None;
    }
    let upper = table.column("timeUpper").filter(|cells| cells.text(row).is_some());
    let Some(cells) = upper else { return Some((time, event, None)) };
    let upper = factor * cells.number(table, row, problems)?;
    if !event || upper <= time {
        problems.cell(table, row, "timeUpper", |_| {
            let message = match event {
                true => format!("the interval from {time} to {upper} is empty"),
                false => "an interval without an event".to_owned(),
            };
            Complaint::new(message, "not possible")
                .help("`time` is the last time without the event, `timeUpper` the first with it")
        });
        return None;
    }
    Some((0.5 * (time + upper), true, Some((time, upper))))
}

fn read_endpoint(
    table: &Table,
    row: usize,
    endpoints: &mut Vec<Endpoint>,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Option<usize> {
    let text = table.column("endpoint")?.required(table, row, problems)?;
    if let Some(position) = endpoints.iter().position(|endpoint| endpoint.formula == text) {
        return Some(position);
    }
    let program = scope.compile(table, row, "endpoint", text, &[], problems)?;
    endpoints.push(Endpoint::of(text, program));
    Some(endpoints.len() - 1)
}

/// What is asked of one trajectory.
#[derive(Debug)]
pub(crate) struct Question {
    /// Position among the problem's rows of survival.
    pub row: usize,
    /// Position among the problem's endpoints.
    pub endpoint: usize,
}

/// The answers found along one trajectory: the time of each event, infinite until then.
pub(crate) struct Answers<'q> {
    questions: &'q [Question],
    pub times: Vec<f64>,
}

impl<'q> Answers<'q> {
    pub fn new(questions: &'q [Question]) -> Self {
        Self { questions, times: vec![f64::INFINITY; questions.len()] }
    }

    /// Looks at all endpoints; a trajectory of which nothing else is wanted may end once all have happened.
    pub fn look(&mut self, problem: &Problem, view: &View<'_>) -> Result<ControlFlow<()>, Failure> {
        for (question, found) in self.questions.iter().zip(&mut self.times) {
            if found.is_finite() {
                continue;
            }
            *found = problem.endpoints()[question.endpoint].look(view)?;
        }
        let all = !self.times.is_empty() && self.times.iter().all(|time| time.is_finite());
        Ok(if all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// Times at which the endpoints of a trajectory are looked at until `end`.
pub(crate) fn looks(problem: &Problem, questions: &[Question], end: f64) -> Vec<f64> {
    if questions.iter().all(|question| problem.endpoints()[question.endpoint].is_time) {
        return vec![end];
    }
    (0..=LOOKS).map(|look| end * look as f64 / LOOKS as f64).collect()
}

#[cfg(test)]
mod tests;

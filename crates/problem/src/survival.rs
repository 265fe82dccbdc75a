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
//! There is no likelihood in closed form for what a simulator says of times to events. Approximate Bayesian computation
//! compares Kaplan–Meier curves: for each experiment the survival at the deciles of the event times measured in it, and,
//! where a covariate sets a parameter, at the quartiles within each third of it. Deciles put the coordinates where the
//! events are; survival at a fixed time is a share, so it is transformed by the arcsine of the root, which makes its
//! variance even. Follow-up is simulated too: a subject whose event was seen would have been followed for a time drawn
//! from the censoring times beyond it, by the Kaplan–Meier estimate of censoring.

mod visits;

use std::{collections::BTreeMap, ops::ControlFlow};

use metacascade_engine::Program;
use metacascade_inference::Failure;
use metacascade_random::rand::{Rng, RngExt as _};

use crate::{
    measurements::{self, Names, References, Series, Trajectory},
    observables::FigureKind,
    observe::View,
    problem::Problem,
    problems::{Complaint, Problems},
    scope::Scope,
    subjects::Values,
    table::{Columns, Table},
    units::Conversions,
};
use visits::Visits;

/// Columns of the survival table.
pub(crate) const COLUMNS: Columns = Columns {
    kind: "survival",
    required: &["subjectId", "time", "event", "endpoint"],
    optional: &["experimentId", "timeUpper", "timeUnit"],
    open: false,
};

/// How often a condition is looked at until the end of follow-up.
pub(crate) const LOOKS: usize = 200;

/// Subjects in which thirds by a covariate are told apart.
const FEWEST_IN_THIRDS: usize = 30;

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
}

/// A time and whether an event ended it.
pub(crate) type Observed = (f64, bool);

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
    let is_time = text.ends_with("_first_detected") && crate::scope::is_identifier(text);
    endpoints.push(Endpoint { formula: text.to_owned(), program, is_time });
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
            let endpoint = &problem.endpoints()[question.endpoint];
            let value = endpoint.program.evaluate(view.values());
            if value.is_nan() {
                return Err(Failure(format!(
                    "the endpoint `{}` is not a number at time {}",
                    endpoint.formula,
                    view.values()[0]
                )));
            }
            if endpoint.is_time {
                *found = value;
            } else if value != 0.0 {
                *found = view.values()[0];
            }
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

/// Subjects whose curves are compared, and where.
#[derive(Debug)]
struct Stratum {
    name: String,
    /// Positions among the problem's rows of survival.
    rows: Vec<usize>,
    /// Times at which survival is compared.
    times: Vec<f64>,
}

/// Strata and follow-up of a problem.
#[derive(Debug, Default)]
pub(crate) struct Curves {
    strata: Vec<Stratum>,
    /// The Kaplan–Meier estimate of censoring, for each row's experiment and endpoint: ascending times and the share
    /// still followed after each.
    censoring: Vec<Vec<(f64, f64)>>,
    /// When the subjects of each of these were looked at.
    visits: Vec<Visits>,
    /// Which of `censoring` and `visits` each row belongs to.
    of_row: Vec<usize>,
}

impl Curves {
    pub fn new(problem: &Problem) -> Self {
        let rows = problem.survival();
        let mut curves = Self::default();
        let mut groups: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let experiment = problem.trajectories()[row.trajectory].experiment;
            groups.entry((experiment, row.endpoint)).or_default().push(index);
        }
        curves.of_row = vec![0; rows.len()];
        for (position, ((experiment, endpoint), members)) in groups.into_iter().enumerate() {
            members.iter().for_each(|&row| curves.of_row[row] = position);
            let reversed: Vec<Observed> = members.iter().map(|&row| (rows[row].time, !rows[row].event)).collect();
            curves.censoring.push(kaplan_meier(&reversed));
            curves.visits.push(Visits::of(members.iter().map(|&row| &rows[row])));
            let name = format!("{} {}", problem.endpoints()[endpoint].formula, problem.experiments()[experiment].id);
            curves.add(problem, name.clone(), members.clone(), 10);
            for (covariate, thirds) in thirds(problem, &members) {
                for (third, rows) in thirds.into_iter().enumerate() {
                    curves.add(problem, format!("{name} {covariate} third {}", third + 1), rows, 4);
                }
            }
        }
        curves
    }

    /// Adds a stratum that is compared at the quantiles of its event times, or, where nothing happened, at the end.
    fn add(&mut self, problem: &Problem, name: String, rows: Vec<usize>, parts: usize) {
        let survival = problem.survival();
        let mut events: Vec<f64> =
            rows.iter().map(|&row| &survival[row]).filter(|row| row.event).map(|row| row.time).collect();
        events.sort_by(f64::total_cmp);
        let mut times: Vec<f64> = (1..parts)
            .filter_map(|part| events.get((events.len() * part / parts).min(events.len().saturating_sub(1))))
            .copied()
            .collect();
        times.dedup();
        if times.is_empty() {
            times.extend(rows.iter().map(|&row| survival[row].time).reduce(f64::max));
        }
        self.strata.push(Stratum { name, rows, times });
    }

    /// What would have been seen of a subject whose event comes at `time`, if it comes.
    pub fn observe(&self, problem: &Problem, row: usize, time: f64, random: &mut impl Rng) -> Observed {
        let survival = &problem.survival()[row];
        // Drawn in any case: what one subject does must not move the numbers of another.
        let level: f64 = random.random();
        let end = match survival.event {
            false => survival.time,
            true => self.follow_up(row, survival.time, level),
        };
        self.visits[self.of_row[row]].seen(survival, time, end)
    }

    /// The time of follow-up, given that it is longer than `time`.
    fn follow_up(&self, row: usize, time: f64, level: f64) -> f64 {
        let censoring = &self.censoring[self.of_row[row]];
        let at = censoring.partition_point(|(earlier, _)| *earlier <= time);
        let still = at.checked_sub(1).map_or(1.0, |before| censoring[before].1);
        let found = censoring[at..].iter().find(|(_, share)| *share <= level * still);
        // Those followed beyond all censoring times were followed to the last time there is.
        found.or(censoring.last()).map_or(time, |(end, _)| end.max(time))
    }

    /// The longest follow-up of a row: until when it must be simulated.
    pub fn end(&self, problem: &Problem, row: usize) -> f64 {
        let survival = &problem.survival()[row];
        if survival.event { self.follow_up(row, survival.time, 0.0) } else { survival.time }
    }

    /// The transformed survival of each stratum at each of its times, from what was seen of each row.
    pub fn summaries(&self, seen: &[Observed]) -> Vec<f64> {
        let of = |stratum: &Stratum| {
            let seen: Vec<Observed> = stratum.rows.iter().map(|&row| seen[row]).collect();
            let curve = kaplan_meier(&seen);
            let n = seen.len() as f64;
            let transform = move |time: &f64| ((at(&curve, *time) * n + 0.375) / (n + 0.75)).sqrt().asin();
            stratum.times.iter().map(transform).collect::<Vec<f64>>()
        };
        self.strata.iter().flat_map(of).collect()
    }

    pub fn names(&self) -> Vec<String> {
        let of = |stratum: &Stratum| {
            stratum.times.iter().map(|time| format!("survival {} at {time}", stratum.name)).collect::<Vec<String>>()
        };
        self.strata.iter().flat_map(of).collect()
    }
}

/// Thirds of some rows by each covariate that sets a parameter, from low to high.
fn thirds(problem: &Problem, rows: &[usize]) -> Vec<(String, Vec<Vec<usize>>)> {
    let subject = |row: usize| problem.trajectories()[problem.survival()[row].trajectory].subject;
    let mut found = Vec::new();
    for covariate in problem.covariates().iter().filter(|covariate| covariate.parameter.is_some()) {
        let Values::Numbers(numbers) = &covariate.values else { continue };
        let mut values: Vec<(f64, usize)> =
            rows.iter().filter_map(|&row| Some((numbers[subject(row)?], row))).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        if values.len() < FEWEST_IN_THIRDS || values.first().map(|value| value.0) == values.last().map(|value| value.0)
        {
            continue;
        }
        let cut = |third: usize| values.len() * third / 3;
        let third = |index: usize| values[cut(index)..cut(index + 1)].iter().map(|(_, row)| *row).collect();
        found.push((covariate.name.clone(), (0..3).map(third).collect()));
    }
    found
}

/// The product-limit estimate (Kaplan & Meier 1958, J. Am. Stat. Assoc. 53:457): each time at which an event happened,
/// ascending, and the share without one after it. Those censored at a time are at risk until after it.
#[must_use]
pub fn kaplan_meier(observed: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let mut observed = observed.to_vec();
    observed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut curve: Vec<(f64, f64)> = Vec::new();
    let (mut share, mut index) = (1.0, 0);
    while index < observed.len() {
        let time = observed[index].0;
        let at_risk = observed.len() - index;
        let same = observed[index..].iter().take_while(|other| other.0 == time).count();
        let events = observed[index..index + same].iter().filter(|other| other.1).count();
        if events > 0 {
            share *= 1.0 - events as f64 / at_risk as f64;
            curve.push((time, share));
        }
        index += same;
    }
    curve
}

/// The share without an event at a time.
#[must_use]
pub fn at(curve: &[(f64, f64)], time: f64) -> f64 {
    let index = curve.partition_point(|(event, _)| *event <= time);
    index.checked_sub(1).map_or(1.0, |before| curve[before].1)
}

#[cfg(test)]
mod tests;

//! A problem proposed for a plain table: what its columns are, and a model that such data are first fitted with.
//!
//! The rules are fixed, and look at nothing but the names of columns, their units (`volume_mm3`, `time_days`) and their cells.
//! [`wide`] turns a column a time into a row a time. Then the first of these that finds its columns makes the problem:
//!
//! | module | table | model |
//! |---|---|---|
//! | [`compositions`] | fractions of states over time | cells that switch between the states |
//! | [`survival`] | a time and whether something happened | recurrence from lesions, or stages on the way to the event |
//! | [`trials`] | k of n | founders, none of which is met by exp(−expected) |
//! | [`courses`] | numbers over time, or their means and s.d. | growth, exponential or Gompertz |
//! | [`incidence`] | yes or no of each subject | founders in proportion to the primary's size |
//! | [`counts`] | a count of each subject | founders, Poisson or more scattered |
//!
//! What was guessed, and why, is told ([`Guess`]), and so is what was not used.

mod compositions;
mod counts;
mod courses;
mod draft;
mod frame;
mod incidence;
mod roles;
mod survival;
mod trials;
mod wide;

use metacascade_engine::{Diagnostic, Diagnostics, suggestion};
use serde::Serialize;

use crate::{
    problems::Problems,
    table::{Columns, Table},
};
use draft::Draft;
use frame::{Column, Frame};

/// What a plain table may be read as.
const COLUMNS: Columns = Columns { kind: "data", required: &[], optional: &[], open: true };

/// A problem proposed for a table.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The problem's files: name and text.
    pub files: Vec<(String, String)>,
    /// What each column was taken for.
    pub columns: Vec<Guess>,
    /// What was chosen for the problem as a whole: model, noise, groups.
    pub choices: Vec<String>,
    /// Rows and values that were left out, and why.
    pub left_out: Vec<String>,
}

/// What a column was taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// Its name.
    pub column: String,
    /// What it is: `time`, `subject`, `measured` …; `not used` where it is nothing.
    pub role: String,
    /// Why.
    pub why: String,
}

/// What is asked of the table besides what it says by itself.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Rows are used where these columns hold these texts.
    pub only: Vec<(String, String)>,
    /// Columns that are what is measured; chosen by their names where empty.
    pub values: Vec<String>,
}

/// Proposes a problem for a table of any of the file formats of tables.
///
/// # Errors
/// What is wrong with the file, columns that are asked for and not there, or that no rule knows such a table.
pub fn propose(bytes: &[u8], file: &str, asked: &Asked) -> Result<Proposal, Diagnostics> {
    let mut problems = Problems::default();
    let table = Table::parse(bytes, file, &COLUMNS, &mut problems);
    let Some(table) = table.filter(|_| problems.is_empty()) else { return Err(problems.into_diagnostics()) };
    let whole = Frame::new(&table);
    let column = |name: &str| -> Result<usize, Diagnostics> {
        whole.position(name).ok_or_else(|| {
            let problem = Diagnostic::new(file, format!("there is no column `{name}`"));
            let list = || format!("the columns are: {}", table.names().collect::<Vec<_>>().join(", "));
            problem.help(suggestion(name, table.names()).unwrap_or_else(list)).into()
        })
    };
    let mut only = Vec::new();
    for (name, text) in &asked.only {
        only.push((column(name)?, text.as_str()));
    }
    for name in &asked.values {
        column(name)?;
    }
    let frame = whole.filtered(|row| only.iter().all(|&(column, text)| whole.columns[column].text(row) == text));
    if frame.rows == 0 {
        return Err(Diagnostic::new(file, "no row is left").help("look at the texts that rows are chosen by").into());
    }
    let (frame, melted) = match wide::melt(&frame) {
        Some((frame, told)) => (frame, Some(told)),
        None => (frame, None),
    };
    let mut reading = Reading::new(&frame, &asked.values);
    for &(column, text) in &only {
        if let Some(position) = frame.position(&whole.columns[column].name) {
            reading.take(position, "chosen by", format!("rows with `{text}` alone"));
        }
    }
    let rules: [fn(&mut Reading<'_>) -> Option<Draft>; 6] =
        [compositions::draft, survival::draft, trials::draft, courses::draft, incidence::draft, counts::draft];
    let start = reading.clone();
    for rule in rules {
        if let Some(mut draft) = rule(&mut reading) {
            draft.title = title(file);
            return Ok(reading.proposal(&draft, file, melted));
        }
        reading = start.clone();
    }
    let message = "no rule knows what is measured in this table";
    let help = "known are: values over time (a column named time or with a unit such as _days), fractions of a `state`, time and \
                event, n and n_with_…, counts of lesions, 0/1 outcomes; --value COLUMN names what is measured";
    Err(Diagnostic::new(file, message).help(help).into())
}

/// The name of a file without its folder and ending.
fn title(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).replace('_', " ")
}

/// A table as it is being understood.
#[derive(Clone)]
struct Reading<'f> {
    frame: &'f Frame,
    /// Columns asked to be what is measured.
    asked: &'f [String],
    roles: Vec<Option<(String, String)>>,
    choices: Vec<String>,
    left_out: Vec<String>,
}

impl<'f> Reading<'f> {
    fn new(frame: &'f Frame, asked: &'f [String]) -> Self {
        Self { frame, asked, roles: vec![None; frame.columns.len()], choices: Vec::new(), left_out: Vec::new() }
    }

    fn column(&self, index: usize) -> &'f Column {
        &self.frame.columns[index]
    }

    /// Says what a column is taken for, and why.
    fn take(&mut self, column: usize, role: &str, why: impl Into<String>) {
        self.roles[column] = Some((role.to_owned(), why.into()));
    }

    /// The columns that are nothing yet.
    fn free(&self) -> impl Iterator<Item = usize> {
        let free: Vec<usize> = (0..self.roles.len()).filter(|&index| self.roles[index].is_none()).collect();
        free.into_iter()
    }

    /// Those that may be what is measured, of those that a test passes.
    fn measured(&self, test: impl Fn(&Column) -> bool) -> Vec<usize> {
        let may = |&index: &usize| match self.asked {
            [] => test(self.column(index)),
            asked => asked.contains(&self.column(index).name) && self.column(index).numbers.is_some(),
        };
        self.free().filter(may).collect()
    }

    fn choose(&mut self, text: impl Into<String>) {
        self.choices.push(text.into());
    }

    fn proposal(mut self, draft: &Draft, file: &str, melted: Option<String>) -> Proposal {
        self.choices.splice(0..0, melted);
        let columns: Vec<Guess> = self
            .frame
            .columns
            .iter()
            .zip(&self.roles)
            .map(|(column, role)| {
                let unused = || {
                    let why = if column.is_empty() { "it is empty" } else { "no rule needs it" };
                    ("not used".to_owned(), why.to_owned())
                };
                let (role, why) = role.clone().unwrap_or_else(unused);
                Guess { column: column.name.clone(), role, why }
            })
            .collect();
        let mut comments =
            vec![format!("Proposed from {file}: a start to look through and change. What was guessed, and why:")];
        comments.extend(columns.iter().map(|guess| format!("  {}: {} ({})", guess.column, guess.role, guess.why)));
        comments.extend(self.choices.iter().map(|text| format!("- {text}")));
        comments.extend(self.left_out.iter().map(|text| format!("- left out: {text}")));
        Proposal { files: draft.files(&comments), columns, choices: self.choices, left_out: self.left_out }
    }
}

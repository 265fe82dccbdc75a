//! A posterior in a terminal.

use comfy_table::{CellAlignment, Table};
use metacascade_problem::run::ParameterSummary;
use metacascade_report::content::Verdict;
use metacascade_report::number::{interval, significant};

use crate::table::wrapped;

/// A row a parameter: median, interval, and what the data say of it.
pub fn rows(parameters: &[ParameterSummary]) -> Table {
    let mut rows = wrapped(&["parameter", "unit", "median", "95 % interval", "what the data say"]);
    for parameter in parameters {
        let (lower, upper) = parameter.interval95;
        let verdict = Verdict::of(parameter.contraction).words();
        rows.add_row([
            parameter.id.clone(),
            parameter.unit.clone(),
            significant(parameter.median, 3),
            interval(lower, upper),
            verdict.to_owned(),
        ]);
    }
    if let Some(column) = rows.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    rows
}

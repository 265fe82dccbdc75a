//! A posterior in a terminal.

use comfy_table::{CellAlignment, Table};
use metacascade_inference::optimise::Profile;
use metacascade_problem::DerivedSummary;
use metacascade_problem::run::{Outcome, ParameterSummary};
use metacascade_report::content::Verdict;
use metacascade_report::number::{interval, open_interval, significant};

use crate::table::wrapped;

/// A row a parameter: median, interval, and what the data say of it.
pub fn rows(parameters: &[ParameterSummary]) -> Table {
    let mut rows = wrapped(&["parameter", "unit", "median", "95 % interval", "what the data say"]);
    for parameter in parameters {
        let (lower, upper) = parameter.interval95;
        let verdict = Verdict::of(parameter.contraction, parameter.overlap).words();
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

/// A row a parameter before regression adjustment: median and interval, and how far the adjustment moved it.
pub fn before_adjustment(outcome: &Outcome) -> Table {
    let mut rows = wrapped(&["before adjustment", "unit", "median", "95 % interval", "moved by, in s.d."]);
    for (before, after) in outcome.before_adjustment.iter().zip(&outcome.parameters) {
        rows.add_row([
            before.id.clone(),
            before.unit.clone(),
            significant(before.median, 3),
            interval(before.interval95.0, before.interval95.1),
            format!("{:+.2}", (after.mean - before.mean) / after.sd),
        ]);
    }
    for right in [2, 4] {
        if let Some(column) = rows.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    rows
}

/// A row a derived quantity: median, interval, and that of the prior.
pub fn derived(quantities: &[DerivedSummary]) -> Table {
    let mut rows = wrapped(&["derived quantity", "unit", "median", "95 % interval", "95 % of the prior"]);
    for derived in quantities {
        rows.add_row([
            derived.id.clone(),
            derived.unit.clone(),
            significant(derived.median, 3),
            interval(derived.interval95.0, derived.interval95.1),
            interval(derived.prior95.0, derived.prior95.1),
        ]);
    }
    if let Some(column) = rows.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    rows
}

/// A row a parameter: where its likelihood is highest, and the values that the data do not reject.
pub fn profiles(profiles: &[Profile]) -> Table {
    let mut rows = wrapped(&["profile likelihood", "best", "50 % interval", "95 % interval"]);
    for profile in profiles {
        let best = profile.peak().map_or_else(String::new, |at| significant(profile.values[at], 3));
        let range = |level: f64| {
            let (lower, upper) = profile.interval(level);
            open_interval(lower, upper)
        };
        rows.add_row([profile.name.clone(), best, range(0.5), range(0.95)]);
    }
    if let Some(column) = rows.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    rows
}

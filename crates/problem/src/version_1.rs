//! Tables of PEtab version 1 as those of version 2, cell by cell, so that everything after knows version 2 only.
//!
//! * A condition's columns become rows; each pair of `preequilibrationConditionId` and `simulationConditionId` that was
//!   measured becomes an experiment.
//! * `observableTransformation` becomes part of the noise's law. A standard deviation of log₁₀ is that of ln over ln 10.
//! * Placeholders are the names `observableParameter1_…` and `noiseParameter1_…` in the formulas.
//! * Priors of the parameters' scale become laws of the parameter or of its logarithm; an estimated parameter without one
//!   is uniform on its scale. Priors for starting points are no part of the problem.

use std::collections::{BTreeSet, HashMap};

use crate::{
    measurements, observables,
    table::{Columns, Origin, Table, joined, parse_number},
};

/// Columns of version 1; those of ours are as in version 2.
pub(crate) const PARAMETERS: Columns = Columns {
    kind: "parameter",
    required: &["parameterId", "parameterScale", "lowerBound", "upperBound", "estimate"],
    optional: &[
        "nominalValue",
        "parameterName",
        "initializationPriorType",
        "initializationPriorParameters",
        "objectivePriorType",
        "objectivePriorParameters",
        "unit",
        "description",
    ],
    open: false,
};

pub(crate) const CONDITIONS: Columns =
    Columns { kind: "wide condition", required: &["conditionId"], optional: &["conditionName"], open: true };

pub(crate) const OBSERVABLES: Columns = Columns {
    kind: "observable",
    required: &["observableId", "observableFormula", "noiseFormula"],
    optional: &joined::<9>(&["observableTransformation", "noiseDistribution"], observables::OPTIONAL),
    open: false,
};

pub(crate) const MEASUREMENTS: Columns = Columns {
    kind: "measurement",
    required: &["observableId", "simulationConditionId", "measurement", "time"],
    optional: &joined::<15>(&["preequilibrationConditionId"], measurements::OPTIONAL),
    open: false,
};

/// Columns of observables that version 2 has too.
const KEPT_OBSERVABLES: &[&str] = &joined::<9>(&["observableId", "observableFormula"], observables::OPTIONAL);

/// Columns of measurements that version 2 has too.
const KEPT_MEASUREMENTS: &[&str] = &joined::<17>(&["observableId", "measurement", "time"], measurements::OPTIONAL);

/// A cell's text; nothing where it is empty.
type Cell = Option<String>;

/// The cells of a table by the names of its columns.
struct Source<'t> {
    table: &'t Table,
    positions: HashMap<String, usize>,
}

impl<'t> Source<'t> {
    fn of(table: &'t Table) -> Self {
        Self { table, positions: table.names().enumerate().map(|(at, name)| (name.to_owned(), at)).collect() }
    }

    fn text(&self, row: usize, column: &str) -> Option<&'t str> {
        self.table.text(row, *self.positions.get(column)?)
    }

    /// All cells of a column.
    fn column(&self, name: &str) -> Vec<Cell> {
        (0..self.table.len()).map(|row| self.text(row, name).map(str::to_owned)).collect()
    }

    /// A table with the columns of the file that `keep` names, and new ones: (name, column of the file that it comes
    /// from, cells).
    fn with(&self, keep: &[&'static str], new: Vec<(&'static str, &str, Vec<Cell>)>) -> Option<Table> {
        let mut renamed: HashMap<String, usize> = self.positions.clone();
        let mut columns: Vec<(&str, Vec<Cell>)> = Vec::new();
        for &name in keep.iter().filter(|name| self.positions.contains_key(**name)) {
            columns.push((name, self.column(name)));
        }
        for (name, from, cells) in new {
            if let Some(&position) = self.positions.get(from) {
                renamed.insert(name.to_owned(), position);
            }
            columns.push((name, cells));
        }
        self.table.derive(columns, Origin { rows: (0..self.table.len()).collect(), renamed, columns: None })
    }
}

/// The parameter table.
pub(crate) fn parameters(table: &Table) -> Option<Table> {
    let source = Source::of(table);
    let estimate = (0..table.len()).map(|row| {
        source.text(row, "estimate").map(|text| match parse_number(text) {
            Some(1.0) => "true".to_owned(),
            Some(0.0) => "false".to_owned(),
            _ => text.to_owned(),
        })
    });
    let (mut laws, mut numbers) = (Vec::new(), Vec::new());
    for row in 0..table.len() {
        let (law, parameters) = prior(&source, row);
        laws.push(law);
        numbers.push(parameters);
    }
    let keep = ["parameterId", "parameterName", "lowerBound", "upperBound", "nominalValue", "unit", "description"];
    source.with(
        &keep,
        vec![
            ("estimate", "estimate", estimate.collect()),
            ("priorDistribution", "objectivePriorType", laws),
            ("priorParameters", "objectivePriorParameters", numbers),
        ],
    )
}

/// The law of version 2 and its parameters.
fn prior(source: &Source<'_>, row: usize) -> (Cell, Cell) {
    // How many natural logarithms one unit of the parameter's scale is.
    let unit = match source.text(row, "parameterScale") {
        Some("log") => Some(1.0),
        Some("log10") => Some(std::f64::consts::LN_10),
        _ => None,
    };
    let given = source.text(row, "objectivePriorParameters");
    let kept = |law: &str| (Some(law.to_owned()), given.map(str::to_owned));
    let scaled = |law: &str, factor: f64| {
        let all = given.map(|text| {
            let numbers: Option<Vec<f64>> = text.split(';').map(|part| parse_number(part.trim())).collect();
            match numbers {
                Some(numbers) => {
                    numbers.iter().map(|number| (number * factor).to_string()).collect::<Vec<_>>().join(";")
                }
                None => text.to_owned(),
            }
        });
        (Some(law.to_owned()), all)
    };
    match (source.text(row, "objectivePriorType").unwrap_or("parameterScaleUniform"), unit) {
        ("parameterScaleUniform", None) if given.is_none() => (None, None),
        ("parameterScaleUniform", Some(_)) if given.is_none() => {
            let is_estimated = source.text(row, "estimate").and_then(parse_number) == Some(1.0);
            let bounds = source.text(row, "lowerBound").zip(source.text(row, "upperBound"));
            let bounds = bounds.filter(|_| is_estimated).map(|(lower, upper)| format!("{lower};{upper}"));
            (bounds.as_ref().map(|_| "log-uniform".to_owned()), bounds)
        }
        ("parameterScaleUniform" | "uniform", None) | ("uniform", Some(_)) => kept("uniform"),
        ("parameterScaleNormal" | "normal", None) | ("normal", Some(_)) => kept("normal"),
        ("parameterScaleLaplace" | "laplace", None) | ("laplace", Some(_)) => kept("laplace"),
        ("logNormal", _) => kept("log-normal"),
        ("logLaplace", _) => kept("log-laplace"),
        ("parameterScaleNormal", Some(unit)) => scaled("log-normal", unit),
        ("parameterScaleLaplace", Some(unit)) => scaled("log-laplace", unit),
        ("parameterScaleUniform", Some(unit)) => {
            let (law, all) = scaled("log-uniform", unit);
            let exponentials = all.map(|text| {
                let number = |part: &str| parse_number(part).map_or(part.to_owned(), |number| number.exp().to_string());
                text.split(';').map(number).collect::<Vec<_>>().join(";")
            });
            (law, exponentials)
        }
        // Not a law: told as such.
        (other, _) => kept(other),
    }
}

/// A condition table: a row for each cell that sets something. Adds the identifiers of all conditions to `known`.
pub(crate) fn conditions(table: &Table, known: &mut BTreeSet<String>) -> Option<Table> {
    let names: Vec<String> = table.names().map(str::to_owned).collect();
    let id = names.iter().position(|name| name == "conditionId")?;
    let (mut ids, mut targets, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut origin = Origin { columns: Some(Vec::new()), ..Origin::default() };
    origin.renamed.insert("conditionId".to_owned(), id);
    for row in 0..table.len() {
        let cell = |column: usize| table.text(row, column).filter(|text| !text.eq_ignore_ascii_case("nan"));
        known.extend(cell(id).map(str::to_owned));
        for (column, name) in names.iter().enumerate() {
            if matches!(name.as_str(), "conditionId" | "conditionName") {
                continue;
            }
            if let Some(value) = cell(column) {
                ids.push(cell(id).map(str::to_owned));
                targets.push(Some(name.clone()));
                values.push(Some(value.to_owned()));
                origin.rows.push(row);
                if let Some(columns) = &mut origin.columns {
                    columns.push(column);
                }
            }
        }
    }
    table.derive(vec![("conditionId", ids), ("targetId", targets), ("targetValue", values)], origin)
}

/// The observable table.
pub(crate) fn observables(table: &Table) -> Option<Table> {
    let source = Source::of(table);
    let rows = 0..table.len();
    let mut laws = Vec::new();
    let mut noise_formulas = Vec::new();
    for row in rows.clone() {
        let transformation = source.text(row, "observableTransformation").unwrap_or("lin");
        let law = source.text(row, "noiseDistribution").unwrap_or("normal");
        let noise = source.text(row, "noiseFormula");
        laws.push(Some(match (transformation, law) {
            ("lin", law) => law.to_owned(),
            ("log" | "log10", "normal" | "laplace") => format!("log-{law}"),
            ("log" | "log10", law) => law.to_owned(),
            // No transformation: told with the law.
            (other, law) => format!("{other} {law}"),
        }));
        noise_formulas.push(noise.map(|noise| match transformation {
            "log10" => format!("({noise}) * ln(10)"),
            _ => noise.to_owned(),
        }));
    }
    let placeholders = |kind: &str, columns: &[&str]| -> Vec<Cell> {
        let of = |row: usize| {
            let id = source.text(row, "observableId")?;
            let texts = columns.iter().filter_map(|column| source.text(row, column)).collect::<Vec<_>>().join(" ");
            let last = identifiers(&texts)
                .filter_map(|name| name.strip_prefix(kind)?.strip_suffix(id)?.strip_suffix('_')?.parse::<usize>().ok())
                .max()?;
            // Names that are missing before the last are then found not to be used.
            let names: Vec<String> = (1..=last.min(1000)).map(|number| format!("{kind}{number}_{id}")).collect();
            Some(names.join(";"))
        };
        rows.clone().map(of).collect()
    };
    let of_observable = placeholders("observableParameter", &["observableFormula", "noiseFormula"]);
    let of_noise = placeholders("noiseParameter", &["noiseFormula"]);
    let law_from = if source.positions.contains_key("noiseDistribution") {
        "noiseDistribution"
    } else {
        "observableTransformation"
    };
    source.with(
        KEPT_OBSERVABLES,
        vec![
            ("noiseFormula", "noiseFormula", noise_formulas),
            ("noiseDistribution", law_from, laws),
            ("observablePlaceholders", "observableFormula", of_observable),
            ("noisePlaceholders", "noiseFormula", of_noise),
        ],
    )
}

/// The names in a formula.
pub(crate) fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()))
}

/// The name of the experiment that a pair of conditions makes up.
fn experiment(before: Option<&str>, during: &str) -> String {
    match before {
        Some(before) => format!("{before}__{during}"),
        None => during.to_owned(),
    }
}

/// The measurement table, and a table of the experiments in it; `known` are the conditions there are, those without any
/// change among them, and `changing` those with changes.
pub(crate) fn measurements(
    table: &Table,
    known: &BTreeSet<String>,
    changing: &BTreeSet<String>,
    seen: &mut BTreeSet<String>,
) -> Option<(Table, Table)> {
    let source = Source::of(table);
    let mut of_rows = Vec::new();
    let (mut ids, mut times, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
    let mut origin = Origin { columns: None, ..Origin::default() };
    if let Some(&column) = source.positions.get("simulationConditionId") {
        origin.renamed = ["experimentId", "conditionId", "time"].map(|name| (name.to_owned(), column)).into();
    }
    for row in 0..table.len() {
        let before = source.text(row, "preequilibrationConditionId");
        let Some(during) = source.text(row, "simulationConditionId") else {
            of_rows.push(None);
            continue;
        };
        let id = experiment(before, during);
        if seen.insert(id.clone()) {
            let periods = before.map(|before| ("-inf", before)).into_iter().chain([("0", during)]);
            for (time, condition) in periods {
                let empty = known.contains(condition) && !changing.contains(condition);
                ids.push(Some(id.clone()));
                times.push(Some(time.to_owned()));
                conditions.push(Some(condition.to_owned()).filter(|_| !empty));
                origin.rows.push(row);
            }
        }
        of_rows.push(Some(id));
    }
    let experiments =
        table.derive(vec![("experimentId", ids), ("time", times), ("conditionId", conditions)], origin)?;
    let measurements = source.with(KEPT_MEASUREMENTS, vec![("experimentId", "simulationConditionId", of_rows)])?;
    Some((measurements, experiments))
}

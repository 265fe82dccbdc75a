//! The parameter table: what is estimated, between which bounds, under which prior.

use std::collections::HashMap;

use metacascade_engine::suggestion;
use metacascade_inference as inference;
use metacascade_inference::Scale;

use crate::{
    priors::{self, PriorProblem},
    problems::{Complaint, Problems},
    scope::new_identifier,
    table::{Columns, Table, parse_number},
};

/// Columns of PEtab version 2, and of ours `unit`, `description` and `integer`.
pub(crate) const COLUMNS: Columns = Columns {
    kind: "parameter",
    required: &["parameterId", "lowerBound", "upperBound", "estimate"],
    optional: &[
        "nominalValue",
        "parameterName",
        "priorDistribution",
        "priorParameters",
        "unit",
        "description",
        "integer",
    ],
    open: false,
};

/// Columns that stand beside the parameters in a run's tables.
const RESERVED: [&str; 3] = ["weight", "distance", "log_likelihood"];

/// One row of the parameter table.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Identifier: a parameter of the model, or one that only the tables use.
    pub id: String,
    /// Name for people; the identifier where none is given.
    pub name: String,
    /// Unit; the model's, or that of the extension column `unit`; may be empty.
    pub unit: String,
    /// What it is; the model's, or that of the extension column `description`; may be empty.
    pub description: String,
    /// The value if it is not estimated; a guess, or nothing, if it is.
    pub nominal: Option<f64>,
    /// Bounds and prior, if it is estimated.
    pub estimated: Option<inference::Parameter>,
}

/// A parameter and where it was defined.
pub(crate) struct Defined {
    pub parameter: Parameter,
    pub table: usize,
    pub row: usize,
}

/// Reads all parameter tables.
pub(crate) fn read(tables: &[Table], problems: &mut Problems) -> Vec<Defined> {
    let mut seen = HashMap::new();
    let mut parameters = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        for row in 0..table.len() {
            let id = new_identifier(table, row, "parameterId", &mut seen, problems);
            if id.as_deref().is_some_and(|id| RESERVED.contains(&id)) {
                problems.cell(table, row, "parameterId", |text| {
                    Complaint::new(format!("the name `{text}` is taken"), "a column of the posterior's table")
                        .help("choose another name")
                });
            }
            let parameter = read_row(table, row, id, problems);
            parameters.extend(parameter.map(|parameter| Defined { parameter, table: index, row }));
        }
    }
    parameters
}

/// A row, if its identifier is sound: a parameter with other mistakes is still known by name.
fn read_row(table: &Table, row: usize, id: Option<String>, problems: &mut Problems) -> Option<Parameter> {
    let estimate = read_estimate(table, row, problems);
    let bounds = read_bounds(table, row, estimate == Some(true), problems);
    let nominal = read_nominal(table, row, bounds, estimate == Some(false), problems);
    let mut prior = read_prior(table, row, bounds, problems);
    if is_integer(table, row, problems) {
        prior = prior.and_then(|law| whole(table, row, law, bounds, problems));
    }
    let text = |column| table.column(column).and_then(|cells| cells.text(row)).unwrap_or_default().to_owned();
    let id = id?;
    let estimated = match (estimate, bounds, prior) {
        (Some(true), Some((lower, upper)), Some(prior)) => {
            let scale = scale(&prior, lower, upper);
            let parameter = inference::Parameter { name: id.clone(), prior, lower, upper, scale };
            check_mass(table, row, &parameter, problems);
            Some(parameter)
        }
        _ => None,
    };
    let name = Some(text("parameterName")).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
    Some(Parameter { name, unit: text("unit"), description: text("description"), nominal, estimated, id })
}

/// The space in which kernels and optimisers move; it changes no prior and no likelihood.
///
/// Logarithmic for a parameter that is positive throughout its bounds, if its prior is a law of the logarithm or the
/// bounds span a factor of 100 or more; linear otherwise.
fn scale(prior: &inference::Prior, lower: f64, upper: f64) -> Scale {
    if lower > 0.0 && (priors::is_logarithmic(prior) || upper / lower >= 100.0) { Scale::Log10 } else { Scale::Lin }
}

/// Whether the extension column `integer` says that the parameter is a whole number.
fn is_integer(table: &Table, row: usize, problems: &mut Problems) -> bool {
    match table.column("integer").and_then(|cells| cells.text(row)).map(str::to_ascii_lowercase).as_deref() {
        Some("true") => true,
        Some("false") | None => false,
        Some(_) => {
            problems.cell(table, row, "integer", |_| {
                Complaint::new("`integer` must be true or false", "neither").help("empty means false")
            });
            false
        }
    }
}

/// The prior as one of whole numbers.
fn whole(
    table: &Table,
    row: usize,
    law: inference::Prior,
    bounds: Option<(f64, f64)>,
    problems: &mut Problems,
) -> Option<inference::Prior> {
    if bounds.is_some_and(|(lower, upper)| [lower, upper].iter().any(|bound| bound.is_finite() && bound.fract() != 0.0))
    {
        problems.cell(table, row, "integer", |_| {
            Complaint::new("a whole number between bounds that are none", "here").help("round the bounds")
        });
    }
    let found = priors::whole(law);
    if let Err(PriorProblem(message)) = &found {
        problems
            .cell(table, row, "integer", |_| Complaint::new(*message, "here").help("raise the lower end of the prior"));
    }
    found.ok()
}

fn read_estimate(table: &Table, row: usize, problems: &mut Problems) -> Option<bool> {
    let text = table.column("estimate")?.required(table, row, problems)?;
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => {
            problems.cell(table, row, "estimate", |_| {
                Complaint::new("`estimate` must be true or false", "neither")
                    .help("PEtab 2 writes `true` or `false`, PEtab 1 `1` or `0`")
            });
            None
        }
    }
}

/// Bounds, −∞ and ∞ where they are empty or written so; an estimated parameter needs both.
fn read_bounds(table: &Table, row: usize, needed: bool, problems: &mut Problems) -> Option<(f64, f64)> {
    let mut bound = |column: &'static str, open: f64| {
        let cells = table.column(column)?;
        match (cells.text(row), needed) {
            (Some("inf"), _) => Some(f64::INFINITY),
            (Some("-inf"), _) => Some(f64::NEG_INFINITY),
            (None, false) => Some(open),
            _ => cells.number(table, row, problems),
        }
    };
    let (lower, upper) = (bound("lowerBound", f64::NEG_INFINITY), bound("upperBound", f64::INFINITY));
    let (lower, upper) = (lower?, upper?);
    if lower >= upper {
        problems.cell(table, row, "lowerBound", |_| {
            let message = format!("the lower bound {lower} is not below the upper bound {upper}");
            Complaint::new(message, "not below `upperBound`")
                .help("exchange the two, or fix the parameter by `estimate` false")
        });
        return None;
    }
    Some((lower, upper))
}

fn read_nominal(
    table: &Table,
    row: usize,
    bounds: Option<(f64, f64)>,
    needed: bool,
    problems: &mut Problems,
) -> Option<f64> {
    let Some(cells) = table.column("nominalValue") else {
        if needed {
            problems.cell(table, row, "parameterId", |text| {
                Complaint::new(format!("`{text}` is not estimated and has no value"), "no `nominalValue`")
                    .help("add the column `nominalValue`")
            });
        }
        return None;
    };
    if cells.text(row).is_none() && !needed {
        return None;
    }
    let nominal = cells.number(table, row, problems)?;
    if let Some((lower, upper)) = bounds
        && !(lower..=upper).contains(&nominal)
    {
        problems.cell(table, row, "nominalValue", |_| {
            let message = format!("the nominal value {nominal} is outside the bounds {lower} to {upper}");
            Complaint::new(message, "outside the bounds").help("widen the bounds or change the value")
        });
    }
    Some(nominal)
}

/// The prior; uniform between the bounds where none is given.
fn read_prior(
    table: &Table,
    row: usize,
    bounds: Option<(f64, f64)>,
    problems: &mut Problems,
) -> Option<inference::Prior> {
    let text = |column| table.column(column).and_then(|cells| cells.text(row));
    let Some(name) = text("priorDistribution") else {
        if text("priorParameters").is_some() {
            problems.cell(table, row, "priorParameters", |_| {
                Complaint::new("prior parameters without a `priorDistribution`", "of which law?")
                    .help("name the law in `priorDistribution`, for example `uniform`")
            });
        }
        let (lower, upper) = bounds?;
        if !(lower.is_finite() && upper.is_finite()) {
            if table
                .column("estimate")
                .and_then(|cells| cells.text(row))
                .is_some_and(|text| text.eq_ignore_ascii_case("true"))
            {
                problems.cell(table, row, "lowerBound", |_| {
                    Complaint::new("a parameter without a prior needs finite bounds", "one of the bounds is infinite")
                        .help("give finite bounds, or a `priorDistribution`")
                });
            }
            return None;
        }
        return Some(inference::Prior::Uniform { lower, upper });
    };
    let Some(law) = priors::LAWS.iter().find(|law| law.name == name) else {
        problems.cell(table, row, "priorDistribution", |text| {
            let known = priors::LAWS.iter().map(|law| law.name);
            let list = || format!("known are {}", priors::LAWS.map(|law| law.name).join(", "));
            Complaint::new(format!("unknown prior `{text}`"), "not a prior of PEtab 2")
                .help(suggestion(text, known).unwrap_or_else(list))
        });
        return None;
    };
    let form = format!("`{}` takes {}", law.name, law.parameters.join("; "));
    let values: Option<Vec<f64>> =
        text("priorParameters").unwrap_or_default().split(';').map(|value| parse_number(value.trim())).collect();
    let (message, label) = match (&values, text("priorParameters")) {
        (_, None) => (format!("the prior `{name}` has no parameters"), "here"),
        (None, _) => ("a prior's parameters must be numbers, separated by `;`".to_owned(), "not numbers"),
        (Some(values), _) if values.len() != law.parameters.len() => {
            let message = format!("{} prior parameters where {} are needed", values.len(), law.parameters.len());
            (message, "wrong number of parameters")
        }
        (Some(values), _) => match law.build(values) {
            Ok(prior) => return Some(prior),
            Err(PriorProblem(message)) => (message.to_owned(), "not possible"),
        },
    };
    let column = if table.column("priorParameters").is_some() { "priorParameters" } else { "priorDistribution" };
    problems.cell(table, row, column, |_| Complaint::new(message, label).help(form));
    None
}

/// The prior must leave some probability between the bounds.
fn check_mass(table: &Table, row: usize, parameter: &inference::Parameter, problems: &mut Problems) {
    let middle = parameter.quantile(0.5);
    if !middle.is_finite() || !parameter.log_density(middle).is_finite() {
        let column = if table.column("priorParameters").is_some() { "priorParameters" } else { "lowerBound" };
        problems.cell(table, row, column, |_| {
            Complaint::new("the prior has no probability between the bounds", "outside the bounds")
                .help("change the bounds or the prior so that they overlap")
        });
    }
}

//! The observable table: what is measured, and how it scatters.

use std::collections::HashMap;

use metacascade_engine::{Program, suggestion};

use crate::{
    noise::NoiseDistribution,
    problems::{Complaint, Problems},
    scope::{Scope, is_identifier, new_identifier},
    table::{Columns, Table, joined},
};

/// Columns of PEtab version 2, and of ours `observableUnit`, `observableKind`, `observableGroup`, `lowerLimit` and
/// `upperLimit`.
pub(crate) const COLUMNS: Columns = Columns {
    kind: "observable",
    required: &["observableId", "observableFormula", "noiseFormula"],
    optional: &joined::<10>(&["observablePlaceholders", "noisePlaceholders", "noiseDistribution"], OPTIONAL),
    open: false,
};

/// Columns that may be there and mean the same in either version of PEtab.
pub(crate) const OPTIONAL: &[&str] =
    &["observableName", "observableUnit", "observableKind", "noiseLaw", "observableGroup", "lowerLimit", "upperLimit"];

/// What kind of quantity an observable is: which measurements are possible, and on which scale they are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A number of cells, 0 or more.
    Cells,
    /// A share, 0 to 1.
    Fraction,
    /// An amount (volume, mass, concentration), 0 or more.
    Amount,
    /// Any number.
    #[default]
    Any,
}

const KINDS: [(&str, Kind); 3] = [("cells", Kind::Cells), ("fraction", Kind::Fraction), ("amount", Kind::Amount)];

/// How measurements are best held against predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Measurements over time before bands of the prediction.
    Bands,
    /// Small counts: how often each number was seen, and how often it is predicted.
    CountHistogram,
    /// Shares of a whole over time, counts over their trials.
    Shares,
    /// The share of subjects without an event over time, with a band of the prediction.
    KaplanMeier,
}

/// One row of the observable table.
#[derive(Clone, Debug)]
pub struct Observable {
    /// Identifier.
    pub id: String,
    /// Name for people; the identifier where none is given.
    pub name: String,
    /// Unit (extension column `observableUnit`); may be empty.
    pub unit: String,
    /// Kind of quantity (extension column `observableKind`).
    pub kind: Kind,
    /// The law of the noise.
    pub noise: NoiseDistribution,
    /// The observables it makes up a whole with (extension column `observableGroup`): the parts of a composition, or of
    /// a multinomial sample; may be empty.
    pub group: String,
    /// What lies below cannot be measured, and is reported as this (extension column `lowerLimit`).
    pub lower_limit: Option<f64>,
    /// What lies above cannot be measured, and is reported as this (extension column `upperLimit`).
    pub upper_limit: Option<f64>,
    /// `observableFormula` as written.
    pub formula: String,
    /// `noiseFormula` as written.
    pub noise_formula: String,
    /// Names in `observableFormula` whose values stand in the measurement table.
    pub observable_placeholders: Vec<String>,
    /// Names in `noiseFormula` whose values stand in the measurement table.
    pub noise_placeholders: Vec<String>,
    /// Over the scope's values, then the observable's own value, then observable and noise placeholders.
    pub(crate) formula_program: Program,
    pub(crate) noise_program: Program,
    /// The slot of the observable's own value, which the noise formula may use under the observable's name.
    pub(crate) own_slot: usize,
}

impl Observable {
    /// How its measurements are best held against predictions.
    #[must_use]
    pub fn figure(&self) -> FigureKind {
        match self.noise {
            NoiseDistribution::Poisson | NoiseDistribution::NegativeBinomial => FigureKind::CountHistogram,
            noise if noise.is_discrete() || self.kind == Kind::Fraction => FigureKind::Shares,
            _ => FigureKind::Bands,
        }
    }

    /// The slots of the placeholders: the observable's, then the noise's.
    pub(crate) fn placeholder_slots(&self) -> std::ops::Range<usize> {
        let start = self.own_slot + 1;
        start..start + self.observable_placeholders.len() + self.noise_placeholders.len()
    }
}

/// What is known of an observable: all of it, or its name and placeholders if a formula is wrong.
pub(crate) struct Defined {
    pub id: String,
    pub kind: Kind,
    pub noise: NoiseDistribution,
    pub unit: String,
    pub group: String,
    /// What can be measured, from and to.
    pub limits: (Option<f64>, Option<f64>),
    /// How many placeholders the observable has and the noise has; none if that is in doubt.
    pub placeholders: Option<(usize, usize)>,
    pub observable: Option<Observable>,
}

/// Reads all observable tables.
pub(crate) fn read(tables: &[Table], scope: &mut Scope<'_>, problems: &mut Problems) -> Vec<Defined> {
    let mut seen = HashMap::new();
    let mut observables = Vec::new();
    for table in tables {
        for row in 0..table.len() {
            let id = new_identifier(table, row, "observableId", &mut seen, problems);
            observables.extend(read_row(table, row, id, scope, problems));
        }
    }
    observables
}

fn read_row(
    table: &Table,
    row: usize,
    id: Option<String>,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Option<Defined> {
    let formula = table.column("observableFormula").and_then(|cells| cells.required(table, row, problems));
    // Where other programs must find one of PEtab's laws, ours stands in a column of its own.
    let ours = table.column("noiseLaw").is_some_and(|cells| cells.text(row).is_some());
    let law = if ours { "noiseLaw" } else { "noiseDistribution" };
    let noise = choice(table, row, law, &NoiseDistribution::NAMES, problems);
    // A law without noise of its own ignores the formula, which may then be left empty.
    let noise_formula = match noise.has_noise() {
        true => table.column("noiseFormula").and_then(|cells| cells.required(table, row, problems)),
        false => Some("1"),
    };
    let kind = choice(table, row, "observableKind", &KINDS, problems);
    let group = table.column("observableGroup").and_then(|cells| cells.text(row)).unwrap_or_default().to_owned();
    check_group(table, row, &group, noise, problems);
    let limits = read_limits(table, row, problems);
    let id = id?;
    let unit = table.column("observableUnit").and_then(|cells| cells.text(row)).unwrap_or_default().to_owned();
    let unusable = |id| Defined {
        id,
        kind,
        noise,
        unit: unit.clone(),
        group: group.clone(),
        limits,
        placeholders: None,
        observable: None,
    };
    if scope.network.is_some_and(|network| network.slot(&id).is_some()) || scope.extra.contains(&id) {
        problems.cell(table, row, "observableId", |text| {
            let message = format!("the observable `{text}` has the name of something in the model");
            Complaint::new(message, "this name is taken").help(format!("call it `observed_{text}`"))
        });
        scope.failed = true;
        return Some(unusable(id));
    }
    let observable_placeholders = placeholders(table, row, "observablePlaceholders", &id, scope, problems);
    let noise_placeholders = placeholders(table, row, "noisePlaceholders", &id, scope, problems);
    let (Some(observable_placeholders), Some(noise_placeholders)) = (observable_placeholders, noise_placeholders)
    else {
        scope.failed = true;
        return Some(unusable(id));
    };
    // The observable's own value is no name in its own formula: an impossible name holds its slot.
    let mut local: Vec<String> = vec![String::new()];
    local.extend(observable_placeholders.iter().chain(&noise_placeholders).cloned());
    let formula_program =
        formula.and_then(|text| scope.compile(table, row, "observableFormula", text, &local, problems));
    check_unit(table, row, formula.filter(|_| formula_program.is_some()), &unit, scope, problems);
    local[0].clone_from(&id);
    let noise_program =
        noise_formula.and_then(|text| scope.compile(table, row, "noiseFormula", text, &local, problems));
    if let Some(program) = &noise_program
        && noise.has_noise()
        && program.reads().is_empty()
        && !is_positive(program.evaluate(&[]))
    {
        problems.cell(table, row, "noiseFormula", |_| {
            Complaint::new("the noise must be positive", "a standard deviation or scale above 0 is needed")
                .help("give the measurement error, or the name of a parameter to be estimated")
        });
    }
    let text = |column| table.column(column).and_then(|cells| cells.text(row)).unwrap_or_default().to_owned();
    let own_slot = scope.network.map_or(0, metacascade_engine::Network::slots) + scope.extra.len();
    let name = Some(text("observableName")).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
    let mut defined = Defined {
        id: id.clone(),
        kind,
        noise,
        unit: unit.clone(),
        group: group.clone(),
        limits,
        placeholders: Some((observable_placeholders.len(), noise_placeholders.len())),
        observable: None,
    };
    if let (Some(formula_program), Some(noise_program)) = (formula_program, noise_program) {
        defined.observable = Some(Observable {
            id,
            name,
            unit: unit.clone(),
            kind,
            noise,
            group,
            lower_limit: limits.0,
            upper_limit: limits.1,
            formula: text("observableFormula"),
            noise_formula: text("noiseFormula"),
            observable_placeholders,
            noise_placeholders,
            formula_program,
            noise_program,
            own_slot,
        });
    }
    Some(defined)
}

/// The formula must give what the observable is said to be in. SBML's units are information only.
fn check_unit(
    table: &Table,
    row: usize,
    formula: Option<&str>,
    unit: &str,
    scope: &Scope<'_>,
    problems: &mut Problems,
) {
    let (Some(network), Some(formula), false) = (scope.network, formula, unit.is_empty()) else { return };
    if !scope.has_units {
        return;
    }
    if let Err(error) = network.check_unit(formula, unit) {
        problems.cell(table, row, "observableFormula", |_| {
            let help = format!("`observableUnit` is `{unit}`; change it, or convert by a factor in the formula");
            Complaint::new(format!("in `observableFormula`: {}", error.message), "here").help(help).within(error.span)
        });
    }
}

/// The parts of a multinomial sample must say what they are parts of.
fn check_group(table: &Table, row: usize, group: &str, noise: NoiseDistribution, problems: &mut Problems) {
    if noise == NoiseDistribution::Multinomial && group.is_empty() {
        let place = if table.column("observableGroup").is_some() { "observableGroup" } else { "noiseDistribution" };
        problems.cell(table, row, place, |_| {
            Complaint::new("a multinomial observable needs an `observableGroup`", "of which sample is it a part?")
                .help("give all observables that are counted in one sample the same `observableGroup`")
        });
    }
}

/// What can be measured, from and to.
fn read_limits(table: &Table, row: usize, problems: &mut Problems) -> (Option<f64>, Option<f64>) {
    let mut limit = |column| {
        let cells = table.column(column)?;
        cells.text(row)?;
        cells.number(table, row, problems)
    };
    let (lower, upper) = (limit("lowerLimit"), limit("upperLimit"));
    if lower.zip(upper).is_some_and(|(lower, upper)| lower >= upper) {
        problems.cell(table, row, "lowerLimit", |_| {
            Complaint::new("the lower limit is not below the upper limit", "not below `upperLimit`")
                .help("they are the smallest and the largest value that can be measured")
        });
        return (None, None);
    }
    (lower, upper)
}

/// Whether a value can be a standard deviation or scale.
pub(crate) fn is_positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// One of a few words; the default where the cell is empty or wrong.
fn choice<T: Copy + Default, const N: usize>(
    table: &Table,
    row: usize,
    column: &'static str,
    choices: &[(&'static str, T); N],
    problems: &mut Problems,
) -> T {
    let Some(text) = table.column(column).and_then(|cells| cells.text(row)) else { return T::default() };
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
        return *value;
    }
    problems.cell(table, row, column, |text| {
        let names = choices.map(|(name, _)| name);
        let list = || format!("known are {}", names.join(", "));
        Complaint::new(format!("`{column}` cannot be `{text}`"), "unknown")
            .help(suggestion(text, names).unwrap_or_else(list))
    });
    T::default()
}

/// The names in a list of placeholders; none if one of them cannot be used.
fn placeholders(
    table: &Table,
    row: usize,
    column: &'static str,
    observable: &str,
    scope: &Scope<'_>,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let text = table.column(column).and_then(|cells| cells.text(row)).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    let mut sound = true;
    for name in text.split(';').map(str::trim).filter(|name| !name.is_empty()) {
        let known = scope.network.is_some_and(|network| network.slot(name).is_some());
        let problem = if !is_identifier(name) {
            format!("`{name}` is not an identifier")
        } else if known || name == observable || scope.parameters.contains_key(name) {
            format!("the placeholder `{name}` has the name of something else")
        } else if names.iter().any(|earlier| earlier == name) {
            format!("the placeholder `{name}` is given twice")
        } else {
            names.push(name.to_owned());
            continue;
        };
        sound = false;
        problems.cell(table, row, column, |_| {
            Complaint::new(problem, "not a new name")
                .help(format!("choose a name such as `noiseParameter1_{observable}`"))
        });
    }
    sound.then_some(names)
}

//! Reads a problem's folder: all files, all mistakes, one pass.

use std::{collections::BTreeSet, path::Path};

use metacascade_engine::{Diagnostic, Diagnostics, Network, conversion, suggestion};
use serde_saphyr::Spanned;

use crate::{
    derived,
    document::{self, Document, Extension},
    experiments::{self, Experiment},
    files::Folder,
    measurements::{self, Measurements, References},
    model::{self, Model},
    observables::{self, Observable},
    parameters::{self, Parameter},
    priors,
    problem::Problem,
    problems::{Complaint, Problems},
    scope::{Scope, constant_slot},
    subjects::{self, Subjects, Targets},
    survival,
    table::{Columns, Table},
    units::Conversions,
    version_1,
};

/// Reads a problem, or tells everything that is wrong with it.
///
/// `model` is read in place of the file that the problem names.
pub(crate) fn load(folder: &Path, model: Option<&Path>) -> Result<Problem, Diagnostics> {
    let mut problems = Problems::default();
    match read(folder, model, &mut problems) {
        Some(problem) if problems.is_empty() => Ok(problem),
        _ => Err(problems.into_diagnostics()),
    }
}

/// Reads everything; what is returned is whole only if no problem was added.
fn read(path: &Path, other: Option<&Path>, problems: &mut Problems) -> Option<Problem> {
    let (path, name) = document::locate(path);
    let (mut document, file, source) = Document::read(&path, &name, problems)?;
    let mut folder = Folder { path: path.clone(), document_name: name, document: source, files: vec![file] };
    let extension = std::mem::take(&mut document.extension);

    let mut model = model::read(&mut folder, &document, other, problems);
    let Read { parameters: parameter_tables, conditions, experiments, observables, measurements, ignored } =
        read_tables(&mut folder, &document, extension.survival_files.is_empty(), problems);
    let (condition_tables, experiment_tables) = (conditions, experiments);
    let (observable_tables, measurement_tables) = (observables, measurements);
    let mapping_tables = tables(&mut folder, &document.mapping_files, &model::MAPPING_COLUMNS, problems);
    let subject_tables = tables(&mut folder, &extension.subject_files, &subjects::COLUMNS, problems);
    let survival_tables = tables(&mut folder, &extension.survival_files, &survival::COLUMNS, problems);

    let defined = parameters::read(&parameter_tables.read, problems);
    if let Some(model) = &mut model {
        model.map(&mapping_tables.read, problems);
        model.complete(&condition_tables.read, &observable_tables.read, &defined, problems);
    }
    // Without the model or all parameters, names cannot be told right from wrong.
    let network = model.as_ref().map(|model| &model.network).filter(|_| parameter_tables.complete);
    let symbols = model.as_ref().map(|model| model.symbols.clone()).unwrap_or_default();
    let dialect = model.as_ref().map(Model::dialect).unwrap_or_default();
    let own = |id: &str| symbols.get(id).map_or(id, |symbol| symbol.name.as_str()).to_owned();
    let extra = defined.iter().map(|defined| defined.parameter.id.clone());
    let is_extra = |id: &String| network.is_none_or(|network| constant_slot(network, &own(id)).is_none());
    let extra = extra.filter(is_extra).collect();
    let parameters = defined.iter().enumerate().map(|(i, defined)| (defined.parameter.id.clone(), i)).collect();
    let mut scope = Scope {
        network,
        symbols: &symbols,
        has_units: model.as_ref().is_some_and(|model| !model.is_sbml),
        dialect: &dialect,
        extra,
        used: Default::default(),
        failed: false,
        parameters,
        told: Default::default(),
    };

    let conditions = experiments::read_conditions(&condition_tables.read, &mut scope, problems);
    let conditions = condition_tables.complete.then_some((&conditions, condition_tables.read.as_slice()));
    let mut experiments = experiments::read_experiments(&experiment_tables.read, conditions, &mut scope, problems);
    experiments.push(Experiment::unchanged(""));
    let observables = observables::read(&observable_tables.read, &mut scope, problems);
    let known = experiment_tables.complete.then_some(experiments.as_slice());
    let (mut conversions, unknown) = Conversions::new(&extension.conversions, |name| fixed(name, &defined, network));
    for name in unknown {
        let message = format!("`conversions` converts by `{name}`, which is no fixed positive number");
        let help = "name a parameter that is not estimated, or write the number";
        problems.push(Diagnostic::new(folder.shown(&folder.document_name), message).help(help));
    }
    let before = problems.count();
    let targets = Targets { named: &extension.covariates, conversions: &mut conversions };
    let subjects = subjects::read(&subject_tables.read, known, targets, &mut scope, problems);
    let known_subjects = problems.count() == before;
    let references = References {
        observables: observable_tables.complete.then_some(observables.as_slice()),
        experiments: known,
        subjects: (subject_tables.complete && known_subjects).then_some(subjects.subjects.as_slice()),
        model: model::id(&document),
        time_unit: network.map_or("", Network::time_unit),
    };
    let Measurements { mut trajectories, mut series, missing } =
        measurements::read(&measurement_tables.read, &references, &mut conversions, &mut scope, problems);
    let (rows, endpoints) = survival::read(&survival_tables.read, &references, &mut conversions, &mut scope, problems);
    let derived = derived::read(&extension.derived, &folder, &mut scope, problems);
    let survival = survival::join(rows, &mut trajectories, &mut series);
    let all = [
        &condition_tables,
        &experiment_tables,
        &observable_tables,
        &measurement_tables,
        &subject_tables,
        &survival_tables,
    ];
    let complete = all.iter().all(|tables| tables.complete) && !scope.failed;
    check_parameters(&defined, &parameter_tables.read, &scope, &subjects, complete, problems);
    // Measurements of the model as it is have an experiment without a name; if there are none, it is not needed.
    let unnamed = experiments.len() - 1;
    if trajectories.iter().all(|trajectory| trajectory.experiment != unnamed) {
        experiments.truncate(unnamed);
    }

    let Scope { extra, .. } = scope;
    let Model { network, shipped, is_sbml, .. } = model?;
    let slot = |id: &str| {
        constant_slot(&network, &own(id))
            .or_else(|| extra.iter().position(|extra| extra == id).map(|index| network.slots() + index))
    };
    let slots: Option<Vec<usize>> = defined.iter().map(|defined| slot(&defined.parameter.id)).collect();
    let parameters: Vec<Parameter> =
        defined.into_iter().map(|defined| describe(defined.parameter, &network, &own)).collect();
    let estimated_positions: Vec<usize> =
        (0..parameters.len()).filter(|&position| parameters[position].estimated.is_some()).collect();
    let estimated = parameters.iter().filter_map(|parameter| parameter.estimated.clone()).collect();
    let observables: Option<Vec<Observable>> = observables.into_iter().map(|defined| defined.observable).collect();
    let Extension { title, description, mut simulation, fit, .. } = extension;
    if is_sbml {
        // Its amounts may be of any size, and other programs solve to about these tolerances.
        simulation.relative_tolerance.get_or_insert(1e-8);
        simulation.absolute_tolerance.get_or_insert(1e-12);
    }
    let name = || path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let titles = [title, document.id.take(), Some(network.title().to_owned()), Some(name())];
    let mut problem = Problem {
        folder: folder.path,
        files: folder.files,
        shipped,
        title: titles.into_iter().flatten().find(|title| !title.is_empty()).unwrap_or_default(),
        description: description.unwrap_or_else(|| network.description().to_owned()),
        scope_slots: network.slots() + extra.len(),
        network,
        version_1: document.version_1,
        measurement_files: document.measurement_files.iter().map(|file| file.value.clone()).collect(),
        parameters,
        estimated,
        estimated_positions,
        slots: slots?,
        observables: observables?,
        experiments,
        trajectories,
        series,
        subjects,
        survival,
        endpoints,
        derived,
        simulation,
        fit,
        warnings: Vec::new(),
    };
    problem.warnings = ignored;
    problem.warnings.extend(warnings(&problem));
    if missing > 0 {
        problem.warnings.push(format!("{missing} rows whose measurement is `NA` are left out"));
    }
    Some(problem)
}

/// All tables of the problem, in the layout of version 2.
pub(crate) struct Read {
    pub parameters: Tables,
    pub conditions: Tables,
    pub experiments: Tables,
    pub observables: Tables,
    pub measurements: Tables,
    /// What is said of columns that mean nothing here.
    pub ignored: Vec<String>,
}

/// Where times to events are given, measurements need not be.
pub(crate) fn read_tables(folder: &mut Folder, document: &Document, measured: bool, problems: &mut Problems) -> Read {
    let mut all = |names: &[Spanned<String>], columns: &[&Columns; 2]| {
        let columns = columns[usize::from(document.version_1)];
        match names.is_empty() && !measured && matches!(columns.kind, "observable" | "measurement") {
            true => Tables { read: Vec::new(), complete: true },
            false => tables(folder, names, columns, problems),
        }
    };
    let parameters = all(&document.parameter_files, &[&parameters::COLUMNS, &version_1::PARAMETERS]);
    let conditions = all(&document.condition_files, &[&experiments::CONDITION_COLUMNS, &version_1::CONDITIONS]);
    let columns = &experiments::EXPERIMENT_COLUMNS;
    let experiments = all(&document.experiment_files, &[columns, columns]);
    let observables = all(&document.observable_files, &[&observables::COLUMNS, &version_1::OBSERVABLES]);
    let measurements = all(&document.measurement_files, &[&measurements::COLUMNS, &version_1::MEASUREMENTS]);
    let mut ignored = Vec::new();
    for table in [&parameters, &conditions, &observables, &measurements].into_iter().flat_map(|tables| &tables.read) {
        for column in table.ignored() {
            ignored.push(format!("{}: the column `{column}` means nothing here", table.file()));
        }
    }
    let read = Read { parameters, conditions, experiments, observables, measurements, ignored };
    if document.version_1 { convert(read) } else { read }
}

/// From version 1 to version 2.
fn convert(read: Read) -> Read {
    let each = |tables: Tables, convert: &mut dyn FnMut(&Table) -> Option<Table>| {
        let converted: Vec<Table> = tables.read.iter().filter_map(convert).collect();
        Tables { complete: tables.complete && converted.len() == tables.read.len(), read: converted }
    };
    let (mut known, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let conditions = each(read.conditions, &mut |table| version_1::conditions(table, &mut known));
    let ids = conditions.read.iter().filter_map(|table| Some((table, table.column("conditionId")?)));
    let changing: BTreeSet<String> = ids
        .flat_map(|(table, cells)| (0..table.len()).filter_map(move |row| cells.text(row)))
        .map(str::to_owned)
        .collect();
    let mut experiments = Vec::new();
    let measurements = each(read.measurements, &mut |table| {
        let (measurements, table) = version_1::measurements(table, &known, &changing, &mut seen)?;
        experiments.push(table);
        Some(measurements)
    });
    Read {
        parameters: each(read.parameters, &mut version_1::parameters),
        experiments: Tables { read: experiments, complete: measurements.complete },
        conditions,
        observables: each(read.observables, &mut version_1::observables),
        measurements,
        ignored: read.ignored,
    }
}

/// The tables of one kind that could be read, and whether that is all of them.
pub(crate) struct Tables {
    pub read: Vec<Table>,
    pub complete: bool,
}

pub(crate) fn tables(
    folder: &mut Folder,
    names: &[Spanned<String>],
    columns: &Columns,
    problems: &mut Problems,
) -> Tables {
    let mut read = Vec::new();
    for name in names {
        let Some(bytes) = folder.read(name, problems) else { continue };
        read.extend(Table::parse(&bytes, &folder.shown(&name.value), columns, problems));
    }
    let missing = names.is_empty() && matches!(columns.kind, "parameter" | "observable" | "measurement");
    let complete = read.len() == names.len() && !missing;
    if missing {
        let message = format!("no {} table is listed", columns.kind);
        let help = format!("add `{}_files: [{}s.tsv]`", columns.kind, columns.kind);
        problems.push(Diagnostic::new(folder.shown(&folder.document_name), message).help(help));
    }
    Tables { read, complete }
}

/// Every parameter must mean something, and at least one must be estimated.
///
/// Only if the other tables were read completely is it known what nothing uses.
fn check_parameters(
    defined: &[parameters::Defined],
    tables: &[Table],
    scope: &Scope<'_>,
    subjects: &Subjects,
    complete: bool,
    problems: &mut Problems,
) {
    let Some(network) = scope.network else { return };
    for parameters::Defined { parameter, table, row } in defined {
        let table = &tables[*table];
        let id = parameter.id.as_str();
        if subjects.sets(id) {
            problems.cell(table, *row, "parameterId", |text| {
                Complaint::new(format!("`{text}` is also set for each subject"), "a covariate of the subject table")
                    .help("leave out this row, or the column of the subject table")
            });
            continue;
        }
        if constant_slot(network, scope.own(id)).is_some() {
            if let Some(index) = network.parameter_index(scope.own(id)).filter(|_| scope.has_units) {
                check_unit(table, *row, &parameter.unit, &network.parameters()[index].unit, problems);
            }
            continue;
        }
        let complaint = if network.slot(scope.own(id)).is_some() {
            let complaint = Complaint::new(format!("`{id}` is no parameter of the model"), "a species, rule or time");
            complaint.help("to estimate a species' initial value, set it by a condition to a parameter of another name")
        } else if !complete
            || scope.extra.iter().position(|extra| extra == id).is_some_and(|index| scope.used.contains(&index))
        {
            continue;
        } else {
            let names = network.parameters().iter().map(|parameter| parameter.name.as_str());
            let other = "name a parameter of the model, or use it in a formula, a condition or the measurement table";
            Complaint::new(format!("nothing uses the parameter `{id}`"), "neither in the model nor in a table")
                .help(suggestion(id, names).unwrap_or_else(|| other.to_owned()))
        };
        problems.cell(table, *row, "parameterId", |_| complaint);
    }
    if problems.is_empty() && defined.iter().all(|defined| defined.parameter.estimated.is_none()) {
        for table in tables.iter().take(1) {
            let complaint = Complaint::new("no parameter is estimated", "no row has `estimate` true");
            problems.header(table, complaint.help("write `true` in the column `estimate` of at least one parameter"));
        }
    }
}

/// A parameter of the model must be given in the model's unit.
fn check_unit(table: &Table, row: usize, unit: &str, expected: &str, problems: &mut Problems) {
    if unit.is_empty() || expected.is_empty() || unit == expected {
        return;
    }
    let (message, help) = match conversion(unit, expected) {
        Ok(factor) if (factor - 1.0).abs() < 1e-9 => return,
        Ok(factor) => {
            let message = format!("the unit is `{unit}`, the model's is `{expected}`");
            (message, format!("write all values in `{expected}`, {factor} times as large"))
        }
        Err(mismatch) => (mismatch.message, format!("the model's unit is `{expected}`")),
    };
    problems.cell(table, row, "unit", |_| Complaint::new(message, "another unit").help(help));
}

/// The value of a parameter that is not estimated.
fn fixed(name: &str, defined: &[parameters::Defined], network: Option<&Network>) -> Option<f64> {
    match defined.iter().find(|defined| defined.parameter.id == name) {
        Some(defined) => defined.parameter.nominal.filter(|_| defined.parameter.estimated.is_none()),
        None => network.and_then(|network| Some(network.default_parameters()[network.parameter_index(name)?])),
    }
}

/// Fills in what the model says of a parameter where the table is silent.
fn describe(mut parameter: Parameter, network: &Network, own: &impl Fn(&str) -> String) -> Parameter {
    if let Some(index) = network.parameter_index(&own(&parameter.id)) {
        let model = &network.parameters()[index];
        if parameter.unit.is_empty() {
            parameter.unit.clone_from(&model.unit);
        }
        if parameter.description.is_empty() {
            parameter.description.clone_from(&model.description);
        }
    }
    parameter
}

/// What is odd but not wrong.
fn warnings(problem: &Problem) -> Vec<String> {
    let measured: BTreeSet<usize> = problem.series.iter().map(|series| series.observable).collect();
    let used: BTreeSet<usize> = problem.trajectories.iter().map(|trajectory| trajectory.experiment).collect();
    let observables = problem.observables.iter().enumerate().filter(|(index, _)| !measured.contains(index));
    let experiments = problem.experiments.iter().enumerate().filter(|(index, _)| !used.contains(index));
    let linear =
        problem.estimated.iter().filter(|parameter| priors::is_logarithmic(&parameter.prior) && parameter.lower <= 0.0);
    let observables =
        observables.map(|(_, observable)| format!("the observable `{}` has no measurements", observable.id));
    let experiments =
        experiments.map(|(_, experiment)| format!("the experiment `{}` has no measurements", experiment.id));
    let linear = linear.map(|parameter| {
        format!("`{}` moves on a linear scale; give it a lower bound above 0 for a logarithmic one", parameter.name)
    });
    observables.chain(experiments).chain(linear).collect()
}

//! Reads a problem's folder: all files, all mistakes, one pass.

use std::path::Path;

use metacascade_engine::{Diagnostic, Diagnostics, Network, suggestion};
use serde_saphyr::Spanned;

use crate::{
    document::{Document, Extension, FILE},
    experiments::{self, Experiment},
    files::Folder,
    measurements::{self, Measurements, References},
    observables::{self, Observable},
    parameters::{self, Parameter},
    priors,
    problem::Problem,
    problems::{Complaint, Problems},
    scope::Scope,
    subjects,
    table::{Columns, Table},
};

/// Reads a problem, or tells everything that is wrong with it.
pub(crate) fn load(folder: &Path) -> Result<Problem, Diagnostics> {
    let mut problems = Problems::default();
    match read(folder, &mut problems) {
        Some(problem) if problems.is_empty() => Ok(problem),
        _ => Err(problems.into_diagnostics()),
    }
}

/// Reads everything; what is returned is whole only if no problem was added.
fn read(path: &Path, problems: &mut Problems) -> Option<Problem> {
    let (mut document, file, source) = Document::read(path, problems)?;
    let mut folder = Folder { path: path.to_owned(), document: source, files: vec![file] };
    let extension = document.extension();

    let model = read_model(&mut folder, &document, problems);
    let parameter_tables = tables(&mut folder, &document.parameter_files, &parameters::COLUMNS, problems);
    let condition_tables = tables(&mut folder, &document.condition_files, &experiments::CONDITION_COLUMNS, problems);
    let experiment_tables = tables(&mut folder, &document.experiment_files, &experiments::EXPERIMENT_COLUMNS, problems);
    let observable_tables = tables(&mut folder, &document.observable_files, &observables::COLUMNS, problems);
    let measurement_tables = tables(&mut folder, &document.measurement_files, &measurements::COLUMNS, problems);
    let subject_tables = tables(&mut folder, &extension.subject_files, &subjects::COLUMNS, problems);

    let defined = parameters::read(&parameter_tables.read, problems);
    // Without the model or all parameters, names cannot be told right from wrong.
    let network = model.as_ref().map(|model| &model.network).filter(|_| parameter_tables.complete);
    let extra = defined.iter().map(|defined| defined.parameter.id.clone());
    let extra = extra.filter(|id| network.is_none_or(|network| network.parameter_index(id).is_none())).collect();
    let parameters = defined.iter().enumerate().map(|(i, defined)| (defined.parameter.id.clone(), i)).collect();
    let mut scope = Scope { network, extra, used: Default::default(), failed: false, parameters };

    let conditions = experiments::read_conditions(&condition_tables.read, &mut scope, problems);
    let conditions = condition_tables.complete.then_some(&conditions);
    let mut experiments = experiments::read_experiments(&experiment_tables.read, conditions, problems);
    experiments.push(Experiment::unchanged(""));
    let observables = observables::read(&observable_tables.read, &mut scope, problems);
    let known = experiment_tables.complete.then_some(experiments.as_slice());
    let subjects = subjects::read(&subject_tables.read, known, &extension.covariates, &mut scope, problems);
    let references = References {
        observables: observable_tables.complete.then_some(observables.as_slice()),
        experiments: known,
        subjects: subject_tables.complete.then_some(subjects.subjects.as_slice()),
        model: document.model_files.keys().next().map_or("", String::as_str),
    };
    let Measurements { trajectories, series, missing } =
        measurements::read(&measurement_tables.read, &references, &mut scope, problems);
    let all = [&condition_tables, &experiment_tables, &observable_tables, &measurement_tables, &subject_tables];
    let complete = all.iter().all(|tables| tables.complete) && !scope.failed;
    check_parameters(&defined, &parameter_tables.read, &scope, complete, problems);
    // Measurements of the model as it is have an experiment without a name; if there are none, it is not needed.
    let unnamed = experiments.len() - 1;
    if trajectories.iter().all(|trajectory| trajectory.experiment != unnamed) {
        experiments.truncate(unnamed);
    }

    let Scope { extra, .. } = scope;
    let Model { network, shipped } = model?;
    let slot = |id: &str| {
        let known = network.parameter_index(id).and_then(|_| network.slot(id));
        known.or_else(|| extra.iter().position(|extra| extra == id).map(|index| network.slots() + index))
    };
    let slots: Option<Vec<usize>> = defined.iter().map(|defined| slot(&defined.parameter.id)).collect();
    let parameters: Vec<Parameter> = defined.into_iter().map(|defined| describe(defined.parameter, &network)).collect();
    let estimated_positions: Vec<usize> =
        (0..parameters.len()).filter(|&position| parameters[position].estimated.is_some()).collect();
    let estimated = parameters.iter().filter_map(|parameter| parameter.estimated.clone()).collect();
    let observables: Option<Vec<Observable>> = observables.into_iter().map(|defined| defined.observable).collect();
    let Extension { title, description, simulation, fit, .. } = extension;
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
        parameters,
        estimated,
        estimated_positions,
        slots: slots?,
        observables: observables?,
        experiments,
        trajectories,
        series,
        subjects,
        simulation,
        fit,
        warnings: Vec::new(),
    };
    problem.warnings = warnings(&problem);
    if missing > 0 {
        problem.warnings.push(format!("{missing} rows whose measurement is `NA` are left out"));
    }
    Some(problem)
}

/// The tables of one kind that could be read, and whether that is all of them.
struct Tables {
    read: Vec<Table>,
    complete: bool,
}

fn tables(folder: &mut Folder, names: &[Spanned<String>], columns: &Columns, problems: &mut Problems) -> Tables {
    let mut read = Vec::new();
    for name in names {
        let Some(bytes) = folder.read(name, problems) else { continue };
        read.extend(Table::parse(&bytes, &folder.shown(&name.value), columns, problems));
    }
    let missing = names.is_empty() && !matches!(columns.kind, "condition" | "experiment" | "subject" | "survival");
    let complete = read.len() == names.len() && !missing;
    if missing {
        let message = format!("no {} table is listed", columns.kind);
        let help = format!("add `{}_files: [{}s.tsv]`", columns.kind, columns.kind);
        problems.push(Diagnostic::new(folder.shown(FILE), message).help(help));
    }
    Tables { read, complete }
}

struct Model {
    network: Network,
    /// Its name and text, if it is a shipped one.
    shipped: Option<(String, &'static str)>,
}

fn read_model(folder: &mut Folder, document: &Document, problems: &mut Problems) -> Option<Model> {
    let mut files = document.model_files.values();
    let (Some(file), None) = (files.next(), files.next()) else {
        let message = format!("{} models are listed in `model_files`", document.model_files.len());
        problems
            .push(Diagnostic::new(folder.shown(FILE), message).help("list one model; several are not supported yet"));
        return None;
    };
    let location = &file.location;
    // A file of the same name goes first, so that the copy in a run's folder is read from there.
    let is_file = folder.path.join(&location.value).is_file();
    let shipped = metacascade_cascade::model(&location.value).filter(|_| !is_file);
    let (text, shown) = match shipped {
        Some(text) => {
            folder.note(&location.value, text.as_bytes());
            (text.to_owned(), location.value.clone())
        }
        None => {
            let shipped_names: Vec<&str> = metacascade_cascade::names().collect();
            let is_name = !location.value.contains(['.', '/']);
            if is_name && !is_file {
                let message = format!("`{}` is neither a file nor a shipped model", location.value);
                let list = || format!("shipped models are: {}", shipped_names.join(", "));
                let help = suggestion(&location.value, shipped_names.iter().copied()).unwrap_or_else(list);
                problems.push(folder.complain(location, message, "no such model").help(help));
                return None;
            }
            let bytes = folder.read(location, problems)?;
            let shown = folder.shown(&location.value);
            let text = crate::table::scan::decode(&bytes, &shown, problems)?;
            (text.to_owned(), shown)
        }
    };
    match Network::from_toml(&text, &shown) {
        Ok(network) => Some(Model { network, shipped: shipped.map(|text| (location.value.clone(), text)) }),
        Err(mut diagnostics) => {
            for diagnostic in diagnostics.0.iter_mut().filter(|diagnostic| diagnostic.file != shown) {
                // A part the file lacks has no place in it.
                diagnostic.file.clone_from(&shown);
                diagnostic.place = None;
            }
            problems.extend(diagnostics);
            None
        }
    }
}

/// Every parameter must mean something, and at least one must be estimated.
///
/// Only if the other tables were read completely is it known what nothing uses.
fn check_parameters(
    defined: &[parameters::Defined],
    tables: &[Table],
    scope: &Scope<'_>,
    complete: bool,
    problems: &mut Problems,
) {
    let Some(network) = scope.network else { return };
    for parameters::Defined { parameter, table, row } in defined {
        let table = &tables[*table];
        let id = parameter.id.as_str();
        if network.parameter_index(id).is_some() {
            continue;
        }
        let complaint = if network.slot(id).is_some() {
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

/// Fills in what the model says of a parameter where the table is silent.
fn describe(mut parameter: Parameter, network: &Network) -> Parameter {
    if let Some(index) = network.parameter_index(&parameter.id) {
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
    let is_measured = |index: usize| problem.series.iter().any(|series| series.observable == index);
    let is_used = |index: usize| problem.series.iter().any(|series| series.experiment == index);
    let observables = problem.observables.iter().enumerate().filter(|(index, _)| !is_measured(*index));
    let experiments = problem.experiments.iter().enumerate().filter(|(index, _)| !is_used(*index));
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

//! `metacascade new`: a problem's folder to start from.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use metacascade_cascade::{Starter, starter, starters};
use metacascade_engine::{Network, suggestion};
use metacascade_problem::{Problem, ProblemSimulator, write_file};
use metacascade_random::Key;

use crate::args::New;
use crate::error::Failed;

/// Writes a folder that can be fitted as it is: tables, a copy of the model, and simulated measurements to replace.
pub fn run(typed: &New) -> Result<(), Failed> {
    let Some(starter) = starter(&typed.model) else {
        let list = || format!("there is one for {}", starters().collect::<Vec<_>>().join(", "));
        let help = suggestion(&typed.model, starters()).unwrap_or_else(list);
        return Err(Failed::usage(format!("there is no first problem with a model `{}`", typed.model)).help(help));
    };
    let folder = &typed.folder;
    let shown = folder.display();
    if folder.exists() && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failed::usage(format!("`{shown}` is there already")).help("choose a folder that is not there yet"));
    }
    // Written beside, and moved into place whole.
    let mut beside = folder.clone().into_os_string();
    beside.push(".tmp");
    let beside = Path::new(&beside);
    let failed = |error: std::io::Error| Failed::Work(format!("cannot write `{shown}`: {error}"));
    if beside.exists() {
        fs::remove_dir_all(beside).map_err(failed)?;
    }
    fs::create_dir_all(beside).map_err(failed)?;
    let written = write(beside, starter, typed.seed).and_then(|()| fs::rename(beside, folder).map_err(failed));
    if written.is_err() {
        // What failed is told; that its remains could not be removed would hide it.
        let _ = fs::remove_dir_all(beside);
    }
    written?;
    anstream::println!("{shown}: {} with the model {}", starter.question, starter.model);
    anstream::println!("replace measurements.tsv, which is simulated, by your own; then");
    anstream::println!("  metacascade fit {shown}");
    Ok(())
}

fn write(folder: &Path, starter: &Starter, seed: u64) -> Result<(), Failed> {
    // All shipped models are there by their names.
    let model = metacascade_cascade::model(starter.model).unwrap_or_default();
    let network = Network::from_toml(model, starter.model)?;
    let file = |name: &str, text: &str| write_file(&folder.join(name), text.as_bytes());
    file("model.toml", model)?;
    file("problem.yaml", &document(starter))?;
    file("parameters.tsv", &parameters(starter, &network))?;
    file("observables.tsv", &observables(starter))?;
    let rows = rows(starter);
    file("measurements.tsv", &measurements(&rows, |_| 1.0))?;
    let problem = Problem::load(folder)?;
    let method = &problem.simulation().method();
    let data = ProblemSimulator::new(&problem, method).data(&problem.nominal(), Key::new(seed));
    let data = data.map_err(|failure| Failed::Work(format!("cannot simulate `{}`: {failure}", starter.model)))?;
    // Data are in the order of the problem's series.
    let value = |row: &Row| {
        let places = problem
            .series()
            .iter()
            .flat_map(|series| series.measurements.iter().map(move |measurement| (series, measurement)));
        let place = places.zip(&data).find(|((series, measurement), _)| {
            problem.observables()[series.observable].id == row.observable
                && measurement.time == row.time
                && problem.trajectories()[series.trajectory].replicate == row.subject
        });
        place.map_or(f64::NAN, |(_, value)| *value)
    };
    file("measurements.tsv", &measurements(&rows, value))?;
    Problem::load(folder)?;
    Ok(())
}

/// A row of the measurement table.
struct Row {
    observable: &'static str,
    time: f64,
    subject: String,
}

fn rows(starter: &Starter) -> Vec<Row> {
    let subjects = 1..=starter.subjects;
    let all = subjects.flat_map(|subject| {
        starter.observables.iter().flat_map(move |observable| {
            let row = move |&time| Row { observable: observable.id, time, subject: format!("subject_{subject}") };
            observable.times.iter().map(row)
        })
    });
    all.collect()
}

fn document(starter: &Starter) -> String {
    format!(
        "# A calibration problem: PEtab 2 tables (https://petab.readthedocs.io) and a model of metacascade.
# Begun from a shipped model; change everything to what was measured.
format_version: 2.0.0
parameter_files: [parameters.tsv] # what is estimated, and its prior
model_files:
  model:
    location: model.toml # yours to change
    language: metacascade
observable_files: [observables.tsv] # what is measured, as a formula over the model's names, and its noise
measurement_files: [measurements.tsv] # SIMULATED; replace by your own; replicateId is the subject
extensions:
  metacascade:
    version: \"1\"
    required: true
    title: A first fit of {}
    description: {}
    simulation:
      method: {}
    fit:
      method: abc-smc
      population: {}
      max_simulations: {} # for a first look; more for a result
",
        starter.model,
        starter.question,
        starter.method,
        (starter.simulations / 10).clamp(100, 1000),
        starter.simulations
    )
}

fn parameters(starter: &Starter, network: &Network) -> String {
    let mut text =
        "parameterId\tunit\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n"
            .to_owned();
    let known = network.parameters().iter().filter(|known| starter.estimated.contains(&known.name.as_str()));
    for known in known {
        let (name, unit, value) = (&known.name, &known.unit, known.value);
        // A decade about the default, within what is plausible: a first look need not search further.
        let [least, most] = known.range.unwrap_or([0.0, f64::INFINITY]);
        let (from, to) = (least.max(0.1 * value), most.min(10.0 * value));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}\t{unit}\t{from}\t{to}\t{value}\ttrue\tlog-uniform\t{from};{to}");
    }
    text
}

fn observables(starter: &Starter) -> String {
    let mut text =
        "observableId\tobservableName\tobservableUnit\tobservableFormula\tnoiseFormula\tnoiseDistribution\n".to_owned();
    for one in starter.observables {
        let _ = writeln!(text, "{}\t{}\t{}\t{}\t{}\t{}", one.id, one.name, one.unit, one.formula, one.noise, one.law);
    }
    text
}

fn measurements(rows: &[Row], value: impl Fn(&Row) -> f64) -> String {
    let mut text = "observableId\texperimentId\ttime\tmeasurement\treplicateId\n".to_owned();
    for row in rows {
        let _ = writeln!(text, "{}\t\t{}\t{:.6}\t{}", row.observable, row.time, value(row), row.subject);
    }
    text
}

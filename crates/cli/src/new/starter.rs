//! A first problem with a shipped model: simulated measurements, to be replaced.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use metacascade_cascade::{Starter, starter, starters};
use metacascade_engine::{Network, suggestion};
use metacascade_problem::{Problem, ProblemSimulator, write_file};
use metacascade_random::Key;

use crate::error::Failed;

/// The first problem with a model.
pub(super) fn find(model: &str) -> Result<&'static Starter, Failed> {
    starter(model).ok_or_else(|| {
        let list = || format!("there is one for {}", starters().collect::<Vec<_>>().join(", "));
        let help = suggestion(model, starters()).unwrap_or_else(list);
        Failed::usage(format!("there is no first problem with a model `{model}`")).help(help)
    })
}

/// Writes its files.
pub(super) fn write(folder: &Path, starter: &Starter, seed: u64) -> Result<(), Failed> {
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
    let series = problem.series().iter().flat_map(|series| {
        let observable = problem.observables()[series.observable].id.as_str();
        let subject = problem.trajectories()[series.trajectory].replicate.as_str();
        series.measurements.iter().map(move |measurement| (observable, subject, measurement.time.to_bits()))
    });
    let values: HashMap<_, f64> = series.zip(data).collect();
    let value = |row: &Row| {
        let place = (row.observable, row.subject.as_str(), row.time.to_bits());
        values.get(&place).copied().unwrap_or(f64::NAN)
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

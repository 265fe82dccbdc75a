//! A problem as it is put together, and its files.

use std::fmt::Write as _;

/// A problem that is being proposed.
#[derive(Default)]
pub(super) struct Draft {
    pub title: String,
    pub description: String,
    /// The text of the model file.
    pub model: String,
    pub parameters: Vec<Estimated>,
    pub observables: Vec<Observed>,
    /// Condition, what it sets, and to what.
    pub conditions: Vec<(String, String, String)>,
    /// Experiment, its name, when it begins, and its condition.
    pub experiments: Vec<(String, String, f64, String)>,
    pub measurements: Vec<Measured>,
    /// Names of columns beyond the subject's own, and a row of cells a subject: subject, group, experiment, covariates.
    pub covariates: Vec<String>,
    pub subjects: Vec<Vec<String>>,
    /// Which covariate sets which parameter of another name.
    pub sets: Vec<(String, String)>,
    /// Subject, time, whether it happened, endpoint.
    pub survival: Vec<(String, f64, bool, &'static str)>,
    /// The unit of the times of `survival`, where it is not the model's.
    pub survival_unit: String,
    /// How it is simulated, and fitted.
    pub simulation: &'static str,
    pub method: &'static str,
    /// Simulated data sets for a first look, where it is fitted to simulations.
    pub simulations: usize,
}

/// A parameter that is estimated, under a log-uniform prior, or a uniform one where it may be 0 or negative.
pub(super) struct Estimated {
    pub id: String,
    pub name: String,
    pub unit: String,
    pub bounds: [f64; 2],
}

/// A row of the observable table.
#[derive(Default)]
pub(super) struct Observed {
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub unit: String,
    pub formula: String,
    pub noise: String,
    pub placeholders: &'static str,
    pub law: &'static str,
    /// The largest value that is possible, such as 1 of a fraction.
    pub group: &'static str,
}

/// A row of the measurement table.
#[derive(Default)]
pub(super) struct Measured {
    pub observable: String,
    pub experiment: String,
    pub time: f64,
    pub value: f64,
    pub subject: String,
    pub noise: Option<f64>,
    pub trials: Option<f64>,
    pub censoring: &'static str,
}

/// The name of a number in files: short, and read back as the same.
fn number(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e15).contains(&value.abs()) { format!("{value:e}") } else { value.to_string() }
}

/// A number of two digits, for bounds: a prior is not known better.
fn rough(value: f64) -> f64 {
    // What is printed is a number.
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// A cell of a table separated by tabs.
fn cell(text: &str) -> String {
    let flat = text.replace(['\t', '\n', '\r'], " ");
    if flat.contains('"') { format!("\"{}\"", flat.replace('"', "\"\"")) } else { flat }
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    // A column that says nothing is left out, but for the first.
    let kept: Vec<usize> = (0..header.len())
        .filter(|&column| column == 0 || needed(header[column]) || rows.iter().any(|row| !row[column].is_empty()))
        .collect();
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", cells.join("\t"));
    };
    line(kept.iter().map(|&column| header[column].to_owned()).collect());
    for row in &rows {
        line(kept.iter().map(|&column| cell(&row[column])).collect());
    }
    text
}

/// Columns that PEtab or we ask for.
fn needed(name: &str) -> bool {
    matches!(name, "noiseFormula" | "experimentId" | "conditionId")
}

impl Draft {
    /// The files of the problem: names and texts. `comments` stand at the top of `problem.yaml`.
    pub fn files(&self, comments: &[String]) -> Vec<(String, String)> {
        let mut files = vec![("problem.yaml", self.document(comments)), ("model.toml", self.model.clone())];
        let header = ["parameterId", "parameterName", "unit", "lowerBound", "upperBound", "nominalValue", "estimate"];
        let header = [&header[..], &["priorDistribution", "priorParameters"]].concat();
        files.push(("parameters.tsv", table(&header, self.parameters.iter().map(Estimated::row))));
        let header = ["observableId", "observableName", "observableKind", "observableUnit", "observableGroup"];
        let header = [&header[..], &["observableFormula", "noiseFormula", "noisePlaceholders", "noiseDistribution"]];
        let rows = self.observables.iter().map(|one| {
            let (noise, placeholders) = (one.noise.clone(), one.placeholders.to_owned());
            let head = [&one.id, &one.name, one.kind, &one.unit, one.group, &one.formula].map(str::to_owned);
            [&head[..], &[noise, placeholders, one.law.to_owned()]].concat()
        });
        files.push(("observables.tsv", table(&header.concat(), rows)));
        let rows = self.conditions.iter().map(|(id, target, value)| vec![id.clone(), target.clone(), value.clone()]);
        files.push(("conditions.tsv", table(&["conditionId", "targetId", "targetValue"], rows)));
        let rows = self
            .experiments
            .iter()
            .map(|(id, name, time, condition)| vec![id.clone(), name.clone(), number(*time), condition.clone()]);
        files.push(("experiments.tsv", table(&["experimentId", "experimentName", "time", "conditionId"], rows)));
        files.push(("measurements.tsv", self.measured()));
        let covariates: Vec<&str> = self.covariates.iter().map(String::as_str).collect();
        let header = [&["subjectId", "groupId", "experimentId"], &covariates[..]].concat();
        files.push(("subjects.tsv", table(&header, self.subjects.iter().cloned())));
        let rows = self.survival.iter().map(|(subject, time, event, endpoint)| {
            let event = if *event { "1" } else { "0" };
            let experiment = self.experiments.first().filter(|_| self.subjects.is_empty());
            let experiment = experiment.map_or(String::new(), |first| first.0.clone());
            let cells = [subject, &number(*time), event, *endpoint, &self.survival_unit, &experiment];
            cells.map(str::to_owned).to_vec()
        });
        let header = ["subjectId", "time", "event", "endpoint", "timeUnit", "experimentId"];
        files.push(("survival.tsv", table(&header, rows)));
        let listed = self.listed();
        let named = |name: &str| listed.contains(&name) || matches!(name, "problem.yaml" | "model.toml");
        files.retain(|(name, _)| named(name));
        files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
    }

    /// The tables that have rows.
    fn listed(&self) -> Vec<&'static str> {
        let all = [
            ("parameters.tsv", true),
            ("observables.tsv", !self.observables.is_empty()),
            ("conditions.tsv", !self.conditions.is_empty()),
            ("experiments.tsv", !self.experiments.is_empty()),
            ("measurements.tsv", !self.measurements.is_empty()),
            ("subjects.tsv", !self.subjects.is_empty()),
            ("survival.tsv", !self.survival.is_empty()),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }

    fn measured(&self) -> String {
        let subject = if self.subjects.is_empty() { "replicateId" } else { "subjectId" };
        let header = ["observableId", "experimentId", subject, "time", "measurement", "trials", "censoring"];
        let header = [&header[..], &["noiseParameters"]].concat();
        let optional = |value: Option<f64>| value.map_or(String::new(), number);
        let rows = self.measurements.iter().map(|row| {
            let head = [&row.observable, &row.experiment, &row.subject].map(Clone::clone);
            let numbers = [number(row.time), number(row.value), optional(row.trials), row.censoring.to_owned()];
            [&head[..], &numbers[..], &[optional(row.noise)]].concat()
        });
        table(&header, rows)
    }

    fn document(&self, comments: &[String]) -> String {
        let mut text = String::new();
        for line in comments {
            let _ = writeln!(text, "# {}", line.replace(['\n', '\r'], " "));
        }
        let listed = self.listed();
        let list = |name: &str| if listed.contains(&name) { name.to_owned() } else { String::new() };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let _ = write!(
            text,
            "format_version: 2.0.0
parameter_files: [parameters.tsv] # what is estimated, within which bounds
model_files:
  model:
    location: model.toml # yours to change
    language: metacascade
condition_files: [{}] # what differs between experiments
experiment_files: [{}] # when each begins
observable_files: [{}] # what is measured, as a formula over the model's names, and its noise
measurement_files: [{}]
extensions:
  metacascade:
    version: \"1\"
    required: true
    title: {}
    description: {}
",
            list("conditions.tsv"),
            list("experiments.tsv"),
            list("observables.tsv"),
            list("measurements.tsv"),
            quoted(&self.title),
            quoted(&self.description)
        );
        for (key, name) in [("subject_files", "subjects.tsv"), ("survival_files", "survival.tsv")] {
            if listed.contains(&name) {
                let _ = writeln!(text, "    {key}: [{name}]");
            }
        }
        if !self.sets.is_empty() {
            let _ = writeln!(text, "    covariates: # which column of subjects.tsv sets which parameter");
            for (column, parameter) in &self.sets {
                let _ = writeln!(text, "      {}: {parameter}", quoted(column));
            }
        }
        let _ = writeln!(text, "    simulation:\n      method: {}", self.simulation);
        let _ = writeln!(text, "    fit:\n      method: {}", self.method);
        if self.simulations > 0 {
            let (population, simulations) = ((self.simulations / 20).clamp(100, 1000), self.simulations);
            let _ = writeln!(
                text,
                "      population: {population}\n      max_simulations: {simulations} # for a first look; more for a result"
            );
        }
        text
    }
}

impl Estimated {
    /// A parameter between two bounds.
    pub fn new(id: impl Into<String>, name: impl Into<String>, unit: impl Into<String>, bounds: [f64; 2]) -> Self {
        Self { id: id.into(), name: name.into(), unit: unit.into(), bounds: bounds.map(rough) }
    }

    fn row(&self) -> Vec<String> {
        let [least, most] = self.bounds;
        let (law, middle) = match least > 0.0 {
            true => ("log-uniform", rough((least * most).sqrt())),
            false => ("uniform", rough(0.5 * (least + most))),
        };
        let (from, to) = (number(least), number(most));
        let prior = format!("{from};{to}");
        let law = law.to_owned();
        vec![self.id.clone(), self.name.clone(), self.unit.clone(), from, to, number(middle), "true".into(), law, prior]
    }
}

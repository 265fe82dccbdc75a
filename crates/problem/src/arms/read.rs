//! Reads a file of arms.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use metacascade_engine::{Diagnostic, Diagnostics, Place, suggestion};
use serde::Deserialize;
use toml::Spanned;

use super::{Arm, Arms, Assumed, Setting, combine, put, unknown};
use crate::{
    experiments::parameter_slots,
    files::sha256,
    priors,
    problem::Problem,
    scope::{constant_slot, is_identifier},
    table::unreadable,
};

/// A file of arms, before it is held against a model.
#[derive(Debug)]
pub struct ArmFile {
    path: PathBuf,
    source: String,
    sha256: String,
    document: Document,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    model: Option<String>,
    #[serde(default)]
    assumed: BTreeMap<String, Spanned<AssumedLine>>,
    #[serde(default)]
    arms: Vec<ArmLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssumedLine {
    prior: Spanned<String>,
    parameters: Spanned<Vec<f64>>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmLine {
    name: Spanned<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    arms: Vec<Spanned<String>>,
    #[serde(default)]
    set: BTreeMap<String, Spanned<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Number(f64),
    Expression(String),
}

impl ArmFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with its layout, and where.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let shown = path.display().to_string();
        let source = std::fs::read_to_string(path).map_err(|error| unreadable(path, &shown, &error))?;
        let document: Document = toml::from_str(&source).map_err(|error| {
            let diagnostic = Diagnostic::new(&shown, error.message().trim().replace('\n', ", "));
            Diagnostics::from(match error.span() {
                Some(span) => diagnostic.at(Place::in_source(&source, span), ""),
                None => diagnostic,
            })
        })?;
        if document.arms.is_empty() {
            let help = "add a table [[arms]] with name and set";
            return Err(Diagnostic::new(shown, "the file has no arms").help(help).into());
        }
        Ok(Self { path: path.to_owned(), sha256: sha256(source.as_bytes()), source, document })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its bytes, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The model that the arms need, if it is not the fitted one.
    #[must_use]
    pub fn model(&self) -> Option<PathBuf> {
        let model = self.document.model.as_ref()?;
        Some(self.path.parent().unwrap_or(Path::new("")).join(model))
    }

    fn complain(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Box<Diagnostic> {
        let place = Place::in_source(&self.source, span);
        Box::new(Diagnostic::new(self.path.display().to_string(), message).at(place, "here").help(help))
    }
}

impl Arms {
    /// Adds the arms of a file and what they assume.
    ///
    /// # Errors
    /// Names that the model does not know, expressions that are wrong, laws that are none; each with its place.
    pub fn add_file(&mut self, problem: &Problem, file: &ArmFile) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        for (name, line) in &file.document.assumed {
            match assumed(problem, file, name, line) {
                Ok(found) => match self.assumed.iter().find(|other| other.name == *name) {
                    None => self.assumed.push(found),
                    Some(other) if other.prior == found.prior => {}
                    Some(_) => problems.push(*file.complain(
                        line.span(),
                        format!("another file assumes another law of `{name}`"),
                        "all arms must assume the same of a parameter",
                    )),
                },
                Err(problem) => problems.push(*problem),
            }
        }
        for line in &file.document.arms {
            let name = line.name.get_ref().trim();
            if name.is_empty() || self.arms.iter().any(|arm| arm.name == name) {
                let message = if name.is_empty() { "an arm needs a name" } else { "there is an arm of this name" };
                problems.push(*file.complain(line.name.span(), message, "choose another name"));
            }
            let title = if line.title.is_empty() { name } else { &line.title };
            let mut arm = Arm {
                name: name.to_owned(),
                title: title.to_owned(),
                description: line.description.trim().to_owned(),
                set: Vec::new(),
            };
            for used in &line.arms {
                if combine(problem, used.get_ref(), &mut arm.set).is_none() {
                    let (message, help) = unknown(problem, used.get_ref());
                    problems.push(*file.complain(used.span(), message, help));
                }
            }
            for (parameter, value) in &line.set {
                match setting(problem, file, parameter, value) {
                    Ok(setting) => put(&mut arm.set, setting),
                    Err(problem) => problems.push(*problem),
                }
            }
            self.arms.push(arm);
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// The slot of a parameter of the model.
fn slot(problem: &Problem, file: &ArmFile, name: &str, span: Range<usize>) -> Result<usize, Box<Diagnostic>> {
    let network = problem.network();
    let index = network.parameter_index(name).ok_or_else(|| {
        let known = network.parameters().iter().map(|parameter| parameter.name.as_str());
        let help = suggestion(name, known).unwrap_or_else(|| "name a parameter of the model".to_owned());
        file.complain(span, format!("the model has no parameter `{name}`"), help)
    })?;
    Ok(parameter_slots(network).start + index)
}

fn assumed(
    problem: &Problem,
    file: &ArmFile,
    name: &str,
    line: &Spanned<AssumedLine>,
) -> Result<Assumed, Box<Diagnostic>> {
    let slot = slot(problem, file, name, line.span())?;
    if problem.estimated().iter().any(|parameter| parameter.name == name) {
        let message = format!("`{name}` was fitted, and need not be assumed");
        return Err(file.complain(line.span(), message, "leave it out, or set it in an arm"));
    }
    let AssumedLine { prior, parameters, description, source } = line.get_ref();
    let Some(law) = priors::LAWS.iter().find(|law| law.name == prior.get_ref()) else {
        let names = priors::LAWS.map(|law| law.name);
        let message = format!("there is no law `{}`", prior.get_ref());
        let help = suggestion(prior.get_ref(), names).unwrap_or_else(|| format!("the laws: {}", names.join(", ")));
        return Err(file.complain(prior.span(), message, help));
    };
    if parameters.get_ref().len() != law.parameters.len() || parameters.get_ref().iter().any(|x| !x.is_finite()) {
        let message = format!("`{}` has the parameters {}", law.name, law.parameters.join(", "));
        return Err(file.complain(parameters.span(), message, format!("give {} numbers", law.parameters.len())));
    }
    let prior = law.build(parameters.get_ref()).map_err(|error| {
        file.complain(parameters.span(), error.0, format!("in order: {}", law.parameters.join(", ")))
    })?;
    let own = &problem.network().parameters()[slot - parameter_slots(problem.network()).start];
    let description = if description.is_empty() { &own.description } else { description };
    Ok(Assumed {
        name: name.to_owned(),
        description: description.clone(),
        unit: own.unit.clone(),
        source: source.clone(),
        prior,
        slot,
    })
}

fn setting(problem: &Problem, file: &ArmFile, name: &str, value: &Spanned<Value>) -> Result<Setting, Box<Diagnostic>> {
    let slot = slot(problem, file, name, value.span())?;
    let network = problem.network();
    let text = match value.get_ref() {
        Value::Number(number) => number.to_string(),
        Value::Expression(text) => text.clone(),
    };
    let extra = problem.parameters().iter().map(|parameter| parameter.id.clone());
    let extra: Vec<String> = extra.filter(|id| is_identifier(id) && constant_slot(network, id).is_none()).collect();
    let program = network.compile(&text, &extra).map_err(|error| {
        let help = error.help.unwrap_or_else(|| "write a number, or an expression over parameters".to_owned());
        file.complain(value.span(), format!("in the value of `{name}`: {}", error.message), help)
    })?;
    let known = |slot: &usize| parameter_slots(network).contains(slot) || *slot >= network.slots();
    if let Some(slot) = program.reads().iter().copied().find(|slot| !known(slot)) {
        let other = network.symbols().nth(slot).unwrap_or_default();
        let message = format!("`{other}` has no value before the simulation");
        return Err(file.complain(value.span(), message, "use numbers and parameters"));
    }
    Ok(Setting { parameter: name.to_owned(), value: text, slot, program })
}

//! `problem.yaml`: which files make up a problem, and how it is meant to be simulated and fitted.

use std::{collections::BTreeMap, ops::Range, path::Path};

use metacascade_engine::{Diagnostic, Method, Place, suggestion};
use metacascade_inference::abc_smc::DistanceLaw;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_saphyr::Spanned;

use crate::{
    files::{SourceFile, sha256},
    problems::Problems,
    table,
};

/// The name of the file in a problem's folder.
pub(crate) const FILE: &str = "problem.yaml";

/// The file as written, each file name with its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    format_version: Spanned<String>,
    /// PEtab's optional name of the problem.
    #[serde(default)]
    pub id: Option<String>,
    pub parameter_files: Vec<Spanned<String>>,
    pub model_files: BTreeMap<String, ModelFile>,
    #[serde(default)]
    pub condition_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub experiment_files: Vec<Spanned<String>>,
    pub observable_files: Vec<Spanned<String>>,
    pub measurement_files: Vec<Spanned<String>>,
    #[serde(default)]
    mapping_files: Vec<Spanned<String>>,
    #[serde(default)]
    extensions: Extensions,
}

/// Where the model is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelFile {
    pub location: Spanned<String>,
    language: Spanned<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Extensions {
    metacascade: Option<Extension>,
}

/// What PEtab has no place for.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension {
    #[allow(dead_code, reason = "PEtab demands the key; version 1 is the only one there is")]
    version: String,
    #[allow(dead_code, reason = "PEtab demands the key; the extension never changes a problem's meaning")]
    required: bool,
    pub title: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub simulation: SimulationSettings,
    #[serde(default)]
    pub fit: FitSettings,
}

/// How the problem asks to be simulated; what is not given is left to the method.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulationSettings {
    /// How trajectories are computed.
    #[serde(default, deserialize_with = "of_trajectories")]
    pub method: Option<Method>,
    /// Tau-leaping's bound on the relative change of propensities in a step; between 0 and 1.
    #[serde(default, deserialize_with = "share")]
    pub epsilon: Option<f64>,
    /// Relative error of a step of the mean-field solver; between 0 and 1.
    #[serde(default, deserialize_with = "share")]
    pub relative_tolerance: Option<f64>,
    /// Absolute error of a step of the mean-field solver; positive.
    #[serde(default, deserialize_with = "positive")]
    pub absolute_tolerance: Option<f64>,
}

impl SimulationSettings {
    /// The engine's method, with the engine's defaults where nothing is given.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.method.unwrap_or_default() {
            Method::TauLeap { epsilon } => Method::TauLeap { epsilon: self.epsilon.unwrap_or(epsilon) },
            Method::Ode { .. } => self.mean_field(),
            method => method,
        }
    }

    /// The mean field with the given tolerances, or the engine's.
    #[must_use]
    pub fn mean_field(&self) -> Method {
        let mut method = Method::ode();
        if let Method::Ode { relative_tolerance, absolute_tolerance } = &mut method {
            *relative_tolerance = self.relative_tolerance.unwrap_or(*relative_tolerance);
            *absolute_tolerance = self.absolute_tolerance.unwrap_or(*absolute_tolerance);
        }
        method
    }
}

fn of_trajectories<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Method>, D::Error> {
    match Option::<Method>::deserialize(deserializer)? {
        Some(Method::Moments) => {
            Err(D::Error::custom("`moments` makes no trajectories to fit; tau-leap, ode or auto do"))
        }
        method => Ok(method),
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        Some(value) if !(value > 0.0 && value.is_finite()) => Err(D::Error::custom("this number must be positive")),
        value => Ok(value),
    }
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        Some(value) if !(value > 0.0 && value < 1.0) => Err(D::Error::custom("this number must be between 0 and 1")),
        value => Ok(value),
    }
}

/// Which algorithm fits the problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FitMethod {
    /// Approximate Bayesian computation by sequential Monte Carlo.
    #[default]
    AbcSmc,
    /// Sequential synthetic likelihood on a learned density; ABC-SMC where its own check fails.
    Surrogate,
    /// Markov chains on the likelihood around the mean field.
    Mcmc,
    /// Maximum likelihood of the mean-field model, from many starts.
    Mle,
}

impl FitMethod {
    /// Every algorithm with its name in files and on the command line.
    pub const NAMES: [(&'static str, Self); 4] =
        [("abc-smc", Self::AbcSmc), ("surrogate", Self::Surrogate), ("mcmc", Self::Mcmc), ("mle", Self::Mle)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }
}

/// How the problem asks to be fitted; what is not given is left to the algorithm's own defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitSettings {
    /// The algorithm.
    pub method: Option<FitMethod>,
    /// Particles a generation (`abc-smc`).
    pub population: Option<usize>,
    /// Most simulations in all (`abc-smc`).
    pub max_simulations: Option<u64>,
    /// Generations at most (`abc-smc`).
    pub max_generations: Option<usize>,
    /// Share of a generation's distances that become the next threshold (`abc-smc`).
    pub threshold_quantile: Option<f64>,
    /// Acceptance below which the fit stops (`abc-smc`).
    pub min_acceptance: Option<f64>,
    /// Threshold at which the fit stops (`abc-smc`).
    pub min_threshold: Option<f64>,
    /// How distances are measured (`abc-smc`).
    pub distance: Option<DistanceLaw>,
    /// Starting points (`mle`).
    pub starts: Option<usize>,
    /// Iterations of each start at most (`mle`).
    pub max_iterations: Option<u64>,
    /// Seed of all random numbers.
    pub seed: Option<u64>,
}

impl Document {
    /// What stands under `extensions: metacascade:`, or nothing but defaults.
    pub fn extension(&mut self) -> Extension {
        self.extensions.metacascade.take().unwrap_or_default()
    }

    /// Reads `problem.yaml` of a folder; returns it with its bytes' hash and its text.
    pub fn read(folder: &Path, problems: &mut Problems) -> Option<(Self, SourceFile, String)> {
        let path = folder.join(FILE);
        let file = path.display().to_string();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                problems.push(table::unreadable(&path, &file, &error));
                return None;
            }
        };
        let source = table::scan::decode(&bytes, &file, problems)?;
        match serde_saphyr::from_str::<Self>(source) {
            Ok(document) => {
                document.check(source, &file, problems);
                let file = SourceFile { name: FILE.to_owned(), sha256: sha256(&bytes) };
                Some((document, file, source.to_owned()))
            }
            Err(error) => {
                problems.push(explain(&error, source, &file));
                None
            }
        }
    }

    /// What is well-formed but not supported.
    fn check(&self, source: &str, file: &str, problems: &mut Problems) {
        let mut complain = |spanned: Range<usize>, message: &str, label: &str, help: &str| {
            problems.push(Diagnostic::new(file, message).at(Place::in_source(source, spanned), label).help(help));
        };
        let version = &self.format_version;
        if version.value.split('.').next() != Some("2") {
            let help = "write `format_version: 2.0.0`";
            complain(span(version, source), "only version 2 of PEtab is supported", "another version", help);
        }
        for model in self.model_files.values() {
            if model.language.value != "metacascade" {
                let label = "not supported yet";
                let help = "write `language: metacascade` and name a .toml model file or a shipped model";
                complain(span(&model.language, source), "this model language is not supported yet", label, help);
            }
        }
        if let Some(mapping) = self.mapping_files.first() {
            let help = "use the model's own names in the tables";
            complain(span(mapping, source), "mapping tables are not supported yet", "this table", help);
        }
    }
}

/// The bytes of a value in the source.
pub(crate) fn span<T>(value: &Spanned<T>, source: &str) -> Range<usize> {
    location(value.referenced, source)
}

fn location(location: serde_saphyr::Location, source: &str) -> Range<usize> {
    let bytes = location.span();
    if let (Some(start), Some(length)) = (bytes.byte_offset(), bytes.byte_len()) {
        let start = (start as usize).min(source.len());
        return start..(start + length as usize).min(source.len());
    }
    let line_start: usize =
        source.split_inclusive('\n').take((location.line() as usize).saturating_sub(1)).map(str::len).sum();
    let line = source[line_start..].lines().next().unwrap_or_default();
    let column =
        line.char_indices().nth((location.column() as usize).saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    line_start + column..line_start + line.len()
}

fn explain(error: &serde_saphyr::Error, source: &str, file: &str) -> Diagnostic {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let mut help = None;
    let (message, label) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            help = suggestion(field, expected.iter().copied())
                .or_else(|| Some(format!("what may stand here: {}", expected.join(", "))));
            (format!("unknown key `{field}`"), "not a key of this file".to_owned())
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            help = suggestion(variant, expected.iter().copied())
                .or_else(|| Some(format!("what may stand here: {}", expected.join(", "))));
            (format!("unknown value `{variant}`"), "not one of the values".to_owned())
        }
        Error::SerdeMissingField { field, .. } => {
            help = Some(format!("add `{field}:`"));
            (format!("the key `{field}` is missing"), "here".to_owned())
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("expected {expected}, found {unexpected}"), "here".to_owned())
        }
        other => (other.to_string(), "here".to_owned()),
    };
    let diagnostic = Diagnostic::new(file, message);
    let diagnostic = match error.location() {
        Some(place) => diagnostic.at(Place::in_source(source, location(place, source)), label),
        None => diagnostic,
    };
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests;

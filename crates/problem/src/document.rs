//! `problem.yaml`: which files make up a problem, and how it is meant to be simulated and fitted.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use metacascade_engine::{Diagnostic, Method, Place, suggestion};
use metacascade_inference::{
    abc_smc::{Acceptance, Adjustment, DistanceLaw, KernelLaw},
    optimise::Optimiser,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_saphyr::Spanned;

use crate::{
    files::{SourceFile, sha256},
    problems::Problems,
    table,
};

mod layouts;

pub(crate) use layouts::ModelFile;
use layouts::{Extensions, Names, Version1, Version2, Versioned};

/// The name of the file in a problem's folder, unless it is called otherwise.
pub(crate) const FILE: &str = "problem.yaml";

/// What the file says, in either version of PEtab, each file name with its place.
#[derive(Default)]
pub(crate) struct Document {
    /// Whether the tables are those of version 1.
    pub version_1: bool,
    /// PEtab's optional name of the problem.
    pub id: Option<String>,
    pub parameter_files: Vec<Spanned<String>>,
    pub model_files: BTreeMap<String, ModelFile>,
    pub condition_files: Vec<Spanned<String>>,
    pub experiment_files: Vec<Spanned<String>>,
    pub observable_files: Vec<Spanned<String>>,
    pub measurement_files: Vec<Spanned<String>>,
    pub mapping_files: Vec<Spanned<String>>,
    pub extension: Extension,
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
    /// Subject tables.
    #[serde(default)]
    pub subject_files: Vec<Spanned<String>>,
    /// Survival tables.
    #[serde(default)]
    pub survival_files: Vec<Spanned<String>>,
    /// Which column of the subject tables sets which parameter, where the names or units differ.
    #[serde(default)]
    pub covariates: BTreeMap<String, crate::subjects::Target>,
    /// By how much one unit is converted into another that is not of its kind.
    #[serde(default)]
    pub conversions: Vec<crate::units::Rule>,
    /// Quantities that follow from parameters.
    #[serde(default)]
    pub derived: Vec<crate::derived::Line>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FitMethod {
    /// Approximate Bayesian computation by sequential Monte Carlo.
    AbcSmc,
    /// Approximate Bayesian computation on draws from the prior alone.
    AbcRejection,
    /// Sequential synthetic likelihood on a learned density; ABC-SMC where its own check fails.
    Surrogate,
    /// Markov chains on the likelihood around the mean field.
    Mcmc,
    /// Particle-marginal Metropolis–Hastings: Markov chains on the model's own likelihood, estimated by particle filters.
    Pmmh,
    /// Markov chains on a synthetic likelihood, of summaries that are simulated at every point.
    SyntheticLikelihood,
    /// Maximum likelihood of the mean-field model, from many starts.
    Mle,
}

impl FitMethod {
    /// Every algorithm with its name in files and on the command line.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("abc-smc", Self::AbcSmc),
        ("abc-rejection", Self::AbcRejection),
        ("surrogate", Self::Surrogate),
        ("mcmc", Self::Mcmc),
        ("pmmh", Self::Pmmh),
        ("synthetic-likelihood", Self::SyntheticLikelihood),
        ("mle", Self::Mle),
    ];

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
    /// How particles are perturbed (`abc-smc`).
    pub kernel: Option<KernelLaw>,
    /// Most wall time in seconds (`abc-smc`).
    pub max_seconds: Option<f64>,
    /// Acceptance below which the fit stops (`abc-smc`).
    pub min_acceptance: Option<f64>,
    /// Threshold at which the fit stops (`abc-smc`).
    pub min_threshold: Option<f64>,
    /// Which simulations become particles (`abc-smc`): those nearest to the data, or each with the probability that its
    /// noise makes the data of it (`stochastic`).
    pub acceptance: Option<Acceptance>,
    /// How distances are measured (`abc-smc`).
    pub distance: Option<DistanceLaw>,
    /// How particles are corrected for their distance from the data (`abc-smc`, `abc-rejection`).
    pub adjustment: Option<Adjustment>,
    /// Effective sample size at which the chains end (`mcmc`, `pmmh`, `synthetic-likelihood`).
    #[serde(default, deserialize_with = "positive")]
    pub min_effective_sample_size: Option<f64>,
    /// Most evaluations of the likelihood (`mcmc`), or of its estimate (`pmmh`, `synthetic-likelihood`).
    pub max_evaluations: Option<u64>,
    /// Chains (`mcmc`, `pmmh`, `synthetic-likelihood`).
    pub chains: Option<usize>,
    /// Particles of each subject's filter (`pmmh`), or simulations (`synthetic-likelihood`) of each estimate; as many as
    /// pay, unless given.
    pub particles: Option<usize>,
    /// Times between two measurements at which particles are looked at, and those multiplied that are on the way to the
    /// next one (`pmmh`): for measurements that are nearly exact.
    pub looks: Option<usize>,
    /// Starting points (`mle`).
    pub starts: Option<usize>,
    /// What climbs from each start (`mle`).
    pub optimiser: Option<Optimiser>,
    /// Iterations of each start at most (`mle`).
    pub max_iterations: Option<u64>,
    /// Seed of all random numbers.
    pub seed: Option<u64>,
}

impl Document {
    /// Reads the file `name` of a folder; returns it with its bytes' hash and its text.
    pub fn read(folder: &Path, name: &str, problems: &mut Problems) -> Option<(Self, SourceFile, String)> {
        let path = folder.join(name);
        let file = path.display().to_string();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                problems.push(table::unreadable(&path, &file, &error));
                return None;
            }
        };
        let source = table::scan::decode(&bytes, &file, problems)?;
        let document = match Self::parse(source, &file) {
            Ok(document) => document,
            Err(problem) => {
                problems.push(*problem);
                return None;
            }
        };
        let file = SourceFile { name: name.to_owned(), sha256: sha256(&bytes) };
        Some((document, file, source.to_owned()))
    }

    fn parse(source: &str, file: &str) -> Result<Self, Box<Diagnostic>> {
        let refuse = |place: Range<usize>, message: String, label: &str, help: &str| {
            Box::new(Diagnostic::new(file, message).at(Place::in_source(source, place), label).help(help))
        };
        let version = serde_saphyr::from_str::<Versioned>(source).ok().map(|found| found.format_version);
        let major = version.as_ref().and_then(|version| version.value.split('.').next()).map(str::to_owned);
        let (document, extensions) = match (major.as_deref(), version) {
            (Some("1"), _) => Self::version_1(source, file)?,
            (Some("2") | None, _) | (_, None) => {
                let found: Version2 =
                    serde_saphyr::from_str(source).map_err(|error| Box::new(explain(&error, source, file)))?;
                let document = Self {
                    version_1: false,
                    id: found.id,
                    parameter_files: found.parameter_files,
                    model_files: found.model_files,
                    condition_files: found.condition_files,
                    experiment_files: found.experiment_files,
                    observable_files: found.observable_files,
                    measurement_files: found.measurement_files,
                    mapping_files: found.mapping_files,
                    extension: Extension::default(),
                };
                (document, found.extensions)
            }
            (Some(_), Some(version)) => {
                let message = format!("version {} of PEtab is not known", version.value);
                let help = "write `format_version: 2.0.0`; version 1 is read too";
                return Err(refuse(span(&version, source), message, "neither 1 nor 2", help));
            }
        };
        if let Some(name) = extensions.required.first() {
            let message = format!("the problem requires the extension `{}`, which is not known", name.value);
            let help = "without the extension the problem would be another one";
            return Err(refuse(span(name, source), message, "not known", help));
        }
        Ok(Self { extension: extensions.metacascade.unwrap_or_default(), ..document })
    }

    fn version_1(source: &str, file: &str) -> Result<(Self, Extensions), Box<Diagnostic>> {
        let found: Version1 =
            serde_saphyr::from_str(source).map_err(|error| Box::new(explain(&error, source, file)))?;
        let count = found.problems.len();
        let mut parts = found.problems.into_iter();
        let (Some(part), None) = (parts.next(), parts.next()) else {
            let message = format!("{count} problems are listed");
            let help = "list one problem in a file; several are not supported";
            return Err(Box::new(Diagnostic::new(file, message).help(help)));
        };
        let Spanned { value, referenced, defined } = found.parameter_file;
        let parameter_files = match value {
            Names::One(name) => vec![Spanned::new(name, referenced, defined)],
            Names::Several(names) => names,
        };
        let mut model_files = part.model_files;
        for (index, location) in part.sbml_files.into_iter().enumerate() {
            let language = Spanned::new("sbml".to_owned(), location.referenced, location.defined);
            model_files.insert(format!("model{index}"), ModelFile { location, language });
        }
        let document = Self {
            version_1: true,
            id: found.id,
            parameter_files,
            model_files,
            condition_files: part.condition_files,
            experiment_files: Vec::new(),
            observable_files: part.observable_files,
            measurement_files: part.measurement_files,
            mapping_files: part.mapping_files,
            extension: Extension::default(),
        };
        Ok((document, found.extensions))
    }
}

/// The folder and the name of the file that a path means: a folder's `problem.yaml`, or its only YAML file, or the file
/// itself.
pub(crate) fn locate(path: &Path) -> (PathBuf, String) {
    let is_yaml = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| matches!(extension, "yaml" | "yml"))
    };
    if let (true, Some(name)) = (is_yaml(path) && !path.is_dir(), path.file_name().and_then(|name| name.to_str())) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        return (folder.unwrap_or(Path::new(".")).to_owned(), name.to_owned());
    }
    let mut name = FILE.to_owned();
    if !path.join(FILE).is_file() {
        let entries = std::fs::read_dir(path).into_iter().flatten();
        let mut yaml = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_yaml(path));
        if let (Some(only), None) = (yaml.next(), yaml.next())
            && let Some(only) = only.file_name().and_then(|name| name.to_str())
        {
            only.clone_into(&mut name);
        }
    }
    (path.to_owned(), name)
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

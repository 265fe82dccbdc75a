//! The metastatic cascade: models that come with metacascade.
//!
//! ```
//! let text = metacascade_cascade::model("switching").ok_or("no such model")?;
//! let network = metacascade_engine::Network::from_toml(text, "switching")?;
//! assert_eq!(network.species().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod starter;

pub use starter::{Measured, Starter, starter, starters};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../models/", $name, ".toml")))),*]
    };
}

/// Name and text of each shipped model.
const MODELS: &[(&str, &str)] =
    shipped!["cascade-core", "cascade-tme", "recurrence", "lymph", "switching", "birth-death", "sir"];

/// The model file of a shipped model.
#[must_use]
pub fn model(name: &str) -> Option<&'static str> {
    MODELS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Names of the shipped models: those of biology first, test models last.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use metacascade_engine::Network;

    #[test]
    fn every_shipped_model_is_valid_and_bears_its_name() {
        for name in super::names() {
            let text = super::model(name).unwrap();
            let network = Network::from_toml(text, name).unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(network.name(), name);
            assert!(!network.title().is_empty() && !network.description().is_empty());
        }
    }

    /// What a model of biology says of each parameter and reaction, a reader must be able to check.
    #[test]
    fn parameters_of_cascade_tme_say_where_they_are_from() {
        let network = Network::from_toml(super::model("cascade-tme").unwrap(), "cascade-tme").unwrap();
        for parameter in network.parameters() {
            assert!(!parameter.description.is_empty(), "{}", parameter.name);
            let of_therapy = network.therapies().iter().map(|&species| &network.species()[species].name);
            let schedule = of_therapy.into_iter().any(|name| parameter.name.starts_with(&format!("{name}_")));
            assert!(schedule || parameter.basis.is_some(), "{}", parameter.name);
            let range = parameter.range.unwrap_or([parameter.value, parameter.value]);
            assert!(range[0] <= parameter.value && parameter.value <= range[1], "{}", parameter.name);
        }
        let stages = [
            "primary",
            "emt",
            "invasion",
            "intravasation",
            "circulation",
            "lymph",
            "extravasation",
            "dormancy",
            "colonisation",
            "microenvironment",
            "therapy",
        ];
        for stage in stages {
            assert!(network.reactions().iter().any(|reaction| reaction.stage == stage), "{stage}");
        }
        assert!(network.reactions().iter().all(|reaction| stages.contains(&reaction.stage.as_str())));
    }

    #[test]
    fn starters_estimate_parameters_that_are_positive() {
        for name in super::starters() {
            let network = Network::from_toml(super::model(name).unwrap(), name).unwrap();
            let starter = super::starter(name).unwrap();
            for parameter in starter.estimated {
                let found = &network.parameters()[network.parameter_index(parameter).unwrap()];
                assert!(found.value > 0.0 && found.range.is_none_or(|[from, _]| from > 0.0), "{name}: {parameter}");
            }
        }
    }
}

//! The metastatic cascade: models that come with metacascade.
//!
//! ```
//! let text = metacascade_cascade::model("switching").ok_or("no such model")?;
//! let network = metacascade_engine::Network::from_toml(text, "switching")?;
//! assert_eq!(network.species().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../models/", $name, ".toml")))),*]
    };
}

/// Name and text of each shipped model.
const MODELS: &[(&str, &str)] = shipped!["cascade-core", "cascade-tme", "recurrence", "lymph", "switching", "birth-death", "sir"];

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
}

//! The formats of model files.

use std::path::Path;

use super::Builder;
use crate::diagnostic::Diagnostics;

/// A format of model files.
///
/// ```
/// use metacascade_engine::{Format, Network};
/// let network = Network::builder("decay").species("X", "100").parameter("k", 0.1).reaction("X ->", "k*X");
/// let text = Format::Sbml.write(&network)?;
/// let read = Format::of("decay.xml").ok_or("an unknown format")?.read(&text, "decay.xml")?.build()?;
/// assert_eq!(read.reactions()[0].equation, "X ->");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The project's own.
    Toml,
    /// SBML: Level 2 and Level 3 core are read, Level 3 Version 2 is written.
    Sbml,
}

impl Format {
    /// The format that a file's name says: `.toml`, or `.xml` or `.sbml`.
    #[must_use]
    pub fn of(file: impl AsRef<Path>) -> Option<Self> {
        match file.as_ref().extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "xml" | "sbml" => Some(Self::Sbml),
            _ => None,
        }
    }

    /// Reads the parts of a network; `file` is how messages name it.
    ///
    /// # Errors
    /// As [`Builder::from_toml`] or [`Builder::from_sbml`].
    pub fn read(self, source: &str, file: &str) -> Result<Builder, Diagnostics> {
        match self {
            Self::Toml => Builder::from_toml(source, file),
            Self::Sbml => Builder::from_sbml(source, file),
        }
    }

    /// Writes a network.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn write(self, network: &Builder) -> Result<String, Diagnostics> {
        match self {
            Self::Toml => network.build().map(|_| network.to_toml()),
            Self::Sbml => network.to_sbml(),
        }
    }
}

//! Laws by which values vary between subjects or lesions.

use std::str::FromStr;

use metacascade_random::Stream;
use rand_distr::{Distribution, StandardNormal};

/// A law of location and spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Law {
    /// Logarithms are normal: the location is the median, the spread the standard deviation of the natural logarithm.
    #[default]
    Lognormal,
    /// The location is the mean, the spread the standard deviation.
    Normal,
    /// Logits are normal: the location is the median, between 0 and 1, the spread the standard deviation of the logit.
    LogitNormal,
}

impl Law {
    /// The names of all laws, as model files have them.
    pub const NAMES: [&'static str; 3] = ["lognormal", "normal", "logit-normal"];

    /// The law's name, one of [`Law::NAMES`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Law::Lognormal => "lognormal",
            Law::Normal => "normal",
            Law::LogitNormal => "logit-normal",
        }
    }

    /// The value that lies `z` spreads from the location on the scale of the law.
    #[must_use]
    pub fn value(self, location: f64, spread: f64, z: f64) -> f64 {
        match self {
            Law::Lognormal => location * (spread * z).exp(),
            Law::Normal => location + spread * z,
            Law::LogitNormal => 1.0 / (1.0 + (1.0 / location - 1.0) * (-spread * z).exp()),
        }
    }

    pub(crate) fn draw(self, location: f64, spread: f64, random: &mut Stream) -> f64 {
        self.value(location, spread, self.deviate(random))
    }

    /// A deviate by how many spreads a value lies from the location.
    pub(crate) fn deviate(self, random: &mut Stream) -> f64 {
        StandardNormal.sample(random)
    }
}

impl FromStr for Law {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let laws = [Law::Lognormal, Law::Normal, Law::LogitNormal];
        let law = laws.into_iter().find(|law| law.name() == name);
        law.ok_or_else(|| format!("there is no law `{name}`; laws are {}", Law::NAMES.join(", ")))
    }
}

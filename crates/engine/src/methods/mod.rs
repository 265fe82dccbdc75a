//! The ways to simulate a network, one file each.

mod auto;
mod composition_rejection;
mod direct;
pub(crate) mod draws;
mod groups;
mod hybrid;
mod lockstep;
mod moments;
mod next_reaction;
mod ode;
mod records;
mod small;
mod tau_leap;

use std::fmt;
use std::str::FromStr;

pub(crate) use composition_rejection::CompositionRejection;
pub(crate) use direct::{Direct, Stop};
pub(crate) use hybrid::Hybrid;

pub(crate) use lockstep::Runner;
pub use lockstep::{Job, Lockstep};
pub(crate) use moments::NoTrajectories;
pub(crate) use moments::scheduled;
pub use moments::{LinearNoise, MeanCovariance, Outlook};
pub(crate) use next_reaction::NextReaction;
pub(crate) use ode::MeanField;
use serde::de::{self, Deserialize, Deserializer, EnumAccess, VariantAccess, Visitor};
pub(crate) use tau_leap::TauLeap;

/// How to simulate. Read from its name ([`Method::NAMES`]), also by serde; tolerances are then the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Method {
    /// Exact, one event after the other: for up to some 10⁵ events a trajectory.
    Direct,
    /// Exact, many trajectories in lockstep by wide instructions ([`Lockstep`]): for ensembles of networks of up to some
    /// hundred reactions.
    Ensemble,
    /// Exact; the cost of an event grows with the logarithm of the number of reactions: for hundreds of them and more.
    NextReaction,
    /// Exact; the cost of an event does not grow with the number of reactions: for thousands of them.
    CompositionRejection,
    /// Many events at a time where propensities hardly change: for large numbers.
    TauLeap {
        /// Largest relative change of a propensity in one leap (Cao, Gillespie & Petzold 2006 use 0.03).
        epsilon: f64,
    },
    /// Mean-field ordinary differential equations, without noise: by an explicit method, or one for stiff equations
    /// once they prove stiff.
    Ode {
        /// Tolerance relative to each count.
        relative_tolerance: f64,
        /// Tolerance in counts.
        absolute_tolerance: f64,
    },
    /// Abundant species by differential equations, scarce ones by exact jumps, sorted anew as the trajectory runs: for
    /// rare events out of large numbers. The noise of abundant species is dropped.
    Hybrid {
        /// Counts from which on a species is abundant.
        threshold: f64,
        /// Tolerance of the differential equations, relative to each value and absolute.
        tolerance: f64,
    },
    /// Means and standard deviations by the linear-noise approximation, without trajectories: for
    /// [`Ensemble::summary`](crate::Ensemble::summary), see [`LinearNoise`].
    Moments,
    /// One of the others, chosen by [`Method::resolve`].
    #[default]
    Auto,
}

impl Method {
    /// All names, as [`Method::from_str`] takes them.
    pub const NAMES: [&'static str; 9] = [
        "direct",
        "ensemble",
        "next-reaction",
        "composition-rejection",
        "tau-leap",
        "hybrid",
        "ode",
        "moments",
        "auto",
    ];

    /// All that follow single cells, for tests of laws that each must have.
    #[cfg(test)]
    pub(crate) const STOCHASTIC: [Self; 6] = [
        Method::Direct,
        Method::Ensemble,
        Method::NextReaction,
        Method::CompositionRejection,
        Method::tau_leap(),
        Method::hybrid(),
    ];

    /// Default relative change of a leap.
    pub const EPSILON: f64 = 0.03;

    /// Default tolerance of differential equations.
    const TOLERANCE: f64 = 1e-6;

    /// Whether trajectories follow the chemical master equation exactly.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Direct | Self::Ensemble | Self::NextReaction | Self::CompositionRejection)
    }

    /// Tau-leaping with the default accuracy.
    #[must_use]
    pub const fn tau_leap() -> Self {
        Method::TauLeap { epsilon: Self::EPSILON }
    }

    /// The hybrid method with the default threshold and accuracy.
    #[must_use]
    pub const fn hybrid() -> Self {
        Method::Hybrid { threshold: 1000.0, tolerance: 1e-5 }
    }

    /// The mean field with the default tolerances.
    #[must_use]
    pub const fn ode() -> Self {
        Method::Ode { relative_tolerance: Self::TOLERANCE, absolute_tolerance: Self::TOLERANCE }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Direct => "direct",
            Method::Ensemble => "ensemble",
            Method::NextReaction => "next-reaction",
            Method::CompositionRejection => "composition-rejection",
            Method::TauLeap { .. } => "tau-leap",
            Method::Hybrid { .. } => "hybrid",
            Method::Ode { .. } => "ode",
            Method::Moments => "moments",
            Method::Auto => "auto",
        })
    }
}

/// A method's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no method `{0}`; methods are {list}", list = Method::NAMES.join(", "))]
pub struct UnknownMethod(String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        match name {
            "direct" => Ok(Method::Direct),
            "ensemble" => Ok(Method::Ensemble),
            "next-reaction" => Ok(Method::NextReaction),
            "composition-rejection" => Ok(Method::CompositionRejection),
            "tau-leap" => Ok(Method::tau_leap()),
            "hybrid" => Ok(Method::hybrid()),
            "ode" => Ok(Method::ode()),
            "moments" => Ok(Method::Moments),
            "auto" => Ok(Method::Auto),
            other => Err(UnknownMethod(other.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As an enum, so that formats which know where a name stands point at it.
        deserializer.deserialize_enum("Method", &Self::NAMES, Choice)
    }
}

/// Takes a variant of [`Method`] that is written as its name alone.
struct Choice;

impl<'de> Visitor<'de> for Choice {
    type Value = Method;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a method")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Method, A::Error> {
        let (Named(method), variant) = data.variant()?;
        variant.unit_variant().map(|()| method)
    }
}

/// A method by its name.
struct Named(Method);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(Name)
    }
}

struct Name;

impl Visitor<'_> for Name {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a method")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Named, E> {
        name.parse().map(Named).map_err(|_| E::unknown_variant(name, &Method::NAMES))
    }
}

#[cfg(test)]
mod tests;

//! Whose trajectory it is: the streams of a subject, and of the group it belongs to.

use metacascade_random::Key;

use crate::expression::Program;
use crate::network::{Network, Variation};

/// The child of a subject's key that names the streams of its own parameters.
const OWN: u64 = 0x7375_626a_6563_7400;
/// The child of a group's key that names the streams of what its subjects share.
const SHARED: u64 = 0x6772_6f75_7073_0000;

/// One subject of a group, such as a mouse that carries a tumour line.
///
/// All randomness of a trajectory comes from the subject's key. Parameters that vary between groups are drawn from the
/// group's: subjects with the same group key share them, whatever the order, thread or method they are simulated by. A key
/// alone is a subject whose group nobody else is in.
///
/// ```
/// use metacascade_engine::{Law, Method, Network, Simulator, Subject};
/// use metacascade_random::Key;
/// use std::ops::ControlFlow;
///
/// let network = Network::builder("lines")
///     .parameter("growth", 0.1)
///     .varies_between_groups("growth", Law::Lognormal, "0.5")
///     .build()?;
/// let growth = |subject: u64, group: u64| {
///     let subject = Subject { key: Key::new(1).child(0).child(subject), group: Key::new(1).child(1).child(group) };
///     let mut value = 0.0;
///     let mut record = |_: usize, values: &[f64]| {
///         value = values[network.slot("growth").unwrap_or_default()];
///         ControlFlow::Continue(())
///     };
///     Simulator::new(&network, &Method::Direct).run(&[0.1], &[0.0], subject, &mut record).map(|_| value)
/// };
/// assert_eq!(growth(1, 1)?, growth(2, 1)?);
/// assert_ne!(growth(1, 1)?, growth(1, 2)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The root of the subject's streams.
    pub key: Key,
    /// The root of the streams that the group shares.
    pub group: Key,
}

impl From<Key> for Subject {
    fn from(key: Key) -> Self {
        Self { key, group: key }
    }
}

/// By how many spreads a subject's parameters lie from their locations, on the scales of their laws: one number for each
/// of [`Network::varying`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deviates {
    /// What the subject shares with its group; 0 where nothing varies between groups.
    pub groups: Vec<f64>,
    /// What is the subject's own; 0 where nothing varies between the subjects of a group.
    pub subjects: Vec<f64>,
}

impl Subject {
    /// What the subject's keys draw for it.
    #[must_use]
    pub fn deviates(self, network: &Network) -> Deviates {
        let draw = |spread: bool, key: Key, variation: &Variation| {
            let stream = || key.child(variation.parameter as u64).stream();
            if spread { variation.law.deviate(&mut stream()) } else { 0.0 }
        };
        let (group, own) = (self.group.child(SHARED), self.key.child(OWN));
        let all = || network.variations.iter();
        Deviates {
            groups: all().map(|one| draw(one.groups.is_some(), group, one)).collect(),
            subjects: all().map(|one| draw(one.subjects.is_some(), own, one)).collect(),
        }
    }

    /// Replaces the parameters that vary by the subject's own, in the values of all symbols.
    pub(crate) fn draw(self, network: &Network, values: &mut [f64]) {
        individualise(network, &self.deviates(network), values);
    }
}

/// On the scale of the law, what its group and what itself deviates by is added to the location.
fn individualise(network: &Network, deviates: &Deviates, values: &mut [f64]) {
    let first = 1 + network.species.len();
    // All spreads are those of the parameters as they were.
    let own = network.variations.iter().enumerate().map(|(index, variation)| {
        let part = |spread: &Option<Program>, deviate: f64| spread.as_ref().map(|one| one.evaluate(values) * deviate);
        let parts =
            [part(&variation.groups, deviates.groups[index]), part(&variation.subjects, deviates.subjects[index])];
        variation.law.value(values[first + variation.parameter], 1.0, parts.into_iter().flatten().sum())
    });
    let own: Vec<f64> = own.collect();
    for (variation, own) in network.variations.iter().zip(own) {
        values[first + variation.parameter] = own;
    }
}

/// A parameter that varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Varying {
    /// Its place among [`Network::parameters`].
    pub parameter: usize,
    /// Whether it varies between groups.
    pub between_groups: bool,
    /// Whether it varies between the subjects of a group.
    pub between_subjects: bool,
}

impl Network {
    /// The parameters that vary between groups and subjects.
    pub fn varying(&self) -> impl Iterator<Item = Varying> + '_ {
        self.variations.iter().map(|variation| Varying {
            parameter: variation.parameter,
            between_groups: variation.groups.is_some(),
            between_subjects: variation.subjects.is_some(),
        })
    }

    /// Replaces the parameters that vary by those of a subject whose deviates are known.
    ///
    /// # Panics
    /// If there is not one value for each of [`Network::parameters`], and one deviate of each kind for each of
    /// [`Network::varying`].
    pub fn individualise(&self, parameters: &mut [f64], deviates: &Deviates) {
        let slots = 1 + self.species.len()..1 + self.species.len() + self.parameters.len();
        let mut values = vec![0.0; slots.end];
        values[slots.clone()].copy_from_slice(parameters);
        individualise(self, deviates, &mut values);
        parameters.copy_from_slice(&values[slots]);
    }
}

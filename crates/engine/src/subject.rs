//! Whose trajectory it is: the streams of a subject, and of the group it belongs to.

use metacascade_random::Key;

use crate::network::Network;

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

impl Subject {
    /// Replaces the parameters that vary by the subject's own, in the values of all symbols: on the scale of the law, what
    /// its group and what itself deviates by is added to the location.
    pub(crate) fn draw(self, network: &Network, values: &mut [f64]) {
        let first = 1 + network.species.len();
        let mut own = Vec::with_capacity(network.variations.len());
        for variation in &network.variations {
            let index = variation.parameter as u64;
            let deviation = [(&variation.groups, self.group.child(SHARED)), (&variation.subjects, self.key.child(OWN))]
                .into_iter()
                .filter_map(|(spread, key)| {
                    let spread = spread.as_ref()?.evaluate(values);
                    Some(spread * variation.law.deviate(&mut key.child(index).stream()))
                });
            own.push(variation.law.value(values[first + variation.parameter], 1.0, deviation.sum()));
        }
        for (variation, own) in network.variations.iter().zip(own) {
            values[first + variation.parameter] = own;
        }
    }
}

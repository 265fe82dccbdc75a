//! Chooses a method by the number of events that the mean field expects.

use std::ops::ControlFlow;

use metacascade_random::Key;

use super::Method;
use crate::network::{Network, RateLaw};
use crate::simulator::Simulator;

/// Exact simulation of more events than this a trajectory takes longer than some milliseconds.
const MOST_EXACT_EVENTS: f64 = 2e5;

/// With more reactions than this, composition-rejection is faster than the direct method (`benches/scaling.rs`: 49
/// against 30 ns an event at 40 reactions, 49 against 71 at 400).
const MOST_DIRECT_REACTIONS: usize = 200;

/// With more reactions than this, composition-rejection is faster than the ensemble method, which computes all
/// propensities for every event (49 against 45 ns an event at 400 reactions).
const MOST_LOCKSTEP_REACTIONS: usize = 300;

/// Fewer trajectories leave too many lanes empty.
const FEWEST_IN_LOCKSTEP: usize = 16;

/// Where equations are stiff, the solver of the mean field factors dense matrices: with more species than this it takes
/// longer than simulations.
const LARGEST_MEAN_FIELD: usize = 200;

impl Method {
    /// A concrete method for this many trajectories of a network under these parameters until time `end`, and why;
    /// [`Method::Auto`] alone is replaced.
    #[must_use]
    pub fn resolve(&self, network: &Network, parameters: &[f64], end: f64, trajectories: usize) -> (Method, String) {
        if *self != Method::Auto {
            return (*self, "as asked for".to_owned());
        }
        if let Some(index) = network.first_not_autonomous() {
            let name = &network.reactions[index].name;
            return (Method::hybrid(), format!("the rate of `{name}` changes between events"));
        }
        if let Some(variable) = network.species.iter().find(|species| species.moves()) {
            return (Method::hybrid(), format!("`{}` is continuous and moves", variable.name));
        }
        match expected_events(network, parameters, end) {
            Some(events) if events <= MOST_EXACT_EVENTS => {
                let events = in_words(events);
                let few = format!("about {events} events are expected in a trajectory, few enough to be exact");
                match network.reactions.len() {
                    ..=MOST_LOCKSTEP_REACTIONS if trajectories >= FEWEST_IN_LOCKSTEP => {
                        (Method::Ensemble, format!("{few}, and {trajectories} trajectories go in lockstep"))
                    }
                    ..=MOST_DIRECT_REACTIONS => (Method::Direct, few),
                    count => (Method::CompositionRejection, format!("{few}, and there are {count} reactions")),
                }
            }
            Some(events) => {
                (Method::tau_leap(), format!("about {} events are expected in a trajectory", in_words(events)))
            }
            None => (Method::tau_leap(), "the mean field could not tell how many events to expect".to_owned()),
        }
    }
}

/// A number to two digits or so, such as `21 thousand`.
fn in_words(number: f64) -> String {
    let steps = [(1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1e3, " thousand"), (1.0, "")];
    let (step, word) = steps.into_iter().find(|&(step, _)| number >= 0.95 * step).unwrap_or((1.0, ""));
    let share = number / step;
    if share < 9.5 && !word.is_empty() { format!("{share:.1}{word}") } else { format!("{share:.0}{word}") }
}

/// The integral of the total propensity along the mean field, by the trapezoidal rule; in networks too large for its
/// solver, the total propensity at the start times the duration.
fn expected_events(network: &Network, parameters: &[f64], end: f64) -> Option<f64> {
    const INTERVALS: usize = 200;
    let (method, intervals) = match network.species.len() {
        ..=LARGEST_MEAN_FIELD => (Method::Ode { relative_tolerance: 1e-3, absolute_tolerance: 1e-2 }, INTERVALS),
        _ => (Method::Direct, 0),
    };
    let length = end - network.start;
    let time = |index: usize| network.start + length * index as f64 / INTERVALS as f64;
    let times: Vec<f64> = (0..=intervals).map(time).collect();
    let mut constants = Vec::new();
    let mut totals = Vec::with_capacity(times.len());
    let mut observe = |_: usize, values: &[f64]| {
        // Events may have set parameters since.
        constants.clear();
        constants.extend(network.reactions.iter().map(|reaction| match &reaction.law {
            RateLaw::Product { constant, .. } => constant.evaluate(values),
            RateLaw::General(_) => 0.0,
        }));
        let propensities = network.reactions.iter().zip(&constants);
        totals.push(propensities.map(|(reaction, &constant)| reaction.law.evaluate(constant, values)).sum::<f64>());
        ControlFlow::Continue(())
    };
    Simulator::new(network, &method).without_lesions().run(parameters, &times, Key::new(0), &mut observe).ok()?;
    let inner: f64 = totals.iter().sum::<f64>() - 0.5 * (totals.first()? + totals.last()?);
    let events = if intervals == 0 { totals.first()? * length } else { inner * length / intervals as f64 };
    Some(events).filter(|events| events.is_finite())
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn numbers_are_rounded_for_readers() {
        let words = [9.28, 999.0, 20_800.0, 1_200.0, 2.38e8].map(in_words);
        assert_eq!(words, ["9", "1.0 thousand", "21 thousand", "1.2 thousand", "238 million"]);
    }
}

//! What an experiment does to a network from outside: when it begins, and what is set at which time.

use super::event::{Event, Trigger};
use super::{Network, TIME};
use crate::expression::Program;

/// Values that are set from outside at a time, such as a dose or a change of medium.
///
/// All new values are computed from the state before any of them is set. Of what comes at the same time, interventions
/// come first, before any event of the network is looked at.
#[derive(Clone, Debug)]
pub struct Intervention {
    /// When.
    pub time: f64,
    /// What is set, and its new value: slots of species or parameters (see [`Network::slot`]), and programs over the
    /// network's symbols (see [`Network::compile`]).
    pub set: Vec<(usize, Program)>,
}

impl Network {
    /// The same network in an experiment: trajectories begin at the time `start`, and `interventions` are carried out.
    ///
    /// ```
    /// use metacascade_engine::{Intervention, Method, Network, Simulator};
    /// use metacascade_random::Key;
    ///
    /// let network = Network::builder("decay").species("X", "8").parameter("k", 1.0).reaction("X ->", "k*X").build()?;
    /// let dose = |time: f64| Intervention { time, set: vec![(1, network.compile("X + 8", &[]).unwrap())] };
    /// let network = network.under(-1.0, &[dose(0.0)]);
    /// let mut found = Vec::new();
    /// Simulator::new(&network, &Method::ode()).run(&[1.0], &[0.0, 1.0], Key::new(1), &mut |_: usize, values: &[f64]| {
    ///     found.push(values[1]);
    ///     std::ops::ControlFlow::Continue(())
    /// })?;
    /// let left = (-1.0_f64).exp();
    /// assert!((found[0] - (8.0 * left + 8.0)).abs() < 1e-4 && (found[1] - found[0] * left).abs() < 1e-4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If a slot is neither that of a species nor of a parameter.
    #[must_use]
    pub fn under(&self, start: f64, interventions: &[Intervention]) -> Self {
        let mut network = self.clone();
        network.start = start;
        for Intervention { time, set } in interventions {
            let settable = |slot: usize| slot != TIME && slot < network.rule_slot(0);
            assert!(set.iter().all(|(slot, _)| settable(*slot)), "interventions set species and parameters");
            network.events.push(Event {
                trigger: Trigger::At { at: Program::number(*time), every: None },
                delay: None,
                priority: None,
                values_from_trigger_time: false,
                assignments: set.clone(),
                imposed: true,
            });
        }
        network
    }

    /// The time at which trajectories begin.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.start
    }
}

//! What changes with each species and with time, so that derivatives follow only what depends on it.

use super::Network;

/// Directions along which rates are differentiated: one species, or time, and the rules that change with it.
pub(crate) struct Derivatives {
    /// By slot: of time, then of each species.
    dependents: Vec<Dependents>,
    tangents: Vec<f64>,
}

/// What depends on a slot, through rules too.
#[derive(Clone, Default)]
pub(crate) struct Dependents {
    /// Rules, in an order in which each comes after those it reads.
    rules: Vec<usize>,
    /// Reactions, by their propensities.
    pub reactions: Vec<usize>,
    /// Continuous variables, by their rates of change.
    pub variables: Vec<usize>,
}

impl Derivatives {
    pub fn new(network: &Network) -> Self {
        let count = 1 + network.species.len();
        let mut dependents = vec![Dependents::default(); count];
        for &rule in &network.rule_order {
            network.roots[rule].range(..count).for_each(|&slot| dependents[slot].rules.push(rule));
        }
        for (reaction, reads) in network.reads.iter().enumerate() {
            reads.iter().filter(|&&slot| slot < count).for_each(|&slot| dependents[slot].reactions.push(reaction));
        }
        for (variable, species) in network.species.iter().enumerate() {
            let reads = species.rate.as_ref().map(|rate| network.follow(rate.reads())).unwrap_or_default();
            reads.iter().filter(|&&slot| slot < count).for_each(|&slot| dependents[slot].variables.push(variable));
        }
        Self { dependents, tangents: vec![0.0; network.slots()] }
    }

    /// The derivatives of all symbols by the one in `slot`, a species' or that of time; and what depends on it.
    /// `values` are those of all symbols, rules up to date.
    pub fn by(&mut self, network: &Network, values: &[f64], slot: usize) -> (&[f64], &Dependents) {
        self.tangents.fill(0.0);
        self.tangents[slot] = 1.0;
        let first_rule = network.rule_slot(0);
        for &rule in &self.dependents[slot].rules {
            self.tangents[first_rule + rule] = network.rules[rule].program.derivative(values, &self.tangents);
        }
        (&self.tangents, &self.dependents[slot])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    #[test]
    fn propensities_are_differentiated_through_rules_and_products() {
        let network = Network::builder("chain")
            .species("X", "3")
            .species("Y", "5")
            .parameter("k", 0.7)
            .rule("outer", "inner^2 + Y*time")
            .rule("inner", "X / (X + Y)")
            .rule("constant", "2*k")
            .reaction("2 X + Y ->", "mass_action(k)")
            .reaction("X ->", "k * X * outer")
            .reaction("-> X", "hill(inner, k, 2) * constant + sqrt(X)")
            .reaction("-> Y", "k")
            .build()
            .unwrap();
        let mut state = State::new(&network);
        state.initialise(&network.default_parameters(), &[], false, None).unwrap();
        state.set_time(1.5);
        state.update_rules();
        let mut derivatives = Derivatives::new(&network);
        let delta = 1e-6;
        let mut nonzero = 0;
        for slot in 0..3 {
            let mut exact = [0.0; 4];
            let (tangents, dependents) = derivatives.by(&network, &state.values, slot);
            dependents
                .reactions
                .iter()
                .for_each(|&reaction| exact[reaction] = state.law_derivative(reaction, tangents));
            for (reaction, exact) in exact.into_iter().enumerate() {
                let mut at = |shift: f64| {
                    state.values[slot] += shift;
                    state.update_rules();
                    let law = state.law(reaction);
                    state.values[slot] -= shift;
                    state.update_rules();
                    law
                };
                let difference = (at(delta) - at(-delta)) / (2.0 * delta);
                assert!((exact - difference).abs() < 1e-7, "reaction {reaction} by {slot}: {exact} {difference}");
                nonzero += usize::from(exact != 0.0);
            }
        }
        // Mass action by X and Y, the second by all three, the third by X and Y.
        assert_eq!(nonzero, 7);
    }
}

//! The linear birth–death process with rates that change with time: Kendall 1948, Ann Math Stat 19:1.

use metacascade_random::Stream;
use metacascade_random::rand::RngExt;
use rand_distr::{Distribution, Gamma};

use crate::methods::draws::{binomial, poisson};

/// What the law needs of birth b(t) and death d(t) up to a time: R = ∫ (b − d) dt and J = ∫ b e^{−R} dt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Integrals {
    pub growth: f64,
    pub births: f64,
}

impl Integrals {
    /// Further by a duration of constant rates; a negative one goes back.
    pub fn after(self, birth: f64, death: f64, duration: f64) -> Self {
        let net = birth - death;
        let births = birth * (-self.growth).exp() * decay(net, duration);
        Self { growth: self.growth + net * duration, births: self.births + births }
    }
}

/// ∫₀ʰ e^{−rs} ds.
fn decay(rate: f64, duration: f64) -> f64 {
    let exponent = rate * duration;
    if exponent.abs() < 1e-8 { duration * (1.0 - 0.5 * exponent) } else { -(-exponent).exp_m1() / rate }
}

/// How many descendants `cells` have between two times, the first at `from`.
///
/// Each cell's line is alive with probability 1 / (e^{−R} + J), where R and J are taken between the times, and then
/// geometrically distributed with mean 1 + J e^R (Kendall's equations 8–12). So the number of lines alive is binomial,
/// and what is beyond one in each is negative binomial, a Poisson number of gamma-distributed mean.
pub(super) fn descendants(cells: f64, from: Integrals, to: Integrals, random: &mut Stream) -> f64 {
    let growth = (to.growth - from.growth).exp();
    let births = ((to.births - from.births) * from.growth.exp()).max(0.0);
    let lines = binomial(cells, 1.0 / (1.0 / growth + births), random);
    let beyond = growth * births;
    if lines == 0.0 || beyond <= 0.0 {
        return lines;
    }
    if lines == 1.0 {
        let uniform = 1.0 - random.random::<f64>();
        return 1.0 + (uniform.ln() / (beyond / (1.0 + beyond)).ln()).floor();
    }
    // Fails for shapes and scales that are not positive only.
    let mean = Gamma::new(lines, beyond).map_or(0.0, |law| law.sample(random));
    lines + poisson(mean, random)
}

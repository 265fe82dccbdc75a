//! A model in ten lines, an ensemble in five: a primary tumour that seeds, and lesions that mostly die out.

use metacascade_engine::{Ensemble, Method, Network};
use metacascade_random::Key;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = Network::builder("seeding")
        .species("primary", "1000")
        .species("lesion_cells", "0")
        .parameter("growth", 0.1)
        .parameter("seeding", 1e-4)
        .reaction("primary -> 2 primary", "mass_action(growth)")
        .reaction("-> lesion_cells", "seeding * primary")
        .reaction("lesion_cells -> 2 lesion_cells", "0.25 * lesion_cells")
        .reaction("lesion_cells ->", "0.24 * lesion_cells")
        .build()?;

    let (parameters, times) = (network.default_parameters(), [0.0, 10.0, 20.0, 30.0]);
    let (method, why) = Method::Auto.resolve(&network, &parameters, 30.0, 2000);
    let (key, initial) = (Key::new(1), &[]);
    let ensemble = Ensemble {
        network: &network,
        method,
        parameters: &parameters,
        initial,
        times: &times,
        trajectories: 2000,
        key,
    };
    let (summary, stats) = ensemble.summary()?;

    println!("{method}: {why}; {} events", stats.events);
    println!("{:>6}{:>12}{:>10}{:>16}{:>10}", "day", "primary", "s.d.", "lesion cells", "s.d.");
    for ((time, mean), sd) in times.iter().zip(&summary.mean).zip(&summary.sd) {
        println!("{time:>6}{:>12.1}{:>10.1}{:>16.3}{:>10.3}", mean[0], sd[0], mean[1], sd[1]);
    }
    Ok(())
}

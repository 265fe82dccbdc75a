//! When does a micrometastasis that does not die out reach 100 cells? First-passage times, exact to the event, of
//! thousands of lineages in lockstep; each trajectory is stopped once its question is answered.

use std::ops::ControlFlow;

use metacascade_engine::{Job, Lockstep, Network};
use metacascade_random::Key;

const LINEAGES: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let network = Network::builder("micrometastasis")
        .species("cells", "1")
        .variable("passage", "-1", "0")
        .parameter("birth", 0.30)
        .parameter("death", 0.24)
        .reaction("cells -> 2 cells", "birth * cells")
        .reaction("cells ->", "death * cells")
        .event_when("cells >= 100 && passage < 0", &[("passage", "time")])
        .build()?;
    let (parameters, times) =
        (network.default_parameters(), (1..=60).map(|day| f64::from(day) * 10.0).collect::<Vec<_>>());
    let job =
        |index| Job { parameters: &parameters, initial: &[], times: &times, subject: Key::new(1).child(index).into() };
    let jobs: Vec<Job> = (0..LINEAGES as u64).map(job).collect();
    let mut passages = vec![-1.0; LINEAGES];
    let results = Lockstep::new(&network).run(&jobs, &mut |lineage: usize, _: usize, values: &[f64]| {
        let (cells, passage) = (values[1], values[2]);
        passages[lineage] = passage;
        if passage >= 0.0 || cells == 0.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let events: u64 = results.into_iter().sum::<Result<metacascade_engine::Stats, _>>()?.events;

    let mut reached: Vec<f64> = passages.into_iter().filter(|passage| *passage >= 0.0).collect();
    reached.sort_by(f64::total_cmp);
    // Gambler's ruin: (1 - q) / (1 - q^100) with q = death / birth.
    let q: f64 = 0.24 / 0.30;
    println!("{events} events");
    println!(
        "reached 100 cells: {:.4} (exact {:.4})",
        reached.len() as f64 / LINEAGES as f64,
        (1.0 - q) / (1.0 - q.powi(100))
    );
    let quantile = |part: f64| reached[(part * (reached.len() - 1) as f64) as usize];
    println!("after {:.0} days (80 % between {:.0} and {:.0})", quantile(0.5), quantile(0.1), quantile(0.9));
    Ok(())
}

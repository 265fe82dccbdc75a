//! Simulates an SBML file: `cargo run --release --example sbml -- MODEL.xml END [TRAJECTORIES]`; without arguments, a model
//! that is written as SBML first.

use metacascade_engine::{Builder, Ensemble, Method, Network};
use metacascade_random::Key;

const MODEL: &str = r#"
name = "dimerisation"
[species]
P = 301
P2 = 0
[parameters]
k1 = 0.00166
k2 = 0.2
[[reactions]]
equation = "2 P -> P2"
rate = "mass_action(k1)"
[[reactions]]
equation = "P2 -> 2 P"
rate = "mass_action(k2)"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (source, file) = match arguments.first() {
        Some(file) => (std::fs::read_to_string(file)?, file.as_str()),
        None => (Builder::from_toml(MODEL, "dimerisation.toml")?.to_sbml()?, "dimerisation.xml"),
    };
    let end: f64 = arguments.get(1).map_or(Ok(10.0), |end| end.parse())?;
    let trajectories = arguments.get(2).map_or(Ok(1000), |count| count.parse())?;

    let network = Network::from_sbml(&source, file)?;
    let parameters = network.default_parameters();
    let times: Vec<f64> = (0..=5).map(|index| end * f64::from(index) / 5.0).collect();
    let (method, why) = Method::Auto.resolve(&network, &parameters, end, trajectories);
    let (key, initial) = (Key::new(1), &[]);
    let ensemble =
        Ensemble { network: &network, method, parameters: &parameters, initial, times: &times, trajectories, key };
    let (summary, _) = ensemble.summary()?;

    println!("{}: {method}, {why}", network.name());
    println!("time\t{}", summary.names.join("\t"));
    for ((time, mean), sd) in times.iter().zip(&summary.mean).zip(&summary.sd) {
        let cells: Vec<String> = mean.iter().zip(sd).map(|(mean, sd)| format!("{mean:.2} ± {sd:.2}")).collect();
        println!("{time}\t{}", cells.join("\t"));
    }
    Ok(())
}

use super::*;
use crate::Lesions;

const METHODS: [Method; 6] = [
    Method::Direct,
    Method::Ensemble,
    Method::NextReaction,
    Method::CompositionRejection,
    Method::tau_leap(),
    Method::ode(),
];

/// Linear death from 60 in three parts, with half of all cells taken away in the second (rounded up): by the direct path
/// 60 → binomial(60, e^{−.2·3}) → … The mean is known but for the rounding; a trajectory in one run has the same law. Both
/// are compared by mean and variance, |z| < 4.5 of 20,000 trajectories each: false alarm 7e-6 a test.
#[test]
fn parts_follow_the_law_of_the_whole() {
    let source = "name = \"decay\"\n[species]\nX = 60\n[parameters]\nk = 0.2\n\
                  [[reactions]]\nequation = \"X ->\"\nrate = \"k * X\"\n\
                  [[events]]\nat = 2\ndelay = 1\nset = { X = \"ceil(X / 2)\" }\n";
    let network = Network::from_toml(source, "decay.toml").unwrap();
    let count = 20_000;
    for method in METHODS.into_iter().filter(|method| !matches!(method, Method::Ode { .. })) {
        let mut propagator = Propagator::new(&network, &method).unwrap();
        let parts = |key: Key| {
            let mut snapshot = propagator.begin(&[0.2], &[], key.child(0)).unwrap();
            for (index, time) in [0.0, 1.5, 2.5, 4.0].into_iter().enumerate() {
                propagator.advance(&mut snapshot, time, key.child(1 + index as u64)).unwrap();
            }
            snapshot.values()[1]
        };
        let mut simulator = Simulator::new(&network, &Method::Direct);
        let whole = |key: Key| {
            let mut last = 0.0;
            let mut record = |_: usize, values: &[f64]| {
                last = values[1];
                std::ops::ControlFlow::Continue(())
            };
            simulator.run(&[0.2], &[4.0], key, &mut record).unwrap();
            last
        };
        let keys = |seed| (0..count).map(move |index| Key::new(seed).child(index));
        let moments = |values: Vec<f64>| {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
            let variance = squares.iter().sum::<f64>() / n;
            let fourth = squares.iter().map(|square| (square - variance).powi(2)).sum::<f64>() / n;
            ([mean, variance], [variance / n, fourth / n])
        };
        let (a, b) = (moments(keys(1).map(parts).collect()), moments(keys(2).map(whole).collect()));
        for index in 0..2 {
            let z = (a.0[index] - b.0[index]) / (a.1[index] + b.1[index]).sqrt();
            assert!(z.abs() < 4.5, "{method}: {:?} and {:?}", a.0, b.0);
        }
    }
}

/// What is to come, and which conditions hold, is kept; a copy has a future of its own.
#[test]
fn events_are_kept() {
    let source = "name = \"events\"\n[species]\nx = { initial = 0, rate = 0 }\n[parameters]\ny = 0\n\
                  [[events]]\nat = 1\nevery = 2\ntimes = 3\nset = { x = \"x + 1\" }\n\
                  [[events]]\nwhen = \"x >= 2\"\ndelay = 4\nset = { y = \"y + 10\" }\n";
    let network = Network::from_toml(source, "events.toml").unwrap();
    let y = network.slot("y").unwrap();
    for method in METHODS {
        let mut propagator = Propagator::new(&network, &method).unwrap();
        let mut snapshot = propagator.begin(&[0.0], &[], Key::new(1)).unwrap();
        let mut seen = Vec::new();
        let mut other = snapshot.clone();
        for time in [0.0, 1.0, 2.0, 3.5, 3.5, 5.0, 6.9, 7.0, 20.0] {
            propagator.advance(&mut snapshot, time, Key::new(2)).unwrap();
            seen.push((snapshot.values()[1], snapshot.values()[y]));
            // Another trajectory in between.
            propagator.advance(&mut other, 0.9 * time, Key::new(3)).unwrap();
        }
        let expected = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 0.0), (3.0, 0.0), (3.0, 0.0)];
        assert_eq!(seen[..7], expected, "{method}");
        assert_eq!(seen[7..], [(3.0, 10.0); 2], "{method}");
        assert_eq!((other.time(), other.values()[y]), (18.0, 10.0));
        assert!(format!("{other:?}").contains("18.0"));
    }
}

#[test]
fn what_cannot_be_taken_up_again_is_refused() {
    let decay = Network::builder("decay").species("X", "9").reaction("X ->", "X").build().unwrap();
    for method in [Method::hybrid(), Method::Moments] {
        assert!(matches!(Propagator::new(&decay, &method), Err(NotResumable::Method(_))));
    }
    let lung = Network::builder("lung").lesions(Lesions::new("lung", "0.5", "0.1").initial("100")).build().unwrap();
    let error = Propagator::new(&lung, &Method::Direct).err().unwrap();
    assert!(error.to_string().contains("`lung`"), "{error}");
}

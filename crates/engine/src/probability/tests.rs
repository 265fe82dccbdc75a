//! Against closed forms and linear systems, with fixed seeds. Estimates are compared within four of their own standard
//! errors from 30 replicates or more: by Student's t one comparison would fail with a probability of 4e-4.

use nalgebra::{DMatrix, DVector};

use super::*;

fn probability(asked: RareEvent) -> Estimate {
    asked.estimate().unwrap_or_else(|error| panic!("{error}"))
}

fn check(found: &Estimate, exact: f64) {
    let deviations = (found.probability - exact).abs() / found.standard_error;
    assert!(deviations < 4.0, "{deviations} standard errors from {exact:e}: {found:?}");
    assert!(found.precise && found.relative_error() <= 0.1);
    assert!(found.interval.0 < found.probability && found.probability < found.interval.1);
    assert_eq!(found.shares.len(), found.levels.len() + 1);
}

/// Linear birth and death.
fn colony(birth: &str, death: &str) -> Network {
    let builder = Network::builder("colony").species("X", "1").parameter("b", 0.5);
    builder.reaction("X -> 2 X", birth).reaction("X ->", death).build().unwrap()
}

/// Probability that a colony of one whose deaths are r times as frequent as its births ever counts K.
fn ruin(r: f64, target: i32) -> f64 {
    (r - 1.0) / (r.powi(target) - 1.0)
}

#[test]
fn a_colony_passes_a_barrier() {
    let death = |n: u32| 0.7 + 3.3 / (1.0 + (f64::from(n) / 15.0).powi(4));
    // S_n = Σ_{k<n} Π_{j≤k} μ_j/λ_j is harmonic: from n the probability of 60 before 0 is S_n/S_60.
    let sum = |n: u32| (0..n).map(|k| (1..=k).map(death).product::<f64>()).sum::<f64>();
    let network = Network::builder("barrier")
        .species("X", "1")
        .reaction("X -> 2 X", "X")
        .reaction("X ->", "X*(0.7 + 3.3/(1 + (X/15)^4))")
        .build()
        .unwrap();
    for (cells, known) in [(1, 1.34e-11), (10, 3.8e-6), (20, 0.0440), (30, 0.666), (50, 0.9987)] {
        let exact = sum(cells) / sum(60);
        assert!((exact / known - 1.0).abs() < 0.01, "{exact:e}");
        let initial = [(0, f64::from(cells))];
        let asked = RareEvent { initial: &initial, ..RareEvent::new(&network, &[], "X >= 60", Key::new(1)) };
        let found = probability(asked);
        check(&found, exact);
        // A single direct trajectory of 10¹¹ would meet the event.
        assert!(found.events < 20_000_000 && found.level == "X");
        // A condition that holds only where nothing can happen any more changes nothing.
        assert_eq!(found, probability(RareEvent { unless: Some("X <= 0"), ..asked }));
    }
}

#[test]
fn linear_birth_and_death_from_one_cell() {
    let network = colony("b*X", "X");
    let asked = RareEvent::new(&network, &[0.5], "X >= 30", Key::new(2));
    check(&probability(asked), ruin(2.0, 30));
    check(&probability(RareEvent { event: "X > 29", relative_error: 0.05, ..asked }), ruin(2.0, 30));
    check(&probability(RareEvent { parameters: &[0.4], ..asked }), ruin(2.5, 30));
}

#[test]
fn time_left_is_what_the_entry_leaves() {
    // Yule (1925): the count at t is geometric.
    let network = colony("b*X", "0*X");
    let time = 0.21_f64;
    let exact = (1.0 - (-0.5 * time).exp()).powi(8);
    assert!((0.9e-8..1.1e-8).contains(&exact));
    let asked = RareEvent { before: Some(time), ..RareEvent::new(&network, &[0.5], "X >= 9", Key::new(3)) };
    check(&probability(asked), exact);
    check(&probability(RareEvent { level: Some("X - 10*time"), ..asked }), exact);
}

/// Two phenotypes that divide, die and switch; H also comes in threes, so that levels are jumped over.
fn phenotypes() -> (Network, f64) {
    const RATES: [f64; 7] = [0.3, 1.0, 0.5, 1.2, 0.1, 0.2, 0.1];
    const TARGET: usize = 20;
    let network = Network::builder("phenotypes")
        .species("E", "1")
        .species("H", "0")
        .rule("all", "E + H")
        .reaction("E -> 2 E", "0.3*E")
        .reaction("E ->", "1.0*E")
        .reaction("H -> 2 H", "0.5*H")
        .reaction("H ->", "1.2*H")
        .reaction("E -> H", "0.1*E")
        .reaction("H -> E", "0.2*H")
        .reaction("H -> 4 H", "0.1*H")
        .build()
        .unwrap();
    // The probability h of ever counting 20 solves Σ rate·(h(next) − h) = 0 between 0 and 20.
    let states: Vec<(usize, usize)> = (1..TARGET).flat_map(|all| (0..=all).map(move |e| (e, all - e))).collect();
    let place = |e: usize, h: usize| states.iter().position(|state| *state == (e, h));
    let mut matrix = DMatrix::zeros(states.len(), states.len());
    let mut right = DVector::zeros(states.len());
    for (row, &(e, h)) in states.iter().enumerate() {
        let moves = [(1, 0), (-1, 0), (0, 1), (0, -1), (-1, 1), (1, -1), (0, 3)];
        for ((de, dh), (rate, of)) in moves.into_iter().zip(RATES.into_iter().zip([e, e, h, h, e, h, h])) {
            let rate = rate * of as f64;
            matrix[(row, row)] += rate;
            let (Some(e), Some(h)) = (e.checked_add_signed(de), h.checked_add_signed(dh)) else { continue };
            match place(e, h) {
                Some(next) => matrix[(row, next)] -= rate,
                None if e + h >= TARGET => right[row] += rate,
                None => {}
            }
        }
    }
    let solved = matrix.lu().solve(&right).unwrap();
    (network, solved[place(1, 0).unwrap()])
}

#[test]
fn levels_of_two_species_may_be_any_function_of_them() {
    let (network, exact) = phenotypes();
    assert!((1e-8..1e-4).contains(&exact), "{exact:e}");
    let asked = RareEvent::new(&network, &[], "E + H >= 20", Key::new(4));
    let plain = probability(asked);
    check(&plain, exact);
    // The event by a rule, and the other way round, have the same levels but for their names and signs.
    let by_rule = probability(RareEvent { event: "all > 19", ..asked });
    assert_eq!((by_rule.level.as_str(), by_rule.probability), ("all", plain.probability));
    let turned = probability(RareEvent { event: "20 - E <= H", ..asked });
    assert_eq!((turned.level.as_str(), turned.probability), ("H - (20 - E)", plain.probability));
    let negative = probability(RareEvent { event: "-E - H <= -20", ..asked });
    assert_eq!((negative.level.as_str(), negative.probability), ("-(-E - H)", plain.probability));
    // Better, worse, and hardly any levels.
    check(&probability(RareEvent { level: Some("E + 1.5*H"), ..asked }), exact);
    check(&probability(RareEvent { level: Some("sqrt(E + 0.7*H)"), ..asked }), exact);
    check(&probability(RareEvent { event: "all >= 20 && E >= 0", level: Some("all"), ..asked }), exact);
}

#[test]
fn the_interval_covers_the_truth_as_often_as_it_says() {
    // Of 200 intervals 10 miss on average; more than 20 or fewer than 2 would with a probability of 0.0015.
    let network = colony("b*X", "X");
    let exact = ruin(2.0, 12);
    let missed = (0..200)
        .filter(|seed| {
            let asked =
                RareEvent { relative_error: 0.2, ..RareEvent::new(&network, &[0.5], "X >= 12", Key::new(*seed)) };
            let (low, high) = probability(asked).interval;
            !(low..=high).contains(&exact)
        })
        .count();
    assert!((2..=20).contains(&missed), "{missed}");
}

#[test]
fn threads_change_no_bit() {
    let network = colony("b*X", "X");
    let asked = RareEvent::new(&network, &[0.5], "X >= 15", Key::new(5));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| probability(asked))
    };
    assert_eq!(on(1), on(3));
    assert_ne!(on(1), probability(RareEvent { key: Key::new(6), ..asked }));
}

#[test]
fn what_is_not_rare_needs_no_levels() {
    let network = colony("b*X", "X");
    let asked = RareEvent::new(&network, &[0.9], "X >= 2", Key::new(7));
    let even = probability(asked);
    check(&even, 0.9 / 1.9);
    assert!(even.levels.is_empty());
    // All trajectories met it: 1, with an interval that says how sure that is.
    let sure = probability(RareEvent { event: "X <= 0", before: Some(1e9), ..asked });
    assert!(sure.probability == 1.0 && sure.interval.1 == 1.0, "{sure:?}");
    assert!((0.995..1.0).contains(&sure.interval.0), "{sure:?}");
    let met = probability(RareEvent { event: "X >= 1", ..asked });
    assert_eq!((met.probability, met.interval, met.events), (1.0, (1.0, 1.0), 0));
}

#[test]
fn what_cannot_be_found_is_an_error_with_a_bound() {
    let network =
        Network::builder("closed").species("A", "10").species("B", "0").reaction("A -> B", "A").build().unwrap();
    let asked = RareEvent::new(&network, &[], "B >= 11", Key::new(8));
    match asked.estimate() {
        Err(ProbabilityError::NotMet { bound, level, highest, .. }) => {
            assert_eq!((level.as_str(), highest), ("B", 10.0));
            assert!((1e-5..1e-4).contains(&bound), "{bound}");
        }
        other => panic!("{other:?}"),
    }
    // Less work than the error asked for takes: the estimate stands, with what it reached.
    let network = colony("b*X", "X");
    let asked = RareEvent::new(&network, &[0.5], "X >= 30", Key::new(9));
    let found = probability(RareEvent { relative_error: 0.001, maximum_events: 4_000_000, ..asked });
    assert!(!found.precise && found.events < 6_000_000, "{found:?}");
    assert!((found.probability - ruin(2.0, 30)).abs() < 4.0 * found.standard_error);
    let stopped = RareEvent { maximum_events: 20_000, ..asked }.estimate();
    assert!(matches!(stopped, Err(ProbabilityError::NotMet { bound, .. }) if bound > ruin(2.0, 30)), "{stopped:?}");
}

#[test]
fn what_is_asked_wrong_is_said() {
    let network = colony("b*X", "X");
    let asked = RareEvent::new(&network, &[0.5], "X >= 30", Key::new(10));
    let error = |asked: RareEvent| asked.estimate().unwrap_err();
    let span = |asked: RareEvent| match error(asked) {
        ProbabilityError::Expression { name, error, .. } => (name, error.span),
        other => panic!("{other:?}"),
    };
    assert_eq!(span(RareEvent { event: "X >= Y", ..asked }), ("event", 5..6));
    assert_eq!(span(RareEvent { event: "X == 30", ..asked }), ("event", 0..7));
    assert_eq!(span(RareEvent { event: "time >= X", ..asked }), ("event", 0..9));
    assert_eq!(span(RareEvent { unless: Some("X <="), ..asked }).0, "unless");
    assert_eq!(span(RareEvent { level: Some("2*Z"), ..asked }), ("level", 2..3));
    assert!(matches!(error(RareEvent { relative_error: 0.0, ..asked }), ProbabilityError::Setting(_)));
    assert!(matches!(error(RareEvent { before: Some(f64::NAN), ..asked }), ProbabilityError::Setting(_)));
    assert!(matches!(error(RareEvent { maximum_events: 99, ..asked }), ProbabilityError::Setting(_)));
    assert_eq!(error(RareEvent { unless: Some("X <= 1"), ..asked }), ProbabilityError::Over);
    let count = RareEvent { initial: &[(0, -1.0)], ..asked };
    assert!(matches!(error(count), ProbabilityError::Simulation(SimulationError::Count { .. })));
}

#[test]
fn networks_whose_states_do_not_say_all_are_refused() {
    let refused = |builder: crate::Builder| {
        let network = builder.build().unwrap();
        let parameters = network.default_parameters();
        RareEvent { before: Some(5.0), ..RareEvent::new(&network, &parameters, "X >= 3", Key::new(1)) }.estimate()
    };
    let builder = || Network::builder("x").species("X", "1").parameter("b", 1.0);
    let moving = builder().variable("V", "1", "V").reaction("X -> 2 X", "b*X");
    let timed = builder().reaction("X -> 2 X", "b*X*(1 + time)");
    let event = builder().reaction("X -> 2 X", "b*X").event("1", &[("b", "0")]);
    for builder in [moving, timed, event] {
        let refused = refused(builder);
        assert!(matches!(refused, Err(ProbabilityError::Unsupported(_))), "{refused:?}");
    }
    // A process that never ends.
    let network =
        Network::builder("queue").species("X", "0").reaction("-> X", "1").reaction("X ->", "X").build().unwrap();
    let endless = RareEvent { maximum_events: 1_000_000, ..RareEvent::new(&network, &[], "X >= 1000", Key::new(1)) };
    assert!(matches!(endless.estimate(), Err(ProbabilityError::Endless { events: 10_000, .. })));
}

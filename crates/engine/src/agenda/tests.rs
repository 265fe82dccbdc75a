//! Events in networks in which nothing else happens: what each method makes of them is known exactly.

use std::ops::ControlFlow;

use metacascade_random::Key;

use crate::{Method, Network, SimulationError, Simulator};

const METHODS: [Method; 6] = [
    Method::Direct,
    Method::Ensemble,
    Method::NextReaction,
    Method::CompositionRejection,
    Method::tau_leap(),
    Method::ode(),
];

/// Values of `x` at the times, by every method.
fn run(events: &str, times: &[f64], expected: &[f64]) {
    let source =
        format!("name = \"events\"\n[species]\nx = {{ initial = 0, rate = 0 }}\n[parameters]\ny = 0\nz = 0\n{events}");
    let network = Network::from_toml(&source, "events.toml").unwrap();
    for method in METHODS {
        let mut seen = Vec::new();
        let mut record = |_: usize, values: &[f64]| {
            seen.push(values[1]);
            ControlFlow::Continue(())
        };
        Simulator::new(&network, &method).run(&[0.0, 0.0], times, Key::new(1), &mut record).unwrap();
        assert_eq!(seen, expected, "{method}: {events}");
    }
}

#[test]
fn times_are_met_exactly() {
    run("[[events]]\nat = 5\nset = { x = 1 }", &[4.999, 5.0, 6.0], &[0.0, 1.0, 1.0]);
    run("[[events]]\nwhen = \"time >= 5\"\nset = { x = 1 }", &[4.999, 5.0, 6.0], &[0.0, 1.0, 1.0]);
    run("[[events]]\nwhen = \"time > 5\"\nset = { x = 1 }", &[4.999, 5.0, 5.0001], &[0.0, 0.0, 1.0]);
    run(
        "[[events]]\nwhen = \"22.5 <= time && time < 23\"\nset = { x = \"x + 1\" }",
        &[22.4, 22.5, 30.0],
        &[0.0, 1.0, 1.0],
    );
    // Becomes true at π/6, again at 13π/6, and so on: four times before 20.
    run(
        "[[events]]\nwhen = \"sin(time) > 0.5\"\nset = { x = \"x + 1\" }",
        &[0.52, 0.53, 10.0, 20.0],
        &[0.0, 1.0, 2.0, 4.0],
    );
}

#[test]
fn delays_and_when_values_are_taken() {
    let set = "[[events]]\nat = 3\nset = { y = 7 }\n";
    run(&format!("{set}[[events]]\nat = 2\ndelay = 2\nset = {{ x = \"y + 1\" }}"), &[3.9, 4.0], &[0.0, 1.0]);
    let late = "[[events]]\nat = 2\ndelay = 2\nvalues = \"execution\"\nset = { x = \"y + 1\" }";
    run(&format!("{set}{late}"), &[3.9, 4.0], &[0.0, 8.0]);
    let when = "[[events]]\nwhen = \"time >= 2\"\ndelay = \"2\"\nvalues = \"execution\"\nset = { x = \"y + 1\" }";
    run(&format!("{set}{when}"), &[3.9, 4.0], &[0.0, 8.0]);
}

#[test]
fn a_condition_that_ceases_to_hold_withdraws_an_event_unless_it_persists() {
    let set = "[[events]]\nat = 1\nset = { y = 1 }\n[[events]]\nat = 2\nset = { y = 0 }\n";
    let when = "[[events]]\nwhen = \"y > 0.5\"\ndelay = 2\nset = { x = 1 }\n";
    run(&format!("{set}{when}"), &[2.9, 3.0], &[0.0, 1.0]);
    run(&format!("{set}{when}persistent = false\n"), &[2.9, 3.0, 9.0], &[0.0, 0.0, 0.0]);
}

#[test]
fn priorities_order_what_happens_at_once() {
    let event = |value: &str, priority: &str| {
        format!("[[events]]\nat = 1\npriority = \"{priority}\"\nset = {{ x = \"{value}\" }}\n")
    };
    run(&(event("2 * x", "1") + &event("x + 3", "2")), &[1.0], &[6.0]);
    run(&(event("2 * x", "2") + &event("x + 3", "1")), &[1.0], &[3.0]);
    run(&(event("2 * x", "z") + &event("x + 3", "z")), &[1.0], &[3.0]);
}

#[test]
fn what_holds_at_the_start_happens_unless_it_held_before() {
    let event = "[[events]]\nwhen = \"x < 1\"\nset = { x = \"x + 0.4\" }\n";
    // Fires once: the condition never ceases to hold until then.
    run(event, &[0.0, 1.0], &[0.4, 0.4]);
    run(&format!("{event}initially = true\n"), &[0.0, 1.0], &[0.0, 0.0]);
}

#[test]
fn events_that_set_each_other_off_for_ever_are_an_error() {
    let network = Network::builder("flip")
        .variable("x", "0", "0")
        .event_when("x < 1", &[("x", "2")])
        .event_when("x > 1", &[("x", "0")])
        .build()
        .unwrap();
    for method in METHODS {
        let mut ignore = |_: usize, _: &[f64]| ControlFlow::Continue(());
        let error = Simulator::new(&network, &method).run(&[], &[1.0], Key::new(1), &mut ignore).unwrap_err();
        assert_eq!(error, SimulationError::Events { time: 0.0 }, "{method}");
    }
}

/// A count that reaches a size sets off an event; each method meets it in its own way, none passes it.
#[test]
fn counts_trigger_events() {
    let network = Network::builder("surgery")
        .species("N", "10")
        .variable("at", "-1", "0")
        .reaction("N -> 2 N", "0.5 * N")
        .event_when("N >= 2000", &[("N", "0"), ("at", "time")])
        .build()
        .unwrap();
    for method in METHODS {
        let mut seen = Vec::new();
        let mut record = |_: usize, values: &[f64]| {
            seen.push((values[1], values[2]));
            ControlFlow::Continue(())
        };
        Simulator::new(&network, &method).run(&[], &[2.0, 40.0], Key::new(1), &mut record).unwrap();
        assert!(seen[0].0 > 0.0 && seen[0].1 == -1.0, "{method}: {seen:?}");
        // The mean field takes 2 ln 200 = 10.597.
        assert!(seen[1].0 == 0.0 && (8.0..13.0).contains(&seen[1].1), "{method}: {seen:?}");
        if method == Method::ode() {
            assert!((seen[1].1 - 10.596_635).abs() < 1e-4, "{seen:?}");
        }
    }
}

#[test]
fn a_network_of_nothing_is_simulated() {
    let network = Network::builder("nothing").parameter("k", 1.0).rule("r", "2 * time").build().unwrap();
    for method in METHODS {
        let mut seen = Vec::new();
        let mut record = |_: usize, values: &[f64]| {
            seen.push(values.to_vec());
            ControlFlow::Continue(())
        };
        Simulator::new(&network, &method).run(&[1.0], &[0.0, 3.0], Key::new(1), &mut record).unwrap();
        assert_eq!(seen, [[0.0, 1.0, 0.0], [3.0, 1.0, 6.0]], "{method}");
    }
}

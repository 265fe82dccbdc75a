//! The stepping loops allocate nothing: a trajectory ten times as long takes as many allocations as a short one.

#![allow(clippy::unwrap_used, unsafe_code, reason = "a test that counts what the allocator is asked for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;

use metacascade_engine::{Job, Lockstep, Method, Network, Simulator};
use metacascade_random::Key;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the present thread asks for.
struct Counting;

// SAFETY: everything is passed on to the system's allocator; counting touches a cell of the thread that needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(mut work: impl FnMut()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// Growth that settles, mass action and other laws, rules, a fast intermediate.
fn network() -> Network {
    Network::builder("cells")
        .species("E", "400")
        .species("M", "0")
        .species("C", "0")
        .species("D", "0")
        .parameter("growth", 0.5)
        .rule("crowding", "(E + M) / 1000")
        .reaction("E -> 2 E", "growth * E")
        .reaction("E ->", "growth * E * crowding")
        .reaction("E -> M", "0.1 * E")
        .reaction("M -> E", "0.1 * M")
        .reaction("M -> C", "0.2 * M * hill(M, 10, 2)")
        .reaction("C ->", "24 * C")
        .reaction("C -> D", "0.1 * C")
        .reaction("2 D -> D", "mass_action(0.001)")
        .build()
        .unwrap()
}

#[test]
fn steps_allocate_nothing() {
    let network = network();
    let parameters = network.default_parameters();
    let grid = |end: f64| (0..=100).map(|index| end * f64::from(index) / 100.0).collect::<Vec<f64>>();
    let (short, long) = (grid(4.0), grid(40.0));
    let exact = [Method::Direct, Method::Ensemble, Method::NextReaction, Method::CompositionRejection];
    for method in exact.into_iter().chain([Method::tau_leap()]) {
        let mut simulator = Simulator::new(&network, &method);
        let mut run = |times: &[f64]| {
            let mut ignore = |_: usize, _: &[f64]| ControlFlow::Continue(());
            simulator.run(&parameters, times, Key::new(1), &mut ignore).unwrap().steps
        };
        // Memory that is kept has been asked for once the longest trajectory has been seen some times.
        let mut steps = [0; 2];
        (0..5).for_each(|_| steps[0] = run(&long));
        let in_short = allocations(|| steps[1] = run(&short));
        let in_long = allocations(|| steps[0] = run(&long));
        assert_eq!(in_short, in_long, "{method}");
        assert!(steps[0] > steps[1] && in_long < 10, "{method}: {steps:?}, {in_long}");
    }
}

#[test]
fn lanes_allocate_nothing() {
    let network = network();
    let parameters = network.default_parameters();
    let mut lockstep = Lockstep::new(&network);
    let mut run = |end: f64| {
        let times: Vec<f64> = (1..=20).map(|index| end * f64::from(index) / 20.0).collect();
        let job = |index| Job { parameters: &parameters, initial: &[], times: &times, subject: Key::new(index).into() };
        let jobs: Vec<Job> = (0..100).map(job).collect();
        let results = lockstep.run(&jobs, &mut |_: usize, _: usize, _: &[f64]| ControlFlow::Continue(()));
        assert!(results.iter().all(Result::is_ok));
    };
    run(20.0);
    let (short, long) = (allocations(|| run(2.0)), allocations(|| run(20.0)));
    assert_eq!(short, long);
}

//! Lesions drawn by Kendall's law against the same lesions as reactions, event by event by the direct method, or cell by
//! cell: sizes and times of detection have the same distributions.

use metacascade_engine::{Lesions, Method, Network};

use crate::{STOCHASTIC, assert_same_law, run};

const SAMPLES: u64 = 6000;

/// Therapy from 6 to 9.
fn windows(builder: metacascade_engine::Builder) -> Network {
    let builder = builder.parameter("kill", 0.0);
    builder.event("6", &[("kill", "0.25")]).event("9", &[("kill", "0")]).build().unwrap()
}

fn lesions(death: &str) -> Network {
    windows(
        Network::builder("lesions").lesions(
            Lesions::new("lung", "0.8", death)
                .initial("1")
                .large("500")
                .growth(&format!("0.8 - ({death})"))
                .detection("2000"),
        ),
    )
}

fn column(found: &[Vec<Vec<f64>>], time: usize, which: usize) -> Vec<f64> {
    found.iter().map(|path| path[time][which]).collect()
}

#[test]
fn kendalls_law_and_single_events_give_the_same_lesions() {
    // Sizes at a time before any is detected; then, those detected need not be followed.
    let reactions = || {
        Network::builder("cells").species("X", "1").reaction("X -> 2 X", "0.8 * X").reaction("X ->", "(0.3 + kill) * X")
    };
    let sizes = run(&windows(reactions()), Method::Direct, &["X"], &[5.0, 10.0], SAMPLES, 11);
    let detection = reactions().variable("seen", "1e9", "0").event_when("X >= 2000", &[("seen", "time"), ("X", "0")]);
    let detected = run(&windows(detection), Method::Direct, &["seen"], &[26.0], SAMPLES, 12);
    let network = lesions("0.3 + kill");
    for method in STOCHASTIC {
        let found = run(&network, method, &["lung_cells", "lung_first_detected"], &[5.0, 10.0, 26.0], SAMPLES, 13);
        for (time, name) in ["5", "10"].iter().enumerate() {
            let what = format!("{method}: sizes at {name}");
            assert_same_law(&what, &column(&sizes, time, 0), &column(&found, time, 0));
        }
        let seen: Vec<f64> = column(&found, 2, 1).into_iter().map(|t| if t <= 26.0 { t } else { 1e9 }).collect();
        assert_same_law(&format!("{method}: detection"), &column(&detected, 0, 0), &seen);
    }
}

/// Rates that swing with time, with the same therapy: against cells one by one, which `0 * size` asks for.
#[test]
fn kendalls_law_and_cells_one_by_one_give_the_same_lesions() {
    let (death, times) = ("0.3 + kill + 0.15 * sin(time)", [5.0, 10.0, 26.0]);
    let names = ["lung_cells", "lung_first_detected"];
    let drawn = run(&lesions(death), Method::hybrid(), &names, &times, SAMPLES, 14);
    let cells = run(&lesions(&format!("{death} + 0 * size")), Method::hybrid(), &names, &times, SAMPLES, 15);
    for time in 0..2 {
        assert_same_law("sizes", &column(&drawn, time, 0), &column(&cells, time, 0));
    }
    assert_same_law("detection", &column(&drawn, 2, 1), &column(&cells, 2, 1));
}

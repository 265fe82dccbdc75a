//! Writes the report of a made-up run: `cargo run --release -p metacascade-report --example sample -- sample.html`.
//!
//! It holds what is hard to show: a skewed posterior, two arms over four decades, a zero among the measurements, a
//! parameter that follows its prior, and names that would end a script or an attribute if they could.

use std::f64::consts::PI;

use metacascade_inference::diagnostics::UniformBand;
use metacascade_problem::clopper_pearson;
use metacascade_random::Key;
use metacascade_report::{
    Content,
    content::{
        Band, BeforeAdjustment, CalibratedParameter, Calibration, Cascade, CascadeStep, Check, Combination,
        Composition, CountBin, Counts, Derived, Generation, Individual, Individuals, Measurement, Observable,
        OutcomeSensitivity, Pairs, Parameter, ParameterSensitivity, Predicted, ProfileCurve, Rootogram, Series, Share,
        SharePanel, Shares, Stratum, Survival, Tie, Verdict, Whole,
    },
    number::tick,
    render,
};

/// A name from a file that means ill.
const HOSTILE: &str = "</script><script>alert('x')</script> & \"so on\"";

/// Quantiles of the standard normal distribution at 2.5, 25, 50, 75 and 97.5 %.
const SCORES: [f64; 5] = [-1.96, -0.6745, 0.0, 0.6745, 1.96];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name the file to write")?;
    std::fs::write(path, render(&content())?)?;
    Ok(())
}

/// All that the page tells.
pub fn content() -> Content {
    Content {
        title: format!("A made-up run, {HOSTILE}"),
        subtitle: "No experiment stands behind these numbers; they try the page.".into(),
        method: "none".into(),
        headline: vec![
            "Of 3 parameters fitted to 20 measurements, 1 is determined by the data, 1 is known in part and 1 did not \
             move from its prior."
                .into(),
            "Growth of the primary is 0.250 per day (95 % interval 0.229 to 0.273).".into(),
        ],
        warnings: vec![format!("Every number is invented: {HOSTILE}.")],
        parameters: parameters(),
        derived: vec![derived()],
        individuals: vec![individuals("line", 9), individuals(HOSTILE, 66)],
        profiles: vec![profile("growth", true), profile(HOSTILE, false)],
        diagram: diagram(),
        cascade: Some(cascade()),
        sensitivities: vec![sensitivity()],
        time_unit: "day".into(),
        observables: vec![cells(), fraction()],
        survival: vec![survival()],
        shares: vec![shares()],
        counts: vec![counts()],
        compositions: vec![composition()],
        checks: vec![check()],
        calibration: Some(calibration()),
        pairs: pairs(),
        generations: (0..8).map(generation).collect(),
        optimiser_starts: (0..20).map(|start| -40.0 - (f64::from(start) - 15.0).max(0.0).powi(3)).collect(),
        stopping_reason: "the threshold was reached".into(),
        seconds: 133.0,
        methods: format!("Invented ({HOSTILE})."),
        bibliography: HOSTILE.into(),
        settings: vec![("seed".into(), "1".into()), (HOSTILE.into(), HOSTILE.into())],
        command: format!("metacascade fit '{HOSTILE}' --seed 1 -o run"),
        versions: vec![("metacascade".into(), env!("CARGO_PKG_VERSION").into())],
        file_hashes: vec![(HOSTILE.into(), "0".repeat(64))],
    }
}

fn parameters() -> Vec<Parameter> {
    vec![
        parameter("growth", "growth of the primary", [0.01, 1.0], 0.25, 0.045, Verdict::Determined),
        parameter("seeding", "cells that settle", [1e-9, 1e-5], 3e-7, 1.6, Verdict::PartlyDetermined),
        parameter(
            HOSTILE,
            "a parameter with a name that means ill",
            [0.1, 10.0],
            1.0,
            f64::INFINITY,
            Verdict::FollowsPrior,
        ),
    ]
}

/// A log-uniform prior with a log-normal posterior cut at its bounds (`sd` is that of the logarithm), or none of its own.
fn parameter(name: &str, description: &str, bounds: [f64; 2], median: f64, sd: f64, verdict: Verdict) -> Parameter {
    let [lower, upper] = bounds;
    let decades = (upper / lower).log10();
    let value = |share: f64| lower * 10_f64.powf(decades * share);
    let prior: Vec<[f64; 2]> = (0..=400).map(|point| [value(f64::from(point) / 400.0), 1.0 / decades]).collect();
    let normal = |x: f64| (-0.5 * ((x / median).ln() / sd).powi(2)).exp() * 10_f64.ln() / (sd * (2.0 * PI).sqrt());
    let (quantiles, posterior) = if sd.is_finite() {
        let posterior = prior.iter().map(|[x, _]| [*x, normal(*x)]).collect();
        (SCORES.map(|score| (median * (sd * score).exp()).clamp(lower, upper)), posterior)
    } else {
        ([0.025, 0.25, 0.5, 0.75, 0.975].map(value), prior.clone())
    };
    Parameter {
        name: name.into(),
        description: description.into(),
        unit: if verdict == Verdict::Determined { "1/day".into() } else { String::new() },
        prior: format!("log-uniform from {} to {}", tick(lower), tick(upper)),
        estimate: quantiles[2],
        interval_50: [quantiles[1], quantiles[3]],
        interval_80: [0.35 * quantiles[0] + 0.65 * quantiles[1], 0.35 * quantiles[4] + 0.65 * quantiles[3]],
        interval_95: [quantiles[0], quantiles[4]],
        contraction: match verdict {
            Verdict::Determined => 0.99,
            Verdict::PartlyDetermined => 0.45,
            Verdict::FollowsPrior => -0.01,
        },
        overlap: match verdict {
            Verdict::Determined => 0.11,
            Verdict::PartlyDetermined => 0.62,
            Verdict::FollowsPrior => 0.96,
        },
        effective_draws: Some(612.0),
        verdict,
        tie: (verdict == Verdict::PartlyDetermined).then(|| Tie { with: HOSTILE.into(), of: Combination::Product }),
        before_adjustment: Some(BeforeAdjustment {
            estimate: 1.1 * quantiles[2],
            interval_95: [quantiles[0], 1.2 * quantiles[4]],
            moved: -0.3,
        }),
        log_scale: true,
        prior_density: prior,
        posterior_density: posterior,
    }
}

fn derived() -> Derived {
    Derived {
        name: HOSTILE.into(),
        description: HOSTILE.into(),
        formula: "ln(2) / growth".into(),
        unit: "day".into(),
        estimate: 2.77,
        interval_50: [2.69, 2.86],
        interval_95: [2.54, 3.02],
        prior_95: [0.72, 63.0],
    }
}

/// A model with names that mean ill.
fn diagram() -> String {
    let network = metacascade_engine::Network::builder("sample")
        .species("P", "1000")
        .species("B", "0")
        .species("L", "0")
        .reaction("P -> B", "0.1 * P")
        .reaction("B -> L", "0.01 * B")
        .build();
    network.ok().and_then(|network| metacascade_report::diagram(&network).ok()).unwrap_or_default()
}

fn cascade() -> Cascade {
    let part = |median: f64| {
        let [lower95, lower50, median, upper50, upper95] = SCORES.map(|score| median * (0.2 * score).exp());
        Predicted { lower95, lower50, median, upper50, upper95 }
    };
    let step = |name: &str, reach: f64, share: f64| CascadeStep {
        name: name.into(),
        from: "P".into(),
        to: HOSTILE.into(),
        reach: part(reach),
        share: part(share),
    };
    Cascade {
        chance: false,
        arm: HOSTILE.into(),
        entering: "cells that pass from P to B".into(),
        steps: vec![step("extravasation", 2e4, 0.02), step("colonisation", 40.0, 0.002)],
        bottleneck: Some(1),
    }
}

fn sensitivity() -> OutcomeSensitivity {
    let row = |parameter: &str, coefficient: f64, verdict: Verdict| ParameterSensitivity {
        parameter: parameter.into(),
        description: HOSTILE.into(),
        coefficient,
        interval: [coefficient - 0.06, coefficient + 0.06],
        verdict: Some(verdict),
    };
    let rows = vec![
        row("growth", 0.9, Verdict::Determined),
        row("seeding", -0.4, Verdict::PartlyDetermined),
        row(HOSTILE, 0.02, Verdict::FollowsPrior),
    ];
    OutcomeSensitivity { outcome: format!("cells at the end {HOSTILE}"), rows }
}

/// A profile that falls to both sides, or to the lower one only.
fn profile(name: &str, bounded: bool) -> ProfileCurve {
    let values: Vec<f64> = (1..20).map(|index| 0.1 * f64::from(index)).collect();
    let drop = |value: &f64| if *value > 1.0 && !bounded { 0.0 } else { 4.0 * (value - 1.0).powi(2) };
    ProfileCurve {
        name: name.into(),
        unit: "1/day".into(),
        log_axis: true,
        drops: values.iter().map(drop).collect(),
        limit: 1.920_729,
        best: 1.0,
        interval_50: [Some(0.76), bounded.then_some(1.24)],
        interval_95: [Some(0.31), bounded.then_some(1.69)],
        values,
    }
}

/// So many individuals, some with much data and some with little.
fn individuals(name: &str, count: u32) -> Individuals {
    let row = |index: u32| {
        let middle = 2.0 * (f64::from(index) + 0.5) / f64::from(count) - 1.0;
        let sd = if index.is_multiple_of(5) { 0.8 } else { 0.2 };
        let [lower95, lower50, median, upper50, upper95] = SCORES.map(|score| 0.25 * (middle + sd * score).exp());
        Individual { name: format!("{name} {index}"), value: Predicted { lower95, lower50, median, upper50, upper95 } }
    };
    Individuals {
        quantity: "growth".into(),
        description: if count > 9 { HOSTILE.into() } else { "growth of the primary".into() },
        unit: "1/day".into(),
        of_groups: count <= 9,
        log_axis: true,
        location: Some(0.25),
        rows: (0..count).map(row).collect(),
    }
}

/// Counts over four decades in two arms, one of which has a zero.
fn cells() -> Observable {
    let arm = |name: &str, rate: f64| {
        let expected = |time: f64| 20.0 * (rate * time).exp();
        let data = (0..5).map(|index| {
            let time = f64::from(index) * 8.0;
            let value =
                if index == 0 && rate < 0.2 { 0.0 } else { expected(time) * [0.8, 1.3, 1.0, 0.7, 1.2][index as usize] };
            Measurement { time, value, sd: Some(0.4 * value), found_of: None, replicate: String::new() }
        });
        Series { arm: name.into(), data: data.collect(), bands: bands(expected, 0.35) }
    };
    Observable {
        id: "cells".into(),
        name: "cells in the lung".into(),
        unit: "cells".into(),
        log_axis: true,
        over_time: true,
        series: vec![arm("control", 0.25), arm(HOSTILE, 0.12)],
    }
}

/// One arm on a linear axis, skewed to high values.
fn fraction() -> Observable {
    let expected = |time: f64| 0.6 * (1.0 - (-0.1 * time).exp()) + 0.05;
    let point = |index: u32| {
        let time = 3.0 * f64::from(index + 1);
        Measurement {
            time,
            value: expected(time) * (1.0 + 0.2 * f64::from(index).sin()),
            sd: None,
            found_of: None,
            replicate: "1".into(),
        }
    };
    let series = vec![Series { arm: String::new(), data: (0..10).map(point).collect(), bands: bands(expected, 0.2) }];
    Observable {
        id: "fraction".into(),
        name: String::new(),
        unit: String::new(),
        log_axis: false,
        over_time: true,
        series,
    }
}

/// An event with a constant hazard in two arms; every fourth subject is lost from sight before it.
fn survival() -> Survival {
    let arm = |name: &str, hazard: f64| {
        let subject = |index: u32| {
            let time = (-(1.0 - (f64::from(index) + 0.5) / 40.0).ln() / hazard).min(60.0);
            let event = index % 4 != 3 && time < 60.0;
            (if event { time } else { 0.7 * time }, event)
        };
        let band = |index: u32| {
            let time = f64::from(index) * 0.5;
            let median = (-hazard * time).exp();
            let sd = (median * (1.0 - median) / 40.0).sqrt();
            let [lower95, lower50, _, upper50, upper95] = SCORES.map(|score| (median + sd * score).clamp(0.0, 1.0));
            Band { time, median, lower50, upper50, lower95, upper95 }
        };
        Stratum { name: name.into(), observed: (0..40).map(subject).collect(), bands: (0..=120).map(band).collect() }
    };
    Survival {
        endpoint: "lung_detected >= 1".into(),
        by: "arm".into(),
        strata: vec![arm("control", 0.06), arm(HOSTILE, 0.02)],
    }
}

/// Transforms of 40 measurements that scatter a little less than they should.
fn check() -> Check {
    let size = 40;
    let pit: Vec<f64> = (0..size).map(|index| 0.1 + 0.8 * (f64::from(index) + 0.5) / f64::from(size)).collect();
    let band = UniformBand::new(pit.len(), Key::new(1));
    Check {
        name: HOSTILE.into(),
        of: "scatter about the model".into(),
        p_value: 0.98,
        inside: band.holds(&pit),
        repeated: false,
        band: band.ends().collect(),
        pit,
    }
}

/// Ranks of 60 data sets, of which those of one parameter bend down.
fn calibration() -> Calibration {
    let size = 60;
    let band = UniformBand::new(size, Key::new(2));
    let parameter = |name: &str, power: f64| {
        let ranks: Vec<f64> = (0..size).map(|index| ((index as f64 + 0.5) / size as f64).powf(power)).collect();
        CalibratedParameter { name: name.into(), inside: band.holds(&ranks), coverage: [0.5, 0.78, 0.93], ranks }
    };
    let parameters = vec![parameter("growth", 1.0), parameter(HOSTILE, 1.8)];
    Calibration { replicates: size, failures: 1, parameters, band: band.ends().collect() }
}

fn shares() -> Shares {
    let share = |(index, name): (usize, &str)| {
        let (found, of, expected) = (3.0 * index as f64, 10.0 + 5.0 * index as f64, 0.3);
        let sd = (expected * (1.0 - expected) / of).sqrt();
        let [lower95, lower50, median, upper50, upper95] = SCORES.map(|score| (expected + sd * score).clamp(0.0, 1.0));
        Share {
            name: name.into(),
            found,
            of,
            exact: clopper_pearson(found, of, 0.95),
            predicted: Some(Predicted { lower95, lower50, median, upper50, upper95 }),
        }
    };
    let rows: Vec<Share> = ["line A", "line B", HOSTILE, "line B"].into_iter().enumerate().map(share).collect();
    Shares { title: "metastasis".into(), by: "group".into(), panels: vec![SharePanel { name: HOSTILE.into(), rows }] }
}

/// Counts of 40 subjects with a mean of 2, and their law.
fn counts() -> Counts {
    let observed = [7, 9, 12, 6, 3, 2, 1, 0];
    let bin = |number: usize| {
        let expected = 40.0 * (-2.0_f64).exp() * 2.0_f64.powi(number as i32) / (1..=number).product::<usize>() as f64;
        let [lower95, lower50, median, upper50, upper95] =
            SCORES.map(|score| (expected + expected.sqrt() * score).round().max(0.0));
        let predicted = Some(Predicted { lower95, lower50, median, upper50, upper95 });
        CountBin { label: number.to_string(), observed: observed[number], expected, predicted }
    };
    let panel = Rootogram { name: HOSTILE.into(), subjects: 40, bins: (0..observed.len()).map(bin).collect() };
    Counts { title: "cells in 7.5 ml of blood".into(), panels: vec![panel] }
}

fn composition() -> Composition {
    let whole = |arm: &str, time: f64| {
        let stem = 0.2 + 0.4 * (-0.3 * time).exp();
        let measured = vec![stem * 1.1, 0.3, 0.7 - stem * 1.1];
        Whole { arm: arm.into(), time, measured, predicted: vec![stem, 0.3, 0.7 - stem] }
    };
    Composition {
        title: "phenotypes".into(),
        parts: ["stem-like", HOSTILE, "luminal"].map(String::from).into(),
        wholes: [("control", 0.0), ("control", 6.0), (HOSTILE, 0.0), (HOSTILE, 6.0)]
            .into_iter()
            .map(|(arm, time)| whole(arm, time))
            .collect(),
    }
}

/// Log-normal bands around an expected value.
fn bands(expected: impl Fn(f64) -> f64, sd: f64) -> Vec<Band> {
    let band = |index: u32| {
        let time = f64::from(index);
        let [lower95, lower50, median, upper50, upper95] = SCORES.map(|score| expected(time) * (sd * score).exp());
        Band { time, median, lower50, upper50, lower95, upper95 }
    };
    (0..=32).map(band).collect()
}

fn pairs() -> Pairs {
    // Points of a lattice (Kronecker sequence with the golden ratio's kin): even, and the same on every run.
    let draw = |index: u32| {
        let [a, b, c] = [0.819_172_5, 0.671_043_6, 0.549_700_5].map(|step| (f64::from(index) * step).fract());
        let bell = (-2.0 * (1.0 - a).ln()).sqrt() * (2.0 * PI * b).cos();
        vec![0.25 * (0.045 * bell).exp(), 3e-7 * (1.3 * bell + 0.9 * (c - 0.5)).exp(), 10_f64.powf(2.0 * c - 1.0)]
    };
    let draws: Vec<Vec<f64>> = (1..=400).map(draw).collect();
    let logarithms: Vec<Vec<f64>> = (0..3).map(|column| draws.iter().map(|row| row[column].ln()).collect()).collect();
    Pairs {
        names: ["growth", "seeding", HOSTILE].map(String::from).into(),
        log_scale: vec![true; 3],
        correlation: logarithms.iter().map(|a| logarithms.iter().map(|b| correlation(a, b)).collect()).collect(),
        draws,
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |x: &[f64], mean_x: f64, y: &[f64], mean_y: f64| {
        x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>()
    };
    sum(a, mean_a, b, mean_b) / (sum(a, mean_a, a, mean_a) * sum(b, mean_b, b, mean_b)).sqrt()
}

fn generation(index: u32) -> Generation {
    Generation {
        index: index as usize,
        threshold: if index == 0 { f64::INFINITY } else { 40.0 * 0.6_f64.powi(index as i32) },
        acceptance: 0.6 * 0.7_f64.powi(index as i32),
        simulations: 1000 * (u64::from(index) + 1),
        effective_sample_size: 1000.0 - 55.0 * f64::from(index),
    }
}

//! Simulations that are abandoned when they are far already: the same fit, at less cost.

use std::sync::atomic::{AtomicU64, Ordering};

use metacascade_engine::Method;
use metacascade_inference::{
    Failure, Parameter, Proposal, Simulator,
    abc_smc::{self, DistanceLaw},
    moments,
};
use metacascade_problem::ProblemSimulator;
use metacascade_random::Key;

use crate::fixture::{Copy, load};

/// The same simulations, all of them finished.
struct Finished<'s, S>(&'s S);

impl<S: Simulator> Simulator for Finished<'_, S> {
    fn parameters(&self) -> &[Parameter] {
        self.0.parameters()
    }
    fn observed(&self) -> &[f64] {
        self.0.observed()
    }
    fn simulate(&self, proposals: &[Proposal]) -> Vec<Result<Vec<f64>, Failure>> {
        self.0.simulate(proposals)
    }
    fn simulate_near(
        &self,
        proposals: &[Proposal],
        _: &(dyn Fn(&[f64]) -> bool + Sync),
    ) -> Vec<Result<Option<Vec<f64>>, Failure>> {
        self.0.simulate_near(proposals, &|_| true)
    }
}

/// Ten wells of ten cells that divide, die and arrive, counted at six times: births .8, deaths .5, arrivals 2 a day.
fn wells() -> Copy {
    const COUNTS: [[u32; 6]; 10] = [
        [9, 13, 14, 18, 30, 37],
        [12, 15, 18, 22, 28, 45],
        [11, 11, 9, 13, 14, 25],
        [14, 17, 25, 27, 43, 63],
        [10, 8, 12, 17, 27, 36],
        [13, 17, 16, 17, 32, 33],
        [11, 16, 19, 22, 21, 24],
        [8, 11, 16, 18, 27, 40],
        [10, 15, 13, 18, 21, 31],
        [15, 18, 22, 30, 43, 52],
    ];
    let copy = Copy::of("switching");
    let mut rows = "observableId\texperimentId\tmeasurement\ttime\treplicateId\n".to_owned();
    for (well, counts) in COUNTS.iter().enumerate() {
        for (count, time) in counts.iter().zip(["0.5", "1", "1.5", "2", "3", "4"]) {
            rows += &format!("counted\t\t{count}\t{time}\twell_{well}\n");
        }
    }
    let reaction =
        |equation: &str, rate: &str| format!("[[reactions]]\nequation = \"{equation}\"\nrate = \"{rate}\"\n");
    let model = "name = \"wells\"\ntime_unit = \"day\"\n[species]\nX = 10\n[parameters]\nbirth = 0.8\ndeath = 0.5\n\
                 arrival = 2\n"
        .to_owned()
        + &reaction("X -> 2 X", "birth * X")
        + &reaction("X ->", "death * X")
        + &reaction("-> X", "arrival");
    let parameters = "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\tpriorDistribution\tpriorParameters\n\
                      birth\t0.1\t2\t0.8\ttrue\tlog-uniform\t0.1;2\ndeath\t0.1\t2\t0.5\ttrue\tlog-uniform\t0.1;2\n\
                      arrival\t0.3\t10\t2\ttrue\tlog-uniform\t0.3;10\n";
    let observables = "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\ncounted\tX\t\tpoisson\n";
    copy.write("model.toml", model)
        .write("parameters.tsv", parameters)
        .write("observables.tsv", observables)
        .write("measurements.tsv", rows)
        .write(
            "problem.yaml",
            "format_version: 2.0.0\nparameter_files: [parameters.tsv]\n\
             model_files: {wells: {location: model.toml, language: metacascade}}\n\
             observable_files: [observables.tsv]\nmeasurement_files: [measurements.tsv]\n",
        );
    copy
}

/// On birth, death and immigration two fifths of the reactions at least need not be simulated with the robust distance, a
/// tenth with the Euclidean one, and every generation is the same to the last bit.
#[test]
fn what_is_abandoned_changes_no_generation() {
    let copy = wells();
    let problem = copy.load();
    for (distance, most) in [(DistanceLaw::Euclidean, 0.9), (DistanceLaw::Robust, 0.6)] {
        let settings = abc_smc::Settings { population: 250, max_simulations: 20_000, distance, ..Default::default() };
        let finished = ProblemSimulator::new(&problem, &Method::Direct);
        let whole = abc_smc::run(&Finished(&finished), &settings, &mut ()).unwrap();
        let spared = ProblemSimulator::new(&problem, &Method::Direct);
        let fit = abc_smc::run(&spared, &settings, &mut ()).unwrap();
        assert_eq!(fit, whole);
        let share = spared.events() as f64 / finished.events() as f64;
        assert!(share < most, "{distance:?}: {share}");
    }
}

/// Subjects side by side follow the law of subjects one after the other: means and variances of all summaries, in
/// problems with every law of noise, conditions and replicates. z-tests at 5 standard errors, some 50 of them: a
/// false alarm once in 3e4 seeds.
#[test]
fn side_by_side_has_the_same_law() {
    for (name, method) in
        [("switching", Method::Direct), ("immigration", Method::Direct), ("immigration", Method::tau_leap())]
    {
        let problem = load(name);
        let simulator = ProblemSimulator::new(&problem, &method);
        let proposals: Vec<Proposal> =
            (0..3000).map(|index| Proposal { parameters: problem.nominal(), key: Key::new(31).child(index) }).collect();
        let calls = AtomicU64::new(0);
        let whole = simulator.simulate(&proposals);
        let parts = simulator.simulate_near(&proposals, &|_| {
            calls.fetch_add(1, Ordering::Relaxed);
            true
        });
        assert!(calls.load(Ordering::Relaxed) >= 3000, "{name}: never asked");
        let equal = vec![1.0 / 3000.0; 3000];
        for (index, summary) in simulator.summary_names().iter().enumerate() {
            let whole: Vec<f64> = whole.iter().map(|result| result.as_ref().unwrap()[index]).collect();
            let parts: Vec<f64> =
                parts.iter().map(|result| result.as_ref().unwrap().as_ref().unwrap()[index]).collect();
            let (a, b) = (moments(&whole, &equal), moments(&parts, &equal));
            let error = ((a.1 + b.1) / 3000.0).sqrt();
            assert!((a.0 - b.0).abs() <= 5.0 * error, "{name} {method} {summary}: {} {}", a.0, b.0);
            // The standard error of a variance, by the fourth moment.
            let squares =
                |values: &[f64], mean: f64| -> Vec<f64> { values.iter().map(|value| (value - mean).powi(2)).collect() };
            let (fourth, other) = (moments(&squares(&whole, a.0), &equal).1, moments(&squares(&parts, b.0), &equal).1);
            let error = ((fourth + other) / 3000.0).sqrt();
            assert!((a.1 - b.1).abs() <= 5.0 * error, "{name} {method} {summary}: variances {} {}", a.1, b.1);
        }
    }
}

/// Only what is known is told, in order of time, and what was called far comes back empty.
#[test]
fn summaries_become_known_one_after_the_other() {
    let copy = wells();
    let problem = copy.load();
    let simulator = ProblemSimulator::new(&problem, &Method::Direct);
    let proposal = [Proposal { parameters: problem.nominal(), key: Key::new(3) }];
    let seen = std::sync::Mutex::new(Vec::new());
    let found = simulator.simulate_near(&proposal, &|summaries| {
        let known = summaries.iter().filter(|summary| !summary.is_nan()).count();
        seen.lock().unwrap().push(known);
        known < 4
    });
    assert_eq!(found, [Ok(None)]);
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4]);
}

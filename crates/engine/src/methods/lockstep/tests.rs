use metacascade_random::Key;

use super::*;
use crate::Method;

fn network() -> Network {
    Network::builder("all")
        .species("A", "60")
        .species("B", "0")
        .species("C", "0")
        .parameter("k", 0.4)
        .parameter("dose", 0.0)
        .rule("share", "A / (1 + A + B)")
        .reaction("A -> 2 A", "k * A * (1 - A / 200)")
        .reaction("A -> B", "mass_action(0.3)")
        .reaction("2 B -> C", "mass_action(0.01)")
        .reaction("B ->", "0.2 * B * (1 + dose)")
        .reaction("-> B", "2 * share + hill(A, 50, 2)")
        .reaction("C -> 3 B", "0.05 * C")
        .event("4.5", &[("dose", "3")])
        .rule("high", "piecewise(1, A > 70, 0) + 0 * time")
        .event_when("high > 0.5", &[("A", "A - 30")])
        .event_when("B > 40 && time > 2", &[("B", "floor(B / 2)")])
        .build()
        .unwrap()
}

fn all(path: Path, width: usize, jobs: &[Job], network: &Network) -> (Vec<Vec<f64>>, Vec<u64>) {
    let mut seen = vec![Vec::new(); jobs.len()];
    let mut record = |job: usize, time: usize, values: &[f64], _: &crate::agenda::Agenda| {
        assert_eq!(seen[job].len() % values.len(), 0);
        assert_eq!(seen[job].len() / values.len(), time);
        seen[job].extend_from_slice(values);
        ControlFlow::Continue(())
    };
    let results = match width {
        8 => Runner::<8>::new(network, path).run(jobs, &mut record),
        16 => Runner::<16>::new(network, path).run(jobs, &mut record),
        _ => Runner::<32>::new(network, path).run(jobs, &mut record),
    };
    (seen, results.into_iter().map(|result| result.unwrap().events).collect())
}

/// Every path of this processor, every width, and single trajectories: the same bits.
#[test]
fn paths_and_widths_change_no_bit() {
    let network = network();
    let times = [0.0, 1.0, 2.5, 2.5, 6.0];
    let parameters: Vec<[f64; 2]> = (0..70).map(|index| [0.3 + 0.01 * f64::from(index), 0.0]).collect();
    let job = |index: usize| Job {
        parameters: &parameters[index],
        initial: if index.is_multiple_of(3) { &[(1, 30.0)] } else { &[] },
        times: &times[..1 + index % 5],
        subject: Key::new(5).child(index as u64).into(),
    };
    let jobs: Vec<Job> = (0..70).map(job).collect();
    let expected = all(Path::Baseline, 8, &jobs, &network);
    assert!(expected.1.iter().sum::<u64>() > 3000, "{:?}", expected.1);
    for path in Path::available() {
        for width in [8, 16, 32] {
            assert_eq!(all(path, width, &jobs, &network), expected, "{path:?} {width}");
        }
    }
    // And in any company.
    for index in [0, 13, 69] {
        let alone = all(Path::available()[0], 32, &jobs[index..=index], &network);
        assert_eq!((&alone.0[0], alone.1[0]), (&expected.0[index], expected.1[index]));
    }
}

#[test]
fn a_recorder_may_stop_one_trajectory_and_errors_are_those_of_their_jobs() {
    let network = Network::builder("n")
        .species("X", "10")
        .parameter("k", 1.0)
        .reaction("X -> 2 X", "k * X")
        .reaction("X ->", "1")
        .build()
        .unwrap();
    let times: Vec<f64> = (0..10).map(f64::from).collect();
    let parameters = [[1.0], [-1.0], [0.0]];
    let jobs: Vec<Job> = (0..300)
        .map(|index| Job {
            parameters: &parameters[index % 3],
            initial: &[],
            times: &times,
            subject: Key::new(2).child(index as u64).into(),
        })
        .collect();
    let mut seen = vec![0; 300];
    let results = Lockstep::new(&network).run(&jobs, &mut |job: usize, time: usize, _: &[f64]| {
        seen[job] += 1;
        if job.is_multiple_of(3) && time == job % 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    for (index, result) in results.iter().enumerate() {
        match (index % 3, result) {
            (0, Ok(_)) => assert_eq!(seen[index], index % 2 + 1),
            (1, Err(SimulationError::Propensity { reaction, .. })) => assert_eq!(reaction, "X -> 2 X"),
            // Ten cells die one a unit of time: the count of 9 times is not always enough for an eleventh.
            (2, Ok(_) | Err(SimulationError::UsedUp { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(results.iter().any(|result| matches!(result, Err(SimulationError::UsedUp { .. }))));
    assert_eq!("ensemble".parse(), Ok(Method::Ensemble));
}

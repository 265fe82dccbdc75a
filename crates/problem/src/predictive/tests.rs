use super::*;

fn number(value: Override) -> f64 {
    match value {
        Override::Number(value) => value,
        Override::Slot(slot) => panic!("a parameter: {slot}"),
    }
}

#[test]
fn placeholders_between_measured_times_are_interpolated() {
    let (first, again, last) = ([Override::Number(1.0)], [Override::Number(4.0)], [Override::Number(32.0)]);
    let known: [(f64, &[Override]); 3] = [(1.0, &first), (1.0, &again), (5.0, &last)];
    // At time 1 the geometric mean of the rows, 2; between, 2 · 16^(share); outside, the nearest.
    for (time, expected) in [(0.0, 2.0), (1.0, 2.0), (3.0, 8.0), (5.0, 32.0), (9.0, 32.0)] {
        assert!((number(interpolate(&known, time)[0]) - expected).abs() < 1e-12, "{time}");
    }
    let zero = [Override::Number(0.0)];
    let known: [(f64, &[Override]); 2] = [(0.0, &zero), (4.0, &again)];
    assert_eq!(number(interpolate(&known, 1.0)[0]), 1.0);
    let parameter = [Override::Slot(3)];
    let known: [(f64, &[Override]); 2] = [(0.0, &parameter), (4.0, &again)];
    assert_eq!(interpolate(&known, 1.0)[0], Override::Slot(3));
    assert_eq!(interpolate(&known, 3.0)[0], Override::Number(4.0));
}

#[test]
fn resampling_is_systematic() {
    assert_eq!(resample(&[0.25; 4], 10, Key::new(1)), [0, 1, 2, 3]);
    let weights = [0.5, 0.0, 0.3, 0.2];
    for seed in 0..100 {
        let chosen = resample(&weights, 10, Key::new(seed));
        let count = |index: usize| chosen.iter().filter(|&&at| at == index).count();
        // Systematic resampling differs from the expected counts by less than one.
        assert_eq!((chosen.len(), count(0), count(1), count(2), count(3)), (10, 5, 0, 3, 2));
    }
    assert_eq!(resample(&[1.0], 3, Key::new(1)), [0]);
}

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

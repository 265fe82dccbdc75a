use super::*;

#[test]
fn roughness_is_the_variance_of_pure_noise_and_blind_to_lines() {
    // Uneven steps.
    let times: Vec<(f64, Range<usize>)> = [0.0, 1.0, 1.5, 4.0, 9.0, 10.0].map(|time| (time, 0..1)).into();
    let line: Vec<f64> = times.iter().map(|(time, _)| 3.0 - 0.2 * time).collect();
    assert!(mean_squared_roughness(&times, &line) < 1e-25);
    // By hand: a spike of 1 at the second time. Residuals: 1 there; at the third, 2.5/3 of it; elsewhere 0.
    let mut spike = vec![0.0; 6];
    spike[1] = 1.0;
    let (a1, a2): (f64, f64) = (0.5 / 1.5, 2.5 / 3.0);
    let expected =
        (1.0 / (1.0 + a1 * a1 + (1.0 - a1) * (1.0 - a1)) + a2 * a2 / (1.0 + a2 * a2 + (1.0 - a2) * (1.0 - a2))) / 4.0;
    assert!((mean_squared_roughness(&times, &spike) - expected).abs() < 1e-12);
}

#[test]
fn coordinates_are_linear_near_zero_and_logarithmic_far_away() {
    let transform = Transform::Asinh(2.0);
    assert!((transform.apply(0.02) - 0.01).abs() < 1e-6);
    assert!((transform.apply(2e6) - transform.apply(1e6) - 2f64.ln()).abs() < 1e-9);
    assert_eq!(typical([0.0, -4.0, 2.0, 3.0].into_iter()), 3.0);
    assert_eq!(typical([0.0].into_iter()), 1.0);
}

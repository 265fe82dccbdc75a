use super::*;

#[test]
fn coordinates_are_linear_near_zero_and_logarithmic_far_away() {
    let transform = Transform::Asinh(2.0);
    assert!((transform.apply(0.02) - 0.01).abs() < 1e-6);
    assert!((transform.apply(2e6) - transform.apply(1e6) - 2f64.ln()).abs() < 1e-9);
    assert_eq!(typical([0.0, -4.0, 2.0, 3.0].into_iter()), 3.0);
    assert_eq!(typical([0.0].into_iter()), 1.0);
}

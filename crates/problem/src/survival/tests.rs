use super::*;

/// The product-limit estimate by hand: 6 subjects, events at 2 (twice, one censored there too), 5 and 7.
#[test]
fn kaplan_meier_is_the_product_limit() {
    let observed = [(5.0, true), (2.0, true), (2.0, false), (3.0, false), (2.0, true), (7.0, true)];
    let curve = kaplan_meier(&observed);
    let expected = [(2.0, 4.0 / 6.0), (5.0, 4.0 / 6.0 * 0.5), (7.0, 0.0)];
    assert_eq!(curve.len(), expected.len());
    for ((time, share), (expected_time, expected_share)) in curve.iter().zip(expected) {
        assert!(*time == expected_time && (share - expected_share).abs() < 1e-12, "{curve:?}");
    }
    assert_eq!((at(&curve, 1.9), at(&curve, 2.0), at(&curve, 100.0)), (1.0, curve[0].1, 0.0));
    assert!(kaplan_meier(&[]).is_empty());
}

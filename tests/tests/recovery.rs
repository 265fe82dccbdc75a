//! Claim: intervals cover the truth as often as they say. The study at full length is `scripts/coverage`.

use metacascade_tests::coverage::study;

/// Sixteen data sets, forty-eight 90 % intervals: 36 or more cover, which chance would miss once in 1,000 (binomial;
/// intervals of one data set are not quite independent). The seeds are fixed.
#[test]
fn intervals_cover_the_truth() {
    let coverage = study(16, 300, |_, _| {});
    assert!(coverage.hits.iter().sum::<usize>() >= 36, "{coverage:?}");
}

//! Claim: intervals cover the truth as often as they say. The study at full length is `scripts/coverage`.

use metacascade_tests::coverage::study;

/// Six data sets, eighteen 90 % intervals: 12 or more cover, which chance would miss once in 300 (binomial; intervals
/// of one data set are not quite independent). The seeds are fixed.
#[test]
fn intervals_cover_the_truth() {
    let coverage = study(6, 200, |_, _| {});
    assert!(coverage.hits.iter().sum::<usize>() >= 12, "{coverage:?}");
}

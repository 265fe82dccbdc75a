//! The coverage study at full length; `scripts/coverage` runs it.

use metacascade_tests::coverage::{LEVEL, TRUTH, study};

fn main() {
    let argument = |position: usize, default: usize| {
        std::env::args().nth(position).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (datasets, population) = (argument(1, 50), argument(2, 500));
    println!("{datasets} data sets from k_AB, k_BA, sigma = {TRUTH:?}; population {population}");
    let coverage = study(datasets, population, |index, intervals| {
        let ends: Vec<String> = intervals.iter().map(|(lower, upper)| format!("{lower:.4} to {upper:.4}")).collect();
        println!("{index:>3}  {}", ends.join("   "));
    });
    println!(
        "{:.0} % intervals cover {:?} of {datasets}: {:.1} %",
        100.0 * LEVEL,
        coverage.hits,
        100.0 * coverage.share()
    );
    if !(0.8..=0.97).contains(&coverage.share()) {
        std::process::exit(1);
    }
}

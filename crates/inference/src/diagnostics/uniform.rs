//! Whether values are uniform, as ranks and probability integral transforms are where all is well.

use metacascade_random::Key;
use rand::RngExt;
use statrs::distribution::{Binomial, DiscreteCDF};

/// Points of the band, and samples simulated for it.
const POINTS: usize = 50;
const SAMPLES: usize = 2000;

/// The simultaneous 95 % band of the distribution function of uniform values (Säilynoja, Bürkner & Vehtari 2022, Stat.
/// Comput. 32:32): at each of some points the count below is binomial; the band is as many of its quantiles wide as 95 % of
/// simulated samples need at all points together.
#[derive(Clone, Debug)]
pub struct UniformBand {
    size: usize,
    points: Vec<f64>,
    /// By point and count: twice the smaller tail probability.
    tails: Vec<Vec<f64>>,
    limit: f64,
}

impl UniformBand {
    /// The band of so many values.
    #[must_use]
    pub fn new(size: usize, key: Key) -> Self {
        let points: Vec<f64> = (1..POINTS).map(|point| point as f64 / POINTS as f64).collect();
        let tails = points.iter().map(|&p| match Binomial::new(p, size as u64) {
            Ok(law) => (0..=size as u64)
                .map(|count| 2.0 * law.cdf(count).min(if count == 0 { 1.0 } else { law.sf(count - 1) }))
                .collect(),
            Err(_) => vec![1.0; size + 1],
        });
        let mut band = Self { size, tails: tails.collect(), points, limit: 0.0 };
        let mut lowest: Vec<f64> = (0..SAMPLES)
            .map(|sample| {
                let mut stream = key.child(sample as u64).stream();
                let values: Vec<f64> = (0..size).map(|_| stream.random()).collect();
                band.lowest(&values)
            })
            .collect();
        lowest.sort_by(f64::total_cmp);
        band.limit = lowest[SAMPLES / 20];
        band
    }

    /// At each point of the band the shares of values below it between which the distribution function may lie.
    pub fn ends(&self) -> impl Iterator<Item = (f64, [f64; 2])> {
        self.points.iter().zip(&self.tails).map(|(&point, tails)| {
            let share = |count: Option<usize>| count.unwrap_or_default() as f64 / self.size.max(1) as f64;
            let inside = |tail: &f64| *tail >= self.limit;
            (point, [share(tails.iter().position(inside)), share(tails.iter().rposition(inside))])
        })
    }

    /// How many values lie below each point.
    fn counts(&self, values: &[f64]) -> impl Iterator<Item = usize> {
        let mut counts = vec![0; POINTS + 1];
        for value in values {
            counts[((value * POINTS as f64).ceil() as usize).clamp(1, POINTS)] += 1;
        }
        (0..self.points.len()).scan(0, move |below, point| {
            *below += counts[point + 1];
            Some(*below)
        })
    }

    /// The smallest tail probability over all points.
    fn lowest(&self, values: &[f64]) -> f64 {
        self.counts(values).zip(&self.tails).map(|(below, tails)| tails[below]).fold(1.0, f64::min)
    }

    /// Whether the distribution function of some values, as many as the band is of, is inside it at all points.
    #[must_use]
    pub fn holds(&self, values: &[f64]) -> bool {
        self.lowest(values) >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform samples of 100 leave the band in 5 % of cases: 400 samples, 4 standard errors .044.
    #[test]
    fn the_band_holds_what_it_says() {
        let band = UniformBand::new(100, Key::new(1));
        let outside = (0..400).filter(|&sample| {
            let mut stream = Key::new(2).child(sample).stream();
            !band.holds(&(0..100).map(|_| stream.random()).collect::<Vec<f64>>())
        });
        let share = outside.count() as f64 / 400.0;
        assert!((share - 0.05).abs() < 0.044, "{share}");
    }

    /// Values whose distribution function runs along the ends of the band are inside it, one more or less is not.
    #[test]
    fn the_ends_are_where_it_ends() {
        let band = UniformBand::new(100, Key::new(1));
        for (index, (point, [lower, upper])) in band.ends().enumerate() {
            assert!(lower < point && point < upper, "{lower} {point} {upper}");
            let tail = |share: f64, more: f64| band.tails[index].get((share * 100.0 + more).round() as usize).copied();
            assert!(tail(lower, 0.0).unwrap() >= band.limit && tail(upper, 0.0).unwrap() >= band.limit);
            assert!(tail(upper, 1.0).is_none_or(|tail| tail < band.limit));
            assert!(lower == 0.0 || tail(lower, -1.0).unwrap() < band.limit);
        }
    }
}

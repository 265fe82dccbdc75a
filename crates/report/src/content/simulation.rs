//! What a page on a simulation says, as plain data.

use serde::{Deserialize, Serialize};

use super::Band;

/// Trajectories from which on intervals say more than lines.
pub const MOST_LINES: usize = 50;

/// Everything a page on a simulation says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Simulation {
    /// Title of the page.
    pub title: String,
    /// What the model is, in a sentence or two.
    pub subtitle: String,
    /// How it was simulated, in a sentence.
    pub method: String,
    /// How many trajectories there were.
    pub trajectories: usize,
    /// Unit of every time.
    pub time_unit: String,
    /// Recording times, ascending.
    pub times: Vec<f64>,
    /// One for each species, variable and assignment rule.
    pub courses: Vec<Course>,
    /// Every setting and its value.
    pub settings: Vec<(String, String)>,
    /// The command that gives the same again.
    pub command: String,
    /// Programs and libraries with their versions.
    pub versions: Vec<(String, String)>,
    /// The files that went in with their SHA-256 in hexadecimal digits.
    pub file_hashes: Vec<(String, String)>,
}

/// How a quantity went over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Its name in the model.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// Unit; may be empty.
    pub unit: String,
    /// Its values.
    pub values: Values,
}

/// Values at each of the recording times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Of each trajectory.
    Trajectories(Vec<Vec<f64>>),
    /// Intervals that hold 50 % and 95 % of many trajectories.
    Quantiles(Vec<Band>),
    /// Mean and standard deviation over the trajectories.
    Moments {
        /// Means.
        mean: Vec<f64>,
        /// Standard deviations.
        sd: Vec<f64>,
    },
}

impl Values {
    /// Of trajectories at given times: each of them, or intervals where there are more than [`MOST_LINES`].
    #[must_use]
    pub fn of(times: &[f64], trajectories: &[&[f64]]) -> Self {
        if trajectories.len() <= MOST_LINES {
            return Self::Trajectories(trajectories.iter().map(|values| values.to_vec()).collect());
        }
        let band = |(index, &time): (usize, &f64)| {
            let mut values: Vec<f64> = trajectories.iter().filter_map(|values| values.get(index).copied()).collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| quantile(&values, share);
            Band { time, lower95: at(0.025), lower50: at(0.25), median: at(0.5), upper50: at(0.75), upper95: at(0.975) }
        };
        Self::Quantiles(times.iter().enumerate().map(band).collect())
    }

    /// All values, of whatever kind, that a panel has to hold.
    pub(crate) fn all(&self) -> Vec<f64> {
        match self {
            Self::Trajectories(all) => all.iter().flatten().copied().collect(),
            Self::Quantiles(bands) => bands.iter().flat_map(|band| [band.lower95, band.median, band.upper95]).collect(),
            Self::Moments { mean, sd } => {
                mean.iter().zip(sd).flat_map(|(&mean, &sd)| [below(mean, sd), mean, mean + sd]).collect()
            }
        }
    }
}

/// One standard deviation below the mean of a quantity; not below zero if the mean is not, as most quantities are counts.
pub(crate) fn below(mean: f64, sd: f64) -> f64 {
    if mean >= 0.0 { (mean - sd).max(0.0) } else { mean - sd }
}

/// A quantile of ascending values, interpolated linearly between them (Hyndman & Fan 1996, Am. Stat. 50:361, type 7).
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    ascending[low] + (place - place.floor()) * (ascending[high] - ascending[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_trajectories_become_intervals() {
        let all: Vec<Vec<f64>> = (0..=100).map(|value| vec![7.0, f64::from(value)]).collect();
        let all: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
        let few = Values::of(&[0.0, 1.0], &all[..MOST_LINES]);
        assert!(matches!(few, Values::Trajectories(lines) if lines.len() == 50));
        let Values::Quantiles(bands) = Values::of(&[0.0, 1.0], &all) else { panic!("lines") };
        let of = |band: Band| [band.lower95, band.lower50, band.median, band.upper50, band.upper95];
        assert_eq!(of(bands[0]), [7.0; 5]);
        assert_eq!(of(bands[1]), [2.5, 25.0, 50.0, 75.0, 97.5]);
    }
}

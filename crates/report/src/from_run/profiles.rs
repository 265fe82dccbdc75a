//! Profile likelihoods of a run.

use metacascade_inference::Scale;
use metacascade_inference::optimise::{Profile, profile_drop};
use metacascade_problem::Run;

use crate::content::ProfileCurve;

/// Each profile of the run, in the order of its parameters.
pub fn profiles(run: &Run) -> Vec<ProfileCurve> {
    let rows = || run.problem.estimated_rows().zip(run.problem.estimated());
    let of = |profile: &Profile| {
        let (row, parameter) = rows().find(|(_, parameter)| parameter.name == profile.name)?;
        let at = profile.peak()?;
        let best = profile.log_likelihoods[at];
        let ends = |level: f64| <[Option<f64>; 2]>::from(profile.interval(level));
        Some(ProfileCurve {
            name: profile.name.clone(),
            unit: row.unit.clone(),
            log_axis: parameter.scale != Scale::Lin,
            values: profile.values.clone(),
            drops: profile.log_likelihoods.iter().map(|value| best - value).collect(),
            limit: profile_drop(0.95),
            best: profile.values[at],
            interval_50: ends(0.5),
            interval_95: ends(0.95),
        })
    };
    run.profiles.iter().filter_map(of).collect()
}

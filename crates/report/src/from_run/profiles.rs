//! Profile likelihoods of a run.

use metacascade_inference::Scale;
use metacascade_problem::Run;

use crate::content::ProfileCurve;

/// Half of the 95 % quantile of χ² with one degree of freedom.
const LIMIT: f64 = 1.920_729;

/// Each profile of the run, in the order of its parameters.
pub fn profiles(run: &Run) -> Vec<ProfileCurve> {
    let rows = || run.problem.estimated_rows().zip(run.problem.estimated());
    let of = |profile: &metacascade_inference::optimise::Profile| {
        let (row, parameter) = rows().find(|(_, parameter)| parameter.name == profile.name)?;
        let best = profile.log_likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let at = profile.log_likelihoods.iter().position(|value| *value == best)?;
        let ends = |level: f64| <[Option<f64>; 2]>::from(profile.interval(level));
        Some(ProfileCurve {
            name: profile.name.clone(),
            unit: row.unit.clone(),
            log_axis: parameter.scale != Scale::Lin,
            values: profile.values.clone(),
            drops: profile.log_likelihoods.iter().map(|value| best - value).collect(),
            limit: LIMIT,
            best: profile.values[at],
            interval_50: ends(0.5),
            interval_95: ends(0.95),
        })
    };
    run.profiles.iter().filter_map(of).collect()
}

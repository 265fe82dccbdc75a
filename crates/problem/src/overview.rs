//! What a problem holds, at a glance.

use serde::Serialize;

use crate::{
    identify::{Identifiability, identifiability},
    problem::Problem,
};

/// What a problem holds, and what its table can tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// Title of the problem.
    pub title: String,
    /// Subjects: independent trajectories that were measured or followed.
    pub subjects: usize,
    /// Groups of subjects, by the subject table.
    pub groups: Vec<String>,
    /// Covariates, and the parameter that each sets, if it sets one.
    pub covariates: Vec<(String, Option<String>)>,
    /// Experiments that were measured.
    pub experiments: Vec<String>,
    /// Each observable with its noise law, measurements and how many of them are censored.
    pub observables: Vec<ObservableOverview>,
    /// Earliest and latest time of a measurement, in the model's unit of time.
    pub times: Option<(f64, f64)>,
    /// The model's unit of time.
    pub time_unit: String,
    /// Subjects followed for events, and how many events came.
    pub followed: usize,
    /// Events among them.
    pub events: usize,
    /// Parameters that are estimated.
    pub free_parameters: Vec<String>,
    /// What the means of the measurements say of them, where the mean field says anything.
    pub identifiability: Option<Identifiability>,
    /// Why they say nothing.
    pub not_identifiable_because: Option<String>,
    /// What is odd but not wrong.
    pub warnings: Vec<String>,
}

/// What was measured of one observable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObservableOverview {
    /// Identifier.
    pub id: String,
    /// Name of the noise law.
    pub noise: String,
    /// Measurements.
    pub measurements: usize,
    /// Those of them that are censored.
    pub censored: usize,
}

/// Looks a problem over.
#[must_use]
pub fn overview(problem: &Problem) -> Overview {
    let rows = || problem.series().iter().flat_map(|series| &series.measurements);
    let finite = || rows().map(|row| row.time).filter(|time| time.is_finite());
    let observables = problem.observables().iter().enumerate().map(|(index, observable)| {
        let series = problem.series().iter().filter(|series| series.observable == index);
        let rows = series.flat_map(|series| &series.measurements);
        ObservableOverview {
            id: observable.id.clone(),
            noise: observable.noise.name().to_owned(),
            measurements: rows.clone().count(),
            censored: rows.filter(|row| row.reading.is_censored()).count(),
        }
    });
    let mut experiments: Vec<usize> = problem.trajectories().iter().map(|trajectory| trajectory.experiment).collect();
    experiments.sort_unstable();
    experiments.dedup();
    let means = match rows().next() {
        Some(_) => identifiability(problem).map_err(|failure| failure.0),
        None => Err("there are no measurements besides times to events".to_owned()),
    };
    Overview {
        title: problem.title().to_owned(),
        subjects: problem.trajectories().len(),
        groups: problem.groups().to_vec(),
        covariates: problem.covariates().iter().map(|known| (known.name.clone(), known.parameter.clone())).collect(),
        experiments: experiments.into_iter().map(|index| problem.experiments()[index].id.clone()).collect(),
        observables: observables.collect(),
        times: finite().reduce(f64::min).zip(finite().reduce(f64::max)),
        time_unit: problem.network().time_unit().to_owned(),
        followed: problem.survival().len(),
        events: problem.survival().iter().filter(|row| row.event).count(),
        free_parameters: problem.estimated().iter().map(|parameter| parameter.name.clone()).collect(),
        not_identifiable_because: means.as_ref().err().cloned(),
        identifiability: means.ok(),
        warnings: problem.warnings().to_vec(),
    }
}

//! Data sets simulated from the posterior, as files: those of measurements and those of times to events apart.

use std::path::{Path, PathBuf};

use super::{
    PREDICTIVE_DATA, PREDICTIVE_SURVIVAL, RunError,
    frame::{Frame, counts, numbers, texts, write_parquet},
};
use crate::{
    problem::Problem,
    replicates::{Replicates, Seen},
};

/// Writes what there is, to where `path` says that files of a name are.
pub(super) fn write(problem: &Problem, found: &Replicates, path: impl Fn(&str) -> PathBuf) -> Result<(), RunError> {
    let sets = found.draws.len();
    let experiment = |index: usize| problem.experiments()[index].id.as_str();
    let rows =
        || problem.series().iter().flat_map(|series| series.measurements.iter().map(move |row| (series, row.time)));
    if problem.measurement_count() > 0 {
        let columns = vec![
            texts(
                "observableId",
                again(sets, || rows().map(|row| problem.observables()[row.0.observable].id.as_str())),
            ),
            texts("experimentId", again(sets, || rows().map(|row| experiment(row.0.experiment)))),
            texts(
                "replicateId",
                again(sets, || rows().map(|row| problem.trajectories()[row.0.trajectory].replicate.as_str())),
            ),
            numbers("time", again(sets, || rows().map(|row| row.1))),
            draws(found, problem.measurement_count()),
            numbers("measurement", found.measurements.iter().flatten().copied()),
        ];
        write_parquet(&path(PREDICTIVE_DATA), columns)?;
    }
    if problem.survival().is_empty() {
        return Ok(());
    }
    let subjects = || problem.survival().iter().map(|row| (row, &problem.trajectories()[row.trajectory]));
    let seen = || found.survival.iter().flatten();
    let columns = vec![
        texts("subjectId", again(sets, || subjects().map(|(_, subject)| subject.replicate.as_str()))),
        texts("experimentId", again(sets, || subjects().map(|(_, subject)| experiment(subject.experiment)))),
        texts(
            "endpoint",
            again(sets, || subjects().map(|(row, _)| problem.endpoints()[row.endpoint].formula.as_str())),
        ),
        draws(found, problem.survival().len()),
        numbers("time", seen().map(|seen| seen.time)),
        counts("event", seen().map(|seen| u64::from(seen.event))),
        numbers("eventTime", seen().map(|seen| seen.event_time)),
    ];
    write_parquet(&path(PREDICTIVE_SURVIVAL), columns)
}

/// The same rows for each data set.
fn again<I: Iterator>(sets: usize, rows: impl Fn() -> I) -> impl Iterator<Item = I::Item> {
    (0..sets).flat_map(move |_| rows())
}

fn draws(found: &Replicates, rows: usize) -> polars::prelude::Column {
    counts("draw", found.draws.iter().flat_map(|&draw| std::iter::repeat_n(draw as u64, rows)))
}

/// Reads them back; none if the run has neither file.
pub(super) fn read(problem: &Problem, path: impl Fn(&str) -> PathBuf) -> Result<Option<Replicates>, RunError> {
    let (data, survival) = (path(PREDICTIVE_DATA), path(PREDICTIVE_SURVIVAL));
    let mut found = Replicates::default();
    if data.exists() {
        let frame = Frame::read(&data)?;
        let values = frame.numbers("measurement")?;
        (found.draws, found.measurements) = sets(&frame, problem.measurement_count(), values, &data)?;
        found.survival = vec![Vec::new(); found.draws.len()];
    }
    if survival.exists() {
        let frame = Frame::read(&survival)?;
        let columns = (frame.numbers("time")?, frame.counts("event")?, frame.numbers("eventTime")?);
        let seen = columns.0.into_iter().zip(columns.1).zip(columns.2);
        let seen = seen.map(|((time, event), event_time)| Seen { time, event: event > 0, event_time }).collect();
        let (draws, seen) = sets(&frame, problem.survival().len(), seen, &survival)?;
        if data.exists() && draws != found.draws {
            return Err(RunError::damaged(&survival, format!("its draws are not those of {PREDICTIVE_DATA}")));
        }
        found.measurements.resize(draws.len(), Vec::new());
        (found.draws, found.survival) = (draws, seen);
    }
    Ok((data.exists() || survival.exists()).then_some(found))
}

/// Values in sets of `rows`, and the draw of each.
fn sets<T: Clone>(
    frame: &Frame<'_>,
    rows: usize,
    values: Vec<T>,
    path: &Path,
) -> Result<(Vec<usize>, Vec<Vec<T>>), RunError> {
    let draws = frame.counts("draw")?;
    if rows == 0 || !draws.len().is_multiple_of(rows) || !draws.chunks(rows).all(|set| set.iter().all(|d| *d == set[0]))
    {
        return Err(RunError::damaged(path, "its rows are not those of the run's problem"));
    }
    let numbers = draws.chunks(rows).map(|set| set[0] as usize).collect();
    Ok((numbers, values.chunks(rows).map(<[T]>::to_vec).collect()))
}

//! Predictions under arms, as files.
//!
//! ```text
//! predictions.parquet  arm, observableId, experimentId, draw, subjectId, time, prediction (measurement noise left out)
//! events.parquet       arm, endpoint, draw, subjectId, eventTime (infinite where it does not come by the horizon)
//! draws.parquet        draw, and the value of each parameter: estimated, then assumed
//! ```

use std::{fs, path::Path};

use polars::prelude::Column;

use super::{
    RunError,
    frame::{counts, numbers, texts, write},
};
use crate::{forecast::Forecast, problem::Problem};

/// Writes predictions under arms into a folder, which is made if it is not there: Parquet, and the same as CSV if asked.
///
/// # Errors
/// If the folder cannot be made or a file not be written.
pub fn write_forecast(
    folder: &Path,
    problem: &Problem,
    experiment: usize,
    found: &Forecast,
    csv: bool,
) -> Result<(), RunError> {
    fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    let put = |name: &str, columns: Vec<Column>| {
        if csv {
            write(&folder.join(format!("{name}.csv")), columns.clone())?;
        }
        write(&folder.join(format!("{name}.parquet")), columns)
    };
    let experiment = problem.experiments()[experiment].id.as_str();
    // Rows in the order of the values: arm, draw, subject, then what is inmost.
    let outer = |inner: usize| {
        let arms = found.arms.iter().enumerate();
        arms.flat_map(move |(arm, _)| {
            (0..found.draws.len())
                .flat_map(move |draw| (0..found.subjects.len()).map(move |subject| (arm, draw, subject)))
        })
        .flat_map(move |row| std::iter::repeat_n(row, inner))
    };
    if !found.observables.is_empty() {
        let (times, width) = (found.times.len(), found.observables.len());
        let inner = times * width;
        let rows = || outer(inner).zip((0..inner).cycle());
        let columns = vec![
            texts("arm", rows().map(|((arm, ..), _)| found.arms[arm].as_str())),
            texts(
                "observableId",
                rows().map(|(_, cell)| problem.observables()[found.observables[cell % width]].id.as_str()),
            ),
            texts("experimentId", rows().map(|_| experiment)),
            counts("draw", rows().map(|((_, draw, _), _)| draw as u64)),
            texts("subjectId", rows().map(|((.., subject), _)| found.subjects[subject].as_str())),
            numbers("time", rows().map(|(_, cell)| found.times[cell / width])),
            numbers("prediction", found.values.iter().copied()),
        ];
        put("predictions", columns)?;
    }
    if !found.endpoints.is_empty() {
        let inner = found.endpoints.len();
        let rows = || outer(inner).zip((0..inner).cycle());
        let columns = vec![
            texts("arm", rows().map(|((arm, ..), _)| found.arms[arm].as_str())),
            texts("endpoint", rows().map(|(_, endpoint)| found.endpoints[endpoint].as_str())),
            counts("draw", rows().map(|((_, draw, _), _)| draw as u64)),
            texts("subjectId", rows().map(|((.., subject), _)| found.subjects[subject].as_str())),
            numbers("eventTime", found.events.iter().copied()),
        ];
        put("events", columns)?;
    }
    let mut columns = vec![counts("draw", 0..found.draws.len() as u64)];
    let parameters = found.parameters.iter().enumerate();
    columns.extend(parameters.map(|(index, name)| numbers(name, found.draws.iter().map(|draw| draw[index]))));
    put("draws", columns)
}

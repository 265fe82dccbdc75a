//! `metacascade export`.

use std::io::Write as _;

use metacascade_problem::{Run, TableColumn, write_columns, write_file};

use crate::args::{Export, ExportFormat};
use crate::error::Failed;

/// Writes the draws of a run's posterior, or, of one that is not done, of its last complete generation.
pub fn run(typed: &Export) -> Result<(), Failed> {
    let run = Run::open(&typed.run)?;
    let posterior = &run.posterior;
    let names = || posterior.names.iter().map(String::as_str).chain(["weight", "distance"]);
    let rows =
        || {
            let ends = posterior.weights.iter().zip(&posterior.distances);
            posterior.draws.iter().zip(ends).map(|(draw, (weight, distance))| {
                draw.iter().copied().chain([*weight, *distance]).collect::<Vec<f64>>()
            })
        };
    let text = match typed.format {
        ExportFormat::Parquet => {
            let Some(output) = &typed.output else {
                return Err(Failed::usage("Parquet is no text").help("name a file with -o"));
            };
            if output.extension().is_none_or(|extension| extension != "parquet") {
                return Err(Failed::usage("the name of a Parquet file must end in .parquet"));
            }
            let mut columns: Vec<(String, TableColumn)> = posterior
                .names
                .iter()
                .enumerate()
                .map(|(index, name)| (name.clone(), TableColumn::Numbers(posterior.column(index))))
                .collect();
            columns.push(("weight".to_owned(), TableColumn::Numbers(posterior.weights.clone())));
            columns.push(("distance".to_owned(), TableColumn::Numbers(posterior.distances.clone())));
            return Ok(write_columns(output, columns)?);
        }
        ExportFormat::Csv => {
            let mut text = names().collect::<Vec<_>>().join(",") + "\n";
            for row in rows() {
                text += &row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
                text.push('\n');
            }
            text
        }
        ExportFormat::Json => {
            let row = |row: Vec<f64>| -> serde_json::Map<String, serde_json::Value> {
                names().map(str::to_owned).zip(row.into_iter().map(Into::into)).collect()
            };
            let all: Vec<_> = rows().map(row).collect();
            serde_json::to_string(&all).map_err(|error| Failed::Work(error.to_string()))? + "\n"
        }
    };
    match &typed.output {
        Some(output) => Ok(write_file(output, text.as_bytes())?),
        // A reader that has seen enough closes the pipe.
        None => match std::io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failed::Work(error.to_string())),
            _ => Ok(()),
        },
    }
}

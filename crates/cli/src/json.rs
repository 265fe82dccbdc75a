//! Results as JSON on standard output.

use serde::Serialize;

use crate::error::Failed;

/// Prints a value, indented.
pub fn print(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failed::Work(error.to_string()))?;
    anstream::println!("{text}");
    Ok(())
}

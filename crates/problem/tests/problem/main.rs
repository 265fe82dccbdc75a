//! Tests of whole problems: folders in, diagnostics, simulations, likelihoods and runs out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod effects;
mod fixture;
mod forecast;
mod kinds;
mod laws;
mod likelihood;
mod load;
mod mistakes;
mod near;
mod petab;
mod predictive;
mod process;
mod propose;
mod replicates;
mod run;
mod simulator;
mod written;

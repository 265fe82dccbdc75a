//! Tests of whole problems: folders in, diagnostics, simulations, likelihoods and runs out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod fixture;
mod kinds;
mod likelihood;
mod load;
mod mistakes;
mod petab;
mod predictive;
mod propose;
mod run;
mod simulator;
mod written;

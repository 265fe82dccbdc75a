#![allow(clippy::unwrap_used)]

use metacascade_random::Key;

use super::*;
use crate::reference::{self, Case};

#[test]
fn scratch() {
    println!("-");
}

//! The targets of `tests/hostile`, for libFuzzer.
#[path = "../../tests/hostile/targets/mod.rs"]
mod targets;

pub use targets::*;

//! The tests of this folder as a program of their own, which compiles fast: for mutation testing.
//! `cargo test` runs them as part of `tests/library`.
#[path = "../library/common.rs"]
mod common;
#[path = "mod.rs"]
mod soundness;

//! Trees in directories: what is kept is found again, and what is forged, damaged or lost is
//! reported by name.
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)]
#[path = "../lineage/family.rs"]
mod family;

mod commands;
mod forging;
mod honest;
mod kept;
mod pull;
mod tamper;

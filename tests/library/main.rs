//! What the library promises, a module each. One program, so that proofs are compiled once.
mod common;
mod family;

mod completeness;
mod export;
mod extremes;
mod functions;
mod identity;
mod images;
mod imported;
mod keys;
mod labels;
mod lineage;
mod networks;
mod notes;
mod optimisers;
mod resume;
mod secrets;
mod simd;
#[path = "../soundness/mod.rs"]
mod soundness;
mod store;
mod vectors;

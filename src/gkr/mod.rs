//! Interactive proofs for layered computations: lookups as a tree of fraction additions, and the
//! textbook protocol for arithmetic circuits.
pub mod fractional;
pub mod layered;
pub mod table;

pub use table::{LookupTable, Relu, Signed, Unsigned};

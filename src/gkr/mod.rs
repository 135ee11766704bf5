//! Interactive proofs for layered computations: lookups as a tree of fraction additions, and the
//! textbook protocol for arithmetic circuits.
//!
//! **Relation.** A computation in layers, each a fixed function of the one below. A claim on the top
//! layer's multilinear extension, $\tilde V_{\text{top}}(r) = v$.
//!
//! **Prover, verifier.** The extension of a layer at $r$ is a sum over the layer below, so a claim on
//! it goes through a [sumcheck](crate::sumcheck) and becomes claims on the layer below, until claims
//! on the inputs are left. Nobody commits to the layers in between.
//!
//! **Soundness.** The errors of the sumchecks and of joining claims add up, layer by layer; each is a
//! few field elements over $|F|$. The bounds are in the modules:
//!
//! * [`fractional`]: lookups (LogUp-GKR), the one that proofs of training use; [`table`] has tables
//!   and [`function`] the rule for those of smooth functions.
//! * [`layered`]: any layered circuit of additions and multiplications.
//!
//! **Departures, references.** See the modules.
//!
//! # To learn it
//!
//! `tests/teaching/gkr.rs` in the repository has one layer from scratch and `tests/teaching/logup.rs`
//! lookups, both with their best cheats; `examples/02_layered_circuit.rs` and `examples/03_lookup.rs`
//! run larger ones.
pub mod fractional;
pub mod function;
pub mod layered;
pub mod table;

pub use function::Function;
pub use table::{Activation, Gated, LookupTable, Negative, Relu, Signed, Unsigned};

//! Commitments: Pedersen vectors over a prime-order group, Hyrax rows, linear-form openings.
//!
//! Equations 36 to 51 of [`notes`](crate::notes). All soundness here is computational: an opening is
//! what the prover must know, or a relation between generators.
//!
//! * [`curve`]: the groups, and the one canonical encoding of their points.
//! * [`generators`]: points that nobody knows a relation between (RFC 9380 hash-to-curve).
//! * [`msm`]: sums of scalar multiples, fast for small signed integers and for full scalars.
//! * [`hyrax`]: a tensor as a matrix, one hiding commitment a row.
//! * [`opening`]: claims on many committed matrices to one inner product.
//! * [`hadamard`]: the one-time pads of a hiding proof, and products of them.
//! * [`linear`]: "the committed vector has this inner product with that public vector".
//! * [`equation`]: what a verifier has left to check in the group, merged over many proofs.
mod batch;
mod comb;
pub mod curve;
pub mod equation;
pub mod generators;
pub mod hadamard;
pub mod hyrax;
pub mod linear;
pub mod msm;
pub mod opening;

pub use curve::Curve;
pub use equation::{Combination, GroupEquation};
pub use generators::{Generators, Shape};
pub use hyrax::{RowBlindings, RowCommitments};

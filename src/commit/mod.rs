//! Commitments: Pedersen vectors over a prime-order group, Hyrax rows, linear-form openings.
//!
//! Equations 36 to 51 of [`notes`](crate::notes).
//!
//! **Relation.** A tensor is a matrix $M$; its rows are committed to as
//! $C_k = \langle M_k, \mathbf G \rangle + \rho_k H$. A claim says $u^{\mathsf T} M v = y$ for public
//! $u$ and $v$: the value of an extension at a point is of this form, and a gather of rows is.
//!
//! **Prover.** Folds rows, combines all claims by a sumcheck over columns to one inner product, and
//! proves that in zero knowledge with logarithmic communication.
//!
//! **Verifier.** Folds the commitments by the same weights, follows the reductions, and is left with
//! one group equation, put off and merged with those of other proofs.
//!
//! **Soundness.** Computational: from provers that succeed, an opening is extracted or a
//! relation between generators, which are hashes ([`generators`]). What the parts add to the error is
//! a few field elements over $|F|$, see each. Hiding is perfect.
//!
//! **Departures, references.** See the parts:
//!
//! * [`curve`]: the groups, and the one canonical encoding of their points.
//! * [`generators`]: points that nobody knows a relation between (RFC 9380 hash-to-curve).
//! * [`msm`]: sums of scalar multiples, fast for small signed integers and for full scalars.
//! * [`hyrax`]: a tensor as a matrix, one hiding commitment a row.
//! * [`opening`]: claims on many committed matrices to one inner product.
//! * [`hadamard`]: the one-time pads of a hiding proof, and products of them.
//! * [`linear`]: "the committed vector has this inner product with that public vector".
//! * [`equation`]: what a verifier has left to check in the group, merged over many proofs.
//!
//! # To learn it
//!
//! `tests/teaching/hyrax.rs` in the repository opens a commitment from scratch and by these parts,
//! and shows what a prover can do who knows a relation between generators;
//! `examples/04_open_a_commitment.rs` commits to a larger table.
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

//! Zero-knowledge proofs of training: prove that a network came from another by exactly these steps
//! of SGD on committed data, and show neither weights nor data.
//!
//! A *model node* is a commitment to the integer weights of a network. A *training edge* from parent
//! to child carries a proof of
//!
//! > I know data that open the public commitment to a data set, and weights that open the parent's and
//! > the child's commitments, such that exactly $T$ steps of mini-batch SGD, in the integer arithmetic
//! > of [`nn`], on the batches that the public schedule names, take the parent's weights to the
//! > child's.
//!
//! A *root* is expanded from a public seed, so a chain of edges that starts at a root accounts for
//! everything that a model has ever seen.
//!
//! # Quick start
//!
//! Two steps of training of a network with 3 inputs, 4 hidden units and 1 output, proven and
//! verified. The format has small tables, for a fast example; for real work take
//! [`FixedPoint::compact`](nn::FixedPoint::compact).
//!
//! ```
//! use std::ops::ControlFlow;
//! use zktree::{Pallas, nn::*};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rng = &mut rand::rngs::OsRng;
//! let fixed_point = FixedPoint::new(FixedPointConfig {
//!     activation_bits: 4,
//!     gradient_bits: 5,
//!     weight_bits: 14,
//!     limbs: vec![6, 8],
//!     hidden_range_bits: 11,
//!     output_range_bits: 12,
//!     gradient_range_bits: 12,
//!     data_range_bits: 8,
//!     functions: None,
//! })?;
//! let parameters = TrainingParameters {
//!     architecture: Architecture::new(vec![3, 4, 1])?,
//!     fixed_point: fixed_point.clone(),
//!     optimiser: LearningRate::from_coefficient(3)?.into(),
//!     batch: 2,
//!     steps: 2,
//!     segment_steps: 2,
//!     hiding: true,
//! };
//!
//! // Four rows of three features and one target, in units of 2^-4, and where training starts.
//! let values = vec![16, 0, -16, 8, -8, 16, 0, -8, 0, -16, 8, 4, 8, 8, 8, 0];
//! let data = DatasetOpening::new(Dataset::from_rows(3, 1, values)?, true, rng);
//! let root = init::expand(7, &parameters.architecture, &fixed_point);
//! let root = WeightOpening::new(root, false, rng);
//!
//! // Train: plain integer arithmetic, which anyone can rerun.
//! let seed = ScheduleSeed([1; 32]);
//! let schedule = Schedule::new(seed, 4, parameters.batch)?;
//! let go_on = &mut |_| ControlFlow::Continue(());
//! let weights =
//!     proof::train_weights(&parameters, root.weights(), data.dataset(), &schedule, go_on)?;
//! let child = WeightOpening::new(weights, parameters.hiding, rng);
//!
//! // Prove.
//! let statement = TrainingStatement::<Pallas> {
//!     parameters,
//!     parent: ParentWeights::Root { seed: 7 },
//!     child: child.commit(),
//!     dataset: data.commit(),
//!     schedule: seed,
//!     parent_id: [0; 32],
//!     child_pre_id: [0; 32],
//! };
//! let training = statement.prove(&root, &child, &data, rng, go_on)?;
//! let bits = fixed_point.data_range_bits();
//! let range = proof::prove_dataset(&data, &statement.dataset, bits, true)?;
//!
//! // Verify: the statement and the proofs are all that the verifier has.
//! let mut pending = statement.verify(&training)?;
//! pending.push(proof::verify_dataset(&statement.dataset, bits, true, &range)?);
//! argument::Pending::check_all(&pending)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is public and what is hidden
//!
//! Public: the architecture, the number formats, learning rate, batch size, numbers of steps and
//! segments, the schedule of rows, the seed of a root, normalisation statistics, the number of
//! rows, features and targets of a data set, labels, all commitments. Hidden, with `hiding`:
//! weights, also those between segments, data, activations, gradients and how often each table
//! entry is used. The length of a proof depends on the public part alone. Without `hiding` a proof
//! is smaller and faster and may show anything.
//!
//! # Assumptions
//!
//! Soundness rests on the discrete logarithm in the commitment group and on the random-oracle model
//! for the transcript; there is no trusted setup. Hiding of commitments is perfect; a proof is
//! zero-knowledge in the random-oracle model. Running times of a prover are not constant: do not let
//! an adversary measure them.
//!
//! *Not* proven: that data are genuine, or different from those of another edge; that a model is good;
//! that the author did not train several times and publish the best, schedule included: its
//! seed is a hash, but of values that the author can try many of.
//! [`TrainingStatement::verify`](nn::TrainingStatement::verify) covers the training of one edge; that
//! data are in their range is [`verify_dataset`](nn::proof::verify_dataset), and
//! [`Tree`](tree::Tree) checks both, and that identities, commitments and weight bounds join up.
//!
//! # Modules
//!
//! | module | contents | notes |
//! |---|---|---|
//! | [`nn`] | the specification: formats, data, schedule, integer SGD; statements; proving and verifying | *Integer SGD*, *Training relation* |
//! | [`nn::relation`] | tensors, einsums, lookups: the language and its reduction | *Einsums and levels* |
//! | [`sumcheck`] | one driver, one verifier | *Sumcheck* |
//! | [`gkr`] | lookups (LogUp-GKR), tables of functions, layered circuits | *Lookups*, *Tables of functions* |
//! | [`commit`] | curves, generators, Hyrax rows, openings, products of pads, the linear form | *Commitments and openings*, *Hiding*, *Linear form* |
//! | [`poly`] | multilinear extensions, arithmetic of small integers | *Notation of the proofs* |
//! | [`transcript`] | Fiat-Shamir and the masked channel | *Transcript*, *Hiding* |
//! | [`tree`] | nodes, edges, lineages; trees in directories; pictures; showing a row of data | *Lineages*, *Byte formats* |
//! | [`check`] | the checks that a verdict depends on | |
//! | [`error`] | what went wrong, where | |
//! | [`security`] | soundness errors added up, in bits | *Soundness* |
//! | [`count`] | operations counted, behind a feature | |
//! | [`files`] | files that are written whole or not at all | |
//! | [`text`], [`json`] | text from outside, made fit to be shown; JSON from outside, in one form | |
//!
//! [`notes`] has the protocol on paper, in numbered equations. To see its formulas build with
//! `RUSTDOCFLAGS="--html-in-header katex-header.html" cargo doc --no-deps`.
#[cfg(test)]
mod cheats;
pub mod check;
pub mod commit;
pub mod count;
pub mod error;
pub mod files;
pub mod gkr;
pub mod json;
pub mod nn;
#[doc = include_str!("../paper-notes.md")]
pub mod notes {}
pub mod poly;
pub mod security;
pub mod sumcheck;
pub mod text;
pub mod transcript;
pub mod tree;

/// The group G1 of BLS12-381: the default for commitments.
pub type Bls12381 = ark_bls12_381::G1Projective;

/// The curve Pallas: proofs are made in about half the time. Nothing here needs a pairing.
pub type Pallas = ark_pallas::Projective;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

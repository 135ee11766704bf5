//! Networks in integers: the specification of training, and its proofs.
//!
//! Training is plain integer arithmetic that knows no proof system; it *is* what the proofs are
//! about and the oracle of their tests. Everything is exact and anyone can rerun it bit for bit.
//!
//! # Equations
//!
//! Numbered as in `paper-notes.md`, which also fixes the order of checks. Activations have `s`
//! fraction bits, gradients `g`, weights and biases `w`, with `w >= s + g`. Layers are
//! `l = 1..L` here and count from 0 in code; `A_0` is the batch of inputs, `B` rows of one sample;
//! all weights of one step are those before its update.
//!
//! 1. `round_k(x) = floor((x + 2^(k-1)) / 2^k)`
//! 2. `Z_l = A_{l-1} W_l + 2^s 1 b_l`
//! 3. `Y_l = round_w(Z_l)`
//! 4. `A_l = max(Y_l, 0)` for `l < L`; the prediction is `Y_L`
//! 5. `G_L = 2^(g-s) (Y_L - target)`, the gradient of half the sum of squared errors
//! 6. `P_l = G_{l+1} W_{l+1}^T` for `l < L`
//! 7. `H_l = round_w(P_l)` for `l < L`
//! 8. `G_l = [Y_l > 0] * H_l` for `l < L`: the derivative of the rectifier at 0 is 0
//! 9. `W_l <- W_l - c A_{l-1}^T G_l`, exact
//! 10. `b_l <- b_l - c 2^s 1^T G_l`, exact
//! 11. the learning rate for the mean loss of a batch is `c B 2^-(w-s-g)`
//! 12. the reported loss is the mean over rows of the sum over outputs of squared errors
//! 13. a bound on weights grows by `T c B max_l(|A_{l-1}| |G_l|)` in `T` steps
//! 14. initial weights are at most `isqrt(floor(6 * 2^(2w) / fan_in))`
//!
//! Signed ranges are part of the configuration: data, hidden `Y`, output `Y` and `H`. A value
//! outside its range stops training with a [`TrainError`](crate::error::TrainError).
//!
//! # Modules
//!
//! The specification: [`fixed`] number formats, learning rate and bounds; [`network`] shapes and weights; [`init`]
//! and [`schedule`] public randomness; [`data`] tables to integers; [`train`] the equations;
//! [`float`] the same training in double precision, for comparison only; [`mod@file`] weights as files.
//!
//! The proofs: [`relation`] the language of tensors and its reduction; [`mlp`] training in it;
//! [`commitment`] commitments to weights and data; [`row`] showing one row; [`argument`] one proof of a relation;
//! [`statement`] what is claimed, with its [`encoding`]; [`proof`] proving and verifying.

pub mod argument;
pub mod commitment;
pub mod data;
pub mod encoding;
pub mod file;
pub mod fixed;
pub mod float;
pub mod init;
mod matmul;
pub mod mlp;
pub mod network;
pub mod proof;
pub mod relation;
pub mod row;
pub mod schedule;
#[cfg(test)]
mod soundness;
pub mod statement;
pub mod train;
mod uniform;

pub use commitment::{DatasetCommitment, DatasetOpening, WeightCommitment, WeightOpening};
pub use data::{ColumnStatistics, Dataset, Normalization, Table};
pub use fixed::{FixedPoint, FixedPointConfig, LearningRate, WeightBound};
pub use network::{Architecture, Layer, Weights};
pub use proof::{Progress, SegmentProver, TrainingProof};
pub use row::RowOpening;
pub use schedule::{Schedule, ScheduleSeed};
pub use statement::{ParentWeights, Segment, TrainingParameters, TrainingStatement};
pub use train::{LayerTrace, Sgd, Step};

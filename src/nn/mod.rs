//! Networks in integers: the specification of training, and its proofs.
//!
//! Training is plain integer arithmetic that knows no proof system; it *is* what the proofs are
//! about and the oracle of their tests. Everything is exact and anyone can rerun it bit for bit.
//!
//! # Equations
//!
//! Of a perceptron with rectifiers; other operators are in `paper-notes.md`, *Networks*. Numbered as in `paper-notes.md`, which also fixes the order of checks. Activations have $s$
//! fraction bits, gradients $g$, weights and biases $w$, with $w \ge s + g$. Layers are
//! $l = 1, \dots, L$ here and count from 0 in code; $A_0$ is the batch of inputs, $B$ rows of one
//! sample; all weights of one step are those before its update.
//!
//! 1. $\mathrm{round_k}(x) = \lfloor (x + 2^{k-1}) / 2^k \rfloor$
//! 2. $Z_l = A_{l-1} W_l + 2^s \mathbf{1} b_l$
//! 3. $Y_l = \mathrm{round_w}(Z_l)$
//! 4. $A_l = \max(Y_l, 0)$ for $l < L$; the prediction is $Y_L$
//! 5. $G_L = 2^{g-s} (Y_L - X)$ for targets $X$, the gradient of half the sum of squared errors
//! 6. $P_l = G_{l+1} W_{l+1}^{\mathsf T}$ for $l < L$
//! 7. $H_l = \mathrm{round_w}(P_l)$ for $l < L$
//! 8. $G_l = \lbrack Y_l > 0 \rbrack \cdot H_l$ for $l < L$: the derivative of the rectifier at 0 is 0
//! 9. $W_l \leftarrow W_l - c A_{l-1}^{\mathsf T} G_l$, exact
//! 10. $b_l \leftarrow b_l - c \cdot 2^s \mathbf{1}^{\mathsf T} G_l$, exact
//! 11. the learning rate for the mean loss of a batch is $c B \cdot 2^{-(w-s-g)}$
//! 12. the reported loss is the mean over rows of the sum over outputs of squared errors
//! 13. a bound on weights grows by $T c B \max_l \left( \max(\hat A_{l-1}, 2^s) \cdot \hat G_l \right)$ in
//!     $T$ steps, with $\hat A$ and $\hat G$ the ends of their ranges
//! 14. initial weights are at most
//!     $\mathrm{isqrt}\left(\left\lfloor 6 \cdot 2^{2w} / n_l \right\rfloor\right)$ for fan-in $n_l$
//!
//! Signed ranges are part of the configuration: data, hidden `Y`, output `Y` and `H`. A value
//! outside its range stops training with a [`TrainError`](crate::error::TrainError).
//!
//! # Modules
//!
//! The specification: [`program`] what a step computes, and running it; [`op`] the operators that emit it, with what
//! [`gadget`] may round and look up; [`model`] networks as graphs of them; [`optimise`] how gradients move weights; [`train`]
//! steps and batches. Around it [`fixed`] number formats and the learning rate; [`bound`] how large weights can be;
//! [`network`] a graph and its weights, and their [`layout`]; [`init`] and [`schedule`] public randomness; [`data`] tables to
//! integers; [`float`] the same training in double precision, for comparison only; [`mod@file`] weights as files.
//!
//! The proofs: [`relation`] the language of tensors and its reduction; [`lower`] programs in it;
//! [`commitment`] commitments to weights and data; [`row`] showing one row; [`argument`] one proof of a relation;
//! [`claim`] what has such a proof; [`statement`] what a training edge claims, with its [`encoding`]; [`proof`] proving and verifying.
//!
//! Each says its relation, prover, verifier and soundness; what they add up to is equation 52 of
//! [`notes`](crate::notes). The course that ends here is `tests/teaching` and `examples/01_prove_a_sum.rs`
//! to `examples/06_a_lineage.rs` in the repository.

pub mod argument;
pub mod bound;
pub mod claim;
pub mod commitment;
pub mod data;
pub mod encoding;
pub mod estimate;
pub mod file;
pub mod fixed;
pub mod float;
pub mod gadget;
pub mod grid;
pub mod import;
pub mod inference;
pub mod init;
pub mod layout;
pub mod lower;
pub mod model;
pub mod network;
pub mod op;
pub mod optimise;
pub mod program;
pub mod proof;
pub mod relation;
pub mod row;
pub mod schedule;
#[cfg(test)]
pub(crate) mod soundness;
pub mod statement;
pub mod tensor;
pub mod train;
mod uniform;

pub use bound::WeightBound;
pub use commitment::{DatasetCommitment, DatasetOpening, WeightCommitment, WeightOpening};
pub use data::{Classes, ColumnStatistics, DataKind, Dataset, Normalization, Source, Table};
pub use fixed::{FixedPoint, FixedPointConfig, FunctionBits, LearningRate};
pub use grid::WeightGrid;
pub use network::{Architecture, Layer, Weights};
pub use proof::{Progress, SegmentProver, TrainingProof};
pub use row::RowOpening;
pub use schedule::{Schedule, ScheduleSeed};
pub use statement::{ParentWeights, Segment, TrainingParameters, TrainingStatement};
pub use train::{Sgd, Trainer};

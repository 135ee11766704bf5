//! Zero-knowledge proofs of training.
pub mod commit;
pub mod error;
pub mod gkr;
pub mod nn;
pub mod poly;
pub mod sumcheck;
pub mod transcript;
pub mod tree;

//! A course in five chapters, to be read in this order: [`mle`], [`sumcheck`], [`gkr`], [`logup`],
//! [`hyrax`]. Each says first what is claimed, what the prover sends, what the verifier checks and
//! why a lie is found; then come the same things as code, the slow way, beside what the library
//! does; and each has a cheating prover, who is refused as often as the text says.
//!
//! ```text
//! cargo test --test teaching            # all of it
//! cargo test --test teaching sumcheck   # one chapter
//! ```
//!
//! **How soundness is tested.** In the protocols a challenge is one of about `2^255` field elements,
//! and no test sees a lie survive. But the counting behind every bound holds for challenges from any
//! finite set `S` of field elements, with `|S|` in place of `|F|`. So the verifiers written out here
//! get their challenges as arguments ("coins"), a test gives them *all* coins of a small `S` and
//! counts how often a cheat gets through: [`grid`].

mod gkr;
mod hyrax;
mod logup;
mod mle;
mod sumcheck;

use ark_ff::PrimeField;
use ark_pallas::Fr;
use proptest::{collection::vec, prelude::*, sample::select};

/// All points of `n` coordinates from `0, 1, .., size - 1`, the first coordinate running fastest.
/// `grid(2, n)` are the vertices of the cube in the order of a table's entries.
fn grid(size: usize, n: usize) -> impl Iterator<Item = Vec<Fr>> {
    (0..size.pow(n as u32)).map(move |i| {
        let digits = (0..n).map(|k| i / size.pow(k as u32) % size);
        digits.map(|digit| Fr::from(digit as u64)).collect()
    })
}

/// A uniform field element: what a challenge is.
fn uniform() -> impl Strategy<Value = Fr> {
    any::<[u8; 32]>().prop_map(|bytes| Fr::from_le_bytes_mod_order(&bytes))
}

/// A field element as data: uniform, or one of those where code tends to break.
fn element() -> impl Strategy<Value = Fr> {
    let special = select(vec![0, 1, -1, 2, i64::MAX, i64::MIN]).prop_map(Fr::from);
    prop_oneof![3 => uniform(), 1 => special]
}

/// A table of `2^n` entries.
fn table(n: usize) -> impl Strategy<Value = Vec<Fr>> {
    vec(element(), 1 << n)
}

//! Lesson 3 of 6, lookups: `cargo run --example 03_lookup [variables]`.
//!
//! `2^n` integers go through a rectifier, `y -> max(y, 0)`. What is proven is that each `y` has 12 bits
//! and that the bit beside it says whether it is positive: each pair stands in a table of 4096.
//! Prover and verifier end in claims on the columns; the verifier has them here, and lesson 4 opens
//! such claims from commitments.
//!
//! The theory: `tests/teaching/logup.rs`.
use ark_pallas::Fr;
use std::{error::Error, sync::Arc, time::Instant};
use zktree::{
    error::VerifyError,
    gkr::{
        Relu,
        fractional::{self, LookupShape, NotInTable},
    },
    poly::int,
    transcript::{Challenger, Expr, ProverChannel, VerifierChannel},
};

/// What is looked up, and how often each entry of the table is.
struct Columns {
    values: Arc<Vec<i64>>,
    signs: Arc<Vec<i64>>,
    multiplicities: Arc<Vec<i64>>,
}

impl Columns {
    /// Counts the multiplicities.
    fn new(shape: &LookupShape<Fr>, values: Vec<i64>) -> Result<Self, NotInTable> {
        let signs = Arc::new(values.iter().map(|y| i64::from(*y > 0)).collect());
        let values = Arc::new(values);
        let columns = [vec![Arc::clone(&values), Arc::clone(&signs)]];
        let multiplicities = fractional::count_multiplicities(shape, &columns)?;
        let multiplicities = Arc::new(multiplicities.concat());
        Ok(Self {
            values,
            signs,
            multiplicities,
        })
    }

    /// In place of a commitment: all columns, before any challenge.
    fn absorb(&self, channel: &mut impl Challenger<Fr>) {
        for column in [&self.values, &self.signs, &self.multiplicities] {
            let bytes: Vec<u8> = column.iter().flat_map(|v| v.to_le_bytes()).collect();
            channel.absorb("column", &bytes);
        }
    }

    fn prove(&self, shape: &LookupShape<Fr>) -> Vec<u8> {
        let mut channel = ProverChannel::new(b"lookup example", b"");
        self.absorb(&mut channel);
        let columns = [vec![Arc::clone(&self.values), Arc::clone(&self.signs)]];
        let multiplicities = [Arc::clone(&self.multiplicities)];
        fractional::prove(shape, &columns, &multiplicities, &mut channel);
        channel.finish()
    }

    fn verify(&self, shape: &LookupShape<Fr>, proof: &[u8]) -> Result<(), VerifyError> {
        let mut channel = VerifierChannel::new(b"lookup example", b"", proof);
        self.absorb(&mut channel);
        let claims = fractional::verify(shape, &mut channel)?;
        let columns = [&self.values, &self.signs, &self.multiplicities];
        let sizes = [
            shape.lookups()[0].1,
            shape.lookups()[0].1,
            shape.tables()[0].num_vars(),
        ];
        let values = claims
            .columns
            .iter()
            .flatten()
            .chain(&claims.multiplicities);
        for ((column, size), value) in columns.into_iter().zip(sizes).zip(values) {
            let expected = Expr::known(int::evaluate(column, &claims.point[..size]));
            channel.assert_equal(value, &expected, "the columns are the given ones")?;
        }
        channel.finish()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let num_vars: usize = std::env::args().nth(1).map_or(Ok(16), |n| n.parse())?;
    let shape = LookupShape::new(vec![(0, num_vars)], vec![Arc::new(Relu { bits: 12 })])?;
    let values: Vec<i64> = (0..1i64 << num_vars).map(|i| i * i % 4093 - 2046).collect();
    let columns = Columns::new(&shape, values.clone())?;
    println!(
        "{} pairs (y, [y > 0]) in a table of 4096",
        shape.num_lookups()
    );

    let start = Instant::now();
    let proof = columns.prove(&shape);
    let proven = start.elapsed();
    columns.verify(&shape, &proof)?;
    println!(
        "proof: {} layers, {} bytes, in {proven:.1?}; verified",
        shape.num_vars(),
        proof.len()
    );

    // A value out of range: an honest prover stops here.
    let mut large = values.clone();
    large[5] = 2048;
    let error = Columns::new(&shape, large)
        .err()
        .ok_or("2048 was taken for 12 bits")?;
    println!("a value of 13 bits: {error}");

    // One sign is told wrong, and the multiplicities stay as they were.
    let mut cheat = columns;
    let signs = Arc::make_mut(&mut cheat.signs);
    signs[5] = 1 - signs[5];
    let refusal = cheat.verify(&shape, &cheat.prove(&shape));
    let error = refusal.err().ok_or("a wrong sign was accepted")?;
    println!("a cheat who tells one sign wrong: refused, {error}");
    Ok(())
}

//! Lesson 4 of 6, a commitment: `cargo run --example 04_open_a_commitment`.
//!
//! A table of integers is committed to row by row. Later somebody asks for the value of its extension
//! at a point, which is where the proofs of lessons 1 to 3 end, and gets it with a proof that shows
//! nothing else of the table.
//!
//! The theory: `tests/teaching/hyrax.rs`.
use ark_ff::UniformRand;
use ark_pallas::Fr;
use rand::rngs::OsRng;
use std::{error::Error, time::Instant};
use zktree::{
    Pallas,
    commit::{
        Combination, Curve, Generators, RowBlindings, RowCommitments, Shape, hyrax,
        linear::{self, LinearForm},
    },
    error::VerifyError,
    poly::{eq_evals, int},
    transcript::{Challenger, ProverChannel, VerifierChannel},
};

/// Variables of a column index: rows of 256.
const COLUMN_VARS: usize = 8;
const SHAPE: Shape = Shape {
    columns: 1 << COLUMN_VARS,
    pads: 0,
};

/// "The committed table's extension has this value at this point."
struct Claim<'a> {
    commitment: &'a RowCommitments<Pallas>,
    point: &'a [Fr],
    value: Fr,
}

impl Claim<'_> {
    /// Weights of rows and of columns: the value is `rows^T table columns`.
    fn weights(&self) -> (Vec<Fr>, Vec<Fr>) {
        let (low, high) = self.point.split_at(COLUMN_VARS);
        (eq_evals(high), eq_evals(low))
    }

    fn absorb(&self, channel: &mut impl Challenger<Fr>) {
        channel.absorb("commitment", &self.commitment.encode());
        channel.absorb("point", format!("{:?}", self.point).as_bytes());
    }

    fn form<'b>(&self, coefficients: &'b [Fr]) -> LinearForm<'b, Fr> {
        LinearForm {
            shape: SHAPE,
            coefficients,
            value: self.value,
            hiding: true,
        }
    }

    fn prove(&self, table: &[i64], blindings: &RowBlindings<Fr>) -> Vec<u8> {
        let mut channel = ProverChannel::new(b"opening example", b"");
        self.absorb(&mut channel);
        let (rows, columns) = self.weights();
        // The rows folded into one, and their blindings.
        let mut vector = vec![Fr::from(0); SHAPE.columns];
        for (row, weight) in table.chunks(SHAPE.columns).zip(&rows) {
            let entries = vector.iter_mut().zip(row);
            entries.for_each(|(sum, v)| *sum += *weight * Fr::from(*v));
        }
        let (vector, blinding) = (&vector[..], blindings.fold(&rows));
        let opening = linear::Opening { vector, blinding };
        let (generators, form) = (Generators::get(SHAPE.columns, 0), self.form(&columns));
        linear::prove::<Pallas>(&generators, &form, &opening, &mut OsRng, &mut channel);
        channel.finish()
    }

    fn verify(&self, proof: &[u8]) -> Result<(), VerifyError> {
        let mut channel = VerifierChannel::new(b"opening example", b"", proof);
        self.absorb(&mut channel);
        let (rows, columns) = self.weights();
        let mut folded = Combination::new();
        folded.add_rows(&rows, self.commitment)?;
        let equation = linear::verify(&self.form(&columns), &folded, &mut channel)?;
        channel.finish()?;
        equation.check(&Generators::get(SHAPE.columns, 0))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let table: Vec<i64> = (0..1 << 16).map(|i| i * i % 1009 - 504).collect();
    let rows = table.len() / SHAPE.columns;
    let generators = Generators::<Pallas>::get(SHAPE.columns, 0);
    let blindings = RowBlindings::random(rows, &mut OsRng);
    let start = Instant::now();
    let commitment = hyrax::commit_rows(&generators, &table, SHAPE.columns, &blindings);
    println!(
        "{} integers committed in {rows} points, {} bytes, in {:.1?}",
        table.len(),
        rows * Pallas::ENCODED_LEN,
        start.elapsed()
    );

    let point: Vec<Fr> = (0..16).map(|_| Fr::rand(&mut OsRng)).collect();
    let at_point = |value| Claim {
        commitment: &commitment,
        point: &point,
        value,
    };
    let value = int::evaluate(&table, &point);
    let claim = at_point(value);
    let start = Instant::now();
    let proof = claim.prove(&table, &blindings);
    println!(
        "opened at a random point: {} bytes, in {:.1?}",
        proof.len(),
        start.elapsed()
    );
    claim.verify(&proof)?;
    println!("verified");

    let lie = at_point(value + Fr::from(1));
    let refusal = lie.verify(&lie.prove(&table, &blindings));
    let error = refusal.err().ok_or("a false value was accepted")?;
    println!("a cheat who says one more: refused, {error}");
    let mut other = table;
    other[7] += 1;
    let lie = at_point(int::evaluate(&other, &point));
    let refusal = lie.verify(&lie.prove(&other, &blindings));
    let error = refusal.err().ok_or("another table was accepted")?;
    println!("a cheat who changes one entry behind the commitment: refused, {error}");
    Ok(())
}

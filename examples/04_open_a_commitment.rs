//! Lesson 4 of 6, a commitment: `cargo run --example 04_open_a_commitment [rows]`.
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
    poly::{eq_evals, inner_product, int, num_vars},
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
        let fold = |column: usize| {
            let entries = table
                .iter()
                .skip(column)
                .step_by(SHAPE.columns)
                .map(|v| Fr::from(*v));
            inner_product(&entries.collect::<Vec<_>>(), &rows)
        };
        let vector: Vec<Fr> = (0..SHAPE.columns).map(fold).collect();
        let opening = linear::Opening {
            vector: &vector,
            blinding: blindings.fold(&rows),
        };
        let generators = Generators::<Pallas>::get(SHAPE.columns, 0);
        linear::prove(
            &generators,
            &self.form(&columns),
            &opening,
            &mut OsRng,
            &mut channel,
        );
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
    let rows: usize = std::env::args().nth(1).map_or(Ok(256), |n| n.parse())?;
    let rows = rows.next_power_of_two();
    let table: Vec<i64> = (0..(rows * SHAPE.columns) as i64)
        .map(|i| i * i % 1009 - 504)
        .collect();
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

    let point: Vec<Fr> = (0..num_vars(table.len()))
        .map(|_| Fr::rand(&mut OsRng))
        .collect();
    let value = int::evaluate(&table, &point);
    let claim = Claim {
        commitment: &commitment,
        point: &point,
        value,
    };
    let start = Instant::now();
    let proof = claim.prove(&table, &blindings);
    println!(
        "opened at a random point: {} bytes, in {:.1?}",
        proof.len(),
        start.elapsed()
    );
    claim.verify(&proof)?;
    println!("verified");

    let lie = Claim {
        value: value + Fr::from(1),
        ..claim
    };
    let refusal = lie.verify(&lie.prove(&table, &blindings));
    let error = refusal.err().ok_or("a false value was accepted")?;
    println!("a cheat who says one more: refused, {error}");
    let mut other = table;
    other[7] += 1;
    let lie = Claim {
        value: int::evaluate(&other, &point),
        ..lie
    };
    let refusal = lie.verify(&lie.prove(&other, &blindings));
    let error = refusal.err().ok_or("another table was accepted")?;
    println!("a cheat who changes one entry behind the commitment: refused, {error}");
    Ok(())
}

//! Lesson 1 of 6, a sum: `cargo run --example 01_prove_a_sum [variables]`.
//!
//! Two tables of `2^n` numbers, and the claim that their inner product is so and so. Sumcheck brings
//! it down to one value of each table's multilinear extension at a random point. The verifier has the
//! tables here, so it takes these values itself; lesson 4 opens them from commitments.
//!
//! The theory: `tests/teaching/mle.rs` and `tests/teaching/sumcheck.rs`.
use ark_pallas::Fr;
use std::{error::Error, sync::Arc, time::Instant};
use zktree::{
    error::VerifyError,
    poly::int,
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::{Expr, ProverChannel, VerifierChannel},
};

/// The public statement: the tables. The sum goes into the transcript with each proof.
struct Tables {
    num_vars: usize,
    tables: [Arc<Vec<i64>>; 2],
}

impl Tables {
    fn prove(&self, claim: Fr) -> Vec<u8> {
        let mut channel = ProverChannel::new(b"prove a sum", &self.statement(claim));
        let tables = self.tables.iter().cloned().map(Table::Int).collect();
        let product = Product {
            coefficient: Fr::from(1),
            factors: vec![0, 1],
            num_vars: self.num_vars,
        };
        let mut prover = SumOfProducts::new(self.num_vars, tables, vec![product]);
        sumcheck::prove(&mut prover, claim, &mut channel);
        channel.finish()
    }

    fn verify(&self, claim: Fr, proof: &[u8]) -> Result<(), VerifyError> {
        let mut channel = VerifierChannel::new(b"prove a sum", &self.statement(claim), proof);
        // Both factors are linear in each variable: their product has degree 2.
        let left = sumcheck::verify(Expr::known(claim), self.num_vars, 2, &mut channel)?;
        // The claim that is left. Without this nothing is verified.
        let values = self
            .tables
            .each_ref()
            .map(|table| int::evaluate(table, &left.point));
        let product = Expr::known(values[0] * values[1]);
        channel.assert_equal(&left.value, &product, "the tables have these values")?;
        channel.finish()
    }

    /// All that is claimed, so that challenges depend on it.
    fn statement(&self, claim: Fr) -> Vec<u8> {
        let entries = self.tables.iter().flat_map(|table| table.iter());
        let mut bytes: Vec<u8> = entries.flat_map(|v| v.to_le_bytes()).collect();
        bytes.extend(claim.to_string().as_bytes());
        bytes
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let num_vars: usize = std::env::args().nth(1).map_or(Ok(16), |n| n.parse())?;
    let table = |k: i64| {
        Arc::new(
            (0..1i64 << num_vars)
                .map(|i| (i * i + k * i) % 251 - 125)
                .collect(),
        )
    };
    let tables = Tables {
        num_vars,
        tables: [table(3), table(8)],
    };
    let pairs = tables.tables[0].iter().zip(tables.tables[1].iter());
    let sum: i64 = pairs.map(|(a, b)| a * b).sum();
    println!(
        "two tables of {} numbers; inner product {sum}",
        1u64 << num_vars
    );

    let start = Instant::now();
    let proof = tables.prove(Fr::from(sum));
    println!(
        "proof: {num_vars} rounds of two field elements, {} bytes, in {:.1?}",
        proof.len(),
        start.elapsed()
    );
    tables.verify(Fr::from(sum), &proof)?;
    println!("verified");

    // The same sum plus one. The prover computes on as if it were true.
    let lie = Fr::from(sum + 1);
    let refusal = tables.verify(lie, &tables.prove(lie));
    let error = refusal.err().ok_or("a false sum was accepted")?;
    println!("a cheat who claims {}: refused, {error}", sum + 1);
    Ok(())
}

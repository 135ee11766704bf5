//! Proves a matrix product by GKR: `cargo run --release --example layered_circuit [size]`.
//!
//! The circuit multiplies two square matrices and sums the squares of the result's entries. The
//! verifier knows the inputs here, so it discharges the two claims left by evaluating their
//! extension; otherwise they would be opened from a commitment.
use ark_bls12_381::Fr;
use std::{error::Error, time::Instant};
use zktree::{
    gkr::layered::{self, Circuit, Gate, OutputClaim},
    poly,
    transcript::{Expr, ProverChannel, VerifierChannel},
};

/// Inputs `A` and `B` by rows; one output, `sum_(i,j) (sum_k A_ik B_kj)^2`. `n` is a power of two.
fn circuit(n: usize) -> Result<Circuit, layered::CircuitError> {
    let products = (0..n * n * n)
        .map(|z| {
            let (i, j, k) = (z / (n * n), z / n % n, z % n);
            Gate::Mul(i * n + k, n * n + k * n + j)
        })
        .collect();
    let mut layers: Vec<Vec<Gate>> = vec![products];
    let halve = |layers: &mut Vec<Vec<Gate>>, width: usize| {
        layers.push(
            (0..width / 2)
                .map(|z| Gate::Add(2 * z, 2 * z + 1))
                .collect(),
        );
    };
    let mut width = n * n * n;
    while width > n * n {
        halve(&mut layers, width);
        width /= 2;
    }
    layers.push((0..width).map(|z| Gate::Mul(z, z)).collect());
    while width > 1 {
        halve(&mut layers, width);
        width /= 2;
    }
    Circuit::new(2 * n * n, layers)
}

fn main() -> Result<(), Box<dyn Error>> {
    let size: usize = std::env::args().nth(1).map_or(Ok(32), |n| n.parse())?;
    let n = size.next_power_of_two();
    let circuit = circuit(n)?;
    let inputs: Vec<Fr> = (0..circuit.num_inputs())
        .map(|i| Fr::from((i * i % 251) as i64 - 125))
        .collect();

    let start = Instant::now();
    let values = circuit.evaluate(&inputs);
    let computed = start.elapsed();
    let outputs = values.last().cloned().unwrap_or_default();

    let start = Instant::now();
    let mut channel = ProverChannel::new(b"layered circuit example", b"");
    let (point, _) = circuit.draw_output_point(&outputs, &mut channel);
    let _ = layered::prove(&circuit, &values, &point, &mut channel);
    let proof = channel.finish();
    let proven = start.elapsed();

    let start = Instant::now();
    let mut channel = VerifierChannel::new(b"layered circuit example", b"", &proof);
    let (point, value) = circuit.draw_output_point(&outputs, &mut channel);
    let value = Expr::known(value);
    let claims = layered::verify(&circuit, OutputClaim { point, value }, &mut channel)?;
    for (point, value) in claims.points.iter().zip(&claims.values) {
        let expected = Expr::known(poly::evaluate(&inputs, point));
        channel.assert_equal(value, &expected, "the inputs are the given ones")?;
    }
    channel.finish()?;
    let verified = start.elapsed();

    println!(
        "{n} x {n} matrices: {} inputs, {} layers, {} gates",
        circuit.num_inputs(),
        circuit.layers().len(),
        circuit.num_gates()
    );
    println!(
        "sum of the squares of the product's entries: {}",
        outputs[0]
    );
    println!("computed in {computed:.1?}, proven in {proven:.1?}, verified in {verified:.1?}");
    println!("proof: {} bytes", proof.len());
    Ok(())
}

//! Lesson 2 of 6, a circuit: `cargo run --example 02_layered_circuit [size]`.
//!
//! The circuit multiplies two square matrices and sums the squares of the result's entries. GKR goes
//! from its output to its inputs, a layer at a time. The verifier knows the inputs here, so it
//! discharges the two claims left by evaluating their extension; lesson 4 opens such claims from
//! commitments.
//!
//! The theory: `tests/teaching/gkr.rs`.
use ark_pallas::Fr;
use std::{error::Error, time::Instant};
use zktree::{
    error::VerifyError,
    gkr::layered::{self, Circuit, Gate, OutputClaim},
    poly,
    transcript::{Expr, ProverChannel, VerifierChannel},
};

/// Inputs `A` and `B` by rows; one output, `sum_(i,j) (sum_k A_ik B_kj)^2`. `n` is a power of two.
fn circuit(n: usize) -> Result<Circuit, layered::CircuitError> {
    let products = (0..n * n * n).map(|z| {
        let (i, j, k) = (z / (n * n), z / n % n, z % n);
        Gate::Mul(i * n + k, n * n + k * n + j)
    });
    let mut layers: Vec<Vec<Gate>> = vec![products.collect()];
    // Neighbours are added until `width` values are left.
    let add_down_to = |width: usize, layers: &mut Vec<Vec<Gate>>| {
        while let Some(half) = layers.last().map(|l| l.len() / 2).filter(|h| *h >= width) {
            layers.push((0..half).map(|z| Gate::Add(2 * z, 2 * z + 1)).collect());
        }
    };
    add_down_to(n * n, &mut layers);
    layers.push((0..n * n).map(|z| Gate::Mul(z, z)).collect());
    add_down_to(1, &mut layers);
    Circuit::new(2 * n * n, layers)
}

/// `values` are those of all layers, the inputs first; what is proven is that the last are the outputs.
fn prove(circuit: &Circuit, values: &[Vec<Fr>]) -> Vec<u8> {
    let mut channel = ProverChannel::new(b"layered circuit example", b"");
    let (point, _) = circuit.draw_output_point(&values[values.len() - 1], &mut channel);
    let _ = layered::prove(circuit, values, &point, &mut channel);
    channel.finish()
}

fn verify(
    circuit: &Circuit,
    inputs: &[Fr],
    outputs: &[Fr],
    proof: &[u8],
) -> Result<(), VerifyError> {
    let mut channel = VerifierChannel::new(b"layered circuit example", b"", proof);
    let (point, value) = circuit.draw_output_point(outputs, &mut channel);
    let value = Expr::known(value);
    let claims = layered::verify(circuit, OutputClaim { point, value }, &mut channel)?;
    for (point, value) in claims.points.iter().zip(&claims.values) {
        let expected = Expr::known(poly::evaluate(inputs, point));
        channel.assert_equal(value, &expected, "the inputs are the given ones")?;
    }
    channel.finish()
}

fn main() -> Result<(), Box<dyn Error>> {
    let size: usize = std::env::args().nth(1).map_or(Ok(32), |n| n.parse())?;
    let n = size.next_power_of_two();
    let circuit = circuit(n)?;
    let (inputs, layers, gates) = (
        circuit.num_inputs(),
        circuit.layers().len(),
        circuit.num_gates(),
    );
    println!("{n} x {n} matrices: {inputs} inputs, {layers} layers, {gates} gates");

    let inputs: Vec<Fr> = (0..inputs)
        .map(|i| Fr::from((i * i % 251) as i64 - 125))
        .collect();
    let start = Instant::now();
    let values = circuit.evaluate(&inputs);
    let computed = start.elapsed();
    let outputs = &values[values.len() - 1];
    println!(
        "sum of the squares of the product's entries: {}",
        outputs[0]
    );

    let start = Instant::now();
    let proof = prove(&circuit, &values);
    let proven = start.elapsed();
    let start = Instant::now();
    verify(&circuit, &inputs, outputs, &proof)?;
    let verified = start.elapsed();
    println!("computed in {computed:.1?}, proven in {proven:.1?}, verified in {verified:.1?}");
    println!("proof: {} bytes", proof.len());

    // One input is taken for another: every layer is right, and the claims at the end are not.
    let mut others = inputs.clone();
    others[0] += Fr::from(1);
    let values = circuit.evaluate(&others);
    let proof = prove(&circuit, &values);
    let refusal = verify(&circuit, &inputs, &values[values.len() - 1], &proof);
    let error = refusal.err().ok_or("a run on other inputs was accepted")?;
    println!("a cheat who runs it on another input: refused, {error}");
    Ok(())
}

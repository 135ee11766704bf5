//! The textbook GKR protocol for layered arithmetic circuits [Goldwasser-Kalai-Rothblum 2008].
//!
//! **Relation.** A public [`Circuit`] has layers of addition and multiplication gates, each gate
//! with two wires from the layer below. With $V_i$ the multilinear extension of layer $i$'s values
//! (padded with zeros to a power of two), the claim is $V_{\text{top}}(r) = v$ on the outputs; what is
//! left are two claims on the inputs $V_0$.
//!
//! **Prover.** For each layer, from the top, with $W(z)$ the weights of its claims and $V$ the layer
//! below,
//! $$ v = \sum_{x, y} \mathrm{add}(x, y) \left( V(x) + V(y) \right) + \mathrm{mul}(x, y) V(x) V(y),
//! \quad \mathrm{add}(x, y) = \sum_{z \text{ adds } (l, r)} W(z) \cdot \mathrm{eq}(l, x) \cdot \mathrm{eq}(r, y) $$
//! and the same for $\mathrm{mul}$. One pass over the gates makes this a sum over $x$ of products of
//! tables, a second one, when $x$ is bound, a sum over $y$ [Xie et al. 2019/317, sec. 3.3]: time linear
//! in the number of gates. The values $V(x), V(y)$ at the two points are sent.
//!
//! **Verifier.** Two sumchecks of degree 2 a layer; evaluates the wiring predicates from the list
//! of gates, two multiplications a gate; one product of received scalars a layer.
//!
//! **Two claims to one.** The two claims that a layer leaves are not reduced to one point: they
//! are added with weights 1 and $\gamma$, which only changes $W$ in the next layer.
//!
//! **Soundness.** A false claim ends in a true pair with probability at most
//! $\sum_i (4 s_i + 1) / |F|$, for $2^{s_i}$ values below layer $i$; a claim on given outputs, of $s$
//! variables, adds $s / |F|$. A prover who lies is not refused in a layer: it can answer so that the
//! layer's check passes, and then one of the two claims is false.
//!
//! **Departures.** The paper sends a curve through both points instead of $\gamma$; the random
//! combination is that of [Chiesa-Forbes-Spooner 2017/305; Xie et al. 2019/317, sec. 3.4].
//!
//! **References.** \[Goldwasser-Kalai-Rothblum 2008\] Delegating computation; \[Xie et al.
//! 2019/317\] Libra; \[Thaler 22\] Proofs, arguments, and zero-knowledge, sec. 4.6.
//!
//! # To learn it
//!
//! `tests/teaching/gkr.rs` in the repository has one layer from scratch;
//! `examples/02_layered_circuit.rs` proves a matrix product.
mod prover;
mod verifier;

#[cfg(test)]
pub(crate) mod cheats;
#[cfg(test)]
mod tests;

pub use prover::{InputEvaluations, prove};
pub use verifier::{InputClaims, OutputClaim, verify};

use crate::{
    poly::{self, eq_evals, parallel},
    transcript::Challenger,
};
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A gate, with the indices of its wires in the layer below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// The sum of two values.
    Add(usize, usize),
    /// The product of two values.
    Mul(usize, usize),
}

impl Gate {
    /// The two wires.
    pub fn wires(&self) -> (usize, usize) {
        match *self {
            Gate::Add(left, right) | Gate::Mul(left, right) => (left, right),
        }
    }
}

/// Why a circuit is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CircuitError {
    /// There is nothing to compute from or nothing to compute.
    #[error("a circuit has at least one input and one layer, and no layer is empty")]
    Empty,
    /// A wire leads nowhere.
    #[error("layer {layer}, gate {gate}: there is no wire {wire}, the layer below has {width}")]
    Wire {
        /// The layer, counted from 1 above the inputs.
        layer: usize,
        /// The gate in it.
        gate: usize,
        /// The wire.
        wire: usize,
        /// Number of values of the layer below.
        width: usize,
    },
}

/// A layered arithmetic circuit; its wires are known to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    num_inputs: usize,
    layers: Vec<Vec<Gate>>,
    digest: [u8; 32],
}

impl Circuit {
    /// A circuit of `num_inputs` inputs and these layers, the outputs last.
    ///
    /// # Errors
    /// If something is empty or a wire does not exist.
    pub fn new(num_inputs: usize, layers: Vec<Vec<Gate>>) -> Result<Self, CircuitError> {
        if num_inputs == 0 || layers.is_empty() || layers.iter().any(Vec::is_empty) {
            return Err(CircuitError::Empty);
        }
        let mut width = num_inputs;
        for (layer, gates) in (1..).zip(&layers) {
            for (gate, g) in gates.iter().enumerate() {
                let (left, right) = g.wires();
                let wire = left.max(right);
                if wire >= width {
                    return Err(CircuitError::Wire {
                        layer,
                        gate,
                        wire,
                        width,
                    });
                }
            }
            width = gates.len();
        }
        let digest = digest(num_inputs, &layers);
        Ok(Self {
            num_inputs,
            layers,
            digest,
        })
    }

    /// Number of inputs.
    pub fn num_inputs(&self) -> usize {
        self.num_inputs
    }

    /// Number of outputs.
    pub fn num_outputs(&self) -> usize {
        self.layers.last().map_or(0, Vec::len)
    }

    /// The layers, outputs last.
    pub fn layers(&self) -> &[Vec<Gate>] {
        &self.layers
    }

    /// Number of gates.
    pub fn num_gates(&self) -> usize {
        self.layers.iter().map(Vec::len).sum()
    }

    /// The values of all layers: inputs first, outputs last.
    ///
    /// # Panics
    /// If there are not exactly `num_inputs` inputs.
    pub fn evaluate<F: PrimeField>(&self, inputs: &[F]) -> Vec<Vec<F>> {
        assert_eq!(inputs.len(), self.num_inputs);
        let mut values = vec![inputs.to_vec()];
        for gates in &self.layers {
            let below = &values[values.len() - 1];
            let layer = parallel::map(gates.len(), 1, |z| match gates[z] {
                Gate::Add(left, right) => below[left] + below[right],
                Gate::Mul(left, right) => below[left] * below[right],
            });
            values.push(layer);
        }
        values
    }

    /// The layers from the top, each with the number of variables of the layer below.
    fn top_down(&self) -> impl Iterator<Item = (&[Gate], usize)> {
        let widths = self.layers.iter().rev().skip(1).map(Vec::len);
        let widths = widths.chain([self.num_inputs]);
        let layers = self.layers.iter().rev().map(Vec::as_slice);
        layers.zip(widths.map(poly::num_vars))
    }

    /// Absorbs the circuit and its claimed outputs and draws the point at which their extension is
    /// checked; returns it with the value there. Both sides call it.
    pub fn draw_output_point<F: PrimeField>(
        &self,
        outputs: &[F],
        channel: &mut impl Challenger<F>,
    ) -> (Vec<F>, F) {
        channel.absorb("circuit", &self.digest);
        let mut bytes = Vec::new();
        for output in outputs {
            // Writing to memory does not fail, and a field element has one canonical encoding.
            let _ = output.serialize_compressed(&mut bytes);
        }
        channel.absorb("circuit outputs", &bytes);
        let point = channel.challenges("circuit output", poly::num_vars(self.num_outputs()), 1);
        let value = poly::inner_product(outputs, &eq_evals(&point));
        (point, value)
    }
}

/// Hashes an injective encoding of a circuit.
fn digest(num_inputs: usize, layers: &[Vec<Gate>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"zktree layered circuit");
    hash.update((num_inputs as u64).to_le_bytes());
    hash.update((layers.len() as u64).to_le_bytes());
    for gates in layers {
        hash.update((gates.len() as u64).to_le_bytes());
        for gate in gates {
            let (left, right) = gate.wires();
            hash.update([matches!(gate, Gate::Mul(..)) as u8]);
            hash.update((left as u64).to_le_bytes());
            hash.update((right as u64).to_le_bytes());
        }
    }
    hash.finalize().into()
}

/// `sum_k weight_k eq(point_k, z)` for all `z`, for points of one length.
fn claim_weights<F: PrimeField>(claims: &[(F, Vec<F>)]) -> Vec<F> {
    let mut sum: Vec<F> = Vec::new();
    for (weight, point) in claims {
        let table = poly::eq::scaled_eq_evals(point, *weight);
        if sum.is_empty() {
            sum = table;
        } else {
            sum.iter_mut().zip(table).for_each(|(s, e)| *s += e);
        }
    }
    sum
}

//! # Chapter 3: a layer of GKR
//!
//! **Relation.** A circuit in layers: each gate adds or multiplies two values of the layer below.
//! Let `V` be the extension of the `2^s` values below (chapter 1; padded with zeros), and `W` that of
//! the layer's outputs. Whatever the point `z`,
//!
//! ```text
//! W(z) = sum over x, y of  add(z, x, y) (V(x) + V(y)) + mul(z, x, y) V(x) V(y),
//! add(z, x, y) = sum over addition gates g, with wires l and r, of eq(z, g) eq(l, x) eq(r, y),
//! ```
//!
//! and `mul` likewise: at vertices `add` asks "does gate `z` add wires `x` and `y`?", and as both sides
//! are multilinear in `z`, they agree everywhere. So a claim `W(z) = w` is a sum over `2s` variables.
//!
//! **Prover.** Runs the sumcheck (chapter 2) for that sum. It ends at a point `(u, v)`, and the prover
//! sends `V(u)` and `V(v)`.
//!
//! **Verifier.** Knows the gates, so it evaluates `add` and `mul` at `(z, u, v)` by itself, and checks
//! that with the two values sent the summand is what the sumcheck says. It never sees the values of
//! the layer. What is left are two claims on the layer below, added up with a coin `c`:
//! `V(u) + c V(v) = a + c b`. That is a claim like the one it started from, with two points, so the
//! next layer goes the same way, until claims on the inputs are left, which the verifier has or
//! opens (chapter 5).
//!
//! **Soundness.** From a false claim, the layer ends in true ones with probability at most
//! `(2 s d + 1) / |S|`: `2s` rounds of degree `d`, and the coin `c`, for a pair of claims that is not
//! both true has a true sum for one `c` at most. Here `d = 3` as written; the summand has degree 2 in
//! each variable, and the library, which binds `x` first and `y` then, sends no more.
//!
//! **Nothing is refused on the way.** A prover that began with a lie can answer so that all checks of
//! a layer pass, by solving the last one for `V(u)`. The lie is then one about the layer below. Only
//! at the inputs is it found: [`layered::verify`] returns claims, and they must be checked.
//!
//! **Try.** Add a third kind of gate, `x (1 - y)`. Where does the degree come from? How large is the
//! table that `add` makes here, and how many of its entries are not zero? (The library's prover is
//! linear in the number of gates.)
use super::{element, grid, mle::extension, uniform};
use ark_ff::{AdditiveGroup, Field};
use ark_pallas::Fr;
use proptest::{collection::vec, prelude::*};
use zktree::{
    gkr::layered::{self, Circuit, Gate, OutputClaim},
    poly::{eq_evals, evaluate, num_vars},
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::{Expr, ProverChannel, VerifierChannel},
};

/// "The sum of `weight * W(point)` over these is `value`", with one pair at the outputs and two
/// behind each layer.
struct Claim {
    points: Vec<(Fr, Vec<Fr>)>,
    value: Fr,
}

impl Claim {
    fn is_true(&self, values: &[Fr]) -> bool {
        let terms = self
            .points
            .iter()
            .map(|(weight, z)| *weight * evaluate(values, z));
        terms.sum::<Fr>() == self.value
    }

    /// What the gates weigh in the claim: `eq(z, g)` for gate `g`.
    fn weights(&self, gates: usize) -> Vec<Fr> {
        let tables: Vec<(Fr, Vec<Fr>)> = self
            .points
            .iter()
            .map(|(weight, z)| (*weight, eq_evals(z)))
            .collect();
        (0..gates)
            .map(|g| tables.iter().map(|(weight, eq)| *weight * eq[g]).sum())
            .collect()
    }
}

/// `add` and `mul` at `x = u`, `y = v`, from the list of gates.
fn predicates(gates: &[Gate], claim: &Claim, u: &[Fr], v: &[Fr]) -> [Fr; 2] {
    let (eq_u, eq_v) = (eq_evals(u), eq_evals(v));
    let mut sums = [Fr::ZERO; 2];
    for (gate, weight) in gates.iter().zip(claim.weights(gates.len())) {
        let (left, right) = gate.wires();
        sums[usize::from(matches!(gate, Gate::Mul(..)))] += weight * eq_u[left] * eq_v[right];
    }
    sums
}

/// The prover's sumcheck, with tables of all `2^(2s)` pairs: `x` is the low half of the index.
fn layer_sum(gates: &[Gate], below: &[Fr], claim: &Claim) -> SumOfProducts<Fr> {
    let s = num_vars(below.len());
    let at = |i: usize| below.get(i).copied().unwrap_or_default();
    let (mut add, mut mul) = (vec![Fr::ZERO; 1 << (2 * s)], vec![Fr::ZERO; 1 << (2 * s)]);
    for (gate, weight) in gates.iter().zip(claim.weights(gates.len())) {
        let (left, right) = gate.wires();
        match gate {
            Gate::Add(..) => add[left + (right << s)] += weight,
            Gate::Mul(..) => mul[left + (right << s)] += weight,
        }
    }
    let left = (0..1 << (2 * s)).map(|i| at(i & ((1 << s) - 1))).collect();
    let right = (0..1 << (2 * s)).map(|i| at(i >> s)).collect();
    let product = |factors| Product {
        coefficient: Fr::ONE,
        factors,
        num_vars: 2 * s,
    };
    // In this order: add V(x), add V(y), mul V(x) V(y).
    let products = vec![
        product(vec![0, 2]),
        product(vec![0, 3]),
        product(vec![1, 2, 3]),
    ];
    let tables = [add, mul, left, right].map(Table::Field).to_vec();
    SumOfProducts::new(2 * s, tables, products)
}

/// Proves one layer. A cheat answers with the `V(u)` that the verifier's check asks for.
fn prove_layer(gates: &[Gate], below: &[Fr], claim: &Claim, honest: bool) -> Vec<u8> {
    let mut channel = ProverChannel::new(b"teaching", b"");
    let mut prover = layer_sum(gates, below, claim);
    let (point, value) = sumcheck::prove(&mut prover, claim.value, &mut channel);
    let (u, v) = point.split_at(point.len() / 2);
    let [at_u, at_v] = [evaluate(below, u), evaluate(below, v)];
    let [add, mul] = predicates(gates, claim, u, v);
    let answer = match (add + mul * at_v).inverse() {
        Some(inverse) if !honest => (value - add * at_v) * inverse,
        _ => at_u,
    };
    channel.send_all("layer", &[answer, at_v]);
    channel.finish()
}

/// Verifies one layer above `2^s` values. What is left: `V(u)` and `V(v)` are the two values.
fn verify_layer(gates: &[Gate], s: usize, claim: &Claim, proof: &[u8]) -> Option<[Claim; 2]> {
    let mut channel = VerifierChannel::new(b"teaching", b"", proof);
    let left = sumcheck::verify(Expr::known(claim.value), 2 * s, 3, &mut channel).ok()?;
    let values = channel.receive_all("layer", 2).ok()?;
    channel.finish().ok()?;
    let (u, v) = left.point.split_at(s);
    let [at_u, at_v] = [values[0].constant(), values[1].constant()];
    let [add, mul] = predicates(gates, claim, u, v);
    let claim = |point: &[Fr], value| Claim {
        points: vec![(Fr::ONE, point.to_vec())],
        value,
    };
    (left.value.constant() == add * (at_u + at_v) + mul * at_u * at_v)
        .then(|| [claim(u, at_u), claim(v, at_v)])
}

/// A circuit of one to three layers, and inputs for it.
fn circuits() -> impl Strategy<Value = (Circuit, Vec<Fr>)> {
    let gates = || vec((any::<bool>(), any::<usize>(), any::<usize>()), 1..6);
    (vec(element(), 1..7), vec(gates(), 1..4)).prop_map(|(inputs, layers)| {
        let mut width = inputs.len();
        let layers = layers.into_iter().map(|gates| {
            let below = std::mem::replace(&mut width, gates.len());
            let gate = |(adds, left, right)| match adds {
                true => Gate::Add(left % below, right % below),
                false => Gate::Mul(left % below, right % below),
            };
            gates.into_iter().map(gate).collect()
        });
        let circuit = Circuit::new(inputs.len(), layers.collect());
        (circuit.expect("all wires are below the width"), inputs)
    })
}

/// A random claim on the first layer above the inputs; true if `error` is zero.
fn layer_claim(outputs: &[Fr], coins: &[Fr], error: Fr) -> Claim {
    let z = coins[..num_vars(outputs.len())].to_vec();
    let value = evaluate(outputs, &z) + error;
    Claim {
        points: vec![(Fr::ONE, z)],
        value,
    }
}

/// Proves and verifies by the library that `values` are right, with its outputs; checks the claims
/// on the inputs against `inputs`.
fn library_accepts(circuit: &Circuit, values: &[Vec<Fr>], inputs: &[Fr]) -> bool {
    let outputs = &values[values.len() - 1];
    let mut channel = ProverChannel::new(b"teaching", b"");
    let (point, _) = circuit.draw_output_point(outputs, &mut channel);
    layered::prove(circuit, values, &point, &mut channel);
    let proof = channel.finish();

    let mut channel = VerifierChannel::new(b"teaching", b"", &proof);
    let (point, value) = circuit.draw_output_point(outputs, &mut channel);
    let claim = OutputClaim {
        point,
        value: Expr::known(value),
    };
    let Ok(left) = layered::verify(circuit, claim, &mut channel) else {
        return false;
    };
    // The error as the library counts it: `4 s + 1` for each layer above `2^s` values, and a claim on
    // the outputs.
    let widths = circuit.layers().iter().map(Vec::len);
    let widths = [circuit.num_inputs()].into_iter().chain(widths);
    let vars: Vec<u128> = widths.map(|width| num_vars(width) as u128).collect();
    let bound = vars[..vars.len() - 1]
        .iter()
        .map(|s| 4 * s + 1)
        .sum::<u128>()
        + vars[vars.len() - 1];
    assert_eq!(
        channel.errors().values().map(|(_, sum)| sum).sum::<u128>(),
        bound
    );
    let mut claims = left.points.iter().zip(&left.values);
    channel.finish().is_ok() && claims.all(|(r, v)| evaluate(inputs, r) == v.constant())
}

proptest! {
    /// The relation by its definition: all pairs of vertices, for any point `z`.
    #[test]
    fn a_layer_is_a_sum_over_pairs_of_wires(
        (circuit, inputs) in circuits(),
        coins in vec(uniform(), 3),
    ) {
        let (gates, outputs) = (&circuit.layers()[0], &circuit.evaluate(&inputs)[1]);
        let claim = layer_claim(outputs, &coins, Fr::ZERO);
        let s = num_vars(inputs.len());
        let mut sum = Fr::ZERO;
        for (x, y) in grid(2, s).flat_map(|x| grid(2, s).map(move |y| (x.clone(), y))) {
            let [add, mul] = predicates(gates, &claim, &x, &y);
            let [at_x, at_y] = [x, y].map(|point| extension(&inputs, &point));
            sum += add * (at_x + at_y) + mul * at_x * at_y;
        }
        prop_assert_eq!(sum, claim.value);
        prop_assert_eq!(layer_sum(gates, &inputs, &claim).sum(), claim.value);
    }

    /// Honest: two true claims. With a lie at the top the honest answer is refused; the cheat's is
    /// not, but leaves a false claim.
    #[test]
    fn a_layer_reduces_truth_to_truth_and_lies_to_lies(
        (circuit, inputs) in circuits(),
        coins in vec(uniform(), 3),
        error in (1u64..).prop_map(Fr::from),
    ) {
        let (gates, outputs) = (&circuit.layers()[0], &circuit.evaluate(&inputs)[1]);
        let s = num_vars(inputs.len());
        let run = |error, honest| {
            let claim = layer_claim(outputs, &coins, error);
            verify_layer(gates, s, &claim, &prove_layer(gates, &inputs, &claim, honest))
        };
        let left = run(Fr::ZERO, true);
        prop_assert!(left.is_some_and(|claims| claims.iter().all(|c| c.is_true(&inputs))));
        prop_assert!(run(error, true).is_none());
        // Products of zeros are zero whatever the other factor is: nothing to solve for.
        let stuck = inputs.iter().all(|v| *v == Fr::ZERO)
            && gates.iter().all(|gate| matches!(gate, Gate::Mul(..)));
        let left = run(error, false);
        prop_assert_eq!(left.is_none(), stuck);
        if let Some(claims) = left {
            prop_assert!(claims.iter().any(|c| !c.is_true(&inputs)));
        }
    }

    /// Two claims in one: if they are wrong by `e_u` and `e_v`, their sum is right for the coin
    /// `-e_u / e_v` and for no other. A cheat who guesses the coin chooses its errors for it.
    #[test]
    fn a_false_pair_of_claims_has_a_true_sum_for_one_coin(
        values in vec(element(), 8),
        points in [vec(uniform(), 3), vec(uniform(), 3)],
        (error, guess) in ((1u64..).prop_map(Fr::from), 1u64..20),
    ) {
        let errors = [error, -error / Fr::from(guess)];
        let truths = points.each_ref().map(|point| evaluate(&values, point));
        let wins = grid(20, 1).map(|coin| coin[0]).filter(|coin| {
            let weights = [Fr::ONE, *coin];
            let wrong = (0..2).map(|k| weights[k] * (truths[k] + errors[k])).sum();
            let points = weights.into_iter().zip(points.clone()).collect();
            Claim { points, value: wrong }.is_true(&values)
        });
        prop_assert_eq!(wins.collect::<Vec<_>>(), [Fr::from(guess)]);
    }

    /// Whole circuits by the library: the values of a run pass, and those of a run in which one
    /// value was changed, by whatever followed from it, do not, in whichever layer it was: not even
    /// the inputs, where each check passes and the claims at the end tell.
    #[test]
    fn the_library_accepts_runs_and_no_altered_runs(
        (circuit, inputs) in circuits(),
        (layer, place) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        error in (1u64..).prop_map(Fr::from),
    ) {
        let honest = circuit.evaluate(&inputs);
        prop_assert!(library_accepts(&circuit, &honest, &inputs));

        let (mut values, changed) = (honest.clone(), layer.index(honest.len()));
        let place = place.index(values[changed].len());
        values[changed][place] += error;
        for (k, gates) in circuit.layers().iter().enumerate().skip(changed) {
            let below = values[k].clone();
            values[k + 1] = gates.iter().map(|gate| match *gate {
                Gate::Add(left, right) => below[left] + below[right],
                Gate::Mul(left, right) => below[left] * below[right],
            }).collect();
        }
        if values.last() != honest.last() {
            prop_assert!(!library_accepts(&circuit, &values, &inputs));
        }
    }
}

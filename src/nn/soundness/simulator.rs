//! The simulator: proofs that hide show nothing, because who lays down the challenges makes them
//! from the statement alone.
//!
//! 1. Every commitment is a uniform point, every masked scalar and every answer of the product proof
//!    a uniform scalar, as they are in a proof: blindings and pads are uniform and used once.
//! 2. The verifier, run on these messages, says which linear form on which combination of
//!    commitments is left, and its value.
//! 3. The vector `z` and the blinding `zeta` that the linear form shows are uniform in a proof. So
//!    they are drawn, and `A` and `theta` are what makes (48) true; the halvings of `z` are as they are.
//!
//! No weight, no row of data and no opening is used. The simulated proofs are accepted for the
//! challenges laid down, and they are distributed as proofs are.
use super::{
    hiding::{
        LIMIT, Sample, difference, repeats, sample, scene, uniformity, uniformity_by_position,
    },
    recorder::{Message, messages, record},
    *,
};
use crate::{
    commit::{Curve, Shape, hadamard, linear, msm},
    transcript::{
        ProverChannel,
        frozen::{self, Drawn},
    },
};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// What is public of one segment: its description, its encoding, and the commitments of the statement.
struct Public {
    statement: TrainingStatement<C>,
    /// How messages follow each other and what challenges are called, which the statement fixes.
    messages: Vec<Message>,
    labels: Vec<&'static str>,
}

impl Public {
    fn parts(&self) -> SegmentArgument<F> {
        let segment = self.statement.parameters.segments().next().unwrap();
        self.statement.segment_argument(segment, false).unwrap()
    }

    fn encoded(&self) -> Vec<u8> {
        let segment = self.statement.parameters.segments().next().unwrap();
        let ParentWeights::Committed { commitment, .. } = &self.statement.parent else {
            panic!("the parent of this test is committed");
        };
        self.statement
            .encode_segment(segment, Some(commitment), &self.statement.child)
    }

    /// Rows of all commitments of the statement, a list a matrix.
    fn known(&self) -> Vec<Vec<ark_pallas::Affine>> {
        let ParentWeights::Committed { commitment, .. } = &self.statement.parent else {
            panic!("the parent of this test is committed");
        };
        let layers = commitment
            .layers()
            .iter()
            .chain(self.statement.child.layers());
        let all = layers.chain([self.statement.dataset.rows()]);
        all.map(|rows| rows.rows.clone()).collect()
    }

    /// A proof, and the challenges for which it is one.
    fn simulate(&self, rng: &mut ChaCha20Rng) -> (Vec<u8>, Vec<Drawn>) {
        let drawn: Vec<Drawn> = self
            .labels
            .iter()
            .map(|label| (*label, encode(&F::rand(rng))))
            .collect();
        let challenge = |label: &str| {
            let (_, bytes) = drawn.iter().find(|(l, _)| *l == label).unwrap();
            F::deserialize_compressed(bytes.as_slice()).unwrap()
        };
        // 1.
        let mut proof = Vec::new();
        let (mut points, mut responses) = (Vec::new(), Vec::new());
        let linear_form = |m: &&Message| !m.label.starts_with("linear form");
        for message in self.messages.iter().take_while(linear_form) {
            if message.point {
                let p = C::rand(rng).into_affine();
                points.push(p);
                proof.extend(C::encode(&p));
            } else {
                let x = F::rand(rng);
                if message.label == "product response" {
                    responses.push(x);
                }
                proof.extend(encode(&x));
            }
        }
        // 2.
        let argument = self.parts().argument;
        let checks = frozen::replay(&drawn, || argument.checks::<C>(&self.encoded(), &proof));
        let checks = checks.unwrap();
        let layout = argument.mask_layout().unwrap();
        let (e, delta, mu) = (
            challenge("products"),
            challenge("constraints"),
            challenge("mu"),
        );
        let (opened, constraints) = (&checks.folded.value, &checks.constraints);
        let form = hadamard::combine(&layout, opened, constraints, e, &responses, delta);
        let masks = points.pop().unwrap();
        let mut matrices = Vec::new();
        for rows in argument.witness_rows() {
            matrices.push(points.drain(..rows).collect::<Vec<_>>());
        }
        matrices.extend(self.known());
        let mut commitment = C::from(masks);
        for (matrix, weights) in &checks.folded.rows {
            for (row, weight) in matrices[*matrix].iter().zip(weights) {
                commitment += *row * (mu * weight);
            }
        }
        let mut coefficients = poly::eq_evals(&checks.folded.point);
        let inverse = mu.inverse().unwrap();
        coefficients.iter_mut().for_each(|x| *x *= inverse);
        let shape = Shape {
            columns: coefficients.len(),
            pads: layout.len(),
        };
        coefficients.extend(&form.coefficients);
        // 3.
        let gens = Generators::<C>::get(shape.columns, shape.pads);
        let z: Vec<F> = (0..shape.len()).map(|_| F::rand(rng)).collect();
        let zeta = F::rand(rng);
        let e = challenge("linear form: e");
        let announcement =
            msm::full::<C>(&gens.bases(shape), &z) - commitment * e + gens.blind(&zeta);
        proof.extend(C::encode(&announcement.into_affine()));
        let shown = poly::inner_product(&z, &coefficients);
        proof.extend(encode(&(shown - e * form.value)));
        proof.extend(encode(&zeta));
        let claim = linear::LinearForm {
            shape,
            coefficients: &coefficients,
            value: F::ZERO,
            hiding: false,
        };
        let opening = linear::Opening {
            vector: &z,
            blinding: F::ZERO,
        };
        let halvings = drawn
            .iter()
            .position(|(l, _)| *l == "linear form: q")
            .unwrap();
        let mut channel = ProverChannel::new(b"halvings", b"");
        frozen::replay(&drawn[halvings..], || {
            linear::prove(&gens, &claim, &opening, rng, &mut channel);
        });
        proof.extend(channel.finish());
        (proof, drawn)
    }
}

fn encode(x: &F) -> Vec<u8> {
    let mut bytes = Vec::new();
    x.serialize_compressed(&mut bytes).unwrap();
    bytes
}

/// What everybody sees of a scene; an honest proof is only asked for the order of its messages.
fn public(scene: &Scene) -> Public {
    let proof = scene.prove();
    let verify = || verdict(&scene.statement, &proof);
    let ((result, drawn), transcripts) = record(|| frozen::record(verify));
    assert_eq!(result, Ok(()));
    Public {
        statement: scene.statement.clone(),
        messages: messages(&transcripts[0]),
        labels: drawn.into_iter().map(|(label, _)| label).collect(),
    }
}

#[test]
fn simulated_proofs_are_accepted_for_their_challenges() {
    for plan in [
        Plan::padded(true),
        Plan {
            steps: 1,
            segment_steps: 1,
            ..Plan::padded(true)
        },
        Plan {
            optimiser: matrices::optimiser(12, "nesterov:0.9", "cosine:warmup=2"),
            ..Plan::padded(true)
        },
    ] {
        let public = public(&plan.scene());
        for seed in 0..3 {
            let (proof, drawn) = public.simulate(&mut ChaCha20Rng::seed_from_u64(seed));
            let verdict = || verdict(&public.statement, &edge(proof.clone()));
            assert_eq!(frozen::replay(&drawn, verdict), Ok(()));
            assert!(verdict().is_err());
        }
    }
}

/// Of a false statement too: with challenges laid down there is nothing that it could not prove.
#[test]
fn false_statements_are_simulated() {
    let mut scene = Plan::padded(true).scene();
    let honest = public(&scene);
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let mut layers = scene.child.weights().clone().into_layers();
    layers[0].weight_mut()[0] += 1;
    let architecture = scene.statement.parameters.architecture.clone();
    let other = crate::nn::Weights::new(architecture, layers).unwrap();
    scene.statement.child = WeightOpening::new(other, true, rng).commit();
    let public = Public {
        statement: scene.statement.clone(),
        ..honest
    };
    let (proof, drawn) = public.simulate(rng);
    let verdict = || verdict(&scene.statement, &edge(proof.clone()));
    assert_eq!(frozen::replay(&drawn, verdict), Ok(()));
    assert!(verdict().is_err());
}

/// As far as statistics can see, simulated proofs are proofs.
#[test]
fn simulated_proofs_look_like_proofs() {
    let scene = scene(true, 0);
    let proven = sample(&scene, 64);
    let public = public(&scene);
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let mut simulated = Sample::default();
    for _ in 0..64 {
        simulated.add(&public.messages, &public.simulate(rng).0);
    }
    assert!(uniformity(&simulated).abs() < LIMIT);
    assert!(uniformity_by_position(&simulated).abs() < LIMIT);
    assert!(difference(&proven, &simulated).abs() < LIMIT);
    assert_eq!(repeats(&[&proven, &simulated]), 0);
}

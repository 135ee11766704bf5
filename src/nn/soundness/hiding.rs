//! Statistics of hiding proofs. The argument itself is in `transcript`: a sent scalar is a value
//! plus a uniform pad.
use super::{
    recorder::{Message, messages, record},
    *,
};
use crate::transcript::{Challenger, ProverChannel};
use ark_ff::{AdditiveGroup, UniformRand};
use ark_serialize::CanonicalSerialize;
use std::collections::HashSet;

/// The smallest network, on one of two data sets.
pub(super) fn scene(hiding: bool, seed: u64) -> Scene {
    let plan = Plan {
        widths: vec![1, 1],
        batch: 1,
        steps: 1,
        segment_steps: 1,
        hiding,
        root: false,
        activation: Nonlinearity::Relu,
        optimiser: one_unit(),
    };
    (seed..).find_map(|seed| Scene::new(&plan, seed)).unwrap()
}

/// The scalars and points of many proofs, by position.
#[derive(Default)]
pub(super) struct Sample {
    scalars: Vec<Vec<Vec<u8>>>,
    points: Vec<Vec<Vec<u8>>>,
}

impl Sample {
    /// Adds the proof of a segment.
    pub(super) fn add(&mut self, messages: &[Message], proof: &[u8]) {
        let of = |point: bool| {
            let here = messages.iter().filter(|m| m.point == point);
            here.map(|m| proof[m.bytes.clone()].to_vec()).collect()
        };
        self.scalars.push(of(false));
        self.points.push(of(true));
    }
}

pub(super) fn sample(scene: &Scene, proofs: usize) -> Sample {
    let proof = scene.prove();
    let (_, transcripts) = record(|| verdict(&scene.statement, &proof).unwrap());
    let messages = messages(&transcripts[0]);
    let mut all = Sample::default();
    for _ in 0..proofs {
        all.add(&messages, &scene.prove().0[8..]);
    }
    all
}

/// `sum (observed - expected)^2 / expected` over low bytes, minus its mean, in deviations.
pub(super) fn uniformity(sample: &Sample) -> f64 {
    let mut counts = [0f64; 256];
    let mut total = 0.0;
    for scalar in sample.scalars.iter().flatten() {
        counts[usize::from(scalar[0])] += 1.0;
        total += 1.0;
    }
    let expected = total / 256.0;
    let chi: f64 = counts
        .iter()
        .map(|c| (c - expected).powi(2) / expected)
        .sum();
    (chi - 255.0) / (2.0f64 * 255.0).sqrt()
}

/// The same for each position apart, on the lowest three bits, summed over positions.
pub(super) fn uniformity_by_position(sample: &Sample) -> f64 {
    let positions = sample.scalars[0].len();
    let expected = sample.scalars.len() as f64 / 8.0;
    let mut chi = 0.0;
    for position in 0..positions {
        let mut counts = [0f64; 8];
        for proof in &sample.scalars {
            counts[usize::from(proof[position][0] & 7)] += 1.0;
        }
        chi += counts
            .iter()
            .map(|c| (c - expected).powi(2) / expected)
            .sum::<f64>();
    }
    let freedom = 7.0 * positions as f64;
    (chi - freedom) / (2.0 * freedom).sqrt()
}

/// Two samples of low bytes against each other.
pub(super) fn difference(a: &Sample, b: &Sample) -> f64 {
    let count = |sample: &Sample| {
        let mut counts = [0f64; 256];
        let bytes = sample.scalars.iter().flatten().map(|s| usize::from(s[0]));
        bytes.for_each(|byte| counts[byte] += 1.0);
        counts
    };
    let (a, b) = (count(a), count(b));
    let chi: f64 = a
        .iter()
        .zip(&b)
        .map(|(a, b)| (a - b).powi(2) / (a + b).max(1.0))
        .sum();
    (chi - 255.0) / (2.0f64 * 255.0).sqrt()
}

/// Every message that occurs twice.
pub(super) fn repeats(samples: &[&Sample]) -> usize {
    let mut seen = HashSet::new();
    let messages = samples
        .iter()
        .flat_map(|s| s.scalars.iter().chain(&s.points))
        .flatten();
    messages
        .filter(|message| !seen.insert(message.as_slice()))
        .count()
}

/// A test that fails once in ten million runs: the deviation of six.
pub(super) const LIMIT: f64 = 6.0;

#[test]
fn hiding_proofs_look_uniform() {
    let (first, second) = (scene(true, 0), scene(true, 1000));
    assert_ne!(
        first.data.dataset().values(),
        second.data.dataset().values()
    );
    let (a, b) = (sample(&first, 64), sample(&second, 64));
    for sample in [&a, &b] {
        assert!(uniformity(sample).abs() < LIMIT);
        assert!(uniformity_by_position(sample).abs() < LIMIT);
    }
    assert!(difference(&a, &b).abs() < LIMIT);
    assert_eq!(repeats(&[&a, &b]), 0);
    // The same statistics tell proofs that do not hide.
    let bare = sample(&scene(false, 0), 8);
    assert!(uniformity_by_position(&bare) > LIMIT);
    assert!(repeats(&[&bare]) > bare.scalars[0].len());
}

/// For any scalars sent and any messages wished for, there is exactly one choice of pads that sends
/// them, though later scalars may depend on earlier messages: uniform pads make uniform messages.
#[test]
fn pads_make_any_messages() {
    let rng = &mut ChaCha20Rng::seed_from_u64(9);
    for scalars in [0u64, 1, u64::MAX] {
        let wished: Vec<F> = (0..20).map(|_| F::rand(rng)).collect();
        // What is sent depends on the challenges, and so on the messages before.
        let secret = |k: usize, challenge: F| challenge * F::from(scalars) + F::from(k as u64);
        let mut pads = Vec::new();
        let mut simulated = ProverChannel::<F>::new(b"test", b"");
        for (k, message) in wished.iter().enumerate() {
            let challenge = simulated.challenge("c", 1);
            pads.push(*message - secret(k, challenge));
            simulated.send_clear("x", message);
        }
        let mut real = ProverChannel::<F>::new(b"test", b"");
        real.mask_with(pads);
        for k in 0..wished.len() {
            let challenge = real.challenge("c", 1);
            real.send("x", &secret(k, challenge));
        }
        let mut bytes = Vec::new();
        for message in &wished {
            message.serialize_compressed(&mut bytes).unwrap();
        }
        assert_eq!(real.proof(), bytes);
        assert_eq!(simulated.proof(), bytes);
        assert_ne!(wished[0], F::ZERO);
    }
}

//! Proofs whose bytes are altered.
use crate::family::{Family, architecture, is_training, parameters};
use ark_pallas::Projective as Pallas;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;
use zktree::nn::{TrainingProof, WeightCommitment};

/// The parts of a proof: for each segment the weights behind it, if it is not the last, and the
/// proof with its length.
fn segments(proof: &TrainingProof) -> Vec<(Vec<u8>, Vec<u8>)> {
    let len = WeightCommitment::<Pallas>::encoded_len(&architecture());
    let count = parameters().num_segments();
    let mut rest = proof.0.as_slice();
    let mut take = |len: usize| {
        let (head, tail) = rest.split_at(len);
        rest = tail;
        head.to_vec()
    };
    let parts = (1..=count).map(|k| {
        let weights = take(if k < count { len } else { 0 });
        let len = take(8);
        let proof = take(u64::from_le_bytes(len.clone().try_into().unwrap()) as usize);
        (weights, [len, proof].concat())
    });
    parts.collect()
}

fn join(segments: &[(Vec<u8>, Vec<u8>)]) -> TrainingProof {
    let bytes = segments
        .iter()
        .flat_map(|(a, b)| [a.as_slice(), b].concat());
    TrainingProof(bytes.collect())
}

#[test]
fn segments_dropped_reordered_replayed() {
    let family = Family::get();
    let s = segments(&family.second.edge.proof);
    assert_eq!(s.len(), 3);
    assert_eq!(join(&s), *family.second.edge.proof);
    let other = segments(&family.third.edge.proof);
    let weights = |k: usize, proof: &(Vec<u8>, Vec<u8>)| (s[k].0.clone(), proof.1.clone());
    let cases = [
        ("first dropped", vec![s[1].clone(), s[2].clone()]),
        ("second dropped", vec![s[0].clone(), s[2].clone()]),
        ("last dropped", vec![s[0].clone(), s[1].clone()]),
        ("reordered", vec![s[1].clone(), s[0].clone(), s[2].clone()]),
        (
            "proofs reordered",
            vec![weights(0, &s[1]), weights(1, &s[0]), s[2].clone()],
        ),
        ("replayed", vec![s[0].clone(), s[0].clone(), s[2].clone()]),
        (
            "proof replayed",
            vec![s[0].clone(), weights(1, &s[0]), s[2].clone()],
        ),
        (
            "once more",
            vec![s[0].clone(), s[1].clone(), s[1].clone(), s[2].clone()],
        ),
        (
            "the sibling's segment",
            vec![s[0].clone(), other[1].clone(), s[2].clone()],
        ),
        (
            "the sibling's start",
            vec![other[0].clone(), s[1].clone(), s[2].clone()],
        ),
    ];
    for (what, parts) in cases {
        let error = family.refused(what, &|_, edge| edge.proof = join(&parts).into());
        assert!(is_training(&error), "{what}: {error}");
    }
}

#[test]
fn proofs_cut_and_extended() {
    let family = Family::get();
    for count in [1, 31, 200] {
        for (extend, proof_of_data) in [(false, false), (false, true), (true, false), (true, true)]
        {
            let error = family.refused("length", &|_, edge| {
                let bytes = if proof_of_data {
                    Arc::make_mut(&mut edge.data_proof)
                } else {
                    &mut Arc::make_mut(&mut edge.proof).0
                };
                let len = if extend {
                    bytes.len() + count
                } else {
                    bytes.len() - count
                };
                bytes.resize(len, 0);
            });
            assert_eq!(is_training(&error), !proof_of_data, "{error}");
        }
    }
    // A length that lies.
    for lie in [0, 1, u64::MAX, u64::MAX - 8, 1 << 40] {
        let at = WeightCommitment::<Pallas>::encoded_len(&architecture());
        let error = family.refused("a false length", &|_, edge| {
            Arc::make_mut(&mut edge.proof).0[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        });
        assert!(is_training(&error), "{error}");
    }
}

#[test]
fn flipped_bits() {
    let family = Family::get();
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let (training, data) = (&family.second.edge.proof.0, &family.second.edge.data_proof);
    for k in 0..72 {
        let in_data = k % 6 == 5;
        let len = if in_data { data.len() } else { training.len() };
        // Both ends, then anywhere.
        let position = match k {
            0..6 => k,
            6..12 => len - 1 - (k - 6),
            _ => rng.gen_range(0..len),
        };
        let bit = rng.gen_range(0..8);
        let what = format!("bit {bit} of byte {position}, in the proof of data: {in_data}");
        let error = family.refused(&what, &|_, edge| {
            let bytes = if in_data {
                Arc::make_mut(&mut edge.data_proof)
            } else {
                &mut Arc::make_mut(&mut edge.proof).0
            };
            bytes[position] ^= 1 << bit;
        });
        assert_eq!(is_training(&error), !in_data, "{what}: {error}");
    }
}

/// The location of the failing segment is found when all equations are checked together.
#[test]
fn the_failing_segment_is_named() {
    let family = Family::get();
    let parts = segments(&family.second.edge.proof);
    let end = parts[0].0.len() + parts[0].1.len() + parts[1].0.len() + parts[1].1.len();
    let error = family.refused("last scalar of segment 1", &|_, edge| {
        Arc::make_mut(&mut edge.proof).0[end - 32] ^= 1;
    });
    assert!(error.to_string().contains("segment 1"), "{error}");
}

//! Every message of a proof, altered, and the proof cut and extended at every one.
use super::*;
use crate::{
    commit::{Curve, linear::REST},
    error::VerifyError,
};
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use std::ops::Range;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    Point,
}

/// The messages of a segment's proof, from the statement alone.
pub(super) fn messages(
    parts: &SegmentArgument<F>,
    hiding: bool,
) -> (Vec<(Range<usize>, bool)>, usize) {
    let argument = &parts.argument;
    let masks = argument.mask_layout().unwrap();
    let mut kinds = vec![Kind::Point; argument.num_witness_rows()];
    if hiding {
        kinds.push(Kind::Point);
        kinds.extend(vec![
            Kind::Scalar;
            masks.num_pads() + masks.plan().factors().len()
        ]);
    } else {
        // As many scalars as a hiding proof would mask.
        kinds.extend(vec![Kind::Scalar; argument.count_scalars().unwrap()]);
    }
    if hiding {
        kinds.extend([Kind::Point, Kind::Scalar, Kind::Scalar]);
    }
    let mut len = (1 << argument.column_vars()) + masks.len();
    while len > REST {
        kinds.extend([Kind::Point; 2]);
        len = len.next_power_of_two() / 2;
    }
    kinds.extend(vec![Kind::Scalar; len]);
    let mut start = 0;
    let messages = kinds.into_iter().map(|kind| {
        let size = if kind == Kind::Point {
            C::ENCODED_LEN
        } else {
            32
        };
        start += size;
        (start - size..start, kind == Kind::Point)
    });
    let messages: Vec<_> = messages.collect();
    let end = start;
    (messages, end)
}

fn tiny(hiding: bool) -> Scene {
    Plan {
        widths: vec![1, 2, 1],
        batch: 2,
        steps: 1,
        segment_steps: 1,
        hiding,
        root: false,
    }
    .scene()
}

fn alter(bytes: &mut [u8], point: bool) {
    let altered: Vec<u8> = if point {
        let p = C::decode(bytes).unwrap();
        C::encode(&(p + ark_pallas::Affine::generator()).into())
    } else {
        let x = F::deserialize_compressed(&*bytes).unwrap() + F::from(1u64);
        let mut out = Vec::new();
        x.serialize_compressed(&mut out).unwrap();
        out
    };
    bytes.copy_from_slice(&altered);
}

fn every_message_counts(hiding: bool, stride: usize) {
    let scene = tiny(hiding);
    let proof = scene.prove().0[8..].to_vec();
    assert_eq!(verdict(&scene.statement, &edge(proof.clone())), Ok(()));
    let (messages, end) = messages(&scene.parts(), hiding);
    assert_eq!(end, proof.len());
    for (k, (range, point)) in messages.iter().enumerate() {
        // Cut before it.
        let error = verdict(&scene.statement, &edge(proof[..range.start].to_vec()));
        assert!(matches!(
            error.map_err(innermost),
            Err(VerifyError::Truncated { .. } | VerifyError::CheckFailed { .. })
        ));
        // Left out, and said twice.
        let [before, here, after] = [
            &proof[..range.start],
            &proof[range.clone()],
            &proof[range.end..],
        ];
        let mut others = vec![
            [before, after].concat(),
            [before, here, here, after].concat(),
        ];
        if k % stride == 0 {
            let mut altered = proof.clone();
            alter(&mut altered[range.clone()], *point);
            others.push(altered);
            let mut zero = proof.clone();
            match point {
                true => zero[range.clone()].copy_from_slice(&C::encode(&Default::default())),
                false => zero[range.clone()].fill(0),
            }
            if zero != proof {
                others.push(zero);
            }
            let mut wild = proof.clone();
            wild[range.clone()].fill(0xff);
            others.push(wild);
        }
        for other in others {
            let result = verdict(&scene.statement, &edge(other));
            assert!(result.is_err(), "message {k}, point: {point}");
        }
    }
    for tail in [vec![0], proof[..32].to_vec(), proof.clone()] {
        let longer = [proof.clone(), tail].concat();
        let error = verdict(&scene.statement, &edge(longer)).map_err(innermost);
        assert!(matches!(error, Err(VerifyError::TrailingBytes { .. })));
    }
}

#[test]
fn every_message_counts_without_hiding() {
    every_message_counts(false, 1);
}

#[test]
fn every_message_counts_with_hiding() {
    every_message_counts(true, 3);
}

/// Bytes changed at random: an error, never a panic.
#[test]
fn changed_bytes_are_refused() {
    let rng = &mut ChaCha20Rng::seed_from_u64(10);
    for hiding in [false, true] {
        let scene = tiny(hiding);
        let proof = scene.prove();
        for _ in 0..100 {
            let mut bytes = proof.0.clone();
            for _ in 0..rng.gen_range(1..4) {
                let at = rng.gen_range(0..bytes.len());
                bytes[at] ^= 1 << rng.gen_range(0..8);
            }
            if bytes != proof.0 {
                assert!(verdict(&scene.statement, &TrainingProof(bytes)).is_err());
            }
        }
    }
}

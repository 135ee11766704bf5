//! A proof can be put down after any segment and taken up again from bytes.

use crate::common::{Case, Story};
use std::ops::ControlFlow;
use zktree::{
    Pallas,
    error::ProveError,
    nn::{SegmentProver, argument::Pending, proof},
};

fn story(hiding: bool) -> Story<Pallas> {
    Story::new(&Case {
        network: "3,5,2".parse().unwrap(),
        batch: 3,
        steps: 5,
        segment_steps: 2,
        seed: 1,
        hiding,
        fixed: crate::common::tiny(),
    })
}

fn start(story: &Story<Pallas>, second: bool) -> SegmentProver<'_, Pallas> {
    let rng = &mut story.rng.clone();
    let (data, root) = (&story.data, &story.root);
    match second {
        false => story.first.prover(root, &story.child, &data[0], rng),
        true => story
            .second
            .prover(&story.child, &story.grandchild, &data[1], rng),
    }
    .unwrap()
}

fn take_up<'a>(
    story: &'a Story<Pallas>,
    second: bool,
    bytes: &[u8],
) -> Result<SegmentProver<'a, Pallas>, ProveError> {
    let rng = &mut story.rng.clone();
    match second {
        false => story.first.resume(bytes, &story.child, &story.data[0], rng),
        true => story
            .second
            .resume(bytes, &story.grandchild, &story.data[1], rng),
    }
}

#[test]
fn a_resumed_proof_verifies() {
    for (hiding, second) in [(true, false), (true, true), (false, false), (false, true)] {
        let story = story(hiding);
        let mut bytes = start(&story, second).checkpoint().unwrap();
        for done in 0..3 {
            let mut prover = take_up(&story, second, &bytes).unwrap();
            assert_eq!((prover.done(), prover.total()), (done, 3));
            assert!(prover.prove_next().unwrap());
            bytes = prover.checkpoint().unwrap();
            prover = take_up(&story, second, &bytes).unwrap();
            assert_eq!(prover.checkpoint().unwrap(), bytes);
            assert_eq!(prover.finish().is_some(), done == 2);
        }
        let mut prover = take_up(&story, second, &bytes).unwrap();
        assert!(!prover.prove_next().unwrap());
        let proof = prover.finish().unwrap();
        let statement = if second { &story.second } else { &story.first };
        Pending::check_all(&statement.verify(&proof).unwrap()).unwrap();
    }
}

/// Values kept from training give a proof that verifies; those of another run are left aside.
#[test]
fn recorded_training_is_not_run_again() {
    let other = |seed, segment_steps| {
        Story::<Pallas>::new(&Case {
            network: "3,5,2".parse().unwrap(),
            batch: 3,
            steps: 5,
            segment_steps,
            seed,
            hiding: true,
            fixed: crate::common::tiny(),
        })
    };
    let record = |story: &Story<Pallas>| {
        let (data, s) = (story.data[0].dataset(), &story.first);
        let order = s.schedule().unwrap();
        let (root, go_on) = (story.root.weights(), &mut |_| ControlFlow::Continue(()));
        proof::train_recorded(&s.parameters, root, data, &order, go_on).unwrap()
    };
    let story = other(1, 5);
    assert_eq!(record(&story).0, *story.child.weights());
    for kept in [other(1, 5), other(1, 2), other(100, 5)] {
        let mut prover = start(&story, false).with_recording(record(&kept).1);
        assert!(prover.prove_next().unwrap());
        let proof = prover.finish().unwrap();
        Pending::check_all(&story.first.verify(&proof).unwrap()).unwrap();
    }
}

/// The reason why a checkpoint is refused.
fn refusal(story: &Story<Pallas>, second: bool, bytes: &[u8]) -> String {
    take_up(story, second, bytes).unwrap_err().to_string()
}

/// `bytes` with a checksum that fits.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let body = bytes.len() - 32;
    bytes.truncate(body);
    let sum = Sha256::digest(&bytes);
    bytes.extend(sum);
    bytes
}

#[test]
fn foreign_and_altered_checkpoints_are_refused() {
    let story = story(true);
    let mut prover = start(&story, false);
    assert!(prover.prove_next().unwrap());
    let bytes = prover.checkpoint().unwrap();
    for end in (0..bytes.len()).step_by(7) {
        assert!(take_up(&story, false, &bytes[..end]).is_err());
    }
    for at in (0..bytes.len()).step_by(97) {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert!(take_up(&story, false, &other).is_err());
    }
    // Behind a checksum that fits: name (8 + 20), statement (32), segments done (8), length (8) and
    // header of a weights file, whose last tensor's last scalar has its high byte at the end.
    let opening = story.child.to_safetensors().unwrap().len();
    let last = 76 + opening - 1;
    let alter = |at: usize, to: u8| {
        let mut other = bytes.clone();
        other[at] = to;
        sealed(other)
    };
    let what = |bytes: &[u8]| refusal(&story, false, bytes);
    assert!(what(&alter(8, b'Z')).contains("another version"));
    assert!(what(&alter(40, bytes[40] ^ 1)).contains("another statement"));
    assert!(what(&alter(60, 4)).contains("more segments"));
    assert!(what(&alter(60, 2)).contains("malformed"));
    assert!(what(&alter(60, 0)).contains("longer than its segments"));
    assert!(what(&alter(last, 0xff)).contains("canonical"));
    assert!(what(&alter(last, bytes[last] ^ 1)).contains("not that of the weights behind"));
    assert!(what(&alter(76 + 8, b'?')).contains("weights"));
    assert!(what(&[&bytes[..], &bytes].concat()).contains("damaged"));
    assert!(what(&[]).contains("cut short"));
    assert!(refusal(&story, true, &bytes).contains("another statement"));
    // The proof in it is only measured: a changed one is refused by the verifier.
    let mut changed = bytes.clone();
    let at = changed.len() - 40;
    changed[at] ^= 1;
    let mut prover = take_up(&story, false, &sealed(changed)).unwrap();
    while prover.prove_next().unwrap() {}
    let proof = prover.finish().unwrap();
    let refused = match story.first.verify(&proof) {
        Ok(pending) => Pending::check_all(&pending),
        Err(error) => Err(error),
    };
    refused.unwrap_err();
}

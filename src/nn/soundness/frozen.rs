//! What challenges are for. A prover who knew them beforehand could prove anything; here such
//! provers do, one for each family of challenges. Each false proof is accepted when the challenges
//! of the honest one are laid down again, and refused with those of the transcript: so everything
//! that was altered is in the transcript before the challenges that it faces.
//!
//! Most are found by linear algebra. With the challenges fixed the verifier's checks are linear in
//! whatever is added to messages, as long as no two factors of one product are altered; so each
//! solution of a system of equations is a false proof. The masked channel has that system at hand.
mod group;
mod system;

use super::{
    recorder::{Message, messages, record},
    *,
};
use crate::transcript::frozen::{self, Drawn};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};

/// An honest proof of one segment, its messages and its challenges.
struct Honest {
    scene: Scene,
    proof: Vec<u8>,
    messages: Vec<Message>,
    drawn: Vec<Drawn>,
}

impl Honest {
    fn new(hiding: bool) -> Self {
        let scene = Plan::padded(hiding).scene();
        let proof = scene.prove().0[8..].to_vec();
        let verdict = || verdict(&scene.statement, &edge(proof.clone()));
        let ((result, drawn), transcripts) = record(|| frozen::record(verdict));
        assert_eq!(result, Ok(()));
        let messages = messages(&transcripts[0]);
        Self {
            scene,
            messages,
            proof,
            drawn,
        }
    }

    /// The `nth` challenge of a label.
    fn challenge(&self, label: &str, nth: usize) -> F {
        let mut alike = self.drawn.iter().filter(|(l, _)| *l == label);
        let (_, bytes) = alike.nth(nth).unwrap();
        F::deserialize_compressed(bytes.as_slice()).unwrap()
    }

    /// All challenges of a label.
    fn challenges(&self, label: &str) -> Vec<F> {
        let count = self.drawn.iter().filter(|(l, _)| *l == label).count();
        (0..count).map(|k| self.challenge(label, k)).collect()
    }

    /// Where the messages of a label are.
    fn labelled(&self, label: &str) -> Vec<Message> {
        let alike = self.messages.iter().filter(|m| m.label == label);
        alike.cloned().collect()
    }

    /// The encoding of the statement.
    fn statement(&self) -> Vec<u8> {
        let statement = &self.scene.statement;
        let before = match &statement.parent {
            ParentWeights::Root { .. } => None,
            ParentWeights::Committed { commitment, .. } => Some(commitment),
        };
        statement.encode_segment(self.scene.segment(), before, &statement.child)
    }

    /// A false proof: true for challenges known beforehand, and only then.
    fn only_if_frozen(&self, proof: Vec<u8>, what: &str) {
        assert_ne!(proof, self.proof, "{what}");
        let verdict = || verdict(&self.scene.statement, &edge(proof.clone()));
        assert_eq!(frozen::replay(&self.drawn, verdict), Ok(()), "{what}");
        assert!(verdict().is_err(), "{what}");
    }
}

/// Adds `change` to a scalar of a proof.
fn add_scalar(proof: &mut [u8], message: &Message, change: F) {
    assert!(!message.point);
    let bytes = &mut proof[message.bytes.clone()];
    let altered = F::deserialize_compressed(&*bytes).unwrap() + change;
    altered.serialize_compressed(bytes).unwrap();
}

/// A proof for one child, replayed for another: identities are in the transcript and nowhere else.
#[test]
fn statements_are_replayed_only_if_frozen() {
    for hiding in [false, true] {
        let honest = Honest::new(hiding);
        let alterations: [fn(&mut TrainingStatement<C>); 3] = [
            |s| s.parent_id[0] ^= 1,
            |s| s.child_pre_id[31] ^= 1,
            |s| s.parameters.segment_steps += 1,
        ];
        for alter in alterations {
            let mut statement = honest.scene.statement.clone();
            alter(&mut statement);
            let verdict = || verdict(&statement, &edge(honest.proof.clone()));
            assert_eq!(frozen::replay(&honest.drawn, verdict), Ok(()));
            assert!(verdict().is_err());
        }
    }
}

/// The first segment of one proof and the second of another.
#[test]
fn proofs_are_spliced_only_if_frozen() {
    let mut plan = Plan::padded(false);
    (plan.steps, plan.segment_steps) = (2, 1);
    let scene = plan.scene();
    let mut other = scene.clone();
    other.statement.child_pre_id = [9; 32];
    let proven = [&scene, &other].map(|scene| {
        let proof = scene.prove();
        let verify = || scene.statement.verify(&proof).map(drop);
        let (result, drawn) = frozen::record(verify);
        assert_eq!(result, Ok(()));
        (proof.0, drawn)
    });
    let [(first, challenges), (second, others)] = proven;
    // Both are as long, and cut at the same places.
    let head = WeightCommitment::<C>::encoded_len(&scene.statement.parameters.architecture);
    let len = u64::from_le_bytes(first[head..head + 8].try_into().unwrap()) as usize;
    let end = head + 8 + len;
    assert_eq!(first[..head + 8], second[..head + 8]);
    let spliced = TrainingProof([&first[..end], &second[end..]].concat());
    let half = challenges.len() / 2;
    assert_eq!(challenges[half - 1].0, "batch of proofs");
    let drawn = [&challenges[..half], &others[half..]].concat();
    let verify = || scene.statement.verify(&spliced);
    let pending = frozen::replay(&drawn, verify).unwrap();
    assert_eq!(Pending::check_all(&pending), Ok(()));
    assert!(verdict(&scene.statement, &spliced).is_err());
}

//! Verifying again and again, and on many threads at once.
#[path = "library/common.rs"]
mod common;

use common::{Case, Story, tiny};
use std::sync::Mutex;
use zktree::{
    Pallas,
    nn::{TrainingProof, TrainingStatement, argument::Pending},
};

/// One test at a time, so that the memory measured is that of the test that measures.
static ALONE: Mutex<()> = Mutex::new(());

fn accepts(statement: &TrainingStatement<Pallas>, proof: &TrainingProof) -> bool {
    let verified = statement.verify(proof);
    verified.is_ok_and(|pending| Pending::check_all(&pending).is_ok())
}

/// Statements with their proofs and with proofs that are spoilt: a byte altered at a tenth, at the
/// middle and near the end, the end cut off, the other statement's.
fn family() -> Vec<(TrainingStatement<Pallas>, TrainingProof, bool)> {
    let story = Story::<Pallas>::new(&Case {
        network: "3,4,1".parse().unwrap(),
        batch: 2,
        steps: 2,
        segment_steps: 2,
        seed: 1,
        hiding: true,
        fixed: tiny(),
    });
    let (root, child) = (story.prove_root(), story.prove_child());
    let mut all = Vec::new();
    for ((statement, proof), (_, other)) in [(&root, &child), (&child, &root)] {
        let mut add = |proof: TrainingProof, good| all.push(((*statement).clone(), proof, good));
        add(proof.clone(), true);
        add(other.clone(), false);
        let length = proof.0.len();
        for at in [length / 10, length / 2, length - 2] {
            let mut bytes = proof.0.clone();
            bytes[at] ^= 1;
            add(TrainingProof(bytes), false);
        }
        add(TrainingProof(proof.0[..length - 1].to_vec()), false);
    }
    all
}

/// Resident memory in bytes, if pages are of 4096.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    4096 * pages
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_verifications_need_no_more_memory_than_fifty() {
    const BOUND: u64 = 8 << 20;
    let _alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let family = family();
    let verify = |times: usize| {
        for (statement, proof, good) in family.iter().cycle().take(times) {
            assert_eq!(accepts(statement, proof), *good);
        }
    };
    verify(50);
    let before = resident();
    verify(1000);
    let grown = resident().saturating_sub(before);
    assert!(grown < BOUND, "{grown} bytes");
}

#[test]
fn verdicts_on_eight_threads_at_once_are_right() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let family = family();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let cases = family.iter().cycle().skip(thread).take(3 * family.len());
            scope.spawn(move || {
                for (k, (statement, proof, good)) in cases.enumerate() {
                    assert_eq!(
                        accepts(statement, proof),
                        *good,
                        "case {k} of thread {thread}"
                    );
                }
            });
        }
    });
}

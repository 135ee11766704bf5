//! Bytes from outside, whatever they are: no panic, memory in proportion to them, and an end.
//!
//! The same targets run under libFuzzer, see `fuzz/README.md`; its corpus is where mutation starts
//! here.
#[path = "../../src/nn/data/tests/formats.rs"]
mod formats;
mod graphs;
mod memory;
mod proportion;
mod seeds;
mod targets;

use proptest::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use targets::ALL;

/// Memory is counted for the whole program, so that its tests go one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a target; when a test fails, the last name that it printed is the target's.
fn run((name, target): targets::Target, input: &[u8]) {
    println!("{name}");
    target(input);
}

#[test]
fn every_target_takes_its_corpus() {
    let _alone = alone();
    for target in ALL {
        let corpus = seeds::corpus(target.0);
        assert!(!corpus.is_empty(), "{}", target.0);
        corpus.iter().for_each(|input| run(target, input));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_target_takes_any_bytes(data in prop::collection::vec(any::<u8>(), 0..400)) {
        let _alone = alone();
        ALL.into_iter().for_each(|target| run(target, &data));
    }

    #[test]
    fn every_target_takes_an_altered_corpus(
        pick: prop::sample::Index,
        scripts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 4),
    ) {
        let _alone = alone();
        for target in ALL {
            let corpus = seeds::corpus(target.0);
            let input = pick.get(&corpus);
            let alter = |script: &Vec<u8>| targets::altered(input, script);
            scripts.iter().for_each(|script| run(target, &alter(script)));
        }
    }

    /// The beginning of one input and the end of another.
    #[test]
    fn every_target_takes_spliced_inputs(
        picks: [prop::sample::Index; 2],
        cuts: [prop::sample::Index; 2],
    ) {
        let _alone = alone();
        for target in ALL {
            let corpus = seeds::corpus(target.0);
            let [head, tail] = picks.map(|pick| pick.get(&corpus));
            let head = &head[..cuts[0].index(head.len() + 1)];
            let tail = &tail[cuts[1].index(tail.len() + 1)..];
            run(target, &[head, tail].concat());
        }
    }
}

//! The soundness that is told of a statement is that of the challenges its verifier draws.
use super::{
    DATA_BITS, Proven, proven,
    recorder::{Event, record},
    story,
};
use std::collections::BTreeMap;
use zktree::{Pallas, nn::proof::dataset_soundness, security::Soundness};

#[test]
fn every_challenge_is_accounted_for() {
    for hiding in [false, true] {
        for (name, proven) in proven(&story(5, hiding)) {
            let told = match &proven {
                Proven::Training(statement, _) => statement.soundness().unwrap(),
                Proven::Data(data, hiding, _) => {
                    dataset_soundness(data, DATA_BITS, *hiding).unwrap()
                }
            };
            let (pending, transcripts) = record(|| proven.verify().unwrap());
            let mut met = Soundness::new::<Pallas>();
            pending.iter().for_each(|p| met.add(p.errors(), 1));
            assert_eq!(told, met, "{name}");
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for event in transcripts.into_iter().flatten() {
                if let Event::Challenge(label) = event {
                    *counts.entry(label).or_default() += 1;
                }
            }
            for part in told.parts() {
                assert_eq!(counts.remove(part.challenge), Some(part.count));
                assert!(!part.what.is_empty(), "{} is not explained", part.challenge);
                assert!(part.error > 0 || part.challenge == "lookup beta");
            }
            assert!(counts.is_empty(), "{counts:?}");
            assert!(told.statistical_bits() > 220.0, "{name}: {told}");
        }
    }
}

/// Equation 52 by hand, for the range of a data set: one lookup of one component.
#[test]
fn the_sum_is_equation_52() {
    let story = story(5, true);
    let told = dataset_soundness(&story.first.dataset, DATA_BITS, true).unwrap();
    let error = |label| {
        let parts = told.parts();
        parts
            .iter()
            .find(|part| part.challenge == label)
            .map_or(0, |part| part.error)
    };
    // 5 rows of 3 columns, padded to 8 x 4, beside a table of 2^8: the next power of two is 2^9.
    let n = 9;
    assert_eq!(error("lookup alpha"), 1 << n);
    assert_eq!(error("lookup lambda"), n);
    assert_eq!(error("lookup rho"), n);
    // Two claims: data and multiplicities.
    assert_eq!(error("opening batching"), 2);
    let columns = error("sumcheck challenge") - 3 * n * (n - 1) / 2;
    assert_eq!(columns % 2, 0);
    assert_eq!(error("products"), 2);
    assert_eq!(error("mu"), 2);
    // Four factors and two products in each layer; a check in each layer, and two at the leaves.
    assert_eq!(error("constraints"), (n + 2) + 4 * n + 2 * n);
}

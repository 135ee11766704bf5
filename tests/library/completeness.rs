//! Honest proofs of random shapes verify, on both curves, hiding or not, in both presets.

use crate::common::{Case, Story};
use proptest::prelude::*;
use zktree::{
    commit::Curve,
    nn::{
        Architecture, FixedPoint, WeightCommitment, argument::Pending, model::Mlp, op::Nonlinearity,
    },
    poly::WideField,
};

type Bls = ark_bls12_381::G1Projective;
type Pallas = ark_pallas::Projective;

fn honest<C: Curve<ScalarField: WideField>>(case: &Case) -> Result<(), TestCaseError> {
    let story = Story::<C>::find(case);
    prop_assume!(story.is_some(), "in range");
    let story = story.unwrap();
    for (statement, proof) in [story.prove_root(), story.prove_child()] {
        Pending::check_all(&statement.verify(&proof).unwrap()).unwrap();
        // What was said of the proof before it was made: exact.
        let sizes = statement.sizes().unwrap();
        let count = sizes
            .iter()
            .map(|(_, count)| *count as usize)
            .sum::<usize>();
        let proofs = sizes
            .iter()
            .map(|(size, count)| size.proof_bytes * *count as usize);
        let between = WeightCommitment::<C>::encoded_len(&statement.parameters.architecture);
        let bytes = proofs.sum::<usize>() + 8 * count + (count - 1) * between;
        prop_assert_eq!(bytes, proof.0.len());
    }
    Ok(())
}

/// Perceptrons; with residual connections most hidden layers have one width.
fn networks(
    max_width: usize,
    functions: &'static [Nonlinearity],
) -> impl Strategy<Value = Architecture> {
    (
        prop::collection::vec(1..=max_width, 2..=5),
        prop::sample::select(functions),
        any::<bool>(),
    )
        .prop_map(|(mut widths, activation, residual)| {
            let last = widths.len() - 1;
            if residual && last > 1 {
                let width = widths[1];
                widths[1..last].fill(width);
            }
            let mlp = Mlp {
                widths,
                activation,
                residual,
            };
            Architecture::perceptron(&mlp).unwrap()
        })
}

/// No table of the paper's preset is of a function.
const RELU: &[Nonlinearity] = &[Nonlinearity::Relu];

fn cases(
    fixed: FixedPoint,
    network: impl Strategy<Value = Architecture>,
) -> impl Strategy<Value = Case> {
    (
        network,
        1usize..=9,
        1u64..=9,
        1u64..=9,
        any::<u64>(),
        any::<bool>(),
    )
        .prop_map(
            move |(network, batch, steps, segment_steps, seed, hiding)| Case {
                network,
                batch,
                steps,
                segment_steps,
                seed,
                hiding,
                fixed: fixed.clone(),
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn small_tables_on_pallas(case in cases(crate::common::tiny(), networks(40, &Nonlinearity::ALL))) {
        honest::<Pallas>(&case)?;
    }

    #[test]
    fn small_tables_on_bls12_381(case in cases(crate::common::tiny(), networks(12, &Nonlinearity::ALL))) {
        honest::<Bls>(&case)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn compact_preset(case in cases(FixedPoint::compact(), networks(40, &Nonlinearity::ALL))) {
        honest::<Pallas>(&case)?;
        honest::<Bls>(&case)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1))]

    /// Tables of 2^21 entries: one case, on both curves.
    #[test]
    fn paper_preset(case in cases(FixedPoint::paper(), networks(20, RELU))) {
        honest::<Pallas>(&case)?;
        honest::<Bls>(&case)?;
    }
}

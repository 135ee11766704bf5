//! Honest proofs of random shapes verify, on both curves, hiding or not, in both presets.

use crate::common::{Case, Story};
use proptest::prelude::*;
use zktree::{
    commit::Curve,
    nn::{
        Architecture, FixedPoint, ParentWeights, WeightBound, WeightCommitment,
        argument::Pending,
        inference::{Batch, InferenceSecrets, InferenceStatement, Model, OutputClaim, RowsOpening},
        model::Mlp,
        op::Nonlinearity,
        train,
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
                classes: false,
            };
            Architecture::perceptron(&mlp).unwrap()
        })
}

/// No table of the paper's preset is of a function.
const RELU: &[Nonlinearity] = &[Nonlinearity::Relu];

/// The child's outputs on public inputs, and its error on committed rows, both proven.
fn predicts<C: Curve<ScalarField: WideField>>(case: &Case) -> Result<(), TestCaseError> {
    let story = Story::<C>::find(case);
    prop_assume!(story.is_some(), "in range");
    let story = story.unwrap();
    let (network, fixed) = (&case.network, &case.fixed);
    let (weights, data) = (story.child.weights(), story.data[0].dataset());
    let all: Vec<usize> = (0..data.num_rows()).collect();
    let (inputs, _) = data.gather(&all);
    // Training has run on some of the rows.
    let run = train::predict(fixed, weights, &inputs);
    prop_assume!(run.is_ok(), "in range");
    let error = train::squared_error(fixed, weights, data).unwrap();
    let rows = story.data[0].commit::<C>();
    let claims = [
        (
            Batch::public(network.num_inputs(), inputs),
            OutputClaim::Outputs(Batch::public(network.num_outputs(), run.unwrap())),
        ),
        (
            Batch::features(&rows),
            OutputClaim::SquaredError {
                targets: Batch::targets(&rows),
                sum: u64::try_from(error).unwrap(),
            },
        ),
    ];
    let opening = RowsOpening::from(&story.data[0]);
    for (inputs, claim) in claims {
        let committed = inputs.is_committed().then_some(&opening);
        let statement = InferenceStatement::<C> {
            model: Model {
                architecture: network.clone(),
                fixed_point: fixed.clone(),
                weights: ParentWeights::Committed {
                    commitment: story.first.child.clone(),
                    bound: WeightBound::new(1 << 40),
                },
                id: [9; 32],
            },
            inputs,
            claim,
            hiding: case.hiding,
        };
        let secrets = InferenceSecrets {
            weights: &story.child,
            inputs: committed,
            outputs: committed,
        };
        let proof = statement.prove(secrets).unwrap();
        Pending::check_all(&[statement.verify(&proof).unwrap()]).unwrap();
        prop_assert_eq!(statement.size().unwrap().proof_bytes, proof.len());
    }
    Ok(())
}

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
    fn predictions_and_errors(case in cases(crate::common::tiny(), networks(20, &Nonlinearity::ALL))) {
        predicts::<Pallas>(&case)?;
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

//! Inferences: true ones are proven, false ones are refused.
use super::*;
use crate::nn::lower::limb_widths;
use crate::{
    error::{ConfigError, ProveError},
    nn::{
        DatasetOpening, WeightOpening, argument::Pending, data::Dataset, init, soundness::tiny,
        train,
    },
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

type C = crate::Pallas;
type Scalar = <C as ark_ec::PrimeGroup>::ScalarField;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A model and the plain computation on some rows.
pub(super) struct Scene {
    pub(super) weights: WeightOpening<Scalar>,
    pub(super) model: Model<C>,
    pub(super) inputs: Vec<i64>,
    pub(super) outputs: Vec<i64>,
    pub(super) targets: Vec<i64>,
    rng: ChaCha20Rng,
    pub(super) hiding: bool,
}

impl Scene {
    pub(super) fn new(widths: &[usize], samples: usize, hiding: bool, seed: u64) -> Self {
        let architecture = Architecture::new(widths.to_vec()).unwrap();
        Self::of(architecture, samples, hiding, seed)
    }

    pub(super) fn of(architecture: Architecture, samples: usize, hiding: bool, seed: u64) -> Self {
        let mut rng = rng(seed);
        let fixed_point = tiny();
        let weights = init::expand(seed, &architecture, &fixed_point);
        let bound = WeightBound::initial(&architecture, &fixed_point);
        let weights = WeightOpening::new(weights, hiding, &mut rng);
        let mut draw = |width: usize| -> Vec<i64> {
            (0..width * samples).map(|_| rng.gen_range(-8..8)).collect()
        };
        let (inputs, targets) = (
            draw(architecture.num_inputs()),
            draw(architecture.num_outputs()),
        );
        let outputs = train::predict(&fixed_point, weights.weights(), &inputs).unwrap();
        let model = Model {
            architecture,
            fixed_point,
            weights: ParentWeights::Committed {
                commitment: weights.commit(),
                bound,
            },
            id: [7; 32],
        };
        Self {
            weights,
            model,
            inputs,
            outputs,
            targets,
            rng,
            hiding,
        }
    }

    fn widths(&self) -> [usize; 2] {
        let architecture = &self.model.architecture;
        [architecture.num_inputs(), architecture.num_outputs()]
    }

    pub(super) fn rows(&self, width: usize, values: &[i64]) -> RowsOpening<Scalar> {
        RowsOpening::new(width, values, self.hiding, &mut rand::rngs::OsRng).unwrap()
    }

    pub(super) fn statement(
        &self,
        inputs: Batch<C>,
        claim: OutputClaim<C>,
    ) -> InferenceStatement<C> {
        InferenceStatement {
            model: self.model.clone(),
            inputs,
            claim,
            hiding: self.hiding,
        }
    }

    /// Public inputs and these public outputs.
    pub(super) fn public(&self, outputs: Vec<i64>) -> InferenceStatement<C> {
        let [inputs, width] = self.widths();
        let claim = OutputClaim::Outputs(Batch::public(width, outputs));
        self.statement(Batch::public(inputs, self.inputs.clone()), claim)
    }

    pub(super) fn secrets(&self) -> InferenceSecrets<'_, Scalar> {
        InferenceSecrets {
            weights: &self.weights,
            inputs: None,
            outputs: None,
        }
    }

    pub(super) fn squared_error(&self) -> u64 {
        let pairs = self.outputs.iter().zip(&self.targets);
        pairs.map(|(y, x)| (y - x).pow(2) as u64).sum()
    }
}

fn accepted(statement: &InferenceStatement<C>, proof: &[u8]) -> bool {
    let verified = statement.verify(proof);
    verified.and_then(|p| Pending::check_all(&[p])).is_ok()
}

/// A proof that is made all the same is refused.
fn refused(statement: &InferenceStatement<C>, secrets: InferenceSecrets<'_, Scalar>) {
    let forged = statement.prove_with(secrets, false).unwrap();
    assert!(!accepted(statement, &forged));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// Completeness on all kinds of shapes; outputs are those of the specification.
    #[test]
    fn outputs_are_proven(
        widths in prop::collection::vec(1_usize..9, 2..5),
        samples in 1_usize..6,
        hiding: bool,
        committed: [bool; 2],
        seed: u64,
    ) {
        let scene = Scene::new(&widths, samples, hiding, seed);
        let (inputs, outputs) = (scene.inputs.clone(), scene.outputs.clone());
        let rows = [(widths[0], &inputs), (widths[widths.len() - 1], &outputs)];
        let openings = rows.map(|(width, values)| scene.rows(width, values));
        let batch = |k: usize| match committed[k] {
            true => Batch::committed(openings[k].commit()),
            false => Batch::public(rows[k].0, rows[k].1.clone()),
        };
        let statement = scene.statement(batch(0), OutputClaim::Outputs(batch(1)));
        let secrets = InferenceSecrets {
            inputs: Some(&openings[0]).filter(|_| committed[0]),
            outputs: Some(&openings[1]).filter(|_| committed[1]),
            ..scene.secrets()
        };
        let proof = statement.prove(secrets).unwrap();
        prop_assert!(accepted(&statement, &proof));
        prop_assert_eq!(statement.size().unwrap().proof_bytes, proof.len());
    }

    /// The sum of squared errors on public and on committed data; no other sum.
    #[test]
    fn an_error_is_proven(
        widths in prop::collection::vec(1_usize..9, 2..5),
        samples in 1_usize..6,
        hiding: bool,
        committed: bool,
        seed: u64,
    ) {
        let scene = &mut Scene::new(&widths, samples, hiding, seed);
        let (features, targets) = (widths[0], widths[widths.len() - 1]);
        let mut values = Vec::new();
        for n in 0..samples {
            values.extend(&scene.inputs[n * features..(n + 1) * features]);
            values.extend(&scene.targets[n * targets..(n + 1) * targets]);
        }
        let data = Dataset::from_rows(features, targets, values).unwrap();
        let data = DatasetOpening::<Scalar>::new(data, hiding, &mut scene.rng);
        let (commitment, opening) = (data.commit::<C>(), RowsOpening::from(&data));
        let (inputs, targets) = match committed {
            true => (Batch::features(&commitment), Batch::targets(&commitment)),
            false => (Batch::public(features, scene.inputs.clone()), Batch::public(targets, scene.targets.clone())),
        };
        let opening = Some(&opening).filter(|_| committed);
        let secrets = InferenceSecrets { inputs: opening, outputs: opening, ..scene.secrets() };
        let claim = |sum| {
            let targets = targets.clone();
            scene.statement(inputs.clone(), OutputClaim::SquaredError { targets, sum })
        };
        let truth = scene.squared_error();
        let statement = claim(truth);
        let proof = statement.prove(secrets).unwrap();
        prop_assert!(accepted(&statement, &proof));
        let plain = train::mean_squared_error(&scene.model.fixed_point, scene.weights.weights(), data.dataset());
        prop_assert_eq!(statement.mean_squared_error(), Some(plain.unwrap()));
        for other in [truth + 1, truth.wrapping_sub(1) >> 1, 0].into_iter().filter(|x| *x != truth) {
            prop_assert!(!accepted(&claim(other), &proof));
            let is_refused = matches!(claim(other).prove(secrets), Err(ProveError::Unsatisfied { .. }));
            prop_assert!(is_refused);
            let forged = claim(other).prove_with(secrets, false).unwrap();
            prop_assert!(!accepted(&claim(other), &forged));
        }
    }
}

/// Each public part of the statement is bound by the proof.
#[test]
fn an_altered_statement_is_refused() {
    for hiding in [false, true] {
        let scene = Scene::new(&[3, 5, 2], 3, hiding, 11);
        let statement = scene.public(scene.outputs.clone());
        let proof = statement.prove(scene.secrets()).unwrap();
        assert!(accepted(&statement, &proof));
        let altered = |change: &dyn Fn(&mut InferenceStatement<C>)| {
            let mut other = statement.clone();
            change(&mut other);
            assert!(!accepted(&other, &proof));
        };
        altered(&|s| s.model.id = [8; 32]);
        altered(&|s| s.hiding = !s.hiding);
        altered(&|s| s.model.weights = ParentWeights::Root { seed: 11 });
        altered(&|s| s.model.architecture = "3,6,2".parse().unwrap());
        altered(&|s| s.model.fixed_point = FixedPoint::compact());
        for k in 0..scene.inputs.len() {
            let mut inputs = scene.inputs.clone();
            inputs[k] += 1;
            altered(&|s| s.inputs = Batch::public(3, inputs.clone()));
        }
        for k in 0..scene.outputs.len() {
            let mut outputs = scene.outputs.clone();
            outputs[k] -= 1;
            altered(&|s| s.claim = OutputClaim::Outputs(Batch::public(2, outputs.clone())));
        }
        altered(&|s| {
            let targets = Batch::public(2, scene.outputs.clone());
            s.claim = OutputClaim::SquaredError { targets, sum: 0 };
        });
        // Whole rows more, fewer, and in another order.
        altered(&|s| {
            s.inputs = Batch::public(3, scene.inputs[3..].to_vec());
            s.claim = OutputClaim::Outputs(Batch::public(2, scene.outputs[2..].to_vec()));
        });
        let rotated = |values: &[i64], by: usize| {
            let mut values = values.to_vec();
            values.rotate_left(by);
            Batch::public(by, values)
        };
        altered(&|s| {
            s.inputs = rotated(&scene.inputs, 3);
            s.claim = OutputClaim::Outputs(rotated(&scene.outputs, 2));
        });
        for k in (0..proof.len()).step_by(31) {
            let mut proof = proof.clone();
            proof[k] ^= 1;
            assert!(!accepted(&statement, &proof), "byte {k}");
        }
        assert!(!accepted(&statement, &proof[..proof.len() - 1]));
    }
}

/// What a prover might try who has other weights, inputs or outputs than it says.
#[test]
fn false_inferences_are_refused() {
    for hiding in [false, true] {
        let scene = Scene::new(&[3, 5, 2], 3, hiding, 12);
        // Other outputs.
        let mut outputs = scene.outputs.clone();
        outputs[0] += 1;
        let statement = scene.public(outputs);
        assert!(matches!(
            statement.prove(scene.secrets()),
            Err(ProveError::Unsatisfied { .. })
        ));
        refused(&statement, scene.secrets());
        // Other weights, with which the outputs are true.
        let other = init::expand(99, &scene.model.architecture, &scene.model.fixed_point);
        let other = WeightOpening::new(other, hiding, &mut rng(1));
        let outputs = train::predict(&scene.model.fixed_point, other.weights(), &scene.inputs);
        let secrets = InferenceSecrets {
            weights: &other,
            ..scene.secrets()
        };
        refused(&scene.public(outputs.unwrap()), secrets);
        // Other inputs than are committed, with which the outputs are true.
        let committed = scene.rows(3, &scene.inputs);
        let mut inputs = scene.inputs.clone();
        inputs[0] += 3;
        let outputs = train::predict(&scene.model.fixed_point, scene.weights.weights(), &inputs);
        let claim = OutputClaim::Outputs(Batch::public(2, outputs.unwrap()));
        let statement = scene.statement(Batch::committed(committed.commit()), claim);
        let opening = scene.rows(3, &inputs);
        let secrets = InferenceSecrets {
            inputs: Some(&opening),
            ..scene.secrets()
        };
        refused(&statement, secrets);
        // A false root.
        let mut statement = scene.public(scene.outputs.clone());
        statement.model.weights = ParentWeights::Root { seed: 13 };
        refused(&statement, scene.secrets());
        statement.model.weights = ParentWeights::Root { seed: 12 };
        let public = WeightOpening::public(scene.weights.weights().clone());
        let secrets = InferenceSecrets {
            weights: &public,
            ..scene.secrets()
        };
        let proof = statement.prove(secrets).unwrap();
        assert!(accepted(&statement, &proof));
    }
}

/// Of inputs beyond the range of data nothing is proven, and public ones are refused.
#[test]
fn inputs_are_in_range() {
    let scene = Scene::new(&[2, 3, 1], 2, true, 14);
    let far = 1 << 20;
    let rows = scene.rows(2, &[far, 0, 0, 0]);
    let claim = OutputClaim::Outputs(Batch::public(1, vec![0; 2]));
    let statement = scene.statement(Batch::committed(rows.commit()), claim);
    let secrets = InferenceSecrets {
        inputs: Some(&rows),
        ..scene.secrets()
    };
    assert!(matches!(
        statement.prove(secrets),
        Err(ProveError::Training(_))
    ));
    let error = scene.public(vec![0; 2]);
    let error = InferenceStatement {
        inputs: Batch::public(2, vec![far, 0, 0, 0]),
        ..error
    };
    let error = error.verify(&[]).err().unwrap();
    assert!(error.to_string().contains("input 0 is 1048576"), "{error}");
}

#[test]
fn statements_that_do_not_hold_together_are_refused() {
    let scene = Scene::new(&[3, 2], 2, false, 15);
    let refused = |inputs: Batch<C>, claim: OutputClaim<C>, text: &str| {
        let error = scene.statement(inputs, claim).validate().unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    };
    let outputs = || OutputClaim::Outputs(Batch::public(2, vec![0; 4]));
    let inputs = || Batch::public(3, vec![0; 6]);
    refused(Batch::public(3, vec![]), outputs(), "at least one row");
    refused(Batch::public(3, vec![0; 5]), outputs(), "no whole rows");
    refused(Batch::public(3, vec![0; 9]), outputs(), "rows");
    refused(Batch::public(2, vec![0; 4]), outputs(), "inputs");
    refused(
        inputs(),
        OutputClaim::Outputs(Batch::public(2, vec![])),
        "at least one row",
    );
    let rows = |width, count| {
        let rows = vec![Default::default(); count];
        CommittedRows::<C>::new(width, crate::commit::RowCommitments { rows })
    };
    for width in [0, 2, 4, usize::MAX, 1 << 63] {
        let batch = Batch::committed(rows(width, 2));
        refused(batch, outputs(), "");
    }
    let batch = Batch::Committed {
        rows: rows(3, 2),
        columns: 2..5,
    };
    refused(batch, outputs(), "columns 2 to 5");
    let wide = |width| Batch::Committed {
        rows: rows(width, 2),
        columns: 0..3,
    };
    let widest = scene.statement(wide(2 << 16), outputs());
    assert_eq!(widest.validate().ok(), Some(2));
    for width in [(2 << 16) + 1, 1 << 63, usize::MAX] {
        refused(
            wide(width),
            outputs(),
            "columns 0 to 3 of committed rows of",
        );
    }
    refused(Batch::committed(rows(3, 0)), outputs(), "at least one row");
    let targets = Batch::public(2, vec![0; 4]);
    let sum = 1 << 63;
    refused(
        inputs(),
        OutputClaim::SquaredError { targets, sum },
        "63 bits",
    );
    let targets = Batch::public(2, vec![1 << 40; 4]);
    refused(
        inputs(),
        OutputClaim::SquaredError { targets, sum: 0 },
        "target 0",
    );
    // Bounded, for the verifier's memory.
    let narrow = Scene::new(&[1, 1], 1, false, 15);
    let zeros = |samples| {
        let zeros = || Batch::public(1, vec![0; samples]);
        let statement = narrow.statement(zeros(), OutputClaim::Outputs(zeros()));
        statement.validate()
    };
    assert_eq!(zeros(1 << 20), Ok(1 << 20));
    for samples in [(1 << 20) + 1, 1 << 21] {
        let max = 1 << 20;
        let expected = StatementError::TooManySamples { samples, max };
        assert_eq!(zeros(samples), Err(expected.into()));
    }
}

/// What is first in the transcript tells apart all statements: a statement that is not all in it could be
/// chosen after the challenges.
#[test]
fn every_part_of_a_statement_is_encoded() {
    let scene = Scene::new(&[3, 2], 2, true, 16);
    let rows: Vec<_> = (0..3)
        .map(|k| scene.rows(4, &[k; 8]).commit::<C>())
        .collect();
    let columns = |rows: &CommittedRows<C>, columns| Batch::Committed {
        rows: rows.clone(),
        columns,
    };
    let point = |k: usize, row: usize| rows[k].rows().rows[row];
    let mixed = |a, b| {
        let rows = crate::commit::RowCommitments { rows: vec![a, b] };
        CommittedRows::new(4, rows)
    };
    let outputs = |first| Batch::public(2, vec![first, 0, 0, 0]);
    let base = || {
        let claim = OutputClaim::Outputs(outputs(0));
        scene.statement(columns(&rows[0], 0..3), claim)
    };
    let mut statements = vec![base()];
    let mut altered = |change: &dyn Fn(&mut InferenceStatement<C>)| {
        let mut statement = base();
        change(&mut statement);
        statements.push(statement);
    };
    altered(&|s| s.model.id[31] ^= 1);
    altered(&|s| s.hiding = false);
    altered(&|s| s.model.architecture = "3,5,2".parse().unwrap());
    altered(&|s| s.model.fixed_point = FixedPoint::paper());
    altered(&|s| s.model.weights = ParentWeights::Root { seed: 16 });
    altered(&|s| s.model.weights = ParentWeights::Root { seed: 17 });
    let other = Scene::new(&[3, 2], 2, true, 17);
    altered(&|s| s.model.weights = other.model.weights.clone());
    altered(&|s| s.inputs = columns(&rows[0], 1..4));
    altered(&|s| s.inputs = columns(&rows[1], 0..3));
    altered(&|s| s.inputs = columns(&mixed(point(0, 0), point(2, 1)), 0..3));
    altered(&|s| s.inputs = columns(&mixed(point(0, 1), point(0, 0)), 0..3));
    altered(&|s| s.inputs = Batch::public(3, vec![0; 6]));
    altered(&|s| s.inputs = Batch::public(2, vec![0; 6]));
    altered(&|s| s.inputs = Batch::public(3, vec![0; 3]));
    altered(&|s| s.claim = OutputClaim::Outputs(outputs(1)));
    altered(&|s| s.claim = OutputClaim::Outputs(columns(&rows[1], 0..2)));
    for sum in [0, 1] {
        let targets = || outputs(0);
        altered(&|s| {
            s.claim = OutputClaim::SquaredError {
                targets: targets(),
                sum,
            }
        });
    }
    let targets = || columns(&rows[1], 0..2);
    altered(&|s| {
        s.claim = OutputClaim::SquaredError {
            targets: targets(),
            sum: 0,
        }
    });
    let count = statements.len();
    let mut encodings: Vec<_> = statements.iter().map(|s| s.encode()).collect();
    encodings.sort();
    encodings.dedup();
    assert_eq!(encodings.len(), count);
}

/// What a verifier builds is bounded before it is built.
#[test]
fn too_many_values_are_refused() {
    let scene = Scene::new(&[1, 1 << 16, 1], 1, false, 15);
    let zeros = || Batch::public(1, vec![0; 1 << 18]);
    let statement = scene.statement(zeros(), OutputClaim::Outputs(zeros()));
    assert!(statement.validate().is_ok());
    let error = statement.size().unwrap_err().to_string();
    assert!(error.contains("too many values"), "{error}");
}

/// Limbs sum to the bits, for any number of values.
#[test]
fn limbs_are_longer_for_more_values() {
    for bits in 0..=63 {
        let mut last = 0;
        for values in (0..40).map(|k| 1 << k).chain([0, usize::MAX]) {
            let widths = limb_widths(bits, values);
            assert_eq!(widths.iter().sum::<u32>(), bits);
            assert!(bits == 0 || widths.iter().all(|width| (1..=22).contains(width)));
            let longest = widths.into_iter().max().unwrap_or(0);
            assert!(
                values == 0 || longest >= last,
                "longer tables for more values"
            );
            last = longest;
        }
    }
}

/// Few values have small tables: of remainders, of values, of committed rows.
#[test]
fn tables_are_in_proportion_to_values() {
    for fixed_point in [FixedPoint::compact(), FixedPoint::paper()] {
        let mut scene = Scene::new(&[3, 5, 2], 1, false, 15);
        scene.model.fixed_point = fixed_point;
        let inputs = Batch::committed(scene.rows(3, &[0; 3]).commit());
        let targets = Batch::committed(scene.rows(2, &[0; 2]).commit());
        let claim = OutputClaim::SquaredError { targets, sum: 0 };
        let size = scene.statement(inputs, claim).size().unwrap();
        // Eight kinds of tables, of at most 2^9 entries.
        assert!(size.lookups < 1 << 12, "{size:?}");
        assert!(size.committed < 1 << 12, "{size:?}");
    }
}

#[test]
fn secrets_of_another_shape_are_refused() {
    let refused = |proof: Result<Vec<u8>, ProveError>, expected: StatementError| {
        assert_eq!(proof, Err(expected.into()));
    };
    let scene = Scene::new(&[3, 5, 2], 3, true, 16);
    let statement = scene.public(scene.outputs.clone());
    let other = Scene::new(&[3, 4, 2], 3, true, 16);
    let secrets = InferenceSecrets {
        weights: &other.weights,
        ..scene.secrets()
    };
    refused(statement.prove(secrets), StatementError::OtherArchitecture);
    let rows = scene.rows(3, &scene.inputs);
    let secrets = InferenceSecrets {
        inputs: Some(&rows),
        ..scene.secrets()
    };
    refused(statement.prove(secrets), StatementError::PublicRows);
    let claim = statement.claim.clone();
    let statement = scene.statement(Batch::committed(rows.commit()), claim);
    refused(statement.prove(scene.secrets()), StatementError::NoOpening);
    let short = scene.rows(3, &scene.inputs[3..]);
    let secrets = InferenceSecrets {
        inputs: Some(&short),
        ..scene.secrets()
    };
    refused(statement.prove(secrets), StatementError::OtherRows);
}

/// Values that would wrap around a field are refused. The fields at hand are too large for any.
#[test]
fn nothing_wraps_around() {
    let scene = Scene::new(&[2, 3, 1], 2, false, 3);
    let statement = scene.public(scene.outputs.clone());
    let wraps = |bits| {
        let error = statement.validate_in(bits).err();
        matches!(
            error,
            Some(VerifyError::Statement(StatementError::Config(
                ConfigError::MayWrap { .. }
            )))
        )
    };
    let enough = (0..255).find(|bits| !wraps(*bits)).unwrap();
    assert!((25..45).contains(&enough), "{enough}");
    assert!((0..enough).all(wraps) && !wraps(255));
}

//! Cheating provers, as code: each does its best to make everything else consistent with its lie,
//! and each is refused. Without hiding the tests also say by which check; with hiding all checks
//! are one, the opening at the end.
pub(crate) mod cheats;
mod frozen;
mod hiding;
mod matrices;
mod parts;
#[path = "../../tests/soundness/recorder.rs"]
mod recorder;
mod simulator;
mod statements;
mod structure;
mod witness;

use super::{
    Architecture, Dataset, DatasetOpening, FixedPoint, FixedPointConfig, FunctionBits,
    LearningRate, ParentWeights, Schedule, ScheduleSeed, Segment, TrainingParameters,
    TrainingProof, TrainingStatement, WeightBound, WeightCommitment, WeightOpening,
    argument::{KnownMatrix, Pending},
    claim::SegmentArgument,
    commitment::weight_layout,
    init,
    layout::weight_values,
    model::Mlp,
    op::Nonlinearity,
    optimise::Optimiser,
    proof,
    relation::{Relation, Values},
};
use crate::{
    commit::{Generators, RowBlindings, hyrax},
    error::VerifyError,
    poly,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{ops::ControlFlow, sync::Arc};

type C = ark_pallas::Projective;
type F = ark_pallas::Fr;

const IN_TABLE: &str = "the sumcheck of the lookups ends in the sum of two fractions";
const PRODUCTS: &str = "the end of a level's sumcheck";
const PUBLIC: &str = "an input is the public one";

fn fails(check: &'static str) -> VerifyError {
    VerifyError::CheckFailed { check }
}

/// An error without its locations.
fn innermost(error: VerifyError) -> VerifyError {
    match error {
        VerifyError::In { source, .. } => innermost(*source),
        error => error,
    }
}

/// A format with very small tables.
fn small_format() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 2,
        gradient_bits: 3,
        weight_bits: 8,
        limbs: vec![4, 4],
        hidden_range_bits: 7,
        output_range_bits: 8,
        gradient_range_bits: 9,
        data_range_bits: 5,
        functions: None,
    })
    .unwrap()
}

/// A small format, so that tables are small.
pub(crate) fn tiny() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 4,
        gradient_bits: 5,
        weight_bits: 14,
        limbs: vec![6, 8],
        hidden_range_bits: 11,
        output_range_bits: 12,
        gradient_range_bits: 12,
        data_range_bits: 8,
        // Two classes, at most.
        functions: Some(FunctionBits {
            probability_bits: 5,
            score_bits: 2,
            exponential_bits: 10,
            level_range_bits: 11,
            score_gradient_bits: 5,
            mean_bits: 1,
            root_bits: 4,
            row_bits: 1,
            norm_range_bits: 14,
        }),
    })
    .unwrap()
}

/// What is trained, and all secrets.
#[derive(Clone)]
struct Scene {
    statement: TrainingStatement<C>,
    parent: WeightOpening<F>,
    child: WeightOpening<F>,
    data: DatasetOpening<F>,
}

/// What to make a scene of.
#[derive(Clone)]
struct Plan {
    widths: Vec<usize>,
    batch: usize,
    steps: u64,
    segment_steps: u64,
    hiding: bool,
    root: bool,
    activation: Nonlinearity,
    optimiser: Optimiser,
}

/// Plain gradient descent by one unit.
fn one_unit() -> Optimiser {
    LearningRate::from_coefficient(1).unwrap().into()
}

impl Plan {
    /// Padded in every direction: 3 of 4 samples, 3 of 4 steps, 3 of 4 units.
    fn padded(hiding: bool) -> Self {
        Self {
            widths: vec![3, 3, 3],
            batch: 3,
            steps: 3,
            segment_steps: 3,
            hiding,
            root: false,
            activation: Nonlinearity::Relu,
            optimiser: one_unit(),
        }
    }

    /// Weights are finer where a rate is many units.
    fn format(&self) -> FixedPoint {
        let small = small_format();
        match self.optimiser.rate().coefficient() < Optimiser::LEAST_UNITS {
            true => small,
            false => FixedPoint::new(FixedPointConfig {
                weight_bits: 16,
                limbs: vec![8, 8],
                ..small.config().clone()
            })
            .unwrap(),
        }
    }

    /// The first scene whose training stays in range.
    fn scene(&self) -> Scene {
        (0..).find_map(|seed| Scene::new(self, seed)).unwrap()
    }
}

impl Scene {
    fn new(plan: &Plan, seed: u64) -> Option<Self> {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let fixed = plan.format();
        let architecture = Architecture::perceptron(&Mlp {
            widths: plan.widths.clone(),
            activation: plan.activation,
            residual: false,
            classes: false,
        })
        .unwrap();
        let parameters = TrainingParameters {
            architecture: architecture.clone(),
            fixed_point: fixed.clone(),
            optimiser: plan.optimiser,
            batch: plan.batch,
            steps: plan.steps,
            segment_steps: plan.segment_steps,
            hiding: plan.hiding,
        };
        let (features, targets) = (architecture.num_inputs(), architecture.num_targets());
        let values = (0..(plan.batch + 2) * (features + targets))
            .map(|_| rng.gen_range(-6..6))
            .collect();
        let dataset = Dataset::from_rows(features, targets, values).unwrap();
        let data = DatasetOpening::new(dataset, plan.hiding, rng);
        let mut weights = init::expand(seed, &architecture, &fixed);
        if !plan.root && architecture.num_layers() > 1 {
            // The first hidden unit is dead at first: `Y = 0` there in the first step.
            let mut layers = weights.into_layers();
            let outputs = architecture.outputs(0);
            layers[0]
                .weight_mut()
                .iter_mut()
                .step_by(outputs)
                .for_each(|w| *w = 0);
            weights = super::Weights::new(architecture, layers).unwrap();
        }
        let parent = WeightOpening::new(weights, plan.hiding, rng);
        let schedule = ScheduleSeed([3; 32]);
        let order = Schedule::new(schedule, data.dataset().num_rows(), plan.batch).unwrap();
        let go = &mut |_| ControlFlow::Continue(());
        let (from, with) = (parent.weights(), data.dataset());
        let weights = proof::train_weights(&parameters, from, with, &order, go).ok()?;
        let child = WeightOpening::new(weights, plan.hiding, rng);
        let statement = TrainingStatement {
            parameters,
            parent: match plan.root {
                true => ParentWeights::Root { seed },
                false => ParentWeights::Committed {
                    commitment: parent.commit(),
                    bound: WeightBound::new(1 << 40),
                },
            },
            child: child.commit(),
            dataset: data.commit(),
            schedule,
            parent_id: [1; 32],
            child_pre_id: [2; 32],
        };
        Some(Self {
            statement,
            parent,
            child,
            data,
        })
    }

    /// The honest proof.
    fn prove(&self) -> TrainingProof {
        let rng = &mut ChaCha20Rng::from_entropy();
        let go = &mut |_| ControlFlow::Continue(());
        self.statement
            .prove(&self.parent, &self.child, &self.data, rng, go)
            .unwrap()
    }

    fn segment(&self) -> Segment {
        Segment {
            index: 0,
            first_step: 0,
            steps: self.statement.parameters.steps,
        }
    }

    fn at_root(&self) -> bool {
        matches!(self.statement.parent, ParentWeights::Root { .. })
    }

    fn parts(&self) -> SegmentArgument<F> {
        self.statement
            .segment_argument(self.segment(), self.at_root())
            .unwrap()
    }

    fn blindings(&self, rows: usize, rng: &mut ChaCha20Rng) -> RowBlindings<F> {
        match self.statement.parameters.hiding {
            true => RowBlindings::random(rows, rng),
            false => RowBlindings::zero(rows),
        }
    }
}

/// Verifies everything.
fn verdict(statement: &TrainingStatement<C>, proof: &TrainingProof) -> Result<(), VerifyError> {
    let pending = statement.verify(proof)?;
    Pending::check_all(&pending)
}

/// A proof of one segment as the proof of an edge.
fn edge(segment: Vec<u8>) -> TrainingProof {
    let mut bytes = (segment.len() as u64).to_le_bytes().to_vec();
    bytes.extend(segment);
    TrainingProof(bytes)
}

/// Counts how often each table entry is used; tuples that are in no table are left out.
pub(crate) fn count(relation: &Relation<F>, values: &mut Values) {
    for (number, (table, multiplicities)) in relation.tables.iter().enumerate() {
        let mut counts = vec![0i64; 1 << table.num_vars()];
        for (_, tensors) in relation.lookups.iter().filter(|(t, _)| *t == number) {
            for position in 0..1usize << relation.num_vars(tensors[0]) {
                let entry = |id| {
                    let column: Option<&Arc<Vec<i64>>> = values.get(id);
                    column.and_then(|c| c.get(position)).copied().unwrap_or(0)
                };
                let tuple: Vec<i64> = tensors.iter().map(entry).collect();
                if let Some(index) = table.index(&tuple) {
                    counts[index] += 1;
                }
            }
        }
        values.insert(*multiplicities, Arc::new(counts));
    }
}

/// What a prover shows: a statement of one segment, a witness and openings, all of its choice.
struct Attempt {
    statement: TrainingStatement<C>,
    parts: SegmentArgument<F>,
    values: Values,
    known: Vec<KnownMatrix<F>>,
}

impl Attempt {
    /// Proves, and verifies against the statement.
    fn verdict(&self) -> Result<(), VerifyError> {
        let statement = &self.statement;
        let segment = Segment {
            index: 0,
            first_step: 0,
            steps: statement.parameters.steps,
        };
        let before = match &statement.parent {
            ParentWeights::Root { .. } => None,
            ParentWeights::Committed { commitment, .. } => Some(commitment),
        };
        let encoded = statement.encode_segment(segment, before, &statement.child);
        let proof = self
            .parts
            .argument
            .prove::<C>(&encoded, &self.values, &self.known, false)
            .unwrap();
        verdict(statement, &edge(proof))
    }

    /// Proves, and verifies against the prover's own relation.
    fn by_its_own_relation(&self) -> Result<(), VerifyError> {
        let before = match &self.statement.parent {
            ParentWeights::Committed { commitment, .. } => commitment.layers(),
            ParentWeights::Root { .. } => &[],
        };
        let commitments: Vec<_> = before
            .iter()
            .chain(self.statement.child.layers())
            .chain([self.statement.dataset.rows()])
            .collect();
        let argument = &self.parts.argument;
        let proof = argument.prove::<C>(b"careless", &self.values, &self.known, false);
        let pending = argument.verify(b"careless", &commitments, &proof.unwrap())?;
        Pending::check_all(&[pending])
    }

    /// Commits to the child's weights as they are in the witness, garbage in padding included.
    fn commit_child(&mut self, scene: &Scene) {
        let rng = &mut ChaCha20Rng::seed_from_u64(99);
        let architecture = &self.statement.parameters.architecture;
        let first = self.known.len() - 1 - architecture.num_layers();
        let mut layers = Vec::new();
        for (k, tensors) in self.parts.training.parameters().iter().enumerate() {
            let tensor = tensors.last.unwrap();
            let layout = weight_layout(architecture, k);
            let known = KnownMatrix {
                values: self.values[&tensor].clone(),
                blindings: scene.blindings(layout.num_rows(), rng),
            };
            let gens = Generators::<C>::get(1 << layout.row_vars(), 0);
            let slices = layout.slices(&known.values);
            layers.push(hyrax::commit_slices(&gens, &slices, &known.blindings));
            self.known[first + k] = known;
        }
        self.statement.child = WeightCommitment::from_layers(layers);
    }
}

/// Runs a test of cheats with hiding off and on. Without hiding the check that fails is told.
fn refused(expected: VerifyError, attempt: impl Fn(bool) -> Attempt) {
    for hiding in [false, true] {
        let error = attempt(hiding).verdict().map_err(innermost).unwrap_err();
        let expected = if hiding {
            VerifyError::Opening
        } else {
            expected.clone()
        };
        assert_eq!(error, expected, "hiding: {hiding}");
    }
}

fn accepted(attempt: impl Fn(bool) -> Attempt) {
    for hiding in [false, true] {
        assert_eq!(attempt(hiding).verdict(), Ok(()), "hiding: {hiding}");
    }
}

/// `W_l[j, i, h]` of every layer, as large integers.
pub(crate) fn wide_weights(opening: &WeightOpening<F>) -> Vec<Vec<i128>> {
    (0..opening.weights().architecture().num_layers())
        .map(|k| {
            let values = weight_values(opening.weights(), k);
            let mut values: Vec<i128> = values.into_iter().map(i128::from).collect();
            let shape = &opening.weights().architecture().shapes()[k];
            let width = shape.outputs.next_power_of_two();
            values.resize((2 * width) << shape.row_vars(), 0);
            values
        })
        .collect()
}

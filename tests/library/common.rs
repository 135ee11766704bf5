//! A small family of models for the integration tests: a root, its child on one data set, a
//! grandchild on another.
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::ops::ControlFlow;
use zktree::{
    commit::Curve,
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, FixedPointConfig, LearningRate,
        ParentWeights, Schedule, ScheduleSeed, TrainingParameters, TrainingProof,
        TrainingStatement, WeightBound, WeightOpening, init, proof,
    },
    poly::WideField,
};

/// A format with small tables, so that tests are fast.
pub fn tiny() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 4,
        gradient_bits: 5,
        weight_bits: 14,
        limbs: vec![6, 8],
        hidden_range_bits: 12,
        output_range_bits: 13,
        gradient_range_bits: 14,
        data_range_bits: 8,
        functions: None,
    })
    .unwrap()
}

/// What to train.
#[derive(Debug, Clone)]
pub struct Case {
    pub network: Architecture,
    pub batch: usize,
    pub steps: u64,
    pub segment_steps: u64,
    pub seed: u64,
    pub hiding: bool,
    pub fixed: FixedPoint,
}

/// Weights and statement of two generations.
pub struct Story<C: Curve> {
    pub root: WeightOpening<C::ScalarField>,
    pub child: WeightOpening<C::ScalarField>,
    pub grandchild: WeightOpening<C::ScalarField>,
    pub data: [DatasetOpening<C::ScalarField>; 2],
    pub first: TrainingStatement<C>,
    pub second: TrainingStatement<C>,
    pub rng: ChaCha20Rng,
}

impl<C: Curve<ScalarField: WideField>> Story<C> {
    /// Trains a child of the root and a grandchild. Seeds whose training leaves its range are
    /// passed over.
    pub fn new(case: &Case) -> Self {
        Self::find(case).expect("a seed of 64 whose training stays in range")
    }

    /// The same, unless training leaves its range for all of 64 seeds: small formats do not hold
    /// every shape.
    pub fn find(case: &Case) -> Option<Self> {
        (0..64).find_map(|attempt| Self::attempt(case, case.seed.wrapping_add(attempt)))
    }

    fn attempt(case: &Case, seed: u64) -> Option<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let architecture = case.network.clone();
        let parameters = TrainingParameters {
            architecture: architecture.clone(),
            fixed_point: case.fixed.clone(),
            optimiser: LearningRate::from_coefficient(3).unwrap().into(),
            batch: case.batch,
            steps: case.steps,
            segment_steps: case.segment_steps,
            hiding: case.hiding,
        };
        let one = 1i64 << case.fixed.activation_bits();
        let data = |rng: &mut ChaCha20Rng, extra| {
            let (features, targets) = (architecture.num_inputs(), architecture.num_outputs());
            let rows = case.batch + extra;
            let values = (0..rows * (features + targets))
                .map(|_| rng.gen_range(-one..=one))
                .collect();
            let dataset = Dataset::from_rows(features, targets, values).unwrap();
            DatasetOpening::new(dataset, case.hiding, rng)
        };
        let data = [data(&mut rng, 3), data(&mut rng, 0)];
        let root = init::expand(seed, &architecture, &case.fixed);
        let root = WeightOpening::new(root, case.hiding, &mut rng);
        let mut statement = |parent: ParentWeights<C>,
                             k: usize,
                             from: &WeightOpening<C::ScalarField>| {
            let schedule = ScheduleSeed([k as u8; 32]);
            let order = Schedule::new(schedule, data[k].dataset().num_rows(), case.batch).unwrap();
            let weights = proof::train_weights(
                &parameters,
                from.weights(),
                data[k].dataset(),
                &order,
                &mut |_| ControlFlow::Continue(()),
            )
            .ok()?;
            let child = WeightOpening::new(weights, case.hiding, &mut rng);
            let statement = TrainingStatement {
                parameters: parameters.clone(),
                parent,
                child: child.commit(),
                dataset: data[k].commit(),
                schedule,
                parent_id: [k as u8; 32],
                child_pre_id: [k as u8 + 1; 32],
            };
            Some((child, statement))
        };
        let (child, first) = statement(ParentWeights::Root { seed }, 0, &root)?;
        let parent = ParentWeights::Committed {
            commitment: first.child.clone(),
            bound: WeightBound::new(1 << 40),
        };
        let (grandchild, second) = statement(parent, 1, &child)?;
        Some(Self {
            root,
            child,
            grandchild,
            data,
            first,
            second,
            rng,
        })
    }

    pub fn prove_root(&self) -> (&TrainingStatement<C>, TrainingProof) {
        let proof = self.first.prove(
            &self.root,
            &self.child,
            &self.data[0],
            &mut self.rng.clone(),
            &mut |_| ControlFlow::Continue(()),
        );
        (&self.first, proof.unwrap())
    }

    pub fn prove_child(&self) -> (&TrainingStatement<C>, TrainingProof) {
        let proof = self.second.prove(
            &self.child,
            &self.grandchild,
            &self.data[1],
            &mut self.rng.clone(),
            &mut |_| ControlFlow::Continue(()),
        );
        (&self.second, proof.unwrap())
    }
}

//! A training edge, proven and verified, beside the plain integer training of the same steps:
//! 11-64-64-1, batch 32, 64 steps in one segment, preset `compact`, hiding.
//!
//! Set `RAYON_NUM_THREADS` for the number of threads.
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{hint::black_box, ops::ControlFlow};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, LearningRate, ParentWeights, Progress,
        Schedule, ScheduleSeed, TrainingParameters, TrainingStatement, WeightOpening, Weights,
        argument::Pending, init, proof,
    },
    poly::WideField,
};

const BATCH: usize = 32;
const STEPS: usize = 64;
const SEED: u64 = 1;
const SCHEDULE: ScheduleSeed = ScheduleSeed([1; 32]);

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn parameters() -> TrainingParameters {
    TrainingParameters {
        architecture: Architecture::new(vec![11, 64, 64, 1]).expect("the widths are valid"),
        fixed_point: FixedPoint::compact(),
        rate: LearningRate::from_coefficient(1).expect("the rate is valid"),
        batch: BATCH,
        steps: STEPS as u64,
        segment_steps: STEPS as u64,
        hiding: true,
    }
}

/// Random data, each row used once.
fn data(parameters: &TrainingParameters, rng: &mut ChaCha20Rng) -> Dataset {
    let one = 1i64 << parameters.fixed_point.activation_bits();
    let architecture = &parameters.architecture;
    let (inputs, outputs) = (architecture.num_inputs(), architecture.num_outputs());
    let values = (0..BATCH * STEPS * (inputs + outputs)).map(|_| rng.gen_range(-one..=one));
    Dataset::from_rows(inputs, outputs, values.collect()).expect("the data are whole rows")
}

struct Setup {
    parameters: TrainingParameters,
    data: Dataset,
    schedule: Schedule,
    root: Weights,
}

impl Setup {
    fn new() -> Self {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let parameters = parameters();
        Self {
            data: data(&parameters, rng),
            schedule: Schedule::new(SCHEDULE, BATCH * STEPS, BATCH).expect("the batch fits"),
            root: init::expand(SEED, &parameters.architecture, &parameters.fixed_point),
            parameters,
        }
    }

    fn train(&self) -> Weights {
        let (parameters, root) = (&self.parameters, &self.root);
        proof::train_weights(parameters, root, &self.data, &self.schedule, &mut go_on)
            .expect("no value leaves its range")
    }
}

fn edge<C: Curve<ScalarField: WideField>>(c: &mut Criterion, setup: &Setup, curve: &str) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let data = DatasetOpening::new(setup.data.clone(), true, rng);
    let root = WeightOpening::new(setup.root.clone(), false, rng);
    let child = WeightOpening::new(setup.train(), true, rng);
    let statement = TrainingStatement::<C> {
        parameters: setup.parameters.clone(),
        parent: ParentWeights::Root { seed: SEED },
        child: child.commit(),
        dataset: data.commit(),
        schedule: SCHEDULE,
        parent_id: [0; 32],
        child_pre_id: [0; 32],
    };
    let mut prove = || {
        let proof = statement.prove(&root, &child, &data, rng, &mut go_on);
        proof.expect("the statement is true")
    };
    let proof = prove();
    println!("training/{curve}: a proof of {} bytes", proof.0.len());

    let mut group = c.benchmark_group("training");
    group.sample_size(10);
    group.throughput(Throughput::Elements(STEPS as u64));
    group.bench_function(BenchmarkId::new("prove", curve), |b| b.iter(&mut prove));
    group.bench_function(BenchmarkId::new("verify", curve), |b| {
        b.iter(|| Pending::check_all(&statement.verify(black_box(&proof))?));
    });
    group.finish();
}

fn training(c: &mut Criterion) {
    let setup = Setup::new();
    let mut group = c.benchmark_group("training");
    group.throughput(Throughput::Elements(STEPS as u64));
    group.bench_function("plain", |b| b.iter(|| setup.train()));
    group.finish();
    edge::<Bls12381>(c, &setup, "bls12-381");
    edge::<Pallas>(c, &setup, "pallas");
}

criterion_group!(benches, training);
criterion_main!(benches);

//! A training edge at three sizes, proven and verified, beside the plain integer training of the
//! same steps.
//!
//! Set `RAYON_NUM_THREADS` for the number of threads.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{hint::black_box, ops::ControlFlow, time::Duration};
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

const SEED: u64 = 1;
const SCHEDULE: ScheduleSeed = ScheduleSeed([1; 32]);

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A run in one segment.
struct Setup {
    name: &'static str,
    parameters: TrainingParameters,
    data: Dataset,
    schedule: Schedule,
    root: Weights,
}

impl Setup {
    fn new(name: &'static str, batch: usize, steps: usize) -> Self {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let architecture: Architecture = name.parse().expect("the widths are valid");
        let fixed_point = FixedPoint::compact();
        let (inputs, outputs) = (architecture.num_inputs(), architecture.num_outputs());
        let (rows, one) = (batch * steps, 1i64 << fixed_point.activation_bits());
        let values = (0..rows * (inputs + outputs)).map(|_| rng.gen_range(-one..=one));
        let data = Dataset::from_rows(inputs, outputs, values.collect());
        Self {
            name,
            data: data.expect("the data are whole rows"),
            schedule: Schedule::new(SCHEDULE, rows, batch).expect("the batch fits"),
            root: init::expand(SEED, &architecture, &fixed_point),
            parameters: TrainingParameters {
                architecture,
                fixed_point,
                optimiser: LearningRate::from_coefficient(1)
                    .expect("the rate is valid")
                    .into(),
                batch,
                steps: steps as u64,
                segment_steps: steps as u64,
                hiding: true,
            },
        }
    }

    fn train(&self) -> Weights {
        let (parameters, root) = (&self.parameters, &self.root);
        proof::train_weights(parameters, root, &self.data, &self.schedule, &mut go_on)
            .expect("no value leaves its range")
    }
}

fn edge<C: Curve<ScalarField: WideField>>(c: &mut Criterion, setup: &Setup) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let data = DatasetOpening::new(setup.data.clone(), true, rng);
    let root = WeightOpening::public(setup.root.clone());
    let known = root.commit::<C>();
    let child = WeightOpening::new(setup.train(), true, rng);
    let commit = || child.commit_by_update(&root, &known, 1);
    let statement = TrainingStatement::<C> {
        parameters: setup.parameters.clone(),
        parent: ParentWeights::Root { seed: SEED },
        child: commit(),
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
    let name = format!("training/{}/{}", C::NAME, setup.name);
    println!("{name}: a proof of {} bytes", proof.0.len());
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(setup.parameters.steps));
    group.bench_function("plain", |b| b.iter(|| setup.train()));
    group.bench_function("commit the child", |b| b.iter(commit));
    group.bench_function("commit the child directly", |b| {
        b.iter(|| child.commit::<C>())
    });
    group.bench_function("prove", |b| b.iter(&mut prove));
    group.bench_function("verify", |b| {
        b.iter(|| Pending::check_all(&statement.verify(black_box(&proof))?));
    });
}

fn training(c: &mut Criterion) {
    for (name, batch, steps) in [
        ("11,64,64,1", 32, 16),
        ("256,256,256,10", 64, 4),
        ("512,512,512,10", 64, 4),
    ] {
        let setup = Setup::new(name, batch, steps);
        edge::<Bls12381>(c, &setup);
        edge::<Pallas>(c, &setup);
    }
}

criterion_group!(benches, training);
criterion_main!(benches);

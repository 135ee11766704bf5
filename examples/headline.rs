//! Trains, proves and verifies one run on synthetic data of any shape, and says what it cost.
//!
//! ```text
//! cargo run --release --example headline -- --layers 11,64,64,1 --batch 32 --steps 64
//! cargo run --release --example headline -- \
//!     --layers 3072,1024,1024,1024,1024,1024,1024,1024,10 --batch 64 --steps 2
//! ```
use clap::Parser;
use rand::{Rng, SeedableRng};
use std::{
    collections::BTreeMap,
    error::Error,
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tracing::{Subscriber, span::Id};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};
use zktree::{
    commit::Curve,
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, LearningRate, ParentWeights, Schedule,
        ScheduleSeed, TrainingParameters, TrainingStatement, WeightOpening, argument::Pending,
        init, proof,
    },
    poly::WideField,
};

#[derive(Parser)]
struct Options {
    /// Widths of the network, inputs first.
    #[arg(long, default_value = "11,64,64,1")]
    layers: Architecture,
    /// Samples in a batch.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Steps, proven in one segment.
    #[arg(long, default_value_t = 64)]
    steps: u64,
    /// Number formats: compact or paper.
    #[arg(long, default_value = "compact")]
    preset: String,
    /// Commitment group: bls12-381 or pallas.
    #[arg(long, default_value = "bls12-381")]
    curve: String,
    /// Prove without hiding.
    #[arg(long)]
    no_hiding: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match options.curve.as_str() {
        "bls12-381" => run::<ark_bls12_381::G1Projective>(&options),
        "pallas" => run::<ark_pallas::Projective>(&options),
        other => Err(format!("unknown curve {other}: bls12-381 or pallas").into()),
    }
}

fn run<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<(), Box<dyn Error>> {
    let phases = Phases::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(phases.clone()))?;
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let rng = &mut rng;
    let fixed_point = FixedPoint::from_preset(&options.preset)?;
    let architecture = options.layers.clone();
    let hiding = !options.no_hiding;
    let parameters = TrainingParameters {
        rate: LearningRate::from_coefficient(1)?,
        architecture: architecture.clone(),
        fixed_point: fixed_point.clone(),
        batch: options.batch,
        steps: options.steps,
        segment_steps: options.steps,
        hiding,
    };
    let rows = options.batch * options.steps as usize;
    let width = architecture.num_inputs() + architecture.num_outputs();
    let one = 1i64 << fixed_point.activation_bits();
    let values = (0..rows * width)
        .map(|_| rng.gen_range(-one..=one))
        .collect();
    let data = Dataset::from_rows(
        architecture.num_inputs(),
        architecture.num_outputs(),
        values,
    )?;
    let schedule = ScheduleSeed([1; 32]);
    println!(
        "{} parameters, {} threads",
        architecture.num_parameters(),
        threads()
    );

    let weights = time("expand the root", || {
        init::expand(1, &architecture, &fixed_point)
    });
    let root = WeightOpening::new(weights, hiding, rng);
    let data = DatasetOpening::new(data, hiding, rng);
    let order = Schedule::new(schedule, rows, options.batch)?;
    let weights = time("train", || {
        let sink = &mut |_| ControlFlow::Continue(());
        proof::train_weights(&parameters, root.weights(), data.dataset(), &order, sink)
    })?;
    let child = WeightOpening::new(weights, hiding, rng);
    let dataset = time("commit the data", || data.commit::<C>());
    let statement = TrainingStatement::<C> {
        parameters,
        parent: ParentWeights::Root { seed: 1 },
        child: time("commit the child", || child.commit()),
        dataset,
        schedule,
        parent_id: [0; 32],
        child_pre_id: [0; 32],
    };
    let proof = time("prove", || {
        statement.prove(
            &root,
            &child,
            &data,
            rng,
            &mut |_| ControlFlow::Continue(()),
        )
    })?;
    for (phase, time) in phases.0.lock().map_err(|_| "a thread panicked")?.iter() {
        println!(
            "{:>24} {:>12.3} s",
            format!("of which {phase}"),
            time.as_secs_f64()
        );
    }
    let pending = time("verify, messages", || statement.verify(&proof))?;
    time("verify, group", || Pending::check_all(&pending))?;
    println!("{:>24} {:>10} bytes", "proof", proof.0.len());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find(|line| line.starts_with("VmHWM"));
        println!("{:>24} {}", "peak memory", peak.unwrap_or("unknown"));
    }
    Ok(())
}

/// Adds up the time of each kind of span.
#[derive(Clone, Default)]
struct Phases(Arc<Mutex<BTreeMap<&'static str, Duration>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Phases {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let (Some(start), Ok(mut phases)) = (span.extensions().get::<Instant>(), self.0.lock()) {
            *phases.entry(span.name()).or_default() += start.elapsed();
        }
    }
}

fn time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what:>24} {:>10.3} s", start.elapsed().as_secs_f64());
    result
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

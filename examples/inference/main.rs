//! Proves and verifies predictions of a network of any shape, and says what it cost.
//!
//! ```text
//! cargo run --release --example inference -- --layers 784,512,512,10 --batch 1
//! ```
//!
//! With a network that was trained elsewhere, as JSON:
//!
//! ```text
//! cargo run --release --example inference -- --model mlp.onnx --batch 64 --json
//! ```
#[path = "../headline/phases.rs"]
mod phases;
mod report;
#[path = "../headline/work.rs"]
mod work;

use clap::Parser;
use phases::Phases;
use rand::{Rng, SeedableRng};
use report::Report;
use std::{error::Error, path::PathBuf};
use work::{peak_memory, timed};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Architecture, FixedPoint, ParentWeights, WeightBound, WeightGrid, WeightOpening,
        argument::Pending,
        import::FloatModel,
        inference::{Batch, InferenceSecrets, InferenceStatement, Model, OutputClaim},
        init, train,
    },
    poly::WideField,
};

#[derive(Parser)]
struct Options {
    /// Number formats: compact or paper.
    #[arg(long, default_value = "compact")]
    preset: String,
    /// Commitment group: bls12-381 or pallas.
    #[arg(long, default_value = "bls12-381")]
    curve: String,
    /// Widths of a network with random weights, inputs first.
    #[arg(long, default_value = "784,512,512,10")]
    layers: Architecture,
    /// A network that was trained elsewhere, .onnx or .safetensors, instead.
    #[arg(long, conflicts_with = "layers")]
    model: Option<PathBuf>,
    /// Samples in one proof.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// How often to prove and verify; of the times the least counts.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Prove without hiding.
    #[arg(long)]
    no_hiding: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let phases = Phases::install()?;
    let report = match options.curve.as_str() {
        "bls12-381" => run::<Bls12381>(&options, &phases)?,
        "pallas" => run::<Pallas>(&options, &phases)?,
        other => return Err(format!("unknown curve {other}: bls12-381 or pallas").into()),
    };
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{report}"),
    }
    Ok(())
}

fn run<C: Curve<ScalarField: WideField>>(
    options: &Options,
    phases: &Phases,
) -> Result<Report, Box<dyn Error>> {
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let fixed_point = FixedPoint::from_preset(&options.preset)?;
    let hiding = !options.no_hiding;
    let (weights, grid) = match &options.model {
        Some(file) => {
            let (weights, grid) = FloatModel::read(file, None)?.quantize(&fixed_point, 18)?;
            (weights, Some(grid))
        }
        None => (init::expand(1, &options.layers, &fixed_point), None),
    };
    let architecture = weights.architecture().clone();
    let bound = grid.map_or_else(
        || WeightBound::initial(&architecture, &fixed_point),
        WeightGrid::bound,
    );
    let one = 1_i64 << fixed_point.activation_bits();
    let inputs: Vec<i64> = (0..options.batch * architecture.num_inputs())
        .map(|_| rng.gen_range(0..=one))
        .collect();

    let (outputs, forward) = timed(|| train::predict(&fixed_point, &weights, &inputs));
    let weights = WeightOpening::new(weights, hiding, rng);
    let (commitment, commit) = timed(|| weights.commit::<C>());
    // Weights of unknown origin need a proof of their range, once.
    let (range, prove_range) = timed(|| match grid {
        Some(grid) => grid.prove(&weights, &commitment, hiding, &[0; 32]),
        None => Ok(Vec::new()),
    });
    let range_bytes = range?.len();
    let commitment_bytes = commitment.encode().len();
    let statement = InferenceStatement {
        model: Model {
            architecture: architecture.clone(),
            fixed_point,
            weights: ParentWeights::Committed { commitment, bound },
            id: [0; 32],
        },
        inputs: Batch::<C>::public(architecture.num_inputs(), inputs),
        claim: OutputClaim::Outputs(Batch::public(architecture.num_outputs(), outputs?)),
        hiding,
    };
    let secrets = InferenceSecrets {
        weights: &weights,
        inputs: None,
        outputs: None,
    };
    let mut best: Option<Report> = None;
    for _ in 0..options.repeat.max(1) {
        let _ = phases.take();
        let (proof, prove) = timed(|| statement.prove(secrets));
        let (proof, heard) = (proof?, phases.take());
        let (verified, verify) = timed(|| {
            let pending = statement.verify(&proof)?;
            Pending::check_all(&[pending])
        });
        verified?;
        let report = Report {
            curve: C::NAME,
            preset: options.preset.clone(),
            architecture: architecture.to_string(),
            parameters: architecture.num_parameters(),
            batch: options.batch,
            hiding,
            commit: commit.time,
            commitment_bytes,
            prove_range: prove_range.time,
            range_bytes,
            forward: forward.time,
            prove: prove.time,
            phases: heard.phases.iter().map(|(k, v)| (*k, v.time)).collect(),
            verify: best
                .as_ref()
                .map_or(verify.time, |best| best.verify.min(verify.time)),
            proof_bytes: proof.len(),
            bytes: heard.bytes,
            peak_memory: peak_memory(),
        };
        match &mut best {
            Some(best) if best.prove <= report.prove => best.verify = report.verify,
            best => *best = Some(report),
        }
    }
    best.ok_or_else(|| "nothing was proven".into())
}

//! Trains, proves and verifies one segment on synthetic data of any shape, and says what it cost.
//!
//! Data of CIFAR-10's shape and the network of zkDL's headline figure, amortised over 16 steps:
//!
//! ```text
//! cargo run --release --example headline
//! ```
//!
//! The same with the operations of each phase counted:
//!
//! ```text
//! cargo run --release --features count --example headline
//! ```
//!
//! A smaller one, as JSON:
//!
//! ```text
//! cargo run --release --example headline -- --layers 11,64,64,1 --batch 32 --steps 64 --json
//! ```
mod float;
mod operations;
mod phases;
mod report;
mod run;
mod work;

use clap::Parser;
use std::error::Error;
use zktree::{
    Bls12381, Pallas,
    nn::{Architecture, FixedPoint},
};

#[derive(Parser)]
struct Options {
    /// Number formats: compact or paper.
    #[arg(long, default_value = "compact")]
    preset: String,
    /// Commitment group: bls12-381 or pallas.
    #[arg(long, default_value = "bls12-381")]
    curve: String,
    /// Widths of the network, inputs first.
    #[arg(long, default_value = "3072,1024,1024,1024,1024,1024,1024,1024,10")]
    layers: Architecture,
    /// Samples in a batch.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Steps, proven in one segment.
    #[arg(long, default_value_t = 16)]
    steps: usize,
    /// Prove without hiding.
    #[arg(long)]
    no_hiding: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let case = run::Case {
        fixed_point: FixedPoint::from_preset(&options.preset)?,
        architecture: options.layers,
        batch: options.batch,
        steps: options.steps,
        hiding: !options.no_hiding,
    };
    let phases = phases::Phases::install()?;
    let report = match options.curve.as_str() {
        "bls12-381" => run::run::<Bls12381>(&case, &phases)?,
        "pallas" => run::run::<Pallas>(&case, &phases)?,
        other => return Err(format!("unknown curve {other}: bls12-381 or pallas").into()),
    };
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{report}"),
    }
    Ok(())
}

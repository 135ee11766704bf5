//! `zktree demo`: the whole story on a small data set.
//!
//! Three owners hold parts of the red-wine data and share none of them. Alice trains a network on
//! hers; Bob and Carol each train hers further on theirs. Every run is proven, every lineage
//! verified. Then three frauds are attempted.
mod family;
mod frauds;
mod report;
mod setting;

use super::{
    Ended, Failure,
    args::{CurveName, Reporting},
};
use clap::Args;
use std::path::PathBuf;
use zktree::{commit::Curve, poly::WideField};

/// Options of `zktree demo`.
#[derive(Debug, Args)]
pub struct Options {
    /// A CSV file of numbers under a header; the last column is predicted [default:
    /// data/winequality-red.csv, or the copy inside this program]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Number formats: compact (8 fraction bits of activations), paper (16, as in zkDL) or classifier (with
    /// softmax and norms), and changes of it: classifier,gradient_bits=14
    #[arg(long, default_value = "compact")]
    preset: String,
    /// Steps of each run
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Steps proven at once
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u64).range(1..))]
    segment_steps: u64,
    /// Learning rate for the mean loss of a batch
    #[arg(long, default_value_t = 0.03)]
    rate: f64,
    /// Commitment group
    #[arg(long, value_enum, default_value = "bls12-381")]
    curve: CurveName,
    /// Do not hide weights and data: proofs are shorter and reveal what they are about
    #[arg(long)]
    no_hiding: bool,
    #[command(flatten)]
    reporting: Reporting,
}

/// Runs the demo.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    match options.curve {
        CurveName::Bls12_381 => tell::<ark_bls12_381::G1Projective>(options),
        CurveName::Pallas => tell::<ark_pallas::Projective>(options),
    }
}

fn tell<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let setting = setting::Setting::new(options)?;
    let mut out = report::Report::new(options.reporting.json);
    out.setting::<C>(&setting);
    let mut family = family::Family::<C>::new(&setting, &mut out)?;
    out.tree(&family);
    let frauds = frauds::attempt(&mut family)?;
    out.frauds(&frauds);
    Ok(out.finish::<C>(&setting, &family, &frauds))
}

//! `zktree push`: publishes a tree.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir},
    progress, pull,
    tree::on_its_curve,
};
use clap::Args;
use std::path::PathBuf;
use zktree::{commit::Curve, poly::WideField, tree::store::Terms};

/// Options of `zktree push`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// Directory to publish to: new or empty, or a tree that takes what it lacks
    to: PathBuf,
    /// Publish the nodes that verify even if others do not
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

/// Copies what is public, and nothing else, once it is verified.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(push, options)
}

fn push<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let store = options.tree.open::<C>()?;
    let bar = progress::count("verifying", "nodes");
    let mut cache = options.memory.cache::<C>();
    let terms = Terms {
        partial: options.partial,
        verified: cache.ids(),
        authors: None,
    };
    let done = store.push(&options.to, &terms, &mut |_| bar.inc(1))?;
    bar.finish_and_clear();
    cache.remember(done.taken.iter().copied());
    Ok(pull::finish(done, options.partial, options.reporting))
}

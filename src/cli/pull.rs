//! `zktree pull`: takes from another tree what this one lacks.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir},
    output, progress,
    tree::on_its_curve,
    trust::Trust,
};
use clap::Args;
use serde::Serialize;
use std::{fmt, path::PathBuf};
use zktree::{
    commit::Curve,
    poly::WideField,
    tree::{
        NodeId,
        store::{Pull, Store, Terms},
    },
};

/// Options of `zktree pull`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// Directory of the other tree
    from: PathBuf,
    /// Take the nodes that verify even if others do not
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    taken: Vec<NodeId>,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    id: NodeId,
    reason: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in &self.taken {
            writeln!(f, "{id}")?;
        }
        match self.taken.len() {
            0 if self.refused.is_empty() => writeln!(f, "there is nothing new"),
            0 => writeln!(f, "nothing was taken"),
            1 => writeln!(f, "1 node was verified and taken"),
            count => writeln!(f, "{count} nodes were verified and taken"),
        }
    }
}

/// Merges another tree.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(pull, options)
}

fn pull<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let store = options.tree.open::<C>()?;
    let from = Store::<C>::view(&options.from)?;
    options.trust.check_log(&from)?;
    let bar = progress::count("verifying", "nodes");
    let mut cache = options.memory.cache::<C>();
    let authors = options.trust.authors();
    let terms = Terms {
        partial: options.partial,
        verified: cache.ids(),
        authors: authors.as_ref(),
    };
    let done = store.pull(&from, &terms, &mut |_| bar.inc(1))?;
    bar.finish_and_clear();
    cache.remember(done.taken.iter().copied());
    Ok(finish(done, options.partial, options.reporting))
}

/// Says what was taken and what was refused.
pub(super) fn finish(done: Pull, partial: bool, reporting: Reporting) -> Ended {
    for damage in &done.damage {
        output::complain(&format_args!("warning: where nodes come from, {damage}"));
    }
    let causes = done.causes();
    for (id, refusal) in &done.refused {
        if let Some(descend) = causes.get(id) {
            let descend = output::descendants(*descend);
            output::complain(&format_args!("error: {refusal}{descend}"));
        }
    }
    let refused = done.refused.iter().map(|(id, refusal)| Refused {
        id: *id,
        reason: refusal.to_string(),
    });
    let report = Report {
        refused: refused.collect(),
        taken: done.taken,
    };
    let verdict = match (report.refused.len(), report.taken.is_empty()) {
        (0, _) => Ok(()),
        (_, true) if !partial => Err(Failure::not_verified(
            "nothing was taken; --partial takes the nodes that verify",
        )),
        (count, _) => Err(Failure::not_verified(format!("{count} nodes were refused"))),
    };
    reporting.conclude(&report, verdict)
}

//! `zktree verify`: whether models were trained as their nodes say.
use super::{
    Failure,
    args::{Reporting, TreeDir},
    output::{self, Paint},
    progress,
    tree::{Opened, on_its_curve},
    trust::Trust,
};
use clap::Args;
use serde::Serialize;
use std::{fmt, time::Instant};
use zktree::{
    commit::Curve,
    poly::WideField,
    security::Soundness,
    tree::{NodeId, render::visible, store::VerifiedCache},
};

/// Options of `zktree verify`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// Nodes whose lineages are verified; their ids may be abbreviated
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Verify every node and every file, as without any ID
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Forget which edges were verified on this machine before
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    /// The node, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<NodeId>,
    verified: bool,
    /// Edges verified now.
    edges: usize,
    /// Edges that were verified before.
    remembered: usize,
    refused: Vec<Refused>,
    /// Files that are not what they should be.
    damage: Vec<Damaged>,
    /// Why the log is not the one that it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<String>,
    seconds: f64,
    /// What the proofs of these lineages are worth, those known from before too; if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    soundness: Option<Soundness>,
}

#[derive(Serialize)]
struct Refused {
    id: NodeId,
    reason: String,
}

#[derive(Serialize)]
struct Damaged {
    file: String,
    reason: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (paint, time) = (
            Paint::detect(),
            std::time::Duration::from_secs_f64(self.seconds),
        );
        let mark = match self.verified {
            true => paint.green("verified"),
            false => paint.red("not verified"),
        };
        let edges = |count: usize| if count == 1 { "edge" } else { "edges" };
        write!(f, "{mark}")?;
        if let Some(id) = self.id {
            write!(f, " {}", id.short())?;
        }
        write!(f, ": {} {} checked", self.edges, edges(self.edges))?;
        if self.remembered > 0 {
            write!(f, ", {} known from before", self.remembered)?;
        }
        writeln!(f, ", in {}", output::time(time))
    }
}

/// Verifies lineages.
pub fn run(options: &Options) -> Result<(), Failure> {
    on_its_curve!(verify, options)
}

fn verify<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<(), Failure> {
    let clock = Instant::now();
    let opened = Opened::<C>::new(&options.tree)?;
    let everything = options.ids.is_empty();
    let ids = match everything {
        true => opened.tree.ids().collect(),
        false => {
            let ids = options.ids.iter().map(|id| opened.find(id));
            ids.collect::<Result<Vec<_>, _>>()?
        }
    };
    let mut cache = VerifiedCache::<C>::of_user();
    if options.no_cache {
        cache.forget();
    }
    let edges = opened.tree.edges_of(&ids)?;
    let bar = progress::bar("verifying", edges as u64, "edges");
    let mut verdicts = opened
        .tree
        .verdicts(&ids, cache.ids(), &mut |_| bar.inc(1))?;
    bar.finish_and_clear();
    let remembered = edges.saturating_sub(verdicts.verified.len() + verdicts.refused.len());
    if let Some(authors) = options.trust.authors() {
        for (id, error) in opened.tree.by_others(&ids, &authors)? {
            verdicts.refused.entry(id).or_insert(error);
        }
    }
    let history = options.trust.check_log(&opened.store);
    let report = Report {
        id: ids.first().copied().filter(|_| options.ids.len() == 1),
        verified: verdicts.refused.is_empty()
            && (!everything || opened.damage.is_empty())
            && history.is_ok(),
        history: history.as_ref().err().map(ToString::to_string),
        edges: verdicts.verified.len(),
        remembered,
        refused: verdicts
            .refused
            .iter()
            .map(|(id, error)| Refused {
                id: *id,
                reason: error.to_string(),
            })
            .collect(),
        damage: opened
            .damage
            .iter()
            .map(|damage| Damaged {
                file: damage.file.display().to_string(),
                reason: damage.problem.to_string(),
            })
            .collect(),
        seconds: clock.elapsed().as_secs_f64(),
        // A lineage that is refused for its statement has none.
        soundness: match options.reporting.json {
            true => opened.tree.soundness(&ids).ok(),
            false => None,
        },
    };
    if !options.no_cache {
        cache.remember(verdicts.verified);
    }
    finish(&opened, &report, options.reporting)?;
    Ok(history?)
}

/// Prints what is wrong on standard error and the report on standard output.
fn finish<C: Curve<ScalarField: WideField>>(
    opened: &Opened<C>,
    report: &Report,
    reporting: Reporting,
) -> Result<(), Failure> {
    opened.warn();
    reporting.print(report)?;
    if let (Some(reason), false) = (&report.history, report.refused.is_empty()) {
        output::complain(&format_args!("error: {}", visible(reason)));
    }
    let mut reasons = report.refused.iter().map(|refused| refused.reason.clone());
    match (reasons.next(), reasons.len(), opened.damage.len()) {
        (Some(first), 0, _) => Err(Failure::not_verified(first)),
        (Some(first), more, _) => {
            reasons
                .for_each(|reason| output::complain(&format_args!("error: {}", visible(&reason))));
            let nodes = more + 1;
            Err(Failure::not_verified(format!(
                "{first}; {nodes} nodes in all"
            )))
        }
        (None, _, files) if !report.verified && report.history.is_none() => {
            let files = if files == 1 {
                "1 file is".into()
            } else {
                format!("{files} files are")
            };
            Err(Failure::not_verified(format!(
                "{files} damaged; take them from a copy of the tree, or pull from one"
            )))
        }
        _ => Ok(()),
    }
}

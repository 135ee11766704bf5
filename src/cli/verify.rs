//! `zktree verify`: whether models were trained as their nodes say.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir},
    output::{self, Style},
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
    tree::{NodeId, Verdicts, store::StoreError},
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
    #[command(flatten)]
    memory: Memory,
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
    #[serde(skip)]
    short: String,
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
    /// What is in the directory and no part of a tree.
    foreign: Vec<String>,
    seconds: f64,
    /// What the proofs of the lineages that verify are worth, those known from before too; if asked for.
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

/// What follows the verdict.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = std::time::Duration::from_secs_f64(self.seconds);
        let edges = |count: usize| if count == 1 { "edge" } else { "edges" };
        if self.id.is_some() {
            write!(f, " {}", self.short)?;
        }
        write!(f, ": {} {} checked", self.edges, edges(self.edges))?;
        if self.remembered > 0 {
            write!(f, ", {} known from before", self.remembered)?;
        }
        writeln!(f, ", in {}", output::time(time))
    }
}

/// Verifies lineages.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(verify, options)
}

fn verify<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
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
    let mut cache = options.memory.cache::<C>();
    let edges = opened.tree.edges_of(&ids)?;
    let bar = progress::bar("verifying", edges as u64, "edges");
    let mut verdicts = opened
        .tree
        .verdicts(&ids, cache.ids(), &mut |_| bar.inc(1))?;
    bar.finish_and_clear();
    cache.remember(verdicts.verified.iter().copied());
    // Nodes by others are no less verified.
    let soundness = match options.reporting.json {
        true => soundness(&opened, &ids, &verdicts),
        false => None,
    };
    if let Some(authors) = options.trust.authors() {
        for (id, error) in opened.tree.by_others(&ids, &authors)? {
            verdicts.refused.entry(id).or_insert(error);
        }
    }
    let history = options.trust.check_log(&opened.store);
    let id = ids.first().copied().filter(|_| options.ids.len() == 1);
    let report = Report {
        id,
        short: id.map(|id| opened.tree.short(id)).unwrap_or_default(),
        verified: verdicts.refused.is_empty()
            && (!everything || opened.damage.is_empty())
            && history.is_ok(),
        history: history.as_ref().err().map(ToString::to_string),
        edges: verdicts.verified.len(),
        remembered: verdicts.remembered.len(),
        refused: refused(&verdicts),
        damage: damaged(&opened),
        foreign: foreign(&opened),
        seconds: clock.elapsed().as_secs_f64(),
        soundness,
    };
    opened.warn();
    for file in &report.foreign {
        output::complain(&format_args!(
            "warning: {file}: no part of the tree; `zktree push` publishes without it"
        ));
    }
    let heading = match report.verified {
        true => (Style::Green, "verified"),
        false => (Style::Red, "not verified"),
    };
    let verdict = conclusion(&report, &verdicts, history);
    Ok(options
        .reporting
        .conclude_with(&[heading], &report, verdict))
}

fn foreign<C: Curve<ScalarField: WideField>>(opened: &Opened<C>) -> Vec<String> {
    let foreign = opened.store.foreign();
    foreign
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

fn refused(verdicts: &Verdicts) -> Vec<Refused> {
    let refused = verdicts.refused.iter().map(|(id, error)| Refused {
        id: *id,
        reason: error.to_string(),
    });
    refused.collect()
}

fn damaged<C: Curve>(opened: &Opened<C>) -> Vec<Damaged> {
    let damage = opened.damage.iter().map(|damage| Damaged {
        file: damage.file.display().to_string(),
        reason: damage.problem.to_string(),
    });
    damage.collect()
}

/// The soundness of what verified. Of a lineage that is refused there is none, and its statement may ask
/// for more work than its bytes are worth.
fn soundness<C: Curve<ScalarField: WideField>>(
    opened: &Opened<C>,
    ids: &[NodeId],
    verdicts: &Verdicts,
) -> Option<Soundness> {
    let verified = ids.iter().filter(|id| !verdicts.refused.contains_key(id));
    let verified: Vec<NodeId> = verified.copied().collect();
    match verified.is_empty() {
        true => None,
        false => opened.tree.soundness(&verified).ok(),
    }
}

/// The verdict. Says on standard error why each node fails, those that descend from it counted, and
/// what is wrong with the log, but for what the verdict itself names.
fn conclusion(
    report: &Report,
    verdicts: &Verdicts,
    history: Result<(), StoreError>,
) -> Result<(), Failure> {
    let causes = verdicts.causes().into_iter();
    let mut reasons = causes.filter_map(|(id, descend)| {
        let error = verdicts.refused.get(&id)?;
        Some(error.to_string() + &output::descendants(descend))
    });
    let Some(first) = reasons.next() else {
        history?;
        return match report.verified {
            true => Ok(()),
            false => Err(damage(report.damage.len())),
        };
    };
    if let Err(error) = &history {
        output::complain(&format_args!("error: {error}"));
    }
    let others: Vec<String> = reasons.collect();
    for reason in &others {
        output::complain(&format_args!("error: {reason}"));
    }
    let nodes = verdicts.refused.len();
    Err(Failure::not_verified(match others.is_empty() {
        true => first,
        false => format!("{first}; {nodes} nodes in all"),
    }))
}

fn damage(files: usize) -> Failure {
    let files = match files {
        1 => "1 file is".to_owned(),
        files => format!("{files} files are"),
    };
    Failure::not_verified(format!(
        "{files} damaged; take them from a copy of the tree, or pull from one"
    ))
}

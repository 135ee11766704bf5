//! `zktree log`, `zktree inclusion` and `zktree consistency`: what was added to a tree, in which
//! order, and proofs for those who keep a head of the log.
use super::{
    Ended, Failure,
    args::{Reporting, TreeDir},
    files, key, output,
    tree::{Opened, on_its_curve},
    trust,
};
use clap::Args;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    path::{Path, PathBuf},
};
use zktree::{
    commit::Curve,
    json,
    poly::WideField,
    text::quoted,
    tree::{
        NodeId,
        store::{ConsistencyProof, Head, InclusionProof, LogError, SignedHead},
    },
};

/// Options of `zktree log`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// Sign the head with this key, from `zktree key`: a promise that this log only grows. Training and
    /// importing sign it by themselves
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Listing {
    head: Head,
    /// The last head that somebody signed.
    signed: Option<SignedHead>,
    entries: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: NodeId,
    title: Option<String>,
    #[serde(skip)]
    text: String,
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.entries.iter().enumerate() {
            writeln!(f, "{index:>5}  {}", line.text)?;
        }
        writeln!(f, "head {}", self.head)?;
        match &self.signed {
            None => writeln!(f, "not signed: nobody vouches for this log"),
            Some(signed) if signed.head() == self.head => {
                writeln!(f, "signed by {}", signed.signer)
            }
            Some(signed) => {
                let (head, signer) = (signed.head(), signed.signer);
                writeln!(f, "signed up to {head} by {signer}")
            }
        }
    }
}

/// Prints the log and its head.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(list, options)
}

fn list<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    opened.warn();
    if let Some(file) = &options.sign {
        opened.store.sign_log(&key::load(file)?)?;
    }
    let log = opened.store.log()?;
    let line = |id: &NodeId| {
        let label = opened.tree.name(*id);
        let root = if opened.tree.root(*id).is_some() {
            " root"
        } else {
            ""
        };
        Line {
            id: *id,
            text: format!("{label}{root}"),
            title: label.title,
        }
    };
    Ok(options.reporting.print(&Listing {
        head: log.head(),
        signed: opened.store.signed_head()?,
        entries: log.ids().iter().map(line).collect(),
    }))
}

/// Options of `zktree inclusion`.
#[derive(Debug, Args)]
pub struct InclusionOptions {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The root or node; its id may be abbreviated
    #[arg(required_unless_present = "check")]
    id: Option<String>,
    /// Head of the log that it should be in, from whom you trust: SIZE:ROOT, or a file with it or
    /// with a signed head. Without it the proof is about whatever log is at hand
    #[arg(long, value_name = "HEAD", value_parser = trust::head)]
    head: Option<Head>,
    /// Check a proof that `inclusion --json` printed, rather than make one; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    check: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

/// Proves that a node is in the log, or checks such a proof.
pub fn inclusion(options: &InclusionOptions) -> Result<Ended, Failure> {
    match &options.check {
        None => on_its_curve!(include, options),
        Some(file) => {
            let proof: InclusionProof = read(file)?;
            let id = proof.id.to_string();
            let asked = options.id.as_ref();
            let is_id = |asked: &&String| {
                (4..=64).contains(&asked.len()) && asked.chars().all(|c| c.is_ascii_hexdigit())
            };
            if let Some(asked) = asked.filter(|asked| !is_id(asked)) {
                let what = format!("{}: an id has 4 to 64 hexadecimal digits", quoted(asked));
                return Err(Failure::input(what));
            }
            if let Some(asked) = asked.filter(|asked| !id.starts_with(&asked.to_lowercase())) {
                let other = format!("the proof is about node {id}, not {asked}");
                return Err(Failure::not_verified(other));
            }
            same_head(&proof.head, options.head.as_ref())?;
            proof.verify().map_err(not_verified)?;
            Ok(options.included(proof))
        }
    }
}

impl InclusionOptions {
    fn included(&self, proof: InclusionProof) -> Ended {
        let caveat = self.head.is_none().then_some(ANY_LOG);
        warn(self.reporting, caveat);
        self.reporting.print(&Included { proof, caveat })
    }
}

/// What a proof about a head of its own choice does not show.
const ANY_LOG: &str = "this head is the proof's own: whoever made it may show others another log; name the \
                       head that you have from elsewhere with --head";

/// Text has the caveat; JSON is the proof and nothing else.
fn warn(reporting: Reporting, caveat: Option<&str>) {
    if let Some(caveat) = caveat.filter(|_| reporting.json) {
        output::complain(&format_args!("warning: {caveat}"));
    }
}

fn include<C: Curve<ScalarField: WideField>>(options: &InclusionOptions) -> Result<Ended, Failure> {
    let store = options.tree.open::<C>()?;
    let id = store.resolve(options.id.as_deref().unwrap_or_default())?;
    let log = store.log()?;
    let proof = match &options.head {
        None => log.inclusion(id),
        Some(head) => log.inclusion_in(id, head),
    };
    Ok(options.included(proof.map_err(not_verified)?))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Included {
    proof: InclusionProof,
    #[serde(skip)]
    caveat: Option<&'static str>,
}

impl fmt::Display for Included {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InclusionProof {
            id,
            index,
            head,
            path,
        } = &self.proof;
        writeln!(f, "node {id} is entry {index} of the log {head}")?;
        writeln!(f, "proof of {} hashes; print it with --json", path.len())?;
        self.caveat.map_or(Ok(()), |caveat| writeln!(f, "{caveat}"))
    }
}

/// Options of `zktree consistency`.
#[derive(Debug, Args)]
pub struct ConsistencyOptions {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The older head, that you kept: SIZE:ROOT, or a file with it or with a signed head
    #[arg(required_unless_present = "check", value_parser = trust::head)]
    old: Option<Head>,
    /// The newer head that a checked proof should be about, from whom you trust, in the same way
    #[arg(long, value_name = "HEAD", requires = "check", value_parser = trust::head)]
    head: Option<Head>,
    /// Check a proof that `consistency --json` printed, rather than make one; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    check: Option<PathBuf>,
    #[command(flatten)]
    reporting: Reporting,
}

/// Proves that the log only grew since it had another head, or checks such a proof.
pub fn consistency(options: &ConsistencyOptions) -> Result<Ended, Failure> {
    match &options.check {
        None => on_its_curve!(continued, options),
        Some(file) => {
            let proof: ConsistencyProof = read(file)?;
            same_head(&proof.old, options.old.as_ref())?;
            same_head(&proof.new, options.head.as_ref())?;
            proof.verify().map_err(not_verified)?;
            Ok(options.continues(proof))
        }
    }
}

impl ConsistencyOptions {
    fn continues(&self, proof: ConsistencyProof) -> Ended {
        let caveat = match (&self.check, self.old, self.head) {
            (_, None, _) => Some(ANY_HEADS),
            // The log is at hand.
            (None, Some(_), _) => None,
            (Some(_), Some(_), None) => Some(ANY_NEW_HEAD),
            (Some(_), Some(_), Some(_)) => None,
        };
        warn(self.reporting, caveat);
        self.reporting.print(&Continued { proof, caveat })
    }
}

const ANY_HEADS: &str = "the older head is the proof's own: it shows nothing of a log that you saw; name the head that you kept";
const ANY_NEW_HEAD: &str = "the newer head is the proof's own: whoever made it may show others another log; name the \
                            head that you have from elsewhere with --head";

fn continued<C: Curve<ScalarField: WideField>>(
    options: &ConsistencyOptions,
) -> Result<Ended, Failure> {
    let store = options.tree.open::<C>()?;
    let old = options
        .old
        .unwrap_or_else(|| zktree::tree::store::Log::default().head());
    let proof = store.log()?.consistency(&old).map_err(not_verified)?;
    Ok(options.continues(proof))
}

#[derive(Serialize)]
#[serde(transparent)]
struct Continued {
    proof: ConsistencyProof,
    #[serde(skip)]
    caveat: Option<&'static str>,
}

impl fmt::Display for Continued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConsistencyProof { old, new, path } = &self.proof;
        writeln!(f, "the log {new} continues the log {old}")?;
        writeln!(f, "proof of {} hashes; print it with --json", path.len())?;
        self.caveat.map_or(Ok(()), |caveat| writeln!(f, "{caveat}"))
    }
}

fn not_verified(error: LogError) -> Failure {
    Failure::NotVerified(error.into())
}

/// A proof is worth something only for a head that the reader trusts.
fn same_head(found: &Head, expected: Option<&Head>) -> Result<(), Failure> {
    match expected.filter(|expected| *expected != found) {
        None => Ok(()),
        Some(expected) => {
            let other = format!("the proof is about the log {found}, not {expected}");
            Err(Failure::not_verified(other))
        }
    }
}

/// Longest proof that is read, in bytes.
const MAX_PROOF: u64 = 1 << 20;

fn read<T: DeserializeOwned + Serialize>(file: &Path) -> Result<T, Failure> {
    json::read(&files::read_or_stdin(file, MAX_PROOF)?)
        .map_err(|error| Failure::input(format!("{}: not a proof: {error}", file.display())))
}

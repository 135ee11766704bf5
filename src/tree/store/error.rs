//! What is wrong with a directory.
use super::{
    heads::Witness,
    log::{Head, LogError},
};
use crate::{
    error::{DataError, DecodeError},
    text::quoted,
    tree::{NodeId, TreeError},
};
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// A file of a tree that is not what it should be. The rest of the tree can be used.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}: {problem}", .file.display())]
pub struct Damage {
    /// The file, below the tree's directory.
    pub file: PathBuf,
    /// The root or node that cannot be used for it, if it is one.
    pub node: Option<NodeId>,
    /// What is wrong.
    #[source]
    pub problem: Box<Problem>,
}

impl Damage {
    /// Damage of a file that a root or node needs, or of another one.
    pub(super) fn new(file: impl Into<PathBuf>, node: Option<NodeId>, problem: Problem) -> Self {
        Self {
            file: file.into(),
            node,
            problem: Box::new(problem),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is none.
    #[error("the file is missing")]
    Missing,
    /// There is neither a root nor a node.
    #[error("the file is missing, and there is no {} either", .other.display())]
    NoEntry {
        /// The file that a root would have.
        other: PathBuf,
    },
    /// It cannot be read.
    #[error("the file cannot be read: {reason}")]
    Unreadable {
        /// What the system says.
        reason: String,
    },
    /// A directory, link, device or pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// Longer than anything of its kind.
    #[error("the file is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// Not the encoding of anything.
    #[error("the file was altered: {0}")]
    Decode(#[from] DecodeError),
    /// Not what its name says.
    #[error("the file was altered: its content is not the one that it is named after")]
    OtherContent,
    /// A file that does not belong there.
    #[error("the file does not belong here")]
    Foreign,
    /// A root or node that is not in the log.
    #[error("it is not in the log: the entry was removed, or the file comes from elsewhere")]
    NotLogged,
    /// A node whose parent cannot be used.
    #[error("its parent {parent} is missing or damaged")]
    Parent {
        /// The parent.
        parent: NodeId,
    },
    /// A node that no tree takes.
    #[error(transparent)]
    Tree(TreeError),
    /// The log does not hold together.
    #[error(transparent)]
    Log(LogError),
}

/// Why a directory was not read or written. Nothing was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("{}: {source}{}", .file.display(), advice(source))]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not a tree.
    #[error("{}: there is no tree here: no file zktree.json; name the directory of one, or make one", .dir.display())]
    NoTree {
        /// The directory.
        dir: PathBuf,
    },
    /// A directory that has something in it.
    #[error("{}: there is something here already; name a new or an empty directory", .dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// A `zktree.json` that cannot be understood.
    #[error("{}: {reason}", .file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tree on another curve.
    #[error("{}: the tree is on the curve {found}, not on {expected}", .dir.join("zktree.json").display())]
    OtherCurve {
        /// The directory.
        dir: PathBuf,
        /// The curve asked for.
        expected: &'static str,
        /// The tree's.
        found: String,
    },
    /// Somebody else writes, for longer than this writer waits.
    #[error(
        "{}: {holder} has had the lock for {seconds} seconds; wait until it ends, or end it, and repeat",
        .file.display()
    )]
    Locked {
        /// The lock.
        file: PathBuf,
        /// Who holds it, as the file says, its characters made visible.
        holder: String,
        /// For how long it was waited.
        seconds: u64,
    },
    /// A file that is damaged and needed.
    #[error("{0}; take the file from a copy of the tree, or pull from one")]
    Damage(#[from] Damage),
    /// What the tree says of a node.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// What the log says.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A log that does not continue a head that it should.
    #[error("{}: history was rewritten: the log does not continue the head {head}, {witness}: {source}{}", .dir.display(), .witness.advice())]
    Rewritten {
        /// The directory of the tree.
        dir: PathBuf,
        /// The head.
        head: Head,
        /// Whose head it is.
        witness: Witness,
        /// What differs.
        #[source]
        source: Box<LogError>,
    },
    /// Text that no id begins with.
    #[error("no id in the tree begins with {}", quoted(.prefix))]
    NoSuchId {
        /// The text.
        prefix: String,
    },
    /// Text that is too short or no hexadecimal digits.
    #[error("{} is not an id nor its beginning: from 4 to 64 hexadecimal digits", quoted(.prefix))]
    MalformedPrefix {
        /// The text.
        prefix: String,
    },
    /// Text that several ids begin with.
    #[error("{prefix:?} is ambiguous: {}; give more digits", list(candidates))]
    Ambiguous {
        /// The text.
        prefix: String,
        /// The ids.
        candidates: Vec<NodeId>,
    },
    /// A private file that does not open what it is kept for.
    #[error("{}: it does not open the commitment of {of}; it was altered, or belongs to another tree", .file.display())]
    WrongOpening {
        /// The file.
        file: PathBuf,
        /// The node or data set.
        of: String,
    },
    /// A private file that is not in its format.
    #[error("{}: {source}", .file.display())]
    Opening {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<DataError>,
    },
    /// A name of a run that no file can have.
    #[error("{} is not a name for a run: letters, digits and hyphens, at most 100", quoted(.name))]
    RunName {
        /// The name.
        name: String,
    },
}

impl StoreError {
    /// [`StoreError::Io`] about a file.
    pub(super) fn io(file: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io {
            file: file.to_owned(),
            source,
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; make room and repeat: the tree is as it was"
        }
        ErrorKind::ReadOnlyFilesystem => "; copy the tree to where it can be written",
        ErrorKind::PermissionDenied => "; ask its owner for the permission, or copy the tree",
        ErrorKind::NotFound => "; is the name right?",
        _ => "",
    }
}

/// Ids in their order, each with as many digits as tell it from the others.
fn list(ids: &[NodeId]) -> String {
    let others = |id: &NodeId| {
        let others = ids.iter().filter(|other| *other != id);
        others.map(|other| id.digits_beside(other)).max()
    };
    let shown = ids.iter().take(8);
    let shown = shown.map(|id| others(id).map_or_else(|| id.short(), |n| id.abbreviated(n)));
    let more = if ids.len() > 8 { ", ..." } else { "" };
    format!("{}{more}", shown.collect::<Vec<_>>().join(", "))
}

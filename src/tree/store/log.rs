//! The log: ids of roots and nodes in the order in which they were added, under the Merkle tree of
//! RFC 6962, so that anyone who kept an old head can check that nothing was taken out since.
use crate::{
    text::quoted,
    tree::{AuthorKey, NodeId},
};
use ct_merkle::{
    ConsistencyProof as MerkleConsistency, InclusionProof as MerkleInclusion, RootHash,
    mem_backed_tree::MemoryBackedTree,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt, str::FromStr};
use thiserror::Error;

/// What is wrong with a log, or with a proof about one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// A line that is no id.
    #[error("line {line} is not an id and a line feed")]
    Malformed {
        /// The line, from 1.
        line: usize,
    },
    /// An id that occurs twice.
    #[error("node {} is logged twice", .id.short())]
    Twice {
        /// The id.
        id: NodeId,
    },
    /// A node before its parent.
    #[error("node {} is logged before its parent {}: entries were reordered", .id.short(), .parent.short())]
    Order {
        /// The node.
        id: NodeId,
        /// Its parent.
        parent: NodeId,
    },
    /// Fewer entries than the head counts.
    #[error("it has {entries} entries; its head counts {head}: entries were removed")]
    Short {
        /// Entries.
        entries: u64,
        /// Entries that the head counts.
        head: u64,
    },
    /// Entries with another Merkle root than the head's.
    #[error("its entries are not those of its head: one was replaced, removed or reordered")]
    OtherEntries,
    /// A head with a signature that is not its signer's.
    #[error("the head {head} is not signed by {signer}: it or the signature was altered")]
    HeadSignature {
        /// The head.
        head: Head,
        /// Who should have signed it.
        signer: AuthorKey,
    },
    /// Text that is no head.
    #[error("{} is not the head of a log: a size, a colon and 64 hexadecimal digits", quoted(.text))]
    MalformedHead {
        /// The text.
        text: String,
    },
    /// The id is not in the log.
    #[error("node {} is not in the log", .id.short())]
    NotLogged {
        /// The id.
        id: NodeId,
    },
    /// The proof does not show that the id is in the log of the head.
    #[error("the proof does not show that node {} is entry {index} of the log {head}", .id.short())]
    NotIncluded {
        /// The id.
        id: NodeId,
        /// Its index, from 0.
        index: u64,
        /// The head.
        head: Head,
    },
    /// The log of one head is not that of the other and more.
    #[error(
        "the log {new} is not shown to continue the log {old}: an entry was removed, reordered or \
         replaced, or they are logs of two trees"
    )]
    NotConsistent {
        /// The head of the beginning.
        old: Head,
        /// The head of the whole.
        new: Head,
    },
}

/// Size and Merkle root of a log: whoever keeps it can check later that the log only grew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree of RFC 6962 over them.
    #[serde(with = "hex::serde")]
    pub root: [u8; 32],
}

/// `size:root`, the root in hexadecimal digits.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, hex::encode(self.root))
    }
}

impl FromStr for Head {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let parse = || {
            let (size, digits) = text.split_once(':')?;
            let mut root = [0; 32];
            hex::decode_to_slice(digits, &mut root).ok()?;
            // `+1` and `01` are numbers too.
            let number: u64 = size.parse().ok()?;
            (number.to_string() == size).then_some(Self { size: number, root })
        };
        parse().ok_or_else(|| LogError::MalformedHead {
            text: text.to_owned(),
        })
    }
}

/// Lines of a log of which it is said what is wrong.
const MAX_ERRORS: usize = 10;

/// No log is longer: sizes beyond are refused before the Merkle tree sees them.
const MAX_SIZE: u64 = 1 << 48;

impl Head {
    fn merkle(&self) -> Option<RootHash<Sha256>> {
        let size = Some(self.size).filter(|size| *size <= MAX_SIZE);
        size.map(|size| RootHash::new(self.root.into(), size))
    }
}

/// The ids of a tree, in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    ids: Vec<NodeId>,
    index: BTreeMap<NodeId, usize>,
}

impl Log {
    /// A log of these ids.
    ///
    /// # Errors
    /// [`LogError::Twice`].
    pub fn new(ids: impl IntoIterator<Item = NodeId>) -> Result<Self, LogError> {
        let mut log = Self::default();
        ids.into_iter().try_for_each(|id| log.push(id))?;
        Ok(log)
    }

    /// Appends an id.
    ///
    /// # Errors
    /// [`LogError::Twice`].
    pub fn push(&mut self, id: NodeId) -> Result<(), LogError> {
        if self.contains(id) {
            return Err(LogError::Twice { id });
        }
        self.index.insert(id, self.ids.len());
        self.ids.push(id);
        Ok(())
    }

    /// The ids, first to last.
    pub fn ids(&self) -> &[NodeId] {
        &self.ids
    }

    /// Whether an id is logged.
    pub fn contains(&self, id: NodeId) -> bool {
        self.index.contains_key(&id)
    }

    /// The text of the file: a line with its digits for each id.
    pub(super) fn to_text(&self) -> String {
        self.ids.iter().map(|id| format!("{id}\n")).collect()
    }

    /// Reads the text of the file as far as it can be read; says what cannot, of the first ten
    /// lines for which that holds.
    pub(super) fn from_text(text: &[u8]) -> (Self, Vec<LogError>) {
        let (mut log, mut errors) = (Self::default(), Vec::new());
        for (n, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let id = line.strip_suffix(b"\n").and_then(id);
            let pushed = match id {
                Some(id) => log.push(id),
                None => Err(LogError::Malformed { line: n + 1 }),
            };
            errors.extend(pushed.err().filter(|_| errors.len() < MAX_ERRORS));
        }
        (log, errors)
    }

    fn merkle(&self, size: usize) -> MemoryBackedTree<Sha256, [u8; 32]> {
        let mut tree = MemoryBackedTree::new();
        self.ids.iter().take(size).for_each(|id| tree.push(id.0));
        tree
    }

    /// The head of the whole log.
    pub fn head(&self) -> Head {
        self.head_at(self.ids.len())
    }

    /// The head that the log had when it was of this size.
    fn head_at(&self, size: usize) -> Head {
        let root = match size {
            0 => Sha256::digest([]),
            _ => *self.merkle(size).root().as_bytes(),
        };
        Head {
            size: size as u64,
            root: root.into(),
        }
    }

    /// Checks that this was the head of this log, or is.
    ///
    /// # Errors
    /// [`LogError::Short`], [`LogError::OtherEntries`].
    pub fn check_head(&self, head: &Head) -> Result<(), LogError> {
        let entries = self.ids.len();
        match usize::try_from(head.size) {
            Ok(size) if size <= entries && self.head_at(size) == *head => Ok(()),
            Ok(size) if size <= entries => Err(LogError::OtherEntries),
            _ => Err(LogError::Short {
                entries: entries as u64,
                head: head.size,
            }),
        }
    }

    /// The proof that an id is in the log.
    ///
    /// # Errors
    /// [`LogError::NotLogged`].
    pub fn inclusion(&self, id: NodeId) -> Result<InclusionProof, LogError> {
        self.inclusion_at(id, self.ids.len())
    }

    /// The proof that an id is in the log as it was when it had this head.
    ///
    /// # Errors
    /// Those of [`check_head`](Self::check_head); [`LogError::NotLogged`] if it was not in it yet.
    pub fn inclusion_in(&self, id: NodeId, head: &Head) -> Result<InclusionProof, LogError> {
        self.check_head(head)?;
        let size = usize::try_from(head.size).unwrap_or(usize::MAX);
        self.inclusion_at(id, size)
    }

    fn inclusion_at(&self, id: NodeId, size: usize) -> Result<InclusionProof, LogError> {
        let index = self.index.get(&id).filter(|index| **index < size);
        let index = *index.ok_or(LogError::NotLogged { id })?;
        let proof = self.merkle(size).prove_inclusion(index);
        Ok(InclusionProof {
            id,
            index: index as u64,
            head: self.head_at(size),
            path: hashes(proof.as_bytes()),
        })
    }

    /// The proof that the log of an older head is the beginning of this one.
    ///
    /// # Errors
    /// [`LogError::NotConsistent`] if it is not.
    pub fn consistency(&self, old: &Head) -> Result<ConsistencyProof, LogError> {
        let (old, new) = (*old, self.head());
        self.check_head(&old)
            .map_err(|_| LogError::NotConsistent { old, new })?;
        let additions = self.ids.len() - old.size as usize;
        let path = match old.size {
            0 => Vec::new(),
            _ => {
                let proof = self.merkle(self.ids.len()).prove_consistency(additions);
                hashes(proof.as_bytes())
            }
        };
        Ok(ConsistencyProof { old, new, path })
    }
}

/// The id with these digits; lower case, so that a line has one form.
pub(super) fn id(digits: &[u8]) -> Option<NodeId> {
    let id: NodeId = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (id.to_string().as_bytes() == digits).then_some(id)
}

/// A hash of a proof, in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash(#[serde(with = "hex::serde")] pub [u8; 32]);

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    let chunks = bytes.chunks_exact(32);
    chunks.filter_map(|h| h.try_into().ok()).map(Hash).collect()
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// A proof that an id is in the log of a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// The id.
    pub id: NodeId,
    /// Its place in the log, from 0.
    pub index: u64,
    /// The log.
    pub head: Head,
    /// Hashes of the siblings, from the leaf up.
    pub path: Vec<Hash>,
}

impl InclusionProof {
    /// Verifies the proof, against the head that it names.
    ///
    /// # Errors
    /// [`LogError::NotIncluded`].
    pub fn verify(&self) -> Result<(), LogError> {
        let proof = MerkleInclusion::<Sha256>::try_from_bytes(bytes(&self.path)).ok();
        let verified = self.head.merkle().zip(proof).is_some_and(|(root, proof)| {
            root.verify_inclusion(&self.id.0, self.index, &proof)
                .is_ok()
        });
        match verified {
            true => Ok(()),
            false => Err(LogError::NotIncluded {
                id: self.id,
                index: self.index,
                head: self.head,
            }),
        }
    }
}

/// A proof that one log is the beginning of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// The head of the beginning.
    pub old: Head,
    /// The head of the whole.
    pub new: Head,
    /// Hashes of subtrees, as in RFC 6962.
    pub path: Vec<Hash>,
}

impl ConsistencyProof {
    /// Verifies the proof, between the heads that it names.
    ///
    /// # Errors
    /// [`LogError::NotConsistent`].
    pub fn verify(&self) -> Result<(), LogError> {
        let (old, new) = (self.old, self.new);
        let verified = match old.size {
            // Every log continues the empty one.
            0 => {
                let empty = old == Log::default().head() && self.path.is_empty();
                empty && new.size <= MAX_SIZE
            }
            _ => self.verify_merkle().is_some(),
        };
        match verified {
            true => Ok(()),
            false => Err(LogError::NotConsistent { old, new }),
        }
    }

    fn verify_merkle(&self) -> Option<()> {
        let proof = MerkleConsistency::<Sha256>::try_from_bytes(bytes(&self.path)).ok()?;
        let (old, new) = (self.old.merkle()?, self.new.merkle()?);
        new.verify_consistency(&old, &proof).ok()
    }
}

//! Heads that are signed by whoever tells a history, and remembered by whoever hears it.
//!
//! A signed head is evidence: its signer promises one history under the log's name, so that two of them,
//! neither of which continues the other, convict it. There is no time in it, which nobody could check.
//! A log grows behind it until it is signed again.
use super::{Head, Log, LogError, SIGNED, Store, StoreError, json};
use crate::{
    commit::Curve,
    files::{self, Access},
    nn::encoding::Encoder,
    poly::WideField,
    tree::{AuthorKey, AuthorSecret, Signature},
};
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    env, fmt, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The head of a log, signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// Names the log: random, drawn when it is signed for the first time.
    #[serde(with = "hex::serde")]
    pub log: [u8; 32],
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree over them.
    #[serde(with = "hex::serde")]
    pub root: [u8; 32],
    /// Who promises that this log only grows.
    pub signer: AuthorKey,
    /// The signature of all of this.
    pub signature: Signature,
}

impl SignedHead {
    /// Signs the head of the log of this name.
    pub fn new(log: [u8; 32], head: Head, signer: &AuthorSecret) -> Self {
        Self {
            log,
            size: head.size,
            root: head.root,
            signer: signer.public(),
            signature: signer.sign_message(&message(&log, head)),
        }
    }

    /// What is signed.
    pub fn head(&self) -> Head {
        let (size, root) = (self.size, self.root);
        Head { size, root }
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`LogError::HeadSignature`].
    pub fn verify(&self) -> Result<(), LogError> {
        let message = message(&self.log, self.head());
        match self.signer.verifies_message(&message, &self.signature) {
            true => Ok(()),
            false => Err(LogError::HeadSignature {
                head: self.head(),
                signer: self.signer,
            }),
        }
    }
}

fn message(log: &[u8; 32], head: Head) -> Vec<u8> {
    let encoder = Encoder::new("zktree/v1/head").hash(log);
    encoder.number(head.size).hash(&head.root).finish()
}

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// The last head of the log that was signed, if one was. There may be entries behind it.
    ///
    /// # Errors
    /// [`StoreError::Damage`] if the log is damaged, or the head is not its.
    pub fn signed_head(&self) -> Result<Option<SignedHead>, StoreError> {
        let read = self.read_log();
        match read.damage.into_iter().next() {
            None => Ok(read.signed),
            Some(damage) => Err(damage.into()),
        }
    }

    /// Signs the log as it is.
    ///
    /// # Errors
    /// [`StoreError::Damage`] if the log is damaged; [`StoreError::Io`].
    pub fn sign_log(&self, signer: &AuthorSecret) -> Result<SignedHead, StoreError> {
        let _guard = self.lock()?;
        self.recover()?;
        let (log, before) = (self.log()?, self.signed_head()?);
        let name = before.map_or_else(random, |before| before.log);
        let signed = SignedHead::new(name, log.head(), signer);
        if before != Some(signed) {
            self.replace(Path::new(SIGNED), &self.json(SIGNED, &signed)?)?;
        }
        Ok(signed)
    }
}

fn random() -> [u8; 32] {
    let mut name = [0; 32];
    OsRng.fill_bytes(&mut name);
    name
}

/// Whose head a log does not continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// This machine's, which saw it in the same directory.
    Machine,
    /// The signer's, which signed it for the same log, wherever it was seen.
    Signer(AuthorKey),
    /// That of whoever asks.
    Reader,
}

impl Witness {
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Reader => "",
            _ => "; ask its keeper why; if it is another tree, --forget-head forgets this one",
        }
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("which was seen here before"),
            Self::Signer(key) => write!(f, "which {key} signed and this machine saw before"),
            Self::Reader => f.write_str("which it should"),
        }
    }
}

/// The heads that this user's machine saw: of each directory the last, and of each name of a log and
/// signer.
///
/// They are no part of a tree: a tree from someone else must not say of itself what it was. Each is in a
/// file of its own, so that nobody waits for anybody.
#[derive(Debug, Clone)]
pub struct KnownHeads {
    dir: Option<PathBuf>,
}

impl KnownHeads {
    /// The user's: in `$XDG_STATE_HOME`, or `~/.local/state`, below `zktree`. Without a home directory
    /// nothing is remembered.
    pub fn of_user() -> Self {
        let absolute = |name: &str| {
            let dir = PathBuf::from(env::var_os(name)?);
            dir.is_absolute().then_some(dir)
        };
        let state = absolute("XDG_STATE_HOME");
        let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        Self {
            dir: state.map(|state| state.join("zktree/heads")),
        }
    }

    /// Those in a directory.
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        let dir = Some(dir.into());
        Self { dir }
    }

    /// Checks that the log of a tree continues what was seen of it. A tree that was not seen before, and
    /// has a damaged log, is left alone: what is wrong with it is said elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Rewritten`]; [`StoreError::Damage`] if there is something to compare with and the
    /// log is damaged; [`StoreError::Format`], [`StoreError::Io`] about the memory itself.
    pub fn check<C: Curve<ScalarField: WideField>>(
        &self,
        store: &Store<C>,
    ) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        let Some(here) = self.of_directory(store)? else {
            return Ok(seen);
        };
        let known = read(&here)?;
        let found = store.read_log();
        if let Some(damage) = found.damage.into_iter().next() {
            return match known {
                None => Ok(seen),
                Some(_) => Err(damage.into()),
            };
        }
        let head = found.log.head();
        continues(store, &found.log, known, Witness::Machine)?;
        if known != Some(head) {
            seen.0.push((here, head));
        }
        if let Some((file, signed)) = found.signed.and_then(|signed| self.of_signer(&signed)) {
            let known = read(&file)?;
            // A log elsewhere may be an older copy.
            let comparable = known.filter(|known| known.size <= head.size);
            continues(
                store,
                &found.log,
                comparable,
                Witness::Signer(signed.signer),
            )?;
            if known.is_none_or(|known| known.size < signed.size) {
                seen.0.push((file, signed.head()));
            }
        }
        Ok(seen)
    }

    /// Forgets what was seen of a tree.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn forget<C: Curve<ScalarField: WideField>>(
        &self,
        store: &Store<C>,
    ) -> Result<(), StoreError> {
        let signed = store.read_log().signed;
        let signed = signed.and_then(|signed| self.of_signer(&signed));
        let files = self.of_directory(store)?.into_iter();
        for file in files.chain(signed.map(|(file, _)| file)) {
            match fs::remove_file(&file) {
                Err(error) if !is_missing(&error) => {
                    return Err(StoreError::io(&file)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The file of what was seen in a tree's directory.
    fn of_directory<C: Curve>(&self, store: &Store<C>) -> Result<Option<PathBuf>, StoreError> {
        let path = fs::canonicalize(&store.dir).map_err(StoreError::io(&store.dir))?;
        let name = Encoder::new("directory").bytes(path.as_os_str().as_encoded_bytes());
        Ok(self.file(name))
    }

    /// The file of what a signer said of a log.
    fn of_signer(&self, signed: &SignedHead) -> Option<(PathBuf, SignedHead)> {
        let name = Encoder::new("signer")
            .hash(&signed.log)
            .hash(&signed.signer.0);
        self.file(name).map(|file| (file, *signed))
    }

    fn file(&self, name: Encoder) -> Option<PathBuf> {
        let name = hex::encode(Sha256::digest(name.finish()));
        self.dir.as_ref().map(|dir| dir.join(name))
    }
}

/// Heads that are new to this machine.
#[derive(Debug, Default)]
#[must_use = "what is not remembered cannot be compared with later"]
pub struct Seen(Vec<(PathBuf, Head)>);

impl Seen {
    /// Remembers them.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remember(self) -> Result<(), StoreError> {
        let mut heads = self.0.iter();
        heads.try_for_each(|(file, head)| write(file, head))
    }
}

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// Checks that the log continues a head that the reader trusts.
    ///
    /// # Errors
    /// [`StoreError::Rewritten`]; [`StoreError::Damage`] if the log is damaged.
    pub fn check_continues(&self, head: Head) -> Result<(), StoreError> {
        continues(self, &self.log()?, Some(head), Witness::Reader)
    }
}

fn continues<C: Curve>(
    store: &Store<C>,
    log: &Log,
    head: Option<Head>,
    witness: Witness,
) -> Result<(), StoreError> {
    let Some(head) = head else { return Ok(()) };
    log.check_head(&head)
        .map_err(|source| StoreError::Rewritten {
            dir: store.dir.clone(),
            head,
            witness,
            source: Box::new(source),
        })
}

/// Longest file of a head that is read, in bytes.
const MAX_FILE: u64 = 1 << 16;

fn read(file: &Path) -> Result<Option<Head>, StoreError> {
    let altered = || StoreError::Format {
        file: file.to_owned(),
        reason:
            "a head that was remembered is not in the form in which it was written; remove the \
                 file to forget it"
                .to_owned(),
    };
    let opened = files::open_found(file);
    let bytes = match opened.and_then(|file| files::read_from(file, MAX_FILE)) {
        Err(error) if is_missing(&error) => return Ok(None),
        bytes => bytes.map_err(StoreError::io(file))?,
    };
    let head: Head = serde_json::from_slice(&bytes).map_err(|_| altered())?;
    match json(file, &head)? == bytes {
        true => Ok(Some(head)),
        false => Err(altered()),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn write(file: &Path, head: &Head) -> Result<(), StoreError> {
    let written = || {
        if let Some(dir) = file.parent() {
            // Ours alone: nobody else should see what was looked at.
            dir.parent().map_or(Ok(()), fs::create_dir_all)?;
            files::make_dir(dir, Access::Private)?;
        }
        Ok(())
    };
    written().map_err(StoreError::io(file))?;
    files::replace(file, &json(file, head)?, Access::Private).map_err(StoreError::io(file))
}

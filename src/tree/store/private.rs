//! The private part of a directory: for the owner's eyes, never needed by a verifier.
//!
//! | | |
//! |---|---|
//! | `openings/ID.safetensors` | weights and blindings of a node |
//! | `datasets/HASH.safetensors`, `datasets/HASH.range` | a data set with its blindings, and the proof of its range |
//! | `runs/NAME`, `runs/NAME-lock` | a run that is not finished; held by whoever is at it |
//!
//! Directories have mode 0700, files 0600.
use super::{PRIVATE, Problem, Store, StoreError, objects::Reader};
use crate::{
    commit::Curve,
    error::DataError,
    files::{self, Access},
    nn::{Architecture, DatasetOpening, WeightCommitment, WeightOpening},
    poly::WideField,
    tree::{Node, NodeId, ProvenDataset, Root},
};
use rand::rngs::OsRng;
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

const OPENINGS: &str = "openings";
const DATASETS: &str = "datasets";
const RUNS: &str = "runs";
pub(super) const DIRS: [&str; 3] = [OPENINGS, DATASETS, RUNS];

/// Secrets of a tree's owner: weights, blindings, data, runs that are not finished.
#[derive(Debug, Clone, Copy)]
pub struct Private<'a, C: Curve> {
    store: &'a Store<C>,
}

/// A data set of this name, as digits.
fn dataset_file(root: &[u8; 32], extension: &str) -> PathBuf {
    Path::new(DATASETS).join(format!("{}.{extension}", hex::encode(root)))
}

impl<'a, C: Curve<ScalarField: WideField>> Private<'a, C> {
    pub(super) fn new(store: &'a Store<C>) -> Self {
        Self { store }
    }

    /// Keeps the weights and blindings of a node.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn save_opening(
        &self,
        id: NodeId,
        opening: &WeightOpening<C::ScalarField>,
    ) -> Result<(), StoreError> {
        let file = Self::opening_file(id);
        let bytes = opening.to_safetensors();
        let bytes = bytes.map_err(self.malformed(&file))?;
        self.write(&file, &bytes)
    }

    /// The weights and blindings of a node, which are checked against its commitment; `None` if
    /// they are not here.
    ///
    /// # Errors
    /// [`StoreError::WrongOpening`], [`StoreError::Opening`], [`StoreError::Io`].
    pub fn opening(
        &self,
        id: NodeId,
        node: &Node<C>,
    ) -> Result<Option<WeightOpening<C::ScalarField>>, StoreError> {
        self.checked_opening(id, &node.parameters.architecture, &node.weights)
    }

    /// The weights and blindings of a root: those that anyone can expand, or imported ones that are
    /// kept here; `None` if they are not.
    ///
    /// # Errors
    /// Those of [`opening`](Self::opening); [`StoreError::Tree`] if imported weights are not committed
    /// on this curve.
    pub fn root_opening(
        &self,
        root: &Root,
    ) -> Result<Option<WeightOpening<C::ScalarField>>, StoreError> {
        match root.commitment::<C>()? {
            Some(weights) => self.checked_opening(root.id(), root.architecture(), &weights),
            None => Ok(root.opening()),
        }
    }

    fn checked_opening(
        &self,
        id: NodeId,
        architecture: &Architecture,
        weights: &WeightCommitment<C>,
    ) -> Result<Option<WeightOpening<C::ScalarField>>, StoreError> {
        let file = Self::opening_file(id);
        let Some(bytes) = self.read(&file)? else {
            return Ok(None);
        };
        let opening = WeightOpening::from_safetensors(&bytes).map_err(self.malformed(&file))?;
        match opening.weights().architecture() == architecture && opening.opens(weights, &mut OsRng)
        {
            true => Ok(Some(opening)),
            false => Err(self.wrong(&file, format!("node {id}"))),
        }
    }

    /// Keeps a data set with its blindings and the proof of its range.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn save_dataset(&self, dataset: &ProvenDataset<C>) -> Result<(), StoreError> {
        let root = dataset.commitment().root();
        let file = dataset_file(&root, "safetensors");
        let bytes = dataset.opening().to_safetensors();
        let bytes = bytes.map_err(self.malformed(&file))?;
        // The data set last: with it the file of its proof is there.
        self.write(&dataset_file(&root, "range"), dataset.proof())?;
        self.write(&file, &bytes)
    }

    /// The data set whose commitment has this hash; `None` if it is not here.
    ///
    /// # Errors
    /// [`StoreError::WrongOpening`], [`StoreError::Opening`], [`StoreError::Io`].
    pub fn dataset(&self, root: &[u8; 32]) -> Result<Option<ProvenDataset<C>>, StoreError> {
        let file = dataset_file(root, "safetensors");
        let (Some(bytes), Some(proof)) =
            (self.read(&file)?, self.read(&dataset_file(root, "range"))?)
        else {
            return Ok(None);
        };
        let opening = DatasetOpening::from_safetensors(&bytes).map_err(self.malformed(&file))?;
        let dataset = ProvenDataset::from_parts(opening, proof);
        match dataset.commitment().root() == *root {
            true => Ok(Some(dataset)),
            false => {
                let of: String = hex::encode(root).chars().take(12).collect();
                Err(self.wrong(&file, format!("data set {of}")))
            }
        }
    }

    /// The hashes of the data sets that are here.
    pub fn datasets(&self) -> Vec<[u8; 32]> {
        let names = self.names(DATASETS).into_iter();
        let roots = names.filter_map(|name| {
            let digits = name.strip_suffix(".safetensors")?;
            super::log::id(digits.as_bytes()).map(|id| id.0)
        });
        roots.collect()
    }

    /// Keeps the state of a run under a name, in place of an older one.
    ///
    /// # Errors
    /// [`StoreError::RunName`], [`StoreError::Io`].
    pub fn save_run(&self, name: &str, state: &[u8]) -> Result<(), StoreError> {
        self.write(&run_file(name)?, state)
    }

    /// The state of the run of this name, if there is one.
    ///
    /// # Errors
    /// [`StoreError::RunName`], [`StoreError::Io`].
    pub fn run(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(&run_file(name)?)
    }

    /// Forgets a run, which is finished.
    ///
    /// # Errors
    /// [`StoreError::RunName`], [`StoreError::Io`].
    pub fn remove_run(&self, name: &str) -> Result<(), StoreError> {
        let file = self.dir().join(run_file(name)?);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io(&file)(error))
            }
            _ => Ok(()),
        }
    }

    /// The names of runs that are not finished.
    pub fn runs(&self) -> Vec<String> {
        let mut names = self.names(RUNS);
        names.retain(|name| !name.ends_with(LOCKED));
        names
    }

    /// Waits until nobody else is at the run of this name on this machine; `waits` is told if somebody
    /// is. Nobody else begins it before the guard is dropped.
    ///
    /// # Errors
    /// [`StoreError::RunName`], [`StoreError::Io`].
    pub fn begin_run(&self, name: &str, waits: impl FnOnce(&Path)) -> Result<RunGuard, StoreError> {
        let file = self.dir().join(run_file(&format!("{name}{LOCKED}"))?);
        {
            let _guard = self.store.lock()?;
            make_dir(&self.dir())?;
        }
        RunGuard::new(&file, waits).map_err(StoreError::io(&file))
    }

    fn opening_file(id: NodeId) -> PathBuf {
        Path::new(OPENINGS).join(format!("{id}.safetensors"))
    }

    fn dir(&self) -> PathBuf {
        self.store.dir.join(PRIVATE)
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir().join(dir));
        let names = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = names
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with(files::TEMPORARY))
            .collect();
        names.sort_unstable();
        names
    }

    /// Under the lock, so that no other writer takes the file for one that a crash left. A tree
    /// that was copied without its private part gets a new one.
    fn write(&self, file: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let _guard = self.store.lock()?;
        make_dir(&self.dir())?;
        let path = self.dir().join(file);
        files::replace(&path, bytes, Access::Private).map_err(StoreError::io(&path))
    }

    fn read(&self, file: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.dir().join(file);
        match Reader(&self.dir()).bytes(file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Problem::Missing) => Ok(None),
            Err(problem) => Err(StoreError::io(&path)(io::Error::other(problem))),
        }
    }

    fn malformed(&self, file: &Path) -> impl FnOnce(DataError) -> StoreError + use<C> {
        let file = self.dir().join(file);
        move |source| StoreError::Opening {
            file,
            source: Box::new(source),
        }
    }

    fn wrong(&self, file: &Path, of: String) -> StoreError {
        let file = self.dir().join(file);
        StoreError::WrongOpening { file, of }
    }
}

/// How the names of locks of runs end.
const LOCKED: &str = "-lock";

/// Held while a run is under way; released when dropped, or when the process ends.
#[must_use = "the run is locked as long as this is kept"]
#[derive(Debug)]
pub struct RunGuard {
    file: PathBuf,
    handle: File,
}

impl RunGuard {
    fn new(file: &Path, waits: impl FnOnce(&Path)) -> io::Result<Self> {
        let mut waits = Some(waits);
        loop {
            let handle = files::open_lock(file, true)?;
            if let Err(TryLockError::WouldBlock) = handle.try_lock() {
                if let Some(waits) = waits.take() {
                    waits(file);
                }
                handle.lock()?;
            }
            // Whoever had it may have removed the file meanwhile.
            if is_at(&handle, file)? {
                let file = file.to_owned();
                return Ok(Self { file, handle });
            }
        }
    }
}

/// The file goes while it is locked: who waited for it sees that it is gone.
impl Drop for RunGuard {
    fn drop(&mut self) {
        if cfg!(unix) {
            let _ = fs::remove_file(&self.file);
        }
        let _ = self.handle.unlock();
    }
}

/// Whether this is the file of that name.
#[cfg(unix)]
fn is_at(handle: &File, file: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = handle.metadata()?;
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => found.map(|found| (held.dev(), held.ino()) == (found.dev(), found.ino())),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Whether a file below the private part is one that this program writes there.
pub(super) fn is_part(file: &Path) -> bool {
    let dir = file.parent().unwrap_or(Path::new(""));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let hashed = |extension: &str| {
        let digits = name.strip_suffix(extension);
        digits.is_some_and(|digits| super::log::id(digits.as_bytes()).is_some())
    };
    match dir.to_str() {
        Some("") => name.is_empty() || DIRS.contains(&&*name),
        Some(OPENINGS) => hashed(".safetensors"),
        Some(DATASETS) => hashed(".safetensors") || hashed(".range"),
        Some(RUNS) => run_file(&name).is_ok(),
        _ => false,
    }
}

fn run_file(name: &str) -> Result<PathBuf, StoreError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match (1..=100).contains(&name.len()) && name.chars().all(allowed) {
        true => Ok(Path::new(RUNS).join(name)),
        false => Err(StoreError::RunName {
            name: name.to_owned(),
        }),
    }
}

/// Makes the private directory and those in it, for the owner alone.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    let all = std::iter::once(dir.to_owned()).chain(DIRS.map(|name| dir.join(name)));
    for dir in all {
        files::make_dir(&dir, Access::Private).map_err(StoreError::io(&dir))?;
    }
    Ok(())
}

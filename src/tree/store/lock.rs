//! One writer at a time.
//!
//! The lock is one of the operating system's on the file `lock`, which ends with its process. Whoever
//! has it says so in the file. Only who may write in the directory can open the file, and so hold it.
use super::{LOCK, Store, StoreError};
use crate::{commit::Curve, files, poly::WideField, tree::render::visible};
use std::{
    env,
    fs::{File, TryLockError},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
    process,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a writer waits for another one, and what it does meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// After this time it gives up: [`StoreError::Locked`].
    pub limit: Duration,
    /// Called once, after a second, with the name of whoever holds the lock.
    pub tell: fn(&str),
}

impl Default for Patience {
    /// Half a minute, in silence.
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(30),
            tell: |_| (),
        }
    }
}

/// Nobody is told of a shorter wait.
const SILENCE: Duration = Duration::from_secs(1);

/// Held while the tree is written; released when dropped, or when the process ends.
#[must_use = "the tree is locked as long as this is kept"]
pub(super) struct Guard(File);

impl Guard {
    fn new(mut file: File) -> Self {
        // Who waits is told more; that is all.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(own_name().as_bytes()));
        Self(file)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.set_len(0);
    }
}

/// `process 4711, zktree train`: the program and its command, and no argument that may be private.
fn own_name() -> String {
    let mut arguments = env::args_os();
    let program = arguments.next().map(PathBuf::from).unwrap_or_default();
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let command = arguments.next().unwrap_or_default();
    let command = command.to_str().filter(|text| {
        let word = text.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
        word && !text.starts_with('-') && text.len() < 30
    });
    let command = command.map(|text| format!(" {text}")).unwrap_or_default();
    format!("process {}, {program}{command}", process::id())
}

/// Most bytes that are read of a holder's name.
const MAX_NAME: u64 = 200;

/// Who says in the file to hold the lock.
fn holder(file: &Path) -> String {
    let name = files::open_found(file).and_then(|file| files::read_from(file, MAX_NAME));
    match name.as_deref().map(String::from_utf8_lossy) {
        Ok(name) if !name.trim().is_empty() => visible(name.trim()),
        _ => "a process that does not say which".to_owned(),
    }
}

/// The lock, once nobody else has it; `None` after the limit.
fn wait(file: &Path, handle: File, patience: Patience) -> io::Result<Option<File>> {
    match handle.try_lock() {
        Ok(()) => return Ok(Some(handle)),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    // The system has a queue, whose turn no one who only tries now and then may ever get. If nobody
    // waits for the answer any more, the lock is released with it.
    let (sender, answer) = mpsc::channel();
    thread::Builder::new().spawn(move || sender.send(handle.lock().map(|()| handle)))?;
    let start = Instant::now();
    let first = match answer.recv_timeout(SILENCE.min(patience.limit)) {
        Err(mpsc::RecvTimeoutError::Timeout) if patience.limit > SILENCE => {
            (patience.tell)(&holder(file));
            answer.recv_timeout(patience.limit.saturating_sub(start.elapsed()))
        }
        first => first,
    };
    match first {
        Ok(locked) => locked.map(Some),
        Err(_) => Ok(None),
    }
}

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// Waits until nobody else writes.
    pub(super) fn lock(&self) -> Result<Guard, StoreError> {
        let file = self.dir.join(LOCK);
        let opened = files::open_lock(&file, true);
        let locked = opened.and_then(|handle| wait(&file, handle, self.patience));
        match locked.map_err(StoreError::io(&file))? {
            Some(locked) => Ok(Guard::new(locked)),
            None => Err(StoreError::Locked {
                holder: holder(&file),
                seconds: self.patience.limit.as_secs(),
                file,
            }),
        }
    }

    /// The lock, if it is there, this process may write and nobody has it.
    pub(super) fn lock_if_free(&self) -> Option<Guard> {
        let handle = files::open_lock(&self.dir.join(LOCK), false).ok()?;
        handle.try_lock().is_ok().then(|| Guard::new(handle))
    }
}

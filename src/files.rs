//! Writing files so that a crash leaves the old state or the new one.
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};
use tempfile::{Builder, NamedTempFile};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The owner (mode 0600).
    Private,
    /// Whom the process's mask allows.
    Public,
}

/// Writes a new file, whole or not at all, and makes it last.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is one of this name; it is left as it is.
pub(crate) fn create(file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let written = write_beside(file, bytes, access)?;
    written.persist_noclobber(file).map_err(|e| e.error)?;
    crash::point();
    sync_dir(directory(file))
}

/// Writes a file in place of what is there, whole or not at all, and makes it last.
pub(crate) fn replace(file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let written = write_beside(file, bytes, access)?;
    written.persist(file).map_err(|e| e.error)?;
    crash::point();
    sync_dir(directory(file))
}

/// Makes a directory, unless it is there. A private one is the owner's alone, also if it was not.
///
/// # Errors
/// Also if something else is there: in a directory from somebody else, a link may lead anywhere.
pub(crate) fn make_dir(dir: &Path, access: Access) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    if access == Access::Private {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
        Ok(()) => return sync_dir(directory(dir)),
    }
    let found = fs::symlink_metadata(dir)?;
    if !found.is_dir() {
        return Err(io::Error::other("it is not a directory; remove it"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if access == Access::Private && found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

/// Opens a file if it is a regular one: a pipe would wait for ever, a link may lead anywhere. With
/// `make` it is made if it is not there.
pub(crate) fn open_regular(file: &Path, make: bool) -> io::Result<File> {
    match fs::symlink_metadata(file) {
        Ok(found) if !found.is_file() => {
            Err(io::Error::other("it is not a regular file; remove it"))
        }
        _ => File::options().create(make).append(true).open(file),
    }
}

/// Makes the entries of a directory last.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    // A directory can be opened like a file on Unix alone.
    match cfg!(unix) {
        true => File::open(dir)?.sync_all(),
        false => Ok(()),
    }
}

/// A file that will be renamed; removed when dropped.
fn write_beside(file: &Path, bytes: &[u8], access: Access) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = match access {
            Access::Private => 0o600,
            Access::Public => 0o666,
        };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut written = builder.tempfile_in(directory(file))?;
    crash::point();
    written.write_all(bytes)?;
    crash::point();
    written.as_file().sync_all()?;
    crash::point();
    Ok(written)
}

/// Where tests of crashes end the process.
pub(crate) mod crash {
    #[cfg(not(test))]
    pub(super) fn point() {}

    /// The environment variable with the number, from 1, of the point at which to abort.
    #[cfg(test)]
    pub(crate) const AT: &str = "ZKTREE_TEST_CRASH_AT";

    #[cfg(test)]
    pub(super) fn point() {
        use std::sync::atomic::{AtomicU64, Ordering};
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if std::env::var(AT).is_ok_and(|at| at.parse() == Ok(passed)) {
            std::process::abort();
        }
    }
}

/// How names of unfinished files begin.
pub(crate) const TEMPORARY: &str = ".unfinished-";

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

//! Opening files that anybody may have put there, and writing files so that a crash leaves the old state
//! or the new one.
//!
//! Every file is opened here. What is opened is looked at, not what had its name before: a pipe would
//! wait for ever, a device has no end.
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};
use tempfile::{Builder, NamedTempFile};
use thiserror::Error;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The owner (mode 0600).
    Private,
    /// Whom the process's mask allows.
    Public,
}

/// Writes a new file for its owner alone, and makes it last.
///
/// It may hold secrets, in a folder that nobody cleans. On Linux it has no name before it is whole; a
/// process that is killed leaves nothing. Where that cannot be, it grows under its own name, and a
/// process that is killed may leave it cut: never secrets under a name that nobody knows.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is one of this name; it is left as it is.
pub fn create_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(file).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    if !create_unnamed(file, bytes)? {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let handle = options.open(file)?;
        if let Err(error) = fill(&handle, bytes) {
            let _ = fs::remove_file(file);
            return Err(error);
        }
    }
    sync_dir(directory(file))
}

fn fill(mut handle: &File, bytes: &[u8]) -> io::Result<()> {
    crash::point();
    handle.write_all(bytes)?;
    crash::point();
    handle.sync_all()?;
    crash::point();
    Ok(())
}

/// Writes a file that gets its name when it is whole; false where the system or the file system knows
/// no such files.
#[cfg(target_os = "linux")]
fn create_unnamed(file: &Path, bytes: &[u8]) -> io::Result<bool> {
    use rustix::{
        fs::{AtFlags, CWD, OFlags, linkat},
        io::Errno,
    };
    use std::os::{fd::AsRawFd, unix::fs::OpenOptionsExt};
    let unnamed = OFlags::TMPFILE.bits().cast_signed();
    let mut options = File::options();
    options.write(true).mode(0o600).custom_flags(unnamed);
    let handle = match options.open(directory(file)) {
        Ok(handle) => handle,
        Err(error) => {
            return match Errno::from_io_error(&error) {
                // A missing directory is found out once more.
                Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => Ok(false),
                _ => Err(error),
            };
        }
    };
    fill(&handle, bytes)?;
    let open = format!("/proc/self/fd/{}", handle.as_raw_fd());
    match linkat(CWD, open, CWD, file, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        // Without /proc.
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn create_unnamed(_: &Path, _: &[u8]) -> io::Result<bool> {
    Ok(false)
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

/// Something else than a regular file where one is due.
#[derive(Debug, Error)]
#[error("it is not a regular file")]
struct NotRegular;

fn not_regular() -> io::Error {
    io::Error::other(NotRegular)
}

/// Whether this is what a pipe, device, directory or link is refused with.
pub(crate) fn is_not_regular(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<NotRegular>())
}

/// Whether a name may be that of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    /// In a directory from somebody else, a link may lead anywhere.
    Refused,
}

/// Opens a file that a user names, for reading. Links are followed, and `/dev/stdin` is standard
/// input, whatever that is.
///
/// # Errors
/// Also if it is no regular file; nothing is waited for.
pub fn open(file: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if file == Path::new("/dev/stdin") {
        use std::os::fd::AsFd;
        return Ok(io::stdin().as_fd().try_clone_to_owned()?.into());
    }
    open_with(file, File::options().read(true), Links::Followed)
}

/// Opens a file in a directory that may be from somebody else, for reading. A link is refused.
pub(crate) fn open_found(file: &Path) -> io::Result<File> {
    open_with(file, File::options().read(true), Links::Refused)
}

/// Opens a lock for writing; with `make` it is made if it is not there. Who may not write in its
/// directory can neither open nor hold it.
pub(crate) fn open_lock(file: &Path, make: bool) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(make).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let opened = open_with(file, &mut options, Links::Refused)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Any descriptor can hold a lock, one for reading too.
        let writers = fs::metadata(directory(file))?.permissions().mode() & 0o222;
        let mode = 0o600 | writers | writers << 1;
        if opened.metadata()?.permissions().mode() & 0o777 != mode {
            // It is its owner's to give.
            let _ = opened.set_permissions(fs::Permissions::from_mode(mode));
        }
    }
    Ok(opened)
}

fn open_with(file: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe is opened at once, and refused below.
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, links == Links::Refused);
        options.custom_flags(flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    if links == Links::Refused && fs::symlink_metadata(file).is_ok_and(|found| found.is_symlink()) {
        return Err(not_regular());
    }
    let opened = options.open(file).map_err(|error| match is_link(&error) {
        true => not_regular(),
        false => error,
    })?;
    match opened.metadata()?.is_file() {
        true => Ok(opened),
        false => Err(not_regular()),
    }
}

/// Whether a link was not followed.
fn is_link(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    return false;
}

/// The content of a file that a user names, opened as by [`open`].
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] if it is longer than `limit` bytes.
pub fn read(file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_from(open(file)?, limit)
}

/// All that there is to read.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] if it is longer than `limit` bytes.
pub fn read_from(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {limit} bytes"),
        )),
        false => Ok(bytes),
    }
}

/// Checks that nobody but this user can have written what is there or, if it is `secret`, read it.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_own(found: &fs::Metadata, secret: bool) -> Result<(), &'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err("it belongs to another user");
        }
        if found.mode() & 0o022 != 0 {
            return Err("others can write to it");
        }
        if secret && found.mode() & 0o077 != 0 {
            return Err("others can read it");
        }
    }
    let _ = (found, secret);
    Ok(())
}

/// Makes the entries of a directory last.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    // A directory can be opened like a file on Unix alone.
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = (OFlags::DIRECTORY | OFlags::NONBLOCK).bits().cast_signed();
        let opened = File::options().read(true).custom_flags(flags).open(dir)?;
        opened.sync_all()?;
    }
    let _ = dir;
    Ok(())
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
    let written = builder.tempfile_in(directory(file))?;
    fill(written.as_file(), bytes)?;
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

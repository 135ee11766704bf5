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
}

/// Writes a new file, whole or not at all, and makes it last.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is one of this name; it is left as it is.
pub(crate) fn create(file: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let written = write_beside(file, bytes, access)?;
    written.persist_noclobber(file).map_err(|e| e.error)?;
    sync_dir(directory(file))
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
        };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut written = builder.tempfile_in(directory(file))?;
    written.write_all(bytes)?;
    written.as_file().sync_all()?;
    Ok(written)
}

/// How names of unfinished files begin.
pub(crate) const TEMPORARY: &str = ".unfinished-";

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

//! Files that commands read and write.
use super::Failure;
use std::{
    io::{ErrorKind, Write},
    path::Path,
};
use zktree::files;

/// Longest file that is read whole.
const MAX_FILE: u64 = 1 << 34;

/// The content of a regular file, or of standard input (`/dev/stdin`).
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read(path, MAX_FILE).map_err(|e| Failure::file(path, &e))
}

/// The content of a regular file, or of standard input if it is called `-`.
pub fn read_or_stdin(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let read = match path == Path::new("-") {
        true => files::read_from(std::io::stdin().lock(), limit),
        false => files::read(path, limit),
    };
    read.map_err(|e| Failure::file(path, &e))
}

/// Writes a new file, whole or not at all, for its owner to read and to pass on. A file that is there
/// is left as it is.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fail = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::input(format!(
            "{}: the file exists; remove it or choose another name",
            path.display()
        )),
        _ => Failure::file(path, &error),
    };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    if path.exists() {
        return Err(fail(ErrorKind::AlreadyExists.into()));
    }
    let mut file = tempfile::Builder::new()
        .tempfile_in(dir.unwrap_or(Path::new(".")))
        .map_err(fail)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.as_file().sync_all());
    written.map_err(fail)?;
    file.persist_noclobber(path).map_err(|e| fail(e.error))?;
    Ok(())
}

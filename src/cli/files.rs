//! Files that commands read and write.
use super::Failure;
use std::{io::ErrorKind, path::Path};
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

/// Writes a new file, for its owner to read and to pass on. A file that is there is left as it is.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    files::create_private(path, bytes).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::input(format!(
            "{}: the file exists; remove it or choose another name",
            path.display()
        )),
        _ => Failure::file(path, &error),
    })
}

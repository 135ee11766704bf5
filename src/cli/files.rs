//! Files that commands read and write.
use super::Failure;
use std::{
    io::{ErrorKind, Write},
    path::Path,
};

/// Longest file that is read whole.
const MAX_FILE: u64 = 1 << 34;

/// The content of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let length = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?;
    if length.len() > MAX_FILE {
        let text = format!("{}: longer than {MAX_FILE} bytes", path.display());
        return Err(Failure::input(text));
    }
    std::fs::read(path).map_err(|e| Failure::file(path, &e))
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

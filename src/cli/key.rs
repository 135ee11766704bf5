//! `zktree key`: an author's key.
use super::{Ended, Failure, args::Reporting};
use clap::Args;
use rand::rngs::OsRng;
use serde::Serialize;
use std::{
    fmt,
    path::{Path, PathBuf},
};
use zktree::tree::AuthorSecret;

/// Options of `zktree key`.
#[derive(Debug, Args)]
pub struct Options {
    /// File for the secret key: PKCS #8 in PEM, for the owner's eyes only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    author: String,
    file: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.author)
    }
}

/// An author's key, which nobody else may read.
pub fn load(file: &Path) -> Result<AuthorSecret, Failure> {
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(file) {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let file = file.display();
            return Err(Failure::input(format!(
                "the key file {file} can be read by others (mode {mode:o}); run chmod 600 {file}"
            )));
        }
    }
    Ok(AuthorSecret::load(file)?)
}

/// Makes a key; prints the public one.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    let secret = AuthorSecret::generate(&mut OsRng);
    secret.save(&options.out)?;
    Ok(options.reporting.print(&Report {
        author: secret.public().to_string(),
        file: options.out.display().to_string(),
    }))
}

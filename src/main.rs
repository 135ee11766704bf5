//! The command line of zktree.
mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}

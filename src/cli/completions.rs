//! `zktree completions`: what a shell needs to complete commands and options.
use super::{Cli, Ended, Failure};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Options of `zktree completions`.
#[derive(Debug, Args)]
pub struct Options {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "zktree", &mut script);
    Ok(super::output::print(&String::from_utf8_lossy(&script)))
}

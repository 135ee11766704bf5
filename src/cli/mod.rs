//! Commands, their options and how they end. One file a command: its options as `Options`, what it
//! does as `run`.
#![deny(clippy::print_stdout)]

mod args;
mod claim;
mod completions;
mod data;
mod demo;
mod estimate;
mod export;
mod failure;
mod files;
mod import;
mod init;
mod interrupt;
mod key;
mod log;
mod output;
mod predict;
mod progress;
mod pull;
mod push;
mod rows;
mod schedule;
mod show;
mod statement;
mod train;
mod tree;
mod trust;
mod verify;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};
use failure::{Ended, Failure};
use std::{ffi::OsString, process::ExitCode};
use zktree::text::visible;

/// Zero-knowledge proofs of training, and trees of models made of them.
///
/// Exit status: 0 if all is well, 1 if something could not be verified, 2 if the command or its
/// input is wrong. Colours obey NO_COLOR; progress is shown if standard error is a terminal.
#[derive(Parser)]
#[command(version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Three owners train a family of models; every run is proven and three frauds are caught
    Demo(demo::Options),
    /// Make an author's key
    Key(key::Options),
    /// Make a tree with a root that anyone can expand, or add a root to a tree
    Init(init::Options),
    /// Add a network that was trained elsewhere as a root of unknown origin
    Import(Box<import::Options>),
    /// Train a child of a root or node, prove it, sign it and add it
    Train(Box<train::Options>),
    /// Show the tree as text, JSON, DOT, SVG or a page for a browser
    Show(show::Options),
    /// Write the weights of a node to a file
    Export(export::Export),
    /// Check whether weights open the commitment of a node
    CheckWeights(export::Check),
    /// Print which rows each step of a node saw
    Schedule(schedule::Options),
    /// Print an in-toto attestation of a node, for other tools to sign
    Statement(statement::Options),
    /// Show that a row is in the data that a node was trained on
    ProveRow(rows::Prove),
    /// Check that a row is in the data that a node was trained on
    VerifyRow(rows::Verify),
    /// Say what a model predicts, and prove it without showing its weights
    Predict(predict::Predict),
    /// Say how large a model's error is on some data, and prove it
    Evaluate(predict::Evaluate),
    /// Check a proof of a prediction or an error, and the lineage of its model
    VerifyPrediction(predict::Verify),
    /// Verify how nodes were trained, from their roots down
    Verify(verify::Options),
    /// Take what another tree has and this one lacks, once it is verified
    Pull(pull::Options),
    /// Publish a tree: copy what is public to another directory, once it is verified
    Push(push::Options),
    /// Show what was added to a tree, in order, and the head of its log
    Log(log::Options),
    /// Prove that a node is in the log, or check such a proof
    Inclusion(log::InclusionOptions),
    /// Prove that the log only grew since it had an older head, or check such a proof
    Consistency(log::ConsistencyOptions),
    /// Print a script that completes commands and options in a shell
    Completions(completions::Options),
}

/// Reads arguments. A negative number is a value, of which its option says what is wrong.
fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let negative = |arg: Arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    let mut command = Cli::command().mut_subcommands(|command| command.mut_args(negative));
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// What is wrong with arguments, quoted on one line each.
fn usage(error: clap::Error) -> ExitCode {
    let shown = std::env::args_os().map(|argument| visible(&argument.to_string_lossy()).into());
    let error = parse(shown).err().unwrap_or(error);
    output::complain_of_usage(&error);
    ExitCode::from(2)
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = match parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return usage(error),
        // Help, and the version.
        Err(error) => error.exit(),
    };
    let result = match cli.command {
        Command::Demo(options) => demo::run(&options),
        Command::Key(options) => key::run(&options),
        Command::Init(options) => init::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Train(options) => train::run(&options),
        Command::Show(options) => show::run(&options),
        Command::Export(options) => export::export(&options),
        Command::CheckWeights(options) => export::check(&options),
        Command::Schedule(options) => schedule::run(&options),
        Command::Statement(options) => statement::run(&options),
        Command::ProveRow(options) => rows::prove(&options),
        Command::VerifyRow(options) => rows::verify(&options),
        Command::Predict(options) => predict::predict(&options),
        Command::Evaluate(options) => predict::evaluate(&options),
        Command::VerifyPrediction(options) => predict::verify(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Pull(options) => pull::run(&options),
        Command::Push(options) => push::run(&options),
        Command::Log(options) => log::run(&options),
        Command::Inclusion(options) => log::inclusion(&options),
        Command::Consistency(options) => log::consistency(&options),
        Command::Completions(options) => completions::run(&options),
    };
    match result {
        Ok(ended) => ended.report(),
        Err(failure) => failure.report(),
    }
}

//! Arguments that several commands share.
use super::{Failure, output};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{fmt::Display, path::PathBuf};
use zktree::tree::{Labels, render::spelled};

/// The commitment group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CurveName {
    /// BLS12-381 G1, the curve of zkDL and zkLLM
    #[value(name = "bls12-381")]
    Bls12_381,
    /// Pallas, about twice as fast
    Pallas,
}

/// Which tree.
#[derive(Debug, Args)]
pub struct TreeDir {
    /// Directory of the tree
    #[arg(long = "tree", value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// Who makes a root or node, and what its author says of it.
#[derive(Debug, Args)]
pub struct Authorship {
    /// The author's key, from `zktree key`
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Title of the model; public
    #[arg(long)]
    title: Option<String>,
    /// Licence of the weights, best as an SPDX expression; public
    #[arg(long)]
    licence: Option<String>,
    /// Anything else to say about the model; public
    #[arg(long)]
    note: Option<String>,
}

impl Authorship {
    /// What the author says, but for a loss.
    pub fn labels(&self) -> Labels {
        Labels {
            title: self.title.clone(),
            licence: self.licence.clone(),
            note: self.note.clone(),
            loss: None,
        }
    }
}

/// How a command reports.
#[derive(Debug, Clone, Copy, Args)]
pub struct Reporting {
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub json: bool,
}

impl Reporting {
    /// Prints what a command has to say: text for people, or one JSON object.
    pub fn print(self, report: &(impl Serialize + Display)) -> Result<(), Failure> {
        match self.json {
            true => output::print(&(spelled(&serde_json::to_string(report)?) + "\n")),
            false => output::print(report),
        }
    }
}

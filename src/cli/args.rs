//! Arguments that several commands share.
use super::{
    Ended, Failure,
    output::{self, Style},
};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};
use zktree::{
    commit::Curve,
    poly::WideField,
    tree::{
        Labels,
        store::{Patience, Store, VerifiedCache},
    },
};

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
    /// Seconds to wait while somebody else writes the tree
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

impl TreeDir {
    /// Opens the tree.
    pub fn open<C: Curve<ScalarField: WideField>>(&self) -> Result<Store<C>, Failure> {
        Ok(Store::open(&self.dir)?.patient(self.patience()))
    }

    /// How long others are waited for; whoever waits is told for whom.
    pub fn patience(&self) -> Patience {
        Patience {
            limit: Duration::from_secs(self.wait),
            tell: |holder| {
                output::complain(&format_args!("waiting: {holder} writes the tree"));
            },
        }
    }
}

/// What is known from before.
#[derive(Debug, Clone, Copy, Args)]
pub struct Memory {
    /// Do not rely on what was verified on this machine before
    #[arg(long)]
    no_cache: bool,
}

impl Memory {
    /// The nodes that this user verified before, if they are to be relied on; what is verified now is
    /// remembered in any case.
    pub fn cache<C: Curve>(self) -> VerifiedCache<C> {
        let mut cache = VerifiedCache::of_user();
        if let Some(problem) = cache.problem() {
            output::complain(&format_args!("warning: {problem}"));
        }
        if self.no_cache {
            cache.disregard();
        }
        cache
    }
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

/// Reads a whole number.
pub fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    let first = if T::from_str("0").is_ok() { 0 } else { 1 };
    let digits = text.chars().all(|c| c.is_ascii_digit());
    T::from_str(text).map_err(|_| match digits && text.trim_start_matches('0').len() > 9 {
        true => "the number is too large".to_owned(),
        false => format!("a whole number is due, {first} or larger"),
    })
}

/// How a command reports.
#[derive(Debug, Clone, Copy, Args)]
pub struct Reporting {
    /// Print one JSON object and nothing else
    #[arg(long)]
    pub json: bool,
}

impl Reporting {
    /// Ends a command that gives no verdict: prints what it has to say, text for people or one JSON
    /// object.
    pub fn print(self, report: &(impl Serialize + Display)) -> Ended {
        self.conclude(report, Ok(()))
    }

    /// Ends a command with its verdict, and prints what it has to say.
    pub fn conclude(
        self,
        report: &(impl Serialize + Display),
        verdict: Result<(), Failure>,
    ) -> Ended {
        self.conclude_with(&[], report, verdict)
    }

    /// The same, behind a heading.
    pub fn conclude_with(
        self,
        heading: &[(Style, &str)],
        report: &(impl Serialize + Display),
        verdict: Result<(), Failure>,
    ) -> Ended {
        let mut printer = output::Printer::default();
        match self.json {
            true => printer.print_json(report),
            false => {
                let text = report.to_string();
                printer.print_styled(&[heading, &[(Style::Plain, &text)]].concat());
            }
        }
        printer.end(verdict)
    }
}

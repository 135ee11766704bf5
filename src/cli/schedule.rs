//! `zktree schedule`: which rows each step of a node saw.
use super::{
    Ended, Failure,
    args::{Memory, Reporting, TreeDir},
    output::Printer,
    tree::{Opened, on_its_curve},
};
use clap::Args;
use serde::Serialize;
use std::fmt;
use zktree::{commit::Curve, nn::Schedule, poly::WideField};

/// Options of `zktree schedule`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The node
    id: String,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    id: String,
    seed: String,
    rows: usize,
    batch: usize,
    steps: Vec<Vec<usize>>,
}

/// Shown step by step instead.
impl fmt::Display for Report {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Prints one line a step: its number, from 0, and the rows of its batch, from 0.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(print, options)
}

fn print<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    let id = opened.find(&options.id)?;
    let (node, _) = opened.verified(id, &mut options.memory.cache())?;
    let parameters = &node.parameters;
    let schedule = Schedule::new(node.schedule(), node.dataset.num_rows, parameters.batch)?;
    let batches = schedule.batches(0, parameters.steps);
    if options.reporting.json {
        return Ok(options.reporting.print(&Report {
            id: id.to_string(),
            seed: hex::encode(node.schedule().0),
            rows: node.dataset.num_rows,
            batch: parameters.batch,
            steps: batches.collect(),
        }));
    }
    let mut printer = Printer::default();
    let mut text = String::new();
    for (step, rows) in batches.enumerate() {
        let rows = rows.iter().map(|row| format!(",{row}"));
        text += &format!("{step}{}\n", rows.collect::<String>());
        if text.len() > MAX_PART {
            printer.print(&text);
            text.clear();
            if !printer.is_read() {
                break;
            }
        }
    }
    printer.print(&text);
    Ok(printer.end(Ok(())))
}

/// Bytes that are printed at once: a schedule may be longer than memory.
const MAX_PART: usize = 1 << 16;

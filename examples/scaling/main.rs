//! How the cost of a proven step grows with width, depth, batch and steps a segment, and whether
//! its ratio to the plain step falls as layers widen. Markdown tables:
//!
//! ```text
//! cargo run --release --example scaling > scaling.md
//! cargo run --release --example scaling -- --max-width 1024 --table width
//! ```
#[path = "../headline/float.rs"]
mod float;
#[path = "../headline/operations.rs"]
mod operations;
#[path = "../headline/phases.rs"]
mod phases;
#[path = "../headline/report.rs"]
mod report;
#[path = "../headline/run.rs"]
mod run;
#[path = "../headline/work.rs"]
mod work;

use clap::{Parser, ValueEnum};
use phases::Phases;
use report::Report;
use run::Case;
use std::error::Error;
use zktree::{
    Bls12381, Pallas,
    nn::{Architecture, FixedPoint},
};

#[derive(Parser)]
struct Options {
    /// Number formats: compact or paper.
    #[arg(long, default_value = "compact")]
    preset: String,
    /// Commitment group: bls12-381 or pallas.
    #[arg(long, default_value = "bls12-381")]
    curve: String,
    /// Widest layers, up to 4096.
    #[arg(long, default_value_t = 2048)]
    max_width: usize,
    /// This table only.
    #[arg(long)]
    table: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Width,
    Depth,
    Batch,
    Steps,
}

/// What a row of a table is about, where others stay as they are.
#[derive(Clone, Copy)]
struct Row {
    width: usize,
    depth: usize,
    batch: usize,
    steps: usize,
}

const BASE: Row = Row {
    width: 512,
    depth: 4,
    batch: 64,
    steps: 4,
};

impl Kind {
    fn rows(self, max_width: usize) -> Vec<(usize, Row)> {
        let row = |values: &[usize], set: fn(&mut Row, usize)| {
            let row = |value: &usize| {
                let mut row = BASE;
                set(&mut row, *value);
                (*value, row)
            };
            values.iter().map(row).collect()
        };
        match self {
            Kind::Width => {
                let widths = [256, 512, 1024, 2048, 4096].into_iter();
                let widths: Vec<_> = widths.filter(|w| *w <= max_width).collect();
                row(&widths, |row, width| row.width = width)
            }
            Kind::Depth => row(&[2, 4, 8, 16], |row, depth| row.depth = depth),
            Kind::Batch => row(&[16, 64, 256], |row, batch| row.batch = batch),
            Kind::Steps => row(&[1, 4, 16], |row, steps| row.steps = steps),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Kind::Width => "width of all layers but the output's",
            Kind::Depth => "number of layers",
            Kind::Batch => "samples in a batch",
            Kind::Steps => "steps in the segment",
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let phases = Phases::install()?;
    // Tables of generators and threads are there before anything is measured.
    let _ = measure(&options, BASE, &phases)?;
    let all = [Kind::Width, Kind::Depth, Kind::Batch, Kind::Steps];
    println!("Preset {}, hiding, {}.", options.preset, options.curve);
    println!(
        "Where not said otherwise: width {}, {} layers (the last has 10 outputs), batch {}, {} steps.",
        BASE.width, BASE.depth, BASE.batch, BASE.steps
    );
    for kind in all {
        if options.table.is_some_and(|only| only != kind) {
            continue;
        }
        println!(
            "\n| {} | parameters | plain integer step | f32 step | proven step | of which child's commitment | to the integer step | to the f32 step | verify | proof |",
            kind.title()
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for (value, row) in kind.rows(options.max_width) {
            let report = measure(&options, row, &phases)?;
            println!("{}", line(value, &report));
        }
    }
    Ok(())
}

fn measure(options: &Options, row: Row, phases: &Phases) -> Result<Report, Box<dyn Error>> {
    let mut widths = vec![row.width; row.depth];
    widths.push(10);
    let case = Case {
        fixed_point: FixedPoint::from_preset(&options.preset)?,
        architecture: Architecture::new(widths)?,
        batch: row.batch,
        steps: row.steps,
        hiding: true,
    };
    match options.curve.as_str() {
        "bls12-381" => run::run::<Bls12381>(&case, phases),
        "pallas" => run::run::<Pallas>(&case, phases),
        other => Err(format!("unknown curve {other}: bls12-381 or pallas").into()),
    }
}

/// A row of a table.
fn line(value: usize, report: &Report) -> String {
    let ms = |seconds: f64| format!("{:.1} ms", 1e3 * seconds);
    let child = report.commit_child.as_secs_f64() / report.steps as f64;
    let cells = [
        value.to_string(),
        report.parameters.to_string(),
        ms(report.integer_step.as_secs_f64()),
        ms(report.float_step.as_secs_f64()),
        ms(report.per_step()),
        ms(child),
        format!("{:.1}", report.ratio()),
        format!("{:.1}", report.float_ratio()),
        ms(report.verify.as_secs_f64()),
        format!("{} kB", report.proof_bytes / 1000),
    ];
    format!("| {} |", cells.join(" | "))
}

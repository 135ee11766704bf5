//! What was reduced and how long it took, as a table.
use crate::times::Times;

/// Of one size.
pub struct Report {
    /// Length of the text.
    pub tokens: usize,
    /// Committed tensors, those of the tables among them.
    pub tensors: usize,
    /// Claims on inputs.
    pub claims: usize,
    /// Masked scalars of the reduction.
    pub pads: usize,
    /// Products of masked scalars.
    pub products: usize,
    /// Equations between masked scalars.
    pub constraints: usize,
    /// Looked-up numbers, real ones.
    pub lookups: usize,
    /// The same with padding.
    pub padded_lookups: usize,
    /// Entries of all tables.
    pub table_entries: usize,
    /// Committed values, real ones; without those of the tables.
    pub committed: usize,
    /// The same with padding.
    pub padded: usize,
    /// Of each reduction.
    pub times: Vec<Times>,
}

/// A row: its name, and what stands in it for a size.
type Row = (&'static str, fn(&Report) -> String);

const ROWS: [Row; 7] = [
    ("committed tensors / claims on inputs", |r| {
        format!("{} / {}", r.tensors, r.claims)
    }),
    ("pads / products / constraints", |r| {
        format!("{} / {} / {}", r.pads, r.products, r.constraints)
    }),
    ("committed, lookups a token", |r| {
        format!("{}, {}", r.committed / r.tokens, r.lookups / r.tokens)
    }),
    ("lookups with padding, entries of tables (M)", |r| {
        let both = [r.padded_lookups, r.table_entries];
        both.map(millions).join(", ")
    }),
    ("committed, with padding (M)", |r| {
        [r.committed, r.padded].map(millions).join(", ")
    }),
    ("reduce, s (lookups; folds; levels)", |r| {
        let each = r.times.iter().map(times);
        each.collect::<Vec<_>>().join(", ")
    }),
    ("reduce to its lookups", |r| {
        let ratios = r.times.iter().map(|t| format!("{:.2}", t.ratio()));
        ratios.collect::<Vec<_>>().join(", ")
    }),
];

fn millions(n: usize) -> String {
    format!("{:.2}", n as f64 / 1e6)
}

fn times(times: &Times) -> String {
    let part = |name| times.part(name).as_secs_f64();
    format!(
        "{:.2} ({:.2}; {:.2}; {:.2})",
        times.whole.as_secs_f64(),
        part("lookups"),
        part("fold operands"),
        part("level sumcheck"),
    )
}

/// Prints a column a size.
pub fn print(reports: &[Report]) {
    let row = |name: &str, cells: Vec<String>| println!("| {name} | {} |", cells.join(" | "));
    let column = |r: &Report| format!("{} tokens", r.tokens);
    row("", reports.iter().map(column).collect());
    println!("|---{}|", "|---".repeat(reports.len()));
    for (name, cell) in ROWS {
        row(name, reports.iter().map(cell).collect());
    }
}

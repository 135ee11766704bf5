//! Lowers a forward pass of GPT-2's shape, of random values, and reduces its relation to claims on inputs.
//!
//! A lowering that is right can be slow by a factor of five, and nothing but time tells. So the whole reduction
//! is set beside its own lookups, which no lowering changes; there are no commitments and no opening here.
//!
//! ```text
//! cargo run --release --example lowering
//! ```
//!
//! Sizes take turns, so that what else the machine does meets all of them. A smaller one, for a look:
//!
//! ```text
//! cargo run --release --example lowering -- --tokens 16 --layers 1 --vocabulary 500 --rounds 1
//! ```
mod case;
mod network;
mod operators;
mod report;
mod times;

use case::Case;
use clap::Parser;
use std::error::Error;

#[derive(Parser)]
struct Options {
    /// Numbers of tokens.
    #[arg(long, value_delimiter = ',', default_value = "32,64")]
    tokens: Vec<usize>,
    /// Number of layers.
    #[arg(long, default_value_t = 12)]
    layers: usize,
    /// Number of different tokens.
    #[arg(long, default_value_t = 50257)]
    vocabulary: usize,
    /// How often each size is reduced.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let listener = times::Listener::install()?;
    let shape = |tokens: &usize| network::Shape {
        tokens: *tokens,
        layers: options.layers,
        vocabulary: options.vocabulary,
    };
    let shapes: Vec<_> = options.tokens.iter().map(shape).collect();
    let mut cases = case::cases(&shapes)?;
    for _ in 0..options.rounds {
        for case in &mut cases {
            case.reduce(&listener)?;
        }
    }
    let reports: Result<Vec<_>, _> = cases.iter().map(Case::report).collect();
    report::print(&reports?);
    Ok(())
}

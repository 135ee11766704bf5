//! `zktree show`: pictures of a tree.
use super::{
    Ended, Failure,
    args::{Memory, TreeDir},
    output,
    tree::{Opened, on_its_curve},
};
use clap::{Args, ValueEnum};
use zktree::{commit::Curve, poly::WideField, tree::Picture};

/// Options of `zktree show`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// Show only the lineage of this node and what was trained from it
    id: Option<String>,
    /// What to print; html is one page that needs nothing else
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    memory: Memory,
    /// The same as --format json
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Dot,
    Svg,
    Html,
}

/// Prints the tree.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(show, options)
}

fn show<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    let opened = Opened::<C>::new(&options.tree)?;
    opened.warn();
    let verified = options.memory.cache::<C>();
    let known = |id| verified.ids().contains(&id).then_some(true);
    let mut picture = Picture::of(&opened.tree, &known);
    if let Some(id) = &options.id {
        picture = picture.around(opened.find(id)?)?;
    }
    let format = if options.json {
        Format::Json
    } else {
        options.format
    };
    Ok(output::print(&match format {
        Format::Text => picture.text(),
        Format::Json => picture.json() + "\n",
        Format::Dot => picture.dot(),
        Format::Svg => picture.svg() + "\n",
        Format::Html => picture.html(),
    }))
}

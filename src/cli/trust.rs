//! Whom and what a reader trusts: authors, and heads of logs.
use super::{Failure, files, output};
use clap::Args;
use std::{collections::BTreeSet, path::Path};
use zktree::{
    commit::Curve,
    json,
    poly::WideField,
    tree::{
        AuthorKey,
        store::{Head, KnownHeads, SignedHead, Store, StoreError},
    },
};

/// What must hold of a tree beside its proofs.
#[derive(Debug, Args)]
pub struct Trust {
    /// Author whose word counts, 64 hexadecimal digits; all nodes and imported roots of the lineages
    /// must be by one of these. Repeat for several
    #[arg(long = "author", value_name = "KEY")]
    authors: Vec<AuthorKey>,
    /// Head that the log must continue: SIZE:ROOT, or a file with it or with a signed head
    #[arg(long, value_name = "HEAD", value_parser = head)]
    head: Option<Head>,
    /// Forget which head of this tree's log was seen on this machine before
    #[arg(long)]
    forget_head: bool,
}

impl Trust {
    /// The authors whose word counts, if not everybody's does.
    pub fn authors(&self) -> Option<BTreeSet<AuthorKey>> {
        (!self.authors.is_empty()).then(|| self.authors.iter().copied().collect())
    }

    /// Checks that the log of a tree continues the head that was given, and those that this machine saw;
    /// remembers its own. If that cannot be written, a warning says so.
    pub fn check_log<C: Curve<ScalarField: WideField>>(
        &self,
        store: &Store<C>,
    ) -> Result<(), StoreError> {
        let known = KnownHeads::of_user();
        if self.forget_head {
            known.forget(store)?;
        }
        self.head
            .map_or(Ok(()), |head| store.check_continues(head))?;
        if let Err(error) = known.check(store)?.remember() {
            let text = output::chain(&error);
            output::complain(&format_args!(
                "warning: this head is not remembered: {text}"
            ));
        }
        Ok(())
    }
}

/// A head that the reader has: its text, or the file that it is in.
pub fn head(text: &str) -> Result<Head, String> {
    let of_text = |text: &str| text.trim().parse::<Head>();
    if let Ok(head) = of_text(text) {
        return Ok(head);
    }
    let bytes = files::read(Path::new(text)).map_err(|failure| match failure {
        Failure::Input(error) | Failure::NotVerified(error) => {
            format!("neither SIZE:ROOT nor the name of a file that has it: {error}")
        }
    })?;
    if let Ok(signed) = json::read::<SignedHead>(&bytes) {
        let checked = signed.verify().map(|()| signed.head());
        return checked.map_err(|error| error.to_string());
    }
    if let Ok(head) = json::read(&bytes) {
        return Ok(head);
    }
    let cut: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
    of_text(&cut).map_err(|error| error.to_string())
}

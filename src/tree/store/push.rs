//! Publishing a tree: what is public of it, in another directory.
use super::{FORMAT, Pull, SIGNED, SignedHead, Store, StoreError, Terms};
use crate::{commit::Curve, poly::WideField, tree::NodeId};
use std::path::Path;

impl<C: Curve<ScalarField: WideField>> Store<C> {
    /// Copies what is public to another directory, where there may be a tree already: it takes what it
    /// lacks by the rules of [`pull`](Self::pull). A directory that is missing or empty becomes a tree
    /// without a private part, unless nothing is taken. Nothing but roots, nodes, proofs, commitments,
    /// a log of them and, where it fits that log, its signed head is ever written there.
    ///
    /// # Errors
    /// Those of [`pull`](Self::pull); [`StoreError::NotEmpty`] for a directory that is no tree.
    pub fn push(
        &self,
        to: impl AsRef<Path>,
        terms: &Terms<'_>,
        hear: &mut dyn FnMut(NodeId),
    ) -> Result<Pull, StoreError> {
        let there = match Self::open(to.as_ref()) {
            Err(StoreError::NoTree { dir }) => Self::unmade(dir)?,
            there => there?,
        }
        .patient(self.patience);
        let done = there.pull(self, terms, hear)?;
        there.take_signed_head(self)?;
        Ok(done)
    }

    /// Takes another tree's signed head if it is one of this log, and newer than the one here.
    fn take_signed_head(&self, from: &Self) -> Result<(), StoreError> {
        let Some(signed) = from.read_log().signed else {
            return Ok(());
        };
        if !self.reader().exists(Path::new(FORMAT)) {
            return Ok(());
        }
        let _guard = self.lock()?;
        let ours = self.read_log();
        let newer = |ours: SignedHead| ours.log == signed.log && ours.size < signed.size;
        match ours.signed.is_none_or(newer) && ours.log.check_head(&signed.head()).is_ok() {
            true => self.replace(Path::new(SIGNED), &self.json(SIGNED, &signed)?),
            false => Ok(()),
        }
    }
}

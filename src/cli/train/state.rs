//! What is kept of a run until its child is added, so that it can be cut off at any time.
//!
//! A run is named by all that makes it, and keeps the weights it ends in, with their blindings, and
//! the prover's checkpoint behind the last segment proven. Both are secrets, in the private part.
use crate::cli::{Failure, progress, tree::Opened};
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use zktree::{
    commit::Curve,
    error::ProveError,
    nn::{WeightOpening, encoding::Encoder},
    poly::WideField,
    tree::{
        Child, Draft, TreeError,
        store::{Store, StoreError},
    },
};

/// A run that is under way, or was cut off.
pub struct Run<'a, C: Curve> {
    store: &'a Store<C>,
    name: String,
}

type Opening<C> = WeightOpening<<C as ark_ec::PrimeGroup>::ScalarField>;

impl<'a, C: Curve<ScalarField: WideField>> Run<'a, C> {
    /// The run of this draft.
    pub fn new(store: &'a Store<C>, draft: &Draft<'_, C>, publish_loss: bool) -> Self {
        let (p, labels) = (&draft.parameters, &draft.labels);
        let start = Encoder::new("zktree/v1/run")
            .hash(&draft.parent.0)
            .hash(&draft.dataset.commitment().root())
            .hash(&draft.author.public().0)
            .number(draft.nonce)
            .number(p.rate.coefficient())
            .count(p.batch)
            .number(p.steps)
            .number(p.segment_steps)
            .flag(p.hiding)
            .flag(publish_loss);
        let texts = [&labels.title, &labels.licence, &labels.note];
        let encoding = texts.into_iter().fold(start, |encoder, text| match text {
            Some(text) => encoder.flag(true).string(text),
            None => encoder.flag(false),
        });
        let name = hex::encode(Sha256::digest(encoding.finish()));
        Self { store, name }
    }

    fn child_name(&self) -> String {
        format!("{}-child", self.name)
    }

    fn proof_name(&self) -> String {
        format!("{}-proof", self.name)
    }

    /// The weights that the run ends in, if it came that far.
    pub fn child(&self) -> Result<Option<Opening<C>>, Failure> {
        let bytes = self.store.private().run(&self.child_name())?;
        bytes
            .map(|bytes| WeightOpening::from_safetensors(&bytes).map_err(Failure::from))
            .transpose()
    }

    /// Keeps the weights that the run ends in.
    pub fn keep_child(&self, child: &Opening<C>) -> Result<(), Failure> {
        let bytes = child.to_safetensors()?;
        Ok(self.store.private().save_run(&self.child_name(), &bytes)?)
    }

    /// Proves the run, from where it was cut off. Returns the child and the number of segments
    /// that had been proven before.
    pub fn prove(
        &self,
        opened: &Opened<C>,
        draft: &Draft<'_, C>,
        (start, child): (&Opening<C>, Opening<C>),
    ) -> Result<(Child<C>, u64), Failure> {
        let total = draft.parameters.num_segments();
        let bar = progress::bar("proving", total, "segments");
        let checkpoint = self.store.private().run(&self.proof_name())?;
        let mut proven = 0;
        let mut failed = None;
        let child = draft.prove_from(
            &opened.tree,
            (start, child),
            checkpoint.as_deref(),
            &mut OsRng,
            &mut |prover| {
                proven += 1;
                bar.set_position(prover.done());
                let kept = prover
                    .checkpoint()
                    .map_err(Failure::from)
                    .and_then(|state| self.keep_proof(&state));
                match kept {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(failure) => {
                        failed = Some(failure);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        bar.finish_and_clear();
        match (child, failed) {
            (_, Some(failure)) => Err(failure),
            (Ok(child), None) => Ok((child, total - proven)),
            (Err(error), None) => Err(self.advise(error)),
        }
    }

    fn keep_proof(&self, state: &[u8]) -> Result<(), Failure> {
        Ok(self.store.private().save_run(&self.proof_name(), state)?)
    }

    /// A checkpoint that was altered would be in the way for ever.
    fn advise(&self, error: TreeError) -> Failure {
        match error {
            TreeError::NotProven {
                source: source @ ProveError::Checkpoint { .. },
                ..
            } => Failure::input(format!(
                "the state of the run that was cut off cannot be used: {source}; remove {} and start anew",
                self.store
                    .dir()
                    .join("private/runs")
                    .join(self.proof_name())
                    .display()
            )),
            error => error.into(),
        }
    }

    /// Removes what was kept: the child is in the tree.
    pub fn forget(&self) -> Result<(), StoreError> {
        let private = self.store.private();
        private.remove_run(&self.proof_name())?;
        private.remove_run(&self.child_name())
    }
}

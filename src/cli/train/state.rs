//! What is kept of a run until its child is added, so that it can be cut off at any time.
//!
//! A run is named by all that makes it, and keeps the weights it ends in, with their blindings, and
//! the prover's checkpoint behind the last segment proven. Both are secrets, in the private part.
use crate::cli::{Failure, output, progress, tree::Opened};
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use zktree::{
    commit::Curve,
    error::ProveError,
    nn::{Dataset, TrainingParameters, WeightOpening, encoding::Encoder},
    poly::WideField,
    tree::{
        AuthorKey, Child, Draft, Labels, NodeId, TreeError,
        store::{RunGuard, Store, StoreError},
    },
};

/// A run that is under way, or was cut off.
pub struct Run<'a, C: Curve> {
    store: &'a Store<C>,
    name: String,
}

type Opening<C> = WeightOpening<<C as ark_ec::PrimeGroup>::ScalarField>;

fn hash(data: &Dataset) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((data.num_features() as u64).to_le_bytes());
    for value in data.values() {
        hash.update(value.to_le_bytes());
    }
    hash.finalize().into()
}

/// Waits until nobody else commits to the same data: there would be two commitments to them, and which
/// one a run goes on with would be chance.
pub fn commit_alone<C: Curve<ScalarField: WideField>>(
    store: &Store<C>,
    data: &Dataset,
) -> Result<RunGuard, StoreError> {
    store.private().begin_run(&hex::encode(hash(data)), |_| ())
}

/// What a run is asked for: all that makes it but the commitment to its data.
pub struct Order<'a> {
    pub parent: NodeId,
    pub parameters: &'a TrainingParameters,
    pub nonce: u64,
    pub author: AuthorKey,
    pub labels: &'a Labels,
    pub publish_loss: bool,
}

impl Order<'_> {
    /// A name, with a hash of the data or of the commitment to them.
    fn name(&self, kind: &str, data: &[u8; 32]) -> String {
        let (p, labels) = (self.parameters, self.labels);
        let start = Encoder::new(kind)
            .hash(&self.parent.0)
            .hash(data)
            .hash(&self.author.0)
            .number(self.nonce);
        let start = p
            .optimiser
            .encode(start)
            .count(p.batch)
            .number(p.steps)
            .number(p.segment_steps)
            .flag(p.hiding)
            .flag(self.publish_loss);
        let texts = [&labels.title, &labels.licence, &labels.note];
        let encoding = texts.into_iter().fold(start, |encoder, text| match text {
            Some(text) => encoder.flag(true).string(text),
            None => encoder.flag(false),
        });
        hex::encode(Sha256::digest(encoding.finish()))
    }

    /// Waits until nobody else is at the same on these data.
    pub fn begin<C: Curve<ScalarField: WideField>>(
        &self,
        store: &Store<C>,
        data: &Dataset,
    ) -> Result<RunGuard, StoreError> {
        let name = self.name("zktree/v1/order", &hash(data));
        store.private().begin_run(&name, |file| {
            let file = file.display();
            output::complain(&format_args!(
                "the same command is at work, which holds {file}: waiting for it to end"
            ));
        })
    }

    /// The node that this was asked for before, if its weights are here, or are those that a run kept
    /// which did not come to forget them: there is no need of another.
    pub fn done<C: Curve<ScalarField: WideField>>(
        &self,
        opened: &Opened<C>,
        draft: &Draft<'_, C>,
        kept: Option<&Opening<C>>,
    ) -> Result<Option<NodeId>, Failure> {
        let logged = opened.store.log()?;
        for id in opened.tree.children(self.parent) {
            let Some(node) = opened.tree.node(*id).filter(|_| logged.contains(*id)) else {
                continue;
            };
            let mut same = draft.node(node.weights.clone());
            same.labels.loss = node.labels.loss;
            let same = same == *node && node.labels.loss.is_some() == self.publish_loss;
            if !same {
                continue;
            }
            if opened.store.private().opening(*id, node)?.is_some() {
                return Ok(Some(*id));
            }
            if let Some(kept) = kept.filter(|kept| kept.commit() == node.weights) {
                opened.store.private().save_opening(*id, kept)?;
                return Ok(Some(*id));
            }
        }
        Ok(None)
    }
}

impl<'a, C: Curve<ScalarField: WideField>> Run<'a, C> {
    /// The run that is asked for, on these data.
    pub fn new(store: &'a Store<C>, order: &Order<'_>, data: &[u8; 32]) -> Self {
        let name = order.name("zktree/v1/run", data);
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

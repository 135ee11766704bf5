//! Proving an edge segment by segment, with a state that can be put down and taken up again.
use super::{Parts, Recording, Weighed, fingerprint};
use crate::{
    commit::Curve,
    error::{DataError, ProveError, StatementError},
    nn::{
        DatasetOpening, ParentWeights, Trainer, TrainingProof, TrainingStatement, WeightCommitment,
        WeightOpening,
        encoding::Encoder,
        init,
        program::{Data, eval::Trace},
    },
    poly::WideField,
    transcript::ProverChannel,
};
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};
use tracing::info_span;

/// Proves a statement one segment at a time.
///
/// Made by [`TrainingStatement::prover`], which checks statement and openings once. Between two
/// segments the whole state is a [`checkpoint`](Self::checkpoint), from which
/// [`TrainingStatement::resume`] goes on, in another process if need be.
pub struct SegmentProver<'a, C: Curve> {
    statement: &'a TrainingStatement<C>,
    child: &'a WeightOpening<C::ScalarField>,
    dataset: &'a DatasetOpening<C::ScalarField>,
    /// Draws the blindings of weights between segments.
    rng: ChaCha20Rng,
    /// Weights before the next segment.
    before: Weighed<C>,
    done: u64,
    proof: Vec<u8>,
    recording: Option<Recording>,
}

impl<C: Curve<ScalarField: WideField>> TrainingStatement<C> {
    /// A prover of this statement at its first segment.
    ///
    /// # Errors
    /// [`ProveError::Statement`] if the statement does not hold together, or an opening is not
    /// that of the statement's commitment.
    pub fn prover<'a>(
        &'a self,
        parent: &WeightOpening<C::ScalarField>,
        child: &'a WeightOpening<C::ScalarField>,
        dataset: &'a DatasetOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<SegmentProver<'a, C>, ProveError> {
        let _ = self.validate()?;
        let before = Weighed {
            opening: parent.clone(),
            commitment: self.parent_commitment().cloned(),
        };
        self.prover_at(before, 0, Vec::new(), child, dataset, rng)
    }

    /// Goes on from a [`checkpoint`](SegmentProver::checkpoint) of a prover of this statement.
    ///
    /// The proofs in it are taken as they are: who alters them makes a proof that is refused.
    ///
    /// # Errors
    /// [`ProveError::Checkpoint`] unless it is one, unaltered and of this statement; those of
    /// [`prover`](Self::prover).
    pub fn resume<'a>(
        &'a self,
        checkpoint: &[u8],
        child: &'a WeightOpening<C::ScalarField>,
        dataset: &'a DatasetOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<SegmentProver<'a, C>, ProveError> {
        let _ = self.validate()?;
        let (before, done, proof) = self.read_checkpoint(checkpoint)?;
        self.prover_at(before, done, proof, child, dataset, rng)
    }

    fn prover_at<'a>(
        &'a self,
        before: Weighed<C>,
        done: u64,
        proof: Vec<u8>,
        child: &'a WeightOpening<C::ScalarField>,
        dataset: &'a DatasetOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<SegmentProver<'a, C>, ProveError> {
        let opened = match done {
            0 => "parent",
            _ => "weights behind the last segment proven",
        };
        info_span!("check openings")
            .in_scope(|| self.check_openings((&before, opened), child, dataset, rng))?;
        // Blindings of weights between segments depend on system entropy too: a caller whose
        // generator is seeded does not give them away.
        let mut entropy = [0; 32];
        rng.fill_bytes(&mut entropy);
        let between = ProverChannel::<C::ScalarField>::new(b"between segments", &self.child_pre_id);
        let mut seed = [0; 32];
        between.secret_rng(&entropy).fill_bytes(&mut seed);
        Ok(SegmentProver {
            statement: self,
            child,
            dataset,
            rng: ChaCha20Rng::from_seed(seed),
            before,
            done,
            proof,
            recording: None,
        })
    }

    /// Checks that the prover's secrets open the statement's commitments: if not, the proof would
    /// be refused.
    fn check_openings(
        &self,
        (before, name): (&Weighed<C>, &'static str),
        child: &WeightOpening<C::ScalarField>,
        dataset: &DatasetOpening<C::ScalarField>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), ProveError> {
        let before_opens = match (&before.commitment, &self.parent) {
            (Some(commitment), _) => before.opening.opens(commitment, rng),
            (None, ParentWeights::Root { seed }) => {
                let p = &self.parameters;
                *before.opening.weights() == init::expand(*seed, &p.architecture, &p.fixed_point)
            }
            (None, ParentWeights::Committed { .. }) => false,
        };
        for (opens, what) in [
            (before_opens, name),
            (child.opens(&self.child, rng), "child"),
            (dataset.opens(&self.dataset, rng), "data set"),
        ] {
            if !opens {
                return Err(StatementError::OtherOpening { what }.into());
            }
        }
        Ok(())
    }

    fn parent_commitment(&self) -> Option<&WeightCommitment<C>> {
        match &self.parent {
            ParentWeights::Committed { commitment, .. } => Some(commitment),
            ParentWeights::Root { .. } => None,
        }
    }

    /// A hash of all that a checkpoint depends on.
    fn checkpoint_digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(b"zktree-v1 checkpoint");
        for first in self.parameters.segments().take(1) {
            let parent = self.parent_commitment();
            hash.update(self.encode_segment(first, parent, &self.child));
        }
        hash.finalize().into()
    }

    fn read_checkpoint(&self, bytes: &[u8]) -> Result<(Weighed<C>, u64, Vec<u8>), ProveError> {
        let refuse = |what: &str| ProveError::Checkpoint { what: what.into() };
        let architecture = &self.parameters.architecture;
        let total = self.parameters.num_segments();
        let cut = || refuse("it is cut short or not a checkpoint");
        let (body, sum) = bytes
            .len()
            .checked_sub(32)
            .and_then(|len| bytes.split_at_checked(len))
            .ok_or_else(cut)?;
        let rest = body
            .strip_prefix(Encoder::new(CHECKPOINT).finish().as_slice())
            .ok_or_else(|| refuse("it is none, or of another version"))?;
        if Sha256::digest(body).as_slice() != sum {
            return Err(refuse("it is damaged"));
        }
        let (digest, rest) = rest.split_at_checked(32).ok_or_else(cut)?;
        if digest != self.checkpoint_digest() {
            return Err(refuse("it is of another statement"));
        }
        let (done, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let done = u64::from_le_bytes(*done);
        if done > total {
            return Err(refuse("it has more segments than the statement"));
        }
        let (len, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let (opening, proof) = usize::try_from(u64::from_le_bytes(*len))
            .ok()
            .and_then(|len| rest.split_at_checked(len))
            .ok_or_else(cut)?;
        let opening = WeightOpening::from_safetensors(opening).map_err(unreadable)?;
        if opening.weights().architecture() != architecture {
            return Err(refuse("its weights are of another shape"));
        }

        let mut parts = Parts::new(proof, self);
        let mut commitment = self.parent_commitment().cloned();
        for index in 0..done {
            let malformed = |_| refuse("its proof is malformed");
            let (after, _) = parts.take(index).map_err(malformed)?;
            if index + 1 == done {
                commitment = Some(self.weights_behind(after).map_err(malformed)?);
            }
        }
        if !parts.rest().is_empty() {
            return Err(refuse("its proof is longer than its segments"));
        }
        let before = Weighed {
            opening,
            commitment,
        };
        Ok((before, done, proof.to_vec()))
    }
}

fn unreadable(error: DataError) -> ProveError {
    let what = error.to_string();
    ProveError::Checkpoint { what }
}

/// Names the format of a checkpoint.
const CHECKPOINT: &str = "zktree/v1/checkpoint";

impl<C: Curve<ScalarField: WideField>> SegmentProver<'_, C> {
    /// Segments proven.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Segments in all.
    pub fn total(&self) -> u64 {
        self.statement.parameters.num_segments()
    }

    /// Takes the values of a run of just this statement, so that training is not run again. A
    /// recording of another run is left aside.
    pub fn with_recording(self, recording: Recording) -> Self {
        Self {
            recording: Some(recording),
            ..self
        }
    }

    /// The steps of a recording, if it is of this run, in one segment.
    fn recorded_steps(&self, recording: Recording) -> Option<Vec<Trace>> {
        let p = &self.statement.parameters;
        let ends = [self.before.opening.weights(), self.child.weights()];
        let steps = recording.steps;
        if self.total() > 1 || recording.ends != ends.map(fingerprint) {
            return None;
        }
        let schedule = self.statement.schedule().ok()?;
        let batches = schedule.batches(0, p.steps);
        let trainer = Trainer::new(&p.sgd(), &p.architecture, p.batch).ok()?;
        let same = |step: &Trace, rows: Vec<usize>| {
            let (inputs, targets) = self.dataset.dataset().gather(&rows);
            let mut data = trainer.program().data();
            data.all(|(value, data)| {
                let rows = match data {
                    Data::Inputs => &inputs,
                    Data::Targets => &targets,
                };
                step.get(value).is_some_and(|values| **values == *rows)
            })
        };
        let mut pairs = steps.iter().zip(batches);
        let whole = steps.len() as u64 == p.steps && pairs.all(|(step, rows)| same(step, rows));
        whole.then_some(steps)
    }

    /// Trains and proves the next segment; `false` if there is none. After an error the state is
    /// that before the call.
    ///
    /// # Errors
    /// [`ProveError::OtherChild`] if training does not end in the child; [`ProveError::Training`]
    /// if a value leaves its range.
    pub fn prove_next(&mut self) -> Result<bool, ProveError> {
        let statement = self.statement;
        let p = &statement.parameters;
        let next = usize::try_from(self.done)
            .ok()
            .and_then(|n| p.segments().nth(n));
        let Some(segment) = next else {
            return Ok(false);
        };
        let last = segment.index + 1 == self.total();
        let before = self.before.opening.weights();
        let recorded = self.recording.take().and_then(|r| self.recorded_steps(r));
        let (steps, weights) = match recorded {
            Some(steps) => (steps, None),
            None => {
                let run = || statement.run_segment(before, self.dataset, segment);
                let (steps, weights) = info_span!("train").in_scope(run)?;
                (steps, Some(weights))
            }
        };
        let mut bytes = Vec::new();
        let (opening, commitment) = match weights {
            Some(weights) if last && weights != *self.child.weights() => {
                return Err(ProveError::OtherChild);
            }
            _ if last => (self.child.clone(), statement.child.clone()),
            None => return Err(ProveError::OtherChild),
            Some(weights) => {
                let opening = WeightOpening::new(weights, p.hiding, &mut self.rng);
                let commitment = info_span!("commit weights between").in_scope(|| {
                    let (known, factor) = (&self.before, p.plan().common_factor());
                    match &known.commitment {
                        Some(c) => opening.commit_by_update(&known.opening, c, factor),
                        None => opening.commit(),
                    }
                });
                bytes.extend(commitment.encode());
                (opening, commitment)
            }
        };
        let after = Weighed {
            opening,
            commitment: Some(commitment),
        };
        let proof =
            statement.prove_segment(segment, &self.before, &steps, &after, self.dataset, true)?;
        bytes.extend((proof.len() as u64).to_le_bytes());
        bytes.extend(proof);
        self.proof.extend(bytes);
        self.before = after;
        self.done += 1;
        Ok(true)
    }

    /// The state as bytes: the proof so far and the opening of the weights behind it. A secret of
    /// the same kind as the child's weights.
    ///
    /// Encoding: the format's name, a hash of the statement, segments done as a little-endian
    /// `u64`, the [opening](WeightOpening::to_safetensors) behind its length, the proof so far;
    /// behind all that its SHA-256.
    ///
    /// # Errors
    /// [`ProveError::Checkpoint`] if the weights fit in no file.
    pub fn checkpoint(&self) -> Result<Vec<u8>, ProveError> {
        let opening = self.before.opening.to_safetensors().map_err(unreadable)?;
        let mut bytes = Encoder::new(CHECKPOINT)
            .hash(&self.statement.checkpoint_digest())
            .number(self.done)
            .bytes(&opening)
            .finish();
        bytes.extend_from_slice(&self.proof);
        let sum = Sha256::digest(&bytes);
        bytes.extend(sum);
        Ok(bytes)
    }

    /// The whole proof; `None` if segments are missing.
    pub fn finish(self) -> Option<TrainingProof> {
        (self.done == self.total()).then_some(TrainingProof(self.proof))
    }
}

impl<C: Curve> std::fmt::Debug for SegmentProver<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = self.statement.parameters.num_segments();
        write!(f, "SegmentProver({} of {total} segments)", self.done)
    }
}

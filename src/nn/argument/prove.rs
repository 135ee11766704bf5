//! The prover of an argument.
use super::{APPLICATION, Argument, Discharge, Layout, final_form};
use crate::{
    commit::{
        Curve, Generators, RowBlindings,
        hadamard::{self, MaskForm, MaskLayout, Masks},
        hyrax, linear, msm,
        opening::{self, FoldRows, Folded},
    },
    count,
    error::{ProveError, StatementError, VerifyError},
    nn::relation::{self, Prover, Values},
    poly::{WideField, parallel},
    transcript::{Challenger, Constraint, Expr, ProverChannel, VerifierChannel},
};
use ark_ff::PrimeField;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tracing::info_span;
use zeroize::{Zeroize, Zeroizing};

/// A committed matrix of the statement, as the prover knows it.
#[derive(Clone)]
pub struct KnownMatrix<F: PrimeField> {
    /// Its values.
    pub values: Arc<Vec<i64>>,
    /// The blindings of its rows.
    pub blindings: RowBlindings<F>,
}

/// What the prover keeps of its commitments.
struct Secrets<F: PrimeField> {
    /// The matrices of the proof and of the statement, in the order of the description.
    matrices: Vec<KnownMatrix<F>>,
    masks: Masks<F>,
    masks_blinding: Zeroizing<F>,
}

impl<F: WideField> Argument<F> {
    /// Proves the relation for the given values; `known` are the statement's matrices in order.
    ///
    /// With `check` a witness that does not satisfy the relation is an error; without, the proof
    /// is finished all the same and will be refused (for tests of soundness).
    ///
    /// # Errors
    /// [`ProveError::Unsatisfied`] naming the check; [`ProveError::Statement`] if a proof that does
    /// not hide is asked for although a known commitment is blinded.
    pub fn prove<C: Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        values: &Values,
        known: &[KnownMatrix<F>],
        check: bool,
    ) -> Result<Vec<u8>, ProveError> {
        let blinded = |m: &KnownMatrix<F>| m.blindings.expose().iter().any(|b| !b.is_zero());
        if !self.hiding && known.iter().any(blinded) {
            return Err(StatementError::BlindedCommitment.into());
        }
        let mut channel = ProverChannel::new(APPLICATION, statement);
        let values_of = |tensor| values.get(tensor).cloned().unwrap_or_default();
        let witness: Vec<_> = self.witness.iter().map(values_of).collect();
        let digest = match self.hiding {
            true => info_span!("hash secrets").in_scope(|| secret_digest(&witness, known)),
            false => Default::default(),
        };
        let mut rng = channel.secret_rng(&digest);
        let layout = info_span!("dry run").in_scope(|| self.mask_layout())?;
        let gens = info_span!("generators")
            .in_scope(|| Generators::<C>::get(1 << self.column_vars(), layout.len()));
        let secrets = info_span!("commit").in_scope(|| {
            self.commit(
                &gens,
                layout.clone(),
                witness,
                known,
                &mut rng,
                &mut channel,
            )
        });

        let mut sent = 0;
        let mut part = |name, channel: &ProverChannel<F>| {
            let bytes = channel.proof().len() - sent;
            tracing::debug!(part = name, bytes = bytes as u64);
            sent += bytes;
        };
        part("commitments", &channel);

        let mut prover = Prover::new(&self.relation, values, &mut channel);
        if !check {
            prover = prover.unchecked();
        }
        let claims = relation::reduce(&self.relation, &mut prover)?;
        let mut forms = Vec::new();
        let mut public = Vec::new();
        for claim in claims {
            match self.form(&claim)? {
                Discharge::Form(form) => forms.push(form),
                Discharge::Public(_) => public.push(claim.value),
            }
        }
        let rows = Rows {
            layouts: &self.matrices,
            matrices: &secrets.matrices,
        };
        let (folded, vector) = info_span!("fold rows")
            .in_scope(|| opening::prove(forms, self.column_vars(), &rows, &mut channel));
        debug_assert_eq!(channel.pads_left(), 0, "the dry run counts what is sent");
        part("reductions", &channel);

        let (form, mu) = if self.hiding {
            let replay = info_span!("replay");
            let (value, constraints) =
                replay.in_scope(|| self.replay::<C>(statement, channel.proof(), public))?;
            if check {
                unsatisfied(&secrets.masks, &constraints)?;
            }
            let e = channel.challenge("products", 2);
            let responses = secrets.masks.prove(e, &mut channel);
            let error = layout.num_constraints(constraints.len());
            let delta = channel.challenge("constraints", error);
            let form = hadamard::combine(&layout, &value, &constraints, e, &responses, delta);
            (form, channel.challenge("mu", 2))
        } else {
            (
                MaskForm {
                    coefficients: Vec::new(),
                    value: folded.value,
                },
                F::ONE,
            )
        };
        let open = info_span!("linear form");
        open.in_scope(|| {
            self.open(
                &gens,
                &secrets,
                folded,
                vector,
                form,
                mu,
                &mut rng,
                &mut channel,
            )
        })?;
        part("opening", &channel);
        Ok(channel.finish())
    }

    /// Commits to the witness and, when hiding, to fresh masks.
    fn commit<C: Curve<ScalarField = F>>(
        &self,
        gens: &Generators<C>,
        layout: MaskLayout,
        witness: Vec<Arc<Vec<i64>>>,
        known: &[KnownMatrix<F>],
        rng: &mut (impl RngCore + CryptoRng),
        channel: &mut ProverChannel<F>,
    ) -> Secrets<F> {
        let mut matrices = Vec::with_capacity(self.matrices.len());
        for (values, matrix) in witness.into_iter().zip(&self.matrices) {
            let blindings = match self.hiding {
                true => RowBlindings::random(matrix.num_rows(), rng),
                false => RowBlindings::zero(matrix.num_rows()),
            };
            matrices.push(KnownMatrix { values, blindings });
        }
        let with_layouts = matrices.iter().zip(&self.matrices);
        let slices: Vec<&[i64]> = with_layouts
            .flat_map(|(matrix, layout)| layout.slices(&matrix.values))
            .collect();
        let blindings = matrices
            .iter()
            .flat_map(|m| m.blindings.expose().to_vec())
            .collect();
        let rows = hyrax::commit_slices(gens, &slices, &RowBlindings::from_secret(blindings));
        channel.send_points::<C>("witness row", &rows.rows);
        matrices.extend(known.iter().cloned());

        let masks = Masks::draw(layout, rng);
        let mut masks_blinding = Zeroizing::new(F::ZERO);
        if self.hiding {
            *masks_blinding = F::rand(rng);
            let point = msm::full::<C>(gens.pads(), masks.vector()) + gens.blind(&masks_blinding);
            channel.send_point::<C>("masks", &point.into());
            channel.mask_with(masks.pads().to_vec());
        }
        Secrets {
            matrices,
            masks,
            masks_blinding,
        }
    }

    /// Proves the linear form that is left, on `mu` times the folded rows and the masks.
    #[allow(clippy::too_many_arguments)]
    fn open<C: Curve<ScalarField = F>>(
        &self,
        gens: &Generators<C>,
        secrets: &Secrets<F>,
        folded: Folded<F, F>,
        mut vector: Vec<F>,
        form: MaskForm<F>,
        mu: F,
        rng: &mut (impl RngCore + CryptoRng),
        channel: &mut ProverChannel<F>,
    ) -> Result<(), ProveError> {
        let mut blinding = *secrets.masks_blinding;
        for (matrix, weights) in &folded.rows {
            blinding += mu * secrets.matrices[*matrix].blindings.fold(weights);
        }
        let (shape, coefficients) = final_form(&folded.point, form.coefficients, mu)?;
        vector.resize(shape.columns, F::ZERO);
        // One a column.
        count::field_multiplications(vector.len());
        vector.iter_mut().for_each(|x| *x *= mu);
        vector.extend_from_slice(secrets.masks.vector());
        let claim = linear::LinearForm {
            shape,
            coefficients: &coefficients,
            value: form.value,
            hiding: self.hiding,
        };
        linear::prove(
            gens,
            &claim,
            &linear::Opening {
                vector: &vector,
                blinding,
            },
            rng,
            channel,
        );
        Ok(())
    }

    /// Runs the verifier on the messages sent so far, to learn the constraints on masks.
    fn replay<C: Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        proof: &[u8],
        public: Vec<F>,
    ) -> Result<(Expr<F>, Vec<Constraint<F>>), VerifyError> {
        let mut channel = VerifierChannel::new(APPLICATION, statement, proof);
        channel.skip("witness row", C::ENCODED_LEN, self.num_witness_rows())?;
        channel.skip("masks", C::ENCODED_LEN, 1)?;
        channel.masked();
        let mut public = public.into_iter();
        let folded =
            self.reductions(&mut channel, &mut |_, _| public.next().unwrap_or_default())?;
        Ok((folded.value, channel.take_constraints()))
    }
}

/// The first constraint that the masks do not satisfy, as an error.
fn unsatisfied<F: PrimeField>(
    masks: &Masks<F>,
    constraints: &[Constraint<F>],
) -> Result<(), ProveError> {
    match constraints
        .iter()
        .find(|constraint| !masks.value(&constraint.expr).is_zero())
    {
        Some(constraint) => Err(ProveError::Unsatisfied {
            check: constraint.check,
        }),
        None => Ok(()),
    }
}

/// Entries that are hashed at once.
const DIGEST_CHUNK: usize = 1 << 16;

/// A digest of all secrets, to hedge the generator of blindings: whatever it gives, two different
/// witnesses do not share a blinding.
fn secret_digest<F: PrimeField>(witness: &[Arc<Vec<i64>>], known: &[KnownMatrix<F>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let matrices = witness.iter().chain(known.iter().map(|m| &m.values));
    for values in matrices {
        hash.update((values.len() as u64).to_le_bytes());
        let parts = parallel::map(values.len().div_ceil(DIGEST_CHUNK), DIGEST_CHUNK, |k| {
            let end = values.len().min((k + 1) * DIGEST_CHUNK);
            digest(&values[k * DIGEST_CHUNK..end])
        });
        parts.iter().for_each(|part| hash.update(part));
    }
    for blinding in known.iter().flat_map(|m| m.blindings.expose()) {
        let mut bytes = Vec::new();
        // Writing to memory does not fail; whatever is written hedges.
        let _ = blinding.serialize_compressed(&mut bytes);
        hash.update(&bytes);
        bytes.zeroize();
    }
    hash.finalize().into()
}

fn digest(values: &[i64]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut bytes = [0; 4096];
    for chunk in values.chunks(bytes.len() / 8) {
        for (out, value) in bytes.chunks_exact_mut(8).zip(chunk) {
            out.copy_from_slice(&value.to_le_bytes());
        }
        hash.update(&bytes[..8 * chunk.len()]);
    }
    bytes.zeroize();
    hash.finalize().into()
}

struct Rows<'a, F: PrimeField> {
    layouts: &'a [Layout],
    matrices: &'a [KnownMatrix<F>],
}

impl<F: WideField> FoldRows<F> for Rows<'_, F> {
    fn fold_rows(&self, matrix: usize, rows: &[F]) -> Vec<F> {
        self.layouts[matrix].fold(&self.matrices[matrix].values, rows)
    }
}

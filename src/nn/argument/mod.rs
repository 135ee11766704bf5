//! One proof: a relation, commitments to its inputs, hiding, and the final linear form.
//!
//! **Relation.** There are values of the inputs that satisfy a [`Relation`], of which some are
//! committed in the proof (the *witness*), some are committed in the statement, some are rows of a
//! committed data set named by a public schedule, and some are public.
//!
//! **Prover.** After the statement it sends
//! 1. the row commitments of the witness and, when hiding, of the vector of masks;
//! 2. the reduction of the relation to claims on inputs ([`relation::reduce`]);
//! 3. the reduction of all claims to one combination of rows ([`opening`]);
//! 4. when hiding, the answers of the product proof ([`hadamard`](crate::commit::hadamard));
//! 5. the linear-form proof ([`linear`](crate::commit::linear)) for $\mu C_f + C_{\mathbf m}$, the
//!    folded rows and the masks.
//!
//! **Verifier.** Follows the same reductions on what it receives, affine forms in the pads when
//! hiding, collects the checks as constraints on the masks, and is left with one group equation:
//! [`Pending`]. How many pads are needed is found by running the verifier on zeros; which constraints
//! they must satisfy is found by the prover by running the verifier on its own messages. So there is
//! one description of each check.
//!
//! **Why $\mu$.** Pedersen commitments bind no length: a row commitment might have a component on
//! the generators of the masks, and a prover could hide there a constant that changes a product
//! of pads. After everything else is in the transcript a challenge $\mu$ is drawn, and
//! $\mu C_f + C_{\mathbf m}$ is opened with the form
//! $\left( \mu^{-1} \mathrm{eq}(z, \cdot) \mid \phi \right)$: components at the wrong generators enter
//! with $\mu$ or $\mu^{-1}$ and cannot cancel but with probability $2 / |F|$ (equation 47 of
//! [`notes`](crate::notes)).
//!
//! **Soundness.** The sum of the bounds of the parts, equation 52. What is committed in the statement
//! is bound by its hash, which is part of the encoded statement.
//!
//! **Hiding.** Scalars are masked, commitments are blinded, the linear form is zero-knowledge: all
//! that is sent can be simulated from the statement.
//!
//! **Departures, references.** See the parts, and the notes.
mod layout;
mod prove;
mod verify;

pub use layout::{Batches, Gather, GatheredRows, Layout};
pub use prove::KnownMatrix;
pub use verify::{Pending, Size};

use super::relation::{self, Claim, Committed, Relation, TensorId, Verifier};
use crate::{
    check::Check,
    commit::{
        Shape,
        hadamard::MaskLayout,
        opening::{self, Columns, Folded, FormClaim},
    },
    error::{Locate, StatementError, VerifyError},
    poly::{self, WideField},
    transcript::{Expr, VerifierChannel},
};
use ark_ff::PrimeField;
use std::{collections::BTreeMap, sync::Arc};

/// A public function that evaluates an input at a point.
pub type PublicInput<F> = Arc<dyn Fn(&[F]) -> F + Send + Sync>;

/// How claims on an input are discharged.
pub enum Source<F> {
    /// By opening a committed matrix that holds the tensor.
    Matrix(usize),
    /// By opening rows of a committed matrix.
    Gather(Gather),
    /// By the verifier itself.
    Public(PublicInput<F>),
}

/// The public description of a proof.
pub struct Argument<F> {
    relation: Arc<Relation<F>>,
    /// All matrices: first those committed in the proof, then those of the statement.
    matrices: Vec<Layout>,
    witness: Vec<TensorId>,
    inputs: BTreeMap<TensorId, Source<F>>,
    hiding: bool,
}

const APPLICATION: &[u8] = b"tensor relation";

impl<F: WideField> Argument<F> {
    /// A proof of `relation` in which the tensors of `witness` are committed with rows of
    /// `2^row_vars` entries.
    pub fn new(
        relation: Arc<Relation<F>>,
        witness: &[Committed],
        row_vars: usize,
        hiding: bool,
    ) -> Self {
        let mut this = Self {
            relation,
            matrices: Vec::new(),
            witness: witness.iter().map(|c| c.tensor).collect(),
            inputs: BTreeMap::new(),
            hiding,
        };
        for (k, tensor) in witness.iter().enumerate() {
            this.matrices
                .push(Layout::new(tensor.num_vars, row_vars, &tensor.real));
            this.inputs.insert(tensor.tensor, Source::Matrix(k));
        }
        this
    }

    /// Adds a matrix that is committed in the statement; returns its number.
    pub fn known_matrix(&mut self, layout: Layout) -> usize {
        self.matrices.push(layout);
        self.matrices.len() - 1
    }

    /// Says how claims on an input are discharged.
    pub fn input(&mut self, tensor: TensorId, source: Source<F>) {
        self.inputs.insert(tensor, source);
    }

    /// The relation.
    pub fn relation(&self) -> &Relation<F> {
        &self.relation
    }

    /// Number of row commitments in the proof.
    pub fn num_witness_rows(&self) -> usize {
        self.matrices
            .iter()
            .take(self.witness.len())
            .map(Layout::num_rows)
            .sum()
    }

    /// Numbers of rows of the witness's matrices.
    #[cfg(test)]
    pub(crate) fn witness_rows(&self) -> Vec<usize> {
        let matrices = self.matrices.iter().take(self.witness.len());
        matrices.map(Layout::num_rows).collect()
    }

    /// `log2` of the longest row.
    pub fn column_vars(&self) -> usize {
        self.matrices
            .iter()
            .map(Layout::row_vars)
            .max()
            .unwrap_or(0)
    }

    /// Reduces everything to one combination of rows. What `public` says of an input that is not
    /// committed is compared with what the prover says.
    fn reductions(
        &self,
        channel: &mut VerifierChannel<'_, F>,
        public: &mut dyn FnMut(&PublicInput<F>, &Claim<F, Expr<F>>) -> F,
    ) -> Result<Folded<F, Expr<F>>, VerifyError> {
        let claims = relation::reduce(&self.relation, &mut Verifier::new(&self.relation, channel))?;
        let mut forms = Vec::new();
        for claim in claims {
            if channel.is_dry() && self.is_opened(&claim) {
                forms.push(FormClaim::unweighted(claim.value));
                continue;
            }
            match self.form(&claim)? {
                Discharge::Form(form) => forms.push(form),
                Discharge::Public(function) => {
                    let value = Expr::known(public(&function, &claim));
                    channel
                        .assert_equal(&claim.value, &value, Check::PublicInput.name())
                        .located(|| format!("tensor {}", self.relation.name(claim.tensor)))?;
                }
            }
        }
        opening::verify(forms, self.column_vars(), channel)
    }

    /// Whether the claim's input is opened: of a dry run that is all there is to know, and weights of rows
    /// that may not exist are not made.
    fn is_opened<V>(&self, claim: &Claim<F, V>) -> bool {
        let source = self.inputs.get(&claim.tensor);
        matches!(source, Some(Source::Matrix(_) | Source::Gather(_)))
    }

    fn form<V: Clone>(&self, claim: &Claim<F, V>) -> Result<Discharge<F, V>, VerifyError> {
        let make = |matrix: usize, (rows, columns): (Vec<F>, Columns<F>)| {
            Discharge::Form(FormClaim {
                matrix,
                rows,
                columns,
                value: claim.value.clone(),
            })
        };
        let layout = |matrix: usize| {
            let missing = StatementError::NoMatrix { matrix };
            self.matrices.get(matrix).ok_or(missing)
        };
        match self.inputs.get(&claim.tensor) {
            Some(Source::Matrix(matrix)) => {
                Ok(make(*matrix, layout(*matrix)?.evaluation(&claim.point)))
            }
            Some(Source::Gather(gather)) => {
                let num_rows = layout(gather.matrix)?.num_rows();
                Ok(make(
                    gather.matrix,
                    gather.evaluation(num_rows, &claim.point),
                ))
            }
            Some(Source::Public(function)) => Ok(Discharge::Public(function.clone())),
            None => {
                let tensor = self.relation.name(claim.tensor).to_string();
                Err(StatementError::NoSource { tensor }.into())
            }
        }
    }

    /// The masks that a proof needs; empty without hiding.
    pub(crate) fn mask_layout(&self) -> Result<MaskLayout, VerifyError> {
        if !self.hiding {
            return Ok(MaskLayout::new(Default::default()));
        }
        let mut channel = VerifierChannel::dry_run(true);
        let _ = self.reductions(&mut channel, &mut |_, _| F::ZERO)?;
        Ok(MaskLayout::new(channel.plan().clone()))
    }

    /// What the reductions check of a proof, with or without hiding, as expressions in what is
    /// added to the scalars sent, and what is left to open: for cheating provers.
    #[cfg(test)]
    pub(crate) fn checks<C: crate::commit::Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        proof: &[u8],
    ) -> Result<Checks<F>, VerifyError> {
        let mut channel = VerifierChannel::new(APPLICATION, statement, proof);
        channel.skip("witness row", C::ENCODED_LEN, self.num_witness_rows())?;
        if self.hiding {
            channel.skip("masks", C::ENCODED_LEN, 1)?;
        }
        channel.masked();
        let folded = self.reductions(&mut channel, &mut |f, claim| f(&claim.point))?;
        Ok(Checks {
            plan: channel.plan().clone(),
            constraints: channel.take_constraints(),
            folded,
        })
    }
}

/// The plan of pads, the constraints on them and what is left to open.
#[cfg(test)]
pub(crate) struct Checks<F> {
    pub(crate) plan: crate::transcript::MaskPlan,
    pub(crate) constraints: Vec<crate::transcript::Constraint<F>>,
    pub(crate) folded: Folded<F, Expr<F>>,
}

enum Discharge<F, V> {
    Form(FormClaim<F, V>),
    Public(PublicInput<F>),
}

/// Equation 47: the form `(eq(point, .) / mu | masks)` on the vector `(mu * folded rows | masks)`.
fn final_form<F: PrimeField>(
    point: &[F],
    masks: Vec<F>,
    mu: F,
) -> Result<(Shape, Vec<F>), VerifyError> {
    // Zero with probability 1 / |F|; then nothing is opened.
    let inverse = mu.inverse().ok_or(VerifyError::Opening)?;
    let mut coefficients = poly::eq::scaled_eq_evals(point, inverse);
    let shape = Shape {
        columns: coefficients.len(),
        pads: masks.len(),
    };
    coefficients.extend(masks);
    Ok((shape, coefficients))
}

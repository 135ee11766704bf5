//! One proof: a relation, commitments to its inputs, hiding, and the final linear form.
//!
//! **Relation.** There are values of the inputs that satisfy a [`Relation`], of which some are
//! committed in the proof (the *witness*), some are committed in the statement, some are rows of a
//! committed data set named by a public schedule, and some are public.
//!
//! **Protocol.** After the statement the prover sends
//! 1. the row commitments of the witness and, when hiding, of the vector of masks;
//! 2. the reduction of the relation to claims on inputs ([`relation::reduce`]);
//! 3. the reduction of all claims to one combination of rows ([`opening`]);
//! 4. when hiding, the answers of the product proof ([`hadamard`]);
//! 5. the linear-form proof ([`linear`]) for `mu (folded rows) + (masks)`.
//!
//! How many pads are needed is found by running the verifier on zeros; which constraints they
//! must satisfy is found by the prover by running the verifier on its own messages. So there is
//! one description of each check.
//!
//! **Why `mu`.** Pedersen commitments bind no length: a row commitment might have a component on
//! the generators of the masks, and a prover could hide there a constant that changes a product
//! of pads. After everything else is in the transcript a challenge `mu` is drawn, and
//! `C_masks + mu C_fold` is opened with the form `(mask form | eq / mu)`: components at the wrong
//! generators enter with `mu` or `1 / mu` and cannot cancel but with probability `2 / |F|`.
use super::{
    mlp::Committed,
    relation::{self, Claim, Prover, Relation, TensorId, Values, Verifier},
};
use crate::{
    commit::{
        Combination, Curve, Generators, GroupEquation, RowBlindings, RowCommitments, Shape,
        hadamard::{self, MaskForm, MaskLayout, Masks},
        hyrax, linear,
        opening::{self, Columns, FoldRows, Folded, FormClaim},
    },
    error::{Locate, ProveError, VerifyError},
    poly::{self, WideField, int},
    transcript::{Challenger, Expr, ProverChannel, VerifierChannel},
};
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// How a tensor is cut into rows, and which rows are committed.
///
/// Rows that hold nothing but padding are absent: their commitment is the identity, whatever the
/// prover would like, because the verifier derives the layout from the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    num_vars: usize,
    row_vars: usize,
    rows: Vec<usize>,
}

impl Layout {
    /// Rows of `2^row_vars` entries of a tensor of `2^num_vars`, those that meet a range of
    /// `real`.
    pub fn new(num_vars: usize, row_vars: usize, real: &[Range<usize>]) -> Self {
        let row_vars = row_vars.min(num_vars);
        let mut rows: Vec<usize> = real
            .iter()
            .filter(|range| !range.is_empty())
            .flat_map(|range| range.start >> row_vars..((range.end - 1) >> row_vars) + 1)
            .collect();
        rows.sort_unstable();
        rows.dedup();
        Self {
            num_vars,
            row_vars,
            rows,
        }
    }

    /// Number of committed rows.
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// `log2` of the length of a row.
    pub fn row_vars(&self) -> usize {
        self.row_vars
    }

    /// Number of variables of the tensor.
    pub fn num_vars(&self) -> usize {
        self.num_vars
    }

    /// The committed rows of `values`, cut short where the values end.
    pub fn slices<'a>(&self, values: &'a [i64]) -> Vec<&'a [i64]> {
        let cut = |row: &usize| {
            let start = (row << self.row_vars).min(values.len());
            let end = ((row + 1) << self.row_vars).min(values.len());
            values.get(start..end).unwrap_or_default()
        };
        self.rows.iter().map(cut).collect()
    }

    /// The evaluation at `point` as a bilinear form.
    fn evaluation<F: PrimeField>(&self, point: &[F]) -> (Vec<F>, Columns<F>) {
        let (low, high) = point
            .split_at_checked(self.row_vars)
            .unwrap_or((point, &[]));
        let eq = poly::eq_evals(high);
        let rows = self
            .rows
            .iter()
            .map(|r| eq.get(*r).copied().unwrap_or_default())
            .collect();
        (rows, Columns::Eq(low.to_vec()))
    }

    /// Folds the committed rows of `values`.
    fn fold<F: WideField>(&self, values: &[i64], weights: &[F]) -> Vec<F> {
        let count = self.rows.last().map_or(0, |last| last + 1);
        let mut full = vec![F::ZERO; count];
        for (row, weight) in self.rows.iter().zip(weights) {
            full[*row] = *weight;
        }
        int::fold_high(values, 1 << self.row_vars, &full)
    }
}

/// A tensor made of rows of a committed matrix: entry `(position, unit)` is row
/// `rows[position]`, column `first_column + unit` of it.
#[derive(Debug, Clone)]
pub struct Gather {
    /// The matrix.
    pub matrix: usize,
    /// The row of each real position `(index, row)` over the tensor's lower variables.
    pub rows: Vec<(usize, usize)>,
    /// Number of the tensor's lower variables; the others are the unit.
    pub low_vars: usize,
    /// First column.
    pub first_column: usize,
    /// Number of columns.
    pub num_columns: usize,
}

impl Gather {
    fn evaluation<F: PrimeField>(&self, num_rows: usize, point: &[F]) -> (Vec<F>, Columns<F>) {
        let (low, high) = point
            .split_at_checked(self.low_vars)
            .unwrap_or((point, &[]));
        let (low, high) = (poly::eq_evals(low), poly::eq_evals(high));
        let mut rows = vec![F::ZERO; num_rows];
        for (position, row) in &self.rows {
            if let (Some(u), Some(e)) = (rows.get_mut(*row), low.get(*position)) {
                *u += e;
            }
        }
        let mut columns = vec![F::ZERO; self.first_column];
        columns.extend(high.into_iter().take(self.num_columns));
        (rows, Columns::Dense(columns))
    }
}

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

/// A proof of which everything is checked but one group equation.
#[must_use = "nothing is proven until the equation is checked"]
pub struct Pending<C: Curve> {
    equation: GroupEquation<C>,
    /// A challenge drawn behind the last message.
    binding: C::ScalarField,
}

impl<C: Curve> Pending<C> {
    /// Checks the equations of many proofs by one multi-scalar multiplication. Its weights are
    /// drawn from the complete transcripts of all of them.
    ///
    /// # Errors
    /// [`VerifyError::Opening`] if any equation does not hold.
    pub fn check_all(pending: &[Self]) -> Result<(), VerifyError> {
        let count = (pending.len() as u64).to_le_bytes();
        let mut channel = ProverChannel::new(b"batch of proofs", &count);
        for proof in pending {
            channel.send_clear("binding", &proof.binding);
        }
        let weights = channel.challenges("weights", pending.len());
        let equations: Vec<_> = pending.iter().map(|p| p.equation.clone()).collect();
        let columns = equations
            .iter()
            .map(|e| e.shape().columns)
            .max()
            .unwrap_or(0);
        let pads = equations.iter().map(|e| e.shape().pads).max().unwrap_or(0);
        GroupEquation::check_all(&Generators::get(columns, pads), &equations, &weights)
    }
}

/// A committed matrix of the statement, as the prover knows it.
#[derive(Clone)]
pub struct KnownMatrix<F: PrimeField> {
    /// Its values.
    pub values: Arc<Vec<i64>>,
    /// The blindings of its rows.
    pub blindings: RowBlindings<F>,
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
            match self.form(&claim)? {
                Discharge::Form(form) => forms.push(form),
                Discharge::Public(function) => {
                    let value = Expr::known(public(&function, &claim));
                    channel
                        .assert_equal(&claim.value, &value, "an input is the public one")
                        .located(|| format!("tensor {}", self.relation.name(claim.tensor)))?;
                }
            }
        }
        opening::verify(forms, self.column_vars(), channel)
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
            let missing = || VerifyError::Statement(format!("there is no matrix {matrix}"));
            self.matrices.get(matrix).ok_or_else(missing)
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
            None => Err(VerifyError::Statement(format!(
                "tensor {} is neither committed nor public",
                self.relation.name(claim.tensor)
            ))),
        }
    }

    /// The masks that a proof needs; empty without hiding.
    fn mask_layout(&self) -> Result<MaskLayout, VerifyError> {
        if !self.hiding {
            return Ok(MaskLayout::new(Default::default()));
        }
        let mut channel = VerifierChannel::dry_run();
        let _ = self.reductions(&mut channel, &mut |_, _| F::ZERO)?;
        Ok(MaskLayout::new(channel.plan().clone()))
    }

    /// Verifies a proof but for the group equation of the returned [`Pending`].
    ///
    /// `known` are the commitments of the statement, in the order of
    /// [`known_matrix`](Self::known_matrix); `statement` must encode all that this description was
    /// made from, the known commitments too.
    pub fn verify<C: Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        known: &[&RowCommitments<C>],
        proof: &[u8],
    ) -> Result<Pending<C>, VerifyError> {
        let mut channel = VerifierChannel::new(APPLICATION, statement, proof);
        let layout = self.mask_layout()?;
        let mut commitments = Vec::with_capacity(self.matrices.len());
        for matrix in self.matrices.iter().take(self.witness.len()) {
            let rows = channel.receive_points::<C>("witness row", matrix.num_rows())?;
            commitments.push(RowCommitments { rows });
        }
        for (matrix, known) in self.matrices.iter().skip(self.witness.len()).zip(known) {
            if matrix.num_rows() != known.len() {
                return Err(VerifyError::Shape {
                    what: "rows of a commitment",
                    expected: matrix.num_rows(),
                    got: known.len(),
                });
            }
            commitments.push((*known).clone());
        }
        let mut combination = Combination::new();
        if self.hiding {
            combination.add_point(F::ONE, channel.receive_point::<C>("masks")?);
            channel.masked();
        }
        let folded =
            self.reductions(&mut channel, &mut |function, claim| function(&claim.point))?;
        let constraints = channel.take_constraints();
        let (form, mu) = if self.hiding {
            let e = channel.challenge("products");
            let responses = hadamard::receive(&layout, &mut channel)?;
            let delta = channel.challenge("constraints");
            let form =
                hadamard::combine(&layout, &folded.value, &constraints, e, &responses, delta);
            (form, channel.challenge("mu"))
        } else {
            (
                MaskForm {
                    coefficients: Vec::new(),
                    value: folded.value.constant(),
                },
                F::ONE,
            )
        };
        for (matrix, weights) in &folded.rows {
            let weights: Vec<F> = weights.iter().map(|w| mu * w).collect();
            let rows = commitments.get(*matrix).ok_or(VerifyError::Opening)?;
            combination.add_rows(&weights, rows)?;
        }
        let (shape, coefficients) = final_form(&folded.point, form.coefficients, mu)?;
        let claim = linear::LinearForm {
            shape,
            coefficients: &coefficients,
            value: form.value,
            hiding: self.hiding,
        };
        let equation = linear::verify(&claim, &combination, &mut channel)?;
        let binding = channel.challenge("batch of proofs");
        channel.finish()?;
        Ok(Pending { equation, binding })
    }

    /// Proves the relation for the given values; `known` are the statement's matrices in order.
    ///
    /// With `check` a witness that does not satisfy the relation is an error; without, the proof
    /// is finished all the same and will be refused (for tests of soundness).
    pub fn prove<C: Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        values: &Values,
        known: &[KnownMatrix<F>],
        check: bool,
    ) -> Result<Vec<u8>, ProveError> {
        let mut channel = ProverChannel::new(APPLICATION, statement);
        let mut rng = channel.secret_rng(&self.witness_digest(values, known));
        let layout = self.mask_layout()?;
        let gens = Generators::<C>::get(1 << self.column_vars(), layout.len());

        // Commitments.
        let mut matrices = Vec::with_capacity(self.matrices.len());
        for (tensor, matrix) in self.witness.iter().zip(&self.matrices) {
            let blindings = match self.hiding {
                true => RowBlindings::random(matrix.num_rows(), &mut rng),
                false => RowBlindings::zero(matrix.num_rows()),
            };
            let values = values.get(tensor).cloned().unwrap_or_default();
            matrices.push(KnownMatrix { values, blindings });
        }
        let slices: Vec<&[i64]> = matrices
            .iter()
            .zip(&self.matrices)
            .flat_map(|(known, layout)| layout.slices(&known.values))
            .collect();
        let blindings = matrices
            .iter()
            .flat_map(|m| m.blindings.expose().to_vec())
            .collect();
        let rows = hyrax::commit_slices(&gens, &slices, &RowBlindings::from_secret(blindings));
        channel.send_points::<C>("witness row", &rows.rows);
        matrices.extend(known.iter().cloned());
        let masks = Masks::draw(layout.clone(), &mut rng);
        let mut blinding = F::ZERO;
        if self.hiding {
            blinding = F::rand(&mut rng);
            let point = crate::commit::msm::full::<C>(gens.pads(), masks.vector());
            let point = (point + gens.blind(&blinding)).into();
            channel.send_point::<C>("masks", &point);
            channel.mask_with(masks.pads().to_vec());
        }

        // Reductions.
        let prover = Prover::new(&self.relation, values, &mut channel);
        let prover = if check { prover } else { prover.unchecked() };
        let claims = relation::reduce(&self.relation, &mut { prover })?;
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
            matrices: &matrices,
        };
        let (folded, mut vector) = opening::prove(forms, self.column_vars(), &rows, &mut channel);
        debug_assert_eq!(channel.pads_left(), 0, "the dry run counts what is sent");

        // The constraints on masks, as the verifier will see them.
        let (form, mu) = if self.hiding {
            let (value, constraints) = self.replay::<C>(statement, channel.proof(), public)?;
            if check {
                let failing = constraints.iter().find(|c| masks.value(&c.expr) != F::ZERO);
                if let Some(constraint) = failing {
                    return Err(ProveError::Unsatisfied {
                        check: constraint.check,
                    });
                }
            }
            let e = channel.challenge("products");
            let responses = masks.prove(e, &mut channel);
            let delta = channel.challenge("constraints");
            let form = hadamard::combine(&layout, &value, &constraints, e, &responses, delta);
            (form, channel.challenge("mu"))
        } else {
            (
                MaskForm {
                    coefficients: Vec::new(),
                    value: folded.value,
                },
                F::ONE,
            )
        };
        for (matrix, weights) in &folded.rows {
            blinding += mu * matrices[*matrix].blindings.fold(weights);
        }
        let (shape, coefficients) = final_form(&folded.point, form.coefficients, mu)?;
        vector.resize(shape.columns, F::ZERO);
        vector.iter_mut().for_each(|x| *x *= mu);
        vector.extend_from_slice(masks.vector());
        let claim = linear::LinearForm {
            shape,
            coefficients: &coefficients,
            value: form.value,
            hiding: self.hiding,
        };
        let opening = linear::Opening {
            vector: &vector,
            blinding,
        };
        linear::prove(&gens, &claim, &opening, &mut rng, &mut channel);
        Ok(channel.finish())
    }

    /// Runs the verifier on the messages sent so far, to learn the constraints on masks.
    fn replay<C: Curve<ScalarField = F>>(
        &self,
        statement: &[u8],
        proof: &[u8],
        public: Vec<F>,
    ) -> Result<(Expr<F>, Vec<crate::transcript::Constraint<F>>), VerifyError> {
        let mut channel = VerifierChannel::new(APPLICATION, statement, proof);
        channel.skip("witness row", C::ENCODED_LEN, self.num_witness_rows())?;
        channel.skip("masks", C::ENCODED_LEN, 1)?;
        channel.masked();
        let mut public = public.into_iter();
        let folded =
            self.reductions(&mut channel, &mut |_, _| public.next().unwrap_or_default())?;
        Ok((folded.value, channel.take_constraints()))
    }

    fn witness_digest(&self, values: &Values, known: &[KnownMatrix<F>]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let known = known.iter().map(|m| &m.values);
        for values in values.values().chain(known) {
            hash.update((values.len() as u64).to_le_bytes());
            for chunk in values.chunks(512) {
                let bytes: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
                hash.update(&bytes);
            }
        }
        hash.finalize().into()
    }
}

enum Discharge<F, V> {
    Form(FormClaim<F, V>),
    Public(PublicInput<F>),
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

/// The form `(eq(point, .) / mu | masks)` on the vector `(mu * folded rows | masks)`.
fn final_form<F: PrimeField>(
    point: &[F],
    masks: Vec<F>,
    mu: F,
) -> Result<(Shape, Vec<F>), VerifyError> {
    let inverse = mu.inverse().ok_or(VerifyError::CheckFailed {
        check: "mu is not zero",
    })?;
    let mut coefficients = poly::eq::scaled_eq_evals(point, inverse);
    let shape = Shape {
        columns: coefficients.len(),
        pads: masks.len(),
    };
    coefficients.extend(masks);
    Ok((shape, coefficients))
}

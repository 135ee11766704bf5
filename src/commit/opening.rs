//! Opening many committed matrices at once: from claims on bilinear forms to one inner product.
//!
//! Equations 37 to 41 of [`notes`](crate::notes).
//!
//! **Relation.** Matrices $M_i$ of at most $2^c$ columns are committed row by row. A claim says
//! $u^{\mathsf T} M_i v = y$ for public $u$ (row weights) and $v$ (a column form). For an evaluation of
//! the multilinear extension both are tables of $\mathrm{eq}$; a gather of scheduled rows of a data set
//! is another such form.
//!
//! **Prover.** With $f_k = u_k^{\mathsf T} M_k$ and a challenge $\rho$, one sumcheck of degree 2 over
//! the $c$ *column* variables,
//! $$ \sum_k \rho^k y_k = \sum_{x} \sum_k \rho^k f_k(x) v_k(x). $$
//!
//! **Verifier.** At the sumcheck's point $z$ nothing more is sent: the sum there is the value at $z$
//! of *one* vector, a public combination of rows,
//! $$ \sum_k \rho^k \tilde v_k(z) \tilde f_k(z) = \langle f, \mathrm{eq}(z, \cdot) \rangle, \qquad
//! f = \sum_k \rho^k \tilde v_k(z) \cdot u_k^{\mathsf T} M_k, $$
//! to which the same combination of the row commitments is one. This inner product is left:
//! [`Folded`].
//!
//! **Soundness.** $(\chi + 2 c) / |F|$ for $\chi$ claims, given that commitments, forms and values are
//! functions of the transcript before the challenge is drawn, as they are here: forms are made of the
//! statement and of earlier challenges, values of earlier messages. A matrix row shorter than $2^c$ is
//! read zero-extended: whatever its commitment holds beyond meets coefficients $v = 0$.
//!
//! **Departures.** Hyrax opens one matrix by one inner product. Here the values of the folded rows
//! at the point of the sumcheck are not sent: the sum there is the value of one vector.
//!
//! **References.** \[Wahby et al. 2017/1132\] Doubly-efficient zkSNARKs without trusted setup, sec. 6.
use crate::{
    count,
    error::VerifyError,
    poly::{self, WideField, eq_eval},
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::{Challenger, Expr, ProverChannel, VerifierChannel},
};
use ark_ff::PrimeField;

/// A public form on the columns of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub enum Columns<F> {
    /// `eq(point, .)` on the first `2^n` columns, zero on the others.
    Eq(Vec<F>),
    /// Coefficients; zero beyond.
    Dense(Vec<F>),
}

impl<F: PrimeField> Columns<F> {
    /// The coefficients, without trailing zeros.
    pub fn coefficients(&self) -> Vec<F> {
        match self {
            Columns::Eq(point) => poly::eq_evals(point),
            Columns::Dense(values) => values.clone(),
        }
    }

    /// The multilinear extension of the coefficients at a point of at least as many variables.
    pub fn evaluate(&self, point: &[F]) -> F {
        match self {
            Columns::Eq(r) => {
                let (low, high) = point.split_at_checked(r.len()).unwrap_or((point, &[]));
                eq_eval(r, low) * high.iter().map(|x| F::ONE - x).product::<F>()
            }
            Columns::Dense(values) => poly::evaluate(values, point),
        }
    }
}

/// `rows^T M columns = value` for the committed matrix number `matrix`.
#[must_use = "a claim has to be proven"]
#[derive(Debug, Clone)]
pub struct FormClaim<F, V> {
    /// Which matrix.
    pub matrix: usize,
    /// One weight for each committed row.
    pub rows: Vec<F>,
    /// The form on the columns.
    pub columns: Columns<F>,
    /// The claimed value.
    pub value: V,
}

impl<F: PrimeField, V> FormClaim<F, V> {
    /// A claim that counts as one, and combines nothing.
    pub fn unweighted(value: V) -> Self {
        Self {
            matrix: 0,
            rows: Vec::new(),
            columns: Columns::Dense(Vec::new()),
            value,
        }
    }
}

/// What is left: the linear combination of committed rows given by `rows` has at `point` the
/// value `value`.
#[must_use = "the combination of rows is not opened yet"]
#[derive(Debug, Clone)]
pub struct Folded<F, V> {
    /// Weights of the rows of matrices: `(matrix, weights)`, each matrix once.
    pub rows: Vec<(usize, Vec<F>)>,
    /// A point of the column variables.
    pub point: Vec<F>,
    /// The value there.
    pub value: V,
}

/// Reduces claims on matrices of at most `2^num_vars` columns. Still unchecked: the opening of one
/// combination of rows.
pub fn verify<F: PrimeField>(
    claims: Vec<FormClaim<F, Expr<F>>>,
    num_vars: usize,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<Folded<F, Expr<F>>, VerifyError> {
    let rho: F = channel.challenge("opening batching", claims.len() as u64);
    let powers = std::iter::successors(Some(F::ONE), |power| Some(*power * rho));
    let sum = Expr::combination(powers.zip(claims.iter().map(|claim| &claim.value)));
    let reduced = sumcheck::verify(sum, num_vars, 2, channel)?;
    let rows = scale_rows(claims, rho, &reduced.point);
    Ok(Folded {
        rows,
        point: reduced.point,
        value: reduced.value,
    })
}

/// Each claim's row weights, times its power of `rho` and its column form at the point; those of
/// claims on one matrix added up.
fn scale_rows<F: PrimeField, V>(
    claims: Vec<FormClaim<F, V>>,
    rho: F,
    point: &[F],
) -> Vec<(usize, Vec<F>)> {
    let mut power = F::ONE;
    let mut rows: Vec<(usize, Vec<F>)> = Vec::new();
    for mut claim in claims {
        let scale = power * claim.columns.evaluate(point);
        // One a row.
        count::field_multiplications(claim.rows.len());
        claim.rows.iter_mut().for_each(|u| *u *= scale);
        match rows.iter_mut().find(|(matrix, _)| *matrix == claim.matrix) {
            Some((_, sum)) => sum.iter_mut().zip(claim.rows).for_each(|(s, u)| *s += u),
            None => rows.push((claim.matrix, claim.rows)),
        }
        power *= rho;
    }
    rows
}

/// Adds `scale * rows^T M` to `sum` for the matrix number `matrix`.
pub trait FoldRows<F> {
    /// The matrix `matrix` folded over its rows: at most `2^num_vars` entries.
    fn fold_rows(&self, matrix: usize, rows: &[F]) -> Vec<F>;
}

/// Proves claims on matrices. Returns the combination of rows that is left, and its vector.
pub fn prove<F: WideField>(
    claims: Vec<FormClaim<F, F>>,
    num_vars: usize,
    matrices: &impl FoldRows<F>,
    channel: &mut ProverChannel<F>,
) -> (Folded<F, F>, Vec<F>) {
    let rho: F = channel.challenge("opening batching", claims.len() as u64);
    // One pair of tables for each distinct column form.
    let mut groups: Vec<(Columns<F>, Vec<F>)> = Vec::new();
    let (mut sum, mut power) = (F::ZERO, F::ONE);
    for claim in &claims {
        sum += power * claim.value;
        let folded = matrices.fold_rows(claim.matrix, &claim.rows);
        let k = match groups
            .iter()
            .position(|(columns, _)| *columns == claim.columns)
        {
            Some(k) => k,
            None => {
                groups.push((claim.columns.clone(), Vec::new()));
                groups.len() - 1
            }
        };
        add_scaled(&mut groups[k].1, power, &folded);
        power *= rho;
    }
    if groups.is_empty() {
        // The sum of no claims: its rounds are sent like any other's.
        groups.push((Columns::Dense(Vec::new()), Vec::new()));
    }
    let mut tables = Vec::new();
    let mut products = Vec::new();
    for (columns, folded) in &groups {
        let factors = vec![tables.len(), tables.len() + 1];
        tables.push(Table::Field(folded.clone()));
        tables.push(Table::Field(columns.coefficients()));
        products.push(Product {
            coefficient: F::ONE,
            factors,
            num_vars,
        });
    }
    let mut prover = SumOfProducts::new(num_vars, tables, products);
    let (point, value) = sumcheck::prove(&mut prover, sum, channel);
    let mut vector = Vec::new();
    for (columns, folded) in &groups {
        add_scaled(&mut vector, columns.evaluate(&point), folded);
    }
    (
        Folded {
            rows: scale_rows(claims, rho, &point),
            point,
            value,
        },
        vector,
    )
}

fn add_scaled<F: PrimeField>(sum: &mut Vec<F>, factor: F, values: &[F]) {
    // One an entry.
    count::field_multiplications(values.len());
    if sum.len() < values.len() {
        sum.resize(values.len(), F::ZERO);
    }
    for (s, v) in sum.iter_mut().zip(values) {
        *s += factor * v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    struct Matrices(Vec<Vec<Vec<Fr>>>);

    impl FoldRows<Fr> for Matrices {
        fn fold_rows(&self, matrix: usize, rows: &[Fr]) -> Vec<Fr> {
            let mut sum = Vec::new();
            for (u, row) in rows.iter().zip(&self.0[matrix]) {
                add_scaled(&mut sum, *u, row);
            }
            sum
        }
    }

    /// Claims, true but for `error` on the first one; whether the rest at the end is true.
    fn run(seed: u64, error: Fr) -> bool {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let num_vars = rng.gen_range(0..5);
        let mut random = |n: usize| (0..n).map(|_| Fr::rand(rng)).collect::<Vec<_>>();
        let shapes = [(3, num_vars), (1, num_vars / 2), (4, num_vars)];
        let matrices = Matrices(
            shapes
                .iter()
                .map(|(n, v)| (0..*n).map(|_| random(1 << v)).collect())
                .collect(),
        );
        let shared = random(num_vars);
        let mut claims = Vec::new();
        for (matrix, (n, v)) in shapes.into_iter().enumerate() {
            for columns in [
                Columns::Eq(random(v)),
                Columns::Dense(random(1 << v)),
                Columns::Eq(shared[..v].to_vec()),
            ] {
                let rows = random(n);
                let folded = matrices.fold_rows(matrix, &rows);
                let value = poly::inner_product(&folded, &columns.coefficients());
                claims.push(FormClaim {
                    matrix,
                    rows,
                    columns,
                    value,
                });
            }
        }
        claims[0].value += error;
        let mut channel = ProverChannel::new(b"test", b"");
        let (left, vector) = prove(claims.clone(), num_vars, &matrices, &mut channel);
        let proof = channel.finish();
        let mut channel = VerifierChannel::new(b"test", b"", &proof);
        let claims = claims
            .into_iter()
            .map(|c| FormClaim {
                matrix: c.matrix,
                rows: c.rows,
                columns: c.columns,
                value: Expr::known(c.value),
            })
            .collect();
        let folded = verify(claims, num_vars, &mut channel).unwrap();
        channel.finish().unwrap();
        assert_eq!(folded.rows, left.rows);
        let mut direct = Vec::new();
        for (matrix, rows) in &folded.rows {
            add_scaled(&mut direct, Fr::ONE, &matrices.fold_rows(*matrix, rows));
        }
        assert_eq!(direct, vector);
        poly::evaluate(&vector, &folded.point) == folded.value.constant()
    }

    proptest! {
        #[test]
        fn true_claims_end_true_and_false_claims_false(seed: u64, error in 1u64..) {
            prop_assert!(run(seed, Fr::ZERO));
            prop_assert!(!run(seed, Fr::from(error)));
        }
    }
}

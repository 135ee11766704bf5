//! Sums of products of multilinear tables: `sum_k c_k sum_x prod_j T_(k,j)(x)`.
//!
//! Products may have different numbers of variables. One with `m < n` variables reads the first
//! `m`; it stands for the polynomial `2^-(n-m) prod_j T_(k,j)(x_0..x_(m-1))` of `n` variables, so
//! that its sum is unchanged, and after `m` rounds it is a constant that halves in every round (equation 19).
use super::{RoundPoly, RoundProver};
use crate::{
    count,
    poly::{self, WideAccumulator, WideField, parallel, simd},
};
use ark_ff::PrimeField;
use std::{ops::Range, sync::Arc};

/// A multilinear polynomial by its values; a tail that is missing is zero.
#[derive(Clone)]
pub enum Table<F> {
    /// Field elements.
    Field(Vec<F>),
    /// Small signed integers, not copied.
    Int(Arc<Vec<i64>>),
}

impl<F: PrimeField> Table<F> {
    /// Number of stored values.
    pub fn len(&self) -> usize {
        match self {
            Table::Field(values) => values.len(),
            Table::Int(values) => values.len(),
        }
    }

    /// Whether nothing is stored, so that it is zero everywhere.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values as field elements, without a copy where they are.
    pub fn into_field(self) -> Vec<F> {
        match self {
            Table::Field(values) => values,
            Table::Int(_) => self.to_field(),
        }
    }

    /// All values as field elements.
    pub fn to_field(&self) -> Vec<F> {
        match self {
            Table::Field(values) => values.clone(),
            Table::Int(values) => {
                // Each conversion multiplies by a constant.
                count::field_multiplications(values.len());
                values.iter().map(|v| F::from(*v)).collect()
            }
        }
    }
}

/// `coefficient * sum_x prod tables[factors](x)`, all factors with `num_vars` variables.
#[derive(Debug, Clone)]
pub struct Product<F> {
    /// The public factor.
    pub coefficient: F,
    /// Indices into the list of tables; one to three.
    pub factors: Vec<usize>,
    /// Number of variables.
    pub num_vars: usize,
}

/// The fast prover: first round on integers, then field elements, two buffers a table.
pub struct SumOfProducts<F> {
    num_vars: usize,
    degree: usize,
    round: usize,
    tables: Vec<State<F>>,
    products: Vec<Product<F>>,
}

struct State<F> {
    table: Table<F>,
    spare: Vec<F>,
    num_vars: usize,
    /// `max |v|` of an integer table.
    bound: u64,
}

impl<F: WideField> SumOfProducts<F> {
    /// A prover for the sum of `products` over `num_vars` variables.
    ///
    /// # Panics
    /// If a product has no factor or more than three, or more variables than `num_vars`.
    pub fn new(num_vars: usize, tables: Vec<Table<F>>, products: Vec<Product<F>>) -> Self {
        let degree = products.iter().map(|p| p.factors.len()).max().unwrap_or(1);
        assert!(
            products
                .iter()
                .all(|p| (1..=3).contains(&p.factors.len()) && p.num_vars <= num_vars)
        );
        let mut vars = vec![0; tables.len()];
        for product in &products {
            for &f in &product.factors {
                vars[f] = product.num_vars;
            }
        }
        let tables = tables
            .into_iter()
            .zip(vars)
            .map(|(table, num_vars)| {
                let bound = match &table {
                    Table::Int(values) => {
                        values.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0)
                    }
                    Table::Field(_) => 0,
                };
                State {
                    table,
                    spare: Vec::new(),
                    num_vars,
                    bound,
                }
            })
            .collect();
        let mut this = Self {
            num_vars,
            degree,
            round: 0,
            tables,
            products,
        };
        this.keep_integers_where_products_fit();
        this
    }

    /// The values of all tables at the point, once every variable is bound.
    pub fn final_evaluations(&self) -> Vec<F> {
        self.tables
            .iter()
            .map(|s| s.table.to_field().first().copied().unwrap_or_default())
            .collect()
    }

    /// The claim that the prover can prove.
    pub fn sum(&self) -> F {
        self.products
            .iter()
            .map(|p| {
                let tables: Vec<Vec<F>> = p
                    .factors
                    .iter()
                    .map(|f| self.tables[*f].table.to_field())
                    .collect();
                let len = tables.iter().map(Vec::len).min().unwrap_or(0);
                let [sum]: [F; 1] = parallel::sum(len, |range| {
                    [range
                        .map(|i| tables.iter().map(|t| t[i]).product::<F>())
                        .sum()]
                });
                p.coefficient * sum
            })
            .sum()
    }

    /// The first round multiplies `2 a_1 - a_0` of all integer factors of a product in an `i64`.
    fn keep_integers_where_products_fit(&mut self) {
        for product in &self.products {
            let fits = product.factors.iter().try_fold(1u64, |bound, f| {
                bound.checked_mul(self.tables[*f].bound.max(1).checked_mul(3)?)
            });
            if fits.is_none_or(|bound| bound > i64::MAX as u64) {
                for &f in &product.factors {
                    let state = &mut self.tables[f];
                    if let Table::Int(_) = state.table {
                        state.table = Table::Field(state.table.to_field());
                        state.bound = 0;
                    }
                }
            }
        }
    }

    /// `[h(0), h(2), leading coefficient]` of the sum of one product over the pairs of a range,
    /// without its coefficient.
    fn product_round(&self, product: &Product<F>) -> [F; 3] {
        let mut ints: Vec<&[i64]> = Vec::new();
        let mut fields: Vec<&[F]> = Vec::new();
        for f in &product.factors {
            match &self.tables[*f].table {
                Table::Int(values) => ints.push(values),
                Table::Field(values) => fields.push(values),
            }
        }
        let len = ints
            .iter()
            .map(|t| t.len())
            .chain(fields.iter().map(|t| t.len()))
            .min();
        let pairs = len.unwrap_or(0).div_ceil(2);
        count_round(self.degree, pairs, ints.len(), fields.len());
        // Whole pairs of a range.
        let whole = 2 * (len.unwrap_or(0) / 2);
        let entries = |range: &Range<usize>| 2 * range.start..whole.min(2 * range.end);
        if let ([], &[a, b]) = (&ints[..], &fields[..])
            && self.degree == 2
        {
            // The value at 2 is not asked for.
            let [at_0, leading] = parallel::sum(pairs, |range| {
                let entries = entries(&range);
                let (done, [at_0, leading]) = simd::product_round(&a[entries.clone()], &b[entries]);
                range.skip(done).fold([at_0, leading], |sum, i| {
                    let ([a_0, _, slope], [b_0, _, steep]) =
                        (at_0_2_infinity(a, i), at_0_2_infinity(b, i));
                    [sum[0] + a_0 * b_0, sum[1] + slope * steep]
                })
            });
            return [at_0, F::ZERO, leading];
        }
        if ints.is_empty() {
            return parallel::sum(pairs, |range| {
                let (done, mut sum) = match &fields[..] {
                    [a, b, c] => simd::cubic_round([a, b, c].map(|table| &table[entries(&range)])),
                    _ => (0, [F::ZERO; 3]),
                };
                for i in range.skip(done) {
                    let mut values = [F::ONE; 3];
                    for (k, table) in fields.iter().enumerate() {
                        let v = at_0_2_infinity(table, i);
                        if k == 0 {
                            values = v;
                        } else {
                            values.iter_mut().zip(v).for_each(|(a, b)| *a *= b);
                        }
                    }
                    sum.iter_mut().zip(values).for_each(|(a, b)| *a += b);
                }
                sum
            });
        }
        let bound = product.factors.iter().fold(1u64, |bound, f| {
            bound.saturating_mul(self.tables[*f].bound.max(1))
        });
        parallel::sum(pairs, |range| {
            let (done, mut sum) = match fields[..] {
                [field] => {
                    let slices: Vec<&[i64]> = ints.iter().map(|t| &t[entries(&range)]).collect();
                    simd::mixed_round(&slices, bound, &field[entries(&range)])
                }
                _ => (0, [F::ZERO; 3]),
            };
            let mut acc = [WideAccumulator::default(); 3];
            for i in range.skip(done) {
                let mut small = [1i64; 3];
                for table in &ints {
                    let a = table[2 * i];
                    let b = table.get(2 * i + 1).copied().unwrap_or(0);
                    small[0] *= a;
                    small[1] *= 2 * b - a;
                    small[2] *= b - a;
                }
                if small == [0; 3] {
                    continue;
                }
                let mut values = [F::ONE; 3];
                for (k, table) in fields.iter().enumerate() {
                    let v = at_0_2_infinity(table, i);
                    if k == 0 {
                        values = v;
                    } else {
                        values.iter_mut().zip(v).for_each(|(a, b)| *a *= b);
                    }
                }
                for k in 0..3 {
                    acc[k].add_product(small[k], &values[k].raw());
                }
            }
            for (sum, acc) in sum.iter_mut().zip(acc) {
                *sum += acc.reduce::<F>();
            }
            sum
        })
    }
}

/// Adds what a round over `pairs` of neighbours costs for a product of so many tables of each kind.
///
/// Two tables of elements, and nothing of higher degree: a product at 0 and one of the slopes. Else
/// at 0, at 2 and of the slopes: a multiplication for each table of elements but one, and if there
/// are integers a small one by their product.
fn count_round(degree: usize, pairs: usize, ints: usize, fields: usize) {
    match (ints, fields) {
        (0, 2) if degree == 2 => count::field_multiplications(2 * pairs),
        _ => count::field_multiplications(3 * pairs * fields.saturating_sub(1)),
    }
    if ints > 0 {
        count::small_multiply_accumulates(3 * pairs);
    }
}

/// A linear polynomial's values at 0 and 2, and its leading coefficient.
#[inline(always)]
fn at_0_2_infinity<F: PrimeField>(table: &[F], i: usize) -> [F; 3] {
    let a = table[2 * i];
    let slope = table.get(2 * i + 1).copied().unwrap_or_default() - a;
    [a, a + slope.double(), slope]
}

impl<F: WideField> RoundProver<F> for SumOfProducts<F> {
    fn num_vars(&self) -> usize {
        self.num_vars
    }

    fn degree(&self) -> usize {
        self.degree
    }

    fn round_poly(&mut self, claim: F) -> RoundPoly<F> {
        let half = F::from(2u64).inverse().unwrap_or_default();
        // Values at 0 and 2, and coefficients of X^2 and X^3, of the whole sum.
        let (mut at_0, mut at_2, mut leading) = (F::ZERO, F::ZERO, F::ZERO);
        for product in &self.products {
            if product.num_vars <= self.round {
                let value: F = product
                    .factors
                    .iter()
                    .map(|f| {
                        self.tables[*f]
                            .table
                            .to_field()
                            .first()
                            .copied()
                            .unwrap_or_default()
                    })
                    .product();
                let share = half.pow([(self.round - product.num_vars + 1) as u64]);
                let constant = product.coefficient * value * share;
                at_0 += constant;
                at_2 += constant;
                continue;
            }
            let [h_0, h_2, h_infinity] = self.product_round(product);
            at_0 += product.coefficient * h_0;
            at_2 += product.coefficient * h_2;
            if product.factors.len() == self.degree {
                leading += product.coefficient * h_infinity;
            }
        }
        match self.degree {
            1 => RoundPoly::linear(at_0, claim - at_0),
            2 => RoundPoly::quadratic(at_0, leading, claim),
            _ => RoundPoly::cubic(at_0, at_2, leading, claim),
        }
    }

    fn bind(&mut self, challenge: F) {
        for state in &mut self.tables {
            if state.num_vars > self.round {
                let small = state.bound < 1 << 30;
                bind(&mut state.table, &mut state.spare, small, challenge);
            }
        }
        self.round += 1;
    }
}

/// Binds a variable of a table; of integers it is known whether they are `small`, below `2^30`.
fn bind<F: WideField>(table: &mut Table<F>, spare: &mut Vec<F>, small: bool, r: F) {
    let len = table.len().div_ceil(2);
    match table {
        Table::Field(values) => {
            // One an entry that is left.
            count::field_multiplications(len);
            match spare.len() >= len {
                true => spare.truncate(len),
                false => *spare = simd::zeros(len),
            }
            parallel::for_each_chunk(spare, parallel::GRAIN, |start, out| {
                let values = &values[2 * start..];
                let done = simd::bind::<F, 1>(values, &r, out);
                for (i, out) in out.iter_mut().enumerate().skip(done) {
                    let low = values[2 * i];
                    let high = values.get(2 * i + 1).copied().unwrap_or_default();
                    *out = low + r * (high - low);
                }
            });
            std::mem::swap(values, spare);
        }
        Table::Int(values) => {
            // Two an entry that is left.
            count::small_multiply_accumulates(2 * len);
            let (one, raw_r) = (F::ONE.raw(), r.raw());
            *spare = simd::zeros(len);
            parallel::for_each_chunk(spare, parallel::GRAIN, |start, out| {
                let values = &values[2 * start..];
                let done = match small {
                    true => simd::bind_integers(values, r, out),
                    false => 0,
                };
                for (i, out) in out.iter_mut().enumerate().skip(done) {
                    let low = values[2 * i];
                    let high = values.get(2 * i + 1).copied().unwrap_or(0);
                    if low | high != 0 {
                        let mut acc = WideAccumulator::default();
                        acc.add_product(low, &one);
                        acc.add_product(high - low, &raw_r);
                        *out = acc.reduce();
                    }
                }
            });
            *table = Table::Field(std::mem::take(spare));
        }
    }
}

/// The same sum by its definition, `O(d 2^n)` evaluations a round: the oracle of the fast prover.
pub struct Naive<F> {
    num_vars: usize,
    degree: usize,
    tables: Vec<Vec<F>>,
    products: Vec<Product<F>>,
    bound: Vec<F>,
}

impl<F: PrimeField> Naive<F> {
    /// A prover for the sum of `products` over `num_vars` variables.
    pub fn new(num_vars: usize, tables: &[Table<F>], products: Vec<Product<F>>) -> Self {
        let degree = products.iter().map(|p| p.factors.len()).max().unwrap_or(1);
        let tables = tables.iter().map(Table::to_field).collect();
        Self {
            num_vars,
            degree,
            tables,
            products,
            bound: Vec::new(),
        }
    }

    /// The summand at a point of `num_vars` coordinates.
    pub fn evaluate(&self, point: &[F]) -> F {
        self.products
            .iter()
            .map(|p| {
                let half = F::from(2u64).inverse().unwrap_or_default();
                let value: F = p
                    .factors
                    .iter()
                    .map(|f| poly::evaluate(&self.tables[*f], &point[..p.num_vars]))
                    .product();
                p.coefficient * value * half.pow([(self.num_vars - p.num_vars) as u64])
            })
            .sum()
    }
}

impl<F: PrimeField> RoundProver<F> for Naive<F> {
    fn num_vars(&self) -> usize {
        self.num_vars
    }

    fn degree(&self) -> usize {
        self.degree
    }

    fn round_poly(&mut self, _claim: F) -> RoundPoly<F> {
        let rest = self.num_vars - self.bound.len() - 1;
        let xs: Vec<F> = (0..=self.degree).map(|x| F::from(x as u64)).collect();
        let ys: Vec<F> = xs
            .iter()
            .map(|x| {
                (0..1usize << rest)
                    .map(|i| {
                        let mut point = self.bound.clone();
                        point.push(*x);
                        point.extend((0..rest).map(|k| F::from((i >> k & 1) as u64)));
                        self.evaluate(&point)
                    })
                    .sum()
            })
            .collect();
        RoundPoly(interpolate(&xs, &ys))
    }

    fn bind(&mut self, challenge: F) {
        self.bound.push(challenge);
    }
}

/// Coefficients of the polynomial of degree below `xs.len()` through the points: Lagrange.
fn interpolate<F: PrimeField>(xs: &[F], ys: &[F]) -> Vec<F> {
    let mut sum = vec![F::ZERO; xs.len()];
    for (i, (xi, yi)) in xs.iter().zip(ys).enumerate() {
        let mut basis = vec![*yi];
        for (j, xj) in xs.iter().enumerate().filter(|(j, _)| *j != i) {
            debug_assert_ne!(i, j);
            let scale = (*xi - xj).inverse().unwrap_or_default();
            basis.push(F::ZERO);
            for k in (0..basis.len()).rev() {
                let shifted = if k > 0 { basis[k - 1] } else { F::ZERO };
                basis[k] = (shifted - *xj * basis[k]) * scale;
            }
        }
        sum.iter_mut().zip(basis).for_each(|(s, b)| *s += b);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::VerifyError,
        sumcheck,
        transcript::{Expr, ProverChannel, VerifierChannel},
    };
    use ark_bls12_381::Fr;
    use ark_ff::{AdditiveGroup, UniformRand};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Random tables, some of integers, some cut short, and random products of them.
    fn instance(seed: u64) -> (usize, Vec<Table<Fr>>, Vec<Product<Fr>>) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let (mut tables, mut products) = (Vec::new(), Vec::new());
        for _ in 0..rng.gen_range(1..5) {
            let num_vars = rng.gen_range(0..6);
            let factors = (0..rng.gen_range(1..=3))
                .map(|_| {
                    let len = rng.gen_range(0..=1usize << num_vars);
                    tables.push(match rng.gen_range(0..4) {
                        0 | 1 => Table::Field((0..len).map(|_| Fr::rand(rng)).collect()),
                        2 => Table::Int(Arc::new((0..len).map(|_| rng.gen_range(-9..9)).collect())),
                        _ => Table::Int(Arc::new((0..len).map(|_| rng.r#gen()).collect())),
                    });
                    tables.len() - 1
                })
                .collect();
            products.push(Product {
                coefficient: Fr::rand(rng),
                factors,
                num_vars,
            });
        }
        let num_vars = products.iter().map(|p| p.num_vars).max().unwrap();
        (num_vars, tables, products)
    }

    fn proof(prover: &mut impl RoundProver<Fr>, claim: Fr) -> Vec<u8> {
        let mut channel = ProverChannel::new(b"test", b"");
        let _ = sumcheck::prove(prover, claim, &mut channel);
        channel.finish()
    }

    proptest! {
        /// Completeness, and the fast prover against its oracle.
        #[test]
        fn fast_prover_sends_the_naive_bytes(seed: u64) {
            let (n, tables, products) = instance(seed);
            let mut fast = SumOfProducts::new(n, tables.clone(), products.clone());
            let mut naive = Naive::new(n, &tables, products.clone());
            let claim = fast.sum();
            let bytes = proof(&mut fast, claim);
            prop_assert_eq!(&bytes, &proof(&mut naive, claim));

            let degree = products.iter().map(|p| p.factors.len()).max().unwrap();
            let mut channel = VerifierChannel::new(b"test", b"", &bytes);
            let reduced = sumcheck::verify(Expr::known(claim), n, degree, &mut channel).unwrap();
            channel.finish().unwrap();
            prop_assert_eq!(reduced.value.constant(), naive.evaluate(&reduced.point));
            let half = Fr::from(2u64).inverse().unwrap();
            let evals = fast.final_evaluations();
            let value: Fr = products
                .iter()
                .map(|p| p.coefficient
                    * p.factors.iter().map(|f| evals[*f]).product::<Fr>()
                    * half.pow([(n - p.num_vars) as u64]))
                .sum();
            prop_assert_eq!(reduced.value.constant(), value);
        }

        /// Soundness: a false sum ends in a false value at the point.
        #[test]
        fn false_sum_ends_false(seed: u64, error in 1u64..) {
            let (n, tables, products) = instance(seed);
            let mut prover = SumOfProducts::new(n, tables.clone(), products.clone());
            let naive = Naive::new(n, &tables, products.clone());
            let claim = prover.sum() + Fr::from(error);
            let bytes = proof(&mut prover, claim);
            let mut channel = VerifierChannel::new(b"test", b"", &bytes);
            let degree = products.iter().map(|p| p.factors.len()).max().unwrap();
            let reduced = sumcheck::verify(Expr::known(claim), n, degree, &mut channel).unwrap();
            prop_assert_ne!(reduced.value.constant(), naive.evaluate(&reduced.point));
        }
    }

    use ark_ff::Field;

    #[test]
    fn round_polynomials_interpolate() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let c: Vec<Fr> = (0..4).map(|_| Fr::rand(rng)).collect();
        let p = RoundPoly(c.clone());
        let two = Fr::from(2u64);
        assert_eq!(
            RoundPoly::cubic(c[0], p.evaluate(two), c[3], p.sum_over_bit()),
            p
        );
        let q = RoundPoly(c[..3].to_vec());
        assert_eq!(RoundPoly::quadratic(c[0], c[2], q.sum_over_bit()), q);
        let l = RoundPoly(c[..2].to_vec());
        assert_eq!(RoundPoly::linear(c[0], l.evaluate(Fr::ONE)), l);
        assert_eq!(
            l.sum_over_bit(),
            Fr::ZERO + l.evaluate(Fr::ZERO) + l.evaluate(Fr::ONE)
        );
    }

    #[test]
    fn cut_proof_is_refused() {
        let (n, tables, products) = instance(3);
        let mut prover = SumOfProducts::new(n, tables, products);
        let claim = prover.sum();
        let bytes = proof(&mut prover, claim);
        let mut channel = VerifierChannel::new(b"test", b"", &bytes[..bytes.len() - 1]);
        let degree = prover.degree();
        let result = sumcheck::verify(Expr::<Fr>::known(claim), n, degree, &mut channel);
        assert_eq!(
            result.err(),
            Some(VerifyError::Truncated {
                label: "sumcheck round"
            })
        );
    }
}

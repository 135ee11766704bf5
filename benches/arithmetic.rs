//! Small integers times field elements, the rounds of a sumcheck, the folds of an opening and the
//! plain step's matrix products, each beside its textbook form.
//!
//! Set `RAYON_NUM_THREADS` for the number of threads; textbook forms use one.
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, UniformRand};
use ark_std::test_rng;
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use rand::RngCore;
use std::{hint::black_box, sync::Arc, time::Duration};
use zktree::{
    commit::opening::{self, Columns, FoldRows, FormClaim},
    poly::{self, int, wide},
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::ProverChannel,
};

fn group<'a>(c: &'a mut Criterion, name: &str, elements: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(elements as u64));
    group
}

/// Signed integers that fill `bits` bits.
fn integers(bits: u32, n: usize) -> Vec<i64> {
    let rng = &mut test_rng();
    (0..n)
        .map(|_| (rng.next_u64() as i64) >> (64 - bits))
        .collect()
}

fn scalars(n: usize) -> Vec<Fr> {
    let rng = &mut test_rng();
    (0..n).map(|_| Fr::rand(rng)).collect()
}

fn to_field(values: &[i64]) -> Vec<Fr> {
    values.iter().map(|v| Fr::from(*v)).collect()
}

/// Inner products of small integers with field elements, and folds of a matrix over its rows.
fn dots(c: &mut Criterion) {
    const LEN: usize = 1 << 12;
    const ROWS: usize = 256;
    let weights = scalars(LEN);
    for bits in [8, 16, 34] {
        let values = integers(bits, LEN);
        let field = to_field(&values);
        let mut group = group(c, &format!("dot/{bits} bits"), LEN);
        group.bench_function("integers", |b| {
            b.iter(|| wide::dot(black_box(&values), &weights))
        });
        group.bench_function("field elements", |b| {
            b.iter(|| poly::inner_product(black_box(&field), &weights))
        });
    }
    let values = integers(16, ROWS * LEN);
    let field = to_field(&values);
    let weights = &weights[..ROWS];
    let mut group = group(c, "fold rows/16 bits", ROWS * LEN);
    group.bench_function("integers", |b| {
        b.iter(|| int::fold_high(black_box(&values), LEN, weights))
    });
    group.bench_function("field elements", |b| {
        b.iter(|| {
            let mut sums = vec![Fr::ZERO; LEN];
            for (row, weight) in black_box(&field).chunks(LEN).zip(weights) {
                sums.iter_mut()
                    .zip(row)
                    .for_each(|(s, x)| *s += *x * weight);
            }
            sums
        })
    });
}

/// The rounds of `sum_x a(x) b(x)` by the book: evaluations at 0, 1 and 2, then bind.
fn textbook(mut tables: [Vec<Fr>; 2], claim: Fr, channel: &mut ProverChannel<Fr>) -> Fr {
    use zktree::transcript::Challenger;
    let mut claim = claim;
    while tables[0].len() > 1 {
        let mut at = [Fr::ZERO; 3];
        for (a, b) in tables[0].chunks(2).zip(tables[1].chunks(2)) {
            at[0] += a[0] * b[0];
            at[1] += a[1] * b[1];
            at[2] += (a[1].double() - a[0]) * (b[1].double() - b[0]);
        }
        channel.send_all("round", &at);
        let r: Fr = channel.challenge("challenge", 1);
        claim += r * at[0];
        for table in &mut tables {
            *table = table.chunks(2).map(|p| p[0] + r * (p[1] - p[0])).collect();
        }
    }
    claim
}

fn sumchecks(c: &mut Criterion) {
    const VARS: usize = 18;
    let (integers, field) = (integers(16, 1 << VARS), scalars(1 << VARS));
    let as_field = to_field(&integers);
    let claim = poly::inner_product(&as_field, &field);
    let integers = Arc::new(integers);
    let product = || Product {
        coefficient: Fr::from(1u64),
        factors: vec![0, 1],
        num_vars: VARS,
    };
    let mut group = group(c, "sumcheck/2^18", 1 << VARS);
    for (name, table) in [
        ("integers times field elements", Table::Int(integers)),
        ("field elements", Table::Field(as_field.clone())),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let tables = vec![table.clone(), Table::Field(field.clone())];
                let mut prover = SumOfProducts::new(VARS, tables, vec![product()]);
                sumcheck::prove(&mut prover, claim, &mut ProverChannel::new(b"bench", b""))
            })
        });
    }
    group.bench_function("textbook", |b| {
        b.iter(|| {
            let tables = [as_field.clone(), field.clone()];
            textbook(tables, claim, &mut ProverChannel::new(b"bench", b""))
        })
    });
}

struct Matrix(Vec<i64>, usize);

impl FoldRows<Fr> for Matrix {
    fn fold_rows(&self, _: usize, rows: &[Fr]) -> Vec<Fr> {
        int::fold_high(&self.0, self.1, rows)
    }
}

/// From claims on one matrix of 2^20 entries of 16 bits to one combination of its rows; the
/// baseline evaluates the same claims on field elements.
fn openings(c: &mut Criterion) {
    const CLAIMS: usize = 4;
    let (rows, columns) = (1 << 8, 1 << 12);
    let matrix = Matrix(integers(16, rows * columns), columns);
    let field = to_field(&matrix.0);
    let points: Vec<Vec<Fr>> = (0..CLAIMS).map(|_| scalars(20)).collect();
    let claims = || -> Vec<_> {
        let claim = |point: &Vec<Fr>| FormClaim {
            matrix: 0,
            rows: poly::eq_evals(&point[12..]),
            columns: Columns::Eq(point[..12].to_vec()),
            value: int::evaluate(&matrix.0, point),
        };
        points.iter().map(claim).collect()
    };
    let mut group = group(c, "opening/2^20, 4 claims", CLAIMS << 20);
    group.bench_function("reduce", |b| {
        b.iter(|| {
            opening::prove(
                claims(),
                12,
                &matrix,
                &mut ProverChannel::new(b"bench", b""),
            )
        })
    });
    group.bench_function("evaluate as field elements", |b| {
        b.iter(|| -> Vec<Fr> {
            let evaluate = |p: &Vec<Fr>| poly::evaluate(black_box(&field), p);
            points.iter().map(evaluate).collect()
        })
    });
}

criterion_group!(benches, dots, sumchecks, openings);
criterion_main!(benches);

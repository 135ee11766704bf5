//! Each vector kernel beside the scalar arithmetic that it stands for, on one thread.
//!
//! `ZKTREE_SIMD=off` changes nothing but that the kernels do nothing: for whole proofs with vectors
//! and without, run the other benches or `examples/headline` with it and without.
use ark_bls12_381::{Fq, Fr, G1Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{hint::black_box, time::Duration};
use zktree::poly::{
    Fraction, WideAccumulator, WideField,
    simd::{self, BaseField, PointPairs},
};

/// Elements of a table: what fits a second-level cache.
const LEN: usize = 1 << 13;

/// Benches a kernel and its scalar twin for `count` results each.
fn pair(
    c: &mut Criterion,
    name: &str,
    count: usize,
    vector: &mut dyn FnMut() -> usize,
    scalar: &mut dyn FnMut(),
) {
    if simd::available() {
        assert!(vector() > 0, "{name} did nothing");
    }
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(count as u64));
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(500));
    if simd::available() {
        group.bench_function("vector", |b| b.iter(&mut *vector));
    }
    group.bench_function("scalar", |b| b.iter(&mut *scalar));
    group.finish();
}

fn elements(rng: &mut ChaCha8Rng, len: usize) -> Vec<Fr> {
    (0..len).map(|_| Fr::rand(rng)).collect()
}

/// Kernels of the fraction tree.
fn lookups(c: &mut Criterion) {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let values: Vec<Fraction<Fr>> = elements(rng, 2 * LEN)
        .chunks(2)
        .map(|x| Fraction { n: x[0], d: x[1] })
        .collect();
    let (weights, r) = (elements(rng, LEN / 4), Fr::rand(rng));
    let mut out = vec![Fraction::zero(); LEN / 2];
    let mut scalar_out = out.clone();
    pair(
        c,
        "round of fractions, a gate",
        LEN / 4,
        &mut || black_box(simd::fractions_round(&values, &weights)).0,
        &mut || {
            let gate = |a: &Fraction<Fr>, b: &Fraction<Fr>| a.n * b.d + b.n * a.d;
            let minus = |a: &Fraction<Fr>, b: &Fraction<Fr>| Fraction {
                n: a.n - b.n,
                d: a.d - b.d,
            };
            let mut sums = [Fr::ZERO; 2];
            for (v, w) in values.chunks(4).zip(&weights) {
                sums[0] += *w * gate(&v[0], &v[1]);
                sums[1] += *w * gate(&minus(&v[2], &v[0]), &minus(&v[3], &v[1]));
            }
            black_box(sums);
        },
    );
    pair(
        c,
        "bind fractions, an output",
        LEN / 2,
        &mut || simd::bind_fractions(&values, &r, &mut out),
        &mut || {
            for (out, v) in scalar_out.chunks_mut(2).zip(values.chunks(4)) {
                for k in 0..2 {
                    out[k] = Fraction {
                        n: v[k].n + r * (v[k + 2].n - v[k].n),
                        d: v[k].d + r * (v[k + 2].d - v[k].d),
                    };
                }
            }
        },
    );
    pair(
        c,
        "add fractions, an output",
        LEN / 2,
        &mut || simd::add_pairs(&values, &mut out),
        &mut || {
            for (out, v) in scalar_out.iter_mut().zip(values.chunks(2)) {
                *out = v[0].add(&v[1]);
            }
        },
    );
    let small: Vec<i64> = (0..LEN)
        .map(|_| rng.gen_range(-(1 << 16)..1 << 16))
        .collect();
    pair(
        c,
        "add leaves, an output",
        LEN / 2,
        &mut || simd::add_small_pairs(&small, r, &mut out),
        &mut || {
            for (out, x) in scalar_out.iter_mut().zip(small.chunks(2)) {
                let (a, b) = (r - Fr::from(x[0]), r - Fr::from(x[1]));
                *out = Fraction { n: a + b, d: a * b };
            }
        },
    );
}

/// Kernels of sumchecks and openings.
fn sums(c: &mut Criterion) {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let tables = [elements(rng, LEN), elements(rng, LEN), elements(rng, LEN)];
    let [x, y, z] = &tables;
    let r = Fr::rand(rng);
    let mut out = vec![Fr::ZERO; LEN / 2];
    let mut scalar_out = out.clone();
    pair(
        c,
        "bind a table, an output",
        LEN / 2,
        &mut || simd::bind::<Fr, 1>(x, &r, &mut out),
        &mut || {
            for (out, v) in scalar_out.iter_mut().zip(x.chunks(2)) {
                *out = v[0] + r * (v[1] - v[0]);
            }
        },
    );
    pair(
        c,
        "round of three factors, a pair",
        LEN / 2,
        &mut || black_box(simd::cubic_round([x, y, z])).0,
        &mut || {
            let mut sums = [Fr::ZERO; 3];
            for ((x, y), z) in x.chunks(2).zip(y.chunks(2)).zip(z.chunks(2)) {
                let at = |t: &[Fr]| [t[0], t[1].double() - t[0], t[1] - t[0]];
                let (x, y, z) = (at(x), at(y), at(z));
                (0..3).for_each(|k| sums[k] += x[k] * y[k] * z[k]);
            }
            black_box(sums);
        },
    );
    let weights = &x[..64];
    let values: Vec<i64> = (0..64 * LEN / 2)
        .map(|_| rng.gen_range(-(1 << 35)..1 << 35))
        .collect();
    pair(
        c,
        "fold integers, an entry",
        values.len(),
        &mut || simd::fold_low(&values, weights, &mut out),
        &mut || {
            for (out, row) in scalar_out.iter_mut().zip(values.chunks(64)) {
                let mut sum = WideAccumulator::default();
                for (v, w) in row.iter().zip(weights) {
                    sum.add_product(*v, &w.raw());
                }
                *out = sum.reduce();
            }
        },
    );
}

/// Pairs of points in a list.
struct Pairs {
    points: Vec<[Fq; 4]>,
    sums: Vec<[Fq; 2]>,
}

impl PointPairs<Fq> for Pairs {
    fn operands(&self, first: usize) -> [[&Fq; 4]; 8] {
        std::array::from_fn(|k| self.points[first + k].each_ref())
    }

    fn negated(&self, _: usize) -> u8 {
        0
    }

    fn finish(&mut self, first: usize, _: u8, x: &[Fq; 8], y: &[Fq; 8]) {
        for k in 0..8 {
            self.sums[first + k] = [x[k], y[k]];
        }
    }
}

/// Additions of affine points that share an inversion.
fn points(c: &mut Criterion) {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let len = 4096;
    let points: Vec<G1Projective> = (0..2 * len).map(|_| G1Projective::rand(rng)).collect();
    let points: Vec<[Fq; 4]> = G1Projective::normalize_batch(&points)
        .chunks(2)
        .map(|p| [p[0].x, p[0].y, p[1].x, p[1].y])
        .collect();
    let mut pairs = Pairs {
        points: points.clone(),
        sums: vec![[Fq::ZERO; 2]; len],
    };
    let mut sums = vec![[Fq::ZERO; 2]; len];
    pair(
        c,
        "add points of BLS12-381, a sum",
        len,
        &mut || usize::from(Fq::add_points(0, len / 8, &mut pairs)),
        &mut || {
            let mut inverses: Vec<Fq> = points.iter().map(|p| p[2] - p[0]).collect();
            ark_ff::serial_batch_inversion_and_mul(&mut inverses, &Fq::ONE);
            for ((p, inverse), sum) in points.iter().zip(&inverses).zip(&mut sums) {
                let slope = (p[3] - p[1]) * inverse;
                let x = slope.square() - p[0] - p[2];
                *sum = [x, slope * (p[0] - x) - p[1]];
            }
        },
    );
}

criterion_group!(benches, lookups, sums, points);
criterion_main!(benches);

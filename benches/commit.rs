//! Row commitments and the linear-form proof. One thread: `RAYON_NUM_THREADS=1`.
//!
//! `cargo bench --bench commit -- rows` prints the throughput in entries.
use ark_bls12_381::{Fr, G1Affine, G1Projective as Bls};
use ark_ff::UniformRand;
use ark_pallas::Projective as Pallas;
use ark_std::test_rng;
use blst::{MultiPoint, blst_fp, blst_p1_affine};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::{hint::black_box, time::Duration};
use zktree::{
    commit::{
        Combination, Curve, Generators,
        linear::{self, LinearForm, Opening},
        msm,
    },
    poly::inner_product,
    transcript::{ProverChannel, VerifierChannel},
};

const COLUMNS: usize = 4096;
const ROWS: usize = 32;
const BITS: [u32; 5] = [1, 8, 16, 24, 32];

/// Rows of integers: bits for width 1, else signed integers that fill `bits` bits.
fn data(bits: u32) -> Vec<Vec<i64>> {
    let rng = &mut test_rng();
    let entry = |x: u64| match bits {
        1 => (x & 1) as i64,
        _ => (x as i64) >> (64 - bits),
    };
    (0..ROWS)
        .map(|_| (0..COLUMNS).map(|_| entry(rng.next_u64())).collect())
        .collect()
}

fn group<'a>(c: &'a mut Criterion, name: String) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_secs(1));
    group
}

fn ours<C: Curve>(c: &mut Criterion) {
    let gens = Generators::<C>::get(COLUMNS, 0);
    gens.prepare(COLUMNS);
    for bits in BITS {
        let data = data(bits);
        let rows: Vec<&[i64]> = data.iter().map(Vec::as_slice).collect();
        let mut group = group(c, format!("rows/{}/{bits} bits", C::NAME));
        group.throughput(Throughput::Elements((ROWS * COLUMNS) as u64));
        group.bench_function("buckets", |b| {
            b.iter(|| msm::rows::<C>(gens.columns(), black_box(&rows)))
        });
        group.bench_function("comb", |b| b.iter(|| gens.combine_rows(black_box(&rows))));
        // Libraries do one row at a time.
        group.throughput(Throughput::Elements(COLUMNS as u64));
        let scalars: Vec<C::ScalarField> =
            rows[0].iter().map(|v| C::ScalarField::from(*v)).collect();
        group.bench_function("ark", |b| {
            b.iter(|| C::msm_unchecked(gens.columns(), black_box(&scalars)))
        });
    }
}

fn to_blst(point: &G1Affine) -> blst_p1_affine {
    let limbs = |f: ark_bls12_381::Fq| blst_fp { l: f.0.0 };
    blst_p1_affine {
        x: limbs(point.x),
        y: limbs(point.y),
    }
}

/// blst multiplies by unsigned integers: absolute values, so a little less work than ours.
fn blst(c: &mut Criterion) {
    let gens = Generators::<Bls>::get(COLUMNS, 0);
    let points: Vec<_> = gens.columns().iter().map(to_blst).collect();
    for bits in BITS {
        let bytes = (bits as usize).div_ceil(8);
        let scalars: Vec<u8> = data(bits)[0]
            .iter()
            .flat_map(|v| v.unsigned_abs().to_le_bytes()[..bytes].to_vec())
            .collect();
        let mut group = group(c, format!("rows/{}/{bits} bits", Bls::NAME));
        group.throughput(Throughput::Elements(COLUMNS as u64));
        group.bench_function("blst", |b| {
            b.iter(|| points.as_slice().mult(black_box(&scalars), bits as usize))
        });
    }
}

/// Full-size scalars: what an opening is made of.
fn full<C: Curve>(c: &mut Criterion) {
    let rng = &mut test_rng();
    let gens = Generators::<C>::get(2 * COLUMNS, 0);
    let scalars: Vec<_> = (0..2 * COLUMNS)
        .map(|_| C::ScalarField::rand(rng))
        .collect();
    let mut group = group(c, format!("full/{}", C::NAME));
    group.throughput(Throughput::Elements(2 * COLUMNS as u64));
    group.bench_function("buckets", |b| {
        b.iter(|| msm::full::<C>(gens.columns(), black_box(&scalars)))
    });
    group.bench_function("ark", |b| {
        b.iter(|| C::msm_unchecked(gens.columns(), black_box(&scalars)))
    });
}

/// The linear-form proof of 4096 and 8192 entries, hiding.
fn linear<C: Curve>(c: &mut Criterion) {
    let rng = &mut StdRng::seed_from_u64(1);
    for len in [COLUMNS, 2 * COLUMNS] {
        let gens = Generators::<C>::get(len, 0);
        let shape = gens.shape();
        let mut random = || -> Vec<_> { (0..len).map(|_| C::ScalarField::rand(rng)).collect() };
        let (coefficients, vector) = (random(), random());
        let blinding = vector[0];
        let point = msm::full::<C>(gens.columns(), &vector) + gens.blind(&blinding);
        let commitment = Combination::point(point.into_affine());
        let claim = LinearForm {
            shape,
            coefficients: &coefficients,
            value: inner_product(&coefficients, &vector),
            hiding: true,
        };
        let opening = Opening {
            vector: &vector,
            blinding,
        };
        let prove = || {
            let mut channel = ProverChannel::new(b"bench", b"");
            let rng = &mut StdRng::seed_from_u64(2);
            linear::prove(&gens, &claim, &opening, rng, &mut channel);
            channel.finish()
        };
        let proof = prove();
        let verify = || {
            let mut channel = VerifierChannel::new(b"bench", b"", &proof);
            linear::verify::<C>(&claim, &commitment, &mut channel)?.check(&gens)
        };
        assert_eq!(verify(), Ok(()));
        println!("linear/{}/{len}: {} bytes", C::NAME, proof.len());
        let mut group = group(c, format!("linear/{}/{len}", C::NAME));
        group.throughput(Throughput::Elements(len as u64));
        // One multi-scalar multiplication of a library: what a commitment to the vector costs.
        group.bench_function("ark, one product", |b| {
            b.iter(|| C::msm_unchecked(gens.columns(), black_box(&vector)))
        });
        group.bench_function("prove", |b| b.iter(prove));
        group.bench_function("verify", |b| b.iter(verify));
    }
}

fn generators<C: Curve>(c: &mut Criterion) {
    let mut group = group(c, format!("generators/{}", C::NAME));
    group.throughput(Throughput::Elements(256));
    group.bench_function("derive", |b| b.iter(|| Generators::<C>::new(256, 0)));
}

fn field(c: &mut Criterion) {
    let rng = &mut test_rng();
    let (x, y) = (ark_bls12_381::Fq::rand(rng), ark_bls12_381::Fq::rand(rng));
    let (u, v) = (ark_pallas::Fq::rand(rng), ark_pallas::Fq::rand(rng));
    let s = Fr::rand(rng);
    let mut group = group(c, "field".into());
    group.bench_function("BLS12-381 Fq multiply", |b| {
        b.iter(|| black_box(x) * black_box(y))
    });
    group.bench_function("Pallas Fq multiply", |b| {
        b.iter(|| black_box(u) * black_box(v))
    });
    group.bench_function("BLS12-381 Fr multiply", |b| {
        b.iter(|| black_box(s) * black_box(s))
    });
    use ark_ff::Field;
    group.bench_function("BLS12-381 Fq invert", |b| b.iter(|| black_box(x).inverse()));
    group.bench_function("Pallas Fq invert", |b| b.iter(|| black_box(u).inverse()));
}

criterion_group!(
    benches,
    field,
    ours::<Bls>,
    ours::<Pallas>,
    blst,
    full::<Bls>,
    full::<Pallas>,
    linear::<Bls>,
    linear::<Pallas>,
    generators::<Bls>,
    generators::<Pallas>
);
criterion_main!(benches);

//! LogUp-GKR, per looked-up value.
//!
//! Set `RAYON_NUM_THREADS` for the number of threads.
use ark_bls12_381::Fr;
use ark_ff::batch_inversion;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, sync::Arc, time::Duration};
use zktree::{
    gkr::{
        LookupTable, Relu, Signed, Unsigned,
        fractional::{self, LookupShape},
    },
    transcript::{ProverChannel, VerifierChannel},
};

type Columns = Vec<Vec<Arc<Vec<i64>>>>;

/// The lookups of a hidden layer with two limbs a remainder, `2^num_vars` in all: a pair (value,
/// sign bit), a gradient and limbs, with a table each. Columns have different sizes.
fn workload(num_vars: usize) -> (LookupShape<Fr>, Columns) {
    let tables: Vec<Arc<dyn LookupTable<Fr>>> = vec![
        Arc::new(Relu { bits: 14 }),
        Arc::new(Signed { bits: 16 }),
        Arc::new(Unsigned { bits: 16 }),
    ];
    let m = num_vars - 3;
    let lookups = vec![(0, m), (1, m), (1, m), (2, m + 1), (2, m + 1), (2, m)];
    let mut state = 1u64;
    let columns = lookups
        .iter()
        .map(|(table, m)| {
            let table = &tables[*table];
            let mut columns = vec![Vec::with_capacity(1 << m); table.arity()];
            let mut tuple = vec![0; table.arity()];
            for _ in 0..1usize << m {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                table.entry((state >> (64 - table.num_vars())) as usize, &mut tuple);
                columns.iter_mut().zip(&tuple).for_each(|(c, v)| c.push(*v));
            }
            columns.into_iter().map(Arc::new).collect()
        })
        .collect();
    let shape = LookupShape::new(lookups, tables).expect("the shape is valid");
    (shape, columns)
}

fn lookup(c: &mut Criterion) {
    let mut group = c.benchmark_group("lookup");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(2));
    for num_vars in [16, 20] {
        let (shape, columns) = workload(num_vars);
        group.throughput(Throughput::Elements(shape.num_lookups() as u64));
        group.bench_function(BenchmarkId::new("count", num_vars), |b| {
            b.iter(|| fractional::count_multiplicities(black_box(&shape), &columns));
        });
        let counts = fractional::count_multiplicities(&shape, &columns).expect("all in range");
        let counts: Vec<_> = counts.into_iter().map(Arc::new).collect();
        let prove = || {
            let mut channel = ProverChannel::new(b"bench", b"");
            let _ = fractional::prove(&shape, &columns, &counts, &mut channel);
            channel.finish()
        };
        group.bench_function(BenchmarkId::new("prove", num_vars), |b| b.iter(prove));
        // What the tree of fractions is about: one inversion a value, by the batch.
        group.bench_function(BenchmarkId::new("batch inversion", num_vars), |b| {
            let values = columns.iter().flat_map(|tuple| tuple[0].iter());
            let values: Vec<Fr> = values
                .map(|v| Fr::from(*v) + Fr::from(1u64 << 40))
                .collect();
            b.iter_batched_ref(
                || values.clone(),
                |values| batch_inversion(values),
                BatchSize::LargeInput,
            );
        });
        let proof = prove();
        group.bench_function(BenchmarkId::new("verify", num_vars), |b| {
            b.iter(|| {
                let mut channel = VerifierChannel::new(b"bench", b"", black_box(&proof));
                fractional::verify(&shape, &mut channel).map(|claims| claims.point)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);

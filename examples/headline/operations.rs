//! Operations counted, what one of them costs, and how far each phase is from the product of both.
//! In a build with the feature `count`; else there is nothing to report.
use super::{
    float,
    work::{Start, Work},
};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};
use zktree::{
    commit::{Curve, Generators},
    count::{self, Counts},
    poly::{WideField, int, parallel, simd},
};

/// Seconds of one operation, all threads being at work on many.
#[derive(Clone, Copy, Serialize)]
pub struct Costs {
    /// Of binding a variable of a table of `2^20` elements: also an addition and a subtraction.
    pub field_multiplication: f64,
    /// Of folding 256 rows of 4096 integers of 16 bits.
    pub small_multiply_accumulate: f64,
    /// Of committing 256 rows of 4090 integers of 16 bits by the comb, tables being made.
    pub group_addition: f64,
    /// Of a product in `f64`, 64 by 1024 by 1024.
    pub integer_multiply_accumulate: f64,
}

/// A phase beside its operations.
#[derive(Serialize)]
pub struct Phase {
    pub seconds: f64,
    #[serde(flatten)]
    pub counts: Counts,
    /// The sum of counts times costs.
    pub expected_seconds: f64,
    /// What the phase took to what is expected; none where nothing is.
    pub ratio: Option<f64>,
}

/// All that is reported.
#[derive(Serialize)]
pub struct Operations {
    /// In seconds.
    pub costs: Costs,
    pub phases: BTreeMap<&'static str, Phase>,
}

impl Operations {
    /// Measures costs and sets phases beside them; `None` where the build does not count.
    pub fn report<C: Curve<ScalarField: WideField>>(
        phases: BTreeMap<&'static str, Work>,
        threads: usize,
    ) -> Option<Self> {
        let _ = count::snapshot()?;
        let costs = Costs::measure::<C>(threads);
        let phases = phases.into_iter().map(|(name, work)| {
            let (seconds, expected) = (work.time.as_secs_f64(), costs.expected(&work.counts));
            let phase = Phase {
                seconds,
                counts: work.counts,
                expected_seconds: expected,
                ratio: (expected > 0.0).then(|| seconds / expected),
            };
            (name, phase)
        });
        Some(Self {
            costs,
            phases: phases.collect(),
        })
    }
}

impl Costs {
    fn measure<C: Curve<ScalarField: WideField>>(threads: usize) -> Self {
        Self {
            field_multiplication: field_multiplication::<C::ScalarField>(),
            small_multiply_accumulate: small_multiply_accumulate::<C::ScalarField>(),
            group_addition: group_addition::<C>(),
            integer_multiply_accumulate: integer_multiply_accumulate(threads),
        }
    }

    fn expected(&self, counts: &Counts) -> f64 {
        counts.field_multiplications as f64 * self.field_multiplication
            + counts.small_multiply_accumulates as f64 * self.small_multiply_accumulate
            + counts.group_additions as f64 * self.group_addition
            + counts.integer_multiply_accumulates as f64 * self.integer_multiply_accumulate
    }
}

/// For how long each measurement is repeated: other work comes and goes.
const REPEAT: Duration = Duration::from_millis(600);

/// The shortest of many runs.
fn shortest(mut run: impl FnMut()) -> Work {
    let (begin, mut done) = (Instant::now(), 0);
    let runs = std::iter::from_fn(|| {
        done += 1;
        (done <= 8 || begin.elapsed() < REPEAT).then(|| {
            let start = Start::now();
            run();
            start.work()
        })
    });
    let shortest = runs.min_by_key(|work| work.time);
    shortest.unwrap_or_default()
}

/// Seconds of one of so many.
fn each(work: Work, count: usize) -> f64 {
    work.time.as_secs_f64() / count as f64
}

fn field_multiplication<F: WideField>() -> f64 {
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(2);
    let values: Vec<F> = (0..1 << 20).map(|_| F::rand(rng)).collect();
    let challenge = F::rand(rng);
    let mut bound = simd::zeros::<F>(values.len() / 2);
    let work = shortest(|| {
        parallel::for_each_chunk(&mut bound, parallel::GRAIN, |start, out| {
            let values = &values[2 * start..];
            let done = simd::bind::<F, 1>(values, &challenge, out);
            for (out, pair) in out.iter_mut().zip(values.chunks_exact(2)).skip(done) {
                *out = pair[0] + challenge * (pair[1] - pair[0]);
            }
        });
    });
    each(work, bound.len())
}

/// Integers of 16 bits.
fn integers(len: usize) -> Vec<i64> {
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(3);
    (0..len)
        .map(|_| rng.gen_range(-(1 << 15)..1 << 15))
        .collect()
}

fn small_multiply_accumulate<F: WideField>() -> f64 {
    const WIDTH: usize = 4096;
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(4);
    let weights: Vec<F> = (0..256).map(|_| F::rand(rng)).collect();
    let values = integers(weights.len() * WIDTH);
    let work = shortest(|| drop(int::fold_high(&values, WIDTH, &weights)));
    each(work, values.len())
}

fn group_addition<C: Curve>() -> f64 {
    // No row has a tail behind the groups of the comb.
    const WIDTH: usize = 4090;
    let generators = Generators::<C>::get(WIDTH, 0);
    generators.prepare(WIDTH);
    let values = integers(256 * WIDTH);
    let rows: Vec<&[i64]> = values.chunks(WIDTH).collect();
    let work = shortest(|| drop(generators.combine_rows(&rows)));
    each(work, work.counts.group_additions as usize)
}

fn integer_multiply_accumulate(threads: usize) -> f64 {
    const SIZE: usize = 1024;
    let matrix = |rows| Array2::from_shape_fn((rows, SIZE), |(i, j)| ((i * 7 + j * 3) % 13) as f64);
    let (left, right, mut out) = (matrix(64), matrix(SIZE), matrix(64));
    let work = shortest(|| {
        let (left, right) = (left.view(), right.view());
        float::product(threads, 1.0, left, right, 0.0, out.view_mut());
    });
    each(work, 64 * SIZE * SIZE)
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let costs = self.costs;
        writeln!(f, "\nwhat one operation costs, on all threads:")?;
        for (what, cost) in [
            ("field multiplication", costs.field_multiplication),
            ("small multiply-accumulate", costs.small_multiply_accumulate),
            ("group addition", costs.group_addition),
            (
                "integer multiply-accumulate",
                costs.integer_multiply_accumulate,
            ),
        ] {
            writeln!(f, "{what:>44}  {:.3} ns", 1e9 * cost)?;
        }
        writeln!(
            f,
            "\noperations of the segment, in millions, and time to counts times costs:"
        )?;
        writeln!(
            f,
            "{:>24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}",
            "", "field", "small", "group", "integer", "expected", "time", "ratio"
        )?;
        for (name, phase) in &self.phases {
            let counts = &phase.counts;
            let millions = |n: u64| format!("{:.2}", n as f64 / 1e6);
            let ratio = phase.ratio.map_or("-".into(), |r| format!("{r:.1}"));
            writeln!(
                f,
                "{name:>24} {:>9} {:>9} {:>9} {:>9} {:>7.3} s {:>7.3} s {ratio:>6}",
                millions(counts.field_multiplications),
                millions(counts.small_multiply_accumulates),
                millions(counts.group_additions),
                millions(counts.integer_multiply_accumulates),
                phase.expected_seconds,
                phase.seconds,
            )?;
        }
        Ok(())
    }
}

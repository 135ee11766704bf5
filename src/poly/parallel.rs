//! The one place that knows whether rayon is there (feature `parallel`).
use ark_ff::Field;
use std::ops::Range;

/// Work on fewer items than this stays on one thread.
pub const GRAIN: usize = 2048;

/// `(0..n).map(f)`, in parallel where `n` items of `cost` units each are worth it.
pub fn map<T: Send>(n: usize, cost: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "parallel")]
    if n > 1 && n.saturating_mul(cost) >= GRAIN {
        use rayon::prelude::*;
        return (0..n)
            .into_par_iter()
            .with_min_len((GRAIN / cost.max(1)).clamp(1, n))
            .map(f)
            .collect();
    }
    let _ = cost;
    (0..n).map(f).collect()
}

/// Calls `f(index of first element, chunk)` on consecutive chunks of `data`.
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    chunk: usize,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    let chunk = chunk.max(1);
    #[cfg(feature = "parallel")]
    if data.len() > chunk {
        use rayon::prelude::*;
        data.par_chunks_mut(chunk)
            .enumerate()
            .for_each(|(i, c)| f(i * chunk, c));
        return;
    }
    for (i, c) in data.chunks_mut(chunk).enumerate() {
        f(i * chunk, c);
    }
}

/// Adds up `f(range)` over a partition of `0..n` into ranges.
pub fn sum<F: Field, const K: usize>(
    n: usize,
    f: impl Fn(Range<usize>) -> [F; K] + Sync + Send,
) -> [F; K] {
    #[cfg(feature = "parallel")]
    if n >= 2 * GRAIN {
        use rayon::prelude::*;
        let chunk = n.div_ceil(8 * rayon::current_num_threads()).max(GRAIN);
        return (0..n.div_ceil(chunk))
            .into_par_iter()
            .map(|i| f(i * chunk..((i + 1) * chunk).min(n)))
            .reduce(|| [F::ZERO; K], add);
    }
    add([F::ZERO; K], f(0..n))
}

fn add<F: Field, const K: usize>(mut a: [F; K], b: [F; K]) -> [F; K] {
    for (x, y) in a.iter_mut().zip(b) {
        *x += y;
    }
    a
}

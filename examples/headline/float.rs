//! One step of the same network in `f32`, through the GEMM that the integer step uses.
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, LinalgScalar, linalg::general_mat_mul, s};
use std::time::{Duration, Instant};
use zktree::nn::Architecture;

/// A network, a batch, and space for what a step computes.
struct Step {
    weights: Vec<Array2<f32>>,
    /// Inputs, then the output of each layer.
    values: Vec<Array2<f32>>,
    gradients: Vec<Array2<f32>>,
    threads: usize,
}

/// The shortest of some steps.
pub fn step_time(architecture: &Architecture, batch: usize, threads: usize) -> Duration {
    let widths = architecture.widths();
    let matrix = |rows: usize, cols: usize| {
        Array2::from_shape_fn((rows, cols), |(i, j)| {
            ((i * 7 + j * 3) % 13) as f32 / 64.0 - 0.1
        })
    };
    let mut step = Step {
        weights: widths.windows(2).map(|w| matrix(w[0], w[1])).collect(),
        values: widths.iter().map(|w| matrix(batch, *w)).collect(),
        gradients: widths[1..].iter().map(|w| matrix(batch, *w)).collect(),
        threads,
    };
    let times = (0..8).map(|_| {
        let start = Instant::now();
        step.run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

impl Step {
    fn run(&mut self) {
        let depth = self.weights.len();
        for l in 0..depth {
            let (below, above) = self.values.split_at_mut(l + 1);
            let (a, z) = (below[l].view(), above[0].view_mut());
            product(self.threads, 1.0, a, self.weights[l].view(), 0.0, z);
            if l + 1 < depth {
                self.values[l + 1].mapv_inplace(|x| x.max(0.0));
            }
        }
        // The target is zero.
        self.gradients[depth - 1].assign(&self.values[depth]);
        for l in (1..depth).rev() {
            let (below, above) = self.gradients.split_at_mut(l);
            let (g, p) = (above[0].view(), below[l - 1].view_mut());
            product(self.threads, 1.0, g, self.weights[l].t(), 0.0, p);
            below[l - 1].zip_mut_with(&self.values[l], |g, y| *g *= f32::from(*y > 0.0));
        }
        for l in 0..depth {
            let (a, g) = (self.values[l].t(), self.gradients[l].view());
            // Transposed, so that threads share the rows of the weights.
            let weights = self.weights[l].view_mut().reversed_axes();
            product(
                self.threads,
                -1e-6,
                g.reversed_axes(),
                a.reversed_axes(),
                1.0,
                weights,
            );
        }
    }
}

/// `out = factor left x right + keep out`, the columns of `out` shared by threads.
pub fn product<T: LinalgScalar + Send + Sync>(
    threads: usize,
    factor: T,
    left: ArrayView2<'_, T>,
    right: ArrayView2<'_, T>,
    keep: T,
    mut out: ArrayViewMut2<'_, T>,
) {
    let share = right.ncols().div_ceil(threads);
    let parts = out.axis_chunks_iter_mut(Axis(1), share).enumerate();
    std::thread::scope(|scope| {
        for (k, mut out) in parts {
            let columns = k * share..k * share + out.ncols();
            let right = right.slice(s![.., columns]);
            scope.spawn(move || general_mat_mul(factor, &left, &right, keep, &mut out));
        }
    });
}

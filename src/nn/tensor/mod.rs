//! Exact einsums of integer tensors, and the same in double precision.
//!
//! An [`Einsum`] is a product of one or two tensors in memory, with its loops written out: for each index
//! its length and by how much a step along it moves in each operand and in the output. Those of two
//! operands that are matrix products go to `matmul`, through a floating-point GEMM.

pub(super) mod float;
pub(super) mod matmul;
mod sparse;

pub use sparse::Sparse;
use std::sync::Arc;

/// Row-major integers.
#[derive(Clone, PartialEq, Eq)]
pub enum Tensor {
    /// Of at most 63 bits.
    Narrow(Arc<Vec<i64>>),
    /// Of any size.
    Wide(Arc<Vec<i128>>),
}

/// Shapes only: values are secrets.
impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({} values)", self.len())
    }
}

impl Tensor {
    /// Number of entries.
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(values) => values.len(),
            Self::Wide(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at a flat index.
    pub fn get(&self, index: usize) -> i128 {
        match self {
            Self::Narrow(values) => values[index].into(),
            Self::Wide(values) => values[index],
        }
    }

    /// The entries, if they are narrow.
    pub fn narrow(&self) -> Option<&Arc<Vec<i64>>> {
        match self {
            Self::Narrow(values) => Some(values),
            Self::Wide(_) => None,
        }
    }

    /// The entries, borrowed.
    pub(super) fn view(&self) -> View<'_> {
        match self {
            Self::Narrow(values) => View::Narrow(values),
            Self::Wide(values) => View::Wide(values),
        }
    }
}

/// A borrowed [`Tensor`].
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    Narrow(&'a [i64]),
    Wide(&'a [i128]),
}

impl View<'_> {
    pub(super) fn get(self, index: usize) -> i128 {
        match self {
            Self::Narrow(values) => values[index].into(),
            Self::Wide(values) => values[index],
        }
    }
}

/// An index of an einsum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// Number of its values.
    pub len: usize,
    /// How far apart entries of each operand are; 0 where it does not have the index.
    pub operands: [usize; 2],
    /// How far apart entries of the output are; 0 for a sum.
    pub output: usize,
}

/// An einsum of one or two tensors in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Einsum {
    /// Indices of the output, slowest first.
    pub output: Vec<Loop>,
    /// Indices that are summed.
    pub summed: Vec<Loop>,
    /// Where the operands' first entries are.
    pub offsets: [usize; 2],
    /// Where the output's first entry is.
    pub output_offset: usize,
    /// The entries of each known operand: all of this once for each choice of one of each, with their product as a
    /// factor, and moved.
    pub jumps: Vec<Vec<Jump>>,
}

/// An entry of known operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// By how much it moves each operand.
    operands: [usize; 2],
    /// And the output.
    output: usize,
    factor: i64,
}

impl Jump {
    /// The entries of a known operand, with what an index of each of its axes moves.
    pub(super) fn all(loops: &[Loop], entries: &Sparse) -> Vec<Self> {
        let jump = |(index, factor): (&[u32], i64)| {
            let steps = || index.iter().map(|k| *k as usize).zip(loops);
            let moved = |k: usize| steps().map(|(index, axis)| index * axis.operands[k]).sum();
            Self {
                operands: [moved(0), moved(1)],
                output: steps().map(|(index, axis)| index * axis.output).sum(),
                factor,
            }
        };
        entries.entries().map(jump).collect()
    }
}

/// A matrix product `[m, k] x [k, n]`, repeated along `batch`.
pub(super) struct Matrices {
    pub(super) batch: Vec<Loop>,
    pub(super) m: Loop,
    pub(super) n: Loop,
    pub(super) k: Loop,
}

impl Einsum {
    /// As a matrix product, if it is one: every index is in two of both operands and the output, or in
    /// all three, and those of each kind can be walked through as one.
    pub(super) fn matrices(&self) -> Option<Matrices> {
        let (mut batch, mut m, mut n) = (Vec::new(), Vec::new(), Vec::new());
        for index in &self.output {
            match index.operands {
                [0, 0] => return None,
                [_, 0] => m.push(*index),
                [0, _] => n.push(*index),
                _ => batch.push(*index),
            }
        }
        if self.summed.is_empty() || self.summed.iter().any(|k| k.operands.contains(&0)) {
            return None;
        }
        Some(Matrices {
            batch,
            m: merged(&m)?,
            n: merged(&n)?,
            k: merged(&self.summed)?,
        })
    }

    /// The einsum for each choice of entries of known operands, without them, and its factor; `None` if there are
    /// no such operands.
    pub(super) fn apart(&self, mut each: impl FnMut(&Self, i64)) -> Option<()> {
        let jumps = Some(&self.jumps).filter(|jumps| !jumps.is_empty())?;
        let mut moved = Self {
            jumps: Vec::new(),
            ..self.clone()
        };
        Self::choices(jumps, (self.start(), 1), &mut |[a, b, out], factor| {
            moved.offsets = [a, b];
            moved.output_offset = out;
            each(&moved, factor);
        });
        Some(())
    }

    fn choices(
        jumps: &[Vec<Jump>],
        ([a, b, out], factor): ([usize; 3], i64),
        visit: &mut impl FnMut([usize; 3], i64),
    ) {
        let Some((entries, rest)) = jumps.split_first() else {
            return visit([a, b, out], factor);
        };
        for jump in entries {
            let at = [
                a + jump.operands[0],
                b + jump.operands[1],
                out + jump.output,
            ];
            Self::choices(rest, (at, factor * jump.factor), visit);
        }
    }

    /// Visits all entries of the output, in order: its place and the operands'.
    fn entries(loops: &[Loop], at: [usize; 3], visit: &mut impl FnMut([usize; 3])) {
        let Some((index, rest)) = loops.split_first() else {
            return visit(at);
        };
        let [mut a, mut b, mut out] = at;
        for _ in 0..index.len {
            Self::entries(rest, [a, b, out], visit);
            a += index.operands[0];
            b += index.operands[1];
            out += index.output;
        }
    }

    pub(super) fn start(&self) -> [usize; 3] {
        [self.offsets[0], self.offsets[1], self.output_offset]
    }

    /// `out += factor * sum of products`, one entry after the other; `product(i, j)` is that of the entries at
    /// these places of the operands.
    fn add_with<T: Copy + std::ops::AddAssign + Default>(
        &self,
        out: &mut [T],
        product: impl Fn(usize, usize) -> T,
        scale: impl Fn(T) -> T,
    ) {
        if let (Some((inner, outer)), []) = (self.output.split_last(), self.summed.as_slice()) {
            return Self::entries(outer, self.start(), &mut |[a, b, at]| {
                for k in 0..inner.len {
                    let (i, j) = (a + k * inner.operands[0], b + k * inner.operands[1]);
                    out[at + k * inner.output] += scale(product(i, j));
                }
            });
        }
        Self::entries(&self.output, self.start(), &mut |[a, b, at]| {
            let mut sum = T::default();
            Self::entries(&self.summed, [a, b, 0], &mut |[i, j, _]| {
                sum += product(i, j)
            });
            out[at] += scale(sum);
        });
    }
}

/// Indices that can be walked through as one; of none, one of length 1.
fn merged(loops: &[Loop]) -> Option<Loop> {
    let long = loops.iter().filter(|index| index.len > 1);
    let mut loops: Vec<Loop> = long.copied().collect();
    loops.sort_by_key(|index| std::cmp::Reverse((index.output, index.operands)));
    let none = Loop {
        len: 1,
        operands: [0, 0],
        output: 0,
    };
    let mut loops = loops.into_iter().rev();
    let Some(mut whole) = loops.next() else {
        return Some(none);
    };
    for slower in loops {
        let follows = |slow: usize, fast: usize| slow == fast * whole.len;
        let [a, b] = [0, 1].map(|k| follows(slower.operands[k], whole.operands[k]));
        if !(a && b && follows(slower.output, whole.output)) {
            return None;
        }
        whole.len *= slower.len;
    }
    Some(whole)
}

/// `out += factor * einsum(operands)`, exact. `largest(k)` is the magnitude of operand `k`.
///
/// No sum may leave `i128`.
pub(super) fn add_term(
    einsum: &Einsum,
    factor: i128,
    operands: &[View<'_>],
    largest: &dyn Fn(usize) -> u64,
    out: &mut [i128],
) {
    let apart = einsum.apart(|einsum, by| {
        add_term(einsum, factor * i128::from(by), operands, largest, out);
    });
    if apart.is_some() {
        return;
    }
    match operands {
        [View::Narrow(x)] => einsum.add_with(out, |i, _| i128::from(x[i]), |x| factor * x),
        [View::Wide(x)] => einsum.add_with(out, |i, _| x[i], |x| factor * x),
        [View::Narrow(x), View::Narrow(y)] => {
            if let Some(matrices) = einsum.matrices() {
                return add_matrices(einsum, &matrices, factor, (x, y, largest(1)), out);
            }
            let product = |i: usize, j: usize| i128::from(x[i]) * i128::from(y[j]);
            einsum.add_with(out, product, |x| factor * x);
        }
        [x, y, ..] => einsum.add_with(out, |i, j| x.get(i) * y.get(j), |x| factor * x),
        [] => (),
    }
}

/// As [`add_term`], of narrow operands and where no sum leaves `i64`.
pub(super) fn add_narrow(einsum: &Einsum, factor: i64, operands: &[&[i64]], out: &mut [i64]) {
    let apart = einsum.apart(|einsum, by| add_narrow(einsum, factor * by, operands, out));
    if apart.is_some() {
        return;
    }
    match operands {
        [x] => einsum.add_with(out, |i, _| x[i], |x| factor * x),
        [x, y, ..] => einsum.add_with(out, |i, j| x[i] * y[j], |x| factor * x),
        [] => (),
    }
}

/// A matrix product by [`matmul`], one batch after the other.
fn add_matrices(
    einsum: &Einsum,
    matrices: &Matrices,
    factor: i128,
    (x, y, largest): (&[i64], &[i64], u64),
    out: &mut [i128],
) {
    let Matrices { batch, m, n, k } = matrices;
    Einsum::entries(batch, einsum.start(), &mut |[a, b, at]| {
        let left = matrix(x, a, (m.len, m.operands[0]), (k.len, k.operands[0]));
        let transposed = (k.operands[1], n.operands[1]) == (1, k.len) && n.len > 1;
        let product = match transposed {
            true => matmul::product_transposed(&left, (&y[b..b + k.len * n.len], largest), k.len),
            false => {
                let right = matrix(y, b, (k.len, k.operands[1]), (n.len, n.operands[1]));
                matmul::product(&left, (&right, largest), k.len, n.len)
            }
        };
        for (i, row) in product.chunks_exact(n.len).enumerate() {
            for (j, sum) in row.iter().enumerate() {
                out[at + i * m.output + j * n.output] += factor * sum;
            }
        }
    });
}

/// A row-major matrix of entries at given strides: borrowed where it stands so in memory.
pub(super) fn matrix<T: Copy>(
    values: &[T],
    start: usize,
    (rows, row): (usize, usize),
    (cols, col): (usize, usize),
) -> std::borrow::Cow<'_, [T]> {
    let whole = (col == 1 || cols == 1) && (row == cols || rows == 1);
    if whole {
        return values[start..start + rows * cols].into();
    }
    let entry = |i: usize, j: usize| values[start + i * row + j * col];
    let rows = (0..rows).flat_map(|i| (0..cols).map(move |j| (i, j)));
    rows.map(|(i, j)| entry(i, j)).collect::<Vec<T>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An einsum `[batch, m, k] x [batch, k, n]` with axes of both operands and the output in any order.
    fn einsum(lens: [usize; 4], orders: [usize; 3]) -> Einsum {
        let [batch, m, n, k] = lens;
        let permuted = |labels: [usize; 3], order: usize| {
            let orders = [
                [0, 1, 2],
                [0, 2, 1],
                [1, 0, 2],
                [1, 2, 0],
                [2, 0, 1],
                [2, 1, 0],
            ];
            let labels = orders[order].map(|k| labels[k]);
            let mut strides = [0; 4];
            let mut stride = 1;
            for label in labels.iter().rev() {
                strides[*label] = stride;
                stride *= lens[*label];
            }
            strides
        };
        let (x, y) = (
            permuted([0, 1, 3], orders[0]),
            permuted([0, 3, 2], orders[1]),
        );
        let out = permuted([0, 1, 2], orders[2]);
        let index = |label: usize, len| Loop {
            len,
            operands: [x[label], y[label]],
            output: out[label],
        };
        Einsum {
            output: vec![index(0, batch), index(1, m), index(2, n)],
            summed: vec![index(3, k)],
            offsets: [0, 0],
            output_offset: 0,
            jumps: Vec::new(),
        }
    }

    proptest! {
        /// Matrix products are what the loops say.
        #[test]
        fn matrix_products_are_einsums(
            lens in prop::array::uniform4(1_usize..5),
            orders in prop::array::uniform3(0_usize..6),
            values in prop::collection::vec(-1_000_000_i64..1_000_000, 64 * 2),
            factor in -5_i128..5,
        ) {
            let einsum = einsum(lens, orders);
            prop_assert!(einsum.matrices().is_some());
            let [batch, m, n, k] = lens;
            let x = Tensor::Narrow(Arc::new(values[..batch * m * k].to_vec()));
            let y = Tensor::Narrow(Arc::new(values[64..64 + batch * k * n].to_vec()));
            let mut fast = vec![3; batch * m * n];
            let largest = |_: usize| 1_000_000;
            add_term(&einsum, factor, &[x.view(), y.view()], &largest, &mut fast);
            let mut slow = vec![3; batch * m * n];
            einsum.add_with(&mut slow, |i, j| x.get(i) * y.get(j), |sum| factor * sum);
            prop_assert_eq!(&fast, &slow);
            let real = |t: &Tensor| (0..t.len()).map(|k| t.get(k) as f64).collect::<Vec<_>>();
            let mut floats = vec![3.0; batch * m * n];
            float::add_term(&einsum, factor as f64, &[&real(&x), &real(&y)], &mut floats);
            let exact: Vec<f64> = slow.iter().map(|v| *v as f64).collect();
            prop_assert_eq!(floats, exact);
        }
    }
}

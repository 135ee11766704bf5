//! Einsums in double precision.
use super::{Einsum, Matrices, matrix};
use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

/// `out += factor * einsum(operands)`.
pub(in crate::nn) fn add_term(einsum: &Einsum, factor: f64, operands: &[&[f64]], out: &mut [f64]) {
    let apart = einsum.apart(|einsum, by| add_term(einsum, factor * by as f64, operands, out));
    if apart.is_some() {
        return;
    }
    match (operands, einsum.matrices()) {
        ([x, y], Some(matrices)) => add_matrices(einsum, &matrices, factor, (x, y), out),
        ([x, y], None) => einsum.add_with(out, |i, j| x[i] * y[j], |sum| factor * sum),
        ([x, ..], _) => einsum.add_with(out, |i, _| x[i], |sum| factor * sum),
        ([], _) => (),
    }
}

fn add_matrices(
    einsum: &Einsum,
    Matrices { batch, m, n, k }: &Matrices,
    factor: f64,
    (x, y): (&[f64], &[f64]),
    out: &mut [f64],
) {
    Einsum::entries(batch, einsum.start(), &mut |[a, b, at]| {
        let left = matrix(x, a, (m.len, m.operands[0]), (k.len, k.operands[0]));
        let right = matrix(y, b, (k.len, k.operands[1]), (n.len, n.operands[1]));
        let mut product = vec![0.0; m.len * n.len];
        let view = |values, rows, cols| ArrayView2::from_shape((rows, cols), values);
        let target = ArrayViewMut2::from_shape((m.len, n.len), &mut product);
        if let (Ok(left), Ok(right), Ok(mut target)) = (
            view(&left, m.len, k.len),
            view(&right, k.len, n.len),
            target,
        ) {
            general_mat_mul(factor, &left, &right, 0.0, &mut target);
        }
        for (i, row) in product.chunks_exact(n.len).enumerate() {
            for (j, sum) in row.iter().enumerate() {
                out[at + i * m.output + j * n.output] += sum;
            }
        }
    });
}

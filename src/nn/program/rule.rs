//! How a gadget computes the values that it commits to.
use std::fmt::Debug;

/// A number of which a rule can make nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside {
    /// Which of the values that others are made of.
    pub of: usize,
    /// The number.
    pub value: i128,
    /// The least and the greatest that it might be.
    pub range: [i128; 2],
}

/// Computes committed values from others, row by row.
///
/// A row of a value is what it has at one index of the first axes, row-major. Rules are for provers alone: no proof
/// says that one was followed. So that one is a witness of padding too, it makes zeros of what its masks leave out.
pub trait Rule: Debug + Send + Sync {
    /// Fills in a row of each value that is made, zeros before, from a row of each that they are made of.
    ///
    /// # Errors
    /// [`Outside`] if nothing can be made of a number. What is made may leave its range: others look at that.
    fn integers(&self, of: &[&[i128]], made: &mut [Vec<i128>]) -> Result<(), Outside>;

    /// The same of real numbers, without rounding.
    fn reals(&self, of: &[&[f64]], made: &mut [Vec<f64>]);
}

/// Goes over rows: `of` has the width of a row of each operand, and its entries; `made` the widths of what is made.
pub(in crate::nn) fn by_rows<T: Copy + Default, E>(
    rows: usize,
    of: &[(usize, impl Fn(usize) -> T)],
    made: &[usize],
    mut rule: impl FnMut(&[&[T]], &mut [Vec<T>]) -> Result<(), E>,
) -> Result<Vec<Vec<T>>, E> {
    let mut out: Vec<Vec<T>> = made
        .iter()
        .map(|width| Vec::with_capacity(rows * width))
        .collect();
    let mut operands: Vec<Vec<T>> = of
        .iter()
        .map(|(width, _)| vec![T::default(); *width])
        .collect();
    let mut results: Vec<Vec<T>> = made
        .iter()
        .map(|width| vec![T::default(); *width])
        .collect();
    for row in 0..rows {
        for (buffer, (width, entry)) in operands.iter_mut().zip(of) {
            for (k, x) in buffer.iter_mut().enumerate() {
                *x = entry(row * width + k);
            }
        }
        results
            .iter_mut()
            .for_each(|buffer| buffer.fill(T::default()));
        let views: Vec<&[T]> = operands.iter().map(Vec::as_slice).collect();
        rule(&views, &mut results)?;
        for (column, buffer) in out.iter_mut().zip(&results) {
            column.extend_from_slice(buffer);
        }
    }
    Ok(out)
}

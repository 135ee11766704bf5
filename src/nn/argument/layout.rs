//! How committed tensors are cut into rows, and claims on them as bilinear forms.
use crate::{
    commit::opening::Columns,
    count,
    nn::Schedule,
    poly::{self, WideField, int},
};
use ark_ff::PrimeField;
use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

/// How a tensor is cut into rows, and which rows are committed.
///
/// Rows that hold nothing but padding are absent: their commitment is the identity, whatever the
/// prover would like, because the verifier derives the layout from the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    num_vars: usize,
    row_vars: usize,
    /// Ranges of committed rows, ascending, none next to another: a layout is small however many
    /// rows there are, so that it can be made before it is known whether they are there.
    rows: Vec<Range<usize>>,
}

impl Layout {
    /// Rows of `2^row_vars` entries of a tensor of `2^num_vars`, those that meet a range of
    /// `real`.
    pub fn new(num_vars: usize, row_vars: usize, real: &[Range<usize>]) -> Self {
        let row_vars = row_vars.min(num_vars);
        let mut ranges: Vec<Range<usize>> = real
            .iter()
            .filter(|range| !range.is_empty())
            .map(|range| range.start >> row_vars..((range.end - 1) >> row_vars) + 1)
            .collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut rows: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            match rows.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => rows.push(range),
            }
        }
        Self {
            num_vars,
            row_vars,
            rows,
        }
    }

    /// Number of committed rows.
    pub fn num_rows(&self) -> usize {
        self.rows.iter().map(Range::len).sum()
    }

    /// The committed rows, ascending.
    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().cloned().flatten()
    }

    /// `log2` of the length of a row.
    pub fn row_vars(&self) -> usize {
        self.row_vars
    }

    /// Number of variables of the tensor.
    pub fn num_vars(&self) -> usize {
        self.num_vars
    }

    /// The committed rows of `values`, cut short where the values end.
    pub fn slices<'a>(&self, values: &'a [i64]) -> Vec<&'a [i64]> {
        let cut = |row: usize| {
            let start = (row << self.row_vars).min(values.len());
            let end = ((row + 1) << self.row_vars).min(values.len());
            values.get(start..end).unwrap_or_default()
        };
        self.rows().map(cut).collect()
    }

    /// Equation 37: the evaluation at `point` as a bilinear form.
    pub(super) fn evaluation<F: PrimeField>(&self, point: &[F]) -> (Vec<F>, Columns<F>) {
        let (low, high) = point
            .split_at_checked(self.row_vars)
            .unwrap_or((point, &[]));
        let eq = poly::eq_evals(high);
        let rows = self
            .rows()
            .map(|r| eq.get(r).copied().unwrap_or_default())
            .collect();
        (rows, Columns::Eq(low.to_vec()))
    }

    /// Folds the committed rows of `values`.
    pub(crate) fn fold<F: WideField>(&self, values: &[i64], weights: &[F]) -> Vec<F> {
        let count = self.rows.last().map_or(0, |last| last.end);
        let mut full = vec![F::ZERO; count];
        for (row, weight) in self.rows().zip(weights) {
            full[row] = *weight;
        }
        int::fold_high(values, 1 << self.row_vars, &full)
    }
}

/// Which row of a matrix each sample of each step is.
#[derive(Debug, Clone)]
pub enum GatheredRows {
    /// Of one step, each row in its place.
    All(usize),
    /// The batches of a schedule.
    Scheduled(Arc<Batches>),
}

/// Consecutive batches of a schedule. They are drawn when the first claim on them is evaluated: a
/// verifier has the commitments of a proof by then.
#[derive(Debug)]
pub struct Batches {
    schedule: Schedule,
    first_step: u64,
    steps: u64,
    drawn: OnceLock<Vec<usize>>,
}

impl Batches {
    /// The batches of `steps` steps from `first_step` on.
    pub fn new(schedule: Schedule, first_step: u64, steps: u64) -> Self {
        Self {
            schedule,
            first_step,
            steps,
            drawn: OnceLock::new(),
        }
    }

    /// The rows of each step.
    fn steps(&self) -> impl Iterator<Item = &[usize]> {
        let draw = || self.schedule.batches(self.first_step, self.steps).flatten();
        let rows = self.drawn.get_or_init(|| draw().collect());
        rows.chunks(self.schedule.batch_size().max(1))
    }
}

impl GatheredRows {
    /// Calls with step, sample and row of each.
    fn for_each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        match self {
            Self::All(count) => (0..*count).for_each(|row| visit(0, row, row)),
            Self::Scheduled(batches) => {
                for (step, batch) in batches.steps().enumerate() {
                    let rows = batch.iter().enumerate();
                    rows.for_each(|(sample, row)| visit(step, sample, *row));
                }
            }
        }
    }
}

/// A tensor made of rows of a committed matrix: entry `(sample, step, unit)` is the sample's row,
/// column `first_column + unit` of it.
#[derive(Debug, Clone)]
pub struct Gather {
    /// The matrix.
    pub matrix: usize,
    /// The rows of all real samples and steps.
    pub rows: GatheredRows,
    /// Numbers of variables of sample and step; the others are the unit.
    pub low_vars: [usize; 2],
    /// First column.
    pub first_column: usize,
    /// Number of columns.
    pub num_columns: usize,
}

impl Gather {
    /// Equation 39: the evaluation at `point` as a bilinear form of the matrix.
    ///
    /// A multiplication for each sample of each step.
    pub(super) fn evaluation<F: PrimeField>(
        &self,
        num_rows: usize,
        point: &[F],
    ) -> (Vec<F>, Columns<F>) {
        let [samples, steps] = self.low_vars;
        let (samples, rest) = point.split_at_checked(samples).unwrap_or((point, &[]));
        let (steps, high) = rest.split_at_checked(steps).unwrap_or((rest, &[]));
        let [samples, steps, high] = [samples, steps, high].map(poly::eq_evals);
        let mut rows = vec![F::ZERO; num_rows];
        let mut real = 0;
        self.rows.for_each(|step, sample, row| {
            let (u, weights) = (rows.get_mut(row), steps.get(step).zip(samples.get(sample)));
            if let (Some(u), Some((step, sample))) = (u, weights) {
                *u += *step * sample;
                real += 1;
            }
        });
        // One a sample.
        count::field_multiplications(real);
        let mut columns = vec![F::ZERO; self.first_column];
        columns.extend(high.into_iter().take(self.num_columns));
        (rows, Columns::Dense(columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_those_that_a_range_meets_each_once(
            num_vars in 0..8_usize,
            row_vars in 0..9_usize,
            real in prop::collection::vec((0..256_usize, 0..40_usize), 0..5),
        ) {
            let size = 1 << num_vars;
            let range = |(start, len): &(usize, usize)| start % size..(start % size + len).min(size);
            let real: Vec<_> = real.iter().map(range).collect();
            let layout = Layout::new(num_vars, row_vars, &real);
            let len = 1 << layout.row_vars();
            let met = |row: &usize| {
                (row * len..(row + 1) * len).any(|k| real.iter().any(|range| range.contains(&k)))
            };
            let naive: Vec<usize> = (0..size / len).filter(met).collect();
            prop_assert_eq!(layout.num_rows(), naive.len());
            prop_assert_eq!(layout.rows().collect::<Vec<_>>(), naive);
        }
    }
}

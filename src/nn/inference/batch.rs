//! Rows that an inference speaks of: public, or committed.
use crate::{
    commit::{Curve, Generators, RowBlindings, RowCommitments, hyrax},
    error::{StatementError, VerifyError},
    nn::{
        DatasetCommitment, DatasetOpening, argument::KnownMatrix, argument::Layout,
        commitment::dataset_layout, network::MAX_WIDTH,
    },
    poly::WideField,
};
use ark_ff::PrimeField;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use std::{ops::Range, sync::Arc};

/// A hiding commitment to rows of integers, one point a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedRows<C: Curve> {
    width: usize,
    rows: Arc<RowCommitments<C>>,
}

impl<C: Curve> CommittedRows<C> {
    /// A commitment read from somewhere to rows of `width` entries, one point a row.
    pub fn new(width: usize, rows: RowCommitments<C>) -> Self {
        let rows = Arc::new(rows);
        Self { width, rows }
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// Entries of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The commitments, one a row.
    pub fn rows(&self) -> &RowCommitments<C> {
        &self.rows
    }

    /// SHA-256 of the commitment, bound to the curve and the shape.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new_with_prefix(b"zktree-v1 rows")
            .chain_update((self.width as u64).to_le_bytes())
            .chain_update(self.rows.digest())
            .finalize()
            .into()
    }

    pub(super) fn layout(&self) -> Layout {
        dataset_layout(self.num_rows(), self.width)
    }
}

/// A data set as rows of features, then targets.
impl<C: Curve> From<&DatasetCommitment<C>> for CommittedRows<C> {
    fn from(dataset: &DatasetCommitment<C>) -> Self {
        Self {
            width: dataset.width(),
            rows: dataset.shared_rows(),
        }
    }
}

/// The rows and blindings that open [`CommittedRows`]: their owner's secret.
#[derive(Clone)]
pub struct RowsOpening<F: PrimeField> {
    width: usize,
    matrix: KnownMatrix<F>,
}

/// Shapes only.
impl<F: PrimeField> std::fmt::Debug for RowsOpening<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowsOpening({} rows)", self.num_rows())
    }
}

impl<F: PrimeField> RowsOpening<F> {
    /// Rows of `width` entries, row-major, with fresh blindings; without `hiding` these are zero.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] unless there are whole rows, at least one, of a possible width.
    pub fn new(
        width: usize,
        values: &[i64],
        hiding: bool,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, VerifyError> {
        check_rows(width, values)?;
        let padded = width.next_power_of_two();
        let rows = values.len() / width;
        let mut matrix = vec![0; rows * padded];
        for (out, row) in matrix
            .chunks_exact_mut(padded)
            .zip(values.chunks_exact(width))
        {
            out.iter_mut().zip(row).for_each(|(out, x)| *out = *x);
        }
        let blindings = match hiding {
            true => RowBlindings::random(rows, rng),
            false => RowBlindings::zero(rows),
        };
        let values = Arc::new(matrix);
        let matrix = KnownMatrix { values, blindings };
        Ok(Self { width, matrix })
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.matrix.values.len() / self.width.next_power_of_two()
    }

    /// Entries of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The blindings of the rows.
    pub fn blindings(&self) -> &RowBlindings<F> {
        &self.matrix.blindings
    }

    /// The commitment that this opens.
    pub fn commit<C: Curve<ScalarField = F>>(&self) -> CommittedRows<C> {
        let padded = self.width.next_power_of_two();
        let gens = Generators::<C>::get(padded, 0);
        let rows: Vec<&[i64]> = self.matrix.values.chunks_exact(padded).collect();
        CommittedRows::new(
            self.width,
            hyrax::commit_slices(&gens, &rows, &self.matrix.blindings),
        )
    }

    /// Some columns, row-major.
    pub(super) fn columns(&self, columns: &Range<usize>) -> Vec<i64> {
        let padded = self.width.next_power_of_two();
        let rows = self.matrix.values.chunks_exact(padded);
        rows.flat_map(|row| row.get(columns.clone()).unwrap_or_default())
            .copied()
            .collect()
    }

    pub(super) fn matrix(&self) -> KnownMatrix<F> {
        self.matrix.clone()
    }
}

/// A data set as rows of features, then targets.
impl<F: PrimeField> From<&DatasetOpening<F>> for RowsOpening<F> {
    fn from(opening: &DatasetOpening<F>) -> Self {
        Self {
            width: opening.dataset().width(),
            matrix: opening.matrix(),
        }
    }
}

/// Rows of a claim, one a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch<C: Curve> {
    /// Everyone sees them.
    Public {
        /// Entries of a row.
        width: usize,
        /// `[samples, width]`, row-major, with `s` fraction bits.
        values: Arc<Vec<i64>>,
    },
    /// Some columns of committed rows.
    Committed {
        /// The commitment.
        rows: CommittedRows<C>,
        /// Which columns.
        columns: Range<usize>,
    },
}

impl<C: Curve<ScalarField: WideField>> Batch<C> {
    /// Public rows of `width` entries, row-major.
    pub fn public(width: usize, values: Vec<i64>) -> Self {
        let values = Arc::new(values);
        Self::Public { width, values }
    }

    /// All columns of committed rows.
    pub fn committed(rows: CommittedRows<C>) -> Self {
        let columns = 0..rows.width;
        Self::Committed { rows, columns }
    }

    /// The features of a committed data set.
    pub fn features(dataset: &DatasetCommitment<C>) -> Self {
        let columns = 0..dataset.num_features();
        let rows = dataset.into();
        Self::Committed { rows, columns }
    }

    /// The targets of a committed data set.
    pub fn targets(dataset: &DatasetCommitment<C>) -> Self {
        let columns = dataset.num_features()..dataset.width();
        let rows = dataset.into();
        Self::Committed { rows, columns }
    }

    /// The commitment, if these are committed.
    pub fn rows(&self) -> Option<&CommittedRows<C>> {
        match self {
            Self::Public { .. } => None,
            Self::Committed { rows, .. } => Some(rows),
        }
    }

    /// Whether these are committed: then nothing but the proof says that they are in range.
    pub fn is_committed(&self) -> bool {
        self.rows().is_some()
    }

    /// Number of rows of `width` entries.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] or [`VerifyError::Shape`] if these are no such rows.
    pub(super) fn samples(&self, width: usize, what: &'static str) -> Result<usize, VerifyError> {
        match self {
            Self::Public {
                width: found,
                values,
            } => {
                VerifyError::check_shape(what, width, *found)?;
                check_rows(width, values)?;
                Ok(values.len() / width)
            }
            Self::Committed { rows, columns } => {
                if columns.end > rows.width || !(1..=2 * MAX_WIDTH).contains(&rows.width) {
                    return Err(StatementError::Columns {
                        start: columns.start,
                        end: columns.end,
                        width: rows.width,
                    }
                    .into());
                }
                VerifyError::check_shape(what, width, columns.len())?;
                match rows.num_rows() {
                    0 => Err(StatementError::NoRows.into()),
                    count => Ok(count),
                }
            }
        }
    }

    /// Binds the rows: a kind, and a hash of all that they are.
    pub(super) fn digest(&self) -> [u8; 32] {
        match self {
            Self::Public { width, values } => {
                let mut hash = Sha256::new_with_prefix(b"zktree-v1 public rows");
                hash.update((*width as u64).to_le_bytes());
                hash.update((values.len() as u64).to_le_bytes());
                for value in values.iter() {
                    hash.update(value.to_le_bytes());
                }
                hash.finalize().into()
            }
            Self::Committed { rows, columns } => {
                Sha256::new_with_prefix(b"zktree-v1 committed rows")
                    .chain_update((columns.start as u64).to_le_bytes())
                    .chain_update((columns.end as u64).to_le_bytes())
                    .chain_update(rows.digest())
                    .finalize()
                    .into()
            }
        }
    }
}

fn check_rows(width: usize, values: &[i64]) -> Result<(), VerifyError> {
    if values.is_empty() {
        return Err(StatementError::NoRows.into());
    }
    let whole = (1..=2 * MAX_WIDTH).contains(&width) && values.len().is_multiple_of(width);
    match whole {
        true => Ok(()),
        false => {
            let values = values.len();
            Err(StatementError::PartialRows { values, width }.into())
        }
    }
}

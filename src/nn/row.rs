//! Opening one row of a committed data set.
//!
//! A data set has one Pedersen commitment a row, each with its own blinding, so that its owner can
//! show that one row is in it and say nothing about the others. Who has a row's opening can show it
//! to others: it proves what is in the data, not who shows it.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]
use super::{DatasetCommitment, DatasetOpening};
use crate::{
    commit::{Curve, Generators, msm},
    error::{DataError, VerifyError},
    poly::WideField,
};
use ark_ff::PrimeField;
use zeroize::Zeroize;

/// A row's values and blinding.
#[derive(Clone, PartialEq, Eq)]
pub struct RowOpening<F: PrimeField> {
    /// Which row, from 0.
    pub row: usize,
    /// Its features, then its targets, with `s` fraction bits.
    pub values: Vec<i64>,
    /// The blinding of its commitment.
    pub blinding: F,
}

impl<F: PrimeField> Drop for RowOpening<F> {
    fn drop(&mut self) {
        self.values.zeroize();
        self.blinding.zeroize();
    }
}

/// The place only: the rest is for whom it is shown to.
impl<F: PrimeField> std::fmt::Debug for RowOpening<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowOpening(row {})", self.row)
    }
}

impl<F: PrimeField> DatasetOpening<F> {
    /// The opening of one row.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`].
    pub fn open_row(&self, row: usize) -> Result<RowOpening<F>, DataError> {
        let blinding = self.blindings().expose().get(row);
        let rows = self.dataset().num_rows();
        Ok(RowOpening {
            row,
            values: self.dataset().row(row).to_vec(),
            blinding: *blinding.ok_or(DataError::RowOutOfRange { row, rows })?,
        })
    }
}

impl<C: Curve<ScalarField: WideField>> DatasetCommitment<C> {
    /// Checks that a row of the data set has these values.
    ///
    /// # Errors
    /// [`VerifyError::Statement`] if no network has data of this shape; [`VerifyError::Shape`] if
    /// the data set has no such row or other columns;
    /// [`VerifyError::Opening`] if values and blinding do not open the commitment of this row.
    pub fn verify_row(&self, opening: &RowOpening<C::ScalarField>) -> Result<(), VerifyError> {
        self.check_columns()?;
        let row = self.rows().rows.get(opening.row);
        let commitment = row.ok_or(VerifyError::Shape {
            what: "rows of the data set, of which one is to be opened",
            expected: opening.row.saturating_add(1),
            got: self.num_rows(),
        })?;
        VerifyError::check_shape("columns of a row", self.width(), opening.values.len())?;
        let values: Vec<C::ScalarField> = opening.values.iter().map(|v| (*v).into()).collect();
        let gens = Generators::<C>::get(self.width().next_power_of_two(), 0);
        let opened = msm::full::<C>(gens.columns(), &values) + gens.blind(&opening.blinding);
        match opened.into_affine() == *commitment {
            true => Ok(()),
            false => Err(VerifyError::Opening),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StatementError;
    use crate::{Pallas, nn::Dataset};
    use ark_ff::Field;

    type Scalar = <Pallas as ark_ec::PrimeGroup>::ScalarField;

    #[test]
    fn shapes_that_no_network_has_are_refused() {
        let opening = RowOpening::<Scalar> {
            row: 0,
            values: vec![0],
            blinding: Scalar::ONE,
        };
        for (features, targets) in [(usize::MAX, 1), (1 << 63, 1 << 63), (0, 1), (1 << 17, 1)] {
            let rows = vec![Default::default()];
            let rows = crate::commit::RowCommitments { rows };
            let data = DatasetCommitment::<Pallas>::new(features, targets, rows);
            let error = data.verify_row(&opening).unwrap_err();
            assert_eq!(
                error,
                StatementError::DataColumns { features, targets }.into()
            );
        }
    }

    #[test]
    fn a_row_opens_and_nothing_else_does() {
        let values = (0..7 * 5).map(|x| x * 3 - 40).collect();
        let data = Dataset::from_rows(3, 2, values).unwrap();
        let data = DatasetOpening::<Scalar>::new(data, true, &mut rand::rngs::OsRng);
        let commitment = data.commit::<Pallas>();
        assert!(data.open_row(7).is_err());
        for row in 0..7 {
            let opening = data.open_row(row).unwrap();
            assert_eq!(opening.values, data.dataset().row(row));
            commitment.verify_row(&opening).unwrap();
            let refused = |change: &dyn Fn(&mut RowOpening<Scalar>)| {
                let mut forged = opening.clone();
                change(&mut forged);
                commitment.verify_row(&forged).unwrap_err()
            };
            for column in 0..5 {
                assert_eq!(refused(&|o| o.values[column] += 1), VerifyError::Opening);
                assert_eq!(
                    refused(&|o| o.values[column] = i64::MIN),
                    VerifyError::Opening
                );
            }
            assert_eq!(
                refused(&|o| o.blinding += Scalar::ONE),
                VerifyError::Opening
            );
            assert_eq!(refused(&|o| o.row = (row + 1) % 7), VerifyError::Opening);
            assert!(matches!(refused(&|o| o.row = 7), VerifyError::Shape { .. }));
            assert!(matches!(
                refused(&|o| o.row = usize::MAX),
                VerifyError::Shape { .. }
            ));
            assert!(matches!(
                refused(&|o| o.values.push(0)),
                VerifyError::Shape { .. }
            ));
            assert!(matches!(
                refused(&|o| o.values.truncate(4)),
                VerifyError::Shape { .. }
            ));
        }
    }
}

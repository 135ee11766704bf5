//! The claim that all values of a data set are in the range of data, made once for a data set.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
use super::{Claim, data_range::DataRange, describe};
use crate::{
    commit::{Curve, RowCommitments},
    error::{ProveError, StatementError, VerifyError},
    nn::{
        DatasetCommitment, DatasetOpening,
        argument::{Argument, Pending, Source},
        encoding::Encoder,
        fixed::MAX_TABLE_BITS,
        relation::{Values, count_multiplicities},
    },
    poly::WideField,
    security::Soundness,
};

/// "Every entry of a committed data set is in the signed range of so many bits."
pub(crate) struct DataClaim<'a, C: Curve> {
    dataset: &'a DatasetCommitment<C>,
    bits: u32,
    hiding: bool,
    pub(crate) range: DataRange<C::ScalarField>,
    argument: Argument<C::ScalarField>,
}

impl<'a, C: Curve<ScalarField: WideField>> DataClaim<'a, C> {
    /// # Errors
    /// [`VerifyError::Statement`] if no network has data of this shape, or no format this range.
    pub(crate) fn new(
        dataset: &'a DatasetCommitment<C>,
        bits: u32,
        hiding: bool,
    ) -> Result<Self, VerifyError> {
        dataset.check_columns()?;
        if !(2..=MAX_TABLE_BITS).contains(&bits) {
            let max = MAX_TABLE_BITS;
            return Err(StatementError::DataRangeBits { bits, max }.into());
        }
        let range = DataRange::new(dataset.num_rows(), dataset.width(), bits);
        let committed = std::slice::from_ref(range.multiplicities());
        let mut argument = describe(range.relation(), committed, hiding);
        let matrix = argument.known_matrix(dataset.layout());
        argument.input(range.data(), Source::Matrix(matrix));
        Ok(Self {
            dataset,
            bits,
            hiding,
            range,
            argument,
        })
    }
}

impl<C: Curve<ScalarField: WideField>> Claim<C> for DataClaim<'_, C> {
    fn name(&self) -> String {
        "data range".to_string()
    }

    fn statement(&self) -> Vec<u8> {
        Encoder::new("zktree/v1/data-range")
            .string(C::NAME)
            .hash(&self.dataset.root())
            .number(u64::from(self.bits))
            .flag(self.hiding)
            .finish()
    }

    fn argument(&self) -> &Argument<C::ScalarField> {
        &self.argument
    }

    fn known(&self) -> Vec<&RowCommitments<C>> {
        vec![self.dataset.rows()]
    }
}

/// Proves that every entry of a data set is in the signed range of `bits` bits.
///
/// # Errors
/// [`ProveError::NotInTable`] if one is not; [`ProveError::Statement`] for a shape or a range that
/// no network has.
pub fn prove_dataset<C: Curve<ScalarField: WideField>>(
    dataset: &DatasetOpening<C::ScalarField>,
    commitment: &DatasetCommitment<C>,
    bits: u32,
    hiding: bool,
) -> Result<Vec<u8>, ProveError> {
    let claim = DataClaim::new(commitment, bits, hiding)?;
    let matrix = dataset.matrix();
    let mut values = Values::new();
    values.insert(claim.range.data(), matrix.values.clone());
    count_multiplicities(claim.range.relation(), &mut values)?;
    claim.prove(&values, &[matrix], true)
}

/// Verifies a proof of [`prove_dataset`] but for the group equation of the returned [`Pending`].
///
/// # Errors
/// [`VerifyError`].
pub fn verify_dataset<C: Curve<ScalarField: WideField>>(
    commitment: &DatasetCommitment<C>,
    bits: u32,
    hiding: bool,
    proof: &[u8],
) -> Result<Pending<C>, VerifyError> {
    DataClaim::new(commitment, bits, hiding)?.verify(proof)
}

/// The soundness of a proof of [`prove_dataset`]. Needs no proof.
///
/// # Errors
/// [`VerifyError::Statement`] for a shape or a range that no network has.
pub fn dataset_soundness<C: Curve<ScalarField: WideField>>(
    commitment: &DatasetCommitment<C>,
    bits: u32,
    hiding: bool,
) -> Result<Soundness, VerifyError> {
    DataClaim::new(commitment, bits, hiding)?.soundness()
}

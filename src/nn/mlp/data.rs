//! The range of a data set's entries.
use super::{Builder, Committed, Extent, TableKind};
use crate::{
    check::Check,
    nn::{
        FixedPoint,
        relation::{Relation, TensorId},
    },
    poly::{WideField, num_vars},
};
use std::sync::Arc;

/// The relation "every entry of a data set is in its range".
///
/// The tensor has one row a data row, columns fastest. Padded rows are the identity; padded
/// columns may hold anything in range, and no gather reads them.
pub struct DataRange<F> {
    relation: Arc<Relation<F>>,
    data: TensorId,
    multiplicities: Committed,
}

impl<F: WideField> DataRange<F> {
    /// For a data set of `rows` rows of `width` entries of `bits` bits, signed.
    pub fn new(rows: usize, width: usize, bits: u32) -> Self {
        // No positions and no layers: only the tables of the builder are used.
        let extent = Extent { batch: 1, steps: 1 };
        let (mut builder, _) = Builder::new(&FixedPoint::compact(), &[], extent, &[]);
        let data = builder
            .relation
            .input("data", &[num_vars(width), num_vars(rows)]);
        builder.lookup(Check::DataRange, TableKind::Signed(bits), &[data]);
        let multiplicities = builder.multiplicities[0].clone();
        let (relation, _) = builder.finish();
        Self {
            relation,
            data,
            multiplicities,
        }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// The data set.
    pub fn data(&self) -> TensorId {
        self.data
    }

    /// The multiplicities to commit.
    pub fn multiplicities(&self) -> &Committed {
        &self.multiplicities
    }
}

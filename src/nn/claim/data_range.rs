//! The range of a data set's entries.
use crate::{
    check::Check,
    gkr::table::Signed,
    nn::relation::{Committed, Relation, TensorId},
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
        let mut relation = Relation::new();
        let data = relation.input("data", &[num_vars(width), num_vars(rows)]);
        let num_vars = bits as usize;
        let tensor = relation.input("uses of the range", &[num_vars]);
        let table = relation.table(Arc::new(Signed { bits: num_vars }), tensor);
        relation.lookup(Check::DataRange.name(), table, &[data]);
        Self {
            relation: Arc::new(relation),
            data,
            multiplicities: Committed {
                tensor,
                num_vars,
                real: std::iter::once(0..1 << num_vars).collect(),
            },
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

//! How often the lookups of a relation use each entry of its tables.
use super::{Kind, Relation, TensorId, Values};
use crate::{error::ProveError, gkr::fractional, poly::WideField};
use std::sync::Arc;

/// The columns of a tuple of tensors.
type Columns = Vec<Arc<Vec<i64>>>;

/// The values of the tensors of each lookup, public ones too, up to the last that is not zero.
pub(super) fn columns<F: WideField>(relation: &Relation<F>, values: &Values) -> Vec<Columns> {
    let public = |id: &TensorId| match relation.tensors.get(id.0).map(|t| (&t.kind, &t.dims)) {
        Some((Kind::Public(public), dims)) => {
            let mut values = public.values(dims);
            let end = values.iter().rposition(|value| *value != 0);
            values.truncate(end.map_or(0, |last| last + 1));
            Arc::new(values)
        }
        _ => Arc::default(),
    };
    // What a prover says of a public tensor comes first: it may be a lie.
    let of = |id: &TensorId| values.get(id).cloned().unwrap_or_else(|| public(id));
    let lookups = relation.lookups.iter();
    lookups
        .map(|(_, tensors)| tensors.iter().map(of).collect())
        .collect()
}

/// Fills in how often each table entry is used by the lookups of a relation.
///
/// # Errors
/// [`ProveError::NotInTable`] if a looked-up tuple is in no table, naming its tensor.
pub fn count_multiplicities<F: WideField>(
    relation: &Relation<F>,
    values: &mut Values,
) -> Result<(), ProveError> {
    let shape = relation.lookup_shape()?;
    let columns = columns(relation, values);
    let counts = fractional::count_multiplicities(&shape, &columns).map_err(|error| {
        let tensor = relation
            .lookups
            .get(error.lookup)
            .and_then(|(_, tensors)| tensors.first());
        let tensor = tensor
            .map(|id| relation.name(*id).to_string())
            .unwrap_or_default();
        ProveError::NotInTable {
            tensor,
            position: error.position,
            values: error.tuple,
        }
    })?;
    for ((_, id), count) in relation.tables.iter().zip(counts) {
        values.insert(*id, Arc::new(count));
    }
    Ok(())
}

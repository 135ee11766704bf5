//! How often the lookups of a relation use each entry of its tables.
use super::{Relation, TensorId, Values};
use crate::{error::ProveError, gkr::fractional, poly::WideField};
use std::sync::Arc;

/// Fills in how often each table entry is used by the lookups of a relation.
///
/// # Errors
/// [`ProveError::NotInTable`] if a looked-up tuple is in no table, naming its tensor.
pub fn count_multiplicities<F: WideField>(
    relation: &Relation<F>,
    values: &mut Values,
) -> Result<(), ProveError> {
    let shape = relation.lookup_shape()?;
    let of = |id: &TensorId| values.get(id).cloned().unwrap_or_default();
    let columns: Vec<Vec<_>> = relation
        .lookups
        .iter()
        .map(|(_, tensors)| tensors.iter().map(of).collect())
        .collect();
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

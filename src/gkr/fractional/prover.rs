//! The prover of the lookup argument.
use super::{
    Fingerprint, LookupEvaluations, LookupShape, NotInTable, half,
    layer::{Batching, LayerProver, Segment},
    leaves::{self, Sums},
};
use crate::{
    gkr::table::LookupTable,
    poly::{self, Fraction, WideField, parallel},
    sumcheck,
    transcript::{Challenger, ProverChannel},
};
use ark_ff::PrimeField;
use std::{ops::Range, sync::Arc};

/// Proves that all tuples are in their tables. `columns` has, for each lookup, its components,
/// all of `2^m` values or less (the tail is zero); `multiplicities` has for each table what
/// [`super::count_multiplicities`] counts.
///
/// The channel must have absorbed the commitments to all of them. A proof of a false claim is
/// produced without complaint, and refused.
///
/// # Panics
/// If numbers or lengths of columns do not fit the shape.
pub fn prove<F: WideField>(
    shape: &LookupShape<F>,
    columns: &[Vec<Arc<Vec<i64>>>],
    multiplicities: &[Arc<Vec<i64>>],
    channel: &mut ProverChannel<F>,
) -> LookupEvaluations<F> {
    check_columns(shape, columns);
    assert_eq!(multiplicities.len(), shape.tables.len());
    let fingerprint = Fingerprint::draw(shape, channel);
    let leaves = leaves::stack(shape, &fingerprint, columns, multiplicities);
    let sums = Sums::new(&leaves);
    let mut layers = leaves::add_layers(shape.num_vars, &sums);
    let root = match (layers.last(), shape.num_vars) {
        (Some(root), _) => root[0],
        (None, 0) => leaves.first().map_or(Fraction::zero(), |b| b.fraction(0)),
        (None, _) => {
            let mut root = [Fraction::zero()];
            sums.read(0, &mut root);
            root[0]
        }
    };
    channel.send("lookup root", &root.d);

    let mut claim = FractionClaim {
        point: Vec::new(),
        numerator: F::ZERO,
        denominator: root.d,
    };
    let mut spare = layers.pop().unwrap_or_default();
    while let Some(layer) = layers.pop() {
        (claim, spare) = prove_layer(claim, channel, |batching| {
            vec![batching.segment(layer, std::mem::take(&mut spare))]
        });
    }
    if shape.num_vars > 1 {
        (claim, spare) = prove_layer(claim, channel, |_| vec![Segment::Sums(&sums, spare)]);
    }
    drop(spare);
    if shape.num_vars > 0 {
        let segments = |batching: &_| leaves.iter().map(|b| b.segment(batching)).collect();
        (claim, _) = prove_layer(claim, channel, segments);
    }
    drop(leaves);
    evaluate_columns(claim.point, columns, multiplicities, shape, channel)
}

/// Sends the values of all columns at the point of the leaves.
fn evaluate_columns<F: WideField>(
    point: Vec<F>,
    columns: &[Vec<Arc<Vec<i64>>>],
    multiplicities: &[Arc<Vec<i64>>],
    shape: &LookupShape<F>,
    channel: &mut ProverChannel<F>,
) -> LookupEvaluations<F> {
    let evaluate = |column: &Vec<i64>, num_vars| poly::int::evaluate(column, &point[..num_vars]);
    let columns: Vec<Vec<F>> = columns
        .iter()
        .zip(&shape.lookups)
        .map(|(tuple, (_, m))| tuple.iter().map(|c| evaluate(c, *m)).collect())
        .collect();
    let multiplicities: Vec<F> = multiplicities
        .iter()
        .zip(&shape.tables)
        .map(|(column, table)| evaluate(column, table.num_vars()))
        .collect();
    for values in &columns {
        channel.send_all("lookup column", values);
    }
    channel.send_all("lookup multiplicity", &multiplicities);
    LookupEvaluations {
        point,
        columns,
        multiplicities,
    }
}

fn check_columns<F: PrimeField>(shape: &LookupShape<F>, columns: &[Vec<Arc<Vec<i64>>>]) {
    assert_eq!(columns.len(), shape.lookups.len(), "number of lookups");
    for (i, (tuple, (_, num_vars))) in columns.iter().zip(&shape.lookups).enumerate() {
        assert_eq!(tuple.len(), shape.arity(i), "components of lookup {i}");
        assert!(
            tuple.iter().all(|c| c.len() <= 1 << num_vars),
            "lookup {i} has more than 2^{num_vars} values"
        );
    }
}

/// See [`super::count_multiplicities`].
pub(super) fn count_multiplicities<F: PrimeField>(
    shape: &LookupShape<F>,
    columns: &[Vec<Arc<Vec<i64>>>],
) -> Result<Vec<Vec<i64>>, NotInTable> {
    check_columns(shape, columns);
    let mut counts: Vec<Vec<i64>> = shape
        .tables
        .iter()
        .map(|t| vec![0; 1 << t.num_vars()])
        .collect();
    for (lookup, (tuple, (table, num_vars))) in columns.iter().zip(&shape.lookups).enumerate() {
        let total = 1usize << num_vars;
        let stored = tuple.iter().map(|c| c.len()).max().unwrap_or(0);
        let part = stored
            .div_ceil(8)
            .max(1 << 16)
            .max(1 << num_vars.div_ceil(2));
        let parts = parallel::map(stored.div_ceil(part), part, |k| {
            let range = k * part..((k + 1) * part).min(stored);
            count(&*shape.tables[*table], tuple, range)
        });
        let tail = parts.into_iter().try_for_each(|part| {
            let part = part?;
            counts[*table]
                .iter_mut()
                .zip(part)
                .for_each(|(c, k)| *c += k);
            Ok(())
        });
        let zero = vec![0; tuple.len()];
        tail.and_then(|()| match shape.tables[*table].index(&zero) {
            Some(index) => {
                counts[*table][index] += (total - stored) as i64;
                Ok(())
            }
            None if stored == total => Ok(()),
            None => Err((stored, zero)),
        })
        .map_err(|(position, tuple)| NotInTable {
            lookup,
            position,
            tuple,
        })?;
    }
    Ok(counts)
}

/// How often each entry of a table occurs in a range of positions, or the first tuple that is
/// not in the table.
fn count<F: PrimeField>(
    table: &dyn LookupTable<F>,
    columns: &[Arc<Vec<i64>>],
    range: Range<usize>,
) -> Result<Vec<i64>, (usize, Vec<i64>)> {
    let mut counts = vec![0; 1 << table.num_vars()];
    let mut tuple = vec![0; columns.len()];
    for position in range {
        for (v, column) in tuple.iter_mut().zip(columns) {
            *v = column.get(position).copied().unwrap_or(0);
        }
        match table.index(&tuple) {
            Some(index) => counts[index] += 1,
            None => return Err((position, tuple)),
        }
    }
    Ok(counts)
}

struct FractionClaim<F> {
    point: Vec<F>,
    numerator: F,
    denominator: F,
}

/// From a layer to the one below, whose columns `segments` gives once the batching challenge is
/// known. Returns a used buffer too.
fn prove_layer<'a, F: WideField>(
    claim: FractionClaim<F>,
    channel: &mut ProverChannel<F>,
    segments: impl FnOnce(&Batching<F>) -> Vec<Segment<'a, F>>,
) -> (FractionClaim<F>, Vec<Fraction<F>>) {
    let lambda: F = channel.challenge("lookup lambda", 1);
    let batching = Batching::new(lambda);
    let segments = segments(&batching);
    let mut prover = LayerProver::new(&claim.point, batching, segments);
    let sum = claim.numerator + lambda * claim.denominator;
    let (point, _) = sumcheck::prove(&mut prover, sum, channel);
    let ([a, b], spare) = prover.finish();
    channel.send_all("lookup gate", &[a.n, b.n, a.d, b.d]);
    let rho: F = channel.challenge("lookup rho", 1);
    let denominator = a.d + rho * (b.d - a.d);
    let next = FractionClaim {
        point: [vec![rho], point].concat(),
        numerator: a.n + rho * (b.n - a.n) - half(lambda) * denominator,
        denominator,
    };
    (next, spare)
}

//! The verifier of the lookup argument.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]
use super::{Fingerprint, Kind, LookupShape, half};
use crate::{
    check::Check,
    error::{Locate, StatementError, VerifyError},
    poly::eq_eval,
    sumcheck,
    transcript::{Challenger, Expr, VerifierChannel},
};
use ark_ff::PrimeField;

/// What is left to check: each looked-up column and each multiplicity column, of `m` variables,
/// has the given value at the first `m` coordinates of `point`.
#[must_use = "the values of the looked-up columns and of the multiplicities are unchecked"]
#[derive(Debug, Clone)]
pub struct LookupClaims<F> {
    /// The point of the stack, of [`LookupShape::num_vars`] coordinates.
    pub point: Vec<F>,
    /// For each lookup, the values of its components at the prefix of the lookup's size.
    pub columns: Vec<Vec<Expr<F>>>,
    /// For each table, the value of its multiplicities at the prefix of the table's size.
    pub multiplicities: Vec<Expr<F>>,
}

/// Claims on numerator and denominator of a layer of the tree.
struct FractionClaim<F> {
    point: Vec<F>,
    numerator: Expr<F>,
    denominator: Expr<F>,
}

/// Reduces the claim that all tuples of `shape` are in their tables to claims on the columns.
///
/// The channel must have absorbed the commitments to all columns and multiplicities. Unchecked
/// are the returned claims.
///
/// # Errors
/// If the proof is cut or malformed, or a check fails.
pub fn verify<F: PrimeField>(
    shape: &LookupShape<F>,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<LookupClaims<F>, VerifyError> {
    let fingerprint = Fingerprint::draw(shape, channel);
    let denominator = channel.receive("lookup root")?;
    channel.assert_nonzero(&denominator, Check::LookupRoot.name())?;
    let mut claim = FractionClaim {
        point: Vec::new(),
        numerator: Expr::zero(),
        denominator,
    };
    for layer in 0..shape.num_vars {
        claim = verify_layer(claim, channel).located(|| format!("lookup tree, layer {layer}"))?;
    }
    verify_leaves(shape, &fingerprint, claim, channel).located(|| "lookup tree, leaves".into())
}

/// From a layer to the one below, which has one variable more.
fn verify_layer<F: PrimeField>(
    claim: FractionClaim<F>,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<FractionClaim<F>, VerifyError> {
    let lambda: F = channel.challenge("lookup lambda", 1);
    let sum = claim.numerator.plus(lambda, &claim.denominator);
    let reduced = sumcheck::verify(sum, claim.point.len(), 3, channel)?;
    // Equation 33, with n' = n + (lambda / 2) d.
    let n_0 = channel.receive("lookup gate")?;
    let n_1 = channel.receive("lookup gate")?;
    let d_0 = channel.receive("lookup gate")?;
    let d_1 = channel.receive("lookup gate")?;
    let gate = channel.multiply(&n_0, &d_1)?;
    let gate = gate.plus(F::ONE, &channel.multiply(&n_1, &d_0)?);
    let eq = eq_eval(&claim.point, &reduced.point);
    channel.assert_equal(&reduced.value, &gate.times(eq), Check::LookupGate.name())?;
    // Equation 34.
    let rho: F = channel.challenge("lookup rho", 1);
    let denominator = join(rho, &d_0, &d_1);
    let numerator = join(rho, &n_0, &n_1).plus(-half(lambda), &denominator);
    let mut point = vec![rho];
    point.extend(reduced.point);
    Ok(FractionClaim {
        point,
        numerator,
        denominator,
    })
}

/// `a + rho (b - a)`.
fn join<F: PrimeField>(rho: F, a: &Expr<F>, b: &Expr<F>) -> Expr<F> {
    a.times(F::ONE - rho).plus(rho, b)
}

/// The claims on the leaves, by what the leaves are: equation 35.
fn verify_leaves<F: PrimeField>(
    shape: &LookupShape<F>,
    fingerprint: &Fingerprint<F>,
    claim: FractionClaim<F>,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<LookupClaims<F>, VerifyError> {
    let columns = (0..shape.lookups.len())
        .map(|lookup| channel.receive_all("lookup column", shape.arity(lookup)))
        .collect::<Result<Vec<_>, _>>()?;
    let multiplicities = channel.receive_all("lookup multiplicity", shape.tables.len())?;

    let (mut numerator, mut denominator) = (Vec::new(), Vec::new());
    // What is known of the two: of padding, a fraction of zero by one.
    let (mut ones, mut shifts, mut padding) = (F::ZERO, F::ZERO, F::ONE);
    for block in &shape.blocks {
        let selector = block.selector(&claim.point);
        padding -= selector;
        match block.kind {
            Kind::Lookup(i) => {
                let lookup = shape.lookups.get(i).zip(columns.get(i));
                let ((table, _), components) = lookup.ok_or_else(|| missing("lookup", i))?;
                shifts += selector * fingerprint.shift(*table);
                let components = fingerprint.powers.iter().zip(components);
                denominator.extend(components.map(|(power, c)| (-selector * power, c)));
                ones += selector;
            }
            Kind::Table(i) => {
                let table = shape.tables.get(i).zip(multiplicities.get(i));
                let (table, multiplicity) = table.ok_or_else(|| missing("table", i))?;
                let low: Vec<F> = claim.point.iter().take(block.num_vars).copied().collect();
                let components = table.evaluate(&low);
                if components.len() != table.arity() {
                    return Err(missing("a component of table", i));
                }
                let entry: F = components
                    .iter()
                    .zip(&fingerprint.powers)
                    .map(|(component, power)| *component * power)
                    .sum();
                shifts += selector * (fingerprint.shift(i) - entry);
                numerator.push((-selector, multiplicity));
            }
        }
    }
    let sum = |known: F, parts| Expr::combination(parts).plus(F::ONE, &Expr::known(known));
    let (numerator, denominator) = (sum(ones, numerator), sum(shifts + padding, denominator));
    channel.assert_equal(&claim.numerator, &numerator, Check::LookupNumerators.name())?;
    channel.assert_equal(
        &claim.denominator,
        &denominator,
        Check::LookupDenominators.name(),
    )?;
    Ok(LookupClaims {
        point: claim.point,
        columns,
        multiplicities,
    })
}

/// The shape contradicts itself: a defect of a user's table.
fn missing(what: &'static str, index: usize) -> VerifyError {
    StatementError::Missing { what, index }.into()
}

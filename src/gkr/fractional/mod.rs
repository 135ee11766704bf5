//! LogUp-GKR: every tuple of some columns stands in its table [Papini-Haböck 2023/1284].
//!
//! Equations 30 to 35 of [`notes`](crate::notes).
//!
//! **Relation.** A [`LookupShape`] lists tables and lookups. Lookup $\ell$ names a table
//! $t(\ell)$ and has one column of $2^m$ small integers for each component of its entries. The claim is that at
//! every position the tuple of components is an entry of the table. The prover also has, for each
//! table, the column of *multiplicities*: how often each entry is looked up.
//!
//! With challenges $\alpha, \beta$ drawn after all these columns are committed, a tuple is
//! compressed to $f = \sum_j \beta^j c_j + \beta^J (t + 1)$, where $J$ is the largest arity: every
//! component and the table's number have a power of $\beta$ of their own. Then
//! $$ \sum_\ell \sum_x \frac{1}{\alpha - f_\ell(x)} - \sum_t \sum_y \frac{\mu_t(y)}{\alpha - f_t(y)} = 0, $$
//! with $\mu_t$ the multiplicities.
//!
//! **The tree.** All columns are stacked, largest first (at equal size lookups before tables, each
//! in the order of the shape), into one column of $2^n$ fractions; what is left is padding
//! $0/1$. So every column starts at a multiple of its size and is selected by $\mathrm{eq}$ of the high
//! variables. A binary tree adds neighbours $2x$ and $2x + 1$:
//! $N = n_0 d_1 + n_1 d_0$, $D = d_0 d_1$.
//!
//! **Prover.** The root's numerator is zero; its denominator is sent. For each layer, claims
//! $(N, D)$ at a point $r$ are batched by a fresh $\lambda$ and with $n^{\prime} = n + \frac{\lambda}{2} d$
//! $$ N + \lambda D = \sum_x \mathrm{eq}(r, x) \left( n_0^{\prime}(x) d_1(x) + n_1^{\prime}(x) d_0(x) \right), $$
//! a sumcheck of degree 3. It sends $n_0^{\prime}, n_1^{\prime}, d_0, d_1$ at the sumcheck's point; one more
//! challenge joins the two halves to claims on the layer below. At the leaves it sends the values
//! of all columns. Columns are read as the integers they are: leaves of one component, where
//! numerators are 1 and a product of denominators is $\alpha^2 - \alpha(x_0+x_1) + x_0 x_1$, are
//! never stored as field elements, and padding is never stored at all.
//!
//! **Verifier.** Checks each sumcheck and gate (two products of received scalars a layer) and, at
//! the leaves, that the two claims are the combination of the columns' values, of the tables'
//! extensions and of the padding. What it returns is unchecked: [`LookupClaims`].
//!
//! **Soundness.** With $2^n$ leaves and arity at most $J$, a false claim on committed columns
//! ends in true claims with probability at most $(2^n J + \frac{3}{2} n^2 + 2 n) / |F|$. If a tuple is in
//! no table, it is a pole of the sum above that nothing cancels (there are fewer than $|F|$
//! leaves), so the root's numerator is a polynomial in $\alpha, \beta$ that is not zero, of degree
//! below $2^n J$; the rest is for the sumchecks, the $\lambda$ and the joining challenges. This does
//! not need the root's denominator. Where it is a number, zero is refused all the same; where it is
//! masked it is not tested and must not be revealed, being a function of the columns.
//!
//! **Departures.** The paper has one table and batches columns in the leaf; here columns of all
//! sizes and several tables share one tree. $\lambda / 2$ is shared by the two numerators, so that
//! a layer has two products instead of three.
//!
//! **References.** \[Papini-Haböck 2023/1284\] LogUp and GKR; \[Haböck 2022/1530\] logarithmic
//! derivatives; \[Gruen 2024/108\] the sumcheck with $\mathrm{eq}$ factored out.
//!
//! # To learn it
//!
//! `tests/teaching/logup.rs` in the repository has the sum and the tree from scratch, and a cheat who
//! knows the challenges beforehand; `examples/03_lookup.rs` looks up a rectifier. The identity at the
//! centre, with numbers: 5, 7, 7 looked up in the table of 5, 6, 7.
//!
//! ```
//! use ark_ff::Field;
//! use ark_pallas::Fr;
//!
//! let alpha = Fr::from(1000);
//! let term = |value: i64| (alpha - Fr::from(value)).inverse().unwrap();
//! let lookups = term(5) + term(7) + term(7);
//! assert_eq!(lookups, Fr::from(1) * term(5) + Fr::from(0) * term(6) + Fr::from(2) * term(7));
//! ```
mod layer;
mod leaves;
mod prover;
mod verifier;

#[cfg(test)]
pub(crate) mod cheats;
#[cfg(test)]
mod tests;

pub use prover::prove;
pub use verifier::{LookupClaims, verify};

use super::table::LookupTable;
use crate::{
    error::{StatementError, VerifyError},
    transcript::Challenger,
};
use ark_ff::PrimeField;
use std::{cmp::Reverse, sync::Arc};
use thiserror::Error;

/// The public part of a lookup argument: tables, and which columns are looked up where.
#[derive(Clone)]
pub struct LookupShape<F> {
    lookups: Vec<(usize, usize)>,
    tables: Vec<Arc<dyn LookupTable<F>>>,
    blocks: Vec<Block>,
    num_vars: usize,
}

/// A column of the stack.
#[derive(Debug, Clone, Copy)]
struct Block {
    kind: Kind,
    num_vars: usize,
    /// Index of its first leaf, a multiple of its size.
    offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Lookup(usize),
    Table(usize),
}

impl<F: PrimeField> LookupShape<F> {
    /// Lookups are pairs `(index of the table, number of variables of the columns)`.
    ///
    /// # Errors
    /// If a lookup names no table, a table has more than 32 variables or no component, or all
    /// columns together have more than `2^40` entries.
    pub fn new(
        lookups: Vec<(usize, usize)>,
        tables: Vec<Arc<dyn LookupTable<F>>>,
    ) -> Result<Self, VerifyError> {
        const MAX_VARS: usize = 40;
        for (i, (table, num_vars)) in lookups.iter().enumerate() {
            if *table >= tables.len() {
                return Err(StatementError::LookupTable {
                    lookup: i,
                    table: *table,
                    tables: tables.len(),
                }
                .into());
            }
            if *num_vars > MAX_VARS {
                return Err(StatementError::LookupVars {
                    lookup: i,
                    num_vars: *num_vars,
                    max: MAX_VARS,
                }
                .into());
            }
        }
        for (i, table) in tables.iter().enumerate() {
            if table.num_vars() > 32 || table.arity() == 0 {
                return Err(StatementError::TableShape {
                    table: i,
                    num_vars: table.num_vars(),
                    arity: table.arity(),
                }
                .into());
            }
        }
        let (blocks, len) = stack(&lookups, &tables);
        if len > 1 << MAX_VARS {
            return Err(StatementError::LookupEntries { max_vars: MAX_VARS }.into());
        }
        Ok(Self {
            lookups,
            tables,
            blocks,
            num_vars: crate::poly::num_vars(len),
        })
    }

    /// Table and number of variables of each lookup.
    pub fn lookups(&self) -> &[(usize, usize)] {
        &self.lookups
    }

    /// The tables.
    pub fn tables(&self) -> &[Arc<dyn LookupTable<F>>] {
        &self.tables
    }

    /// Number of variables of the stack of all columns, and of the point of the claims.
    pub fn num_vars(&self) -> usize {
        self.num_vars
    }

    /// Number of looked-up positions.
    pub fn num_lookups(&self) -> usize {
        self.lookups.iter().map(|(_, m)| 1usize << m).sum()
    }

    /// Number of components of the tuples of a lookup; 0 if there is no such lookup.
    fn arity(&self, lookup: usize) -> usize {
        let table = self.lookups.get(lookup).and_then(|l| self.tables.get(l.0));
        table.map_or(0, |t| t.arity())
    }

    /// Binds the challenges to the shape.
    fn absorb(&self, channel: &mut impl Challenger<F>) {
        let mut bytes = Vec::with_capacity(16 * (self.lookups.len() + 1));
        bytes.extend((self.tables.len() as u64).to_le_bytes());
        for (table, num_vars) in &self.lookups {
            bytes.extend((*table as u64).to_le_bytes());
            bytes.extend((*num_vars as u64).to_le_bytes());
        }
        channel.absorb("lookup shape", &bytes);
        for table in &self.tables {
            channel.absorb("lookup table", &table.id());
        }
    }
}

/// Stacks all columns, largest first. Saturates where the length overflows.
fn stack<F: PrimeField>(
    lookups: &[(usize, usize)],
    tables: &[Arc<dyn LookupTable<F>>],
) -> (Vec<Block>, usize) {
    let lookups = lookups.iter().map(|(_, num_vars)| *num_vars);
    let lookups = lookups.enumerate().map(|(i, m)| (Kind::Lookup(i), m));
    let tables = tables.iter().map(|t| t.num_vars());
    let tables = tables.enumerate().map(|(i, m)| (Kind::Table(i), m));
    let mut columns: Vec<(Kind, usize)> = lookups.chain(tables).collect();
    columns.sort_by_key(|(kind, num_vars)| (Reverse(*num_vars), *kind));
    let mut offset = 0usize;
    let blocks = columns
        .into_iter()
        .map(|(kind, num_vars)| {
            let block = Block {
                kind,
                num_vars,
                offset,
            };
            offset = offset.saturating_add(1 << num_vars);
            block
        })
        .collect();
    (blocks, offset)
}

impl Block {
    /// The selector of the block at a point of the stack: `eq` of the high variables.
    fn selector<F: PrimeField>(&self, point: &[F]) -> F {
        (self.num_vars..)
            .zip(point.iter().skip(self.num_vars))
            .map(|(k, x)| {
                if self.offset >> k & 1 == 1 {
                    *x
                } else {
                    F::ONE - x
                }
            })
            .product()
    }
}

/// How tuples are compressed.
struct Fingerprint<F> {
    alpha: F,
    /// `beta^0 .. beta^(J-1)`.
    powers: Vec<F>,
    /// `beta^J`, the weight of the table's number.
    table_weight: F,
}

impl<F: PrimeField> Fingerprint<F> {
    /// Absorbs the shape and draws the challenges, on both sides.
    fn draw(shape: &LookupShape<F>, channel: &mut impl Challenger<F>) -> Self {
        shape.absorb(channel);
        let arity = shape.tables.iter().map(|t| t.arity()).max().unwrap_or(0);
        // Equation 31, times all denominators, is a polynomial of this degree in the two together.
        let leaves = 1u64.checked_shl(shape.num_vars as u32).unwrap_or(u64::MAX);
        let degree = leaves.saturating_mul(arity as u64);
        let alpha = channel.challenge("lookup alpha", degree);
        let beta: F = channel.challenge("lookup beta", 0);
        let mut powers = Vec::with_capacity(arity);
        let mut power = F::ONE;
        for _ in 0..arity {
            powers.push(power);
            power *= beta;
        }
        Self {
            alpha,
            powers,
            table_weight: power,
        }
    }

    /// `alpha - beta^J (t + 1)`: the denominator of the all-zero tuple of table `t`.
    fn shift(&self, table: usize) -> F {
        self.alpha - self.table_weight * F::from(table as u64 + 1)
    }
}

/// `x / 2`; no prime field here has characteristic 2.
fn half<F: PrimeField>(x: F) -> F {
    F::from(2u64).inverse().unwrap_or_default() * x
}

/// What the prover's end of the argument leaves: true values of all columns at prefixes of
/// `point`, in the order and with the meaning of [`LookupClaims`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupEvaluations<F> {
    /// The point of the stack.
    pub point: Vec<F>,
    /// For each lookup, the values of its components.
    pub columns: Vec<Vec<F>>,
    /// For each table, the value of its multiplicities.
    pub multiplicities: Vec<F>,
}

/// A tuple that is not in its table: no proof exists.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("lookup {lookup}: the tuple {tuple:?} at position {position} is not in the table")]
pub struct NotInTable {
    /// Index of the lookup.
    pub lookup: usize,
    /// The first position that is out of range.
    pub position: usize,
    /// The values there.
    pub tuple: Vec<i64>,
}

/// Counts how often each entry of each table is looked up, at all `2^m` positions of each lookup
/// (tails that are not stored are zero).
///
/// # Errors
/// If a tuple is not in its table.
///
/// # Panics
/// If `columns` does not have the shape's numbers of lookups and components, or a column is longer
/// than its number of variables allows.
pub fn count_multiplicities<F: PrimeField>(
    shape: &LookupShape<F>,
    columns: &[Vec<Arc<Vec<i64>>>],
) -> Result<Vec<Vec<i64>>, NotInTable> {
    prover::count_multiplicities(shape, columns)
}

//! # Chapter 4: lookups (LogUp)
//!
//! **Relation.** Every value `f_0, f_1, ..` of a column stands in a table `t_0, t_1, ..`. Ranges,
//! rectifiers and roundings are all of this kind: what is not arithmetic is looked up.
//!
//! **Prover.** Counts how often each entry is looked up, the *multiplicities* `m_j`, and commits to
//! them with the column. Only then comes a challenge `a`. It proves
//!
//! ```text
//! sum_i 1 / (a - f_i)  -  sum_j m_j / (a - t_j)  =  0.
//! ```
//!
//! **Verifier.** Adds fractions in a binary tree, `n_0/d_0 + n_1/d_1 = (n_0 d_1 + n_1 d_0) / (d_0 d_1)`.
//! That is a layered circuit with one kind of gate, so the sum is proven layer by layer as in chapter
//! 3: the numerator at the root is zero, and what is left are claims on the column and on the
//! multiplicities at one point. It never sees either, and the table it evaluates in closed form.
//!
//! **Soundness.** As a function of `a` each `f_i` outside of the table is a pole, and no `m_j` can
//! cancel it. Put over one denominator, the sum over `k` different poles has a numerator of degree at
//! most `k - 1`, which is not zero; so it vanishes for at most `k - 1` of all challenges. A cheat has
//! the multiplicities to choose, any field elements, and reaches this: with `T` entries and one wrong
//! value there are `k = T + 1` poles, and [`forged`] multiplicities balance the sum at any `T`
//! challenges that the cheat likes. That is why `a` must come last, and why it is enough.
//! (The number of equal values must be below the characteristic, or they add up to zero.)
//!
//! **Tuples** are looked up by a second challenge: `y + b s` for a pair `(y, s)`. A tuple that is in
//! no table collides with an entry with probability `1 / |S|` for each.
//!
//! **Try.** Draw `a` before the multiplicities are chosen, in the library too. Look up one wrong
//! value in two columns with one table. How would you prove that two columns are permutations of
//! each other?
use super::{element, grid, uniform};
use ark_ff::{AdditiveGroup, Field};
use ark_pallas::Fr;
use proptest::{collection::vec, prelude::*};
use std::sync::Arc;
use zktree::{
    gkr::{
        LookupTable, Relu, Unsigned,
        fractional::{self, LookupShape, count_multiplicities},
    },
    poly::{self, Fraction, int},
    transcript::{Challenger, ProverChannel, VerifierChannel},
};

const BITS: usize = 3;
/// The table of this chapter: `0, 1, .., 7`.
const ENTRIES: u64 = 1 << BITS;

/// The left side, as it stands above. Nothing at a pole.
fn balance(column: &[Fr], multiplicities: &[Fr], a: Fr) -> Option<Fr> {
    let term = |value: Fr| (a - value).inverse();
    let lookups: Option<Fr> = column.iter().map(|f| term(*f)).sum();
    let entries = (0..ENTRIES).zip(multiplicities);
    let table: Option<Fr> = entries.map(|(t, m)| Some(*m * term(Fr::from(t))?)).sum();
    Some(lookups? - table?)
}

fn count(column: &[u64]) -> Vec<Fr> {
    let occurrences = |t| column.iter().filter(|f| **f == t).count() as u64;
    (0..ENTRIES).map(|t| Fr::from(occurrences(t))).collect()
}

/// Multiplicities for `column` and one wrong value, such that the sum is zero at all `challenges`, as
/// many as there are entries.
///
/// The sum for the wrong value `w` alone is made equal to
/// `c prod_i (a - a_i) / ((a - w) prod_j (a - t_j))`. By partial fractions the residue at `w` is 1 for
/// the right `c`, and minus that at `t_j` is the multiplicity.
fn forged(column: &[u64], wrong: Fr, challenges: &[Fr]) -> Vec<Fr> {
    let table: Vec<Fr> = (0..ENTRIES).map(Fr::from).collect();
    let zeros = |x: Fr| challenges.iter().map(|a| x - a).product::<Fr>();
    let others = |x: Fr| {
        table
            .iter()
            .filter(|t| **t != x)
            .map(|t| x - t)
            .product::<Fr>()
    };
    let c = others(wrong) / zeros(wrong);
    let residues = table
        .iter()
        .map(|t| c * zeros(*t) / ((*t - wrong) * others(*t)));
    count(column)
        .into_iter()
        .zip(residues)
        .map(|(m, residue)| m - residue)
        .collect()
}

/// The tree: neighbours are added until one fraction is left.
fn root(mut layer: Vec<Fraction<Fr>>) -> Fraction<Fr> {
    while layer.len() > 1 {
        let gates = layer.chunks(2).map(|pair| match pair {
            [a, b] => Fraction {
                n: a.n * b.d + b.n * a.d,
                d: a.d * b.d,
            },
            rest => rest[0],
        });
        layer = gates.collect();
    }
    layer[0]
}

/// Whether the library proves that all tuples of one lookup of `2^num_vars` are in the table: what
/// it leaves are claims, checked here against the columns.
fn library_accepts(
    table: impl LookupTable<Fr> + 'static,
    num_vars: usize,
    proven: &[Vec<i64>],
    multiplicities: &[i64],
    committed: &[Vec<i64>],
) -> bool {
    let shape = LookupShape::new(vec![(0, num_vars)], vec![Arc::new(table)]).unwrap();
    // What commitments do in a proof: the columns are in the transcript before challenges are drawn.
    let commitment = format!("{committed:?} {multiplicities:?}");
    let mut channel = ProverChannel::new(b"teaching", b"");
    channel.absorb("columns", commitment.as_bytes());
    let proven = proven
        .iter()
        .map(|column| Arc::new(column.clone()))
        .collect();
    let counts = Arc::new(multiplicities.to_vec());
    fractional::prove(&shape, &[proven], &[counts], &mut channel);
    let proof = channel.finish();

    let mut channel = VerifierChannel::new(b"teaching", b"", &proof);
    channel.absorb("columns", commitment.as_bytes());
    let Ok(claims) = fractional::verify(&shape, &mut channel) else {
        return false;
    };
    // The error as the library counts it: the sum as a polynomial in the challenges, and for each of
    // `n` layers of the tree a sumcheck of degree 3 and two claims made one twice.
    let (n, arity) = (shape.num_vars() as u128, committed.len() as u128);
    let bound = (arity << n) + 3 * n * n.saturating_sub(1) / 2 + 2 * n;
    assert_eq!(
        channel.errors().values().map(|(_, sum)| sum).sum::<u128>(),
        bound
    );
    let bits = poly::num_vars(multiplicities.len());
    let mut columns = committed.iter().zip(&claims.columns[0]);
    channel.finish().is_ok()
        && columns.all(|(c, v)| int::evaluate(c, &claims.point[..num_vars]) == v.constant())
        && int::evaluate(multiplicities, &claims.point[..bits])
            == claims.multiplicities[0].constant()
}

/// A column of the table's values.
fn columns() -> impl Strategy<Value = Vec<u64>> {
    vec(0..ENTRIES, 1..20)
}

proptest! {
    /// Honest multiplicities balance the sum at every challenge that is not a pole, and the tree
    /// adds it up: the numerator at its root is zero.
    #[test]
    fn counts_balance_the_sum_for_every_challenge(column in columns(), a in uniform()) {
        let values: Vec<Fr> = column.iter().map(|f| Fr::from(*f)).collect();
        let multiplicities = count(&column);
        for a in (0..30).map(Fr::from).chain([a]) {
            let is_pole = (0..ENTRIES).any(|t| Fr::from(t) == a);
            prop_assert!(is_pole || balance(&values, &multiplicities, a) == Some(Fr::ZERO));
        }
        let lookups = values.iter().map(|f| Fraction { n: Fr::ONE, d: a - f });
        let entries = (0..ENTRIES).zip(&multiplicities);
        let entries = entries.map(|(t, m)| Fraction { n: -*m, d: a - Fr::from(t) });
        let sum = root(lookups.chain(entries).collect());
        prop_assert!(sum.n == Fr::ZERO && sum.d != Fr::ZERO);
    }

    /// The tree is the sum, whether that is zero or not.
    #[test]
    fn the_root_of_the_tree_is_the_sum(
        values in vec(element(), 1..9),
        multiplicities in vec(element(), ENTRIES as usize),
        a in uniform(),
    ) {
        let lookups = values.iter().map(|f| Fraction { n: Fr::ONE, d: a - f });
        let entries = (0..ENTRIES).zip(&multiplicities);
        let entries = entries.map(|(t, m)| Fraction { n: -*m, d: a - Fr::from(t) });
        let sum = root(lookups.chain(entries).collect());
        prop_assert_eq!(balance(&values, &multiplicities, a), Some(sum.n / sum.d));
    }

    /// One value outside: the best cheat balances the sum at as many challenges as the table has
    /// entries, those that it chose beforehand, and at no other.
    #[test]
    fn a_wrong_value_passes_for_no_more_challenges_than_the_bound_allows(
        column in columns(),
        wrong in 0u64..20,
        first in 50u64..100,
    ) {
        let wrong = Fr::from(ENTRIES + wrong);
        let chosen: Vec<Fr> = (0..ENTRIES).map(|i| Fr::from(first + 7 * i)).collect();
        let multiplicities = forged(&column, wrong, &chosen);
        let values: Vec<Fr> = column.iter().map(|f| Fr::from(*f)).chain([wrong]).collect();
        let wins = grid(200, 1).map(|coin| coin[0]);
        let wins = wins.filter(|a| balance(&values, &multiplicities, *a) == Some(Fr::ZERO));
        prop_assert_eq!(wins.collect::<Vec<_>>(), chosen);
    }

    /// The library counts and proves true lookups; it refuses a wrong value whatever the
    /// multiplicities, and a proof about other values than those committed.
    #[test]
    fn the_library_proves_lookups_and_no_wrong_value(
        column in columns(),
        place: prop::sample::Index,
        wrong in prop_oneof![-9i64..0, ENTRIES as i64..20, Just(i64::MAX), Just(i64::MIN)],
        forged in vec(-9i64..9, ENTRIES as usize),
    ) {
        let table = Unsigned { bits: BITS };
        let values: Vec<i64> = column.iter().map(|f| *f as i64).collect();
        let num_vars = poly::num_vars(values.len());
        let shape = LookupShape::<Fr>::new(vec![(0, num_vars)], vec![Arc::new(table)]).unwrap();
        let count = |column: &[i64]| count_multiplicities(&shape, &[vec![Arc::new(column.to_vec())]]);
        let counts = count(&values).unwrap().remove(0);
        let honest = [values.clone()];
        prop_assert!(library_accepts(table, num_vars, &honest, &counts, &honest));

        let mut altered = values.clone();
        altered[place.index(values.len())] = wrong;
        prop_assert!(count(&altered).is_err());
        let altered = [altered];
        for multiplicities in [&counts, &forged] {
            prop_assert!(!library_accepts(table, num_vars, &altered, multiplicities, &altered));
        }
        prop_assert!(!library_accepts(table, num_vars, &honest, &counts, &altered));
    }

    /// Pairs `(y, [y > 0])`: the sign of one value is told wrong, everything else is right.
    #[test]
    fn a_rectifier_cannot_lie_about_a_sign(
        values in vec(-8i64..8, 1..9),
        place: prop::sample::Index,
    ) {
        let table = Relu { bits: 4 };
        let signs: Vec<i64> = values.iter().map(|y| i64::from(*y > 0)).collect();
        let num_vars = poly::num_vars(values.len());
        let shape = LookupShape::<Fr>::new(vec![(0, num_vars)], vec![Arc::new(table)]).unwrap();
        let columns = [values.clone(), signs.clone()];
        let shared = columns.clone().map(Arc::new).to_vec();
        let counts = count_multiplicities(&shape, &[shared]).unwrap().remove(0);
        prop_assert!(library_accepts(table, num_vars, &columns, &counts, &columns));

        let (mut signs, place) = (signs, place.index(values.len()));
        signs[place] = 1 - signs[place];
        let lie = [values, signs];
        prop_assert!(!library_accepts(table, num_vars, &lie, &counts, &lie));
    }
}

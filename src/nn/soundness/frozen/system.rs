//! False scalars, by solving the verifier's checks for them.
use super::*;
use crate::transcript::{Expr, Mask};
use ark_ff::{AdditiveGroup, Field};
use std::collections::{BTreeMap, BTreeSet};

/// Solutions of `rows * x = 0` with `x[0] = 1` and few other entries that are not zero.
fn solve(mut rows: Vec<Vec<F>>, num_vars: usize) -> Option<Vec<F>> {
    let mut pivots = Vec::new();
    for column in 1..num_vars {
        let used = pivots.len();
        let Some(found) = (used..rows.len()).find(|r| rows[*r][column] != F::ZERO) else {
            continue;
        };
        rows.swap(used, found);
        let inverse = rows[used][column].inverse().unwrap();
        rows[used].iter_mut().for_each(|x| *x *= inverse);
        let pivot = rows[used].clone();
        for (r, row) in rows.iter_mut().enumerate() {
            let factor = row[column];
            if r != used && factor != F::ZERO {
                row.iter_mut()
                    .zip(&pivot)
                    .for_each(|(x, p)| *x -= factor * p);
            }
        }
        pivots.push(column);
    }
    // Behind the pivots only the first column is left, and must be zero.
    if rows[pivots.len()..].iter().any(|row| row[0] != F::ZERO) {
        return None;
    }
    let mut x = vec![F::ZERO; num_vars];
    x[0] = F::ONE;
    for (row, column) in rows.iter().zip(pivots) {
        x[column] = -row[0];
    }
    Some(x)
}

#[test]
fn systems_are_solved() {
    let f = |x: i64| F::from(x);
    // x_0 + 2 x_1 = 0 and x_1 + x_2 = 0.
    let rows = vec![vec![f(1), f(2), f(0)], vec![f(0), f(1), f(1)]];
    let half = f(2).inverse().unwrap();
    assert_eq!(solve(rows, 3), Some(vec![f(1), -half, half]));
    assert_eq!(solve(vec![vec![f(1), f(0)]], 2), None);
}

/// The coefficient of what is added to scalar `k`, which is minus its pad.
fn coefficient(expr: &Expr<F>, k: usize) -> F {
    let terms = expr.terms();
    match terms.binary_search_by_key(&Mask::Pad(k), |(mask, _)| *mask) {
        Ok(at) => -terms[at].1,
        Err(_) => F::ZERO,
    }
}

/// For each scalar that the reductions send, a false proof with that scalar altered, and others so
/// that every check holds for the challenges drawn.
#[test]
fn every_scalar_is_false_only_if_frozen() {
    let honest = Honest::new(false);
    let checks = honest
        .scene
        .parts()
        .argument
        .checks::<C>(&honest.statement(), &honest.proof)
        .unwrap();
    let mut equations: Vec<&Expr<F>> = checks.constraints.iter().map(|c| &c.expr).collect();
    equations.push(&checks.folded.value);
    let scalars: Vec<&Message> = honest
        .messages
        .iter()
        .filter(|m| !m.point)
        .take(checks.plan.num_pads)
        .collect();
    let mut partners: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (p, q) in &checks.plan.products {
        partners.entry(*p).or_default().insert(*q);
        partners.entry(*q).or_default().insert(*p);
    }
    let mut forged: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for target in 0..scalars.len() {
        let [done, all] = forged.entry(&scalars[target].label).or_default();
        *all += 1;
        // Every 5th of those that there are many of.
        if *all > 4 && *all % 5 > 0 {
            continue;
        }
        // The target first, then what is sent behind it, then the rest; of two factors of one product
        // only one.
        let mut altered: Vec<usize> = Vec::new();
        for k in (target..scalars.len()).chain(0..target) {
            let conflict = |j: &usize| partners.get(&k).is_some_and(|p| p.contains(j));
            if !altered.iter().any(conflict) && !conflict(&k) {
                altered.push(k);
            }
        }
        let row = |expr: &&Expr<F>| altered.iter().map(|k| coefficient(expr, *k)).collect();
        let Some(changes) = solve(equations.iter().map(row).collect(), altered.len()) else {
            continue;
        };
        let mut proof = honest.proof.clone();
        for (k, change) in altered.iter().zip(changes) {
            add_scalar(&mut proof, scalars[*k], change);
        }
        honest.only_if_frozen(proof, &scalars[target].label);
        *done += 1;
    }
    println!("forged if frozen, of scalars: {forged:?}");
    let families = [
        "lookup root",
        "lookup gate",
        "lookup column",
        "lookup multiplicity",
        "sumcheck round",
        "evaluation",
    ];
    for family in families {
        assert!(forged[family][0] > 0, "{family}");
    }
    assert_eq!(forged.len(), families.len(), "a family is not attacked");
}

//! # Chapter 1: multilinear extensions
//!
//! **Relation.** A table `X` of `2^n` values is a function on the vertices of the cube `{0,1}^n`:
//! vertex `x = (x_0, .., x_(n-1))` belongs to index `x_0 + 2 x_1 + 4 x_2 + ..`. There is exactly one
//! polynomial in `n` variables that agrees with the table on all vertices and has degree at most 1
//! in each variable, its *multilinear extension*
//!
//! ```text
//! X~(r) = sum_x X(x) eq(r, x),    eq(r, x) = prod_k (r_k x_k + (1 - r_k)(1 - x_k)).
//! ```
//!
//! `eq(., x)` is 1 at the vertex `x` and 0 at all others, so the sum has the right values; and two
//! multilinear polynomials with the same values on the cube are the same, because a difference that
//! vanishes at `x_k = 0` and at `x_k = 1` is a line with two zeros, in each variable in turn.
//!
//! **Prover and verifier.** There is no protocol yet, but the one move that all later ones are made
//! of. Two tables of a million entries are to be compared. Instead of reading both, a verifier
//! draws a random point `r`, with coordinates from the whole field and not only 0 and 1, and
//! compares `X~(r)` with `Y~(r)`: one field element each. A *claim* in this library is such an
//! equation, `X~(r) = v`, about a table that the verifier has not got.
//!
//! **Soundness** [Schwartz, Zippel]. If the tables differ anywhere, even in one entry, then for
//! coordinates drawn from a set `S`
//!
//! ```text
//! Pr[X~(r) = Y~(r)] <= n / |S|.
//! ```
//!
//! One variable at a time: `D = X~ - Y~` is not zero, so it is `a + b r_(n-1)` with polynomials `a`
//! and `b` in the other variables that are not both zero. By induction they vanish together at no
//! more than `(n-1)/|S|` of the other coordinates; where they do not, one value of `r_(n-1)` at most
//! is a zero. With the field for `S` and 40 variables that is `40 / 2^254`. The last test counts, and
//! shows tables that nearly reach the bound.
//!
//! **Try.** Print `X~` of a table with a single 1. Take `grid(2, n)` for `S`: how often do two tables
//! that differ in one entry agree, and why is the bound then worth nothing? Evaluate with
//! `poly::evaluate` a table whose tail of zeros is cut off.
use super::{grid, table, uniform};
use ark_ff::{AdditiveGroup, Field};
use ark_pallas::Fr;
use proptest::{collection::vec, prelude::*};
use zktree::poly;

/// `eq(r, x)` as it stands above.
fn eq(r: &[Fr], x: &[Fr]) -> Fr {
    let factors = r.iter().zip(x);
    factors
        .map(|(r, x)| *r * x + (Fr::ONE - r) * (Fr::ONE - x))
        .product()
}

/// `X~(r)` as it stands above: `2^n` terms of `n` factors.
pub fn extension(values: &[Fr], r: &[Fr]) -> Fr {
    let terms = values.iter().zip(grid(2, r.len()));
    terms.map(|(value, x)| *value * eq(r, &x)).sum()
}

/// A table, a point, and the index of a coordinate.
fn tables_and_points() -> impl Strategy<Value = (Vec<Fr>, Vec<Fr>, usize)> {
    (1usize..6).prop_flat_map(|n| (table(n), vec(uniform(), n), 0..n))
}

proptest! {
    /// The library binds one variable after the other, `T'(y) = T(0, y) + r_0 (T(1, y) - T(0, y))`:
    /// `2^n` multiplications instead of `n 2^n`.
    #[test]
    fn folding_evaluates_the_definition((values, r, _) in tables_and_points()) {
        let expected = extension(&values, &r);
        prop_assert_eq!(poly::evaluate(&values, &r), expected);
        prop_assert_eq!(poly::inner_product(&values, &poly::eq_evals(&r)), expected);
        for (value, x) in values.iter().zip(grid(2, r.len())) {
            prop_assert_eq!(poly::evaluate(&values, &x), *value);
        }
    }

    /// Degree 1: along each axis the extension is the line through its values at 0 and 1.
    #[test]
    fn an_extension_is_a_line_along_each_axis((values, r, axis) in tables_and_points()) {
        let [at_0, at_1] = [Fr::ZERO, Fr::ONE].map(|end| {
            let mut moved = r.clone();
            moved[axis] = end;
            extension(&values, &moved)
        });
        prop_assert_eq!(extension(&values, &r), at_0 + r[axis] * (at_1 - at_0));
    }

    /// Whoever swaps one table for another is found at a random point.
    #[test]
    fn different_tables_differ_at_a_random_point(
        (values, r, _) in tables_and_points(),
        place: prop::sample::Index,
        change in 1u64..,
    ) {
        let mut swapped = values.clone();
        swapped[place.index(values.len())] += Fr::from(change);
        prop_assert_ne!(poly::evaluate(&values, &r), poly::evaluate(&swapped, &r));
    }

    /// The bound, counted. A cheat who may choose the difference of the tables takes
    /// `prod_k (r_k - c_k)`: it vanishes wherever a coordinate hits, at
    /// `|S|^n - (|S| - 1)^n` points, which for large `|S|` is nearly `n |S|^(n-1)`.
    #[test]
    fn tables_agree_on_no_more_of_a_grid_than_schwartz_and_zippel_allow(
        (values, chosen, n) in (1usize..4).prop_flat_map(|n| (table(n), vec(0usize..5, n), Just(n))),
    ) {
        const SIZE: usize = 5;
        let exponent = n as u32;
        let bound = n * SIZE.pow(exponent - 1);
        let zeros = |difference: &[Fr]| {
            grid(SIZE, n).filter(|r| extension(difference, r) == Fr::ZERO).count()
        };
        if values.iter().any(|v| *v != Fr::ZERO) {
            prop_assert!(zeros(&values) <= bound);
        }
        let best: Vec<Fr> = grid(2, n)
            .map(|x| x.iter().zip(&chosen).map(|(x, c)| *x - Fr::from(*c as u64)).product())
            .collect();
        prop_assert_eq!(zeros(&best), SIZE.pow(exponent) - (SIZE - 1).pow(exponent));
        prop_assert!(zeros(&best) <= bound);
    }
}

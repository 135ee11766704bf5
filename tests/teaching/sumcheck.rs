//! # Chapter 2: sumcheck
//!
//! **Relation.** `sum_x g(x) = v` over all `2^n` vertices `x` of the cube, for a polynomial `g` of
//! degree at most `d` in each of its `n` variables. Here `g = A~ B~` for two tables, so `d = 2` and
//! the sum is their inner product; everything that the library proves ends in such sums.
//!
//! **Prover.** In round `k`, with the coins `r_0, .., r_(k-1)` of the rounds before, it sends the
//! polynomial in one variable that is left when all later variables are summed over,
//!
//! ```text
//! g_k(X) = sum over x_(k+1), .., x_(n-1) of g(r_0, .., r_(k-1), X, x_(k+1), ..),
//! ```
//!
//! here by its values at 0, 1 and 2. Bound variables never come back: a fold halves both tables in
//! each round, so all rounds together cost `O(2^n)`.
//!
//! **Verifier.** Holds a value `v_0 = v`. In each round it checks `g_k(0) + g_k(1) = v_k`, tosses a
//! coin `r_k`, and goes on with `v_(k+1) = g_k(r_k)`. After `n` rounds a sum of `2^n` terms has become
//! one claim, `g(r) = v_n`, which it checks by itself or hands on. It did `O(n d)` work.
//!
//! **Soundness.** A false claim survives with probability at most `n d / |S|` for coins from `S`. If
//! `v_k` is wrong, the true `g_k` fails the check, so the prover must send another polynomial. Two
//! polynomials of degree `d` agree at no more than `d` places: unless the coin is one of them,
//! `v_(k+1)` is wrong too. So in each of `n` rounds a lie turns true with probability at most
//! `d / |S|`, and if it never does, the last claim is false.
//!
//! **The best cheat** reaches this. It adds to the true `g_k` an error that has the missing amount
//! as its sum over 0 and 1 and is zero at `d` places of `S`, 2 and 3 say: `e (X - 2)(X - 3) / 8`. It
//! wins when some coin is 2 or 3, for `|S|^n - (|S| - d)^n` of all coins. [`Liar`] tells the same lie
//! to the library's verifier, with coins from a hash.
//!
//! **Try.** Let the verifier toss `r_k` before it asks for `g_k`: the cheat always wins. Prove
//! `sum_x A~ B~ C~`. Let the prover send 4 values instead of 3: what does the cheat win?
use super::{grid, mle::extension, table, uniform};
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_pallas::Fr;
use ark_serialize::CanonicalSerialize;
use proptest::{collection::vec, prelude::*};
use zktree::{
    poly,
    sumcheck::{self, Product, RoundPoly, RoundProver, SumOfProducts, Table},
    transcript::{Expr, ProverChannel, VerifierChannel},
};

/// A polynomial of degree 2, by its values at 0, 1 and 2.
type Round = [Fr; 3];

/// Its coefficients: `c_2` is half the second difference.
fn coefficients([at_0, at_1, at_2]: Round) -> [Fr; 3] {
    let c_2 = (at_2 - at_1.double() + at_0) / Fr::from(2u64);
    [at_0, at_1 - at_0 - c_2, c_2]
}

fn evaluate(round: Round, x: Fr) -> Fr {
    let [c_0, c_1, c_2] = coefficients(round);
    c_0 + x * (c_1 + x * c_2)
}

/// The honest prover, who has seen the coins of all earlier rounds.
fn honest(tables: &[Vec<Fr>; 2], coins: &[Fr]) -> Round {
    let [a, b] = tables.each_ref().map(|values| {
        coins.iter().fold(values.clone(), |values, r| {
            let pairs = values.chunks(2);
            pairs
                .map(|pair| pair[0] + *r * (pair[1] - pair[0]))
                .collect()
        })
    });
    [0u64, 1, 2].map(|x| {
        let at = |pair: &[Fr]| pair[0] + Fr::from(x) * (pair[1] - pair[0]);
        let pairs = a.chunks(2).zip(b.chunks(2));
        pairs.map(|(a, b)| at(a) * at(b)).sum()
    })
}

/// The verifier. It asks `prover` for one round after the other and shows it the coins only then.
/// Returns `v_n`, or nothing if a check fails.
fn verify(claim: Fr, coins: &[Fr], prover: impl Fn(&[Fr]) -> Round) -> Option<Fr> {
    let mut value = claim;
    for (k, r) in coins.iter().enumerate() {
        let round = prover(&coins[..k]);
        if round[0] + round[1] != value {
            return None;
        }
        value = evaluate(round, *r);
    }
    Some(value)
}

/// The whole decision, by a verifier who knows the tables.
fn accepts(
    tables: &[Vec<Fr>; 2],
    claim: Fr,
    coins: &[Fr],
    prover: impl Fn(&[Fr]) -> Round,
) -> bool {
    let [a, b] = tables.each_ref().map(|values| extension(values, coins));
    verify(claim, coins, prover) == Some(a * b)
}

/// What `(X - 2)(X - 3) / 8` is: 1 when summed over 0 and 1, and 0 at 2 and at 3.
fn lie(x: Fr) -> Fr {
    (x - Fr::from(2u64)) * (x - Fr::from(3u64)) / Fr::from(8u64)
}

/// The best cheat: the sum claimed is too large by `error`.
fn cheat(tables: &[Vec<Fr>; 2], error: Fr, coins: &[Fr]) -> Round {
    let missing = error * coins.iter().map(|r| lie(*r)).product::<Fr>();
    let truth = honest(tables, coins);
    [0u64, 1, 2].map(|x| truth[x as usize] + missing * lie(Fr::from(x)))
}

/// The best cheat, for the library: wraps its prover.
struct Liar {
    truth: SumOfProducts<Fr>,
    missing: Fr,
}

impl RoundProver<Fr> for Liar {
    fn num_vars(&self) -> usize {
        self.truth.num_vars()
    }

    fn degree(&self) -> usize {
        self.truth.degree()
    }

    fn round_poly(&mut self, claim: Fr) -> RoundPoly<Fr> {
        let RoundPoly(truth) = self.truth.round_poly(claim - self.missing);
        let lie = coefficients([0u64, 1, 2].map(|x| self.missing * lie(Fr::from(x))));
        RoundPoly(truth.iter().zip(lie).map(|(c, l)| *c + l).collect())
    }

    fn bind(&mut self, challenge: Fr) {
        self.truth.bind(challenge);
        self.missing *= lie(challenge);
    }
}

/// The library's prover for `sum_x A(x) B(x)`.
fn library([a, b]: &[Vec<Fr>; 2]) -> SumOfProducts<Fr> {
    let num_vars = poly::num_vars(a.len());
    let product = Product {
        coefficient: Fr::ONE,
        factors: vec![0, 1],
        num_vars,
    };
    let tables = vec![Table::Field(a.clone()), Table::Field(b.clone())];
    SumOfProducts::new(num_vars, tables, vec![product])
}

fn sum([a, b]: &[Vec<Fr>; 2]) -> Fr {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

/// Two tables, coins for their variables, and the size of a lie.
fn instances(max_vars: usize) -> impl Strategy<Value = ([Vec<Fr>; 2], Vec<Fr>, Fr)> {
    (1..=max_vars).prop_flat_map(|n| {
        let error = (1u64..).prop_map(Fr::from);
        ([table(n), table(n)], vec(uniform(), n), error)
    })
}

proptest! {
    /// With uniform coins the honest prover always wins, and the cheat never: it would with
    /// probability `2 n / |F|`.
    #[test]
    fn a_true_sum_is_accepted_and_a_false_one_is_not((tables, coins, error) in instances(5)) {
        let claim = sum(&tables);
        prop_assert!(accepts(&tables, claim, &coins, |coins| honest(&tables, coins)));
        prop_assert!(!accepts(&tables, claim + error, &coins, |coins| honest(&tables, coins)));
        prop_assert!(!accepts(&tables, claim + error, &coins, |c| cheat(&tables, error, c)));
    }

    /// All coins of a small set, counted: the cheat wins as often as the text says, within the bound.
    #[test]
    fn the_best_cheat_wins_for_as_many_coins_as_the_bound_allows(
        (tables, coins, error) in instances(3),
    ) {
        const SIZE: usize = 7;
        let (n, claim) = (coins.len(), sum(&tables) + error);
        let wins = grid(SIZE, n)
            .filter(|coins| accepts(&tables, claim, coins, |coins| cheat(&tables, error, coins)))
            .count();
        prop_assert_eq!(wins, SIZE.pow(n as u32) - (SIZE - 2).pow(n as u32));
        prop_assert!(wins <= 2 * n * SIZE.pow(n as u32 - 1));
    }

    /// The library sends the same polynomials. Its coins are hashes of what was sent, and of each
    /// round only `c_0` and `c_2` travel: `c_1` follows from `g_k(0) + g_k(1) = v_k`, so that there
    /// is nothing to check in a round, and all lies come out at the end.
    #[test]
    fn the_library_sends_the_same_rounds((tables, _, _) in instances(5)) {
        let claim = sum(&tables);
        let mut channel = ProverChannel::new(b"teaching", b"");
        let (coins, value) = sumcheck::prove(&mut library(&tables), claim, &mut channel);
        let proof = channel.finish();

        let mut expected = Vec::new();
        for k in 0..coins.len() {
            let [c_0, _, c_2] = coefficients(honest(&tables, &coins[..k]));
            [c_0, c_2].serialize_compressed(&mut expected).unwrap();
        }
        prop_assert_eq!(&proof, &expected);
        prop_assert_eq!(proof.len(), 2 * coins.len() * Fr::MODULUS_BIT_SIZE.div_ceil(8) as usize);
        prop_assert_eq!(verify(claim, &coins, |coins| honest(&tables, coins)), Some(value));

        let mut channel = VerifierChannel::new(b"teaching", b"", &proof);
        let left = sumcheck::verify(Expr::known(claim), coins.len(), 2, &mut channel).unwrap();
        // `n d`, as the library counts it.
        let rounds = coins.len() as u64;
        prop_assert_eq!(channel.errors()["sumcheck challenge"], (rounds, 2 * u128::from(rounds)));
        channel.finish().unwrap();
        prop_assert_eq!((left.point, left.value.constant()), (coins, value));
    }

    /// What the library's verifier returns is a claim, and after a lie a false one: whoever does
    /// not check it has verified nothing.
    #[test]
    fn a_lie_to_the_library_ends_in_a_false_claim((tables, coins, error) in instances(5)) {
        let claim = sum(&tables) + error;
        let mut channel = ProverChannel::new(b"teaching", b"");
        let mut liar = Liar { truth: library(&tables), missing: error };
        let _ = sumcheck::prove(&mut liar, claim, &mut channel);
        let proof = channel.finish();

        let mut channel = VerifierChannel::new(b"teaching", b"", &proof);
        let left = sumcheck::verify(Expr::known(claim), coins.len(), 2, &mut channel).unwrap();
        channel.finish().unwrap();
        let [a, b] = tables.each_ref().map(|values| poly::evaluate(values, &left.point));
        prop_assert_ne!(left.value.constant(), a * b);
    }
}

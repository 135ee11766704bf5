//! Counts of operations against counts by hand. One test: the counters are the process's.
//!
//! ```text
//! cargo test --features count --test count
//! ```
use ark_ff::UniformRand;
use rand::{SeedableRng, rngs::StdRng};
use std::sync::Arc;
use zktree::{
    Pallas,
    commit::{Generators, RowBlindings, hyrax, msm},
    count::{self, Counts},
    gkr::{
        fractional::{self, LookupShape},
        table::Unsigned,
    },
    poly::{self, SplitEq, int},
    sumcheck::{Product, RoundProver, SumOfProducts, Table},
    transcript::ProverChannel,
};

type Scalar = <Pallas as ark_ec::PrimeGroup>::ScalarField;

/// What is counted meanwhile.
fn counted<T>(work: impl FnOnce() -> T) -> (T, Counts) {
    let before = count::snapshot().unwrap();
    let result = work();
    (result, count::snapshot().unwrap() - before)
}

fn field(n: u64) -> Counts {
    Counts {
        field_multiplications: n,
        ..Counts::default()
    }
}

fn small(n: u64) -> Counts {
    Counts {
        small_multiply_accumulates: n,
        ..Counts::default()
    }
}

fn random(n: usize) -> Vec<Scalar> {
    let rng = &mut StdRng::seed_from_u64(n as u64);
    (0..n).map(|_| Scalar::rand(rng)).collect()
}

fn a_product(tables: Vec<Table<Scalar>>, num_vars: usize) -> SumOfProducts<Scalar> {
    let product = Product {
        coefficient: Scalar::from(1u64),
        factors: (0..tables.len()).collect(),
        num_vars,
    };
    SumOfProducts::new(num_vars, tables, vec![product])
}

#[test]
fn counts_are_those_by_hand() {
    tables();
    sumchecks();
    lookups();
    commitments();
    multi_scalar_multiplications();
}

fn tables() {
    // The first variable 1, the second 2, the third 4, ..
    let point = random(13);
    assert_eq!(counted(|| poly::eq_evals(&point)).1, field((1 << 13) - 1));
    // Two halves, of 6 and of 7 variables.
    let halves = counted(|| SplitEq::new(&point)).1;
    assert_eq!(halves, field((1 << 6) - 1 + (1 << 7) - 1));
    // Half of what is there, for each variable.
    let values = random(1 << 5);
    let evaluated = counted(|| poly::evaluate(&values, &point[..5])).1;
    assert_eq!(evaluated, field(16 + 8 + 4 + 2 + 1));

    // A fold takes each value once, whether vectors can do it (16 columns) or not (15).
    for width in [16, 15] {
        let values: Vec<i64> = (0..8 * width).collect();
        let (rows, columns) = (random(8), random(width as usize));
        let high = counted(|| int::fold_high(&values, width as usize, &rows)).1;
        assert_eq!(high, small(8 * width as u64));
        let low = counted(|| int::fold_low(&values, &columns)).1;
        assert_eq!(low, small(8 * width as u64));
    }
}

fn sumchecks() {
    let element = || Table::Field(random(1 << 12));
    let integer = || Table::Int(Arc::new((0..1 << 12).collect()));
    let challenge = random(1)[0];
    let pairs = 1 << 11;
    for (tables, round, bind) in [
        // At 0, and the slopes; then one for each entry left of each table.
        (
            vec![element(), element()],
            field(2 * pairs),
            field(2 * pairs),
        ),
        // At 0, at 2, and the slopes, two products each.
        (
            vec![element(), element(), element()],
            field(6 * pairs),
            field(3 * pairs),
        ),
        // Integers and an element: one at each of three places; then two for each entry left.
        (
            vec![integer(), element()],
            small(3 * pairs),
            Counts {
                field_multiplications: pairs,
                small_multiply_accumulates: 2 * pairs,
                ..Counts::default()
            },
        ),
    ] {
        let mut prover = a_product(tables, 12);
        assert_eq!(counted(|| prover.round_poly(challenge)).1, round);
        assert_eq!(counted(|| prover.bind(challenge)).1, bind);
    }
}

/// `m` looked-up integers: the tree has layers of `m / 2`, `m / 4`, .. fractions above its leaves, `m`
/// together. Each is added up from the one below (3 for each of its fractions, the first from
/// integers), batched (1), and reduced in rounds of 3/2 and 1 a fraction, halving (5 in all). The
/// first layer is not kept: its `m / 2` sums are made three times, and batched twice. The leaves themselves are integers for one round; then `m / 2` elements, in rounds of 1 and 1/2.
fn lookups() {
    const M: u64 = 1 << 14;
    let shape = LookupShape::new(vec![(0, 14)], vec![Arc::new(Unsigned { bits: 4 })]).unwrap();
    let column = Arc::new((0..M as i64).map(|x| x * x % 16).collect::<Vec<_>>());
    let columns = [vec![column]];
    let uses = fractional::count_multiplicities::<Scalar>(&shape, &columns).unwrap();
    let uses: Vec<_> = uses.into_iter().map(Arc::new).collect();
    let mut channel = ProverChannel::<Scalar>::new(b"test", b"");
    let counts = counted(|| fractional::prove(&shape, &columns, &uses, &mut channel)).1;
    let field = 3 * M / 2 + (M + M / 2) + 5 * M + 3 * M / 2;
    // Sums of neighbours, round and bind of the leaves, and the column's value at the point.
    let small = 3 * (3 * M / 2) + 3 * M / 4 + M + M;
    for (got, by_hand) in [
        (counts.field_multiplications, field),
        (counts.small_multiply_accumulates, small),
    ] {
        // The table, tables of `eq` and runs of their low halves come on top.
        let most = by_hand + by_hand / 20;
        assert!((by_hand..=most).contains(&got), "{got}, {by_hand} by hand");
    }
    assert_eq!(counts.group_additions, 0);
}

/// Of one-bit entries: the comb adds one point for ten, buckets at most one for each.
fn commitments() {
    const WIDTH: usize = 640;
    let additions = |rows: usize, generators: &Generators<Pallas>| {
        let row: Vec<i64> = (0..WIDTH).map(|i| i64::from(i % 3 == 0)).collect();
        let blindings = RowBlindings::zero(rows);
        let slices = vec![row.as_slice(); rows];
        let counts = counted(|| hyrax::commit_slices(generators, &slices, &blindings)).1;
        assert_eq!(counts.field_multiplications, 0);
        counts.group_additions as usize
    };
    let fresh = Generators::<Pallas>::new(WIDTH, 0);
    let buckets = additions(1, &fresh);
    // As many as there are ones, less one; for each of one-bit digits a doubling and an addition
    // in the end, and the (absent) blinding.
    assert!((WIDTH / 3..=WIDTH).contains(&buckets), "{buckets}");
    fresh.prepare(WIDTH);
    let rows = 64;
    let comb = additions(rows, &fresh);
    // 64 groups; one lane a row; a few for the sums of each row, and two scalar multiplications.
    let groups = WIDTH / 10;
    assert!(comb >= rows * (groups - 1), "{comb}");
    assert!(comb <= rows * (groups + 8) + 1000, "{comb}");
}

/// One for each digit that is not zero, and two a bucket at most.
fn multi_scalar_multiplications() {
    let generators = Generators::<Pallas>::new(256, 0);
    let scalars = random(256);
    let counts = counted(|| msm::full::<Pallas>(generators.columns(), &scalars)).1;
    assert_eq!(counts.field_multiplications, 0);
    // The cheapest digits of 256 terms have 5 to 7 bits.
    let windows = |bits: usize| 256usize.div_ceil(bits);
    let least = windows(7) * 200;
    let most = windows(5) * (256 + 64) + 2 * 260;
    let additions = counts.group_additions as usize;
    assert!((least..=most).contains(&additions), "{additions}");
}

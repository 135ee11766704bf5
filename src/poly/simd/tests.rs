//! Every kernel against the scalar arithmetic, on random elements and on those with limbs at their
//! ends.
use super::*;
use crate::poly::ProductAccumulator;
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, BigInt};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An element whose raw residue is random, next to 0 or p, or has limbs of 52 bits at their ends.
fn element<F: WideField>(rng: &mut ChaCha8Rng) -> F {
    let raw = |limbs: [u64; 4]| F::from_raw_wide(limbs, 0);
    match rng.gen_range(0..8) {
        0 => F::ZERO,
        1 => raw([1, 0, 0, 0]),
        2 => -raw([1, 0, 0, 0]),
        3 => F::ONE,
        4 => raw([u64::MAX; 4]),
        5 => raw([
            (1 << 52) - 1,
            1 << 40,
            u64::MAX << 28,
            0x0fff_ffff_ffff_ffff,
        ]),
        _ => F::rand(rng),
    }
}

fn elements_of<F: WideField>(rng: &mut ChaCha8Rng, n: usize) -> Vec<F> {
    (0..n).map(|_| element(rng)).collect()
}

fn fractions<F: WideField>(rng: &mut ChaCha8Rng, n: usize) -> Vec<Fraction<F>> {
    let mut fraction = || Fraction {
        n: element(rng),
        d: element(rng),
    };
    (0..n).map(|_| fraction()).collect()
}

/// Where there are vectors, kernels do all whole multiples of eight.
fn whole(n: usize) -> usize {
    if available() { n / 8 * 8 } else { 0 }
}

fn rounds<F: WideField>(seed: u64, n: usize) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (values, low) = (fractions::<F>(rng, 4 * n), elements_of::<F>(rng, n));
    let (done, sums) = fractions_round(&values, &low);
    assert_eq!(done, whole(n));
    let gate = |a: Fraction<F>, b: Fraction<F>| a.n * b.d + b.n * a.d;
    let minus = |a: Fraction<F>, b: Fraction<F>| Fraction {
        n: a.n - b.n,
        d: a.d - b.d,
    };
    let gates = values.chunks(4).zip(&low).take(done);
    let expected = gates.map(|(v, w)| {
        let slopes = gate(minus(v[2], v[0]), minus(v[3], v[1]));
        [*w * gate(v[0], v[1]), *w * slopes]
    });
    let expected = expected.fold([F::ZERO; 2], |s, x| [s[0] + x[0], s[1] + x[1]]);
    assert_eq!(sums, expected);

    let values = elements_of::<F>(rng, 4 * n);
    let (done, sums) = ones_round(&values, &low);
    assert_eq!(done, whole(n));
    let gates = values.chunks(4).zip(&low).take(done);
    let expected = gates
        .map(|(u, w)| [*w * u[0] * u[1], *w * (u[2] - u[0]) * (u[3] - u[1])])
        .fold([F::ZERO; 2], |s, x| [s[0] + x[0], s[1] + x[1]]);
    assert_eq!(sums, expected);
}

fn binds<F: WideField, const W: usize>(seed: u64, n: usize) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (values, r) = (elements_of::<F>(rng, 2 * n), element::<F>(rng));
    let mut out = vec![F::ZERO; n];
    let done = bind::<F, W>(&values, &r, &mut out);
    assert_eq!(done, whole(n));
    for (i, out) in out[..done].iter().enumerate() {
        let at = i / W * 2 * W + i % W;
        assert_eq!(*out, values[at] + r * (values[at + W] - values[at]));
        assert_eq!(out.raw(), (*out + F::ZERO).raw());
    }
}

fn additions<F: WideField>(seed: u64, n: usize) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (values, half_lambda) = (fractions::<F>(rng, 2 * n), element::<F>(rng));
    let mut out = vec![Fraction::zero(); n];
    let done = add_pairs(&values, &mut out);
    assert_eq!(done, whole(n));
    for (pair, out) in values.chunks(2).zip(&out[..done]) {
        assert_eq!(*out, pair[0].add(&pair[1]));
    }
    let mut batched = values.clone();
    let done = batch(&mut batched, &half_lambda);
    assert_eq!(done, whole(2 * n));
    for (old, new) in values.iter().zip(&batched[..done]) {
        assert_eq!(*new, old.batched(half_lambda));
    }
    assert_eq!(batched[done..], values[done..]);
}

fn small_numbers(rng: &mut ChaCha8Rng, n: usize) -> Vec<i64> {
    let end = (1 << 30) - 1;
    let mut number = || match rng.gen_range(0..5) {
        0 => 0,
        1 => end,
        2 => -end,
        3 => rng.gen_range(-3..3),
        _ => rng.gen_range(-end..=end),
    };
    (0..n).map(|_| number()).collect()
}

fn small<F: WideField>(seed: u64, n: usize) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (column, low) = (small_numbers(rng, 4 * n), elements_of::<F>(rng, n));
    let (done, sums) = small_round(&column, &low);
    assert_eq!(done, whole(n));
    let expected = column.chunks(4).zip(&low).take(done).map(|(x, w)| {
        let slopes = (x[2] - x[0]) * (x[3] - x[1]);
        [x[0] + x[1], x[0] * x[1], slopes].map(|v| F::from(v) * w)
    });
    let sum = |s: [F; 3], x: [F; 3]| [s[0] + x[0], s[1] + x[1], s[2] + x[2]];
    assert_eq!(sums, expected.fold([F::ZERO; 3], sum));

    let (shift, r) = (element::<F>(rng), element::<F>(rng));
    let mut out = vec![F::ZERO; 2 * n];
    let done = bind_small(&column, shift, r, &mut out);
    assert_eq!(done, whole(n));
    for (x, out) in column.chunks(4).zip(out.chunks(2)).take(done) {
        for c in 0..2 {
            assert_eq!(out[c], shift - F::from(x[c]) - r * F::from(x[c + 2] - x[c]));
        }
    }

    let mut out = vec![Fraction::zero(); 2 * n];
    let done = add_small_pairs(&column, shift, &mut out);
    assert_eq!(done, whole(2 * n));
    let leaf = |x: i64| Fraction {
        n: F::ONE,
        d: shift - F::from(x),
    };
    for (x, out) in column.chunks(2).zip(&out[..done]) {
        assert_eq!(*out, leaf(x[0]).add(&leaf(x[1])));
    }

    let columns: Vec<Vec<i64>> = (0..seed % 4).map(|_| small_numbers(rng, n)).collect();
    let factors = elements_of::<F>(rng, columns.len());
    let mut out = vec![F::ZERO; n];
    let slices: Vec<&[i64]> = columns.iter().map(Vec::as_slice).collect();
    let done = affine(&slices, shift, &factors, &mut out);
    assert_eq!(done, whole(n));
    for (i, out) in out[..done].iter().enumerate() {
        let terms = columns.iter().zip(&factors);
        let sum: F = terms.map(|(column, f)| F::from(column[i]) * f).sum();
        assert_eq!(*out, shift + sum);
    }
}

fn folds<F: WideField>(seed: u64, n: usize) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (low, high) = (-(1i64 << 51), (1i64 << 51) - 1);
    let width = 8 * (n % 6);
    let weights = elements_of::<F>(rng, width);
    let values: Vec<i64> = (0..n * width + n)
        .map(|_| match rng.gen_range(0..4) {
            0 => low,
            1 => high,
            _ => rng.gen_range(low..=high),
        })
        .collect();
    assert_eq!(foldable(&values), available());
    assert!(!foldable(&[low - 1]) && !foldable(&[0, high + 1]) && !foldable(&[i64::MIN]));
    let dot = |v: &mut dyn Iterator<Item = i64>| -> F {
        v.zip(&weights).map(|(v, w)| F::from(v) * w).sum()
    };
    let mut out = vec![F::ZERO; n];
    let done = fold_low(&values, &weights, &mut out);
    assert_eq!(done, if available() && width > 0 { n } else { 0 });
    for (row, out) in values.chunks(width.max(1)).zip(&out[..done]) {
        assert_eq!(*out, dot(&mut row.iter().copied()));
    }
    // As many rows as there are weights, from a column on.
    let (columns, start) = (values.len() / width.max(1), n % 3);
    let mut out = vec![F::ZERO; columns.saturating_sub(start)];
    let done = fold_high(&values, columns, start, &weights, &mut out);
    assert_eq!(done, if available() { out.len() / 32 * 32 } else { 0 });
    for (c, out) in out[..done].iter().enumerate() {
        let mut column = values.iter().skip(start + c).step_by(columns).copied();
        assert_eq!(*out, dot(&mut column));
    }
}

fn ints_at(n: usize) -> Vec<i64> {
    vec![1; 2 * n]
}

fn tables<F: WideField>(seed: u64, n: usize) {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let (a, b) = (
        elements_of::<F>(rng, 2 * n),
        elements_of::<F>(rng, 2 * n + 1),
    );
    let (done, sums) = product_round(&a, &b);
    assert_eq!(done, whole(n));
    let pairs = a.chunks(2).zip(b.chunks(2)).take(done);
    let expected = pairs
        .map(|(a, b)| [a[0] * b[0], (a[1] - a[0]) * (b[1] - b[0])])
        .fold([F::ZERO; 2], |s, x| [s[0] + x[0], s[1] + x[1]]);
    assert_eq!(sums, expected);

    let mut sum = a.clone();
    let factor = element::<F>(rng);
    let done = add_scaled(&mut sum, &factor, &b);
    assert_eq!(done, whole(2 * n));
    for (k, (sum, a)) in sum.iter().zip(&a).enumerate() {
        assert_eq!(*sum, if k < done { *a + factor * b[k] } else { *a });
    }

    let c = elements_of::<F>(rng, 2 * n);
    let (done, sums) = cubic_round([&a, &b, &c]);
    assert_eq!(done, whole(n));
    let three = |t: &[F]| [t[0], t[1].double() - t[0], t[1] - t[0]];
    let add = |s: [F; 3], x: [F; 3]| [s[0] + x[0], s[1] + x[1], s[2] + x[2]];
    let triples = a.chunks(2).zip(b.chunks(2)).zip(c.chunks(2)).take(done);
    let expected = triples.map(|((a, b), c)| {
        let (a, b, c) = (three(a), three(b), three(c));
        [0, 1, 2].map(|k| a[k] * b[k] * c[k])
    });
    assert_eq!(sums, expected.fold([F::ZERO; 3], add));

    let ints: Vec<Vec<i64>> = (0..n % 3)
        .map(|_| {
            (0..2 * n)
                .map(|_| rng.gen_range(-(1i64 << 20)..=1 << 20))
                .collect()
        })
        .collect();
    let slices: Vec<&[i64]> = ints.iter().map(Vec::as_slice).collect();
    let (done, sums) = mixed_round(&slices, 1 << (20 * slices.len()), &a);
    assert_eq!(done, whole(n));
    let mut expected = [F::ZERO; 3];
    for i in 0..done {
        let mut product = three(&a[2 * i..]);
        for table in &ints {
            let (x, y) = (table[2 * i], table[2 * i + 1]);
            for (p, v) in product.iter_mut().zip([x, 2 * y - x, y - x]) {
                *p *= F::from(v);
            }
        }
        expected = add(expected, product);
    }
    assert_eq!(sums, expected);
    assert_eq!(mixed_round(&[&ints_at(n)[..]], 1 << 50, &a).0, 0);

    let values = small_numbers(rng, 2 * n);
    let mut out = vec![F::ZERO; n];
    let done = bind_integers(&values, factor, &mut out);
    assert_eq!(done, whole(n));
    for (x, out) in values.chunks(2).zip(&out[..done]) {
        assert_eq!(*out, F::from(x[0]) + factor * F::from(x[1] - x[0]));
    }

    let mut out = vec![Fraction::zero(); n];
    let done = add_ones(&a, &mut out);
    assert_eq!(done, whole(n));
    for (d, out) in a.chunks(2).zip(&out[..done]) {
        let one = |d: F| Fraction { n: F::ONE, d };
        assert_eq!(*out, one(d[0]).add(&one(d[1])));
    }
}

proptest! {
    #[test]
    fn kernels_equal_scalar_arithmetic(seed: u64, n in 0usize..40) {
        rounds::<Fr>(seed, n);
        rounds::<ark_pallas::Fr>(seed, n);
        binds::<Fr, 1>(seed, n);
        binds::<Fr, 2>(seed, n / 2 * 2);
        binds::<ark_pallas::Fr, 4>(seed, n / 4 * 4);
        binds::<ark_bn254::Fr, 1>(seed, n);
        additions::<Fr>(seed, n);
        additions::<ark_pallas::Fr>(seed, n);
        small::<Fr>(seed, n);
        small::<ark_pallas::Fr>(seed, n);
        folds::<Fr>(seed, n);
        folds::<ark_pallas::Fr>(seed, n);
        tables::<Fr>(seed, n);
        tables::<ark_bn254::Fr>(seed, n);
    }
}

/// More products than a limb has room for between carries, all as large as they can be.
#[test]
fn long_sums_do_not_overflow() {
    let n = 2000 * 8;
    // All limbs but the highest are full.
    let top = Fr::new_unchecked(BigInt([u64::MAX, u64::MAX, u64::MAX, Fr::LIMBS[3] - 1]));
    let low = vec![top; n];
    let (done, sums) = ones_round(&vec![top; 4 * n], &low);
    let mut expected = ProductAccumulator::default();
    for _ in 0..done {
        expected.add_product(&top.raw(), &(top * top).raw());
    }
    assert_eq!(sums, [expected.reduce::<Fr>(), Fr::from(0u64)]);
    let end = (1 << 30) - 1;
    let (done, sums) = small_round(&vec![end; 4 * n], &low);
    let weight = top * Fr::from(done as u64);
    assert_eq!(sums[1], Fr::from(end * end) * weight);
    assert_eq!(sums[0], Fr::from(2 * end) * weight);
    let high = (1 << 51) - 1;
    let mut out = [Fr::from(0u64)];
    if fold_low(&vec![high; n], &low, &mut out) == 1 {
        assert_eq!(out[0], Fr::from(high) * top * Fr::from(n as u64));
    }
    let mut out = [Fr::from(0u64); 32];
    if fold_high(&vec![high; 32 * n], 32, 0, &low, &mut out) == 32 {
        assert_eq!(out, [Fr::from(high) * top * Fr::from(n as u64); 32]);
    }
    let (done, sums) = product_round(&low, &low);
    let square = top * top * Fr::from(done as u64);
    assert_eq!(sums, [square, Fr::from(0u64)]);
}

/// Sums of more than `2^324`, which six limbs do not hold.
#[test]
fn wide_sums_keep_their_headroom() {
    let minus_one = -Fr::new_unchecked(BigInt([1, 0, 0, 0]));
    let zero = Fr::from(0u64);
    let (n, end) = (1usize << 18, (1i64 << 51) - 1);
    let weights = vec![minus_one; n];
    let sum = Fr::from(end) * minus_one * Fr::from(n as u64);
    let mut out = [zero];
    if fold_low(&vec![end; n], &weights, &mut out) == 1 {
        assert_eq!(out, [sum]);
    }
    let mut out = [zero; 32];
    if fold_high(&vec![end; 32 * n], 32, 0, &weights, &mut out) == 32 {
        assert_eq!(out, [sum; 32]);
    }
    let field: Vec<Fr> = (0..n).map(|i| [zero, minus_one][i % 2]).collect();
    let (done, sums) = mixed_round(&[&vec![1 << 49; n][..]], 1 << 49, &field);
    let pairs = Fr::from(done as u64) * Fr::from(1u64 << 49) * minus_one;
    assert_eq!(sums, [zero, pairs.double(), zero]);
}

/// Fields whose modulus leaves no headroom have no vector form.
#[cfg(target_arch = "x86_64")]
#[test]
fn full_moduli_are_left_to_scalars() {
    assert!(lanes::Modulus::<5>::new([u64::MAX; 4]).is_none());
    assert!(lanes::Modulus::<5>::new([1, 0, 0, u64::MAX >> 1]).is_some());
}

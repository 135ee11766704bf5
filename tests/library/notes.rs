//! The identities of `paper-notes.md`, each against its naive form. A test is named after, or says,
//! the numbers of the equations that it checks. Those of the specification (1 to 14) are checked in
//! `vectors.rs` and beside the code.

use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field, UniformRand, Zero};
use ark_pallas::Fr;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};
use zktree::{
    Pallas,
    commit::{Generators, RowBlindings, Shape, hyrax, linear, msm},
    gkr::{
        Gated, LookupTable, Negative, Signed, Unsigned,
        fractional::{self, LookupShape},
    },
    nn::{
        Architecture, Dataset, Layer, LearningRate, Schedule, ScheduleSeed, Sgd, Trainer, Weights,
        init,
        layout::weight_values,
        lower::{self, Cut, Extent, lower},
        op::loss,
        optimise::UpdateMatrix,
        program::{
            Data, Program, Purpose, SAMPLE,
            eval::{self, Trace},
        },
        relation::{self, Index, Prover, Public, Relation, TensorId, Values, Verifier, at, term},
        train,
    },
    poly::{self, eq_eval, eq_evals, int, num_vars},
    sumcheck::{self, Product, RoundPoly, SumOfProducts, Table},
    transcript::{ProverChannel, VerifierChannel},
};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn random(rng: &mut ChaCha8Rng, n: usize) -> Vec<Fr> {
    (0..n).map(|_| Fr::rand(rng)).collect()
}

fn small(rng: &mut ChaCha8Rng, n: usize) -> Vec<i64> {
    (0..n).map(|_| rng.gen_range(-9..=9)).collect()
}

/// The coordinates of vertex `x` of the cube.
fn vertex(x: usize, n: usize) -> Vec<Fr> {
    (0..n).map(|k| Fr::from((x >> k & 1) as u64)).collect()
}

/// Equation 15 as it stands.
fn extension(values: &[Fr], r: &[Fr]) -> Fr {
    let terms = values
        .iter()
        .enumerate()
        .map(|(x, v)| *v * eq_eval(r, &vertex(x, r.len())));
    terms.sum()
}

/// (15) extensions by folding, of integers, and at a vertex; (16) points in two parts.
#[test]
fn equations_15_and_16() {
    let rng = &mut rng(15);
    for n in 0..7 {
        let (values, r) = (small(rng, 1 << n), random(rng, n));
        let field: Vec<Fr> = values.iter().map(|v| Fr::from(*v)).collect();
        let expected = extension(&field, &r);
        assert_eq!(poly::evaluate(&field, &r), expected);
        assert_eq!(int::evaluate(&values, &r), expected);
        for (x, v) in field.iter().enumerate() {
            assert_eq!(poly::evaluate(&field, &vertex(x, n)), *v);
        }
        for split in 0..=n {
            let ((a, b), x) = (r.split_at(split), random(rng, n));
            let parts = eq_eval(a, &x[..split]) * eq_eval(b, &x[split..]);
            assert_eq!(eq_eval(&r, &x), parts);
        }
    }
}

/// (17, 18) what travels of a round polynomial and the claim give the polynomial back.
#[test]
fn equations_17_and_18() {
    let rng = &mut rng(17);
    for degree in 1..=3 {
        let poly = RoundPoly(random(rng, degree + 1));
        let claim = poly.evaluate(Fr::ZERO) + poly.evaluate(Fr::ONE);
        assert_eq!(poly.sum_over_bit(), claim);
        let others: Fr = poly.0.iter().skip(2).sum();
        assert_eq!(claim - poly.0[0].double() - others, poly.0[1]);

        let mut prover = ProverChannel::new(b"test", b"");
        let sent: Vec<_> = (0..=degree)
            .filter(|k| *k != 1)
            .map(|k| poly.0[k])
            .collect();
        prover.send_all("sumcheck round", &sent);
        let proof = prover.finish();
        let mut verifier = VerifierChannel::new(b"test", b"", &proof);
        let claim = zktree::transcript::Expr::known(claim);
        let left = sumcheck::verify(claim, 1, degree, &mut verifier).unwrap();
        assert_eq!(left.value.constant(), poly.evaluate(left.point[0]));
    }
}

/// (19) products of different sizes: the sum over the large cube, and what is left at the point.
#[test]
fn equation_19() {
    let rng = &mut rng(19);
    let (n, sizes) = (4, [4, 2, 0, 3]);
    let tables: Vec<Vec<Fr>> = sizes.iter().map(|m| random(rng, 1 << m)).collect();
    let half = Fr::from(2u64).inverse().unwrap();
    let value = |point: &[Fr]| -> Fr {
        let terms = tables.iter().zip(sizes).map(|(table, m)| {
            half.pow([(n - m) as u64]) * poly::evaluate(table, &point[..m]).square()
        });
        terms.sum()
    };
    let own: Fr = tables.iter().flatten().map(|v| v.square()).sum();
    assert_eq!((0..1 << n).map(|x| value(&vertex(x, n))).sum::<Fr>(), own);

    let products = sizes.iter().enumerate().map(|(k, m)| Product {
        coefficient: Fr::ONE,
        factors: vec![k, k],
        num_vars: *m,
    });
    let products = products.collect();
    let states = tables.iter().cloned().map(Table::Field).collect();
    let mut prover = SumOfProducts::new(n, states, products);
    let mut channel = ProverChannel::new(b"test", b"");
    let (point, left) = sumcheck::prove(&mut prover, own, &mut channel);
    assert_eq!(left, value(&point));
}

/// (21) for a batched matrix product with a mask, `X(b, t, j) = sum_i M(b, t) A(b, t, i) W(j, i, t)`:
/// `b` is in two factors, the public mask being one; `t` in three; `i` is contracted; `j` is
/// substituted.
#[test]
fn equation_21_substitutes_sums_and_contracts() {
    let rng = &mut rng(21);
    let [vb, vt, vi, vj] = [1, 2, 2, 1];
    let [a, w, m] = [vb + vt + vi, vj + vi + vt, vb + vt].map(|v| random(rng, 1 << v));
    let mut x = vec![Fr::ZERO; 1 << (vb + vt + vj)];
    let index = |b: usize, t: usize, u: usize| b + (t << vb) + (u << (vb + vt));
    let weight = |j: usize, i: usize, t: usize| j + (i << vj) + (t << (vj + vi));
    for (b, t, i, j) in indices([vb, vt, vi, vj]) {
        x[index(b, t, j)] += m[index(b, t, 0)] * a[index(b, t, i)] * w[weight(j, i, t)];
    }
    let (rb, rt, rj) = (random(rng, vb), random(rng, vt), random(rng, vj));
    let mut sum = Fr::ZERO;
    for (b, t, i, _) in indices([vb, vt, vi, 0]) {
        let (pb, pt, pi) = (vertex(b, vb), vertex(t, vt), vertex(i, vi));
        sum += eq_eval(&rb, &pb)
            * eq_eval(&rt, &pt)
            * extension(&m, &[&pb[..], &pt].concat())
            * extension(&a, &[&pb[..], &pt, &pi].concat())
            * extension(&w, &[&rj[..], &pi, &pt].concat());
    }
    assert_eq!(extension(&x, &[rb, rt, rj].concat()), sum);
}

/// All tuples of four indices of the given numbers of bits.
fn indices([a, b, c, d]: [usize; 4]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..1usize << (a + b + c + d)).map(move |k| {
        let rest = (k >> a, k >> (a + b), k >> (a + b + c));
        (
            k & ((1 << a) - 1),
            rest.0 & ((1 << b) - 1),
            rest.1 & ((1 << c) - 1),
            rest.2,
        )
    })
}

/// (20, 21, 22) the engine, on a definition with all that the language has: a product of matrices
/// with public weights, an embedding at the first and one at the last index, and a transpose, against
/// the definition written as loops.
#[test]
fn equations_20_to_22_through_the_engine() {
    for seed in 0..4 {
        let rng = &mut rng(seed);
        let [vi, vj, vk] = [1, 2, 1];
        let mut relation = Relation::<Fr>::new();
        let axes = [vi, vj, vk].map(|v| relation.axis(v));
        let [i, j, k] = axes.map(Index::from);
        let a = relation.input("a", &[vi, vj]);
        let b = relation.input("b", &[vj, vk]);
        let mut below = |relation: &mut Relation<Fr>, name, vars: usize| {
            let bound = rng.gen_range(1..=1 << vars);
            let values: Vec<i64> = (0..1 << vars).map(|i| i64::from(i < bound)).collect();
            let public = relation.public(name, &[vars], Public::Below(vec![bound]));
            (public, values)
        };
        let (factor, factors) = below(&mut relation, "factor", vj);
        let (shift, shifts) = below(&mut relation, "shift", vi);
        let two = Fr::from(2u64);
        // c(i, k) = 2 sum_j factor(j) a(i, j) b(j, k)
        // d(k, i, h) = [h = 0] c(i, k) - [k = 0][h = 1] shift(i)
        let product = [at(factor, &[j]), at(a, &[i, j]), at(b, &[j, k])];
        let c = relation.define("c", &[vi, vk], vec![term(two, product, &[i, k])]);
        let bottom = term(Fr::ONE, [at(c, &[i, k])], &[k, i, Index::First]);
        let top = [at(shift, &[i])];
        let top = term(-Fr::ONE, top, &[Index::First, i, Index::Last]);
        let d = relation.define("d", &[vk, vi, 1], vec![bottom, top]);
        let out = relation.input("out", &[vk, vi, 1]);
        relation.equal("out is d", out, d, d);

        let (va, vb) = (small(rng, 1 << (vi + vj)), small(rng, 1 << (vj + vk)));
        let mut expected = vec![0; 1 << (vk + vi + 1)];
        for (i, j, k, _) in indices([vi, vj, vk, 0]) {
            expected[k + (i << vk)] += 2 * factors[j] * va[i + (j << vi)] * vb[j + (k << vj)];
        }
        for i in 0..1 << vi {
            expected[(i << vk) + (1 << (vk + vi))] -= shifts[i];
        }
        for error in [0, 1] {
            let mut wrong = expected.clone();
            wrong[rng.gen_range(0..expected.len())] += error;
            let values: Values = [(a, va.clone()), (b, vb.clone()), (out, wrong)]
                .map(|(id, v)| (id, Arc::new(v)))
                .into();
            let honest = reduces(&relation, &values);
            assert_eq!(honest, error == 0, "seed {seed}, error {error}");
        }
    }
}

/// Whether a witness gets through the reduction with true claims left.
fn reduces(relation: &Relation<Fr>, values: &Values) -> bool {
    let mut channel = ProverChannel::new(b"test", b"");
    let mut prover = Prover::new(relation, values, &mut channel).unchecked();
    relation::reduce(relation, &mut prover).unwrap();
    let proof = channel.finish();
    let mut channel = VerifierChannel::new(b"test", b"", &proof);
    let Ok(claims) = relation::reduce(relation, &mut Verifier::new(relation, &mut channel)) else {
        return false;
    };
    channel.finish().unwrap();
    claims
        .iter()
        .all(|c| int::evaluate(&values[&c.tensor], &c.point) == c.value.constant())
}

/// A run of training, step by step, and the witness of its relation by name.
struct Run {
    widths: Vec<usize>,
    batch: usize,
    rate: i128,
    program: Program,
    steps: Vec<Trace>,
    /// Weights before each step and after the last.
    weights: Vec<Weights>,
    witness: BTreeMap<String, Arc<Vec<i64>>>,
}

impl Run {
    fn new(widths: &[usize], batch: usize, steps: usize, seed: u64) -> Self {
        let rng = &mut rng(seed);
        let (fixed, rate) = (
            crate::common::tiny(),
            LearningRate::from_coefficient(3).unwrap(),
        );
        let architecture = Architecture::new(widths.to_vec()).unwrap();
        let (features, targets) = (widths[0], widths[widths.len() - 1]);
        let rows = batch + 3;
        let values = (0..rows * (features + targets)).map(|_| rng.gen_range(-16..=16));
        let data = Dataset::from_rows(features, targets, values.collect()).unwrap();
        let schedule = Schedule::new(ScheduleSeed([9; 32]), rows, batch).unwrap();
        let sgd = Sgd {
            fixed_point: fixed.clone(),
            plan: rate.into(),
        };
        let mut weights = vec![init::expand(seed, &architecture, &fixed)];
        let mut trace = Vec::new();
        for t in 0..steps as u64 {
            let mut next = weights[weights.len() - 1].clone();
            train::train(&sgd, &mut next, (&data, &schedule), t..t + 1, |_, step| {
                trace.push(step);
                ControlFlow::Continue(())
            })
            .unwrap();
            weights.push(next);
        }
        let trainer = Trainer::new(&sgd, &architecture, batch).unwrap();
        let extent = Extent {
            steps,
            updates: Some(UpdateMatrix::Plain(rate)),
            cut: Cut::Format,
            opened_outputs: false,
        };
        let lowered = lower::<Fr>(trainer.program().clone(), &extent).unwrap();
        let witness = lowered.witness(&trace).unwrap();
        let name = |id: &TensorId| lowered.relation().name(*id).to_string();
        Self {
            widths: widths.to_vec(),
            batch,
            rate: i128::from(rate.coefficient()),
            program: trainer.program().clone(),
            steps: trace,
            weights,
            witness: witness
                .iter()
                .map(|(id, v)| (name(id), v.clone()))
                .collect(),
        }
    }

    fn vars(&self) -> (usize, usize) {
        (num_vars(self.batch), num_vars(self.steps.len()))
    }

    /// Value of a tensor over sample, step and unit; `h` is on top of the unit.
    fn at(&self, name: &str, b: usize, t: usize, u: usize) -> i128 {
        let (vb, vt) = self.vars();
        let index = b + (t << vb) + (u << (vb + vt));
        i128::from(self.witness[name].get(index).copied().unwrap_or(0))
    }

    /// `A+_(l-1)(b, t, i, h)`.
    fn input(&self, l: usize, b: usize, t: usize, i: usize, h: usize) -> i128 {
        let width = num_vars(self.widths[l - 1]);
        self.at(&format!("A{} with bias", l - 1), b, t, i + (h << width))
    }

    /// `W_l(j, i, h)` before step `t`.
    fn weight(&self, t: usize, l: usize, j: usize, i: usize, h: usize) -> i128 {
        let [vj, vi] = [l, l - 1].map(|l| num_vars(self.widths[l]));
        let values = weight_values(&self.weights[t], l - 1);
        let index = j + (i << vj) + (h << (vj + vi));
        i128::from(values.get(index).copied().unwrap_or(0))
    }

    /// Padded sizes: samples, steps.
    fn padded(&self) -> (usize, usize) {
        let (vb, vt) = self.vars();
        (1 << vb, 1 << vt)
    }

    fn padded_width(&self, l: usize) -> usize {
        self.widths[l].next_power_of_two()
    }

    /// Whether an index over sample, step and unit of layer `l` is no padding.
    fn is_real(&self, l: usize, b: usize, t: usize, u: usize) -> bool {
        b < self.batch && t < self.steps.len() && u < self.widths[l]
    }

    /// The value that training computed, of layer `l`; zero outside.
    fn real(&self, name: &str, l: usize, b: usize, t: usize, u: usize) -> i128 {
        let of = |step: &Trace| step.get(self.program.find(name)?).cloned();
        self.entry(of, l, b, t, u)
    }

    /// What training rounded to the value of this name; zero outside.
    fn wide(&self, name: &str, l: usize, b: usize, t: usize, u: usize) -> i128 {
        let of = |step: &Trace| step.remainder(self.program.find(name)?).cloned();
        self.entry(of, l, b, t, u) + (self.real(name, l, b, t, u) << 14)
    }

    fn entry(
        &self,
        of: impl Fn(&Trace) -> Option<Arc<Vec<i64>>>,
        l: usize,
        b: usize,
        t: usize,
        u: usize,
    ) -> i128 {
        match self.is_real(l, b, t, u) {
            true => of(&self.steps[t]).unwrap()[b * self.widths[l] + u].into(),
            false => 0,
        }
    }

    /// `Z_l(b, t, j)` by (27).
    fn product(&self, l: usize, b: usize, t: usize, j: usize) -> i128 {
        let time = t.min(self.steps.len());
        (0..self.padded_width(l - 1))
            .flat_map(|i| [(i, 0), (i, 1)])
            .map(|(i, h)| self.input(l, b, t, i, h) * self.weight(time, l, j, i, h))
            .sum()
    }

    /// `P_l(b, t, i)` by (28).
    fn pulled_back(&self, l: usize, b: usize, t: usize, i: usize) -> i128 {
        let (time, name) = (t.min(self.steps.len()), format!("G{}", l + 1));
        (0..self.padded_width(l + 1))
            .map(|j| self.at(&name, b, t, j) * self.weight(time, l + 1, j, i, 0))
            .sum()
    }
}

fn runs() -> Vec<Run> {
    [
        (vec![3, 5, 2], 3, 5),
        (vec![1, 1], 1, 1),
        (vec![2, 3, 4, 1], 2, 4),
        (vec![5, 2], 5, 3),
    ]
    .into_iter()
    .enumerate()
    .map(|(k, (widths, batch, steps))| Run::new(&widths, batch, steps, k as u64))
    .collect()
}

/// (23) the bias is a row of the weights whose input is masked, and (27) is (2): at real positions
/// `A+ W` is `A W + 2^s 1 b`, at padding it is zero.
#[test]
fn equations_23_and_27_are_the_forward_pass() {
    for run in runs() {
        let (samples, steps) = run.padded();
        for l in 1..run.widths.len() {
            for (b, t) in (0..samples).flat_map(|b| (0..steps).map(move |t| (b, t))) {
                let masked = b < run.batch && t < run.steps.len();
                for i in 0..run.padded_width(l - 1) {
                    let bias = if masked && i == 0 { 1 << 4 } else { 0 };
                    assert_eq!(run.input(l, b, t, i, 1), bias);
                }
                for j in 0..run.padded_width(l) {
                    let z = run.product(l, b, t, j);
                    let expected = run.wide(&format!("Y{l}"), l, b, t, j);
                    assert_eq!(z, expected, "layer {l}, sample {b}, step {t}, unit {j}");
                }
            }
        }
    }
}

/// (24) activations and gradients from committed values, also where they are padding.
#[test]
fn equation_24_rectifies() {
    for run in runs() {
        let (samples, steps) = run.padded();
        let last = run.widths.len() - 1;
        for (b, t) in (0..samples).flat_map(|b| (0..steps).map(move |t| (b, t))) {
            for l in 1..last {
                for u in 0..run.padded_width(l) {
                    let [y, s, h] = ["Y", "S", "H"].map(|n| run.at(&format!("{n}{l}"), b, t, u));
                    assert_eq!(s, i128::from(y > 0));
                    assert_eq!(s * y, y.max(0));
                    assert_eq!(run.input(l + 1, b, t, u, 0), s * y);
                    assert_eq!(run.at(&format!("G{l}"), b, t, u), s * h);
                    assert_eq!(s * h, run.real(&format!("G{l}"), l, b, t, u));
                }
            }
            for u in 0..run.padded_width(last) {
                let y = run.at(&format!("Y{last}"), b, t, u);
                let x = run.real("target", last, b, t, u);
                let g = run.at(&format!("G{last}"), b, t, u);
                assert_eq!(g, (y - x) << 1); // g - s = 1
            }
        }
    }
}

/// (25) weights telescope, with the strictly lower triangular matrix; (26) the weights after the
/// last step. At padded steps the sum is that of all steps.
#[test]
fn equations_25_and_26_telescope() {
    for run in runs() {
        let (samples, steps) = run.padded();
        for l in 1..run.widths.len() {
            let [outputs, inputs] = [l, l - 1].map(|l| run.padded_width(l));
            for (j, i, h) in
                indices([num_vars(outputs), num_vars(inputs), 1, 0]).map(|(j, i, h, _)| (j, i, h))
            {
                let update = |tau: usize| -> i128 {
                    (0..samples)
                        .map(|b| run.input(l, b, tau, i, h) * run.at(&format!("G{l}"), b, tau, j))
                        .sum()
                };
                let telescoped = |earlier: &dyn Fn(usize) -> bool| {
                    let sum: i128 = (0..steps).filter(|tau| earlier(*tau)).map(update).sum();
                    run.weight(0, l, j, i, h) - run.rate * sum
                };
                for t in 0..steps {
                    let now = run.weight(t.min(run.steps.len()), l, j, i, h);
                    assert_eq!(telescoped(&|tau| tau < t), now, "W{l}({j}, {i}, {h}, {t})");
                }
                let after = run.weight(run.steps.len(), l, j, i, h);
                assert_eq!(telescoped(&|_| true), after);
            }
        }
    }
}

/// (28) is (6): no bias row in it, zero at padding.
#[test]
fn equation_28_is_the_backward_pass() {
    for run in runs() {
        let (samples, steps) = run.padded();
        for l in 1..run.widths.len() - 1 {
            for (b, t) in (0..samples).flat_map(|b| (0..steps).map(move |t| (b, t))) {
                for i in 0..run.padded_width(l) {
                    let expected = run.wide(&format!("H{l}"), l, b, t, i);
                    assert_eq!(run.pulled_back(l, b, t, i), expected);
                }
            }
        }
    }
}

/// All sums of limbs that tables admit, the top one with its sign.
fn limb_sums(widths: &[u32]) -> Vec<(i64, i64)> {
    fn entries<const N: usize>(table: &dyn LookupTable<Fr>) -> Vec<[i64; N]> {
        let entry = |index: usize| {
            let mut tuple = [0; N];
            table.entry(index, &mut tuple);
            tuple
        };
        (0..1 << table.num_vars()).map(entry).collect()
    }
    let (top, low) = widths.split_last().unwrap();
    let (mut sums, mut shift) = (vec![0], 0);
    for bits in low {
        let limbs = entries::<1>(&Unsigned {
            bits: *bits as usize,
        });
        let with = |sum: i64| limbs.iter().map(move |[limb]| sum + (limb << shift));
        sums = sums.into_iter().flat_map(with).collect();
        shift += bits;
    }
    let limbs = entries::<2>(&Negative {
        bits: *top as usize,
    });
    let signed = entries::<1>(&Signed {
        bits: *top as usize,
    });
    assert!(limbs.iter().map(|[v, _]| v).eq(signed.as_flattened()));
    let with = |sum: i64| {
        limbs
            .iter()
            .map(move |[v, sign]| (sum + (v << shift), *sign))
    };
    sums.into_iter().flat_map(with).collect()
}

/// (57) limbs cover exactly the range, each number once, and the top one says which are negative.
#[test]
fn equation_57_covers_the_range_once() {
    for (bits, values) in [(1, 1), (8, 9), (11, 100), (13, 1), (13, 100_000)] {
        let widths = lower::limb_widths(bits, values);
        let mut sums = limb_sums(&widths);
        sums.sort_unstable();
        let half = 1_i64 << (bits - 1);
        let expected = (-half..half).map(|y| (y, i64::from(y < 0)));
        assert_eq!(sums, expected.collect::<Vec<_>>());
        for (y, negative) in sums {
            assert_eq!(y - negative * y, y.max(0));
        }
    }
}

/// (29) limbs cover exactly the interval of rounding remainders, each number once.
#[test]
fn equation_29_covers_the_rounding_interval_once() {
    for widths in [vec![5], vec![2, 3], vec![3, 1, 2], vec![1, 1]] {
        let w: u32 = widths.iter().sum();
        let mut sums: Vec<i64> = limb_sums(&widths).iter().map(|(sum, _)| *sum).collect();
        sums.sort_unstable();
        let half = 1i64 << (w - 1);
        assert_eq!(sums, (-half..half).collect::<Vec<_>>());
        // And these are the remainders of rounding.
        for z in -4 * half..4 * half {
            let remainder = i128::from(z) - (zktree::nn::fixed::round(w, z.into()) << w);
            assert!((-i128::from(half)..i128::from(half)).contains(&remainder));
        }
    }
}

/// (29) in the witness: limbs add up to the remainder at real positions; padding is all zero.
#[test]
fn equation_29_holds_in_the_witness() {
    let limb_bits = crate::common::tiny().limbs().to_vec();
    for run in runs() {
        let (samples, steps) = run.padded();
        for l in 1..run.widths.len() {
            let kinds: &[char] = match l + 1 < run.widths.len() {
                true => &['Y', 'H'],
                false => &['Y'],
            };
            for rounded in kinds {
                for (b, t) in (0..samples).flat_map(|b| (0..steps).map(move |t| (b, t))) {
                    for u in 0..run.padded_width(l) {
                        let mut shift = 0;
                        let mut sum = 0;
                        for (k, bits) in limb_bits.iter().enumerate() {
                            let limb = run.at(&format!("rest of {rounded}{l}, limb {k}"), b, t, u);
                            let unsigned = k + 1 < limb_bits.len();
                            let range = match unsigned {
                                true => 0..1 << bits,
                                false => -(1 << (bits - 1))..1 << (bits - 1),
                            };
                            assert!(range.contains(&limb));
                            sum += limb << shift;
                            shift += bits;
                        }
                        let y = run.at(&format!("{rounded}{l}"), b, t, u);
                        let expected = match rounded {
                            'Y' => run.product(l, b, t, u),
                            _ => run.pulled_back(l, b, t, u),
                        };
                        assert_eq!(sum + (y << 14), expected);
                        assert!(run.is_real(l, b, t, u) || (y == 0 && sum == 0));
                    }
                }
            }
        }
    }
}

/// (30, 31) the sum of poles vanishes if all tuples are in their tables, and else does not.
#[test]
fn equations_30_and_31() {
    let rng = &mut rng(30);
    let tables: Vec<Arc<dyn LookupTable<Fr>>> = vec![
        Arc::new(Signed { bits: 3 }),
        Arc::new(zktree::gkr::Relu { bits: 3 }),
    ];
    let shape = LookupShape::new(vec![(0, 2), (1, 3), (0, 0)], tables.clone()).unwrap();
    let mut column = |n: usize| -> Vec<i64> { (0..n).map(|_| rng.gen_range(-4..4)).collect() };
    let y = column(8);
    let sign = y.iter().map(|y| i64::from(*y > 0)).collect();
    let mut columns: Vec<Vec<Arc<Vec<i64>>>> = vec![
        vec![Arc::new(column(4))],
        vec![Arc::new(y), Arc::new(sign)],
        vec![Arc::new(column(1))],
    ];
    let multiplicities = fractional::count_multiplicities(&shape, &columns).unwrap();
    let (alpha, beta) = (Fr::rand(rng), Fr::rand(rng));
    let fingerprint = |table: usize, tuple: &[i64]| -> Fr {
        let components: Fr = tuple
            .iter()
            .enumerate()
            .map(|(j, c)| beta.pow([j as u64]) * Fr::from(*c))
            .sum();
        components + beta.square() * Fr::from(table as u64 + 1)
    };
    let pole = |f: Fr| (alpha - f).inverse().unwrap();
    let sum = |columns: &[Vec<Arc<Vec<i64>>>]| -> Fr {
        let mut sum = Fr::ZERO;
        for (tuple, (table, _)) in columns.iter().zip(shape.lookups()) {
            for x in 0..tuple[0].len() {
                let tuple: Vec<i64> = tuple.iter().map(|c| c[x]).collect();
                sum += pole(fingerprint(*table, &tuple));
            }
        }
        for (t, counts) in multiplicities.iter().enumerate() {
            for (y, count) in counts.iter().enumerate() {
                let mut tuple = vec![0; tables[t].arity()];
                tables[t].entry(y, &mut tuple);
                sum -= Fr::from(*count) * pole(fingerprint(t, &tuple));
            }
        }
        sum
    };
    assert!(sum(&columns).is_zero());
    let wrong = columns[1][1].iter().map(|s| 1 - s).collect();
    columns[1][1] = Arc::new(wrong);
    assert!(!sum(&columns).is_zero());
}

/// (32, 33) two fractions as two products, (34) the layer below.
#[test]
fn equations_32_to_34() {
    let rng = &mut rng(32);
    let [n0, n1, d0, d1, lambda, rho]: [Fr; 6] = std::array::from_fn(|_| Fr::rand(rng));
    let half = Fr::from(2u64).inverse().unwrap() * lambda;
    let (n, d) = (n0 * d1 + n1 * d0, d0 * d1);
    assert_eq!(n * d.inverse().unwrap(), n0 / d0 + n1 / d1);
    let (m0, m1) = (n0 + half * d0, n1 + half * d1);
    assert_eq!(n + lambda * d, m0 * d1 + m1 * d0);
    // Variable 0 of the layer below tells the two children apart.
    let below = poly::evaluate(&[d0, d1], &[rho]);
    assert_eq!(below, (Fr::ONE - rho) * d0 + rho * d1);
    let numerator = (Fr::ONE - rho) * m0 + rho * m1 - half * below;
    assert_eq!(numerator, poly::evaluate(&[n0, n1], &[rho]));
}

/// (35) the leaves: columns at multiples of their size, selected by the high variables.
#[test]
fn equation_35() {
    let rng = &mut rng(35);
    let (n, sizes) = (4, [3usize, 1, 0]);
    let columns: Vec<Vec<Fr>> = sizes.iter().map(|m| random(rng, 1 << m)).collect();
    let mut leaves = columns.concat();
    leaves.resize(1 << n, Fr::ONE); // denominators of the padding 0/1
    let z = random(rng, n);
    let mut offset = 0;
    let (mut sum, mut padding) = (Fr::ZERO, Fr::ONE);
    for (column, m) in columns.iter().zip(sizes) {
        assert_eq!(offset % column.len(), 0);
        let selector = eq_eval(&z[m..], &vertex(offset >> m, n - m));
        sum += selector * poly::evaluate(column, &z[..m]);
        padding -= selector;
        offset += column.len();
    }
    assert_eq!(poly::evaluate(&leaves, &z), sum + padding);
}

/// (36) rows fold homomorphically, (37) an evaluation is a bilinear form.
#[test]
fn equations_36_and_37() {
    let rng = &mut rng(36);
    let (rows, columns) = (2, 3);
    let values = small(rng, 1 << (rows + columns));
    let gens = Generators::<Pallas>::get(1 << columns, 0);
    let blindings = RowBlindings::random(1 << rows, rng);
    let commitment = hyrax::commit_rows(&gens, &values, 1 << columns, &blindings);
    let r = random(rng, rows + columns);
    let (u, v) = (eq_evals(&r[columns..]), eq_evals(&r[..columns]));
    let folded = int::fold_high(&values, 1 << columns, &u);
    let direct = msm::full::<Pallas>(gens.columns(), &folded) + gens.blind(&blindings.fold(&u));
    assert_eq!(commitment.fold(&u), direct);
    assert_eq!(poly::inner_product(&folded, &v), int::evaluate(&values, &r));
}

/// (38, 39) the extension of gathered rows is a bilinear form of the data, whatever is in their
/// padding.
#[test]
fn equations_38_and_39() {
    let rng = &mut rng(38);
    let (rows, width, first, real) = (5, 8, 2, 3);
    let data = small(rng, rows * width); // with garbage in all columns
    let (vb, vt, vu) = (2, 1, 2);
    let positions: Vec<(usize, usize)> = (0..2)
        .flat_map(|t| (0..3).map(move |b| b + (t << vb)))
        .map(|p| (p, rng.gen_range(0..rows)))
        .collect();
    let mut gathered = vec![0; 1 << (vb + vt + vu)];
    for (p, row) in &positions {
        for i in 0..real {
            gathered[p + (i << (vb + vt))] = data[row * width + first + i];
        }
    }
    let r = random(rng, vb + vt + vu);
    let (low, high) = (eq_evals(&r[..vb + vt]), eq_evals(&r[vb + vt..]));
    let mut u = vec![Fr::ZERO; rows];
    for (p, row) in &positions {
        u[*row] += low[*p];
    }
    let mut v = vec![Fr::ZERO; first];
    v.extend(&high[..real]);
    let form = poly::inner_product(&int::fold_high(&data, width, &u), &v);
    assert_eq!(form, int::evaluate(&gathered, &r));
}

/// (40, 41) the sum over columns of all claims, and at a point the value of one vector.
#[test]
fn equations_40_and_41() {
    let rng = &mut rng(40);
    let c = 3;
    let rho = Fr::rand(rng);
    let z = random(rng, c);
    let (mut left, mut right, mut end) = (Fr::ZERO, Fr::ZERO, Fr::ZERO);
    let mut vector = vec![Fr::ZERO; 1 << c];
    for k in 0..4 {
        let (f, v) = (random(rng, 1 << c), random(rng, 1 << c));
        let power = rho.pow([k]);
        left += power * poly::inner_product(&f, &v);
        right += (0..1 << c).map(|x| power * f[x] * v[x]).sum::<Fr>();
        let at_z = poly::evaluate(&v, &z);
        end += power * at_z * poly::evaluate(&f, &z);
        vector
            .iter_mut()
            .zip(&f)
            .for_each(|(s, f)| *s += power * at_z * f);
    }
    assert_eq!(left, right);
    assert_eq!(end, poly::inner_product(&vector, &eq_evals(&z)));
}

/// (42, 43) a product of masked scalars; (44, 45) of three terms, and no false one.
#[test]
fn equations_42_to_45() {
    let rng = &mut rng(42);
    let [x, y, p, q, m, n, e]: [Fr; 7] = std::array::from_fn(|_| Fr::rand(rng));
    let (masked_x, masked_y) = (x + p, y + q);
    assert_eq!(
        x * y,
        masked_x * masked_y - masked_x * q - masked_y * p + p * q
    );
    let (w, t, u) = (p * q, m * q + n * p, m * n);
    let (a, b) = (m + e * p, n + e * q);
    assert_eq!(e.square() * w + e * t + u, a * b);
    assert_ne!(e.square() * (w + Fr::ONE) + e * t + u, a * b);
}

/// (47) the form on the shifted vector has the value of (46), and components on the wrong
/// generators do not make up for a wrong value.
#[test]
fn equation_47() {
    let rng = &mut rng(47);
    let (f, masks, eq, phi) = (
        random(rng, 4),
        random(rng, 3),
        random(rng, 4),
        random(rng, 3),
    );
    let value = poly::inner_product(&f, &eq) + poly::inner_product(&masks, &phi);
    let opened = |a: &[Fr], b: &[Fr], mu: Fr| -> Fr {
        // C_f = (f | b) and C_m = (a | masks).
        let inverse = mu.inverse().unwrap();
        let low = f.iter().zip(a).zip(&eq);
        let high = masks.iter().zip(b).zip(&phi);
        low.map(|((f, a), eq)| (mu * f + a) * eq * inverse)
            .sum::<Fr>()
            + high.map(|((m, b), phi)| (*m + mu * b) * phi).sum::<Fr>()
    };
    let (mu, zero) = (Fr::rand(rng), vec![Fr::ZERO; 4]);
    assert_eq!(opened(&zero, &zero[..3], mu), value);
    let (a, b) = (random(rng, 4), random(rng, 3));
    let error = opened(&a, &b, mu) - value;
    let expected =
        mu * poly::inner_product(&b, &phi) + mu.inverse().unwrap() * poly::inner_product(&a, &eq);
    assert_eq!(error, expected);
    assert_ne!(error, opened(&a, &b, mu + Fr::ONE) - value);
}

/// (48, 49) hiding and binding of the value; (50) one halving.
#[test]
fn equations_48_to_50() {
    let rng = &mut rng(48);
    let n = 8;
    let gens = Generators::<Pallas>::get(n, 0);
    let g = gens.columns();
    let commit = |v: &[Fr], g: &[_]| msm::full::<Pallas>(g, v);
    let [x, a, r]: [Vec<Fr>; 3] = std::array::from_fn(|_| random(rng, n));
    let [rho, sigma, e, q, kappa]: [Fr; 5] = std::array::from_fn(|_| Fr::rand(rng));
    let (c, announcement) = (
        commit(&x, g) + gens.blind(&rho),
        commit(&r, g) + gens.blind(&sigma),
    );
    let z: Vec<Fr> = x.iter().zip(&r).map(|(x, r)| e * x + r).collect();
    let zeta = e * rho + sigma;
    assert_eq!(commit(&z, g), c * e + announcement - gens.blind(&zeta));
    let inner = poly::inner_product::<Fr>;
    assert_eq!(inner(&z, &a), e * inner(&x, &a) + inner(&r, &a));

    let product = gens.product() * q;
    let p = commit(&z, g) + product * inner(&z, &a);
    let ((z0, z1), (a0, a1), (g0, g1)) = (z.split_at(4), a.split_at(4), g.split_at(4));
    let left = commit(z0, g1) + product * inner(z0, a1);
    let right = commit(z1, g0) + product * inner(z1, a0);
    let fold = |low: &[Fr], high: &[Fr], s: Fr, t: Fr| -> Vec<Fr> {
        low.iter().zip(high).map(|(l, h)| s * l + t * h).collect()
    };
    let z = fold(z0, z1, Fr::ONE, kappa);
    let a = fold(a0, a1, kappa, Fr::ONE);
    let g: Vec<_> = g0.iter().zip(g1).map(|(g, h)| *g * kappa + h).collect();
    let g = Pallas::normalize_batch(&g);
    let folded = left + p * kappa + right * kappa.square();
    assert_eq!(folded, commit(&z, &g) + product * inner(&z, &a));
}

/// (51) a sum of equations with random weights holds if all do, and not if one fails.
#[test]
fn equation_51() {
    let rng = &mut rng(51);
    let gens = Generators::<Pallas>::get(100, 0);
    let shape = Shape {
        columns: 100,
        pads: 0,
    };
    let mut equation = |error: Fr| {
        let (vector, form) = (random(rng, 100), random(rng, 100));
        let claim = linear::LinearForm {
            shape,
            coefficients: &form,
            value: poly::inner_product(&vector, &form) + error,
            hiding: false,
        };
        let opening = linear::Opening {
            vector: &vector,
            blinding: Fr::ZERO,
        };
        let mut channel = ProverChannel::new(b"test", b"");
        linear::prove(&gens, &claim, &opening, rng, &mut channel);
        let proof = channel.finish();
        let commitment = msm::full::<Pallas>(gens.columns(), &vector).into_affine();
        let commitment = zktree::commit::Combination::point(commitment);
        let mut channel = VerifierChannel::new(b"test", b"", &proof);
        linear::verify(&claim, &commitment, &mut channel).unwrap()
    };
    let equations = [equation(Fr::ZERO), equation(Fr::ZERO), equation(Fr::ONE)];
    let weights: Vec<Fr> = [3, 5, 7].map(Fr::from).into();
    let check = |n: usize| {
        zktree::commit::GroupEquation::check_all(&gens, &equations[..n], &weights[..n]).is_ok()
    };
    assert!(check(2));
    assert!(!check(3));
}

/// (53) the values that have bits are those of the table, each has them once, and the equations are
/// those of extensions.
#[test]
fn equation_53_is_membership_in_a_table() {
    let rng = &mut rng(53);
    let value = |bits: &[Fr]| -> Fr {
        let weights = (0..bits.len()).map(|i| Fr::from(2u64).pow([i as u64]));
        let sum: Fr = bits.iter().zip(weights).map(|(bit, w)| *bit * w).sum();
        sum - bits[bits.len() - 1] * Fr::from(2u64).pow([bits.len() as u64])
    };
    for b in 1..6 {
        let table = Signed { bits: b };
        for x in -(1i64 << b)..1 << b {
            let ways = (0..1 << b).filter(|k| value(&vertex(*k, b)) == Fr::from(x));
            let index = LookupTable::<Fr>::index(&table, &[x]);
            assert_eq!(ways.count(), usize::from(index.is_some()));
        }
        let (len, r) = (8, random(rng, 3));
        let rows: Vec<Vec<Fr>> = (0..len)
            .map(|_| vertex(rng.gen_range(0..1 << b), b))
            .collect();
        let values: Vec<Fr> = rows.iter().map(|bits| value(bits)).collect();
        let columns = (0..b).map(|i| rows.iter().map(|bits| bits[i]).collect());
        let columns: Vec<Vec<Fr>> = columns.collect();
        let at_r: Vec<Fr> = columns.iter().map(|column| extension(column, &r)).collect();
        assert_eq!(extension(&values, &r), value(&at_r));

        let point = random(rng, 3 + num_vars(b));
        let not_bits = |entries: &[Fr]| -> Fr {
            let terms = entries.iter().map(|bit| *bit * (Fr::ONE - bit));
            extension(&terms.collect::<Vec<_>>(), &point)
        };
        let mut entries = columns.concat();
        assert!(not_bits(&entries).is_zero());
        entries[rng.gen_range(0..len * b)] = Fr::from(2u64);
        assert!(!not_bits(&entries).is_zero());
    }
}

/// (54) reciprocals that are committed add up to what (31) says.
#[test]
fn equation_54_is_31_with_reciprocals() {
    let rng = &mut rng(54);
    let bits = 3;
    let mut column: Vec<i64> = (0..13).map(|_| rng.gen_range(0..1 << bits)).collect();
    let alpha = Fr::rand(rng);
    let holds = |column: &[i64], counts: &[i64]| {
        let reciprocal = |v: i64| (alpha - Fr::from(v)).inverse().unwrap();
        let a: Vec<Fr> = column.iter().map(|f| reciprocal(*f)).collect();
        let b: Vec<Fr> = (0..1 << bits).map(reciprocal).collect();
        let right: Fr = counts
            .iter()
            .zip(&b)
            .map(|(count, b)| Fr::from(*count) * b)
            .sum();
        a.iter().sum::<Fr>() == right
    };
    let shape = LookupShape::<Fr>::new(vec![(0, 4)], vec![Arc::new(Unsigned { bits })]).unwrap();
    let counts = |column: &[i64]| {
        let columns = [vec![Arc::new(column.to_vec())]];
        fractional::count_multiplicities(&shape, &columns).map(|counts| counts.concat())
    };
    column.resize(16, 0);
    let honest = counts(&column).unwrap();
    assert!(holds(&column, &honest));
    column[3] = 1 << bits;
    assert!(counts(&column).is_err());
    assert!(!holds(&column, &honest));
}

/// (55) is the sum over padded tensors, too: padding adds nothing.
#[test]
fn equation_55_with_padding() {
    let rng = &mut rng(55);
    for (batch, width) in [(1, 1), (3, 5), (4, 2)] {
        let (outputs, targets) = (small(rng, batch * width), small(rng, batch * width));
        let naive = outputs.iter().zip(&targets).map(|(y, x)| (y - x).pow(2));
        let naive: i64 = naive.sum();

        let mut p = Program::new(Purpose::Inference, &crate::common::tiny(), batch);
        let columns = p.axis(width);
        let y = p.input("outputs", Data::Inputs, &[SAMPLE, columns]);
        let x = p.input("targets", Data::Targets, &[SAMPLE, columns]);
        let sum = loss::tell_squared_error(&mut p, y, x);
        let inputs = eval::Inputs {
            inputs: &Arc::new(outputs),
            targets: &Arc::new(targets),
            parameters: &[],
            step: None,
        };
        let trace = eval::eval(&p, &inputs).unwrap();
        assert_eq!(trace.told(sum), Some(naive.into()));

        let extent = Extent {
            steps: 1,
            updates: None,
            cut: Cut::Cheapest,
            opened_outputs: false,
        };
        let lowered = lower::<Fr>(p, &extent).unwrap();
        let mut witness = lowered.witness(&[trace]).unwrap();
        let tensors = [y, x].map(|value| lowered.tensor(value).unwrap());
        let [y, x] = tensors.map(|tensor| {
            let padded = num_vars(batch) + num_vars(width);
            let values = &witness[&tensor];
            let value = |k: usize| values.get(k).copied().unwrap_or(0);
            (0..1 << padded).map(value).collect::<Vec<_>>()
        });
        let padded: i64 = y.iter().zip(&x).map(|(y, x)| (y - x).pow(2)).sum();
        let told = lowered.told()[0].1;
        assert_eq!((padded, &witness[&told][..]), (naive, &[naive][..]));
        assert!(reduces(lowered.relation(), &witness));
        witness.insert(told, Arc::new(vec![naive + 1]));
        assert!(!reduces(lowered.relation(), &witness));
    }
}

/// (56) at a point, and its gates: one on real units, zero on all others.
#[test]
fn equation_56_at_a_point() {
    let rng = &mut rng(56);
    let architecture: Architecture = "3,5".parse().unwrap();
    let (step, unit) = (4_u32, Fr::from(16u64));
    let [weight, bias] = [15, 5].map(|n| small(rng, n).iter().map(|v| v << step).collect());
    let layer = Layer::new(weight, bias);
    let weights = Weights::new(architecture, vec![layer.clone()]).unwrap();
    let tensor = weight_values(&weights, 0);
    let (rj, ri) = (random(rng, 3), random(rng, 2));
    let at = |i: &[Fr], h: Fr| int::evaluate(&tensor, &[&rj[..], i, &[h]].concat());
    let mut v = vec![Fr::ZERO; 8 * 4];
    let mut gates = v.clone();
    for (i, j) in (0..3).flat_map(|i| (0..5).map(move |j| (i, j))) {
        v[8 * i + j] = Fr::from(layer.weight()[5 * i + j] >> step);
        gates[8 * i + j] = Fr::ONE;
    }
    let point = [&rj[..], &ri].concat();
    assert_eq!(unit * poly::evaluate(&v, &point), at(&ri, Fr::ZERO));
    let bias: Vec<Fr> = layer.bias().iter().map(|b| Fr::from(b >> step)).collect();
    let bias = [bias, vec![Fr::ZERO; 3]].concat();
    assert_eq!(
        unit * poly::evaluate(&bias, &rj),
        at(&[Fr::ZERO; 2], Fr::ONE)
    );
    let units = |n: usize, size: usize| -> Vec<Fr> { (0..size).map(|k| Fr::from(k < n)).collect() };
    let product = poly::evaluate(&units(5, 8), &rj) * poly::evaluate(&units(3, 4), &ri);
    assert_eq!(poly::evaluate(&gates, &point), product);
    // A gate of zero admits zero alone.
    let table = Gated { bits: 5 };
    for v in -20..20_i64 {
        let index = |gate| LookupTable::<Fr>::index(&table, &[v, gate]);
        assert_eq!(index(0).is_some(), v == 0);
        assert_eq!(index(1).is_some(), v.abs() < 16);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// (26) as a claim at a point, on random shapes.
    #[test]
    fn equation_26_at_a_point(
        widths in prop::collection::vec(1usize..5, 2..4),
        batch in 1usize..4,
        steps in 1usize..4,
        seed: u64,
    ) {
        let run = Run::new(&widths, batch, steps, seed);
        let (samples, padded) = run.padded();
        let l = widths.len() - 1;
        let r = random(&mut rng(seed), num_vars(widths[l]) + num_vars(widths[l - 1]) + 1);
        let (rj, rest) = r.split_at(num_vars(widths[l]));
        let evaluate = |weights: &Weights| int::evaluate(&weight_values(weights, l - 1), &r);
        let mut update = Fr::ZERO;
        for (b, t) in (0..samples).flat_map(|b| (0..padded).map(move |t| (b, t))) {
            let a: Vec<Fr> = (0..2 * run.padded_width(l - 1))
                .map(|i| Fr::from(run.at(&format!("A{} with bias", l - 1), b, t, i)))
                .collect();
            let g: Vec<Fr> = (0..run.padded_width(l))
                .map(|j| Fr::from(run.at(&format!("G{l}"), b, t, j)))
                .collect();
            update += poly::evaluate(&a, rest) * poly::evaluate(&g, rj);
        }
        let before = evaluate(&run.weights[0]);
        prop_assert_eq!(evaluate(&run.weights[steps]), before - Fr::from(run.rate) * update);
    }
}

//! The lookup argument against its textbook form, its true columns and its cheats.
use super::*;
use crate::poly::Fraction;
use crate::{
    gkr::{
        Function,
        table::{Activation, Relu, Signed, Unsigned},
    },
    poly::{self, eq_evals},
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::{Expr, Mask, MaskPlan, ProverChannel, VerifierChannel},
};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand, Zero};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) type Columns = Vec<Vec<Arc<Vec<i64>>>>;

pub(super) struct Instance {
    shape: LookupShape<Fr>,
    pub(super) columns: Columns,
    multiplicities: Vec<Arc<Vec<i64>>>,
}

/// A user's table: `(x, |x|)` for signed `x` of four bits.
struct Absolute;

impl LookupTable<Fr> for Absolute {
    fn id(&self) -> Vec<u8> {
        b"absolute".to_vec()
    }
    fn num_vars(&self) -> usize {
        4
    }
    fn arity(&self) -> usize {
        2
    }
    fn entry(&self, index: usize, tuple: &mut [i64]) {
        LookupTable::<Fr>::entry(&Signed { bits: 4 }, index, &mut tuple[..1]);
        tuple[1] = tuple[0].abs();
    }
    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let index = LookupTable::<Fr>::index(&Signed { bits: 4 }, &tuple[..1])?;
        (tuple[1] == tuple[0].abs()).then_some(index)
    }
    fn evaluate(&self, x: &[Fr]) -> Vec<Fr> {
        let low = x[0] + x[1].double() + x[2].double().double();
        let eight = Fr::from(8u64);
        vec![low - eight * x[3], low + x[3] * (eight - low.double())]
    }
}

fn tables() -> Vec<Arc<dyn LookupTable<Fr>>> {
    vec![
        Arc::new(Unsigned { bits: 3 }),
        Arc::new(Relu { bits: 4 }),
        Arc::new(Signed { bits: 2 }),
        Arc::new(Unsigned { bits: 0 }),
        Arc::new(Signed { bits: 5 }),
        Arc::new(Absolute),
        Arc::new(Activation::new(Function::Gelu, 4, 2, Some(3)).unwrap()),
        Arc::new(Activation::new(Function::Sigmoid, 5, 3, None).unwrap()),
    ]
}

/// Random tables in random order, lookups of random sizes, some cut short.
fn instance(seed: u64, max_vars: usize) -> Instance {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let tables: Vec<_> = (0..rng.gen_range(1..5))
        .map(|_| tables()[rng.gen_range(0..8)].clone())
        .collect();
    let lookups: Vec<(usize, usize)> = (0..rng.gen_range(0..6))
        .map(|_| (rng.gen_range(0..tables.len()), rng.gen_range(0..=max_vars)))
        .collect();
    let columns = lookups
        .iter()
        .map(|(t, m)| random_lookup(&*tables[*t], *m, rng))
        .collect();
    build(lookups, tables, columns)
}

fn random_lookup(
    table: &dyn LookupTable<Fr>,
    m: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Arc<Vec<i64>>> {
    let len = match rng.gen_range(0..3) {
        0 => rng.gen_range(0..=1usize << m),
        _ => 1 << m,
    };
    let mut columns = vec![Vec::new(); table.arity()];
    for _ in 0..len {
        let mut tuple = vec![0; table.arity()];
        table.entry(rng.gen_range(0..1 << table.num_vars()), &mut tuple);
        columns.iter_mut().zip(tuple).for_each(|(c, v)| c.push(v));
    }
    columns.into_iter().map(Arc::new).collect()
}

fn build(
    lookups: Vec<(usize, usize)>,
    tables: Vec<Arc<dyn LookupTable<Fr>>>,
    columns: Columns,
) -> Instance {
    let shape = LookupShape::new(lookups, tables).unwrap();
    let counts = count_multiplicities(&shape, &columns).unwrap();
    Instance {
        shape,
        columns,
        multiplicities: counts.into_iter().map(Arc::new).collect(),
    }
}

impl Instance {
    pub(super) fn prove(&self) -> (Vec<u8>, LookupEvaluations<Fr>) {
        let mut channel = ProverChannel::new(b"test", b"");
        let evals = prove(
            &self.shape,
            &self.columns,
            &self.multiplicities,
            &mut channel,
        );
        (channel.finish(), evals)
    }

    pub(super) fn verify(&self, proof: &[u8]) -> Result<LookupClaims<Fr>, VerifyError> {
        let mut channel = VerifierChannel::new(b"test", b"", proof);
        let claims = verify(&self.shape, &mut channel)?;
        channel.finish()?;
        Ok(claims)
    }

    /// Whether a proof by the honest algorithm is accepted with claims that hold for the columns.
    fn accepted(&self) -> bool {
        let (proof, _) = self.prove();
        self.verify(&proof).is_ok_and(|claims| self.hold(&claims))
    }

    pub(super) fn hold(&self, claims: &LookupClaims<Fr>) -> bool {
        let value = |column: &Vec<i64>, m: usize| {
            let evals: Vec<Fr> = column.iter().map(|v| Fr::from(*v)).collect();
            Expr::known(poly::evaluate(&evals, &claims.point[..m]))
        };
        let lookups = self.columns.iter().zip(self.shape.lookups());
        let columns: Vec<Vec<Expr<Fr>>> = lookups
            .map(|(tuple, (_, m))| tuple.iter().map(|c| value(c, *m)).collect())
            .collect();
        let tables = self.multiplicities.iter().zip(self.shape.tables());
        let multiplicities: Vec<Expr<Fr>> = tables.map(|(c, t)| value(c, t.num_vars())).collect();
        columns == claims.columns && multiplicities == claims.multiplicities
    }

    /// The textbook prover: everything is a dense table of field elements. `alter` may change the leaves.
    pub(super) fn naive_proof(&self, alter: &dyn Fn(&mut [Fraction<Fr>])) -> Vec<u8> {
        let mut channel = ProverChannel::new(b"test", b"");
        let fingerprint = Fingerprint::draw(&self.shape, &mut channel);
        let mut leaves = self.dense_leaves(&fingerprint);
        alter(&mut leaves);
        let mut layers = vec![leaves];
        while layers[layers.len() - 1].len() > 1 {
            let below = &layers[layers.len() - 1];
            layers.push(below.chunks(2).map(|p| p[0].add(&p[1])).collect());
        }
        let root = layers.pop().unwrap()[0];
        channel.send("lookup root", &root.d);
        let mut point: Vec<Fr> = Vec::new();
        let (mut n, mut d) = (root.n, root.d);
        for layer in layers.into_iter().rev() {
            let lambda: Fr = channel.challenge("lookup lambda", 1);
            let half = lambda / Fr::from(2u64);
            let of = |f: &dyn Fn(&[Fraction<Fr>]) -> Fr| {
                Table::Field(layer.chunks(2).map(f).collect::<Vec<Fr>>())
            };
            let tables = vec![
                Table::Field(eq_evals(&point)),
                of(&|p| p[0].n + half * p[0].d),
                of(&|p| p[1].n + half * p[1].d),
                of(&|p| p[0].d),
                of(&|p| p[1].d),
            ];
            let product = |factors: [usize; 3]| Product {
                coefficient: Fr::ONE,
                factors: factors.to_vec(),
                num_vars: point.len(),
            };
            let products = vec![product([0, 1, 4]), product([0, 2, 3])];
            let mut prover = SumOfProducts::new(point.len(), tables, products);
            let (next, _) = sumcheck::prove(&mut prover, n + lambda * d, &mut channel);
            let evals = prover.final_evaluations();
            channel.send_all("lookup gate", &evals[1..]);
            let rho: Fr = channel.challenge("lookup rho", 1);
            point = [vec![rho], next].concat();
            d = evals[3] + rho * (evals[4] - evals[3]);
            n = evals[1] + rho * (evals[2] - evals[1]) - half * d;
        }
        for (tuple, (_, m)) in self.columns.iter().zip(self.shape.lookups()) {
            for column in tuple {
                channel.send("lookup column", &poly::int::evaluate(column, &point[..*m]));
            }
        }
        for (column, table) in self.multiplicities.iter().zip(self.shape.tables()) {
            let value = poly::int::evaluate(column, &point[..table.num_vars()]);
            channel.send("lookup multiplicity", &value);
        }
        channel.finish()
    }

    fn dense_leaves(&self, fingerprint: &Fingerprint<Fr>) -> Vec<Fraction<Fr>> {
        let mut leaves = vec![Fraction::zero(); 1 << self.shape.num_vars()];
        for block in &self.shape.blocks {
            for x in 0..1usize << block.num_vars {
                let (table, tuple, n) = match block.kind {
                    Kind::Lookup(i) => {
                        let at = |c: &Arc<Vec<i64>>| c.get(x).copied().unwrap_or(0);
                        let tuple: Vec<i64> = self.columns[i].iter().map(at).collect();
                        (self.shape.lookups[i].0, tuple, Fr::ONE)
                    }
                    Kind::Table(t) => {
                        let mut tuple = vec![0; self.shape.tables[t].arity()];
                        self.shape.tables[t].entry(x, &mut tuple);
                        (t, tuple, -Fr::from(self.multiplicities[t][x]))
                    }
                };
                let mut d = fingerprint.shift(table);
                for (v, power) in tuple.iter().zip(&fingerprint.powers) {
                    d -= Fr::from(*v) * power;
                }
                leaves[block.offset + x] = Fraction { n, d };
            }
        }
        leaves
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Completeness; the claims are true; the fast prover sends the textbook's bytes.
    #[test]
    fn proofs_are_accepted_and_those_of_the_textbook(seed: u64) {
        let instance = instance(seed, 7);
        let (proof, evals) = instance.prove();
        prop_assert_eq!(&proof, &instance.naive_proof(&|_| ()));
        let claims = instance.verify(&proof).unwrap();
        prop_assert!(instance.hold(&claims));
        prop_assert_eq!(evals.point, claims.point);
        let known = |v: &Vec<Fr>| v.iter().map(|v| Expr::known(*v)).collect::<Vec<_>>();
        prop_assert_eq!(evals.columns.iter().map(known).collect::<Vec<_>>(), claims.columns);
        prop_assert_eq!(known(&evals.multiplicities), claims.multiplicities);
    }

    /// With pads: what travels is random, all constraints hold for the true pads, and the claims
    /// are those of the columns.
    #[test]
    fn masked_proofs_leave_true_constraints(seed: u64) {
        let instance = instance(seed, 4);
        let plan = plan(&instance.shape);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let pads: Vec<Fr> = (0..plan.num_pads).map(|_| Fr::rand(rng)).collect();
        let (constraints, claims, evals) = masked(&instance, &pads);
        for (value, check) in constraints {
            prop_assert_eq!(value, Fr::ZERO, "{}", check);
        }
        prop_assert_eq!(claims, evals);
    }

    /// With pads, a false statement leaves a constraint that does not hold.
    #[test]
    fn masked_cheats_leave_a_false_constraint(seed: u64) {
        let mut instance = instance(seed, 4);
        let t = seed as usize % instance.multiplicities.len();
        Arc::make_mut(&mut instance.multiplicities[t])[0] += 1;
        let plan = plan(&instance.shape);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let pads: Vec<Fr> = (0..plan.num_pads).map(|_| Fr::rand(rng)).collect();
        let (constraints, ..) = masked(&instance, &pads);
        prop_assert!(constraints.iter().any(|(value, _)| !value.is_zero()));
    }

    /// One value changed by one somewhere, or one multiplicity: refused, or its claims are false.
    #[test]
    fn wrong_columns_and_counts_are_refused(seed: u64, by in prop_oneof![Just(1i64), Just(-1), Just(1 << 40)]) {
        let instance = instance(seed, 4);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let t = rng.gen_range(0..instance.multiplicities.len());
        let y = rng.gen_range(0..instance.multiplicities[t].len());
        let mut cheat = Instance {
            multiplicities: instance.multiplicities.clone(),
            columns: instance.columns.clone(),
            shape: instance.shape.clone(),
        };
        Arc::make_mut(&mut cheat.multiplicities[t])[y] += by;
        prop_assert!(!cheat.accepted());

        let mut cheat = instance;
        let Some(column) = cheat.columns.first_mut().and_then(|t| t.first_mut()) else {
            return Ok(());
        };
        if column.is_empty() {
            return Ok(());
        }
        let x = rng.gen_range(0..column.len());
        Arc::make_mut(column)[x] += by;
        prop_assert!(!cheat.accepted());
    }
}

fn plan(shape: &LookupShape<Fr>) -> MaskPlan {
    let mut channel = VerifierChannel::dry_run(true);
    let _ = verify(shape, &mut channel).unwrap();
    channel.plan().clone()
}

/// Runs a masked proof and evaluates constraints and claims at the true pads; the last is what
/// the prover says.
fn masked(instance: &Instance, pads: &[Fr]) -> (Vec<(Fr, &'static str)>, Vec<Fr>, Vec<Fr>) {
    let mut channel = ProverChannel::new(b"test", b"");
    channel.mask_with(pads.to_vec());
    let evals = prove(
        &instance.shape,
        &instance.columns,
        &instance.multiplicities,
        &mut channel,
    );
    assert_eq!(channel.pads_left(), 0);
    let proof = channel.finish();
    let mut channel = VerifierChannel::new(b"test", b"", &proof);
    channel.masked();
    let claims = verify(&instance.shape, &mut channel).unwrap();
    assert_eq!(claims.point, evals.point);
    let plan = channel.plan().clone();
    assert_eq!(plan, self::plan(&instance.shape));
    let value = |expr: &Expr<Fr>| {
        let term = |(mask, c): &(Mask, Fr)| {
            *c * match mask {
                Mask::Pad(i) => pads[*i],
                Mask::Product(k) => pads[plan.products[*k].0] * pads[plan.products[*k].1],
            }
        };
        expr.constant() + expr.terms().iter().map(term).sum::<Fr>()
    };
    let constraints = channel.take_constraints();
    channel.finish().unwrap();
    let constraints = constraints
        .iter()
        .map(|c| (value(&c.expr), c.check))
        .collect();
    let exprs = claims
        .columns
        .iter()
        .flatten()
        .chain(&claims.multiplicities);
    let evals = evals.columns.iter().flatten().chain(&evals.multiplicities);
    (
        constraints,
        exprs.map(value).collect(),
        evals.copied().collect(),
    )
}

/// One lookup of a pair, one of a range, and tables of both kinds.
pub(super) fn example() -> Instance {
    let pair = vec![
        Arc::new(vec![3, -5, 0, 7, -8, 1, 2]),
        Arc::new(vec![1, 0, 0, 1, 0, 1, 1]),
    ];
    let range = vec![Arc::new(vec![3, 0, 1, 2])];
    build(
        vec![(0, 3), (1, 2)],
        vec![
            Arc::new(Relu { bits: 4 }),
            Arc::new(Unsigned { bits: 2 }),
            Arc::new(Signed { bits: 2 }),
        ],
        vec![pair, range],
    )
}

#[test]
fn cheats_are_refused() {
    assert!(example().accepted());
    let cheat = |change: &dyn Fn(&mut Instance)| {
        let mut instance = example();
        change(&mut instance);
        assert!(!instance.accepted());
        instance
    };
    let set = |i: &mut Instance, lookup: usize, component: usize, x: usize, v: i64| {
        Arc::make_mut(&mut i.columns[lookup][component])[x] = v;
    };
    // A bit flipped, with and without a multiplicity to go with it.
    cheat(&|i| set(i, 0, 1, 0, 0));
    cheat(&|i| {
        set(i, 0, 1, 0, 0);
        Arc::make_mut(&mut i.multiplicities[0])[3] -= 1;
    });
    // Bits of two positions exchanged: each component alone is a permutation of the truth.
    cheat(&|i| {
        set(i, 0, 1, 0, 0);
        set(i, 0, 1, 1, 1);
    });
    // Out of range, by one and by far.
    for v in [4, -1, 1 << 20, 1 << 40, i64::MAX, i64::MIN] {
        cheat(&|i| set(i, 1, 0, 1, v));
        cheat(&|i| set(i, 0, 0, 1, v));
    }
    // An entry counted in the column of another table.
    cheat(&|i| {
        Arc::make_mut(&mut i.multiplicities[1])[1] -= 1;
        Arc::make_mut(&mut i.multiplicities[2])[1] += 1;
    });
    // A value of another table: -1 is in the third, and counted there.
    cheat(&|i| {
        set(i, 1, 0, 1, -1);
        Arc::make_mut(&mut i.multiplicities[1])[0] -= 1;
        Arc::make_mut(&mut i.multiplicities[2])[3] += 1;
    });
    // A legitimate change is no cheat.
    let mut instance = example();
    set(&mut instance, 1, 0, 1, 1);
    let again = build(
        instance.shape.lookups.clone(),
        instance.shape.tables.clone(),
        instance.columns,
    );
    assert!(again.accepted());
}

/// The same fraction sum, another statement: shape and tables are bound.
#[test]
fn proofs_are_bound_to_the_shape() {
    let instance = example();
    let (proof, _) = instance.prove();
    let verify_as = |lookups: Vec<(usize, usize)>, tables: Vec<Arc<dyn LookupTable<Fr>>>| {
        let shape = LookupShape::new(lookups, tables).unwrap();
        let mut channel = VerifierChannel::new(b"test", b"", &proof);
        verify(&shape, &mut channel).and_then(|_| channel.finish())
    };
    let (lookups, tables) = (&instance.shape.lookups, &instance.shape.tables);
    assert_eq!(verify_as(lookups.clone(), tables.clone()), Ok(()));
    assert!(verify_as(vec![(0, 3), (2, 2)], tables.clone()).is_err());
    assert!(verify_as(vec![(0, 2), (1, 2)], tables.clone()).is_err());
    assert!(verify_as(vec![(0, 3)], tables.clone()).is_err());
    let mut other = tables.clone();
    other.swap(1, 2);
    assert!(verify_as(lookups.clone(), other).is_err());
}

#[test]
fn every_altered_message_is_refused() {
    let instance = example();
    let (proof, _) = instance.prove();
    for i in 0..proof.len() / 32 {
        let mut altered = proof.clone();
        let message = &mut altered[32 * i..32 * (i + 1)];
        let value = Fr::from(num_from(message)) + Fr::ONE;
        ark_serialize::CanonicalSerialize::serialize_compressed(&value, message).unwrap();
        assert!(instance.verify(&altered).is_err(), "message {i}");
        assert!(instance.verify(&proof[..32 * i]).is_err());
    }
    assert!(instance.verify(&[&proof[..], &[0; 32]].concat()).is_err());
}

fn num_from(message: &[u8]) -> Fr {
    ark_serialize::CanonicalDeserialize::deserialize_compressed(message).unwrap()
}

#[test]
fn zero_denominator_at_the_root_is_refused() {
    let instance = example();
    let (mut proof, _) = instance.prove();
    proof[..32].fill(0);
    assert_eq!(
        instance.verify(&proof).err(),
        Some(VerifyError::CheckFailed {
            check: crate::check::Check::LookupRoot.name()
        })
    );
}

#[test]
fn tuples_outside_are_located() {
    let mut instance = example();
    Arc::make_mut(&mut instance.columns[0][1])[4] = 1;
    assert_eq!(
        count_multiplicities(&instance.shape, &instance.columns),
        Err(NotInTable {
            lookup: 0,
            position: 4,
            tuple: vec![-8, 1]
        })
    );
}

#[test]
fn shapes_are_validated() {
    let tables = || vec![Arc::new(Unsigned { bits: 2 }) as Arc<dyn LookupTable<Fr>>];
    let error = |lookups, tables| match LookupShape::new(lookups, tables).err() {
        Some(VerifyError::Statement(error)) => error,
        other => panic!("{other:?}"),
    };
    let expected = StatementError::LookupTable {
        lookup: 0,
        table: 1,
        tables: 1,
    };
    assert_eq!(error(vec![(1, 2)], tables()), expected);
    let expected = StatementError::LookupVars {
        lookup: 0,
        num_vars: 41,
        max: 40,
    };
    assert_eq!(error(vec![(0, 41)], tables()), expected);
    let expected = StatementError::LookupEntries { max_vars: 40 };
    assert_eq!(error(vec![(0, 40); 2], tables()), expected);
    let wide: Arc<dyn LookupTable<Fr>> = Arc::new(Unsigned { bits: 33 });
    let expected = StatementError::TableShape {
        table: 0,
        num_vars: 33,
        arity: 1,
    };
    assert_eq!(error(vec![], vec![wide]), expected);
    let empty = build(vec![], vec![], vec![]);
    assert!(empty.accepted());
    assert!(build(vec![], tables(), vec![]).accepted());
    assert!(build(vec![(0, 0)], tables(), vec![vec![Arc::new(vec![])]]).accepted());
}

/// A lookup that spans several threads and all kernels, with a tail that is not stored.
#[test]
fn long_columns_are_accepted() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let table: Arc<dyn LookupTable<Fr>> = Arc::new(Signed { bits: 6 });
    let relu: Arc<dyn LookupTable<Fr>> = Arc::new(Relu { bits: 9 });
    let cut = (0..40_001).map(|_| rng.gen_range(-32..32)).collect();
    let pair = random_lookup(&*relu, 14, rng);
    let columns = vec![
        vec![Arc::new(cut)],
        pair,
        random_lookup(&*table, 13, rng),
        random_lookup(&*table, 1, rng),
        random_lookup(&*table, 0, rng),
    ];
    let lookups = vec![(0, 16), (1, 14), (0, 13), (0, 1), (0, 0)];
    let instance = build(lookups, vec![table, relu], columns);
    assert_eq!(instance.prove().0, instance.naive_proof(&|_| ()));
    assert!(instance.accepted());
}

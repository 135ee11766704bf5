//! Cheats against a part of the protocol, where a whole proof would only blur what is shown.
use super::*;
use crate::{
    commit::{
        Combination, RowCommitments, Shape,
        hadamard::{self, MaskLayout, Masks},
        linear, msm,
        opening::{self, Columns, FoldRows, FormClaim},
    },
    error::ProveError,
    gkr::table::{LookupTable, Signed, Unsigned},
    nn::{
        argument::{Argument, PublicInput, Source},
        fixed,
        relation::{Committed, Index, TensorId, at, term},
    },
    transcript::{Challenger, Constraint, Expr, Mask, MaskPlan, ProverChannel, VerifierChannel},
};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, UniformRand};

/// `P = 2^w H + remainder` for all `P`, with or without a range on `H`, which is written in digits
/// of 50 bits so that a prover may commit to any field element.
struct Rounding {
    relation: Arc<Relation<F>>,
    committed: Vec<Committed>,
    digits: Vec<TensorId>,
    h: TensorId,
    limbs: [TensorId; 2],
    p: TensorId,
}

const DIGIT: u32 = 50;

impl Rounding {
    fn new(ranged: bool) -> Self {
        let mut relation = Relation::new();
        let n = 2;
        let over = [Index::from(relation.axis(n))];
        let mut committed = Vec::new();
        let mut commit = |relation: &mut Relation<F>, name: &str, n: usize| {
            let tensor = relation.input(name, &[n]);
            let real = std::iter::once(0..1 << n).collect();
            committed.push(Committed {
                tensor,
                num_vars: n,
                real,
            });
            tensor
        };
        let p = relation.input("P", &[n]);
        let digits: Vec<_> = (0..6).map(|_| commit(&mut relation, "digit", n)).collect();
        let low = commit(&mut relation, "low limb", n);
        let terms = digits.iter().enumerate().map(|(k, d)| {
            term(
                F::from(2u64).pow([u64::from(DIGIT) * k as u64]),
                [at(*d, &over)],
                &over,
            )
        });
        let terms = terms.collect();
        let h = relation.define("H", &[n], terms);
        let scale = F::from(16u64).inverse().unwrap();
        let terms = vec![
            term(scale, [at(p, &over)], &over),
            term(-scale * F::from(256u64), [at(h, &over)], &over),
            term(-scale, [at(low, &over)], &over),
        ];
        let top = relation.define("top limb", &[n], terms);
        let tables: [(Arc<dyn LookupTable<F>>, usize); 3] = [
            (Arc::new(Unsigned { bits: 4 }), 4),
            (Arc::new(Signed { bits: 4 }), 4),
            (Arc::new(Signed { bits: 9 }), 9),
        ];
        let columns = [low, top, h];
        for ((table, bits), column) in tables
            .into_iter()
            .zip(columns)
            .take(2 + usize::from(ranged))
        {
            let uses = commit(&mut relation, "uses", bits);
            let number = relation.table(table, uses);
            relation.lookup("a range", number, &[column]);
        }
        Self {
            relation: Arc::new(relation),
            committed,
            digits,
            h,
            limbs: [low, top],
            p,
        }
    }

    /// Proves that `h` is the rounding of `p`, with these remainders, and verifies.
    fn verdict(&self, p: &[i64], h: &[F], rests: &[i64], hiding: bool) -> Result<(), VerifyError> {
        let mut argument = Argument::new(self.relation.clone(), &self.committed, 5, hiding);
        let public = p.to_vec();
        let public: PublicInput<F> = Arc::new(move |r: &[F]| poly::int::evaluate(&public, r));
        argument.input(self.p, Source::Public(public));
        let mut values = Values::new();
        values.insert(self.p, Arc::new(p.to_vec()));
        for (k, id) in self.digits.iter().enumerate() {
            let digit = |h: &F| {
                let bits = h.into_bigint().to_bits_le();
                let bits = bits
                    .into_iter()
                    .skip(k * DIGIT as usize)
                    .take(DIGIT as usize);
                bits.enumerate().map(|(i, b)| i64::from(b) << i).sum()
            };
            values.insert(*id, Arc::new(h.iter().map(digit).collect()));
        }
        // What the prover says of H where it is looked up: the true rounding.
        let honest: Vec<i64> = p
            .iter()
            .map(|p| fixed::round(8, i128::from(*p)) as i64)
            .collect();
        if self.relation.lookups.len() == 3 {
            values.insert(self.h, Arc::new(honest));
        }
        values.insert(
            self.limbs[0],
            Arc::new(rests.iter().map(|r| r & 15).collect()),
        );
        values.insert(
            self.limbs[1],
            Arc::new(rests.iter().map(|r| r >> 4).collect()),
        );
        count(&self.relation, &mut values);
        let proof = argument
            .prove::<C>(b"rounding", &values, &[], false)
            .unwrap();
        let pending = argument.verify::<C>(b"rounding", &[], &proof)?;
        Pending::check_all(&[pending])
    }
}

/// Without a range on `H` every remainder has an `H` that fits, a field element: accepted. With it
/// only the rounding is.
#[test]
fn a_free_h_fits_any_remainder() {
    let p = [12_345, -777, 0, 128];
    let inverse = F::from(256u64).inverse().unwrap();
    let forged_rests = [5, -128, 127, 1];
    let forge = |(p, r): (&i64, &i64)| (F::from(*p) - F::from(*r)) * inverse;
    let forged: Vec<F> = p.iter().zip(&forged_rests).map(forge).collect();
    let rounded = p.map(|p| fixed::round(8, i128::from(p)) as i64);
    let true_rests: Vec<i64> = p.iter().zip(rounded).map(|(p, h)| p - (h << 8)).collect();
    let rounded = rounded.map(F::from);
    assert!(forged.iter().zip(&rounded).all(|(a, b)| a != b));
    for hiding in [false, true] {
        for ranged in [false, true] {
            // Negative numbers need no digits of their own here: they are field elements.
            let rounding = Rounding::new(ranged);
            assert_eq!(rounding.verdict(&p, &rounded, &true_rests, hiding), Ok(()));
            let expected = match (ranged, hiding) {
                (false, _) => Ok(()),
                (true, false) => Err(fails(PUBLIC)),
                (true, true) => Err(VerifyError::Opening),
            };
            let result = rounding.verdict(&p, &forged, &forged_rests, hiding);
            assert_eq!(result.map_err(innermost), expected);
        }
    }
}

/// The last stage of a proof by hand: one row `(x)` folded with the weight `omega`, and masks.
///
/// A received scalar `X` is masked by pad 0; one product `X Y` is used; the opening says that the
/// folded row is `X - p_0`.
struct LastStage {
    layout: MaskLayout,
    masks: Masks<F>,
    /// What the row commits to on the pad generators.
    hidden: Vec<F>,
    row: F,
    blindings: [F; 2],
}

impl LastStage {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let layout = MaskLayout::new(MaskPlan {
            num_pads: 2,
            products: vec![(0, 1)],
        });
        let masks = Masks::draw(layout.clone(), rng);
        Self {
            hidden: vec![F::ZERO; layout.len()],
            layout,
            masks,
            row: F::rand(rng),
            blindings: [F::rand(rng), F::rand(rng)],
        }
    }

    /// `received` are `X` and `Y`, fixed before `omega`. Checks that the row times `omega` is `x` and
    /// that `X Y = product` without their pads; `draw` is whether `mu` is drawn, or one.
    fn accepted(&self, received: [F; 2], omega: F, product: F, draw: bool) -> bool {
        let layout = &self.layout;
        let shape = Shape {
            columns: 1,
            pads: layout.len(),
        };
        let gens = Generators::<C>::get(1, layout.len());
        let rng = &mut ChaCha20Rng::seed_from_u64(3);
        let mut masks = Masks::draw(layout.clone(), rng);
        masks.vector_mut().clone_from_slice(self.masks.vector());
        let [rho, sigma] = self.blindings;
        let c_masks = msm::full::<C>(gens.pads(), masks.vector()) + gens.blind(&rho);
        let c_row = gens.columns()[0] * self.row
            + msm::full::<C>(gens.pads(), &self.hidden)
            + gens.blind(&sigma);

        // The verifier's expressions.
        let mut dry = VerifierChannel::<F>::dry_run(true);
        let x = dry
            .receive("X")
            .unwrap()
            .plus(F::ONE, &Expr::known(received[0]));
        let y = dry
            .receive("Y")
            .unwrap()
            .plus(F::ONE, &Expr::known(received[1]));
        let xy = dry.multiply(&x, &y).unwrap();
        let constraint = Constraint {
            expr: xy.minus(&Expr::known(product)),
            check: "the product",
        };
        assert_eq!(dry.plan(), layout.plan());

        let prove = |proof: Option<&[u8]>| {
            // Both sides in one: the prover makes the proof, the verifier checks it.
            let mut prover = ProverChannel::<F>::new(b"last stage", b"");
            let mut verifier = VerifierChannel::<F>::new(b"last stage", b"", proof.unwrap_or(&[]));
            let e = prover.challenge("e", 2);
            assert_eq!(e, verifier.challenge("e", 2));
            // Answers for the vector that will be opened with `mu = 1`.
            let mut total = Masks::draw(layout.clone(), &mut ChaCha20Rng::seed_from_u64(3));
            for (t, (m, h)) in total
                .vector_mut()
                .iter_mut()
                .zip(masks.vector().iter().zip(&self.hidden))
            {
                *t = *m + omega * h;
            }
            let responses = total.prove(e, &mut prover);
            if proof.is_some() {
                assert_eq!(hadamard::receive(layout, &mut verifier).unwrap(), responses);
            }
            let delta: F = prover.challenge("delta", 1);
            let _: F = verifier.challenge("delta", 1);
            let constraints = std::slice::from_ref(&constraint);
            let form = hadamard::combine(layout, &x, constraints, e, &responses, delta);
            let (drawn, _): (F, F) = (prover.challenge("mu", 2), verifier.challenge("mu", 2));
            let mu = if draw { drawn } else { F::ONE };
            let mut coefficients = vec![mu.inverse().unwrap()];
            coefficients.extend(&form.coefficients);
            let claim = linear::LinearForm {
                shape,
                coefficients: &coefficients,
                value: form.value,
                hiding: true,
            };
            match proof {
                None => {
                    let mut vector = vec![mu * omega * self.row];
                    let pads = masks.vector().iter().zip(&self.hidden);
                    vector.extend(pads.map(|(m, h)| *m + mu * omega * h));
                    let opening = linear::Opening {
                        vector: &vector,
                        blinding: rho + mu * omega * sigma,
                    };
                    linear::prove(
                        &gens,
                        &claim,
                        &opening,
                        &mut ChaCha20Rng::seed_from_u64(4),
                        &mut prover,
                    );
                    Ok(prover.finish())
                }
                Some(_) => {
                    let mut combination = Combination::<C>::point(c_masks.into());
                    let row = RowCommitments {
                        rows: vec![c_row.into()],
                    };
                    combination.add_rows(&[mu * omega], &row).unwrap();
                    let equation = linear::verify(&claim, &combination, &mut verifier).unwrap();
                    verifier.finish().unwrap();
                    equation.check(&gens).map(|()| Vec::new())
                }
            }
        };
        let proof = prove(None).unwrap();
        prove(Some(&proof)).is_ok()
    }
}

/// A constant on the pad generators of a row makes a value that was sent before a challenge follow
/// the challenge: with `omega` drawn after `X`, the prover opens `X` to anything that is affine in
/// `omega`. With `mu` fixed to one this passes; with `mu` drawn it does not.
#[test]
fn a_constant_in_the_pad_slots() {
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let mut stage = LastStage::new(rng);
    let pads = stage.masks.pads().to_vec();
    let y = F::rand(rng);
    let omega = F::rand(rng);
    // Honest: the row times omega is what was sent, the product is the product.
    let received = |x: F| [x + pads[0], y + pads[1]];
    let x = omega * stage.row;
    for draw in [false, true] {
        assert!(stage.accepted(received(x), omega, x * y, draw));
        assert!(!stage.accepted(received(x), omega, x * y + F::ONE, draw));
        assert!(!stage.accepted(received(x + F::ONE), omega, (x + F::ONE) * y, draw));
    }
    // `X` says zero. A component `-row` at the pad of `X`, and what belongs to it at the product and
    // at the cross terms, makes it say `omega row` after all.
    let sent = received(F::ZERO);
    let hidden = -stage.row;
    let slot_of = |n: usize| stage.layout.factor_slot(n);
    let n = stage.masks.vector()[slot_of(1)];
    let slots = [
        (stage.layout.slot(Mask::Pad(0)), hidden),
        (stage.layout.slot(Mask::Product(0)), hidden * pads[1]),
        (stage.layout.cross_slot(0, 0), hidden * n),
    ];
    for (slot, value) in slots {
        stage.hidden[slot] = value;
    }
    assert!(stage.accepted(sent, omega, x * y, false));
    assert!(!stage.accepted(sent, omega, x * y, true));
    // A lone constant at the product's slot does not even satisfy the product proof.
    stage.hidden.fill(F::ZERO);
    stage.hidden[stage.layout.slot(Mask::Product(0))] = omega.inverse().unwrap();
    for draw in [false, true] {
        assert!(!stage.accepted(received(x), omega, x * y + F::ONE, draw));
    }
}

/// A product of pads that is not the product, so that a product of values is off by one; with the
/// cross terms altered too.
#[test]
fn a_false_pad_product() {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    for cross in [F::ZERO, F::ONE, F::rand(rng)] {
        let mut stage = LastStage::new(rng);
        let (y, omega) = (F::rand(rng), F::rand(rng));
        let x = omega * stage.row;
        let product = stage.layout.slot(Mask::Product(0));
        let [t, u] = [0, 1].map(|part| stage.layout.cross_slot(part, 0));
        let vector = stage.masks.vector_mut();
        vector[product] += F::ONE;
        vector[t] -= cross;
        vector[u] += cross;
        let pads = stage.masks.pads().to_vec();
        let received = [x + pads[0], y + pads[1]];
        assert!(!stage.accepted(received, omega, x * y + F::ONE, true));
        assert!(!stage.accepted(received, omega, x * y, true));
    }
}

/// Rows that hold more than their tensor.
struct LongRows(Vec<Vec<F>>);

impl FoldRows<F> for LongRows {
    fn fold_rows(&self, matrix: usize, rows: &[F]) -> Vec<F> {
        self.0[matrix].iter().map(|x| rows[0] * x).collect()
    }
}

/// What a row holds beyond its tensor is not read: the value without it is the one that opens.
#[test]
fn tails_of_rows_are_ignored() {
    let rng = &mut ChaCha20Rng::seed_from_u64(8);
    let mut random = |n: usize| (0..n).map(|_| F::rand(rng)).collect::<Vec<_>>();
    let rows = LongRows(vec![random(16), random(16)]);
    let (short, long) = (random(2), random(4));
    let head = poly::evaluate(&rows.0[0][..4], &short);
    let whole = poly::evaluate(&rows.0[0], &[short.clone(), random(2)].concat());
    for (value, accepted) in [(head, true), (whole, false), (head + F::ONE, false)] {
        let claim = |matrix, point: &[F], value| FormClaim {
            matrix,
            rows: vec![F::ONE],
            columns: Columns::Eq(point.to_vec()),
            value,
        };
        let full = poly::evaluate(&rows.0[1], &long);
        let claims = vec![claim(0, &short, value), claim(1, &long, full)];
        let mut channel = ProverChannel::new(b"test", b"");
        let (_, vector) = opening::prove(claims.clone(), 4, &rows, &mut channel);
        let proof = channel.finish();
        let mut channel = VerifierChannel::new(b"test", b"", &proof);
        let claims = claims.into_iter().map(|c| FormClaim {
            matrix: c.matrix,
            rows: c.rows,
            columns: c.columns,
            value: Expr::known(c.value),
        });
        let folded = opening::verify(claims.collect(), 4, &mut channel).unwrap();
        channel.finish().unwrap();
        let opened = poly::evaluate(&vector, &folded.point);
        assert_eq!(opened == folded.value.constant(), accepted);
    }
}

/// A definition adds a virtual tensor to a product: the claim on that tensor must still be reduced.
/// If the two had one level it would be left over, which neither side takes.
#[test]
fn a_direct_operand_is_reduced_too() {
    for hiding in [false, true] {
        assert_eq!(sum_with_product(0, false, hiding), Ok(()));
        let expected = if hiding {
            VerifyError::Opening
        } else {
            fails(PRODUCTS)
        };
        assert_eq!(sum_with_product(1, false, hiding), Err(expected));
        for error in [0, 1] {
            let left = sum_with_product(error, true, hiding).unwrap_err();
            assert!(matches!(left, VerifyError::Defect(_)), "{left}");
        }
    }
}

/// Proves `e = a b + c d` where `e` and the virtual `a b` are off by `error`.
fn sum_with_product(error: i64, careless: bool, hiding: bool) -> Result<(), VerifyError> {
    let mut relation = Relation::<F>::new();
    let over = [Index::from(relation.axis(2))];
    let inputs: Vec<TensorId> = ["a", "b", "c", "d", "e"]
        .map(|name| relation.input(name, &[2]))
        .into();
    let [a, b, c, d] = [0, 1, 2, 3].map(|k| at(inputs[k], &over));
    let v = relation.define("V", &[2], vec![term(F::ONE, [a, b], &over)]);
    let terms = vec![
        term(F::ONE, [at(v, &over)], &over),
        term(F::ONE, [c, d], &over),
    ];
    let x = relation.define("X", &[2], terms);
    relation.equal("e is the sum", inputs[4], x, x);
    assert!(relation.tensors[x.0].level > relation.tensors[v.0].level);
    let committed: Vec<Committed> = inputs
        .iter()
        .map(|tensor| Committed {
            tensor: *tensor,
            num_vars: 2,
            real: std::iter::once(0..4).collect(),
        })
        .collect();
    if careless {
        relation.tensors[x.0].level = relation.tensors[v.0].level;
    }
    let relation = Arc::new(relation);
    let argument = Argument::new(relation, &committed, 5, hiding);
    let mut values = Values::new();
    for (k, id) in inputs.iter().enumerate().take(4) {
        let column = (1..5).map(|i| i * (k as i64 + 2));
        values.insert(*id, Arc::new(column.collect()));
    }
    let ab = |i: i64| 6 * i * i + error;
    values.insert(v, Arc::new((1..5).map(ab).collect()));
    let e = (1..5).map(|i| ab(i) + 20 * i * i);
    values.insert(inputs[4], Arc::new(e.collect()));
    let proof = match argument.prove::<C>(b"sum", &values, &[], false) {
        // The verifier, on nothing, stops where the prover does.
        Err(ProveError::Statement(error)) => {
            assert_eq!(argument.errors::<C>(), Err(error.clone()));
            return Err(error);
        }
        proof => proof.unwrap(),
    };
    let pending = argument.verify::<C>(b"sum", &[], &proof)?;
    Pending::check_all(&[pending])
}

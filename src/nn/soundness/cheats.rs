//! A cheat for each check of a training proof, and of relations in general: see [`crate::cheats`].
use super::{
    witness::{
        Place, What,
        What::{H, S, Y},
        at, from_weights, lying, out_of_range, place,
    },
    *,
};
use crate::{
    check::{Check, Tried, judge},
    gkr::{
        function::Function,
        table::{Gated, LookupTable, Signed, Unsigned},
    },
    nn::{
        argument::{Argument, Source},
        op::{Nonlinearity, SLOPE_BITS},
        relation::{Committed, Index, Public, TensorId, at as operand, term},
    },
};
use ark_ff::Field;

/// Tries a cheat with hiding off and on. `refused_by` is the check that names it without hiding, where
/// the check itself is made by a lookup or an equality; with hiding all checks are put off to the opening.
pub(crate) fn tried(
    check: Check,
    refused_by: Check,
    cheat: impl Fn(bool) -> Result<(), VerifyError>,
) -> Tried {
    judge(
        check,
        || cheat(true),
        |error| error.is_check(Check::Opening),
    );
    judge(check, || cheat(false), |error| error.is_check(refused_by))
}

fn in_training(check: Check, by: Check, cheat: impl Fn(bool) -> Attempt) -> Tried {
    tried(check, by, |hiding| cheat(hiding).verdict())
}

/// A relation over four positions, with committed inputs.
struct Small {
    relation: Relation<F>,
    over: [Index; 1],
    committed: Vec<Committed>,
    /// Inputs that the verifier evaluates.
    public: Vec<(TensorId, Vec<i64>)>,
    values: Values,
}

impl Small {
    fn new() -> Self {
        let mut relation = Relation::new();
        let over = [Index::from(relation.axis(2))];
        Self {
            relation,
            over,
            committed: Vec::new(),
            public: Vec::new(),
            values: Values::new(),
        }
    }

    fn commit(&mut self, name: &str, num_vars: usize, values: &[i64]) -> TensorId {
        let tensor = self.relation.input(name, &[num_vars]);
        self.committed.push(Committed {
            tensor,
            num_vars,
            real: std::iter::once(0..1 << num_vars).collect(),
        });
        self.values.insert(tensor, Arc::new(values.to_vec()));
        tensor
    }

    /// An input that the verifier evaluates as `stated`, of which the prover says that it is `values`.
    fn public(&mut self, name: &str, stated: &[i64], values: &[i64]) -> TensorId {
        let tensor = self.relation.input(name, &[2]);
        self.public.push((tensor, stated.to_vec()));
        self.values.insert(tensor, Arc::new(values.to_vec()));
        tensor
    }

    fn table(&mut self, table: Arc<dyn LookupTable<F>>) -> usize {
        let uses = self.commit("uses", table.num_vars(), &[]);
        self.relation.table(table, uses)
    }

    fn describe(self, hiding: bool) -> (Argument<F>, Values) {
        let (mut values, relation) = (self.values, Arc::new(self.relation));
        count(&relation, &mut values);
        let mut argument = Argument::new(relation, &self.committed, 5, hiding);
        for (tensor, values) in self.public {
            let function = move |r: &[F]| poly::int::evaluate(&values, r);
            argument.input(tensor, Source::Public(Arc::new(function)));
        }
        (argument, values)
    }
}

/// What the verifier of one relation says of a proof of another.
fn verdict_of(prover: Small, verifier: Small, hiding: bool) -> Result<(), VerifyError> {
    let (argument, values) = prover.describe(hiding);
    let proof = argument.prove::<C>(b"small", &values, &[], false).unwrap();
    let (argument, _) = verifier.describe(hiding);
    let pending = argument.verify::<C>(b"small", &[], &proof)?;
    Pending::check_all(&[pending])
}

/// `X` is looked up twice. The prover has another tensor in its second place, which it need not open:
/// without hiding, since constraints that one side alone has would be one too many.
pub(crate) fn one_tensor_with_two_values() -> Tried {
    let relation = |twice: bool| {
        let mut small = Small::new();
        let x = small.commit("X", 2, &[-1, 2, 3, 0]);
        let signed = small.table(Arc::new(Signed { bits: 3 }));
        let unsigned = small.table(Arc::new(Unsigned { bits: 2 }));
        let second = match twice {
            true => x,
            false => small.public("X again", &[], &[1, 2, 3, 0]),
        };
        small.relation.lookup("signed", signed, &[x]);
        small.relation.lookup("unsigned", unsigned, &[second]);
        small
    };
    let check = Check::ClaimsAgree;
    let cheat = || verdict_of(relation(false), relation(true), false);
    judge(check, cheat, |error| error.is_check(check))
}

/// `(X, gate)` is looked up; the gate is defined of a public tensor. The prover has another gate.
pub(crate) fn another_affine_tensor() -> Tried {
    let relation = |defined: bool| {
        let mut small = Small::new();
        let x = small.commit("X", 2, &[1, -2, 3, 1]);
        let gates = small.table(Arc::new(Gated { bits: 3 }));
        let units = small.relation.public("units", &[2], Public::Below(vec![3]));
        let gate = match defined {
            true => {
                let terms = vec![term(F::ONE, [operand(units, &small.over)], &small.over)];
                small.relation.define("gate", &[2], terms)
            }
            false => small.public("gate", &[], &[1; 4]),
        };
        small.relation.lookup("gated", gates, &[x, gate]);
        small
    };
    let check = Check::AffineDefinition;
    let cheat = || verdict_of(relation(false), relation(true), false);
    judge(check, cheat, |error| error.is_check(check))
}

/// `(X, units)` is looked up, and the prover has a unit more.
pub(crate) fn another_public_tensor() -> Tried {
    let relation = || {
        let mut small = Small::new();
        let x = small.commit("X", 2, &[1, -2, 3, 1]);
        let gates = small.table(Arc::new(Gated { bits: 3 }));
        let units = small.relation.public("units", &[2], Public::Below(vec![3]));
        small.values.insert(units, Arc::new(vec![1; 4]));
        small.relation.lookup("gated", gates, &[x, units]);
        small
    };
    let check = Check::PublicTensor;
    tried(check, check, |hiding| {
        verdict_of(relation(), relation(), hiding)
    })
}

/// `e = a b`, but for one entry of `e`.
pub(crate) fn another_product() -> Tried {
    let relation = || {
        let mut small = Small::new();
        let a = small.commit("a", 2, &[1, 2, 3, 4]);
        let b = small.commit("b", 2, &[5, 6, 7, 8]);
        let e = small.commit("e", 2, &[5, 12, 22, 32]);
        let operands = [a, b].map(|id| operand(id, &small.over));
        let terms = vec![term(F::ONE, operands, &small.over)];
        let product = small.relation.define("a b", &[2], terms);
        small.relation.equal("e is a b", e, product, product);
        small
    };
    let check = Check::LevelEnd;
    tried(check, check, |hiding| {
        verdict_of(relation(), relation(), hiding)
    })
}

/// `x` is public, and committed `y = x` is one more in one entry.
pub(crate) fn another_public_input() -> Tried {
    let relation = || {
        let mut small = Small::new();
        let y = small.commit("y", 2, &[1, 2, 3, 4]);
        let x = small.public("x", &[1, 2, 3, 5], &[1, 2, 3, 4]);
        let terms = vec![term(F::ONE, [operand(x, &small.over)], &small.over)];
        let same = small.relation.define("x", &[2], terms);
        small.relation.equal("y is x", y, same, same);
        small
    };
    let check = Check::PublicInput;
    tried(check, check, |hiding| {
        verdict_of(relation(), relation(), hiding)
    })
}

/// The child that is committed is the parent.
pub(crate) fn another_commitment() -> Tried {
    in_training(Check::Opening, Check::Opening, |hiding| {
        let mut attempt = lying(&Plan::padded(hiding), |_, _| ());
        let scene = Plan::padded(hiding).scene();
        attempt.statement.child = scene.parent.commit();
        attempt
    })
}

/// A unit that is not positive lets its gradient through.
pub(crate) fn a_unit_let_through() -> Tried {
    // The first unit is dead in the first step: its activation is 0 whatever its sign.
    let lie = |here: Place, value: &mut i128| {
        if here == place(S, 0, [0, 1, 0]) {
            *value = 1;
        }
    };
    in_training(Check::UnitRange, Check::LookupGate, |hiding| {
        lying(&Plan::padded(hiding), lie)
    })
}

/// Hidden units with a function that has a table.
fn tabulated(hiding: bool) -> Plan {
    Plan {
        activation: Nonlinearity::Smooth(Function::Gelu),
        ..Plan::padded(hiding)
    }
}

/// The slope of a function is one more than its table says; gradients and weights follow.
pub(crate) fn another_slope() -> Tried {
    in_training(Check::UnitRange, Check::LookupGate, |hiding| {
        lying(&tabulated(hiding), at(vec![(S, 1)], 0, [1, 2, 1]))
    })
}

/// A sample that is none has the slope that the function has at zero.
pub(crate) fn a_slope_on_padding() -> Tried {
    in_training(Check::UnitRange, Check::LookupGate, |hiding| {
        let (_, slope) = Function::Gelu.at(0, 2, SLOPE_BITS).unwrap();
        lying(
            &tabulated(hiding),
            at(vec![(S, slope.into())], 0, [0, 3, 0]),
        )
    })
}

fn one_step(widths: &[usize], hiding: bool) -> Plan {
    Plan {
        widths: widths.to_vec(),
        steps: 1,
        segment_steps: 1,
        ..Plan::padded(hiding)
    }
}

/// A bias of 100, in a format whose hidden units reach to 63; nothing is made of the unit.
pub(crate) fn a_unit_out_of_range() -> Tried {
    in_training(Check::UnitRange, Check::LookupGate, |hiding| {
        let change = |weights: &mut Vec<Vec<i128>>| {
            weights[0][16] = 100 << 6;
            weights[1][..4].fill(0);
        };
        from_weights(&one_step(&[3, 3, 3], hiding), change, |_, _| ())
    })
}

/// A bias of 200, in a format whose outputs reach to 127.
pub(crate) fn an_output_out_of_range() -> Tried {
    in_training(Check::OutputRange, Check::LookupGate, |hiding| {
        let change = |weights: &mut Vec<Vec<i128>>| weights[0][16] = 200 << 6;
        from_weights(&one_step(&[3, 3], hiding), change, |_, _| ())
    })
}

/// A dead unit with large weights behind it: its gradient, which is not let through, leaves its range.
pub(crate) fn a_gradient_out_of_range() -> Tried {
    in_training(Check::GradientRange, Check::LookupGate, |hiding| {
        let change = |weights: &mut Vec<Vec<i128>>| {
            (0..5).for_each(|row| weights[0][4 * row] = 0);
            weights[1][..3].fill(1 << 20);
        };
        from_weights(&one_step(&[3, 3, 3], hiding), change, |_, _| ())
    })
}

/// A value is one more, and a limb of its remainder makes up for it.
fn off_by_one(what: What, long_low_limb: bool, hiding: bool) -> Attempt {
    let lie = at(vec![(what, 1)], 0, [1, 2, 1]);
    out_of_range(&Plan::padded(hiding), long_low_limb, lie)
}

pub(crate) fn a_long_low_limb() -> Tried {
    in_training(Check::RemainderLow, Check::LookupGate, |hiding| {
        off_by_one(Y, true, hiding)
    });
    in_training(Check::RemainderLow, Check::LookupGate, |hiding| {
        off_by_one(H, true, hiding)
    })
}

pub(crate) fn a_long_top_limb() -> Tried {
    in_training(Check::RemainderTop, Check::LookupGate, |hiding| {
        off_by_one(Y, false, hiding)
    });
    in_training(Check::RemainderTop, Check::LookupGate, |hiding| {
        off_by_one(H, false, hiding)
    })
}

/// One weight of the child is one more.
pub(crate) fn another_child() -> Tried {
    in_training(Check::LastWeights, Check::LevelEnd, |hiding| {
        let scene = Plan::padded(hiding).scene();
        let mut attempt = lying(&Plan::padded(hiding), |_, _| ());
        let child = super::witness::child(&attempt.parts.training, 0);
        Arc::make_mut(attempt.values.get_mut(&child).unwrap())[5] += 1;
        attempt.commit_child(&scene);
        attempt
    })
}

/// A value of the data is beyond the range that is proven.
pub(crate) fn data_out_of_range() -> Tried {
    tried(Check::DataRange, Check::LookupGate, |hiding| {
        let rng = &mut ChaCha20Rng::seed_from_u64(5);
        let dataset = Dataset::from_rows(2, 1, vec![15, -16, 0, 3, 16, 1]).unwrap();
        let opening = DatasetOpening::new(dataset, hiding, rng);
        let commitment = opening.commit::<C>();
        let proof = super::witness::prove_range(&opening, &commitment, 5, hiding);
        let pending = proof::verify_dataset::<C>(&commitment, 5, hiding, &proof)?;
        Pending::check_all(&[pending])
    })
}

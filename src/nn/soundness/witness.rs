//! Lies in the witness: wrong values, garbage in padding, other data, other weights.
use super::*;
use crate::error::StatementError;
use crate::nn::{
    claim::{Claim, DataClaim},
    lower::{
        Lowered,
        forger::{self, Forger},
    },
    relation::{Kind, Public, TensorId},
};

/// A value that a prover may lie about, as it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Y,
    S,
    H,
    /// `Z - 2^w Y` and `P - 2^w H`, of which the limbs are made.
    RestZ,
    RestP,
}
use What::*;

/// Where it stands. Layers count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    what: What,
    layer: usize,
    step: usize,
    sample: usize,
    unit: usize,
}

pub(super) fn place(what: What, layer: usize, [step, sample, unit]: [usize; 3]) -> Place {
    Place {
        what,
        layer,
        step,
        sample,
        unit,
    }
}

impl Place {
    /// Where a forger of the program is.
    fn new(here: forger::Place<'_>) -> Option<Self> {
        let (what, name) = match here.name.strip_prefix("rest of ") {
            Some(name) if name.starts_with('Y') => (RestZ, name),
            Some(name) => (RestP, name),
            None => {
                let what = match here.name.chars().next()? {
                    'Y' => Y,
                    'S' => S,
                    'H' => H,
                    _ => return None,
                };
                (what, here.name)
            }
        };
        let layer: usize = name.get(1..)?.parse().ok()?;
        Some(place(what, layer - 1, [here.step, here.sample, here.unit]))
    }
}

/// Trains over all positions, with the data and the weights of a scene.
pub(super) fn forger<'a>(scene: &Scene, training: &'a Lowered<F>) -> Forger<'a, F> {
    let p = &scene.statement.parameters;
    let schedule = scene.statement.schedule().unwrap();
    let data = scene.data.dataset();
    let rows = |of: &dyn Fn(usize) -> Vec<i64>| -> Vec<Vec<Vec<i64>>> {
        let batches = schedule.batches(0, p.steps);
        batches
            .map(|batch| batch.into_iter().map(of).collect())
            .collect()
    };
    let data = [
        rows(&|row| data.features(row).to_vec()),
        rows(&|row| data.targets(row).to_vec()),
    ];
    let weights = wide_weights(&scene.parent);
    Forger::new(training, data, weights, p.plan().matrix(0))
}

/// Runs a forger that lies.
pub(super) fn forged(forger: Forger<'_, F>, lie: impl Fn(Place, &mut i128)) -> Values {
    forger.run(|here, value| {
        if let Some(place) = Place::new(here) {
            lie(place, value);
        }
    })
}

pub(super) fn parent(training: &Lowered<F>, layer: usize) -> TensorId {
    training.parameters()[layer].first
}

pub(super) fn child(training: &Lowered<F>, layer: usize) -> TensorId {
    training.parameters()[layer].last.unwrap()
}

/// The attempt with these values, with the scene's openings, multiplicities counted.
pub(super) fn attempt(scene: &Scene, parts: SegmentArgument<F>, mut values: Values) -> Attempt {
    count(parts.training.relation(), &mut values);
    let mut known = Vec::new();
    if !scene.at_root() {
        known.extend(scene.parent.matrices());
    }
    known.extend(scene.child.matrices());
    known.push(scene.data.matrix());
    Attempt {
        statement: scene.statement.clone(),
        parts,
        values,
        known,
    }
}

/// A lie carried through to the child, for which the lowest limb of a remainder makes up, or the top one.
pub(super) fn out_of_range(
    plan: &Plan,
    long_low_limb: bool,
    lie: impl Fn(Place, &mut i128),
) -> Attempt {
    let scene = plan.scene();
    let parts = scene.parts();
    let mut forger = forger(&scene, &parts.training);
    forger.long_low_limb = long_low_limb;
    let values = forged(forger, lie);
    let mut attempt = attempt(&scene, parts, values);
    attempt.commit_child(&scene);
    attempt
}

/// A lie carried through to the child.
pub(super) fn lying(plan: &Plan, lie: impl Fn(Place, &mut i128)) -> Attempt {
    out_of_range(plan, false, lie)
}

/// Adds to the values at one position.
pub(super) fn at(
    changes: Vec<(What, i128)>,
    layer: usize,
    position: [usize; 3],
) -> impl Fn(Place, &mut i128) {
    move |here, value| {
        for (what, change) in &changes {
            if here == place(*what, layer, position) {
                *value += change;
            }
        }
    }
}

/// `2^w` of the format.
const ONE: i128 = 1 << 8;

#[test]
fn without_a_lie_the_forger_is_honest() {
    accepted(|hiding| lying(&Plan::padded(hiding), |_, _| ()));
    let scene = Plan::padded(false).scene();
    let parts = scene.parts();
    let values = forged(forger(&scene, &parts.training), |_, _| ());
    for k in 0..parts.training.parameters().len() {
        let trained = &values[&child(&parts.training, k)];
        let mut honest = weight_values(scene.child.weights(), k);
        honest.resize(trained.len(), 0);
        assert_eq!(**trained, honest);
    }
    let root = |hiding| Plan {
        root: true,
        ..Plan::padded(hiding)
    };
    accepted(|hiding| lying(&root(hiding), |_, _| ()));
}

/// `Y` is one too large: either the remainder is moved by `2^w` with it, out of its range, or the
/// limbs stay and `Z` is another.
#[test]
fn wrong_products_forward() {
    for layer in [0, 1] {
        let position = [1, 2, 1];
        for sign in [1, -1] {
            let lie = move || at(vec![(Y, sign)], layer, position);
            refused(fails(IN_TABLE), |hiding| {
                lying(&Plan::padded(hiding), lie())
            });
            let lie = move || at(vec![(Y, sign), (RestZ, sign * ONE)], layer, position);
            refused(fails(PRODUCTS), |hiding| {
                lying(&Plan::padded(hiding), lie())
            });
        }
    }
}

/// A remainder is off by one, or by a whole limb, in range.
#[test]
fn wrong_remainders() {
    for what in [RestZ, RestP] {
        for change in [1, 16] {
            let lie = move |here: Place, value: &mut i128| {
                if here == place(what, 0, [2, 0, 2]) {
                    let to = *value + change;
                    *value = if to < ONE / 2 { to } else { *value - change };
                }
            };
            refused(fails(PRODUCTS), |hiding| lying(&Plan::padded(hiding), lie));
        }
    }
}

/// `H` is one off; what follows is recomputed.
#[test]
fn wrong_products_backward() {
    let position = [0, 1, 2];
    let lie = move || at(vec![(H, 1)], 0, position);
    refused(fails(IN_TABLE), |hiding| {
        lying(&Plan::padded(hiding), lie())
    });
    let lie = move || at(vec![(H, 1), (RestP, ONE)], 0, position);
    refused(fails(PRODUCTS), |hiding| {
        lying(&Plan::padded(hiding), lie())
    });
}

/// The sign bit is flipped somewhere; and at `Y = 0`, where it changes no activation but lets a
/// gradient through.
#[test]
fn wrong_signs() {
    let flip = |here: Place, value: &mut i128| {
        if here == place(S, 0, [1, 1, 1]) {
            *value = 1 - *value;
        }
    };
    refused(fails(IN_TABLE), |hiding| lying(&Plan::padded(hiding), flip));
    // The first unit is dead in the first step.
    let raise = |here: Place, value: &mut i128| {
        if here.layer == 0 && [here.step, here.unit] == [0, 0] && here.sample < 3 {
            match here.what {
                Y => assert_eq!(*value, 0),
                S => *value = 1,
                _ => (),
            }
        }
    };
    refused(fails(IN_TABLE), |hiding| {
        lying(&Plan::padded(hiding), raise)
    });
    // A sign that is no bit, and one that undoes itself elsewhere.
    let double = |here: Place, value: &mut i128| {
        if here == place(S, 0, [1, 1, 1]) {
            *value = 2;
        }
    };
    refused(fails(IN_TABLE), |hiding| {
        lying(&Plan::padded(hiding), double)
    });
}

/// Something in every kind of padding, as large as the tables allow.
#[test]
fn garbage_in_padding() {
    for (layer, position) in [
        (0, [0, 0, 3]), // a padded unit
        (1, [0, 0, 3]), // and of the output
        (0, [0, 3, 0]), // a padded sample
        (1, [1, 3, 0]),
        (0, [3, 0, 0]), // a padded step
        (1, [3, 0, 1]),
        (0, [3, 3, 3]),
    ] {
        for size in [1, -1, 3] {
            let lie = move || at(vec![(Y, size)], layer, position);
            refused(fails(IN_TABLE), |hiding| {
                lying(&Plan::padded(hiding), lie())
            });
            let lie = move || at(vec![(Y, size), (RestZ, size * ONE)], layer, position);
            refused(fails(PRODUCTS), |hiding| {
                lying(&Plan::padded(hiding), lie())
            });
        }
        let lie = move || at(vec![(RestZ, 1)], layer, position);
        refused(fails(PRODUCTS), |hiding| {
            lying(&Plan::padded(hiding), lie())
        });
        if layer == 0 {
            let lie = move || {
                at(
                    vec![(H, 1), (RestP, ONE), (Y, 1), (RestZ, ONE)],
                    0,
                    position,
                )
            };
            refused(fails(PRODUCTS), |hiding| {
                lying(&Plan::padded(hiding), lie())
            });
            let lie = move || at(vec![(S, 1)], 0, position);
            refused(fails(IN_TABLE), |hiding| {
                lying(&Plan::padded(hiding), lie())
            });
        }
    }
}

/// Garbage in the padding of the child's weights, of units and inputs and beside the bias.
#[test]
fn garbage_in_the_padding_of_the_child() {
    let width = 4;
    for index in [
        3,
        3 * width,
        width * width + 3,
        (width + 1) * width,
        (2 * width - 1) * width,
    ] {
        refused(fails(PRODUCTS), |hiding| {
            let scene = Plan::padded(hiding).scene();
            let parts = scene.parts();
            let child = child(&parts.training, 0);
            let mut values = forged(forger(&scene, &parts.training), |_, _| ());
            Arc::make_mut(values.get_mut(&child).unwrap())[index] += 1;
            let mut attempt = attempt(&scene, parts, values);
            attempt.commit_child(&scene);
            attempt
        });
    }
}

/// One entry of the child is not what the update gives.
#[test]
fn wrong_update() {
    for layer in [0, 1] {
        refused(fails(PRODUCTS), |hiding| {
            let scene = Plan::padded(hiding).scene();
            let parts = scene.parts();
            let child = child(&parts.training, layer);
            let mut values = forged(forger(&scene, &parts.training), |_, _| ());
            Arc::make_mut(values.get_mut(&child).unwrap())[5] += 1;
            let mut attempt = attempt(&scene, parts, values);
            attempt.commit_child(&scene);
            attempt
        });
    }
    // The child committed is another than the witness's.
    refused(VerifyError::Opening, |hiding| {
        let scene = Plan::padded(hiding).scene();
        let parts = scene.parts();
        let values = forged(forger(&scene, &parts.training), |_, _| ());
        let mut attempt = attempt(&scene, parts, values);
        attempt.statement.child = scene.parent.commit();
        attempt
    });
}

/// Training from other weights than the scene's, committed as the parent's; `lie` as in [`lying`].
pub(super) fn from_weights(
    plan: &Plan,
    change: impl Fn(&mut Vec<Vec<i128>>),
    lie: impl Fn(Place, &mut i128),
) -> Attempt {
    let mut scene = plan.scene();
    let rng = &mut ChaCha20Rng::seed_from_u64(11);
    let parts = scene.parts();
    let mut forger = forger(&scene, &parts.training);
    change(&mut forger.parameters);
    let values = forged(forger, lie);
    let mut known = scene.parent.matrices();
    let architecture = scene.statement.parameters.architecture.clone();
    let layers = known.iter_mut().enumerate().map(|(k, known)| {
        let layout = weight_layout(&architecture, k);
        known.values = values[&parent(&parts.training, k)].clone();
        known.blindings = scene.blindings(layout.num_rows(), rng);
        let gens = Generators::<C>::get(1 << layout.row_vars(), 0);
        hyrax::commit_slices(&gens, &layout.slices(&known.values), &known.blindings)
    });
    let commitment = WeightCommitment::from_layers(layers.collect());
    scene.statement.parent = ParentWeights::Committed {
        commitment,
        bound: WeightBound::new(1 << 40),
    };
    let count = known.len();
    let mut attempt = attempt(&scene, parts, values);
    attempt.known.splice(..count, known);
    attempt.commit_child(&scene);
    attempt
}

/// Weights in the padding of the parent are weights: nothing in an edge says that they are zero.
/// They are along a lineage, where they start as zero and the architecture stays.
#[test]
fn the_padding_of_the_parent_is_the_lineages() {
    let attempt = |hiding| {
        let change = |weights: &mut Vec<Vec<i128>>| {
            // A fourth hidden unit: its bias, and what it is for the first output.
            weights[0][16 + 3] = ONE;
            weights[1][12] = ONE;
        };
        from_weights(&Plan::padded(hiding), change, |_, _| ())
    };
    let trained = attempt(false);
    let child = &trained.values[&child(&trained.parts.training, 0)];
    assert_ne!(child[16 + 3], ONE as i64, "the fourth unit is trained");
    accepted(attempt);
}

/// The bias trains padded rows too: refused, though a relation without the mask takes it.
#[test]
fn unmasked_bias() {
    let unmasked = |hiding: bool, relation_too: bool| {
        let scene = Plan::padded(hiding).scene();
        let p = &scene.statement.parameters;
        let steps = p.steps as usize;
        let mut training = scene.parts().training;
        if relation_too {
            let relation = training.relation_mut();
            let mask = relation
                .tensors
                .iter_mut()
                .find(|t| t.name == "mask")
                .unwrap();
            mask.kind = Kind::Public(Public::Below(vec![4, 4]));
        }
        let mut forger = forger(&scene, &training);
        forger.masked = false;
        let values = forged(forger, |_, _| ());
        let child = child(&training, 0);
        let honest = weight_values(scene.child.weights(), 0);
        assert_ne!(values[&child][..honest.len()], honest[..]);
        let parts = scene
            .statement
            .argument_of(training, scene.segment(), steps, false)
            .unwrap();
        let mut attempt = attempt(&scene, parts, values);
        attempt.commit_child(&scene);
        attempt
    };
    refused(fails(PRODUCTS), |hiding| unmasked(hiding, false));
    for hiding in [false, true] {
        assert_eq!(unmasked(hiding, true).by_its_own_relation(), Ok(()));
    }
}

/// Batches that another schedule names, data that are not the committed ones, weights that are not
/// the parent's.
#[test]
fn other_inputs() {
    let attempt_with = |plan: &Plan, change: &dyn Fn(&mut Forger<'_, F>)| {
        let scene = plan.scene();
        let parts = scene.parts();
        let mut forger = forger(&scene, &parts.training);
        change(&mut forger);
        let values = forged(forger, |_, _| ());
        let mut attempt = attempt(&scene, parts, values);
        attempt.commit_child(&scene);
        attempt
    };
    let both = |forger: &mut Forger<'_, F>, change: &dyn Fn(&mut Vec<Vec<Vec<i64>>>)| {
        change(&mut forger.inputs);
        change(&mut forger.targets);
    };
    let rotate = |forger: &mut Forger<'_, F>| both(forger, &|steps| steps.rotate_left(1));
    let swap = |forger: &mut Forger<'_, F>| both(forger, &|steps| steps[1].swap(0, 1));
    let repeat = |forger: &mut Forger<'_, F>| {
        both(forger, &|steps| steps[1][0] = steps[1][1].clone());
    };
    let data = |forger: &mut Forger<'_, F>| {
        both(forger, &|steps| {
            let values = steps.iter_mut().flatten().flatten();
            values.for_each(|v| *v = 1 - *v);
        });
    };
    let weights = |forger: &mut Forger<'_, F>| forger.parameters[0][4] += 1;
    let inputs: [&dyn Fn(&mut Forger<'_, F>); 5] = [&rotate, &swap, &repeat, &data, &weights];
    for (k, change) in inputs.into_iter().enumerate() {
        refused(VerifyError::Opening, |hiding| {
            attempt_with(&Plan::padded(hiding), change)
        });
        // And with openings of what was really used: they are not of the commitments.
        refused(VerifyError::Opening, |hiding| {
            let mut attempt = attempt_with(&Plan::padded(hiding), change);
            if k == 3 {
                let matrix = attempt.known.last_mut().unwrap();
                let values = matrix
                    .values
                    .chunks(8)
                    .flat_map(|row| (0..8).map(|c| if c < 6 { 1 - row[c] } else { 0 }));
                matrix.values = Arc::new(values.collect());
            }
            if k == 4 {
                let parent = parent(&attempt.parts.training, 0);
                attempt.known[0].values = attempt.values[&parent].clone();
            }
            attempt
        });
    }
    refused(fails(PUBLIC), |hiding| {
        let plan = Plan {
            root: true,
            ..Plan::padded(hiding)
        };
        attempt_with(&plan, &weights)
    });
}

/// Multiplicities that are off by one: one entry more, one entry for another, and counts that cancel
/// a value out of range in number only.
#[test]
fn wrong_multiplicities() {
    let honest = |hiding: bool| {
        let scene = Plan::padded(hiding).scene();
        let parts = scene.parts();
        let values = forged(forger(&scene, &parts.training), |_, _| ());
        attempt(&scene, parts, values)
    };
    accepted(honest);
    for table in 0..5 {
        for (up, down) in [(0, None), (1, Some(0)), (2, Some(1))] {
            refused(fails(IN_TABLE), |hiding| {
                let mut attempt = honest(hiding);
                let tables = &attempt.parts.training.relation().tables;
                let counts = attempt.values.get_mut(&tables[table].1).unwrap();
                let counts = Arc::make_mut(counts);
                counts[up] += 1;
                if let Some(down) = down {
                    counts[down] -= 1;
                }
                attempt
            });
        }
    }
}

/// The smallest shapes: one layer, one unit, one sample, one step.
#[test]
fn smallest_networks() {
    for widths in [vec![1, 1], vec![1, 1, 1], vec![2, 1]] {
        for root in [false, true] {
            let plan = |hiding| Plan {
                widths: widths.clone(),
                batch: 1,
                steps: 1,
                segment_steps: 1,
                hiding,
                root,
                activation: Nonlinearity::Relu,
                optimiser: one_unit(),
            };
            accepted(|hiding| lying(&plan(hiding), |_, _| ()));
            let lie = || at(vec![(Y, 1), (RestZ, ONE)], 0, [0, 0, 0]);
            refused(fails(PRODUCTS), |hiding| lying(&plan(hiding), lie()));
            let lie = || at(vec![(Y, 1)], 0, [0, 0, 0]);
            refused(fails(IN_TABLE), |hiding| lying(&plan(hiding), lie()));
            refused(fails(PRODUCTS), |hiding| {
                let scene = plan(hiding).scene();
                let parts = scene.parts();
                let child = child(&parts.training, 0);
                let mut values = forged(forger(&scene, &parts.training), |_, _| ());
                Arc::make_mut(values.get_mut(&child).unwrap())[0] += 1;
                let mut attempt = attempt(&scene, parts, values);
                attempt.commit_child(&scene);
                attempt
            });
        }
    }
}

/// Columns behind the data's: they may hold anything in range, and change nothing.
#[test]
fn columns_beyond_the_data_are_kept_out() {
    accepted(|hiding| {
        let scene = Plan::padded(hiding).scene();
        let parts = scene.parts();
        let values = forged(forger(&scene, &parts.training), |_, _| ());
        let mut attempt = attempt(&scene, parts, values);
        let matrix = attempt.known.last_mut().unwrap();
        let values = matrix
            .values
            .chunks(8)
            .flat_map(|row| (0..8).map(|c| if c < 6 { row[c] } else { 7 }));
        matrix.values = Arc::new(values.collect());
        let gens = Generators::<C>::get(8, 0);
        let rows: Vec<&[i64]> = matrix.values.chunks(8).collect();
        let rows = hyrax::commit_slices(&gens, &rows, &matrix.blindings);
        attempt.statement.dataset = crate::nn::DatasetCommitment::new(3, 3, rows);
        attempt
    });
}

/// A proof of the range of data, in range or not.
pub(super) fn prove_range(
    opening: &DatasetOpening<F>,
    commitment: &crate::nn::DatasetCommitment<C>,
    bits: u32,
    hiding: bool,
) -> Vec<u8> {
    let claim = DataClaim::new(commitment, bits, hiding).unwrap();
    let matrix = opening.matrix();
    let mut values = Values::new();
    values.insert(claim.range.data(), matrix.values.clone());
    count(claim.range.relation(), &mut values);
    claim.prove(&values, &[matrix], false).unwrap()
}

/// A committed data set with an entry out of range has no proof of its range.
#[test]
fn data_out_of_range() {
    for (hiding, bad) in [(false, 16), (true, 16), (false, -17), (true, 1 << 40)] {
        let rng = &mut ChaCha20Rng::seed_from_u64(5);
        let prove = |values: Vec<i64>, rng: &mut ChaCha20Rng| {
            let dataset = Dataset::from_rows(2, 1, values).unwrap();
            let opening = DatasetOpening::new(dataset, hiding, rng);
            let commitment = opening.commit::<C>();
            let proof = prove_range(&opening, &commitment, 5, hiding);
            (commitment, proof)
        };
        let verify = |commitment, bits, hiding, proof: &[u8]| {
            let pending = proof::verify_dataset::<C>(commitment, bits, hiding, proof)?;
            Pending::check_all(&[pending])
        };
        let (commitment, proof) = prove(vec![15, -16, 0, 3, 2, 1], rng);
        assert_eq!(verify(&commitment, 5, hiding, &proof), Ok(()));
        for (bits, mode) in [(4, hiding), (6, hiding), (5, !hiding)] {
            assert!(verify(&commitment, bits, mode, &proof).is_err());
        }
        for bits in [0, 1, 25, 64, u32::MAX] {
            let expected = StatementError::DataRangeBits { bits, max: 24 };
            let error = verify(&commitment, bits, hiding, &proof);
            assert_eq!(error, Err(expected.into()));
        }
        let (other, bad_proof) = prove(vec![15, -16, 0, 3, bad, 1], rng);
        assert!(verify(&other, 5, hiding, &proof).is_err());
        let error = verify(&other, 5, hiding, &bad_proof).map_err(innermost);
        let expected = if hiding {
            VerifyError::Opening
        } else {
            fails(IN_TABLE)
        };
        assert_eq!(error, Err(expected));
    }
}

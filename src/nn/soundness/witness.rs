//! Lies in the witness: wrong values, garbage in padding, other data, other weights.
use super::*;
use crate::error::StatementError;
use crate::nn::{
    claim::{Claim, DataClaim},
    fixed,
    mlp::{Extent, Training},
    relation::{Kind, Public},
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

/// A forger trains by the equations over all positions, padding too, except where it lies: all that
/// is computed later follows the lie.
struct Forger<'a> {
    scene: &'a Scene,
    training: &'a Training<F>,
    /// The rows of each step.
    batches: Vec<Vec<usize>>,
    data: Dataset,
    weights: Vec<Vec<i128>>,
    /// Whether the bias is masked on padding.
    masked: bool,
    /// Whether what a remainder has beyond its range is in its lowest limb, or in the top one.
    long_low_limb: bool,
    values: Values,
}

impl<'a> Forger<'a> {
    fn new(scene: &'a Scene, training: &'a Training<F>) -> Self {
        let schedule = scene.statement.schedule().unwrap();
        Self {
            scene,
            training,
            batches: schedule
                .batches(0, scene.statement.parameters.steps)
                .collect(),
            data: scene.data.dataset().clone(),
            weights: wide_weights(&scene.parent),
            masked: true,
            long_low_limb: false,
            values: Values::new(),
        }
    }

    fn put(&mut self, id: crate::nn::relation::TensorId, unit: usize, position: usize, v: i128) {
        let relation = &self.training.relation;
        let padded = self.padded();
        let len = 1 << relation.num_vars(id);
        let values = self
            .values
            .entry(id)
            .or_insert_with(|| Arc::new(vec![0; len]));
        Arc::make_mut(values)[unit * padded + position] = i64::try_from(v).unwrap();
    }

    fn padded(&self) -> usize {
        let p = &self.scene.statement.parameters;
        p.batch.next_power_of_two() * (p.steps as usize).next_power_of_two()
    }

    fn run(mut self, lie: impl Fn(Place, &mut i128)) -> Values {
        let p = &self.scene.statement.parameters;
        let (training, fixed) = (self.training, &p.fixed_point);
        let widths = p.architecture.widths();
        let padded_widths: Vec<usize> = widths.iter().map(|w| w.next_power_of_two()).collect();
        let depth = p.architecture.num_layers();
        let (samples, steps) = (
            p.batch.next_power_of_two(),
            (p.steps as usize).next_power_of_two(),
        );
        let (s, w) = (fixed.activation_bits(), fixed.weight_bits());
        let excess = fixed.gradient_bits() - s;
        for (k, id) in training.parent().iter().enumerate() {
            let values = self.weights[k].iter().map(|v| *v as i64).collect();
            self.values.insert(*id, Arc::new(values));
        }
        for t in 0..steps {
            let mut next = self.weights.clone();
            for b in 0..samples {
                let position = b + t * samples;
                let real = b < p.batch && t < p.steps as usize;
                let row = self.batches.get(t).and_then(|rows| rows.get(b)).copied();
                let (mut a, mut target) = (
                    vec![vec![0i128; padded_widths[0]]],
                    vec![0i128; padded_widths[depth]],
                );
                if let Some(row) = row {
                    let fill = |to: &mut [i128], from: &[i64]| {
                        to.iter_mut()
                            .zip(from)
                            .for_each(|(t, f)| *t = i128::from(*f));
                    };
                    fill(&mut a[0], self.data.features(row));
                    fill(&mut target, self.data.targets(row));
                }
                for (i, v) in a[0].clone().into_iter().enumerate() {
                    self.put(training.inputs(), i, position, v);
                }
                for (j, v) in target.iter().enumerate() {
                    self.put(training.targets(), j, position, *v);
                }
                let bias = i128::from(real || !self.masked) << s;
                let mut signs = Vec::new();
                let mut output = Vec::new();
                for k in 0..depth {
                    let (inputs, outputs) = (padded_widths[k], padded_widths[k + 1]);
                    let (mut activation, mut sign) = (vec![0; outputs], vec![0; outputs]);
                    for j in 0..outputs {
                        let at = |what| place(what, k, [t, b, j]);
                        let weights = &self.weights[k];
                        let z = (0..inputs)
                            .map(|i| a[k][i] * weights[j + outputs * i])
                            .sum::<i128>()
                            + bias * weights[j + outputs * inputs];
                        let mut y = fixed::round(w, z);
                        lie(at(Y), &mut y);
                        let mut rest = z - (y << w);
                        lie(at(RestZ), &mut rest);
                        sign[j] = i128::from(y > 0);
                        lie(at(S), &mut sign[j]);
                        activation[j] = if k + 1 < depth { sign[j] * y } else { y };
                        let layer = &training.layers[k];
                        self.put(layer.y, j, position, y);
                        if let Some((id, _)) = layer.hidden {
                            self.put(id, j, position, sign[j]);
                        }
                        self.put_limbs(&layer.z_limbs, j, position, rest);
                    }
                    output = activation.clone();
                    a.push(activation);
                    signs.push(sign);
                }
                let mut g: Vec<i128> = output
                    .iter()
                    .zip(&target)
                    .map(|(y, t)| (y - t) << excess)
                    .collect();
                for k in (0..depth).rev() {
                    let (inputs, outputs) = (padded_widths[k], padded_widths[k + 1]);
                    let c = i128::from(p.rate.coefficient());
                    for j in 0..outputs {
                        for i in 0..inputs {
                            next[k][j + outputs * i] -= c * a[k][i] * g[j];
                        }
                        next[k][j + outputs * inputs] -= c * bias * g[j];
                    }
                    let Some(below) = k.checked_sub(1) else { break };
                    let mut gradient = vec![0; inputs];
                    for i in 0..inputs {
                        let at = |what| place(what, below, [t, b, i]);
                        let p: i128 = (0..outputs)
                            .map(|j| g[j] * self.weights[k][j + outputs * i])
                            .sum();
                        let mut h = fixed::round(w, p);
                        lie(at(H), &mut h);
                        let mut rest = p - (h << w);
                        lie(at(RestP), &mut rest);
                        gradient[i] = signs[below][i] * h;
                        let layer = &training.layers[below];
                        if let Some((_, id)) = layer.hidden {
                            self.put(id, i, position, h);
                        }
                        self.put_limbs(&layer.p_limbs, i, position, rest);
                    }
                    g = gradient;
                }
            }
            self.weights = next;
        }
        for (k, id) in training.child().iter().enumerate() {
            let values = self.weights[k].iter().map(|v| *v as i64).collect();
            self.values.insert(*id, Arc::new(values));
        }
        self.values
    }

    fn put_limbs(
        &mut self,
        limbs: &[crate::nn::relation::TensorId],
        unit: usize,
        position: usize,
        rest: i128,
    ) {
        let fixed = &self.scene.statement.parameters.fixed_point;
        let widths = fixed.limbs();
        let excess = match self.long_low_limb {
            true => fixed::round(fixed.weight_bits(), rest) << fixed.weight_bits(),
            false => 0,
        };
        let mut rest = rest - excess;
        for (k, (id, bits)) in limbs.iter().zip(widths).enumerate() {
            let last = k + 1 == limbs.len();
            let value = if last { rest } else { rest & ((1 << bits) - 1) };
            let value = if k == 0 { value + excess } else { value };
            self.put(*id, unit, position, value);
            rest >>= bits;
        }
    }
}

/// The attempt with these values, with the scene's openings, multiplicities counted.
pub(super) fn attempt(scene: &Scene, parts: SegmentArgument<F>, mut values: Values) -> Attempt {
    count(&parts.training.relation, &mut values);
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
    let mut forger = Forger::new(&scene, &parts.training);
    forger.long_low_limb = long_low_limb;
    let values = forger.run(lie);
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
    let values = Forger::new(&scene, &parts.training).run(|_, _| ());
    for (k, id) in parts.training.child().iter().enumerate() {
        let mut child = weight_values(scene.child.weights(), k);
        child.resize(values[id].len(), 0);
        assert_eq!(*values[id], child);
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
            let child = parts.training.child()[0];
            let mut values = Forger::new(&scene, &parts.training).run(|_, _| ());
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
            let child = parts.training.child()[layer];
            let mut values = Forger::new(&scene, &parts.training).run(|_, _| ());
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
        let values = Forger::new(&scene, &parts.training).run(|_, _| ());
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
    let mut forger = Forger::new(&scene, &parts.training);
    change(&mut forger.weights);
    let values = forger.run(lie);
    let mut known = scene.parent.matrices();
    let architecture = scene.statement.parameters.architecture.clone();
    let layers = known.iter_mut().enumerate().map(|(k, known)| {
        let layout = weight_layout(&architecture, k);
        known.values = values[&parts.training.parent()[k]].clone();
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
    let child = &trained.values[&trained.parts.training.child()[0]];
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
        let extent = Extent {
            batch: p.batch,
            steps,
        };
        let mut training = Training::new(&p.architecture, &p.fixed_point, p.rate, extent);
        if relation_too {
            let relation = Arc::get_mut(&mut training.relation).unwrap();
            let mask = relation
                .tensors
                .iter_mut()
                .find(|t| t.name == "mask")
                .unwrap();
            mask.kind = Kind::Public(Public::Below(vec![4, 4]));
        }
        let mut forger = Forger::new(&scene, &training);
        forger.masked = false;
        let values = forger.run(|_, _| ());
        let child = training.child()[0];
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
        let Attempt {
            statement,
            parts,
            values,
            known,
        } = unmasked(hiding, true);
        let before = match &statement.parent {
            ParentWeights::Committed { commitment, .. } => commitment.clone(),
            ParentWeights::Root { .. } => unreachable!(),
        };
        let commitments: Vec<_> = before
            .layers()
            .iter()
            .chain(statement.child.layers())
            .chain([statement.dataset.rows()])
            .collect();
        let proof = parts
            .argument
            .prove::<C>(b"careless", &values, &known, true)
            .unwrap();
        let pending = parts
            .argument
            .verify(b"careless", &commitments, &proof)
            .unwrap();
        assert_eq!(Pending::check_all(&[pending]), Ok(()));
    }
}

/// Batches that another schedule names, data that are not the committed ones, weights that are not
/// the parent's.
#[test]
fn other_inputs() {
    let attempt_with = |plan: &Plan, change: &dyn Fn(&mut Forger<'_>)| {
        let scene = plan.scene();
        let parts = scene.parts();
        let mut forger = Forger::new(&scene, &parts.training);
        change(&mut forger);
        let values = forger.run(|_, _| ());
        let mut attempt = attempt(&scene, parts, values);
        attempt.commit_child(&scene);
        attempt
    };
    let rotate = |forger: &mut Forger<'_>| forger.batches.rotate_left(1);
    let swap = |forger: &mut Forger<'_>| forger.batches[1].swap(0, 1);
    let repeat = |forger: &mut Forger<'_>| forger.batches[1][0] = forger.batches[1][1];
    let data = |forger: &mut Forger<'_>| {
        let mut values = forger.data.values().to_vec();
        values.iter_mut().for_each(|v| *v = 1 - *v);
        forger.data = Dataset::from_rows(3, 3, values).unwrap();
    };
    let weights = |forger: &mut Forger<'_>| forger.weights[0][4] += 1;
    let inputs: [&dyn Fn(&mut Forger<'_>); 5] = [&rotate, &swap, &repeat, &data, &weights];
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
                let parent = attempt.parts.training.parent()[0];
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
        let values = Forger::new(&scene, &parts.training).run(|_, _| ());
        attempt(&scene, parts, values)
    };
    accepted(honest);
    for table in 0..5 {
        for (up, down) in [(0, None), (1, Some(0)), (2, Some(1))] {
            refused(fails(IN_TABLE), |hiding| {
                let mut attempt = honest(hiding);
                let tables = &attempt.parts.training.relation.tables;
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
            };
            accepted(|hiding| lying(&plan(hiding), |_, _| ()));
            let lie = || at(vec![(Y, 1), (RestZ, ONE)], 0, [0, 0, 0]);
            refused(fails(PRODUCTS), |hiding| lying(&plan(hiding), lie()));
            let lie = || at(vec![(Y, 1)], 0, [0, 0, 0]);
            refused(fails(IN_TABLE), |hiding| lying(&plan(hiding), lie()));
            refused(fails(PRODUCTS), |hiding| {
                let scene = plan(hiding).scene();
                let parts = scene.parts();
                let child = parts.training.child()[0];
                let mut values = Forger::new(&scene, &parts.training).run(|_, _| ());
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
        let values = Forger::new(&scene, &parts.training).run(|_, _| ());
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

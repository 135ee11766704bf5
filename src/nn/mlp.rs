//! The relations of a multilayer perceptron, in the tensor-relation language.
//!
//! Dimensions are listed lowest variables first: sample `b`, step `t` (and `s` for an earlier
//! step), unit. `l = 1..L` are layers; `u_l` is the unit axis behind layer `l`, `u_0` the inputs.
//! The bias is a row of the weights: `W_l[j, i, h]` has one more variable `h` on its input side,
//! `h = 0` for weights and `(i, h) = (0, 1)` for the bias, whose input is the public `2^s mask`.
//! The mask is one on real samples of real steps: without it padding would train. Everything
//! else in the padding is forced to zero by the relation, see the module's tests.
use super::{
    Architecture, FixedPoint, LearningRate, Step, Weights,
    relation::{Index, Operand, Relation, TensorId, Values, at, term},
};
use crate::{
    error::ProveError,
    gkr::{
        fractional,
        table::{LookupTable, Relu, Signed, Unsigned},
    },
    poly::{WideField, num_vars},
};
use ark_ff::PrimeField;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// How many samples and steps a relation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Samples in a batch, `B >= 1`.
    pub batch: usize,
    /// Steps, `T >= 1`.
    pub steps: usize,
}

impl Extent {
    fn dims(&self) -> [usize; 2] {
        [num_vars(self.batch), num_vars(self.steps)]
    }

    /// Flat index of a sample of a step, lowest variables first.
    fn position(&self, step: usize, sample: usize) -> usize {
        sample + (step << num_vars(self.batch))
    }

    /// Number of positions with padding.
    fn padded(&self) -> usize {
        1 << self.dims().iter().sum::<usize>()
    }
}

/// Where the witness of one committed tensor lies, and which entries of it are real.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The tensor.
    pub tensor: TensorId,
    /// Number of variables.
    pub num_vars: usize,
    /// Ranges of flat indices that may be non-zero, ascending; all else is padding.
    pub real: Vec<Range<usize>>,
}

/// The committed tensors of one hidden or output layer.
struct LayerTensors {
    y: TensorId,
    /// `[Y > 0]` and `H`, for hidden layers.
    hidden: Option<(TensorId, TensorId)>,
    /// Limbs of `Z - 2^w Y`, low to high; the top one is virtual.
    z_limbs: Vec<TensorId>,
    /// Limbs of `P - 2^w H` for hidden layers.
    p_limbs: Vec<TensorId>,
    /// `A` of the layer below with the bias row, and `G` of this layer: virtual, small.
    input: TensorId,
    gradient: TensorId,
}

/// The training relation of an MLP and the tensors by role.
pub struct Training<F> {
    relation: Arc<Relation<F>>,
    extent: Extent,
    committed: Vec<Committed>,
    layers: Vec<LayerTensors>,
    parent: Vec<TensorId>,
    child: Vec<TensorId>,
    inputs: TensorId,
    targets: TensorId,
}

/// Lookup tables by what they hold, each made once, with its multiplicities.
struct Tables<F> {
    numbers: BTreeMap<(u8, u32), usize>,
    committed: Vec<Committed>,
    field: std::marker::PhantomData<F>,
}

impl<F: PrimeField> Tables<F> {
    fn new() -> Self {
        Self {
            numbers: BTreeMap::new(),
            committed: Vec::new(),
            field: std::marker::PhantomData,
        }
    }

    fn get(&mut self, relation: &mut Relation<F>, kind: u8, bits: u32) -> usize {
        if let Some(number) = self.numbers.get(&(kind, bits)) {
            return *number;
        }
        let (name, table): (_, Arc<dyn LookupTable<F>>) = match kind {
            0 => (
                "unsigned",
                Arc::new(Unsigned {
                    bits: bits as usize,
                }),
            ),
            1 => (
                "signed",
                Arc::new(Signed {
                    bits: bits as usize,
                }),
            ),
            _ => (
                "relu",
                Arc::new(Relu {
                    bits: bits as usize,
                }),
            ),
        };
        let dims = [table.num_vars()];
        let multiplicities = relation.input(format!("uses of {name} {bits}"), &dims);
        self.committed.push(Committed {
            tensor: multiplicities,
            num_vars: dims[0],
            real: std::iter::once(0..1 << dims[0]).collect(),
        });
        let number = relation.table(table, multiplicities);
        self.numbers.insert((kind, bits), number);
        number
    }

    fn unsigned(&mut self, relation: &mut Relation<F>, bits: u32) -> usize {
        self.get(relation, 0, bits)
    }

    fn signed(&mut self, relation: &mut Relation<F>, bits: u32) -> usize {
        self.get(relation, 1, bits)
    }

    fn relu(&mut self, relation: &mut Relation<F>, bits: u32) -> usize {
        self.get(relation, 2, bits)
    }
}

fn power_of_two<F: PrimeField>(bits: u32) -> F {
    F::from(2u64).pow([bits as u64])
}

/// `Z = 2^w Y + sum_i 2^(k_i) r_i`: the committed limbs, then the virtual top one.
fn limbs<F: PrimeField>(
    relation: &mut Relation<F>,
    name: &str,
    fixed: &FixedPoint,
    dims: &[usize],
    over: &[Index],
    wide: TensorId,
    rounded: TensorId,
    low: &[TensorId],
) -> TensorId {
    let shift: u32 = fixed.limbs().iter().take(low.len()).sum();
    let scale = power_of_two::<F>(shift).inverse().unwrap_or_default();
    let mut terms = vec![
        term(scale, [at(wide, over)], over),
        term(
            -scale * power_of_two::<F>(fixed.weight_bits()),
            [at(rounded, over)],
            over,
        ),
    ];
    let mut weight = 0;
    for (limb, bits) in low.iter().zip(fixed.limbs()) {
        terms.push(term(
            -scale * power_of_two::<F>(weight),
            [at(*limb, over)],
            over,
        ));
        weight += bits;
    }
    // The limbs are claimed by the lookups, so the wide tensor is what is solved for.
    relation.define(name, dims, terms)
}

impl<F: WideField> Training<F> {
    /// The relation of `T` steps of training.
    pub fn new(
        architecture: &Architecture,
        fixed: &FixedPoint,
        rate: LearningRate,
        extent: Extent,
    ) -> Self {
        let depth = architecture.num_layers();
        let widths = architecture.widths();
        let mut relation = Relation::new();
        let [vb, vt] = extent.dims();
        let (b, t, s) = (relation.axis(vb), relation.axis(vt), relation.axis(vt));
        let units: Vec<_> = widths.iter().map(|w| relation.axis(num_vars(*w))).collect();
        let h = relation.axis(1);
        let [ob, ot, os, oh] = [b, t, s, h].map(Index::from);
        let unit = |l: usize| Index::from(units[l]);
        let dim = |l: usize| num_vars(widths[l]);
        let tensor_dims = |l: usize| [vb, vt, dim(l)];

        let mut tables = Tables::new();
        let mut committed = Vec::new();
        let mut commit = |relation: &mut Relation<F>, name: String, l: usize| {
            let tensor = relation.input(name, &tensor_dims(l));
            let real = std::iter::once(0..widths[l] * extent.padded()).collect();
            committed.push(Committed {
                tensor,
                num_vars: vb + vt + dim(l),
                real,
            });
            tensor
        };
        let top = fixed.limbs().len() - 1;
        let one = F::ONE;

        let mask = relation.public("mask", &[vb, vt], mask_values(extent));
        let earlier = relation.public("earlier", &[vt, vt], earlier_values(1 << vt));
        let inputs = relation.input("A0", &tensor_dims(0));
        let targets = relation.input("target", &tensor_dims(depth));
        let weight_dims = |l: usize| [dim(l), dim(l - 1), 1];
        let parent: Vec<_> = (1..=depth)
            .map(|l| relation.input(format!("parent W{l}"), &weight_dims(l)))
            .collect();
        let child: Vec<_> = (1..=depth)
            .map(|l| relation.input(format!("child W{l}"), &weight_dims(l)))
            .collect();

        // Committed tensors, activations and gradients.
        let mut layers = Vec::new();
        let mut below = inputs;
        for l in 1..=depth {
            let over = [ob, ot, unit(l)];
            let y = commit(&mut relation, format!("Y{l}"), l);
            let hidden = (l < depth).then(|| {
                let s = commit(&mut relation, format!("S{l}"), l);
                (s, commit(&mut relation, format!("H{l}"), l))
            });
            let name = |part: &str, k: usize| format!("{part}{l} limb {k}");
            let z_limbs = (0..top)
                .map(|k| commit(&mut relation, name("Z", k), l))
                .collect();
            let p_limbs = match hidden {
                Some(_) => (0..top)
                    .map(|k| commit(&mut relation, name("P", k), l))
                    .collect(),
                None => Vec::new(),
            };
            let input = relation.define(
                format!("A{} with bias", l - 1),
                &[vb, vt, dim(l - 1), 1],
                vec![
                    term(
                        one,
                        [at(below, &[ob, ot, unit(l - 1)])],
                        &[ob, ot, unit(l - 1), Index::First],
                    ),
                    term(
                        power_of_two(fixed.activation_bits()),
                        [at(mask, &[ob, ot])],
                        &[ob, ot, Index::First, Index::Last],
                    ),
                ],
            );
            let gradient = match hidden {
                Some((sign, back)) => {
                    let dims = tensor_dims(l);
                    let a = vec![term(one, [at(sign, &over), at(y, &over)], &over)];
                    below = relation.define(format!("A{l}"), &dims, a);
                    let g = vec![term(one, [at(sign, &over), at(back, &over)], &over)];
                    relation.define(format!("G{l}"), &dims, g)
                }
                None => {
                    let c = power_of_two::<F>(fixed.gradient_bits() - fixed.activation_bits());
                    let terms = vec![
                        term(c, [at(y, &over)], &over),
                        term(-c, [at(targets, &over)], &over),
                    ];
                    relation.define(format!("G{l}"), &tensor_dims(l), terms)
                }
            };
            layers.push(LayerTensors {
                y,
                hidden,
                z_limbs,
                p_limbs,
                input,
                gradient,
            });
        }

        // Weights telescope: W[t] = W[0] - c sum over earlier steps of A^T G.
        let c = F::from(rate.coefficient());
        let mut weights = Vec::new();
        for (k, layer) in layers.iter().enumerate() {
            let l = k + 1;
            let (i, j) = (unit(k), unit(l));
            let update = [
                at(layer.input, &[ob, os, i, oh]),
                at(layer.gradient, &[ob, os, j]),
            ];
            let [a, g]: [Operand; 2] = update.clone();
            let now = [j, i, oh, ot];
            let terms = vec![
                term(one, [at(parent[k], &[j, i, oh])], &now),
                term(-c, [at(earlier, &[ot, os]), a, g], &now),
            ];
            let dims = [dim(l), dim(k), 1, vt];
            let current = relation.define(format!("W{l}"), &dims, terms);
            let last = [j, i, oh];
            let terms = vec![
                term(one, [at(parent[k], &last)], &last),
                term(-c, update, &last),
            ];
            let end = relation.define(format!("W{l} at the end"), &weight_dims(l), terms);
            relation.equal(child[k], end, current);
            weights.push(current);
        }

        // Forward and backward products, remainders and ranges.
        for (k, layer) in layers.iter_mut().enumerate() {
            let l = k + 1;
            let over = [ob, ot, unit(l)];
            let dims = tensor_dims(l);
            let operands = [
                at(layer.input, &[ob, ot, unit(k), oh]),
                at(weights[k], &[unit(l), unit(k), oh, ot]),
            ];
            let z = relation.define(format!("Z{l}"), &dims, vec![term(one, operands, &over)]);
            let name = format!("Z{l} limb {top}");
            let limb = limbs(
                &mut relation,
                &name,
                fixed,
                &dims,
                &over,
                z,
                layer.y,
                &layer.z_limbs,
            );
            layer.z_limbs.push(limb);
        }
        for k in 0..depth - 1 {
            let l = k + 1;
            let over = [ob, ot, unit(l)];
            let dims = tensor_dims(l);
            let above = [
                at(layers[k + 1].gradient, &[ob, ot, unit(l + 1)]),
                at(weights[k + 1], &[unit(l + 1), unit(l), Index::First, ot]),
            ];
            let p = relation.define(format!("P{l}"), &dims, vec![term(one, above, &over)]);
            let Some((_, back)) = layers[k].hidden else {
                continue;
            };
            let name = format!("P{l} limb {top}");
            let limb = limbs(
                &mut relation,
                &name,
                fixed,
                &dims,
                &over,
                p,
                back,
                &layers[k].p_limbs,
            );
            layers[k].p_limbs.push(limb);
        }
        for layer in &layers {
            match layer.hidden {
                Some((sign, back)) => {
                    let relu = tables.relu(&mut relation, fixed.hidden_range_bits());
                    relation.lookup(relu, &[layer.y, sign]);
                    let signed = tables.signed(&mut relation, fixed.gradient_range_bits());
                    relation.lookup(signed, &[back]);
                }
                None => {
                    let signed = tables.signed(&mut relation, fixed.output_range_bits());
                    relation.lookup(signed, &[layer.y]);
                }
            }
            for limbs in [&layer.z_limbs, &layer.p_limbs] {
                for (k, (limb, bits)) in limbs.iter().zip(fixed.limbs()).enumerate() {
                    let table = match k == top {
                        true => tables.signed(&mut relation, *bits),
                        false => tables.unsigned(&mut relation, *bits),
                    };
                    relation.lookup(table, &[*limb]);
                }
            }
        }
        committed.append(&mut tables.committed);
        Self {
            relation: Arc::new(relation),
            extent,
            committed,
            layers,
            parent,
            child,
            inputs,
            targets,
        }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// The tensors to commit, multiplicities last.
    pub fn committed(&self) -> &[Committed] {
        &self.committed
    }

    /// The weights before the first step, by layer.
    pub fn parent(&self) -> &[TensorId] {
        &self.parent
    }

    /// The weights after the last step, by layer.
    pub fn child(&self) -> &[TensorId] {
        &self.child
    }

    /// `A_0`: rows of the data set named by the schedule, feature columns.
    pub fn inputs(&self) -> TensorId {
        self.inputs
    }

    /// The targets: rows of the data set named by the schedule, target columns.
    pub fn targets(&self) -> TensorId {
        self.targets
    }

    /// The witness of a run: all values that the prover needs, multiplicities counted.
    ///
    /// Fails with the lookup, position and tuple if a value is in no table.
    pub fn witness(
        &self,
        fixed: &FixedPoint,
        parent: &Weights,
        steps: &[Step],
        child: &Weights,
    ) -> Result<Values, ProveError> {
        let mut values = Values::new();
        for (k, layer) in self.layers.iter().enumerate() {
            self.layer_witness(k, layer, fixed, steps, &mut values);
            values.insert(self.parent[k], Arc::new(weight_values(parent, k)));
            values.insert(self.child[k], Arc::new(weight_values(child, k)));
        }
        self.count(&mut values)?;
        Ok(values)
    }

    /// Counts how often each table entry is used.
    pub fn count(&self, values: &mut Values) -> Result<(), ProveError> {
        count_multiplicities(&self.relation, values)
    }

    fn layer_witness(
        &self,
        k: usize,
        layer: &LayerTensors,
        fixed: &FixedPoint,
        steps: &[Step],
        values: &mut Values,
    ) {
        let trace = |step: &'_ Step| -> Vec<i64> {
            if k == 0 {
                step.inputs.clone()
            } else {
                step.layers[k - 1].y.iter().map(|y| *y.max(&0)).collect()
            }
        };
        let w = fixed.weight_bits();
        let remainder = |wide: &i128, rounded: &i64| (*wide - (i128::from(*rounded) << w)) as i64;
        let put = |values: &mut Values, id: TensorId, of: &(dyn Fn(&Step) -> Vec<i64> + Sync)| {
            values.insert(id, Arc::new(self.transpose(steps, of)));
        };
        put(values, layer.y, &|s| s.layers[k].y.clone());
        put(values, layer.gradient, &|s| s.layers[k].g.clone());
        let z = |s: &Step| {
            let l = &s.layers[k];
            l.z.iter()
                .zip(&l.y)
                .map(|(z, y)| remainder(z, y))
                .collect::<Vec<_>>()
        };
        for (i, id) in layer.z_limbs.iter().enumerate() {
            put(values, *id, &|s| limb(fixed, i, &z(s)));
        }
        if let Some((sign, back)) = layer.hidden {
            put(values, sign, &|s| {
                s.layers[k].y.iter().map(|y| i64::from(*y > 0)).collect()
            });
            put(values, back, &|s| s.layers[k].h.clone());
            let p = |s: &Step| {
                let l = &s.layers[k];
                l.p.iter()
                    .zip(&l.h)
                    .map(|(p, h)| remainder(p, h))
                    .collect::<Vec<_>>()
            };
            for (i, id) in layer.p_limbs.iter().enumerate() {
                put(values, *id, &|s| limb(fixed, i, &p(s)));
            }
        }
        // The layer's input with its bias row behind the padding of the unit axis.
        let mut input = self.transpose(steps, &trace);
        let padded = self.extent.padded();
        let inputs = input.len() / padded;
        input.resize(inputs.next_power_of_two() * padded, 0);
        let scale = 1i64 << fixed.activation_bits();
        input.extend(mask_values(self.extent).into_iter().map(|m| m * scale));
        values.insert(layer.input, Arc::new(input));
    }

    /// `[step][sample, unit]` to `[unit, step, sample]`, sample fastest, steps and samples padded.
    fn transpose(&self, steps: &[Step], of: &(dyn Fn(&Step) -> Vec<i64> + Sync)) -> Vec<i64> {
        let padded = self.extent.padded();
        let rows: Vec<Vec<i64>> = crate::poly::parallel::map(
            steps.len(),
            crate::poly::parallel::GRAIN,
            |t| of(&steps[t]),
        );
        let width = rows.first().map_or(0, |r| r.len() / self.extent.batch);
        let mut out = vec![0; width * padded];
        crate::poly::parallel::for_each_chunk(&mut out, padded, |start, out| {
            let unit = start / padded;
            for (t, row) in rows.iter().enumerate() {
                for b in 0..self.extent.batch {
                    out[self.extent.position(t, b)] = row[b * width + unit];
                }
            }
        });
        out
    }
}

/// Fills in how often each table entry is used by the lookups of a relation.
pub fn count_multiplicities<F: WideField>(
    relation: &Relation<F>,
    values: &mut Values,
) -> Result<(), ProveError> {
    let shape = relation.lookup_shape()?;
    let of = |id: &TensorId| values.get(id).cloned().unwrap_or_default();
    let columns: Vec<Vec<_>> = relation
        .lookups
        .iter()
        .map(|(_, tensors)| tensors.iter().map(of).collect())
        .collect();
    let counts = fractional::count_multiplicities(&shape, &columns).map_err(|error| {
        let tensor = relation
            .lookups
            .get(error.lookup)
            .and_then(|(_, tensors)| tensors.first());
        let tensor = tensor
            .map(|id| relation.name(*id).to_string())
            .unwrap_or_default();
        ProveError::NotInTable {
            tensor,
            position: error.position,
            values: error.tuple,
        }
    })?;
    for ((_, id), count) in relation.tables.iter().zip(counts) {
        values.insert(*id, Arc::new(count));
    }
    Ok(())
}

/// The `i`-th limb of remainders, low limbs unsigned, the top one signed.
fn limb(fixed: &FixedPoint, i: usize, remainders: &[i64]) -> Vec<i64> {
    let shift: u32 = fixed.limbs().iter().take(i).sum();
    let bits = fixed.limbs()[i];
    let is_top = i + 1 == fixed.limbs().len();
    let mask = if is_top { -1 } else { (1i64 << bits) - 1 };
    remainders.iter().map(|r| (r >> shift) & mask).collect()
}

/// `W_l[j, i, h]` of a layer counted from 0, output units fastest: weights, padding, bias.
pub fn weight_values(weights: &Weights, layer: usize) -> Vec<i64> {
    let architecture = weights.architecture();
    let (inputs, outputs) = (architecture.inputs(layer), architecture.outputs(layer));
    let width = outputs.next_power_of_two();
    let mut values = vec![0; (inputs.next_power_of_two() + 1) * width];
    let source = &weights.layers()[layer];
    for (row, out) in source
        .weight
        .chunks_exact(outputs)
        .zip(values.chunks_exact_mut(width))
    {
        out[..outputs].copy_from_slice(row);
    }
    let bias = inputs.next_power_of_two() * width;
    values[bias..bias + outputs].copy_from_slice(&source.bias);
    values
}

/// Flat indices of `W_l[j, i, h]` that may be non-zero.
pub fn weight_extent(architecture: &Architecture, layer: usize) -> Vec<Range<usize>> {
    let (inputs, outputs) = (architecture.inputs(layer), architecture.outputs(layer));
    let width = outputs.next_power_of_two();
    let bias = inputs.next_power_of_two() * width;
    vec![0..inputs * width, bias..bias + outputs]
}

fn mask_values(extent: Extent) -> Vec<i64> {
    let mut mask = vec![0; extent.padded()];
    for t in 0..extent.steps {
        for b in 0..extent.batch {
            mask[extent.position(t, b)] = 1;
        }
    }
    mask
}

/// `[s < t]` at `t + s * steps`.
fn earlier_values(steps: usize) -> Vec<i64> {
    (0..steps * steps)
        .map(|k| i64::from(k / steps < k % steps))
        .collect()
}

/// The relation "every entry of a data set is in its range".
pub struct DataRange<F> {
    relation: Arc<Relation<F>>,
    data: TensorId,
    multiplicities: Committed,
}

impl<F: WideField> DataRange<F> {
    /// For a data set of `rows` rows of `width` entries of `bits` bits, signed.
    pub fn new(rows: usize, width: usize, bits: u32) -> Self {
        let mut relation = Relation::new();
        let data = relation.input("data", &[num_vars(width), num_vars(rows)]);
        let mut tables = Tables::new();
        let table = tables.signed(&mut relation, bits);
        relation.lookup(table, &[data]);
        let multiplicities = tables.committed.remove(0);
        Self {
            relation: Arc::new(relation),
            data,
            multiplicities,
        }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// The data set, one row of the tensor a row of the data.
    pub fn data(&self) -> TensorId {
        self.data
    }

    /// The multiplicities to commit.
    pub fn multiplicities(&self) -> &Committed {
        &self.multiplicities
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        nn::{
            Dataset, FixedPointConfig, Schedule, ScheduleSeed, Sgd, init,
            relation::{self, Claim, Prover, Verifier},
            train,
        },
        poly::int,
        transcript::{Expr, ProverChannel, VerifierChannel},
    };
    use ark_bls12_381::Fr;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use std::ops::ControlFlow;

    /// A small format, so that tables are small.
    pub(crate) fn tiny() -> FixedPoint {
        FixedPoint::new(FixedPointConfig {
            activation_bits: 4,
            gradient_bits: 5,
            weight_bits: 14,
            limbs: vec![6, 8],
            hidden_range_bits: 11,
            output_range_bits: 12,
            gradient_range_bits: 12,
            data_range_bits: 8,
        })
        .unwrap()
    }

    struct Run {
        training: Training<Fr>,
        values: Values,
    }

    fn run(widths: &[usize], extent: Extent, seed: u64) -> Run {
        let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let architecture = Architecture::new(widths.to_vec()).unwrap();
        let fixed = tiny();
        let rate = LearningRate::from_coefficient(3).unwrap();
        let (features, targets) = (widths[0], widths[widths.len() - 1]);
        let rows = extent.batch + 3;
        let values = (0..rows * (features + targets))
            .map(|_| rng.gen_range(-20..20))
            .collect();
        let dataset = Dataset::from_rows(features, targets, values).unwrap();
        let schedule = Schedule::new(ScheduleSeed([7; 32]), rows, extent.batch).unwrap();
        let parent = init::expand(seed, &architecture, &fixed);
        let mut child = parent.clone();
        let mut steps = Vec::new();
        let sgd = Sgd {
            fixed_point: fixed.clone(),
            rate,
        };
        train::train(
            &sgd,
            &mut child,
            (&dataset, &schedule),
            0..extent.steps as u64,
            |_, step| {
                steps.push(step);
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        let training = Training::new(&architecture, &fixed, rate, extent);
        let mut values = training.witness(&fixed, &parent, &steps, &child).unwrap();
        let inputs = training.transpose(&steps, &|s| s.inputs.clone());
        values.insert(training.inputs, Arc::new(inputs));
        let targets = training.transpose(&steps, &|s| s.targets.clone());
        values.insert(training.targets, Arc::new(targets));
        Run { training, values }
    }

    fn verify(
        run: &Run,
        proof: &[u8],
    ) -> Result<Vec<Claim<Fr, Expr<Fr>>>, crate::error::VerifyError> {
        let mut channel = VerifierChannel::new(b"test", b"", proof);
        let claims = relation::reduce(
            run.training.relation(),
            &mut Verifier::new(run.training.relation(), &mut channel),
        )?;
        channel.finish()?;
        Ok(claims)
    }

    /// All claims that the reduction ends in hold for the witness.
    fn holds(run: &Run, claims: &[Claim<Fr, Expr<Fr>>]) -> bool {
        claims
            .iter()
            .all(|c| int::evaluate(&run.values[&c.tensor], &c.point) == c.value.constant())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        /// Completeness of the reduction, without hiding, on all kinds of shapes.
        #[test]
        fn honest_training_reduces_to_true_claims(
            widths in prop::collection::vec(1usize..6, 2..5),
            batch in 1usize..5,
            steps in 1usize..5,
            seed: u64,
        ) {
            let run = run(&widths, Extent { batch, steps }, seed);
            let mut channel = ProverChannel::new(b"test", b"");
            let relation = run.training.relation();
            let sent = relation::reduce(relation, &mut Prover::new(relation, &run.values, &mut channel)).unwrap();
            let claims = verify(&run, &channel.finish()).unwrap();
            prop_assert_eq!(sent.len(), claims.len());
            prop_assert!(holds(&run, &claims));
        }
    }
}

//! From a program to the relation that a proof is about, and its witness.
//!
//! Equations 23 to 29 of [`notes`](crate::notes), *Training relation*: what each lookup is for, and why
//! the result is that of the integers.
//!
//! **Relation.** A value of the program is a tensor over samples $b$, steps $t$ and its own axes, lowest
//! variables first. Values that come from outside or are committed are inputs; sums are virtual. A parameter is
//! a tensor $W(j, i, h)$, its axes in reverse; an extended axis has one more variable $h$ on top,
//! $(i, h) = (0, 1)$ is the entry behind its body.
//!
//! In training, parameters between the first and the last step are defined, not committed: updates are exact
//! and linear, so they telescope,
//! $$ W(j, i, h, t) = W(j, i, h) - \sum_{\tau} K_{t \tau} \nabla(j, i, h, \tau), $$
//! with the public matrix of the [optimiser](super::optimise), $K_{t \tau} = c \lbrack \tau < t \rbrack$ for plain
//! gradient descent, where the gradient $\nabla$ is the program's own sum of products, with $\tau$ for the step.
//!
//! **Order.** Of inputs: data, first and last parameters; then the values without parameters in the order of the
//! program, the parameters of each step, the other values; then what gadgets need, in their order. Committed are
//! values, then limbs, then the multiplicities of the tables, each kind in this order.
//!
//! **Prover, verifier, soundness.** Those of [`relation`](super::relation): this module only describes.
//!
//! **Padding** is forced to zero. On padded samples and steps data (a gather by the public schedule) and the
//! constant one are zero; a rounded value is then zero, of which 0 with remainder 0 is the only pair in range,
//! and a table with a flag has nothing but zeros where that is not set. On padded units parameters are
//! zero: at a root by definition, after a step because the factors of their gradients are.
//!
//! **Departures.** zkDL decomposes rounded values into bits and proves them to be bits; here limbs and
//! signs are looked up. zkDL has the weights of each step among its tensors.
//!
//! **References.** \[Sun et al. 23\] zkDL, arXiv 2307.16273.
#[cfg(test)]
pub(crate) mod forger;
mod gadgets;
mod limbs;
#[cfg(test)]
mod tests;
mod witness;

pub use limbs::{Cut, limb_widths};

use super::{
    optimise::UpdateMatrix,
    program::{self, Data, Node, Program, Purpose, SAMPLE, Value},
    relation::{Axis, Committed, Index, Operand, Public, Relation, TensorId, Term},
};
use crate::{
    check::Check,
    error::ConfigError,
    gkr::table::{
        Activation, Bit, Exponential, LookupTable, Maximum, Negative, Relu, Signed, Unsigned,
    },
    poly::{WideField, num_vars},
};
use std::{collections::BTreeMap, sync::Arc};

/// How a program is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Steps, at least 1.
    pub steps: usize,
    /// How parameters move, in training: the matrix of these steps.
    pub updates: Option<UpdateMatrix>,
    /// How numbers are cut into limbs.
    pub cut: Cut,
    /// Whether the caller opens the outputs, so that they are not committed.
    pub opened_outputs: bool,
}

/// A parameter in a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterTensors {
    /// `W[j, i, h]` before the first step.
    pub first: TensorId,
    /// After the last step, in training.
    pub last: Option<TensorId>,
    /// `W[j, i, h, t]`, or the first where there is but one step.
    current: TensorId,
}

/// A number that is cut into limbs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LimbTensors {
    source: Source,
    widths: Vec<u32>,
    limbs: Vec<TensorId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// What rounding to this value drops.
    Remainder(Value),
    /// A tensor itself.
    Tensor(TensorId),
}

/// A lookup table by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TableKind {
    Unsigned(u32),
    Of(program::Table),
}

/// The relation of a program.
pub struct Lowered<F> {
    program: Program,
    steps: usize,
    relation: Arc<Relation<F>>,
    committed: Vec<Committed>,
    tensors: Vec<Option<TensorId>>,
    parameters: Vec<ParameterTensors>,
    limbs: Vec<LimbTensors>,
    told: Vec<(Value, TensorId)>,
}

impl<F: WideField> Lowered<F> {
    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// The relation, for cheating provers.
    #[cfg(test)]
    pub(crate) fn relation_mut(&mut self) -> &mut Relation<F> {
        Arc::get_mut(&mut self.relation).unwrap()
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The tensors to commit, multiplicities last.
    pub fn committed(&self) -> &[Committed] {
        &self.committed
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> &[ParameterTensors] {
        &self.parameters
    }

    /// The tensor of a value, `[sample, step, axes...]`.
    pub fn tensor(&self, value: Value) -> Option<TensorId> {
        self.tensors.get(value.0).copied().flatten()
    }

    /// The tensor of a part of the data.
    pub fn data(&self, data: Data) -> Option<TensorId> {
        let mut all = self.program.data();
        let value = all.find(|(_, d)| *d == data)?.0;
        self.tensor(value)
    }

    /// The first of the network's outputs.
    pub fn outputs(&self) -> Option<TensorId> {
        self.tensor(*self.program.outputs().first()?)
    }

    /// Numbers that are told, scalars.
    pub fn told(&self) -> &[(Value, TensorId)] {
        &self.told
    }
}

/// The relation of a program.
///
/// # Errors
/// [`ConfigError`] if a function has no table in the program's formats.
pub fn lower<F: WideField>(program: Program, extent: &Extent) -> Result<Lowered<F>, ConfigError> {
    let mut lowering = Lowering::new(&program, extent);
    lowering.outside();
    let depends = lowering.depends_on_parameters();
    lowering.values(|k| !depends[k]);
    lowering.parameters_of_each_step();
    lowering.values(|k| depends[k]);
    for gadget in &program.gadgets {
        lowering.gadget(gadget)?;
    }
    let Lowering {
        relation,
        mut committed,
        limb_commitments,
        multiplicities,
        tensors,
        parameters,
        limbs,
        told,
        ..
    } = lowering;
    committed.extend(limb_commitments);
    committed.extend(multiplicities);
    Ok(Lowered {
        steps: extent.steps,
        relation: Arc::new(relation),
        committed,
        tensors,
        parameters,
        limbs,
        told,
        program,
    })
}

struct Lowering<'a, F> {
    program: &'a Program,
    extent: &'a Extent,
    relation: Relation<F>,
    /// Sample and step.
    positions: [Axis; 2],
    /// An earlier step, in training.
    earlier: Option<Axis>,
    /// Of each axis that is neither extended nor a group.
    axes: Vec<Option<Axis>>,
    /// On top of extended axes.
    behind: Axis,
    tensors: Vec<Option<TensorId>>,
    parameters: Vec<ParameterTensors>,
    committed: Vec<Committed>,
    limb_commitments: Vec<Committed>,
    multiplicities: Vec<Committed>,
    tables: BTreeMap<TableKind, usize>,
    limbs: Vec<LimbTensors>,
    told: Vec<(Value, TensorId)>,
}

impl<'a, F: WideField> Lowering<'a, F> {
    /// Axes: sample, step, earlier step, those of the program, and what is behind bodies.
    fn new(program: &'a Program, extent: &'a Extent) -> Self {
        let mut relation = Relation::new();
        let steps = num_vars(extent.steps);
        let positions = [num_vars(program.len(SAMPLE)), steps].map(|vars| relation.axis(vars));
        let training = program.purpose() == Purpose::Training;
        let earlier = training.then(|| relation.axis(steps));
        let mut axes = vec![Some(positions[0])];
        for (axis, plain) in program.plain_axes().skip(1) {
            axes.push(plain.then(|| relation.axis(num_vars(program.len(axis)))));
        }
        let behind = relation.axis(1);
        Self {
            program,
            extent,
            relation,
            positions,
            earlier,
            axes,
            behind,
            tensors: vec![None; program.values.len()],
            parameters: Vec::new(),
            committed: Vec::new(),
            limb_commitments: Vec::new(),
            multiplicities: Vec::new(),
            tables: BTreeMap::new(),
            limbs: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Data and parameters.
    fn outside(&mut self) {
        for (value, _) in self.program.data() {
            let name = self.program.name(value);
            self.tensors[value.0] = Some(self.relation.input(name, &self.dims(value)));
        }
        let training = self.program.purpose() == Purpose::Training;
        let whose = match training {
            true => ["parent", "child"].as_slice(),
            false => &["forward"],
        };
        let mut each = whose.iter().map(|whose| -> Vec<TensorId> {
            let parameters = self.program.parameters().iter();
            let names = parameters.map(|value| format!("{whose} {}", self.program.name(*value)));
            let dims = self
                .program
                .parameters()
                .iter()
                .map(|value| self.dims(*value));
            let inputs: Vec<_> = names.zip(dims).collect();
            inputs
                .into_iter()
                .map(|(name, dims)| self.relation.input(name, &dims))
                .collect()
        });
        let (first, last) = (each.next().unwrap_or_default(), each.next());
        self.parameters = first
            .into_iter()
            .enumerate()
            .map(|(k, first)| ParameterTensors {
                first,
                last: last.as_ref().map(|last| last[k]),
                current: first,
            })
            .collect();
        for (value, tensors) in self.program.parameters().iter().zip(&self.parameters) {
            self.tensors[value.0] = Some(tensors.first);
        }
    }

    /// Which values are sums that depend on parameters.
    fn depends_on_parameters(&self) -> Vec<bool> {
        let mut depends = vec![false; self.program.values.len()];
        for (value, definition) in self.program.numbered() {
            depends[value.0] = match &definition.node {
                Node::Parameter(_) => true,
                Node::Sum(terms) => {
                    let mut operands = terms.iter().flat_map(|term| &term.operands);
                    operands.any(|operand| depends[operand.value.0])
                }
                _ => false,
            };
        }
        depends
    }

    /// Tensors for the values that are chosen and have none, but for gradients.
    fn values(&mut self, chosen: impl Fn(usize) -> bool) {
        let program = self.program;
        let gradients: Vec<Value> = program.gradients().iter().flatten().copied().collect();
        for (value, definition) in program.numbered() {
            if !chosen(value.0) || self.tensors[value.0].is_some() || gradients.contains(&value) {
                continue;
            }
            let dims = self.dims(value);
            let tensor = match &definition.node {
                Node::Sum(terms) => {
                    let terms = terms.iter().map(|term| self.term(value, term)).collect();
                    self.relation.define(&definition.name, &dims, terms)
                }
                Node::Known(entries) => {
                    let public = Public::Sparse(entries.clone());
                    self.relation.public(&definition.name, &dims, public)
                }
                Node::One => {
                    let real = self.real_lens(value);
                    self.relation
                        .public(&definition.name, &dims, Public::Below(real))
                }
                _ => self.relation.input(&definition.name, &dims),
            };
            self.tensors[value.0] = Some(tensor);
            let opened = self.extent.opened_outputs && program.outputs().contains(&value);
            if definition.node == Node::Committed && !opened {
                let committed = self.committed(value, tensor);
                self.committed.push(committed);
            }
        }
    }

    /// Equations 25 and 26. The parameters of each step, and that the last ones are those after the last step.
    fn parameters_of_each_step(&mut self) {
        let program = self.program;
        let (Some(earlier), Some(updates)) = (self.earlier, &self.extent.updates) else {
            return;
        };
        let steps = num_vars(self.extent.steps);
        let (factor, before, behind) = self.update_matrix(updates, steps);
        for (k, value) in program.parameters().iter().enumerate() {
            let ParameterTensors { first, last, .. } = self.parameters[k];
            let axes = program::over(&program.fact(*value).axes);
            let here = self.parameter_indices(*value, &axes);
            let step = Index::from(self.positions[1]);
            let now = [here.as_slice(), &[step]].concat();
            let start = |output: &[Index]| Term {
                coefficient: F::ONE,
                operands: vec![Operand {
                    tensor: first,
                    indices: here.clone(),
                }],
                output: output.to_vec(),
            };
            let (mut current, mut end) = (vec![start(&now)], vec![start(&here)]);
            for gradient in &program.gradients()[k] {
                let Node::Sum(terms) = &program.values[gradient.0].node else {
                    continue;
                };
                for term in terms {
                    let coefficient = factor * int::<F>(term.factor);
                    let output = self.parameter_indices(*value, &term.output);
                    let operands: Vec<Operand> = term
                        .operands
                        .iter()
                        .map(|operand| self.operand(operand, earlier))
                        .collect();
                    let matrix = Operand {
                        tensor: before,
                        indices: vec![step, earlier.into()],
                    };
                    current.push(Term {
                        coefficient,
                        operands: [vec![matrix], operands.clone()].concat(),
                        output: [output.as_slice(), &[step]].concat(),
                    });
                    let row = behind.map(|tensor| Operand {
                        tensor,
                        indices: vec![earlier.into()],
                    });
                    end.push(Term {
                        coefficient,
                        operands: row.into_iter().chain(operands).collect(),
                        output,
                    });
                }
            }
            let name = program.name(*value);
            let dims = self.dims(*value);
            let with_steps = [dims.as_slice(), &[steps]].concat();
            let current = self.relation.define(name, &with_steps, current);
            let end = self
                .relation
                .define(format!("{name} at the end"), &dims, end);
            if let Some(last) = last {
                let check = Check::LastWeights.name();
                self.relation.equal(check, last, end, current);
            }
            self.parameters[k].current = current;
            self.tensors[value.0] = Some(current);
        }
    }

    /// What multiplies all gradients, the matrix `[step, earlier step]`, and its row behind the last step unless that
    /// is all ones.
    fn update_matrix(
        &mut self,
        updates: &UpdateMatrix,
        steps: usize,
    ) -> (F, TensorId, Option<TensorId>) {
        let mut public = |name, dims: &[usize], public| self.relation.public(name, dims, public);
        match updates {
            UpdateMatrix::Plain(rate) => {
                let before = public("earlier", &[steps, steps], Public::Earlier);
                (-F::from(rate.coefficient()), before, None)
            }
            UpdateMatrix::Of(matrix) => {
                let all = Public::Coefficients(matrix.clone());
                let last = Public::LastCoefficients(matrix.clone());
                let before = public("coefficients", &[steps, steps], all);
                let behind = public("coefficients at the end", &[steps], last);
                (-F::ONE, before, Some(behind))
            }
        }
    }

    /// A term of a value's sum.
    fn term(&self, value: Value, term: &program::Term) -> Term<F> {
        let [_, step] = self.positions;
        Term {
            coefficient: int(term.factor),
            operands: term
                .operands
                .iter()
                .map(|operand| self.operand(operand, step))
                .collect(),
            output: self.indices(value, &term.output, step),
        }
    }

    fn operand(&self, operand: &program::Operand, step: Axis) -> Operand {
        let value = operand.value;
        let tensor = self.tensors[value.0].unwrap_or(TensorId(usize::MAX));
        let indices = match &self.program.values[value.0].node {
            Node::Known(_) => {
                let axes = self.program.leaves_of(&operand.indices).into_iter();
                axes.map(|axis| self.over(axis)).collect()
            }
            Node::Parameter(_) => {
                let mut indices = self.parameter_indices(value, &operand.indices);
                if self.earlier.is_some() {
                    indices.push(step.into());
                }
                indices
            }
            _ => self.indices(value, &operand.indices, step),
        };
        Operand { tensor, indices }
    }

    /// The indices of a value that is not a parameter, with the step after the sample.
    fn indices(&self, value: Value, indices: &[program::Index], step: Axis) -> Vec<Index> {
        let axes = self.program.fact(value).axes.iter();
        axes.zip(indices)
            .flat_map(|(axis, index)| match *axis == SAMPLE {
                true => vec![self.positions[0].into(), step.into()],
                false => self.index(*axis, *index, Order::Forward),
            })
            .collect()
    }

    /// The indices of a parameter, last axis first.
    fn parameter_indices(&self, value: Value, indices: &[program::Index]) -> Vec<Index> {
        let axes = self.program.fact(value).axes.iter();
        let pairs: Vec<_> = axes.zip(indices).collect();
        let pairs = pairs.into_iter().rev();
        pairs
            .flat_map(|(axis, index)| self.index(*axis, *index, Order::Reverse))
            .collect()
    }

    fn over(&self, axis: program::Axis) -> Index {
        let axis = self.axes.get(axis.0).copied().flatten();
        axis.map_or(Index::First, Index::Over)
    }

    /// How one dimension is used: an index for each of its leaves, and one more if it is extended.
    fn index(&self, dimension: program::Axis, index: program::Index, order: Order) -> Vec<Index> {
        let program = self.program;
        let leaves = |axis: program::Axis| {
            let mut leaves = program.leaves(program.body(axis).unwrap_or(axis));
            order.apply(&mut leaves);
            leaves.into_iter().map(|leaf| self.over(leaf))
        };
        match index {
            program::Index::Over(axis) => {
                let behind = program.body(dimension).map(|_| self.behind.into());
                leaves(axis).chain(behind).collect()
            }
            program::Index::Body(axis) => leaves(axis).chain([Index::First]).collect(),
            program::Index::Tail => {
                let first = leaves(dimension).map(|_| Index::First);
                first.chain([Index::Last]).collect()
            }
        }
    }

    /// Numbers of variables of a value's tensor.
    fn dims(&self, value: Value) -> Vec<usize> {
        dims(self.program, value, self.extent.steps)
    }

    /// How many indices of each dimension are real, of a value without extended axes.
    fn real_lens(&self, value: Value) -> Vec<usize> {
        let axes = self.program.all_leaves(&self.program.fact(value).axes);
        axes.into_iter()
            .flat_map(|axis| match axis == SAMPLE {
                true => vec![self.program.len(SAMPLE), self.extent.steps],
                false => vec![self.program.len(axis)],
            })
            .collect()
    }

    /// What is committed of a value: up to the last real index of its highest dimension.
    fn committed(&self, value: Value, tensor: TensorId) -> Committed {
        let dims = self.dims(value);
        let num_vars = dims.iter().sum();
        let axes = self.program.all_leaves(&self.program.fact(value).axes);
        let top = match axes.last() {
            Some(axis) if *axis != SAMPLE => {
                let below: usize = num_vars - dims.last().copied().unwrap_or(0);
                self.program.len(*axis) << below
            }
            _ => 1_usize << num_vars,
        };
        Committed {
            tensor,
            num_vars,
            real: std::iter::once(0..top).collect(),
        }
    }
}

/// In which order the axes of a value are dimensions of its tensor, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The slowest one lowest.
    Forward,
    /// The fastest one lowest: of parameters.
    Reverse,
}

impl Order {
    fn of(program: &Program, value: Value) -> Self {
        match program.values[value.0].node {
            Node::Parameter(_) => Self::Reverse,
            _ => Self::Forward,
        }
    }

    fn apply<T>(self, all: &mut [T]) {
        if self == Self::Reverse {
            all.reverse();
        }
    }
}

/// Numbers of variables of a value's tensor, lowest first.
fn dims(program: &Program, value: Value, steps: usize) -> Vec<usize> {
    let order = Order::of(program, value);
    let vars = |axis: program::Axis| num_vars(program.len(axis));
    let of = |axis: program::Axis| {
        let mut leaves = program.leaves(program.body(axis).unwrap_or(axis));
        order.apply(&mut leaves);
        let leaves = leaves.into_iter().map(vars);
        let more = match (axis == SAMPLE, program.body(axis)) {
            (true, _) => Some(num_vars(steps)),
            (false, Some(_)) => Some(1),
            (false, None) => None,
        };
        leaves.chain(more).collect()
    };
    let mut each: Vec<Vec<usize>> = program.fact(value).axes.iter().map(|a| of(*a)).collect();
    order.apply(&mut each);
    each.concat()
}

/// An integer in the field.
fn int<F: WideField>(value: i128) -> F {
    let magnitude = F::from(value.unsigned_abs());
    match value < 0 {
        true => -magnitude,
        false => magnitude,
    }
}

fn power_of_two<F: WideField>(bits: u32) -> F {
    F::from(2u64).pow([bits.into()])
}

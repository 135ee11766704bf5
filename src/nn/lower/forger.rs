//! A cheating prover: runs a program over all positions of its relation, padding too, one scalar at a time and
//! without any check, except where it lies: all that is computed later follows the lie.
use super::{Lowered, Source, witness::places};
use crate::{
    nn::{
        fixed::round,
        optimise::UpdateMatrix,
        program::{self, Data, Gadget, Node, Program, SAMPLE, Table, Term, Value, by_rows, eval},
        relation::{TensorId, Values},
        tensor::{self, View},
    },
    poly::{WideField, num_vars},
};
use std::sync::Arc;

/// Where a value stands that a prover may lie about: a committed value by its name, or `rest of` it for what
/// rounding to it drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) step: usize,
    pub(crate) sample: usize,
    pub(crate) unit: usize,
}

pub(crate) struct Forger<'a, F> {
    lowered: &'a Lowered<F>,
    /// Rows of each step.
    pub(crate) inputs: Vec<Vec<Vec<i64>>>,
    pub(crate) targets: Vec<Vec<Vec<i64>>>,
    /// `W[j, i, h]` with all padding.
    pub(crate) parameters: Vec<Vec<i128>>,
    /// How gradients move parameters, where no test says otherwise: row `t` of the matrix is that of step `t`.
    pub(crate) updates: UpdateMatrix,
    /// Parameters in the first step, if a prover has the choice.
    pub(crate) chosen: Option<Vec<Vec<i128>>>,
    /// Whether the constant one is masked on padding.
    pub(crate) masked: bool,
    /// Whether what a remainder has beyond its range is in its lowest limb, or in the top one.
    pub(crate) long_low_limb: bool,
}

impl<'a, F: WideField> Forger<'a, F> {
    pub(crate) fn new(
        lowered: &'a Lowered<F>,
        data: [Vec<Vec<Vec<i64>>>; 2],
        parameters: Vec<Vec<i128>>,
        updates: UpdateMatrix,
    ) -> Self {
        let [inputs, targets] = data;
        Self {
            lowered,
            inputs,
            targets,
            parameters,
            updates,
            chosen: None,
            masked: true,
            long_low_limb: false,
        }
    }

    pub(crate) fn run(mut self, lie: impl Fn(Place<'_>, &mut i128)) -> Values {
        let lowered = self.lowered;
        let mut values = Values::new();
        let parameters = lowered.parameters();
        for (tensors, parameter) in parameters.iter().zip(&self.parameters) {
            values.insert(tensors.first, narrow(parameter));
        }
        let mut told = vec![0; lowered.told.len()];
        let start = std::mem::take(&mut self.parameters);
        let mut gradients = Vec::new();
        for t in 0..1_usize << num_vars(lowered.steps) {
            let moved = moved(&start, &gradients, |tau| self.updates.entry(t, tau));
            self.parameters = self.chosen.take().unwrap_or(moved);
            let mut step = Step {
                forger: &self,
                t,
                values: vec![Vec::new(); lowered.program.values.len()],
            };
            step.run(&mut values, &lie);
            for (sum, (value, _)) in told.iter_mut().zip(&lowered.told) {
                *sum += step.values[value.0][0];
            }
            gradients.push(step.gradients());
        }
        self.parameters = moved(&start, &gradients, |tau| self.updates.last(tau));
        for (tensors, parameter) in parameters.iter().zip(&self.parameters) {
            values.extend(tensors.last.map(|last| (last, narrow(parameter))));
        }
        for (sum, (_, tensor)) in told.iter().zip(&lowered.told) {
            values.insert(*tensor, narrow(&[*sum]));
        }
        for limbs in &lowered.limbs {
            if let Source::Tensor(id) = limbs.source {
                let whole = values.get(&id).cloned().unwrap_or_default();
                for (limb, tensor) in super::limbs::Limb::all(&limbs.widths).zip(&limbs.limbs) {
                    let column = whole.iter().map(|x| limb.of(*x)).collect();
                    values.insert(*tensor, Arc::new(column));
                }
            }
        }
        values
    }
}

fn narrow(values: &[i128]) -> Arc<Vec<i64>> {
    Arc::new(values.iter().map(|v| i64::try_from(*v).unwrap()).collect())
}

/// Padded length of an axis.
fn padded(program: &Program, axis: program::Axis) -> usize {
    if let Some(body) = program.body(axis) {
        return 2 * padded(program, body);
    }
    let leaves = program.leaves(axis).into_iter();
    leaves
        .map(|leaf| program.len(leaf).next_power_of_two())
        .product()
}

fn padded_size(program: &Program, value: Value) -> usize {
    let axes = program.fact(value).axes.iter();
    axes.map(|axis| padded(program, *axis)).product()
}

/// Parameters less so many times the gradients of each step.
fn moved(
    start: &[Vec<i128>],
    gradients: &[Vec<Vec<i128>>],
    coefficient: impl Fn(usize) -> i64,
) -> Vec<Vec<i128>> {
    let mut parameters = start.to_vec();
    for (tau, step) in gradients.iter().enumerate() {
        let factor = i128::from(coefficient(tau));
        for (parameter, gradient) in parameters.iter_mut().zip(step) {
            let pairs = parameter.iter_mut().zip(gradient);
            pairs.for_each(|(w, x)| *w -= factor * x);
        }
    }
    parameters
}

struct Step<'a, 'b, F> {
    forger: &'b Forger<'a, F>,
    t: usize,
    /// Row-major, with all padding.
    values: Vec<Vec<i128>>,
}

impl<F: WideField> Step<'_, '_, F> {
    fn run(&mut self, out: &mut Values, lie: &impl Fn(Place<'_>, &mut i128)) {
        let program = &self.forger.lowered.program;
        let gradients: Vec<Value> = program.gradients().iter().flatten().copied().collect();
        let kept = program.kept();
        for (value, definition) in program.numbered() {
            if gradients.contains(&value) {
                continue;
            }
            let mut computed = match &definition.node {
                Node::Data(data) => self.data(value, *data),
                Node::Parameter(k) => self.forger.parameters[*k].clone(),
                Node::One => self.one(value),
                Node::Known(_) => continue,
                Node::Sum(terms) => self.sum(value, terms),
                Node::Committed => self.committed(value),
            };
            if definition.node == Node::Committed {
                self.lie(&definition.name, value, &mut computed, lie);
            }
            self.values[value.0] = computed;
            self.remainder(value, out, lie);
            if let (Some(tensor), true) = (self.forger.lowered.tensor(value), kept[value.0]) {
                self.put(tensor, value, &self.values[value.0], out);
            }
        }
    }

    /// Of each parameter.
    fn gradients(&self) -> Vec<Vec<i128>> {
        let program = &self.forger.lowered.program;
        let pairs = program.parameters().iter().zip(program.gradients());
        let of = |(parameter, gradients): (&Value, &Vec<Value>)| {
            let mut sum = vec![0; padded_size(program, *parameter)];
            for gradient in gradients {
                if let Node::Sum(terms) = &program.values[gradient.0].node {
                    let part = self.sum(*gradient, terms);
                    sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
                }
            }
            sum
        };
        pairs.map(of).collect()
    }

    fn data(&self, value: Value, data: Data) -> Vec<i128> {
        let program = &self.forger.lowered.program;
        let rows = match data {
            Data::Inputs => &self.forger.inputs,
            Data::Targets => &self.forger.targets,
        };
        let mut out = vec![0; padded_size(program, value)];
        let axes = &program.fact(value).axes;
        for (b, row) in rows.get(self.t).into_iter().flatten().enumerate() {
            let size: usize = axes.iter().skip(1).map(|axis| program.len(*axis)).product();
            for (k, x) in row.iter().take(size).enumerate() {
                let mut rest = k;
                let (mut place, mut stride) = (0, 1);
                for axis in axes.iter().skip(1).rev() {
                    place += rest % program.len(*axis) * stride;
                    rest /= program.len(*axis);
                    stride *= padded(program, *axis);
                }
                out[b * stride + place] = i128::from(*x);
            }
        }
        out
    }

    fn one(&self, value: Value) -> Vec<i128> {
        let lowered = self.forger.lowered;
        let program = &lowered.program;
        let axes = program.all_leaves(&program.fact(value).axes);
        let lens: Vec<[usize; 2]> = axes
            .iter()
            .map(|axis| [program.len(*axis), padded(program, *axis)])
            .collect();
        let is_real = |index: usize| {
            let mut rest = index;
            let mut each = lens.iter().rev().map(|[real, padded]| {
                let index = rest % padded;
                rest /= padded;
                index < *real
            });
            let has_steps = axes.contains(&SAMPLE);
            each.all(|real| real) && (self.t < lowered.steps || !has_steps)
        };
        let entry = |index| i128::from(is_real(index) || !self.forger.masked);
        (0..padded_size(program, value)).map(entry).collect()
    }

    fn sum(&self, value: Value, terms: &[Term]) -> Vec<i128> {
        let program = &self.forger.lowered.program;
        let mut out = vec![0; padded_size(program, value)];
        for term in terms {
            let operands: Vec<View<'_>> = program
                .unknown(term)
                .map(|operand| View::Wide(&self.values[operand.value.0]))
                .collect();
            let len = |axis| padded(program, axis);
            let behind = |axis| padded(program, axis) / 2;
            let einsum = eval::loops(program, (value, term), len, behind);
            tensor::add_term(&einsum, term.factor, &operands, &|_| 0, &mut out);
        }
        out
    }

    fn committed(&self, value: Value) -> Vec<i128> {
        let program = &self.forger.lowered.program;
        let (gadget, image) = program.maker(value).unwrap();
        match &program.gadgets[gadget] {
            Gadget::Round { wide, shift, .. } => {
                let wide = self.values[wide.0].iter();
                wide.map(|x| round(*shift, *x)).collect()
            }
            Gadget::Lookup {
                live, key, table, ..
            } => {
                let keys = &self.values[key.0];
                // The flag may come after the images in the program: then it is the constant one.
                let flags = live.map(|live| match &self.values[live.0] {
                    flags if flags.is_empty() => self.one(live),
                    flags => flags.clone(),
                });
                let is_live = |k: usize| flags.as_ref().is_none_or(|flags| flags[k] != 0);
                let images = keys.iter().enumerate().map(|(k, key)| match is_live(k) {
                    true => image_of(*table, image, *key),
                    false => 0,
                });
                images.collect()
            }
            Gadget::Compute {
                rule,
                rows,
                of,
                made,
            } => {
                let count: usize = rows.iter().map(|axis| padded(program, *axis)).product();
                let width = |value: &Value| padded_size(program, *value) / count;
                let entry = |value: &Value| {
                    let entries = &self.values[value.0];
                    move |k: usize| entries[k]
                };
                let operands: Vec<_> = of.iter().map(|v| (width(v), entry(v))).collect();
                let widths: Vec<usize> = made.iter().map(width).collect();
                let columns = by_rows(count, &operands, &widths, |of, made| {
                    // Out of range or not: whoever lies goes on.
                    let _ = rule.integers(of, made);
                    Ok::<_, std::convert::Infallible>(())
                });
                columns.unwrap().swap_remove(image)
            }
            Gadget::Range { .. } | Gadget::Zero { .. } | Gadget::Tell { .. } => {
                unreachable!("it computes nothing")
            }
        }
    }

    /// Lies about the entries of a value.
    fn lie(
        &self,
        name: &str,
        value: Value,
        entries: &mut [i128],
        lie: &impl Fn(Place<'_>, &mut i128),
    ) {
        let program = &self.forger.lowered.program;
        for (k, (sample, unit)) in places(program, value).into_iter().enumerate() {
            let place = Place {
                name,
                step: self.t,
                sample,
                unit,
            };
            lie(place, &mut entries[k]);
        }
    }

    /// What rounding to a value drops, in limbs.
    fn remainder(&self, value: Value, out: &mut Values, lie: &impl Fn(Place<'_>, &mut i128)) {
        let lowered = self.forger.lowered;
        let program = &lowered.program;
        let made = lowered
            .limbs
            .iter()
            .find(|limbs| limbs.source == Source::Remainder(value));
        let gadget = program.maker(value).map(|(k, _)| &program.gadgets[k]);
        let (Some(made), Some(Gadget::Round { wide, shift, .. })) = (made, gadget) else {
            return;
        };
        let pairs = self.values[wide.0].iter().zip(&self.values[value.0]);
        let mut rests: Vec<i128> = pairs.map(|(z, y)| z - (y << shift)).collect();
        let name = format!("rest of {}", program.name(value));
        self.lie(&name, value, &mut rests, lie);
        let excess = |rest: i128| match self.forger.long_low_limb {
            true => round(*shift, rest) << shift,
            false => 0,
        };
        let mut low = 0;
        for (k, (tensor, bits)) in made.limbs.iter().zip(&made.widths).enumerate() {
            let last = k + 1 == made.limbs.len();
            let limb = |rest: &i128| {
                let inside = rest - excess(*rest);
                let cut = inside >> low;
                let cut = if last { cut } else { cut & ((1 << bits) - 1) };
                if k == 0 { cut + excess(*rest) } else { cut }
            };
            let column: Vec<i128> = rests.iter().map(limb).collect();
            self.put(*tensor, value, &column, out);
            low += bits;
        }
    }

    /// Writes a step's entries of a tensor of the shape of a value.
    fn put(&self, tensor: TensorId, value: Value, entries: &[i128], out: &mut Values) {
        let lowered = self.forger.lowered;
        let (samples, steps) = (
            padded(&lowered.program, SAMPLE),
            1 << num_vars(lowered.steps),
        );
        let len = 1 << lowered.relation.num_vars(tensor);
        let column = out.entry(tensor).or_insert_with(|| Arc::new(vec![0; len]));
        let column = Arc::make_mut(column);
        let places = places(&lowered.program, value);
        for ((sample, unit), entry) in places.into_iter().zip(entries) {
            let at = sample + samples * (self.t + steps * unit);
            column[at] = i64::try_from(*entry).unwrap();
        }
    }
}

fn image_of(table: Table, image: usize, key: i128) -> i128 {
    let key = i64::try_from(key).unwrap();
    i128::from(table.images(key)[image])
}

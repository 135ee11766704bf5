//! Running a program on integers: the specification of training and inference.
use super::{
    Axis, Data, Gadget, Node, Operand, Program, Range, Rule, Table, Term, Value, rule::by_rows,
};
use crate::{
    error::TrainError,
    nn::{
        fixed::round,
        tensor::{self, Einsum, Jump, Loop, Tensor, View, matmul},
    },
};
use std::sync::Arc;

/// What a run of a program is given.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Features, `[samples, columns]` row-major.
    pub inputs: &'a Arc<Vec<i64>>,
    /// Targets, if the program has them.
    pub targets: &'a Arc<Vec<i64>>,
    /// The parameters, row-major.
    pub parameters: &'a [&'a [i64]],
    /// The step, for errors only.
    pub step: Option<u64>,
}

/// The values of a run. Secret.
///
/// Wide values are not in it, nor what is computed from parameters alone: what was dropped by a rounding is.
#[derive(Clone, PartialEq, Eq)]
pub struct Trace {
    values: Vec<Option<Arc<Vec<i64>>>>,
    /// `wide - 2^shift narrow` of each rounding, by the value that was rounded to.
    remainders: Vec<Option<Arc<Vec<i64>>>>,
    /// Numbers that are told.
    told: Vec<(Value, i128)>,
    /// Magnitudes of the parameters.
    sizes: Vec<u64>,
}

/// How much only: activations and gradients are secrets.
impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = self.values.iter().flatten().map(|values| values.len());
        write!(f, "Trace({} values)", values.sum::<usize>())
    }
}

impl Trace {
    /// The integers of a value that is kept, row-major.
    pub fn get(&self, value: Value) -> Option<&Arc<Vec<i64>>> {
        self.values.get(value.0)?.as_ref()
    }

    /// What rounding to a value dropped: `wide - 2^shift narrow`, row-major.
    pub fn remainder(&self, value: Value) -> Option<&Arc<Vec<i64>>> {
        self.remainders.get(value.0)?.as_ref()
    }

    /// Magnitudes of the parameters.
    pub(in crate::nn) fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// A number that the program tells.
    pub fn told(&self, value: Value) -> Option<i128> {
        let told = self.told.iter().find(|(told, _)| *told == value);
        told.map(|(_, number)| *number)
    }
}

/// Runs a program, but for its gradients.
///
/// # Errors
/// [`TrainError::Shape`] for inputs of another shape; [`TrainError::OutOfRange`] naming the value that leaves its
/// range; [`TrainError::Wide`] if sums might leave 127 bits.
pub fn eval(program: &Program, inputs: &Inputs<'_>) -> Result<Trace, TrainError> {
    let parameters = inputs.parameters.iter();
    let sizes: Vec<u64> = parameters.map(|values| matmul::magnitude(values)).collect();
    let mut run = Run {
        program,
        inputs,
        values: vec![None; program.values.len()],
        remainders: vec![None; program.values.len()],
        sizes,
    };
    run.check_width()?;
    let gradients: Vec<Value> = program.gradients().iter().flatten().copied().collect();
    let ranges = ranges(program);
    for value in (0..program.values.len()).map(Value) {
        if run.values[value.0].is_none() && !gradients.contains(&value) {
            run.compute(value)?;
        }
        for range in &ranges[value.0] {
            run.narrow(value, *range)?;
        }
    }
    Ok(run.finish())
}

/// The least and the greatest number that a value may have.
type Ends = [i128; 2];

/// Of each value the ranges that nothing else looks at: a rounding checks what it rounds to, a table what its images
/// are made of.
fn ranges(program: &Program) -> Vec<Vec<Ends>> {
    let mut ranges = vec![Vec::new(); program.values.len()];
    for (number, gadget) in program.gadgets.iter().enumerate() {
        let made_here = |value: &Value| program.maker(*value).is_some_and(|(k, _)| k == number);
        match gadget {
            Gadget::Range { value, range, .. } => ranges[value.0].push(range.ends()),
            Gadget::Lookup {
                key, images, table, ..
            } if !images.iter().any(made_here) => {
                let rounded = program.maker(*key).map(|(k, _)| &program.gadgets[k]);
                let rounded = matches!(rounded, Some(Gadget::Round { .. }));
                let is_data = matches!(program.values[key.0].node, Node::Data(_));
                if !rounded && !is_data {
                    ranges[key.0].push(table.keys());
                }
            }
            _ => (),
        }
    }
    ranges
}

/// Moves parameters by `-coefficient` times their gradients, in place; `fits` is what [`update_fits`] says.
///
/// # Errors
/// [`TrainError::OutOfRange`] if one would leave `i64`: then some are moved and some are not. There is none if it
/// fits.
pub fn update(
    program: &Program,
    trace: &Trace,
    (coefficient, fits): (u64, bool),
    parameters: &mut [&mut [i64]],
    step: Option<u64>,
) -> Result<(), TrainError> {
    for ((value, gradients), out) in program
        .parameters()
        .iter()
        .zip(program.gradients())
        .zip(parameters)
    {
        let moved = |old: i64, sum: i128| {
            // Saturated values lie outside i64, so that the check sees every overflow.
            let change = i128::from(coefficient).saturating_mul(sum);
            let new = i128::from(old).saturating_sub(change);
            let leaves = |_| out_of_range(program, *value, step, new, i64::BITS);
            i64::try_from(new).map_err(leaves)
        };
        for gradient in gradients {
            if let Node::Sum(terms) = &program.values[gradient.0].node {
                for term in terms {
                    move_by(
                        program,
                        trace,
                        (*gradient, term),
                        fits.then_some(coefficient),
                        out,
                        &moved,
                    )?;
                }
            }
        }
    }
    Ok(())
}

/// Whether, by the magnitudes of parameters and of what gradients are made of, no update can leave `i64`.
pub fn update_fits(program: &Program, trace: &Trace, coefficient: u64) -> bool {
    let size = |value: Value| {
        let values = trace.get(value).map(|values| matmul::magnitude(values));
        values.map(u128::from)
    };
    let pairs = program.gradients().iter().zip(&trace.sizes);
    pairs.into_iter().all(|(gradients, before)| {
        let mut largest = u128::from(*before);
        for gradient in gradients {
            if let Node::Sum(terms) = &program.values[gradient.0].node {
                let bound = super::bound::of_sum(program, terms, size).unwrap_or(u128::MAX);
                largest = largest.saturating_add(bound.saturating_mul(coefficient.into()));
            }
        }
        largest < 1 << 63
    })
}

/// Moves a parameter by one term of its gradient. With a `coefficient` no entry leaves its type.
fn move_by(
    program: &Program,
    trace: &Trace,
    (gradient, term): (Value, &Term),
    coefficient: Option<u64>,
    out: &mut [i64],
    moved: &(impl Fn(i64, i128) -> Result<i64, TrainError> + Sync + Send),
) -> Result<(), TrainError> {
    let wide = |value: Value| TrainError::Wide {
        step: None,
        tensor: program.name(value).to_owned(),
    };
    let operands: Vec<View<'_>> = program
        .unknown(term)
        .map(|operand| {
            let values = trace.get(operand.value).ok_or_else(|| wide(operand.value));
            values.map(|values| View::Narrow(values))
        })
        .collect::<Result<_, _>>()?;
    let einsum = strides(program, gradient, term);
    if let ([View::Narrow(left), View::Narrow(right)], Some(cols), 1) =
        (operands.as_slice(), outer_rows(&einsum), term.factor)
    {
        let sums = |sums: matmul::Sums<'_>, row: &mut [i64]| match (sums, coefficient) {
            (matmul::Sums::Narrow(sums), Some(coefficient)) => {
                let coefficient = coefficient as i64;
                for (w, sum) in row.iter_mut().zip(sums) {
                    *w -= coefficient * *sum as i64;
                }
                Ok(())
            }
            (matmul::Sums::Narrow(sums), None) => {
                let mut pairs = row.iter_mut().zip(sums);
                pairs.try_for_each(|(w, sum)| moved(*w, *sum as i128).map(|v| *w = v))
            }
            (matmul::Sums::Wide(sums), _) => {
                let mut pairs = row.iter_mut().zip(sums);
                pairs.try_for_each(|(w, sum)| moved(*w, *sum).map(|v| *w = v))
            }
        };
        return matmul::transposed_product_rows(left, right, out, cols, sums);
    }
    let mut sums = vec![0; out.len()];
    let largest = |k: usize| match operands.get(k) {
        Some(View::Narrow(values)) => matmul::magnitude(values),
        _ => 0,
    };
    tensor::add_term(&einsum, term.factor, &operands, &largest, &mut sums);
    let mut pairs = out.iter_mut().zip(sums);
    pairs.try_for_each(|(w, sum)| moved(*w, sum).map(|v| *w = v))
}

/// The number of columns, if an einsum is `left^T right` of two row-major matrices, onto one.
fn outer_rows(einsum: &Einsum) -> Option<usize> {
    let matrices = einsum.matrices()?;
    let (m, n, k) = (matrices.m, matrices.n, matrices.k);
    let stands = |index: &Loop, operand: usize, stride: usize| {
        index.len == 1 || index.operands[operand] == stride
    };
    let output = (m.len == 1 || m.output == n.len) && (n.len == 1 || n.output == 1);
    let direct = einsum.jumps.is_empty() && matrices.batch.is_empty();
    let whole = direct && einsum.offsets == [0, 0] && einsum.output_offset == 0;
    let left = stands(&m, 0, 1) && stands(&k, 0, m.len);
    let right = stands(&n, 1, 1) && stands(&k, 1, n.len);
    (whole && output && left && right).then_some(n.len)
}

/// The loops of a term of a value.
pub(super) fn strides(program: &Program, value: Value, term: &Term) -> Einsum {
    let len = |axis| program.len(axis);
    loops(program, (value, term), len, |axis| program.len(axis) - 1)
}

/// The loops of a term of a value, where axes have these lengths, and what is behind the body of one this place.
pub(in crate::nn) fn loops(
    program: &Program,
    (value, term): (Value, &Term),
    len: impl Fn(super::Axis) -> usize,
    tail: impl Fn(super::Axis) -> usize,
) -> Einsum {
    let of = |value: Value, indices: &[super::Index]| {
        let (mut strides, mut offset, mut stride) = (Vec::new(), 0, 1);
        let axes = &program.fact(value).axes;
        for (dimension, index) in axes.iter().zip(indices).rev() {
            match index.axis() {
                Some(axis) => {
                    let mut step = stride;
                    for leaf in program.leaves(axis).into_iter().rev() {
                        strides.push((leaf, step));
                        step *= len(leaf);
                    }
                }
                None => offset += tail(*dimension) * stride,
            }
            stride *= len(*dimension);
        }
        strides.reverse();
        (strides, offset)
    };
    let operands: Vec<_> = program
        .unknown(term)
        .map(|operand| of(operand.value, &operand.indices))
        .collect();
    let (output, output_offset) = of(value, &term.output);
    let stride = |strides: &[(super::Axis, usize)], axis| {
        let found = strides.iter().find(|(a, _)| *a == axis);
        found.map_or(0, |(_, stride)| *stride)
    };
    let strides = |axis| Loop {
        len: len(axis),
        operands: [0, 1].map(|k| operands.get(k).map_or(0, |(s, _)| stride(s, axis))),
        output: stride(&output, axis),
    };
    let known = |operand: &Operand| {
        let entries = program.sparse(operand.value)?;
        let axes = program.leaves_of(&operand.indices).into_iter();
        let loops: Vec<Loop> = axes.map(strides).collect();
        Some(Jump::all(&loops, entries))
    };
    let covered = |axis: &super::Axis| {
        let mut all = term.operands.iter();
        all.any(|o| {
            program.sparse(o.value).is_some() && program.leaves_of(&o.indices).contains(axis)
        })
    };
    let all = operands.iter().flat_map(|(strides, _)| strides);
    let mut summed = Vec::new();
    for (axis, _) in all {
        let is_output = output.iter().any(|(a, _)| a == axis);
        if !is_output && !summed.contains(axis) && !covered(axis) {
            summed.push(*axis);
        }
    }
    let kept = output.iter().map(|(axis, _)| *axis);
    Einsum {
        output: kept.filter(|axis| !covered(axis)).map(strides).collect(),
        summed: summed.into_iter().map(strides).collect(),
        offsets: [0, 1].map(|k| operands.get(k).map_or(0, |(_, offset)| *offset)),
        output_offset,
        jumps: term.operands.iter().filter_map(known).collect(),
    }
}

/// A value that leaves its range.
pub(in crate::nn) fn out_of_range(
    program: &Program,
    value: Value,
    step: Option<u64>,
    number: i128,
    bits: u32,
) -> TrainError {
    TrainError::OutOfRange {
        step,
        tensor: program.name(value).to_owned(),
        value: number,
        bits,
    }
}

/// A number is not between these: of signed ranges it says how many bits they have.
fn outside(
    program: &Program,
    value: Value,
    step: Option<u64>,
    number: i128,
    [low, high]: Ends,
) -> TrainError {
    let signed = Range::Signed(128 - high.leading_zeros() + 1);
    if signed.ends() == [low, high] {
        return out_of_range(program, value, step, number, signed.bits());
    }
    TrainError::Outside {
        step,
        tensor: program.name(value).to_owned(),
        value: number,
        low,
        high,
    }
}

struct Run<'a> {
    program: &'a Program,
    inputs: &'a Inputs<'a>,
    values: Vec<Option<Tensor>>,
    remainders: Vec<Option<Arc<Vec<i64>>>>,
    sizes: Vec<u64>,
}

impl Run<'_> {
    /// Sums of products stay inside `i128`, whatever the data.
    fn check_width(&self) -> Result<(), TrainError> {
        let largest = self.sizes.iter().copied().max().unwrap_or(0);
        let bounds = super::bound::bounds(self.program, largest.into());
        match bounds.iter().position(|bound| *bound >> 126 > 0) {
            Some(k) => Err(TrainError::Wide {
                step: self.inputs.step,
                tensor: self.program.name(Value(k)).to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn compute(&mut self, value: Value) -> Result<(), TrainError> {
        match &self.program.values[value.0].node {
            Node::Data(data) => self.data(value, *data),
            Node::Parameter(k) => self.parameter(value, *k),
            Node::One => {
                let ones = vec![1; self.program.size(value)];
                self.values[value.0] = Some(Tensor::Narrow(Arc::new(ones)));
                Ok(())
            }
            Node::Known(_) => Ok(()),
            Node::Sum(terms) => {
                self.values[value.0] = Some(self.sum(value, terms));
                Ok(())
            }
            Node::Committed => self.committed(value),
        }
    }

    fn data(&mut self, value: Value, data: Data) -> Result<(), TrainError> {
        let values = match data {
            Data::Inputs => self.inputs.inputs,
            Data::Targets => self.inputs.targets,
        };
        self.check_len(value, values.len())?;
        let bits = self.program.format().data_range_bits();
        self.check_range(value, values, Table::Signed(bits))?;
        self.values[value.0] = Some(Tensor::Narrow(values.clone()));
        Ok(())
    }

    fn check_len(&self, value: Value, found: usize) -> Result<(), TrainError> {
        let needed = self.program.size(value);
        match found == needed {
            true => Ok(()),
            false => Err(TrainError::Shape {
                step: self.inputs.step,
                tensor: self.program.name(value).to_owned(),
                expected: needed.to_string(),
                found,
            }),
        }
    }

    /// Parameters are borrowed where they are used; only their shape is checked.
    fn parameter(&self, value: Value, k: usize) -> Result<(), TrainError> {
        let values = self.inputs.parameters.get(k);
        self.check_len(value, values.map_or(0, |values| values.len()))
    }

    fn check_range(&self, value: Value, values: &[i64], table: Table) -> Result<(), TrainError> {
        let outside = values.iter().find(|x| !table.contains(i128::from(**x)));
        match outside {
            Some(x) => {
                let (program, step) = (self.program, self.inputs.step);
                Err(out_of_range(
                    program,
                    value,
                    step,
                    (*x).into(),
                    table.bits(),
                ))
            }
            None => Ok(()),
        }
    }

    fn view(&self, value: Value) -> View<'_> {
        match (&self.program.values[value.0].node, &self.values[value.0]) {
            (Node::Parameter(k), _) => View::Narrow(self.inputs.parameters[*k]),
            (_, Some(tensor)) => tensor.view(),
            (_, None) => View::Narrow(&[]),
        }
    }

    fn sum(&self, value: Value, terms: &[Term]) -> Tensor {
        let program = self.program;
        let size = program.size(value);
        let views = |term: &Term| -> Vec<View<'_>> {
            let operands = program.unknown(term);
            operands.map(|operand| self.view(operand.value)).collect()
        };
        let bound = program.fact(value).bound;
        if bound.is_some_and(|bound| bound < 1 << 63) {
            let mut out = vec![0; size];
            for term in terms {
                let narrow: Vec<&[i64]> = views(term)
                    .into_iter()
                    .map(|view| match view {
                        View::Narrow(values) => values,
                        View::Wide(_) => &[],
                    })
                    .collect();
                let einsum = strides(program, value, term);
                tensor::add_narrow(&einsum, term.factor as i64, &narrow, &mut out);
            }
            return Tensor::Narrow(Arc::new(out));
        }
        let mut out = vec![0; size];
        for term in terms {
            let operands = views(term);
            let unknown: Vec<Value> = program.unknown(term).map(|o| o.value).collect();
            let largest = |k: usize| match (&program.values[unknown[k].0].node, operands[k]) {
                (Node::Parameter(number), _) => self.sizes[*number],
                (_, View::Narrow(values)) => matmul::magnitude(values),
                (_, View::Wide(_)) => 0,
            };
            let einsum = strides(program, value, term);
            tensor::add_term(&einsum, term.factor, &operands, &largest, &mut out);
        }
        Tensor::Wide(Arc::new(out))
    }

    fn committed(&mut self, value: Value) -> Result<(), TrainError> {
        let program = self.program;
        let maker = program.maker(value).and_then(|(k, image)| {
            let gadget = program.gadgets.get(k)?;
            Some((gadget, image))
        });
        match maker {
            Some((
                Gadget::Compute {
                    rule,
                    rows,
                    of,
                    made,
                },
                _,
            )) => self.rule(&**rule, rows, of, made),
            Some((
                Gadget::Round {
                    wide,
                    narrow,
                    shift,
                    table,
                },
                _,
            )) => self.round(*wide, *narrow, *shift, *table),
            Some((
                Gadget::Lookup {
                    live,
                    key,
                    images,
                    table,
                    ..
                },
                _,
            )) => self.images(*live, *key, images, *table),
            _ => Ok(()),
        }
    }

    fn rule(
        &mut self,
        rule: &dyn Rule,
        rows: &[Axis],
        of: &[Value],
        made: &[Value],
    ) -> Result<(), TrainError> {
        let (program, step) = (self.program, self.inputs.step);
        let count = rows.iter().map(|axis| program.len(*axis)).product();
        let width = |value: &Value| program.size(*value) / usize::max(count, 1);
        let views: Vec<View<'_>> = of.iter().map(|value| self.view(*value)).collect();
        let operands = of.iter().map(width).zip(views);
        let operands: Vec<_> = operands
            .map(|(width, view)| (width, move |k| view.get(k)))
            .collect();
        let widths: Vec<usize> = made.iter().map(width).collect();
        let computed = by_rows(count, &operands, &widths, |of, made| {
            rule.integers(of, made)
        });
        let columns = computed.map_err(|refused| {
            let value = of.get(refused.of).copied().unwrap_or(Value(0));
            outside(program, value, step, refused.value, refused.range)
        })?;
        for (value, column) in made.iter().zip(columns) {
            let narrow = |x: i128| {
                i64::try_from(x).map_err(|_| out_of_range(program, *value, step, x, i64::BITS))
            };
            let column: Result<Vec<i64>, TrainError> = column.into_iter().map(narrow).collect();
            self.values[value.0] = Some(Tensor::Narrow(Arc::new(column?)));
        }
        Ok(())
    }

    /// A value is in a range, and from here on of 64 bits, whatever a bound says of it.
    fn narrow(&mut self, value: Value, ends: Ends) -> Result<(), TrainError> {
        let view = self.view(value);
        let entries = (0..self.program.size(value)).map(|k| view.get(k));
        let [low, high] = ends;
        if let Some(x) = entries.clone().find(|x| !(low..=high).contains(x)) {
            return Err(outside(self.program, value, self.inputs.step, x, ends));
        }
        if let View::Wide(_) = view {
            let narrow = entries.map(|x| x as i64).collect();
            self.values[value.0] = Some(Tensor::Narrow(Arc::new(narrow)));
        }
        Ok(())
    }

    fn round(
        &mut self,
        wide: Value,
        narrow: Value,
        shift: u32,
        table: Table,
    ) -> Result<(), TrainError> {
        let view = self.view(wide);
        let size = self.program.size(narrow);
        let (mut rounded, mut rest) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for k in 0..size {
            let x = view.get(k);
            let y = round(shift, x);
            if !table.contains(y) {
                let (program, step) = (self.program, self.inputs.step);
                return Err(out_of_range(program, narrow, step, y, table.bits()));
            }
            rounded.push(y as i64);
            // Below 2^shift: differences modulo 2^64 will do.
            rest.push((x as i64).wrapping_sub((y as i64).wrapping_shl(shift)));
        }
        self.values[narrow.0] = Some(Tensor::Narrow(Arc::new(rounded)));
        self.remainders[narrow.0] = Some(Arc::new(rest));
        Ok(())
    }

    fn images(
        &mut self,
        live: Option<Value>,
        key: Value,
        images: &[Value],
        table: Table,
    ) -> Result<(), TrainError> {
        let view = self.view(key);
        let mut keys = Vec::with_capacity(self.program.size(key));
        for k in 0..self.program.size(key) {
            let number = view.get(k);
            if !table.contains(number) {
                let (program, step) = (self.program, self.inputs.step);
                return Err(match table {
                    Table::Exponential { .. } => outside(program, key, step, number, table.keys()),
                    _ => out_of_range(program, key, step, number, table.bits()),
                });
            }
            keys.push(number as i64);
        }
        // Of the constant one nothing is left out.
        let live = live.filter(|live| self.program.values[live.0].node != Node::One);
        let is_live = |k: usize| live.is_none_or(|live| self.view(live).get(k) != 0);
        let column = |image: usize| {
            let entry = |(k, key): (usize, &i64)| match is_live(k) {
                true => table.images(*key)[image],
                false => 0,
            };
            let column = keys.iter().enumerate().map(entry);
            Some(Tensor::Narrow(Arc::new(column.collect())))
        };
        let columns: Vec<_> = (0..images.len()).map(column).collect();
        // In its range, whatever a bound says of it.
        self.values[key.0] = Some(Tensor::Narrow(Arc::new(keys)));
        for (value, column) in images.iter().zip(columns) {
            self.values[value.0] = column;
        }
        Ok(())
    }

    fn finish(self) -> Trace {
        let program = self.program;
        let told = program.gadgets.iter().filter_map(|gadget| match gadget {
            Gadget::Tell { value, .. } => Some((*value, self.values[value.0].as_ref()?.get(0))),
            _ => None,
        });
        let told = told.collect();
        let kept = program.kept().into_iter().zip(self.values);
        let values = kept.map(|(kept, tensor)| tensor.filter(|_| kept)?.narrow().cloned());
        Trace {
            values: values.collect(),
            remainders: self.remainders,
            told,
            sizes: self.sizes,
        }
    }
}

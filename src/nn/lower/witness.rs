//! The values of a relation's tensors, from runs of the program.
use super::{Lowered, Source, limbs::Limb};
use crate::{
    error::ProveError,
    nn::{
        program::{Axis, Program, SAMPLE, Value, eval::Trace},
        relation::{TensorId, Values, count_multiplicities},
    },
    poly::{WideField, num_vars, parallel},
};
use std::sync::Arc;
use tracing::info_span;

impl<F: WideField> Lowered<F> {
    /// The witness of a run, a trace a step: all values that the prover needs, multiplicities counted, but for
    /// parameters, which the caller adds in their layout.
    ///
    /// # Errors
    /// [`ProveError::NotInTable`] if a value is in no table; [`ProveError::Told`] if a number that is told leaves
    /// 63 bits.
    pub fn witness(&self, steps: &[Trace]) -> Result<Values, ProveError> {
        let mut values = self.values(steps)?;
        info_span!("multiplicities")
            .in_scope(|| count_multiplicities(&self.relation, &mut values))?;
        Ok(values)
    }

    /// The witness without multiplicities, in range or not.
    ///
    /// # Errors
    /// [`ProveError::Told`].
    pub(crate) fn values(&self, steps: &[Trace]) -> Result<Values, ProveError> {
        let _span = info_span!("witness layout").entered();
        let program = &self.program;
        let mut values = Values::new();
        for (value, _) in program.numbered() {
            let parts: Option<Vec<_>> = steps.iter().map(|step| step.get(value)).collect();
            // A sum over samples is one over steps, too: its tensor is no arrangement of it.
            let has_samples = program.fact(value).axes.first() == Some(&SAMPLE);
            if let (true, Some(tensor), Some(parts)) = (has_samples, self.tensor(value), parts) {
                let all = |x: &i64| *x;
                values.insert(tensor, Arc::new(self.arrange(value, &parts, &all)));
            }
        }
        for limbs in &self.limbs {
            for (limb, tensor) in Limb::all(&limbs.widths).zip(&limbs.limbs) {
                let column = match limbs.source {
                    Source::Remainder(value) => {
                        let parts = steps.iter().filter_map(|step| step.remainder(value));
                        let parts: Vec<_> = parts.collect();
                        self.arrange(value, &parts, &|x: &i64| limb.of(*x))
                    }
                    Source::Tensor(id) => {
                        let whole = values.get(&id).cloned().unwrap_or_default();
                        whole.iter().map(|x| limb.of(*x)).collect()
                    }
                };
                values.insert(*tensor, Arc::new(column));
            }
        }
        for (value, tensor) in &self.told {
            let numbers = steps.iter().map(|step| step.told(*value).unwrap_or(0));
            let number = i64::try_from(numbers.sum::<i128>()).map_err(|_| ProveError::Told {
                tensor: program.name(*value).to_owned(),
            })?;
            values.insert(*tensor, Arc::new(vec![number]));
        }
        Ok(values)
    }

    /// A tensor `[sample, step, axes...]`, sample fastest and padded with zeros, of row-major matrices `[sample,
    /// axes...]`, one a step.
    fn arrange(
        &self,
        value: Value,
        steps: &[&Arc<Vec<i64>>],
        of: &(impl Fn(&i64) -> i64 + Sync),
    ) -> Vec<i64> {
        arrange(&self.program, value, self.steps, steps, of)
    }

    /// The tensor of a value that the caller gives, `[sample, axes...]` row-major, in the one step of an inference.
    pub fn arranged(&self, value: TensorId, values: &Arc<Vec<i64>>) -> Option<Vec<i64>> {
        let mut numbered = self.program.numbered();
        let (value, _) = numbered.find(|(v, _)| self.tensor(*v) == Some(value))?;
        Some(self.arrange(value, &[values], &|x: &i64| *x))
    }
}

/// Columns that are written side by side: what one cache line of a row holds.
const COLUMNS: usize = 8;

fn arrange(
    program: &Program,
    value: Value,
    num_steps: usize,
    steps: &[&Arc<Vec<i64>>],
    of: &(impl Fn(&i64) -> i64 + Sync),
) -> Vec<i64> {
    let samples = program.len(SAMPLE);
    let low = num_vars(samples);
    let padded = 1 << (low + num_vars(num_steps));
    let slots = slots(program, value);
    let width = slots.iter().flatten().count();
    let mut out = vec![0; slots.len() * padded];
    parallel::for_each_chunk(&mut out, COLUMNS * padded, |start, out| {
        let first = start / padded;
        for (t, values) in steps.iter().enumerate() {
            for (b, row) in values.chunks_exact(width).take(samples).enumerate() {
                let to = b + (t << low);
                for (column, slot) in out.chunks_exact_mut(padded).zip(&slots[first..]) {
                    if let Some(from) = slot {
                        column[to] = of(&row[*from]);
                    }
                }
            }
        }
    });
    out
}

/// For each index over the axes of a sample, as they stand in a tensor: where it stands in a row of a
/// matrix; `None` for padding. Nothing behind the last real one.
fn slots(program: &Program, value: Value) -> Vec<Option<usize>> {
    let axes = program.fact(value).axes.get(1..).unwrap_or_default();
    let mut slots = in_order(program, axes);
    let last = slots.iter().rposition(Option::is_some).map_or(0, |k| k + 1);
    slots.truncate(last);
    slots
}

/// For each padded index over axes, the first one lowest: the row-major index.
fn in_order(program: &Program, axes: &[Axis]) -> Vec<Option<usize>> {
    axes.iter().fold(vec![Some(0)], |low, axis| {
        let (len, high) = (program.len(*axis), places_of(program, *axis));
        let index = |high: Option<usize>| {
            let low = low.iter();
            low.map(move |low| Some((*low)? * len + high?))
        };
        high.into_iter().flat_map(index).collect()
    })
}

/// For each padded index of one axis, the real one.
fn places_of(program: &Program, axis: Axis) -> Vec<Option<usize>> {
    let len = program.len(axis);
    if let Some(body) = program.body(axis) {
        let mut places = in_order(program, &program.leaves(body));
        let behind = places.len();
        places.resize(2 * behind, None);
        places[behind] = Some(len - 1);
        return places;
    }
    match program.leaves(axis).as_slice() {
        [leaf] if *leaf == axis => {
            let padded = 0..1_usize << num_vars(len);
            padded.map(|k| (k < len).then_some(k)).collect()
        }
        leaves => in_order(program, leaves),
    }
}

/// For each entry of a value with all padding, row-major: its sample, and its index over the other axes in the order
/// of a tensor.
#[cfg(test)]
pub(super) fn places(program: &Program, value: Value) -> Vec<(usize, usize)> {
    let lens = |axis: &Axis| -> Vec<usize> {
        let leaves = program.leaves(program.body(*axis).unwrap_or(*axis));
        let lens = leaves
            .into_iter()
            .map(|leaf| program.len(leaf).next_power_of_two());
        // An extended axis has its highest variable first here, and on top in a tensor.
        let behind = program.body(*axis).map(|_| 2);
        behind.into_iter().chain(lens).collect()
    };
    let axes = &program.fact(value).axes;
    let each: Vec<(Vec<usize>, bool)> = axes
        .iter()
        .map(|axis| (lens(axis), program.body(*axis).is_some()))
        .collect();
    let place = |index: usize| {
        let mut rest = index;
        let mut units = 0;
        let mut sample = 0;
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for (lens, _) in each.iter().rev() {
            let mut part: Vec<usize> = lens
                .iter()
                .rev()
                .map(|len| {
                    let index = rest % len;
                    rest /= len;
                    index
                })
                .collect();
            part.reverse();
            parts.push(part);
        }
        parts.reverse();
        let mut weight = 1;
        for (k, (part, (lens, extended))) in parts.iter().zip(&each).enumerate() {
            if k == 0 {
                sample = part[0];
                continue;
            }
            let mut pairs: Vec<(usize, usize)> =
                part.iter().copied().zip(lens.iter().copied()).collect();
            if *extended {
                pairs.rotate_left(1);
            }
            for (index, len) in pairs {
                units += weight * index;
                weight *= len;
            }
        }
        (sample, units)
    };
    let size: usize = each.iter().flat_map(|(lens, _)| lens).product();
    (0..size).map(place).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        gkr::function::Function,
        nn::{
            FixedPoint,
            lower::{Cut, Extent, lower},
            op::{Activation, Linear, Nonlinearity, Op, Round},
            program::{
                Data, Program, Purpose, SAMPLE,
                eval::{Inputs, eval},
            },
            relation::{Prover, reduce},
        },
        transcript::ProverChannel,
    };
    use ark_pallas::Fr;
    use std::sync::Arc;

    /// Flags of a table are public and looked up: their values are in the witness, zero where samples and
    /// units are padding.
    #[test]
    fn a_function_with_a_flag_is_in_its_table() {
        let mut p = Program::new(Purpose::Inference, &FixedPoint::compact(), 3);
        let columns = p.axis(2);
        let x = p.input("A0", Data::Inputs, &[SAMPLE, columns]);
        let hidden = Linear { outputs: 5 }.forward(&mut p, 1, &[x]).unwrap();
        let function = Nonlinearity::Smooth(Function::Gelu);
        let active = Activation { function };
        let active = active.forward(&mut p, 1, &[hidden.output]).unwrap();
        let last = Linear { outputs: 1 };
        let last = last.forward(&mut p, 2, &[active.output]).unwrap();
        Round.forward(&mut p, 2, &[last.output]).unwrap();

        let first: Vec<i64> = (0..15).map(|k| (k - 7) << 31).collect();
        let second: Vec<i64> = (0..6).map(|k| (k - 2) << 31).collect();
        let inputs = Inputs {
            inputs: &Arc::new(vec![300, -200, 5, 0, 700, 41]),
            targets: &Arc::new(Vec::new()),
            parameters: &[&first, &second],
            step: None,
        };
        let trace = eval(&p, &inputs).unwrap();
        let extent = Extent {
            steps: 1,
            updates: None,
            cut: Cut::Format,
            opened_outputs: false,
        };
        let lowered = lower::<Fr>(p, &extent).unwrap();
        let mut values = lowered.witness(&[trace]).unwrap();
        // Reversed, padded, and the biases behind.
        let mut layer = vec![0; 5 * 8];
        for (row, place) in first.chunks(5).zip([0, 1, 2]) {
            layer[8 * place..8 * place + 5].copy_from_slice(row);
        }
        let mut end = vec![0; 9];
        end[..5].copy_from_slice(&second[..5]);
        end[8] = second[5];
        let tensors = lowered.parameters().iter().zip([layer, end]);
        values.extend(tensors.map(|(id, tensor)| (id.first, Arc::new(tensor))));
        let mut channel = ProverChannel::new(b"test", b"");
        let relation = lowered.relation();
        reduce(relation, &mut Prover::new(relation, &values, &mut channel)).unwrap();
    }
}

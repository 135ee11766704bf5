//! A lowered program with a witness of random values.
use crate::{
    network::{S, Shape},
    report::Report,
    times::{Listener, Times},
};
use ark_pallas::Fr;
use std::{error::Error, sync::Arc};
use zktree::{
    nn::{
        lower::{Cut, Extent, Lowered, lower},
        program::{
            Program, Value,
            eval::{Inputs, eval},
        },
        relation::{Prover, Values, Verifier, reduce},
    },
    poly::num_vars,
    transcript::{ProverChannel, VerifierChannel},
};

const APPLICATION: &[u8] = b"lowering";

/// A relation with its witness.
pub struct Case {
    shape: Shape,
    lowered: Lowered<Fr>,
    values: Values,
    times: Vec<Times>,
}

/// A case of each shape. All have the same parameters, but for those of positions.
pub fn cases(shapes: &[Shape]) -> Result<Vec<Case>, Box<dyn Error>> {
    let mut known: Vec<Parameter> = Vec::new();
    let mut cases = Vec::new();
    for shape in shapes {
        let program = shape.program()?;
        let mut parameters = Vec::new();
        for (k, value) in program.parameters().iter().enumerate() {
            let is_it = |p: &&Parameter| p.number == k && p.shape == program.shape(*value);
            let parameter = match known.iter().find(is_it) {
                Some(parameter) => parameter.clone(),
                None => {
                    known.push(Parameter::random(&program, k, *value));
                    known[known.len() - 1].clone()
                }
            };
            parameters.push(parameter);
        }
        cases.push(Case::new(*shape, program, &parameters)?);
    }
    Ok(cases)
}

/// The values of a parameter, row-major and as its tensor.
#[derive(Clone)]
struct Parameter {
    number: usize,
    shape: Vec<usize>,
    rows: Arc<Vec<i64>>,
    tensor: Arc<Vec<i64>>,
}

impl Parameter {
    fn random(program: &Program, number: usize, value: Value) -> Self {
        let shape = program.shape(value);
        // What is added to the stream is small beside it, so that norms meet usual values.
        let amplitude = match (program.name(value).as_bytes(), shape.as_slice()) {
            ([b'o', ..], _) => 1 << 10,
            (_, [3073, ..]) => 1 << 9,
            ([b'p', ..], _) => 1 << 14,
            _ => 1 << 12,
        };
        let mut random = Random(number as u64 + 1);
        let rows: Vec<i64> = (0..program.size(value))
            .map(|_| random.below(amplitude))
            .collect();
        Self {
            number,
            tensor: Arc::new(tensor(program, value, &rows)),
            shape,
            rows: Arc::new(rows),
        }
    }
}

/// A parameter's tensor: the last axis lowest, each padded, and what is behind a body in an index of its own.
fn tensor(program: &Program, value: Value, rows: &[i64]) -> Vec<i64> {
    let axes = &program.fact(value).axes;
    let (mut strides, mut stride) = (Vec::new(), 1);
    for axis in axes.iter().rev() {
        strides.push(stride);
        stride <<= num_vars(program.len(program.body(*axis).unwrap_or(*axis)));
    }
    let place = |row: usize| {
        let mut rest = row;
        let slower = axes.iter().rev().zip(&strides).skip(1);
        let places = slower.map(|(axis, stride)| {
            let len = program.len(*axis);
            let index = rest % len;
            rest /= len;
            match program.body(*axis) {
                Some(body) if index + 1 == len => stride << num_vars(program.len(body)),
                _ => index * stride,
            }
        });
        places.sum::<usize>()
    };
    let width = axes.last().map_or(1, |axis| program.len(*axis));
    let end = place(rows.len() / width - 1) + width;
    let mut out = vec![0; end];
    for (k, row) in rows.chunks_exact(width).enumerate() {
        let start = place(k);
        out[start..start + width].copy_from_slice(row);
    }
    out
}

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    /// Of a magnitude below `end`.
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as i64 % (2 * end - 1) - (end - 1)
    }
}

impl Case {
    fn new(
        shape: Shape,
        program: Program,
        parameters: &[Parameter],
    ) -> Result<Self, Box<dyn Error>> {
        let mut random = Random(1 << 40);
        let rows = program.data().map(|(value, _)| program.size(value)).sum();
        // Of variance 1.
        let end = 443 << (S - 8);
        let rows: Vec<i64> = (0..rows).map(|_| random.below(end)).collect();
        let slices: Vec<&[i64]> = parameters.iter().map(|p| p.rows.as_slice()).collect();
        let inputs = Inputs {
            inputs: &Arc::new(rows),
            targets: &Arc::new(Vec::new()),
            parameters: &slices,
            step: None,
        };
        let trace = eval(&program, &inputs)?;
        let extent = Extent {
            steps: 1,
            updates: None,
            cut: Cut::Format,
            opened_outputs: true,
        };
        let lowered = lower::<Fr>(program, &extent)?;
        let mut values = lowered.witness(&[trace])?;
        let tensors = lowered.parameters().iter().zip(parameters);
        values.extend(tensors.map(|(id, parameter)| (id.first, parameter.tensor.clone())));
        Ok(Self {
            shape,
            lowered,
            values,
            times: Vec::new(),
        })
    }

    /// Reduces the relation once; the first time the reduction is verified too.
    pub fn reduce(&mut self, listener: &Listener) -> Result<(), Box<dyn Error>> {
        let relation = self.lowered.relation();
        let mut channel = ProverChannel::new(APPLICATION, b"");
        let (claims, times) = listener.time(|| {
            let mut prover = Prover::new(relation, &self.values, &mut channel);
            reduce(relation, &mut prover)
        });
        let claims = claims?;
        if self.times.is_empty() {
            let proof = channel.finish();
            let mut channel = VerifierChannel::new(APPLICATION, b"", &proof);
            let found = reduce(relation, &mut Verifier::new(relation, &mut channel))?;
            channel.finish()?;
            let mut pairs = claims.iter().zip(&found);
            let same = pairs.all(|(a, b)| a.point == b.point && a.value == b.value.constant());
            if !same || claims.len() != found.len() {
                return Err("prover and verifier do not end in the same claims".into());
            }
        }
        self.times.push(times);
        Ok(())
    }

    /// What there was to reduce, and how long it took.
    pub fn report(&self) -> Result<Report, Box<dyn Error>> {
        let relation = self.lowered.relation();
        let mut channel = VerifierChannel::dry_run(true);
        let claims = reduce(relation, &mut Verifier::new(relation, &mut channel))?;
        let shape = relation.lookup_shape()?;
        let tensors = self.lowered.committed();
        let (values, _) = tensors.split_at(tensors.len() - shape.tables().len());
        let real = |tensor| self.values.get(tensor).map_or(0, |values| values.len());
        let looked_up = relation.looked_up().filter_map(<[_]>::last);
        let tables = shape.tables().iter();
        Ok(Report {
            tokens: self.shape.tokens,
            tensors: tensors.len(),
            claims: claims.len(),
            pads: channel.plan().num_pads,
            products: channel.plan().products.len(),
            constraints: channel.num_constraints(),
            lookups: looked_up.map(real).sum(),
            padded_lookups: shape.num_lookups(),
            table_entries: tables.map(|table| 1 << table.num_vars()).sum(),
            committed: values.iter().map(|c| real(&c.tensor)).sum(),
            padded: values.iter().map(|c| 1 << c.num_vars).sum(),
            times: self.times.clone(),
        })
    }
}

//! Compares networks beyond perceptrons with rectifiers with vectors of an independent implementation:
//! `vectors/networks.py`, written from `paper-notes.md`, writes `vectors/networks.json`.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use zktree::{
    error::TrainError,
    nn::{
        Architecture, FixedPoint, FixedPointConfig, Layer, LearningRate, Sgd, Trainer, WeightBound,
        Weights, init,
        model::{Graph, GraphNode, Operator},
        op,
        optimise::Plan,
        program::{Program, eval::Trace},
        train,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    formats: BTreeMap<String, Format>,
    cases: Vec<Case>,
}

/// See `case` in `networks.py`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Of a perceptron.
    text: Option<String>,
    /// The shape of the input.
    input: Vec<usize>,
    /// Operator, its numbers, and what it reads.
    nodes: Vec<(String, Vec<u64>, Vec<usize>)>,
    format: String,
    seed: Option<u64>,
    /// Matrices, the bias last.
    weights: Option<Vec<Vec<Vec<i64>>>>,
    c: u64,
    /// Rows of inputs and targets, for each step.
    batches: Vec<Vec<Vec<i64>>>,

    /// On weights, before and after.
    bounds: [String; 2],
    field_bits: u32,
    /// SHA-256 of values, each with what rounding to it dropped behind it, by name.
    steps: Vec<BTreeMap<String, String>>,
    stops: Option<Stop>,
    /// Of the first rows, after the last step.
    predictions: Vec<Vec<i64>>,
    #[serde(rename = "final")]
    final_first: Vec<i64>,
    final_sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Format {
    s: u32,
    g: u32,
    w: u32,
    limbs: Vec<u32>,
    hidden: u32,
    output: u32,
    gradient: u32,
    data: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    step: u64,
    name: String,
    value: i128,
    bits: u32,
}

fn digest<'a>(values: impl IntoIterator<Item = &'a i64>) -> String {
    let hash = values
        .into_iter()
        .fold(Sha256::new(), |hash, x| hash.chain_update(x.to_le_bytes()));
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Format {
    fn fixed_point(self) -> FixedPoint {
        let config = FixedPointConfig {
            activation_bits: self.s,
            gradient_bits: self.g,
            weight_bits: self.w,
            limbs: self.limbs,
            hidden_range_bits: self.hidden,
            output_range_bits: self.output,
            gradient_range_bits: self.gradient,
            data_range_bits: self.data,
            functions: None,
        };
        FixedPoint::new(config).unwrap()
    }
}

/// The operator of this name: vectors call a sum by its own.
fn operator(name: &str, numbers: &[u64]) -> Operator {
    let name = if name == "sum" { "add" } else { name };
    let kind = op::KINDS.iter().find(|kind| kind.name == name).unwrap();
    Operator::of(kind, numbers).unwrap()
}

impl Case {
    fn same<T: PartialEq + Debug>(&self, item: &str, ours: T, vector: T) {
        let Self {
            text,
            nodes,
            format,
            c,
            ..
        } = self;
        assert!(
            ours == vector,
            "case {format} {text:?} {nodes:?}, c = {c}: {item} differs\n  \
             ours:   {ours:?}\n  vector: {vector:?}"
        );
    }

    /// The list of operators, which is also what the text of a perceptron says.
    fn architecture(&self) -> Architecture {
        let nodes = self.nodes.iter().map(|(name, numbers, inputs)| GraphNode {
            operator: operator(name, numbers),
            inputs: inputs.clone(),
        });
        let graph = Graph::new(self.input.clone(), nodes.collect()).unwrap();
        let architecture = Architecture::from(graph);
        if let Some(text) = &self.text {
            let named: Architecture = text.parse().unwrap();
            self.same("perceptron of this text", &named, &architecture);
        }
        architecture
    }

    fn initial(&self, fixed: &FixedPoint, architecture: &Architecture) -> Weights {
        let Some(matrices) = &self.weights else {
            return init::expand(self.seed.unwrap(), architecture, fixed);
        };
        let layer = |rows: &Vec<Vec<i64>>| {
            let (bias, weight) = rows.split_last().unwrap();
            Layer::new(weight.concat(), bias.clone())
        };
        let layers = matrices.iter().map(layer).collect();
        Weights::new(architecture.clone(), layers).unwrap()
    }

    /// The bounds on weights, and how many bits of a field they need.
    fn check_bounds(&self, fixed: &FixedPoint, architecture: &Architecture, rate: LearningRate) {
        let [before, after] = self.bounds.each_ref().map(|bound| bound.parse().unwrap());
        if self.seed.is_some() {
            let ours = WeightBound::initial(architecture, fixed).get();
            self.same("bound on initial weights", ours, before);
        }
        let (steps, batch) = (self.batches.len() as u64, self.batches[0].len());
        let plan = Plan {
            steps,
            ..rate.into()
        };
        let bound = WeightBound::new(before).after(&plan, batch, architecture, fixed);
        let bound = bound.unwrap();
        self.same("bound on weights", bound.get(), after);
        let fits = |bits| bound.check_no_wrap(architecture, fixed, bits).is_ok();
        let fits = [self.field_bits - 1, self.field_bits].map(fits);
        self.same("bits of the field: one fewer, enough", fits, [false, true]);
    }

    /// Inputs and targets of rows.
    fn split(&self, rows: &[Vec<i64>]) -> [Arc<Vec<i64>>; 2] {
        let inputs: usize = self.input.iter().product();
        let (inputs, targets): (Vec<_>, Vec<_>) =
            rows.iter().map(|row| row.split_at(inputs)).unzip();
        [Arc::new(inputs.concat()), Arc::new(targets.concat())]
    }

    fn check_trace(
        &self,
        step: u64,
        (program, trace): (&Program, &Trace),
        name: &str,
        vector: &str,
    ) {
        let item = format!("step {step}, {name} and what was dropped");
        let value = program.find(name);
        let values = value.and_then(|value| trace.get(value));
        let dropped = value.and_then(|value| trace.remainder(value));
        let rest = dropped.into_iter().flat_map(|rest| rest.iter());
        let ours = values.map(|values| digest(values.iter().chain(rest)));
        self.same(&item, ours.as_deref(), Some(vector));
    }

    fn check(&self, fixed: &FixedPoint) {
        let architecture = self.architecture();
        let rate = LearningRate::from_coefficient(self.c).unwrap();
        self.check_bounds(fixed, &architecture, rate);
        let sgd = Sgd {
            fixed_point: fixed.clone(),
            plan: rate.into(),
        };
        let mut trainer = Trainer::new(&sgd, &architecture, self.batches[0].len()).unwrap();
        let mut weights = self.initial(fixed, &architecture);
        let mut stops = None;
        let mut finished = 0;
        for (step, rows) in (0..).zip(&self.batches) {
            let [inputs, targets] = self.split(rows);
            match trainer.step(&mut weights, &inputs, &targets, step) {
                Ok(trace) => {
                    for (name, vector) in self.steps.get(finished).into_iter().flatten() {
                        self.check_trace(step, (trainer.program(), &trace), name, vector);
                    }
                    finished += 1;
                }
                Err(error) => {
                    stops = Some(error);
                    break;
                }
            }
        }
        self.same("number of steps", finished, self.steps.len());
        let expected = self.stops.as_ref().map(Stop::error);
        self.same("end of training", stops, expected);
        let values = weights.tensors().concat();
        let first = &values[..self.final_first.len()];
        self.same("first final weights", first, &self.final_first);
        self.same("final weights", &digest(&values), &self.final_sha256);
        if !self.predictions.is_empty() {
            let rows = &self.batches.concat()[..self.predictions.len()];
            let [inputs, _] = self.split(rows);
            let ours = train::predict(fixed, &weights, &inputs).unwrap();
            self.same("predictions", ours, self.predictions.concat());
        }
    }
}

impl Stop {
    fn error(&self) -> TrainError {
        TrainError::OutOfRange {
            step: Some(self.step),
            tensor: self.name.clone(),
            value: self.value,
            bits: self.bits,
        }
    }
}

#[test]
fn networks() {
    let vectors = include_str!("../vectors/networks.json");
    let Vectors { formats, cases } = serde_json::from_str(vectors).unwrap();
    let formats = formats.into_iter();
    let formats: BTreeMap<String, FixedPoint> = formats
        .map(|(name, format)| (name, format.fixed_point()))
        .collect();
    assert_eq!(formats["compact"], FixedPoint::compact());
    assert!(cases.len() >= 30);
    for case in &cases {
        case.check(&formats[&case.format]);
    }
}

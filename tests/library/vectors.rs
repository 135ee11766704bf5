//! Compares integer training with vectors of an independent implementation: `vectors/training.py`,
//! written from `paper-notes.md`, writes `vectors/training.json`.

use std::{fmt::Debug, ops::ControlFlow};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use zktree::{
    error::TrainError,
    nn::{
        Architecture, Dataset, FixedPoint, FixedPointConfig, LearningRate, Normalization, Schedule,
        ScheduleSeed, Sgd, Table, Trainer, WeightBound, Weights, init,
        optimise::Plan,
        program::{Program, eval::Trace},
        train,
    },
};

const WINE: &str = include_str!("../../data/winequality-red.csv");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    cases: Vec<Case>,
    /// Preset, rate, batch, and `c` unless the rate is refused.
    rates: Vec<(String, f64, usize, Option<u64>)>,
}

/// See `case` in `training.py`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    csv: Option<String>,
    targets: Vec<String>,
    fit: usize,
    train: usize,
    held: usize,
    format: String,
    format_fields: Format,
    widths: Vec<usize>,
    init_seed: u64,
    ids: [u8; 3],
    nonce: u64,
    batch: usize,
    epochs: u64,
    c: u64,

    columns: Vec<String>,
    statistics_hex: Vec<String>,
    normalization_sha256: String,
    first_rows: Vec<Vec<i64>>,
    dataset_sha256: String,
    init_first: Vec<Vec<i64>>,
    init_sha256: String,
    schedule_seed: String,
    permutations: Vec<Vec<usize>>,
    batches: Vec<(u64, Vec<usize>)>,
    weight_bound: String,
    field_bits: u32,
    losses: Vec<i128>,
    epochs_sha256: Vec<String>,
    stops: Option<Stop>,
    #[serde(default)]
    step_0: Vec<LayerDigests>,
    mse_hex: Option<String>,
    held_loss: Option<i128>,
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
    what: String,
    layer: usize,
    value: String,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct LayerDigests {
    y: String,
    #[serde(rename = "Z_remainder")]
    z_remainder: String,
    h: Option<String>,
    #[serde(rename = "P_remainder")]
    p_remainder: Option<String>,
    g: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/training.json")).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest<'a>(values: impl IntoIterator<Item = &'a i64>) -> String {
    let hash = values
        .into_iter()
        .fold(Sha256::new(), |hash, x| hash.chain_update(x.to_le_bytes()));
    hex(&hash.finalize())
}

/// `W_1, b_1, W_2, b_2, ...`, each row by row.
fn all_values(weights: &Weights) -> Vec<i64> {
    weights.tensors().concat()
}

/// SHA-256 of the values of a step, layer by layer.
fn digests(program: &Program, step: &Trace) -> Vec<LayerDigests> {
    let value = |name: char, layer: usize| program.find(&format!("{name}{layer}"));
    let kept = |name, layer| {
        step.get(value(name, layer)?)
            .map(|values| digest(&**values))
    };
    let dropped = |name, layer| {
        let remainder = step.remainder(value(name, layer)?);
        remainder.map(|values| digest(&**values))
    };
    let layer = |layer| LayerDigests {
        y: kept('Y', layer).unwrap(),
        z_remainder: dropped('Y', layer).unwrap(),
        h: kept('H', layer),
        p_remainder: dropped('H', layer),
        g: kept('G', layer).unwrap(),
    };
    (1..=program.parameters().len()).map(layer).collect()
}

/// The numerator of (12).
fn loss(fixed: &FixedPoint, weights: &Weights, dataset: &Dataset) -> i128 {
    let rows: Vec<usize> = (0..dataset.num_rows()).collect();
    let (inputs, targets) = dataset.gather(&rows);
    let outputs = train::predict(fixed, weights, &inputs).unwrap();
    let errors = outputs.iter().zip(&targets).map(|(y, x)| y - x);
    errors.map(|e| i128::from(e) * i128::from(e)).sum()
}

/// The header and the first rows of a CSV file.
fn table(text: &str, rows: usize) -> Table {
    let mut left = rows + 1;
    let mut lines = text.split_inclusive('\n');
    let end: usize = std::iter::from_fn(|| {
        let line = lines.next().filter(|_| left > 0)?;
        left -= usize::from(!line.trim().is_empty());
        Some(line.len())
    })
    .sum();
    let table = Table::from_reader("vector.csv", &text.as_bytes()[..end]).unwrap();
    assert_eq!(table.num_rows(), rows);
    table
}

impl Case {
    fn fixed_point(&self) -> FixedPoint {
        let f = &self.format_fields;
        let config = FixedPointConfig {
            activation_bits: f.s,
            gradient_bits: f.g,
            weight_bits: f.w,
            limbs: f.limbs.clone(),
            hidden_range_bits: f.hidden,
            output_range_bits: f.output,
            gradient_range_bits: f.gradient,
            data_range_bits: f.data,
            functions: None,
        };
        if ["compact", "paper"].contains(&self.format.as_str()) {
            let preset = FixedPoint::from_preset(&self.format).unwrap();
            self.same("preset", preset.config(), &config);
        }
        FixedPoint::new(config).unwrap()
    }

    fn same<T: PartialEq + Debug>(&self, item: &str, ours: T, vector: T) {
        let Self {
            format,
            widths,
            batch,
            c,
            ..
        } = self;
        assert!(
            ours == vector,
            "case {format} {widths:?}, batches of {batch}, c = {c}: {item} differs\n  \
             ours:   {ours:?}\n  vector: {vector:?}"
        );
    }

    /// The training rows and the held-out rows.
    fn data(&self, fixed: &FixedPoint) -> (Dataset, Option<Dataset>) {
        let text = self.csv.as_deref().unwrap_or(WINE);
        let normalization = Normalization::fit(&table(text, self.fit), &self.targets).unwrap();
        let columns = || {
            normalization
                .features()
                .iter()
                .chain(normalization.targets())
        };
        let names: Vec<String> = columns().map(|column| column.name.clone()).collect();
        self.same("order of columns", &names, &self.columns);
        for (column, vector) in columns().zip(&self.statistics_hex) {
            let ours = [column.mean.to_le_bytes(), column.deviation.to_le_bytes()].concat();
            let item = format!("mean and deviation of {}", column.name);
            self.same(&item, &hex(&ours), vector);
        }
        let hash = hex(&Sha256::digest(normalization.to_bytes()));
        let item = "encoding of the normalisation";
        self.same(item, &hash, &self.normalization_sha256);

        let all = table(text, self.train + self.held);
        let all = Dataset::quantize(&all, &normalization, fixed).unwrap();
        for (n, row) in self.first_rows.iter().enumerate() {
            self.same(&format!("quantised row {n}"), all.row(n), row);
        }
        let training = all.split(0..self.train).unwrap();
        let hash = digest(training.values());
        self.same("quantised dataset", &hash, &self.dataset_sha256);
        let held = self.train..self.train + self.held;
        (
            training,
            (!held.is_empty()).then(|| all.split(held).unwrap()),
        )
    }

    fn schedule(&self) -> Schedule {
        let [parent, dataset, author] = self.ids.map(|byte| [byte; 32]);
        let seed = ScheduleSeed::derive(&parent, &dataset, &author, self.nonce);
        self.same("seed of the schedule", &hex(&seed.0), &self.schedule_seed);
        for (epoch, permutation) in (0..).zip(&self.permutations) {
            // One batch of all rows shows the whole permutation.
            let whole = Schedule::new(seed, self.train, self.train).unwrap();
            let item = format!("permutation of epoch {epoch}");
            self.same(&item, &whole.batch(epoch), permutation);
        }
        let schedule = Schedule::new(seed, self.train, self.batch).unwrap();
        for (step, rows) in &self.batches {
            self.same(
                &format!("batch of step {step}"),
                &schedule.batch(*step),
                rows,
            );
        }
        schedule
    }

    fn initial(&self, fixed: &FixedPoint, architecture: &Architecture) -> Weights {
        let weights = init::expand(self.init_seed, architecture, fixed);
        for (l, (layer, first)) in weights.layers().iter().zip(&self.init_first).enumerate() {
            let item = format!("first initial weights of layer {l} (from 0)");
            self.same(&item, &layer.weight()[..first.len()], first);
        }
        let hash = digest(&all_values(&weights));
        self.same("initial weights", &hash, &self.init_sha256);
        weights
    }

    fn check(&self) {
        let fixed_point = self.fixed_point();
        let fixed = &fixed_point.clone();
        let (dataset, held) = self.data(fixed);
        let schedule = self.schedule();
        let architecture = Architecture::new(self.widths.clone()).unwrap();
        let mut weights = self.initial(fixed, &architecture);
        let rate = LearningRate::from_coefficient(self.c).unwrap();
        let plan = Plan::from(rate);
        let sgd = Sgd { fixed_point, plan };
        let trainer = Trainer::new(&sgd, &architecture, self.batch).unwrap();

        let epoch = schedule.steps_per_epoch();
        let bound = WeightBound::initial(&architecture, fixed);
        let bound = bound.after(
            &Plan {
                steps: epoch * self.epochs,
                ..plan
            },
            self.batch,
            &architecture,
            fixed,
        );
        let bound = bound.unwrap();
        self.same(
            "bound on weights",
            &bound.get().to_string(),
            &self.weight_bound,
        );
        let fits = |bits| bound.check_no_wrap(&architecture, fixed, bits).is_ok();
        let fits = [self.field_bits - 1, self.field_bits].map(fits);
        self.same("bits of the field: one fewer, enough", fits, [false, true]);

        let item = "numerator of the first loss";
        self.same(item, loss(fixed, &weights, &dataset), self.losses[0]);
        // One step at a time, so that the first difference in an epoch is seen at its end.
        let mut result = Ok(0);
        let mut finished = 0;
        for step in 0..epoch * self.epochs {
            let data = (&dataset, &schedule);
            result = train::train(&sgd, &mut weights, data, step..step + 1, |_, trace| {
                if step == 0 {
                    let ours = digests(trainer.program(), &trace);
                    for (l, (ours, vector)) in ours.iter().zip(&self.step_0).enumerate() {
                        self.same(&format!("step 0, layer {l} (from 0)"), ours, vector);
                    }
                    self.same("layers in step 0", ours.len(), self.step_0.len());
                }
                ControlFlow::Continue(())
            });
            if result.is_err() {
                break;
            }
            if (step + 1) % epoch == 0 {
                let hash = digest(&all_values(&weights));
                let item = format!("weights after epoch {finished} (from 0)");
                self.same(&item, Some(&hash), self.epochs_sha256.get(finished));
                let item = format!("numerator of the loss after epoch {finished} (from 0)");
                let ours = loss(fixed, &weights, &dataset);
                finished += 1;
                self.same(&item, Some(&ours), self.losses.get(finished));
            }
        }
        let epochs = self.epochs_sha256.len();
        self.same("number of epochs finished", finished, epochs);
        let end = Ok(epoch * self.epochs);
        let expected = self
            .stops
            .as_ref()
            .map_or(end, |stop| Err(stop.error(fixed)));
        self.same("end of training", result, expected);

        let values = all_values(&weights);
        let first = &values[..self.final_first.len()];
        self.same("first final weights", first, &self.final_first);
        self.same("final weights", &digest(&values), &self.final_sha256);
        if let Some(mse) = &self.mse_hex {
            let ours = train::mean_squared_error(fixed, &weights, &dataset).unwrap();
            self.same("final mean squared error", &hex(&ours.to_le_bytes()), mse);
            let ours = held.map_or(0, |held| loss(fixed, &weights, &held));
            self.same("numerator of the held-out loss", Some(ours), self.held_loss);
        }
    }
}

impl Stop {
    fn error(&self, fixed: &FixedPoint) -> TrainError {
        let (tensor, bits) = match self.what.as_str() {
            "hidden" => ("Y", fixed.hidden_range_bits()),
            "output" => ("Y", fixed.output_range_bits()),
            "gradient" => ("H", fixed.gradient_range_bits()),
            "weight" => ("W", 64),
            // The bias is a row of its layer's weights.
            "bias" => ("W", 64),
            what => panic!("unknown stop {what}"),
        };
        TrainError::OutOfRange {
            step: Some(self.step),
            tensor: format!("{tensor}{}", self.layer + 1),
            value: self.value.parse().unwrap(),
            bits,
        }
    }
}

#[test]
fn training() {
    let cases = vectors().cases;
    assert!(cases.len() >= 14);
    cases.iter().for_each(Case::check);
}

#[test]
fn rates() {
    for (preset, rate, batch, c) in vectors().rates {
        let fixed = FixedPoint::from_preset(&preset).unwrap();
        let ours = LearningRate::nearest(&fixed, batch, rate);
        let ours = ours.ok().map(LearningRate::coefficient);
        assert_eq!(ours, c, "{preset}: c for rate {rate}, batches of {batch}");
    }
}

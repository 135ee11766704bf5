//! How far an integer network is from its float original.
use super::{FloatModel, ImportError, ROWS};
use crate::{
    check::Check,
    nn::{
        FixedPoint, Layer, WeightGrid, Weights,
        fixed::{MAX_TABLE_BITS, in_range},
        program::Gadget,
        train,
    },
    text::quoted,
};
use serde::Serialize;
use std::fmt;

/// A layer of an imported network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerReport {
    /// The layer's name.
    pub name: String,
    /// Largest magnitude, on the given rows, of what is rounded first behind it: of its values before the activation
    /// function, or of a sum or mean of them.
    pub largest: f64,
    /// The end of the range of that.
    pub limit: f64,
    /// Largest difference between a weight or bias and its integer.
    pub weight_error: f64,
}

/// Integer network and float original on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuantizationReport {
    /// The grid of the weights.
    pub grid: WeightGrid,
    /// Number of rows.
    pub rows: usize,
    /// The layers.
    pub layers: Vec<LayerReport>,
    /// Largest difference of an output.
    pub max_error: f64,
    /// Mean difference of outputs, in magnitude.
    pub mean_error: f64,
    /// Largest magnitude of an output of the float network.
    pub largest_output: f64,
}

impl QuantizationReport {
    /// Compares `weights`, made by [`FloatModel::quantize`], with their original on rows of inputs
    /// `[B, inputs]`, which the integer network sees rounded to `s` fraction bits.
    ///
    /// # Errors
    /// [`ImportError::OutOfRange`] for the first layer whose values leave their range, with the preset
    /// that would hold them; [`ImportError::Structure`] unless the rows are whole.
    pub fn new(
        model: &FloatModel,
        (weights, grid): (&Weights, WeightGrid),
        fixed: &FixedPoint,
        inputs: &[f64],
    ) -> Result<Self, ImportError> {
        let width = model.architecture().num_inputs();
        if inputs.is_empty() || !inputs.len().is_multiple_of(width) {
            let reason = format!("{} values are no rows of {width} inputs", inputs.len());
            return Err(super::structure("the inputs", reason));
        }
        let (one, unit) = (
            (1_u64 << fixed.activation_bits()) as f64,
            (1_u64 << fixed.weight_bits()) as f64,
        );
        let found = largest(inputs.iter().copied());
        check("inputs", found, fixed, DATA)?;
        let (roundings, values) = roundings(model, inputs);
        let mut layers = Vec::new();
        for (k, layer) in model.layers().iter().enumerate() {
            let integers = weights.layers().get(k).map_or(&[][..], Layer::values);
            let floats = layer.weight.iter().chain(&layer.bias);
            let found = roundings.iter().find(|rounding| rounding.layer > k);
            let (found, limit) = match found {
                Some(rounding) => (rounding.largest, limit(fixed, rounding.range)),
                None => (0.0, 0.0),
            };
            layers.push(LayerReport {
                name: layer.name.clone(),
                largest: found,
                limit,
                weight_error: largest(floats.zip(integers).map(|(a, b)| a - *b as f64 / unit)),
            });
        }
        for rounding in &roundings {
            let layer = rounding.layer.checked_sub(1);
            let layer = layer.and_then(|k| model.layers().get(k));
            let name = layer.map_or("inputs", |layer| &layer.name);
            check(name, rounding.largest, fixed, rounding.range)?;
        }
        let mut outputs = Vec::with_capacity(values.len());
        for rows in inputs.chunks(ROWS * width) {
            let rounded: Vec<i64> = rows.iter().map(|x| (x * one).round() as i64).collect();
            outputs.extend(train::predict(fixed, weights, &rounded)?);
        }
        let errors = values
            .iter()
            .zip(&outputs)
            .map(|(y, integer)| y - *integer as f64 / one);
        let sum: f64 = errors.clone().map(f64::abs).sum();
        Ok(Self {
            grid,
            rows: inputs.len() / width,
            layers,
            max_error: largest(errors),
            mean_error: sum / outputs.len() as f64,
            largest_output: largest(values.iter().copied()),
        })
    }
}

/// A signed range of a number format.
#[derive(Clone, Copy)]
struct Range {
    /// The field that says how many bits it has.
    field: &'static str,
    bits: fn(&FixedPoint) -> u32,
}

const DATA: Range = Range {
    field: "data_range_bits",
    bits: FixedPoint::data_range_bits,
};
const HIDDEN: Range = Range {
    field: "hidden_range_bits",
    bits: FixedPoint::hidden_range_bits,
};
const OUTPUT: Range = Range {
    field: "output_range_bits",
    bits: FixedPoint::output_range_bits,
};

/// A value of the network that is rounded into a range.
struct Rounding {
    /// Layers before it.
    layer: usize,
    range: Range,
    /// Largest magnitude in the float network.
    largest: f64,
}

/// All of them, in order, on rows of inputs, and the outputs.
fn roundings(model: &FloatModel, inputs: &[f64]) -> (Vec<Rounding>, Vec<f64>) {
    let (mut roundings, mut outputs) = (Vec::<Rounding>::new(), Vec::new());
    for (program, reals) in model.runs(inputs) {
        let found = program.gadgets.iter().filter_map(|gadget| match gadget {
            Gadget::Lookup { key, check, .. } => {
                let range = match check {
                    Check::UnitRange => HIDDEN,
                    Check::OutputRange => OUTPUT,
                    _ => return None,
                };
                Some(Rounding {
                    layer: program.parameters().iter().filter(|w| *w < key).count(),
                    range,
                    largest: largest(reals.get(*key).iter().copied()),
                })
            }
            _ => None,
        });
        for (k, rounding) in found.enumerate() {
            match roundings.get_mut(k) {
                Some(before) => {
                    before.largest = largest([before.largest, rounding.largest].into_iter())
                }
                None => roundings.push(rounding),
            }
        }
        let output = program.outputs().first();
        outputs.extend_from_slice(output.map_or(&[], |value| reals.get(*value)));
    }
    (roundings, outputs)
}

/// Largest magnitude; not a number if one value is none.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |most, value| match value.is_nan() {
        true => value,
        false if most > value.abs() || most.is_nan() => most,
        false => value.abs(),
    })
}

/// The end of a signed range of values with `s` fraction bits.
fn limit(fixed: &FixedPoint, range: Range) -> f64 {
    2_f64.powi((range.bits)(fixed) as i32 - 1 - fixed.activation_bits() as i32)
}

/// Checks that a magnitude, rounded to `s` fraction bits, is in a range.
fn check(layer: &str, value: f64, fixed: &FixedPoint, range: Range) -> Result<(), ImportError> {
    let holds = |fixed: &FixedPoint, bits: u32| {
        let one = (1_u64 << fixed.activation_bits()) as f64;
        let rounded = (value * one).round();
        rounded.is_finite() && rounded < 2_f64.powi(100) && in_range(rounded as i128, bits)
    };
    if holds(fixed, (range.bits)(fixed)) {
        return Ok(());
    }
    let mut presets = [
        ("compact", FixedPoint::compact()),
        ("classifier", FixedPoint::classifier()),
        ("paper", FixedPoint::paper()),
    ]
    .into_iter();
    let preset = presets.find(|(_, preset)| holds(preset, (range.bits)(preset)));
    let wide = (2..=MAX_TABLE_BITS).find(|bits| holds(fixed, *bits));
    let advice = match (preset, wide) {
        (Some((name, _)), _) => format!("the preset {name} would hold it"),
        (None, Some(bits)) => format!("a preset with {}={bits} would hold it", range.field),
        (None, None) => "no range holds it: scale the network's inputs and weights".to_owned(),
    };
    Err(ImportError::OutOfRange {
        layer: layer.to_owned(),
        value,
        limit: limit(fixed, range),
        advice,
    })
}

impl fmt::Display for QuantizationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rows: outputs up to {:.4}, off by at most {:.6}, {:.6} on average",
            self.rows, self.largest_output, self.max_error, self.mean_error
        )?;
        for layer in &self.layers {
            writeln!(
                f,
                "  {}: values up to {:.4} of {}, weights off by at most {:.2e}",
                quoted(&layer.name),
                layer.largest,
                layer.limit,
                layer.weight_error
            )?;
        }
        Ok(())
    }
}

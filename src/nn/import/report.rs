//! How far an integer network is from its float original.
use super::{FloatModel, ImportError};
use crate::{
    nn::{FixedPoint, WeightGrid, Weights, fixed::in_range, train},
    text::quoted,
};
use serde::Serialize;
use std::fmt;

/// A layer of an imported network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerReport {
    /// The layer's name.
    pub name: String,
    /// Largest magnitude of its values before the rectifier, on the given rows.
    pub largest: f64,
    /// The end of the range of its values.
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
        check("inputs", found, fixed, FixedPoint::data_range_bits)?;
        let last = model.layers().len() - 1;
        let mut layers = Vec::new();
        let each = model.layer_values(inputs);
        let pairs = model.layers().iter().zip(weights.layers());
        for (k, ((layer, integers), values)) in pairs.zip(&each).enumerate() {
            let bits = match k == last {
                true => FixedPoint::output_range_bits,
                false => FixedPoint::hidden_range_bits,
            };
            let found = largest(values.iter().copied());
            check(&layer.name, found, fixed, bits)?;
            let floats = layer.weight.iter().chain(&layer.bias);
            let integers = integers.values();
            layers.push(LayerReport {
                name: layer.name.clone(),
                largest: found,
                limit: limit(fixed, bits),
                weight_error: largest(floats.zip(integers).map(|(a, b)| a - *b as f64 / unit)),
            });
        }
        let rounded: Vec<i64> = inputs.iter().map(|x| (x * one).round() as i64).collect();
        let outputs = train::predict(fixed, weights, &rounded)?;
        let values = each.last().map_or(&[][..], Vec::as_slice);
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

/// Largest magnitude; not a number if one value is none.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |most, value| match value.is_nan() {
        true => value,
        false if most > value.abs() || most.is_nan() => most,
        false => value.abs(),
    })
}

/// The end of a signed range of values with `s` fraction bits.
fn limit(fixed: &FixedPoint, bits: fn(&FixedPoint) -> u32) -> f64 {
    2_f64.powi(bits(fixed) as i32 - 1 - fixed.activation_bits() as i32)
}

/// Checks that a magnitude, rounded to `s` fraction bits, is in a range.
fn check(
    layer: &str,
    value: f64,
    fixed: &FixedPoint,
    bits: fn(&FixedPoint) -> u32,
) -> Result<(), ImportError> {
    let holds = |fixed: &FixedPoint| {
        let one = (1_u64 << fixed.activation_bits()) as f64;
        let rounded = (value * one).round();
        rounded.is_finite() && rounded < 2_f64.powi(100) && in_range(rounded as i128, bits(fixed))
    };
    if holds(fixed) {
        return Ok(());
    }
    let presets = [
        ("compact", FixedPoint::compact()),
        ("paper", FixedPoint::paper()),
    ];
    let advice = match presets.iter().find(|(_, preset)| holds(preset)) {
        Some((name, _)) => format!("the preset {name} would hold it"),
        None => "no preset holds it: scale the network's inputs and weights".to_owned(),
    };
    Err(ImportError::OutOfRange {
        layer: layer.to_owned(),
        value,
        limit: limit(fixed, bits),
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

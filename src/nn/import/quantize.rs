//! Floats to integers.
use super::{FloatLayer, FloatModel, ImportError};
use crate::nn::{FixedPoint, Layer, WeightGrid, Weights};

impl FloatModel {
    /// The weights in units of `2^-w`, each rounded to the nearest value of the finest [`WeightGrid`] of
    /// `range_bits` bits that holds all of them, ties away from zero.
    ///
    /// # Errors
    /// [`ImportError::NotFinite`], [`ImportError::TooLarge`]; [`ImportError::Config`] for impossible
    /// `range_bits`.
    pub fn quantize(
        &self,
        fixed: &FixedPoint,
        range_bits: u32,
    ) -> Result<(Weights, WeightGrid), ImportError> {
        let unit = (1_u64 << fixed.weight_bits()) as f64;
        let mut largest = 0.0_f64;
        for (layer, part, index, value) in self.entries() {
            if !value.is_finite() {
                return Err(ImportError::NotFinite {
                    layer: layer.name.clone(),
                    part,
                    index,
                    value,
                });
            }
            let limit = LARGEST / unit;
            if value.abs() > limit {
                return Err(ImportError::TooLarge {
                    layer: layer.name.clone(),
                    part,
                    index,
                    value,
                    largest: limit,
                });
            }
            largest = largest.max(value.abs());
        }
        let grid = WeightGrid::finest((largest * unit).ceil() as u64, range_bits)?;
        let step = (1_u64 << grid.step_bits) as f64;
        let round = |values: &[f64]| -> Vec<i64> {
            let end = grid.largest() as f64;
            let steps = values
                .iter()
                .map(|value| (value * unit / step).round().clamp(-end, end));
            steps.map(|v| (v as i64) << grid.step_bits).collect()
        };
        let layers = self.layers.iter().map(|layer| Layer {
            weight: round(&layer.weight),
            bias: round(&layer.bias),
        });
        let weights = Weights::new(self.architecture.clone(), layers.collect())?;
        Ok((weights, grid))
    }

    /// All weights and biases, with their places.
    fn entries(&self) -> impl Iterator<Item = (&FloatLayer, &'static str, usize, f64)> {
        self.layers.iter().flat_map(|layer| {
            let parts = [("weight", &layer.weight), ("bias", &layer.bias)];
            parts.into_iter().flat_map(move |(part, values)| {
                let values = values.iter().enumerate();
                values.map(move |(index, value)| (layer, part, index, *value))
            })
        })
    }
}

/// Largest weight in units of `2^-w`: grids end there.
const LARGEST: f64 = (1_u64 << 60) as f64;

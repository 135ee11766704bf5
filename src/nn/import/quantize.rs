//! Floats to integers.
use super::{FloatLayer, FloatModel, ImportError};
use crate::nn::{FixedPoint, Layer, WeightGrid, Weights};

impl FloatModel {
    /// The weights in units of `2^-w`, each rounded to the nearest value of the finest [`WeightGrid`] of
    /// `range_bits` bits that holds all of them, ties away from zero. The grid, which becomes public,
    /// shows the size of the largest to a factor of two.
    ///
    /// # Errors
    /// Those of [`quantize_within`](Self::quantize_within).
    pub fn quantize(
        &self,
        fixed: &FixedPoint,
        range_bits: u32,
    ) -> Result<(Weights, WeightGrid), ImportError> {
        let sizes = self.entries().map(|(.., value)| value.abs());
        self.quantize_within(fixed, range_bits, sizes.fold(0.0, f64::max))
    }

    /// As [`quantize`](Self::quantize), on the finest grid for weights of up to a stated size: it shows
    /// this and nothing of the weights, and is coarser than need be.
    ///
    /// # Errors
    /// [`ImportError::NotFinite`]; [`ImportError::TooLarge`] if a weight is larger;
    /// [`ImportError::Config`] for impossible `range_bits`.
    pub fn quantize_within(
        &self,
        fixed: &FixedPoint,
        range_bits: u32,
        largest: f64,
    ) -> Result<(Weights, WeightGrid), ImportError> {
        let unit = (1_u64 << fixed.weight_bits()) as f64;
        // Nothing fits within what is no size.
        let limit = largest.max(0.0).min(LARGEST / unit);
        for (layer, part, index, value) in self.entries() {
            if !value.is_finite() {
                return Err(ImportError::NotFinite {
                    layer: layer.name.clone(),
                    part,
                    index,
                    value,
                });
            }
            if value.abs() > limit {
                return Err(ImportError::TooLarge {
                    layer: layer.name.clone(),
                    part,
                    index,
                    value,
                    largest: limit,
                });
            }
        }
        let grid = WeightGrid::finest((limit * unit).ceil() as u64, range_bits)?;
        let step = (1_u64 << grid.step_bits) as f64;
        let round = |values: &[f64]| -> Vec<i64> {
            let end = grid.largest() as f64;
            let steps = values
                .iter()
                .map(|value| (value * unit / step).round().clamp(-end, end));
            steps.map(|v| (v as i64) << grid.step_bits).collect()
        };
        let layers = self
            .layers
            .iter()
            .map(|layer| Layer::new(round(&layer.weight), round(&layer.bias)));
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

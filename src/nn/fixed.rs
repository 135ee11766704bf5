//! Number formats, the learning rate, and bounds on weights.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod functions;

pub use functions::FunctionBits;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// Widest limb and widest signed range: lookup tables have `2^bits` entries.
pub(super) const MAX_TABLE_BITS: u32 = 24;
/// Keeps initial weights of one-input layers well inside `i64`.
const MAX_WEIGHT_BITS: u32 = 60;
/// Keeps output gradients below 2^37, so that sums of products stay inside `i128`.
const MAX_GRADIENT_EXCESS: u32 = 12;

/// The numbers of bits of a fixed-point format, not yet validated; see [`FixedPoint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedPointConfig {
    /// `s`: fraction bits of data, targets and activations.
    pub activation_bits: u32,
    /// `g`: fraction bits of gradients.
    pub gradient_bits: u32,
    /// `w`: fraction bits of weights and biases.
    pub weight_bits: u32,
    /// Widths, low to high, of the limbs of a rounding remainder `Z - 2^w Y`. They sum to `w`.
    /// A limb of `k` bits lies in `0..2^k`, the last one in `-2^(k-1)..2^(k-1)`.
    pub limbs: Vec<u32>,
    /// Bits `b` of the signed range `-2^(b-1)..2^(b-1)` of hidden `Y`.
    pub hidden_range_bits: u32,
    /// Bits of the signed range of the output `Y`.
    pub output_range_bits: u32,
    /// Bits of the signed range of `H`.
    pub gradient_range_bits: u32,
    /// Bits of the signed range of data, features and targets.
    pub data_range_bits: u32,
    /// Those of softmax and norms, if there are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions: Option<FunctionBits>,
}

impl FixedPointConfig {
    /// Sets the field of this name, if there is one and the text is what it holds.
    fn set(&mut self, field: &str, text: &str) -> Option<()> {
        if field == "limbs" {
            let limbs = text.split('+').map(|bits| bits.trim().parse().ok());
            self.limbs = limbs.collect::<Option<_>>()?;
            return Some(());
        }
        let found = match field {
            "activation_bits" => &mut self.activation_bits,
            "gradient_bits" => &mut self.gradient_bits,
            "weight_bits" => &mut self.weight_bits,
            "hidden_range_bits" => &mut self.hidden_range_bits,
            "output_range_bits" => &mut self.output_range_bits,
            "gradient_range_bits" => &mut self.gradient_range_bits,
            "data_range_bits" => &mut self.data_range_bits,
            _ => self.functions.as_mut()?.field(field)?,
        };
        *found = text.parse().ok()?;
        Some(())
    }
}

/// A validated fixed-point format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FixedPointConfig", into = "FixedPointConfig")]
pub struct FixedPoint {
    config: FixedPointConfig,
}

impl FixedPoint {
    /// Validates a format.
    ///
    /// # Errors
    ///
    /// `1 <= s <= 24`, `s <= g <= s + 12`, `s + g <= w <= 60`, limbs of 1 to 24 bits that sum to
    /// exactly `w`, ranges of 2 to 24 bits; with `functions` also `sigma + 2 <= p, g <= 24`.
    pub fn new(config: FixedPointConfig) -> Result<Self, ConfigError> {
        let (s, g, w) = (
            config.activation_bits,
            config.gradient_bits,
            config.weight_bits,
        );
        check_bits("activation_bits", s, 1..=MAX_TABLE_BITS)?;
        check_bits("gradient_bits", g, s..=s + MAX_GRADIENT_EXCESS)?;
        check_bits("weight_bits", w, 1..=MAX_WEIGHT_BITS)?;
        if w < s + g {
            return Err(ConfigError::TooFewWeightBits {
                weight_bits: w,
                needed: s + g,
            });
        }
        for &bits in &config.limbs {
            check_bits("limbs", bits, 1..=MAX_TABLE_BITS)?;
        }
        let sum = config.limbs.iter().map(|&bits| u64::from(bits)).sum();
        if sum != u64::from(w) {
            return Err(ConfigError::LimbSum {
                sum,
                weight_bits: w,
            });
        }
        for (field, bits) in [
            ("hidden_range_bits", config.hidden_range_bits),
            ("output_range_bits", config.output_range_bits),
            ("gradient_range_bits", config.gradient_range_bits),
            ("data_range_bits", config.data_range_bits),
        ] {
            check_bits(field, bits, 2..=MAX_TABLE_BITS)?;
        }
        if let Some(functions) = &config.functions {
            functions.check(g)?;
        }
        Ok(Self { config })
    }

    /// The `compact` preset: `s = 8`, `g = 10`, `w = 34`; small tables, fast proofs.
    pub fn compact() -> Self {
        Self {
            config: FixedPointConfig {
                activation_bits: 8,
                gradient_bits: 10,
                weight_bits: 34,
                limbs: vec![17, 17],
                hidden_range_bits: 14,
                output_range_bits: 14,
                gradient_range_bits: 16,
                data_range_bits: 14,
                functions: None,
            },
        }
    }

    /// The `classifier` preset: `s = 8`, `g = 12`, `w = 34`, with softmax and norms.
    pub fn classifier() -> Self {
        Self {
            config: FixedPointConfig {
                activation_bits: 8,
                gradient_bits: 12,
                weight_bits: 34,
                limbs: vec![17, 17],
                hidden_range_bits: 16,
                output_range_bits: 16,
                gradient_range_bits: 17,
                data_range_bits: 14,
                functions: Some(FunctionBits::classifier()),
            },
        }
    }

    /// The `paper` preset: 16 fraction bits as in zkDL, `w = 48`.
    pub fn paper() -> Self {
        Self {
            config: FixedPointConfig {
                activation_bits: 16,
                gradient_bits: 16,
                weight_bits: 48,
                limbs: vec![16, 16, 16],
                hidden_range_bits: 21,
                output_range_bits: 21,
                gradient_range_bits: 21,
                data_range_bits: 21,
                functions: None,
            },
        }
    }

    /// The preset of this name, and changes of it: `classifier,gradient_bits=14,limbs=12+12+12`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownPreset`] unless the name is `compact`, `paper` or `classifier`;
    /// [`ConfigError::UnknownField`] if there is no number of bits of that name, or none is given;
    /// those of [`FixedPoint::new`].
    pub fn from_preset(text: &str) -> Result<Self, ConfigError> {
        let mut parts = text.split(',').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let preset = match name {
            "compact" => Self::compact(),
            "paper" => Self::paper(),
            "classifier" => Self::classifier(),
            _ => {
                return Err(ConfigError::UnknownPreset {
                    name: name.to_owned(),
                });
            }
        };
        let mut config = preset.config;
        for part in parts {
            let set = part
                .split_once('=')
                .and_then(|(field, number)| config.set(field.trim(), number.trim()));
            set.ok_or_else(|| ConfigError::UnknownField {
                text: part.to_owned(),
            })?;
        }
        Self::new(config)
    }

    /// Numbers of bits of softmax and norms.
    ///
    /// # Errors
    /// [`ConfigError::NoFunctionBits`] if the format has none.
    pub fn functions(&self, operator: &'static str) -> Result<&FunctionBits, ConfigError> {
        let functions = self.config.functions.as_ref();
        functions.ok_or(ConfigError::NoFunctionBits { operator })
    }

    /// All numbers of bits.
    pub fn config(&self) -> &FixedPointConfig {
        &self.config
    }

    /// The mean over so many rows of squares of numbers with `s` fraction bits that sum to this; zero for no rows.
    pub fn mean_square(&self, sum: u128, rows: usize) -> f64 {
        let unit = (1_u64 << (2 * self.activation_bits())) as f64;
        sum as f64 / unit / rows.max(1) as f64
    }

    /// `s`: fraction bits of data, targets and activations.
    pub fn activation_bits(&self) -> u32 {
        self.config.activation_bits
    }

    /// `g`: fraction bits of gradients.
    pub fn gradient_bits(&self) -> u32 {
        self.config.gradient_bits
    }

    /// `w`: fraction bits of weights and biases.
    pub fn weight_bits(&self) -> u32 {
        self.config.weight_bits
    }

    /// Limb widths of a rounding remainder, low to high; the last limb is signed.
    pub fn limbs(&self) -> &[u32] {
        &self.config.limbs
    }

    /// Bits of the signed range of hidden `Y`.
    pub fn hidden_range_bits(&self) -> u32 {
        self.config.hidden_range_bits
    }

    /// Bits of the signed range of the output `Y`.
    pub fn output_range_bits(&self) -> u32 {
        self.config.output_range_bits
    }

    /// Bits of the signed range of `H`.
    pub fn gradient_range_bits(&self) -> u32 {
        self.config.gradient_range_bits
    }

    /// Bits of the signed range of data, features and targets.
    pub fn data_range_bits(&self) -> u32 {
        self.config.data_range_bits
    }
}

impl TryFrom<FixedPointConfig> for FixedPoint {
    type Error = ConfigError;

    fn try_from(config: FixedPointConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<FixedPoint> for FixedPointConfig {
    fn from(fixed: FixedPoint) -> Self {
        fixed.config
    }
}

fn check_bits(
    field: &'static str,
    bits: u32,
    allowed: RangeInclusive<u32>,
) -> Result<(), ConfigError> {
    if allowed.contains(&bits) {
        return Ok(());
    }
    Err(ConfigError::BitsOutOfRange {
        field,
        bits,
        min: *allowed.start(),
        max: *allowed.end(),
    })
}

/// Equation 1, `floor((x + 2^(k-1)) / 2^k)`: `x / 2^k` rounded to nearest, ties up. `round(0, x) = x`.
///
/// `k` is below 128. The sum is never formed, so no `x` overflows.
pub fn round(k: u32, x: i128) -> i128 {
    match k.checked_sub(1) {
        None => x,
        Some(half) => (x >> k) + ((x >> half) & 1),
    }
}

/// Whether `value` lies in the signed range `-2^(bits-1)..2^(bits-1)`; `bits` is from 1 to 127.
pub fn in_range(value: i128, bits: u32) -> bool {
    let end = 1_i128 << (bits - 1);
    (-end..end).contains(&value)
}

/// The learning rate as the integer `c >= 1` of equations 9 to 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct LearningRate(u64);

impl LearningRate {
    /// The largest coefficient, `2^53`: all are exact in `f64`.
    pub const MAX: u64 = 1 << 53;

    /// Largest relative distance of [`LearningRate::nearest`].
    const TOLERANCE: f64 = 0.05;

    /// The rate with coefficient `c`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::CoefficientOutOfRange`] unless `1 <= c <= 2^53`.
    pub fn from_coefficient(c: u64) -> Result<Self, ConfigError> {
        if (1..=Self::MAX).contains(&c) {
            Ok(Self(c))
        } else {
            Err(ConfigError::CoefficientOutOfRange {
                coefficient: c,
                max: Self::MAX,
            })
        }
    }

    /// The representable rate nearest to `rate`, the rate for the mean loss of a batch: a
    /// multiple of `batch * 2^-(w-s-g)`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidRate`] unless `rate` is positive and finite;
    /// [`ConfigError::RateNotRepresentable`] if the nearest is more than 5% away;
    /// [`ConfigError::EmptyBatch`].
    pub fn nearest(fixed: &FixedPoint, batch: usize, rate: f64) -> Result<Self, ConfigError> {
        if !(rate.is_finite() && rate > 0.0) {
            let rate = rate.to_string();
            return Err(ConfigError::InvalidRate { rate });
        }
        if batch == 0 {
            return Err(ConfigError::EmptyBatch);
        }
        let unit = Self(1).as_f64(fixed, batch);
        let (quotient, max) = (rate / unit, Self::MAX as f64);
        let c = quotient.round();
        if (1.0..=max).contains(&c) && (c * unit - rate).abs() <= Self::TOLERANCE * rate {
            return Ok(Self(c as u64));
        }
        let lower = quotient.floor().min(max) * unit;
        let upper = quotient.ceil().clamp(1.0, max) * unit;
        Err(ConfigError::RateNotRepresentable { rate, lower, upper })
    }

    /// How many times the finest rate of a batch `rate` is, rounded to nearest; `None` for what is no rate.
    pub fn units(fixed: &FixedPoint, batch: usize, rate: f64) -> Option<u64> {
        let is_rate = batch > 0 && rate.is_finite() && rate > 0.0;
        is_rate.then(|| (rate / Self(1).as_f64(fixed, batch)).round() as u64)
    }

    /// `c`.
    pub fn coefficient(self) -> u64 {
        self.0
    }

    /// Equation 11, the rate for the mean loss of a batch: `c * batch * 2^-(w-s-g)`.
    pub fn as_f64(self, fixed: &FixedPoint, batch: usize) -> f64 {
        let shift = fixed.weight_bits() - fixed.activation_bits() - fixed.gradient_bits();
        self.0 as f64 * batch as f64 / (1_u64 << shift) as f64
    }
}

impl TryFrom<u64> for LearningRate {
    type Error = ConfigError;

    fn try_from(c: u64) -> Result<Self, ConfigError> {
        Self::from_coefficient(c)
    }
}

impl From<LearningRate> for u64 {
    fn from(rate: LearningRate) -> Self {
        rate.0
    }
}

/// The least `k` with `x <= 2^k`; 0 for `x = 0`.
pub(super) fn ceil_log2(x: u128) -> u32 {
    u128::BITS - x.saturating_sub(1).leading_zeros()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(change: impl FnOnce(&mut FixedPointConfig)) -> Result<FixedPoint, ConfigError> {
        let mut config = FixedPoint::compact().config().clone();
        change(&mut config);
        FixedPoint::new(config)
    }

    #[test]
    fn presets_are_valid() {
        for preset in ["compact", "paper", "classifier"] {
            let fixed = FixedPoint::from_preset(preset).unwrap();
            assert_eq!(FixedPoint::new(fixed.config().clone()).unwrap(), fixed);
            let json = serde_json::to_string(&fixed).unwrap();
            assert_eq!(serde_json::from_str::<FixedPoint>(&json).unwrap(), fixed);
        }
        let error = FixedPoint::from_preset("huge").unwrap_err();
        assert_eq!(
            error,
            ConfigError::UnknownPreset {
                name: "huge".into()
            }
        );
    }

    #[test]
    fn invalid_formats_are_refused() {
        type Change = fn(&mut FixedPointConfig);
        let out_of_range: [(&str, Change); 12] = [
            ("activation_bits", |c| c.activation_bits = 0),
            ("activation_bits", |c| c.activation_bits = u32::MAX),
            ("gradient_bits", |c| c.gradient_bits = 7),
            ("gradient_bits", |c| c.gradient_bits = 21),
            ("weight_bits", |c| c.weight_bits = 61),
            ("limbs", |c| c.limbs = vec![0, 17, 17]),
            ("limbs", |c| c.limbs = vec![9, 25]),
            ("hidden_range_bits", |c| c.hidden_range_bits = 1),
            ("output_range_bits", |c| c.output_range_bits = 25),
            ("gradient_range_bits", |c| c.gradient_range_bits = 0),
            ("data_range_bits", |c| c.data_range_bits = u32::MAX),
            ("weight_bits", |c| c.weight_bits = 0),
        ];
        for (name, change) in out_of_range {
            match with(change).unwrap_err() {
                ConfigError::BitsOutOfRange { field, .. } => assert_eq!(field, name),
                other => panic!("{name}: {other}"),
            }
        }
        assert_eq!(
            with(|c| c.weight_bits = 17).unwrap_err(),
            ConfigError::TooFewWeightBits {
                weight_bits: 17,
                needed: 18
            }
        );
        for limbs in [vec![], vec![17, 16], vec![17, 18], vec![17, 17, 1]] {
            let sum = limbs.iter().sum::<u32>().into();
            assert_eq!(
                with(|c| c.limbs = limbs).unwrap_err(),
                ConfigError::LimbSum {
                    sum,
                    weight_bits: 34
                }
            );
        }
        let json = serde_json::to_string(FixedPoint::compact().config()).unwrap();
        let json = json.replace("\"weight_bits\":34", "\"weight_bits\":35");
        assert!(serde_json::from_str::<FixedPoint>(&json).is_err());
    }

    #[test]
    fn presets_are_changed_by_name() {
        let text =
            "classifier, gradient_bits=14,probability_bits = 12,limbs=12+12+12,weight_bits=36";
        let fixed = FixedPoint::from_preset(text).unwrap();
        assert_eq!(fixed.gradient_bits(), 14);
        assert_eq!(fixed.limbs(), [12, 12, 12]);
        let functions = fixed.functions("softmax").unwrap();
        assert_eq!(functions.probability_bits, 12);
        assert_eq!(FunctionBits::from_numbers(functions.numbers()), *functions);
        for part in [
            "",
            "bits=3",
            "gradient_bits",
            "gradient_bits=x",
            "limbs=1+",
            "gradient_bits=-1",
        ] {
            let text = format!("classifier,{part}");
            let error = FixedPoint::from_preset(&text).unwrap_err();
            let text = part.to_owned();
            assert_eq!(error, ConfigError::UnknownField { text });
        }
        let error = FixedPoint::from_preset("compact,probability_bits=10").unwrap_err();
        assert!(matches!(error, ConfigError::UnknownField { .. }));
        let error = FixedPoint::compact().functions("norm").unwrap_err();
        assert_eq!(error, ConfigError::NoFunctionBits { operator: "norm" });
    }

    /// Scores of more bits than probabilities have would not tell levels apart.
    #[test]
    fn invalid_function_bits_are_refused() {
        for (change, name) in [
            ("score_bits=0", "score_bits"),
            ("score_bits=13", "score_bits"),
            ("probability_bits=9", "probability_bits"),
            ("probability_bits=25", "probability_bits"),
            (
                "score_bits=9,probability_bits=11,gradient_bits=10",
                "gradient_bits",
            ),
            ("exponential_bits=19", "exponential_bits"),
            ("level_range_bits=1", "level_range_bits"),
            ("score_gradient_bits=0", "score_gradient_bits"),
            ("mean_bits=9", "mean_bits"),
            ("root_bits=21", "root_bits"),
            ("row_bits=9", "row_bits"),
            ("norm_range_bits=25", "norm_range_bits"),
        ] {
            match FixedPoint::from_preset(&format!("classifier,{change}")) {
                Err(ConfigError::BitsOutOfRange { field, .. }) => assert_eq!(field, name),
                other => panic!("{change}: {other:?}"),
            }
        }
    }

    #[test]
    fn rounding_takes_ties_up() {
        for (x, expected) in [
            (-6, -1),
            (-5, -1),
            (-2, 0),
            (-1, 0),
            (1, 0),
            (2, 1),
            (5, 1),
            (6, 2),
        ] {
            assert_eq!(round(2, x), expected, "{x} / 4");
        }
        assert_eq!(round(0, -3), -3);
        assert_eq!(round(1, i128::MAX), 1 << 126);
        assert_eq!(round(1, i128::MIN), -(1 << 126));
    }

    proptest! {
        #[test]
        fn rounding_follows_its_definition(k in 1_u32..62, x in -(1_i128 << 100)..1 << 100) {
            let y = round(k, x);
            prop_assert_eq!(y, (x + (1 << (k - 1))).div_euclid(1 << k));
            prop_assert!(in_range(x - (y << k), k));
        }

        #[test]
        fn nearest_rate_is_within_five_percent(c in 10_u64..1 << 53, off in -0.49_f64..0.49) {
            let fixed = FixedPoint::compact();
            let unit = LearningRate(1).as_f64(&fixed, 32);
            let rate = LearningRate::nearest(&fixed, 32, (c as f64 + off) * unit).unwrap();
            prop_assert!(rate.coefficient().abs_diff(c) <= 1);
        }
    }

    #[test]
    fn ranges_are_half_open() {
        for (value, inside) in [(-129, false), (-128, true), (127, true), (128, false)] {
            assert_eq!(in_range(value, 8), inside);
        }
    }

    #[test]
    fn rates() {
        let fixed = FixedPoint::compact(); // unit for a batch of 32: 2^(5 - 16) = 2^-11
        let rate = LearningRate::nearest(&fixed, 32, 0.01).unwrap();
        assert_eq!(rate.coefficient(), 20);
        assert_eq!(rate.as_f64(&fixed, 32), 20.0 / 2048.0);
        assert_eq!(
            LearningRate::nearest(&fixed, 0, 0.01),
            Err(ConfigError::EmptyBatch)
        );
        for rate in [f64::NAN, f64::INFINITY, -0.1, 0.0] {
            let error = LearningRate::nearest(&fixed, 32, rate).unwrap_err();
            assert!(matches!(error, ConfigError::InvalidRate { .. }), "{error}");
        }
        let unit = 1.0 / 2048.0;
        for (rate, lower, upper) in [
            (0.25 * unit, 0.0, unit),
            (1.4 * unit, unit, 2.0 * unit),
            (1e300, 2_f64.powi(42), 2_f64.powi(42)),
        ] {
            assert_eq!(
                LearningRate::nearest(&fixed, 32, rate),
                Err(ConfigError::RateNotRepresentable { rate, lower, upper })
            );
        }
        for coefficient in [0, LearningRate::MAX + 1] {
            let error = ConfigError::CoefficientOutOfRange {
                coefficient,
                max: 1 << 53,
            };
            assert_eq!(LearningRate::from_coefficient(coefficient), Err(error));
        }
        assert!(serde_json::from_str::<LearningRate>("0").is_err());
        assert_eq!(
            serde_json::from_str::<LearningRate>("20")
                .unwrap()
                .coefficient(),
            20
        );
    }

    #[test]
    fn bit_counts() {
        for (x, bits) in [
            (0, 0),
            (1, 0),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 3),
            (u128::MAX, 128),
        ] {
            assert_eq!(ceil_log2(x), bits);
        }
    }
}

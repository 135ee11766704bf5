//! Numbers of bits of softmax and of norms, an optional part of a format.
use super::check_bits;
use crate::{
    error::ConfigError,
    gkr::function::{MAX_DECAY_BITS, MAX_DEPTH, MAX_EXPONENTIAL_BITS},
};
use serde::{Deserialize, Serialize};

/// The numbers of bits of softmax and of norms.
///
/// Without them a format has no such operators, and the encoding that it has always had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionBits {
    /// `p`: fraction bits of probabilities that are multiplied. Those of a loss have `g`.
    pub probability_bits: u32,
    /// `sigma`: fraction bits of scores, which are rounded inside a softmax alone.
    pub score_bits: u32,
    /// `log2` of the number of entries of the table of exponentials: scores may lie `2^(bits - sigma)` below the
    /// level of their row.
    pub exponential_bits: u32,
    /// Bits of the signed range of the level of a row of scores.
    pub level_range_bits: u32,
    /// Fraction bits of gradients of scores.
    pub score_gradient_bits: u32,
    /// Fraction bits that a mean has more than what it is of.
    pub mean_bits: u32,
    /// `rho`: fraction bits of an inverse root.
    pub root_bits: u32,
    /// Fraction bits that the coefficients of a row have more than gradients.
    pub row_bits: u32,
    /// Bits of the signed range of gradients behind a norm.
    pub norm_range_bits: u32,
}

impl FunctionBits {
    /// Those of the preset `classifier`.
    pub(super) fn classifier() -> Self {
        Self {
            probability_bits: 10,
            score_bits: 8,
            exponential_bits: 17,
            level_range_bits: 17,
            score_gradient_bits: 13,
            mean_bits: 2,
            root_bits: 15,
            row_bits: 2,
            norm_range_bits: 19,
        }
    }

    /// `gradient_bits` are those of the format: probabilities of a loss have as many.
    ///
    /// # Errors
    /// [`ConfigError::BitsOutOfRange`], naming the field. Sums of rows that are off by half a unit of a score must
    /// not look alike: probabilities have at least two bits more than scores.
    pub(super) fn check(&self, gradient_bits: u32) -> Result<(), ConfigError> {
        let max_score = MAX_DECAY_BITS - 1;
        let score = self.score_bits;
        check_bits("score_bits", score, 1..=max_score)?;
        let probability = score + 2..=MAX_EXPONENTIAL_BITS;
        check_bits(
            "probability_bits",
            self.probability_bits,
            probability.clone(),
        )?;
        check_bits("gradient_bits", gradient_bits, probability)?;
        let limits = [
            ("exponential_bits", self.exponential_bits, 2..=MAX_DEPTH),
            (
                "level_range_bits",
                self.level_range_bits,
                2..=super::MAX_TABLE_BITS,
            ),
            (
                "score_gradient_bits",
                self.score_gradient_bits,
                1..=MAX_EXPONENTIAL_BITS,
            ),
            ("mean_bits", self.mean_bits, 0..=8),
            ("root_bits", self.root_bits, 1..=20),
            ("row_bits", self.row_bits, 0..=8),
            (
                "norm_range_bits",
                self.norm_range_bits,
                2..=super::MAX_TABLE_BITS,
            ),
        ];
        let mut limits = limits.into_iter();
        limits.try_for_each(|(field, bits, allowed)| check_bits(field, bits, allowed))
    }

    /// All of them, in the order of their declaration.
    pub(in crate::nn) fn numbers(&self) -> [u32; 9] {
        [
            self.probability_bits,
            self.score_bits,
            self.exponential_bits,
            self.level_range_bits,
            self.score_gradient_bits,
            self.mean_bits,
            self.root_bits,
            self.row_bits,
            self.norm_range_bits,
        ]
    }

    /// Those of these numbers.
    pub(in crate::nn) fn from_numbers(numbers: [u32; 9]) -> Self {
        let [
            probability_bits,
            score_bits,
            exponential_bits,
            level_range_bits,
            score_gradient_bits,
            mean_bits,
            root_bits,
            row_bits,
            norm_range_bits,
        ] = numbers;
        Self {
            probability_bits,
            score_bits,
            exponential_bits,
            level_range_bits,
            score_gradient_bits,
            mean_bits,
            root_bits,
            row_bits,
            norm_range_bits,
        }
    }

    /// The field of this name.
    pub(super) fn field(&mut self, name: &str) -> Option<&mut u32> {
        Some(match name {
            "probability_bits" => &mut self.probability_bits,
            "score_bits" => &mut self.score_bits,
            "exponential_bits" => &mut self.exponential_bits,
            "level_range_bits" => &mut self.level_range_bits,
            "score_gradient_bits" => &mut self.score_gradient_bits,
            "mean_bits" => &mut self.mean_bits,
            "root_bits" => &mut self.root_bits,
            "row_bits" => &mut self.row_bits,
            "norm_range_bits" => &mut self.norm_range_bits,
            _ => return None,
        })
    }
}

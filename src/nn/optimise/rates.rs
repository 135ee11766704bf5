//! The rates of steps, by integers alone.
use super::{MILLION, ONE};
use crate::error::ConfigError;

/// A fraction from 0 to 1, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Millionths(u32);

impl Millionths {
    /// So many millionths.
    ///
    /// # Errors
    /// [`ConfigError::Optimiser`] above a million.
    pub fn new(count: u64) -> Result<Self, ConfigError> {
        let fits = u32::try_from(count)
            .ok()
            .filter(|n| u128::from(*n) <= MILLION);
        fits.map(Self).ok_or_else(|| ConfigError::Optimiser {
            what: format!("{count} millionths: a fraction is at most 1"),
        })
    }

    /// How many.
    pub fn get(self) -> u64 {
        self.0.into()
    }

    /// Whether it is neither 0 nor 1.
    pub fn is_between(self) -> bool {
        self.0 > 0 && u128::from(self.0) < MILLION
    }
}

/// The rate of each step of a run, as a fraction of the largest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateSchedule {
    /// The largest rate in every step.
    #[default]
    Constant,
    /// Rises to the largest rate in a line, and falls to a fraction of it along half a cosine wave.
    Cosine {
        /// Steps that it rises.
        warmup: u64,
        /// Where it ends.
        floor: Millionths,
    },
    /// Rises to the largest rate in a line, and is multiplied by a factor again and again.
    Step {
        /// Steps that it rises.
        warmup: u64,
        /// Steps from factor to factor, at least 1.
        every: u64,
        /// The factor, between 0 and 1.
        by: Millionths,
    },
}

impl RateSchedule {
    /// Checks that its numbers say something.
    ///
    /// # Errors
    /// [`ConfigError::Optimiser`].
    pub(super) fn check(self) -> Result<(), ConfigError> {
        let refuse = |what: String| Err(ConfigError::Optimiser { what });
        match self {
            Self::Step { every: 0, .. } => {
                refuse("a factor every 0 steps: `every` is at least 1".to_owned())
            }
            Self::Step { by, .. } if !by.is_between() => refuse(format!(
                "a factor of {by}: `by` lies between 0 and 1, such as 0.5"
            )),
            _ => Ok(()),
        }
    }

    /// Equations 60 and 61. The rate of step number `step`, from 0, of `steps`, with 32 fraction bits.
    pub fn at(self, step: u64, steps: u64) -> u64 {
        let past = |warmup: u64| step.saturating_sub(warmup);
        let (warmup, rate) = match self {
            Self::Constant => return ONE,
            Self::Cosine { warmup, floor } => {
                let span = steps.saturating_sub(warmup).max(1);
                let wave = u128::from(half_wave(past(warmup).min(span), span));
                let floor = u128::from(floor.get());
                let mixed = floor * u128::from(ONE) + (MILLION - floor) * wave;
                (warmup, (mixed / MILLION) as u64)
            }
            Self::Step { warmup, every, by } => {
                let times = past(warmup).checked_div(every).unwrap_or(0);
                (warmup, power(by, times))
            }
        };
        let begun = step.saturating_add(1);
        match begun < warmup {
            true => (u128::from(rate) * u128::from(begun) / u128::from(warmup)) as u64,
            false => rate,
        }
    }
}

/// `by` to the power of `times`, with 32 fraction bits: squares and products from the highest bit of `times` down, each
/// rounded down.
fn power(by: Millionths, times: u64) -> u64 {
    let bits = (0..u64::BITS - times.leading_zeros()).rev();
    bits.fold(ONE, |power, bit| {
        let square = (u128::from(power) * u128::from(power)) >> ONE.trailing_zeros();
        let product = match times >> bit & 1 {
            0 => square,
            _ => square * u128::from(by.get()) / MILLION,
        };
        product as u64
    })
}

/// Fraction bits of angles.
const FRACTION: u32 = 62;
/// `2^62 pi`, rounded to nearest.
const PI: i128 = 14_488_038_916_154_245_685;
/// Terms of the series of the cosine: at a right angle what is left of it is below `2^-70`.
const TERMS: i128 = 12;

/// $(1 + \cos(\pi x)) / 2$ for $x$ = `past / span` from 0 to 1, with 32 fraction bits.
fn half_wave(past: u64, span: u64) -> u64 {
    let x = ((u128::from(past) << FRACTION) / u128::from(span.max(1))) as i128;
    // Of angles up to a right one; the second half of the wave is the first one's mirror image.
    let (x, falls) = match x > 1 << (FRACTION - 1) {
        true => ((1 << FRACTION) - x, true),
        false => (x, false),
    };
    let angle = (PI * x) >> FRACTION;
    let square = (angle * angle) >> FRACTION;
    let one = 1_i128 << FRACTION;
    let cosine = (1..=TERMS).rev().fold(one, |sum, n| {
        one - ((square * sum) >> FRACTION) / ((2 * n - 1) * (2 * n))
    });
    let wave = ((one + cosine) >> (FRACTION - 31)) as u64;
    if falls { ONE - wave } else { wave }
}

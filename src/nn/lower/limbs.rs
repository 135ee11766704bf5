//! How numbers are cut into limbs: no part of what is computed.

/// Longest limb that is worth a table.
const MAX_LIMB_BITS: usize = 22;
/// Shortest limb that is worth its commitment.
const MIN_LIMB_BITS: usize = 8;
/// Longest limb of a remainder that a format says nothing of.
const REMAINDER_BITS: u32 = 17;

/// How a lowering cuts numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Ranges are not cut, remainders of `w` bits into the limbs of the format.
    Format,
    /// All numbers into the limbs that make their lookups cheapest.
    Cheapest,
}

/// Widths of the limbs that make lookups of `values` numbers of `bits` bits cheapest, low to high.
///
/// Long limbs are few a value, but a table costs its length however seldom it is used.
pub fn limb_widths(bits: u32, values: usize) -> Vec<u32> {
    let bits = bits as usize;
    let width = |count: usize| bits.div_ceil(count);
    // The last limb is signed: it has a table of its own.
    let cost = |count: &usize| {
        count
            .saturating_mul(values)
            .saturating_add(2 << width(*count))
    };
    let counts = bits.div_ceil(MAX_LIMB_BITS).max(1)..=bits.div_ceil(MIN_LIMB_BITS);
    let count = counts.min_by_key(cost).unwrap_or(1);
    even(bits as u32, count as u32)
}

/// `count` limbs of as many bits each, the last one of fewer.
fn even(bits: u32, count: u32) -> Vec<u32> {
    let width = bits.div_ceil(count);
    let mut widths = vec![width; count as usize];
    if let Some(last) = widths.last_mut() {
        *last = bits - width * (count - 1);
    }
    widths
}

/// Limbs of a remainder of `bits` bits, as few as fit tables of a usual size.
pub(super) fn remainder_widths(bits: u32) -> Vec<u32> {
    even(bits, bits.div_ceil(REMAINDER_BITS).max(1))
}

/// One limb of a value: low limbs unsigned, the top one signed.
#[derive(Clone, Copy)]
pub(super) struct Limb {
    shift: u32,
    mask: i64,
}

impl Limb {
    /// All limbs, low to high.
    pub(super) fn all(widths: &[u32]) -> impl Iterator<Item = Self> + use<'_> {
        let mut shift = 0;
        (1..).zip(widths).map(move |(count, width)| {
            let mask = match count == widths.len() {
                true => -1,
                false => (1 << width) - 1,
            };
            let limb = Self { shift, mask };
            shift += width;
            limb
        })
    }

    pub(super) fn of(self, value: i64) -> i64 {
        (value >> self.shift) & self.mask
    }
}

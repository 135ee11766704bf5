//! Exponentials, tabulated by a rule.
use super::{
    LookupTable,
    listed::{Columns, Rule},
    none,
};
use crate::{
    error::ConfigError,
    gkr::function::{MAX_DECAY_BITS, MAX_DEPTH, MAX_EXPONENTIAL_BITS},
    poly::{WideField, int},
};
use std::sync::{Arc, OnceLock};

/// The tuples `(1, d, E(d), E(d - 1) - E(d))` for `0 <= d < 2^bits - 1`, and padding, all zero: $E(d) = 2^p
/// \exp(-d 2^{-\sigma})$, rounded to nearest.
///
/// The first component is a flag, as that of [`Activation`](super::Activation): without it `(0, 0, 0)` would be a
/// second image of `d = 0`, and a flat row of scores could be made one of a single one. `d` is at the index `d + 1`.
#[derive(Clone)]
pub struct Exponential {
    bits: u32,
    p: u32,
    sigma: u32,
    columns: OnceLock<Arc<Columns>>,
}

impl Exponential {
    /// The table for $2^{bits} - 1$ arguments of $\sigma$ fraction bits, and values of $p$ fraction bits.
    ///
    /// # Errors
    /// Unless $1 \le$ `bits` $\le 18$, $p \le 24$ and $\sigma \le 13$.
    pub fn new(bits: u32, p: u32, sigma: u32) -> Result<Self, ConfigError> {
        let limits = [
            ("the argument of an exponential", bits, 1, MAX_DEPTH),
            ("the value of an exponential", p, 0, MAX_EXPONENTIAL_BITS),
            ("the fraction of a score", sigma, 0, MAX_DECAY_BITS),
        ];
        for (field, bits, min, max) in limits {
            if !(min..=max).contains(&bits) {
                return Err(ConfigError::BitsOutOfRange {
                    field,
                    bits,
                    min,
                    max,
                });
            }
        }
        Ok(Self {
            bits,
            p,
            sigma,
            columns: OnceLock::new(),
        })
    }

    fn columns(&self) -> &Columns {
        let rule = Rule::Decay {
            bits: self.bits,
            p: self.p,
            sigma: self.sigma,
        };
        self.columns.get_or_init(|| rule.columns())
    }
}

impl<F: WideField> LookupTable<F> for Exponential {
    fn id(&self) -> Vec<u8> {
        let mut id = b"exponential/".to_vec();
        let numbers = [self.bits, self.p, self.sigma].map(u64::from);
        id.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        id
    }

    fn num_vars(&self) -> usize {
        self.bits as usize
    }

    fn arity(&self) -> usize {
        4
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        let columns = self.columns();
        tuple[0] = (index > 0) as i64;
        tuple[1] = index.saturating_sub(1) as i64;
        tuple[2] = columns.values[index];
        tuple[3] = columns.slopes[index];
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let [live, d, images @ ..] = tuple else {
            return None;
        };
        let index = match (live, d) {
            (0, 0) => 0,
            (1, d) => usize::try_from(*d).ok()?.checked_add(1)?,
            _ => return None,
        };
        let columns = self.columns();
        let here = [columns.values.get(index)?, columns.slopes.get(index)?];
        (images == here.map(|x| *x)).then_some(index)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        let columns = self.columns();
        let none = none(point);
        vec![
            F::ONE - none,
            super::binary(point) - F::ONE + none,
            int::evaluate(&columns.values, point),
            int::evaluate(&columns.slopes, point),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gkr::{function::exponential, table::tests::is_its_extension};
    use ark_bls12_381::Fr;
    use sha2::{Digest, Sha256};

    fn table(bits: u32, p: u32, sigma: u32) -> Box<dyn LookupTable<Fr>> {
        Box::new(Exponential::new(bits, p, sigma).unwrap())
    }

    #[test]
    fn its_extension_is_that_of_the_entries() {
        for (bits, p, sigma) in [(1, 0, 0), (2, 3, 1), (9, 10, 8), (13, 24, 13)] {
            is_its_extension(&*table(bits, p, sigma));
        }
    }

    /// A constant of the protocol: SHA-256 of the entries, number by number, of 64 bits each.
    #[test]
    fn digests_are_those_of_the_notes() {
        let notes = include_str!("../../../paper-notes.md");
        for ([bits, p, sigma], expected) in [
            (
                [17, 10, 8],
                "8ae7f9bb5d78f5b3570e06c22e273754188fe8ddcc22170e3eec3d270aee5f16",
            ),
            (
                [17, 12, 8],
                "9788af3ea954ff676ed9f65549e1c8a30b8bc1685a73383c0345cb97f9b8637d",
            ),
        ] {
            let (table, mut hash, mut tuple) = (table(bits, p, sigma), Sha256::new(), [0; 4]);
            for index in 0..1 << bits {
                table.entry(index, &mut tuple);
                tuple.iter().for_each(|x| hash.update(x.to_le_bytes()));
            }
            assert_eq!(hex::encode(hash.finalize()), expected, "{bits} {p} {sigma}");
            let row = format!("| {bits} | {p} | {sigma} | `{expected}` |");
            assert!(notes.contains(&row), "{row}");
        }
    }

    /// A function of `d` on live tuples, and no image of padding.
    #[test]
    fn other_tuples_have_no_index() {
        let table = table(5, 7, 2);
        for d in -2..33 {
            let inside = (0..31).contains(&d);
            let value = exponential(d.max(-1), 7, 2).unwrap();
            let step = exponential((d - 1).max(-1), 7, 2).unwrap() - value;
            assert_eq!(table.index(&[1, d, value, step]).is_some(), inside);
            for tuple in [
                [1, d, value + 1, step],
                [1, d, value, step + 1],
                [1, d, value - 1, step + 1],
                [0, d, value, step],
                [2, d, value, step],
                [-1, d, value, step],
            ] {
                let padding = tuple == [0; 4];
                assert_eq!(table.index(&tuple).is_some(), padding, "{tuple:?}");
            }
            assert_eq!(table.index(&[0, d, 0, 0]).is_some(), d == 0);
        }
        for tuple in [[1, 0, 0, 0], [1, i64::MAX, 0, 0], [1, i64::MIN, 0, 0]] {
            assert_eq!(table.index(&tuple), None);
        }
        assert_eq!(table.index(&[1, 0, 128]), None);
        assert_eq!(table.index(&[]), None);
    }

    /// The sum of a row never grows with its level, and the step back is what it grows by.
    #[test]
    fn values_fall() {
        for (p, sigma) in [(10, 8), (12, 8), (24, 12), (3, 0)] {
            let (table, mut tuple, mut last) = (table(12, p, sigma), [0; 4], i64::MAX);
            for index in 1..1 << 12 {
                table.entry(index, &mut tuple);
                assert!(tuple[2] >= 0 && tuple[3] >= 0 && tuple[2] <= last);
                last = tuple[2];
            }
        }
    }

    #[test]
    fn limits_are_named() {
        for (bits, p, sigma, wrong) in [
            (0, 10, 8, "the argument of an exponential"),
            (19, 10, 8, "the argument of an exponential"),
            (17, 25, 8, "the value of an exponential"),
            (17, 10, 14, "the fraction of a score"),
        ] {
            match Exponential::new(bits, p, sigma).map(|_| ()) {
                Err(ConfigError::BitsOutOfRange { field, .. }) => assert_eq!(field, wrong),
                other => panic!("{other:?}"),
            }
        }
    }
}

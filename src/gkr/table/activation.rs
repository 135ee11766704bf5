//! Tables of smooth functions, tabulated by a rule.
use super::{
    Gated, LookupTable,
    listed::{Columns, Rule},
};
use crate::{
    error::ConfigError,
    gkr::function::{Function, MAX_KEY_BITS, MAX_SLOPE_BITS, MAX_VALUE_BITS},
    poly::{WideField, int},
};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// The tuples `(1, y, f)`, or with the slope `(1, y, f, f')`, for all `|y| < 2^(bits-1)`, and padding, all
/// zero: `f` of [`Function`] at `y 2^-s`, times `2^s`, and its derivative, times `2^phi`.
///
/// The first component is a flag, which a relation gives as a public tensor: one on real entries, zero on padding.
/// Without it padding would be a second image of the key 0, and the slope of GELU at 0, which is 1/2, would be
/// the prover's choice of two. With it the table is a function on real entries, and padding has no image but
/// zeros. Keys are in two's-complement order, as in [`Gated`]: key 0 is at the index of `-2^(bits-1)`.
///
/// Values are made when they are first used, in `O(2^bits)`; the tables used last are kept for the whole
/// process. An extension is evaluated in `2^bits` multiplications by small integers for each of `f` and
/// `f'`, and in closed form for flag and key.
#[derive(Clone)]
pub struct Activation {
    function: Function,
    bits: u32,
    s: u32,
    /// If there is a slope.
    phi: Option<u32>,
    columns: OnceLock<Arc<Columns>>,
}

impl Activation {
    /// The table of a function for keys of `bits` bits with the sign, arguments and values of `s` fraction
    /// bits, and slopes, if there are any, of `phi` fraction bits.
    ///
    /// # Errors
    /// Unless $1 \le$ `bits` $\le 18$, `s` $\le 12$ and `phi` $\le 17$.
    pub fn new(
        function: Function,
        bits: u32,
        s: u32,
        phi: Option<u32>,
    ) -> Result<Self, ConfigError> {
        let limits = [
            ("the key of a tabulated function", bits, 1, MAX_KEY_BITS),
            ("the fraction of a tabulated function", s, 0, MAX_VALUE_BITS),
            (
                "the fraction of a tabulated slope",
                phi.unwrap_or(0),
                0,
                MAX_SLOPE_BITS,
            ),
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
            function,
            bits,
            s,
            phi,
            columns: OnceLock::new(),
        })
    }

    fn columns(&self) -> &Columns {
        let rule = Rule::Function {
            function: self.function,
            bits: self.bits,
            s: self.s,
            phi: self.phi,
        };
        self.columns.get_or_init(|| rule.columns())
    }

    fn keys(&self) -> Gated {
        let bits = self.bits as usize;
        Gated { bits }
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            function,
            bits,
            s,
            phi,
            ..
        } = self;
        write!(f, "Activation({function:?}, {bits}, {s}, {phi:?})")
    }
}

impl<F: WideField> LookupTable<F> for Activation {
    fn id(&self) -> Vec<u8> {
        let numbers = [Some(self.bits), Some(self.s), self.phi];
        let numbers = numbers.into_iter().flatten();
        let mut id = [self.function.name().as_bytes(), b"/"].concat();
        id.extend(numbers.flat_map(|number| u64::from(number).to_le_bytes()));
        id
    }

    fn num_vars(&self) -> usize {
        self.bits as usize
    }

    fn arity(&self) -> usize {
        if self.phi.is_some() { 4 } else { 3 }
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        let columns = self.columns();
        tuple[0] = (index > 0) as i64;
        tuple[1] = self.keys().value(index);
        tuple[2] = columns.values[index];
        if let Some(slope) = columns.slopes.get(index) {
            tuple[3] = *slope;
        }
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let [live, key, images @ ..] = tuple else {
            return None;
        };
        let index = self.keys().position(*key, *live)?;
        let columns = self.columns();
        let value = columns.values.get(index)?;
        let found = match columns.slopes.get(index) {
            Some(slope) => images == [*value, *slope],
            None => images == [*value],
        };
        found.then_some(index)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        let columns = self.columns();
        let [key, live] = self.keys().extensions(point);
        let mut evals = vec![live, key, int::evaluate(&columns.values, point)];
        if self.phi.is_some() {
            evals.push(int::evaluate(&columns.slopes, point));
        }
        evals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use sha2::{Digest, Sha256};

    /// Bits of the key, `s` and `phi` of the formats.
    const FORMATS: [[u32; 3]; 4] = [[14, 8, 12], [17, 8, 5], [17, 10, 5], [17, 8, 17]];

    /// A constant of the protocol: for each format SHA-256 of the entries of all functions, number by
    /// number, of 64 bits each. Whoever changes a rule sees it here.
    const DIGESTS: [&str; 4] = [
        "1d1c993b554643fbb5f5c0f53e96bbd8927e7dd31069595ecbda2423a28afbe4",
        "ce6766f4c1765dea6e856ec04813a66a6547c90730db31a3f41b9942eb5332bf",
        "6bc7cd40fa7cd4f9705396f96c94062bd395ac2755b6dcd395b444052bea8074",
        "78dd8780b9f808f0532fa4ccfd527ea2f8b2a2fbdfbe8885c5e549b8ff9f1a69",
    ];

    fn table(function: Function, bits: u32, s: u32, phi: Option<u32>) -> Box<dyn LookupTable<Fr>> {
        Box::new(Activation::new(function, bits, s, phi).unwrap())
    }

    #[test]
    fn digests_are_those_of_the_notes() {
        let notes = include_str!("../../../paper-notes.md");
        for ([bits, s, phi], expected) in FORMATS.into_iter().zip(DIGESTS) {
            let mut hash = Sha256::new();
            for function in Function::ALL {
                let (table, mut tuple) = (table(function, bits, s, Some(phi)), [0; 4]);
                for index in 0..1 << bits {
                    table.entry(index, &mut tuple);
                    for number in tuple {
                        hash.update(number.to_le_bytes());
                    }
                }
            }
            assert_eq!(hex::encode(hash.finalize()), expected, "{bits} {s} {phi}");
            let row = format!("| {bits} | {s} | {phi} | `{expected}` |");
            assert!(notes.contains(&row), "{row}");
        }
    }

    /// A table is a function on live tuples: no other image of any key, and none of padding.
    #[test]
    fn other_tuples_have_no_index() {
        for (function, bits) in Function::ALL
            .into_iter()
            .flat_map(|f| [(f, 1), (f, 2), (f, 9)])
        {
            let full = table(function, bits, 4, Some(7));
            let short = table(function, bits, 4, None);
            let half = 1i64 << (bits - 1);
            for key in -half - 2..half + 3 {
                let inside = key.abs() < half;
                let (f, slope) = function.at(key, 4, 7).unwrap();
                assert_eq!(full.index(&[1, key, f, slope]).is_some(), inside);
                assert_eq!(short.index(&[1, key, f]).is_some(), inside);
                for tuple in [
                    [1, key, f + 1, slope],
                    [1, key, f, slope + 1],
                    [1, key, f - 1, slope - 1],
                    [2, key, f, slope],
                    [-1, key, f, slope],
                ] {
                    assert_eq!(full.index(&tuple), None, "{function:?} {tuple:?}");
                }
                for live in [0, 2] {
                    let padding = [live, key, f] == [0; 3];
                    assert_eq!(short.index(&[live, key, f]).is_some(), padding);
                    let padding = padding && slope == 0;
                    assert_eq!(full.index(&[live, key, f, slope]).is_some(), padding);
                }
                assert_eq!(short.index(&[1, key, f, slope]), None);
                assert_eq!(full.index(&[1, key, f]), None);
            }
            for tuple in [
                [0, 0, 0, 1 << 6],
                [0, 0, 1, 0],
                [0, 1, 0, 0],
                [1, i64::MIN, 0, 0],
                [1, i64::MAX, 0, 0],
            ] {
                assert_eq!(full.index(&tuple), None, "{function:?} {tuple:?}");
                assert_eq!(full.index(&tuple[..1]), None);
            }
            assert_eq!(full.index(&[]), None);
            assert_eq!(full.index(&[0; 5]), None);
        }
    }

    #[test]
    fn limits_are_named() {
        let error = |bits, s, phi| Activation::new(Function::Gelu, bits, s, phi).unwrap_err();
        for (result, field, bits, min, max) in [
            (
                error(0, 8, None),
                "the key of a tabulated function",
                0,
                1,
                18,
            ),
            (
                error(19, 8, None),
                "the key of a tabulated function",
                19,
                1,
                18,
            ),
            (
                error(17, 13, None),
                "the fraction of a tabulated function",
                13,
                0,
                12,
            ),
            (
                error(17, 8, Some(18)),
                "the fraction of a tabulated slope",
                18,
                0,
                17,
            ),
            (
                error(u32::MAX, 99, Some(99)),
                "the key of a tabulated function",
                u32::MAX,
                1,
                18,
            ),
        ] {
            let expected = ConfigError::BitsOutOfRange {
                field,
                bits,
                min,
                max,
            };
            assert_eq!(result, expected);
        }
        assert!(Activation::new(Function::Tanh, 18, 12, Some(17)).is_ok());
    }
}

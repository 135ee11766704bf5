//! Which one of several is chosen: bits, and bits of a maximum.
use super::{LookupTable, binary, id, none};
use ark_ff::PrimeField;

/// The pairs `(0, 0)`, `(1, 0)` and `(1, 1)`: bits, and padding that is zero.
///
/// The first component is a flag, public. At the index 2 is `(0, 0)` once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bit;

/// The tuples `(1, 0, 1)`, `(1, u, 0)` for `0 <= u < 2^bits - 2`, and padding, all zero.
///
/// What is chosen lacks nothing of the maximum, and all else lacks `u`. Where each later entry must also be no
/// more than it, each earlier one less, one choice is left. The first component is a flag, public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Maximum {
    /// `log2` of the number of tuples, from 1 to 32.
    pub bits: usize,
}

impl<F: PrimeField> LookupTable<F> for Bit {
    fn id(&self) -> Vec<u8> {
        b"bit/".to_vec()
    }

    fn num_vars(&self) -> usize {
        2
    }

    fn arity(&self) -> usize {
        2
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        tuple[0] = (index & 1) as i64;
        tuple[1] = (index == 3) as i64;
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        match tuple {
            [0, 0] => Some(0),
            [1, 0] => Some(1),
            [1, 1] => Some(3),
            _ => None,
        }
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        match point {
            [low, high] => vec![*low, *low * high],
            _ => vec![F::ZERO; 2],
        }
    }
}

impl<F: PrimeField> LookupTable<F> for Maximum {
    fn id(&self) -> Vec<u8> {
        id(b"maximum", self.bits)
    }

    fn num_vars(&self) -> usize {
        self.bits
    }

    fn arity(&self) -> usize {
        3
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        tuple[0] = (index > 0) as i64;
        tuple[1] = index.saturating_sub(2) as i64;
        tuple[2] = (index == 1) as i64;
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        match tuple {
            [0, 0, 0] => Some(0),
            [1, 0, 1] => Some(1),
            [1, lack, 0] => {
                let index = usize::try_from(*lack).ok()?.checked_add(2)?;
                (index >> self.bits == 0).then_some(index)
            }
            _ => None,
        }
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        let none = none(point);
        // One at the index 1.
        let first = match point.split_first() {
            Some((low, rest)) => *low * rest.iter().map(|x| F::ONE - x).product::<F>(),
            None => F::ZERO,
        };
        let lack = binary(point) - F::from(2u64) + none.double() + first;
        vec![F::ONE - none, lack, first]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gkr::table::tests::is_its_extension;
    use ark_bls12_381::Fr;

    #[test]
    fn extensions_are_those_of_the_entries() {
        is_its_extension(&Bit);
        (1..9).for_each(|bits| is_its_extension(&Maximum { bits }));
    }

    #[test]
    fn other_tuples_have_no_index() {
        let bit: &dyn LookupTable<Fr> = &Bit;
        for live in -2..4 {
            for value in -3..4 {
                let inside = [(0, 0), (1, 0), (1, 1)].contains(&(live, value));
                assert_eq!(bit.index(&[live, value]).is_some(), inside);
            }
        }
        assert_eq!(bit.index(&[1]), None);
        let maximum: &dyn LookupTable<Fr> = &Maximum { bits: 4 };
        for live in -1..3 {
            for lack in [i64::MIN, -2, -1, 0, 1, 13, 14, 15, i64::MAX] {
                for chosen in -1..3 {
                    let inside = match (live, chosen) {
                        (0, 0) | (1, 1) => lack == 0,
                        (1, 0) => (0..14).contains(&lack),
                        _ => false,
                    };
                    let found = maximum.index(&[live, lack, chosen]);
                    assert_eq!(found.is_some(), inside, "{live} {lack} {chosen}");
                }
            }
        }
        assert_eq!(maximum.index(&[]), None);
    }
}

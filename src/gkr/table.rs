//! Lookup tables: which tuples of small integers are allowed.
//!
//! A table has `2^n` entries, each a tuple of `arity` integers; the entry at index `y` is at the
//! point `y` of the cube. Nobody commits to a table: the verifier evaluates the multilinear
//! extensions of its component columns, in closed form or, where a table is small, entry by entry.
//! Whatever can be evaluated in this way can be a table: implement [`LookupTable`] for it.
mod activation;
mod choice;
mod exponential;
mod listed;

pub use activation::Activation;
pub use choice::{Bit, Maximum};
pub use exponential::Exponential;

use ark_ff::PrimeField;

/// A set of tuples whose components have extensions that a verifier evaluates.
pub trait LookupTable<F: PrimeField>: Send + Sync {
    /// Canonical encoding of what the table is, part of every statement: two tables have the same
    /// bytes only if they have the same entries in the same order.
    fn id(&self) -> Vec<u8>;

    /// `n`, for `2^n` entries.
    fn num_vars(&self) -> usize;

    /// Number of components of an entry, at least 1.
    fn arity(&self) -> usize;

    /// Writes the entry at `index < 2^n` to `tuple`, which has `arity` components. The entry at
    /// index 0 is all zero, so that padding is in every table.
    fn entry(&self, index: usize, tuple: &mut [i64]);

    /// An index at which `tuple` stands, if it is in the table.
    fn index(&self, tuple: &[i64]) -> Option<usize>;

    /// The multilinear extensions of the `arity` component columns at a point of `n` coordinates,
    /// in `O(n)` operations, or in `2^n` multiplications by small integers where entries follow no
    /// closed form.
    fn evaluate(&self, point: &[F]) -> Vec<F>;
}

/// The integers `0 .. 2^bits`; at most 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsigned {
    /// Width.
    pub bits: usize,
}

/// The integers `-2^(bits-1) .. 2^(bits-1)` in two's-complement order, so that index 0 is 0; at
/// most 32 bits, and only 0 where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signed {
    /// Width, with the sign.
    pub bits: usize,
}

/// The pairs `(y, [y > 0])` for all `y` of [`Signed`]: the sign bit of a rectifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Relu {
    /// Width of `y`, with the sign.
    pub bits: usize,
}

/// The pairs `(v, [v < 0])` for all `v` of [`Signed`]: what a rectifier takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Negative {
    /// Width of `v`, with the sign.
    pub bits: usize,
}

/// The pairs `(v, g)` with `|v| < 2^(bits-1)` and `g = 1`, and `(0, 0)`: a gate that is zero forces the
/// value to zero. The value `-2^(bits-1)` of [`Signed`] is missing, and `(0, 1)` is in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gated {
    /// Width of `v`, with the sign.
    pub bits: usize,
}

fn id(kind: &[u8], bits: usize) -> Vec<u8> {
    [kind, b"/", &(bits as u64).to_le_bytes()].concat()
}

/// One at index 0, else zero.
fn none<F: PrimeField>(digits: &[F]) -> F {
    digits.iter().map(|x| F::ONE - x).product()
}

/// `sum_k 2^k x_k`.
fn binary<F: PrimeField>(digits: &[F]) -> F {
    digits.iter().rev().fold(F::ZERO, |sum, x| sum.double() + x)
}

/// The two's-complement number with these digits.
fn twos_complement<F: PrimeField>(digits: &[F]) -> F {
    let Some((sign, low)) = digits.split_last() else {
        return F::ZERO;
    };
    let weight = F::from(2u64).pow([low.len() as u64]);
    binary(low) - weight * sign
}

impl<F: PrimeField> LookupTable<F> for Unsigned {
    fn id(&self) -> Vec<u8> {
        id(b"unsigned", self.bits)
    }

    fn num_vars(&self) -> usize {
        self.bits
    }

    fn arity(&self) -> usize {
        1
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        tuple[0] = index as i64;
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let index = usize::try_from(*tuple.first()?).ok()?;
        (index >> self.bits == 0).then_some(index)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        vec![binary(point)]
    }
}

impl Signed {
    fn value(self, index: usize) -> i64 {
        let (value, end) = (index as i64, 1i64 << self.bits);
        if value < (end + 1) / 2 {
            value
        } else {
            value - end
        }
    }

    fn position(self, value: i64) -> Option<usize> {
        let end = 1i64 << self.bits;
        (-(end / 2)..(end + 1) / 2)
            .contains(&value)
            .then_some((value & (end - 1)) as usize)
    }
}

impl<F: PrimeField> LookupTable<F> for Signed {
    fn id(&self) -> Vec<u8> {
        id(b"signed", self.bits)
    }

    fn num_vars(&self) -> usize {
        self.bits
    }

    fn arity(&self) -> usize {
        1
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        tuple[0] = self.value(index);
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        self.position(*tuple.first()?)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        vec![twos_complement(point)]
    }
}

impl<F: PrimeField> LookupTable<F> for Relu {
    fn id(&self) -> Vec<u8> {
        id(b"relu", self.bits)
    }

    fn num_vars(&self) -> usize {
        self.bits
    }

    fn arity(&self) -> usize {
        2
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        let value = Signed { bits: self.bits }.value(index);
        tuple[0] = value;
        tuple[1] = (value > 0) as i64;
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let [value, positive] = tuple else {
            return None;
        };
        let index = Signed { bits: self.bits }.position(*value)?;
        (*positive == (*value > 0) as i64).then_some(index)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        // Positive: the sign digit is 0 and some other digit is 1.
        let positive = point.split_last().map_or(F::ZERO, |(sign, low)| {
            (F::ONE - sign) * (F::ONE - none(low))
        });
        vec![twos_complement(point), positive]
    }
}

impl<F: PrimeField> LookupTable<F> for Negative {
    fn id(&self) -> Vec<u8> {
        id(b"negative", self.bits)
    }

    fn num_vars(&self) -> usize {
        self.bits
    }

    fn arity(&self) -> usize {
        2
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        let value = Signed { bits: self.bits }.value(index);
        tuple[0] = value;
        tuple[1] = (value < 0) as i64;
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let [value, negative] = tuple else {
            return None;
        };
        let index = Signed { bits: self.bits }.position(*value)?;
        (*negative == (*value < 0) as i64).then_some(index)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        // Negative: the sign digit is 1.
        let sign = point.last().copied().unwrap_or_default();
        vec![twos_complement(point), sign]
    }
}

impl Gated {
    /// Where `(0, 1)` is: behind all positive values.
    fn middle(self) -> usize {
        (1 << self.bits) / 2
    }

    fn value(self, index: usize) -> i64 {
        match index == self.middle() {
            true => 0,
            false => Signed { bits: self.bits }.value(index),
        }
    }

    fn position(self, value: i64, gate: i64) -> Option<usize> {
        match (value, gate) {
            (0, 0) => Some(0),
            (0, 1) => Some(self.middle()).filter(|index| *index > 0),
            (value, 1) => {
                let index = Signed { bits: self.bits }.position(value)?;
                (index != self.middle()).then_some(index)
            }
            _ => None,
        }
    }

    /// Of values and gates.
    fn extensions<F: PrimeField>(self, point: &[F]) -> [F; 2] {
        let lifted = point.split_last().map_or(F::ZERO, |(sign, low)| {
            F::from(2u64).pow([low.len() as u64]) * sign * none(low)
        });
        [twos_complement(point) + lifted, F::ONE - none(point)]
    }
}

impl<F: PrimeField> LookupTable<F> for Gated {
    fn id(&self) -> Vec<u8> {
        id(b"gated", self.bits)
    }

    fn num_vars(&self) -> usize {
        self.bits
    }

    fn arity(&self) -> usize {
        2
    }

    fn entry(&self, index: usize, tuple: &mut [i64]) {
        tuple[0] = self.value(index);
        tuple[1] = (index > 0) as i64;
    }

    fn index(&self, tuple: &[i64]) -> Option<usize> {
        let [value, gate] = *tuple else {
            return None;
        };
        self.position(value, gate)
    }

    fn evaluate(&self, point: &[F]) -> Vec<F> {
        self.extensions(point).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gkr::Function, poly};
    use ark_bls12_381::Fr;
    use ark_ff::UniformRand;
    use ark_std::test_rng;

    fn tables(bits: usize) -> Vec<Box<dyn LookupTable<Fr>>> {
        vec![
            Box::new(Unsigned { bits }),
            Box::new(Signed { bits }),
            Box::new(Relu { bits }),
            Box::new(Negative { bits }),
            Box::new(Gated { bits }),
        ]
    }

    fn activations(bits: u32) -> Vec<Box<dyn LookupTable<Fr>>> {
        let mut tables: Vec<Box<dyn LookupTable<Fr>>> = Vec::new();
        let fractions = [(3, None), (3, Some(0)), (0, Some(3)), (3, Some(3))];
        for (function, (s, phi)) in Function::ALL
            .into_iter()
            .flat_map(|function| fractions.map(|fraction| (function, fraction)))
        {
            tables.push(Box::new(Activation::new(function, bits, s, phi).unwrap()));
        }
        tables
    }

    /// A table evaluates the extension of its entries, and finds each of them.
    pub(super) fn is_its_extension(table: &dyn LookupTable<Fr>) {
        let rng = &mut test_rng();
        let n = table.num_vars();
        let mut columns = vec![Vec::new(); table.arity()];
        for index in 0..1 << n {
            let mut tuple = vec![7; table.arity()];
            table.entry(index, &mut tuple);
            let mut found = vec![7; table.arity()];
            table.entry(table.index(&tuple).unwrap(), &mut found);
            assert_eq!(found, tuple);
            assert!(index > 0 || tuple.iter().all(|v| *v == 0));
            for (column, v) in columns.iter_mut().zip(tuple) {
                column.push(Fr::from(v));
            }
        }
        let point: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
        let expected: Vec<Fr> = columns.iter().map(|c| poly::evaluate(c, &point)).collect();
        assert_eq!(table.evaluate(&point), expected);
    }

    #[test]
    fn closed_forms_are_the_extensions_of_the_entries() {
        for table in (0..8).flat_map(tables).chain((1..8).flat_map(activations)) {
            is_its_extension(&*table);
        }
    }

    #[test]
    fn other_tuples_have_no_index() {
        for bits in 0..33 {
            let end = 1i64 << bits;
            let half = (end + 1) / 2;
            let [unsigned, signed, relu, negative, gated] = &tables(bits)[..] else {
                unreachable!()
            };
            for v in [end, end + 1, -1, i64::MIN, i64::MAX] {
                assert_eq!(unsigned.index(&[v]), None);
            }
            for v in [half, -(end / 2) - 1, i64::MIN, i64::MAX] {
                assert_eq!(signed.index(&[v]), None);
                assert_eq!(relu.index(&[v, 0]), None);
                assert_eq!(relu.index(&[v, 1]), None);
                assert_eq!(negative.index(&[v, 0]), None);
                assert_eq!(negative.index(&[v, 1]), None);
            }
            for tuple in [
                [0, 1],
                [half - 1, 1],
                [-1, 0],
                [-(end / 2), i64::from(bits == 0)],
                [-1, 2],
            ] {
                assert_eq!(negative.index(&tuple), None);
            }
            for tuple in [
                [0, 1],
                [-1, 1],
                [half - 1, (half == 1) as i64],
                [0, 2],
                [0, -1],
            ] {
                assert_eq!(relu.index(&tuple), None);
            }
            for v in [half, -half, -(end / 2), i64::MIN, i64::MAX] {
                for gate in [0, 1] {
                    let nothing = [v, gate] == [0, 0] || ([v, gate] == [0, 1] && bits > 0);
                    assert!(nothing || gated.index(&[v, gate]).is_none());
                }
            }
            for tuple in [[1, 0], [-1, 0], [0, 2], [0, -1]] {
                assert_eq!(gated.index(&tuple), None);
            }
            for table in [unsigned, signed, relu, negative, gated] {
                assert_eq!(table.index(&[]), None);
            }
        }
    }

    #[test]
    fn ids_tell_tables_apart() {
        let tables = (0..33)
            .flat_map(tables)
            .chain((1..=18).flat_map(activations))
            .chain((1..33).map(|bits| -> Box<dyn LookupTable<Fr>> { Box::new(Maximum { bits }) }))
            .chain([Box::new(Bit) as Box<dyn LookupTable<Fr>>])
            .chain((1..=18).flat_map(|bits| {
                let formats = [(10, 8), (8, 10), (12, 8)].into_iter();
                formats.map(move |(p, sigma)| -> Box<dyn LookupTable<Fr>> {
                    Box::new(Exponential::new(bits, p, sigma).unwrap())
                })
            }));
        let mut ids: Vec<Vec<u8>> = tables.map(|t| t.id()).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

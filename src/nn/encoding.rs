//! Canonical encoding of public data for statements and identities: fixed-width little-endian
//! integers, and byte strings behind their length. Two different values never have one encoding,
//! and one value never has two.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
use super::{FixedPoint, FixedPointConfig, FunctionBits};
use crate::error::DecodeError;

/// Writes an encoding.
#[derive(Debug, Clone, Default)]
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// Starts an encoding of a kind of thing, named with its version.
    pub fn new(kind: &str) -> Self {
        Self::default().string(kind)
    }

    /// A number.
    pub fn number(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A number that counts something in memory.
    pub fn count(self, value: usize) -> Self {
        self.number(value as u64)
    }

    /// Numbers, behind their count.
    pub fn numbers(self, values: impl ExactSizeIterator<Item = u64>) -> Self {
        let start = self.count(values.len());
        values.fold(start, Self::number)
    }

    /// Bytes, behind their length.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let mut this = self.count(bytes.len());
        this.0.extend_from_slice(bytes);
        this
    }

    /// Text, as UTF-8 behind its length in bytes.
    pub fn string(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// A hash.
    pub fn hash(mut self, hash: &[u8; 32]) -> Self {
        self.0.extend_from_slice(hash);
        self
    }

    /// Yes or no.
    pub fn flag(self, flag: bool) -> Self {
        self.number(u64::from(flag))
    }

    /// The encoding.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads an encoding, strictly: what decodes is what [`Encoder`] writes. Allocates no more than
/// the bytes that are there.
#[derive(Debug, Clone)]
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// Starts reading an encoding of this kind of thing and version.
    ///
    /// # Errors
    /// [`DecodeError::Kind`], [`DecodeError::Version`].
    pub fn new(kind: &'static str, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut this = Self(bytes);
        let found = this.bytes("kind").unwrap_or_default();
        if found == kind.as_bytes() {
            return Ok(this);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(80).collect();
        let found: String = text(found);
        let parts = |text: &str| {
            let (version, name) = text.strip_prefix("zktree/v")?.split_once('/')?;
            Some((version.parse::<u64>().ok()?, name.to_owned()))
        };
        match (parts(kind), parts(&found)) {
            (Some((_, name)), Some((version, other))) if name == other => {
                Err(DecodeError::Version { kind, version })
            }
            _ => Err(DecodeError::Kind {
                expected: kind,
                found,
            }),
        }
    }

    /// Starts reading fields without a kind.
    pub(crate) fn headless(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        let cut = DecodeError::Truncated { field };
        let (head, rest) = self.0.split_at_checked(count).ok_or(cut)?;
        self.0 = rest;
        Ok(head)
    }

    /// Bytes of a fixed number.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], as of all readers.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(field, N)?;
        bytes
            .try_into()
            .map_err(|_| DecodeError::Truncated { field })
    }

    /// A hash.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn hash(&mut self, field: &'static str) -> Result<[u8; 32], DecodeError> {
        self.array(field)
    }

    /// A number.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn number(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A number that counts something in memory.
    ///
    /// # Errors
    /// If it does not fit there.
    pub fn count(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let number = self.number(field)?;
        usize::try_from(number).map_err(|error| DecodeError::value(field, error))
    }

    /// Numbers, behind their count.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn numbers(&mut self, field: &'static str) -> Result<Vec<u64>, DecodeError> {
        let len = self.count(field)?.checked_mul(8);
        let bytes = self.take(field, len.ok_or(DecodeError::Truncated { field })?)?;
        let numbers = bytes.chunks_exact(8);
        Ok(numbers
            .map(|b| u64::from_le_bytes(b.try_into().unwrap_or_default()))
            .collect())
    }

    /// Bytes, behind their length.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.count(field)?;
        self.take(field, len)
    }

    /// Text, as UTF-8 behind its length in bytes.
    ///
    /// # Errors
    /// If it is no UTF-8.
    pub fn string(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|error| DecodeError::value(field, error))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// If it is neither.
    pub fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        match self.number(field)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::value(field, format!("{other} is no flag"))),
        }
    }

    /// Ends the encoding.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }
}

const FIXED_POINT: &str = "zktree/v1/fixed-point";

/// The canonical encoding of a fixed-point configuration with its limb plan.
pub(crate) fn encode_fixed_point(fixed: &FixedPoint) -> Vec<u8> {
    let config = fixed.config();
    let numbers = [
        config.activation_bits,
        config.gradient_bits,
        config.weight_bits,
        config.hidden_range_bits,
        config.output_range_bits,
        config.gradient_range_bits,
        config.data_range_bits,
    ];
    let functions = config.functions.iter().flat_map(FunctionBits::numbers);
    let numbers: Vec<u64> = numbers
        .into_iter()
        .chain(functions)
        .map(u64::from)
        .collect();
    Encoder::new(FIXED_POINT)
        .numbers(numbers.into_iter())
        .numbers(fixed.limbs().iter().copied().map(u64::from))
        .finish()
}

/// Reads what [`encode_fixed_point`] writes.
pub(crate) fn decode_fixed_point(bytes: &[u8]) -> Result<FixedPoint, DecodeError> {
    let field = "fixed-point format";
    let mut decoder = Decoder::new(FIXED_POINT, bytes)?;
    let mut bits = || -> Result<Vec<u32>, DecodeError> {
        let numbers = decoder.numbers(field)?.into_iter().map(u32::try_from);
        numbers
            .collect::<Result<_, _>>()
            .map_err(|error| DecodeError::value(field, error))
    };
    let (all, limbs) = (bits()?, bits()?);
    decoder.finish()?;
    let (all, functions) = match all.split_first_chunk() {
        Some((all, [])) => (all, None),
        Some((all, more)) => match more.try_into() {
            Ok(numbers) => (all, Some(FunctionBits::from_numbers(numbers))),
            Err(_) => return Err(DecodeError::value(field, "it has neither 7 nor 16 widths")),
        },
        None => return Err(DecodeError::value(field, "it does not have 7 widths")),
    };
    let &[s, g, w, hidden, output, gradient, data] = all;
    FixedPoint::new(FixedPointConfig {
        activation_bits: s,
        gradient_bits: g,
        weight_bits: w,
        limbs,
        hidden_range_bits: hidden,
        output_range_bits: output,
        gradient_range_bits: gradient,
        data_range_bits: data,
        functions,
    })
    .map_err(|error| DecodeError::value(field, error))
}

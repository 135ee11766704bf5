//! Canonical encoding of public data for statements and identities: fixed-width little-endian
//! integers, and byte strings behind their length. Two different values never have one encoding.

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

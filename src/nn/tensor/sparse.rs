//! Tensors given by their entries.

/// The entries of a tensor that are not zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Sparse {
    rank: usize,
    /// `rank` an entry.
    indices: Vec<u32>,
    values: Vec<i64>,
}

/// How many only.
impl std::fmt::Debug for Sparse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sparse({} entries)", self.values.len())
    }
}

impl Sparse {
    /// No entries, of a tensor of so many axes.
    pub fn new(rank: usize) -> Self {
        Self {
            rank,
            indices: Vec::new(),
            values: Vec::new(),
        }
    }

    /// One more entry.
    pub fn push(&mut self, index: impl IntoIterator<Item = usize>, value: i64) {
        let index = index
            .into_iter()
            .map(|k| u32::try_from(k).unwrap_or(u32::MAX));
        self.indices.extend(index);
        self.values.push(value);
    }

    /// The entries: an index for each axis, and the value.
    pub fn entries(&self) -> impl Iterator<Item = (&[u32], i64)> + '_ {
        let indices = self.indices.chunks_exact(self.rank.max(1));
        indices.zip(self.values.iter().copied())
    }
}

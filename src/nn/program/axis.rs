//! Axes, and how terms use them.
use super::Program;

/// An index of tensors, of a given length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Axis(pub(in crate::nn) usize);

/// The samples of a batch.
pub const SAMPLE: Axis = Axis(0);

/// How a term uses one dimension of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Runs over an axis of the dimension's length.
    Over(Axis),
    /// Runs over an axis of the length of the body of an extended dimension.
    Body(Axis),
    /// The entry of an extended dimension behind its body.
    Tail,
}

impl From<Axis> for Index {
    fn from(axis: Axis) -> Self {
        Self::Over(axis)
    }
}

impl Index {
    /// The axis that it runs over.
    pub(in crate::nn) fn axis(self) -> Option<Axis> {
        match self {
            Self::Over(axis) | Self::Body(axis) => Some(axis),
            Self::Tail => None,
        }
    }
}

/// What an axis is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Made {
    Plain,
    /// One entry more than another.
    Extended(Axis),
    /// Axes that are walked through as one, the last one fastest.
    Group(Vec<Axis>),
}

/// The axes of a program.
#[derive(Debug, Clone)]
pub(super) struct Axes(Vec<(usize, Made)>);

impl Axes {
    pub(super) fn new(samples: usize) -> Self {
        Self(vec![(samples, Made::Plain)])
    }

    fn push(&mut self, len: usize, made: Made) -> Axis {
        self.0.push((len, made));
        Axis(self.0.len() - 1)
    }
}

impl Program {
    /// A new axis.
    pub fn axis(&mut self, len: usize) -> Axis {
        self.axes.push(len, Made::Plain)
    }

    /// An axis of one entry more than `body`.
    pub fn extended(&mut self, body: Axis) -> Axis {
        let len = self.len(body) + 1;
        self.axes.push(len, Made::Extended(body))
    }

    /// Several axes as one, the last one fastest: another name for the same indices, so that a term may
    /// use the whole in one value and the parts in another.
    pub fn group(&mut self, parts: &[Axis]) -> Axis {
        if let [axis] = parts {
            return *axis;
        }
        let leaves: Vec<Axis> = parts.iter().flat_map(|axis| self.leaves(*axis)).collect();
        let lens = leaves.iter().map(|axis| self.len(*axis));
        let len = lens.fold(1, usize::saturating_mul);
        self.axes.push(len, Made::Group(leaves))
    }

    /// Number of entries.
    pub fn len(&self, axis: Axis) -> usize {
        self.axes.0[axis.0].0
    }

    /// The body of an extended axis.
    pub fn body(&self, axis: Axis) -> Option<Axis> {
        match self.axes.0[axis.0].1 {
            Made::Extended(body) => Some(body),
            _ => None,
        }
    }

    /// What a group is made of; the axis itself if it is none.
    pub fn leaves(&self, axis: Axis) -> Vec<Axis> {
        match &self.axes.0[axis.0].1 {
            Made::Group(parts) => parts.clone(),
            _ => vec![axis],
        }
    }

    /// The leaves of several axes.
    pub(in crate::nn) fn all_leaves(&self, axes: &[Axis]) -> Vec<Axis> {
        axes.iter().flat_map(|axis| self.leaves(*axis)).collect()
    }

    /// The leaves that indices run over.
    pub(in crate::nn) fn leaves_of(&self, indices: &[Index]) -> Vec<Axis> {
        let axes: Vec<Axis> = indices.iter().filter_map(|index| index.axis()).collect();
        self.all_leaves(&axes)
    }

    /// Axes that are neither extended nor groups: those that a relation has.
    pub(in crate::nn) fn plain_axes(&self) -> impl Iterator<Item = (Axis, bool)> + '_ {
        let axes = self.axes.0.iter().enumerate();
        axes.map(|(k, (_, made))| (Axis(k), *made == Made::Plain))
    }

    /// Whether an index can stand for a dimension.
    pub(super) fn fits(&self, dimension: Axis, index: Index) -> bool {
        let body = self.body(dimension);
        match index {
            Index::Over(over) => match (body, self.body(over)) {
                (None, None) => self.alike(dimension, over),
                (Some(a), Some(b)) => self.alike(a, b),
                _ => false,
            },
            Index::Body(over) => body.is_some_and(|body| self.alike(body, over)),
            Index::Tail => body.is_some(),
        }
    }

    /// Whether axes have leaves of the same lengths.
    fn alike(&self, a: Axis, b: Axis) -> bool {
        let lens = |axis| -> Vec<usize> {
            let leaves = self.leaves(axis).into_iter();
            leaves.map(|leaf| self.len(leaf)).collect()
        };
        lens(a) == lens(b)
    }
}

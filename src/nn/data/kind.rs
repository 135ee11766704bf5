//! What the target columns of a data set are.

/// Most classes of a column of labels.
pub const MAX_CLASSES: usize = 1 << 16;

/// What the target columns of a data set are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataKind {
    /// Numbers with `s` fraction bits.
    Numbers {
        /// How many columns.
        targets: usize,
    },
    /// One column, of classes from 0.
    Labels {
        /// How many classes, from 2 to [`MAX_CLASSES`].
        classes: usize,
    },
}

impl DataKind {
    /// Number of target columns.
    pub fn num_targets(self) -> usize {
        match self {
            Self::Numbers { targets } => targets,
            Self::Labels { .. } => 1,
        }
    }

    /// Number of classes; none of numbers.
    pub fn classes(self) -> Option<usize> {
        match self {
            Self::Numbers { .. } => None,
            Self::Labels { classes } => Some(classes),
        }
    }

    /// Whether there can be so many classes.
    pub(crate) fn is_count_of_classes(classes: usize) -> bool {
        (2..=MAX_CLASSES).contains(&classes)
    }
}

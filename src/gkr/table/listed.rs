//! Columns of tables that follow no closed form: made by a rule when they are first used, and kept for a while.
use super::Gated;
use crate::gkr::function::{Function, exponential};
use std::sync::{Arc, Mutex, PoisonError};

/// What two columns of a table follow from, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A function and its slope at keys in two's-complement order.
    Function {
        function: Function,
        bits: u32,
        s: u32,
        /// If there is a slope.
        phi: Option<u32>,
    },
    /// An exponential of `d`, at index `d + 1`, and by how much it is more at `d - 1`.
    Decay { bits: u32, p: u32, sigma: u32 },
}

/// By index, zeros at 0.
pub(super) struct Columns {
    pub(super) values: Vec<i64>,
    /// Of a function without its slope, empty.
    pub(super) slopes: Vec<i64>,
}

/// Tables used last, the latest at the end.
static RECENT: Mutex<Vec<(Rule, Arc<Columns>)>> = Mutex::new(Vec::new());

/// So many tables are kept, of at most 4 MiB each: statements may ask for thousands of different ones.
const KEPT: usize = 8;

impl Rule {
    /// The columns, made unless they are among the recent ones.
    pub(super) fn columns(self) -> Arc<Columns> {
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().position(|(rule, _)| *rule == self);
        // Made in one thread: a pool's would go on with other work while they wait, which might be
        // to wait for this table.
        let columns = match found {
            Some(at) => recent.remove(at).1,
            None => Arc::new(self.tabulate()),
        };
        recent.push((self, columns.clone()));
        let spare = recent.len().saturating_sub(KEPT);
        recent.drain(..spare);
        columns
    }

    fn tabulate(self) -> Columns {
        match self {
            Self::Function {
                function,
                bits,
                s,
                phi,
            } => {
                let keys = Gated {
                    bits: bits as usize,
                };
                let keys = (1..1 << bits).map(|index| keys.value(index));
                let entry = |key| function.rounded(key, s, phi.unwrap_or(0));
                let (values, slopes) = std::iter::once((0, 0)).chain(keys.map(entry)).unzip();
                let slopes = if phi.is_some() { slopes } else { Vec::new() };
                Columns { values, slopes }
            }
            Self::Decay { bits, p, sigma } => {
                let power = |d| exponential(d, p, sigma).unwrap_or(0);
                let entry = |d: i64| (power(d), power(d - 1) - power(d));
                let all = (0..(1 << bits) - 1).map(entry);
                let (values, slopes) = std::iter::once((0, 0)).chain(all).unzip();
                Columns { values, slopes }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gkr::function::MAX_VALUE_BITS;

    /// Whoever asks for many tables gets them, and a few are kept.
    #[test]
    fn few_tables_are_kept() {
        let bits = 3;
        let rules = (0..=MAX_VALUE_BITS).flat_map(|s| Function::ALL.map(|function| (s, function)));
        for (s, function) in rules {
            let rule = Rule::Function {
                function,
                bits,
                s,
                phi: None,
            };
            let columns = rule.columns();
            assert_eq!(columns.values[1], function.at(1, s, 0).unwrap().0);
            assert!(columns.slopes.is_empty());
            let rule = Rule::Decay {
                bits,
                p: 10,
                sigma: s,
            };
            let columns = rule.columns();
            assert_eq!(columns.values[..2], [0, 1 << 10]);
            assert_eq!(columns.slopes[2], (1 << 10) - columns.values[2]);
            assert!(RECENT.lock().unwrap().len() <= KEPT);
        }
    }
}

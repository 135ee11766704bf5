//! A naive checker: whether values satisfy a relation, entry by entry. The oracle of the reduction's tests.
use super::{Index, Kind, Relation, TensorId, Term, Values};
use crate::poly::WideField;
use std::collections::BTreeMap;

/// What values do not satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A tuple that is not in its table.
    Lookup {
        /// The first of the tensors looked up.
        tensor: String,
        /// The flat position.
        position: usize,
    },
    /// An input that is not what it equals.
    Equality {
        /// The input.
        tensor: String,
        /// The flat position.
        position: usize,
    },
    /// A tensor that is not zero.
    Zero {
        /// The tensor.
        tensor: String,
        /// The flat position.
        position: usize,
    },
    /// Multiplicities that do not count the uses of a table.
    Multiplicities {
        /// The multiplicities.
        tensor: String,
    },
}

impl<F: WideField> Relation<F> {
    /// The first thing that these values of the inputs do not satisfy; missing values are zero. Virtual tensors are
    /// computed from their definitions, whatever `values` says of them.
    ///
    /// It takes as many multiplications as the definitions have terms at all positions: for small relations.
    pub fn violation(&self, values: &Values) -> Option<Violation> {
        let given =
            |values: &std::sync::Arc<Vec<i64>>| values.iter().map(|v| F::from(*v)).collect();
        self.violation_in_field(&|id| values.get(&id).map(given).unwrap_or_default())
    }

    /// As [`violation`](Self::violation), of inputs that are any elements of the field.
    pub fn violation_in_field(&self, given: &dyn Fn(TensorId) -> Vec<F>) -> Option<Violation> {
        let mut entries: BTreeMap<TensorId, Vec<F>> = BTreeMap::new();
        for id in (0..self.tensors.len()).map(TensorId) {
            let tensor = &self.tensors[id.0];
            let mut computed: Vec<F> = match &tensor.kind {
                Kind::Input => given(id),
                Kind::Public(public) => {
                    let ones = public.values(&tensor.dims).into_iter();
                    ones.map(F::from).collect()
                }
                Kind::Virtual(terms) => self.defined(id, terms, &entries),
            };
            computed.resize(1 << self.num_vars(id), F::ZERO);
            entries.insert(id, computed);
        }
        self.lookup_violation(&entries)
            .or_else(|| self.equality_violation(&entries))
            .or_else(|| self.zero_violation(&entries))
            .or_else(|| self.multiplicity_violation(&entries))
    }

    fn defined(
        &self,
        id: TensorId,
        terms: &[Term<F>],
        entries: &BTreeMap<TensorId, Vec<F>>,
    ) -> Vec<F> {
        let mut out = vec![F::ZERO; 1 << self.num_vars(id)];
        for term in terms {
            let mut axes: Vec<_> = term
                .operands
                .iter()
                .flat_map(|operand| &operand.indices)
                .chain(&term.output)
                .filter_map(|index| match index {
                    Index::Over(axis) => Some(*axis),
                    _ => None,
                })
                .collect();
            axes.sort();
            axes.dedup();
            let sizes: Vec<usize> = axes.iter().map(|axis| self.axes[axis.0]).collect();
            for flat in 0..1_usize << sizes.iter().sum::<usize>() {
                let mut rest = flat;
                let mut at = BTreeMap::new();
                for (axis, vars) in axes.iter().zip(&sizes) {
                    at.insert(*axis, rest & ((1 << vars) - 1));
                    rest >>= vars;
                }
                let place = |dims: &[usize], indices: &[Index]| {
                    let pairs = dims.iter().zip(indices).rev();
                    pairs.fold(0_usize, |place, (vars, index)| {
                        let index = match index {
                            Index::Over(axis) => at.get(axis).copied().unwrap_or(0),
                            Index::First => 0,
                            Index::Last => (1 << vars) - 1,
                        };
                        (place << vars) | index
                    })
                };
                let product: F = term
                    .operands
                    .iter()
                    .map(|operand| {
                        let dims = &self.tensors[operand.tensor.0].dims;
                        entries[&operand.tensor][place(dims, &operand.indices)]
                    })
                    .product();
                out[place(&self.tensors[id.0].dims, &term.output)] += term.coefficient * product;
            }
        }
        out
    }

    /// The entry of its table that each tuple of a lookup is, if it is one.
    fn looked_up_in<'a>(
        &'a self,
        (number, tensors): &'a (usize, Vec<TensorId>),
        entries: &'a BTreeMap<TensorId, Vec<F>>,
    ) -> impl Iterator<Item = Option<usize>> + 'a {
        let size = tensors.first().map_or(0, |id| 1 << self.num_vars(*id));
        (0..size).map(|position| {
            let tuple = tensors.iter().map(|id| signed(entries[id][position]));
            let tuple: Option<Vec<i64>> = tuple.collect();
            self.tables[*number].0.index(&tuple?)
        })
    }

    fn lookup_violation(&self, entries: &BTreeMap<TensorId, Vec<F>>) -> Option<Violation> {
        self.lookups.iter().find_map(|lookup| {
            let mut found = self.looked_up_in(lookup, entries);
            let position = found.position(|index| index.is_none())?;
            let tensor = lookup.1.first().map(|id| self.name(*id).to_owned());
            Some(Violation::Lookup {
                tensor: tensor.unwrap_or_default(),
                position,
            })
        })
    }

    fn multiplicity_violation(&self, entries: &BTreeMap<TensorId, Vec<F>>) -> Option<Violation> {
        let mut counts: Vec<Vec<i64>> = self
            .tables
            .iter()
            .map(|(table, _)| vec![0; 1 << table.num_vars()])
            .collect();
        for lookup in &self.lookups {
            for index in self.looked_up_in(lookup, entries).flatten() {
                counts[lookup.0][index] += 1;
            }
        }
        let mut pairs = self.tables.iter().zip(counts);
        let differs = pairs.find(|((_, id), counts)| {
            let found = entries[id].iter();
            found
                .zip(counts)
                .any(|(found, count)| *found != F::from(*count))
        });
        differs.map(|((_, id), _)| Violation::Multiplicities {
            tensor: self.name(*id).to_owned(),
        })
    }

    fn equality_violation(&self, entries: &BTreeMap<TensorId, Vec<F>>) -> Option<Violation> {
        self.equalities.iter().find_map(|equality| {
            let pairs = entries[&equality.input]
                .iter()
                .zip(&entries[&equality.definition]);
            let position = pairs.into_iter().position(|(x, y)| x != y)?;
            Some(Violation::Equality {
                tensor: self.name(equality.input).to_owned(),
                position,
            })
        })
    }

    fn zero_violation(&self, entries: &BTreeMap<TensorId, Vec<F>>) -> Option<Violation> {
        self.vanishing.iter().find_map(|id| {
            let position = entries[id].iter().position(|x| !x.is_zero())?;
            let tensor = self.name(*id).to_owned();
            Some(Violation::Zero { tensor, position })
        })
    }
}

/// A field element as the integer of at most 62 bits that it is.
fn signed<F: WideField>(value: F) -> Option<i64> {
    let small = |value: F| {
        let big = value.into_bigint();
        let (low, high) = big.as_ref().split_first()?;
        let fits = high.iter().all(|limb| *limb == 0) && *low < 1 << 62;
        fits.then_some(*low as i64)
    };
    small(value).or_else(|| small(-value).map(|v| -v))
}

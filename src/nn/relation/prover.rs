//! The prover's side of the reduction: values are numbers, tables are built and folded.
use super::{
    Axis, Index, Kind, Public, Relation, TensorId, Term,
    dense::{Dense, contract},
    reduce::{Batch, BatchProduct, Binding, Bound, Claim, Party, Weight},
};
use crate::{
    check::Check,
    count,
    error::ProveError,
    gkr::fractional::{self, LookupShape},
    poly::{self, WideField, parallel},
    sumcheck::{self, Product, SumOfProducts, Table},
    transcript::{Challenger, ProverChannel},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};
use tracing::info_span;

/// Integer values of tensors: all inputs, and those virtual tensors whose values are at hand.
///
/// A vector may be shorter than its tensor: the tail is zero.
pub type Values = BTreeMap<TensorId, Arc<Vec<i64>>>;

/// The prover of a relation, writing to a channel.
pub struct Prover<'a, F: WideField> {
    relation: &'a Relation<F>,
    values: &'a Values,
    /// Of public tensors, made when they are first used.
    public: BTreeMap<TensorId, OnceLock<Arc<Vec<i64>>>>,
    channel: &'a mut ProverChannel<F>,
    /// Whether a failing check is an error; cheating provers of the tests go on.
    check: bool,
    /// What the last sumcheck ended in: evaluations of the operands of its products. They need not be
    /// computed again to be sent.
    finals: Vec<Claim<F, F>>,
}

impl<'a, F: WideField> Prover<'a, F> {
    /// A prover of `relation` with the given witness.
    pub fn new(
        relation: &'a Relation<F>,
        values: &'a Values,
        channel: &'a mut ProverChannel<F>,
    ) -> Self {
        let tensors = relation.tensors.iter().enumerate();
        let public = tensors.filter_map(|(id, tensor)| match &tensor.kind {
            Kind::Public(_) => Some((TensorId(id), OnceLock::new())),
            _ => None,
        });
        Self {
            relation,
            values,
            public: public.collect(),
            channel,
            check: true,
            finals: Vec::new(),
        }
    }

    /// Goes on when the witness does not satisfy the relation: the proof will be refused.
    /// For tests of soundness.
    pub fn unchecked(mut self) -> Self {
        self.check = false;
        self
    }

    /// A tensor with some dimensions substituted, from its values or from its definition.
    fn fold(&self, bound: &Bound<F>) -> Dense<F> {
        let tensor = &self.relation.tensors[bound.tensor.0];
        if let Kind::Public(Public::Sparse(entries)) = &tensor.kind {
            return Dense::fold_sparse(entries, &tensor.dims, &bound.bindings);
        }
        let values = match &tensor.kind {
            Kind::Public(public) => self
                .public
                .get(&bound.tensor)
                .map(|values| values.get_or_init(|| Arc::new(public.values(&tensor.dims)))),
            _ => self.values.get(&bound.tensor),
        };
        if let Some(values) = values {
            return Dense::fold(values, &tensor.dims, &bound.bindings);
        }
        let axes = kept_axes(&tensor.dims, &bound.bindings);
        let mut sum = Dense {
            axes,
            data: Table::Field(Vec::new()),
        };
        if let Kind::Virtual(terms) = &tensor.kind {
            for term in terms {
                let (factor, part) = self.fold_term(term, bound, &sum.axes);
                sum.add_scaled(factor, part);
            }
        }
        sum
    }

    /// One term of a definition, with the defined tensor's dimensions bound: substitution passes
    /// to the one operand that has the axis, or stays as an `eq` operand.
    fn fold_term(&self, term: &Term<F>, bound: &Bound<F>, axes: &[(Axis, usize)]) -> (F, Dense<F>) {
        let dims = &self.relation.tensors[bound.tensor.0].dims;
        let summed = self.relation.sum_axes(term);
        let mut factor = term.coefficient;
        let mut extra = Vec::new();
        let mut inner: BTreeMap<Axis, Binding<F>> = BTreeMap::new();
        for ((index, binding), dim) in term.output.iter().zip(&bound.bindings).zip(dims) {
            match (index, binding) {
                (Index::Over(axis), Binding::At(point)) if summed.contains(axis) => {
                    extra.push(Dense::eq(private_label(*axis), point));
                }
                (Index::Over(axis), binding) => drop(inner.insert(*axis, binding.clone())),
                (Index::First, Binding::At(point)) => {
                    factor *= point.iter().map(|r| F::ONE - r).product::<F>();
                }
                (Index::Last, Binding::At(point)) => factor *= point.iter().product::<F>(),
                (Index::First, Binding::Sum(axis)) => {
                    extra.push(Dense::eq(*axis, &vec![F::ZERO; *dim]));
                }
                (Index::Last, Binding::Sum(axis)) => {
                    extra.push(Dense::eq(*axis, &vec![F::ONE; *dim]));
                }
            }
        }
        let mut operands: Vec<Dense<F>> = term
            .operands
            .iter()
            .map(|operand| {
                let dims = &self.relation.tensors[operand.tensor.0].dims;
                let bindings = operand
                    .indices
                    .iter()
                    .zip(dims)
                    .map(|(index, dim)| match index {
                        Index::First => Binding::At(vec![F::ZERO; *dim]),
                        Index::Last => Binding::At(vec![F::ONE; *dim]),
                        Index::Over(axis) => inner
                            .get(axis)
                            .cloned()
                            .unwrap_or(Binding::Sum(private_label(*axis))),
                    });
                self.fold(&Bound {
                    tensor: operand.tensor,
                    bindings: bindings.collect(),
                })
            })
            .collect();
        operands.extend(extra);
        (factor, contract(operands, axes))
    }

    /// The public weight of a product over its axes. The whole of it, even where an operand ends
    /// early: binding a pair needs both its values.
    fn weight_table(&self, product: &BatchProduct<F>) -> Table<F> {
        let mut axes = self.sizes(&product.axes);
        if axes.is_empty() {
            axes.push((private_label(Axis(0)), 0));
        }
        let Some(((top, top_vars), low_axes)) = axes.split_last() else {
            return Table::Field(Vec::new());
        };
        let mut table = Dense {
            axes: axes.clone(),
            data: Table::Field(Vec::new()),
        };
        // Weights that agree on all axes but the top one: an outer product of two small tables.
        let mut groups: Vec<(&Weight<F>, Vec<F>)> = Vec::new();
        for weight in &product.weights {
            if !weight.publics.is_empty() {
                let mut operands: Vec<_> = weight.publics.iter().map(|p| self.fold(p)).collect();
                operands.extend(
                    weight
                        .eqs
                        .iter()
                        .map(|(axis, point)| Dense::eq(*axis, point)),
                );
                table.add_scaled(weight.coefficient, contract(operands, &axes));
                continue;
            }
            let on_top = weight.eqs.iter().find(|(axis, _)| axis == top);
            let high = match on_top {
                Some((_, point)) => poly::eq::scaled_eq_evals(point, weight.coefficient),
                None => vec![weight.coefficient; 1 << top_vars],
            };
            let low = |w: &Weight<F>| -> Vec<_> {
                w.eqs
                    .iter()
                    .filter(|(axis, _)| axis != top)
                    .cloned()
                    .collect()
            };
            match groups.iter_mut().find(|(w, _)| low(w) == low(weight)) {
                Some((_, sum)) => sum.iter_mut().zip(high).for_each(|(s, h)| *s += h),
                None => groups.push((weight, high)),
            }
        }
        let width = 1usize << low_axes.iter().map(|a| a.1).sum::<usize>();
        let mut data = table.data.into_field();
        data.resize(width << top_vars, F::ZERO);
        for (weight, high) in groups {
            let eqs = weight.eqs.iter().filter(|(axis, _)| axis != top);
            let low: Vec<_> = eqs.map(|(axis, point)| Dense::eq(*axis, point)).collect();
            let low = match low.is_empty() {
                true => vec![F::ONE; width],
                false => contract(low, low_axes).data.into_field(),
            };
            // One an entry.
            count::field_multiplications(data.len());
            parallel::for_each_chunk(&mut data, width, |start, chunk| {
                let h = high.get(start / width).copied().unwrap_or_default();
                for (x, l) in chunk.iter_mut().zip(&low) {
                    *x += h * l;
                }
            });
        }
        Table::Field(data)
    }

    /// A whole tensor at a point.
    fn evaluate(&self, tensor: TensorId, point: &[F]) -> F {
        let mut rest = point;
        let dims = &self.relation.tensors[tensor.0].dims;
        let bindings = dims.iter().map(|dim| {
            let (here, after) = rest.split_at(*dim);
            rest = after;
            Binding::At(here.to_vec())
        });
        let bound = Bound {
            tensor,
            bindings: bindings.collect(),
        };
        let value = self.fold(&bound).data.into_field();
        value.first().copied().unwrap_or_default()
    }

    fn sizes(&self, axes: &[Axis]) -> Vec<(Axis, usize)> {
        axes.iter().map(|a| (*a, self.relation.axes[a.0])).collect()
    }
}

/// A name for a term's own axis that no caller's axis has.
fn private_label(axis: Axis) -> Axis {
    Axis(usize::MAX / 2 + axis.0)
}

fn kept_axes<F>(dims: &[usize], bindings: &[Binding<F>]) -> Vec<(Axis, usize)> {
    dims.iter()
        .zip(bindings)
        .filter_map(|(dim, binding)| match binding {
            Binding::Sum(axis) => Some((*axis, *dim)),
            Binding::At(_) => None,
        })
        .collect()
}

impl<F: WideField> Challenger<F> for Prover<'_, F> {
    fn absorb(&mut self, label: &'static str, bytes: &[u8]) {
        self.channel.absorb(label, bytes);
    }

    fn challenge(&mut self, label: &'static str, error: u64) -> F {
        self.channel.challenge(label, error)
    }
}

impl<F: WideField> Party<F> for Prover<'_, F> {
    type Value = F;
    type Error = ProveError;

    fn known(&self, value: F) -> F {
        value
    }

    fn plus(&self, a: &F, factor: F, b: &F) -> F {
        *a + factor * b
    }

    fn multiply(&mut self, a: &F, b: &F) -> Result<F, ProveError> {
        Ok(*a * b)
    }

    fn evaluation(&mut self, tensor: TensorId, point: &[F]) -> Result<F, ProveError> {
        let is_it = |known: &&Claim<F, F>| known.tensor == tensor && known.point == point;
        let value = match self.finals.iter().find(is_it) {
            Some(known) => known.value,
            None => self.evaluate(tensor, point),
        };
        self.channel.send("evaluation", &value);
        Ok(value)
    }

    fn assert_zero(&mut self, value: F, check: Check) -> Result<(), ProveError> {
        if self.check && check.is_made() && !value.is_zero() {
            Err(ProveError::Unsatisfied {
                check: check.name(),
            })
        } else {
            Ok(())
        }
    }

    fn lookups(
        &mut self,
        shape: &LookupShape<F>,
    ) -> Result<(Vec<F>, Vec<Vec<F>>, Vec<F>), ProveError> {
        let values = |id: &TensorId| self.values.get(id).cloned().unwrap_or_default();
        let columns = super::multiplicities::columns(self.relation, self.values);
        let multiplicities: Vec<_> = self
            .relation
            .tables
            .iter()
            .map(|(_, m)| values(m))
            .collect();
        let _span = info_span!("lookups").entered();
        let evaluations = fractional::prove(shape, &columns, &multiplicities, self.channel);
        Ok((
            evaluations.point,
            evaluations.columns,
            evaluations.multiplicities,
        ))
    }

    fn sumcheck(&mut self, claim: F, batch: &Batch<F>) -> Result<(Vec<F>, F), ProveError> {
        let span = info_span!("fold operands").entered();
        let mut tables: Vec<Table<F>> = Vec::new();
        // Operands that stand in several products are folded, bound and stored once.
        let mut shared: Vec<(&Bound<F>, &BatchProduct<F>, usize)> = Vec::new();
        let mut products = Vec::new();
        for product in &batch.products {
            let axes = self.sizes(&product.axes);
            let mut factors = Vec::new();
            for operand in &product.operands {
                let known = shared
                    .iter()
                    .find(|(o, p, _)| *o == operand && p.axes == product.axes);
                let k = match known {
                    Some((_, _, k)) => *k,
                    None => {
                        tables.push(self.fold(operand).over(&axes).data);
                        shared.push((operand, product, tables.len() - 1));
                        tables.len() - 1
                    }
                };
                factors.push(k);
            }
            let num_vars = axes.iter().map(|a| a.1).sum();
            tables.push(self.weight_table(product));
            factors.push(tables.len() - 1);
            products.push(Product {
                coefficient: F::ONE,
                factors,
                num_vars,
            });
        }
        drop(span);
        let _span = info_span!("level sumcheck").entered();
        let mut prover = SumOfProducts::new(batch.num_vars, tables, products);
        debug_assert_eq!(sumcheck::RoundProver::<F>::degree(&prover), batch.degree);
        let (point, rest) = sumcheck::prove(&mut prover, claim, self.channel);
        let finals = prover.final_evaluations();
        self.finals = shared
            .into_iter()
            .map(|(operand, product, k)| Claim {
                tensor: operand.tensor,
                point: operand.point(&product.split(self.relation, &point)),
                value: finals[k],
            })
            .collect();
        Ok((point, rest))
    }
}

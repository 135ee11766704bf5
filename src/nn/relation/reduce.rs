//! The reduction, written once for both sides.
//!
//! Prover and verifier differ in what a value is (a number, or an affine form in pads) and in how
//! values are come by (computed and sent, or received). Everything else, which claims there are,
//! at which points, how they are batched and what is checked, is this file. A [`Party`] is one
//! of the two sides.
//!
//! Every claim ends somewhere: it is reduced to claims on lower levels, evaluated where its tensor is
//! public, or returned where it is an input. [`Claims`] knows which are still open, and a claim that
//! nothing has taken up by the end is an error, so that none can be forgotten.
use super::{Axis, Index, Kind, Operand, Relation, Tensor, TensorId, Term};
use crate::{
    check::Check, error::VerifyError, gkr::fractional::LookupShape, poly::eq_eval,
    transcript::Challenger,
};
use ark_ff::PrimeField;
use std::collections::BTreeMap;

/// "The multilinear extension of `tensor` at `point` is `value`."
#[must_use = "a claim has to be proven"]
#[derive(Debug, Clone)]
pub struct Claim<F, V> {
    /// The tensor.
    pub tensor: TensorId,
    /// Coordinates, lowest variable first.
    pub point: Vec<F>,
    /// The claimed value.
    pub value: V,
}

/// One side of the protocol.
pub trait Party<F: PrimeField>: Challenger<F> {
    /// A field element as this side knows it.
    type Value: Clone;
    /// What can go wrong.
    type Error: From<VerifyError>;

    /// A public number.
    fn known(&self, value: F) -> Self::Value;
    /// `a + factor * b`.
    fn plus(&self, a: &Self::Value, factor: F, b: &Self::Value) -> Self::Value;
    /// The product of two values that are numbers or were exchanged one by one.
    fn multiply(&mut self, a: &Self::Value, b: &Self::Value) -> Result<Self::Value, Self::Error>;
    /// The evaluation of a tensor at a point, sent by the prover.
    fn evaluation(&mut self, tensor: TensorId, point: &[F]) -> Result<Self::Value, Self::Error>;
    /// `value` must be zero.
    fn assert_zero(&mut self, value: Self::Value, check: Check) -> Result<(), Self::Error>;
    /// The lookup argument: a point, the evaluation of each component of each lookup and of each
    /// table's multiplicities at a prefix of it.
    fn lookups(
        &mut self,
        shape: &LookupShape<F>,
    ) -> Result<(Vec<F>, Vec<Vec<Self::Value>>, Vec<Self::Value>), Self::Error>;
    /// Sumcheck of a batch for the given claim: the point, and the value left.
    fn sumcheck(
        &mut self,
        claim: Self::Value,
        batch: &Batch<F>,
    ) -> Result<(Vec<F>, Self::Value), Self::Error>;
}

/// How a dimension of an operand is used in a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Binding<F> {
    /// Under the sum.
    Sum(Axis),
    /// At these coordinates.
    At(Vec<F>),
}

/// An operand of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound<F> {
    pub(crate) tensor: TensorId,
    pub(crate) bindings: Vec<Binding<F>>,
}

/// A public weight: `coefficient * prod eq(point, axis) * prod publics`.
#[derive(Debug, Clone)]
pub(crate) struct Weight<F> {
    pub(crate) coefficient: F,
    pub(crate) eqs: Vec<(Axis, Vec<F>)>,
    pub(crate) publics: Vec<Bound<F>>,
}

/// `sum over axes of (sum of weights) * prod operands`.
pub(crate) struct BatchProduct<F> {
    pub(crate) axes: Vec<Axis>,
    pub(crate) weights: Vec<Weight<F>>,
    pub(crate) operands: Vec<Bound<F>>,
}

/// All products of a level.
pub struct Batch<F> {
    pub(crate) products: Vec<BatchProduct<F>>,
    pub(crate) num_vars: usize,
    pub(crate) degree: usize,
}

/// A claim, and what became of it.
struct Entry<F, V> {
    claim: Claim<F, V>,
    /// Whether the value was exchanged as it is, so that it can be a factor of a product.
    exchanged: bool,
    /// Whether nothing follows from the claim yet.
    open: bool,
}

/// Claims made so far, in order.
struct Claims<F, V> {
    entries: Vec<Entry<F, V>>,
    /// Which of them are on each tensor.
    on: BTreeMap<TensorId, Vec<usize>>,
}

impl<F: PrimeField, V: Clone> Claims<F, V> {
    fn entry(&self, tensor: TensorId, point: &[F]) -> Option<&Entry<F, V>> {
        let mut on = self.on(tensor);
        on.find(|entry| entry.claim.point == point)
    }

    fn on(&self, tensor: TensorId) -> impl Iterator<Item = &Entry<F, V>> {
        let on = self.on.get(&tensor).into_iter().flatten();
        on.filter_map(|k| self.entries.get(*k))
    }

    fn find(&self, tensor: TensorId, point: &[F]) -> Option<&V> {
        self.entry(tensor, point).map(|entry| &entry.claim.value)
    }

    /// The claims on a tensor.
    fn of(&self, tensor: TensorId) -> impl Iterator<Item = &Claim<F, V>> {
        self.on(tensor).map(|entry| &entry.claim)
    }

    /// The open claims on a tensor, for whoever proves them: they are open no more.
    fn take(&mut self, tensor: TensorId) -> Vec<Claim<F, V>> {
        let mut taken = Vec::new();
        for k in self.on.get(&tensor).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(*k).filter(|entry| entry.open) {
                entry.open = false;
                taken.push(entry.claim.clone());
            }
        }
        taken
    }

    /// Adds a claim; if the same evaluation was claimed before, the two values must agree.
    fn add<P: Party<F, Value = V>>(
        &mut self,
        party: &mut P,
        claim: Claim<F, V>,
        exchanged: bool,
    ) -> Result<(), P::Error> {
        match self.find(claim.tensor, &claim.point) {
            Some(value) => {
                let difference = party.plus(&claim.value, -F::ONE, value);
                party.assert_zero(difference, Check::ClaimsAgree)
            }
            None => {
                let on = self.on.entry(claim.tensor).or_default();
                on.push(self.entries.len());
                self.entries.push(Entry {
                    claim,
                    exchanged,
                    open: true,
                });
                Ok(())
            }
        }
    }

    /// The value of a tensor at a point: claimed before, or exchanged now.
    fn obtain<P: Party<F, Value = V>>(
        &mut self,
        party: &mut P,
        tensor: TensorId,
        point: &[F],
    ) -> Result<V, P::Error> {
        if let Some(value) = self.find(tensor, point) {
            return Ok(value.clone());
        }
        self.exchange(party, tensor, point)
    }

    /// Like [`obtain`](Self::obtain), for a factor of a product: a value that was only derived
    /// from others is exchanged once more.
    fn obtain_factor<P: Party<F, Value = V>>(
        &mut self,
        party: &mut P,
        tensor: TensorId,
        point: &[F],
    ) -> Result<V, P::Error> {
        if let Some(entry) = self.entry(tensor, point).filter(|entry| entry.exchanged) {
            return Ok(entry.claim.value.clone());
        }
        self.exchange(party, tensor, point)
    }

    /// The prover sends the value; it is claimed.
    fn exchange<P: Party<F, Value = V>>(
        &mut self,
        party: &mut P,
        tensor: TensorId,
        point: &[F],
    ) -> Result<V, P::Error> {
        let value = party.evaluation(tensor, point)?;
        self.add(
            party,
            Claim {
                tensor,
                point: point.to_vec(),
                value: value.clone(),
            },
            true,
        )?;
        Ok(value)
    }
}

/// Reduces the relation to claims on its inputs. Still unchecked: those claims.
///
/// # Errors
/// That of the side; [`VerifyError::Defect`] if some claim has been left open.
pub fn reduce<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    party: &mut P,
) -> Result<Vec<Claim<F, P::Value>>, P::Error> {
    let mut claims = Claims {
        entries: Vec::new(),
        on: BTreeMap::new(),
    };
    if !relation.lookups.is_empty() {
        lookup_claims(relation, party, &mut claims)?;
    }
    let top = relation.tensors.iter().map(|t| t.level).max().unwrap_or(0);
    for level in (0..=top).rev() {
        reduce_level(relation, level, party, &mut claims)?;
    }
    for id in (0..relation.tensors.len()).map(TensorId) {
        if relation.is_public(id) {
            for claim in claims.take(id) {
                let tensor = &relation.tensors[id.0];
                let value = party.known(-evaluate_public(tensor, &claim.point));
                let difference = party.plus(&value, F::ONE, &claim.value);
                party.assert_zero(difference, Check::PublicTensor)?;
            }
        }
    }
    let open = claims.entries.into_iter().filter(|entry| entry.open);
    let inputs: Vec<_> = open.map(|entry| entry.claim).collect();
    let is_input = |c: &Claim<F, _>| matches!(relation.tensors[c.tensor.0].kind, Kind::Input);
    match inputs.iter().all(is_input) {
        true => Ok(inputs),
        false => Err(VerifyError::Defect("a claim was not reduced").into()),
    }
}

fn lookup_claims<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    party: &mut P,
    claims: &mut Claims<F, P::Value>,
) -> Result<(), P::Error> {
    let (point, columns, multiplicities) = party.lookups(&relation.lookup_shape()?)?;
    let tensors = relation.lookups.iter().flat_map(|(_, tensors)| tensors);
    let tables = relation
        .tables
        .iter()
        .map(|(_, multiplicities)| multiplicities);
    let values = columns.into_iter().flatten().chain(multiplicities);
    for (tensor, value) in tensors.chain(tables).zip(values) {
        let point = point
            .iter()
            .take(relation.num_vars(*tensor))
            .copied()
            .collect();
        claims.add(
            party,
            Claim {
                tensor: *tensor,
                point,
                value,
            },
            true,
        )?;
    }
    Ok(())
}

fn reduce_level<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    level: usize,
    party: &mut P,
    claims: &mut Claims<F, P::Value>,
) -> Result<(), P::Error> {
    for equality in &relation.equalities {
        if relation.tensors[equality.definition.0].level == level {
            equality_claim(relation, equality, party, claims)?;
        }
    }
    for tensor in &relation.vanishing {
        if relation.tensors[tensor.0].level == level {
            vanishing_claim(relation, *tensor, party, claims)?;
        }
    }
    // Definitions refer to earlier tensors only, so this order is topological.
    for id in (0..relation.tensors.len()).rev().map(TensorId) {
        let tensor = &relation.tensors[id.0];
        if let (Kind::Virtual(terms), true, true) =
            (&tensor.kind, tensor.affine, tensor.level == level)
        {
            for claim in claims.take(id) {
                split_affine(relation, terms, &claim, party, claims)?;
            }
        }
    }
    let mut open = Vec::new();
    for (id, tensor) in relation.tensors.iter().enumerate() {
        if let (Kind::Virtual(terms), false, true) =
            (&tensor.kind, tensor.affine, tensor.level == level)
        {
            let claims = claims.take(TensorId(id)).into_iter();
            open.extend(claims.map(|claim| (terms.as_slice(), claim)));
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        batched_sumcheck(relation, open, party, claims)
    }
}

fn equality_claim<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    equality: &super::Equality,
    party: &mut P,
    claims: &mut Claims<F, P::Value>,
) -> Result<(), P::Error> {
    let num_vars = relation.num_vars(equality.input);
    // Only a point of challenges will do: an index fixed by a definition is a coordinate 0 or 1.
    let random = |c: &Claim<F, P::Value>| !c.point.iter().any(|x| x.is_zero() || x.is_one());
    let point: Vec<F> = match claims.of(equality.anchor).find(|c| random(c)) {
        Some(claim) => claim.point.iter().take(num_vars).copied().collect(),
        None => party.challenges("equality point", num_vars, 1),
    };
    let value = claims.obtain(party, equality.input, &point)?;
    claims.add(
        party,
        Claim {
            tensor: equality.definition,
            point,
            value,
        },
        false,
    )
}

/// A tensor is zero: it is at a random point.
fn vanishing_claim<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    tensor: TensorId,
    party: &mut P,
    claims: &mut Claims<F, P::Value>,
) -> Result<(), P::Error> {
    let point = party.challenges("vanishing point", relation.num_vars(tensor), 1);
    let value = party.known(F::ZERO);
    claims.add(
        party,
        Claim {
            tensor,
            point,
            value,
        },
        false,
    )
}

/// `value = sum_k c_k X_k(r_k)`: operands not claimed yet are exchanged, but for the last one,
/// which is solved for.
fn split_affine<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    terms: &[Term<F>],
    claim: &Claim<F, P::Value>,
    party: &mut P,
    claims: &mut Claims<F, P::Value>,
) -> Result<(), P::Error> {
    let parts: Vec<_> = terms
        .iter()
        .map(|term| Direct::new(relation, term, claim))
        .collect();
    let missing = parts.iter().rposition(|part| {
        part.operand.as_ref().is_some_and(|(tensor, point)| {
            part.coefficient != F::ZERO && claims.find(*tensor, point).is_none()
        })
    });
    let mut rest = claim.value.clone();
    for (k, part) in parts.iter().enumerate() {
        if Some(k) != missing && part.coefficient != F::ZERO {
            let value = part.value(party, claims)?;
            rest = party.plus(&rest, -part.coefficient, &value);
        }
    }
    let solved = missing.and_then(|k| parts.get(k)).and_then(|part| {
        let (tensor, point) = part.operand.clone()?;
        Some((tensor, point, part.coefficient.inverse()?))
    });
    match solved {
        Some((tensor, point, inverse)) => {
            let value = party.plus(&party.known(F::ZERO), inverse, &rest);
            claims.add(
                party,
                Claim {
                    tensor,
                    point,
                    value,
                },
                false,
            )
        }
        None => party.assert_zero(rest, Check::AffineDefinition),
    }
}

/// A direct term at a claim's point: `coefficient * operand(point)`, or `coefficient` alone.
struct Direct<F> {
    coefficient: F,
    operand: Option<(TensorId, Vec<F>)>,
}

impl<F: PrimeField> Direct<F> {
    fn new<V>(relation: &Relation<F>, term: &Term<F>, claim: &Claim<F, V>) -> Self {
        let substitution = Substitution::new(relation, term, claim);
        let mut coefficient = substitution.factor;
        let mut private = None;
        for operand in &term.operands {
            let bound = substitution.bind(relation, operand);
            // Nothing is under a sum: all bindings are coordinates.
            match relation.is_public(operand.tensor) {
                true => {
                    let tensor = &relation.tensors[operand.tensor.0];
                    coefficient *= evaluate_public(tensor, &bound.point(&[]));
                }
                false => private = Some((operand.tensor, bound.point(&[]))),
            }
        }
        Self {
            coefficient,
            operand: private,
        }
    }

    fn value<P: Party<F>>(
        &self,
        party: &mut P,
        claims: &mut Claims<F, P::Value>,
    ) -> Result<P::Value, P::Error> {
        match &self.operand {
            Some((tensor, point)) => claims.obtain(party, *tensor, point),
            None => Ok(party.known(F::ONE)),
        }
    }
}

/// What a claim's point does to a term: coordinates for its output axes, and the term's constant
/// times the factors `eq(r, fixed)` of fixed output indices.
struct Substitution<F> {
    factor: F,
    output: Vec<(Axis, Vec<F>)>,
    summed: Vec<Axis>,
}

impl<F: PrimeField> Substitution<F> {
    fn new<V>(relation: &Relation<F>, term: &Term<F>, claim: &Claim<F, V>) -> Self {
        let mut this = Self {
            factor: term.coefficient,
            output: Vec::new(),
            summed: relation.sum_axes(term),
        };
        let mut rest = claim.point.as_slice();
        for (index, dim) in term
            .output
            .iter()
            .zip(&relation.tensors[claim.tensor.0].dims)
        {
            let (here, after) = rest.split_at_checked(*dim).unwrap_or((rest, &[]));
            rest = after;
            match index {
                Index::Over(axis) => this.output.push((*axis, here.to_vec())),
                Index::First => this.factor *= here.iter().map(|r| F::ONE - r).product::<F>(),
                Index::Last => this.factor *= here.iter().product::<F>(),
            }
        }
        this
    }

    fn bind(&self, relation: &Relation<F>, operand: &Operand) -> Bound<F> {
        let dims = &relation.tensors[operand.tensor.0].dims;
        let bindings = operand
            .indices
            .iter()
            .zip(dims)
            .map(|(index, dim)| match index {
                Index::First => Binding::At(vec![F::ZERO; *dim]),
                Index::Last => Binding::At(vec![F::ONE; *dim]),
                Index::Over(axis) if self.summed.contains(axis) => Binding::Sum(*axis),
                Index::Over(axis) => Binding::At(
                    self.output
                        .iter()
                        .find(|(a, _)| a == axis)
                        .map(|o| o.1.clone())
                        .unwrap_or_default(),
                ),
            });
        Bound {
            tensor: operand.tensor,
            bindings: bindings.collect(),
        }
    }

    fn weight(&self, relation: &Relation<F>, term: &Term<F>, scale: F) -> Weight<F> {
        let summed = |o: &&(Axis, Vec<F>)| self.summed.contains(&o.0);
        let publics = term
            .operands
            .iter()
            .filter(|o| relation.is_public(o.tensor));
        Weight {
            coefficient: scale * self.factor,
            eqs: self.output.iter().filter(summed).cloned().collect(),
            publics: publics.map(|o| self.bind(relation, o)).collect(),
        }
    }
}

impl<F: PrimeField> Bound<F> {
    /// The point, with coordinates for the axes under the sum.
    pub(crate) fn point(&self, sum: &[(Axis, &[F])]) -> Vec<F> {
        self.bindings
            .iter()
            .flat_map(|binding| match binding {
                Binding::At(point) => point.clone(),
                Binding::Sum(axis) => coordinates(sum, *axis).to_vec(),
            })
            .collect()
    }
}

fn coordinates<'a, F>(sum: &[(Axis, &'a [F])], axis: Axis) -> &'a [F] {
    sum.iter()
        .find(|(a, _)| *a == axis)
        .map_or(&[], |(_, point)| point)
}

/// The extension of a public tensor at a point.
fn evaluate_public<F: PrimeField>(tensor: &Tensor<F>, point: &[F]) -> F {
    match &tensor.kind {
        Kind::Public(public) => public.evaluate(&tensor.dims, point),
        _ => F::ZERO,
    }
}

/// Evaluations of public tensors that are not had for a few multiplications: terms of a level meet in few points.
struct Evaluated<'a, F> {
    relation: &'a Relation<F>,
    known: Vec<(TensorId, Vec<F>, F)>,
}

impl<F: PrimeField> Evaluated<'_, F> {
    fn at(&mut self, id: TensorId, point: Vec<F>) -> F {
        let mut known = self.known.iter();
        if let Some((.., value)) = known.find(|(k, p, _)| (*k, p) == (id, &point)) {
            return *value;
        }
        let Some(tensor) = self.relation.tensors.get(id.0) else {
            return F::ZERO;
        };
        let value = evaluate_public(tensor, &point);
        if matches!(&tensor.kind, Kind::Public(public) if public.is_costly()) {
            self.known.push((id, point, value));
        }
        value
    }
}

impl<F: PrimeField> Weight<F> {
    /// The weight at a point of the sum's axes.
    fn evaluate(&self, publics: &mut Evaluated<'_, F>, sum: &[(Axis, &[F])]) -> F {
        let eqs: F = self
            .eqs
            .iter()
            .map(|(axis, r)| eq_eval(r, coordinates(sum, *axis)))
            .product();
        let publics: F = self
            .publics
            .iter()
            .map(|p| publics.at(p.tensor, p.point(sum)))
            .product();
        self.coefficient * eqs * publics
    }
}

impl<F: PrimeField> Batch<F> {
    fn new() -> Self {
        Self {
            products: Vec::new(),
            num_vars: 0,
            degree: 1,
        }
    }

    /// Adds a term; terms on the same operands share one product.
    fn push(
        &mut self,
        relation: &Relation<F>,
        axes: &[Axis],
        operands: Vec<Bound<F>>,
        weight: Weight<F>,
    ) {
        let num_vars = axes.iter().map(|a| relation.axes[a.0]).sum();
        self.num_vars = self.num_vars.max(num_vars);
        self.degree = self.degree.max(operands.len() + 1);
        match self
            .products
            .iter_mut()
            .find(|p| p.axes == axes && p.operands == operands)
        {
            Some(product) => product.weights.push(weight),
            None => self.products.push(BatchProduct {
                axes: axes.to_vec(),
                weights: vec![weight],
                operands,
            }),
        }
    }
}

impl<F: PrimeField> BatchProduct<F> {
    /// The coordinates of the product's axes: the first ones of the sumcheck's point.
    pub(super) fn split<'a>(&self, relation: &Relation<F>, point: &'a [F]) -> Vec<(Axis, &'a [F])> {
        let mut rest = point;
        let mut split = Vec::new();
        for axis in &self.axes {
            let (here, after) = rest
                .split_at_checked(relation.axes[axis.0])
                .unwrap_or((rest, &[]));
            split.push((*axis, here));
            rest = after;
        }
        split
    }
}

/// Reduces claims on virtual tensors of one level to claims on their operands.
fn batched_sumcheck<F: PrimeField, P: Party<F>>(
    relation: &Relation<F>,
    open: Vec<(&[Term<F>], Claim<F, P::Value>)>,
    party: &mut P,
    claims: &mut Claims<F, P::Value>,
) -> Result<(), P::Error> {
    // Direct terms are taken off each claim; their values are in the transcript before gamma.
    let mut left = Vec::new();
    for (terms, claim) in &open {
        let mut value = claim.value.clone();
        for term in terms.iter().filter(|term| relation.is_direct(term)) {
            let direct = Direct::new(relation, term, claim);
            if direct.coefficient != F::ZERO {
                let operand = direct.value(party, claims)?;
                value = party.plus(&value, -direct.coefficient, &operand);
            }
        }
        left.push(value);
    }
    let gamma: F = party.challenge("level batching", open.len() as u64);
    let (mut total, mut power) = (party.known(F::ZERO), F::ONE);
    let mut batch = Batch::new();
    for ((terms, claim), value) in open.iter().zip(&left) {
        total = party.plus(&total, power, value);
        for term in terms.iter().filter(|term| !relation.is_direct(term)) {
            let substitution = Substitution::new(relation, term, claim);
            let weight = substitution.weight(relation, term, power);
            let operands = relation
                .private(term)
                .map(|o| substitution.bind(relation, o))
                .collect();
            batch.push(relation, &substitution.summed, operands, weight);
        }
        power *= gamma;
    }
    let (point, mut rest) = party.sumcheck(total, &batch)?;
    let half = F::from(2u64).inverse().unwrap_or_default();
    let mut publics = Evaluated {
        relation,
        known: Vec::new(),
    };
    for product in &batch.products {
        let sum = product.split(relation, &point);
        let num_vars: usize = sum.iter().map(|(_, p)| p.len()).sum();
        let weight: F = product
            .weights
            .iter()
            .map(|w| w.evaluate(&mut publics, &sum))
            .sum();
        let mut value = party.known(F::ONE);
        for (j, operand) in product.operands.iter().enumerate() {
            let factor = claims.obtain_factor(party, operand.tensor, &operand.point(&sum))?;
            value = if j == 0 {
                factor
            } else {
                party.multiply(&value, &factor)?
            };
        }
        let scale = half.pow([(batch.num_vars - num_vars) as u64]);
        rest = party.plus(&rest, -(weight * scale), &value);
    }
    party.assert_zero(rest, Check::LevelEnd)
}

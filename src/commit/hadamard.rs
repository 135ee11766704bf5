//! The pads of a hiding proof and the proof that committed products of pads are products.
//!
//! Equations 44 to 46 of [`notes`](crate::notes).
//!
//! **Relation.** One Pedersen vector holds, in this order: the pads $p_i$; for each pair $(i, j)$
//! of the [`MaskPlan`] a slot $w_k$ that must be $p_i p_j$; for each pad that is a factor a fresh
//! random $m_i$; and for each pair $t_k = m_i p_j + m_j p_i$ and $u_k = m_i m_j$.
//!
//! **Prover.** Commits to all of it at the start. After a challenge $e$ it sends, in the clear,
//! $q_i = m_i + e p_i$ for each factor.
//!
//! **Verifier.** Turns
//! $$ m_i + e p_i = q_i \ \text{ for each factor}, \qquad
//! e^2 w_k + e t_k + u_k = q_i q_j \ \text{ for each pair} $$
//! into linear constraints on the committed vector, proven with all others by the linear form.
//!
//! **Soundness.** The vector is fixed before $e$. With $q_i = m_i + e p_i$ the second equation says that
//! $e^2 (w_k - p_i p_j)$ and lower powers of $e$ add up to zero, a polynomial of degree 2 in $e$: a
//! false product passes with probability at most $2 / |F|$.
//!
//! **Hiding.** Each $m_i$ is uniform and used once, so the $q_i$ are uniform and independent of
//! everything else.
//!
//! **Departures.** Hyrax proves each product by a Sigma protocol on three commitments; here products
//! are slots of one committed vector, and their proof is three more slots and two linear constraints.
//!
//! **References.** \[Wahby et al. 2017/1132\] sec. 3, proof of product; \[Frigo-shelat 2024/2010\]
//! sec. 3, the masked transcript.
use crate::transcript::{Constraint, Expr, Mask, MaskPlan, VerifierChannel};
use crate::{count, error::VerifyError, transcript::ProverChannel};
use ark_ff::PrimeField;
use rand::RngCore;
use zeroize::Zeroize;

/// Where things lie in the committed vector of masks.
#[derive(Debug, Clone)]
pub struct MaskLayout {
    plan: MaskPlan,
    factors: Vec<usize>,
}

impl MaskLayout {
    /// The layout for a plan.
    pub fn new(plan: MaskPlan) -> Self {
        let factors = plan.factors();
        Self { plan, factors }
    }

    /// Length of the vector.
    pub fn len(&self) -> usize {
        self.plan.num_pads + self.factors.len() + 3 * self.plan.products.len()
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many constraints [`combine`] puts together, behind `reductions` of them.
    pub fn num_constraints(&self, reductions: usize) -> u64 {
        (reductions + self.factors.len() + self.plan.products.len()) as u64
    }

    /// The plan that this lays out.
    pub fn plan(&self) -> &MaskPlan {
        &self.plan
    }

    /// Number of masked scalars.
    pub fn num_pads(&self) -> usize {
        self.plan.num_pads
    }

    /// The slot of a pad or product.
    pub(crate) fn slot(&self, mask: Mask) -> usize {
        match mask {
            Mask::Pad(i) => i,
            Mask::Product(k) => self.plan.num_pads + k,
        }
    }

    /// The slot of the `n`-th factor's `m`.
    pub(crate) fn factor_slot(&self, n: usize) -> usize {
        self.plan.num_pads + self.plan.products.len() + n
    }

    /// The slot of `t_k` or `u_k`.
    pub(crate) fn cross_slot(&self, part: usize, k: usize) -> usize {
        let products = self.plan.products.len();
        self.plan.num_pads + self.factors.len() + (1 + part) * products + k
    }

    /// The position of a pad among the factors.
    fn factor(&self, pad: usize) -> usize {
        self.factors.binary_search(&pad).unwrap_or_default()
    }
}

/// The prover's masks.
pub struct Masks<F: PrimeField> {
    layout: MaskLayout,
    vector: Vec<F>,
}

impl<F: PrimeField> Drop for Masks<F> {
    fn drop(&mut self) {
        self.vector.zeroize();
    }
}

impl<F: PrimeField> Masks<F> {
    /// Draws fresh masks.
    pub fn draw(layout: MaskLayout, rng: &mut impl RngCore) -> Self {
        let mut vector = vec![F::ZERO; layout.len()];
        let products = layout.plan.products.clone();
        // A product and its two cross terms.
        count::field_multiplications(4 * products.len());
        for pad in vector.iter_mut().take(layout.plan.num_pads) {
            *pad = F::rand(rng);
        }
        for n in 0..layout.factors.len() {
            vector[layout.factor_slot(n)] = F::rand(rng);
        }
        for (k, (i, j)) in products.into_iter().enumerate() {
            let (p, q) = (vector[i], vector[j]);
            let m = vector[layout.factor_slot(layout.factor(i))];
            let n = vector[layout.factor_slot(layout.factor(j))];
            vector[layout.slot(Mask::Product(k))] = p * q;
            vector[layout.cross_slot(0, k)] = m * q + n * p;
            vector[layout.cross_slot(1, k)] = m * n;
        }
        Self { layout, vector }
    }

    /// The one-time pads.
    pub fn pads(&self) -> &[F] {
        &self.vector[..self.layout.plan.num_pads]
    }

    /// The whole vector, to commit.
    pub fn vector(&self) -> &[F] {
        &self.vector
    }

    /// The whole vector, for cheating provers.
    #[cfg(test)]
    pub(crate) fn vector_mut(&mut self) -> &mut Vec<F> {
        &mut self.vector
    }

    /// The value of an expression under these masks.
    pub fn value(&self, expr: &Expr<F>) -> F {
        let terms = expr
            .terms()
            .iter()
            .map(|(m, c)| *c * self.vector[self.layout.slot(*m)]);
        expr.constant() + terms.sum::<F>()
    }

    /// Answers the challenge `e`; returns what was sent.
    pub fn prove(&self, e: F, channel: &mut ProverChannel<F>) -> Vec<F> {
        let mut responses = Vec::with_capacity(self.layout.factors.len());
        for (n, i) in self.layout.factors.iter().enumerate() {
            let q = self.vector[self.layout.factor_slot(n)] + e * self.vector[*i];
            channel.send_clear("product response", &q);
            responses.push(q);
        }
        responses
    }
}

/// Receives the responses to the challenge `e`.
pub fn receive<F: PrimeField>(
    layout: &MaskLayout,
    channel: &mut VerifierChannel<'_, F>,
) -> Result<Vec<F>, VerifyError> {
    layout
        .factors
        .iter()
        .map(|_| channel.receive_clear("product response"))
        .collect()
}

/// A linear form on the vector of masks and the value it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskForm<F> {
    /// The coefficients, one a slot.
    pub coefficients: Vec<F>,
    /// The value.
    pub value: F,
}

/// All constraints on the masks as one: powers of `delta` combine the checks that the reductions
/// put off, and the product relations for the challenge `e` with its responses.
///
/// Adds to it, with weight one, the claim that an opening has the value `opened`: the sum of the
/// opening and of the form on the masks must be the form's value.
pub fn combine<F: PrimeField>(
    layout: &MaskLayout,
    opened: &Expr<F>,
    constraints: &[Constraint<F>],
    e: F,
    responses: &[F],
    delta: F,
) -> MaskForm<F> {
    let mut form = MaskForm {
        coefficients: vec![F::ZERO; layout.len()],
        value: F::ZERO,
    };
    let mut add = |weight: F, slot: usize, c: F| {
        if let Some(x) = form.coefficients.get_mut(slot) {
            *x += weight * c;
        }
    };
    // One a term; four a factor and seven a product, powers and values included.
    let terms = constraints.iter().map(|c| c.expr.terms().len() + 2);
    count::field_multiplications(
        opened.terms().len()
            + terms.sum::<usize>()
            + 4 * layout.factors.len()
            + 7 * layout.plan.products.len(),
    );
    let mut weight = -F::ONE;
    let mut value = opened.constant();
    for (mask, c) in opened.terms() {
        add(weight, layout.slot(*mask), *c);
    }
    weight = delta;
    for constraint in constraints {
        for (mask, c) in constraint.expr.terms() {
            add(weight, layout.slot(*mask), *c);
        }
        value -= weight * constraint.expr.constant();
        weight *= delta;
    }
    for ((n, i), q) in layout.factors.iter().enumerate().zip(responses) {
        add(weight, layout.factor_slot(n), F::ONE);
        add(weight, *i, e);
        value += weight * q;
        weight *= delta;
    }
    let response = |pad: usize| {
        responses
            .get(layout.factor(pad))
            .copied()
            .unwrap_or_default()
    };
    for (k, (i, j)) in layout.plan.products.iter().enumerate() {
        add(weight, layout.slot(Mask::Product(k)), e * e);
        add(weight, layout.cross_slot(0, k), e);
        add(weight, layout.cross_slot(1, k), F::ONE);
        value += weight * response(*i) * response(*j);
        weight *= delta;
    }
    form.value = value;
    form
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::UniformRand;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Whether masks answer `e` and satisfy the combined form for a random `delta`.
    fn accepted(masks: &Masks<Fr>, rng: &mut ChaCha8Rng) -> bool {
        let (e, delta) = (Fr::rand(rng), Fr::rand(rng));
        let mut channel = ProverChannel::new(b"test", b"");
        let responses = masks.prove(e, &mut channel);
        let form = combine(&masks.layout, &Expr::zero(), &[], e, &responses, delta);
        crate::poly::inner_product(&form.coefficients, masks.vector()) == form.value
    }

    proptest! {
        #[test]
        fn products_are_products_and_nothing_else(seed: u64) {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let num_pads = rng.gen_range(1..20);
            let pad = |rng: &mut ChaCha8Rng| rng.gen_range(0..num_pads);
            let products: Vec<_> = (0..rng.gen_range(1..9)).map(|_| (pad(rng), pad(rng))).collect();
            let layout = MaskLayout::new(MaskPlan { num_pads, products: products.clone() });
            let mut masks = Masks::<Fr>::draw(layout.clone(), rng);
            prop_assert!(accepted(&masks, rng));
            // A cheating prover may alter any product, and its cross terms with it.
            let k = rng.gen_range(0..products.len());
            masks.vector[layout.slot(Mask::Product(k))] += Fr::from(1u64);
            prop_assert!(!accepted(&masks, rng));
            masks.vector[layout.cross_slot(0, k)] += Fr::rand(rng);
            masks.vector[layout.cross_slot(1, k)] += Fr::rand(rng);
            prop_assert!(!accepted(&masks, rng));
        }
    }
}

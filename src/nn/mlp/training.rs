//! The training relation.
use super::{Builder, Committed, Extent, Limbs, TableKind, power_of_two};
use crate::{
    check::Check,
    nn::{
        Architecture, FixedPoint, LearningRate,
        relation::{Index, Operand, Public, Relation, TensorId, at, term},
    },
    poly::WideField,
};
use std::sync::Arc;

/// The tensors of one layer.
pub(crate) struct LayerTensors {
    pub(crate) y: TensorId,
    /// `[Y > 0]` and `H`, for hidden layers.
    pub(crate) hidden: Option<(TensorId, TensorId)>,
    /// Limbs of `Z - 2^w Y`.
    pub(crate) z_limbs: Limbs,
    /// Limbs of `P - 2^w H`, for hidden layers.
    pub(crate) p_limbs: Limbs,
    /// The layer's input with the bias row.
    pub(crate) input: TensorId,
    /// `G` of the layer.
    pub(crate) gradient: TensorId,
}

/// The relation of `T` steps of training, and its tensors by role.
///
/// Equations (1) to (9) of the specification, for all steps and layers at once.
pub struct Training<F> {
    pub(crate) relation: Arc<Relation<F>>,
    pub(super) extent: Extent,
    pub(crate) committed: Vec<Committed>,
    pub(crate) layers: Vec<LayerTensors>,
    pub(super) parent: Vec<TensorId>,
    pub(super) child: Vec<TensorId>,
    pub(super) inputs: TensorId,
    pub(super) targets: TensorId,
}

impl<F: WideField> Training<F> {
    /// The relation for a network, formats, a rate and a number of samples and steps.
    pub fn new(
        architecture: &Architecture,
        fixed: &FixedPoint,
        rate: LearningRate,
        extent: Extent,
    ) -> Self {
        let depth = architecture.num_layers();
        let [_, steps] = extent.dims();
        let (mut builder, extra) = Builder::new(fixed, &architecture.widths(), extent, &[steps]);
        let earlier_step: Index = extra[0].into();
        let b = &mut builder;
        let inputs = b.input("A0", 0);
        let targets = b.input("target", depth);
        let parent = b.weights("parent");
        let child = b.weights("child");
        let mut layers = Vec::new();
        let mut below = inputs;
        for l in 1..=depth {
            let (layer, activation) = define_layer(b, l, below, (l == depth).then_some(targets));
            layers.push(layer);
            below = activation;
        }
        let weights: Vec<TensorId> =
            define_weights(b, &layers, &parent, &child, rate, earlier_step);
        // Forward products first, for all layers, then backward ones: the end of the weights is
        // checked at the point of the first claim on them.
        for (k, layer) in layers.iter_mut().enumerate() {
            let z = define_forward(b, k + 1, layer.input, weights[k]);
            layer.z_limbs = b.rounding("Z", k + 1, z, layer.y);
        }
        for k in 1..depth {
            let p = define_backward(b, k, layers[k].gradient, weights[k]);
            let layer = &mut layers[k - 1];
            if let Some((_, back)) = layer.hidden {
                layer.p_limbs = b.rounding("P", k, p, back);
            }
        }
        let (relation, committed) = builder.finish();
        Self {
            relation,
            extent,
            committed,
            layers,
            parent,
            child,
            inputs,
            targets,
        }
    }

    /// The relation.
    pub fn relation(&self) -> &Arc<Relation<F>> {
        &self.relation
    }

    /// The tensors to commit, multiplicities last.
    pub fn committed(&self) -> &[Committed] {
        &self.committed
    }

    /// The weights before the first step, by layer.
    pub fn parent(&self) -> &[TensorId] {
        &self.parent
    }

    /// The weights after the last step, by layer.
    pub fn child(&self) -> &[TensorId] {
        &self.child
    }

    /// `A_0`: rows of the data set named by the schedule, feature columns.
    pub fn inputs(&self) -> TensorId {
        self.inputs
    }

    /// The targets: rows of the data set named by the schedule, target columns.
    pub fn targets(&self) -> TensorId {
        self.targets
    }
}

/// Equation 24. Committed tensors of layer `l`, their ranges, `A_l = S Y` and `G_l = S H`, or at the output
/// `G_L = 2^(g-s) (Y_L - target)`. Returns the layer without limbs, and `A_l` (at the output `Y`).
fn define_layer<F: WideField>(
    b: &mut Builder<F>,
    l: usize,
    below: TensorId,
    targets: Option<TensorId>,
) -> (LayerTensors, TensorId) {
    let y = b.commit(format!("Y{l}"), l);
    let input = b.with_bias(below, l);
    let (hidden, gradient, activation) = match targets {
        None => {
            let sign = b.commit(format!("S{l}"), l);
            let back = b.commit(format!("H{l}"), l);
            let table = TableKind::Relu(b.fixed.hidden_range_bits());
            b.lookup(Check::UnitRange, table, &[y, sign]);
            let table = TableKind::Signed(b.fixed.gradient_range_bits());
            b.lookup(Check::GradientRange, table, &[back]);
            let activation = b.hadamard(format!("A{l}"), l, sign, y);
            (
                Some((sign, back)),
                b.hadamard(format!("G{l}"), l, sign, back),
                activation,
            )
        }
        Some(targets) => {
            let table = TableKind::Signed(b.fixed.output_range_bits());
            b.lookup(Check::OutputRange, table, &[y]);
            let c = power_of_two::<F>(b.fixed.gradient_bits() - b.fixed.activation_bits());
            let (over, dims) = (b.over(l), b.dims(l));
            let terms = vec![
                term(c, [at(y, &over)], &over),
                term(-c, [at(targets, &over)], &over),
            ];
            (None, b.relation.define(format!("G{l}"), &dims, terms), y)
        }
    };
    let (z_limbs, p_limbs) = (Limbs::new(), Limbs::new());
    (
        LayerTensors {
            y,
            hidden,
            z_limbs,
            p_limbs,
            input,
            gradient,
        },
        activation,
    )
}

/// Equations 25 and 26. Weights telescope: `W[t] = W[0] - c sum_(s < t) A[s]^T G[s]`, and the child's are those behind
/// the last step. Returns `W_l[j, i, h, t]`.
fn define_weights<F: WideField>(
    b: &mut Builder<F>,
    layers: &[LayerTensors],
    parent: &[TensorId],
    child: &[TensorId],
    rate: LearningRate,
    s: Index,
) -> Vec<TensorId> {
    let [_, steps] = b.extent.dims();
    let earlier = b
        .relation
        .public("earlier", &[steps, steps], Public::Earlier);
    let c = F::from(rate.coefficient());
    let [sample, t] = b.positions.map(Index::from);
    let h = Index::from(b.bias);
    let mut weights = Vec::new();
    for (k, layer) in layers.iter().enumerate() {
        let (l, i, j) = (k + 1, Index::from(b.units[k]), Index::from(b.units[k + 1]));
        let input = at(layer.input, &[sample, s, i, h]);
        let gradient = at(layer.gradient, &[sample, s, j]);
        let (last, now) = ([j, i, h], [j, i, h, t]);
        let update: [Operand; 2] = [input.clone(), gradient.clone()];
        let until_now = [at(earlier, &[t, s]), input, gradient];
        let first = at(parent[k], &last);
        let [dj, di, dh] = b.weight_dims(l);
        let terms = vec![
            term(F::ONE, [first.clone()], &now),
            term(-c, until_now, &now),
        ];
        let current = b
            .relation
            .define(format!("W{l}"), &[dj, di, dh, steps], terms);
        let terms = vec![term(F::ONE, [first], &last), term(-c, update, &last)];
        let end = b
            .relation
            .define(format!("W{l} at the end"), &[dj, di, dh], terms);
        b.relation
            .equal(Check::LastWeights.name(), child[k], end, current);
        weights.push(current);
    }
    weights
}

/// Equation 27: `Z_l = A_(l-1) W_l + 2^s b_l`.
fn define_forward<F: WideField>(
    b: &mut Builder<F>,
    l: usize,
    input: TensorId,
    weights: TensorId,
) -> TensorId {
    let ([sample, t, j], [_, _, i]) = (b.over(l), b.over(l - 1));
    let h = Index::from(b.bias);
    let dims = b.dims(l);
    let operands = [at(input, &[sample, t, i, h]), at(weights, &[j, i, h, t])];
    b.relation.define(
        format!("Z{l}"),
        &dims,
        vec![term(F::ONE, operands, &[sample, t, j])],
    )
}

/// Equation 28: `P_l = G_(l+1) W_(l+1)^T`, without the bias row.
fn define_backward<F: WideField>(
    b: &mut Builder<F>,
    l: usize,
    gradient: TensorId,
    weights: TensorId,
) -> TensorId {
    let ([sample, t, i], [_, _, j]) = (b.over(l), b.over(l + 1));
    let dims = b.dims(l);
    let operands = [
        at(gradient, &[sample, t, j]),
        at(weights, &[j, i, Index::First, t]),
    ];
    b.relation.define(
        format!("P{l}"),
        &dims,
        vec![term(F::ONE, operands, &[sample, t, i])],
    )
}

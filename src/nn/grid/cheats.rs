//! Cheats with imported weights: too large, or at units that the architecture does not have. See
//! [`crate::cheats`].
use super::*;
use crate::{
    check::{Check, Tried},
    commit::{Generators, hyrax},
    nn::{
        Layer, Weights,
        argument::KnownMatrix,
        commitment::weight_layout,
        relation::Values,
        soundness::{cheats, count},
    },
};
use rand::rngs::OsRng;
use std::sync::Arc;

type C = crate::Pallas;
type Scalar = <C as ark_ec::PrimeGroup>::ScalarField;

const GRID: WeightGrid = WeightGrid {
    step_bits: 4,
    range_bits: 6,
};
/// Five hidden units: a layer has room for eight.
const WIDTHS: [usize; 3] = [3, 5, 2];
const ROOM: usize = 8;

/// Weights of which a prover says that they are on the grid.
struct Forger {
    range: WeightRange<Scalar>,
    known: Vec<KnownMatrix<Scalar>>,
    values: Values,
    hiding: bool,
}

impl Forger {
    fn new(hiding: bool) -> Self {
        let architecture = Architecture::new(WIDTHS.to_vec()).unwrap();
        let layer = |inputs: usize, outputs: usize| {
            Layer::new(
                (0..inputs * outputs).map(|k| (k as i64 - 7) << 4).collect(),
                (0..outputs).map(|k| (k as i64 - 2) << 4).collect(),
            )
        };
        let layers = vec![layer(3, 5), layer(5, 2)];
        let weights = Weights::new(architecture.clone(), layers).unwrap();
        let range = WeightRange::new(&architecture, GRID.step_bits, GRID.range_bits);
        Self {
            values: range.values(&weights),
            known: WeightOpening::new(weights, hiding, &mut OsRng).matrices(),
            range,
            hiding,
        }
    }

    /// Commits in the first layer to a weight from an input, or the bias, of `steps` times the step.
    fn set(&mut self, unit: usize, input: Option<usize>, steps: i64) {
        // Rows of the matrix are inputs, then one of biases behind room for four inputs.
        let row = input.unwrap_or(4);
        let mut tensor = self.known[0].values.to_vec();
        tensor.resize(2 * 4 * ROOM, 0);
        tensor[ROOM * row + unit] = steps << GRID.step_bits;
        self.known[0].values = tensor.into();
        match input {
            Some(input) => self.say("W1 in steps", ROOM * input + unit, steps),
            None => self.say("b1 in steps", unit, steps),
        }
    }

    /// Says of a tensor of the relation that it has this value.
    fn say(&mut self, tensor: &str, index: usize, value: i64) {
        let relation = self.range.relation();
        let named = |id: &&crate::nn::relation::TensorId| relation.name(**id) == tensor;
        let id = *self
            .values
            .keys()
            .find(named)
            .expect("a tensor of this name");
        let values = Arc::make_mut(self.values.get_mut(&id).unwrap());
        values.resize(values.len().max(index + 1), 0);
        values[index] = value;
    }

    /// Says of every gate of the first layer's biases that it is open: the gates are public.
    fn open_bias_gates(&mut self) {
        let gates = self.range.bias_gates(0);
        self.values.insert(gates, Arc::new(vec![1; ROOM]));
    }

    fn verdict(mut self) -> Result<(), VerifyError> {
        let architecture = Architecture::new(WIDTHS.to_vec()).unwrap();
        let layers = self.known.iter().enumerate().map(|(layer, matrix)| {
            let layout = weight_layout(&architecture, layer);
            let gens = Generators::<C>::get(1 << layout.row_vars(), 0);
            hyrax::commit_slices(&gens, &layout.slices(&matrix.values), &matrix.blindings)
        });
        let commitment = WeightCommitment::<C>::from_layers(layers.collect());
        let subject = [7; 32];
        let claim = GridClaim::new(GRID, &architecture, &commitment, self.hiding, &subject);
        let claim = claim.unwrap();
        count(claim.range.relation(), &mut self.values);
        let tensors = claim.range.weights().iter().copied();
        self.values
            .extend(tensors.zip(self.known.iter().map(|m| m.values.clone())));
        let proof = claim.prove(&self.values, &self.known, false);
        let pending = GRID.verify(
            &architecture,
            &commitment,
            self.hiding,
            &subject,
            &proof.unwrap(),
        )?;
        Pending::check_all(&[pending])
    }
}

fn tried(check: Check, refused_by: Check, lie: impl Fn(&mut Forger)) -> Tried {
    cheats::tried(check, refused_by, |hiding| {
        let mut forger = Forger::new(hiding);
        lie(&mut forger);
        forger.verdict()
    })
}

#[test]
fn without_a_lie_the_forger_is_honest() {
    for hiding in [false, true] {
        assert_eq!(Forger::new(hiding).verdict(), Ok(()));
        let mut forger = Forger::new(hiding);
        forger.set(4, Some(2), -31);
        forger.set(4, None, 31);
        assert_eq!(forger.verdict(), Ok(()));
    }
}

pub(crate) fn a_weight_out_of_range() -> Tried {
    tried(Check::WeightRange, Check::LookupGate, |forger| {
        forger.set(1, Some(1), 32);
    })
}

pub(crate) fn a_weight_where_no_unit_is() -> Tried {
    tried(Check::WeightRange, Check::LookupGate, |forger| {
        forger.set(6, Some(1), 1);
    })
}

pub(crate) fn a_bias_out_of_range() -> Tried {
    tried(Check::BiasRange, Check::LookupGate, |forger| {
        forger.set(1, None, -32);
    })
}

pub(crate) fn a_bias_where_no_unit_is() -> Tried {
    tried(Check::BiasRange, Check::LookupGate, |forger| {
        forger.set(5, None, 1);
    })
}

/// A sixth unit has a bias, and its gate is said to be open.
pub(crate) fn biases_of_a_wider_network() -> Tried {
    tried(Check::PublicTensor, Check::PublicTensor, |forger| {
        forger.set(5, None, 1);
        forger.open_bias_gates();
    })
}

/// A sixth unit has weights, and the gates of its weights are said to be open.
pub(crate) fn weights_of_a_wider_network() -> Tried {
    tried(Check::AffineDefinition, Check::AffineDefinition, |forger| {
        forger.set(5, Some(0), 1);
        forger.say("gate of W1", 5, 1);
    })
}

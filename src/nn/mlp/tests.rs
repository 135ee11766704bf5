//! The relations, reduced without commitments.

use super::*;
use crate::{
    error::VerifyError,
    nn::{
        Architecture, Dataset, FixedPointConfig, LearningRate, Schedule, ScheduleSeed, Sgd,
        WeightOpening, Weights,
        argument::{Argument, Pending, Source},
        commitment::weight_layout,
        init,
        relation::{self, Claim, Prover, Values, Verifier},
        train::{self, Activations},
    },
    poly::int,
    transcript::{Expr, ProverChannel, VerifierChannel},
};
use ark_bls12_381::Fr;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use std::ops::ControlFlow;

/// A small format, so that tables are small.
pub(crate) fn tiny() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 4,
        gradient_bits: 5,
        weight_bits: 14,
        limbs: vec![6, 8],
        hidden_range_bits: 11,
        output_range_bits: 12,
        gradient_range_bits: 12,
        data_range_bits: 8,
    })
    .unwrap()
}

struct Run {
    training: Training<Fr>,
    values: Values,
}

/// Some training, unless a value leaves its range.
fn run(widths: &[usize], extent: Extent, seed: u64) -> Option<Run> {
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let architecture = Architecture::new(widths.to_vec()).unwrap();
    let fixed = tiny();
    let rate = LearningRate::from_coefficient(3).unwrap();
    let (features, targets) = (widths[0], widths[widths.len() - 1]);
    let rows = extent.batch + 3;
    let values = (0..rows * (features + targets))
        .map(|_| rng.gen_range(-20..20))
        .collect();
    let dataset = Dataset::from_rows(features, targets, values).unwrap();
    let schedule = Schedule::new(ScheduleSeed([7; 32]), rows, extent.batch).unwrap();
    let parent = init::expand(seed, &architecture, &fixed);
    let mut child = parent.clone();
    let mut steps = Vec::new();
    let sgd = Sgd {
        fixed_point: fixed.clone(),
        rate,
    };
    train::train(
        &sgd,
        &mut child,
        (&dataset, &schedule),
        0..extent.steps as u64,
        |_, step| {
            steps.push(step);
            ControlFlow::Continue(())
        },
    )
    .ok()?;
    let training = Training::new(&architecture, &fixed, rate, extent);
    let mut values = training
        .witness(
            &fixed,
            &weight_tensors(&parent),
            &steps,
            &weight_tensors(&child),
        )
        .unwrap();
    let (width, outputs) = (architecture.num_inputs(), architecture.num_outputs());
    let inputs = witness::arrange(extent, width, |t, i| steps[t].inputs[i]);
    values.insert(training.inputs, Arc::new(inputs));
    let targets = witness::arrange(extent, outputs, |t, i| steps[t].targets[i]);
    values.insert(training.targets, Arc::new(targets));
    Some(Run { training, values })
}

fn verify(run: &Run, proof: &[u8]) -> Result<Vec<Claim<Fr, Expr<Fr>>>, crate::error::VerifyError> {
    let mut channel = VerifierChannel::new(b"test", b"", proof);
    let claims = relation::reduce(
        run.training.relation(),
        &mut Verifier::new(run.training.relation(), &mut channel),
    )?;
    channel.finish()?;
    Ok(claims)
}

/// All claims that the reduction ends in hold for the witness.
fn holds(run: &Run, claims: &[Claim<Fr, Expr<Fr>>]) -> bool {
    claims
        .iter()
        .all(|c| int::evaluate(&run.values[&c.tensor], &c.point) == c.value.constant())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Completeness of the reduction, without hiding, on all kinds of shapes.
    #[test]
    fn honest_training_reduces_to_true_claims(
        widths in prop::collection::vec(1usize..6, 2..5),
        batch in 1usize..5,
        steps in 1usize..5,
        seed: u64,
    ) {
        let run = run(&widths, Extent { batch, steps }, seed);
        prop_assume!(run.is_some(), "in range");
        let run = run.unwrap();
        let mut channel = ProverChannel::new(b"test", b"");
        let relation = run.training.relation();
        let sent = relation::reduce(relation, &mut Prover::new(relation, &run.values, &mut channel)).unwrap();
        let claims = verify(&run, &channel.finish()).unwrap();
        prop_assert_eq!(sent.len(), claims.len());
        prop_assert!(holds(&run, &claims));
    }
}

type C = ark_pallas::Projective;
type Scalar = ark_pallas::Fr;

/// A forward pass under committed weights with public inputs.
pub(crate) struct Pass {
    pub(crate) relation: Forward<Scalar>,
    architecture: Architecture,
    opening: WeightOpening<Scalar>,
    hiding: bool,
    inputs: Vec<i64>,
    pub(crate) activations: Vec<Activations>,
}

const BATCH: usize = 3;

impl Pass {
    pub(crate) fn new(seed: u64, hiding: bool) -> Self {
        let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(seed);
        let architecture = Architecture::new(vec![3, 5, 2]).unwrap();
        let inputs: Vec<i64> = (0..3 * BATCH).map(|_| rng.gen_range(-8..8)).collect();
        let weights = init::expand(seed, &architecture, &tiny());
        let opening = WeightOpening::new(weights, hiding, rng);
        Self {
            relation: Forward::new(&architecture, &tiny(), BATCH, false, Head::Outputs),
            activations: train::forward(&tiny(), opening.weights(), &inputs).unwrap(),
            architecture,
            opening,
            hiding,
            inputs,
        }
    }

    fn witness(&self) -> Values {
        let weights = self.opening.weights();
        self.relation
            .witness(&tiny(), weights, &self.inputs, &self.activations, &[])
            .unwrap()
    }

    fn describe(&self, outputs: Vec<i64>) -> Argument<Scalar> {
        let relation = &self.relation;
        let tensors = relation.relation().clone();
        let mut argument = Argument::new(tensors, relation.committed(), 6, self.hiding);
        for (layer, tensor) in relation.weights().iter().enumerate() {
            let matrix = argument.known_matrix(weight_layout(&self.architecture, layer));
            argument.input(*tensor, Source::Matrix(matrix));
        }
        let extent = Extent {
            batch: BATCH,
            steps: 1,
        };
        let public = |rows: Vec<i64>| {
            let values = witness::arrange(extent, rows.len() / BATCH, |_, i| rows[i]);
            Source::Public(Arc::new(move |point: &[Scalar]| {
                int::evaluate(&values, point)
            }))
        };
        argument.input(relation.inputs(), public(self.inputs.clone()));
        argument.input(relation.outputs().unwrap(), public(outputs));
        argument
    }

    /// Proves with a witness, true or not, that the outputs are the activations' last, and verifies
    /// that they are the given ones.
    pub(crate) fn verdict(&self, values: &Values, outputs: Vec<i64>) -> Result<(), VerifyError> {
        let last = self.activations.last().unwrap();
        let known = self.opening.matrices();
        let proof = self
            .describe(last.y.clone())
            .prove::<C>(b"forward", values, &known, false)
            .unwrap();
        let commitment = self.opening.commit::<C>();
        let known: Vec<_> = commitment.layers().iter().collect();
        let pending = self.describe(outputs).verify(b"forward", &known, &proof)?;
        Pending::check_all(&[pending])
    }

    fn is_accepted(&self, values: &Values, outputs: Vec<i64>) -> bool {
        self.verdict(values, outputs).is_ok()
    }
}

#[test]
fn a_forward_pass_has_these_outputs_and_no_others() {
    for hiding in [false, true] {
        let pass = Pass::new(5, hiding);
        let outputs = &pass.activations[1].y;
        assert!(pass.is_accepted(&pass.witness(), outputs.clone()));
        assert!(!pass.is_accepted(&pass.witness(), vec![0; 6]));
    }
}

/// Each committed tensor matters: hidden values, their signs, all limbs, all multiplicities.
#[test]
fn no_committed_value_is_free() {
    let pass = Pass::new(5, false);
    let (honest, outputs) = (pass.witness(), &pass.activations[1].y);
    let committed = pass.relation.committed();
    // Y1 in two limbs, N1, Y2 in two, both remainders in two, and tables.
    assert!(committed.len() > 6, "{}", committed.len());
    for committed in committed {
        for by in [1, -1, 1 << 30] {
            let mut values = honest.clone();
            Arc::make_mut(values.get_mut(&committed.tensor).unwrap())[0] += by;
            assert!(!pass.is_accepted(&values, outputs.clone()), "{committed:?}");
        }
    }
}

impl Pass {
    /// Lets one hidden value through its rectifier, or none, and computes all that follows from it.
    pub(crate) fn let_through(&mut self, unit: Option<usize>) -> Values {
        let mut hidden = self.activations[0].rectified();
        let y = self.activations[0].y.clone();
        if let Some(unit) = unit {
            hidden[unit] = y[unit];
        }
        let rest = Weights::new(
            Architecture::new(vec![5, 2]).unwrap(),
            vec![self.opening.weights().layers()[1].clone()],
        );
        let others = train::forward(&tiny(), &rest.unwrap(), &hidden).unwrap();
        self.activations.truncate(1);
        self.activations.extend(others);
        let mut values = self.witness();
        let (layers, extent) = (&self.relation.layers, self.relation.extent);
        let sign = |_, i: usize| i64::from(Some(i) != unit && y[i] < 0);
        let negative = witness::arrange(extent, 5, sign);
        values.insert(layers[0].negative.unwrap(), Arc::new(negative));
        let input = witness::with_bias(extent, &tiny(), 5, |_, i| hidden[i]);
        values.insert(layers[1].input, Arc::new(input));
        values
    }
}

/// Outputs of a network with one rectifier less, in a proof of which only one sign is wrong.
#[test]
fn a_unit_that_is_not_rectified_is_refused() {
    let mut changed = 0;
    for (hiding, unit) in [false, true]
        .into_iter()
        .flat_map(|h| (0..15).map(move |u| (h, u)))
    {
        let mut pass = Pass::new(6, hiding);
        let truth = pass.activations[1].y.clone();
        let values = pass.let_through(None);
        assert!(pass.is_accepted(&values, truth.clone()));
        let values = pass.let_through(Some(unit));
        let outputs = pass.activations[1].y.clone();
        changed += usize::from(outputs != truth);
        let positive = pass.activations[0].y[unit] >= 0;
        assert_eq!(pass.is_accepted(&values, outputs), positive);
    }
    assert!(changed > 0, "an output shows it");
}

/// The same value with its low limb too long and its top limb smaller: all that is wrong is that the low
/// limb is in no table.
#[test]
fn a_low_limb_beyond_its_table_is_refused() {
    let pass = Pass::new(6, false);
    let outputs = &pass.activations[1].y;
    let relation = pass.relation.relation();
    let named = |name: &str| {
        let mut lookups = relation.lookups.iter();
        let found = lookups.find(|(_, tensors)| relation.name(tensors[0]) == name);
        found.unwrap()
    };
    for name in ["Y1", "Y2"] {
        let (_, low) = named(&format!("{name} limb 0"));
        let (table, top) = named(&format!("{name} limb 1"));
        let (table, uses) = &relation.tables[*table];
        let bits = limb_widths(if name == "Y1" { 11 } else { 12 }, BATCH * 7)[0];
        let mut values = pass.witness();
        // A negative top limb stays negative: its sign is right.
        let at = values[&top[0]].iter().position(|v| *v == -1);
        let at = at.expect("a small negative value");
        let tuple = |values: &Values| -> Vec<i64> { top.iter().map(|id| values[id][at]).collect() };
        let count = |values: &mut Values, by: i64| {
            let index = table.index(&tuple(values)).expect("in the table");
            Arc::make_mut(values.get_mut(uses).unwrap())[index] += by;
        };
        count(&mut values, -1);
        Arc::make_mut(values.get_mut(&top[0]).unwrap())[at] -= 1;
        Arc::make_mut(values.get_mut(&low[0]).unwrap())[at] += 1 << bits;
        count(&mut values, 1);
        assert!(!pass.is_accepted(&values, outputs.clone()), "{name}");
    }
}

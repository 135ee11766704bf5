//! Lies about how gradients move weights: the matrix of another optimiser, and one with a diagonal.
use super::{
    witness::{attempt, child, forged, forger},
    *,
};
use crate::nn::{
    optimise::{Momentum, Optimiser, RateSchedule},
    relation::{Kind, Public},
};

pub(super) fn optimiser(units: u64, momentum: &str, schedule: &str) -> Optimiser {
    let rate = LearningRate::from_coefficient(units).unwrap();
    let (momentum, schedule) = (momentum.parse().unwrap(), schedule.parse().unwrap());
    Optimiser::new(rate, momentum, schedule).unwrap()
}

fn plan(hiding: bool, optimiser: Optimiser) -> Plan {
    Plan {
        optimiser,
        ..Plan::padded(hiding)
    }
}

/// Optimisers that are told apart by one thing each.
fn optimisers() -> Vec<Optimiser> {
    vec![
        optimiser(12, "momentum:0.9", "constant"),
        optimiser(13, "momentum:0.9", "constant"),
        optimiser(12, "momentum:0.5", "constant"),
        optimiser(12, "nesterov:0.9", "constant"),
        optimiser(12, "sgd", "constant"),
        optimiser(12, "sgd", "cosine"),
        optimiser(12, "momentum:0.9", "cosine"),
        optimiser(12, "momentum:0.9", "cosine:warmup=2"),
        optimiser(12, "momentum:0.9", "cosine:floor=0.5"),
        optimiser(12, "momentum:0.9", "step:every=1,by=0.5"),
        optimiser(12, "momentum:0.9", "step:every=2,by=0.5"),
        optimiser(12, "momentum:0.9", "step:every=1,by=0.25"),
    ]
}

/// Training by another optimiser than the statement's, consistent to the end: its child is committed.
fn by_another(hiding: bool, stated: Optimiser, followed: Optimiser) -> Attempt {
    // In range by both.
    let both = |seed| {
        let other = Scene::new(&plan(hiding, followed), seed)?;
        Some((Scene::new(&plan(hiding, stated), seed)?, other))
    };
    let (scene, other) = (0..).find_map(both).unwrap();
    let parts = scene.parts();
    let mut forger = forger(&scene, &parts.training);
    forger.updates = other.statement.parameters.plan().matrix(0);
    let values = forged(forger, |_, _| ());
    let mut attempt = attempt(&scene, parts, values);
    attempt.commit_child(&scene);
    attempt
}

#[test]
fn the_matrix_is_that_of_the_statement() {
    for followed in optimisers() {
        accepted(|hiding| by_another(hiding, followed, followed));
        for stated in optimisers() {
            if stated != followed {
                refused(fails(PRODUCTS), |hiding| {
                    by_another(hiding, stated, followed)
                });
            }
        }
    }
}

/// A proof for one optimiser is none for another: the statement's bytes differ.
#[test]
fn a_proof_is_of_one_optimiser() {
    for hiding in [false, true] {
        for (k, proven) in optimisers().into_iter().enumerate() {
            let scene = Plan {
                segment_steps: 2,
                ..plan(hiding, proven)
            };
            let mut scene = scene.scene();
            let proof = scene.prove();
            assert_eq!(verdict(&scene.statement, &proof), Ok(()));
            let other = optimisers()[(k + 1) % optimisers().len()];
            scene.statement.parameters.optimiser = other;
            assert!(verdict(&scene.statement, &proof).is_err());
        }
    }
}

/// The data and weights of a network of one weight and one bias at which its error is zero.
fn balanced(hiding: bool) -> Scene {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let plan = Plan {
        widths: vec![1, 1],
        batch: 1,
        steps: 1,
        segment_steps: 1,
        ..plan(hiding, optimiser(12, "momentum:0.9", "constant"))
    };
    let mut scene = plan.scene();
    let dataset = Dataset::from_rows(1, 1, vec![FEATURE, 0]).unwrap();
    scene.data = DatasetOpening::new(dataset, hiding, rng);
    scene.statement.dataset = scene.data.commit();
    let architecture = scene.statement.parameters.architecture.clone();
    let layer = super::super::Layer::new(vec![0], vec![0]);
    let zero = super::super::Weights::new(architecture, vec![layer]).unwrap();
    scene.parent = WeightOpening::new(zero.clone(), hiding, rng);
    scene.statement.parent = ParentWeights::Committed {
        commitment: scene.parent.commit(),
        bound: WeightBound::new(1 << 40),
    };
    scene.child = WeightOpening::new(zero, hiding, rng);
    scene.statement.child = scene.child.commit();
    scene
}

const FEATURE: i64 = 4;
/// An entry of the diagonal at which $W_0 - K_{00} \nabla(W_0)$ is $W_0$ for a whole line of weights: for an output
/// $y$ the gradients are $4 \cdot 2 y$, and $4 \cdot 2 \cdot 2^{10} \cdot 4 \cdot 2 y = 2^{16} y$ is that output.
const DIAGONAL: i64 = -(1 << 10);

/// The prover chooses an output, and with it a weight of the step: with a diagonal that is consistent.
fn chosen(output: i128, hiding: bool, diagonal: bool) -> (Scene, Attempt) {
    let scene = balanced(hiding);
    let mut training = scene.parts().training;
    if diagonal {
        let tensors = &mut training.relation_mut().tensors;
        let matrix = tensors.iter_mut().find(|t| t.name == "coefficients");
        matrix.unwrap().kind = Kind::Public(Public::Any(vec![DIAGONAL]));
    }
    let mut forger = forger(&scene, &training);
    let weight = -i128::from(DIAGONAL) * i128::from(FEATURE) * 2 * output;
    forger.chosen = Some(vec![vec![weight; 2]]);
    let values = forged(forger, |_, _| ());
    let last = &values[&child(&training, 0)];
    let moved = -12 * FEATURE * 2 * output as i64;
    assert_eq!(**last, [moved, moved], "the child follows the choice");
    let segment = scene.segment();
    let parts = scene.statement.argument_of(training, segment, 1, false);
    let mut attempt = attempt(&scene, parts.unwrap(), values);
    attempt.commit_child(&scene);
    (scene, attempt)
}

/// With a diagonal many weights are fixed points of a step, and each is accepted; the verifier's matrix has none.
#[test]
fn a_diagonal_lets_the_prover_choose() {
    for output in [-9, 1, 7] {
        refused(fails(PRODUCTS), |hiding| chosen(output, hiding, true).1);
        for hiding in [false, true] {
            let (_, attempt) = chosen(output, hiding, true);
            assert_eq!(attempt.by_its_own_relation(), Ok(()), "{output}");
            let (_, attempt) = chosen(output, hiding, false);
            assert!(attempt.by_its_own_relation().is_err(), "{output}");
        }
    }
    // The one honest weight.
    accepted(|hiding| chosen(0, hiding, false).1);
}

/// No matrix that a verifier makes has a diagonal, or an entry in padding.
#[test]
fn verifiers_make_triangles() {
    for optimiser in optimisers() {
        let scene = plan(false, optimiser).scene();
        let parts = scene.parts();
        let relation = parts.training.relation();
        let Some(id) = relation.find("coefficients") else {
            assert!(optimiser.momentum() == Momentum::None);
            assert!(optimiser.schedule() == RateSchedule::Constant);
            continue;
        };
        let tensor = &relation.tensors[id.0];
        let Kind::Public(public) = &tensor.kind else {
            panic!("it is public");
        };
        for (k, entry) in public.values(&tensor.dims).into_iter().enumerate() {
            let (t, tau) = (k % 4, k / 4);
            assert_eq!(entry != 0, tau < t && t < 3, "[{t}, {tau}]");
        }
    }
}

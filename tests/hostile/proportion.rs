//! Statements at the limits of what is accepted, with next to no bytes behind them: what is done before a
//! proof is there takes memory in proportion to the bytes at hand, whatever the numbers in the
//! statement are. Nothing here looks at a clock: what takes long makes large tables.
use crate::{
    alone,
    memory::peak,
    targets::{Scene, author},
};
use zktree::{
    Pallas,
    commit::{Curve, RowCommitments},
    error::VerifyError,
    nn::{
        Architecture, ColumnStatistics, DatasetCommitment, FixedPoint, FixedPointConfig,
        LearningRate, Normalization, ParentWeights, ScheduleSeed, TrainingParameters,
        TrainingProof, TrainingStatement, WeightBound, WeightCommitment, WeightGrid,
        optimise::Optimiser, proof,
    },
    tree::{DatasetName, Edge, Labels, Node, NodeId, Root, Tree, TreeError},
};

/// What may be taken without any bytes: the description of a relation and a row of columns.
const SHALLOW: usize = 2 << 20;
/// The same for 64 layers of as many limbs as there may be.
const DEEP: usize = 24 << 20;

/// The format with the smallest tables and one limb, or with as many limbs as there can be, or with the
/// largest tables.
fn formats() -> [FixedPoint; 3] {
    let config = |bits, limbs: Vec<u32>| FixedPointConfig {
        activation_bits: 1,
        gradient_bits: 1,
        weight_bits: limbs.iter().sum(),
        hidden_range_bits: bits,
        output_range_bits: bits,
        gradient_range_bits: bits,
        data_range_bits: bits,
        functions: None,
        limbs,
    };
    let formats = [
        config(2, vec![2]),
        config(2, vec![1; 60]),
        config(24, vec![24; 2]),
    ];
    formats.map(|config| FixedPoint::new(config).unwrap())
}

/// A statement in which everything is as large as it may be for these widths, on `rows` rows.
fn statement(
    widths: Vec<usize>,
    fixed_point: FixedPoint,
    rows: (usize, usize),
    hiding: bool,
) -> TrainingStatement<Pallas> {
    statement_of(
        Architecture::new(widths).unwrap(),
        fixed_point,
        rows,
        hiding,
    )
}

/// The same for any network.
pub fn statement_of(
    architecture: Architecture,
    fixed_point: FixedPoint,
    (rows, batch): (usize, usize),
    hiding: bool,
) -> TrainingStatement<Pallas> {
    let commitment = WeightCommitment::placeholder(&architecture);
    let (inputs, outputs) = (architecture.num_inputs(), architecture.num_outputs());
    let points = RowCommitments {
        rows: vec![Default::default(); rows],
    };
    TrainingStatement {
        parent: ParentWeights::Committed {
            commitment: commitment.clone(),
            bound: WeightBound::new(1),
        },
        child: commitment,
        dataset: DatasetCommitment::new(inputs, outputs, points),
        parameters: TrainingParameters {
            architecture,
            fixed_point,
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
            batch,
            steps: 64 << 10,
            segment_steps: 1 << 10,
            hiding,
        },
        schedule: ScheduleSeed([1; 32]),
        parent_id: [2; 32],
        child_pre_id: [3; 32],
    }
}

/// Momentum that is never forgotten, and rates that all differ: the matrix of a segment is as full as it can be.
fn longest() -> Optimiser {
    let rate = LearningRate::from_coefficient(1 << 30).unwrap();
    let momentum = "nesterov:0.999999".parse().unwrap();
    Optimiser::new(rate, momentum, "cosine:warmup=9".parse().unwrap()).unwrap()
}

fn extremes() -> Vec<(String, usize, TrainingStatement<Pallas>)> {
    let mut all = Vec::new();
    for (k, format) in formats().into_iter().enumerate() {
        for hiding in [false, true] {
            for layers in [1, 64] {
                for batch in [1, 1 << 10] {
                    let name =
                        format!("{layers} layers, format {k}, batch {batch}, hiding {hiding}");
                    let (widths, rows) = (vec![1; layers + 1], (1 << 10, batch));
                    let plain = statement(widths, format.clone(), rows, hiding);
                    let mut other = plain.clone();
                    other.parameters.optimiser = longest();
                    all.push((format!("{name}, momentum"), layers, other));
                    all.push((name, layers, plain));
                }
            }
        }
    }
    all
}

fn check(what: &str, layers: usize, work: impl FnOnce() -> bool) {
    let mut as_expected = false;
    let peak = peak(|| as_expected = work());
    assert!(as_expected, "{what}");
    let most = if layers == 1 { SHALLOW } else { DEEP };
    assert!(peak <= most, "{what}: {peak} bytes of memory");
}

#[test]
fn statements_of_training_are_weighed_without_what_they_speak_of() {
    let _alone = alone();
    for (name, layers, statement) in extremes() {
        check(&name, layers, || statement.soundness().is_ok());
        check(&name, layers, || statement.sizes().is_ok());
    }
}

/// The length of each segment is there, and its proof is not, or ends where the commitments of its
/// rows should be.
#[test]
fn proofs_that_end_before_their_rows_cost_nothing() {
    let _alone = alone();
    for (name, layers, statement) in extremes() {
        let between = WeightCommitment::<Pallas>::encoded_len(&statement.parameters.architecture);
        for len in [0_usize, 320] {
            let mut proof = vec![0; between];
            proof.extend((len as u64).to_le_bytes());
            proof.extend(vec![0; len]);
            let proof = TrainingProof(proof.repeat(64)[between..].to_vec());
            check(&name, layers, || statement.verify(&proof).is_err());
        }
    }
}

#[test]
fn ranges_of_data_and_weights_are_weighed_without_their_tables() {
    let _alone = alone();
    for hiding in [false, true] {
        let rows = RowCommitments {
            rows: vec![Default::default(); 1 << 10],
        };
        let data = DatasetCommitment::<Pallas>::new(1, 1, rows);
        check("data", 1, || {
            proof::dataset_soundness(&data, 24, hiding).is_ok()
        });
        check("data", 1, || {
            proof::verify_dataset(&data, 24, hiding, &[0; 320]).is_err()
        });

        let widths = [1 << 16, 1].into_iter().cycle().take(65).collect();
        let architecture = Architecture::new(widths).unwrap();
        let weights = WeightCommitment::<Pallas>::placeholder(&architecture);
        let grid = WeightGrid {
            step_bits: 0,
            range_bits: 20,
        };
        check("grid", 64, || {
            grid.soundness(&architecture, &weights, hiding).is_ok()
        });
        check("grid", 64, || {
            grid.verify(&architecture, &weights, hiding, &[0; 32], &[0; 320])
                .is_err()
        });
    }
}

/// A root of these widths, of which every column is called the same.
fn root(widths: Vec<usize>, format: FixedPoint) -> Root {
    let column = |k: usize| ColumnStatistics {
        name: k.to_string(),
        ..Scene::get(true).root.normalization().features()[0].clone()
    };
    let (inputs, outputs) = (widths[0], widths[widths.len() - 1]);
    let columns = |range: std::ops::Range<usize>| range.map(column).collect::<Vec<_>>();
    let targets = columns(inputs..inputs + outputs);
    let normalization = Normalization::new(columns(0..inputs), targets).unwrap();
    Root::new(Architecture::new(widths).unwrap(), format, normalization, 1).unwrap()
}

/// A tree of nodes, each trained from the one before as its statement says, with proofs of zeros.
fn junk(layers: usize, format: &FixedPoint, nodes: usize) -> Tree<Pallas> {
    let mut tree = Tree::new();
    let mut parent = tree
        .add_root(root(vec![1; layers + 1], format.clone()))
        .unwrap();
    let rows = (1 << 10, 1 << 10);
    for nonce in 0..nodes as u64 {
        let said = statement(vec![1; layers + 1], format.clone(), rows, nonce % 2 == 1);
        let node = Node {
            parent,
            parameters: said.parameters,
            weights: said.child,
            dataset: DatasetName::of(&said.dataset),
            nonce,
            author: author().public(),
            labels: Labels::default(),
        };
        let mut edge = Edge {
            proof: TrainingProof(vec![0; 320]).into(),
            dataset: said.dataset,
            data_proof: vec![0; 320].into(),
            signature: author().sign(NodeId([0; 32])),
        };
        edge.signature = author().sign(node.id(&edge));
        parent = tree.add_node(node, edge).unwrap();
    }
    tree
}

/// Nobody asks for the soundness of what is refused. Who does is told so, by the length of the
/// proof alone.
#[test]
fn junk_has_no_soundness_and_is_refused() {
    let _alone = alone();
    for format in formats() {
        for layers in [1, 64] {
            let tree = junk(layers, &format, 3);
            let ids: Vec<NodeId> = tree.ids().collect();
            let mut found = None;
            check("soundness", layers, || {
                found = tree.soundness(&ids).err();
                found.is_some()
            });
            assert!(matches!(
                found,
                Some(TreeError::Training {
                    source: VerifyError::Shape { .. },
                    ..
                })
            ));
            check("verdicts", layers, || {
                let verdicts = tree.verdicts(&ids, &Default::default(), &mut |_| ());
                verdicts.unwrap().refused.len() == 3
            });
        }
    }
}

/// The least length is that of all rows at least, and no honest proof is shorter.
#[test]
fn honest_proofs_are_long_enough() {
    let _alone = alone();
    for hiding in [false, true] {
        let scene = Scene::get(hiding);
        let proofs = [&scene.child, &scene.grandchild].map(|child| &child.edge.proof);
        for (statement, proof) in scene.statements().iter().zip(proofs) {
            statement.check_length(proof).unwrap();
            let zeros = |len| statement.check_length(&TrainingProof(vec![0; len]));
            let Err(VerifyError::Shape { expected, .. }) = zeros(0) else {
                panic!("no proof at all");
            };
            assert!(zeros(expected - 1).is_err() && zeros(expected).is_ok());
            let sizes = statement.sizes().unwrap().into_iter();
            let rows: usize = sizes.map(|(size, count)| size.rows * count as usize).sum();
            assert!(expected > rows * Pallas::ENCODED_LEN);
        }
    }
}

//! Lineages: an honest family verifies, and every way to cheat that we know of is refused with an
//! error that names the node.
mod common;

use ark_pallas::Projective as Pallas;
use common::tiny;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{ops::ControlFlow, sync::OnceLock};
use zktree::{
    commit::RowCommitments,
    error::{ProveError, VerifyError},
    nn::{
        Architecture, Dataset, DatasetCommitment, DatasetOpening, LearningRate, Normalization,
        Progress, Table, TrainingParameters, TrainingProof, WeightBound, WeightCommitment,
        WeightOpening,
    },
    tree::{
        AuthorKey, Child, DatasetName, Draft, Edge, Labels, Node, NodeId, Path, ProvenDataset,
        Root, Tree, TreeError,
    },
};

type Field = <Pallas as ark_ec::PrimeGroup>::ScalarField;
type Alteration<'a> = (&'a str, &'a dyn Fn(&mut Node<Pallas>, &mut Edge<Pallas>));

const BATCH: usize = 3;
const STEPS: u64 = 5;

fn go(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn architecture() -> Architecture {
    Architecture::new(vec![3, 4, 2]).unwrap()
}

fn root(seed: u64) -> Root {
    let table = Table::from_reader("t.csv", "a,b,c,x,y\n1,2,3,4,5\n2,3,4,5,7\n".as_bytes());
    let targets = ["x".to_owned(), "y".to_owned()];
    let normalization = Normalization::fit(&table.unwrap(), &targets).unwrap();
    Root::new(architecture(), tiny(), normalization, seed).unwrap()
}

fn parameters() -> TrainingParameters {
    TrainingParameters {
        architecture: architecture(),
        fixed_point: tiny(),
        rate: LearningRate::from_coefficient(2).unwrap(),
        batch: BATCH,
        steps: STEPS,
        segment_steps: 2,
        hiding: true,
    }
}

fn dataset(rng: &mut ChaCha20Rng) -> ProvenDataset<Pallas> {
    let values = (0..7 * 5).map(|_| rng.gen_range(-16..=16)).collect();
    let dataset = Dataset::from_rows(3, 2, values).unwrap();
    let opening = DatasetOpening::new(dataset, true, rng);
    ProvenDataset::new(opening, &tiny(), true).unwrap()
}

fn draft<'a>(parent: NodeId, dataset: &'a ProvenDataset<Pallas>, title: &str) -> Draft<'a, Pallas> {
    Draft {
        parent,
        dataset,
        parameters: parameters(),
        nonce: 0,
        author: AuthorKey([7; 32]),
        labels: Labels {
            title: Some(title.into()),
            ..Labels::default()
        },
    }
}

/// A root, its child, and two children of that on other data.
struct Family {
    tree: Tree<Pallas>,
    root: NodeId,
    first: Child<Pallas>,
    second: Child<Pallas>,
    third: Child<Pallas>,
    data: [ProvenDataset<Pallas>; 3],
}

impl Family {
    fn get() -> &'static Self {
        static FAMILY: OnceLock<Family> = OnceLock::new();
        FAMILY.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let data = [0; 3].map(|_| dataset(&mut rng));
        let mut tree = Tree::new();
        let root = tree.add_root(root(1)).unwrap();
        let mut child = |parent, opening: &WeightOpening<Field>, data, title| {
            let draft = draft(parent, data, title);
            let child = draft.train(&tree, opening, &mut rng, &mut go).unwrap();
            let id = tree.add_node(child.node.clone(), child.edge.clone());
            (id.unwrap(), child)
        };
        let opening = self::root(1).opening();
        let (id, first) = child(root, &opening, &data[0], "first");
        let (_, second) = child(id, &first.opening, &data[1], "second");
        let (_, third) = child(id, &first.opening, &data[2], "third");
        Self {
            tree,
            root,
            first,
            second,
            third,
            data,
        }
    }

    fn id(child: &Child<Pallas>) -> NodeId {
        child.node.id(&child.edge)
    }

    /// The family's tree with another child; what verifying the lineage of that says.
    fn verdict(&self, node: Node<Pallas>, edge: Edge<Pallas>) -> (NodeId, Result<(), TreeError>) {
        let mut tree = Tree::new();
        tree.add_root(root(1)).unwrap();
        let Child {
            node: n, edge: e, ..
        } = &self.first;
        tree.add_node(n.clone(), e.clone()).unwrap();
        let id = tree.add_node(node, edge).unwrap();
        (id, tree.verify_lineage(id).map(drop))
    }

    /// Asserts that the second child with an alteration is refused and named.
    fn refused(
        &self,
        what: &str,
        alter: &dyn Fn(&mut Node<Pallas>, &mut Edge<Pallas>),
    ) -> TreeError {
        let (mut node, mut edge) = (self.second.node.clone(), self.second.edge.clone());
        alter(&mut node, &mut edge);
        let (id, verdict) = self.verdict(node, edge);
        let error = verdict.expect_err(what);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("node {} ", id.short())),
            "{what}: {text}"
        );
        error
    }
}

fn is_training(error: &TreeError) -> bool {
    matches!(error, TreeError::Training { .. })
}

#[test]
fn an_honest_family_verifies() {
    let family = Family::get();
    let (first, second) = (Family::id(&family.first), Family::id(&family.second));
    let third = Family::id(&family.third);
    let tree = &family.tree;
    assert_eq!(tree.verify_all(), Ok(3));
    assert_eq!(tree.roots(), [family.root]);
    assert_eq!(tree.children(family.root), [first]);
    assert_eq!(tree.children(first), [second, third]);
    assert_eq!((tree.len(), tree.is_empty()), (4, false));

    let lineage = tree.verify_lineage(second).unwrap();
    assert_eq!(lineage.ids, [family.root, first, second]);
    assert_eq!(lineage.steps, 2 * u128::from(STEPS));
    let (p, fixed) = (parameters(), tiny());
    let bound = WeightBound::initial(&p.architecture, &fixed);
    let after = |bound: WeightBound| bound.after(STEPS, BATCH, &p.architecture, &fixed, p.rate);
    assert_eq!(lineage.bound, after(after(bound).unwrap()).unwrap());

    let start = tree.verify_lineage(family.root).unwrap();
    assert_eq!(
        (start.ids, start.steps, start.bound),
        (vec![family.root], 0, bound)
    );
}

#[test]
fn without_hiding_too_and_on_bls12_381() {
    type Bls = ark_bls12_381::G1Projective;
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut tree = Tree::<Bls>::new();
    let id = tree.add_root(root(1)).unwrap();
    let data = Dataset::from_rows(3, 2, vec![5; 4 * 5]).unwrap();
    let opening = DatasetOpening::new(data, false, &mut rng);
    let data = ProvenDataset::new(opening, &tiny(), false).unwrap();
    let mut parameters = parameters();
    parameters.hiding = false;
    let draft = Draft {
        parent: id,
        dataset: &data,
        parameters,
        nonce: 0,
        author: AuthorKey([0; 32]),
        labels: Labels::default(),
    };
    let child = draft
        .train(&tree, &root(1).opening(), &mut rng, &mut go)
        .unwrap();
    let id = tree.add_node(child.node, child.edge).unwrap();
    assert_eq!(tree.verify_lineage(id).map(|l| l.steps), Ok(STEPS.into()));
}

#[test]
fn the_tree_is_printed() {
    let family = Family::get();
    let short = |child| Family::id(child).short();
    assert_eq!(
        family.tree.to_string(),
        format!(
            "{} root 3,4,2, seed 1\n\
             └── {} \"first\": 5 steps on 7 rows\n    \
             ├── {} \"second\": 5 steps on 7 rows\n    \
             └── {} \"third\": 5 steps on 7 rows\n",
            family.root.short(),
            short(&family.first),
            short(&family.second),
            short(&family.third)
        )
    );
}

#[test]
fn ids_are_text_and_back() {
    let id = Family::get().root;
    assert_eq!(id.to_string().parse(), Ok(id));
    for text in [
        "",
        "12",
        &id.short(),
        &format!("{id}0"),
        &"g".repeat(64),
        "\u{1b}[2J",
    ] {
        let error = text.parse::<NodeId>().unwrap_err();
        assert!(matches!(error, TreeError::MalformedId { .. }));
        assert!(!error.to_string().contains('\u{1b}'));
    }
}

#[test]
fn a_tree_takes_nothing_twice_and_no_orphans() {
    let family = Family::get();
    let mut tree = family.tree.clone();
    let Child { node, edge, .. } = &family.second;
    let id = Family::id(&family.second);
    let duplicate = |id| Err(TreeError::Duplicate { id });
    assert_eq!(tree.add_root(root(1)), duplicate(family.root));
    assert_eq!(tree.add_node(node.clone(), edge.clone()), duplicate(id));
    let mut empty = Tree::new();
    assert_eq!(
        empty.add_node(node.clone(), edge.clone()),
        Err(TreeError::UnknownParent {
            node: node.label(edge),
            parent: node.parent,
        })
    );
    assert_eq!(empty.verify_lineage(id), Err(TreeError::Unknown { id }));
    assert_eq!(empty.verify_all(), Ok(0));
    assert_eq!(tree.len(), 4);
}

#[test]
fn a_root_has_columns_for_its_network() {
    let architecture = Architecture::new(vec![4, 2]).unwrap();
    let normalization = root(1).normalization().clone();
    assert_eq!(
        Root::new(architecture, tiny(), normalization, 0),
        Err(TreeError::NormalizationWidth {
            network: (4, 2),
            columns: (3, 2),
        })
    );
}

/// Another commitment to other weights of the same shape.
fn other_weights(opening: &WeightOpening<Field>) -> WeightOpening<Field> {
    let mut layers = opening.weights().layers().to_vec();
    layers[1].weight[3] += 1;
    let weights = zktree::nn::Weights::new(architecture(), layers).unwrap();
    WeightOpening::new(weights, true, &mut ChaCha20Rng::seed_from_u64(3))
}

#[test]
fn weights_changed_after_training() {
    let family = Family::get();
    let parent = Family::id(&family.first);
    let changed = other_weights(&family.second.opening);
    // The honest prover makes no such proof.
    let draft = draft(parent, &family.data[1], "second");
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let child = draft.prove(
        &family.tree,
        &family.first.opening,
        changed.clone(),
        rng,
        &mut go,
    );
    let source = ProveError::OtherChild;
    assert_eq!(child.unwrap_err(), TreeError::NotProven { parent, source });
    // And an honest proof is not one of them, nor of the same weights blinded anew.
    let weights = family.second.opening.weights().clone();
    let blinded = WeightOpening::<Field>::new(weights, true, rng);
    for opening in [changed, blinded] {
        let error = family.refused("weights", &|node, _| node.weights = opening.commit());
        assert!(is_training(&error), "{error}");
    }
}

#[test]
fn another_parent() {
    let family = Family::get();
    // Below its sibling, below the root.
    let third = Family::id(&family.third);
    for parent in [third, family.root] {
        let (mut node, edge) = (family.second.node.clone(), family.second.edge.clone());
        node.parent = parent;
        let mut tree = family.tree.clone();
        let id = tree.add_node(node, edge).unwrap();
        let error = tree.verify_lineage(id).unwrap_err();
        assert!(
            is_training(&error) && error.to_string().contains(&id.short()),
            "{error}"
        );
        // The whole tree fails by that node, the others still verify.
        assert_eq!(tree.verify_all(), Err(error));
        assert!(tree.verify_lineage(third).is_ok());
    }
}

#[test]
fn paths_are_chained_by_recomputed_ids() {
    let family = Family::get();
    let path = family.tree.path(Family::id(&family.second)).unwrap();
    let edges = path.edges().to_vec();
    let other = root(2);
    for (root, edges) in [(path.root(), edges[1..].to_vec()), (&other, edges.clone())] {
        let (node, edge) = edges[0];
        let wrong = TreeError::WrongParent {
            node: node.label(edge),
            named: node.parent,
            above: root.id(),
        };
        assert_eq!(Path::new(root, edges).verify(), Err(wrong));
    }
}

#[test]
fn a_root_of_another_seed() {
    let family = Family::get();
    let mut tree = Tree::new();
    let id = tree.add_root(root(2)).unwrap();
    let (mut node, edge) = (family.first.node.clone(), family.first.edge.clone());
    node.parent = id;
    let id = tree.add_node(node, edge).unwrap();
    let error = tree.verify_lineage(id).unwrap_err();
    assert!(
        is_training(&error) && error.to_string().contains(&id.short()),
        "{error}"
    );
    // Nor does an honest prover start from weights that are not the root's.
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let draft = draft(family.root, &family.data[0], "first");
    let child = draft.train(&family.tree, &root(2).opening(), rng, &mut go);
    assert!(
        child
            .unwrap_err()
            .to_string()
            .contains("opening given is not that of the parent")
    );
}

#[test]
fn altered_statements() {
    let family = Family::get();
    let alterations: &[Alteration<'_>] = &[
        ("one step fewer", &|node, _| node.parameters.steps -= 1),
        ("one step more", &|node, _| node.parameters.steps += 1),
        ("other segments", &|node, _| {
            node.parameters.segment_steps = 3
        }),
        ("one segment", &|node, _| {
            node.parameters.segment_steps = STEPS
        }),
        ("larger batch", &|node, _| node.parameters.batch += 1),
        ("larger rate", &|node, _| {
            node.parameters.rate = LearningRate::from_coefficient(3).unwrap();
        }),
        ("no hiding", &|node, _| node.parameters.hiding = false),
        ("another author", &|node, _| {
            node.author = AuthorKey([8; 32])
        }),
        ("another nonce", &|node, _| node.nonce += 1),
        ("another title", &|node, _| {
            node.labels.title = Some("mine".into())
        }),
        ("no title", &|node, _| node.labels.title = None),
        ("a licence", &|node, _| {
            node.labels.licence = Some("MIT".into())
        }),
        ("a note", &|node, _| node.labels.note = Some(String::new())),
        ("the sibling's proof", &|_, edge| *edge = family_edge(2)),
        ("the parent's proof", &|_, edge| {
            edge.proof = family_edge(0).proof;
        }),
        ("no proof", &|_, edge| edge.proof.0.clear()),
    ];
    for (what, alter) in alterations {
        let (mut node, mut edge) = (family.second.node.clone(), family.second.edge.clone());
        let pre_id = node.pre_id();
        alter(&mut node, &mut edge);
        assert!(
            node.pre_id() != pre_id || edge != family.second.edge,
            "{what}"
        );
        let (id, verdict) = family.verdict(node, edge);
        let error = verdict.expect_err(what);
        assert!(error.to_string().contains(&id.short()), "{what}: {error}");
        let right = is_training(&error) || matches!(error, TreeError::OtherDataset { .. });
        assert!(right, "{what}: {error}");
    }
}

fn family_edge(k: usize) -> Edge<Pallas> {
    let family = Family::get();
    [&family.first, &family.second, &family.third][k]
        .edge
        .clone()
}

#[test]
fn swapped_data() {
    let family = Family::get();
    let other = family.data[2].commitment();
    let error = family.refused("rows", &|_, edge| edge.dataset = other.clone());
    assert!(matches!(error, TreeError::OtherDataset { .. }), "{error}");
    let error = family.refused("rows and name", &|node, edge| {
        edge.dataset = other.clone();
        node.dataset = DatasetName::of(other);
    });
    assert!(is_training(&error), "{error}");
    let all = family_edge(2);
    let error = family.refused("rows, name and range", &|node, edge| {
        edge.dataset = other.clone();
        node.dataset = DatasetName::of(other);
        edge.data_proof = all.data_proof.clone();
    });
    assert!(is_training(&error), "{error}");
    let error = family.refused("range proof", &|_, edge| {
        edge.data_proof = all.data_proof.clone();
    });
    assert!(matches!(error, TreeError::Data { .. }), "{error}");
    // Shapes that the node and the rows disagree on, and shapes that the network does not take.
    let error = family.refused("shape", &|node, _| node.dataset.num_rows += 1);
    assert!(matches!(error, TreeError::OtherDataset { .. }), "{error}");
    for (features, targets, rows) in [(2, 3, 7), (0, 5, 7), (usize::MAX, 2, 7), (3, 2, 0)] {
        let error = family.refused("shape of both", &|node, edge| {
            let mut points = edge.dataset.rows().rows.clone();
            points.truncate(rows);
            let rows = RowCommitments { rows: points };
            edge.dataset = DatasetCommitment::new(features, targets, rows);
            node.dataset = DatasetName::of(&edge.dataset);
        });
        assert!(is_training(&error), "{error}");
    }
}

#[test]
fn another_network_than_the_roots() {
    let family = Family::get();
    let error = family.refused("architecture", &|node, _| {
        node.parameters.architecture = Architecture::new(vec![3, 5, 2]).unwrap();
    });
    assert!(
        matches!(error, TreeError::OtherArchitecture { .. }),
        "{error}"
    );
    let error = family.refused("fixed point", &|node, _| {
        node.parameters.fixed_point = zktree::nn::FixedPoint::compact();
    });
    assert!(
        matches!(error, TreeError::OtherFixedPoint { .. }),
        "{error}"
    );
}

/// The bound follows from rate and steps; runs that might wrap around the field are refused
/// whatever their proof says.
#[test]
fn the_bound_on_weights_is_recomputed() {
    let family = Family::get();
    for steps in [1 << 62, u64::MAX] {
        for segment_steps in [1, u64::MAX] {
            let error = family.refused("a run without end", &|node, _| {
                node.parameters.steps = steps;
                node.parameters.segment_steps = segment_steps;
                node.parameters.rate = LearningRate::from_coefficient(1 << 53).unwrap();
            });
            let text = error.to_string();
            assert!(text.contains("bound on weights after"), "{text}");
        }
    }
    // Within the bound, but no proof has that many segments; nothing is allocated for them.
    let error = family.refused("many segments", &|node, _| {
        node.parameters.steps = 1 << 62;
        node.parameters.segment_steps = 1;
    });
    assert!(is_training(&error), "{error}");
}

/// The parts of a proof: for each segment the weights behind it, if it is not the last, and the
/// proof with its length.
fn segments(proof: &TrainingProof) -> Vec<(Vec<u8>, Vec<u8>)> {
    let len = WeightCommitment::<Pallas>::encoded_len(&architecture());
    let count = parameters().num_segments();
    let mut rest = proof.0.as_slice();
    let mut take = |len: usize| {
        let (head, tail) = rest.split_at(len);
        rest = tail;
        head.to_vec()
    };
    let parts = (1..=count).map(|k| {
        let weights = take(if k < count { len } else { 0 });
        let len = take(8);
        let proof = take(u64::from_le_bytes(len.clone().try_into().unwrap()) as usize);
        (weights, [len, proof].concat())
    });
    parts.collect()
}

fn join(segments: &[(Vec<u8>, Vec<u8>)]) -> TrainingProof {
    let bytes = segments
        .iter()
        .flat_map(|(a, b)| [a.as_slice(), b].concat());
    TrainingProof(bytes.collect())
}

#[test]
fn segments_dropped_reordered_replayed() {
    let family = Family::get();
    let s = segments(&family.second.edge.proof);
    assert_eq!(s.len(), 3);
    assert_eq!(join(&s), family.second.edge.proof);
    let other = segments(&family.third.edge.proof);
    let weights = |k: usize, proof: &(Vec<u8>, Vec<u8>)| (s[k].0.clone(), proof.1.clone());
    let cases = [
        ("first dropped", vec![s[1].clone(), s[2].clone()]),
        ("second dropped", vec![s[0].clone(), s[2].clone()]),
        ("last dropped", vec![s[0].clone(), s[1].clone()]),
        ("reordered", vec![s[1].clone(), s[0].clone(), s[2].clone()]),
        (
            "proofs reordered",
            vec![weights(0, &s[1]), weights(1, &s[0]), s[2].clone()],
        ),
        ("replayed", vec![s[0].clone(), s[0].clone(), s[2].clone()]),
        (
            "proof replayed",
            vec![s[0].clone(), weights(1, &s[0]), s[2].clone()],
        ),
        (
            "once more",
            vec![s[0].clone(), s[1].clone(), s[1].clone(), s[2].clone()],
        ),
        (
            "the sibling's segment",
            vec![s[0].clone(), other[1].clone(), s[2].clone()],
        ),
        (
            "the sibling's start",
            vec![other[0].clone(), s[1].clone(), s[2].clone()],
        ),
    ];
    for (what, parts) in cases {
        let error = family.refused(what, &|_, edge| edge.proof = join(&parts));
        assert!(is_training(&error), "{what}: {error}");
    }
}

#[test]
fn proofs_cut_and_extended() {
    let family = Family::get();
    for count in [1, 31, 200] {
        for (extend, proof_of_data) in [(false, false), (false, true), (true, false), (true, true)]
        {
            let error = family.refused("length", &|_, edge| {
                let bytes = if proof_of_data {
                    &mut edge.data_proof
                } else {
                    &mut edge.proof.0
                };
                let len = if extend {
                    bytes.len() + count
                } else {
                    bytes.len() - count
                };
                bytes.resize(len, 0);
            });
            assert_eq!(is_training(&error), !proof_of_data, "{error}");
        }
    }
    // A length that lies.
    for lie in [0, 1, u64::MAX, u64::MAX - 8, 1 << 40] {
        let at = WeightCommitment::<Pallas>::encoded_len(&architecture());
        let error = family.refused("a false length", &|_, edge| {
            edge.proof.0[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        });
        assert!(is_training(&error), "{error}");
    }
}

#[test]
fn flipped_bits() {
    let family = Family::get();
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let (training, data) = (&family.second.edge.proof.0, &family.second.edge.data_proof);
    for k in 0..120 {
        let in_data = k % 6 == 5;
        let len = if in_data { data.len() } else { training.len() };
        // Both ends, then anywhere.
        let position = match k {
            0..6 => k,
            6..12 => len - 1 - (k - 6),
            _ => rng.gen_range(0..len),
        };
        let bit = rng.gen_range(0..8);
        let what = format!("bit {bit} of byte {position}, in the proof of data: {in_data}");
        let error = family.refused(&what, &|_, edge| {
            let bytes = if in_data {
                &mut edge.data_proof
            } else {
                &mut edge.proof.0
            };
            bytes[position] ^= 1 << bit;
        });
        assert_eq!(is_training(&error), !in_data, "{what}: {error}");
    }
}

/// The location of the failing segment is found when all equations are checked together.
#[test]
fn the_failing_segment_is_named() {
    let family = Family::get();
    let parts = segments(&family.second.edge.proof);
    let end = parts[0].0.len() + parts[0].1.len() + parts[1].0.len() + parts[1].1.len();
    let error = family.refused("last scalar of segment 1", &|_, edge| {
        edge.proof.0[end - 32] ^= 1;
    });
    assert!(error.to_string().contains("segment 1"), "{error}");
}

#[test]
fn a_prover_with_wrong_openings_stops() {
    let family = Family::get();
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let parent = Family::id(&family.first);
    let fresh = draft(parent, &family.data[1], "fourth");
    let wrong = other_weights(&family.first.opening);
    let child = fresh.train(&family.tree, &wrong, rng, &mut go);
    assert!(
        child
            .unwrap_err()
            .to_string()
            .contains("not that of the parent")
    );

    let mut stopped = 0;
    let child = fresh.train(&family.tree, &family.first.opening, rng, &mut |_| {
        stopped += 1;
        if stopped == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let source = ProveError::Cancelled;
    assert_eq!(child.unwrap_err(), TreeError::NotProven { parent, source });
    assert_eq!(stopped, 7, "5 steps trained, 2 segments proven");

    let mut greedy = fresh.clone();
    greedy.parameters.batch = 8;
    let error = greedy
        .train(&family.tree, &family.first.opening, rng, &mut go)
        .unwrap_err();
    assert!(matches!(
        error,
        TreeError::NotProven {
            source: ProveError::Statement(VerifyError::Statement(_)),
            ..
        }
    ));
    let orphan = draft(NodeId([9; 32]), &family.data[1], "fifth");
    let child = orphan.train(&family.tree, &family.first.opening, rng, &mut go);
    assert_eq!(
        child.unwrap_err(),
        TreeError::Unknown {
            id: NodeId([9; 32])
        }
    );
}

/// Secrets are not printed.
#[test]
fn debug_output_hides_secrets() {
    let family = Family::get();
    let text = format!("{:?} {:?}", family.second.opening, family.data[0]);
    assert_eq!(
        text,
        "WeightOpening(3,4,2) ProvenDataset(DatasetOpening(7 rows))"
    );
}

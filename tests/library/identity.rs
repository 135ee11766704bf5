//! Encodings, ids and signatures: vectors of an independent implementation,
//! `vectors/identity.py`, and what no encoding may do.
use ark_bls12_381::G1Projective as Bls12381;
use ark_pallas::Projective as Pallas;
use proptest::prelude::*;
use serde::Deserialize;
use zktree::{
    commit::{Curve, RowCommitments},
    error::DecodeError,
    nn::{
        Architecture, DataKind, DatasetCommitment, FixedPoint, FixedPointConfig, LearningRate,
        Normalization, TrainingParameters, TrainingProof, WeightCommitment, WeightOpening,
        data::ColumnStatistics, init, model::Mlp, op::Nonlinearity, optimise::Optimiser,
    },
    poly::WideField,
    tree::{
        AuthorKey, AuthorSecret, DatasetName, Edge, Labels, Loss, Node, NodeId, Root, Signature,
        store::SignedHead,
    },
};

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

/// See `case` in `identity.py`.
#[derive(Deserialize)]
struct Case {
    curve: String,
    root: RootFields,
    node: NodeFields,
    root_encoding: String,
    root_id: String,
    node_encoding: String,
    pre_id: String,
    edge: String,
    id: String,
    public: String,
    signature: String,
    imported: ImportedRoot,
    head: String,
}

/// See `imported` in `identity.py`.
#[derive(Deserialize)]
struct ImportedRoot {
    id: String,
    file: String,
}

#[derive(Deserialize)]
struct RootFields {
    widths: Vec<usize>,
    activation: String,
    residual: bool,
    format: (Vec<u32>, Vec<u32>),
    features: Vec<(String, f64, f64)>,
    targets: Vec<(String, f64, f64)>,
    seed: u64,
    grid: (u32, u32),
}

#[derive(Deserialize)]
struct NodeFields {
    dataset: u8,
    rows: usize,
    features: usize,
    targets: usize,
    rate: u64,
    batch: usize,
    steps: u64,
    segment_steps: u64,
    hiding: bool,
    nonce: u64,
    secret: u8,
    title: Option<String>,
    licence: Option<String>,
    note: Option<String>,
    loss: Option<f64>,
    proofs: [String; 2],
}

impl RootFields {
    fn root(&self) -> Root {
        let [activation, gradient, weight, hidden, output, delta, data] = self.format.0[..] else {
            panic!("a format has 7 widths")
        };
        let fixed = FixedPoint::new(FixedPointConfig {
            activation_bits: activation,
            gradient_bits: gradient,
            weight_bits: weight,
            limbs: self.format.1.clone(),
            hidden_range_bits: hidden,
            output_range_bits: output,
            gradient_range_bits: delta,
            data_range_bits: data,
            functions: None,
        });
        let columns = |columns: &[(String, f64, f64)]| {
            let columns = columns.iter().cloned();
            let column = |(name, mean, deviation)| ColumnStatistics {
                name,
                mean,
                deviation,
            };
            columns.map(column).collect()
        };
        let normalization = Normalization::new(columns(&self.features), columns(&self.targets));
        let architecture = Architecture::perceptron(&Mlp {
            widths: self.widths.clone(),
            activation: self.activation.parse().unwrap(),
            residual: self.residual,
            classes: false,
        });
        Root::new(
            architecture.unwrap(),
            fixed.unwrap(),
            normalization.unwrap(),
            self.seed,
        )
        .unwrap()
    }
}

impl Case {
    fn check<C: Curve<ScalarField: WideField>>(&self) {
        let (root, fields) = (self.root.root(), &self.node);
        assert_eq!(hex::encode(root.encode()), self.root_encoding);
        assert_eq!(root.id().to_string(), self.root_id);
        assert_eq!(Root::decode(&root.encode()), Ok(root.clone()));

        let encoding = hex::decode(&self.node_encoding).unwrap();
        let node = Node::<C>::decode(&encoding).unwrap();
        let expected = Node {
            parent: root.id(),
            parameters: TrainingParameters {
                architecture: root.architecture().clone(),
                fixed_point: root.fixed_point().clone(),
                optimiser: LearningRate::from_coefficient(fields.rate).unwrap().into(),
                batch: fields.batch,
                steps: fields.steps,
                segment_steps: fields.segment_steps,
                hiding: fields.hiding,
            },
            weights: node.weights.clone(),
            dataset: DatasetName {
                root: [fields.dataset; 32],
                num_rows: fields.rows,
                num_features: fields.features,
                kind: DataKind::Numbers {
                    targets: fields.targets,
                },
            },
            nonce: fields.nonce,
            author: self.public.parse().unwrap(),
            labels: Labels {
                title: fields.title.clone(),
                licence: fields.licence.clone(),
                note: fields.note.clone(),
                loss: fields.loss.map(|loss| Loss::new(loss).unwrap()),
            },
        };
        assert_eq!(node, expected);
        assert_eq!(node.encode(), encoding);
        let points: Vec<_> = node.weights.layers().iter().flat_map(|l| &l.rows).collect();
        assert_eq!(*points[0], C::generator().into(), "the first of the vector");
        assert_eq!(NodeId(node.pre_id()).to_string(), self.pre_id);

        let [training, data] = [0, 1].map(|k| hex::decode(&fields.proofs[k]).unwrap());
        let mut edge = Edge::<C> {
            proof: TrainingProof(training).into(),
            dataset: DatasetCommitment::new(1, 1, RowCommitments { rows: vec![] }),
            data_proof: data.into(),
            signature: Signature([0; 64]),
        };
        assert_eq!(hex::encode(edge.digest()), self.edge);
        let id = node.id(&edge);
        assert_eq!(id.to_string(), self.id);
        let secret = AuthorSecret::from_bytes(&[fields.secret; 32]);
        assert_eq!(secret.public(), node.author);
        assert!(node.check_signature(&edge).is_err());
        edge.signature = secret.sign(id);
        assert_eq!(hex::encode(edge.signature.0), self.signature);
        assert_eq!(node.check_signature(&edge), Ok(id));
        self.check_imported(&root, &node);
        self.check_head(&secret);
    }

    fn check_head(&self, secret: &AuthorSecret) {
        let head: SignedHead = serde_json::from_str(&self.head).unwrap();
        assert_eq!(head.verify(), Ok(()));
        assert_eq!(SignedHead::new(head.log, head.head(), secret), head);
        assert_eq!(serde_json::to_string(&head).unwrap() + "\n", self.head);
    }

    fn check_imported<C: Curve<ScalarField: WideField>>(&self, root: &Root, node: &Node<C>) {
        let file = hex::decode(&self.imported.file).unwrap();
        let theirs = Root::decode(&file).unwrap();
        assert_eq!(theirs.encode(), file);
        assert_eq!(theirs.id().to_string(), self.imported.id);
        assert_eq!(theirs.check_signature(), Ok(theirs.id()));
        assert_eq!(
            (theirs.architecture(), theirs.fixed_point()),
            (root.architecture(), root.fixed_point())
        );
        assert_eq!(theirs.normalization(), root.normalization());
        let weights = theirs.commitment::<C>().unwrap();
        assert_eq!(weights.as_ref(), Some(&node.weights));
        let imported = theirs.imported().unwrap();
        let grid = imported.grid();
        assert_eq!((grid.step_bits, grid.range_bits), self.root.grid);
        assert_eq!(imported.author(), node.author);
        assert_eq!(imported.labels(), &node.labels);
    }
}

#[test]
fn vectors_of_an_independent_implementation() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/identity.json")).unwrap();
    assert_eq!(vectors.cases.len(), 7);
    for case in vectors.cases {
        match case.curve.as_str() {
            "Pallas" => case.check::<Pallas>(),
            "BLS12-381-G1" => case.check::<Bls12381>(),
            other => panic!("no curve is called {other}"),
        }
    }
}

fn texts() -> impl Strategy<Value = Labels> {
    let text = || proptest::option::of("[^\\p{Cc}]{0,9}");
    (text(), text(), text(), proptest::option::of(0.0..1e300)).prop_map(
        |(title, licence, note, loss)| Labels {
            title,
            licence,
            note,
            loss: loss.map(|loss| Loss::new(loss).unwrap()),
        },
    )
}

/// Small numbers, and large ones.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4u64, any::<u64>(), Just(u64::MAX)]
}

prop_compose! {
    fn roots()(
        hidden in proptest::collection::vec(1..40usize, 0..3),
        activation in prop::sample::select(&Nonlinearity::ALL[..]),
        residual: bool,
        columns in proptest::collection::vec((-1e9..1e9, 0.0..1e9), 2..6),
        paper: bool,
        seed in number(),
    ) -> Root {
        let column = |(k, (mean, deviation)): (usize, &(f64, f64))| ColumnStatistics {
            name: format!("column {k}"),
            mean: *mean,
            deviation: *deviation,
        };
        let columns: Vec<_> = columns.iter().enumerate().map(column).collect();
        let (targets, features) = columns.split_at(1);
        let widths = [vec![features.len()], hidden, vec![1]].concat();
        let fixed = if paper { FixedPoint::paper() } else { FixedPoint::compact() };
        let normalization = Normalization::new(features.to_vec(), targets.to_vec());
        let mlp = Mlp { widths, activation, residual, classes: false };
        let architecture = Architecture::perceptron(&mlp).unwrap();
        Root::new(architecture, fixed, normalization.unwrap(), seed).unwrap()
    }
}

/// One of some optimisers.
fn optimiser(units: u64, kind: usize) -> Optimiser {
    let rate = LearningRate::from_coefficient(units).unwrap();
    let momentum = ["sgd", "momentum:0.9", "nesterov:0.000001"][kind % 3].parse();
    let schedule = ["constant", "cosine:warmup=7,floor=0.5"][kind / 3].parse();
    Optimiser::new(rate, momentum.unwrap(), schedule.unwrap()).unwrap()
}

prop_compose! {
    fn nodes()(
        root in roots(),
        ids: [[u8; 32]; 3],
        shape: [u16; 3],
        rate in 12..1u64 << 40,
        kind in 0..6_usize,
        run in [number(), number(), number(), number()],
        hiding: bool,
        labels in texts(),
    ) -> Node<Pallas> {
        let (architecture, fixed_point) = (root.architecture().clone(), root.fixed_point().clone());
        let weights = init::expand(run[0], &architecture, &fixed_point);
        let [num_rows, num_features, num_targets] = shape.map(usize::from);
        Node {
            parent: NodeId(ids[0]),
            parameters: TrainingParameters {
                architecture,
                fixed_point,
                optimiser: optimiser(rate, kind),
                batch: run[0] as usize,
                steps: run[1],
                segment_steps: run[2],
                hiding,
            },
            weights: WeightOpening::public(weights).commit(),
            dataset: DatasetName { root: ids[1], num_rows, num_features, kind: DataKind::Numbers { targets: num_targets } },
            nonce: run[3],
            author: AuthorKey(ids[2]),
            labels,
        }
    }
}

/// What decodes is encoded as it was; cut or extended it does not decode.
fn strict<T: PartialEq + std::fmt::Debug>(
    value: &T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    (position, bit): (prop::sample::Index, u8),
) -> Result<(), TestCaseError> {
    let bytes = encode(value);
    let back = decode(&bytes);
    prop_assert_eq!(back.as_ref(), Ok(value));
    let mut flipped = bytes.clone();
    flipped[position.index(bytes.len())] ^= 1 << (bit % 8);
    if let Ok(other) = decode(&flipped) {
        prop_assert_ne!(&other, value);
        prop_assert_eq!(encode(&other), flipped);
    }
    let cut = decode(&bytes[..position.index(bytes.len())]);
    prop_assert!(cut.is_err());
    let extended = decode(&[&bytes[..], &[0]].concat());
    prop_assert_eq!(extended, Err(DecodeError::TrailingBytes { count: 1 }));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn roots_have_one_encoding(root in roots(), position: prop::sample::Index, bit: u8) {
        strict(&root, Root::encode, Root::decode, (position, bit))?;
    }

    #[test]
    fn nodes_have_one_encoding(node in nodes(), position: prop::sample::Index, bit: u8) {
        strict(&node, Node::encode, Node::decode, (position, bit))?;
    }

    #[test]
    fn noise_is_refused(bytes: Vec<u8>) {
        prop_assert!(Root::decode(&bytes).is_err());
        prop_assert!(Node::<Pallas>::decode(&bytes).is_err());
        prop_assert!(Normalization::from_bytes(&bytes).is_err());
    }
}

/// Bytes with one field replaced, found by what it holds.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn refusals_say_what_is_wrong() {
    let text: Vectors = serde_json::from_str(include_str!("../vectors/identity.json")).unwrap();
    let root = hex::decode(&text.cases[0].root_encoding).unwrap();
    let node = hex::decode(&text.cases[0].node_encoding).unwrap();
    let (half, minus) = (0.5f64.to_le_bytes(), (-0.5f64).to_le_bytes());
    let huge = u64::MAX.to_le_bytes();
    for (bytes, message) in [
        (
            replaced(&root, b"v2/root", b"v3/root"),
            "it is of version 3; this program knows",
        ),
        (
            replaced(&root, b"v2/root", b"v2/tree"),
            "it is of the kind \"zktree/v2/tree\", not",
        ),
        (
            node.clone(),
            "it is of the kind \"zktree/v2/pre-id\", not \"zktree/v2/root\"",
        ),
        (
            replaced(&root, b"v1/fixed", b"v3/fixed"),
            "it is of version 3",
        ),
        (
            replaced(&root, b"v1/normal", b"v2/normal"),
            "the field `normalization` is invalid",
        ),
        (
            replaced(&root, &half, &minus),
            "the field `normalization` is invalid",
        ),
        // The deviation 0 of the target, as -0.
        (
            replaced(
                &root,
                &[2.5f64.to_le_bytes(), 0.0f64.to_le_bytes()].concat(),
                &[2.5f64.to_le_bytes(), (-0.0f64).to_le_bytes()].concat(),
            ),
            "it is not the canonical encoding",
        ),
        (root[..30].to_vec(), "it ends within the field `network`"),
        // A number of nodes that nobody has memory for.
        (
            replaced(&root, &2u64.to_le_bytes(), &huge),
            "it ends within the field `operator`",
        ),
        (
            replaced(&root, &2u64.to_le_bytes(), &(1u64 << 61).to_le_bytes()),
            "it ends within the field `operator`",
        ),
    ] {
        let error = Root::decode(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let flag = |flag: u64, rest: &[u8]| [&flag.to_le_bytes(), rest].concat();
    let some = |text: &str| [flag(1, &(text.len() as u64).to_le_bytes()), text.into()].concat();
    for (bytes, message) in [
        (
            replaced(&node, &flag(1, &half), &flag(2, &half)),
            "the field `loss` is invalid: 2",
        ),
        (
            replaced(&node, &half, &minus),
            "the field `loss` is invalid",
        ),
        (
            replaced(&node, &half, &f64::NAN.to_le_bytes()),
            "the field `loss` is invalid",
        ),
        (
            replaced(&node, b"\xc3\xa9", b"\xc3\x28"),
            "the field `title` is invalid: invalid utf-8",
        ),
        (
            replaced(&node, b"\xc3\xa9", b"a\n"),
            "the field `labels` is invalid: the title",
        ),
        (
            replaced(&node, &some("é"), &some(&"é".repeat(513))),
            "the field `title` is invalid",
        ),
        (
            replaced(&node, b"Pallas", b"Vellas"),
            "the field `curve` is invalid: \"Vellas\"",
        ),
        (
            replaced(&node, &11u64.to_le_bytes(), &flag(u64::MAX, &[])),
            "the field `rate` is invalid",
        ),
        // Another optimiser, and there is none.
        (
            replaced(&node, &11u64.to_le_bytes(), &flag(0, &12u64.to_le_bytes())),
            "the field `momentum` is invalid",
        ),
        (
            node[..node.len() - 1].to_vec(),
            "it ends within the field `loss`",
        ),
    ] {
        let error = Node::<Pallas>::decode(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let other = Node::<Bls12381>::decode(&node).unwrap_err().to_string();
    assert!(other.contains("this tree's is \"BLS12-381-G1\""), "{other}");
    // Points that are none, and too few of them.
    let at = node
        .windows(8)
        .position(|w| w == 33u64.to_le_bytes())
        .unwrap();
    let mut off = node.clone();
    off[at + 8] ^= 1;
    let error = Node::<Pallas>::decode(&off).unwrap_err().to_string();
    assert!(
        error.starts_with("the field `weights` is invalid"),
        "{error}"
    );
    let len = WeightCommitment::<Pallas>::encoded_len(&Architecture::new(vec![1, 1]).unwrap());
    assert_eq!(len, 33);
}

/// What the first version wrote, whose networks are lists of widths, is refused as what it is.
#[test]
fn the_first_version_is_named() {
    #[derive(Deserialize)]
    struct First {
        root: String,
        node: String,
        imported: String,
    }
    let first = include_str!("../vectors/identity-v1.json");
    let first: First = serde_json::from_str(first).unwrap();
    let decoded = |hex: &str| hex::decode(hex).unwrap();
    let of_version_1 = |kind| DecodeError::Version { kind, version: 1 };
    let error = Root::decode(&decoded(&first.root)).unwrap_err();
    assert_eq!(error, of_version_1("zktree/v2/root"));
    assert_eq!(
        error.to_string(),
        "it is of version 1; this program knows \"zktree/v2/root\": read it with the program that \
         wrote it"
    );
    let error = Root::decode(&decoded(&first.imported)).unwrap_err();
    assert_eq!(error, of_version_1("zktree/v2/imported-pre-id"));
    let error = Node::<Pallas>::decode(&decoded(&first.node)).unwrap_err();
    assert_eq!(error, of_version_1("zktree/v2/pre-id"));
}

//! One tampering for each field of nodes and of their data sets, and nodes that are encoded otherwise.
use crate::{
    compare::{Alter, Case, Tampered},
    files,
    honest::{CHILD, Family, GRANDCHILD, author, three_limbs},
};
use ark_ec::CurveGroup;
use zktree::{
    Pallas,
    commit::{Curve, RowCommitments},
    nn::{Architecture, DataKind, DatasetCommitment, LearningRate},
    tree::{AuthorSecret, DatasetName, Edge, Loss, Node},
};

type Affine = <Pallas as CurveGroup>::Affine;
type Change<'a> = Box<dyn Fn(&mut Node<Pallas>, &mut Edge<Pallas>) + 'a>;

/// A point that is another one.
fn other(point: Affine) -> Affine {
    (point + Pallas::from(Affine::from(<Pallas as ark_ec::PrimeGroup>::generator()))).into_affine()
}

/// Each field of a node, and each part of its data set. The author signs what comes of it.
pub fn of_nodes(family: &Family<Pallas>) -> Vec<Case> {
    let child = &family.children[GRANDCHILD];
    let changes: Vec<(&str, Change<'_>)> = vec![
        ("parent", Box::new(|node, _| node.parent = family.root)),
        (
            "widths",
            Box::new(|node, _| {
                node.parameters.architecture = Architecture::new(vec![2, 4, 1]).unwrap();
            }),
        ),
        (
            "format",
            Box::new(|node, _| node.parameters.fixed_point = three_limbs()),
        ),
        (
            "weights",
            Box::new(|node, _| node.weights = family.children[CHILD].node.weights.clone()),
        ),
        (
            "data set, with its range",
            Box::new(|node, edge| {
                edge.dataset = family.children[CHILD].edge.dataset.clone();
                edge.data_proof = family.children[CHILD].edge.data_proof.clone();
                node.dataset = DatasetName::of(&edge.dataset);
            }),
        ),
        ("rows", Box::new(|node, _| node.dataset.num_rows += 1)),
        (
            "features",
            Box::new(|node, _| node.dataset.num_features += 1),
        ),
        (
            "targets",
            Box::new(|node, _| {
                let targets = node.dataset.kind.num_targets() + 1;
                node.dataset.kind = DataKind::Numbers { targets };
            }),
        ),
        (
            "kind of targets",
            Box::new(|node, _| node.dataset.kind = DataKind::Labels { classes: 2 }),
        ),
        (
            "rate",
            Box::new(|node, _| {
                node.parameters.optimiser = LearningRate::from_coefficient(3).unwrap().into();
            }),
        ),
        ("batch", Box::new(|node, _| node.parameters.batch -= 1)),
        ("steps", Box::new(|node, _| node.parameters.steps += 1)),
        (
            "steps a segment",
            Box::new(|node, _| node.parameters.segment_steps += 1),
        ),
        ("hiding", Box::new(|node, _| node.parameters.hiding = false)),
        ("nonce", Box::new(|node, _| node.nonce += 1)),
        (
            "title",
            Box::new(|node, _| node.labels.title = Some("mine".into())),
        ),
        ("licence", Box::new(|node, _| node.labels.licence = None)),
        (
            "note",
            Box::new(|node, _| node.labels.note = Some("two\nliens".into())),
        ),
        (
            "loss",
            Box::new(|node, _| node.labels.loss = Some(Loss::new(0.0).unwrap())),
        ),
        (
            "row of data",
            Box::new(|node, edge| rows(node, edge, &|rows| rows[1] = other(rows[1]))),
        ),
        (
            "order of data",
            Box::new(|node, edge| rows(node, edge, &|rows| rows.swap(0, 1))),
        ),
        (
            "last row of data",
            Box::new(|node, edge| {
                rows(node, edge, &|rows| {
                    let _ = rows.pop();
                });
            }),
        ),
        (
            "columns of data",
            Box::new(|node, edge| {
                edge.dataset = DatasetCommitment::new(1, 2, edge.dataset.rows().clone());
                node.dataset = DatasetName::of(&edge.dataset);
            }),
        ),
        (
            "proof of the parent",
            Box::new(|_, edge| edge.proof = family.children[CHILD].edge.proof.clone()),
        ),
        (
            "range of other data",
            Box::new(|_, edge| edge.data_proof = family.children[CHILD].edge.data_proof.clone()),
        ),
    ];
    let mut cases: Vec<Case> = changes
        .into_iter()
        .map(|(name, change)| {
            let (mut node, mut edge) = (child.node.clone(), child.edge.clone());
            change(&mut node, &mut edge);
            let mut tree = family.lineage(GRANDCHILD);
            let new = files::replace(&mut tree, family.id(GRANDCHILD), (&node, &edge), &author());
            Case::tampered(format!("node: {name}"), tree, Tampered::node(new))
        })
        .collect();
    let (mut node, thief) = (child.node.clone(), AuthorSecret::from_bytes(&[8; 32]));
    node.author = thief.public();
    let mut tree = family.lineage(GRANDCHILD);
    let new = files::replace(
        &mut tree,
        family.id(GRANDCHILD),
        (&node, &child.edge),
        &thief,
    );
    cases.push(Case::tampered(
        "node: author".into(),
        tree,
        Tampered::node(new),
    ));
    cases
}

/// Other rows of data, of which the node knows.
fn rows(node: &mut Node<Pallas>, edge: &mut Edge<Pallas>, change: &dyn Fn(&mut Vec<Affine>)) {
    let data = &edge.dataset;
    let mut rows = data.rows().rows.clone();
    change(&mut rows);
    let (features, targets) = (data.num_features(), data.num_targets());
    edge.dataset = DatasetCommitment::new(features, targets, RowCommitments { rows });
    node.dataset = DatasetName::of(&edge.dataset);
}

/// Encodings of a node that are not canonical, or of what no node is, under the id of these bytes.
pub fn of_node_encodings(family: &Family<Pallas>) -> Vec<Case> {
    let child = &family.children[GRANDCHILD];
    let encoded = child.node.encode();
    let find = |what: &[u8]| {
        let mut places = encoded.windows(what.len());
        places.position(|window| window == what).unwrap()
    };
    let (curve, title) = (find(b"Pallas"), find("Enkelin".as_bytes()));
    let (note, end) = (find(b"two\nlines"), encoded.len());
    // Count of tensors, then of each its name, fraction bits, flag, and rows behind their length.
    let weights = find(&child.node.weights.layers()[0].encode());
    let kinds = find(b"numbers");
    let alterations: Vec<(&str, Alter)> = vec![
        ("version", Box::new(|bytes| bytes[8 + 8] = b'1')),
        ("curve", Box::new(move |bytes| bytes[curve] = b'p')),
        (
            "number of parameters",
            Box::new(move |bytes| bytes[weights - 42] -= 1),
        ),
        (
            "name of a parameter",
            Box::new(move |bytes| bytes[weights - 25] = b'2'),
        ),
        (
            "fraction bits of a parameter",
            Box::new(move |bytes| bytes[weights - 24] += 1),
        ),
        (
            "frozen parameter",
            Box::new(move |bytes| bytes[weights - 16] = 0),
        ),
        (
            "rows of a parameter",
            Box::new(move |bytes| {
                let _ = bytes.drain(weights..weights + Pallas::ENCODED_LEN);
                bytes[weights - 8] -= Pallas::ENCODED_LEN as u8;
            }),
        ),
        (
            "kind of columns",
            Box::new(move |bytes| bytes[kinds] = b'N'),
        ),
        ("UTF-8", Box::new(move |bytes| bytes[title] = 0xff)),
        ("control character", Box::new(move |bytes| bytes[title] = 7)),
        (
            "control character of two bytes",
            Box::new(move |bytes| bytes[note..note + 2].copy_from_slice("\u{85}".as_bytes())),
        ),
        ("flag", Box::new(move |bytes| bytes[end - 16] = 2)),
        (
            "negative loss",
            Box::new(move |bytes| bytes[end - 1] |= 0x80),
        ),
        (
            "sign of a loss of zero",
            Box::new(move |bytes| {
                bytes[end - 8..].copy_from_slice(&(-0.0_f64).to_le_bytes());
            }),
        ),
        (
            "infinite loss",
            Box::new(move |bytes| {
                bytes[end - 8..].copy_from_slice(&f64::INFINITY.to_le_bytes());
            }),
        ),
        ("byte behind", Box::new(|bytes| bytes.push(0))),
        (
            "missing byte",
            Box::new(|bytes| {
                let _ = bytes.pop();
            }),
        ),
        (
            "flags of a point",
            Box::new(move |bytes| bytes[weights + 32] |= 1),
        ),
        (
            "both flags of a point",
            Box::new(move |bytes| bytes[weights + 32] |= 0xc0),
        ),
        (
            "identity with a coordinate",
            Box::new(move |bytes| bytes[weights + 32] = 0x40),
        ),
        (
            "coordinate of a point",
            Box::new(move |bytes| bytes[weights..weights + 32].fill(0xff)),
        ),
        (
            "one point of the weights",
            Box::new(move |bytes| bytes[weights + 32] ^= 0x80),
        ),
    ];
    alterations
        .into_iter()
        .map(|(name, alter)| {
            let (mut tree, mut claim) = (family.lineage(GRANDCHILD), encoded.clone());
            alter(&mut claim);
            let new = files::replace_raw(&mut tree, family.id(GRANDCHILD), &claim, &author());
            Case::tampered(
                format!("encoding of a node: {name}"),
                tree,
                Tampered::node(new),
            )
        })
        .collect()
}

//! One tampering for each field of nodes and of their data sets, and nodes that are encoded otherwise.
use crate::{
    compare::{Alter, Case, Tampered},
    files,
    honest::{CHILD, Family, GRANDCHILD, HIDDEN, author, three_limbs},
};
use ark_ec::CurveGroup;
use zktree::{
    Pallas,
    commit::{Curve, RowCommitments},
    nn::{
        Architecture, DataKind, DatasetCommitment, LearningRate,
        encoding::Encoder,
        optimise::{Millionths, Momentum, Optimiser, RateSchedule},
    },
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

/// Optimisers that a node was not trained with, and encodings that are none.
pub fn of_optimisers(family: &Family<Pallas>) -> Vec<Case> {
    let child = &family.children[HIDDEN];
    let rate = child.node.parameters.optimiser.rate();
    let beta = |count| Momentum::Heavy(Millionths::new(count).unwrap());
    let nesterov = Momentum::Nesterov(Millionths::new(900_000).unwrap());
    let (constant, falling) = (
        RateSchedule::Constant,
        RateSchedule::Cosine {
            warmup: 0,
            floor: Millionths::new(0).unwrap(),
        },
    );
    let others = [
        ("other momentum", rate, beta(800_000), constant),
        ("Nesterov's momentum", rate, nesterov, constant),
        ("another schedule", rate, beta(900_000), falling),
        ("no momentum", rate, Momentum::None, constant),
    ];
    let tampered =
        |name, tree, new| Case::tampered(format!("optimiser: {name}"), tree, Tampered::node(new));
    let mut cases: Vec<Case> = others
        .into_iter()
        .map(|(name, rate, momentum, schedule)| {
            let mut node = child.node.clone();
            node.parameters.optimiser = Optimiser::new(rate, momentum, schedule).unwrap();
            let mut tree = family.lineage(HIDDEN);
            let parts = (&node, &child.edge);
            let new = files::replace(&mut tree, family.id(HIDDEN), parts, &author());
            tampered(name, tree, new)
        })
        .collect();
    let encoded = child.node.encode();
    let own = child.node.parameters.optimiser.encode(Encoder::default());
    let own = own.finish();
    let mut places = encoded.windows(own.len());
    let at = places.position(|window| window == own).unwrap();
    let start = || Encoder::default().number(0).number(rate.coefficient());
    let heavy = |beta| start().string("heavy ball").number(beta);
    let encodings = [
        (
            "gradient descent",
            start().string("none").string("constant"),
        ),
        (
            "no momentum at all",
            heavy(0).string("restart").string("constant"),
        ),
        (
            "momentum of one",
            heavy(1_000_000).string("restart").string("constant"),
        ),
        (
            "velocity that is carried",
            heavy(900_000).string("carry").string("constant"),
        ),
        (
            "an unknown schedule",
            heavy(900_000).string("restart").string("linear"),
        ),
        (
            "a rate above one",
            heavy(900_000)
                .string("restart")
                .string("cosine")
                .number(0)
                .number(1_000_001),
        ),
        (
            "steps of nothing",
            heavy(900_000)
                .string("restart")
                .string("step")
                .number(0)
                .number(0)
                .number(1),
        ),
        (
            "a rate of few units",
            Encoder::default()
                .number(0)
                .number(11)
                .string("heavy ball")
                .number(900_000)
                .string("restart")
                .string("constant"),
        ),
    ];
    cases.extend(encodings.into_iter().map(|(name, other)| {
        let (before, behind) = (&encoded[..at], &encoded[at + own.len()..]);
        let claim = [before, &other.finish(), behind].concat();
        let mut tree = family.lineage(HIDDEN);
        let new = files::replace_raw(&mut tree, family.id(HIDDEN), &claim, &author());
        tampered(name, tree, new)
    }));
    cases
}

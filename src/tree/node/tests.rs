//! Encodings by hand, and frozen ids.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::{
    error::DecodeError,
    nn::{Architecture, DataKind, FixedPoint, LearningRate, Normalization, Table},
    tree::{Loss, Root, Signature},
};
use ark_pallas::Projective as Pallas;

fn root() -> Root {
    let table = Table::from_reader("t.csv", "a,x\n1,2\n2,3\n".as_bytes()).unwrap();
    let normalization = Normalization::fit(&table, &["x".to_owned()]).unwrap();
    let architecture = Architecture::new(vec![1, 1]).unwrap();
    Root::new(architecture, FixedPoint::compact(), normalization, 7).unwrap()
}

fn text(text: &str) -> Vec<u8> {
    [&number(text.len() as u64), text.as_bytes()].concat()
}

fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn numbers(values: &[u64]) -> Vec<u8> {
    let all = [&[values.len() as u64], values].concat();
    all.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// One linear operator and its rounding, behind the length of the encoding.
fn network() -> Vec<u8> {
    let linear = [number(1), number(1), numbers(&[0])];
    let round = [number(2), number(0), numbers(&[1])];
    let bytes = [number(1), number(2), linear.concat(), round.concat()].concat();
    [number(bytes.len() as u64), bytes].concat()
}

/// Behind its length.
fn fixed_point() -> Vec<u8> {
    let kind = text("zktree/v1/fixed-point");
    let bytes = [
        kind,
        numbers(&[8, 10, 34, 14, 14, 16, 14]),
        numbers(&[17, 17]),
    ]
    .concat();
    [number(bytes.len() as u64), bytes].concat()
}

#[test]
fn root_ids_by_hand() {
    let normalization = root().normalization().to_bytes();
    let bytes = [
        text("zktree/v2/root"),
        network(),
        fixed_point(),
        number(normalization.len() as u64),
        normalization,
        number(7),
    ]
    .concat();
    let id = root().id();
    assert_eq!(id.0, <[u8; 32]>::from(Sha256::digest(bytes)));
    assert_eq!(
        id.to_string(),
        "2d48331dfdb710c99f64280f442937ab6b10a8061f2675507b4e25a575ff2ff4"
    );
}

fn node() -> Node<Pallas> {
    let opening = root().opening::<ark_pallas::Fr>().unwrap();
    Node {
        parent: root().id(),
        parameters: TrainingParameters {
            architecture: root().architecture().clone(),
            fixed_point: root().fixed_point().clone(),
            optimiser: LearningRate::from_coefficient(11).unwrap().into(),
            batch: 2,
            steps: 3,
            segment_steps: 4,
            hiding: true,
        },
        weights: opening.commit(),
        dataset: DatasetName {
            root: [5; 32],
            num_rows: 6,
            num_features: 1,
            kind: DataKind::Numbers { targets: 1 },
        },
        nonce: 8,
        author: AuthorKey([9; 32]),
        labels: Labels {
            title: Some("é".into()),
            licence: None,
            note: Some(String::new()),
            loss: Some(Loss::new(0.5).unwrap()),
        },
    }
}

#[test]
fn node_ids_by_hand() {
    let (node, opening) = (node(), root().opening::<ark_pallas::Fr>().unwrap());
    let weights = opening.commit::<Pallas>().encode();
    let bytes = [
        text("zktree/v2/pre-id"),
        text("Pallas"),
        root().id().0.to_vec(),
        network(),
        fixed_point(),
        number(1),
        [text("W1"), number(34), number(1)].concat(),
        number(weights.len() as u64),
        weights,
        vec![5; 32],
        number(6),
        [text("numbers"), number(1), text("numbers"), number(1)].concat(),
        [11, 2, 3, 4, 1, 8].map(number).concat(),
        vec![9; 32],
        [number(1), text("é"), number(0), number(1), text("")].concat(),
        [number(1), number(0.5f64.to_bits())].concat(),
    ]
    .concat();
    let pre_id: [u8; 32] = Sha256::digest(bytes).into();
    assert_eq!(node.pre_id(), pre_id);
    assert_eq!(
        NodeId(pre_id).to_string(),
        "3860b4bc2db6422d18f6f9309087bc999821295bf236587db0dd92e40594bc48"
    );

    let edge = Edge {
        proof: crate::nn::TrainingProof(vec![1, 2]).into(),
        dataset: DatasetCommitment::new(1, 1, crate::commit::RowCommitments { rows: vec![] }),
        data_proof: vec![3].into(),
        signature: Signature([0; 64]),
    };
    let hash = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
    let proofs = [text("zktree/v1/edge"), hash(&[1, 2]), hash(&[3])].concat();
    let digest = Sha256::digest(proofs);
    let bytes = [text("zktree/v1/node"), pre_id.to_vec(), digest.to_vec()].concat();
    assert_eq!(node.id(&edge).0, <[u8; 32]>::from(Sha256::digest(bytes)));
    let seed = ScheduleSeed::derive(&node.parent.0, &[5; 32], &[9; 32], 8);
    assert_eq!(node.schedule(), seed);
}

/// Classes are part of the id; what says no number of classes that can be is no node.
#[test]
fn the_kind_of_targets_is_encoded() {
    let mut node = node();
    let numbers = node.encode();
    node.dataset.kind = DataKind::Labels { classes: 2 };
    let labels = node.encode();
    assert_eq!(Node::<Pallas>::decode(&labels).unwrap(), node);
    let kind = |name: &str, count| [text("numbers"), number(1), text(name), number(count)].concat();
    let at = |bytes: &[u8], kind: &[u8]| bytes.windows(kind.len()).position(|w| w == kind).unwrap();
    let start = at(&labels, &kind("labels", 2));
    let with = |kind: Vec<u8>| [&numbers[..start], &kind, &numbers[start + kind_len()..]].concat();
    assert_eq!(start, at(&numbers, &kind("numbers", 1)));
    assert_eq!(with(kind("labels", 2)), labels);
    for (name, count) in [
        ("labels", 0),
        ("labels", 1),
        ("labels", (1 << 16) + 1),
        ("tokens", 2),
    ] {
        let refused = Node::<Pallas>::decode(&with(kind(name, count)));
        assert!(
            matches!(
                refused,
                Err(DecodeError::Value {
                    field: "targets",
                    ..
                })
            ),
            "{name} {count}"
        );
    }
    let most = Node::<Pallas>::decode(&with(kind("labels", 1 << 16))).unwrap();
    assert_eq!(most.dataset.kind.classes(), Some(1 << 16));
    fn kind_len() -> usize {
        2 * text("numbers").len() + 16
    }
}

#[test]
fn titles_are_shown_as_they_are_but_do_not_steer_terminals() {
    let label = |title: &str| {
        let id = NodeId([0xab; 32]);
        let title = Some(title.to_owned());
        NodeLabel::new(id, title).to_string()
    };
    assert_eq!(label("Bob's, für 5 €"), "abababababab \"Bob's, für 5 €\"");
    let steering = label("a\u{1b}[2J\nb");
    assert_eq!(steering, "abababababab \"a\\u{1b}[2J\\nb\"");
}

//! One tampering for each family of messages of a proof. Families are found by the events of the
//! transcript, so that a message that is added to the protocol is tampered with here.
use crate::{
    compare::{Case, Tampered},
    files,
    honest::{Family, HIDDEN, OPEN, author},
    recorder::{Event, Message, messages, record},
};
use ark_ec::AffineRepr;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use std::{collections::BTreeMap, ops::Range, sync::Arc};
use zktree::{
    commit::Curve,
    nn::{TrainingProof, argument::Pending},
    poly::WideField,
    tree::Node,
};

/// A message of each family of a transcript: by its label, and for rounds by what they are rounds of.
pub fn families(events: &[Event]) -> BTreeMap<String, Message> {
    let mut families: BTreeMap<String, Vec<Message>> = BTreeMap::new();
    let mut stage = "layer";
    for event in events {
        match event {
            Event::Challenge(label) if label == "level batching" => stage = "level",
            Event::Challenge(label) if label == "opening batching" => stage = "opening",
            Event::Message(message) => {
                let name = match message.label.as_str() {
                    "sumcheck round" => format!("{stage} rounds"),
                    label => label.to_owned(),
                };
                families.entry(name).or_default().push(message.clone());
            }
            _ => {}
        }
    }
    let middle = |list: Vec<Message>| list[list.len() / 2].clone();
    families
        .into_iter()
        .map(|(name, list)| (name, middle(list)))
        .collect()
}

/// The proof with one, or the group's generator, added to a message.
pub fn altered<C: Curve>(proof: &[u8], message: &Message) -> Vec<u8> {
    let (mut bytes, here) = (proof.to_vec(), message.bytes.clone());
    let encoding = if message.point {
        let point = C::Affine::deserialize_compressed(&proof[here.clone()]).unwrap();
        let other = (point.into_group() + C::generator()).into_affine();
        C::encode(&other)
    } else {
        let scalar = C::ScalarField::deserialize_compressed(&proof[here.clone()]).unwrap();
        let mut encoding = Vec::new();
        let other = scalar + C::ScalarField::from(1_u64);
        other.serialize_compressed(&mut encoding).unwrap();
        encoding
    };
    bytes[here].copy_from_slice(&encoding);
    bytes
}

/// Where the proofs of segments lie in that of an edge.
pub fn segments<C: Curve<ScalarField: WideField>>(
    node: &Node<C>,
    proof: &[u8],
) -> Vec<Range<usize>> {
    let parameters = &node.parameters;
    let count = parameters.steps.div_ceil(parameters.segment_steps);
    let mut start = 0;
    let mut segments = Vec::new();
    for k in 0..count {
        if k + 1 < count {
            start += node.weights.encode().len();
        }
        let length = proof[start..start + 8].try_into().unwrap();
        let end = start + 8 + u64::from_le_bytes(length) as usize;
        segments.push(start + 8..end);
        start = end;
    }
    segments
}

/// Two nodes of a family, each message family of their proofs altered, and each node signed anew.
pub fn of_edges<C: Curve<ScalarField: WideField>>(family: &Family<C>) -> Vec<Case> {
    let mut cases = Vec::new();
    for k in [OPEN, HIDDEN] {
        let child = &family.children[k];
        let (path, mode) = (
            family.tree.path(child.node.parent).unwrap(),
            if child.node.parameters.hiding {
                "hiding"
            } else {
                "not hiding"
            },
        );
        let origin = path.end().unwrap();
        let statement = origin.statement(&child.node, &child.edge.dataset);
        let proof = &child.edge.proof.0;
        let (pending, transcripts) = record(|| statement.verify(&child.edge.proof).unwrap());
        Pending::check_all(&pending).unwrap();
        let segments = segments(&child.node, proof);
        assert_eq!(transcripts.len(), segments.len());
        for (segment, (events, here)) in transcripts.iter().zip(segments).enumerate() {
            // Every family in one of the segments.
            for (name, message) in families(events).into_iter().skip(segment).step_by(2) {
                let mut bytes = proof.clone();
                let part = altered::<C>(&proof[here.clone()], &message);
                bytes[here.clone()].copy_from_slice(&part);
                let name = format!("{} {mode}, training, segment {segment}: {name}", C::NAME);
                cases.push(with_proofs(family, k, name, (Some(bytes), None)));
            }
        }
        let bits = child.node.parameters.fixed_point.data_range_bits();
        let (data, range) = (&child.edge.dataset, &child.edge.data_proof);
        let hiding = child.node.parameters.hiding;
        let (_, transcripts) =
            record(|| zktree::nn::proof::verify_dataset(data, bits, hiding, range).unwrap());
        for (name, message) in families(&transcripts[0]) {
            let bytes = altered::<C>(range, &message);
            let name = format!("{} {mode}, range of data: {name}", C::NAME);
            cases.push(with_proofs(family, k, name, (None, Some(bytes))));
        }
    }
    cases
}

/// The lineage of a node that has other proofs.
pub fn with_proofs<C: Curve<ScalarField: WideField>>(
    family: &Family<C>,
    k: usize,
    name: String,
    (training, range): (Option<Vec<u8>>, Option<Vec<u8>>),
) -> Case {
    let reason = if training.is_some() {
        "training"
    } else {
        "range"
    };
    let child = &family.children[k];
    let mut edge = child.edge.clone();
    if let Some(bytes) = training {
        edge.proof = Arc::new(TrainingProof(bytes));
    }
    if let Some(bytes) = range {
        edge.data_proof = Arc::new(bytes);
    }
    let mut tree = family.lineage(k);
    let id = files::replace(&mut tree, family.id(k), (&child.node, &edge), &author());
    Case::tampered(
        name,
        tree,
        Tampered {
            node: Some(id),
            reason: Some(reason),
        },
    )
}

/// A root of unknown origin, each message family of its proof of range altered, and signed anew.
pub fn of_imported<C: Curve<ScalarField: WideField>>(family: &Family<C>) -> Vec<Case> {
    let root = &family.files[&format!("roots/{}", family.root)];
    let (_, transcripts) = record(|| family.tree.verify_lineage(family.root).unwrap());
    let case = |(name, message): (String, Message)| {
        // The file ends in proof and signature.
        let end = messages(&transcripts[0]).last().unwrap().bytes.end;
        let start = root.len() - 64 - end;
        let mut bytes = root.clone();
        let proof = altered::<C>(&root[start..start + end], &message);
        bytes[start..start + end].copy_from_slice(&proof);
        let (id, tree) = files::lone_root(&family.files, bytes, &author());
        let tampered = Tampered {
            node: Some(id),
            reason: Some("weight"),
        };
        Case::tampered(format!("range of weights: {name}"), tree, tampered)
    };
    families(&transcripts[0]).into_iter().map(case).collect()
}

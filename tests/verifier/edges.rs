//! Signatures, and what is around the proofs of an edge.
use crate::{
    compare::{Alter, Case, Tampered},
    honest::{Family, GRANDCHILD, HIDDEN, author},
    messages::{segments, with_proofs},
};
use zktree::{Pallas, commit::Curve, tree::AuthorSecret};

/// Signatures of others, of other things, and encodings that are not canonical.
pub fn of_signatures(family: &Family<Pallas>) -> Vec<Case> {
    let node = family.id(GRANDCHILD);
    // The order of the base point: s and s + order sign the same.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let add_order = |bytes: &mut [u8]| {
        let mut carry = 0;
        for (byte, more) in bytes[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(more);
            *byte = carry as u8;
            carry >>= 8;
        }
    };
    let thief = AuthorSecret::from_bytes(&[8; 32]);
    let replaced = |by: [u8; 64]| move |bytes: &mut [u8]| bytes.copy_from_slice(&by);
    let changes: Vec<(&str, Box<dyn Fn(&mut [u8])>)> = vec![
        ("R", Box::new(|bytes| bytes[3] ^= 1)),
        ("s", Box::new(|bytes| bytes[40] ^= 1)),
        ("s beyond the order", Box::new(add_order)),
        ("of another key", Box::new(replaced(thief.sign(node).0))),
        (
            "of another id",
            Box::new(replaced(author().sign(family.root).0)),
        ),
        ("zero", Box::new(replaced([0; 64]))),
    ];
    changes
        .into_iter()
        .map(|(name, change)| {
            let mut tree = family.lineage(GRANDCHILD);
            let file = tree.get_mut(&format!("nodes/{node}")).unwrap();
            let start = file.len() - 64;
            change(&mut file[start..]);
            let tampered = Tampered {
                node: Some(node),
                reason: Some("signature"),
            };
            Case::tampered(format!("signature: {name}"), tree, tampered)
        })
        .collect()
}

/// What is around the proofs of segments.
pub fn of_containers(family: &Family<Pallas>) -> Vec<Case> {
    let child = &family.children[HIDDEN];
    let proof = &child.edge.proof.0;
    let segments = segments(&child.node, proof);
    let (first, second) = (segments[0].clone(), segments[1].clone());
    let points = Pallas::ENCODED_LEN;
    let set = |start: usize, number: u64| {
        move |bytes: &mut Vec<u8>| bytes[start..start + 8].copy_from_slice(&number.to_le_bytes())
    };
    let length = first.len() as u64;
    let at = first.start - 8;
    let between = second.start - 8;
    let alterations: Vec<(&str, Alter)> = vec![
        ("shorter length", Box::new(set(at, length - 1))),
        ("longer length", Box::new(set(at, length + 1))),
        ("length beyond the end", Box::new(set(at, 1 << 40))),
        ("greatest length", Box::new(set(at, u64::MAX))),
        ("byte behind", Box::new(|bytes| bytes.push(0))),
        (
            "byte behind a segment",
            Box::new({
                let set = set(at, length + 1);
                let end = first.end;
                move |bytes| {
                    set(bytes);
                    bytes.insert(end, 0);
                }
            }),
        ),
        (
            "missing segment",
            Box::new(move |bytes| bytes.truncate(between)),
        ),
        (
            "weights between segments",
            Box::new(move |bytes| bytes[points - 1] ^= 0x80),
        ),
        (
            "exchanged segments",
            Box::new({
                let (proof, first, second) = (proof.clone(), first.clone(), second.clone());
                move |bytes| {
                    bytes.truncate(first.start - 8);
                    for segment in [&second, &first] {
                        bytes.extend(&proof[segment.start - 8..segment.end]);
                    }
                }
            }),
        ),
        (
            "scalar beyond the modulus",
            Box::new({
                let end = second.end;
                move |bytes| bytes[end - 32..end].fill(0xff)
            }),
        ),
        ("nothing", Box::new(Vec::clear)),
    ];
    alterations
        .into_iter()
        .map(|(name, alter)| {
            let mut bytes = proof.clone();
            alter(&mut bytes);
            let name = format!("proof of an edge: {name}");
            with_proofs(family, HIDDEN, name, (Some(bytes), None))
        })
        .collect()
}

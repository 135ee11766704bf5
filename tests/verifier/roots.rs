//! One tampering for each field of roots.
use crate::{
    compare::{Alter, Case, Tampered},
    files,
    honest::{Family, OPEN, author},
};
use zktree::{
    Pallas,
    nn::encoding::Encoder,
    tree::{AuthorSecret, Node},
};

/// Fields of roots. That of a seed takes its children along: they are signed anew.
pub fn of_roots(family: &Family<Pallas>, imported: &Family<Pallas>) -> Vec<Case> {
    let mut cases = Vec::new();
    let child = &family.children[OPEN];
    let root = &family.files[&format!("roots/{}", family.root)];
    let seed = root.len() - 8;
    let names = |bytes: &[u8]| {
        let name = "Spalte 0".as_bytes();
        let mut places = bytes.windows(name.len());
        places.position(|window| window == name).unwrap()
    };
    let (mean, first) = (names(root) + 11, names(root) + 7);
    let consistent: [(&str, usize); 2] = [("seed", seed), ("mean", mean)];
    for (name, at) in consistent {
        let mut bytes = root.clone();
        bytes[at] ^= 1;
        let name = format!("root: {name}");
        cases.push(adopted(family, name, bytes, child.node.clone(), "training"));
    }
    let alterations: Vec<(&str, Alter)> = vec![
        ("version", Box::new(|bytes| bytes[8 + 8] = b'1')),
        // The graph: behind its length the inputs, the number of nodes, and of the first one code, number and
        // what it reads, behind its count.
        ("no inputs", Box::new(|bytes| bytes[30] = 0)),
        ("number of nodes", Box::new(|bytes| bytes[38] = 0)),
        ("unknown operator", Box::new(|bytes| bytes[46] = 9)),
        ("width of zero", Box::new(|bytes| bytes[54] = 0)),
        ("node that reads itself", Box::new(|bytes| bytes[70] = 1)),
        (
            "mean that is no number",
            Box::new(move |bytes| bytes[mean..mean + 8].fill(0xff)),
        ),
        (
            "negative deviation",
            Box::new(move |bytes| {
                bytes[mean + 8..mean + 16].copy_from_slice(&(-1.0_f64).to_le_bytes());
            }),
        ),
        (
            "two columns of one name",
            Box::new(move |bytes| bytes[first] = b'1'),
        ),
        ("byte behind", Box::new(|bytes| bytes.push(0))),
    ];
    for (name, alter) in alterations {
        let mut bytes = root.clone();
        alter(&mut bytes);
        let (new, tree) = files::lone_root(&family.files, bytes, &author());
        cases.push(Case::tampered(
            format!("root: {name}"),
            tree,
            Tampered::node(new),
        ));
    }
    cases.extend(of_imported_root(imported));
    cases
}

/// A root of these bytes with a node of the family, signed anew, which is refused for `reason`.
fn adopted(
    family: &Family<Pallas>,
    name: String,
    root: Vec<u8>,
    mut node: Node<Pallas>,
    reason: &'static str,
) -> Case {
    let edge = &family.children[OPEN].edge;
    let (parent, mut tree) = files::lone_root(&family.files, root, &author());
    for (name, content) in &family.files {
        if name.starts_with("proofs") || name.starts_with("datasets") {
            tree.insert(name.clone(), content.clone());
        }
    }
    node.parent = parent;
    let new = node.id(edge);
    tree.insert(format!("nodes/{new}"), Vec::new());
    files::set_log(&mut tree, &[parent, new]);
    let new = files::replace(&mut tree, new, (&node, edge), &author());
    let tampered = Tampered {
        node: Some(new),
        reason: Some(reason),
    };
    Case::tampered(name, tree, tampered)
}

/// Graphs that no network has: what it says is not bound by anything, or leaves the field.
pub fn of_networks(family: &Family<Pallas>) -> Vec<Case> {
    // Codes and numbers of operators.
    const RELU: (u64, u64) = (4, 0);
    const ADD: (u64, u64) = (3, 0);
    const ROUND: (u64, u64) = (2, 0);
    let linear = |outputs: u64| (1, outputs);
    let graph = |operators: &[(u64, u64)]| {
        let start = Encoder::default().count(2).count(operators.len());
        let chain = (0_u64..).zip(operators);
        let end = chain.fold(start, |encoder, (k, operator)| {
            let inputs = vec![k; 1 + usize::from(*operator == ADD)];
            let encoder = encoder.number(operator.0).number(operator.1);
            encoder.numbers(inputs.into_iter())
        });
        end.finish()
    };
    let root = &family.files[&format!("roots/{}", family.root)];
    let honest = family.children[OPEN].node.parameters.architecture.encode();
    let with = |operators: &[(u64, u64)]| {
        let rest = &root[22 + 8 + honest.len()..];
        let start = Encoder::new("zktree/v2/root").bytes(&graph(operators));
        [&start.finish(), rest].concat()
    };
    let end = vec![linear(1), ROUND];
    let networks = [
        ("no rounding", vec![linear(3), RELU, linear(1)]),
        ("a rectified output", vec![linear(3), RELU, linear(1), RELU]),
        (
            "an output that is rounded already",
            vec![linear(3), RELU, linear(1), RELU, ROUND],
        ),
        ("two layers in one", vec![linear(3), linear(1), ROUND]),
        ("no layer", vec![RELU]),
        (
            "sums of sums",
            [vec![linear(3), RELU], vec![ADD; 13], end.clone()].concat(),
        ),
        (
            "functions of functions",
            [vec![linear(3)], vec![RELU; 10], end.clone()].concat(),
        ),
    ];
    networks
        .into_iter()
        .map(|(name, operators)| {
            let (new, tree) = files::lone_root(&family.files, with(&operators), &author());
            Case::tampered(format!("network: {name}"), tree, Tampered::node(new))
        })
        .collect()
}

fn of_imported_root(family: &Family<Pallas>) -> Vec<Case> {
    let root = &family.files[&format!("roots/{}", family.root)];
    let find = |what: &[u8]| {
        let mut places = root.windows(what.len());
        places.position(|window| window == what).unwrap()
    };
    let (title, curve) = (find(b"from elsewhere"), find(b"Pallas"));
    let points = curve + 6 + 8;
    // The numbers of bits, the author and the flag and length of the title come before it.
    let (step, author_key) = (title - 16 - 32 - 16, title - 16 - 32);
    let column = find("Spalte 0".as_bytes());
    let end = root.len();
    let alterations: Vec<(&str, Alter)> = vec![
        ("title", Box::new(move |bytes| bytes[title] = b'F')),
        ("curve", Box::new(move |bytes| bytes[curve] = b'p')),
        ("step of the grid", Box::new(move |bytes| bytes[step] += 1)),
        (
            "range of the grid",
            Box::new(move |bytes| bytes[step + 8] += 1),
        ),
        (
            "greatest range of the grid",
            Box::new(move |bytes| bytes[step + 8] = 21),
        ),
        (
            "point of the weights",
            Box::new(move |bytes| bytes[points + 32] ^= 0x80),
        ),
        (
            "name of a column",
            Box::new(move |bytes| bytes[column] = b's'),
        ),
        (
            "author",
            Box::new(move |bytes| {
                let thief = AuthorSecret::from_bytes(&[8; 32]);
                bytes[author_key..author_key + 32].copy_from_slice(&thief.public().0);
            }),
        ),
        (
            "end of the proof",
            Box::new(move |bytes| {
                let _ = bytes.drain(end - 64 - 32..end - 64);
            }),
        ),
    ];
    let mut cases: Vec<Case> = alterations
        .into_iter()
        .map(|(name, alter)| {
            let mut bytes = root.clone();
            alter(&mut bytes);
            let key = if name == "author" { [8; 32] } else { [7; 32] };
            let key = AuthorSecret::from_bytes(&key);
            let (new, tree) = files::lone_root(&family.files, bytes, &key);
            Case::tampered(format!("imported root: {name}"), tree, Tampered::node(new))
        })
        .collect();
    let thief = AuthorSecret::from_bytes(&[8; 32]);
    let (new, tree) = files::lone_root(&family.files, root.clone(), &thief);
    let tampered = Tampered {
        node: Some(new),
        reason: Some("signature"),
    };
    cases.push(Case::tampered(
        "imported root: signature".into(),
        tree,
        tampered,
    ));
    cases
}

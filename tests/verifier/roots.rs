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
        ("unknown operator", Box::new(|bytes| bytes[46] = 99)),
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

/// An operator by its code and numbers, one 0 if it has none.
type Operator = (u64, Vec<u64>);
/// A name, the numbers that an encoding has for the input, and operators.
type Network = (&'static str, &'static [u64], Vec<Operator>);

fn linear(outputs: u64) -> Operator {
    (1, vec![outputs])
}

fn round() -> Operator {
    (2, vec![0])
}

fn relu() -> Operator {
    (4, vec![0])
}

fn dense(outputs: u64) -> Operator {
    (13, vec![outputs])
}

/// Windows of this size, so far apart, with this much padding before and behind.
fn windows(kernel: [u64; 2], stride: u64, padding: u64) -> Vec<u64> {
    [&kernel[..], &[stride; 2], &[padding; 4]].concat()
}

fn average(kernel: [u64; 2]) -> Operator {
    (11, windows(kernel, 1, 0))
}

fn convolution(kernel: [u64; 2], stride: u64, padding: u64) -> Operator {
    (10, [vec![1], windows(kernel, stride, padding)].concat())
}

/// A network in which each operator reads the one before it, a sum twice; `input` are the numbers of its encoding.
fn chain(input: &[u64], operators: &[Operator]) -> Vec<u8> {
    let numbers = |encoder, all: &[u64]| all.iter().fold(encoder, |e: Encoder, n| e.number(*n));
    let start = numbers(Encoder::default(), input).count(operators.len());
    let nodes = (0_u64..).zip(operators);
    let end = nodes.fold(start, |encoder, (k, (code, all))| {
        let inputs = vec![k; 1 + usize::from(*code == 3)];
        numbers(encoder.number(*code), all).numbers(inputs.into_iter())
    });
    end.finish()
}

/// Networks of two numbers.
fn of_vectors() -> Vec<Network> {
    const TWO: &[u64] = &[2];
    let end = vec![linear(1), round()];
    let rectified = vec![linear(3), relu(), linear(1), relu()];
    let twice = [rectified.clone(), vec![round()]].concat();
    let sums = [vec![linear(3), relu()], vec![(3, vec![0]); 13], end.clone()].concat();
    let functions = [vec![linear(3)], vec![relu(); 10], end].concat();
    let pixel = convolution([1, 1], 1, 0);
    vec![
        ("no rounding", TWO, rectified[..3].to_vec()),
        ("a rectified output", TWO, rectified),
        ("an output that is rounded already", TWO, twice),
        (
            "two layers in one",
            TWO,
            vec![linear(3), linear(1), round()],
        ),
        ("no layer", TWO, vec![relu()]),
        ("sums of sums", TWO, sums),
        ("functions of functions", TWO, functions),
        ("a dense operator on a vector", TWO, vec![dense(1), round()]),
        ("windows on a vector", TWO, vec![pixel, round()]),
        (
            "an image of one dimension",
            &[0, 1, 2],
            vec![linear(1), round()],
        ),
        ("of five", &[0, 5, 1, 1, 1, 1, 2], vec![dense(1), round()]),
        ("of no pixels", &[0, 3, 0, 1, 2], vec![dense(1), round()]),
    ]
}

/// Networks of an image of two pixels.
fn of_images() -> Vec<Network> {
    const TWO: &[u64] = &[0, 3, 1, 2, 1];
    let behind = |operator: Operator| vec![operator, relu(), dense(1), round()];
    let (pixel, all) = (convolution([1, 1], 1, 0), convolution([1, 2], 1, 0));
    let mean_of_all = vec![all.clone(), relu(), (12, vec![0]), round()];
    let layer_on_mean = vec![pixel, relu(), average([1, 2]), dense(1), round()];
    vec![
        (
            "a window of nothing",
            TWO,
            behind(convolution([0, 1], 1, 0)),
        ),
        (
            "windows that do not move",
            TWO,
            behind(convolution([1, 1], 0, 0)),
        ),
        (
            "windows in the padding",
            TWO,
            behind(convolution([1, 1], 1, 1)),
        ),
        (
            "a window larger than the image",
            TWO,
            behind(convolution([2, 1], 1, 0)),
        ),
        ("a mean over one pixel", TWO, behind(average([1, 1]))),
        ("a mean with a number", TWO, behind((12, vec![1]))),
        ("an image for an output", TWO, vec![all, round()]),
        ("a layer on a mean", TWO, layer_on_mean),
        ("a mean that rounds nothing", TWO, mean_of_all),
    ]
}

/// Graphs that no network has: what it says is not bound by anything, or leaves the field.
pub fn of_networks(family: &Family<Pallas>) -> Vec<Case> {
    let root = &family.files[&format!("roots/{}", family.root)];
    let honest = family.children[OPEN].node.parameters.architecture.encode();
    let case = |(name, input, operators): Network| {
        let start = Encoder::new("zktree/v2/root").bytes(&chain(input, &operators));
        let bytes = [&start.finish(), &root[22 + 8 + honest.len()..]].concat();
        let (new, tree) = files::lone_root(&family.files, bytes, &author());
        Case::tampered(format!("network: {name}"), tree, Tampered::node(new))
    };
    let networks = of_vectors().into_iter().chain(of_images());
    networks.map(case).collect()
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

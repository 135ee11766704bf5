//! The corpus: small inputs made of honest objects, from which mutation starts.
use crate::{
    formats, graphs,
    targets::{Scene, author},
};
use std::{fs, path::PathBuf};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Classes, LearningRate, Normalization, Table, TrainingParameters, WeightGrid, WeightOpening,
        encoding::Encoder,
    },
    tree::{
        NodeId, Root, RowProof,
        store::{Log, NodeFile, SignedHead},
    },
};

/// The corpus of a target.
pub fn dir(target: &str) -> PathBuf {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    fuzz.join("corpus").join(target)
}

/// All files of a target's corpus, sorted.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir(target)).expect("each target has a corpus");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Writes the seeds of all targets.
#[test]
#[ignore = "writes fuzz/corpus"]
fn write_seeds() {
    for (target, seeds) in seeds() {
        fs::create_dir_all(dir(target)).unwrap();
        for (k, seed) in seeds.iter().enumerate() {
            fs::write(dir(target).join(format!("seed-{k:02}")), seed).unwrap();
        }
    }
}

fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let (open, hiding) = (Scene::get(false), Scene::get(true));
    let node_file = |scene: &Scene| NodeFile {
        node: scene.child.node.clone(),
        proofs: scene.child.edge.proof_hashes(),
        signature: scene.child.edge.signature,
    };
    let opening = &hiding.child.opening;
    let bls = Bls12381::encode(&Default::default());
    vec![
        ("cache", texts(&["", &lines(1), &lines(3)])),
        ("channel", channels()),
        ("checkpoint", scripts(&[&[0, 0], &[0, 1], &[1, 0], &[1, 1]])),
        (
            "data_range",
            scripts(&[&[0, 33], &[1, 33], &[0, 4], &[1, 32]]),
        ),
        ("encoding", encodings()),
        ("images", images()),
        ("import", networks()),
        (
            "inference",
            (0..4)
                .flat_map(|k| scripts(&[&[k, 0, 2], &[k, 2]]))
                .collect(),
        ),
        (
            "json",
            texts(&[
                "[11,64,64,1]",
                "\"11,64,64,1 tanh\"",
                "3",
                &serde_json::to_string(hiding.root.fixed_point()).unwrap(),
                &serde_json::to_string(&hiding.root.id()).unwrap(),
                &serde_json::to_string(&log(3).head()).unwrap(),
                &signed_head(),
            ]),
        ),
        ("key", texts(&[KEY])),
        (
            "lineage",
            [
                scripts(&[&[0, 0], &[1, 0], &[0, 1, 2, 1, 5]]),
                extreme_nodes(),
            ]
            .concat(),
        ),
        ("log_proof", log_proofs()),
        ("network", graphs::samples()),
        (
            "node",
            vec![open.child.node.encode(), hiding.child.node.encode()],
        ),
        (
            "node_file",
            [open, hiding].map(|s| node_file(s).encode()).into(),
        ),
        (
            "normalization",
            vec![
                hiding.root.normalization().to_bytes(),
                serde_json::to_vec(hiding.root.normalization()).unwrap(),
                labelled().to_bytes(),
                serde_json::to_vec(&labelled()).unwrap(),
            ],
        ),
        ("points", vec![bls, hiding.child.node.weights.encode()]),
        ("root", vec![hiding.root.encode(), imported_root()]),
        ("row_proof", row_proofs()),
        (
            "safetensors",
            vec![
                opening.weights().to_safetensors().unwrap(),
                opening.to_safetensors().unwrap(),
                WeightOpening::<crate::targets::Field>::public(opening.weights().clone())
                    .to_safetensors()
                    .unwrap(),
                hiding.data.opening().to_safetensors().unwrap(),
                no_rows(),
            ],
        ),
        ("statement", statements()),
        ("table", texts(&TABLES)),
        (
            "text",
            texts(&[
                "11,64,64,1",
                "11,64,64,1 gelu residual",
                " 3 , 4",
                "compact",
                &hiding.root.id().to_string(),
                &log(3).head().to_string(),
            ]),
        ),
        (
            "training",
            (0..4).flat_map(|k| scripts(&[&[0, 0, k]])).collect(),
        ),
        (
            "tree_dir",
            (0..12).flat_map(|k| scripts(&[&[0, 0, k]])).collect(),
        ),
        (
            "weight_commitment",
            vec![[&[0, 0, 1, 2, 2, 1][..], &hiding.child.node.weights.encode()].concat()],
        ),
    ]
}

/// The normalisation of features and a class.
fn labelled() -> Normalization {
    let table = "a,y\n1,cat\n2,dog\n".as_bytes();
    let table = Table::from_labelled_reader("t.csv", table, Some("y")).unwrap();
    Normalization::fit_labelled(&table, Classes::fit(&table, "y").unwrap()).unwrap()
}

/// Behind a byte for the format: two images of two pixels and their labels.
fn images() -> Vec<Vec<u8>> {
    let pixels = [0, 128, 255, 7];
    let with = |format: u8, file: Vec<u8>| [vec![format], file].concat();
    let idx = formats::idx(&[2, 1, 2], &pixels);
    let labels = formats::idx(&[1], &[1]);
    let floats: Vec<u8> = [0.5_f64, -2.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let numbers: Vec<u8> = [1_i64, 0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let bytes = [
        ("x.npy", formats::npy("|u1", &[2, 1, 2], &pixels)),
        ("y.npy", formats::npy("<i8", &[2], &numbers)),
    ];
    let reals = [("images.npy", formats::npy("<f8", &[2, 1], &floats))];
    vec![
        with(0, idx.clone()),
        with(0, formats::gzip(&idx)),
        with(1, labels.clone()),
        with(1, formats::gzip(&labels)),
        with(2, formats::zip(&bytes, true)),
        with(2, formats::zip(&reals, false)),
        with(3, formats::png([2, 2, 1], &pixels)),
        with(3, formats::png([1, 1, 4], &pixels)),
    ]
}

/// Files that other programs wrote.
fn networks() -> Vec<Vec<u8>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/import");
    let files = [
        "gemm.onnx",
        "half.onnx",
        "matmul.onnx",
        "sequential.safetensors",
        "unsupported.onnx",
        "image-channels-last.onnx",
        "image-residual.onnx",
    ];
    files.map(|file| fs::read(dir.join(file)).unwrap()).into()
}

/// A file of data without rows, which may have any number of columns.
fn no_rows() -> Vec<u8> {
    let tensor = |name, dtype, width: u64| {
        format!("{name:?}:{{\"dtype\":{dtype:?},\"shape\":[0,{width}],\"data_offsets\":[0,0]}}")
    };
    let tensors = [
        tensor("blinding", "U8", 32),
        tensor("features", "I64", 1 << 40),
        tensor("targets", "I64", 1),
    ];
    let header = format!("{{{}}}", tensors.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()
}

/// Written by `openssl genpkey -algorithm ed25519`.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIMGbOcMOVA2xmbS8I1AynE1wyVLj6Ajy6ynWzwYTLjm7\n\
    -----END PRIVATE KEY-----\n";

const TABLES: [&str; 5] = [
    "a,b,y\n1,2,3\n2,3,5\n",
    "\u{feff}\"a\",\"b,c\"\r\n\r\n 1.5 , -2e3 \r\n-0.0,1e-300\r\n",
    "a,y\n1,1\n1,2\n",
    "a,y\n1e308,1\n-1e308,2\n",
    "a,y\n1,cat\n2,dog\n",
];

/// Inputs that choose what `starts` say and alter it: not at all, or in three ways.
fn scripts(starts: &[&[u8]]) -> Vec<Vec<u8>> {
    let ends: [&[u8]; 4] = [
        &[2],
        &[2, 0, 0, 0, 40, 1],
        &[1, 0, 0, 99],
        &[3, 7, 0, 0, 8, 220, 0, 0, 2],
    ];
    let with = |start: &&[u8]| ends.map(|end| [start, end].concat());
    starts.iter().flat_map(with).collect()
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn ids(count: u8) -> impl Iterator<Item = NodeId> {
    (0..count).map(|k| NodeId([k; 32]))
}

fn lines(count: u8) -> String {
    ids(count).map(|id| format!("{id}\n")).collect()
}

fn log(count: u8) -> Log {
    Log::new(ids(count)).unwrap()
}

fn log_proofs() -> Vec<Vec<u8>> {
    let log_of_7 = log(7);
    let included = [0, 3, 6].map(|k| log_of_7.inclusion(NodeId([k; 32])).unwrap());
    let included = included.iter().map(|p| serde_json::to_vec(p).unwrap());
    let continued = [0, 1, 3, 4, 6, 7].map(|k| log_of_7.consistency(&log(k).head()).unwrap());
    let continued = continued.iter().map(|p| serde_json::to_vec(p).unwrap());
    let signed = std::iter::once(signed_head().into_bytes());
    included.chain(continued).chain(signed).collect()
}

fn signed_head() -> String {
    let head = SignedHead::new([9; 32], log(3).head(), &author());
    serde_json::to_string(&head).unwrap()
}

/// The child's network, as if its weights came from elsewhere.
fn imported_root() -> Vec<u8> {
    let scene = Scene::get(true);
    let grid = WeightGrid {
        step_bits: 0,
        range_bits: 18,
    };
    let (fixed, normalization) = (scene.root.fixed_point(), scene.root.normalization());
    let root = Root::import::<Pallas>(
        fixed.clone(),
        normalization.clone(),
        (&scene.child.opening, grid),
        &author(),
        scene.child.node.labels.clone(),
    );
    root.unwrap().encode()
}

fn row_proofs() -> Vec<Vec<u8>> {
    let scene = Scene::get(true);
    let root = scene.child.node.dataset.root;
    let proof = RowProof::<Pallas>::new(scene.data.opening(), root, 1).unwrap();
    let whole = [b"\0", proof.to_json().as_bytes()].concat();
    [vec![whole], scripts(&[&[1]])].concat()
}

fn encodings() -> Vec<Vec<u8>> {
    let start = || Encoder::new("zktree/v1/hostile");
    let all = start()
        .number(7)
        .count(8)
        .numbers([1, 2].into_iter())
        .bytes(b"bytes")
        .string("text")
        .flag(true)
        .hash(&[9; 32]);
    let order = |kinds: [u8; 8], bytes: Vec<u8>| [&kinds[..], &bytes].concat();
    vec![
        order([0, 1, 2, 3, 4, 5, 6, 0], all.number(1).finish()),
        order([2; 8], start().numbers([u64::MAX].into_iter()).finish()),
        order([3; 8], start().bytes(&[]).finish()),
    ]
}

fn channels() -> Vec<Vec<u8>> {
    let scene = Scene::get(true);
    let point = Pallas::encode(&scene.child.node.weights.layers()[0].rows[0]);
    let scalar = [[1; 31].as_slice(), &[0]].concat();
    let end = [4 + 8 * 2, 5, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3];
    let order = [&[0, 7, 9, 3][..], &end].concat();
    vec![[order, scalar.clone(), scalar, point.repeat(3)].concat()]
}

/// The grandchild's node with numbers at the ends of what is accepted: bytes that choose the
/// script, and a script that writes each of its numbers that is another.
fn extreme_nodes() -> Vec<Vec<u8>> {
    let changes: [fn(&mut TrainingParameters); 4] = [
        |p| (p.steps, p.segment_steps) = (64 << 10, 1 << 10),
        |p| (p.steps, p.segment_steps, p.batch) = (1 << 40, 1, 5),
        |p| {
            p.optimiser = LearningRate::from_coefficient(LearningRate::MAX)
                .unwrap()
                .into()
        },
        |p| (p.steps, p.segment_steps) = (u64::MAX, u64::MAX),
    ];
    let of = |hiding: bool| {
        let honest = &Scene::get(hiding).grandchild.node;
        changes.map(|change| {
            let mut node = honest.clone();
            change(&mut node.parameters);
            let choice = [u8::from(hiding), 0];
            [&choice[..], &overwrites(&honest.encode(), &node.encode())].concat()
        })
    };
    [of(false), of(true)].concat()
}

/// A script that makes one encoding another that differs in some of its eight-byte numbers.
fn overwrites(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let (mut script, mut at) = (Vec::new(), 0);
    while let Some(next) = (at..from.len()).find(|k| from[*k] != to[*k]) {
        let place = u32::try_from(next).unwrap().to_be_bytes();
        let number: Vec<u8> = to[next..next + 8].iter().rev().copied().collect();
        script.extend([&[7], &place[1..], &[255], &number].concat());
        at = next + 8;
    }
    script
}

/// A network of one layer, with formats and a proof that go a long way; and of 64, with as many limbs
/// as there may be.
fn statements() -> Vec<Vec<u8>> {
    let format = [3, 0, 4, 4, 4, 5, 3, 4, 4, 4];
    // The second is the largest number of steps that there is.
    let steps: [&[u8]; 2] = [&[2], &[216, 0, 0, 2]];
    let of = |steps: &[u8], parent: &[u8], hiding: u8, points: u8| {
        // Rectifiers, no residual connections.
        let network = [&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0][..], &format].concat();
        let training = [&[1, 2], steps, &[1, hiding]].concat();
        let tail = [0, 0, points, 0, 2, 0];
        [&network, &[5, 1][..], parent, &training, &tail].concat()
    };
    let mut seeds = Vec::new();
    for points in [0, 8, 16, 64] {
        for steps in steps {
            seeds.push(of(steps, &[0, 7], 0, points));
            seeds.push(of(steps, &[1, 9, 0, 0, 0], 1, points));
        }
    }
    // One fraction bit, the smallest ranges, 60 limbs of one bit.
    let format = [&[0, 0, 58, 0, 0, 0, 0][..], &[0; 60]].concat();
    for (hiding, network) in [(0, [0, 0]), (1, [0, 0]), (0, [1, 1]), (1, [3, 1])] {
        let deep = [&[0, 0, 3][..], &[0; 3 * 65], &network].concat();
        let training = [&[5, 1, 1, 9, 0, 0, 0, 1, 2][..], &[216, 0, 0, 2, 1, hiding]].concat();
        seeds.push([&deep[..], &format, &training, &[0, 0, 255, 0, 2, 0]].concat());
    }
    seeds
}

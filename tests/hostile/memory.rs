//! Memory: a parser takes a multiple of the bytes that it is given, a verifier no more for a forged
//! proof than for an honest one of the same statement.
use crate::{
    alone, formats, graphs, seeds,
    targets::{Field, Scene, altered, author},
};
use peak_alloc::PeakAlloc;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{hint::black_box, ops::ControlFlow};
use zktree::{
    Pallas,
    commit::{Curve, RowCommitments},
    error::{DataError, VerifyError},
    json,
    nn::{
        Architecture, ColumnStatistics, Dataset, DatasetCommitment, DatasetOpening, LearningRate,
        Normalization, RowOpening, Table, TrainingParameters, TrainingProof, WeightCommitment,
        WeightOpening, Weights,
        encoding::{Decoder, Encoder},
        import::FloatModel,
        proof,
    },
    tree::{
        Child, DatasetName, Draft, Inference, Labels, Node, ProvenDataset, Root, RowProof, Tree,
        TreeError,
        store::{ConsistencyProof, InclusionProof, NodeFile, SignedHead},
    },
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most memory that was taken at one time beyond what was taken before.
pub fn peak<T>(run: impl FnOnce() -> T) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    drop(black_box(run()));
    MEMORY.peak_usage().saturating_sub(before)
}

/// A parser and the target whose corpus is of its format.
type Parser = (&'static str, fn(&[u8]));

const PARSERS: [Parser; 19] = [
    ("network", |b| drop(black_box(Architecture::decode(b)))),
    ("root", |b| drop(black_box(Root::decode(b)))),
    ("node", |b| drop(black_box(Node::<Pallas>::decode(b)))),
    ("node_file", |b| {
        drop(black_box(NodeFile::<Pallas>::decode(b)))
    }),
    ("normalization", |b| {
        drop(black_box(Normalization::from_bytes(b)))
    }),
    ("normalization", |b| {
        drop(black_box(serde_json::from_slice::<Normalization>(b)))
    }),
    ("points", |b| {
        let rows = b.len() / Pallas::ENCODED_LEN;
        drop(black_box(RowCommitments::<Pallas>::decode(b, rows)))
    }),
    ("row_proof", |b| {
        drop(black_box(RowProof::<Pallas>::from_json(b)))
    }),
    ("log_proof", |b| {
        drop(black_box(json::read::<InclusionProof>(b)))
    }),
    ("log_proof", |b| {
        drop(black_box(json::read::<ConsistencyProof>(b)))
    }),
    ("log_proof", |b| {
        drop(black_box(serde_json::from_slice::<SignedHead>(b)))
    }),
    ("inference", |b| {
        drop(black_box(Inference::<Pallas>::from_json(b)))
    }),
    ("import", |b| drop(black_box(FloatModel::from_onnx(b)))),
    ("import", |b| {
        drop(black_box(FloatModel::from_safetensors(b, None)))
    }),
    ("table", |b| drop(black_box(Table::from_reader("t.csv", b)))),
    ("table", |b| {
        drop(black_box(Table::from_labelled_reader(
            "t.csv",
            b,
            Some("y"),
        )))
    }),
    ("safetensors", |b| {
        drop(black_box(Weights::from_safetensors(b)))
    }),
    ("safetensors", |b| {
        drop(black_box(WeightOpening::<Field>::from_safetensors(b)))
    }),
    ("safetensors", |b| {
        drop(black_box(DatasetOpening::<Field>::from_safetensors(b)))
    }),
];

/// Bytes of memory that a parser may take for each byte that it is given, and for none. Rows of a public
/// batch have the highest factor: one of one digit is a list of its own. Layouts of the widest layer
/// are what takes most without bytes.
const FACTOR: usize = 96;
const CONSTANT: usize = 1 << 16;

pub fn check(name: &str, parse: fn(&[u8]), input: &[u8]) {
    let peak = peak(|| parse(input));
    let len = input.len();
    let most = FACTOR * len + CONSTANT;
    assert!(peak <= most, "{name}: {peak} bytes of memory for {len}");
}

/// What small things look like in the formats, many times over.
fn swarms() -> Vec<Vec<u8>> {
    let swarm = |start: &str, one: &str, end: &str| {
        let text = [start, &one.repeat(30_000), end].concat();
        text.into_bytes()
    };
    vec![
        swarm("", "[", ""),
        swarm("[", "1,", "1]"),
        swarm("a,y\n", "1,2\n", ""),
        swarm("a\n", "1\n", ""),
        swarm("a", ",b", "\n1\n"),
        swarm("", "\"\"\n", ""),
        swarm(
            "{\"features\":[",
            "{\"name\":\"\",\"mean\":0,\"deviation\":0},",
            "{",
        ),
        swarm("{\"format\":\"zktree row 1\",\"values\":[", "0,", "0]"),
        swarm("{\"path\":[", "\"\",", "\"\"]}"),
        header(&"{\"a\":[],".repeat(30_000)),
        header(&tensors(10_000)),
        graph(&[0x0a, 0].repeat(30_000)),
        graph(&[0x2a, 0].repeat(30_000)),
        graph(&[0x5a, 2, 0x0a, 0].repeat(30_000)),
        graph(&[0x0a, 2, 0x2a, 0].repeat(4_000)),
        graph(&message(0x0a, &[0x2a, 0].repeat(30_000))),
        graph(&message(0x0a, &[0x0a, 0].repeat(30_000))),
        graph(&message(0x2a, &message(0x0a, &[1].repeat(30_000)))),
        graph(&tied_layers()),
    ]
}

/// A hundred layers with one matrix of weights, 64 x 64 in half precision.
fn tied_layers() -> Vec<u8> {
    let shape_and_type = [0x08, 64, 0x08, 64, 0x10, 10];
    let values = message(0x4a, &[0; 2 * 64 * 64]);
    let tensor = [&shape_and_type, &message(0x42, b"w")[..], &values].concat();
    let value = |tag, k: usize| message(tag, format!("x{k}").as_bytes());
    let node = |k: usize| {
        let (weight, operator) = match k % 2 {
            0 => (message(0x0a, b"w"), "Gemm"),
            _ => (Vec::new(), "Relu"),
        };
        let names = [value(0x0a, k), weight, value(0x12, k + 1)].concat();
        message(0x0a, &[names, message(0x22, operator.as_bytes())].concat())
    };
    let nodes: Vec<u8> = (0..201).flat_map(node).collect();
    let ends = [(0x5a, 0), (0x62, 201)];
    let ends = ends.map(|(tag, k)| message(tag, &value(0x0a, k))).concat();
    [message(0x2a, &tensor), nodes, ends].concat()
}

/// A field of a protocol buffer that has a length, by its tag.
fn message(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![tag];
    let mut len = bytes.len();
    while len >= 128 {
        text.push(len as u8 | 128);
        len >>= 7;
    }
    text.push(len as u8);
    [&text, bytes].concat()
}

/// An ONNX file with these fields of its graph, of operators of version 17.
fn graph(fields: &[u8]) -> Vec<u8> {
    [message(0x3a, fields), message(0x42, &[0x10, 17])].concat()
}

/// The beginning of a file of tensors.
fn header(json: &str) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat()
}

fn tensors(count: usize) -> String {
    let tensor = |n| format!("\"{n}\":{{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    let all: Vec<String> = (0..count).map(tensor).collect();
    format!("{{{}}}", all.join(","))
}

/// The widths of a network of as many weights as there may be, and layers, and units in most of them.
fn largest() -> Vec<usize> {
    let widths = [1 << 16, 62].into_iter().cycle().take(65).collect();
    let number = Architecture::new(widths).unwrap();
    assert!(number.num_parameters() > 250_000_000);
    number.widths()
}

/// Encodings of the largest network there is, and of a larger one, with all that follows missing.
fn giants() -> Vec<Vec<u8>> {
    [largest(), vec![1 << 16; 65]]
        .into_iter()
        .flat_map(giant)
        .collect()
}

fn giant(widths: Vec<usize>) -> Vec<Vec<u8>> {
    let root = Scene::get(true).root.encode();
    let mut decoder = Decoder::new("zktree/v2/root", &root).unwrap();
    decoder.bytes("network").unwrap();
    let format = decoder.bytes("format").unwrap();
    let graph = graphs::perceptron(&widths);
    let start = Encoder::new("zktree/v2/pre-id").string(Pallas::NAME);
    let node = start
        .hash(&[0; 32])
        .bytes(&graph)
        .bytes(format)
        .count(widths.len() - 1)
        .string("W1")
        .finish();
    let file = Encoder::new("zktree/v1/node-file").bytes(&node);
    let network = |kind| {
        let encoder = Encoder::new(kind).bytes(&graph);
        encoder.bytes(format).finish()
    };
    let imported = Encoder::new("zktree/v2/imported-root");
    let imported = imported.bytes(&network("zktree/v2/imported-pre-id"));
    let imported = [imported.bytes(&[]).finish(), vec![0; 64]].concat();
    let root = network("zktree/v2/root");
    vec![node, file.finish(), root, imported, graph]
}

#[test]
fn parsers_take_memory_in_proportion_to_bytes() {
    let _alone = alone();
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let (swarms, giants) = (swarms(), giants());
    for (name, parse) in PARSERS {
        for honest in seeds::corpus(name) {
            check(name, parse, &honest);
            check(
                name,
                parse,
                &honest.repeat(1 + 100_000 / (honest.len() + 1)),
            );
            for _ in 0..100 {
                let mut script = [0; 24];
                rng.fill_bytes(&mut script);
                check(name, parse, &altered(&honest, &script));
            }
        }
        for input in swarms.iter().chain(&giants) {
            check(name, parse, input);
        }
    }
}

/// A table takes a few times its file, however short its rows are.
#[test]
fn tables_take_a_few_times_their_bytes() {
    let _alone = alone();
    let read = |text: &str, rows: usize| {
        let peak = peak(|| {
            let table = Table::from_reader("t.csv", text.as_bytes()).unwrap();
            assert_eq!(table.num_rows(), rows);
            table
        });
        let most = 9 * text.len() + CONSTANT;
        assert!(peak <= most, "{peak} bytes of memory for {}", text.len());
    };
    let count = 200_000;
    for row in ["1\n", "1\r", "1\n\n", "1\r\n\r\n", "\"1\"\n"] {
        read(&format!("a\n{}", row.repeat(count)), count);
    }
    read(&format!("a\n{}", "1\n\n1\n".repeat(count / 2)), count);
    read(&format!("a,y\n{}", "1,2\n".repeat(count)), count);
    read(&format!("a\n{}1\n", "\n".repeat(count)), 1);
    // What comes to nothing.
    for text in [
        format!("a\n{}", "1,1\n".repeat(count)),
        format!("a\n{}x\n", "1\n".repeat(count)),
        format!("a\n{}", ",".repeat(count)),
    ] {
        let peak = peak(|| Table::from_reader("t.csv", text.as_bytes()).unwrap_err());
        assert!(
            peak <= 16 * text.len() + CONSTANT,
            "{peak} bytes for {}",
            text.len()
        );
    }
    // Names of columns are longer than cells; there is an end to them.
    let names: String = (0..1 << 19).map(|k| format!("{k},")).collect();
    let peak = peak(|| Table::from_reader("t.csv", names.as_bytes()).unwrap_err());
    assert!(peak <= 16 * names.len(), "{peak} bytes for {}", names.len());
}

/// What unpacks to much more than it says, or says much more than it has, takes little; so do names of columns of
/// one wide image.
#[test]
fn images_take_what_they_say_and_have() {
    let _alone = alone();
    let idx = |bytes: &[u8]| Table::from_idx(("i", bytes), None::<(&str, &[u8])>);
    let npz = |axes: &[u64], bytes: &[u8]| {
        let file = formats::npy("|u1", axes, bytes);
        formats::zip(&[("x.npy", file)], true)
    };
    let check = |read: &dyn Fn() -> Result<Table, DataError>, what: &str| {
        let mut error = String::new();
        let peak = peak(|| error = read().unwrap_err().to_string());
        assert!(error.contains(what), "{error}");
        assert!(peak < 1 << 18, "{peak} bytes of memory: {error}");
    };
    let zeros = vec![0; 1 << 26];
    let bomb = formats::gzip(&formats::idx(&[2, 2, 2], &zeros));
    check(&|| idx(&bomb), "more bytes follow than the 8 values");
    let bomb = npz(&[2, 2, 2], &zeros);
    check(
        &|| Table::from_npz("n", &bomb),
        "more bytes follow than the 8 values",
    );
    // Many values of which few are there, and more than any table has.
    for (rows, what) in [(1 << 16, "it was cut"), (u32::MAX, "split the file")] {
        let file = formats::idx(&[rows, 64, 64], &[0; 100]);
        check(&|| idx(&file), what);
        let packed = formats::gzip(&file);
        check(&|| idx(&packed), what);
        let file = npz(&[rows.into(), 64, 64], &[0; 100]);
        check(&|| Table::from_npz("n", &file), what);
    }
    // A table of bytes takes its bytes; memory that grows is there twice.
    let pixels = vec![9; 1 << 22];
    let images = formats::idx(&[1 << 12, 32, 32], &pixels);
    let most = peak(|| idx(&images).unwrap());
    assert!(
        most < 3 * images.len(),
        "{most} bytes of memory for {}",
        images.len()
    );
    let wide = formats::idx(&[1, 256, 256], &[9; 1 << 16]);
    let most = peak(|| idx(&wide).unwrap());
    assert!(
        most < FACTOR * wide.len(),
        "{most} bytes of memory for {}",
        wide.len()
    );
}

/// The number of bytes is compared with the one that the architecture calls for before memory is
/// taken for points.
#[test]
fn a_commitment_is_read_into_no_more_than_its_bytes() {
    let _alone = alone();
    let architecture = Architecture::new(largest()).unwrap();
    let bytes = vec![0; 1 << 16];
    let peak = peak(|| WeightCommitment::<Pallas>::decode(&bytes, &architecture).unwrap_err());
    assert!(peak <= CONSTANT, "{peak}");
}

#[test]
fn forged_proofs_take_no_more_memory_than_honest_ones() {
    let _alone = alone();
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let mut compare = |what: &str, honest: &[u8], verify: &dyn Fn(&[u8]) -> bool| {
        assert!(verify(honest), "{what}, which also makes the generators");
        let most = 2 * peak(|| verify(honest)) + (1 << 16);
        for _ in 0..100 {
            let mut script = [0; 24];
            rng.fill_bytes(&mut script);
            let forged = altered(honest, &script);
            let peak = peak(|| verify(&forged));
            assert!(peak <= most, "{what}: {peak} bytes, and {most} are allowed");
        }
    };
    for hiding in [false, true] {
        let scene = Scene::get(hiding);
        for (statement, child) in scene
            .statements()
            .iter()
            .zip([&scene.child, &scene.grandchild])
        {
            compare("training", &child.edge.proof.0, &|bytes| {
                statement.verify(&TrainingProof(bytes.to_vec())).is_ok()
            });
        }
        let edge = &scene.child.edge;
        compare("range of data", &edge.data_proof, &|bytes| {
            proof::verify_dataset(&edge.dataset, 5, hiding, bytes).is_ok()
        });
    }
}

/// Generators are made for each column of a row: for data that no network has they are not.
#[test]
fn a_row_of_too_many_columns_is_refused_before_generators_are_made() {
    let _alone = alone();
    let scene = Scene::get(true);
    let (mut node, mut edge) = (scene.child.node.clone(), scene.child.edge.clone());
    let columns = 1 << 18;
    edge.dataset = DatasetCommitment::new(columns - 1, 1, edge.dataset.rows().clone());
    node.dataset = DatasetName::of(&edge.dataset);
    let proof = RowProof::<Pallas> {
        dataset: node.dataset.root,
        opening: RowOpening {
            row: 0,
            values: vec![0; columns],
            blinding: Field::default(),
        },
    };
    let peak = peak(|| proof.verify(&node, &edge).unwrap_err());
    assert!(peak < CONSTANT, "{peak}");
}

/// A child of a root by a run of as many segments as steps, on rows of zeros.
fn long_run(root: &Root, rows: usize, batch: usize, steps: u64, hiding: bool) -> Child<Pallas> {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let network = root.architecture();
    let (inputs, outputs) = (network.num_inputs(), network.num_outputs());
    let values = vec![0; rows * (inputs + outputs)];
    let data = Dataset::from_rows(inputs, outputs, values).unwrap();
    let data = DatasetOpening::new(data, hiding, rng);
    let data = ProvenDataset::new(data, root.fixed_point(), hiding).unwrap();
    let mut tree = Tree::new();
    let draft = Draft {
        parent: tree.add_root(root.clone()).unwrap(),
        dataset: &data,
        parameters: TrainingParameters {
            architecture: root.architecture().clone(),
            fixed_point: root.fixed_point().clone(),
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
            batch,
            steps,
            segment_steps: 1,
            hiding,
        },
        nonce: 0,
        author: &author(),
        labels: Labels::default(),
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    draft
        .train(&tree, &root.opening().unwrap(), rng, go_on)
        .unwrap()
}

fn verified(root: &Root, child: &Child<Pallas>) -> Result<(), TreeError> {
    let mut tree = Tree::new();
    tree.add_root(root.clone()).unwrap();
    let id = tree.add_node(child.node.clone(), child.edge.clone())?;
    tree.verify_lineage(id).map(drop)
}

/// Segments share the data set: what each holds until its group equation is checked is of the size
/// of its own proof.
#[test]
fn an_edge_of_many_segments_takes_memory_in_proportion_to_its_bytes() {
    let _alone = alone();
    let root = &Scene::get(true).root;
    let child = long_run(root, 4000, 2, 64, true);
    verified(root, &child).unwrap();
    let (len, peak) = (child.edge.encoded_len(), peak(|| verified(root, &child)));
    assert!(
        peak <= 8 * len + (1 << 20),
        "{peak} bytes of memory for {len}"
    );
}

/// All rows are in every batch, so that equations are checked before the last segment is looked at;
/// one that fails is reported all the same.
#[test]
fn equations_that_are_checked_early_are_not_forgotten() {
    let _alone = alone();
    let scene = &Scene::get(false).root;
    let columns = |name: &str| {
        let column = scene.normalization().features()[0].clone();
        vec![ColumnStatistics {
            name: name.to_owned(),
            ..column
        }]
    };
    let normalization = Normalization::new(columns("x"), columns("y")).unwrap();
    let architecture: Architecture = "1,1".parse().unwrap();
    let len = WeightCommitment::<Pallas>::encoded_len(&architecture);
    let root = Root::new(architecture, scene.fixed_point().clone(), normalization, 1).unwrap();
    let (rows, segments) = (1 << 14, 34);
    let mut child = long_run(&root, rows, rows, segments, false);
    verified(&root, &child).unwrap();

    // The last scalar of the first segment's proof is in its equation alone.
    let mut proof = child.edge.proof.0.clone();
    let first = u64::from_le_bytes(proof[len..len + 8].try_into().unwrap());
    let end = len + 8 + usize::try_from(first).unwrap();
    proof[end - 32] ^= 1;
    child.edge.proof = TrainingProof(proof).into();
    child.edge.signature = author().sign(child.node.id(&child.edge));
    let Err(TreeError::Training { source, .. }) = verified(&root, &child) else {
        panic!("a forged edge");
    };
    assert_eq!(
        source.to_string(),
        format!("segment 0: {}", VerifyError::Opening)
    );
}

//! Verifying a lineage of 16 edges: all group equations in one multi-scalar multiplication, against
//! the same edges one by one. 11-64-64-1, batch 32, 8 steps an edge, preset `compact`, hiding,
//! 256 rows.
//!
//! Set `RAYON_NUM_THREADS` for the number of threads.
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::{collections::BTreeSet, ops::ControlFlow};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, LearningRate, Normalization, Table,
        TrainingParameters,
    },
    poly::WideField,
    tree::{AuthorSecret, Draft, Labels, NodeId, ProvenDataset, Root, Tree},
};

const EDGES: usize = 16;
const STEPS: u64 = 8;
const ROWS: usize = 256;
const FEATURES: usize = 11;

fn root() -> Root {
    let names: Vec<String> = (0..=FEATURES).map(|k| format!("c{k}")).collect();
    let row = |add: usize| {
        let cells = (0..=FEATURES).map(|k| (k + add).to_string());
        cells.collect::<Vec<_>>().join(",")
    };
    let text = format!("{}\n{}\n{}\n", names.join(","), row(0), row(1));
    let table = Table::from_reader("rows", text.as_bytes()).expect("the rows are whole");
    let normalization = Normalization::fit(&table, &names[FEATURES..]).expect("it has a target");
    let architecture = Architecture::new(vec![FEATURES, 64, 64, 1]).expect("the widths are valid");
    Root::new(architecture, FixedPoint::compact(), normalization, 1).expect("the columns fit")
}

/// A lineage of children on one data set.
fn lineage<C: Curve<ScalarField: WideField>>() -> (Tree<C>, Vec<NodeId>) {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let root = root();
    let author = AuthorSecret::generate(rng);
    let one = 1i64 << root.fixed_point().activation_bits();
    let values = (0..ROWS * (FEATURES + 1)).map(|_| rng.gen_range(-one..=one));
    let data = Dataset::from_rows(FEATURES, 1, values.collect()).expect("the rows are whole");
    let data = DatasetOpening::new(data, true, rng);
    let data = ProvenDataset::new(data, root.fixed_point(), true).expect("the data are in range");
    let mut tree = Tree::new();
    let mut parent = tree.add_root(root.clone()).expect("the tree is empty");
    let mut opening = root.opening().expect("a seed");
    let mut ids = Vec::new();
    for nonce in 0..EDGES {
        let draft = Draft {
            parent,
            dataset: &data,
            parameters: TrainingParameters {
                architecture: root.architecture().clone(),
                fixed_point: root.fixed_point().clone(),
                optimiser: LearningRate::from_coefficient(1)
                    .expect("the rate is valid")
                    .into(),
                batch: 32,
                steps: STEPS,
                segment_steps: STEPS,
                hiding: true,
            },
            nonce: nonce as u64,
            author: &author,
            labels: Labels::default(),
        };
        let child = draft.train(&tree, &opening, rng, &mut |_| ControlFlow::Continue(()));
        let child = child.expect("no value leaves its range");
        parent = tree.add_node(child.node, child.edge).expect("it is new");
        opening = child.opening;
        ids.push(parent);
    }
    (tree, ids)
}

fn verify<C: Curve<ScalarField: WideField>>(c: &mut Criterion, curve: &str) {
    let (tree, ids) = lineage::<C>();
    let all: BTreeSet<NodeId> = ids.iter().copied().collect();
    let mut group = c.benchmark_group("lineage of 16");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EDGES as u64));
    group.bench_function(BenchmarkId::new("one batch", curve), |b| {
        b.iter(|| tree.verify(&ids, &BTreeSet::new(), &mut |_| ()));
    });
    // Each as if all others were known: what a verifier pays who comes for every node.
    group.bench_function(BenchmarkId::new("16 single verifications", curve), |b| {
        b.iter(|| {
            for id in &ids {
                let mut known = all.clone();
                known.remove(id);
                let verified = tree.verify(&[*id], &known, &mut |_| ());
                assert_eq!(verified, Ok(vec![*id]));
            }
        });
    });
    group.finish();
}

fn lineages(c: &mut Criterion) {
    verify::<Bls12381>(c, "bls12-381");
    verify::<Pallas>(c, "pallas");
}

criterion_group!(benches, lineages);
criterion_main!(benches);

//! Honest trees, small ones of many shapes.
use crate::{
    compare::Case,
    files::{self, Files},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::ops::ControlFlow;
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    gkr::function::Function,
    nn::{
        Architecture, Classes, ColumnStatistics, Dataset, DatasetOpening, FixedPoint,
        FixedPointConfig, FunctionBits, Layer, LearningRate, Normalization, TrainingParameters,
        WeightGrid, WeightOpening, Weights,
        gadget::Epsilon,
        model::{Graph, GraphNode, Operator, ParameterShape},
        op::{
            Activation, Add, AveragePool, Convolution, Dense, GlobalAverage, Linear, Loss, MaxPool,
            Multiply, Nonlinearity, Norm, Round, Scores, Windows,
        },
        optimise::{Millionths, Momentum, Optimiser, RateSchedule},
    },
    poly::WideField,
    tree::{
        self, AuthorSecret, Child, Draft, Labels, NodeId, ProvenDataset, Root, Tree, store::Store,
    },
};

/// A tree, and what its keeper knows of it.
pub struct Family<C: Curve<ScalarField: WideField>> {
    pub files: Files,
    pub tree: Tree<C>,
    pub root: NodeId,
    /// The root's weights.
    pub start: WeightOpening<C::ScalarField>,
    /// Nodes in the order of the log.
    pub children: Vec<Child<C>>,
    /// The data of each.
    pub data: Vec<ProvenDataset<C>>,
}

/// How a node is trained.
#[derive(Debug, Clone)]
pub struct Run {
    /// Which node is its parent; the root if none.
    parent: Option<usize>,
    batch: usize,
    steps: u64,
    segment_steps: u64,
    hiding: bool,
    labels: Labels,
    optimiser: Optimiser,
}

impl Run {
    fn new(parent: Option<usize>, (batch, steps, segment_steps): (usize, u64, u64)) -> Self {
        Self {
            parent,
            batch,
            steps,
            segment_steps,
            hiding: true,
            labels: Labels::default(),
            optimiser: LearningRate::from_coefficient(2).unwrap().into(),
        }
    }

    fn by(self, units: u64, momentum: Momentum, schedule: RateSchedule) -> Self {
        let rate = LearningRate::from_coefficient(units).unwrap();
        let optimiser = Optimiser::new(rate, momentum, schedule).unwrap();
        Self { optimiser, ..self }
    }

    fn open(self) -> Self {
        Self {
            hiding: false,
            ..self
        }
    }
}

/// A format with small tables, and of uneven limbs.
pub fn tiny() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        activation_bits: 4,
        gradient_bits: 5,
        weight_bits: 14,
        limbs: vec![6, 8],
        hidden_range_bits: 11,
        output_range_bits: 10,
        gradient_range_bits: 12,
        data_range_bits: 7,
        functions: None,
    })
    .unwrap()
}

/// One with three limbs.
pub fn three_limbs() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        weight_bits: 15,
        limbs: vec![3, 7, 5],
        ..tiny().config().clone()
    })
    .unwrap()
}

/// One with weights so fine that twelve units are a small rate.
fn fine() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        weight_bits: 20,
        limbs: vec![10, 10],
        ..tiny().config().clone()
    })
    .unwrap()
}

pub fn author() -> AuthorSecret {
    AuthorSecret::from_bytes(&[7; 32])
}

pub fn normalization(inputs: usize, outputs: usize) -> Normalization {
    let column = |k| ColumnStatistics {
        name: format!("Spalte {k} \u{e4}"),
        mean: f64::from(k) - 1.5,
        deviation: f64::from(k % 2),
    };
    let columns: Vec<_> = (0..(inputs + outputs) as u32).map(column).collect();
    let (features, targets) = columns.split_at(inputs);
    Normalization::new(features.to_vec(), targets.to_vec()).unwrap()
}

/// One of the kind of targets that a network is trained on.
fn normalization_for(architecture: &Architecture) -> Normalization {
    let (inputs, outputs) = (architecture.num_inputs(), architecture.num_outputs());
    match architecture.graph().loss() {
        Loss::SquaredError => normalization(inputs, outputs),
        Loss::CrossEntropy => {
            // One has a number, its own, all others words.
            let names = ["Rose", "1", "Mohn", "Distel"].map(String::from);
            let classes = Classes::new("Blume".into(), names[..outputs].to_vec()).unwrap();
            Normalization::labelled(normalization(inputs, 1).features().to_vec(), classes).unwrap()
        }
    }
}

/// A tree on a seeded root. Seeds whose training leaves its range are passed over.
fn grow<C: Curve<ScalarField: WideField>>(
    architecture: &Architecture,
    fixed: &FixedPoint,
    runs: &[Run],
    seed: u64,
) -> Family<C> {
    let normalization = normalization_for(architecture);
    let family = |seed| {
        let root = Root::new(
            architecture.clone(),
            fixed.clone(),
            normalization.clone(),
            seed,
        );
        let root = root.unwrap();
        let start = root.opening().unwrap();
        plant(root, start, runs, seed)
    };
    (seed..seed + 64).find_map(family).expect("a seed of 64")
}

/// A tree on a root with these weights, unless training leaves its range.
fn plant<C: Curve<ScalarField: WideField>>(
    root: Root,
    start: WeightOpening<C::ScalarField>,
    runs: &[Run],
    seed: u64,
) -> Option<Family<C>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let store = Store::<C>::create(dir.path()).unwrap();
    store.add_root(&root).unwrap();
    let mut tree = Tree::new();
    let id = tree.add_root(root.clone()).unwrap();
    let (mut children, mut data): (Vec<Child<C>>, Vec<_>) = Default::default();
    for run in runs {
        let rows = dataset(&root, run, &mut rng);
        let parent = run.parent.map(|k| &children[k]);
        let draft = Draft {
            parent: parent.map_or(id, |parent| parent.node.id(&parent.edge)),
            dataset: &rows,
            parameters: TrainingParameters {
                architecture: root.architecture().clone(),
                fixed_point: root.fixed_point().clone(),
                optimiser: run.optimiser,
                batch: run.batch,
                steps: run.steps,
                segment_steps: run.segment_steps,
                hiding: run.hiding,
            },
            nonce: seed,
            author: &author(),
            labels: run.labels.clone(),
        };
        let opening = parent.map_or(&start, |parent| &parent.opening);
        let go_on = &mut |_| ControlFlow::Continue(());
        let child = draft.train(&tree, opening, &mut rng, go_on);
        let child = child.inspect_err(|error| eprintln!("seed {seed}: {error}"));
        let child = child.ok()?;
        tree.add_node(child.node.clone(), child.edge.clone())
            .unwrap();
        store.add_child(&child).unwrap();
        children.push(child);
        data.push(rows);
    }
    Some(Family {
        files: files::read(dir.path()),
        tree,
        root: id,
        start,
        children,
        data,
    })
}

fn dataset<C: Curve<ScalarField: WideField>>(
    root: &Root,
    run: &Run,
    rng: &mut ChaCha20Rng,
) -> ProvenDataset<C> {
    let architecture = root.architecture();
    let (features, targets) = (architecture.num_inputs(), architecture.num_targets());
    let classes = match architecture.graph().loss() {
        Loss::SquaredError => None,
        Loss::CrossEntropy => Some(architecture.num_outputs() as i64),
    };
    // Not always a power of two, and never a multiple of the batch.
    let rows = 2 * run.batch + 1;
    let mut values = Vec::new();
    for _ in 0..rows {
        values.extend((0..features).map(|_| rng.gen_range(-16..=16)));
        let target = classes.map_or(-16..=16, |classes| 0..=classes - 1);
        values.extend((0..targets).map(|_| rng.gen_range(target.clone())));
    }
    let rows = match classes {
        None => Dataset::from_rows(features, targets, values),
        Some(classes) => Dataset::from_labelled_rows(features, classes as usize, values),
    };
    let rows = rows.unwrap();
    let opening = DatasetOpening::new(rows, run.hiding, rng);
    ProvenDataset::new(opening, root.fixed_point(), run.hiding).unwrap()
}

impl<C: Curve<ScalarField: WideField>> Family<C> {
    pub fn id(&self, k: usize) -> NodeId {
        let Child { node, edge, .. } = &self.children[k];
        node.id(edge)
    }

    /// The tree of a node's lineage and nothing else, which takes less time to verify.
    pub fn lineage(&self, k: usize) -> Files {
        let mut files = self.files.clone();
        let path = self.tree.path(self.id(k)).unwrap();
        let path = path.edges().iter().map(|(node, edge)| node.id(edge));
        let ids: Vec<NodeId> = [self.root].into_iter().chain(path).collect();
        files.retain(|name, _| match name.strip_prefix("nodes/") {
            Some(id) => ids.iter().any(|kept| kept.to_string() == id),
            None => true,
        });
        files::set_log(&mut files, &ids);
        files
    }
}

/// The nodes of a family: a child with a grandchild, and two children that are trained in two segments, with
/// hiding and without.
pub const CHILD: usize = 0;
pub const GRANDCHILD: usize = 1;
pub const OPEN: usize = 2;
pub const HIDDEN: usize = 3;

/// A root with these nodes. The grandchild has labels.
pub fn family<C: Curve<ScalarField: WideField>>(seed: u64) -> Family<C> {
    let labels = Labels {
        title: Some("Enkelin \u{1f337}".into()),
        licence: Some("CC-BY-4.0".into()),
        note: Some("two\nlines".into()),
        loss: Some(tree::Loss::new(0.25).unwrap()),
    };
    let runs = [
        Run::new(None, (2, 1, 4)),
        Run {
            labels,
            ..Run::new(Some(CHILD), (2, 2, 1))
        },
        Run::new(None, (2, 2, 1)).open(),
        Run::new(None, (2, 2, 1)),
    ];
    grow(&network("2,3,1"), &tiny(), &runs, seed)
}

fn network(text: &str) -> Architecture {
    text.parse().unwrap()
}

/// A root with two nodes of a network with tabulated functions and sums.
pub fn smooth(seed: u64) -> Family<Pallas> {
    let runs = [Run::new(None, (3, 3, 2)), Run::new(None, (2, 1, 1)).open()];
    grow(&network("3,4,4,4,2 gelu residual"), &tiny(), &runs, seed)
}

fn linear(outputs: usize) -> Operator {
    Operator::new(Linear { outputs })
}

fn dense(outputs: usize) -> Operator {
    Operator::new(Dense { outputs })
}

fn convolution(outputs: usize, windows: Windows) -> Operator {
    Operator::new(Convolution { outputs, windows })
}

fn average(windows: Windows) -> Operator {
    Operator::new(AveragePool { windows })
}

fn function(function: Nonlinearity) -> Operator {
    Operator::new(Activation { function })
}

fn graph(input: &[usize], nodes: Vec<(Operator, Vec<usize>)>) -> Architecture {
    let nodes = nodes.into_iter();
    let nodes = nodes.map(|(operator, inputs)| GraphNode { operator, inputs });
    Architecture::from(Graph::new(input.to_vec(), nodes.collect()).unwrap())
}

/// Each operator reads the one before it.
fn chain(input: &[usize], operators: Vec<Operator>) -> Architecture {
    let nodes = operators.into_iter().enumerate();
    graph(
        input,
        nodes.map(|(k, operator)| (operator, vec![k])).collect(),
    )
}

/// A network that is no perceptron: two layers read the input, one input is added to itself, what is not rounded
/// yet is added to what is, an operator is in vain, and another one reads the input without a layer.
fn branched() -> Architecture {
    let nodes = vec![
        (linear(3), vec![0]),
        (function(Nonlinearity::Relu), vec![1]),
        (linear(3), vec![0]),
        (function(Nonlinearity::Smooth(Function::Tanh)), vec![3]),
        (Operator::new(Add), vec![2, 4, 4]),
        (linear(2), vec![2]),
        (linear(3), vec![5]),
        (Operator::new(Add), vec![5, 7]),
        (function(Nonlinearity::Smooth(Function::Sigmoid)), vec![8]),
        (linear(1), vec![9]),
        (function(Nonlinearity::Relu), vec![0]),
        (linear(1), vec![11]),
        (Operator::new(Add), vec![10, 12]),
        (Operator::new(Round), vec![13]),
    ];
    graph(&[2], nodes)
}

/// A root with two nodes of a small convolutional network, in the order of [`CHILD`], and in that of [`OPEN`] and
/// [`HIDDEN`] two of two segments.
pub fn images(seed: u64) -> Family<Pallas> {
    let runs = [
        Run::new(None, (2, 1, 1)),
        Run::new(Some(CHILD), (3, 1, 1)),
        Run::new(None, (2, 2, 1)).open(),
        Run::new(None, (1, 2, 1)),
    ];
    let operators = vec![
        convolution(3, Windows::same(3)),
        function(Nonlinearity::Relu),
        average(Windows::apart(2)),
        Operator::new(Round),
        dense(2),
        Operator::new(Round),
    ];
    grow(&chain(&[4, 4, 2], operators), &tiny(), &runs, seed)
}

/// A format with softmax, and small tables.
fn with_softmax() -> FixedPoint {
    FixedPoint::new(FixedPointConfig {
        gradient_bits: 7,
        weight_bits: 20,
        limbs: vec![10, 10],
        functions: Some(FunctionBits {
            probability_bits: 6,
            score_bits: 3,
            exponential_bits: 10,
            level_range_bits: 10,
            score_gradient_bits: 7,
            mean_bits: 1,
            root_bits: 6,
            row_bits: 1,
            norm_range_bits: 12,
        }),
        ..tiny().config().clone()
    })
    .unwrap()
}

/// A root with nodes, as those of [`images`], of a network that tells classes apart, with maxima; the last one is
/// trained with momentum.
pub fn classes(seed: u64) -> Family<Pallas> {
    let momentum = Momentum::Heavy(Millionths::new(900_000).unwrap());
    let runs = [
        Run::new(None, (2, 1, 1)),
        Run::new(Some(CHILD), (3, 1, 1)),
        Run::new(None, (2, 2, 1)).open(),
        Run::new(None, (1, 4, 2)).by(12, momentum, RateSchedule::Constant),
    ];
    let operators = vec![
        convolution(3, Windows::same(3)),
        function(Nonlinearity::Relu),
        Operator::new(MaxPool {
            windows: Windows::apart(2),
        }),
        dense(3),
        Operator::new(Scores),
    ];
    grow(&chain(&[4, 4, 2], operators), &with_softmax(), &runs, seed)
}

/// Norms of rows, a gate, and scores.
fn norms() -> Architecture {
    let norm = |centred| {
        let epsilon = Epsilon::new(1 << 30).unwrap();
        Operator::new(Norm { centred, epsilon })
    };
    let tanh = function(Nonlinearity::Smooth(Function::Tanh));
    let nodes = vec![
        (linear(3), vec![0]),
        (Operator::new(Round), vec![1]),
        (norm(true), vec![2]),
        (linear(3), vec![3]),
        (tanh, vec![4]),
        (Operator::new(Multiply), vec![3, 5]),
        (Operator::new(Round), vec![6]),
        (norm(false), vec![7]),
        (linear(2), vec![8]),
        (Operator::new(Scores), vec![9]),
    ];
    graph(&[4], nodes)
}

/// Windows that lie unevenly, a layer on each pixel, a sum of images, and a mean over six pixels.
fn uneven() -> Architecture {
    let windows = Windows {
        kernel: [2, 3],
        stride: [1, 2],
        before: [1, 0],
        behind: [0, 2],
    };
    let nodes = vec![
        (convolution(3, windows), vec![0]),
        (function(Nonlinearity::Smooth(Function::Silu)), vec![1]),
        (linear(3), vec![2]),
        (Operator::new(Add), vec![2, 3]),
        (function(Nonlinearity::Relu), vec![4]),
        (Operator::new(GlobalAverage), vec![5]),
        (function(Nonlinearity::Relu), vec![6]),
        (linear(1), vec![7]),
        (Operator::new(Round), vec![8]),
    ];
    graph(&[3, 4, 2], nodes)
}

/// Means of the input, and a convolution behind another.
fn averaged() -> Architecture {
    let windows = Windows {
        kernel: [3, 2],
        stride: [2, 1],
        before: [1, 0],
        behind: [1, 1],
    };
    let operators = vec![
        average(windows),
        Operator::new(Round),
        convolution(2, Windows::same(1)),
        function(Nonlinearity::Relu),
        convolution(3, Windows::apart(2)),
        function(Nonlinearity::Relu),
        dense(1),
        Operator::new(Round),
    ];
    chain(&[3, 5, 2], operators)
}

/// A root of unknown origin and a child.
pub fn imported<C: Curve<ScalarField: WideField>>(seed: u64) -> Family<C> {
    import(network("2,3,1"), seed)
}

fn import<C: Curve<ScalarField: WideField>>(architecture: Architecture, seed: u64) -> Family<C> {
    let layer = |shape: &ParameterShape| {
        let (inputs, outputs) = (shape.inputs() as i64, shape.outputs as i64);
        let weight = (0..inputs * outputs)
            .map(|k| (7 * k % 40 - 9) << 8)
            .collect();
        Layer::new(weight, (0..outputs).map(|k| (k - 1) << 7).collect())
    };
    let layers = architecture.shapes().iter().map(layer).collect();
    let weights = Weights::new(architecture, layers).unwrap();
    let opening = WeightOpening::new(weights, true, &mut ChaCha20Rng::seed_from_u64(seed));
    let grid = WeightGrid {
        step_bits: 6,
        range_bits: 8,
    };
    let labels = Labels {
        title: Some("from elsewhere".into()),
        ..Labels::default()
    };
    let architecture = opening.weights().architecture();
    let root = Root::import::<C>(
        tiny(),
        normalization_for(architecture),
        (&opening, grid),
        &author(),
        labels,
    );
    let root = root.unwrap();
    plant(root, opening, &[Run::new(None, (2, 1, 1))], seed).expect("training stays in range")
}

/// Networks of one and of three layers, of one unit, batches of all rows, many steps a segment, functions, one that is
/// no perceptron, and some of images.
pub fn shapes() -> Vec<Case> {
    fn case<C: Curve<ScalarField: WideField>>(text: &str, fixed: &FixedPoint, run: Run) -> Case {
        Case::honest(text, grow::<C>(&network(text), fixed, &[run], 9).files)
    }
    let run = |batch, steps, segment| Run::new(None, (batch, steps, segment));
    let part = |count| Millionths::new(count).unwrap();
    let cosine = RateSchedule::Cosine {
        warmup: 2,
        floor: part(100_000),
    };
    let falling = RateSchedule::Step {
        warmup: 1,
        every: 2,
        by: part(700_000),
    };
    let nesterov = run(2, 7, 5).by(13, Momentum::Nesterov(part(850_000)), cosine);
    let steps = run(2, 7, 7).open().by(14, Momentum::None, falling);
    vec![
        case::<Pallas>("1,1", &tiny(), run(1, 1, 1)),
        case::<Pallas>("3,2", &tiny(), run(3, 5, 3)),
        case::<Pallas>("3,1,4,5,2", &three_limbs(), run(2, 2, 2)),
        case::<Bls12381>("9,6,2", &tiny(), run(5, 3, 8).open()),
        case::<Pallas>("2,3,3,1 silu", &tiny(), run(2, 2, 2).open()),
        case::<Pallas>("2,3,3,1 tanh residual", &tiny(), run(2, 1, 1).open()),
        case::<Pallas>("2,3,3,3,1 sigmoid residual", &tiny(), run(3, 2, 2).open()),
        case::<Pallas>("2,3,3,1 residual", &three_limbs(), run(2, 2, 1).open()),
        case::<Pallas>("3,4,2 tanh classes", &with_softmax(), run(3, 2, 2)),
        case::<Pallas>("2,3,1", &fine(), nesterov),
        case::<Pallas>("3,2", &fine(), steps),
        Case::honest("no perceptron", import::<Pallas>(branched(), 5).files),
        Case::honest(
            "norms",
            grow::<Pallas>(&norms(), &with_softmax(), &[run(3, 2, 2)], 8).files,
        ),
        Case::honest("means of images", import::<Pallas>(averaged(), 6).files),
        Case::honest(
            "uneven windows",
            grow::<Pallas>(&uneven(), &tiny(), &[run(3, 2, 2)], 7).files,
        ),
    ]
}

//! `zktree train`: a child of a root or node, trained, proven, signed and added.
mod state;

use super::{
    Ended, Failure,
    args::{Authorship, Memory, Reporting, TreeDir, whole},
    data::{LabelsFile, Predicted},
    estimate, export, files, interrupt, key, progress,
    tree::{Opened, on_its_curve},
};
use clap::Args;
use rand::rngs::OsRng;
use serde::Serialize;
use state::{Order, Run};
use std::{
    fmt,
    num::{NonZeroU64, NonZeroUsize},
    ops::ControlFlow,
    path::PathBuf,
};
use zktree::{
    commit::{Curve, RowCommitments},
    nn::{
        Dataset, DatasetCommitment, Progress, Schedule, TrainingParameters, TrainingStatement,
        WeightCommitment, WeightOpening,
        optimise::{Momentum, Optimiser, RateSchedule},
        train,
    },
    poly::WideField,
    tree::{
        Draft, Edge, Loss, Node, NodeId, Origin, ProvenDataset, Root, TreeError, store::StoreError,
    },
};

/// Options of `zktree train`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    pub(super) tree: TreeDir,
    /// The root or node to train from
    #[arg(long, value_name = "ID")]
    parent: String,
    /// Data to train on, which stay private: CSV, NPZ, IDX, or a folder of PNG files
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    labels: LabelsFile,
    #[command(flatten)]
    predicted: Predicted,
    /// Number of steps
    #[arg(long, value_name = "T", value_parser = whole::<NonZeroU64>)]
    steps: NonZeroU64,
    /// Rows in a batch
    #[arg(long, value_name = "B", value_parser = whole::<NonZeroUsize>)]
    batch: NonZeroUsize,
    /// Learning rate for the mean loss of a batch
    #[arg(long, value_name = "R")]
    learning_rate: f64,
    /// How gradients move weights: sgd, momentum:0.9 (heavy ball) or nesterov:0.9. Velocity is restarted at each
    /// segment
    #[arg(long, value_name = "RULE", default_value = "sgd")]
    optimizer: Momentum,
    /// The rate of each step, as a part of the learning rate: constant, cosine:warmup=10,floor=0.1 or
    /// step:every=100,by=0.5,warmup=10
    #[arg(long, value_name = "RATES", default_value = "constant")]
    schedule: RateSchedule,
    /// Tells apart runs that are otherwise the same; goes into the order of the data
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>)]
    seed: u64,
    #[command(flatten)]
    authorship: Authorship,
    /// Steps proven at once; a run that is cut off goes on behind the last segment proven
    #[arg(long, value_name = "K", default_value = "64", value_parser = whole::<NonZeroU64>)]
    segment_steps: NonZeroU64,
    /// Publish the loss on the data: the mean squared error in units of the normalised target, or the mean
    /// cross-entropy of classes
    #[arg(long)]
    publish_loss: bool,
    /// The parent's weights and blindings, from its author's `zktree export --with-opening`, if
    /// they are not here
    #[arg(long, value_name = "FILE")]
    opening: Option<PathBuf>,
    /// Do not hide weights and data: the proof is shorter and may show anything
    #[arg(long)]
    no_hiding: bool,
    /// Print what proving would take, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    reporting: Reporting,
}

#[derive(Serialize)]
struct Report {
    id: String,
    parent: String,
    author: String,
    dataset: String,
    rows: usize,
    steps: u64,
    learning_rate: f64,
    optimizer: String,
    rates: String,
    loss: Option<f64>,
    segments: u64,
    /// Segments proven by an earlier run that was cut off.
    resumed: u64,
    edge_bytes: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)
    }
}

/// Trains, proves and adds a child; prints its id.
pub fn run(options: &Options) -> Result<Ended, Failure> {
    on_its_curve!(train, options)
}

fn train<C: Curve<ScalarField: WideField>>(options: &Options) -> Result<Ended, Failure> {
    interrupt::explain();
    let author = key::load(&options.authorship.key)?;
    let mut opened = Opened::<C>::new(&options.tree)?;
    let parent = opened.find(&options.parent)?;
    let root = opened.tree.path(parent)?.root().clone();
    let data = options.dataset(&root)?;
    let parameters = options.parameters(&root, &data)?;
    if options.dry_run {
        return measure(
            options,
            &opened.tree.path(parent)?.end()?,
            parameters,
            &data,
        );
    }
    let mut cache = options.memory.cache::<C>();
    opened.verify(parent, &mut cache)?;
    let start = options.start(&opened, parent)?;

    let labels = options.authorship.labels();
    labels.check()?;
    let order = Order {
        parent,
        parameters: &parameters,
        nonce: options.seed,
        author: author.public(),
        labels: &labels,
        publish_loss: options.publish_loss,
    };
    let _alone = order.begin(&opened.store, &data)?;
    // Whoever was at it before may have added the node.
    (opened.tree, opened.damage) = opened.store.load();

    let dataset = proven(&opened, data, &root, parameters.hiding)?;
    let run = Run::new(&opened.store, &order, &dataset.commitment().root());
    let mut draft = Draft {
        parent,
        dataset: &dataset,
        parameters: parameters.clone(),
        nonce: options.seed,
        author: &author,
        labels: labels.clone(),
    };
    let kept = run.child()?;
    if let Some(id) = order.done(&opened, &draft, kept.as_ref())? {
        let (node, edge) = opened.verified(id, &mut cache)?;
        opened.store.sign_log(&author)?;
        run.forget()?;
        let report = report(id, node, edge, node.parameters.num_segments());
        return Ok(options.reporting.print(&report));
    }
    let trained = match kept {
        Some(child) => child,
        None => {
            let child = computed(&draft, &start)?;
            run.keep_child(&child)?;
            child
        }
    };
    if options.publish_loss {
        let (fixed, data) = (root.fixed_point(), dataset.opening().dataset());
        let loss = train::mean_loss(fixed, trained.weights(), data)?;
        draft.labels.loss = Some(Loss::new(loss)?);
    }
    let (child, resumed) = run.prove(&opened, &draft, (&start, trained))?;

    // What others would refuse is not added.
    let id = opened.tree.add_node(child.node.clone(), child.edge.clone());
    let id = match id {
        // Its files are there, and the log lacks it.
        Err(TreeError::Duplicate { id }) => id,
        id => id?,
    };
    let verified = opened.tree.verify(&[id], cache.ids(), &mut |_| ())?;
    match opened.store.add_child(&child) {
        // The same command elsewhere was faster.
        Ok(_) | Err(StoreError::Tree(TreeError::Duplicate { .. })) => {}
        Err(error) => return Err(error.into()),
    }
    opened.store.sign_log(&author)?;
    cache.remember(verified);
    run.forget()?;
    let report = report(id, &child.node, &child.edge, resumed);
    Ok(options.reporting.print(&report))
}

/// What the run would take.
fn measure<C: Curve<ScalarField: WideField>>(
    options: &Options,
    origin: &Origin<'_, C>,
    parameters: TrainingParameters,
    data: &Dataset,
) -> Result<Ended, Failure> {
    let rows = RowCommitments {
        rows: vec![Default::default(); data.num_rows()],
    };
    let (architecture, hiding) = (parameters.architecture.clone(), parameters.hiding);
    let statement = TrainingStatement::<C> {
        parent: origin.weights().clone(),
        child: WeightCommitment::placeholder(&architecture),
        dataset: DatasetCommitment::of_kind(data.num_features(), data.kind(), rows),
        schedule: zktree::nn::ScheduleSeed([0; 32]),
        parent_id: origin.id().0,
        child_pre_id: [0; 32],
        parameters,
    };
    let sizes = statement
        .sizes()
        .map_err(|e| Failure::input(e.to_string()))?;
    estimate::print::<C>(&architecture, &sizes, hiding, options.reporting)
}

impl Options {
    fn dataset(&self, root: &Root) -> Result<Dataset, Failure> {
        self.predicted.check(root)?;
        let table = self.labels.read_for(root, &self.data)?;
        Ok(Dataset::quantize(
            &table,
            root.normalization(),
            root.fixed_point(),
        )?)
    }

    fn parameters(&self, root: &Root, data: &Dataset) -> Result<TrainingParameters, Failure> {
        let (batch, fixed) = (self.batch.get(), root.fixed_point());
        // Any schedule: what matters is that the batch fits.
        Schedule::new(zktree::nn::ScheduleSeed([0; 32]), data.num_rows(), batch)?;
        let formats = (fixed, batch);
        let (momentum, rates) = (self.optimizer, self.schedule);
        let parameters = TrainingParameters {
            architecture: root.architecture().clone(),
            fixed_point: fixed.clone(),
            optimiser: Optimiser::nearest(formats, self.learning_rate, momentum, rates)?,
            batch,
            steps: self.steps.get(),
            segment_steps: self.segment_steps.min(self.steps).get(),
            hiding: !self.no_hiding,
        };
        parameters.plan().check()?;
        Ok(parameters)
    }

    /// The parent's weights: public, kept here, or in the file that its author released.
    fn start<C: Curve<ScalarField: WideField>>(
        &self,
        opened: &Opened<C>,
        parent: NodeId,
    ) -> Result<WeightOpening<C::ScalarField>, Failure> {
        let Some(file) = &self.opening else {
            return export::opening(opened, parent);
        };
        let (node, _) = opened.trained(parent)?;
        let named = |what: String| format!("{}: {what}", file.display());
        let opening = WeightOpening::from_safetensors(&files::read(file)?)
            .map_err(|error| Failure::input(named(error.to_string())))?;
        let fits = *opening.weights().architecture() == node.parameters.architecture;
        if !fits || !opening.opens(&node.weights, &mut OsRng) {
            let what = format!(
                "these are not the weights of node {}",
                opened.tree.short(parent)
            );
            return Err(Failure::not_verified(named(what)));
        }
        opened.store.private().save_opening(parent, &opening)?;
        Ok(opening)
    }
}

/// The data with commitment and range proof: as an earlier run kept them, or new.
pub(super) fn proven<C: Curve<ScalarField: WideField>>(
    opened: &Opened<C>,
    data: Dataset,
    root: &Root,
    hiding: bool,
) -> Result<ProvenDataset<C>, Failure> {
    let private = opened.store.private();
    let _alone = state::commit_alone(&opened.store, &data)?;
    for name in private.datasets() {
        let Ok(Some(kept)) = private.dataset(&name) else {
            continue;
        };
        let same = *kept.opening().dataset() == data;
        if same && kept.proves_range(root.fixed_point(), hiding) {
            return Ok(kept);
        }
    }
    let opening = zktree::nn::DatasetOpening::new(data, hiding, &mut OsRng);
    let dataset = ProvenDataset::new(opening, root.fixed_point(), hiding)?;
    private.save_dataset(&dataset)?;
    Ok(dataset)
}

/// Training without proof.
fn computed<C: Curve<ScalarField: WideField>>(
    draft: &Draft<'_, C>,
    start: &WeightOpening<C::ScalarField>,
) -> Result<WeightOpening<C::ScalarField>, Failure> {
    let bar = progress::bar("training", draft.parameters.steps, "steps");
    let trained = draft.run(start, &mut OsRng, &mut |progress| {
        if let Progress::Step { done, .. } = progress {
            bar.set_position(done);
        }
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    Ok(trained?)
}

fn report<C: Curve<ScalarField: WideField>>(
    id: NodeId,
    node: &Node<C>,
    edge: &Edge<C>,
    resumed: u64,
) -> Report {
    let p = &node.parameters;
    Report {
        id: id.to_string(),
        parent: node.parent.to_string(),
        author: node.author.to_string(),
        dataset: hex::encode(node.dataset.root),
        rows: node.dataset.num_rows,
        steps: p.steps,
        learning_rate: p.optimiser.rate().as_f64(&p.fixed_point, p.batch),
        optimizer: p.optimiser.momentum().to_string(),
        rates: p.optimiser.schedule().to_string(),
        loss: node.labels.loss.map(|loss| loss.get()),
        segments: p.num_segments(),
        resumed,
        edge_bytes: edge.encoded_len(),
    }
}

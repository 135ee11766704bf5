//! The three runs.
use super::{
    super::{Failure, progress},
    report::Report,
    setting::Setting,
};
use rand::rngs::OsRng;
use serde::Serialize;
use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};
use zktree::{
    commit::Curve,
    error::ConfigError,
    nn::{
        Dataset, DatasetOpening, Progress, Schedule, WeightOpening, Weights, float::FloatNetwork,
        train,
    },
    poly::WideField,
    tree::{AuthorSecret, Child, Draft, Labels, NodeId, ProvenDataset, Tree},
};

/// A loss before and after training.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Change {
    pub before: f64,
    pub after: f64,
}

/// What is measured of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    pub title: &'static str,
    pub author: &'static str,
    pub id: String,
    pub parent: String,
    pub rows: usize,
    pub steps: u64,
    /// Loss on the owner's data.
    pub training: Change,
    /// Loss on the rows held out.
    pub validation: Change,
    /// Losses of training in double precision from the same start, on the same batches.
    pub float_training: f64,
    pub float_validation: f64,
    /// Seconds of training without proof.
    pub plain_seconds: f64,
    /// Seconds of proving, training again included.
    pub proving_seconds: f64,
    /// Seconds to prove the range of the data, once for an owner.
    pub data_seconds: f64,
    /// Seconds to verify the whole lineage.
    pub verifying_seconds: f64,
    /// Bytes of the edge: both proofs and the commitment to the data.
    pub proof_bytes: usize,
}

/// A node of the demo with its owner's secrets.
pub struct Member<C: Curve> {
    pub id: NodeId,
    pub child: Child<C>,
    pub dataset: ProvenDataset<C>,
    pub run: Run,
}

/// The tree and all that its authors know.
pub struct Family<C: Curve> {
    pub tree: Tree<C>,
    pub root: NodeId,
    /// `R_1`, `R_1,2` and `R_1,3`.
    pub members: [Member<C>; 3],
    /// Time to verify all edges together.
    pub verifying: Duration,
}

/// The key of an author; a secret in the demo alone.
pub fn author(name: &str) -> AuthorSecret {
    let mut key = [0; 32];
    key.iter_mut().zip(name.bytes()).for_each(|(k, b)| *k = b);
    AuthorSecret::from_bytes(&key)
}

/// The title as a label.
pub fn titled(title: &str) -> Labels {
    Labels {
        title: Some(title.to_owned()),
        ..Labels::default()
    }
}

impl<C: Curve<ScalarField: WideField>> Family<C> {
    /// Trains, proves and verifies `R_1`, `R_1,2` and `R_1,3`.
    pub fn new(setting: &Setting, out: &mut Report) -> Result<Self, Failure> {
        let mut tree = Tree::new();
        let root = tree.add_root(setting.root.clone())?;
        let weights = setting.root.opening();
        let weights = weights.ok_or_else(|| Failure::input("the root has no seed"))?;
        let start = (root, "R_init", weights);
        let mut member = |title, owner: usize, from: &(NodeId, &'static str, WeightOpening<_>)| {
            let stage = Stage { setting, title };
            let member = stage.run(&mut tree, &setting.owners[owner], from)?;
            out.run(&member.run, from.1);
            Ok::<_, Failure>(member)
        };
        let first = member("R_1", 0, &start)?;
        let start = (first.id, "R_1", first.child.opening.clone());
        let members = [
            first,
            member("R_1,2", 1, &start)?,
            member("R_1,3", 2, &start)?,
        ];
        let clock = Instant::now();
        tree.verify_all()?;
        Ok(Self {
            tree,
            root,
            members,
            verifying: clock.elapsed(),
        })
    }
}

/// One run of the demo.
struct Stage<'a> {
    setting: &'a Setting,
    title: &'static str,
}

impl Stage<'_> {
    fn run<C: Curve<ScalarField: WideField>>(
        &self,
        tree: &mut Tree<C>,
        (name, data): &(&'static str, Dataset),
        (parent, _, start): &(NodeId, &str, WeightOpening<C::ScalarField>),
    ) -> Result<Member<C>, Failure> {
        let p = &self.setting.parameters;
        let bar = progress::bar(&format!("proving {}", self.title), p.steps, "steps");
        let clock = Instant::now();
        let opening = DatasetOpening::new(data.clone(), p.hiding, &mut OsRng);
        let dataset = ProvenDataset::new(opening, &p.fixed_point, p.hiding)?;
        let data_time = clock.elapsed();
        let author = author(name);
        let draft = Draft {
            parent: *parent,
            dataset: &dataset,
            parameters: p.clone(),
            nonce: 0,
            author: &author,
            labels: titled(self.title),
        };
        let clock = Instant::now();
        let trained = draft.run(start, &mut OsRng, &mut |_| ControlFlow::Continue(()))?;
        let plain = clock.elapsed();
        let clock = Instant::now();
        let child = draft.prove(tree, start, trained, &mut OsRng, &mut |progress| {
            if let Progress::Segment { done, .. } = progress {
                bar.set_position((done * p.segment_steps).min(p.steps));
            }
            ControlFlow::Continue(())
        })?;
        let proving = clock.elapsed();
        let id = tree.add_node(child.node.clone(), child.edge.clone())?;
        let clock = Instant::now();
        tree.verify_lineage(id)?;
        let verifying = clock.elapsed();
        bar.finish_and_clear();

        let schedule = Schedule::new(draft.schedule(), data.num_rows(), p.batch)?;
        let float = self.float(start.weights(), data, &schedule)?;
        let (before, after) = (start.weights(), child.opening.weights());
        let run = Run {
            title: self.title,
            author: name,
            id: id.to_string(),
            parent: parent.to_string(),
            rows: data.num_rows(),
            steps: p.steps,
            training: self.change(before, after, data)?,
            validation: self.change(before, after, &self.setting.validation)?,
            float_training: float.mean_squared_error(data)?,
            float_validation: float.mean_squared_error(&self.setting.validation)?,
            plain_seconds: plain.as_secs_f64(),
            proving_seconds: proving.as_secs_f64(),
            data_seconds: data_time.as_secs_f64(),
            verifying_seconds: verifying.as_secs_f64(),
            proof_bytes: child.edge.encoded_len(),
        };
        Ok(Member {
            id,
            child,
            dataset,
            run,
        })
    }

    fn change(&self, before: &Weights, after: &Weights, data: &Dataset) -> Result<Change, Failure> {
        let fixed = &self.setting.parameters.fixed_point;
        Ok(Change {
            before: train::mean_squared_error(fixed, before, data)?,
            after: train::mean_squared_error(fixed, after, data)?,
        })
    }

    fn float(
        &self,
        start: &Weights,
        data: &Dataset,
        schedule: &Schedule,
    ) -> Result<FloatNetwork, ConfigError> {
        let p = &self.setting.parameters;
        let mut network = FloatNetwork::new(start, &p.fixed_point);
        network.train(data, schedule, 0..p.steps, &p.plan())?;
        Ok(network)
    }
}

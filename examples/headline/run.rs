//! The measurement.
use super::{
    float,
    operations::Operations,
    phases::Phases,
    report::Report,
    work::{Work, peak_memory, timed},
};
use rand::{Rng, SeedableRng};
use std::{error::Error, ops::ControlFlow};
use zktree::{
    commit::Curve,
    error::ProveError,
    nn::{
        Architecture, Dataset, DatasetOpening, FixedPoint, LearningRate, ParentWeights, Schedule,
        ScheduleSeed, TrainingParameters, TrainingStatement, WeightOpening, argument::Pending,
        init, proof,
    },
    poly::WideField,
};

/// What to train and prove.
#[derive(Debug, Clone)]
pub struct Case {
    pub fixed_point: FixedPoint,
    pub architecture: Architecture,
    pub batch: usize,
    /// In one segment.
    pub steps: usize,
    pub hiding: bool,
}

const SEED: u64 = 1;

impl Case {
    fn parameters(&self) -> Result<TrainingParameters, Box<dyn Error>> {
        Ok(TrainingParameters {
            optimiser: LearningRate::from_coefficient(1)?.into(),
            architecture: self.architecture.clone(),
            fixed_point: self.fixed_point.clone(),
            batch: self.batch,
            steps: self.steps as u64,
            segment_steps: self.steps as u64,
            hiding: self.hiding,
        })
    }

    /// Random features and regression targets in `-1..=1`, each row used once.
    fn data(&self, rng: &mut impl Rng) -> Result<Dataset, Box<dyn Error>> {
        let one = 1i64 << self.fixed_point.activation_bits();
        let (inputs, outputs) = (
            self.architecture.num_inputs(),
            self.architecture.num_outputs(),
        );
        let entries = self.batch * self.steps * (inputs + outputs);
        let values = (0..entries).map(|_| rng.gen_range(-one..=one)).collect();
        Ok(Dataset::from_rows(inputs, outputs, values)?)
    }
}

/// Trains, proves, verifies.
pub fn run<C: Curve<ScalarField: WideField>>(
    case: &Case,
    phases: &Phases,
) -> Result<Report, Box<dyn Error>> {
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let go_on = &mut |_| ControlFlow::Continue(());
    let parameters = case.parameters()?;
    let data = DatasetOpening::new(case.data(rng)?, case.hiding, rng);
    let schedule = ScheduleSeed([1; 32]);
    let order = Schedule::new(schedule, data.dataset().num_rows(), case.batch)?;
    let root = init::expand(SEED, &case.architecture, &case.fixed_point);
    let root = WeightOpening::public(root);

    // What is computed once: for all proofs on these data, for all children of this root.
    let (dataset, commit_data) = timed(|| data.commit::<C>());
    let (root_commitment, commit_root) = timed(|| root.commit::<C>());

    let (trained, train) =
        timed(|| proof::train_recorded(&parameters, root.weights(), data.dataset(), &order, go_on));
    let (weights, recording) = trained?;
    let child = WeightOpening::new(weights, case.hiding, rng);
    let factor = parameters.optimiser.rate().coefficient();
    let (commitment, commit_child) =
        timed(|| child.commit_by_update(&root, &root_commitment, factor));
    let statement = TrainingStatement::<C> {
        parameters,
        parent: ParentWeights::Root { seed: SEED },
        child: commitment,
        dataset,
        schedule,
        parent_id: [0; 32],
        child_pre_id: [0; 32],
    };
    let _ = phases.take();
    let (proof, prove) = timed(|| {
        let prover = statement.prover(&root, &child, &data, rng)?;
        let mut prover = prover.with_recording(recording);
        while prover.prove_next()? {}
        Ok::<_, ProveError>(prover.finish())
    });
    let (proof, heard) = (proof?.ok_or("segments are missing")?, phases.take());
    let (pending, verify_messages) = timed(|| statement.verify(&proof));
    let pending = pending?;
    let (checked, verify_group) = timed(|| Pending::check_all(&pending));
    checked?;

    let verify = sum([&verify_messages, &verify_group]);
    let threads = threads();
    let times = heard.phases.iter().map(|(name, work)| (*name, work.time));
    let times = times.collect();
    let in_phases = sum(heard.phases.values());
    let elsewhere = Work {
        time: prove.time.saturating_sub(in_phases.time),
        counts: prove.counts - in_phases.counts,
    };
    // Before the cost of operations is measured.
    let peak_memory = peak_memory();
    let mut counted = heard.phases;
    counted.extend([
        ("plain training", train),
        ("commit the child", commit_child),
        ("elsewhere", elsewhere),
        ("prove, in all", prove),
        ("verify", verify),
    ]);
    Ok(Report {
        curve: C::NAME,
        architecture: case.architecture.to_string(),
        parameters: case.architecture.num_parameters(),
        batch: case.batch,
        steps: case.steps,
        hiding: case.hiding,
        threads,
        commit_data: commit_data.time,
        commit_root: commit_root.time,
        integer_step: train.time / case.steps as u32,
        float_step: float::step_time(&case.architecture, case.batch, threads),
        commit_child: commit_child.time,
        prove: prove.time,
        phases: times,
        verify: verify.time,
        bytes: heard.bytes,
        proof_bytes: proof.0.len(),
        peak_memory,
        operations: Operations::report::<C>(counted, threads),
    })
}

fn sum<'a>(parts: impl IntoIterator<Item = &'a Work>) -> Work {
    let mut sum = Work::default();
    parts.into_iter().for_each(|part| sum += *part);
    sum
}

/// As many threads as the prover uses.
fn threads() -> usize {
    let set = std::env::var("RAYON_NUM_THREADS").ok();
    let set = set.and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    set.unwrap_or_else(all)
}

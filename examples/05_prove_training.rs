//! Lesson 5 of 6, a training run: `cargo run --example 05_prove_training [steps]`.
//!
//! A network is trained on the wine data, in integers and in the open; then its owner proves the run
//! to somebody who sees commitments to data and weights, and neither of them. Lessons 1 to 4 are
//! all inside: lookups for what is rounded or rectified, sumchecks for matrix products, one opening.
//!
//! The theory: `paper-notes.md`, *Training relation*.
use rand::rngs::OsRng;
use std::{error::Error, ops::ControlFlow, path::Path, time::Instant};
use zktree::{
    Pallas,
    error::{ProveError, VerifyError},
    nn::{argument::Pending, *},
};

/// What a verifier does: the statement and the proof are all that it has.
fn verify(statement: &TrainingStatement<Pallas>, proof: &TrainingProof) -> Result<(), VerifyError> {
    Pending::check_all(&statement.verify(proof)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let steps: u64 = std::env::args().nth(1).map_or(Ok(16), |n| n.parse())?;
    let architecture: Architecture = "11,16,1".parse()?;
    let fixed_point = FixedPoint::compact();
    let parameters = TrainingParameters {
        optimiser: LearningRate::nearest(&fixed_point, 32, 0.03)?.into(),
        architecture: architecture.clone(),
        fixed_point: fixed_point.clone(),
        batch: 32,
        steps,
        segment_steps: steps,
        hiding: true,
    };
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/winequality-red.csv");
    let table = Table::read(csv)?;
    let normalization = Normalization::fit(&table, &["quality".to_string()])?;
    let dataset = Dataset::quantize(&table, &normalization, &fixed_point)?;
    let data = DatasetOpening::new(dataset, true, &mut OsRng);
    let committed = data.commit::<Pallas>();
    println!(
        "network {architecture}, {} rows of {} integers, {steps} steps of 32 rows",
        committed.num_rows(),
        committed.width()
    );

    // The order of the rows follows from public values.
    let seed = ScheduleSeed::derive(&[0; 32], &committed.root(), &[0; 32], 0);
    let schedule = Schedule::new(seed, committed.num_rows(), parameters.batch)?;
    let root = WeightOpening::public(init::expand(7, &architecture, &fixed_point));
    let go_on = &mut |_| ControlFlow::Continue(());
    let start = Instant::now();
    let train = |parameters: &TrainingParameters| {
        let (from, rows) = (root.weights(), data.dataset());
        let go_on = &mut |_| ControlFlow::Continue(());
        let weights = proof::train_weights(parameters, from, rows, &schedule, go_on)?;
        Ok::<_, ProveError>(WeightOpening::new(weights, true, &mut OsRng))
    };
    let child = train(&parameters)?;
    println!("trained in {:.1?}", start.elapsed());

    let statement = TrainingStatement::<Pallas> {
        parameters,
        parent: ParentWeights::Root { seed: 7 },
        child: child.commit(),
        dataset: committed,
        schedule: seed,
        parent_id: [0; 32],
        child_pre_id: [0; 32],
    };
    let start = Instant::now();
    let proof = statement.prove(&root, &child, &data, &mut OsRng, go_on)?;
    println!("proven in {:.1?}: {} bytes", start.elapsed(), proof.0.len());
    let start = Instant::now();
    verify(&statement, &proof)?;
    println!("verified in {:.1?}", start.elapsed());

    // One step fewer, proven as what it is, and published as the whole run.
    let mut shorter = statement.clone();
    shorter.parameters.steps = steps - 1;
    shorter.parameters.segment_steps = steps - 1;
    let lazy = train(&shorter.parameters)?;
    shorter.child = lazy.commit();
    let proof = shorter.prove(&root, &lazy, &data, &mut OsRng, go_on)?;
    verify(&shorter, &proof)?;
    let lie = TrainingStatement {
        child: lazy.commit(),
        ..statement.clone()
    };
    let error = verify(&lie, &proof)
        .err()
        .ok_or("a skipped step was accepted")?;
    println!("a cheat who skips a step: refused, {error}");
    let error = lie.prove(&root, &lazy, &data, &mut OsRng, go_on).err();
    println!(
        "and cannot prove it: {}",
        error.ok_or("a skipped step was proven")?
    );
    Ok(())
}

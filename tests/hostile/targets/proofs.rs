//! Verifiers. What is verified is what an honest prover made, or is refused.
use super::{
    input::{Input, altered},
    scene::{Field, Scene, author},
};
use ark_ec::CurveGroup;
use std::sync::{Arc, OnceLock};
use zktree::{
    Pallas,
    commit::{Curve, RowCommitments},
    error::VerifyError,
    nn::{
        Architecture, DatasetCommitment, FixedPoint, FixedPointConfig, LearningRate, ParentWeights,
        ScheduleSeed, TrainingParameters, TrainingProof, TrainingStatement, WeightBound,
        WeightCommitment,
        argument::Pending,
        inference::{Batch, InferenceSecrets, RowsOpening},
        model::Mlp,
        op::Nonlinearity,
        optimise::{Millionths, Momentum, Optimiser, RateSchedule},
        proof, train,
    },
    transcript::{Challenger, VerifierChannel},
    tree::{DatasetName, Inference, LabelledRows, Node, RowProof, Said},
};

/// Honest bytes as the input says: all others, altered, or the beginning and another end.
fn forged(honest: &[u8], mut input: Input<'_>) -> Vec<u8> {
    match input.byte() % 4 {
        0 => input.rest().to_vec(),
        1 => {
            let prefix = &honest[..input.below(honest.len() + 1)];
            [prefix, input.rest()].concat()
        }
        _ => altered(honest, input.rest()),
    }
}

fn checked(pending: Result<Vec<Pending<Pallas>>, VerifyError>) -> Result<(), VerifyError> {
    Pending::check_all(&pending?)
}

/// Proofs of training: from a root or a committed parent, hiding or not.
pub fn training(data: &[u8]) {
    type Case = (TrainingStatement<Pallas>, Arc<TrainingProof>);
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    let cases = CASES.get_or_init(|| {
        let of = |hiding| {
            let scene = Scene::get(hiding);
            let proofs = [&scene.child, &scene.grandchild].map(|c| c.edge.proof.clone());
            scene.statements().into_iter().zip(proofs)
        };
        of(false).chain(of(true)).collect()
    });
    let mut input = Input::new(data);
    let (statement, honest) = &cases[input.below(cases.len())];
    let proof = TrainingProof(forged(&honest.0, input));
    let verdict = checked(statement.verify(&proof));
    assert_eq!(verdict.is_ok(), proof == **honest, "{verdict:?}");
}

/// Proofs that data are in their range, of a number of bits that the input chooses too.
pub fn data_range(data: &[u8]) {
    let mut input = Input::new(data);
    let hiding = input.byte() % 2 == 1;
    let edge = &Scene::get(hiding).child.edge;
    let claim = match input.byte() {
        bits @ 0..32 => (u32::from(bits), hiding),
        32 => (5, !hiding),
        _ => (5, hiding),
    };
    let bytes = forged(&edge.data_proof, input);
    let pending = proof::verify_dataset(&edge.dataset, claim.0, claim.1, &bytes);
    let verdict = checked(pending.map(|pending| vec![pending]));
    let honest = claim == (5, hiding) && bytes == **edge.data_proof;
    assert_eq!(verdict.is_ok(), honest, "{verdict:?}");
}

/// A node and its data set, altered and signed by its author, below an honest root.
pub fn lineage(data: &[u8]) {
    let mut input = Input::new(data);
    let scene = Scene::get(input.byte() % 2 == 1);
    let honest = &scene.grandchild;
    let mut edge = honest.edge.clone();
    if input.byte() % 2 == 1 {
        let [features, targets] = [(); 2].map(|()| usize::try_from(input.number()).unwrap());
        let mut rows = edge.dataset.rows().clone();
        rows.rows.truncate(input.byte().into());
        edge.dataset = DatasetCommitment::new(features, targets, rows);
    }
    let Ok(mut node) = Node::<Pallas>::decode(&altered(&honest.node.encode(), input.rest())) else {
        return;
    };
    if edge.dataset != honest.edge.dataset {
        node.dataset = DatasetName::of(&edge.dataset);
    }
    node.author = author().public();
    edge.signature = author().sign(node.id(&edge));
    let same = node == honest.node;
    // Everything that is done with a node that is not verified yet.
    let (mut tree, _) = scene.tree();
    let Ok(id) = tree.add_node(node, edge) else {
        return;
    };
    let picture = zktree::tree::Picture::of(&tree, &|_| None);
    assert!(!tree.to_string().is_empty() && !picture.svg().is_empty());
    assert_eq!(tree.verify_lineage(id).is_ok(), same);
    let _ = tree.soundness(&[id]);
}

/// Proofs of a row: of the scene's data, and of data sets of shapes that no network has.
pub fn row_proof(data: &[u8]) {
    let mut input = Input::new(data);
    let scene = Scene::get(true);
    let (node, edge) = (&scene.child.node, &scene.child.edge);
    let shape = input.byte();
    let file = input.rest();
    let honest = RowProof::<Pallas>::new(scene.data.opening(), node.dataset.root, 3).unwrap();
    let file = match shape % 4 {
        0 => file.to_vec(),
        _ => altered(honest.to_json().as_bytes(), file),
    };
    let Ok(mut proof) = RowProof::<Pallas>::from_json(&file) else {
        return;
    };
    let again = RowProof::from_json(proof.to_json().as_bytes());
    assert_eq!(again.unwrap(), proof);
    let opened = scene.data.opening().open_row(proof.opening.row);
    let honest = proof.dataset == node.dataset.root && opened.is_ok_and(|o| o == proof.opening);
    assert_eq!(proof.verify(node, edge).is_ok(), honest);

    let (mut node, mut edge) = (node.clone(), edge.clone());
    for width in [usize::MAX, 1 << 63, 0, 1 << 20] {
        edge.dataset = DatasetCommitment::new(width, 1, edge.dataset.rows().clone());
        node.dataset = DatasetName::of(&edge.dataset);
        proof.dataset = node.dataset.root;
        assert!(proof.verify(&node, &edge).is_err());
    }
}

/// Proofs of predictions and errors: the file altered, or the proof in it.
pub fn inference(data: &[u8]) {
    static CASES: OnceLock<Vec<Inference<Pallas>>> = OnceLock::new();
    let scene = Scene::get(true);
    let cases = CASES.get_or_init(|| inferences(scene));
    let mut input = Input::new(data);
    let honest = &cases[input.below(cases.len())];
    let mut found = honest.clone();
    match input.byte() % 4 {
        0 => found.proof = forged(&honest.proof, input),
        kind => {
            let file = match kind {
                1 => input.rest().to_vec(),
                _ => altered(honest.to_json().as_bytes(), input.rest()),
            };
            let Ok(read) = Inference::from_json(&file) else {
                return;
            };
            let again = Inference::from_json(read.to_json().as_bytes());
            assert_eq!(again.unwrap(), read);
            found = read;
        }
    }
    let (tree, id) = scene.tree();
    let origin = tree.path(id).unwrap().end().unwrap();
    let verdict = found.verify(&origin);
    assert_eq!(verdict.is_ok(), cases.contains(&found), "{verdict:?}");
    if let Ok(statement) = found.statement(&origin) {
        let _ = statement.soundness();
    }
}

/// What is said of the scene's child on its own data: shown, committed, and its error.
fn inferences(scene: &Scene) -> Vec<Inference<Pallas>> {
    let (tree, id) = scene.tree();
    let origin = tree.path(id).unwrap().end().unwrap();
    let weights = &scene.child.opening;
    let (data, commitment) = (scene.data.opening(), scene.data.opening().commit());
    let rows = data.dataset();
    let (inputs, targets) = rows.gather(&[0, 1, 2, 3, 4]);
    let outputs = train::predict(scene.root.fixed_point(), weights.weights(), &inputs).unwrap();
    let pairs = outputs.iter().zip(&targets);
    let sum = pairs.map(|(y, x)| (y - x).pow(2).unsigned_abs()).sum();
    let opening = RowsOpening::from(data);
    let hidden = RowsOpening::new(2, &inputs, true, &mut rand::rngs::OsRng).unwrap();
    let prove = |said, inputs, outputs| {
        let secrets = InferenceSecrets {
            weights,
            inputs,
            outputs,
        };
        Inference::prove(&origin, said, true, secrets).unwrap()
    };
    let outputs = Batch::public(1, outputs);
    let shown = Said::Prediction {
        inputs: Batch::public(2, inputs.clone()),
        outputs: outputs.clone(),
    };
    let committed = Said::Prediction {
        inputs: Batch::committed(hidden.commit()),
        outputs,
    };
    let error = |rows| Said::SquaredError { rows, sum };
    vec![
        prove(shown, None, None),
        prove(committed, Some(&hidden), None),
        prove(error(LabelledRows::Public(rows.clone())), None, None),
        prove(
            error(LabelledRows::Committed(commitment)),
            Some(&opening),
            Some(&opening),
        ),
    ]
}

/// A run that was cut off, with and without the sum that tells damage.
pub fn checkpoint(data: &[u8]) {
    use sha2::{Digest, Sha256};
    type Case = (TrainingStatement<Pallas>, Vec<u8>);
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    let rng = &mut rand::rngs::OsRng;
    let cases = CASES.get_or_init(|| {
        let rng = &mut rand::rngs::OsRng;
        let of = |hiding| {
            let scene = Scene::get(hiding);
            let [_, statement] = scene.statements();
            let (child, last) = (&scene.child.opening, &scene.grandchild.opening);
            let prover = statement.prover(child, last, scene.data.opening(), rng);
            let mut prover = prover.unwrap();
            prover.prove_next().unwrap();
            let bytes = prover.checkpoint().unwrap();
            (statement.clone(), bytes)
        };
        [false, true].map(of).into()
    });
    let mut input = Input::new(data);
    let hiding = input.below(2);
    let (statement, honest) = &cases[hiding];
    let scene = Scene::get(hiding == 1);
    let summed = input.byte() % 2 == 1;
    let mut bytes = forged(honest, input);
    if summed && let Some(end) = bytes.len().checked_sub(32) {
        bytes.truncate(end);
        let sum = Sha256::digest(&bytes);
        bytes.extend(sum);
    }
    let (child, data) = (&scene.grandchild.opening, scene.data.opening());
    if let Ok(prover) = statement.resume(&bytes, child, data, rng) {
        // Proofs are taken as they are, weights are not.
        assert!(prover.done() <= 2);
        prover.checkpoint().unwrap();
    }
}

/// Messages that are pulled in an order that the first bytes choose, and more of them than there
/// are.
pub fn channel(data: &[u8]) {
    let mut input = Input::new(data);
    let order = input.bytes(16);
    let proof = input.rest();
    let mut channel = VerifierChannel::<Field>::new(b"hostile", b"", proof);
    for kind in order {
        let count = usize::from(kind / 8);
        let read = match kind % 8 {
            0 => channel.receive("a").map(drop),
            1 => channel.receive_all("b", count).map(drop),
            2 => channel.receive_all("c", usize::MAX).map(drop),
            3 => channel.receive_point::<Pallas>("d").map(drop),
            4 => channel.receive_points::<Pallas>("e", count).map(drop),
            5 => channel
                .receive_points::<Pallas>("f", usize::MAX - count)
                .map(drop),
            6 => channel.receive_clear("g").map(drop),
            _ => {
                channel.masked();
                Ok(())
            }
        };
        if read.is_err() {
            return;
        }
    }
    let _: Field = channel.challenge("end", 1);
    let _ = channel.finish();
}

/// A statement of which everything comes from the input, and a proof of zeros and identities,
/// Plain gradient descent, unless the highest bits of a number say otherwise.
fn optimiser(number: u64) -> Option<Optimiser> {
    let rate = LearningRate::from_coefficient(number & ((1 << 58) - 1)).ok()?;
    let [some, most] = [900_000, 999_999].map(|n| Millionths::new(n).unwrap());
    let momentum = match number >> 62 {
        0 => Momentum::None,
        1 => Momentum::Heavy(some),
        _ => Momentum::Nesterov(most),
    };
    let schedule = match number >> 60 & 3 {
        0 => RateSchedule::Constant,
        1 => RateSchedule::Cosine {
            warmup: 3,
            floor: some,
        },
        _ => RateSchedule::Step {
            warmup: number >> 40,
            every: 1,
            by: most,
        },
    };
    Optimiser::new(rate, momentum, schedule).ok()
}

/// which decode wherever they are pulled.
pub fn statement(data: &[u8]) {
    let mut input = Input::new(data);
    let Some(statement) = any_statement(&mut input) else {
        return;
    };
    if let Ok(soundness) = statement.soundness() {
        assert_eq!(soundness.proofs(), statement.parameters.num_segments());
        assert!(soundness.statistical_bits() < 256.0);
    }
    let identities = identities(input.below(1 << 11));
    let scalars = vec![0; 32 * input.below(1 << 12)];
    let between = WeightCommitment::<Pallas>::encoded_len(&statement.parameters.architecture);
    let between = self::identities(between / Pallas::ENCODED_LEN);
    let mut proof = Vec::new();
    for segment in statement.parameters.segments().take(2) {
        if segment.index + 1 < statement.parameters.num_segments() {
            proof.extend(&between);
        }
        let len = identities.len() + scalars.len();
        proof.extend((len as u64).to_le_bytes());
        proof.extend(identities.iter().chain(&scalars));
    }
    proof.extend(input.rest());
    assert!(checked(statement.verify(&TrainingProof(proof))).is_err());
}

fn identities(count: usize) -> Vec<u8> {
    let identity = Pallas::encode(&Pallas::default().into_affine());
    identity.repeat(count)
}

fn any_statement(input: &mut Input<'_>) -> Option<TrainingStatement<Pallas>> {
    let layers = [1, 2, 3, 64][input.below(4)];
    let widths = (0..=layers).map(|_| 1 + input.below(33)).collect();
    let network = Mlp {
        widths,
        activation: Nonlinearity::ALL[usize::from(input.byte() % 5)],
        residual: input.byte() % 2 == 1,
        classes: false,
    };
    let architecture = Architecture::perceptron(&network).ok()?;
    let fixed_point = any_format(input)?;
    let rows = identities(input.byte().into());
    let rows = RowCommitments::<Pallas>::decode(&rows, rows.len() / Pallas::ENCODED_LEN).unwrap();
    let [features, targets] = match input.byte() {
        0 => [(); 2].map(|()| usize::try_from(input.number()).unwrap()),
        _ => [architecture.num_inputs(), architecture.num_outputs()],
    };
    let weights =
        identities(WeightCommitment::<Pallas>::encoded_len(&architecture) / Pallas::ENCODED_LEN);
    let weights = WeightCommitment::decode(&weights, &architecture).unwrap();
    let parent = match input.byte() % 2 {
        0 => ParentWeights::Root {
            seed: input.number(),
        },
        _ => ParentWeights::Committed {
            commitment: weights.clone(),
            bound: WeightBound::new(u128::from(input.number()) << input.below(64)),
        },
    };
    Some(TrainingStatement {
        parameters: TrainingParameters {
            architecture,
            fixed_point,
            optimiser: optimiser(input.number())?,
            batch: usize::try_from(input.number()).unwrap(),
            steps: input.number(),
            segment_steps: input.number(),
            hiding: input.byte() % 2 == 1,
        },
        parent,
        child: weights,
        dataset: DatasetCommitment::new(features, targets, rows),
        schedule: ScheduleSeed([1; 32]),
        parent_id: [2; 32],
        child_pre_id: [3; 32],
    })
}

/// Any format but those that are refused.
fn any_format(input: &mut Input<'_>) -> Option<FixedPoint> {
    let mut bits = |min: u32, count: u8| min + u32::from(input.byte() % count);
    let (s, above) = (bits(1, 24), bits(0, 13));
    let config = FixedPointConfig {
        activation_bits: s,
        gradient_bits: s + above,
        weight_bits: (2 * s + above + bits(0, 59)).min(60),
        hidden_range_bits: bits(2, 23),
        output_range_bits: bits(2, 23),
        gradient_range_bits: bits(2, 23),
        data_range_bits: bits(2, 23),
        functions: None,
        limbs: Vec::new(),
    };
    let (mut limbs, mut left) = (Vec::new(), config.weight_bits);
    while left > 0 {
        limbs.push(bits(1, 24).min(left));
        left -= limbs.last()?;
    }
    FixedPoint::new(FixedPointConfig { limbs, ..config }).ok()
}

//! Data sets of labels: committed as they are, proven to be in range, and of no use to a network of numbers.
use ark_pallas::Fr;
use rand::rngs::OsRng;
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};
use zktree::{
    Pallas,
    error::{ConfigError, DataError, ProveError, StatementError, TrainError, VerifyError},
    nn::{
        Architecture, Classes, DataKind, Dataset, DatasetCommitment, DatasetOpening, FixedPoint,
        LearningRate, Normalization, ParentWeights, Schedule, ScheduleSeed, Source, Table,
        TrainingParameters, TrainingStatement, WeightCommitment, argument::Pending, init, proof,
        train,
    },
    tree::{Root, TreeError},
};

const CLASSES: usize = 3;

/// Rows of two features and a class.
fn data() -> Dataset {
    let values = vec![5, -7, 2, 0, 256, 0, -8192, 8191, 1, 3, 3, 2];
    Dataset::from_labelled_rows(2, CLASSES, values).unwrap()
}

fn opening() -> DatasetOpening<Fr> {
    DatasetOpening::new(data(), true, &mut OsRng)
}

#[test]
fn the_kind_is_part_of_the_commitment() {
    let labelled = opening();
    let commitment = labelled.commit::<Pallas>();
    assert_eq!(commitment.kind(), DataKind::Labels { classes: CLASSES });
    assert_eq!((commitment.num_targets(), commitment.width()), (1, 3));
    assert!(labelled.opens(&commitment, &mut OsRng));
    let of_kind = |kind| {
        let rows = commitment.rows().clone();
        DatasetCommitment::<Pallas>::of_kind(2, kind, rows)
    };
    for kind in [
        DataKind::Numbers { targets: 1 },
        DataKind::Numbers { targets: CLASSES },
        DataKind::Labels { classes: 4 },
    ] {
        let other = of_kind(kind);
        assert_ne!(other.root(), commitment.root(), "{kind:?}");
        assert!(!labelled.opens(&other, &mut OsRng), "{kind:?}");
    }
    assert_eq!(of_kind(commitment.kind()).root(), commitment.root());
    // One row alone.
    commitment
        .verify_row(&labelled.open_row(2).unwrap())
        .unwrap();

    let bytes = labelled.to_safetensors().unwrap();
    let read = DatasetOpening::<Fr>::from_safetensors(&bytes).unwrap();
    assert_eq!(read.dataset(), labelled.dataset());
    assert_eq!(read.commit::<Pallas>().root(), commitment.root());
    let text = "\"zktree-classes\":\"3\"";
    for other in ["\"03\"", "\"-3\"", "\"1\"", "\"2\""] {
        let at = bytes.windows(text.len()).position(|w| w == text.as_bytes());
        let (at, end) = (at.unwrap() + text.len() - 3, at.unwrap() + text.len());
        // The header's length follows its text.
        let mut altered = [&bytes[..at], other.as_bytes(), &bytes[end..]].concat();
        let longer = (other.len() - 3) as u64;
        let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) + longer;
        altered[..8].copy_from_slice(&len.to_le_bytes());
        let error = DatasetOpening::<Fr>::from_safetensors(&altered).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::WeightsFile { .. } | DataError::InvalidClasses { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn the_range_proof_covers_the_class() {
    let bits = FixedPoint::compact().data_range_bits();
    let labelled = opening();
    let commitment = labelled.commit::<Pallas>();
    let proven = proof::prove_dataset(&labelled, &commitment, bits, true).unwrap();
    let verify = |commitment: &DatasetCommitment<Pallas>| {
        let pending = proof::verify_dataset(commitment, bits, true, &proven)?;
        Pending::check_all(&[pending])
    };
    verify(&commitment).unwrap();
    let rows = || commitment.rows().clone();
    for kind in [
        DataKind::Numbers { targets: 1 },
        DataKind::Labels { classes: 2 },
    ] {
        let other = DatasetCommitment::of_kind(2, kind, rows());
        assert!(verify(&other).is_err(), "{kind:?}");
    }
    for classes in [0, 1, (1 << 16) + 1, usize::MAX] {
        let other = DatasetCommitment::of_kind(2, DataKind::Labels { classes }, rows());
        let expected: VerifyError = StatementError::Classes { classes }.into();
        assert_eq!(verify(&other).unwrap_err(), expected);
    }
    // A class that is no number of the range is in no proof.
    let large = Dataset::from_labelled_rows(1, 1 << 16, vec![0, 1 << 13]).unwrap();
    let large = DatasetOpening::<Fr>::new(large, true, &mut OsRng);
    let refused = proof::prove_dataset(&large, &large.commit::<Pallas>(), bits, true);
    assert!(matches!(refused, Err(ProveError::NotInTable { .. })));
}

/// Until a network has a loss for classes, nothing is trained on them: not a statement, not the training
/// itself, not a root.
#[test]
fn networks_of_numbers_are_not_trained_on_classes() {
    let (architecture, fixed) = (
        Architecture::new(vec![2, 1]).unwrap(),
        FixedPoint::compact(),
    );
    let refused = ConfigError::TrainedOnNumbers;
    assert_eq!(
        architecture.outputs_for(data().kind()),
        Err(refused.clone())
    );
    assert_eq!(
        architecture.outputs_for(DataKind::Numbers { targets: 4 }),
        Ok(4)
    );
    let statement = TrainingStatement::<Pallas> {
        parameters: TrainingParameters {
            architecture: architecture.clone(),
            fixed_point: fixed.clone(),
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
            batch: 2,
            steps: 1,
            segment_steps: 1,
            hiding: true,
        },
        parent: ParentWeights::Root { seed: 1 },
        child: WeightCommitment::placeholder(&architecture),
        dataset: opening().commit(),
        schedule: ScheduleSeed([0; 32]),
        parent_id: [0; 32],
        child_pre_id: [0; 32],
    };
    assert_eq!(statement.validate().unwrap_err(), refused.clone().into());

    let mut weights = init::expand(1, &architecture, &fixed);
    let schedule = Schedule::new(ScheduleSeed([0; 32]), data().num_rows(), 2).unwrap();
    let (sgd, data) = (statement.parameters.sgd(), data());
    let go_on = |_, _| ControlFlow::Continue(());
    for error in [
        train::train(&sgd, &mut weights, (&data, &schedule), 0..1, go_on).unwrap_err(),
        train::mean_squared_error(&fixed, &weights, &data).unwrap_err(),
    ] {
        assert_eq!(error, TrainError::Network(Arc::new(refused.clone())));
    }

    let csv = "a,b,y\n1,2,cat\n2,3,dog\n".as_bytes();
    let table = Table::from_labelled_reader("t.csv", csv, Some("y")).unwrap();
    let classes = Classes::fit(&table, "y").unwrap();
    let normalization = Normalization::fit_labelled(&table, classes).unwrap();
    let root = Root::new(architecture, fixed, normalization, 1);
    assert_eq!(root.unwrap_err(), TreeError::Kind(refused));
}

fn fashion(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/fashion-mnist")
        .join(name)
}

/// What `make.py` says of its parts.
#[test]
fn each_part_of_the_example_data_has_70_images_of_each_class() {
    let names = std::fs::read_to_string(fashion("classes.txt")).unwrap();
    let names = names.lines().map(str::to_owned).collect();
    let classes = Classes::new("label".to_owned(), names).unwrap();
    assert_eq!(classes.count(), 10);
    let mut all = Vec::new();
    for part in ["alice", "bob", "carol", "test"] {
        let [data, labels] =
            ["images-idx3", "labels-idx1"].map(|kind| fashion(&format!("{part}-{kind}-ubyte.gz")));
        let source = Source {
            data: &data,
            labels: Some(&labels),
            label: None,
        };
        let table = source.read().unwrap();
        assert_eq!((table.num_rows(), table.columns().len()), (700, 28 * 28));
        let normalization = Normalization::fit_labelled(&table, classes.clone()).unwrap();
        let data = Dataset::quantize(&table, &normalization, &FixedPoint::compact()).unwrap();
        let mut of_class = [0; 10];
        for n in 0..data.num_rows() {
            of_class[usize::try_from(data.targets(n)[0]).unwrap()] += 1;
            all.push(data.features(n).to_vec());
        }
        assert_eq!(of_class, [70; 10]);
        let pixels = data.num_rows() * 28 * 28;
        let sum: i64 = (0..data.num_rows()).flat_map(|n| data.features(n)).sum();
        // The mean of all pixels of Fashion-MNIST is 0.286.
        let mean = sum as f64 / pixels as f64 / 256.0;
        assert!((0.26..0.31).contains(&mean), "{mean}");
    }
    // No owner has another's images.
    all.sort_unstable();
    all.dedup();
    assert!(all.len() >= 2795, "{}", all.len());
}

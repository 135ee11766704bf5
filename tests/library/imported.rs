//! Roots of unknown origin: what is proven of them, and what is not.
use crate::common::tiny;
use rand::rngs::OsRng;
use std::ops::ControlFlow;
use zktree::{
    Bls12381, Pallas,
    nn::{
        Architecture, Dataset, DatasetOpening, Layer, LearningRate, Normalization, Table,
        TrainingParameters, WeightGrid, WeightOpening, Weights,
        inference::{Batch, InferenceSecrets},
        train,
    },
    tree::{
        AuthorSecret, Draft, Inference, Labels, Origin, Picture, ProvenDataset, Root, Said, Tree,
        TreeError, store::Store,
    },
};

type Scalar = <Pallas as ark_ec::PrimeGroup>::ScalarField;

const GRID: WeightGrid = WeightGrid {
    step_bits: 6,
    range_bits: 10,
};

fn normalization() -> Normalization {
    let table = Table::from_reader("t.csv", "a,b,y\n1,2,3\n2,3,5\n".as_bytes()).unwrap();
    Normalization::fit(&table, &["y".to_owned()]).unwrap()
}

fn opening() -> WeightOpening<Scalar> {
    let architecture: Architecture = "2,3,1".parse().unwrap();
    let layer = |inputs: i64, outputs: i64| Layer {
        weight: (0..inputs * outputs).map(|k| (7 * k - 9) << 9).collect(),
        bias: (0..outputs).map(|k| (k - 1) << 8).collect(),
    };
    let weights = Weights::new(architecture, vec![layer(2, 3), layer(3, 1)]).unwrap();
    WeightOpening::new(weights, true, &mut OsRng)
}

fn imported(opening: &WeightOpening<Scalar>) -> Root {
    let title = Some("from elsewhere".to_owned());
    Root::import::<Pallas>(tiny(), normalization(), (opening, GRID), title).unwrap()
}

#[test]
fn a_tree_grows_from_weights_of_unknown_origin() {
    let opening = opening();
    let root = imported(&opening);
    assert_eq!((root.seed(), root.weights()), (None, None));
    assert_eq!(root.imported().unwrap().grid(), GRID);
    let mut tree = Tree::<Pallas>::new();
    let id = tree.add_root(root.clone()).unwrap();
    assert_eq!(tree.verify_lineage(id).unwrap().bound, GRID.bound());
    assert_eq!(tree.soundness(&[id]).unwrap().proofs(), 1);

    let values = (0..6 * 3).map(|k| k % 7 - 3).collect();
    let data = Dataset::from_rows(2, 1, values).unwrap();
    let data = DatasetOpening::new(data, true, &mut OsRng);
    let data = ProvenDataset::new(data, &tiny(), true).unwrap();
    let author = AuthorSecret::from_bytes(&[3; 32]);
    let draft = Draft {
        parent: id,
        dataset: &data,
        parameters: TrainingParameters {
            architecture: root.architecture().clone(),
            fixed_point: tiny(),
            rate: LearningRate::from_coefficient(1).unwrap(),
            batch: 2,
            steps: 2,
            segment_steps: 1,
            hiding: true,
        },
        nonce: 0,
        author: &author,
        labels: Labels::default(),
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    let child = draft.train(&tree, &opening, &mut OsRng, go_on).unwrap();
    let below = tree.add_node(child.node, child.edge).unwrap();
    assert!(tree.verify_lineage(below).is_ok());
    assert_eq!(tree.verify_all().unwrap(), 1);

    let picture = Picture::of(&tree, &|_| None);
    for text in [
        tree.to_string(),
        picture.dot(),
        picture.svg(),
        picture.json(),
    ] {
        assert!(
            text.contains("unknown") && text.contains("from elsewhere"),
            "{text}"
        );
    }

    // Without the proof of its range, nothing that descends from the root is verified.
    let bytes = root.encode();
    let mut refused = 0;
    for k in (0..bytes.len()).step_by(97) {
        let mut bytes = bytes.clone();
        bytes[k] ^= 1;
        let Ok(forged) = Root::decode(&bytes) else {
            continue;
        };
        assert_ne!(forged.id(), id);
        let mut tree = Tree::<Pallas>::new();
        let Ok(forged) = tree.add_root(forged) else {
            continue;
        };
        // The title is anyone's.
        match tree.verdicts(&[forged], &Default::default(), &mut |_| ()) {
            Ok(verdicts) if verdicts.refused.is_empty() => {
                assert_ne!(
                    tree.root(forged).unwrap().imported().unwrap().title(),
                    root.imported().unwrap().title()
                );
            }
            Ok(verdicts) => {
                let error = &verdicts.refused[&forged];
                assert!(matches!(error, TreeError::Imported { .. }), "{error}");
                assert!(tree.verify_lineage(forged).is_err());
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn imported_weights_are_kept_in_private_and_predict() {
    let opening = opening();
    let root = imported(&opening);
    let dir = tempfile::tempdir().unwrap();
    let store = Store::<Pallas>::create(dir.path().join("tree")).unwrap();
    let none = store.private().root_opening(&root).unwrap();
    assert!(none.is_none());
    store.private().save_opening(root.id(), &opening).unwrap();
    let id = store.add_root(&root).unwrap();
    let (tree, damage) = store.load();
    assert!(damage.is_empty() && tree.root(id) == Some(&root));
    let kept = store.private().root_opening(&root).unwrap().unwrap();
    assert!(kept.weights() == opening.weights());

    let origin = tree.path(id).unwrap().end().unwrap();
    let inputs = vec![3, -4, 8, 1];
    let outputs = train::predict(&tiny(), kept.weights(), &inputs).unwrap();
    let said = |outputs: &[i64]| Said::Prediction {
        inputs: Batch::public(2, inputs.clone()),
        outputs: Batch::public(1, outputs.to_vec()),
    };
    let secrets = InferenceSecrets {
        weights: &kept,
        inputs: None,
        outputs: None,
    };
    let inference = Inference::prove(&origin, said(&outputs), true, secrets).unwrap();
    inference.verify(&origin).unwrap();
    let again = Inference::from_json(inference.to_json().as_bytes()).unwrap();
    assert_eq!(again, inference);
    let other = Inference {
        said: said(&[outputs[0] + 1, outputs[1]]),
        ..inference
    };
    assert!(other.verify(&origin).is_err());
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let opening = opening();
    let fine = WeightGrid {
        step_bits: 12,
        ..GRID
    };
    let error = Root::import::<Pallas>(tiny(), normalization(), (&opening, fine), None);
    let error = error.unwrap_err();
    assert!(error.to_string().contains("no multiple of 2^12"), "{error}");
    let narrow = WeightGrid {
        range_bits: 5,
        ..GRID
    };
    let error = Root::import::<Pallas>(tiny(), normalization(), (&opening, narrow), None);
    assert!(matches!(error, Err(TreeError::NotImported { .. })));
    let title = Some("\u{1b}[2J".to_owned());
    let error = Root::import::<Pallas>(tiny(), normalization(), (&opening, GRID), title);
    assert!(matches!(error, Err(TreeError::Label { .. })));

    // On another curve the commitment is none.
    let root = imported(&opening);
    assert!(Origin::<Bls12381>::root(&root).is_err());
    let error = Tree::<Bls12381>::new().add_root(root.clone()).unwrap_err();
    assert!(error.to_string().contains("Pallas"), "{error}");
    let decoded = Root::decode(&root.encode()).unwrap();
    assert_eq!(decoded, root);
    for end in (0..root.encode().len()).step_by(41) {
        assert!(Root::decode(&root.encode()[..end]).is_err());
    }
}

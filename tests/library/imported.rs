//! Roots of unknown origin: what is proven of them, and what is not.
use crate::common::tiny;
use rand::rngs::OsRng;
use std::ops::ControlFlow;
use zktree::{
    Bls12381, Pallas,
    error::DecodeError,
    nn::{
        Architecture, Dataset, DatasetOpening, Layer, LearningRate, Normalization, Table,
        TrainingParameters, WeightGrid, WeightOpening, Weights,
        encoding::Encoder,
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
    let layer = |inputs: i64, outputs: i64| {
        let weight = (0..inputs * outputs).map(|k| (7 * k - 9) << 9);
        Layer::new(
            weight.collect(),
            (0..outputs).map(|k| (k - 1) << 8).collect(),
        )
    };
    let weights = Weights::new(architecture, vec![layer(2, 3), layer(3, 1)]).unwrap();
    WeightOpening::new(weights, true, &mut OsRng)
}

fn author() -> AuthorSecret {
    AuthorSecret::from_bytes(&[3; 32])
}

fn titled(title: &str) -> Labels {
    Labels {
        title: Some(title.to_owned()),
        ..Labels::default()
    }
}

fn import(
    opening: &WeightOpening<Scalar>,
    grid: WeightGrid,
    labels: Labels,
) -> Result<Root, TreeError> {
    Root::import::<Pallas>(tiny(), normalization(), (opening, grid), &author(), labels)
}

fn imported(opening: &WeightOpening<Scalar>) -> Root {
    import(opening, GRID, titled("from elsewhere")).unwrap()
}

/// The bytes of a root, signed by someone.
fn signed(mut bytes: Vec<u8>, author: &AuthorSecret) -> Vec<u8> {
    let id = Root::decode(&bytes).unwrap().id();
    let at = bytes.len() - 64;
    bytes[at..].copy_from_slice(&author.sign(id).0);
    bytes
}

fn verdict(root: Root) -> Result<(), TreeError> {
    let mut tree = Tree::<Pallas>::new();
    let id = tree.add_root(root)?;
    tree.verify_lineage(id).map(drop)
}

/// A root that its author signed, whose weights' range is not proven.
pub fn unproven() -> Root {
    let bytes = imported(&opening()).encode();
    let altered = (0..bytes.len() - 64).rev().find_map(|k| {
        let mut bytes = bytes.clone();
        bytes[k] ^= 1;
        Root::decode(&bytes).ok()?;
        let root = Root::decode(&signed(bytes, &author())).ok()?;
        let refused = verdict(root.clone()).err()?;
        matches!(refused, TreeError::Imported { .. }).then_some(root)
    });
    altered.unwrap()
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
    let author = author();
    let draft = Draft {
        parent: id,
        dataset: &data,
        parameters: TrainingParameters {
            architecture: root.architecture().clone(),
            fixed_point: tiny(),
            optimiser: LearningRate::from_coefficient(1).unwrap().into(),
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
        let by = author.public().short();
        assert!(
            ["unknown", "from elsewhere", &by]
                .iter()
                .all(|part| text.contains(part)),
            "{text}"
        );
    }
}

/// Nothing that is said of imported weights can be changed: not by who has no key, nor by who signs what
/// it changed, but lacks the weights.
#[test]
fn everything_that_is_said_of_a_root_is_bound() {
    let opening = opening();
    let root = imported(&opening);
    let (id, bytes) = (root.id(), root.encode());
    verdict(root.clone()).unwrap();
    let (mut unsigned, mut unproven) = (0, 0);
    let title = bytes.windows(9).position(|w| w == b"elsewhere").unwrap();
    let places = (0..bytes.len() - 64).step_by(97).chain([title]);
    for k in places {
        let mut altered = bytes.clone();
        altered[k] ^= 1;
        let Ok(forged) = Root::decode(&altered) else {
            continue;
        };
        assert_ne!(forged.id(), id);
        let error = verdict(forged).unwrap_err();
        assert!(matches!(error, TreeError::Signature { .. }), "{k}: {error}");
        unsigned += 1;
        // The author itself, without a new proof.
        let forged = Root::decode(&signed(altered, &author())).unwrap();
        let error = verdict(forged).unwrap_err();
        assert!(
            matches!(
                error,
                TreeError::Imported { .. } | TreeError::Signature { .. }
            ),
            "{k}: {error}"
        );
        unproven += usize::from(matches!(error, TreeError::Imported { .. }));
    }
    assert!(unsigned > 20 && unproven > 20, "{unsigned}, {unproven}");
}

#[test]
fn an_imported_root_is_its_authors() {
    let opening = opening();
    let root = imported(&opening);
    let mallory = AuthorSecret::from_bytes(&[4; 32]);
    let (ours, theirs) = (author().public(), mallory.public());
    let bytes = root.encode();
    let at = bytes.windows(32).position(|w| w == ours.0).unwrap();
    let mut stolen = bytes.clone();
    stolen[at..at + 32].copy_from_slice(&theirs.0);
    let stolen = Root::decode(&signed(stolen, &mallory)).unwrap();
    assert_eq!(stolen.imported().unwrap().author(), theirs);
    // The signature is right; the proof was made for the author.
    assert!(stolen.check_signature().is_ok());
    let error = verdict(stolen).unwrap_err();
    assert!(matches!(error, TreeError::Imported { .. }), "{error}");
    // Who has the weights may publish them.
    let (fixed, network) = (tiny(), (&opening, GRID));
    let labels = titled("from elsewhere");
    let own = Root::import::<Pallas>(fixed, normalization(), network, &mallory, labels).unwrap();
    verdict(own).unwrap();

    // Nobody else's signature is the author's, and the id does not depend on it.
    let other = Root::decode(&signed(bytes.clone(), &mallory)).unwrap();
    assert_eq!(other.id(), root.id());
    let error = verdict(other.clone()).unwrap_err();
    assert!(matches!(error, TreeError::Signature { .. }), "{error}");
    assert!(Origin::<Pallas>::root(&other).is_err());
    let dir = tempfile::tempdir().unwrap();
    let store = Store::<Pallas>::create(dir.path().join("tree")).unwrap();
    assert!(store.add_root(&other).is_err());
    store.add_root(&root).unwrap();
    let file = dir.path().join("tree/roots").join(root.id().to_string());
    std::fs::write(file, other.encode()).unwrap();
    let (tree, damage) = store.load();
    assert!(tree.is_empty() && damage.len() == 1, "{damage:?}");
    assert!(damage[0].to_string().contains("signature"), "{}", damage[0]);
}

/// Roots of version 1 named no author.
#[test]
fn roots_that_nobody_signed_are_refused() {
    let old = Encoder::new("zktree/v1/imported-root").finish();
    let error = Root::decode(&old).unwrap_err();
    assert!(
        matches!(error, DecodeError::Version { version: 1, .. }),
        "{error}"
    );
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
    let error = import(&opening, fine, Labels::default()).unwrap_err();
    assert!(error.to_string().contains("no multiple of 2^12"), "{error}");
    let narrow = WeightGrid {
        range_bits: 5,
        ..GRID
    };
    let error = import(&opening, narrow, Labels::default());
    assert!(matches!(error, Err(TreeError::NotImported { .. })));
    let error = import(&opening, GRID, titled("\u{1b}[2J"));
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

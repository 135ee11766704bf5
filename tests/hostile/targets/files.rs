//! Parsers of whole files and of a tree's directory.
use super::{
    input::{Input, altered},
    scene::{Field, Scene, author},
};
use rand::rngs::OsRng;
use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, OnceLock, PoisonError},
};
use tempfile::TempDir;
use zktree::{
    Pallas,
    commit::Curve,
    nn::{
        Classes, Dataset, DatasetOpening, FixedPoint, Normalization, Table, WeightOpening, Weights,
        import::{FloatModel, QuantizationReport},
    },
    tree::{
        AuthorSecret, NodeId,
        store::{Store, VerifiedCache, curve_of},
    },
};

/// A table of text, with and without labels.
pub fn table(data: &[u8]) {
    if let Ok(table) = Table::from_reader("hostile.csv", data) {
        assert!(!table.columns().is_empty());
        normalized(&table);
    }
    if let Ok(table) = Table::from_labelled_reader("hostile.csv", data, Some("y")) {
        normalized(&table);
    }
}

/// Images and arrays: IDX, labels in IDX, NPZ, or a PNG file in a folder of a class.
pub fn images(data: &[u8]) {
    let Some((format, file)) = data.split_first() else {
        return;
    };
    let none = None::<(&str, &[u8])>;
    let read = match format % 4 {
        0 => Table::from_idx(("images", file), none),
        1 => {
            let one = [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7];
            Table::from_idx(("images", one.as_slice()), Some(("labels", file)))
        }
        2 => Table::from_npz("hostile.npz", file),
        _ => png(file),
    };
    if let Ok(table) = read {
        assert!(!table.columns().is_empty());
        normalized(&table);
    }
}

fn png(file: &[u8]) -> Result<Table, zktree::error::DataError> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = scratch().path().join("images");
    fs::create_dir_all(dir.join("0")).unwrap();
    fs::write(dir.join("0/0.png"), file).unwrap();
    Table::read(dir)
}

/// A table, normalised by itself and quantised. Whatever is read can be counted and selected.
fn normalized(table: &Table) {
    assert!(table.num_rows() > 0);
    let target = table.columns().last().cloned().into_iter();
    if let Ok(normalization) = Normalization::fit(table, &target.collect::<Vec<_>>()) {
        quantized(table, &normalization);
    }
    let classes = table.label().map(|label| Classes::fit(table, label));
    let Some(Ok(classes)) = classes else { return };
    if let Ok(normalization) = Normalization::fit_labelled(table, classes) {
        quantized(table, &normalization);
    }
}

fn quantized(table: &Table, normalization: &Normalization) {
    assert_eq!(
        Normalization::from_bytes(&normalization.to_bytes()).as_ref(),
        Ok(normalization)
    );
    if let Ok(data) = Dataset::quantize(table, normalization, &FixedPoint::compact()) {
        assert_eq!(data.num_rows(), table.num_rows());
        assert_eq!(data.kind(), normalization.kind());
        let end = 1 << (FixedPoint::compact().data_range_bits() - 1);
        assert!(data.values().iter().all(|x| (-end..end).contains(x)));
        data.select(&[0, table.num_rows() - 1]).unwrap();
    }
}

/// Networks of other programs, as ONNX and as safetensors.
pub fn import(data: &[u8]) {
    for read in [
        FloatModel::from_onnx(data),
        FloatModel::from_safetensors(data, None),
    ] {
        let Ok(model) = read else { continue };
        let widths = model.architecture();
        let values: usize = model.layers().iter().map(|layer| layer.weight.len()).sum();
        assert!(values < data.len() && widths.num_layers() == model.layers().len());
        let Ok((weights, grid)) = model.quantize(&FixedPoint::compact(), 18) else {
            continue;
        };
        assert_eq!(weights.architecture(), widths);
        // A file of few bytes may describe large images: that is not what is tried here.
        let values = widths.graph().shapes().iter();
        let values = values.map(|shape| shape.iter().product::<usize>());
        if values.sum::<usize>() > 1 << 16 {
            continue;
        }
        let input = vec![0.5; widths.num_inputs()];
        let made = (&weights, grid);
        let _ = QuantizationReport::new(&model, made, &FixedPoint::compact(), &input);
    }
}

/// Weights, weights with blindings, data with blindings.
pub fn safetensors(data: &[u8]) {
    if let Ok(weights) = Weights::from_safetensors(data) {
        let bytes = weights.to_safetensors().unwrap();
        assert_eq!(Weights::from_safetensors(&bytes).unwrap(), weights);
    }
    if let Ok(opening) = WeightOpening::<Field>::from_safetensors(data) {
        let bytes = opening.to_safetensors().unwrap();
        let again = WeightOpening::<Field>::from_safetensors(&bytes).unwrap();
        assert_eq!(again.weights(), opening.weights());
        assert!(again.opens(&opening.commit::<Pallas>(), &mut OsRng));
    }
    if let Ok(opening) = DatasetOpening::<Field>::from_safetensors(data) {
        let bytes = opening.to_safetensors().unwrap();
        let again = DatasetOpening::<Field>::from_safetensors(&bytes).unwrap();
        assert_eq!(again.dataset(), opening.dataset());
        assert!(again.opens(&opening.commit::<Pallas>(), &mut OsRng));
    }
}

/// A directory for files that are read by name.
fn scratch() -> &'static TempDir {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    DIR.get_or_init(|| tempfile::tempdir().unwrap())
}

/// The file of an author's key, PEM.
pub fn key(data: &[u8]) {
    let file = scratch().path().join("key.pem");
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write(&file, data).unwrap();
    if let Ok(key) = AuthorSecret::load(&file) {
        let id = NodeId([1; 32]);
        assert!(key.public().verifies(id, &key.sign(id)));
    }
}

/// The file of nodes that this user verified before.
pub fn cache(data: &[u8]) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = scratch().path().join("cache");
    let remembered = NodeId([1; 32]);
    VerifiedCache::<Pallas>::in_dir(&dir).remember([remembered]);
    let mut files = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = files.find(|file| !file.ends_with("key")).unwrap();
    fs::write(&file, data).unwrap();
    let mut cache = VerifiedCache::<Pallas>::in_dir(&dir);
    let known = cache.ids().clone();
    cache.remember([remembered]);
    let again = VerifiedCache::<Pallas>::in_dir(&dir);
    assert!(again.ids().is_superset(&known) && again.ids().contains(&remembered));
}

/// The directory of a tree, with its public files.
struct Kept {
    _dir: TempDir,
    store: Store<Pallas>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Kept {
    fn new() -> Self {
        let scene = Scene::get(false);
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path().join("tree")).unwrap();
        store.add_root(&scene.root).unwrap();
        for child in [&scene.child, &scene.grandchild] {
            store.add_child(child).unwrap();
        }
        store.sign_log(&author()).unwrap();
        // While nothing is written this file is not there.
        fs::write(store.dir().join("log/pending"), "").unwrap();
        let dirs = ["", "roots", "nodes", "proofs", "datasets", "log"];
        let files = dirs
            .iter()
            .flat_map(|dir| fs::read_dir(store.dir().join(dir)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file() && !path.ends_with("lock"));
        let mut files: Vec<_> = files
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        Self {
            _dir: dir,
            store,
            files,
        }
    }

    fn restore(&self) {
        for (path, bytes) in &self.files {
            if fs::read(path).ok().as_ref() != Some(bytes) {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

/// A tree of which one file was altered, or replaced. It is read, recovered, verified: what still
/// verifies was there before.
pub fn tree_dir(data: &[u8]) {
    static KEPT: OnceLock<Mutex<Kept>> = OnceLock::new();
    let kept = KEPT.get_or_init(|| Mutex::new(Kept::new()));
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let mut input = Input::new(data);
    let (path, honest) = &kept.files[input.below(kept.files.len())];
    let (way, script) = (input.byte() % 4, input.rest());
    let bytes = match way {
        0 => script.to_vec(),
        _ => altered(honest, script),
    };
    kept.restore();
    fs::write(path, &bytes).unwrap();
    let dir = kept.store.dir();
    let opened = match way {
        1 => Store::<Pallas>::view(dir),
        _ => Store::<Pallas>::open(dir),
    };
    if let Ok(store) = opened {
        assert_eq!(curve_of(dir).unwrap(), Pallas::NAME);
        let (tree, damage) = store.load();
        // An older head is no damage, nor is what is being written.
        let may_differ = ["log/head.json", "log/pending"].map(|file| path.ends_with(file));
        assert!(!damage.is_empty() || bytes == *honest || may_differ.contains(&true));
        let ids: Vec<NodeId> = tree.ids().collect();
        let scene = Scene::get(false);
        let verdicts = tree.verdicts(&ids, &Default::default(), &mut |_| ());
        let known = [&scene.child, &scene.grandchild].map(|c| c.node.id(&c.edge));
        assert!(
            verdicts
                .unwrap()
                .verified
                .iter()
                .all(|id| known.contains(id))
        );
        let _ = (store.log(), store.resolve("0000"));
    } else {
        assert!(path.ends_with("zktree.json"));
    }
}

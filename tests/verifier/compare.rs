//! Both verifiers on the same directories.
use crate::files::{self, Files};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use zktree::{
    Bls12381, Pallas,
    commit::Curve,
    poly::WideField,
    tree::{
        Inference, NodeId,
        store::{self, Store},
    },
};

/// A tree to verify.
pub struct Case {
    /// What it is, or the family of messages or the field that was tampered with.
    pub name: String,
    pub files: Files,
    /// What must refuse it.
    pub tampered: Option<Tampered>,
}

/// What has to be said of a tampered tree.
#[derive(Debug, Clone, Default)]
pub struct Tampered {
    /// This node is refused, if it is known which.
    pub node: Option<NodeId>,
    /// Words of both verifiers' reasons: who refuses for another reason did not get to the check.
    pub reason: Option<&'static str>,
}

/// A change of bytes.
pub type Alter = Box<dyn Fn(&mut Vec<u8>)>;

impl Tampered {
    /// Some check refuses this node.
    pub fn node(node: NodeId) -> Self {
        Self {
            node: Some(node),
            reason: None,
        }
    }
}

impl Case {
    pub fn honest(name: &str, files: Files) -> Self {
        Self {
            name: format!("honest: {name}"),
            files,
            tampered: None,
        }
    }

    pub fn tampered(name: String, files: Files, tampered: Tampered) -> Self {
        Self {
            name,
            files,
            tampered: Some(tampered),
        }
    }
}

/// Files of predictions of the models of one tree: `(name, text, whether it is honest)`.
pub struct Predictions {
    pub tree: Files,
    pub files: Vec<(String, Vec<u8>, bool)>,
}

/// What a verifier found.
#[derive(Debug, Default)]
struct Verdict {
    verified: bool,
    /// Nodes that are accepted.
    accepted: BTreeSet<String>,
    /// All reasons for what is not.
    reasons: String,
}

/// What the second verifier prints of a tree or of a prediction.
#[derive(Deserialize)]
struct Line {
    verified: bool,
    #[serde(default)]
    nodes: BTreeMap<String, Option<String>>,
    #[serde(default)]
    damage: BTreeMap<String, String>,
    reason: Option<String>,
}

/// The interpreter, if there is one.
pub fn python() -> Option<PathBuf> {
    let python = PathBuf::from("python3");
    let found = Command::new(&python).arg("--version").output();
    found
        .is_ok_and(|out| out.status.success())
        .then_some(python)
}

/// Runs both verifiers on everything and compares what they say.
pub fn compare(python: &Path, cases: &[Case], predictions: &[Predictions]) {
    let dir = tempfile::tempdir().unwrap();
    let dirs: Vec<PathBuf> = (0..cases.len())
        .map(|k| dir.path().join(k.to_string()))
        .collect();
    for (case, dir) in cases.iter().zip(&dirs) {
        files::write(&case.files, dir);
    }
    let second = second_verifier(python, &["verify".into()], &dirs);
    let mut complaints = Vec::new();
    for ((case, dir), second) in cases.iter().zip(&dirs).zip(second) {
        complaints.extend(complaint(case, &first_verdict(dir), &second.into()));
    }
    let tampered = cases.iter().filter(|case| case.tampered.is_some()).count();
    println!(
        "{} honest trees, {tampered} tampered ones",
        cases.len() - tampered
    );
    for (k, predictions) in predictions.iter().enumerate() {
        let dir = dir.path().join(format!("predictions {k}"));
        complaints.extend(compare_predictions(python, &dir, predictions));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What the second verifier says of each item, in two processes that share the work.
fn second_verifier(python: &Path, arguments: &[PathBuf], items: &[PathBuf]) -> Vec<Line> {
    let halves = [0, 1].map(|half| {
        let mine = items.iter().skip(half).step_by(2);
        let arguments: Vec<_> = arguments.iter().chain(mine).cloned().collect();
        let python = python.to_owned();
        std::thread::spawn(move || run(&python, &arguments))
    });
    let mut halves = halves.map(|half| half.join().unwrap().into_iter());
    (0..items.len())
        .map(|k| halves[k % 2].next().expect("a line for each item"))
        .collect()
}

fn run(python: &Path, arguments: &[PathBuf]) -> Vec<Line> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifier");
    let output = Command::new(python)
        .arg(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Line> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let status = i32::from(!lines.iter().all(|line| line.verified));
    assert_eq!(output.status.code(), Some(status), "its exit status");
    lines
}

impl From<Line> for Verdict {
    fn from(line: Line) -> Self {
        let accepted =
            |(id, reason): (&String, &Option<String>)| reason.is_none().then(|| id.clone());
        let reasons = line.nodes.values().flatten();
        let reasons = reasons.chain(line.damage.values()).chain(&line.reason);
        Self {
            verified: line.verified,
            accepted: line.nodes.iter().filter_map(accepted).collect(),
            reasons: reasons.map(|reason| format!("{reason}\n")).collect(),
        }
    }
}

/// What this library says of a directory.
fn first_verdict(dir: &Path) -> Verdict {
    match store::curve_of(dir) {
        Ok(name) if name == Pallas::NAME => verdict::<Pallas>(dir),
        Ok(name) if name == Bls12381::NAME => verdict::<Bls12381>(dir),
        Ok(name) => Verdict {
            reasons: format!("curve {name:?}"),
            ..Verdict::default()
        },
        Err(error) => Verdict {
            reasons: error.to_string(),
            ..Verdict::default()
        },
    }
}

fn verdict<C: Curve<ScalarField: WideField>>(dir: &Path) -> Verdict {
    let (tree, damage) = Store::<C>::view(dir).unwrap().load();
    let ids: Vec<NodeId> = tree.ids().collect();
    let verdicts = tree
        .verdicts(&ids, &BTreeSet::new(), &mut |_| ())
        .expect("all ids are there");
    let refused = verdicts.refused;
    let accepted = ids.iter().filter(|id| !refused.contains_key(id));
    let reasons = refused.values().map(|error| format!("{error}\n"));
    let damaged = damage.iter().map(|damage| format!("{damage}\n"));
    Verdict {
        verified: refused.is_empty() && damage.is_empty(),
        accepted: accepted.map(NodeId::to_string).collect(),
        reasons: reasons.chain(damaged).collect(),
    }
}

/// What is wrong with two verdicts on one tree.
fn complaint(case: &Case, first: &Verdict, second: &Verdict) -> Option<String> {
    let name = &case.name;
    let verdicts = || format!("\n  library: {first:?}\n  second verifier: {second:?}");
    if (first.verified, &first.accepted) != (second.verified, &second.accepted) {
        return Some(format!("{name}: the verifiers disagree{}", verdicts()));
    }
    let Some(tampered) = &case.tampered else {
        let refused = !first.verified;
        return refused.then(|| format!("{name}: refused{}", verdicts()));
    };
    let spared = |id: &NodeId| first.accepted.contains(&id.to_string());
    if first.verified || tampered.node.as_ref().is_some_and(spared) {
        return Some(format!("FORGERY: {name}: accepted{}", verdicts()));
    }
    let reason = tampered.reason?;
    let said = first.reasons.contains(reason) && second.reasons.contains(reason);
    (!said).then(|| format!("{name}: not refused for {reason:?}{}", verdicts()))
}

fn compare_predictions(python: &Path, dir: &Path, predictions: &Predictions) -> Vec<String> {
    files::write(&predictions.tree, dir);
    let paths: Vec<PathBuf> = (0..predictions.files.len())
        .map(|k| dir.with_extension(k.to_string()))
        .collect();
    for ((_, text, _), path) in predictions.files.iter().zip(&paths) {
        std::fs::write(path, text).unwrap();
    }
    let arguments = ["verify-prediction".into(), dir.to_owned()];
    let second = second_verifier(python, &arguments, &paths);
    println!("{} files of predictions", second.len());
    let mut complaints = Vec::new();
    for ((name, text, honest), second) in predictions.files.iter().zip(second) {
        let first = match store::curve_of(dir).unwrap() {
            name if name == Pallas::NAME => predicted::<Pallas>(dir, text),
            _ => predicted::<Bls12381>(dir, text),
        };
        if (first.is_ok(), second.verified) != (*honest, *honest) {
            let second = second.reason;
            complaints.push(format!(
                "{name}: library {first:?}, second verifier {second:?}, honest: {honest}"
            ));
        }
    }
    complaints
}

/// What this library says of a prediction.
fn predicted<C: Curve<ScalarField: WideField>>(dir: &Path, text: &[u8]) -> Result<(), String> {
    let (tree, _) = Store::<C>::view(dir).unwrap().load();
    let inference = Inference::<C>::from_json(text).map_err(|error| error.to_string())?;
    let path = tree.path(inference.model);
    let origin = path.and_then(|path| {
        path.verify()?;
        path.end()
    });
    let origin = origin.map_err(|error| error.to_string())?;
    inference.verify(&origin).map_err(|error| error.to_string())
}

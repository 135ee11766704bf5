//! Files of a tree's directory, and one tampering for each field of its log.
use crate::{
    compare::{Case, Tampered},
    files::{self, Files},
    honest::{CHILD, Family, GRANDCHILD, author},
};
use zktree::{
    Pallas,
    nn::encoding::Encoder,
    tree::{
        AuthorSecret, NodeId,
        store::{Log, SignedHead},
    },
};

/// Files that are missing, exchanged, altered under their names, or of strangers.
pub fn of_files(family: &Family<Pallas>) -> Vec<Case> {
    let child = &family.children[GRANDCHILD];
    let node = family.id(GRANDCHILD);
    let [training, range] = child
        .edge
        .proof_hashes()
        .map(|hash| format!("proofs/{}", hex::encode(hash)));
    let dataset = format!("datasets/{}", hex::encode(child.edge.dataset.root()));
    let (file, other) = (
        format!("nodes/{node}"),
        format!("nodes/{}", family.id(CHILD)),
    );
    let mut cases = Vec::new();
    let mut push = |name: &str, node: Option<NodeId>, change: &dyn Fn(&mut Files)| {
        let mut tree = family.lineage(GRANDCHILD);
        change(&mut tree);
        let tampered = Tampered { node, reason: None };
        cases.push(Case::tampered(format!("files: {name}"), tree, tampered));
    };
    for (name, path) in [
        ("proof", &training),
        ("range", &range),
        ("data set", &dataset),
        ("node", &file),
    ] {
        push(&format!("missing {name}"), Some(node), &|tree| {
            drop(tree.remove(path))
        });
        push(&format!("altered {name}"), Some(node), &|tree| {
            let bytes = tree.get_mut(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        push(&format!("longer {name}"), Some(node), &|tree| {
            tree.get_mut(path).unwrap().push(0)
        });
    }
    push("another node's", Some(node), &|tree| {
        let bytes = tree[&other].clone();
        tree.insert(file.clone(), bytes);
    });
    push("another curve's data set", Some(node), &|tree| {
        let data = &child.edge.dataset;
        let bytes = Encoder::new("zktree/v1/dataset")
            .string("BLS12-381-G1")
            .count(data.num_features())
            .count(data.num_targets())
            .bytes(&data.rows().encode());
        tree.insert(dataset.clone(), bytes.finish());
    });
    push("missing root", Some(node), &|tree| {
        drop(tree.remove(&format!("roots/{}", family.root)))
    });
    push("stranger among proofs", None, &|tree| {
        drop(tree.insert("proofs/README".into(), Vec::new()))
    });
    push("upper-case name", None, &|tree| {
        let bytes = tree[&training].clone();
        tree.insert(training.to_uppercase().replace("PROOFS", "proofs"), bytes);
    });
    for (name, text) in [
        ("version", "{\"version\":2,\"curve\":\"Pallas\"}\n"),
        ("curve", "{\"version\":1,\"curve\":\"pallas\"}\n"),
        (
            "other curve",
            "{\"version\":1,\"curve\":\"BLS12-381-G1\"}\n",
        ),
        ("form", "{\"version\": 1,\"curve\":\"Pallas\"}\n"),
        ("line feed", "{\"version\":1,\"curve\":\"Pallas\"}"),
    ] {
        push(&format!("zktree.json, {name}"), Some(node), &|tree| {
            drop(tree.insert("zktree.json".into(), text.into()));
        });
    }
    cases
}

fn signature_of(head: &str) -> &str {
    let start = head.find("\"signature\"").unwrap();
    &head[start..]
}

/// Honest logs: with a head that is older, as a writer that was cut off leaves it, and with signed heads of all
/// entries, of some and of none.
pub fn honest_logs(family: &Family<Pallas>) -> Vec<Case> {
    let lineage = family.lineage(CHILD);
    let ids = files::logged(&lineage);
    let head = |size: usize| Log::new(ids[..size].iter().copied()).unwrap().head();
    let mut older = lineage.clone();
    let text = serde_json::to_string(&head(1)).unwrap() + "\n";
    older.insert("log/head.json".into(), text.into());
    let mut cases = vec![Case::honest("an older head", older)];
    for size in 0..=ids.len() {
        let mut tree = lineage.clone();
        let signed = SignedHead::new([9; 32], head(size), &author());
        let text = serde_json::to_string(&signed).unwrap() + "\n";
        tree.insert("log/signed.json".into(), text.into());
        cases.push(Case::honest("a signed head", tree));
    }
    cases
}

/// Entries of the log and its head.
pub fn of_logs(family: &Family<Pallas>) -> Vec<Case> {
    let honest = family.lineage(GRANDCHILD);
    let ids = files::logged(&honest);
    let mut cases = Vec::new();
    let mut push = |name: &str, change: &dyn Fn(&mut Files)| {
        let mut tree = honest.clone();
        change(&mut tree);
        cases.push(Case::tampered(
            format!("log: {name}"),
            tree,
            Tampered::default(),
        ));
    };
    push("without its last entry", &|tree| {
        files::set_log(tree, &ids[..ids.len() - 1])
    });
    push("entry without a file", &|tree| {
        let more = [&ids[..], &[NodeId([5; 32])]].concat();
        files::set_log(tree, &more);
    });
    push("child before its parent", &|tree| {
        let mut other = ids.clone();
        other.swap(0, 1);
        files::set_log(tree, &other);
    });
    push("exchanged entries", &|tree| {
        let head = tree["log/head.json"].clone();
        let mut other = ids.clone();
        other.swap(1, 2);
        files::set_log(tree, &other);
        tree.insert("log/head.json".into(), head);
    });
    let text = String::from_utf8(honest["log/entries"].clone()).unwrap();
    let twice = format!("{text}{}\n", ids[0]);
    for (name, entries) in [
        ("entry twice", twice),
        ("upper-case digits", text.to_uppercase()),
        ("last line feed", text.trim_end().to_owned()),
        ("carriage returns", text.replace('\n', "\r\n")),
        ("empty line", text.clone() + "\n"),
        ("no entries", String::new()),
    ] {
        push(name, &|tree| {
            drop(tree.insert("log/entries".into(), entries.clone().into()))
        });
    }
    let head = String::from_utf8(honest["log/head.json"].clone()).unwrap();
    let size = format!(":{},", ids.len());
    for (name, head) in [
        (
            "size of the head",
            head.replace(&size, &format!(":{},", ids.len() + 1)),
        ),
        (
            "smaller size of the head",
            head.replace(&size, &format!(":{},", ids.len() - 1)),
        ),
        (
            "form of the size",
            head.replace(&size, &format!(":0{},", ids.len())),
        ),
        (
            "root of the head",
            head.replace("\"root\":\"", "\"root\":\"00"),
        ),
        ("other root", head.chars().rev().collect()),
        ("blank in the head", head.replace(':', ": ")),
        ("end of the head", head.trim_end().to_owned()),
        ("case of the head", head.to_uppercase()),
    ] {
        push(name, &|tree| {
            drop(tree.insert("log/head.json".into(), head.clone().into()))
        });
    }
    let signed = |size: usize| {
        let head = Log::new(ids[..size].iter().copied()).unwrap().head();
        let signed = SignedHead::new([9; 32], head, &author());
        serde_json::to_string(&signed).unwrap() + "\n"
    };
    let text = signed(ids.len());
    for (name, text) in [
        ("name in a signed head", text.replacen("0909", "0808", 1)),
        (
            "size of a signed head",
            text.replace(&size, &format!(":{},", ids.len() - 1)),
        ),
        (
            "root of a signed head",
            text.replace("\"root\":\"", "\"root\":\"00"),
        ),
        ("head of another log", signed(1).replace(":1,", &size)),
        (
            "signer of a head",
            text.replace(
                &author().public().to_string(),
                &AuthorSecret::from_bytes(&[8; 32]).public().to_string(),
            ),
        ),
        (
            "signature of a head",
            text.replace("\"signature\":\"", "\"signature\":\"0"),
        ),
        (
            "signature of an older head",
            text.replace(signature_of(&text), signature_of(&signed(1))),
        ),
        ("form of a signed head", text.replace(',', ", ")),
        ("empty signed head", String::new()),
    ] {
        push(name, &|tree| {
            drop(tree.insert("log/signed.json".into(), text.clone().into()));
        });
    }
    push("missing head", &|tree| drop(tree.remove("log/head.json")));
    push("missing entries", &|tree| drop(tree.remove("log/entries")));
    cases
}

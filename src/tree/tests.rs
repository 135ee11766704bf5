//! Abbreviated ids, of ids that begin alike: no hash is that kind.
use super::*;
use crate::nn::{Architecture, FixedPoint, Normalization, Table};
use ark_pallas::Projective as Pallas;

/// An id of these digits, and zeros behind.
fn id(digits: &str) -> NodeId {
    format!("{digits:0<64}").parse().unwrap()
}

/// A tree with a root under each of these ids.
fn tree(ids: &[NodeId]) -> Tree<Pallas> {
    let table = Table::from_reader("t.csv", "a,x\n1,2\n2,3\n".as_bytes()).unwrap();
    let normalization = Normalization::fit(&table, &["x".to_owned()]).unwrap();
    let architecture = Architecture::new(vec![1, 1]).unwrap();
    let root = Root::new(architecture, FixedPoint::compact(), normalization, 7).unwrap();
    let mut tree = Tree::new();
    for id in ids {
        tree.insert(*id, Source::Root(Box::new(root.clone())))
            .unwrap();
        tree.roots.push(*id);
    }
    tree
}

#[test]
fn ids_are_abbreviated_until_no_other_begins_like_them() {
    let ids = [
        id("aaaaaaaaaaaaaa1"),
        id("aaaaaaaaaaaaaa2"),
        id("aaaaaaaaaaaaaa2000b"),
        id("aaaaaaaaaaab"),
        id("b"),
    ];
    let tree = tree(&ids);
    let short: Vec<String> = ids.iter().map(|id| tree.short(*id)).collect();
    assert_eq!(
        short,
        [
            "aaaaaaaaaaaaaa1",
            "aaaaaaaaaaaaaa20000",
            "aaaaaaaaaaaaaa2000b",
            "aaaaaaaaaaab",
            "b00000000000",
        ]
    );
    // Also of an id that is not there.
    assert_eq!(tree.short(id("aaaaaaaaaaab1")), "aaaaaaaaaaab1");
    assert_eq!(tree.name(ids[0]).to_string(), short[0]);

    let picture = Picture::of(&tree, &|_| None);
    let alone = picture.around(ids[1]).unwrap();
    for text in [picture.text(), picture.dot(), picture.svg(), picture.html()] {
        for short in &short {
            assert!(text.contains(short.as_str()), "{text}");
        }
    }
    assert!(alone.text().starts_with(&format!("{} root", short[1])));
    let json: serde_json::Value = serde_json::from_str(&picture.json()).unwrap();
    assert_eq!(json["nodes"][1]["short"], short[1].as_str());
}

#[test]
fn errors_tell_nodes_apart_that_begin_alike() {
    let [first, second] = ["aaaaaaaaaaaaaa1", "aaaaaaaaaaaaaa2"].map(id);
    let tree = tree(&[first, second]);
    let [node, parent] = [first, second].map(|id| Box::new(NodeLabel::new(id, None)));
    let node = *node;
    let error = TreeError::RefusedParent {
        node: node.clone(),
        parent,
    };
    assert_eq!(error.to_string().matches("aaaaaaaaaaaa:").count(), 1);
    let text = error.with_digits(|id| tree.digits(id)).to_string();
    for id in [first, second] {
        assert!(text.contains(&tree.short(id)), "{text}");
    }
    let error = TreeError::WrongParent {
        node,
        named: first,
        above: Box::new(second),
    };
    let text = error.to_string();
    assert!(
        text.contains("aaaaaaaaaaaaaa1, but") && text.contains("aaaaaaaaaaaaaa2"),
        "{text}"
    );
}

#[test]
fn an_ambiguous_beginning_shows_where_ids_differ() {
    let candidates = ["aaaaaaaaaaaaaa1", "aaaaaaaaaaaaaa2", "aab"]
        .map(id)
        .to_vec();
    let prefix = "aa".to_owned();
    let text = store::StoreError::Ambiguous { prefix, candidates }.to_string();
    let all = "aaaaaaaaaaaaaa1, aaaaaaaaaaaaaa2, aab000000000;";
    assert!(text.contains(all), "{text}");
}

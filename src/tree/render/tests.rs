use super::*;

const HOSTILE: &str = "</script><script>alert(1)</script>\"'&\u{202e}\\ x\u{fffe}";

/// A root and two generations; the second child has a hostile title and note.
fn picture() -> Picture {
    let entry = |n: u8, above: Option<usize>, title: Option<&str>| Entry {
        id: hex::encode([n; 32]),
        short: hex::encode([n; 6]),
        above,
        parent: above.map(|above| hex::encode([above as u8; 32])),
        layers: vec![11, 64, 1],
        network: "11,64,1".into(),
        verified: (n == 1).then_some(true),
        seed: above.is_none().then_some(9),
        imported: None,
        trained: above.map(|_| Trained {
            title: title.map(str::to_owned),
            licence: None,
            note: title.map(str::to_owned),
            loss: (n == 2).then_some(0.63251),
            author: hex::encode([n * 80; 32]),
            dataset: hex::encode([7; 32]),
            rows: 466,
            steps: 96,
            batch: 32,
            learning_rate: 0.03,
            optimizer: "sgd".to_owned(),
            hiding: true,
            weights: hex::encode([8; 32]),
            edge_bytes: 99_000,
        }),
    };
    Picture {
        curve: "Pallas",
        nodes: vec![
            entry(0, None, None),
            entry(1, Some(0), Some("R_1")),
            entry(2, Some(1), Some(HOSTILE)),
            entry(3, Some(0), None),
        ],
    }
}

#[test]
fn text_has_a_line_a_node() {
    assert_eq!(
        picture().text(),
        "000000000000 root 11-64-1, seed 9\n\
         ├── 010101010101 \"R_1\": 96 steps on 466 rows of 070707070707 by 505050505050, verified\n\
         │   └── 020202020202 \"</script><script>alert(1)</script>\\\"'&\\u{202e}\\\\ x\\u{fffe}\": 96 steps on \
         466 rows of 070707070707 by a0a0a0a0a0a0, loss 0.6325\n\
         └── 030303030303: 96 steps on 466 rows of 070707070707 by f0f0f0f0f0f0\n"
    );
}

/// A deep tree, as somebody might publish to fill a terminal, has text in proportion to its nodes.
#[test]
fn deep_trees_are_not_indented_without_end() {
    let (mut chain, deep) = (picture(), 2_000);
    chain.nodes.truncate(1);
    for k in 0..deep {
        let mut child = picture().nodes.swap_remove(1);
        child.above = Some(k);
        chain.nodes.push(child);
    }
    let text = chain.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), deep + 1);
    let start = |level: usize| lines[level].split("0101").next().unwrap().to_owned();
    assert_eq!(start(2), "    └── ");
    assert_eq!(start(24), " ".repeat(4 * 23) + "└── ");
    assert_eq!(start(25), " ".repeat(4 * 24) + "[25] ");
    assert_eq!(start(deep), " ".repeat(4 * 24) + "[2000] ");
}

#[test]
fn only_what_concerns_a_node() {
    let ids = |around: u8| {
        let picture = picture().around(NodeId([around; 32])).unwrap();
        for (k, entry) in picture.nodes.iter().enumerate() {
            let above = entry.above.map(|above| picture.nodes[above].id.clone());
            assert_eq!(above, entry.parent);
            assert!(entry.above.is_none_or(|above| above < k));
        }
        let ids = picture.nodes.iter().map(|entry| entry.id[..2].to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(0), ["00", "01", "02", "03"]);
    assert_eq!(ids(1), ["00", "01", "02"]);
    assert_eq!(ids(2), ["00", "01", "02"]);
    assert_eq!(ids(3), ["00", "03"]);
    let unknown = picture().around(NodeId([9; 32]));
    assert!(matches!(unknown, Err(TreeError::Unknown { .. })));
}

#[test]
fn json_is_one_object_with_every_field() {
    let value: serde_json::Value = serde_json::from_str(&picture().json()).unwrap();
    let node = &value["nodes"][2];
    assert_eq!(value["curve"], "Pallas");
    assert_eq!(node["id"], hex::encode([2; 32]));
    assert_eq!(node["parent"], hex::encode([1; 32]));
    assert_eq!(node["title"], HOSTILE);
    assert_eq!(node["loss"], 0.63251);
    assert_eq!(value["nodes"][0]["seed"], 9);
    assert_eq!(value["nodes"][1]["verified"], true);
}

#[test]
fn hostile_titles_stay_text() {
    for picture in [picture().svg(), picture().html()] {
        assert!(!picture.contains("<script>alert"), "{picture}");
        assert!(!picture.contains(['\u{202e}', '\u{fffe}']));
        assert!(picture.contains("&amp;\\u{202e}"), "{picture}");
        assert!(!picture.contains("http:") || picture.matches("http:").count() == 1);
        assert!(!picture.contains("https:"));
    }
    let json = picture().json();
    assert!(json.contains("\\u202e") && !json.contains(['\u{202e}', '\u{fffe}']));
    let html = picture().html();
    // The page's own two scripts and the end of each, and nothing that ends one early.
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script").count(), 2);
    let dot = picture().dot();
    assert!(
        dot.contains(r#"</script><script>alert(1)</script>\"'&\\u{202e}\\ x"#),
        "{dot}"
    );
}

#[test]
fn drawings_are_well_formed() {
    for markup in [
        picture().svg(),
        Picture {
            curve: "Pallas",
            nodes: vec![],
        }
        .svg(),
    ] {
        let mut open = Vec::new();
        for tag in markup.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let name: String = tag
                .chars()
                .skip_while(|c| *c == '/')
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            match (tag.starts_with('/'), tag.ends_with('/')) {
                (true, _) => assert_eq!(open.pop(), Some(name)),
                (false, true) => {}
                (false, false) => open.push(name),
            }
        }
        assert!(open.is_empty());
    }
}

#[test]
fn numbers_are_short() {
    for (value, text) in [
        (0.0, "0"),
        (0.63251, "0.6325"),
        (12.5, "12.5"),
        (1234.0, "1234"),
        (123_456.7, "123457"),
        (0.000_123_46, "0.0001235"),
        (1.5e-9, "1.500e-9"),
        (-2.25, "-2.25"),
        (7e12, "7.000e12"),
    ] {
        assert_eq!(number(value), text);
    }
}

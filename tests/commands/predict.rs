//! Predictions and errors of a node, made by its owner and checked by somebody else.
use crate::world::World;
use serde_json::{Value, json};

/// Alice's tree with a node of hers, Bob's copy of it; the node's id.
fn scene() -> (World, String) {
    let (world, root) = World::with_root();
    let id = world.ok(&World::train("alice", "tree", &root[..8]));
    world.init("copy");
    world.ok("pull --tree copy tree");
    world.write("new.csv", "c,a,b\n1,2,3.5\n4,0,0.5\n2,6,9.5\n");
    (world, id)
}

fn alter(world: &World, from: &str, to: &str, change: impl Fn(&mut Value)) {
    let mut file: Value = serde_json::from_slice(&world.read(from)).unwrap();
    change(&mut file);
    world.write(to, &file.to_string());
}

#[test]
fn a_prediction_is_shown_to_somebody_without_the_weights() {
    let (world, id) = scene();
    let short = &id[..8];
    // Without a proof: a table.
    let table = world.ok(&format!("predict --tree tree {short} --input new.csv"));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines[0], lines.len()), ("y", 4));
    let shown = world.json(&format!("predict --tree tree {short} --input new.csv"));
    let values: Vec<f64> = lines[1..].iter().map(|l| l.parse().unwrap()).collect();
    assert_eq!(
        shown["predictions"],
        json!(values.iter().map(|v| [v]).collect::<Vec<_>>())
    );
    assert_eq!(shown["verified"], false);

    let made = world.json(&format!(
        "predict --tree tree {short} --input new.csv --prove p.json"
    ));
    assert_eq!(made["predictions"], shown["predictions"]);
    let checked = world.json("verify-prediction --tree copy p.json");
    assert_eq!(
        (&checked["id"], &checked["verified"]),
        (&json!(id), &json!(true))
    );
    assert_eq!(checked["predictions"], shown["predictions"]);
    assert_eq!(checked["proof_bytes"], made["proof_bytes"]);
    assert!(checked["soundness"]["bits"].as_f64().unwrap() > 120.0);
    let text = world.ok("verify-prediction --tree copy p.json --data new.csv");
    assert!(
        text.contains("verified") && text.ends_with(lines[3]),
        "{text}"
    );

    // Bob has no weights; nothing is overwritten.
    let refused = world.fails(2, &format!("predict --tree copy {short} --input new.csv"));
    assert!(refused.contains("private part"), "{refused}");
    world.fails(
        2,
        &format!("predict --tree tree {short} --input new.csv --prove p.json"),
    );

    // Other rows, another order, one row less.
    world.write("other.csv", "a,b,c\n2,3.5,1\n0,0.5,3\n6,9.5,2\n");
    let refused = world.fails(1, "verify-prediction --tree copy p.json --data other.csv");
    assert!(refused.contains("row 1 is not that"), "{refused}");
    world.write("less.csv", "a,b,c\n2,3.5,1\n");
    let refused = world.fails(1, "verify-prediction --tree copy p.json --data less.csv");
    assert!(refused.contains("1 rows are not the 3 rows"), "{refused}");

    forged(&world, &id);
}

/// Each field of the file is bound by the proof.
fn forged(world: &World, id: &str) {
    let changes: [(&str, &dyn Fn(&mut Value)); 5] = [
        ("output", &|f| {
            let y = f["claim"]["prediction"]["outputs"]["public"][1][0]
                .as_i64()
                .unwrap();
            f["claim"]["prediction"]["outputs"]["public"][1][0] = json!(y + 1);
        }),
        ("input", &|f| {
            let x = f["claim"]["prediction"]["inputs"]["public"][2][1]
                .as_i64()
                .unwrap();
            f["claim"]["prediction"]["inputs"]["public"][2][1] = json!(x - 1);
        }),
        ("hiding", &|f| f["hiding"] = json!(false)),
        ("row", &|f| {
            for part in ["inputs", "outputs"] {
                let rows = &mut f["claim"]["prediction"][part]["public"];
                rows.as_array_mut().unwrap().pop();
            }
        }),
        ("proof", &|f| {
            let proof = f["proof"].as_str().unwrap().replacen('A', "B", 1);
            f["proof"] = json!(proof);
        }),
    ];
    for (what, change) in changes {
        alter(world, "p.json", "forged.json", change);
        let refused = world.fails(1, "verify-prediction --tree copy forged.json");
        assert!(refused.contains("not proven"), "{what}: {refused}");
    }
    let root = world
        .ids("copy")
        .into_iter()
        .find(|other| other != id)
        .unwrap();
    for (model, reason) in [
        (&*root, "not proven"),
        (&*"0".repeat(64), "not in this tree"),
    ] {
        alter(world, "p.json", "forged.json", |f| {
            f["model"] = json!(model)
        });
        let refused = world.fails(1, "verify-prediction --tree copy forged.json");
        assert!(refused.contains(reason), "{refused}");
    }
    // What says the same to a lenient reader.
    let value: Value = serde_json::from_slice(&world.read("p.json")).unwrap();
    alter(world, "p.json", "same.json", |_| ());
    world.ok("verify-prediction --tree copy same.json");
    let names = ["format", "curve", "model", "hiding", "claim", "proof"];
    let array = json!(names.map(|name| value[name].clone()));
    world.write("forged.json", &array.to_string());
    let lenient: [&dyn Fn(&mut Value); 3] = [
        &|f| *f = array.clone(),
        &|f| f["model"] = json!(id.to_uppercase()),
        &|f| {
            let said = &f["claim"]["prediction"];
            f["claim"]["prediction"] = json!([said["inputs"], said["outputs"]]);
        },
    ];
    for change in lenient {
        alter(world, "p.json", "forged.json", change);
        let refused = world.fails(2, "verify-prediction --tree copy forged.json");
        assert!(refused.contains("not in the form"), "{refused}");
    }
    for (text, reason) in [
        ("{}", "missing field"),
        ("", "EOF"),
        ("[1]", "no proof of a prediction"),
    ] {
        world.write("forged.json", text);
        let refused = world.fails(2, "verify-prediction --tree copy forged.json");
        assert!(refused.contains(reason), "{refused}");
    }
    alter(world, "p.json", "forged.json", |f| f["more"] = json!(1));
    world.fails(2, "verify-prediction --tree copy forged.json");
    alter(world, "p.json", "forged.json", |f| {
        f["claim"]["prediction"]["inputs"]["public"][0] = json!([1]);
    });
    let refused = world.fails(2, "verify-prediction --tree copy forged.json");
    assert!(
        refused.contains("inputs: no rows, or not all of one width"),
        "{refused}"
    );
}

#[test]
fn hidden_rows_stay_hidden() {
    let (world, id) = scene();
    let short = &id[..8];
    for (flags, shown) in [
        ("--hide-input", true),
        ("--hide-output", false),
        ("--hide-input --hide-output", false),
    ] {
        let file = format!("{}.json", flags.replace([' ', '-'], ""));
        world.ok(&format!(
            "predict --tree tree {short} --input new.csv --prove {file} {flags}"
        ));
        let checked = world.json(&format!("verify-prediction --tree copy {file}"));
        assert_eq!(checked["rows"], 3);
        assert_eq!(checked.get("predictions").is_some(), shown, "{flags}");
        let claim: Value = serde_json::from_slice(&world.read(&file)).unwrap();
        let claim = &claim["claim"]["prediction"];
        assert_eq!(
            claim["inputs"].get("public").is_none(),
            flags.contains("input")
        );
        assert_eq!(
            claim["outputs"].get("public").is_none(),
            flags.contains("output")
        );
        if flags.contains("input") {
            let refused = format!("verify-prediction --tree copy {file} --data new.csv");
            assert!(world.fails(1, &refused).contains("committed"));
        }
    }
    let input = "predict --tree tree --input new.csv --hide-input";
    assert_eq!(
        world.run(&format!("{input} {short}")).status.code(),
        Some(2)
    );
}

#[test]
fn an_error_is_proven_on_public_and_on_hidden_data() {
    let (world, id) = scene();
    let short = &id[..8];
    let plain = world.json(&format!("evaluate --tree tree {short} --data bob.csv"));
    let error = plain["mean_squared_error"].as_f64().unwrap();
    assert_eq!(
        (&plain["rows"], &plain["verified"]),
        (&json!(20), &json!(false))
    );
    for (data, flags, file) in [
        ("bob.csv", "", "public.json"),
        ("bob.csv", "--hide-data", "hidden.json"),
        ("alice.csv", "--hide-data", "own.json"),
    ] {
        world.ok(&format!(
            "evaluate --tree tree {short} --data {data} --prove {file} {flags}"
        ));
        let checked = world.json(&format!("verify-prediction --tree copy {file}"));
        assert_eq!(checked["verified"], true);
        let same = checked["mean_squared_error"].as_f64() == Some(error);
        assert_eq!(same, data == "bob.csv");
        let own = match data {
            "alice.csv" => json!([id]),
            _ => Value::Null,
        };
        assert_eq!(checked["trained_on_it"], own);
    }
    let text = world.ok("verify-prediction --tree copy own.json");
    assert!(text.contains("was trained on these data"), "{text}");
    world.ok("verify-prediction --tree copy public.json --data bob.csv");
    let refused = world.fails(
        1,
        "verify-prediction --tree copy public.json --data carol.csv",
    );
    assert!(refused.contains("row 0 is not that"), "{refused}");
    for file in ["public.json", "hidden.json"] {
        alter(&world, file, "forged.json", |f| {
            let sum = f["claim"]["squared_error"]["sum"].as_u64().unwrap();
            f["claim"]["squared_error"]["sum"] = json!(sum - 1);
        });
        let refused = world.fails(1, "verify-prediction --tree copy forged.json");
        assert!(refused.contains("not proven"), "{refused}");
        alter(&world, file, "forged.json", |f| {
            f["claim"]["squared_error"]["features"] = json!(2);
            f["claim"]["squared_error"]["targets"] = json!(2);
        });
        world.fails(1, "verify-prediction --tree copy forged.json");
        alter(&world, file, "forged.json", |f| {
            f["claim"]["squared_error"]["targets"] = json!(7);
        });
        let refused = world.fails(2, "verify-prediction --tree copy forged.json");
        assert!(
            refused.contains("not of 3 features and 7 targets"),
            "{refused}"
        );
    }
}

/// What a node says of its data is not repeated as true before it is verified.
#[test]
fn nodes_that_nobody_verified_are_not_said_to_be_trained_on_data() {
    let (world, id) = scene();
    let short = &id[..12];
    let evaluate = format!("evaluate --tree tree {short} --data alice.csv --hide-data --prove");
    world.ok(&format!("{evaluate} own.json"));
    let forged = ["copy", "tree"].map(|tree| forge(&world, tree, &id));
    for (tree, forged) in ["copy", "tree"].into_iter().zip(&forged) {
        let verify = format!("verify-prediction --tree {tree} own.json");
        let checked = world.json(&verify);
        assert_eq!(checked["trained_on_it"], json!([id]));
        assert_eq!(checked["say_trained_on_it"], json!([forged]));
        let text = world.ok(&verify);
        let said = format!("node {short} was trained on these data");
        assert!(text.contains(&said), "{text}");
        let said = format!(
            "node {} names these data, and was not verified",
            &forged[..12]
        );
        assert!(text.contains(&said), "{text}");
    }
    // Nothing is verified to evaluate: what is not remembered is not said.
    let made = world.json(&format!("{evaluate} again.json"));
    assert_eq!(made["trained_on_it"], json!([id]));
    assert_eq!(made["say_trained_on_it"], json!([forged[1]]));
    let made = world.json(&format!("{evaluate} third.json --no-cache"));
    assert_eq!(made.get("trained_on_it"), None);
    assert_eq!(made["say_trained_on_it"].as_array().unwrap().len(), 2);
}

/// Adds a node that says of itself what another one does, and proves nothing; returns its id.
fn forge(world: &World, tree: &str, id: &str) -> String {
    use zktree::{
        Pallas,
        nn::WeightOpening,
        tree::{AuthorSecret, Child, store::Store},
    };
    let store = Store::<Pallas>::open(world.path(tree)).unwrap();
    let (kept, _) = store.load();
    let id = id.parse().unwrap();
    let (mut node, mut edge) = (
        kept.node(id).unwrap().clone(),
        kept.edge(id).unwrap().clone(),
    );
    let author = AuthorSecret::from_bytes(&[5; 32]);
    (node.author, node.labels.title) = (author.public(), Some("forged".to_owned()));
    edge.signature = author.sign(node.id(&edge));
    let opening = WeightOpening::public(kept.root(node.parent).unwrap().weights().unwrap());
    let child = Child {
        node,
        edge,
        opening,
    };
    store.add_child(&child).unwrap().to_string()
}

/// What a command would cost is said before it is done, and nothing is done.
#[test]
fn a_dry_run_tells_the_size() {
    let (world, id) = scene();
    let short = &id[..8];
    for flags in ["", "--hide-input", "--hide-input --hide-output"] {
        let command =
            format!("predict --tree tree {short} --input new.csv --prove dry.json {flags}");
        let told = world.json(&format!("{command} --dry-run"));
        assert!(!world.path("dry.json").exists());
        let made = world.json(&command);
        assert_eq!(told["proof_bytes"], made["proof_bytes"], "{flags}");
        std::fs::remove_file(world.path("dry.json")).unwrap();
    }
    // Also for who has no weights.
    let text = world.ok(&format!(
        "predict --tree copy {short} --input new.csv --prove p --dry-run"
    ));
    assert!(
        text.contains("parameters       21") && text.contains("time to prove    about"),
        "{text}"
    );

    world.ok("key --out bob.pem");
    let before = world.ids("tree");
    let train = World::train("bob", "tree", short);
    let told = world.json(&format!("{train} --dry-run"));
    assert_eq!(told["proofs"], json!(2));
    assert!(
        told["seconds"].as_f64().unwrap() > 0.0 && told["memory_bytes"].as_u64().unwrap() > 1 << 20
    );
    assert_eq!(world.ids("tree"), before);
    let made = world.json(&train);
    let edge = made["edge_bytes"].as_u64().unwrap();
    let proofs = told["proof_bytes"].as_u64().unwrap();
    // The rest: the data's commitment and range proof, the weights between the segments.
    assert!((proofs..2 * proofs).contains(&edge), "{proofs} {edge}");
}

/// What is wrong with the input is said by file, line and column.
#[test]
fn wrong_input_is_named() {
    let (world, id) = scene();
    let short = &id[..8];
    world.write("narrow.csv", "a,b\n1,2\n");
    let refused = world.fails(
        2,
        &format!("predict --tree tree {short} --input narrow.csv"),
    );
    assert!(
        refused.contains("narrow.csv") && refused.contains('c'),
        "{refused}"
    );
    world.write("far.csv", "a,b,c\n1,2,3\n1e9,2,3\n");
    let refused = world.fails(2, &format!("predict --tree tree {short} --input far.csv"));
    assert!(
        refused.contains("far.csv") && refused.contains("line 3"),
        "{refused}"
    );
    world.write("empty.csv", "a,b,c\n");
    world.fails(2, &format!("predict --tree tree {short} --input empty.csv"));
    let refused = world.fails(2, &format!("evaluate --tree tree {short} --data new.csv"));
    assert!(refused.contains('y'), "{refused}");
    world.fails(2, "verify-prediction --tree copy none.json");
    // A root predicts, too: everyone has its weights.
    let root = world
        .ids("copy")
        .into_iter()
        .find(|other| *other != id)
        .unwrap();
    world.ok(&format!(
        "predict --tree copy {root} --input new.csv --prove root.json"
    ));
    world.ok("verify-prediction --tree tree root.json");
}

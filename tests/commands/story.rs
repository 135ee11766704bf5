//! Three owners with their own directories, keys and data make a tree of four models.
use crate::world::World;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zktree::nn::{FixedPoint, Weights};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The tree of all three in `alice`; ids of the root and of Alice's, Bob's and Carol's models.
fn tell(world: &World) -> [String; 4] {
    let owners = ["alice", "bob", "carol"];
    let roots = owners.map(|owner| {
        let key = world.ok(&format!("key --out {owner}.pem"));
        assert_eq!(key.len(), 64);
        world.init(owner)
    });
    // A root is the same for everyone.
    assert_eq!(roots[0], roots[1]);
    assert_eq!(roots[0], roots[2]);
    let root = roots[0].clone();
    let first = world.ok(&World::train("alice", "alice", &root[..8]));
    world.ok(&format!(
        "export --tree alice {first} --with-opening --out first.safetensors"
    ));
    let [second, third] = ["bob", "carol"].map(|owner| {
        world.ok(&format!("pull --tree {owner} alice"));
        let train = World::train(owner, owner, &first[..8]);
        let refusal = world.fails(2, &train);
        assert!(
            refusal.contains("not in this tree's private part"),
            "{refusal}"
        );
        let id = world.ok(&format!(
            "{train} --opening first.safetensors --publish-loss"
        ));
        world.ok(&format!("pull --tree alice {owner}"));
        id
    });
    [root, first, second, third]
}

#[test]
fn three_owners_make_a_tree() {
    let world = World::new();
    let ids = tell(&world);
    let [root, first, second, third] = &ids;
    assert_eq!(
        world.ids("alice"),
        [root, first, second, third].map(String::clone)
    );
    let verified = world.json("verify --tree alice --no-cache");
    assert_eq!(
        (&verified["edges"], &verified["verified"]),
        (&json!(3), &json!(true))
    );
    let soundness = &verified["soundness"];
    // Three edges of two segments each, and the ranges of three data sets.
    assert_eq!(soundness["proofs"], json!(9));
    assert!(soundness["statistical_bits"].as_f64().unwrap() > 200.0);
    let bits = soundness["bits"].as_f64().unwrap();
    assert!((125.0..128.0).contains(&bits));
    assert!(soundness["parts"].as_array().unwrap().len() > 10);
    let verified = world.json(&format!("verify --tree bob {} --no-cache", &second[..10]));
    assert_eq!(verified["id"], **second);
    assert_eq!(verified["verified"], true);

    world.ok("verify --tree alice");

    pictures(&world, &ids);
    weights(&world, first, third);
    audit(&world, first);
    credit(&world, first, second);
}

fn pictures(world: &World, ids: &[String; 4]) {
    let [root, first, second, third] = ids;
    let text = world.ok("show --tree alice");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("\"bob\": 4 steps on 20 rows of ") && text.contains(", loss "));
    let around = world.json(&format!("show --tree alice {}", &second[..6]));
    let shown: Vec<&Value> = around["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["id"])
        .collect();
    assert_eq!(shown, [root, first, second]);
    for format in ["json", "dot", "svg", "html"] {
        let picture = world.ok(&format!("show --tree alice --format {format}"));
        for id in ids {
            assert!(picture.contains(&id[..12]), "{format} lacks {id}");
        }
    }
    let node = &world.json("show --tree alice")["nodes"][3];
    assert_eq!(node["id"], **third);
    assert_eq!(node["parent"], **first);
    assert_eq!(node["title"], "carol");
    assert_eq!(node["verified"], true);
    assert_eq!(
        (&node["steps"], &node["rows"], &node["batch"]),
        (&json!(4), &json!(20), &json!(4))
    );
    assert!(node["loss"].as_f64().is_some_and(|loss| loss >= 0.0));
}

fn weights(world: &World, first: &str, third: &str) {
    let short = &first[..8];
    world.ok(&format!(
        "export --tree alice {short} --out int.safetensors"
    ));
    world.ok(&format!(
        "export --tree alice {short} --out torch.safetensors --format torch"
    ));
    let report = world.json(&format!(
        "export --tree alice {short} --out again.safetensors"
    ));
    assert_eq!(report["id"], *first);
    assert_eq!(report["sha256"], sha256(&world.read("int.safetensors")));
    let weights = Weights::from_safetensors(&world.read("int.safetensors")).unwrap();
    assert_eq!(weights.architecture().widths(), [3, 4, 1]);
    let torch = safetensors::SafeTensors::deserialize(&world.read("torch.safetensors"))
        .map(|file| {
            let tensor = file.tensor("0.weight").unwrap();
            assert_eq!(
                (tensor.dtype(), tensor.shape()),
                (safetensors::Dtype::F32, &[4, 3][..])
            );
            let first: [u8; 4] = tensor.data()[..4].try_into().unwrap();
            f32::from_le_bytes(first)
        })
        .unwrap();
    let unit = (1_u64 << FixedPoint::compact().weight_bits()) as f32;
    assert!((torch - weights.layers()[0].weight()[0] as f32 / unit).abs() < 1e-6);

    let checked = world.json(&format!(
        "check-weights --tree bob {short} first.safetensors"
    ));
    assert_eq!(
        (&checked["id"], &checked["opens"]),
        (&json!(first), &json!(true))
    );
    let refused = world.fails(
        1,
        &format!(
            "check-weights --tree alice {} first.safetensors",
            &third[..8]
        ),
    );
    assert!(refused.contains("not the weights of node"), "{refused}");
    let mut altered = world.read("first.safetensors");
    // The header behind its length, then the integers.
    let header = u64::from_le_bytes(altered[..8].try_into().unwrap());
    let at = usize::try_from(header).unwrap() + 9;
    altered[at] ^= 1;
    std::fs::write(world.path("altered.safetensors"), altered).unwrap();
    world.fails(
        1,
        &format!("check-weights --tree alice {short} altered.safetensors"),
    );
    let no_opening = world.fails(
        2,
        &format!("check-weights --tree alice {short} int.safetensors"),
    );
    assert!(no_opening.contains("no opening"), "{no_opening}");
    // Bob has no weights of Carol's, and nobody needs an opening of a root.
    let root = world.ids("alice")[0].clone();
    world.ok("pull --tree bob alice");
    world.fails(
        2,
        &format!("export --tree bob {third} --out none.safetensors"),
    );
    assert!(!world.path("none.safetensors").exists());
    world.ok(&format!("export --tree bob {root} --out root.safetensors"));
    world.ok(&format!(
        "check-weights --tree alice {root} root.safetensors"
    ));
    world.fails(
        1,
        &format!("check-weights --tree alice {root} int.safetensors"),
    );
}

fn audit(world: &World, first: &str) {
    let schedule = world.ok(&format!("schedule --tree carol {}", &first[..8]));
    let lines: Vec<Vec<usize>> = schedule
        .lines()
        .map(|line| {
            line.split(',')
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .collect();
    assert_eq!(lines.len(), 4);
    for (step, line) in lines.iter().enumerate() {
        assert_eq!((line[0], line.len()), (step, 5));
        assert!(line[1..].iter().all(|row| *row < 20));
    }
    let listed = world.json(&format!("schedule --tree carol {first}"));
    assert_eq!(listed["steps"][3], json!(lines[3][1..]));

    let arguments = format!("statement --tree alice {} --weights", &first[..8]);
    let statement = world.json(&format!("{arguments} torch.safetensors"));
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let file = json!({
        "name": "torch.safetensors",
        "digest": {"sha256": sha256(&world.read("torch.safetensors"))},
    });
    assert_eq!(statement["subject"][1], file);
    let predicate = &statement["predicate"];
    assert_eq!(predicate["id"], *first);
    assert_eq!(predicate["parents"], json!([world.ids("alice")[0]]));
    assert_eq!(predicate["training"]["steps"], 4);
    let shown = world.json("show --tree alice");
    assert_eq!(predicate["dataset"]["root"], shown["nodes"][1]["dataset"]);
    assert_eq!(predicate["author"]["ed25519"], shown["nodes"][1]["author"]);
    for file in ["int.safetensors", "first.safetensors"] {
        world.ok(&format!("{arguments} {file}"));
    }
    let refused = world.fails(1, &format!("{arguments} root.safetensors"));
    assert!(refused.contains("not an export of node"), "{refused}");
}

fn credit(world: &World, first: &str, second: &str) {
    let (first, second) = (&first[..8], &second[..8]);
    let shown = world.json(&format!(
        "prove-row --tree alice {first} --row 3 --out row.json"
    ));
    assert_eq!(shown["row"], 3);
    assert_eq!(shown["columns"][1]["name"], "b");
    let value = shown["columns"][1]["value"].as_f64().unwrap();
    assert!((value - 9.5).abs() < 0.01, "{value}");
    // Bob has neither the data nor the need of them.
    world.fails(
        2,
        &format!("prove-row --tree bob {first} --row 3 --out bob.json"),
    );
    world.ok(&format!("verify-row --tree bob {first} row.json"));
    world.ok(&format!(
        "verify-row --tree bob {first} row.json --data alice.csv --data-row 3"
    ));
    let other = world.fails(
        1,
        &format!("verify-row --tree bob {first} row.json --data alice.csv"),
    );
    assert!(other.contains("column \"a\""), "{other}");
    let other = world.fails(1, &format!("verify-row --tree bob {second} row.json"));
    assert!(other.contains("the proof is about the data set"), "{other}");
    let proof = String::from_utf8(world.read("row.json")).unwrap();
    world.write("forged.json", &proof.replace("\"row\":3", "\"row\":4"));
    let forged = world.fails(1, &format!("verify-row --tree bob {first} forged.json"));
    assert!(forged.contains("row 4"), "{forged}");
    let range = world.fails(
        2,
        &format!("prove-row --tree alice {first} --row 20 --out r.json"),
    );
    assert!(range.contains("row 20"), "{range}");
}

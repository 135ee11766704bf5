//! Text from outside reaches the terminal without steering it: titles, column names, cells, file names.
use crate::world::World;

/// Characters that move the cursor, reorder a line or cannot be seen; none of them parts arguments.
const STEERING: [char; 30] = [
    '\u{1b}',
    '\u{7}',
    '\u{7f}',
    '\u{9b}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{1160}',
    '\u{17b4}',
    '\u{180b}',
    '\u{180e}',
    '\u{200b}',
    '\u{200d}',
    '\u{200f}',
    '\u{202e}',
    '\u{2060}',
    '\u{2063}',
    '\u{2066}',
    '\u{2069}',
    '\u{206f}',
    '\u{2800}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{feff}',
    '\u{ffa0}',
    '\u{fffa}',
    '\u{fdd0}',
    '\u{e0041}',
    '\u{e0100}',
];

/// What a title cannot have.
fn may_be_in_a_title(c: &char) -> bool {
    !c.is_control()
}

struct Scene {
    world: World,
    /// Root and node.
    ids: [String; 2],
    table: String,
}

impl Scene {
    /// A tree whose root has hostile column names, and a node with a hostile title.
    fn new() -> Self {
        let world = World::new();
        let all: String = STEERING.iter().collect();
        // In a table a name may have several lines, too.
        let table = format!(
            "\"a{all}\",\"b{all}\nverified: all of it\",\"y\u{202e}{all}\"\n1,2,3\n2,1,4\n0,1,2\n3,3,1\n"
        );
        world.write("h.csv", &table);
        let target = format!("y\u{202e}{all}");
        let init = world
            .command("init --tree tree --layers 2,3,1 --seed 7 --normalize h.csv --curve pallas")
            .args(["--target", &target])
            .output()
            .unwrap();
        assert!(init.status.success(), "{init:?}");
        world.ok("key --out k.pem");
        let root = String::from_utf8(init.stdout).unwrap().trim().to_owned();
        let title: String = STEERING.into_iter().filter(may_be_in_a_title).collect();
        let train = world
            .command(&format!(
                "train --tree tree --parent {root} --data h.csv --steps 1 --batch 2 \
                 --learning-rate 0.01 --key k.pem"
            ))
            .args(["--target", &target])
            .args(["--title", &title, "--licence", &title])
            .args(["--note", &format!("a{title}\nverified: all of it")])
            .output()
            .unwrap();
        assert!(train.status.success(), "{train:?}");
        let node = String::from_utf8(train.stdout).unwrap().trim().to_owned();
        Self {
            world,
            ids: [root, node],
            table,
        }
    }

    /// Runs a command and looks at all that it prints.
    fn check(&self, arguments: &str) -> String {
        let output = self.world.run(arguments);
        let mut all = String::new();
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).unwrap();
            if let Some(c) = text.chars().find(|c| STEERING.contains(c)) {
                panic!("{arguments}: U+{:04X} in {text}", u32::from(c));
            }
            let forged = text.lines().any(|line| line.starts_with("verified: all"));
            assert!(!forged, "{arguments}: {text}");
            all += &text;
        }
        assert!(!all.is_empty(), "{arguments}");
        all
    }
}

#[test]
fn what_commands_print_does_not_steer() {
    let scene = Scene::new();
    let [root, node] = &scene.ids;
    let world = &scene.world;
    // Names of files: of what is read, of what is written, of what is not there.
    let file = |name: &str| format!("{name}\u{202e}\u{2066}\u{3164}\u{e0041}\u{1b}\u{ad}");
    let [rows, row, proof, error, opening, none] =
        ["rows", "row", "proof", "error", "opening", "none"].map(file);
    world.write(&rows, &scene.table);
    world.write("bare.csv", "a\n1\n");
    for json in ["", " --json"] {
        for arguments in [
            format!("show --tree tree {node}"),
            "log --tree tree".into(),
            "verify --tree tree".into(),
            format!("statement --tree tree {node}"),
            format!("schedule --tree tree {node}"),
            format!("export --tree tree {node} --with-opening --out {opening}{json}"),
            format!("check-weights --tree tree {node} {opening}"),
            format!("prove-row --tree tree {node} --row 1 --out {row}{json}"),
            format!("verify-row --tree tree {node} {row}{json} --data {rows} --data-row 1"),
            // Another row.
            format!("verify-row --tree tree {node} {row}{json} --data {rows} --data-row 2"),
            format!("verify-row --tree tree {node} {rows}"),
            format!("predict --tree tree {node} --input {rows} --prove {proof}{json}"),
            format!("predict --tree tree {node} --input bare.csv"),
            format!("evaluate --tree tree {node} --data {rows} --hide-data --prove {error}{json}"),
            format!("verify-prediction --tree tree {proof}{json} --data {rows}"),
            format!("verify-prediction --tree tree {error}{json}"),
            format!("verify-prediction --tree tree {none}"),
            format!("show --tree {none}"),
            format!("pull --tree tree {none}"),
            format!("inclusion --tree tree {root}"),
            format!("inclusion --check {rows}"),
            format!("import --tree new {none}.onnx"),
            format!(
                "train --tree tree --parent {root} --data {rows} --target {none} --steps 1 --batch 1 \
                 --learning-rate 0.1 --key k.pem"
            ),
            format!("demo --data {rows}"),
            // What the parser of arguments says.
            format!("schedule --tree tree {none} {none}"),
            format!("show --format {none}"),
            format!("{none} --tree tree"),
            format!("init --tree tree --layers {none} --seed 1 --normalize h.csv --target y"),
        ] {
            scene.check(&format!("{arguments}{json}").replace(&format!("{json}{json}"), json));
        }
    }
    for format in ["text", "json", "dot", "svg", "html"] {
        scene.check(&format!("show --tree tree --format {format}"));
    }
    // Files that a stranger left in the tree.
    world.write(&format!("tree/{none}"), "");
    world.write(&format!("tree/nodes/{none}"), "");
    for json in ["", " --json"] {
        let all = scene.check(&format!("verify --tree tree{json}"));
        assert!(all.contains("none\\u"), "{all}");
    }
}

#[test]
fn json_says_what_was_written() {
    let scene = Scene::new();
    let shown = scene.world.json("show --tree tree");
    let title: String = STEERING.into_iter().filter(may_be_in_a_title).collect();
    assert_eq!(shown["nodes"][1]["title"], title);
}

#[test]
fn scripts_for_shells_are_printed_as_they_are() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(!world.ok(&format!("completions {shell}")).contains("\\u{"));
    }
}

#[test]
fn long_text_is_quoted_in_part() {
    let (world, root) = World::with_root();
    let long = "x".repeat(3_000_000);
    world.write("cell.csv", &format!("a,b,c,y\n1,2,3,4\n1,{long},3,4\n"));
    world.write("column.csv", &format!("a,b,{long},y\n1,2,3,4\n"));
    world.write("twice.csv", &format!("{long},b,{long},y\n1,2,3,4\n"));
    world.write("format.json", &format!("{{\"format\":\"{long}\"}}"));
    world.write("field.json", &format!("{{\"{long}\":1}}"));
    world.write(
        "names.json",
        &format!("{{\"layers\":[{{\"weight\":\"{long}\"}}]}}"),
    );
    let sequential = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/import/sequential.safetensors"
    );
    std::fs::copy(sequential, world.path("s.safetensors")).unwrap();
    let train = World::train("alice", "tree", &root);
    for (status, arguments) in [
        (2, train.replace("alice.csv", "cell.csv")),
        (2, train.replace("alice.csv", "column.csv")),
        (2, train.replace("alice.csv", "twice.csv")),
        (2, "verify-prediction --tree tree format.json".into()),
        (2, "verify-prediction --tree tree field.json".into()),
        (2, "inclusion --check field.json".into()),
        (
            2,
            "import --tree new s.safetensors --names names.json".into(),
        ),
    ] {
        let error = world.fails(status, &arguments);
        assert!(error.len() < 5000, "{arguments}: {} bytes", error.len());
    }
    let error = world.fails(2, &train.replace("alice.csv", "cell.csv"));
    assert!(
        error.contains("cell.csv, line 3, column \"b\": \"xxx"),
        "{error}"
    );
    assert!(
        error.contains("xxx\"... (3000000 bytes) is not a number"),
        "{error}"
    );
}

//! Links, paths and commands in the Markdown files.
use crate::repository::{files, path, read};
use std::path::Path;

/// The text without blocks of code, line by line, and the code.
fn prose_and_code(text: &str) -> (String, String) {
    let (mut prose, mut code, mut inside) = (String::new(), String::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            continue;
        }
        let part = if inside { &mut code } else { &mut prose };
        part.push_str(line);
        part.push('\n');
    }
    (prose, code)
}

/// Targets of `[text](target)`.
fn targets(prose: &str) -> Vec<&str> {
    let ends = prose.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

/// The anchor of a heading, as repository hosts make it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

fn anchors(text: &str) -> Vec<String> {
    let (prose, _) = prose_and_code(text);
    prose
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect()
}

/// Names in backticks that look like paths of the repository.
fn named_paths(prose: &str) -> Vec<&str> {
    let roots = [
        "src/",
        "tests/",
        "benches/",
        "examples/",
        "docs/",
        "data/",
        ".ci/",
        ".cargo/",
    ];
    let quoted = prose.split('`').skip(1).step_by(2);
    quoted
        .filter(|name| roots.iter().any(|root| name.starts_with(root)))
        .filter(|name| !name.contains(['*', ' ', '{', '<']))
        .collect()
}

/// What a file has that leads nowhere.
fn broken(file: &str, text: &str) -> Vec<String> {
    let (prose, _) = prose_and_code(text);
    let dir = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for target in targets(&prose) {
        if target.contains("://")
            || target.starts_with("mailto:")
            || target.contains(char::is_whitespace)
        {
            continue;
        }
        let (name, fragment) = target.split_once('#').unwrap_or((target, ""));
        let linked = if name.is_empty() {
            Path::new(file).to_owned()
        } else {
            dir.join(name)
        };
        let linked = linked.to_string_lossy();
        // `notes` is mounted in the manual: items of the crate are links of rustdoc.
        if name.contains("::")
            || (!name.is_empty() && !name.contains(['.', '/', '-'])) && !path(&linked).exists()
        {
            continue;
        }
        if !path(&linked).exists() {
            found.push(format!("{file}: no file for the link {target}"));
        } else if !fragment.is_empty() {
            let text = if name.is_empty() {
                text.to_owned()
            } else {
                read(&linked)
            };
            if !anchors(&text).iter().any(|a| a == fragment) {
                found.push(format!("{file}: no heading for the link {target}"));
            }
        }
    }
    for name in named_paths(&prose) {
        if !path(name).exists() && !path(&dir.join(name).to_string_lossy()).exists() {
            found.push(format!("{file}: names {name}, which is not there"));
        }
    }
    found
}

/// Whether a program of this kind is in the package.
fn there(kind: &str, name: &str) -> bool {
    let folder = match kind {
        "--bench" => "benches",
        "--example" => "examples",
        "--test" => "tests",
        _ => {
            let manifest = read("Cargo.toml");
            return manifest
                .lines()
                .any(|line| line.starts_with(&format!("{name} = [")));
        }
    };
    [
        format!("{folder}/{name}.rs"),
        format!("{folder}/{name}/main.rs"),
    ]
    .iter()
    .any(|file| path(file).exists())
        || read("Cargo.toml").contains(&format!("path = \"{folder}/{name}"))
        || files(folder, "rs")
            .iter()
            .any(|file| file.ends_with(&format!("/{name}.rs")) && read("Cargo.toml").contains(file))
}

/// Commands of cargo, wherever they are written, that name what is not there.
fn wrong_commands(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for command in text.split("cargo ").skip(1) {
        let end = command
            .find(['`', '\n', '#', '|', ')'])
            .unwrap_or(command.len());
        let words: Vec<&str> = command[..end].split_whitespace().collect();
        let own: Vec<&str> = words
            .iter()
            .copied()
            .take_while(|word| *word != "--")
            .collect();
        for pair in own.windows(2) {
            let kinds = ["--bench", "--example", "--test", "--features"];
            let name = pair[1].trim_end_matches([',', '.', ';']);
            if kinds.contains(&pair[0])
                && !name.chars().any(|c| c.is_uppercase())
                && !there(pair[0], name)
            {
                found.push(format!(
                    "{file}: cargo {}: no {} {name}",
                    own.join(" "),
                    pair[0]
                ));
            }
        }
    }
    found
}

#[test]
fn links_and_paths_in_markdown_lead_somewhere() {
    let all = files(".", "md");
    assert!(all.len() >= 5, "{all:?}");
    let found: Vec<String> = all
        .iter()
        .flat_map(|file| broken(file, &read(file)))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn commands_in_markdown_name_what_is_there() {
    let all = files(".", "md");
    let found: Vec<String> = all
        .iter()
        .flat_map(|file| wrong_commands(file, &read(file)))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn made_up_mistakes_are_found() {
    let text =
        "# A b\n[x](#a-b) [y](README.md) [z](#nowhere) [w](no.md) `src/no.rs` `src/lib.rs`\n";
    let found = broken("CONTRIBUTING.md", text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(
        broken("README.md", "```\n[x](no.md) `src/no.rs`\n```\n"),
        [""; 0]
    );
    let commands =
        "`cargo bench --bench training` cargo run --example no\ncargo check --features count\n";
    let found = wrong_commands("README.md", commands);
    assert_eq!(
        found,
        ["README.md: cargo run --example no: no --example no"]
    );
}

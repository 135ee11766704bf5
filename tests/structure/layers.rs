//! The rules of CONTRIBUTING.md on what a module may use, read from its table.
use crate::{
    repository::{files, read},
    source::{Token, imports, tokens},
};
use std::collections::{BTreeMap, BTreeSet};

type Rules = BTreeMap<String, BTreeSet<String>>;

/// Rows `| module | modules |` below the heading *Modules*.
fn rules(text: &str) -> Rules {
    let (_, section) = text.split_once("\n## Modules\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let module = cells[0].trim().trim_matches('`').to_owned();
        (module, names(cells[1]))
    })
    .collect()
}

/// The top-level module of a file in `src`, and how many modules it is in.
fn place(file: &str) -> (String, usize) {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let parts: Vec<&str> = path.split('/').filter(|part| *part != "mod").collect();
    match parts.as_slice() {
        ["lib" | "main"] => (parts[0].to_owned(), 0),
        _ => (parts[0].to_owned(), parts.len()),
    }
}

/// The line at which a file's tests begin, which are its end or all of it.
fn tests_begin(file: &str, tokens: &[Token]) -> usize {
    let own = file.ends_with("tests.rs") || file.contains("/tests/");
    let mut modules = tokens.windows(3).filter(|three| {
        let texts = [0, 1, 2].map(|k| three[k].text.as_str());
        texts == ["mod", "tests", "{"]
    });
    match own {
        true => 0,
        false => modules.next().map_or(usize::MAX, |three| three[0].line),
    }
}

/// Violations in a file, one line each.
fn violations(file: &str, source: &str, rules: &Rules) -> Vec<String> {
    let (module, depth) = place(file);
    let tokens = tokens(source);
    let mut found = Vec::new();
    let opens = tokens.windows(3).filter(|three| {
        let path = [0, 1, 2].map(|k| three[k].text.as_str());
        matches!(
            path,
            ["File", "::", "open" | "options" | "create" | "create_new"]
                | ["fs", "::", "read" | "read_to_string" | "write"]
                | ["OpenOptions", "::", "new"]
        )
    });
    let tests = tests_begin(file, &tokens);
    for token in opens
        .filter(|_| file != "src/files.rs")
        .map(|three| &three[0])
    {
        if token.line < tests {
            let rule = "files are opened by src/files.rs alone";
            found.push(format!("{file}:{}: {rule}", token.line));
        }
    }
    for token in &tokens {
        let rule = match token.text.as_str() {
            "merlin" if module != "transcript" => "only src/transcript.rs names merlin",
            "unsafe" if !file.starts_with("src/poly/simd/") => "unsafe is in src/poly/simd alone",
            "ark_ec" if ["poly", "sumcheck", "gkr"].contains(&module.as_str()) => {
                "curves are used in commit and above"
            }
            _ => continue,
        };
        found.push(format!("{file}:{}: {rule}", token.line));
    }
    if ["lib", "main"].contains(&module.as_str()) {
        return found;
    }
    let Some(allowed) = rules.get(&module) else {
        found.push(format!("{file}: `{module}` is not in the table of modules"));
        return found;
    };
    for (used, line) in imports(&tokens, depth) {
        // Names of the crate's root that are not modules: its two curves.
        if rules.contains_key(&used) && used != module && !allowed.contains(&used) {
            found.push(format!("{file}:{line}: `{module}` may not use `{used}`"));
        }
    }
    found
}

#[test]
fn modules_use_what_the_table_allows() {
    let rules = rules(&read("CONTRIBUTING.md"));
    let sources: Vec<String> = files("src", "rs");
    assert!(sources.len() > 50, "{sources:?}");
    let found: Vec<String> = sources
        .iter()
        .flat_map(|file| violations(file, &read(file), &rules))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    let mut rest = rules(&read("CONTRIBUTING.md"));
    while !rest.is_empty() {
        let free = rest
            .iter()
            .find(|(_, uses)| uses.iter().all(|used| !rest.contains_key(used)));
        let free = free.map(|(module, _)| module.clone());
        rest.remove(&free.unwrap_or_else(|| panic!("a cycle in {rest:?}")));
    }
}

#[test]
fn made_up_violations_are_found_where_they_are() {
    let rules =
        rules("\n## Modules\n| `poly` | |\n| `gkr` | `poly` |\n| `nn` | `gkr` |\n| `commit` | |\n");
    let check = |file: &str, source: &str| violations(file, source, &rules);
    let edge = "`gkr` may not use `nn`";
    for (source, line) in [
        ("use crate::nn::X;", 1),
        ("\nuse crate::{poly::{a, nn}, nn::b};", 2),
        ("fn f() {\n\n crate::nn::f() }", 3),
        ("use super::super::nn;", 1),
        ("mod a { use super::super::super::nn::x; }", 1),
        ("/* \" */ const C: char = '\"'; use crate::nn; // \"", 1),
    ] {
        assert_eq!(
            check("src/gkr/a.rs", source),
            [format!("src/gkr/a.rs:{line}: {edge}")]
        );
    }
    for source in [
        "// use crate::nn;\n/* a /* b */ crate::nn */",
        "const A: &str = \"crate::nn\"; const B: &str = r#\"\" crate::nn\"#;",
        "use super::nn; pub(crate) fn nn() {}",
        "use crate::{poly::nn, gkr::nn};",
        "mod a { use super::super::nn; }",
    ] {
        assert_eq!(check("src/gkr/a.rs", source), [""; 0], "{source}");
    }
    for (file, source) in [
        ("src/gkr/a.rs", "use merlin::Transcript;"),
        ("src/nn/a.rs", "unsafe {}"),
        ("src/poly/mod.rs", "use ark_ec::CurveGroup;"),
        ("src/other.rs", ""),
        ("src/nn/a.rs", "let f = std::fs::File::open(path);"),
        ("src/gkr/a.rs", "fs::read(path)"),
        ("src/gkr/a.rs", "OpenOptions::new()"),
    ] {
        assert_eq!(check(file, source).len(), 1, "{file}: {source}");
    }
    assert_eq!(check("src/poly/simd/a.rs", "unsafe {}"), [""; 0]);
    for source in [
        "files::open(p)",
        "fs::read_dir(d)",
        "mod tests { fs::read(p) }",
    ] {
        assert_eq!(check("src/nn/a.rs", source), [""; 0]);
    }
}

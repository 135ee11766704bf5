//! The rules of CONTRIBUTING.md on what a module may use, read from its table.
use crate::{
    repository::{files, read},
    source::{Token, paths, tokens},
};
use std::collections::{BTreeMap, BTreeSet};

type Rules = BTreeMap<String, BTreeSet<String>>;

/// Rows `| module | modules |` below a heading.
fn rules(text: &str, heading: &str) -> Rules {
    let heading = format!("\n## {heading}\n");
    let (_, section) = text.split_once(&heading).expect("a section");
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

/// The module of a file in `src`, from the crate's root.
fn place(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let parts = path.split('/').filter(|part| *part != "mod");
    match path {
        "lib" | "main" => Vec::new(),
        _ => parts.map(str::to_owned).collect(),
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
    let path = place(file);
    let module = path.first().cloned().unwrap_or_default();
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
    if path.is_empty() {
        return found;
    }
    let Some(allowed) = rules.get(&module) else {
        found.push(format!("{file}: `{module}` is not in the table of modules"));
        return found;
    };
    for (used, line) in paths(&tokens, &path) {
        // Names of the crate's root that are not modules: its two curves.
        let used = &used[0];
        if rules.contains_key(used) && *used != module && !allowed.contains(used) {
            found.push(format!("{file}:{line}: `{module}` may not use `{used}`"));
        }
    }
    found
}

/// What is not there but for tests.
fn is_for_tests(file: &str) -> bool {
    let parts = ["tests", "cheats", "soundness", "forger", "naive"];
    place(file)
        .iter()
        .any(|part| parts.contains(&part.as_str()))
}

/// Violations in a file of `nn` of the rules of its submodules, one line each.
fn violations_in_nn(file: &str, source: &str, rules: &Rules) -> Vec<String> {
    let path = place(file);
    let [_, module, ..] = path.as_slice() else {
        return Vec::new();
    };
    let mut tokens = tokens(source);
    let end = tests_begin(file, &tokens);
    tokens.retain(|token| token.line < end);
    let names = |name: &str| tokens.iter().find(|token| token.text == name);
    let mut found = Vec::new();
    let mut fault = |line: usize, what: String| found.push(format!("{file}:{line}: {what}"));
    for five in tokens.windows(4) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| five[k].text.as_str());
        // Openings have a `commit` without arguments.
        let commits = (a, b, c) == (".", "push_gadget", "(")
            || (a, b, c) == (".", "commit", "(") && d != ")" && names("Program").is_some();
        if commits && module != "gadget" {
            fault(five[0].line, "only a gadget commits".into());
        }
    }
    if let (Some(_), Some(token)) = (names("Program"), names("Relation"))
        && module != "lower"
    {
        let what = "only `lower` knows both programs and relations";
        fault(token.line, what.into());
    }
    let Some(allowed) = rules.get(module) else {
        return found;
    };
    for (used, line) in paths(&tokens, &path) {
        let (whole, within) = (used.join("::"), used.get(1));
        let may = match used[0].as_str() {
            "nn" => within.is_none_or(|used| used == module || allowed.contains(used)),
            _ => allowed
                .iter()
                .any(|path| whole == *path || whole.starts_with(&format!("{path}::"))),
        };
        if !may {
            fault(line, format!("`{module}` may not use `{whole}`"));
        }
    }
    found
}

/// Provers that a verifier's file names: it must not.
fn provers(file: &str, source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let end = tests_begin(file, &tokens);
    let prover = |path: &[String]| {
        path.iter()
            .any(|part| ["prover", "prove"].contains(&part.as_str()))
            || path.last().is_some_and(|last| last.ends_with("Prover"))
    };
    let named = paths(&tokens, &place(file)).into_iter();
    let named = named.filter(|(path, line)| *line < end && prover(path));
    named
        .map(|(path, line)| format!("{file}:{line}: a verifier names `{}`", path.join("::")))
        .collect()
}

#[test]
fn parts_of_nn_use_what_the_table_allows() {
    let rules = rules(&read("CONTRIBUTING.md"), "Modules of `nn`");
    for module in ["program", "op", "model", "optimise", "tensor", "gadget"] {
        assert!(rules.contains_key(module), "{module}");
    }
    let sources = files("src/nn", "rs").into_iter();
    let found: Vec<String> = sources
        .filter(|file| !is_for_tests(file))
        .flat_map(|file| violations_in_nn(&file, &read(&file), &rules))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn verifiers_name_no_prover() {
    let is_verifier = |file: &String| {
        let name = place(file).pop();
        !file.starts_with("src/cli/") && name.is_some_and(|name| name.starts_with("verif"))
    };
    let verifiers: Vec<String> = files("src", "rs").into_iter().filter(is_verifier).collect();
    assert!(verifiers.len() >= 5, "{verifiers:?}");
    let found: Vec<String> = verifiers
        .iter()
        .flat_map(|file| provers(file, &read(file)))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn made_up_violations_in_nn_are_found() {
    let rules = rules(
        "\n## Modules of `nn`\n| `op` | `gkr::function`, `program` |\n| `tensor` | |\n",
        "Modules of `nn`",
    );
    let check = |file: &str, source: &str| violations_in_nn(file, source, &rules);
    for (file, source) in [
        ("src/nn/op/a.rs", "use crate::nn::relation::Relation;"),
        ("src/nn/op/a.rs", "use crate::{nn::{program, lower::Cut}};"),
        ("src/nn/op/a.rs", "use super::super::lower;"),
        ("src/nn/op/mod.rs", "use super::lower;"),
        ("src/nn/op/a.rs", "use crate::gkr::table::Signed;"),
        ("src/nn/op/a.rs", "crate::commit::msm()"),
        ("src/nn/tensor.rs", "use super::program::Value;"),
        (
            "src/nn/op/a.rs",
            "fn f(p: &mut Program) { p.commit(name, axes) }",
        ),
        ("src/nn/other.rs", "p.push_gadget(gadget)"),
        ("src/nn/other.rs", "fn f(p: Program, r: Relation) {}"),
    ] {
        assert_eq!(check(file, source).len(), 1, "{file}: {source}");
    }
    for (file, source) in [
        (
            "src/nn/op/a.rs",
            "use crate::{gkr::function::Function, nn::program::{self, Value}};",
        ),
        (
            "src/nn/op/a.rs",
            "use super::{Op, b::c}; use super::super::program::Program;",
        ),
        ("src/nn/op/a.rs", "mod tests { use crate::nn::lower; }"),
        (
            "src/nn/gadget/mod.rs",
            "p.commit(name, axes); p.push_gadget(g)",
        ),
        ("src/nn/lower/mod.rs", "fn f(p: Program, r: Relation) {}"),
        (
            "src/nn/other.rs",
            "opening.commit(); use super::relation::Relation;",
        ),
        ("src/nn/mod.rs", "pub use proof::SegmentProver;"),
    ] {
        assert_eq!(check(file, source), [""; 0], "{file}: {source}");
    }
    let named = |source| provers("src/gkr/verifier.rs", source).len();
    assert_eq!(
        named("use super::prover::f; use crate::nn::SegmentProver;"),
        2
    );
    assert_eq!(named("use super::{prove, c};"), 1);
    assert_eq!(
        named("use super::claim; mod tests { use super::prover; }"),
        0
    );
}

#[test]
fn modules_use_what_the_table_allows() {
    let rules = rules(&read("CONTRIBUTING.md"), "Modules");
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
    let mut rest = rules(&read("CONTRIBUTING.md"), "Modules");
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
    let table =
        "\n## Modules\n| `poly` | |\n| `gkr` | `poly` |\n| `nn` | `gkr` |\n| `commit` | |\n";
    let rules = rules(table, "Modules");
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

//! What a verifier refuses is one of the named checks, each of which has a cheat.
use crate::repository::{files, read};

/// Calls that make a check, with its name among the arguments.
const MAKERS: [&str; 7] = [
    "assert_zero(",
    "assert_equal(",
    "assert_nonzero(",
    ".lookup(",
    ".equal(",
    ".vanish(",
    "is_made(",
];

/// The arguments of each call of `name` in `source`, with the line of the call.
fn arguments<'a>(source: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices(name) {
        let rest = &source[at + name.len()..];
        let mut depth = 1;
        let end = rest.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let line = source[..at].matches('\n').count() + 1;
        found.push((line, &rest[..end.unwrap_or(rest.len())]));
    }
    found
}

/// The part of a file that is not for its tests.
fn without_tests(source: &str) -> &str {
    let end = source.find("#[cfg(test)]\nmod tests {");
    &source[..end.unwrap_or(source.len())]
}

fn is_test(file: &str) -> bool {
    ["tests", "cheats", "soundness"]
        .iter()
        .any(|part| file.split(['/', '.']).any(|p| p == *part))
}

/// Checks that are made by a name of their own.
fn unnamed(file: &str, source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in MAKERS {
        for (line, arguments) in arguments(without_tests(source), name) {
            if arguments.contains('"') {
                found.push(format!("{file}:{line}: a check that is no `Check`"));
            }
        }
    }
    let may = ["src/transcript.rs", "src/error.rs"].contains(&file);
    if !may && without_tests(source).contains("CheckFailed { check") {
        found.push(format!("{file}: a check that the transcript does not make"));
    }
    found
}

#[test]
fn checks_have_names() {
    let sources = files("src", "rs");
    let sources = sources.iter().filter(|file| !is_test(file));
    let found: Vec<String> = sources
        .flat_map(|file| unnamed(file, &read(file)))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn made_up_checks_are_found() {
    let source = "fn f() {\n    c.assert_zero(\n        g(x),\n        \"mine\",\n    )?;\n}";
    assert_eq!(unnamed("src/a.rs", source).len(), 1);
    assert_eq!(
        unnamed("src/a.rs", "c.assert_zero(g(x), Check::Mine.name())").len(),
        0
    );
    assert_eq!(
        unnamed("src/a.rs", "VerifyError::CheckFailed { check }").len(),
        1
    );
    let tests = "#[cfg(test)]\nmod tests { fn f() { c.assert_zero(x, \"mine\") } }";
    assert_eq!(unnamed("src/a.rs", tests).len(), 0);
    assert!(is_test("src/nn/soundness/cheats.rs") && !is_test("src/nn/grid.rs"));
}

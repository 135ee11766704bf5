//! One file of the program writes to the terminal: what comes from outside cannot pass it by.
use crate::{
    repository::{files, read},
    source::tokens,
};

#[test]
fn one_file_writes_to_the_terminal() {
    let words = [
        "stdout", "stderr", "print", "println", "eprint", "eprintln", "dbg",
    ];
    let mut found = Vec::new();
    let (mut own, output) = (0, "src/cli/output.rs");
    for file in files("src/cli", "rs")
        .iter()
        .chain(&["src/main.rs".to_owned()])
    {
        let tokens = tokens(&read(file));
        for (k, token) in tokens.iter().enumerate() {
            let next = tokens.get(k + 1).map_or("", |next| next.text.as_str());
            // `fn print` and `output::print` are other things than `print!`.
            let is_macro = next == "!";
            let is_stream = matches!(token.text.as_str(), "stdout" | "stderr") && next == "(";
            if words.contains(&token.text.as_str()) && (is_macro || is_stream) {
                match file == output {
                    true => own += 1,
                    false => found.push(format!("{file}:{}", token.line)),
                }
            }
        }
    }
    assert!(own >= 3, "{output} writes to both streams");
    assert_eq!(found, [""; 0], "write with the functions of {output}");
}

//! Reads a source file as far as the rules need: its words and signs, each with its line.

/// A word or a sign, and its line from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// What a file consists of, without comments, strings and character literals.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let (mut tokens, mut line, mut at) = (Vec::new(), 1, 0);
    while at < chars.len() {
        let end = token_end(&chars, at);
        let text: String = chars[at..end].iter().collect();
        let skipped = chars[at].is_whitespace()
            || text.starts_with("//")
            || text.starts_with("/*")
            || text.ends_with('"')
            || text.starts_with('\'');
        let newlines = text.matches('\n').count();
        if !skipped {
            tokens.push(Token { text, line });
        }
        line += newlines;
        at = end;
    }
    tokens
}

/// Where the token that starts here ends.
fn token_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let word = |c: &char| c.is_alphanumeric() || *c == '_';
    let starts = |text: &str| text.chars().eq(rest.iter().copied().take(text.len()));
    let length = if starts("//") {
        rest.iter().take_while(|c| **c != '\n').count()
    } else if starts("/*") {
        block_comment(rest)
    } else if let Some(length) = raw_string(rest) {
        length
    } else if starts("\"") || starts("b\"") {
        quoted(rest, '"')
    } else if starts("'") && (rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'')) {
        quoted(rest, '\'')
    } else if starts("'") {
        1 + rest[1..].iter().take_while(|c| word(c)).count()
    } else if word(&rest[0]) {
        rest.iter().take_while(|c| word(c)).count()
    } else if starts("::") {
        2
    } else {
        1
    };
    at + length
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..].get(..2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of `r"..."`, with any number of `#`, if one starts here.
fn raw_string(rest: &[char]) -> Option<usize> {
    let begin = rest.iter().take_while(|c| **c == 'b').count();
    if begin > 1 || rest.get(begin) != Some(&'r') {
        return None;
    }
    let hashes = rest[begin + 1..].iter().take_while(|c| **c == '#').count();
    let open = begin + 1 + hashes;
    if rest.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: &usize| {
        rest[*at] == '"'
            && rest[at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    };
    let end = (open + 1..rest.len()).find(closes)?;
    Some(end + 1 + hashes)
}

/// The length of a literal in these quotes.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1 + rest.iter().take_while(|c| **c != quote).count();
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Top-level modules that a file names by `crate::` or by `super::`, with lines. `depth` is the
/// number of modules that the file is in: 0 for `src/lib.rs`, 2 for `src/nn/data.rs`.
pub fn imports(tokens: &[Token], depth: usize) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    // Modules inside the file: at how many open braces each ends.
    let (mut inner, mut braces) = (Vec::new(), 0);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        match text(at) {
            "mod" if text(at + 2) == "{" => inner.push(braces),
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if inner.last() == Some(&braces) {
                    inner.pop();
                }
            }
            // `pub(crate)` and `crate!` have no `::` behind.
            "crate" if text(at + 1) == "::" => heads(tokens, at + 2, &mut found),
            "super" if at == 0 || text(at - 1) != "::" => {
                let mut ups = 1;
                while text(at + 1) == "::" && text(at + 2) == "super" {
                    (ups, at) = (ups + 1, at + 2);
                }
                if ups == depth + inner.len() && text(at + 1) == "::" {
                    heads(tokens, at + 2, &mut found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The first words of a path, or of each path in braces.
fn heads(tokens: &[Token], at: usize, found: &mut Vec<(String, usize)>) {
    let mut push = |token: &Token| found.push((token.text.clone(), token.line));
    match tokens.get(at) {
        Some(token) if token.text == "{" => {
            let (mut depth, mut first) = (0, false);
            for token in &tokens[at..] {
                match token.text.as_str() {
                    "{" => (depth, first) = (depth + 1, depth == 0),
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    "," if depth == 1 => first = true,
                    _ if first => {
                        push(token);
                        first = false;
                    }
                    _ => {}
                }
            }
        }
        Some(token) => push(token),
        None => {}
    }
}

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

/// What a file of this module names by `crate::` or by `super::`, as paths from the crate's root, with lines.
pub fn paths(tokens: &[Token], module: &[String]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    // Modules inside the file: the name of each, and at how many open braces it ends.
    let (mut inner, mut braces) = (Vec::new(), 0);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        match text(at) {
            "mod" if text(at + 2) == "{" => inner.push((text(at + 1).to_owned(), braces)),
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if inner.last().is_some_and(|(_, end)| *end == braces) {
                    inner.pop();
                }
            }
            // `pub(crate)` and `crate!` have no `::` behind.
            "crate" if text(at + 1) == "::" => drop(tree(tokens, at + 2, &[], &mut found)),
            "super" if at == 0 || text(at - 1) != "::" => {
                let names = inner.iter().map(|(name, _)| name);
                let mut here: Vec<String> = module.iter().chain(names).cloned().collect();
                let mut outside = here.pop().is_none();
                while text(at + 1) == "::" && text(at + 2) == "super" {
                    outside |= here.pop().is_none();
                    at += 2;
                }
                if !outside && text(at + 1) == "::" {
                    tree(tokens, at + 2, &here, &mut found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads a path, or all paths in braces, behind `prefix`; returns where they end.
fn tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &[String],
    found: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let is_word = |text: &str| text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    match text(at) {
        "{" => {
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                at = match text(at) {
                    "as" => at + 2,
                    "," => at + 1,
                    _ => tree(tokens, at, prefix, found),
                };
            }
            at + 1
        }
        "*" | "self" => {
            found.push((prefix.to_vec(), tokens[at].line));
            at + 1
        }
        word if is_word(word) => {
            let path = [prefix, &[word.to_owned()]].concat();
            let goes_on = text(at + 1) == "::"
                && (is_word(text(at + 2)) || matches!(text(at + 2), "{" | "*"));
            if goes_on {
                return tree(tokens, at + 2, &path, found);
            }
            found.push((path, tokens[at].line));
            at + 1
        }
        _ => at + 1,
    }
}

//! Text from outside, made fit to be shown: titles and column names of strangers, cells, file names.
//!
//! On a terminal some characters do more than stand there: controls move the cursor, bidirectional
//! ones reorder a line, others cannot be seen, so that two texts look alike. [`visible`] shows each
//! by its number. The program puts all that it prints through [`lines`] or [`visible`], and JSON
//! through [`spelled`], where it writes to the terminal; errors quote with [`quoted`], which also
//! cuts what is long.
//!
//! Which characters: those with the Unicode property *Default_Ignorable_Code_Point*, of the general
//! categories *Control*, *Format*, *Line Separator* and *Paragraph Separator*, noncharacters, and
//! U+2800, a Braille cell without dots. The table is of Unicode 16; a test compares it with the one
//! in `regex-syntax`. Spaces of all widths are left as they are: they show as gaps.
use std::fmt::Write;

/// Ranges of characters that steer or cannot be seen, first and last.
const STEERING: [(char, char); 28] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
];

fn steers(c: char) -> bool {
    // Most text.
    if matches!(c, ' '..='~') {
        return false;
    }
    let in_table = STEERING
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&c));
    let tag_or_selector = ('\u{e0000}'..='\u{e0fff}').contains(&c);
    // The last two of each plane.
    let noncharacter = u32::from(c) & 0xfffe == 0xfffe;
    in_table || tag_or_selector || noncharacter
}

/// Text on one line, in which characters that steer a terminal, reorder a line or cannot be seen are
/// replaced by their numbers: nothing that a stranger wrote does more than stand there.
pub fn visible(text: &str) -> String {
    shown(text, |_| false)
}

/// The same for text of several lines, perhaps with tabs.
pub fn lines(text: &str) -> String {
    shown(text, |c| matches!(c, '\n' | '\t'))
}

fn shown(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) && !kept(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

/// Characters of a quotation.
const MOST_QUOTED: usize = 80;

/// Text in quotation marks for an error, escaped; of long text the beginning, and how long it is.
pub fn quoted(text: &str) -> String {
    let start: String = text.chars().take(MOST_QUOTED).collect();
    let mut quoted = visible(&format!("{start:?}"));
    if start.len() < text.len() {
        // Writing to a string does not fail.
        let _ = write!(quoted, "... ({} bytes)", text.len());
    }
    quoted
}

/// Names in quotation marks, as [`quoted`] does, separated by commas; of many the first.
pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    let shown = names.iter().take(MOST_LISTED).map(|n| quoted(n.as_ref()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST_LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// Names in a list.
const MOST_LISTED: usize = 20;

/// The same JSON, in which characters that steer are spelled by their numbers: it may be read on a
/// terminal. JSON itself has those below U+0020 between its values alone.
pub fn spelled(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match steers(c) && c >= '\u{20}' {
            true => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            false => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_syntax::hir::{Class, HirKind};
    use std::collections::BTreeSet;

    /// Every character with one of these properties.
    fn with_properties(class: &str) -> BTreeSet<char> {
        let hir = regex_syntax::parse(class).unwrap();
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else {
            panic!("{hir:?}");
        };
        let ranges = class.ranges().iter();
        ranges.flat_map(|r| r.start()..=r.end()).collect()
    }

    #[test]
    fn characters_that_steer_are_those_with_the_properties() {
        let expected = with_properties(
            r"[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{2800}]",
        );
        let found: BTreeSet<char> = ('\0'..=char::MAX).filter(|c| steers(*c)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_invisible_is_left() {
        for c in ('\0'..=char::MAX).filter(|c| steers(*c)) {
            let number = format!("a\\u{{{:x}}}b", u32::from(c));
            let text = format!("a{c}b");
            assert_eq!(visible(&text), number);
            assert!(!quoted(&text).contains(c));
            let kept = matches!(c, '\n' | '\t');
            assert_eq!(lines(&text), if kept { text.clone() } else { number });
            let json = spelled(&serde_json::to_string(&text).unwrap());
            assert!(!json.contains(c), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
        let plain =
            "Größe, naïve, 学習, \u{915}\u{94d}\u{937}, \u{5d0}, \u{1f600}, e\u{301}\u{a0}x";
        for show in [visible, lines, spelled] {
            assert_eq!(show(plain), plain);
            assert_eq!(show(&show("\u{202e}x")), show("\u{202e}x"));
        }
    }

    #[test]
    fn quotations_are_short() {
        assert_eq!(quoted("a\"b\n\u{3164}"), r#""a\"b\n\u{3164}""#);
        let long = "x".repeat(3_000_000);
        let expected = format!("\"{}\"... (3000000 bytes)", "x".repeat(80));
        assert_eq!(quoted(&long), expected);
        assert_eq!(list(&["a", "b"]), r#""a", "b""#);
        let many = vec![long; 30];
        assert!(list(&many).ends_with(" and 10 more") && list(&many).len() < 4000);
    }
}

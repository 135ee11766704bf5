//! Text for people: tables, sizes, colours, errors. The only place where the program writes to the
//! terminal.
use super::{Ended, Failure};
use serde::Serialize;
use std::{
    error::Error,
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::Duration,
};
use zktree::text::{lines, spelled, visible};

/// How a piece of text looks, if standard output is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    /// A heading.
    Bold,
    /// Good news.
    Green,
    /// Bad news.
    Red,
}

/// Standard output. What cannot be written is remembered and the rest left out: a command comes to its
/// verdict whether anybody reads it or not. Whatever is in a text from outside does not steer the
/// terminal.
#[derive(Debug, Default)]
pub struct Printer {
    failed: Option<io::Error>,
}

impl Printer {
    /// Whether what is printed is still written.
    pub fn is_read(&self) -> bool {
        self.failed.is_none()
    }

    /// Writes a text.
    pub fn print(&mut self, text: &impl Display) {
        self.print_styled(&[(Style::Plain, &text.to_string())]);
    }

    /// Writes pieces of text. Colours come from the styles alone: a piece is made visible before.
    pub fn print_styled(&mut self, pieces: &[(Style, &str)]) {
        if self.is_read() {
            let colours = colours();
            let pieces = pieces.iter();
            let text: String = pieces
                .map(|(style, text)| style.apply(colours, &lines(text)))
                .collect();
            let mut out = io::stdout().lock();
            self.failed = write!(out, "{text}").and_then(|()| out.flush()).err();
        }
    }

    /// Writes one JSON object.
    pub fn print_json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(json) => self.print(&(spelled(&json) + "\n")),
            Err(error) => self.failed = self.failed.take().or(Some(error.into())),
        }
    }

    /// Ends the command.
    pub fn end(self, verdict: Result<(), Failure>) -> Ended {
        Ended::new(verdict, self.failed)
    }
}

/// Ends a command that gives no verdict, by printing this.
pub fn print(text: &impl Display) -> Ended {
    let mut printer = Printer::default();
    printer.print(text);
    printer.end(Ok(()))
}

/// Longest line of complaint, in bytes; errors of other libraries may quote all that they read.
const MAX_COMPLAINT: usize = 1 << 13;

/// Writes one line to standard error, whatever is in the text. If it cannot be written, the exit
/// status still tells.
pub fn complain(text: &impl Display) {
    let text = text.to_string();
    let line = match text.len() > MAX_COMPLAINT {
        true => {
            let start: String = text.chars().take(MAX_COMPLAINT / 4).collect();
            format!("{}... ({} bytes)", visible(&start), text.len())
        }
        false => visible(&text),
    };
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes what the parser of arguments says, of several lines.
pub fn complain_of_usage(error: &clap::Error) {
    let _ = write!(std::io::stderr(), "{}", lines(&error.to_string()));
}

/// How many nodes are refused because they descend from one that is, said behind its error.
pub fn descendants(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "; and 1 that descends from it".to_owned(),
        count => format!("; and {count} that descend from it"),
    }
}

/// An error and its causes, each that its effect does not quote already.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        cause = error.source();
    }
    text
}

fn colours() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !no_color
}

impl Style {
    fn apply(self, colours: bool, text: &str) -> String {
        let code = match self {
            _ if !colours => return text.to_owned(),
            Self::Plain => return text.to_owned(),
            Self::Bold => 1,
            Self::Green => 32,
            Self::Red => 31,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A table with its first row as header; the first column to the left, the others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (k, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate();
        let cells: Vec<String> = cells
            .map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text += format!("  {}\n", cells.join("  ")).as_str();
        if k == 0 {
            let line: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            text += format!("  {}\n", line.join("  ")).as_str();
        }
    }
    text
}

/// `1.23 s`, `45 ms` or `0.67 ms`.
pub fn time(duration: Duration) -> String {
    match duration.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.01 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.2} ms", s * 1e3),
    }
}

/// Bytes in units of 1000.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned() {
        let rows = [vec!["run", "loss"], vec!["R_1", "1"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(table(&rows), "  run  loss\n  ───  ────\n  R_1     1\n");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn numbers_have_units() {
        assert_eq!(time(Duration::from_millis(1234)), "1.23 s");
        assert_eq!(time(Duration::from_millis(45)), "45 ms");
        assert_eq!(time(Duration::from_micros(670)), "0.67 ms");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(12_345), "12.3 kB");
        assert_eq!(size(1_234_567), "1.23 MB");
    }
}

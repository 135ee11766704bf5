//! Text for people: tables, sizes, colours, errors.
use super::{Ended, Failure};
use std::{
    error::Error,
    fmt::Display,
    io::{self, BufWriter, IsTerminal, Write},
    time::Duration,
};

/// Standard output. What cannot be written is remembered and the rest left out: a command comes to its
/// verdict whether anybody reads it or not.
#[derive(Debug, Default)]
pub struct Printer {
    failed: Option<io::Error>,
}

impl Printer {
    /// Writes what is computed on the way, unless something could not be written before.
    pub fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.failed.is_none() {
            let mut out = BufWriter::new(io::stdout().lock());
            self.failed = write(&mut out).and_then(|()| out.flush()).err();
        }
    }

    /// Writes a text.
    pub fn print(&mut self, text: &impl Display) {
        self.write(|out| write!(out, "{text}"));
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

/// Writes a line to standard error. If that cannot be written, the exit status still tells.
pub fn complain(text: &impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
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

/// Colours, if standard output is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// Looks at terminal and environment.
    pub fn detect() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !no_color)
    }

    fn with(self, code: u8, text: &str) -> String {
        match self.0 {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.with(1, text)
    }

    /// Good news.
    pub fn green(self, text: &str) -> String {
        self.with(32, text)
    }

    /// Bad news.
    pub fn red(self, text: &str) -> String {
        self.with(31, text)
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

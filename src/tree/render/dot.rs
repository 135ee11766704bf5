//! The tree for Graphviz.
use super::{Entry, Picture, hue, number, short, visible};

impl Picture {
    /// A directed graph in the DOT language, from parents to children.
    pub fn dot(&self) -> String {
        let mut dot =
            "digraph zktree {\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
                .to_owned();
        for entry in &self.nodes {
            let label: Vec<String> = entry.lines().iter().map(|line| quoted(line)).collect();
            let colour = match entry.author() {
                // Graphviz takes hue, saturation and value between 0 and 1.
                Some(author) => format!("{:.3} 0.6 0.7", f64::from(hue(author)) / 360.0),
                None => "gray".to_owned(),
            };
            dot += &format!(
                "  \"{}\" [label=\"{}\", color=\"{colour}\"];\n",
                entry.id,
                label.join("\\n")
            );
        }
        for entry in &self.nodes {
            if let Some(parent) = &entry.parent {
                dot += &format!("  \"{parent}\" -> \"{}\";\n", entry.id);
            }
        }
        dot + "}\n"
    }
}

impl Entry {
    fn lines(&self) -> Vec<String> {
        let id = self.short.clone();
        let mut lines: Vec<String> = self.title().map(visible).into_iter().collect();
        match &self.trained {
            None => lines.extend([format!("root {}", self.network()), self.origin(), id]),
            Some(node) => {
                lines.extend([id, format!("{} steps on {} rows", node.steps, node.rows)]);
                lines.extend(node.loss.map(|loss| format!("loss {}", number(loss))));
            }
        }
        lines.extend(self.author().map(|author| format!("by {}", short(author))));
        lines
    }
}

/// Text between quotes: a backslash starts an escape sequence in a label.
fn quoted(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('"', "\\\"")
}

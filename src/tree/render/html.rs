//! The tree as one page for a browser, which asks nothing of a network.
use super::{Picture, escape, hue, short};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

impl Picture {
    /// One self-contained page: the drawing, and what is known of each node.
    ///
    /// The page's policy allows its own style and script, by their hashes, and nothing else: no
    /// request, no frame, no form, and no script that a title might smuggle in.
    pub fn html(&self) -> String {
        let style = format!("{}{STYLE}", Self::style());
        // In a script element nothing may look like a tag; JSON can spell all characters.
        let data = self.json();
        let data = data
            .replace('&', "\\u0026")
            .replace('<', "\\u003c")
            .replace('>', "\\u003e");
        let trained = self.nodes.iter().filter_map(|entry| entry.trained.as_ref());
        let models = trained.clone().count();
        let steps: u128 = trained.clone().map(|node| u128::from(node.steps)).sum();
        let mut authors: BTreeMap<&str, usize> = BTreeMap::new();
        let by = self.nodes.iter().filter_map(|entry| entry.author());
        by.for_each(|author| *authors.entry(author).or_default() += 1);
        let verified = self
            .nodes
            .iter()
            .filter(|e| e.trained.is_some() && e.verified == Some(true));
        let verified = verified.count();
        let plural = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let mut summary = format!(
            "{}, {}, {steps} steps of training",
            plural(models, "trained model"),
            plural(authors.len(), "author")
        );
        if verified > 0 {
            let all = if verified == models {
                "all".to_owned()
            } else {
                verified.to_string()
            };
            summary += &format!("; {all} verified where this page was made");
        }
        let legend: String = authors
            .iter()
            .map(|(key, count)| author(key, *count))
            .collect();
        format!(
            include_str!("page.html"),
            policy = policy(&style),
            style = style,
            summary = escape(&summary),
            curve = escape(self.curve),
            legend = legend,
            drawing = self.inline_svg(),
            data = data,
            script = SCRIPT,
        )
    }
}

/// A button that shows what one author trained or imported.
fn author(key: &str, count: usize) -> String {
    let key = escape(key);
    format!(
        "<button type=\"button\" class=\"author\" data-author=\"{key}\" aria-pressed=\"false\" \
         title=\"Author {key}\"><svg width=\"10\" height=\"10\" aria-hidden=\"true\"><circle cx=\"5\" \
         cy=\"5\" r=\"5\" fill=\"hsl({} 58% 50%)\"/></svg><code>{}</code> × {count}</button>",
        hue(&key),
        short(&key)
    )
}

fn policy(style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(style)
    )
}

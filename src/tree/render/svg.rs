//! The tree as a drawing: cards, roots on top, children below their parent.
use super::{
    Entry, Picture, escape, hue,
    layout::{self, Place},
    number, short, visible,
};

/// Size of a card, and of the space between two.
const CARD: (f64, f64) = (252.0, 82.0);
const SPACE: (f64, f64) = (28.0, 56.0);
const MARGIN: f64 = 24.0;
/// Width of a title in characters, beyond which it is cut.
const TITLE: usize = 22;

const STYLE: &str = include_str!("picture.css");

impl Picture {
    /// A drawing that stands for itself, in light and dark.
    pub fn svg(&self) -> String {
        self.drawing(&format!("<style>{STYLE}</style>"), false)
    }

    /// The drawing for a page, which has the [style](Self::style).
    pub(super) fn inline_svg(&self) -> String {
        self.drawing("", true)
    }

    /// How the drawing looks.
    pub(super) fn style() -> &'static str {
        STYLE
    }

    fn drawing(&self, style: &str, interactive: bool) -> String {
        let above: Vec<Option<usize>> = self.nodes.iter().map(|entry| entry.above).collect();
        let places = layout::places(&above);
        let corners: Vec<(f64, f64)> = places.iter().map(corner).collect();
        let end = |size: f64, at: fn(&(f64, f64)) -> f64| {
            corners.iter().map(at).fold(0.0, f64::max) + size + MARGIN
        };
        let (width, height) = (end(CARD.0, |c| c.0), end(CARD.1, |c| c.1));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"zktree\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"{}\" \
             aria-label=\"A tree of models\">{style}\n<rect class=\"ground\" width=\"100%\" \
             height=\"100%\"/>\n",
            if interactive { "group" } else { "img" }
        );
        for (k, (entry, to)) in self.nodes.iter().zip(&corners).enumerate() {
            if let Some(from) = entry.above.and_then(|above| corners.get(above)) {
                svg += &edge(k, *from, *to);
            }
        }
        for (k, (entry, corner)) in self.nodes.iter().zip(&corners).enumerate() {
            svg += &entry.card(k, *corner, interactive);
        }
        svg + "</svg>"
    }
}

/// The upper left corner of a card.
fn corner(place: &Place) -> (f64, f64) {
    (
        MARGIN + place.column * (CARD.0 + SPACE.0),
        MARGIN + place.level as f64 * (CARD.1 + SPACE.1),
    )
}

/// A curve from the bottom of the parent's card to the top of the child's.
fn edge(child: usize, from: (f64, f64), to: (f64, f64)) -> String {
    let (x0, y0) = (from.0 + CARD.0 / 2.0, from.1 + CARD.1);
    let (x1, y1) = (to.0 + CARD.0 / 2.0, to.1);
    let middle = (y0 + y1) / 2.0;
    format!(
        "<path class=\"edge\" data-edge=\"{child}\" d=\"M{x0} {y0}C{x0} {middle} {x1} {middle} {x1} {y1}\"/>\n"
    )
}

impl Entry {
    fn card(&self, k: usize, (x, y): (f64, f64), interactive: bool) -> String {
        let (width, height) = CARD;
        let heading = self.heading();
        let button = match interactive {
            true => format!(
                " data-node=\"{k}\" tabindex=\"0\" role=\"button\" aria-pressed=\"false\" aria-label=\"{}\"",
                escape(&self.summary())
            ),
            false => String::new(),
        };
        let kind = match self.trained {
            Some(_) => "node",
            None => "node root",
        };
        let stripe = match self.author() {
            Some(author) => format!(
                "<path class=\"stripe\" fill=\"hsl({} 58% 50%)\" d=\"M10 0H7Q0 0 0 10V{}Q0 {height} 7 {height}H10Z\"/>",
                hue(author),
                height - 10.0
            ),
            None => String::new(),
        };
        let mark = match self.verified {
            Some(true) => "<path class=\"verified\" d=\"m224 21 5 5 9-10\"/>",
            Some(false) => "<path class=\"refused\" d=\"m227 16 10 10m0-10-10 10\"/>",
            None => "",
        };
        let lines = self.facts();
        let mut texts = format!(
            "<text class=\"name\" x=\"22\" y=\"26\">{}</text>",
            escape(&cut(&heading, TITLE))
        );
        for (class, y, line) in lines.iter().zip([47, 66]).map(|((c, l), y)| (c, y, l)) {
            texts += &format!(
                "<text class=\"{class}\" x=\"22\" y=\"{y}\">{}</text>",
                escape(line)
            );
        }
        format!(
            "<g class=\"{kind}\" transform=\"translate({x} {y})\"{button}><title>{}</title>\
             <rect class=\"card\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>{stripe}\
             <svg width=\"{}\" height=\"{height}\">{texts}</svg>{mark}</g>\n",
            escape(&self.summary()),
            width - 8.0
        )
    }

    fn heading(&self) -> String {
        match (self.title(), &self.trained) {
            (Some(title), _) => visible(title),
            (None, Some(_)) => self.short.clone(),
            (None, None) => "Root".to_owned(),
        }
    }

    /// The lines below the heading, with their styles.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let id = match self.author() {
            Some(author) => format!("{} by {}", self.short, short(author)),
            None => self.short.clone(),
        };
        match &self.trained {
            Some(node) => {
                let loss = node.loss.map(|loss| format!(" · loss {}", number(loss)));
                let steps = format!("{} steps · {} rows", node.steps, node.rows);
                vec![("fact", steps + &loss.unwrap_or_default()), ("code", id)]
            }
            None => vec![
                ("fact", format!("{} · {}", self.network(), self.origin())),
                ("code", id),
            ],
        }
    }

    /// One sentence, for who cannot see the card or hovers over it.
    fn summary(&self) -> String {
        let facts: Vec<String> = self.facts().into_iter().map(|(_, fact)| fact).collect();
        let state = match self.verified {
            Some(true) => ", verified",
            Some(false) => ", not verified",
            None => "",
        };
        format!("{}: {}{state}", self.heading(), facts.join(", "))
    }
}

/// Text cut to a width; characters of East Asian scripts and pictures count twice.
fn cut(text: &str, width: usize) -> String {
    let text = visible(text);
    let mut used = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        used += if c >= '\u{1100}' { 2 } else { 1 };
        if used > width {
            return format!("{}…", text.get(..end).unwrap_or_default().trim_end());
        }
        end = at + c.len_utf8();
    }
    text
}

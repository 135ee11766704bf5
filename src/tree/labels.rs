//! What an author writes on a node.
use super::TreeError;

/// Longest title or licence, in bytes.
pub(super) const TEXT_BYTES: usize = 1 << 10;
/// Longest note, in bytes.
pub(super) const NOTE_BYTES: usize = 1 << 16;

/// What an author writes on a node for others to read. Bound to the proof; claims of the author
/// and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// A name, one line of at most 1 KiB.
    pub title: Option<String>,
    /// The licence of the weights, best as an SPDX expression; one line of at most 1 KiB.
    pub licence: Option<String>,
    /// Anything else, at most 64 KiB.
    pub note: Option<String>,
    /// The mean squared error that the author measured, on data of the author's choice.
    pub loss: Option<Loss>,
}

impl Labels {
    /// Checks that texts are not too long and hold no control characters; a note may have several
    /// lines.
    ///
    /// # Errors
    /// [`TreeError::Label`].
    pub fn check(&self) -> Result<(), TreeError> {
        check("title", &self.title, TEXT_BYTES, false)?;
        check("licence", &self.licence, TEXT_BYTES, false)?;
        check("note", &self.note, NOTE_BYTES, true)
    }
}

fn check(
    label: &'static str,
    text: &Option<String>,
    limit: usize,
    lines: bool,
) -> Result<(), TreeError> {
    let text = text.as_deref().unwrap_or_default();
    let steers = |c: char| c.is_control() && !(lines && c == '\n');
    let reason = if text.len() > limit {
        format!("it is of {} bytes; at most {limit} are allowed", text.len())
    } else if let Some(c) = text.chars().find(|c| steers(*c)) {
        format!("it has the control character {c:?}")
    } else {
        return Ok(());
    };
    Err(TreeError::Label { label, reason })
}

/// A loss that an author publishes: finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Loss(f64);

/// No loss is NaN.
impl Eq for Loss {}

impl Loss {
    /// A loss.
    ///
    /// # Errors
    /// [`TreeError::Label`] unless it is finite and not negative; -0 is negative.
    pub fn new(loss: f64) -> Result<Self, TreeError> {
        match loss.is_finite() && loss.is_sign_positive() {
            true => Ok(Self(loss)),
            false => Err(TreeError::Label {
                label: "loss",
                reason: format!("it is {loss:?}; a loss is finite and not negative"),
            }),
        }
    }

    /// Its value.
    pub fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded_and_have_no_control_characters() {
        let text = |text: &str| Some(text.to_owned());
        let labels = |title: &str, licence: &str, note: &str| Labels {
            title: text(title),
            licence: text(licence),
            note: text(note),
            loss: None,
        };
        let (long, longest) = ("x".repeat(TEXT_BYTES), "é\n".repeat(NOTE_BYTES / 3));
        assert_eq!(labels(&long, &long, &longest).check(), Ok(()));
        assert_eq!(Labels::default().check(), Ok(()));
        for (labels, message) in [
            (
                labels(&(long.clone() + "x"), "", ""),
                "the title is not acceptable: it is of 1025",
            ),
            (
                labels("", "a\nb", ""),
                "the licence is not acceptable: it has the control character '\\n'",
            ),
            (
                labels("", "", "a\u{1b}[2J"),
                "the note is not acceptable: it has the control",
            ),
            (labels("\u{9b}", "", ""), "the title"),
            (
                labels("", "", &"n".repeat(NOTE_BYTES + 1)),
                "the note is not acceptable: it is of",
            ),
        ] {
            let error = labels.check().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn losses_are_finite_and_not_negative() {
        for loss in [0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX] {
            assert_eq!(Loss::new(loss).unwrap().get(), loss);
        }
        for loss in [-0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Loss::new(loss).is_err(), "{loss}");
        }
    }
}

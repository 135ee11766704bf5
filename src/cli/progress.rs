//! Bars on standard error, while it is a terminal.
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use std::time::Duration;

/// A bar that counts `unit`s and is gone when the work ends.
pub fn bar(doing: &str, total: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(total).with_finish(ProgressFinish::AndClear);
    let template = format!("  {{prefix}} [{{bar:30}}] {{pos}}/{{len}} {unit}, {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(doing.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A count of `unit`s whose number is not known, gone when the work ends.
pub fn count(doing: &str, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    let template = format!("  {{prefix}} {{spinner}} {{pos}} {unit}, {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.set_prefix(doing.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

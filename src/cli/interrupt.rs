//! Ctrl-C.
use super::output;

/// Says, when somebody stops the program, what has become of the work.
///
/// Whatever is being done, files are written beside their place and renamed, so that the program
/// can end at once.
pub fn explain() {
    // Without a handler Ctrl-C ends the program all the same, and says nothing.
    let _ = ctrlc::set_handler(|| {
        // The terminal shows ^C where the cursor is.
        output::complain(&"");
        output::complain(
            &"stopped; the tree is as it was. The same command goes on behind the last segment proven",
        );
        std::process::exit(130);
    });
}

//! Errors: what, where, and what to do.

//! What the repository promises about itself. Reads files; proves nothing.
mod checks;
mod layers;
mod links;
mod repository;
mod source;
mod terminal;
mod verifier;

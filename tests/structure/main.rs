//! What the repository promises about itself. Reads files; proves nothing.
mod layers;
mod links;
mod repository;
mod source;

//! The commands that work on a directory, through the program itself.
mod data;
#[cfg(unix)]
mod files;
#[path = "../../src/nn/data/tests/formats.rs"]
mod formats;
mod heads;
mod import;
mod input;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod misuse;
mod operators;
mod optimizers;
mod outside;
mod predict;
#[cfg(unix)]
mod publish;
#[cfg(unix)]
mod readme;
mod resume;
mod story;
mod world;

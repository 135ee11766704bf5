//! The commands that work on a directory, through the program itself.
mod input;
mod resume;
mod story;
mod world;

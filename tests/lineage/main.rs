//! Lineages: an honest family verifies, and every way to cheat that we know of is refused with an
//! error that names the node.
#[path = "../common/mod.rs"]
mod common;

mod cheats;
mod credit;
mod family;
mod honest;
mod proofs;

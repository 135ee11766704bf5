//! Lineages: an honest family verifies, and every way to cheat that we know of is refused with an
//! error that names the node.
mod cheats;
mod credit;
mod honest;
mod proofs;
mod structure;

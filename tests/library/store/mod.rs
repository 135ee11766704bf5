//! Trees in directories: what is kept is found again, and what is forged, damaged or lost is
//! reported by name.
mod commands;
mod forging;
mod heads;
mod honest;
mod kept;
mod pull;
mod tamper;
mod verdicts;

//! Memory: parsers take a multiple of what they are given, verifiers what honest proofs take.

//! What a proof is worth, in bits: the soundness errors of all its challenges, added up.
//!
//! **Relation.** A false statement has a proof that is accepted. How probable is that?
//!
//! **What is counted.** Every challenge is drawn with the numerator of its error: of the `|F|`
//! values of a challenge, at most so many let pass what was false before ([`Challenger`]). The
//! verifier adds them up as it draws them, so this account and the code that it is about are one.
//! The sum over all challenges of all proofs of a statement, divided by `|F|`, is equation 52 of
//! [`notes`](crate::notes). It bounds one attempt: an adversary who asks the random oracle `2^q`
//! times succeeds with `2^q` times that probability. [`Soundness::statistical_bits`] is
//! its negative logarithm.
//!
//! **What is assumed.** That discrete logarithms are hard in the commitment group: the best
//! generic attack, Pollard's rho with the six automorphisms of a curve `y^2 = x^3 + b`, takes
//! `sqrt(pi |F| / 12)` additions. That the transcript (merlin: STROBE-128 over Keccak-f\[1600\]) is a
//! random oracle, of 128 bits. For the pairing-friendly BLS12-381 estimates of the discrete logarithm
//! in the target field, to which a pairing leads, are lower by a few bits than the generic attack.
//!
//! **What is not counted.** Reductions to the discrete logarithm lose a factor that grows with the
//! number of rounds (rewinding); as everywhere in the field it is left out. Hiding is perfect but
//! for the transcript.
//!
//! ```
//! use zktree::{Pallas, nn::*, security::Soundness};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let data = Dataset::from_rows(2, 1, vec![1, 2, 3, 4, 5, 6])?;
//! let data = DatasetOpening::new(data, false, &mut rand::rngs::OsRng).commit::<Pallas>();
//! let soundness: Soundness = proof::dataset_soundness(&data, 8, true)?;
//! assert!(soundness.statistical_bits() > 230.0);
//! assert!(soundness.bits() > 125.0);
//! # Ok(())
//! # }
//! ```
//!
//! [`Challenger`]: crate::transcript::Challenger
use crate::{commit::Curve, transcript::Errors};
use ark_ff::PrimeField;
use serde::Serialize;
use std::fmt;

/// Security of the transcript's sponge, in bits.
pub const TRANSCRIPT_BITS: f64 = 128.0;

/// Where each label of a challenge belongs: protocol, and where its error is in the notes.
const CHALLENGES: [(&str, &str, &str); 17] = [
    (
        "lookup alpha",
        "fingerprints of looked-up tuples",
        "(30, 31)",
    ),
    (
        "lookup beta",
        "fingerprints, counted with alpha",
        "(30, 31)",
    ),
    (
        "lookup lambda",
        "layers of the tree: two claims as one",
        "(33)",
    ),
    (
        "lookup rho",
        "layers of the tree: two halves as one",
        "(34)",
    ),
    ("sumcheck challenge", "rounds of all sumchecks", "(17, 18)"),
    (
        "equality point",
        "committed tensors equal their definitions",
        "(26)",
    ),
    ("vanishing point", "tensors that are zero", "(59)"),
    ("level batching", "claims of a level as one", "(28)"),
    (
        "opening batching",
        "claims on committed tensors as one",
        "(40)",
    ),
    ("products", "products of pads", "(44, 45)"),
    ("constraints", "constraints on pads as one", "(46)"),
    ("mu", "generators of columns and of pads apart", "(47)"),
    ("linear form: e", "linear form: masking", "(48)"),
    ("linear form: q", "linear form: the value", "(49)"),
    ("linear form: c", "linear form: halvings", "(50)"),
    (
        "batch of proofs",
        "group equations of all proofs as one",
        "(51)",
    ),
    ("circuit gamma", "layered circuits: two claims as one", ""),
];

/// The errors of the challenges of one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The challenge's label in the transcript.
    pub challenge: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// Equations of [`notes`](crate::notes).
    pub equations: &'static str,
    /// How many were drawn.
    pub count: u64,
    /// Sum of the numerators of their errors.
    #[serde(skip)]
    pub error: u128,
    /// `-log2` of their error; absent if they have none of their own.
    pub bits: Option<f64>,
}

/// The soundness of some proofs over one curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Soundness {
    group: &'static str,
    /// `log2 |F|`.
    field_bits: f64,
    proofs: u64,
    errors: Errors,
}

impl Soundness {
    /// Of no proof.
    pub fn new<C: Curve>() -> Self {
        let limbs = C::ScalarField::MODULUS;
        let limbs = limbs.as_ref().iter().rev();
        let modulus = limbs.fold(0.0, |sum, limb| sum * 2f64.powi(64) + *limb as f64);
        Self {
            group: C::NAME,
            field_bits: modulus.log2(),
            proofs: 0,
            errors: Errors::new(),
        }
    }

    /// Adds `count` proofs that have the same errors.
    pub fn add(&mut self, errors: &Errors, count: u64) {
        self.proofs = self.proofs.saturating_add(count);
        self.merge(errors, count);
    }

    /// Adds the proofs of another account, over the same curve.
    ///
    /// # Panics
    /// If it is over another curve.
    pub fn extend(&mut self, other: &Self) {
        assert_eq!(self.group, other.group, "one curve");
        self.proofs = self.proofs.saturating_add(other.proofs);
        self.merge(&other.errors, 1);
    }

    fn merge(&mut self, errors: &Errors, times: u64) {
        for (label, (count, error)) in errors {
            let (all, sum) = self.errors.entry(label).or_default();
            *all = all.saturating_add(count.saturating_mul(times));
            *sum = sum.saturating_add(error.saturating_mul(times.into()));
        }
    }

    /// How many proofs: one a segment, and one for each data set's range.
    pub fn proofs(&self) -> u64 {
        self.proofs
    }

    /// The errors, by label of the challenge.
    pub fn parts(&self) -> Vec<Part> {
        let part = |(label, (count, error)): (&&'static str, &(u64, u128))| {
            let known = CHALLENGES.iter().find(|(known, _, _)| known == label);
            let (what, equations) = known.map_or(("", ""), |(_, what, at)| (*what, *at));
            Part {
                challenge: label,
                what,
                equations,
                count: *count,
                error: *error,
                bits: (*error > 0).then(|| self.field_bits - (*error as f64).log2()),
            }
        };
        self.errors.iter().map(part).collect()
    }

    /// `-log2` of the probability that challenges of one attempt let a false statement pass:
    /// equation 52. Infinite without any proof.
    pub fn statistical_bits(&self) -> f64 {
        let sum = |all: u128, (_, error): &(u64, u128)| all.saturating_add(*error);
        self.field_bits - (self.errors.values().fold(0, sum) as f64).log2()
    }

    /// `log2` of the additions that the best generic attack on the commitment group takes.
    pub fn group_bits(&self) -> f64 {
        ((std::f64::consts::PI / 12.0).log2() + self.field_bits) / 2.0
    }

    /// The smallest of the three: statistical, group, transcript.
    pub fn bits(&self) -> f64 {
        self.statistical_bits()
            .min(self.group_bits())
            .min(TRANSCRIPT_BITS)
    }
}

/// The account as an object: `bits`, `statistical_bits` (absent without a proof), `group` and
/// `group_bits`, `transcript_bits`, `proofs`, and `parts`.
impl Serialize for Soundness {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Report {
            bits: f64,
            statistical_bits: Option<f64>,
            group: &'static str,
            group_bits: f64,
            transcript_bits: f64,
            proofs: u64,
            parts: Vec<Part>,
        }
        let statistical_bits = self.statistical_bits();
        let report = Report {
            bits: self.bits(),
            statistical_bits: statistical_bits.is_finite().then_some(statistical_bits),
            group: self.group,
            group_bits: self.group_bits(),
            transcript_bits: TRANSCRIPT_BITS,
            proofs: self.proofs,
            parts: self.parts(),
        };
        report.serialize(serializer)
    }
}

impl fmt::Display for Soundness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.parts() {
            let Part { count, what, .. } = part;
            match part.bits {
                Some(bits) => writeln!(f, "{bits:>6.1} bits  {count:>6} x {what}")?,
                None => writeln!(f, "{:>11}  {count:>6} x {what}", "")?,
            }
        }
        writeln!(f, "{:>6.1} bits  all challenges", self.statistical_bits())?;
        writeln!(f, "{:>6.1} bits  {}", self.group_bits(), self.group)?;
        writeln!(f, "{TRANSCRIPT_BITS:>6.1} bits  transcript")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bls12381, Pallas};

    #[test]
    fn errors_add_up() {
        let mut all = Soundness::new::<Pallas>();
        assert_eq!(all.statistical_bits(), f64::INFINITY);
        assert!((all.field_bits - 254.0).abs() < 1e-6);
        let proof = Errors::from([("mu", (1, 2)), ("lookup beta", (1, 0))]);
        all.add(&proof, 1);
        assert!((all.statistical_bits() - 253.0).abs() < 1e-6);
        let mut twice = all.clone();
        twice.extend(&all);
        let mut counted = Soundness::new::<Pallas>();
        counted.add(&proof, 2);
        assert_eq!((twice.proofs(), &twice), (2, &counted));
        assert!((twice.statistical_bits() - 252.0).abs() < 1e-6);
        let parts = twice.parts();
        assert_eq!((parts[0].challenge, parts[0].bits), ("lookup beta", None));
        assert_eq!((parts[1].count, parts[1].error), (2, 4));
        // Bits that cannot be counted do not wrap around.
        twice.add(&Errors::from([("mu", (1, u128::MAX))]), 1);
        assert!(twice.statistical_bits() < 127.0);
    }

    #[test]
    fn groups_are_worth_half_of_their_order() {
        let bits = [
            Soundness::new::<Pallas>().group_bits(),
            Soundness::new::<Bls12381>().group_bits(),
        ];
        assert!((bits[0] - 126.03).abs() < 0.01 && (bits[1] - 126.46).abs() < 0.01);
    }
}

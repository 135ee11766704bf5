//! Cheating provers of the lookup argument. In all of them the value 9 is looked up in the integers from 0
//! to 3, and the claims that are left hold for the columns that have it.
use super::Fingerprint;
use super::tests::{Instance, example};
use crate::{
    check::{Check, Tried, judge},
    error::VerifyError,
    poly::{Fraction, int},
    transcript::frozen,
};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use std::sync::Arc;

/// The example with other values in its second column, and multiplicities as before.
fn lying(values: [i64; 4]) -> Instance {
    let mut instance = example();
    instance.columns[1][0] = Arc::new(values.into());
    instance
}

/// Verifies. Claims that are left must hold: nothing else is between the cheat and its success.
fn verdict(instance: &Instance, proof: &[u8]) -> Result<(), VerifyError> {
    let claims = instance.verify(proof)?;
    assert!(instance.hold(&claims), "an opening would refuse this");
    Ok(())
}

fn tried(check: Check, cheat: impl Fn() -> Result<(), VerifyError>) -> Tried {
    judge(check, cheat, |error| error.is_check(check))
}

/// Everything is honest, so that the sum of fractions is not zero.
pub(crate) fn a_sum_that_is_not_zero() -> Tried {
    tried(Check::LookupGate, || {
        let instance = lying([3, 9, 1, 2]);
        verdict(&instance, &instance.prove().0)
    })
}

/// Fractions are those of other columns, which are in their tables; only then come the values of the true
/// ones.
pub(crate) fn fractions_of_other_columns() -> Tried {
    tried(Check::LookupDenominators, || {
        let (honest, instance) = (example(), lying([3, 9, 1, 2]));
        let (mut proof, evaluations) = honest.prove();
        let point = &evaluations.point[..2];
        let value: Fr = int::evaluate(&instance.columns[1][0], point);
        // Last are the values of two columns, of this one, and of three multiplicities.
        let at = proof.len() - 4 * value.compressed_size();
        value.serialize_compressed(&mut proof[at..]).unwrap();
        verdict(&instance, &proof)
    })
}

/// One entry's multiplicity is the fraction of a count that makes the sum zero; only then comes the value of
/// the counts.
pub(crate) fn fractions_of_other_multiplicities() -> Tried {
    tried(Check::LookupNumerators, || {
        let instance = lying([3, 9, 1, 2]);
        let proof = instance.naive_proof(&|leaves: &mut [Fraction<Fr>]| {
            let sum = leaves.iter().fold(Fraction::zero(), |sum, f| sum.add(f));
            let excess = sum.n * sum.d.inverse().unwrap();
            let is_entry = |f: &&mut Fraction<Fr>| f.n != Fr::ONE && f.n != Fr::ZERO;
            let entry = leaves.iter_mut().find(is_entry).expect("an entry in use");
            entry.n -= excess * entry.d;
        });
        verdict(&instance, &proof)
    })
}

/// A prover who knows the challenges looks up a tuple, twice side by side, whose denominator is zero: the
/// sum of everything is then zero over zero.
pub(crate) fn a_pole_at_the_root() -> Tried {
    let instance = lying([9, 9, 1, 2]);
    let run = || verdict(&instance, &instance.prove().0);
    let (_, drawn) = frozen::record(|| {
        let proof = instance.prove().0;
        // The verifier's challenges are the prover's.
        let _ = crate::check::without(Check::LookupGate, || instance.verify(&proof));
    });
    let challenge = |label: &str| {
        let (_, bytes) = drawn.iter().find(|(l, _)| *l == label).unwrap();
        Fr::deserialize_compressed(bytes.as_slice()).unwrap()
    };
    let beta = challenge("lookup beta");
    let table = beta * beta * Fr::from(2u64);
    let pole = Fr::from(9u64) + table;
    let mut bytes = Vec::new();
    pole.serialize_compressed(&mut bytes).unwrap();
    let laid: Vec<_> = drawn
        .iter()
        .map(|(label, drawn)| match *label {
            "lookup alpha" => (*label, bytes.clone()),
            _ => (*label, drawn.clone()),
        })
        .collect();
    let fingerprint = Fingerprint {
        alpha: pole,
        powers: vec![Fr::ONE, beta],
        table_weight: beta * beta,
    };
    assert_eq!(fingerprint.shift(1), Fr::from(9u64));
    tried(Check::LookupRoot, || frozen::replay(&laid, run))
}

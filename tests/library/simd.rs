//! Proofs are the same to the last byte with vector instructions and without.

use crate::common::{Case, Story};
use sha2::{Digest, Sha256};
use std::process::Command;
use zktree::{
    commit::Curve,
    nn::FixedPoint,
    poly::{WideField, simd},
};

/// Set in the process that this test starts of itself.
const CHILD: &str = "ZKTREE_TEST_DIGESTS";

/// Digests of proofs without blinding, which depend on nothing but the statement.
fn digests<C: Curve<ScalarField: WideField>>(fixed: &FixedPoint) -> Vec<String> {
    let story = Story::<C>::new(&Case {
        network: "40,33,64,3".parse().unwrap(),
        batch: 24,
        steps: 5,
        segment_steps: 3,
        seed: 7,
        hiding: false,
        fixed: fixed.clone(),
    });
    let proofs = [story.prove_root().1, story.prove_child().1];
    let hex = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    proofs.iter().map(|proof| hex(&proof.0)).collect()
}

#[test]
fn proofs_are_the_same_without_vectors() {
    let mut here = digests::<ark_bls12_381::G1Projective>(&FixedPoint::compact());
    here.extend(digests::<ark_pallas::Projective>(&FixedPoint::compact()));
    let here = here.join(" ");
    if std::env::var_os(CHILD).is_some() {
        assert!(!simd::available());
        println!("digests: {here}");
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "simd::proofs_are_the_same_without_vectors",
            "--nocapture",
        ])
        .env("ZKTREE_SIMD", "off")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let there = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{there}");
    assert!(there.contains(&format!("digests: {here}")), "{there}");
}

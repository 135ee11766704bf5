//! False group elements, answers of the product proof and of the linear form.
use super::*;
use crate::{
    commit::{Curve, hadamard},
    transcript::{Constraint, Expr},
};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field};

fn add_point(proof: &mut [u8], message: &Message, change: C) {
    assert!(message.point);
    let bytes = &mut proof[message.bytes.clone()];
    let altered = C::from(C::decode(bytes).unwrap()) + change;
    bytes.copy_from_slice(&C::encode(&altered.into_affine()));
}

fn scalar(proof: &[u8], message: &Message) -> F {
    F::deserialize_compressed(&proof[message.bytes.clone()]).unwrap()
}

/// Any point.
fn point() -> C {
    ark_pallas::Affine::generator() * F::from(12_345u64)
}

impl Honest {
    /// The challenge that comes next behind the fold of commitments: `mu`, or one.
    fn mu(&self) -> F {
        match self.scene.statement.parameters.hiding {
            true => self.challenge("mu", 0),
            false => F::ONE,
        }
    }

    /// The weights with which the rows of the witness are opened.
    fn row_weights(&self) -> Vec<F> {
        let argument = self.scene.parts().argument;
        let checks = argument
            .checks::<C>(&self.statement(), &self.proof)
            .unwrap();
        let sizes = argument.witness_rows();
        let mut weights = vec![F::ZERO; sizes.iter().sum()];
        for (matrix, rows) in checks.folded.rows.iter().filter(|(m, _)| *m < sizes.len()) {
            let first: usize = sizes[..*matrix].iter().sum();
            for (k, weight) in rows.iter().enumerate() {
                weights[first + k] += self.mu() * weight;
            }
        }
        weights
    }

    /// The generator that values are bound by, times its challenge.
    fn product(&self) -> C {
        let gens = Generators::<C>::get(1, 0);
        gens.product() * self.challenge("linear form: q", 0)
    }
}

/// Two commitments to rows, each false, with a sum that is what is opened.
#[test]
fn rows_are_exchanged_only_if_frozen() {
    for hiding in [false, true] {
        let honest = Honest::new(hiding);
        let rows = honest.labelled("witness row");
        let weights = honest.row_weights();
        assert_eq!(rows.len(), weights.len());
        let used: Vec<usize> = (0..rows.len()).filter(|k| weights[*k] != F::ZERO).collect();
        for pair in used.chunks_exact(2).step_by(3) {
            let mut proof = honest.proof.clone();
            add_point(&mut proof, &rows[pair[0]], point() * weights[pair[1]]);
            add_point(&mut proof, &rows[pair[1]], -point() * weights[pair[0]]);
            honest.only_if_frozen(proof, "two rows");
        }
    }
}

/// A false value of the opening, paid for by a component of a commitment along the generator of
/// values: with its challenge known, that can be put there.
#[test]
fn a_false_value_is_opened_only_if_frozen() {
    let honest = Honest::new(false);
    let rounds = honest.labelled("sumcheck round");
    // The last round of the sumcheck over columns: `c_0` counts `1 - 2 r` in the value.
    let (r, change) = (
        *honest.challenges("sumcheck challenge").last().unwrap(),
        F::from(5u64),
    );
    let mut proof = honest.proof.clone();
    add_scalar(&mut proof, &rounds[rounds.len() - 2], change);
    let value = change * (F::ONE - r.double());
    let weights = honest.row_weights();
    let row = weights.iter().position(|w| *w != F::ZERO).unwrap();
    let paid = -honest.product() * value * weights[row].inverse().unwrap();
    add_point(&mut proof, &honest.labelled("witness row")[row], paid);
    honest.only_if_frozen(proof, "a false value");
}

/// `P' = L + c P + c^2 R` for `c` known before `L` and `R`.
#[test]
fn halvings_are_false_only_if_frozen() {
    for hiding in [false, true] {
        let honest = Honest::new(hiding);
        let (left, right) = (
            honest.labelled("linear form: L"),
            honest.labelled("linear form: R"),
        );
        let challenges = honest.challenges("linear form: c");
        assert_eq!(
            (left.len(), right.len()),
            (challenges.len(), challenges.len())
        );
        assert!(!left.is_empty());
        for (k, c) in challenges.iter().enumerate() {
            let mut proof = honest.proof.clone();
            add_point(&mut proof, &left[k], point() * c.square());
            add_point(&mut proof, &right[k], -point());
            honest.only_if_frozen(proof, "a halving");
        }
    }
}

/// The masking of the linear form: `A`, `theta` and `zeta` for `e` and `q` known before them.
#[test]
fn maskings_are_false_only_if_frozen() {
    let honest = Honest::new(true);
    let e = honest.challenge("linear form: e", 0);
    let announcement = &honest.labelled("linear form: masking vector")[0];
    let change = F::from(7u64);
    let gens = Generators::<C>::get(1, 0);

    let mut blinding = honest.proof.clone();
    let masked = &honest.labelled("linear form: masked blinding")[0];
    add_scalar(&mut blinding, masked, change);
    add_point(&mut blinding, announcement, gens.blind(&change));
    honest.only_if_frozen(blinding, "the blinding");

    let mut value = honest.proof.clone();
    let masking = &honest.labelled("linear form: value of the masking vector")[0];
    add_scalar(&mut value, masking, change);
    add_point(&mut value, announcement, -honest.product() * change);
    honest.only_if_frozen(value, "the masking value");

    let mut masks = honest.proof.clone();
    add_point(&mut masks, &honest.labelled("masks")[0], point());
    add_point(&mut masks, announcement, -point() * e);
    honest.only_if_frozen(masks, "the commitment to the masks");
}

impl Honest {
    /// The value of the last form (46) for the messages of a proof and the challenges of this one.
    fn form_value(&self, proof: &[u8]) -> F {
        let argument = self.scene.parts().argument;
        let statement = self.statement();
        let checks = frozen::replay(&self.drawn, || argument.checks::<C>(&statement, proof));
        let checks = checks.unwrap();
        let responses: Vec<F> = self
            .labelled("product response")
            .iter()
            .map(|m| scalar(proof, m))
            .collect();
        let [e, delta] = ["products", "constraints"].map(|label| self.challenge(label, 0));
        let layout = argument.mask_layout().unwrap();
        let (opened, constraints): (&Expr<F>, &[Constraint<F>]) =
            (&checks.folded.value, &checks.constraints);
        hadamard::combine(&layout, opened, constraints, e, &responses, delta).value
    }

    /// Two messages altered so that the value of the last form stays.
    fn balanced(&self, pair: [&Message; 2], what: &str) {
        let before = self.form_value(&self.proof);
        let slope = |message: &Message| {
            let mut proof = self.proof.clone();
            add_scalar(&mut proof, message, F::ONE);
            self.form_value(&proof) - before
        };
        let mut proof = self.proof.clone();
        add_scalar(&mut proof, pair[0], slope(pair[1]));
        add_scalar(&mut proof, pair[1], -slope(pair[0]));
        assert_eq!(self.form_value(&proof), before);
        self.only_if_frozen(proof, what);
    }
}

/// Constraints on pads that are false, with a true sum: for `delta` known before the messages.
#[test]
fn constraints_are_false_only_if_frozen() {
    let honest = Honest::new(true);
    let rounds = honest.labelled("sumcheck round");
    for k in [0, rounds.len() / 2, rounds.len() - 3] {
        honest.balanced([&rounds[k], &rounds[k + 2]], "two rounds");
    }
    honest.balanced([&rounds[0], rounds.last().unwrap()], "rounds far apart");
}

/// Answers of the product proof that are false, with a true sum.
#[test]
fn products_are_false_only_if_frozen() {
    let honest = Honest::new(true);
    let responses = honest.labelled("product response");
    // Numerators of different layers are not factors of one product.
    honest.balanced([&responses[0], &responses[4]], "two answers");
}

/// Two proofs, each false, with group equations that cancel.
#[test]
fn batches_are_false_only_if_frozen() {
    let honest = Honest::new(false);
    let statement = &honest.scene.statement;
    let both = |proofs: [&Vec<u8>; 2]| {
        let mut pending = Vec::new();
        for proof in proofs {
            pending.extend(statement.verify(&edge(proof.clone()))?);
        }
        Pending::check_all(&pending)
    };
    let (result, drawn) = frozen::record(|| both([&honest.proof; 2]));
    assert_eq!(result, Ok(()));
    let weight = |k: usize| {
        let (label, bytes) = &drawn[drawn.len() - 2 + k];
        assert_eq!(*label, "weights");
        F::deserialize_compressed(bytes.as_slice()).unwrap()
    };
    // The same message of both, so that it counts the same in both equations.
    let left = &honest.labelled("linear form: L")[0];
    let proofs = [weight(1), -weight(0)].map(|change| {
        let mut proof = honest.proof.clone();
        add_point(&mut proof, left, point() * change);
        proof
    });
    let both_false = || both([&proofs[0], &proofs[1]]);
    assert_eq!(frozen::replay(&drawn, both_false), Ok(()));
    assert!(both_false().is_err());
    // One alone is refused whatever is frozen.
    let alone = || both([&proofs[0], &honest.proof]);
    assert_eq!(frozen::replay(&drawn, alone), Err(VerifyError::Opening));
}

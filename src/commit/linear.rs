//! A zero-knowledge proof of a *linear form*: "I can open the commitment $C$ to a vector $\mathbf x$
//! with $\langle \mathbf x, \mathbf a \rangle = y$", for public $\mathbf a$ and $y$.
//!
//! Equations 48 to 50 of [`notes`](crate::notes).
//!
//! # Relation
//! $C = \langle \mathbf x, \mathbf G \rangle + \rho H$ and $\langle \mathbf x, \mathbf a \rangle = y$; the
//! prover knows $\mathbf x$ and $\rho$. The generators $\mathbf G$ are named by a [`Shape`]. $C$ and
//! $\mathbf a$ must be fixed by the transcript before the proof starts ($\mathbf a$ as a function of
//! the statement and of challenges, $C$ as a combination of absorbed commitments). The rest of the
//! claim is absorbed here, by one function on both sides.
//!
//! # Prover
//! 1. *Hide.* It sends $A = \langle \mathbf r, \mathbf G \rangle + \sigma H$ and
//!    $\theta = \langle \mathbf r, \mathbf a \rangle$ for a random $\mathbf r$. Challenge $e$. The vector
//!    $\mathbf z = e \mathbf x + \mathbf r$ is uniform, whatever $\mathbf x$ is. It sends the blinding
//!    $\zeta = e \rho + \sigma$, so that
//!    $$ \langle \mathbf z, \mathbf G \rangle = e C + A - \zeta H, \qquad
//!    \langle \mathbf z, \mathbf a \rangle = e y + \theta: $$
//!    from here on nothing needs hiding. Without hiding ($\rho = 0$), $\mathbf z = \mathbf x$.
//! 2. *Bind the value.* Challenge $q$, fresh: with $Q^{\prime} = q Q$,
//!    $P = \langle \mathbf z, \mathbf G \rangle + \langle \mathbf z, \mathbf a \rangle Q^{\prime}$. A $q$
//!    known earlier would let a component of $C$ along $Q$ pay for a wrong value.
//! 3. *Halve* until at most [`REST`] entries are left. With $\mathbf z = (\mathbf z_0, \mathbf z_1)$ and
//!    so on, send
//!    $$ L = \langle \mathbf z_0, \mathbf G_1 \rangle + \langle \mathbf z_0, \mathbf a_1 \rangle Q^{\prime},
//!    \qquad R = \langle \mathbf z_1, \mathbf G_0 \rangle + \langle \mathbf z_1, \mathbf a_0 \rangle Q^{\prime}. $$
//!    Challenge $\kappa$; then $\mathbf z^{\prime} = \mathbf z_0 + \kappa \mathbf z_1$,
//!    $\mathbf G^{\prime} = \kappa \mathbf G_0 + \mathbf G_1$,
//!    $\mathbf a^{\prime} = \kappa \mathbf a_0 + \mathbf a_1$ and
//!    $P^{\prime} = L + \kappa P + \kappa^2 R$. Every $\kappa$ is drawn after its $L$ and $R$: fold
//!    challenges that are known earlier, such as the coordinates of an evaluation point, let any value
//!    be opened.
//! 4. Send the rest of $\mathbf z$.
//!
//! The prover never folds $\mathbf G$: $L$ and $R$ are multi-scalar multiplications over the original
//! generators, which is cheaper down to [`REST`] entries.
//!
//! Lengths need not be powers of two: $\mathbf z_1$ may be shorter than $\mathbf z_0$ in the first round,
//! as if extended by zeros, on generators that are the identity.
//!
//! # Verifier
//! Draws the challenges, and with the rest of $\mathbf z$ unrolls all rounds: "the last $P^{\prime}$ is
//! what the rest of $\mathbf z$ says" is one [`GroupEquation`] in $C$, $A$, all $L$ and $R$ and the
//! generators. It is returned, put off.
//!
//! # Soundness
//! Computationally special-sound: from trees of accepting transcripts with two values of $e$,
//! two of $q$ and three of each $\kappa$, an opening of $C$ with
//! $\langle \mathbf x, \mathbf a \rangle = y$ is extracted, or a relation between generators. The error
//! is at most $(2 + 2 h) / |F|$ for $h$ halvings, far below $2^{-240}$.
//!
//! # Departures
//! $\mathbf G^{\prime}$ and $\mathbf z^{\prime}$ need no inverse [Attema-Cramer 20, sec. 5]; lengths
//! are arbitrary; the recursion stops early.
//!
//! # References
//! * Attema, Cramer, *Compressed Sigma-protocol theory* ([2020/152](https://eprint.iacr.org/2020/152)), sec. 4 and 5.
//! * Bünz, Bootle, Boneh, Poelstra, Wuille, Maxwell, *Bulletproofs* ([2017/1066](https://eprint.iacr.org/2017/1066)), sec. 3.
//!
//! # To learn it
//! `tests/teaching/hyrax.rs` and `examples/04_open_a_commitment.rs` in the repository.
use super::{Combination, Curve, Generators, GroupEquation, Shape, msm};
use crate::{
    count,
    error::VerifyError,
    poly::inner_product,
    transcript::{Challenger, ProverChannel, VerifierChannel},
};
use ark_ff::{AdditiveGroup, Field, PrimeField, UniformRand};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

/// Vectors of at most this length are sent as they are.
pub const REST: usize = 64;

const ANNOUNCEMENT: &str = "linear form: masking vector";
const MASKING_VALUE: &str = "linear form: value of the masking vector";
const MASKED_BLINDING: &str = "linear form: masked blinding";
const LEFT: &str = "linear form: L";
const RIGHT: &str = "linear form: R";
const LAST: &str = "linear form: folded vector";

/// The claim `<x, a> = y` on a committed vector.
#[derive(Debug, Clone, Copy)]
pub struct LinearForm<'a, F> {
    /// The generators that the vector is committed with.
    pub shape: Shape,
    /// `a`: as many coefficients as there are generators.
    pub coefficients: &'a [F],
    /// `y`.
    pub value: F,
    /// Whether the proof hides the vector. Without it the blinding is zero.
    pub hiding: bool,
}

/// What the prover knows: an opening of the commitment.
#[derive(Clone, Copy)]
pub struct Opening<'a, F> {
    /// `x`: as many entries as there are generators.
    pub vector: &'a [F],
    /// `rho`.
    pub blinding: F,
}

/// Binds the transcript to the claim: the number of generators of each family, the mode and the
/// value. Part of [`prove`] and [`verify`].
fn absorb_claim<F: PrimeField>(channel: &mut impl Challenger<F>, claim: &LinearForm<'_, F>) {
    use ark_ff::BigInteger;
    let LinearForm {
        shape,
        value,
        hiding,
        ..
    } = claim;
    channel.absorb(
        "linear form: columns",
        &(shape.columns as u64).to_le_bytes(),
    );
    channel.absorb("linear form: pads", &(shape.pads as u64).to_le_bytes());
    channel.absorb("linear form: hiding", &[u8::from(*hiding)]);
    channel.absorb("linear form: value", &value.into_bigint().to_bytes_le());
}

/// Length of the first half: the largest power of two below `len`. `None` for vectors that are
/// sent as they are.
fn half(len: usize) -> Option<usize> {
    (len > REST).then(|| len.next_power_of_two() / 2)
}

/// The lengths of the first half in each round.
fn halves(len: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(half(len), |len| half(*len))
}

/// `low + c high` or `c low + high` for `values = (low, high)`, `high` extended by zeros.
fn fold<F: Field>(values: &[F], half: usize, low_factor: F, high_factor: F) -> Vec<F> {
    // Two an entry that is left, though one factor is one.
    count::field_multiplications(2 * half.min(values.len()));
    let (low, high) = values.split_at_checked(half).unwrap_or((values, &[]));
    let highs = high.iter().copied().chain(std::iter::repeat(F::ZERO));
    low.iter()
        .zip(highs)
        .map(|(l, h)| low_factor * l + high_factor * h)
        .collect()
}

/// Multiplies by `c` the factors of those generators that are in the first half of a vector that
/// is folded to `half`: generator `i` is at place `i mod 2 half`.
fn fold_factors<F: Field>(factors: &mut [F], half: usize, challenge: F) {
    // One for each generator in a first half.
    count::field_multiplications(factors.len().div_ceil(2));
    for block in factors.chunks_mut(2 * half) {
        for factor in block.iter_mut().take(half) {
            *factor *= challenge;
        }
    }
}

/// Proves `claim` about the commitment that `opening` opens.
///
/// Time: one multi-scalar multiplication with all generators for each halving, and one to hide.
///
/// # Panics
/// If the lengths of form, vector and shape differ, if there are too few generators, or if a
/// proof that does not hide is asked for a blinded commitment.
pub fn prove<C: Curve>(
    gens: &Generators<C>,
    claim: &LinearForm<'_, C::ScalarField>,
    opening: &Opening<'_, C::ScalarField>,
    rng: &mut (impl RngCore + CryptoRng),
    channel: &mut ProverChannel<C::ScalarField>,
) {
    let LinearForm {
        shape,
        coefficients,
        hiding,
        ..
    } = *claim;
    assert_eq!(
        coefficients.len(),
        shape.len(),
        "one coefficient a generator"
    );
    assert_eq!(opening.vector.len(), shape.len(), "one entry a generator");
    assert!(
        hiding || opening.blinding == C::ScalarField::ZERO,
        "blinded, but not hiding"
    );
    let bases = gens.bases(shape);
    absorb_claim(channel, claim);
    let z = match hiding {
        true => mask(gens, &bases, coefficients, opening, rng, channel),
        false => opening.vector.to_vec(),
    };
    count::scalar_multiplications(1, C::ScalarField::MODULUS_BIT_SIZE);
    let product = gens.product() * channel.challenge("linear form: q", 1);
    halve::<C>(&bases, product, coefficients.to_vec(), z, channel);
}

/// Step 1: returns `z = e x + r`.
fn mask<C: Curve>(
    gens: &Generators<C>,
    bases: &[C::Affine],
    coefficients: &[C::ScalarField],
    opening: &Opening<'_, C::ScalarField>,
    rng: &mut (impl RngCore + CryptoRng),
    channel: &mut ProverChannel<C::ScalarField>,
) -> Vec<C::ScalarField> {
    let r: Zeroizing<Vec<C::ScalarField>> =
        Zeroizing::new(bases.iter().map(|_| C::ScalarField::rand(rng)).collect());
    let sigma = Zeroizing::new(C::ScalarField::rand(rng));
    let announcement = msm::full::<C>(bases, &r) + gens.blind(&sigma);
    channel.send_point::<C>(ANNOUNCEMENT, &announcement.into_affine());
    channel.send_clear(MASKING_VALUE, &inner_product(&r, coefficients));
    let e: C::ScalarField = channel.challenge("linear form: e", 1);
    channel.send_clear(MASKED_BLINDING, &(e * opening.blinding + *sigma));
    // One an entry.
    count::field_multiplications(r.len());
    opening
        .vector
        .iter()
        .zip(r.iter())
        .map(|(x, r)| e * x + r)
        .collect()
}

/// Steps 3 and 4.
fn halve<C: Curve>(
    bases: &[C::Affine],
    product: C,
    mut a: Vec<C::ScalarField>,
    mut z: Vec<C::ScalarField>,
    channel: &mut ProverChannel<C::ScalarField>,
) {
    // G'_j is the sum of factor_i G_i over all i = j modulo the current length.
    let mut factors = vec![C::ScalarField::ONE; bases.len()];
    while let Some(half) = half(z.len()) {
        let (z_low, z_high) = z.split_at(half);
        let (a_low, a_high) = a.split_at(half);
        // Each generator is in one of the two; and two multiples of the product's.
        count::field_multiplications(factors.len());
        count::scalar_multiplications(2, C::ScalarField::MODULUS_BIT_SIZE);
        let (mut left, mut right) = (factors.clone(), factors.clone());
        for (l, r) in left.chunks_mut(2 * half).zip(right.chunks_mut(2 * half)) {
            let (in_low, in_high) = l.split_at_mut(half.min(l.len()));
            in_low.fill(C::ScalarField::ZERO);
            in_high.iter_mut().zip(z_low).for_each(|(f, z)| *f *= z);
            let (in_low, in_high) = r.split_at_mut(half.min(r.len()));
            in_high.fill(C::ScalarField::ZERO);
            let z_high = z_high
                .iter()
                .copied()
                .chain(std::iter::repeat(C::ScalarField::ZERO));
            in_low.iter_mut().zip(z_high).for_each(|(f, z)| *f *= z);
        }
        let [mut l, mut r] = msm::full_many::<C, 2>(bases, [&left, &right]);
        l += product * inner_product(z_low, a_high);
        r += product * inner_product(z_high, a_low);
        let points = C::normalize_batch(&[l, r]);
        channel.send_point::<C>(LEFT, &points[0]);
        channel.send_point::<C>(RIGHT, &points[1]);
        let c: C::ScalarField = channel.challenge("linear form: c", 2);
        z = fold(&z, half, C::ScalarField::ONE, c);
        a = fold(&a, half, c, C::ScalarField::ONE);
        fold_factors(&mut factors, half, c);
    }
    for z in &z {
        channel.send_clear(LAST, z);
    }
}

/// What the prover sends.
struct Messages<C: Curve> {
    mask: Option<MaskMessages<C>>,
    /// `L` and `R` of each round.
    rounds: Vec<(C::Affine, C::Affine)>,
    /// The folded vector.
    rest: Vec<C::ScalarField>,
}

struct MaskMessages<C: Curve> {
    announcement: C::Affine,
    value: C::ScalarField,
    blinding: C::ScalarField,
}

/// What the transcript answers.
struct Challenges<F> {
    e: F,
    q: F,
    rounds: Vec<F>,
}

/// Verifies everything but the returned equation. `commitment` is `C`.
///
/// # Errors
/// If the form has not as many coefficients as generators, or a message is missing or not
/// canonical.
pub fn verify<C: Curve>(
    claim: &LinearForm<'_, C::ScalarField>,
    commitment: &Combination<C>,
    channel: &mut VerifierChannel<'_, C::ScalarField>,
) -> Result<GroupEquation<C>, VerifyError> {
    let (expected, got) = (claim.shape.len(), claim.coefficients.len());
    if expected != got {
        return Err(VerifyError::Shape {
            what: "coefficients of a linear form",
            expected,
            got,
        });
    }
    absorb_claim(channel, claim);
    let (messages, challenges) = receive(claim, channel)?;
    Ok(equation(claim, commitment, &messages, &challenges))
}

fn receive<C: Curve>(
    claim: &LinearForm<'_, C::ScalarField>,
    channel: &mut VerifierChannel<'_, C::ScalarField>,
) -> Result<(Messages<C>, Challenges<C::ScalarField>), VerifyError> {
    let (mut mask, mut e) = (None, C::ScalarField::ONE);
    if claim.hiding {
        let announcement = channel.receive_point::<C>(ANNOUNCEMENT)?;
        let value = channel.receive_clear(MASKING_VALUE)?;
        e = channel.challenge("linear form: e", 1);
        let blinding = channel.receive_clear(MASKED_BLINDING)?;
        mask = Some(MaskMessages {
            announcement,
            value,
            blinding,
        });
    }
    let q = channel.challenge("linear form: q", 1);
    let len = claim.shape.len();
    let (mut points, mut rounds) = (Vec::new(), Vec::new());
    for _ in halves(len) {
        points.push((
            channel.receive_point::<C>(LEFT)?,
            channel.receive_point::<C>(RIGHT)?,
        ));
        rounds.push(channel.challenge("linear form: c", 2));
    }
    let rest = (0..halves(len).last().unwrap_or(len))
        .map(|_| channel.receive_clear(LAST))
        .collect::<Result<_, _>>()?;
    Ok((
        Messages {
            mask,
            rounds: points,
            rest,
        },
        Challenges { e, q, rounds },
    ))
}

/// `P` after all rounds, minus `<z, G'> + <z, a'> Q'`.
fn equation<C: Curve>(
    claim: &LinearForm<'_, C::ScalarField>,
    commitment: &Combination<C>,
    messages: &Messages<C>,
    challenges: &Challenges<C::ScalarField>,
) -> GroupEquation<C> {
    let Challenges { e, q, rounds } = challenges;
    let mut sum = Combination::new();
    // From the last round to the first; `scale` is the product of the challenges of later rounds.
    let mut scale = C::ScalarField::ONE;
    for ((left, right), c) in messages.rounds.iter().zip(rounds).rev() {
        sum.add_point(scale, *left);
        sum.add_point(scale * c.square(), *right);
        scale *= c;
    }
    let mut value = *e * claim.value;
    sum.add_scaled(scale * e, commitment);
    if let Some(mask) = &messages.mask {
        sum.add_point(scale, mask.announcement);
        sum.add_blinding(-scale * mask.blinding);
        value += mask.value;
    }
    // The last vector, on the original generators and form.
    let mut factors = vec![-C::ScalarField::ONE; claim.shape.len()];
    let mut a = claim.coefficients.to_vec();
    for (half, c) in halves(claim.shape.len()).zip(rounds) {
        fold_factors(&mut factors, half, *c);
        a = fold(&a, half, *c, C::ScalarField::ONE);
    }
    sum.add_product(*q * (scale * value - inner_product(&messages.rest, &a)));
    // One a generator.
    count::field_multiplications(factors.len());
    let places = messages.rest.iter().cycle();
    sum.add_bases(claim.shape, factors.iter().zip(places).map(|(f, z)| *f * z));
    GroupEquation::new(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::{Fr, G1Projective as Bls};
    use ark_pallas::Projective as Pallas;
    use ark_serialize::CanonicalSerialize;
    use rand::{SeedableRng, rngs::StdRng};

    /// A true claim with its opening and commitment.
    struct Instance<C: Curve> {
        gens: Generators<C>,
        shape: Shape,
        hiding: bool,
        form: Vec<C::ScalarField>,
        value: C::ScalarField,
        vector: Vec<C::ScalarField>,
        blinding: C::ScalarField,
        commitment: Combination<C>,
    }

    impl<C: Curve> Instance<C> {
        fn new(shape: Shape, hiding: bool) -> Self {
            let rng = &mut StdRng::seed_from_u64(shape.len() as u64);
            let gens = Generators::<C>::get(shape.columns, shape.pads);
            let mut vector = || -> Vec<C::ScalarField> {
                (0..shape.len())
                    .map(|_| C::ScalarField::rand(rng))
                    .collect()
            };
            let (form, vector) = (vector(), vector());
            let blinding = match hiding {
                true => C::ScalarField::rand(rng),
                false => C::ScalarField::ZERO,
            };
            let commitment = msm::full::<C>(&gens.bases(shape), &vector) + gens.blind(&blinding);
            Self {
                shape,
                hiding,
                value: inner_product(&form, &vector),
                form,
                vector,
                blinding,
                commitment: Combination::point(commitment.into_affine()),
                gens,
            }
        }

        fn claim(&self) -> LinearForm<'_, C::ScalarField> {
            LinearForm {
                shape: self.shape,
                coefficients: &self.form,
                value: self.value,
                hiding: self.hiding,
            }
        }

        fn prove(&self) -> Vec<u8> {
            let mut channel = ProverChannel::new(b"test", b"");
            let opening = Opening {
                vector: &self.vector,
                blinding: self.blinding,
            };
            let rng = &mut StdRng::seed_from_u64(7);
            prove(&self.gens, &self.claim(), &opening, rng, &mut channel);
            channel.finish()
        }

        fn equation(&self, proof: &[u8]) -> Result<GroupEquation<C>, VerifyError> {
            let mut channel = VerifierChannel::new(b"test", b"", proof);
            let equation = verify(&self.claim(), &self.commitment, &mut channel)?;
            channel.finish()?;
            Ok(equation)
        }

        fn verify(&self, proof: &[u8]) -> Result<(), VerifyError> {
            self.equation(proof)?.check(&self.gens)
        }
    }

    fn columns(columns: usize) -> Shape {
        Shape { columns, pads: 0 }
    }

    /// Every length from 1 to 300, hiding or not in turn, all of them merged in one equation.
    fn completeness<C: Curve>(hiding_parity: usize) {
        let gens = Generators::<C>::get(300, 40);
        let shapes = (1..=300)
            .map(columns)
            .chain((1..40).map(|pads| Shape { columns: 57, pads }));
        let equations: Vec<_> = shapes
            .map(|shape| {
                let instance = Instance::<C>::new(shape, shape.len() % 2 == hiding_parity);
                instance.equation(&instance.prove()).unwrap()
            })
            .collect();
        let rng = &mut StdRng::seed_from_u64(8);
        let weights: Vec<_> = equations
            .iter()
            .map(|_| C::ScalarField::rand(rng))
            .collect();
        assert_eq!(
            GroupEquation::check_all(&gens, &equations, &weights),
            Ok(())
        );
    }

    #[test]
    fn complete_on_bls12_381() {
        completeness::<Bls>(0);
    }

    #[test]
    fn complete_on_pallas() {
        completeness::<Pallas>(1);
    }

    const SHAPES: [Shape; 3] = [
        Shape {
            columns: 1,
            pads: 2,
        },
        Shape {
            columns: 60,
            pads: 9,
        },
        Shape {
            columns: 200,
            pads: 57,
        },
    ];

    #[test]
    fn false_claims_are_refused() {
        for (shape, hiding) in SHAPES.into_iter().flat_map(|s| [(s, true), (s, false)]) {
            let honest = Instance::<Bls>::new(shape, hiding);
            assert_eq!(honest.verify(&honest.prove()), Ok(()));
            let mut wrong_value = Instance::<Bls>::new(shape, hiding);
            wrong_value.value += Fr::ONE;
            // Proven as it is, and a proof of the right value shown for the wrong one.
            assert_eq!(
                wrong_value.verify(&wrong_value.prove()),
                Err(VerifyError::Opening)
            );
            assert_eq!(
                wrong_value.verify(&honest.prove()),
                Err(VerifyError::Opening)
            );
            for i in [0, shape.len() / 2, shape.len() - 1] {
                let mut wrong_form = Instance::<Bls>::new(shape, hiding);
                wrong_form.form[i] += Fr::ONE;
                assert_eq!(
                    wrong_form.verify(&honest.prove()),
                    Err(VerifyError::Opening)
                );
            }
            let mut wrong_vector = Instance::<Bls>::new(shape, hiding);
            wrong_vector.vector[shape.len() - 1] += Fr::ONE;
            assert_eq!(
                wrong_vector.verify(&wrong_vector.prove()),
                Err(VerifyError::Opening)
            );
            let mut wrong_point = Instance::<Bls>::new(shape, hiding);
            wrong_point.commitment.add_blinding(Fr::ONE);
            assert_eq!(
                wrong_point.verify(&honest.prove()),
                Err(VerifyError::Opening)
            );
            let mut other_mode = Instance::<Bls>::new(shape, hiding);
            other_mode.hiding = !hiding;
            assert!(other_mode.verify(&honest.prove()).is_err());
            let mut short = Instance::<Bls>::new(shape, hiding);
            short.form.pop();
            assert_eq!(
                short.verify(&honest.prove()),
                Err(VerifyError::Shape {
                    what: "coefficients of a linear form",
                    expected: shape.len(),
                    got: shape.len() - 1
                })
            );
        }
    }

    /// Moving a coordinate from the columns to the pads changes the claim, not its length.
    #[test]
    fn the_shape_is_bound() {
        let honest = Instance::<Bls>::new(
            Shape {
                columns: 60,
                pads: 9,
            },
            true,
        );
        let mut other = Instance::<Bls>::new(
            Shape {
                columns: 60,
                pads: 9,
            },
            true,
        );
        other.shape = Shape {
            columns: 59,
            pads: 10,
        };
        other.gens = Generators::get(60, 10);
        assert_eq!(other.verify(&honest.prove()), Err(VerifyError::Opening));
    }

    /// The messages of a proof, in order: `true` for points.
    fn layout(shape: Shape, hiding: bool) -> Vec<bool> {
        let mask: &[bool] = if hiding { &[true, false, false] } else { &[] };
        let rounds = halves(shape.len()).count();
        let rest = halves(shape.len()).last().unwrap_or(shape.len());
        [mask, &vec![true; 2 * rounds], &vec![false; rest]].concat()
    }

    #[test]
    fn every_altered_message_is_refused() {
        for (shape, hiding) in SHAPES.into_iter().flat_map(|s| [(s, true), (s, false)]) {
            let instance = Instance::<Bls>::new(shape, hiding);
            let proof = instance.prove();
            let mut start = 0;
            for is_point in layout(shape, hiding) {
                let (end, altered) = if is_point {
                    let end = start + Bls::ENCODED_LEN;
                    let point = Bls::decode(&proof[start..end]).unwrap() + instance.gens.product();
                    (end, Bls::encode(&point.into()))
                } else {
                    let end = start + 32;
                    let scalar = Fr::from_le_bytes_mod_order(&proof[start..end]) + Fr::ONE;
                    let mut bytes = Vec::new();
                    scalar.serialize_compressed(&mut bytes).unwrap();
                    (end, bytes)
                };
                let forged = [&proof[..start], &altered, &proof[end..]].concat();
                assert_eq!(instance.verify(&forged), Err(VerifyError::Opening));
                assert!(matches!(
                    instance.verify(&proof[..end - 1]),
                    Err(VerifyError::Truncated { .. })
                ));
                start = end;
            }
            assert_eq!(start, proof.len());
            assert_eq!(
                instance.verify(&[&proof[..], &[0]].concat()),
                Err(VerifyError::TrailingBytes { count: 1 })
            );
        }
    }

    #[test]
    fn left_and_right_are_not_exchangeable() {
        let instance = Instance::<Bls>::new(columns(200), false);
        let mut proof = instance.prove();
        let (left, right) = proof[..96].split_at_mut(48);
        left.swap_with_slice(right);
        assert_eq!(instance.verify(&proof), Err(VerifyError::Opening));
    }

    /// A proof to be checked against challenges of the test's choice.
    fn check_with(
        instance: &Instance<Bls>,
        messages: &Messages<Bls>,
        challenges: &Challenges<Fr>,
    ) -> Result<(), VerifyError> {
        equation(
            &instance.claim(),
            &instance.commitment,
            messages,
            challenges,
        )
        .check(&instance.gens)
    }

    fn to_bytes(messages: &Messages<Bls>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (left, right) in &messages.rounds {
            Bls::encode_into(left, &mut bytes);
            Bls::encode_into(right, &mut bytes);
        }
        messages.rest.serialize_compressed(&mut bytes).unwrap();
        // A vector is serialised with its length in front; the proof has no lengths.
        let at = bytes.len() - 32 * messages.rest.len();
        bytes.drain(at - 8..at);
        bytes
    }

    /// The honest prover's messages, had the transcript answered with these challenges.
    fn answer(instance: &Instance<Bls>, challenges: &Challenges<Fr>) -> Messages<Bls> {
        let bases = instance.gens.bases(instance.shape);
        let product = instance.gens.product() * challenges.q;
        let (mut z, mut a) = (instance.vector.clone(), instance.form.clone());
        let mut g: Vec<Bls> = bases.iter().map(|p| (*p).into()).collect();
        let mut rounds = Vec::new();
        for c in &challenges.rounds {
            let h = half(z.len()).unwrap();
            let dot = |z: &[Fr], g: &[Bls]| z.iter().zip(g).map(|(z, g)| *g * z).sum::<Bls>();
            rounds.push((
                (dot(&z[..h], &g[h..]) + product * inner_product(&z[..h], &a[h..])).into(),
                (dot(&z[h..], &g[..h]) + product * inner_product(&z[h..], &a[..h])).into(),
            ));
            let identity = Bls::ZERO;
            let highs = g[h..].iter().chain(std::iter::repeat(&identity));
            g = g[..h].iter().zip(highs).map(|(l, r)| *l * c + *r).collect();
            z = fold(&z, h, Fr::ONE, *c);
            a = fold(&a, h, *c, Fr::ONE);
        }
        Messages {
            mask: None,
            rounds,
            rest: z,
        }
    }

    /// Folds the generators one by one, as on paper: the same messages as the fast prover's.
    #[test]
    fn the_prover_equals_the_textbook_prover() {
        for len in [64, 65, 127, 200, 257] {
            let instance = Instance::<Bls>::new(columns(len), false);
            let proof = instance.prove();
            let mut channel = VerifierChannel::new(b"test", b"", &proof);
            absorb_claim(&mut channel, &instance.claim());
            let (_, challenges) = receive::<Bls>(&instance.claim(), &mut channel).unwrap();
            assert_eq!(to_bytes(&answer(&instance, &challenges)), proof);
        }
    }

    /// The forgery against zkDL's `me_open`, where the fold challenges are the coordinates of the
    /// evaluation point: whoever knows the first challenge before sending `L` opens any value.
    #[test]
    fn known_fold_challenges_open_any_value() {
        let mut instance = Instance::<Bls>::new(columns(200), false);
        let rng = &mut StdRng::seed_from_u64(9);
        let rounds = (0..2).map(|_| Fr::rand(rng)).collect();
        let challenges = Challenges {
            e: Fr::ONE,
            q: Fr::rand(rng),
            rounds,
        };
        let mut messages = answer(&instance, &challenges);
        assert_eq!(check_with(&instance, &messages, &challenges), Ok(()));
        let error = Fr::from(1_000_000u64);
        instance.value += error;
        assert_eq!(
            check_with(&instance, &messages, &challenges),
            Err(VerifyError::Opening)
        );
        // P' = c P + L + c^2 R, and P is off by error Q': let L pay for it.
        let correction = instance.gens.product() * (challenges.q * challenges.rounds[0] * error);
        messages.rounds[0].0 = (-correction + messages.rounds[0].0).into();
        assert_eq!(check_with(&instance, &messages, &challenges), Ok(()));
        // Against challenges that depend on L the same messages are worth nothing.
        assert_eq!(
            instance.verify(&to_bytes(&messages)),
            Err(VerifyError::Opening)
        );
    }

    /// If the generator of inner products were not scaled by a fresh challenge, a component of
    /// the commitment along it would pay for a wrong value.
    #[test]
    fn a_known_product_generator_opens_any_value() {
        let mut instance = Instance::<Bls>::new(columns(60), false);
        let error = Fr::from(5u64);
        instance.commitment.add_product(error);
        instance.value -= error;
        let challenges = Challenges {
            e: Fr::ONE,
            q: Fr::ONE,
            rounds: vec![],
        };
        let messages = answer(&instance, &challenges);
        assert_eq!(check_with(&instance, &messages, &challenges), Ok(()));
        assert_eq!(
            instance.verify(&to_bytes(&messages)),
            Err(VerifyError::Opening)
        );
        // With several rounds the proof itself is made with the unscaled generator.
        let mut instance = Instance::<Bls>::new(columns(200), false);
        instance.commitment.add_product(error);
        instance.value -= error;
        let mut channel = ProverChannel::new(b"test", b"");
        absorb_claim(&mut channel, &instance.claim());
        let _: Fr = channel.challenge("linear form: q", 1);
        let bases = instance.gens.bases(instance.shape);
        let product = instance.gens.product().into();
        halve::<Bls>(
            &bases,
            product,
            instance.form.clone(),
            instance.vector.clone(),
            &mut channel,
        );
        let proof = channel.finish();
        assert_eq!(instance.verify(&proof), Err(VerifyError::Opening));
        let mut channel = VerifierChannel::new(b"test", b"", &proof);
        absorb_claim(&mut channel, &instance.claim());
        let (messages, mut challenges) = receive::<Bls>(&instance.claim(), &mut channel).unwrap();
        challenges.q = Fr::ONE;
        assert_eq!(check_with(&instance, &messages, &challenges), Ok(()));
    }

    /// Two proofs of one claim have nothing in common, and the proof of another vector with the
    /// same value verifies alike: what is sent is masked.
    #[test]
    fn hiding_proofs_are_randomised() {
        let instance = Instance::<Bls>::new(columns(3), true);
        let prove = |seed| {
            let mut channel = ProverChannel::new(b"test", b"");
            let opening = Opening {
                vector: &instance.vector,
                blinding: instance.blinding,
            };
            let rng = &mut StdRng::seed_from_u64(seed);
            super::prove(
                &instance.gens,
                &instance.claim(),
                &opening,
                rng,
                &mut channel,
            );
            channel.finish()
        };
        let (a, b) = (prove(1), prove(2));
        assert_eq!((instance.verify(&a), instance.verify(&b)), (Ok(()), Ok(())));
        assert_ne!(a[..48], b[..48]);
        for (x, y) in a[48..].chunks(32).zip(b[48..].chunks(32)) {
            assert_ne!(x, y);
        }
    }

    #[test]
    #[should_panic(expected = "blinded, but not hiding")]
    fn a_blinded_commitment_needs_hiding() {
        let mut instance = Instance::<Bls>::new(columns(3), true);
        instance.hiding = false;
        instance.prove();
    }

    /// Simulation: whoever chooses `e` beforehand makes accepting proofs without a witness, so
    /// the masked messages carry nothing.
    #[test]
    fn masked_messages_can_be_simulated() {
        let instance = Instance::<Bls>::new(columns(20), true);
        let rng = &mut StdRng::seed_from_u64(10);
        let challenges = Challenges {
            e: Fr::rand(rng),
            q: Fr::rand(rng),
            rounds: vec![],
        };
        let rest: Vec<Fr> = (0..20).map(|_| Fr::rand(rng)).collect();
        let blinding = Fr::rand(rng);
        let commitment: Bls = instance.commitment.evaluate(&instance.gens).unwrap();
        let announcement = msm::full::<Bls>(instance.gens.columns(), &rest)
            + instance.gens.blinding() * blinding
            - commitment * challenges.e;
        let mask = MaskMessages {
            announcement: announcement.into(),
            value: inner_product(&rest, &instance.form) - challenges.e * instance.value,
            blinding,
        };
        let messages = Messages {
            mask: Some(mask),
            rounds: vec![],
            rest,
        };
        assert_eq!(check_with(&instance, &messages, &challenges), Ok(()));
    }
}

//! Linear combinations in the group, and the equations that a verifier puts off.
//!
//! Verifying a linear form ends in "this combination of generators and received points is the
//! identity". Such equations are not checked one at a time: multiplied by random weights and
//! added up, those of many proofs become one multi-scalar multiplication, in which the generators
//! occur once (equation 51 of [`notes`](crate::notes)).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
use super::{Curve, Generators, RowCommitments, Shape, msm};
use crate::{check::Check, count, error::VerifyError};
use ark_ff::{AdditiveGroup, Field, Zero};

/// `sum_i columns_i G_i + sum_j pads_j G'_j + blinding H + product Q + sum_k s_k P_k`.
#[derive(Debug, Clone)]
pub struct Combination<C: Curve> {
    columns: Vec<C::ScalarField>,
    pads: Vec<C::ScalarField>,
    blinding: C::ScalarField,
    product: C::ScalarField,
    terms: Vec<(C::ScalarField, C::Affine)>,
}

impl<C: Curve> Default for Combination<C> {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            pads: Vec::new(),
            blinding: C::ScalarField::ZERO,
            product: C::ScalarField::ZERO,
            terms: Vec::new(),
        }
    }
}

impl<C: Curve> Combination<C> {
    /// The identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// `1 point`.
    pub fn point(point: C::Affine) -> Self {
        let mut combination = Self::new();
        combination.add_point(C::ScalarField::ONE, point);
        combination
    }

    /// Adds `scalar * point`.
    pub fn add_point(&mut self, scalar: C::ScalarField, point: C::Affine) {
        self.terms.push((scalar, point));
    }

    /// Adds `sum_i weights_i rows_i`: a commitment folded over its rows. Rows of weight zero take
    /// no memory: of a large data set a segment of training uses few.
    ///
    /// # Errors
    /// If there are not as many weights as rows.
    pub fn add_rows(
        &mut self,
        weights: &[C::ScalarField],
        commitment: &RowCommitments<C>,
    ) -> Result<(), VerifyError> {
        let (expected, got) = (commitment.rows.len(), weights.len());
        if expected != got {
            return Err(VerifyError::Shape {
                what: "weights of rows",
                expected,
                got,
            });
        }
        let terms = weights.iter().copied().zip(commitment.rows.iter().copied());
        self.terms
            .extend(terms.filter(|(weight, _)| !weight.is_zero()));
        Ok(())
    }

    /// Adds `sum_i coefficients_i B_i`, where `B` are the generators of a vector of this shape:
    /// columns, then pads.
    pub fn add_bases(
        &mut self,
        shape: Shape,
        coefficients: impl IntoIterator<Item = C::ScalarField>,
    ) {
        let mut coefficients = coefficients.into_iter();
        let columns: Vec<_> = coefficients.by_ref().take(shape.columns).collect();
        let pads: Vec<_> = coefficients.take(shape.pads).collect();
        add_dense(&mut self.columns, C::ScalarField::ONE, &columns);
        add_dense(&mut self.pads, C::ScalarField::ONE, &pads);
    }

    /// Adds `scalar * H`.
    pub fn add_blinding(&mut self, scalar: C::ScalarField) {
        self.blinding += scalar;
    }

    /// Adds `scalar * Q`.
    pub fn add_product(&mut self, scalar: C::ScalarField) {
        self.product += scalar;
    }

    /// `self += factor * other`.
    pub fn add_scaled(&mut self, factor: C::ScalarField, other: &Self) {
        add_dense(&mut self.columns, factor, &other.columns);
        add_dense(&mut self.pads, factor, &other.pads);
        self.blinding += factor * other.blinding;
        self.product += factor * other.product;
        // One a term.
        count::field_multiplications(other.terms.len());
        self.terms
            .extend(other.terms.iter().map(|(s, p)| (factor * s, *p)));
    }

    /// How many generators occur.
    pub fn shape(&self) -> Shape {
        Shape {
            columns: self.columns.len(),
            pads: self.pads.len(),
        }
    }

    /// The point: one multi-scalar multiplication.
    ///
    /// # Errors
    /// If `gens` has too few generators.
    pub fn evaluate(&self, gens: &Generators<C>) -> Result<C, VerifyError> {
        let prefix = |bases: &[C::Affine], expected: usize, what| {
            let got = bases.len();
            let bases = bases.get(..expected).map(<[C::Affine]>::to_vec);
            bases.ok_or(VerifyError::Shape {
                what,
                expected,
                got,
            })
        };
        let mut bases = prefix(gens.columns(), self.columns.len(), "column generators")?;
        bases.extend(prefix(gens.pads(), self.pads.len(), "pad generators")?);
        bases.extend([gens.blinding(), gens.product()]);
        bases.extend(self.terms.iter().map(|(_, point)| *point));
        let mut scalars = [self.columns.as_slice(), &self.pads].concat();
        scalars.extend([self.blinding, self.product]);
        scalars.extend(self.terms.iter().map(|(scalar, _)| *scalar));
        Ok(msm::full(&bases, &scalars))
    }
}

/// `sum += factor * other`, where missing tails are zero.
fn add_dense<F: Field>(sum: &mut Vec<F>, factor: F, other: &[F]) {
    // One a coefficient.
    count::field_multiplications(other.len());
    sum.resize(sum.len().max(other.len()), F::ZERO);
    for (s, o) in sum.iter_mut().zip(other) {
        *s += factor * o;
    }
}

/// A combination that must be the identity, not checked yet.
#[must_use = "nothing is proven until the equation is checked"]
#[derive(Debug, Clone)]
pub struct GroupEquation<C: Curve>(Combination<C>);

impl<C: Curve> GroupEquation<C> {
    /// `combination = 0`.
    pub fn new(combination: Combination<C>) -> Self {
        Self(combination)
    }

    /// How many generators occur.
    pub fn shape(&self) -> Shape {
        self.0.shape()
    }

    /// How many scalars and points there are to keep.
    pub fn size(&self) -> usize {
        self.shape().len() + 2 * self.0.terms.len()
    }

    /// Checks the equation.
    ///
    /// # Errors
    /// [`VerifyError::Opening`] if it does not hold; [`VerifyError::Shape`] if `gens` has too few
    /// generators.
    pub fn check(&self, gens: &Generators<C>) -> Result<(), VerifyError> {
        match self.0.evaluate(gens)?.is_zero() || !Check::Opening.is_made() {
            true => Ok(()),
            false => Err(VerifyError::Opening),
        }
    }

    /// Checks several equations at once: one that fails passes with probability `1 / |F|`, if the
    /// weights were drawn after everything that the equations depend on, last messages included.
    ///
    /// # Errors
    /// As [`check`](Self::check), and [`VerifyError::Shape`] unless there is one weight for each
    /// equation.
    pub fn check_all<'a>(
        gens: &Generators<C>,
        equations: impl IntoIterator<Item = &'a Self, IntoIter: ExactSizeIterator>,
        weights: &[C::ScalarField],
    ) -> Result<(), VerifyError> {
        let equations = equations.into_iter();
        let (expected, got) = (equations.len(), weights.len());
        if expected != got {
            return Err(VerifyError::Shape {
                what: "weights of equations",
                expected,
                got,
            });
        }
        let mut sum = Combination::new();
        for (equation, weight) in equations.zip(weights) {
            sum.add_scaled(*weight, &equation.0);
        }
        Self(sum).check(gens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::{Fr, G1Projective as Bls};
    use ark_ec::{AffineRepr, CurveGroup};
    use ark_ff::UniformRand;
    use ark_std::test_rng;

    /// A random equation that holds: the last term cancels the others.
    fn random(gens: &Generators<Bls>, shape: Shape) -> GroupEquation<Bls> {
        let rng = &mut test_rng();
        let mut sum = Combination::<Bls>::new();
        sum.add_bases(shape, (0..shape.len()).map(|_| Fr::rand(rng)));
        sum.add_blinding(Fr::rand(rng));
        sum.add_product(Fr::rand(rng));
        sum.add_point(Fr::rand(rng), Bls::rand(rng).into());
        let value = sum.evaluate(gens).unwrap();
        sum.add_point(-Fr::ONE, value.into());
        GroupEquation::new(sum)
    }

    #[test]
    fn equations_are_merged() {
        let gens = Generators::<Bls>::get(5, 4);
        let all: Vec<_> = [(5, 4), (0, 4), (3, 0), (0, 0)]
            .map(|(columns, pads)| random(&gens, Shape { columns, pads }))
            .into();
        let rng = &mut test_rng();
        let weights: Vec<_> = (0..4).map(|_| Fr::rand(rng)).collect();
        assert_eq!(GroupEquation::check_all(&gens, &all, &weights), Ok(()));
        for k in 0..4 {
            let mut bad = all.clone();
            bad[k].0.add_product(Fr::ONE);
            assert_eq!(all[k].check(&gens), Ok(()));
            assert_eq!(bad[k].check(&gens), Err(VerifyError::Opening));
            assert_eq!(
                GroupEquation::check_all(&gens, &bad, &weights),
                Err(VerifyError::Opening)
            );
        }
        assert!(matches!(
            GroupEquation::check_all(&gens, &all, &weights[..3]),
            Err(VerifyError::Shape {
                expected: 4,
                got: 3,
                ..
            })
        ));
        let few = Generators::<Bls>::get(4, 4);
        assert!(matches!(
            all[0].check(&few),
            Err(VerifyError::Shape {
                expected: 5,
                got: 4,
                ..
            })
        ));
        // Two opposite errors do not cancel.
        let mut bad = all.clone();
        bad[0].0.add_blinding(Fr::ONE);
        bad[1].0.add_blinding(-Fr::ONE);
        assert_eq!(
            GroupEquation::check_all(&gens, &bad, &weights),
            Err(VerifyError::Opening)
        );
    }

    #[test]
    fn combinations_are_linear() {
        let gens = Generators::<Bls>::get(5, 4);
        let rng = &mut test_rng();
        let p: <Bls as ark_ec::CurveGroup>::Affine = Bls::rand(rng).into();
        let (s, t) = (Fr::rand(rng), Fr::rand(rng));
        let mut a = Combination::<Bls>::point(p);
        a.add_bases(
            Shape {
                columns: 1,
                pads: 2,
            },
            [s, t, s],
        );
        let mut b = a.clone();
        b.add_scaled(t, &a);
        let expected = p * (Fr::ONE + t)
            + (gens.columns()[0] * s + gens.pads()[0] * t + gens.pads()[1] * s) * (Fr::ONE + t);
        assert_eq!(b.evaluate(&gens).unwrap(), expected);
        assert_eq!(
            a.shape(),
            Shape {
                columns: 1,
                pads: 2
            }
        );
        assert!(
            Combination::<Bls>::new()
                .evaluate(&gens)
                .unwrap()
                .into_affine()
                .is_zero()
        );
        let rows = RowCommitments::<Bls> {
            rows: vec![p, gens.blinding()],
        };
        let mut folded = Combination::new();
        folded.add_rows(&[s, t], &rows).unwrap();
        assert_eq!(folded.evaluate(&gens).unwrap(), p * s + gens.blinding() * t);
        assert!(folded.add_rows(&[s], &rows).is_err());
    }
}

//! # Chapter 5: opening a Hyrax commitment
//!
//! Chapters 2 to 4 end in claims `M~(r) = y` on tables that the verifier has not got. Here it has a
//! commitment to the table, published before `r` was known.
//!
//! **Relation.** The table is a matrix `M`, and each row has a Pedersen commitment
//!
//! ```text
//! C_k = sum_i M_ki G_i + p_k H,
//! ```
//!
//! with public points `G_i` and `H` between which nobody knows a relation, and a random blinding
//! `p_k`, for which `C_k` is a uniform point whatever the row is. By the product form of `eq`
//!
//! ```text
//! M~(r) = u^T M v,    u = eq(r_high, .) for rows,    v = eq(r_low, .) for columns.
//! ```
//!
//! **Prover.** Sends the folded row `f = u^T M` and the folded blinding `p = sum_k u_k p_k`.
//!
//! **Verifier.** Commitments are linear, so it folds them, and checks
//!
//! ```text
//! sum_k u_k C_k = sum_i f_i G_i + p H    and    <f, v> = y:
//! ```
//!
//! with a square matrix, work of the square root of the table's size. This shows `f`. The library
//! sends a proof of knowledge of `f` in its place, of `<f, v> = y` in zero knowledge and of logarithmic
//! size: [`linear`]. Claims at several points, on several matrices, are made one by a sumcheck over the
//! columns first: [`opening`].
//!
//! **Soundness** is computational: two different `f` that pass for the same fold are a relation
//! between the `G_i` and `H`, and whoever finds one, finds discrete logarithms. So there is one `f`
//! that the prover can send, and with it the value is right or wrong without any probability. That
//! `f` is `u^T M` for *one* `M`, the same for all `u`, follows for random `u` as in chapter 1. The
//! library's parts add `(claims + 2 c) / |F|` for the sumcheck over `2^c` columns and
//! `(2 + 2 h) / |F|` for the `h` halvings of the proof of knowledge.
//!
//! **Who chose the points?** A prover who knows `G_1 = s G_0` opens one commitment to any value: the
//! last test is that prover, and it wins. So generators are hashes ([`Generators`]), not multiples of
//! one point by scalars that someone promises to have forgotten.
//!
//! **Try.** Commit to a row with blinding 0 and find out by trial what small number it holds. Make the
//! matrix one row, or one column: what does it cost then? Let the prover choose `M` after `r`.
use super::uniform;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field};
use ark_pallas::{Affine, Fr};
use proptest::{collection::vec, prelude::*};
use rand::rngs::OsRng;
use zktree::{
    Pallas,
    commit::{
        Combination, Generators, RowBlindings, RowCommitments, Shape,
        hyrax::{self, num_rows},
        linear::{self, LinearForm},
        opening::{self, Columns, FoldRows, FormClaim},
    },
    error::VerifyError,
    poly::{eq_evals, evaluate, inner_product},
    transcript::{Challenger, Expr, ProverChannel, VerifierChannel},
};

/// Variables of a column index: rows have 8 entries.
const LOW: usize = 3;
const ROW: usize = 1 << LOW;

/// Points to commit with: as many as a row has entries, and the one of blindings.
struct Points {
    columns: Vec<Affine>,
    blinding: Affine,
}

impl Points {
    fn hashed() -> Self {
        let generators = Generators::<Pallas>::get(ROW, 0);
        let columns = generators.columns()[..ROW].to_vec();
        Self {
            columns,
            blinding: generators.blinding(),
        }
    }

    /// `sum_i row_i G_i + blinding H`.
    fn commit(&self, row: &[Fr], blinding: Fr) -> Affine {
        let terms = self.columns.iter().zip(row).map(|(point, x)| *point * x);
        (terms.sum::<Pallas>() + self.blinding * blinding).into_affine()
    }
}

/// A matrix row by row, its blindings, and the commitments of its rows.
struct Committed {
    rows: Vec<Vec<Fr>>,
    blindings: Vec<Fr>,
    commitments: Vec<Affine>,
}

impl Committed {
    fn new(points: &Points, values: &[i64], blindings: &[Fr]) -> Self {
        let field: Vec<Fr> = values.iter().map(|v| Fr::from(*v)).collect();
        let rows: Vec<Vec<Fr>> = field.chunks(ROW).map(<[Fr]>::to_vec).collect();
        let pairs = rows.iter().zip(blindings);
        let commitments = pairs.map(|(row, p)| points.commit(row, *p)).collect();
        Self {
            rows,
            blindings: blindings.to_vec(),
            commitments,
        }
    }

    /// The prover's message: folded row and folded blinding.
    fn open(&self, r: &[Fr]) -> (Vec<Fr>, Fr) {
        let u = eq_evals(&r[LOW..]);
        (self.fold_rows(0, &u), inner_product(&u, &self.blindings))
    }
}

impl FoldRows<Fr> for Committed {
    fn fold_rows(&self, _: usize, u: &[Fr]) -> Vec<Fr> {
        let column = |i: usize| self.rows.iter().zip(u).map(|(row, u)| row[i] * u).sum();
        (0..ROW).map(column).collect()
    }
}

/// The verifier, as it stands above.
fn verify(points: &Points, commitments: &[Affine], r: &[Fr], y: Fr, f: &[Fr], p: Fr) -> bool {
    let (low, high) = r.split_at(LOW);
    let terms = commitments.iter().zip(eq_evals(high)).map(|(c, u)| *c * u);
    terms.sum::<Pallas>().into_affine() == points.commit(f, p)
        && inner_product(f, &eq_evals(low)) == y
}

/// Matrices of 1, 2 or 4 rows, with blindings, and a point.
fn matrices() -> impl Strategy<Value = (Vec<i64>, Vec<Fr>, Vec<Fr>)> {
    (0usize..3).prop_flat_map(|high| {
        let entries = prop_oneof![-99i64..99, Just(i64::MIN), Just(i64::MAX)];
        (
            vec(entries, ROW << high),
            vec(uniform(), 1 << high),
            vec(uniform(), LOW + high),
        )
    })
}

/// What both sides of a proof by the library know: commitment, points, values.
struct Statement<'a> {
    commitment: &'a RowCommitments<Pallas>,
    claims: &'a [(Vec<Fr>, Fr)],
}

impl Statement<'_> {
    const SHAPE: Shape = Shape {
        columns: ROW,
        pads: 0,
    };

    /// Commitment first. Points and values are in the transcript of whatever made them: here, by hand.
    fn absorb(&self, channel: &mut impl Challenger<Fr>) {
        channel.absorb("commitment", &self.commitment.encode());
        channel.absorb("claims", format!("{:?}", self.claims).as_bytes());
    }

    /// Each claim as a bilinear form.
    fn forms<V>(&self, value: impl Fn(Fr) -> V) -> Vec<FormClaim<Fr, V>> {
        let form = |(r, y): &(Vec<Fr>, Fr)| FormClaim {
            matrix: 0,
            rows: eq_evals(&r[LOW..]),
            columns: Columns::Eq(r[..LOW].to_vec()),
            value: value(*y),
        };
        self.claims.iter().map(form).collect()
    }

    fn prove(&self, matrix: &Committed) -> Vec<u8> {
        let mut channel = ProverChannel::new(b"teaching", b"");
        self.absorb(&mut channel);
        let (left, vector) = opening::prove(self.forms(|y| y), LOW, matrix, &mut channel);
        let weights = left
            .rows
            .iter()
            .map(|(_, u)| inner_product(u, &matrix.blindings));
        let opening = linear::Opening {
            vector: &vector,
            blinding: weights.sum(),
        };
        let form = LinearForm {
            shape: Self::SHAPE,
            coefficients: &eq_evals(&left.point),
            value: left.value,
            hiding: true,
        };
        let generators = Generators::<Pallas>::get(ROW, 0);
        linear::prove(&generators, &form, &opening, &mut OsRng, &mut channel);
        channel.finish()
    }

    fn verify(&self, proof: &[u8]) -> Result<(), VerifyError> {
        let mut channel = VerifierChannel::new(b"teaching", b"", proof);
        self.absorb(&mut channel);
        let left = opening::verify(self.forms(Expr::known), LOW, &mut channel)?;
        let mut commitment = Combination::<Pallas>::new();
        for (_, weights) in &left.rows {
            commitment.add_rows(weights, self.commitment)?;
        }
        let form = LinearForm {
            shape: Self::SHAPE,
            coefficients: &eq_evals(&left.point),
            value: left.value.constant(),
            hiding: true,
        };
        let equation = linear::verify(&form, &commitment, &mut channel)?;
        channel.finish()?;
        equation.check(&Generators::get(ROW, 0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The value is that of chapter 1. A wrong value is refused with the right row, and so is any
    /// other row, which the cheat takes such that the value fits.
    #[test]
    fn a_folded_row_opens_the_value_and_no_other(
        (values, blindings, r) in matrices(),
        error in (1u64..).prop_map(Fr::from),
    ) {
        let points = Points::hashed();
        let matrix = Committed::new(&points, &values, &blindings);
        let y = evaluate(&matrix.rows.concat(), &r);
        let (f, p) = matrix.open(&r);
        let accepts = |y, f: &[Fr]| verify(&points, &matrix.commitments, &r, y, f, p);
        prop_assert!(accepts(y, &f));
        prop_assert!(!accepts(y + error, &f));

        let mut other = f.clone();
        other[0] += error / eq_evals(&r[..LOW])[0];
        prop_assert_eq!(inner_product(&other, &eq_evals(&r[..LOW])), y + error);
        prop_assert!(!accepts(y + error, &other));
    }

    /// The library's commitments are these points, and of two claims at once it accepts true values
    /// and refuses one that is wrong, whether the prover computes on with the matrix or with another.
    #[test]
    fn the_library_opens_true_values_and_no_others(
        (values, blindings, r) in matrices(),
        place: prop::sample::Index,
        error in 1i64..1000,
    ) {
        let points = Points::hashed();
        let matrix = Committed::new(&points, &values, &blindings);
        let generators = Generators::<Pallas>::get(ROW, 0);
        prop_assert_eq!(num_rows(values.len(), ROW), blindings.len());
        let secret = RowBlindings::from_secret(blindings.clone());
        let commitment = hyrax::commit_rows(&generators, &values, ROW, &secret);
        prop_assert_eq!(&commitment.rows, &matrix.commitments);

        let other_point: Vec<Fr> = r.iter().map(Field::square).collect();
        let claims = |rows: &[Vec<Fr>]| {
            let at = |point: &Vec<Fr>| (point.clone(), evaluate(&rows.concat(), point));
            [&r, &other_point].map(at)
        };
        let truth = claims(&matrix.rows);
        let statement = Statement { commitment: &commitment, claims: &truth };
        let proof = statement.prove(&matrix);
        prop_assert_eq!(statement.verify(&proof), Ok(()));

        let mut wrong = truth.clone();
        wrong[1].1 += Fr::from(error);
        let lie = Statement { commitment: &commitment, claims: &wrong };
        prop_assert_eq!(lie.verify(&proof), Err(VerifyError::Opening));
        prop_assert_eq!(lie.verify(&lie.prove(&matrix)), Err(VerifyError::Opening));

        let mut altered = values.clone();
        let place = place.index(values.len());
        altered[place] = altered[place].wrapping_add(error);
        let altered = Committed::new(&points, &altered, &blindings);
        let wrong = claims(&altered.rows);
        let lie = Statement { commitment: &commitment, claims: &wrong };
        prop_assert_eq!(lie.verify(&lie.prove(&altered)), Err(VerifyError::Opening));
    }

    /// With `G_1 = s G_0` the rows `f` and `f + (-s t, t, 0, ..)` have one commitment.
    #[test]
    fn who_knows_a_relation_between_the_points_opens_to_anything(
        (values, blindings, r) in matrices(),
        (s, y) in (uniform(), uniform()),
    ) {
        let mut points = Points::hashed();
        points.columns[1] = (points.columns[0] * s).into_affine();
        let matrix = Committed::new(&points, &values, &blindings);
        let (mut f, p) = matrix.open(&r);
        let v = eq_evals(&r[..LOW]);
        // <f, v> must change by t (v_1 - s v_0).
        let t = (y - inner_product(&f, &v)) / (v[1] - s * v[0]);
        f[0] -= s * t;
        f[1] += t;
        prop_assert!(points.columns[0].is_on_curve() && !points.columns[0].is_zero());
        prop_assert!(verify(&points, &matrix.commitments, &r, y, &f, p));

        let hashed = Points::hashed();
        let matrix = Committed::new(&hashed, &values, &blindings);
        prop_assert!(!verify(&hashed, &matrix.commitments, &r, y, &f, p));
        prop_assert_ne!(t, Fr::ZERO);
    }
}

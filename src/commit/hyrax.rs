//! Hyrax commitments: a tensor is cut into rows, and each row has its own hiding Pedersen
//! commitment.
//!
//! Equations 36 and 37 of [`notes`](crate::notes).
//!
//! **Relation.** $C_k = \langle M_k, \mathbf G \rangle + \rho_k H$ for each row $M_k$ of a matrix of
//! integers, and uniform $\rho_k$. Commitments are linear,
//! $$ \sum_k u_k C_k = \langle u^{\mathsf T} M, \mathbf G \rangle + \langle u, \rho \rangle H, $$
//! so a bilinear form $u^{\mathsf T} M v$ is opened by folding them by $u$: one inner product with $v$
//! is left. For the value of the extension at $(r_{\text{low}}, r_{\text{high}})$,
//! $u = \mathrm{eq}(r_{\text{high}}, \cdot)$ and $v = \mathrm{eq}(r_{\text{low}}, \cdot)$.
//!
//! **Prover.** [`commit_rows`]. Rows are short (thousands of entries), so the generators are few and
//! rows are independent. To open, it folds rows and blindings and proves the inner product:
//! [`linear`](super::linear), for many claims behind [`opening`](super::opening).
//!
//! **Verifier.** Folds the commitments, as terms of a [`Combination`](super::Combination).
//!
//! **Soundness.** Binding rests on the discrete logarithm; hiding is perfect. A commitment says nothing
//! about its row's length: an opening names the generators that it covers.
//!
//! **Departures.** Entries are small signed integers. Openings of many tensors share one inner
//! product.
//!
//! **References.** Wahby, Tzialla, shelat, Thaler, Walfish, *Doubly-efficient zkSNARKs without trusted
//! setup* ([2017/1132](https://eprint.iacr.org/2017/1132)), sec. 6.
//!
//! # To learn it
//!
//! `tests/teaching/hyrax.rs` in the repository.
use super::{Curve, Generators, msm};
use crate::{count, error::VerifyError, poly::parallel};
use ark_ff::PrimeField;
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// The commitments of the rows of one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCommitments<C: Curve> {
    /// One point a row.
    pub rows: Vec<C::Affine>,
}

/// The blinding factors of the rows of one tensor: as secret as the tensor, and erased when
/// dropped.
#[derive(Clone)]
pub struct RowBlindings<F: PrimeField>(Vec<F>);

impl<F: PrimeField> Drop for RowBlindings<F> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<F: PrimeField> std::fmt::Debug for RowBlindings<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowBlindings({} rows)", self.0.len())
    }
}

impl<F: PrimeField> RowBlindings<F> {
    /// Uniform blindings: the commitments hide their rows.
    pub fn random(num_rows: usize, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self((0..num_rows).map(|_| F::rand(rng)).collect())
    }

    /// No blinding: the commitments bind, but do not hide.
    pub fn zero(num_rows: usize) -> Self {
        Self(vec![F::ZERO; num_rows])
    }

    /// Blindings read back from a private file.
    pub fn from_secret(blindings: Vec<F>) -> Self {
        Self(blindings)
    }

    /// The secret values, for the opening and for the owner's private file.
    pub fn expose(&self) -> &[F] {
        &self.0
    }

    /// `sum_i weights_i rho_i`: the blinding of the folded rows.
    ///
    /// # Panics
    /// If there are not as many weights as rows.
    pub fn fold(&self, weights: &[F]) -> F {
        assert_eq!(self.0.len(), weights.len(), "one weight a row");
        // One a row.
        count::field_multiplications(weights.len());
        self.0.iter().zip(weights).map(|(rho, w)| *rho * w).sum()
    }

    /// `self + factor * other`: the blindings of the sum of two commitments.
    ///
    /// # Panics
    /// If the numbers of rows differ.
    pub fn plus(&self, factor: F, other: &Self) -> Self {
        assert_eq!(self.0.len(), other.0.len(), "blindings of the same rows");
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(a, b)| *a + factor * b)
                .collect(),
        )
    }
}

/// Number of rows of a tensor of `len` entries: the last row may be shorter.
pub fn num_rows(len: usize, row_len: usize) -> usize {
    len.div_ceil(row_len.max(1))
}

/// Commits a tensor (row-major, cut into rows of `row_len` entries; the last row is extended by
/// zeros).
///
/// # Panics
/// If `row_len` is not a power of two or exceeds the number of column generators, or if there are
/// not [`num_rows`] blindings.
pub fn commit_rows<C: Curve>(
    gens: &Generators<C>,
    data: &[i64],
    row_len: usize,
    blindings: &RowBlindings<C::ScalarField>,
) -> RowCommitments<C> {
    assert!(
        row_len.is_power_of_two(),
        "the length of a row is a power of two"
    );
    assert!(
        row_len <= gens.columns().len(),
        "a row is longer than the generators"
    );
    commit_slices(gens, &data.chunks(row_len).collect::<Vec<_>>(), blindings)
}

/// Commits rows that are given one by one, each extended by zeros.
///
/// # Panics
/// If a row is longer than the column generators, or there is not one blinding for each row.
pub fn commit_slices<C: Curve>(
    gens: &Generators<C>,
    rows: &[&[i64]],
    blindings: &RowBlindings<C::ScalarField>,
) -> RowCommitments<C> {
    assert_eq!(rows.len(), blindings.0.len(), "one blinding a row");
    let sums = gens.combine_rows(rows);
    // The blinding of each row.
    count::group_additions(rows.len());
    let blinded = parallel::map(rows.len(), 64, |i| sums[i] + gens.blind(&blindings.0[i]));
    RowCommitments {
        rows: C::normalize_batch(&blinded),
    }
}

impl<C: Curve> RowCommitments<C> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// `self + factor * other`, row by row: the commitment of that combination of the tensors,
    /// with that combination of the blindings.
    ///
    /// # Errors
    /// If the numbers of rows differ.
    pub fn plus(&self, factor: C::ScalarField, other: &Self) -> Result<Self, VerifyError> {
        let (expected, got) = (self.len(), other.len());
        if expected != got {
            return Err(VerifyError::Shape {
                what: "rows of a sum of commitments",
                expected,
                got,
            });
        }
        // A multiple and a sum for each row.
        count::scalar_multiplications(self.len(), C::ScalarField::MODULUS_BIT_SIZE);
        count::group_additions(self.len());
        let pairs: Vec<_> = self.rows.iter().zip(&other.rows).collect();
        let sums = parallel::map(pairs.len(), 64, |i| match pairs.get(i) {
            Some((a, b)) => **b * factor + **a,
            None => C::ZERO,
        });
        Ok(Self {
            rows: C::normalize_batch(&sums),
        })
    }

    /// `sum_i weights_i rows_i` over the shorter of the two lists.
    pub fn fold(&self, weights: &[C::ScalarField]) -> C {
        msm::full(&self.rows, weights)
    }

    /// The encodings of all rows, [`Curve::ENCODED_LEN`] bytes each. The number of rows is part
    /// of the statement, not of the bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * C::ENCODED_LEN);
        for row in &self.rows {
            C::encode_into(row, &mut bytes);
        }
        bytes
    }

    /// Reads the canonical encoding of exactly `num_rows` rows.
    ///
    /// # Errors
    /// [`VerifyError::Shape`] if there are more or fewer bytes, [`VerifyError::InvalidPoint`] if
    /// a row is not the canonical encoding of a point of the group.
    pub fn decode(bytes: &[u8], num_rows: usize) -> Result<Self, VerifyError> {
        let expected = num_rows.saturating_mul(C::ENCODED_LEN);
        if bytes.len() != expected {
            return Err(VerifyError::Shape {
                what: "bytes of row commitments",
                expected,
                got: bytes.len(),
            });
        }
        let encodings: Vec<&[u8]> = bytes.chunks_exact(C::ENCODED_LEN).collect();
        let rows = parallel::map(encodings.len(), 512, |i| {
            encodings.get(i).and_then(|e| C::decode(e))
        });
        let rows: Option<Vec<_>> = rows.into_iter().collect();
        let rows = rows.ok_or(VerifyError::InvalidPoint {
            label: "row commitment",
        })?;
        Ok(Self { rows })
    }

    /// SHA-256 of the encodings, bound to the curve and the number of rows.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"zktree-v1 row commitments")
            .chain_update((C::NAME.len() as u64).to_le_bytes())
            .chain_update(C::NAME)
            .chain_update((self.len() as u64).to_le_bytes())
            .chain_update(self.encode())
            .finalize()
            .into()
    }

    /// The root of the RFC 6962 Merkle tree whose leaves are the encodings of the rows: names a
    /// data set of which single rows can be shown.
    pub fn merkle_root(&self) -> [u8; 32] {
        let leaves: Vec<[u8; 32]> = self
            .rows
            .iter()
            .map(|row| leaf_hash(&C::encode(row)))
            .collect();
        merkle_root(&leaves)
    }
}

/// `SHA-256(0x00 || data)`, RFC 6962, section 2.1.
fn leaf_hash(data: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update([0])
        .chain_update(data)
        .finalize()
        .into()
}

/// The Merkle tree hash of RFC 6962, section 2.1, over leaf hashes.
fn merkle_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            // The left part is the largest power of two below the number of leaves.
            let (left, right) = leaves.split_at(leaves.len().div_ceil(2).next_power_of_two());
            Sha256::new()
                .chain_update([1])
                .chain_update(merkle_root(left))
                .chain_update(merkle_root(right))
                .finalize()
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::G1Projective as Bls;
    use ark_ec::AffineRepr;
    use ark_ff::{AdditiveGroup, Field, UniformRand};
    use ark_pallas::Projective as Pallas;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn commitments<C: Curve>() {
        let rng = &mut StdRng::seed_from_u64(1);
        let gens = Generators::<C>::get(16, 0);
        let data: Vec<i64> = (0..70).map(|_| rng.gen_range(-1000..1000)).collect();
        let blindings = RowBlindings::random(num_rows(70, 16), rng);
        let commitment = commit_rows(&gens, &data, 16, &blindings);
        assert_eq!(commitment.len(), 5);
        for (i, row) in data.chunks(16).enumerate() {
            let expected =
                msm::naive::<C>(gens.columns(), row) + gens.blinding() * blindings.expose()[i];
            assert_eq!(commitment.rows[i], expected.into());
        }
        // The tail is zero-extended, and blinding zero is no blinding.
        let open = commit_rows(&gens, &data, 16, &RowBlindings::zero(5));
        let mut padded = data.clone();
        padded.resize(80, 0);
        assert_eq!(
            open,
            commit_rows(&gens, &padded, 16, &RowBlindings::zero(5))
        );
        assert_ne!(open, commitment);
        // Homomorphic: child = parent + c * update.
        let update: Vec<i64> = (0..70).map(|_| rng.gen_range(-9..9)).collect();
        let fresh = RowBlindings::random(5, rng);
        let child: Vec<i64> = data.iter().zip(&update).map(|(a, b)| a - 3 * b).collect();
        let minus_three = -C::ScalarField::from(3u64);
        assert_eq!(
            commitment.plus(minus_three, &commit_rows(&gens, &update, 16, &fresh)),
            Ok(commit_rows(
                &gens,
                &child,
                16,
                &blindings.plus(minus_three, &fresh)
            ))
        );
        let short = RowCommitments::<C> {
            rows: commitment.rows[1..].to_vec(),
        };
        assert!(matches!(
            commitment.plus(C::ScalarField::ONE, &short),
            Err(VerifyError::Shape {
                expected: 5,
                got: 4,
                ..
            })
        ));
        // Folding.
        let weights: Vec<_> = (0..5).map(|_| C::ScalarField::rand(rng)).collect();
        let folded: Vec<_> = (0..16)
            .map(|i| {
                let column = padded.iter().skip(i).step_by(16);
                column
                    .zip(&weights)
                    .map(|(v, w)| C::ScalarField::from(*v) * w)
                    .sum::<C::ScalarField>()
            })
            .collect();
        assert_eq!(
            commitment.fold(&weights),
            msm::full::<C>(gens.columns(), &folded) + gens.blinding() * blindings.fold(&weights)
        );
    }

    #[test]
    fn rows_are_pedersen_commitments() {
        commitments::<Bls>();
        commitments::<Pallas>();
    }

    fn encoding<C: Curve>() {
        let rng = &mut StdRng::seed_from_u64(2);
        let gens = Generators::<C>::get(4, 0);
        let commitment = commit_rows(&gens, &[1, 2, 3, 4, 5], 4, &RowBlindings::random(2, rng));
        let bytes = commitment.encode();
        assert_eq!(RowCommitments::decode(&bytes, 2), Ok(commitment.clone()));
        for (bytes, rows) in [
            (&bytes[..], 1),
            (&bytes, 3),
            (&bytes[1..], 2),
            (&bytes, usize::MAX),
            (&[], 2),
        ] {
            assert!(matches!(
                RowCommitments::<C>::decode(bytes, rows),
                Err(VerifyError::Shape { .. })
            ));
        }
        let garbage = vec![0xff; bytes.len()];
        assert_eq!(
            RowCommitments::<C>::decode(&garbage, 2),
            Err(VerifyError::InvalidPoint {
                label: "row commitment"
            })
        );
        let shorter = RowCommitments::<C> {
            rows: commitment.rows[..1].to_vec(),
        };
        let swapped = RowCommitments::<C> {
            rows: vec![commitment.rows[1], commitment.rows[0]],
        };
        for other in [shorter, swapped] {
            assert_ne!(other.digest(), commitment.digest());
            assert_ne!(other.merkle_root(), commitment.merkle_root());
        }
        assert_eq!(
            RowCommitments::<C>::decode(&[], 0),
            Ok(RowCommitments { rows: vec![] })
        );
    }

    #[test]
    fn encodings_are_canonical() {
        encoding::<Bls>();
        encoding::<Pallas>();
    }

    /// The roots that Certificate Transparency's reference implementation has for its test
    /// leaves, after 1, 2, 3, 5, 7 and 8 of them.
    #[test]
    fn merkle_root_is_that_of_rfc_6962() {
        let hex = |s: &str| -> Vec<u8> {
            (0..s.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap())
                .collect()
        };
        let leaves: Vec<[u8; 32]> = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .map(|leaf| leaf_hash(&hex(leaf)))
        .to_vec();
        for (count, root) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
            (
                5,
                "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            ),
            (
                7,
                "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ] {
            assert_eq!(merkle_root(&leaves[..count]).to_vec(), hex(root));
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let blindings = RowBlindings::from_secret(vec![ark_bls12_381::Fr::from(42u64); 3]);
        assert_eq!(format!("{blindings:?}"), "RowBlindings(3 rows)");
        assert_eq!(
            RowBlindings::<ark_bls12_381::Fr>::zero(2).expose(),
            [ark_bls12_381::Fr::ZERO; 2]
        );
        assert!(ark_bls12_381::G1Affine::zero().is_zero());
    }
}

//! Generators that nobody knows a relation between: RFC 9380 hash-to-curve from fixed labels.
//!
//! There are four families, all independent: `columns` carry the entries of committed rows,
//! `pads` the one-time pads of the masked transcript, `blinding` (H) hides and `product` (Q)
//! carries the inner product of an opening. The suite is
//! `XMD:SHA-256`, Shallue-van de Woestijne map, random-oracle variant:
//!
//! ```text
//! dst        = "zktree-v1-" curve "_XMD:SHA-256_SVDW_RO_"
//! generator  = hash_to_curve(family || index as u64, little-endian)
//! ```
//!
//! Generator `i` of a family does not depend on how many are made. `tests/vectors/generators.py`
//! is an independent implementation that the pinned vectors come from.
//!
//! # References
//! [RFC 9380](https://www.rfc-editor.org/rfc/rfc9380), sections 3, 5.2, 6.6.1, F.1 and H.1.
use super::{comb::Comb, curve::Curve, msm};
use crate::poly::parallel;
use ark_ec::AffineRepr;
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// The map from field elements to points of `y^2 = x^3 + b`, RFC 9380, sections 6.6.1 and F.1.
struct ShallueVanDeWoestijne<F> {
    b: F,
    z: F,
    /// `g(Z)`, where `g(x) = x^3 + b`.
    c1: F,
    /// `-Z / 2`.
    c2: F,
    /// `sqrt(-g(Z) * 3 Z^2)`, the root with `sgn0 = 0`.
    c3: F,
    /// `-4 g(Z) / (3 Z^2)`.
    c4: F,
}

/// The parity of a field element, RFC 9380, section 4.1.
fn sgn0<F: PrimeField>(x: &F) -> bool {
    use ark_ff::BigInteger;
    x.into_bigint().is_odd()
}

/// RFC 9380, section H.1, for `a = 0`.
fn find_z_svdw<F: PrimeField>(b: F) -> F {
    let g = |x: F| x * x * x + b;
    let is_square = |x: F| x.legendre().is_qr() || x.is_zero();
    let suitable = |z: &F| {
        let Some(inverse) = (g(*z) * F::from(4u64)).inverse() else {
            return false;
        };
        let h = -(z.square() * F::from(3u64)) * inverse;
        !h.is_zero() && is_square(h) && (is_square(g(*z)) || is_square(g(-*z / F::from(2u64))))
    };
    (1u64..)
        .flat_map(|i| [F::from(i), -F::from(i)])
        .find(suitable)
        .expect("a quarter of all candidates are suitable")
}

impl<F: PrimeField> ShallueVanDeWoestijne<F> {
    fn new(b: F) -> Self {
        let z = find_z_svdw(b);
        let c1 = z * z * z + b;
        let three_z2 = z.square() * F::from(3u64);
        let root = (-c1 * three_z2)
            .sqrt()
            .expect("Z makes it a square, criterion 3 of H.1");
        Self {
            b,
            z,
            c1,
            c2: -z / F::from(2u64),
            c3: if sgn0(&root) { -root } else { root },
            c4: -F::from(4u64) * c1 / three_z2,
        }
    }

    /// The steps of section F.1. Input and output are public, so it need not be constant-time.
    fn map(&self, u: F) -> (F, F) {
        let u2c1 = u.square() * self.c1;
        let (plus, minus) = (F::ONE + u2c1, F::ONE - u2c1);
        let inverse = (plus * minus).inverse().unwrap_or_default();
        let shift = u * minus * inverse * self.c3;
        let x3 = || (plus.square() * inverse).square() * self.c4 + self.z;
        let root = |x: F| Some((x, (x.square() * x + self.b).sqrt()?));
        let (x, y) = root(self.c2 - shift)
            .or_else(|| root(self.c2 + shift))
            .or_else(|| root(x3()))
            .expect("one of the three candidates is on the curve");
        (x, if sgn0(&u) == sgn0(&y) { y } else { -y })
    }
}

/// `expand_message_xmd` with SHA-256, RFC 9380, section 5.3.1. (The one of ark-ff 0.6 takes the
/// length of a field element for the block size of the hash: they agree only for 64 bytes.)
fn expand_message(message: &[u8], dst: &[u8], len: usize) -> Vec<u8> {
    const BLOCK: [u8; 64] = [0; 64];
    let short = |n: usize, what| u8::try_from(n).expect(what);
    let dst_prime = [dst, &[short(dst.len(), "tags are shorter than 256 bytes")]].concat();
    let hash = |parts: &[&[u8]]| -> [u8; 32] {
        let start = Sha256::new();
        let hasher = parts
            .iter()
            .fold(start, |hasher, part| hasher.chain_update(part));
        hasher.chain_update(&dst_prime).finalize().into()
    };
    let len_bytes = u16::try_from(len)
        .expect("a few field elements")
        .to_be_bytes();
    let first = hash(&[&BLOCK, message, &len_bytes, &[0]]);
    let mut block = [0; 32];
    let mut out = Vec::with_capacity(len + 32);
    for i in 1..=len.div_ceil(32) {
        let mixed: Vec<u8> = first.iter().zip(block).map(|(a, b)| a ^ b).collect();
        block = hash(&[&mixed, &[short(i, "at most 255 blocks")]]);
        out.extend_from_slice(&block);
    }
    out.truncate(len);
    out
}

/// `hash_to_curve` of RFC 9380, section 3, with a fixed domain-separation tag.
struct HashToCurve<C: Curve> {
    dst: Vec<u8>,
    map: ShallueVanDeWoestijne<C::BaseField>,
}

impl<C: Curve> HashToCurve<C> {
    fn new(dst: &[u8]) -> Self {
        Self {
            dst: dst.to_vec(),
            map: ShallueVanDeWoestijne::new(C::B),
        }
    }

    fn hash(&self, message: &[u8]) -> C::Affine {
        // Section 5.1: 128 bits more than the modulus make the reduction all but uniform.
        let element = (C::BaseField::MODULUS_BIT_SIZE as usize + 128).div_ceil(8);
        let sum: C = expand_message(message, &self.dst, 2 * element)
            .chunks(element)
            .map(|bytes| self.map.map(C::BaseField::from_be_bytes_mod_order(bytes)))
            .map(|(x, y)| C::from_coordinates(x, y))
            .sum();
        sum.into_affine().clear_cofactor()
    }
}

fn dst<C: Curve>() -> Vec<u8> {
    format!("zktree-v1-{}_XMD:SHA-256_SVDW_RO_", C::NAME).into_bytes()
}

/// How many generators of each family a committed vector uses: first columns, then pads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Length of the part on the column generators.
    pub columns: usize,
    /// Length of the part on the pad generators.
    pub pads: usize,
}

impl Shape {
    /// Total length of the vector.
    pub fn len(&self) -> usize {
        self.columns + self.pads
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The generators of all commitments over one curve. Cloning is cheap.
#[derive(Clone)]
pub struct Generators<C: Curve> {
    columns: Arc<Vec<C::Affine>>,
    pads: Arc<Vec<C::Affine>>,
    shape: Shape,
    blinding: C::Affine,
    product: C::Affine,
    blinding_table: Arc<msm::FixedBase<C>>,
    /// Tables for all of `columns`.
    comb: Arc<Comb<C>>,
}

impl<C: Curve> std::fmt::Debug for Generators<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generators")
            .field("curve", &C::NAME)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl<C: Curve> Generators<C> {
    /// Makes `num_columns` column and `num_pads` pad generators, each about 0.1 to 0.2 ms of work.
    pub fn new(num_columns: usize, num_pads: usize) -> Self {
        let hash = HashToCurve::<C>::new(&dst::<C>());
        let blinding = derive(&hash, b"blinding", 0);
        Self {
            columns: Arc::new(extend(&hash, b"columns", &[], num_columns)),
            pads: Arc::new(extend(&hash, b"pads", &[], num_pads)),
            shape: Shape {
                columns: num_columns,
                pads: num_pads,
            },
            blinding,
            product: derive(&hash, b"product", 0),
            blinding_table: Arc::new(msm::FixedBase::new(blinding)),
            comb: Arc::new(Comb::new(num_columns, None)),
        }
    }

    /// The same generators, from a table that the process keeps and makes longer on demand.
    pub fn get(num_columns: usize, num_pads: usize) -> Self {
        static TABLES: LazyLock<Mutex<HashMap<TypeId, Box<dyn Any + Send>>>> =
            LazyLock::new(Mutex::default);
        // The lock is never held while generators are made: that runs on all threads of a pool,
        // which may pick up work that waits for the same lock.
        let tables = || TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables()
            .get(&TypeId::of::<C>())
            .and_then(|table| table.downcast_ref::<Self>())
            .cloned();
        let mut longest = known.unwrap_or_else(|| Self::new(0, 0));
        if longest.columns.len() < num_columns || longest.pads.len() < num_pads {
            let hash = HashToCurve::<C>::new(&dst::<C>());
            let columns = extend(&hash, b"columns", &longest.columns, num_columns);
            if columns.len() > longest.columns.len() {
                longest.comb = Arc::new(Comb::new(columns.len(), Some(&longest.comb)));
            }
            longest.columns = Arc::new(columns);
            longest.pads = Arc::new(extend(&hash, b"pads", &longest.pads, num_pads));
            tables().insert(TypeId::of::<C>(), Box::new(longest.clone()));
        }
        longest.shape = Shape {
            columns: num_columns,
            pads: num_pads,
        };
        longest
    }

    /// How many generators there are.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The generators of row entries.
    pub fn columns(&self) -> &[C::Affine] {
        self.columns.get(..self.shape.columns).unwrap_or_default()
    }

    /// The generators of one-time pads.
    pub fn pads(&self) -> &[C::Affine] {
        self.pads.get(..self.shape.pads).unwrap_or_default()
    }

    /// The generator H that hides.
    pub fn blinding(&self) -> C::Affine {
        self.blinding
    }

    /// The generator Q of inner products.
    pub fn product(&self) -> C::Affine {
        self.product
    }

    /// `rho * H`.
    pub fn blind(&self, rho: &C::ScalarField) -> C {
        self.blinding_table.mul(rho)
    }

    /// Makes the tables of [`combine_rows`](Self::combine_rows) beforehand, for rows of `len`
    /// entries: 5 kB and some 20 microseconds a generator (BLS12-381). Otherwise they are made
    /// when enough rows have come to pay for them.
    pub fn prepare(&self, len: usize) {
        self.comb
            .prepare(&self.columns, len.min(self.shape.columns));
    }

    /// For each row of small integers its sum with the column generators, without blinding, by
    /// the method that is fastest for these rows.
    ///
    /// # Panics
    /// If a row is longer than the column generators.
    pub fn combine_rows(&self, rows: &[&[i64]]) -> Vec<C> {
        let fits = rows.iter().all(|row| row.len() <= self.shape.columns);
        assert!(fits, "a row is longer than the generators");
        self.comb.rows(&self.columns, rows)
    }

    /// The generators of a vector of this shape, columns first.
    ///
    /// # Panics
    /// If there are not that many.
    pub fn bases(&self, shape: Shape) -> Vec<C::Affine> {
        [&self.columns()[..shape.columns], &self.pads()[..shape.pads]].concat()
    }
}

fn derive<C: Curve>(hash: &HashToCurve<C>, family: &[u8], index: usize) -> C::Affine {
    hash.hash(&[family, &(index as u64).to_le_bytes()].concat())
}

/// The first `max(len, known.len())` generators of a family, of which some are known.
fn extend<C: Curve>(
    hash: &HashToCurve<C>,
    family: &[u8],
    known: &[C::Affine],
    len: usize,
) -> Vec<C::Affine> {
    let missing = len.saturating_sub(known.len());
    let mut all = known.to_vec();
    all.extend(parallel::map(missing, 512, |i| {
        derive(hash, family, known.len() + i)
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::{super::curve::NamedCurve, *};
    use ark_bls12_381::G1Projective as Bls;
    use ark_ff::{AdditiveGroup, Field, MontFp, UniformRand};
    use ark_pallas::Projective as Pallas;
    use ark_std::test_rng;
    use std::collections::HashSet;

    /// `x` of the first two generators of each family, from `tests/vectors/generators.py`.
    const VECTORS: &str = include_str!("../../tests/vectors/generators.txt");

    fn pinned<C: Curve>() {
        let gens = Generators::<C>::new(2, 2);
        let mut checked = 0;
        for line in VECTORS.lines() {
            let [curve, family, index, x, y] =
                line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            if curve != C::NAME {
                continue;
            }
            let index: usize = index.parse().unwrap();
            let point = match family {
                "columns" => gens.columns()[index],
                "pads" => gens.pads()[index],
                "blinding" => gens.blinding(),
                "product" => gens.product(),
                _ => panic!("unknown family {family}"),
            };
            let parse = |s: &str| s.parse::<C::BaseField>().ok().unwrap();
            assert_eq!(point, C::from_coordinates(parse(x), parse(y)), "{line}");
            checked += 1;
        }
        assert_eq!(checked, 6);
    }

    #[test]
    fn generators_match_an_independent_implementation() {
        pinned::<Bls>();
        pinned::<Pallas>();
    }

    fn families_differ<C: Curve>() {
        let gens = Generators::<C>::new(10, 10);
        let all: Vec<_> = [
            gens.columns(),
            gens.pads(),
            &[gens.blinding(), gens.product()],
        ]
        .concat();
        let distinct: HashSet<_> = all
            .iter()
            .flat_map(|p| [*p, (-p.into_group()).into()])
            .collect();
        assert_eq!(distinct.len(), 44);
        for point in &all {
            // Decoding checks the curve equation and the subgroup.
            assert_eq!(C::decode(&C::encode(point)), Some(*point));
            assert!(!point.is_zero());
        }
        for (columns, pads) in [(3, 7), (7, 3), (12, 1)] {
            let (fresh, cached) = (
                Generators::<C>::new(columns, pads),
                Generators::<C>::get(columns, pads),
            );
            assert_eq!(fresh.columns(), cached.columns());
            assert_eq!(fresh.pads(), cached.pads());
            assert_eq!(fresh.shape(), cached.shape());
            assert_eq!(fresh.columns()[..3], gens.columns()[..3]);
            assert_eq!(
                (fresh.blinding(), fresh.product()),
                (cached.blinding(), cached.product())
            );
        }
    }

    #[test]
    fn generators_are_distinct_valid_and_prefix_consistent() {
        families_differ::<Bls>();
        families_differ::<Pallas>();
    }

    /// The map of a field element is on the curve, exceptional inputs included (section 6.6.1:
    /// those with `u^2 = +-1 / g(Z)`).
    fn on_curve<C: Curve>() {
        let map = ShallueVanDeWoestijne::new(C::B);
        let rng = &mut test_rng();
        let mut inputs: Vec<_> = (0..20).map(|_| C::BaseField::rand(rng)).collect();
        inputs.extend([C::BaseField::ZERO, C::BaseField::ONE]);
        for square in [map.c1.inverse().unwrap(), -map.c1.inverse().unwrap()] {
            inputs.extend(square.sqrt());
        }
        for u in inputs {
            let (x, y) = map.map(u);
            assert_eq!(y.square(), x * x * x + C::B);
            assert_eq!(sgn0(&u), sgn0(&y));
        }
    }

    #[test]
    fn svdw_maps_to_the_curve() {
        on_curve::<Bls>();
        on_curve::<Pallas>();
        // `Z` by hand: -3 for BLS12-381 G1 (b = 4), as listed by RFC 9380 implementations.
        assert_eq!(find_z_svdw(Bls::B), -ark_bls12_381::Fq::from(3u64));
    }

    impl NamedCurve for ark_bn254::g1::Config {
        const NAME: &'static str = "BN254-G1";
    }

    /// The suite BN254G1_XMD:SHA-256_SVDW_RO_, whose vectors gnark-crypto and others share.
    #[test]
    fn hash_to_curve_matches_public_vectors() {
        let hash = HashToCurve::<ark_bn254::G1Projective>::new(
            b"QUUX-V01-CS02-with-BN254G1_XMD:SHA-256_SVDW_RO_",
        );
        let vectors: [(&[u8], ark_bn254::Fq, ark_bn254::Fq); 2] = [
            (
                b"",
                MontFp!("0x0a976ab906170db1f9638d376514dbf8c42aef256a54bbd48521f20749e59e86"),
                MontFp!("0x02925ead66b9e68bfc309b014398640ab55f6619ab59bc1fab2210ad4c4d53d5"),
            ),
            (
                b"abc",
                MontFp!("0x23f717bee89b1003957139f193e6be7da1df5f1374b26a4643b0378b5baf53d1"),
                MontFp!("0x04142f826b71ee574452dbc47e05bc3e1a647478403a7ba38b7b93948f4e151d"),
            ),
        ];
        for (message, x, y) in vectors {
            assert_eq!(hash.hash(message), ark_bn254::G1Affine::new_unchecked(x, y));
        }
    }
}

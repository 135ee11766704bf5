//! Commitments to the weights of a network and to a data set, and their openings.
use super::{
    Architecture, DataKind, Dataset, Weights,
    argument::{KnownMatrix, Layout},
    layout,
    network::MAX_WIDTH,
};
use crate::{
    commit::{Curve, Generators, RowBlindings, RowCommitments, hyrax, msm},
    count,
    error::{StatementError, VerifyError},
    poly::{WideField, num_vars, parallel},
};
use ark_ff::{AdditiveGroup, PrimeField, UniformRand};
use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// `log2` of the length of a row, for `entries` committed entries in all.
///
/// The verifier pays for rows and for their length, and the two are balanced when rows are
/// somewhat longer than the square root; long rows keep the proof small. It is a function of the
/// statement.
pub fn row_vars(entries: usize) -> usize {
    ((num_vars(entries) + 3) / 2).clamp(5, 13)
}

/// How the weights of one layer (counted from 0) are cut into rows.
pub fn weight_layout(architecture: &Architecture, layer: usize) -> Layout {
    let rows = row_vars(architecture.num_parameters());
    match architecture.shapes().get(layer) {
        Some(shape) => {
            let vars = shape.row_vars() + num_vars(shape.outputs) + 1;
            Layout::new(vars, rows, &shape.extent())
        }
        None => Layout::new(0, rows, &[]),
    }
}

/// A hiding commitment to the weights of a network: what a model node publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightCommitment<C: Curve> {
    layers: Vec<RowCommitments<C>>,
}

/// The weights and blindings that open a [`WeightCommitment`]: the owner's secret.
#[derive(Clone)]
pub struct WeightOpening<F: PrimeField> {
    /// Shared by copies.
    weights: Arc<Weights>,
    blindings: Vec<RowBlindings<F>>,
}

impl<F: PrimeField> std::fmt::Debug for WeightOpening<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WeightOpening({})", self.weights.architecture())
    }
}

impl<F: PrimeField> WeightOpening<F> {
    /// Weights with fresh blindings; without `hiding` the blindings are zero.
    pub fn new(weights: Weights, hiding: bool, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        if hiding {
            Self::blinded(weights, |rows| RowBlindings::random(rows, rng))
        } else {
            Self::public(weights)
        }
    }

    /// Weights without blindings: those of a root, or of a run that hides nothing.
    pub fn public(weights: Weights) -> Self {
        Self::blinded(weights, RowBlindings::zero)
    }

    fn blinded(weights: Weights, mut blind: impl FnMut(usize) -> RowBlindings<F>) -> Self {
        let architecture = weights.architecture();
        let blindings = (0..architecture.num_layers())
            .map(|layer| blind(weight_layout(architecture, layer).num_rows()))
            .collect();
        Self {
            weights: Arc::new(weights),
            blindings,
        }
    }

    /// Weights with the blindings of a commitment, layer by layer.
    ///
    /// # Errors
    /// [`VerifyError::Shape`] unless there is a blinding for each row of a commitment to weights
    /// of this architecture.
    pub fn from_parts(
        weights: Weights,
        blindings: Vec<RowBlindings<F>>,
    ) -> Result<Self, VerifyError> {
        let architecture = weights.architecture();
        let rows: Vec<usize> = blindings.iter().map(|b| b.expose().len()).collect();
        check_rows(architecture, &rows)?;
        Ok(Self {
            weights: Arc::new(weights),
            blindings,
        })
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The blindings of the rows, layer by layer.
    pub fn blindings(&self) -> &[RowBlindings<F>] {
        &self.blindings
    }

    /// The commitment that this opens.
    pub fn commit<C: Curve<ScalarField = F>>(&self) -> WeightCommitment<C> {
        let architecture = self.weights.architecture();
        let layers = self.blindings.iter().enumerate().map(|(layer, blindings)| {
            let layout = weight_layout(architecture, layer);
            let gens = Generators::<C>::get(1 << layout.row_vars(), 0);
            let values = layout::weight_values(&self.weights, layer);
            hyrax::commit_slices(&gens, &layout.slices(&values), blindings)
        });
        WeightCommitment {
            layers: layers.collect(),
        }
    }

    /// The commitment that this opens, from that of weights it was trained from: entries of an
    /// update are shorter than weights. `known` opens `commitment`; updates are multiples of
    /// `factor` (the rate's coefficient), else they are taken as they are.
    ///
    /// For training from a root, commit once to its [`public`](Self::public) weights.
    pub fn commit_by_update<C: Curve<ScalarField = F>>(
        &self,
        known: &Self,
        commitment: &WeightCommitment<C>,
        factor: u64,
    ) -> WeightCommitment<C> {
        let architecture = self.weights.architecture();
        let fits = known.weights.architecture() == architecture
            && commitment.check_shape(architecture).is_ok();
        let update = match fits {
            true => self.weights.difference(&known.weights, factor),
            false => None,
        };
        let Some((update, factor)) = update else {
            return self.commit();
        };
        let layer = |(layer, known_rows): (usize, &RowCommitments<C>)| {
            let layout = weight_layout(architecture, layer);
            let gens = Generators::<C>::get(1 << layout.row_vars(), 0);
            let sums = gens.combine_rows(&layout.slices(&layout::weight_values(&update, layer)));
            let blindings = self.blindings[layer].expose().iter();
            let blindings: Vec<F> = blindings
                .zip(known.blindings[layer].expose())
                .map(|(new, old)| *new - old)
                .collect();
            // The multiple of each row (at each bit a doubling, at half of them an addition), its
            // blinding and the row before.
            let bits = (u64::BITS - factor.leading_zeros()) as usize;
            count::group_additions(sums.len() * (bits + bits.div_ceil(2) + 2));
            let rows = parallel::map(sums.len(), parallel::GRAIN / 8, |i| {
                sums[i].mul_bigint([factor]) + gens.blind(&blindings[i]) + known_rows.rows[i]
            });
            RowCommitments {
                rows: C::normalize_batch(&rows),
            }
        };
        WeightCommitment {
            layers: commitment.layers.iter().enumerate().map(layer).collect(),
        }
    }

    /// Whether this opens the commitment: a random combination of all rows is compared, so a wrong
    /// opening passes with negligible probability.
    pub fn opens<C: Curve<ScalarField = F>>(
        &self,
        commitment: &WeightCommitment<C>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> bool
    where
        F: WideField,
    {
        let architecture = self.weights.architecture();
        if commitment.check_shape(architecture).is_err() {
            return false;
        }
        let mut check = RowCheck::new();
        for (layer, rows) in commitment.layers.iter().enumerate() {
            let values = layout::weight_values(&self.weights, layer);
            let layout = weight_layout(architecture, layer);
            check.add(&layout, (&values, &self.blindings[layer]), rows, rng);
        }
        check.holds()
    }

    pub(crate) fn matrices(&self) -> Vec<KnownMatrix<F>> {
        layout::weight_tensors(&self.weights)
            .into_iter()
            .zip(&self.blindings)
            .map(|(values, blindings)| KnownMatrix {
                values,
                blindings: blindings.clone(),
            })
            .collect()
    }
}

impl<C: Curve> WeightCommitment<C> {
    /// As many rows as weights of this architecture have, none of them a commitment to anything: for
    /// statements that are only measured.
    pub fn placeholder(architecture: &Architecture) -> Self {
        let rows =
            |layer| vec![C::Affine::default(); weight_layout(architecture, layer).num_rows()];
        let layers =
            (0..architecture.num_layers()).map(|layer| RowCommitments { rows: rows(layer) });
        Self {
            layers: layers.collect(),
        }
    }

    /// Any rows, for cheating provers.
    #[cfg(test)]
    pub(crate) fn from_layers(layers: Vec<RowCommitments<C>>) -> Self {
        Self { layers }
    }

    /// The row commitments of each layer.
    pub fn layers(&self) -> &[RowCommitments<C>] {
        &self.layers
    }

    /// The encodings of all rows, layer after layer. Their number is given by the architecture.
    pub fn encode(&self) -> Vec<u8> {
        self.layers
            .iter()
            .flat_map(RowCommitments::encode)
            .collect()
    }

    /// Number of bytes of a commitment to weights of this architecture.
    pub fn encoded_len(architecture: &Architecture) -> usize {
        let layers = 0..architecture.num_layers();
        layers
            .map(|layer| Self::layer_len(architecture, layer))
            .sum()
    }

    /// Number of bytes of the rows of one layer.
    pub fn layer_len(architecture: &Architecture, layer: usize) -> usize {
        weight_layout(architecture, layer).num_rows() * C::ENCODED_LEN
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// If it is not the canonical encoding of a commitment to weights of this architecture.
    pub fn decode(bytes: &[u8], architecture: &Architecture) -> Result<Self, VerifyError> {
        let truncated = || VerifyError::Truncated {
            label: "weight commitment",
        };
        // The whole of it before any point: a layer alone may be there.
        match bytes.len().checked_sub(Self::encoded_len(architecture)) {
            None => return Err(truncated()),
            Some(0) => {}
            Some(count) => return Err(VerifyError::TrailingBytes { count }),
        }
        let mut rest = bytes;
        let mut layers = Vec::new();
        for layer in 0..architecture.num_layers() {
            let rows = weight_layout(architecture, layer).num_rows();
            let cut = rest.split_at_checked(rows * C::ENCODED_LEN);
            let (here, after) = cut.ok_or_else(truncated)?;
            layers.push(RowCommitments::decode(here, rows)?);
            rest = after;
        }
        Ok(Self { layers })
    }

    /// SHA-256 of the commitment, bound to the curve and the shapes.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(b"zktree-v1 weight commitment");
        hash.update((self.layers.len() as u64).to_le_bytes());
        for layer in &self.layers {
            hash.update(layer.digest());
        }
        hash.finalize().into()
    }

    /// Checks that there are as many rows as the architecture calls for.
    pub(crate) fn check_shape(&self, architecture: &Architecture) -> Result<(), VerifyError> {
        let rows: Vec<usize> = self.layers.iter().map(RowCommitments::len).collect();
        check_rows(architecture, &rows)
    }
}

/// Checks that there are as many rows in each layer as the architecture calls for.
fn check_rows(architecture: &Architecture, rows: &[usize]) -> Result<(), VerifyError> {
    let shape = VerifyError::check_shape;
    let layers = architecture.num_layers();
    shape("layers of a commitment", layers, rows.len())?;
    for (layer, rows) in rows.iter().enumerate() {
        let expected = weight_layout(architecture, layer).num_rows();
        shape("rows of a weight commitment", expected, *rows)?;
    }
    Ok(())
}

/// A random combination of rows and of their commitments, which have to agree.
struct RowCheck<C: Curve> {
    /// The rows' entries, combined.
    sum: Vec<C::ScalarField>,
    blinding: C::ScalarField,
    commitments: RowCommitments<C>,
    weights: Vec<C::ScalarField>,
}

impl<C: Curve<ScalarField: WideField>> RowCheck<C> {
    fn new() -> Self {
        Self {
            sum: Vec::new(),
            blinding: C::ScalarField::ZERO,
            commitments: RowCommitments { rows: Vec::new() },
            weights: Vec::new(),
        }
    }

    /// Adds the committed rows of a matrix.
    fn add(
        &mut self,
        layout: &Layout,
        (values, blindings): (&[i64], &RowBlindings<C::ScalarField>),
        commitment: &RowCommitments<C>,
        rng: &mut (impl RngCore + CryptoRng),
    ) {
        let weights: Vec<_> = (0..layout.num_rows())
            .map(|_| C::ScalarField::rand(rng))
            .collect();
        let folded = layout.fold(values, &weights);
        if self.sum.len() < folded.len() {
            self.sum.resize(folded.len(), C::ScalarField::ZERO);
        }
        self.sum.iter_mut().zip(folded).for_each(|(s, x)| *s += x);
        self.blinding += blindings.fold(&weights);
        self.commitments.rows.extend(&commitment.rows);
        self.weights.extend(weights);
    }

    /// Whether the combinations agree.
    fn holds(&self) -> bool {
        let gens = Generators::<C>::get(self.sum.len(), 0);
        let rows = msm::full::<C>(gens.columns(), &self.sum) + gens.blind(&self.blinding);
        rows == self.commitments.fold(&self.weights)
    }
}

/// A hiding commitment to a data set, one point a data row, so that a row can be opened alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetCommitment<C: Curve> {
    num_features: usize,
    kind: DataKind,
    /// Shared: nodes trained on the same data have the same.
    rows: Arc<RowCommitments<C>>,
}

/// The data and blindings that open a [`DatasetCommitment`]: the owner's secret.
#[derive(Clone)]
pub struct DatasetOpening<F: PrimeField> {
    dataset: Dataset,
    blindings: RowBlindings<F>,
}

impl<F: PrimeField> std::fmt::Debug for DatasetOpening<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatasetOpening({} rows)", self.dataset.num_rows())
    }
}

/// The layout of a data set of `num_rows` rows of `width` entries: one committed row a data row.
pub fn dataset_layout(num_rows: usize, width: usize) -> Layout {
    let columns = num_vars(width);
    let all = std::iter::once(0..num_rows << columns).collect::<Vec<_>>();
    Layout::new(columns + num_vars(num_rows), columns, &all)
}

impl<F: PrimeField> DatasetOpening<F> {
    /// A data set with fresh blindings; without `hiding` the blindings are zero.
    pub fn new(dataset: Dataset, hiding: bool, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let rows = dataset.num_rows();
        let blindings = if hiding {
            RowBlindings::random(rows, rng)
        } else {
            RowBlindings::zero(rows)
        };
        Self { dataset, blindings }
    }

    /// Data with the blindings of a commitment.
    ///
    /// # Errors
    /// [`VerifyError::Shape`] unless there is a blinding for each row.
    pub fn from_parts(dataset: Dataset, blindings: RowBlindings<F>) -> Result<Self, VerifyError> {
        let (rows, found) = (dataset.num_rows(), blindings.expose().len());
        VerifyError::check_shape("blindings of a data set", rows, found)?;
        Ok(Self { dataset, blindings })
    }

    /// The data.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The blindings of the rows.
    pub fn blindings(&self) -> &RowBlindings<F> {
        &self.blindings
    }

    /// The commitment that this opens.
    pub fn commit<C: Curve<ScalarField = F>>(&self) -> DatasetCommitment<C> {
        let width = self.dataset.width();
        let gens = Generators::<C>::get(width.next_power_of_two(), 0);
        let rows: Vec<&[i64]> = (0..self.dataset.num_rows())
            .map(|n| self.dataset.row(n))
            .collect();
        DatasetCommitment {
            num_features: self.dataset.num_features(),
            kind: self.dataset.kind(),
            rows: Arc::new(hyrax::commit_slices(&gens, &rows, &self.blindings)),
        }
    }

    /// Whether this opens the commitment, by a random combination of its rows.
    pub fn opens<C: Curve<ScalarField = F>>(
        &self,
        commitment: &DatasetCommitment<C>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> bool
    where
        F: WideField,
    {
        let data = &self.dataset;
        if data.num_features() != commitment.num_features
            || data.kind() != commitment.kind
            || data.num_rows() != commitment.num_rows()
        {
            return false;
        }
        let (mut check, matrix) = (RowCheck::new(), self.matrix());
        let secret = (matrix.values.as_slice(), &matrix.blindings);
        check.add(&commitment.layout(), secret, &commitment.rows, rng);
        check.holds()
    }

    pub(crate) fn matrix(&self) -> KnownMatrix<F> {
        let width = self.dataset.width().next_power_of_two();
        let mut values = vec![0; self.dataset.num_rows() * width];
        for (n, out) in values.chunks_exact_mut(width).enumerate() {
            out[..self.dataset.width()].copy_from_slice(self.dataset.row(n));
        }
        KnownMatrix {
            values: Arc::new(values),
            blindings: self.blindings.clone(),
        }
    }
}

impl<C: Curve> DatasetCommitment<C> {
    /// A commitment read from somewhere, `rows` one point a data row.
    pub fn new(num_features: usize, num_targets: usize, rows: RowCommitments<C>) -> Self {
        let targets = num_targets;
        Self::of_kind(num_features, DataKind::Numbers { targets }, rows)
    }

    /// The same, with targets of any kind.
    pub fn of_kind(num_features: usize, kind: DataKind, rows: RowCommitments<C>) -> Self {
        Self {
            num_features,
            kind,
            rows: Arc::new(rows),
        }
    }

    /// Number of data rows.
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of feature columns.
    pub fn num_features(&self) -> usize {
        self.num_features
    }

    /// Number of target columns.
    pub fn num_targets(&self) -> usize {
        self.kind.num_targets()
    }

    /// What the targets are.
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// Number of columns; of a shape that no network has, at most the largest number.
    pub fn width(&self) -> usize {
        self.num_features.saturating_add(self.num_targets())
    }

    /// Checks that a network may have such data: until then columns cost whoever reads the
    /// commitment nothing, and their number may be any.
    pub(crate) fn check_columns(&self) -> Result<(), VerifyError> {
        let [features, targets] = [self.num_features, self.num_targets()];
        let possible = |width| (1..=MAX_WIDTH).contains(&width);
        if !(possible(features) && possible(targets)) {
            return Err(StatementError::DataColumns { features, targets }.into());
        }
        match self.kind.classes() {
            Some(classes) if !DataKind::is_count_of_classes(classes) => {
                Err(StatementError::Classes { classes }.into())
            }
            _ => Ok(()),
        }
    }

    /// The commitments of the rows.
    pub fn rows(&self) -> &RowCommitments<C> {
        &self.rows
    }

    /// The commitments of the rows, shared.
    pub(crate) fn shared_rows(&self) -> Arc<RowCommitments<C>> {
        self.rows.clone()
    }

    /// The name of the data set: a hash of its shape, the kind of its targets and the Merkle root over its
    /// rows.
    pub fn root(&self) -> [u8; 32] {
        let (label, count): (&[u8], usize) = match self.kind {
            DataKind::Numbers { targets } => (b"zktree-v1 data set", targets),
            DataKind::Labels { classes } => (b"zktree-v1 labelled data set", classes),
        };
        Sha256::new_with_prefix(label)
            .chain_update((C::NAME.len() as u64).to_le_bytes())
            .chain_update(C::NAME)
            .chain_update((self.num_features as u64).to_le_bytes())
            .chain_update((count as u64).to_le_bytes())
            .chain_update((self.num_rows() as u64).to_le_bytes())
            .chain_update(self.rows.merkle_root())
            .finalize()
            .into()
    }

    pub(crate) fn layout(&self) -> Layout {
        dataset_layout(self.num_rows(), self.width())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{FixedPoint, Layer, init};
    use ark_pallas::{Fr, Projective as Pallas};
    use rand::{Rng, SeedableRng};

    /// A commitment by update is the direct one, point by point: for updates that are multiples of
    /// the factor and not, of any size, with blindings and without, and when nothing fits.
    #[test]
    fn updates_give_the_direct_commitment() {
        let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let fixed = FixedPoint::compact();
        let architecture: Architecture = "5,6,3".parse().unwrap();
        let root = init::expand(1, &architecture, &fixed);
        let moved = |by: &mut dyn FnMut(i64) -> i64| {
            let layers = root.layers().iter().map(|layer| {
                Layer::new(
                    layer.weight().iter().map(|w| by(*w)).collect(),
                    layer.bias().iter().map(|b| by(*b)).collect(),
                )
            });
            Weights::new(architecture.clone(), layers.collect()).unwrap()
        };
        let children = [
            moved(&mut |w| w - 3 * rng.gen_range(-500..500)),
            moved(&mut |w| w + 1),
            moved(&mut |w| w),
            moved(&mut |_| i64::MIN),
            moved(&mut |_| i64::MAX),
        ];
        let other = init::expand(1, &"5,6,4".parse().unwrap(), &fixed);
        for (hiding, factor) in [
            (true, 3),
            (true, 1),
            (false, 3),
            (true, 0),
            (true, u64::MAX),
        ] {
            let known = WeightOpening::<Fr>::new(root.clone(), hiding, rng);
            let commitment = known.commit::<Pallas>();
            for child in children.iter().chain([&other]) {
                let child = WeightOpening::new(child.clone(), true, rng);
                let direct = child.commit::<Pallas>();
                assert_eq!(child.commit_by_update(&known, &commitment, factor), direct);
            }
        }
    }

    #[test]
    fn differences_are_exact_or_none() {
        let architecture: Architecture = "1,1".parse().unwrap();
        let weights = |weight, bias| {
            let layer = Layer::new(vec![weight], vec![bias]);
            Weights::new(architecture.clone(), vec![layer]).unwrap()
        };
        let difference = |a: &Weights, b, factor| {
            let (update, factor) = a.difference(b, factor)?;
            Some((
                update.layers()[0].weight()[0],
                update.layers()[0].bias()[0],
                factor,
            ))
        };
        let zero = weights(0, 0);
        assert_eq!(difference(&weights(6, -9), &zero, 3), Some((2, -3, 3)));
        assert_eq!(difference(&weights(6, -8), &zero, 3), Some((6, -8, 1)));
        assert_eq!(difference(&weights(6, -8), &zero, 0), Some((6, -8, 1)));
        assert_eq!(
            difference(&weights(i64::MIN, 0), &zero, 1),
            Some((i64::MIN, 0, 1))
        );
        assert_eq!(difference(&weights(i64::MAX, 0), &weights(-1, 0), 1), None);
    }
}

//! Where trees begin: networks that nobody trained here.
use super::{AuthorKey, AuthorSecret, Labels, NodeId, NodeLabel, Signature, TreeError};
use crate::{
    check::Check,
    commit::Curve,
    error::{StatementError, VerifyError},
    nn::{
        Architecture, FixedPoint, Normalization, WeightCommitment, WeightGrid, WeightOpening,
        Weights, argument::Pending, init,
    },
    poly::WideField,
    security::Soundness,
};
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};

/// A network that was not trained in the tree. Its descendants keep architecture, number formats and
/// normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    pub(super) architecture: Architecture,
    pub(super) fixed_point: FixedPoint,
    pub(super) normalization: Normalization,
    pub(super) weights: RootWeights,
}

/// Where the weights of a root come from.
#[derive(Debug, Clone, PartialEq)]
pub enum RootWeights {
    /// The expansion of a public seed.
    Seed(u64),
    /// Of unknown origin.
    Imported(Box<Imported>),
}

/// Weights that were trained elsewhere, nobody knows how: committed, with the proof of their range that
/// a lineage from a seed would make needless, and signed by whoever imported them.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    pub(super) curve: String,
    pub(super) commitment: Vec<u8>,
    pub(super) grid: WeightGrid,
    pub(super) author: AuthorKey,
    pub(super) labels: Labels,
    pub(super) proof: Vec<u8>,
    pub(super) signature: Signature,
}

impl Imported {
    /// Who imported the weights: made the root, and signed it.
    pub fn author(&self) -> AuthorKey {
        self.author
    }

    /// What the author says, for readers.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The grid that the weights are on.
    pub fn grid(&self) -> WeightGrid {
        self.grid
    }

    /// SHA-256 of the commitment's encoding.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.commitment).into()
    }

    /// Bytes of commitment and proof.
    pub fn encoded_len(&self) -> usize {
        self.commitment.len() + self.proof.len()
    }
}

impl Root {
    /// An untrained network: its weights are the expansion of a public seed.
    ///
    /// # Errors
    /// [`TreeError::NormalizationWidth`] unless the normalisation has a feature for each input of
    /// the network and a target for each output; [`TreeError::Kind`] if the network is not trained on
    /// such targets.
    pub fn new(
        architecture: Architecture,
        fixed_point: FixedPoint,
        normalization: Normalization,
        seed: u64,
    ) -> Result<Self, TreeError> {
        let weights = RootWeights::Seed(seed);
        Self::with(architecture, fixed_point, normalization, weights)
    }

    pub(super) fn with(
        architecture: Architecture,
        fixed_point: FixedPoint,
        normalization: Normalization,
        weights: RootWeights,
    ) -> Result<Self, TreeError> {
        let network = (architecture.num_inputs(), architecture.num_outputs());
        let outputs = architecture.outputs_for(normalization.kind());
        let columns = (
            normalization.features().len(),
            outputs.map_err(TreeError::Kind)?,
        );
        if network != columns {
            return Err(TreeError::NormalizationWidth { network, columns });
        }
        Ok(Self {
            architecture,
            fixed_point,
            normalization,
            weights,
        })
    }

    /// A network of unknown origin: `opening` has its weights, on `grid`, and blindings that hide them.
    /// The proof is bound to everything else, so that nobody can present it as another author's, or
    /// with other labels, without the weights; the author signs the whole.
    ///
    /// # Errors
    /// [`TreeError::NormalizationWidth`]; [`TreeError::Kind`]; [`TreeError::Label`]; [`TreeError::NotImported`] if the
    /// weights are not on the grid.
    pub fn import<C: Curve<ScalarField: WideField>>(
        fixed_point: FixedPoint,
        normalization: Normalization,
        (opening, grid): (&WeightOpening<C::ScalarField>, WeightGrid),
        author: &AuthorSecret,
        labels: Labels,
    ) -> Result<Self, TreeError> {
        labels.check()?;
        let commitment = opening.commit::<C>();
        let imported = Imported {
            curve: C::NAME.to_owned(),
            commitment: commitment.encode(),
            grid,
            author: author.public(),
            labels,
            proof: Vec::new(),
            signature: Signature([0; 64]),
        };
        let architecture = opening.weights().architecture().clone();
        let weights = RootWeights::Imported(Box::new(imported));
        let mut root = Self::with(architecture, fixed_point, normalization, weights)?;
        let proof = grid
            .prove(opening, &commitment, true, &root.pre_id())
            .map_err(|source| TreeError::NotImported { source })?;
        root.change(|imported| imported.proof = proof);
        let signature = author.sign(root.id());
        root.change(|imported| imported.signature = signature);
        Ok(root)
    }

    fn change(&mut self, change: impl FnOnce(&mut Imported)) {
        if let RootWeights::Imported(imported) = &mut self.weights {
            change(imported);
        }
    }

    /// Widths of the network and of all its descendants.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Number formats of the network and of all its descendants.
    pub fn fixed_point(&self) -> &FixedPoint {
        &self.fixed_point
    }

    /// How data become the network's inputs and targets.
    pub fn normalization(&self) -> &Normalization {
        &self.normalization
    }

    /// The seed of the weights, unless they are imported.
    pub fn seed(&self) -> Option<u64> {
        match self.weights {
            RootWeights::Seed(seed) => Some(seed),
            RootWeights::Imported(_) => None,
        }
    }

    /// The imported weights, if that is where they come from.
    pub fn imported(&self) -> Option<&Imported> {
        match &self.weights {
            RootWeights::Seed(_) => None,
            RootWeights::Imported(imported) => Some(imported),
        }
    }

    /// SHA-256 of the canonical encoding of a root that anyone expands; of pre-id and proof, as of a
    /// node, if its weights are imported. A signature is in no id.
    pub fn id(&self) -> NodeId {
        match &self.weights {
            RootWeights::Seed(_) => NodeId(Sha256::digest(self.encode()).into()),
            RootWeights::Imported(imported) => {
                NodeId::of_imported(&self.pre_id(), &Sha256::digest(&imported.proof).into())
            }
        }
    }

    /// Checks that whoever imported the weights signed the id, which is returned. Nobody signs a root
    /// that anyone expands.
    ///
    /// # Errors
    /// [`TreeError::Signature`].
    pub fn check_signature(&self) -> Result<NodeId, TreeError> {
        let id = self.id();
        match self.imported() {
            Some(by) if !by.author.verifies(id, &by.signature) && Check::Signature.is_made() => {
                Err(TreeError::Signature {
                    node: self.label_of(id),
                    author: by.author,
                })
            }
            _ => Ok(id),
        }
    }

    /// The weights, if anyone can expand them.
    pub fn weights(&self) -> Option<Weights> {
        let seed = self.seed()?;
        Some(init::expand(seed, &self.architecture, &self.fixed_point))
    }

    /// The weights as the start of training, if anyone can expand them.
    pub fn opening<F: PrimeField>(&self) -> Option<WeightOpening<F>> {
        self.weights().map(WeightOpening::public)
    }

    /// The commitment to imported weights.
    ///
    /// # Errors
    /// [`TreeError::Imported`] if it is none, or of another curve.
    pub fn commitment<C: Curve>(&self) -> Result<Option<WeightCommitment<C>>, TreeError> {
        let Some(imported) = self.imported() else {
            return Ok(None);
        };
        if imported.curve != C::NAME {
            let (found, expected) = (imported.curve.clone(), C::NAME);
            return Err(self.refused(StatementError::OtherCurve { found, expected }.into()));
        }
        WeightCommitment::decode(&imported.commitment, &self.architecture)
            .map(Some)
            .map_err(|source| self.refused(source))
    }

    /// Verifies the range of imported weights but for the group equation; nothing of others.
    pub(super) fn verify<C: Curve<ScalarField: WideField>>(
        &self,
    ) -> Result<Option<Pending<C>>, TreeError> {
        let (Some(imported), Some(commitment)) = (self.imported(), self.commitment::<C>()?) else {
            return Ok(None);
        };
        imported
            .grid
            .verify(
                &self.architecture,
                &commitment,
                true,
                &self.pre_id(),
                &imported.proof,
            )
            .map(Some)
            .map_err(|source| self.refused(source))
    }

    /// The soundness of the proof of the range of imported weights; of others nothing is proven.
    pub(super) fn soundness<C: Curve<ScalarField: WideField>>(
        &self,
    ) -> Result<Soundness, TreeError> {
        match (self.imported(), self.commitment::<C>()?) {
            (Some(imported), Some(commitment)) => imported
                .grid
                .soundness(&self.architecture, &commitment, true)
                .map_err(|source| self.refused(source)),
            _ => Ok(Soundness::new::<C>()),
        }
    }

    /// How errors name the root.
    pub fn label(&self) -> NodeLabel {
        self.label_of(self.id())
    }

    fn label_of(&self, id: NodeId) -> NodeLabel {
        let labels = self.imported().map(|imported| &imported.labels);
        NodeLabel::new(id, labels.and_then(|labels| labels.title.clone()))
    }

    pub(super) fn refused(&self, source: VerifyError) -> TreeError {
        let node = self.label();
        TreeError::Imported { node, source }
    }
}

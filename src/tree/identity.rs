//! The canonical encodings of roots and nodes, whose hashes identify them; *Lineages* in the notes.
use super::{
    AuthorKey, DatasetName, Imported, Labels, Node, NodeId, Root, RootWeights, Signature,
    labels::{Loss, NOTE_BYTES, TEXT_BYTES},
};
use crate::{
    commit::Curve,
    error::DecodeError,
    nn::{
        Architecture, DataKind, FixedPoint, Normalization, TrainingParameters, WeightCommitment,
        WeightGrid,
        encoding::{Decoder, Encoder, decode_fixed_point, encode_fixed_point},
        optimise::Optimiser,
    },
    poly::WideField,
    text::quoted,
};
use sha2::{Digest, Sha256};

const ROOT: &str = "zktree/v2/root";
const IMPORTED: &str = "zktree/v2/imported-root";
const IMPORTED_PRE_ID: &str = "zktree/v2/imported-pre-id";
const NODE: &str = "zktree/v2/pre-id";

impl Root {
    /// The canonical encoding. Imported weights come with the proof of their range and, last, the
    /// signature.
    pub fn encode(&self) -> Vec<u8> {
        match &self.weights {
            RootWeights::Seed(seed) => self.network(ROOT).number(*seed).finish(),
            RootWeights::Imported(imported) => {
                let encoder = Encoder::new(IMPORTED).bytes(&self.encode_claim(imported));
                let mut bytes = encoder.bytes(&imported.proof).finish();
                bytes.extend(imported.signature.0);
                bytes
            }
        }
    }

    /// SHA-256 of everything that is said of imported weights, the proof left out: what the proof is
    /// bound to. Of other roots it is the id.
    pub(super) fn pre_id(&self) -> [u8; 32] {
        let claim = match &self.weights {
            RootWeights::Seed(_) => self.encode(),
            RootWeights::Imported(imported) => self.encode_claim(imported),
        };
        Sha256::digest(claim).into()
    }

    /// The fields that all roots have.
    fn network(&self, kind: &str) -> Encoder {
        Encoder::new(kind)
            .bytes(&self.architecture().encode())
            .bytes(&encode_fixed_point(self.fixed_point()))
            .bytes(&self.normalization().to_bytes())
    }

    fn encode_claim(&self, imported: &Imported) -> Vec<u8> {
        let encoder = self
            .network(IMPORTED_PRE_ID)
            .string(&imported.curve)
            .bytes(&imported.commitment)
            .number(imported.grid.step_bits.into())
            .number(imported.grid.range_bits.into())
            .hash(&imported.author.0);
        encode_labels(encoder, &imported.labels).finish()
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let root = match Decoder::new(IMPORTED, bytes) {
            Ok(decoder) => Self::decode_imported(decoder)?,
            // Another kind of root, or of thing.
            Err(DecodeError::Kind { .. }) => Self::decode_fields(ROOT, bytes, &mut |decoder| {
                Ok(RootWeights::Seed(decoder.number("seed")?))
            })?,
            Err(error) => return Err(error),
        };
        canonical(root.encode() == bytes, root)
    }

    fn decode_imported(mut decoder: Decoder<'_>) -> Result<Self, DecodeError> {
        let claim = decoder.bytes("pre-id")?;
        let proof = decoder.bytes("range proof")?;
        let signature = Signature(decoder.array("signature")?);
        decoder.finish()?;
        Self::decode_fields(IMPORTED_PRE_ID, claim, &mut |decoder| {
            let imported = imported(decoder, proof.to_vec(), signature)?;
            Ok(RootWeights::Imported(Box::new(imported)))
        })
    }

    /// Reads the fields that all roots have, and then the weights.
    fn decode_fields(
        kind: &'static str,
        bytes: &[u8],
        weights: &mut dyn FnMut(&mut Decoder<'_>) -> Result<RootWeights, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(kind, bytes)?;
        let architecture = architecture(&mut decoder)?;
        let fixed_point = fixed_point(&mut decoder)?;
        let normalization = Normalization::from_bytes(decoder.bytes("normalization")?)?;
        let weights = weights(&mut decoder)?;
        decoder.finish()?;
        Self::with(architecture, fixed_point, normalization, weights)
            .map_err(|error| DecodeError::value("normalization", error))
    }
}

/// What is said of imported weights. That they are a commitment of their curve is checked where the
/// curve is known.
fn imported(
    decoder: &mut Decoder<'_>,
    proof: Vec<u8>,
    signature: Signature,
) -> Result<Imported, DecodeError> {
    let curve = decoder.string("curve")?.to_owned();
    let commitment = decoder.bytes("weights")?.to_vec();
    let mut bits = || {
        let number = decoder.number("weight grid")?;
        u32::try_from(number).map_err(|error| DecodeError::value("weight grid", error))
    };
    let grid = WeightGrid {
        step_bits: bits()?,
        range_bits: bits()?,
    };
    grid.validate()
        .map_err(|error| DecodeError::value("weight grid", error))?;
    Ok(Imported {
        curve,
        commitment,
        grid,
        author: AuthorKey(decoder.hash("author")?),
        labels: labels(decoder)?,
        proof,
        signature,
    })
}

impl<C: Curve<ScalarField: WideField>> Node<C> {
    /// The canonical encoding of all fields, and of the curve; the pre-id is its SHA-256.
    pub fn encode(&self) -> Vec<u8> {
        let p = &self.parameters;
        let start = Encoder::new(NODE)
            .string(C::NAME)
            .hash(&self.parent.0)
            .bytes(&p.architecture.encode())
            .bytes(&encode_fixed_point(&p.fixed_point));
        let start = encode_tensors(start, &self.weights, &p.fixed_point)
            .hash(&self.dataset.root)
            .count(self.dataset.num_rows)
            .string(NUMBERS)
            .count(self.dataset.num_features);
        let start = encode_kind(start, self.dataset.kind);
        let start = p
            .optimiser
            .encode(start)
            .count(p.batch)
            .number(p.steps)
            .number(p.segment_steps)
            .flag(p.hiding)
            .number(self.nonce)
            .hash(&self.author.0);
        encode_labels(start, &self.labels).finish()
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(NODE, bytes)?;
        let d = &mut decoder;
        let curve = d.string("curve")?;
        if curve != C::NAME {
            let reason = format!("{curve:?}; this tree's is {:?}", C::NAME);
            return Err(DecodeError::value("curve", reason));
        }
        let parent = NodeId(d.hash("parent")?);
        let architecture = architecture(d)?;
        let fixed_point = fixed_point(d)?;
        let weights = tensors(d, &architecture, &fixed_point)?;
        let dataset = DatasetName {
            root: d.hash("data set")?,
            num_rows: d.count("rows")?,
            num_features: features(d)?,
            kind: kind(d)?,
        };
        let parameters = TrainingParameters {
            architecture,
            fixed_point,
            optimiser: Optimiser::decode(d)?,
            batch: d.count("batch")?,
            steps: d.number("steps")?,
            segment_steps: d.number("segment steps")?,
            hiding: d.flag("hiding")?,
        };
        let node = Self {
            parent,
            parameters,
            weights,
            dataset,
            nonce: d.number("nonce")?,
            author: AuthorKey(d.hash("author")?),
            labels: labels(d)?,
        };
        decoder.finish()?;
        canonical(node.encode() == bytes, node)
    }
}

fn architecture(decoder: &mut Decoder<'_>) -> Result<Architecture, DecodeError> {
    Architecture::decode(decoder.bytes("network")?)
}

/// The kinds of a data set's columns: numbers, which are standardised and rounded, and one column of classes.
const NUMBERS: &str = "numbers";
const LABELS: &str = "labels";

/// How many features there are, behind their kind.
fn features(decoder: &mut Decoder<'_>) -> Result<usize, DecodeError> {
    match decoder.string("features")? {
        NUMBERS => decoder.count("features"),
        kind => Err(DecodeError::value("features", quoted(kind))),
    }
}

/// The kind of targets, then how many columns they are, or how many classes.
fn encode_kind(start: Encoder, kind: DataKind) -> Encoder {
    match kind {
        DataKind::Numbers { targets } => start.string(NUMBERS).count(targets),
        DataKind::Labels { classes } => start.string(LABELS).count(classes),
    }
}

fn kind(decoder: &mut Decoder<'_>) -> Result<DataKind, DecodeError> {
    let field = "targets";
    let (kind, count) = (decoder.string(field)?, decoder.count(field)?);
    match kind {
        NUMBERS => Ok(DataKind::Numbers { targets: count }),
        LABELS if DataKind::is_count_of_classes(count) => Ok(DataKind::Labels { classes: count }),
        LABELS => Err(DecodeError::value(field, format!("{count} classes"))),
        _ => Err(DecodeError::value(field, quoted(kind))),
    }
}

/// The parameters, one after the other: name, fraction bits, whether it was trained, and the rows of its
/// commitment.
fn encode_tensors<C: Curve>(
    start: Encoder,
    weights: &WeightCommitment<C>,
    format: &FixedPoint,
) -> Encoder {
    let start = start.count(weights.layers().len());
    (1..)
        .zip(weights.layers())
        .fold(start, |encoder, (number, rows)| {
            encoder
                .string(&format!("W{number}"))
                .number(format.weight_bits().into())
                .flag(true)
                .bytes(&rows.encode())
        })
}

/// Reads what [`encode_tensors`] writes, for this network: all of its parameters are trained.
fn tensors<C: Curve<ScalarField: WideField>>(
    decoder: &mut Decoder<'_>,
    architecture: &Architecture,
    format: &FixedPoint,
) -> Result<WeightCommitment<C>, DecodeError> {
    let refuse = |what: &str| DecodeError::value("weights", what);
    if decoder.count("weights")? != architecture.num_layers() {
        return Err(refuse("the network has another number of parameters"));
    }
    let mut bytes = Vec::new();
    for number in 1..=architecture.num_layers() {
        if decoder.string("weights")? != format!("W{number}") {
            return Err(refuse("the network has no parameter of this name here"));
        }
        if decoder.number("weights")? != u64::from(format.weight_bits()) {
            return Err(refuse("a parameter has another format than weights"));
        }
        if !decoder.flag("weights")? {
            return Err(refuse(
                "a parameter is frozen: this version trains all of them",
            ));
        }
        let rows = decoder.bytes("weights")?;
        if rows.len() != WeightCommitment::<C>::layer_len(architecture, number - 1) {
            return Err(refuse("a parameter has another number of rows"));
        }
        bytes.extend_from_slice(rows);
    }
    WeightCommitment::decode(&bytes, architecture)
        .map_err(|error| DecodeError::value("weights", error))
}

fn fixed_point(decoder: &mut Decoder<'_>) -> Result<FixedPoint, DecodeError> {
    decode_fixed_point(decoder.bytes("fixed-point format")?)
}

fn encode_labels(start: Encoder, labels: &Labels) -> Encoder {
    let texts = [&labels.title, &labels.licence, &labels.note];
    let encoder = texts.into_iter().fold(start, |encoder, text| match text {
        Some(text) => encoder.flag(true).string(text),
        None => encoder.flag(false),
    });
    match labels.loss {
        Some(loss) => encoder.flag(true).number(loss.get().to_bits()),
        None => encoder.flag(false),
    }
}

fn labels(decoder: &mut Decoder<'_>) -> Result<Labels, DecodeError> {
    let mut text = |field, limit| match decoder.flag(field)? {
        false => Ok(None),
        true => match decoder.string(field)? {
            text if text.len() > limit => {
                let reason = format!("it is longer than {limit} bytes");
                Err(DecodeError::value(field, reason))
            }
            text => Ok(Some(text.to_owned())),
        },
    };
    let mut labels = Labels {
        title: text("title", TEXT_BYTES)?,
        licence: text("licence", TEXT_BYTES)?,
        note: text("note", NOTE_BYTES)?,
        loss: None,
    };
    if decoder.flag("loss")? {
        let loss = f64::from_bits(decoder.number("loss")?);
        let loss = Loss::new(loss).map_err(|error| DecodeError::value("loss", error))?;
        labels.loss = Some(loss);
    }
    labels
        .check()
        .map_err(|error| DecodeError::value("labels", error))?;
    Ok(labels)
}

/// What decodes and is encoded otherwise is refused: nothing has two encodings.
fn canonical<T>(same: bool, value: T) -> Result<T, DecodeError> {
    match same {
        true => Ok(value),
        false => Err(DecodeError::NotCanonical),
    }
}

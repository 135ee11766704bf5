//! The canonical encodings of roots and nodes, whose hashes identify them; *Lineages* in the notes.
use super::{
    AuthorKey, DatasetName, Imported, Labels, Node, NodeId, Root, RootWeights,
    labels::{Loss, NOTE_BYTES, TEXT_BYTES, check_title},
};
use crate::{
    commit::Curve,
    error::DecodeError,
    nn::{
        Architecture, FixedPoint, LearningRate, Normalization, TrainingParameters,
        WeightCommitment, WeightGrid,
        encoding::{Decoder, Encoder, decode_fixed_point, encode_fixed_point},
    },
    poly::WideField,
};

const ROOT: &str = "zktree/v1/root";
const IMPORTED: &str = "zktree/v1/imported-root";
const NODE: &str = "zktree/v1/pre-id";

impl Root {
    /// The canonical encoding; the id is its SHA-256.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match &self.weights {
            RootWeights::Seed(_) => ROOT,
            RootWeights::Imported(_) => IMPORTED,
        };
        let start = Encoder::new(kind)
            .numbers(widths(self.architecture()))
            .bytes(&encode_fixed_point(self.fixed_point()))
            .bytes(&self.normalization().to_bytes());
        match &self.weights {
            RootWeights::Seed(seed) => start.number(*seed).finish(),
            RootWeights::Imported(imported) => {
                let start = start
                    .string(&imported.curve)
                    .bytes(&imported.commitment)
                    .number(imported.grid.step_bits.into())
                    .number(imported.grid.range_bits.into())
                    .bytes(&imported.proof);
                match &imported.title {
                    Some(title) => start.flag(true).string(title),
                    None => start.flag(false),
                }
                .finish()
            }
        }
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (mut decoder, is_imported) = match Decoder::new(IMPORTED, bytes) {
            Ok(decoder) => (decoder, true),
            Err(_) => (Decoder::new(ROOT, bytes)?, false),
        };
        let architecture = architecture(&mut decoder)?;
        let fixed_point = fixed_point(&mut decoder)?;
        let normalization = Normalization::from_bytes(decoder.bytes("normalization")?)?;
        let weights = match is_imported {
            true => RootWeights::Imported(Box::new(imported(&mut decoder)?)),
            false => RootWeights::Seed(decoder.number("seed")?),
        };
        decoder.finish()?;
        let root = Self::with(architecture, fixed_point, normalization, weights)
            .map_err(|error| DecodeError::value("normalization", error))?;
        canonical(root.encode() == bytes, root)
    }
}

/// The fields of imported weights. That they are a commitment of their curve is checked where the
/// curve is known.
fn imported(decoder: &mut Decoder<'_>) -> Result<Imported, DecodeError> {
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
    let proof = decoder.bytes("range proof")?.to_vec();
    let title = match decoder.flag("title")? {
        true => Some(decoder.string("title")?.to_owned()),
        false => None,
    };
    check_title(&title).map_err(|error| DecodeError::value("title", error))?;
    Ok(Imported {
        curve,
        commitment,
        grid,
        proof,
        title,
    })
}

impl<C: Curve<ScalarField: WideField>> Node<C> {
    /// The canonical encoding of all fields, and of the curve; the pre-id is its SHA-256.
    pub fn encode(&self) -> Vec<u8> {
        let p = &self.parameters;
        let start = Encoder::new(NODE)
            .string(C::NAME)
            .hash(&self.parent.0)
            .numbers(widths(&p.architecture))
            .bytes(&encode_fixed_point(&p.fixed_point))
            .bytes(&self.weights.encode())
            .hash(&self.dataset.root)
            .count(self.dataset.num_rows)
            .count(self.dataset.num_features)
            .count(self.dataset.num_targets)
            .number(p.rate.coefficient())
            .count(p.batch)
            .number(p.steps)
            .number(p.segment_steps)
            .flag(p.hiding)
            .number(self.nonce)
            .hash(&self.author.0);
        let labels = &self.labels;
        let texts = [&labels.title, &labels.licence, &labels.note];
        let encoder = texts.into_iter().fold(start, |encoder, text| match text {
            Some(text) => encoder.flag(true).string(text),
            None => encoder.flag(false),
        });
        match labels.loss {
            Some(loss) => encoder.flag(true).number(loss.get().to_bits()),
            None => encoder.flag(false),
        }
        .finish()
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
        let weights = WeightCommitment::decode(d.bytes("weights")?, &architecture)
            .map_err(|error| DecodeError::value("weights", error))?;
        let dataset = DatasetName {
            root: d.hash("data set")?,
            num_rows: d.count("rows")?,
            num_features: d.count("features")?,
            num_targets: d.count("targets")?,
        };
        let parameters = TrainingParameters {
            architecture,
            fixed_point,
            rate: LearningRate::from_coefficient(d.number("rate")?)
                .map_err(|error| DecodeError::value("rate", error))?,
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

fn widths(architecture: &Architecture) -> impl ExactSizeIterator<Item = u64> {
    architecture.widths().into_iter().map(|width| width as u64)
}

fn architecture(decoder: &mut Decoder<'_>) -> Result<Architecture, DecodeError> {
    let widths = decoder.numbers("widths")?.into_iter().map(usize::try_from);
    let widths = widths
        .collect::<Result<_, _>>()
        .map_err(|error| DecodeError::value("widths", error))?;
    Architecture::new(widths).map_err(|error| DecodeError::value("widths", error))
}

fn fixed_point(decoder: &mut Decoder<'_>) -> Result<FixedPoint, DecodeError> {
    decode_fixed_point(decoder.bytes("fixed-point format")?)
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

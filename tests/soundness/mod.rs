//! Provers and carriers of proofs that lie, from outside the library: every message of a proof and
//! every step of the transcript is found by what the transcript tells, so that a message that is
//! added to the protocol is attacked without a change here.
//!
//! Cheating provers that need to see inside, and those that know their challenges beforehand, are in
//! `src/nn/soundness`.
mod account;
mod messages;
mod recorder;
mod sequence;

use crate::common::{Case, Story, tiny};
use zktree::{
    Pallas,
    error::VerifyError,
    nn::{
        DatasetCommitment, TrainingProof, TrainingStatement, argument::Pending,
        proof::verify_dataset,
    },
};

/// A tiny run with as many kinds of messages as the protocol has: two layers, two segments.
fn story(seed: u64, hiding: bool) -> Story<Pallas> {
    Story::new(&Case {
        network: "2,2,1".parse().unwrap(),
        batch: 2,
        steps: 2,
        segment_steps: 1,
        seed,
        hiding,
        fixed: tiny(),
    })
}

/// A statement with its proof.
enum Proven {
    Training(Box<TrainingStatement<Pallas>>, TrainingProof),
    Data(DatasetCommitment<Pallas>, bool, Vec<u8>),
}

/// Range of the data of [`story`].
const DATA_BITS: u32 = 8;

impl Proven {
    /// Everything but the group equations.
    fn verify(&self) -> Result<Vec<Pending<Pallas>>, VerifyError> {
        match self {
            Self::Training(statement, proof) => statement.verify(proof),
            Self::Data(data, hiding, proof) => {
                verify_dataset(data, DATA_BITS, *hiding, proof).map(|pending| vec![pending])
            }
        }
    }

    fn verdict(&self) -> Result<(), VerifyError> {
        Pending::check_all(&self.verify()?)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Training(_, proof) => &proof.0,
            Self::Data(_, _, proof) => proof,
        }
    }

    /// The same statement with other bytes for a proof.
    fn with(&self, bytes: Vec<u8>) -> Self {
        match self {
            Self::Training(statement, _) => Self::Training(statement.clone(), TrainingProof(bytes)),
            Self::Data(data, hiding, _) => Self::Data(data.clone(), *hiding, bytes),
        }
    }
}

/// One of each kind: a child of a root, a grandchild, the range of a data set.
fn proven(story: &Story<Pallas>) -> [(&'static str, Proven); 3] {
    let training = |(statement, proof): (&TrainingStatement<Pallas>, TrainingProof)| {
        Proven::Training(Box::new(statement.clone()), proof)
    };
    let (data, hiding) = (&story.first.dataset, story.first.parameters.hiding);
    let range = zktree::nn::proof::prove_dataset(&story.data[0], data, DATA_BITS, hiding);
    [
        ("child of a root", training(story.prove_root())),
        ("child of a node", training(story.prove_child())),
        (
            "range of data",
            Proven::Data(data.clone(), hiding, range.unwrap()),
        ),
    ]
}

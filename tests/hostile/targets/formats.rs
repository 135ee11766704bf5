//! Parsers of single formats. What decodes is encoded again: to the same bytes where the format
//! promises that, else to what decodes to the same.
use super::{input::Input, scene::Field};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr};
use zktree::{
    Bls12381, Pallas,
    commit::{Curve, RowCommitments},
    nn::{
        Architecture, FixedPoint, LearningRate, Normalization, Sgd, Trainer, WeightCommitment,
        encoding::{Decoder, Encoder},
        init,
        lower::{Cut, Extent, lower},
        optimise::UpdateMatrix,
        train,
    },
    poly::WideField,
    tree::{
        AuthorKey, Node, NodeId, Root,
        store::{ConsistencyProof, Head, InclusionProof, NodeFile, SignedHead},
    },
};

/// Fields of all kinds, asked for in an order that the first bytes choose.
pub fn encoding(data: &[u8]) {
    const KIND: &str = "zktree/v1/hostile";
    let mut input = Input::new(data);
    let order = input.bytes(8);
    let bytes = input.rest();
    let Ok(mut decoder) = Decoder::new(KIND, bytes) else {
        return;
    };
    let mut encoder = Encoder::new(KIND);
    for kind in order {
        let read = match kind % 7 {
            0 => decoder.number("a").map(|x| encoder.clone().number(x)),
            1 => decoder.count("b").map(|x| encoder.clone().count(x)),
            2 => decoder
                .numbers("c")
                .map(|x| encoder.clone().numbers(x.into_iter())),
            3 => decoder.bytes("d").map(|x| encoder.clone().bytes(x)),
            4 => decoder.string("e").map(|x| encoder.clone().string(x)),
            5 => decoder.flag("f").map(|x| encoder.clone().flag(x)),
            _ => decoder.hash("g").map(|x| encoder.clone().hash(&x)),
        };
        match read {
            Ok(read) => encoder = read,
            Err(_) => return,
        }
    }
    if decoder.finish().is_ok() {
        assert_eq!(encoder.finish(), bytes);
    }
}

/// Points of both groups.
pub fn points(data: &[u8]) {
    fn of<C: Curve>(data: &[u8]) {
        for rows in [data.len() / C::ENCODED_LEN, 1, 0, usize::MAX] {
            if let Ok(read) = RowCommitments::<C>::decode(data, rows) {
                assert_eq!(read.len(), rows);
                assert_eq!(read.encode(), data);
            }
        }
    }
    of::<Pallas>(data);
    of::<Bls12381>(data);
}

/// The commitment to weights of an architecture that the first bytes choose.
pub fn weight_commitment(data: &[u8]) {
    let mut input = Input::new(data);
    let layers = 1 + input.below(4);
    let widths = (0..=layers).map(|_| usize::try_from(input.number()).unwrap());
    let Ok(architecture) = Architecture::new(widths.collect()) else {
        return;
    };
    let bytes = input.rest();
    if let Ok(read) = WeightCommitment::<Pallas>::decode(bytes, &architecture) {
        assert_eq!(read.encode(), bytes);
        let len = WeightCommitment::<Pallas>::encoded_len(&architecture);
        assert_eq!(len, bytes.len());
    }
}

/// A network. Of a small one a step is run, and its witness made.
pub fn network(data: &[u8]) {
    let Ok(network) = Architecture::decode(data) else {
        return;
    };
    assert_eq!(network.encode(), data);
    if network.as_perceptron().is_some() {
        assert_eq!(network.to_string().parse(), Ok(network.clone()));
        json_again(&network);
    }
    let rate = LearningRate::from_coefficient(3).unwrap();
    let fixed_point = FixedPoint::compact();
    let plan = rate.into();
    let sgd = Sgd { fixed_point, plan };
    let trainer = Trainer::new(&sgd, &network, 2).unwrap();
    let extent = Extent {
        steps: 1,
        updates: Some(UpdateMatrix::Plain(rate)),
        cut: Cut::Format,
        opened_outputs: false,
    };
    let relation = lower::<Field>(trainer.program().clone(), &extent).unwrap();
    let (inputs, outputs) = (network.num_inputs(), network.num_outputs());
    if network.num_parameters() > 1 << 12 || inputs.max(outputs) > 1 << 8 {
        return;
    }
    let mut weights = init::expand(1, &network, &sgd.fixed_point);
    let rows = |width: usize| (0..2 * width as i64).map(|k| k % 7 - 3).collect::<Vec<_>>();
    let step = train::step(&sgd, &mut weights, &rows(inputs), &rows(outputs), 0);
    if let Ok(step) = step {
        assert!(relation.witness(&[step]).is_ok());
    }
    let _ = train::predict(&sgd.fixed_point, &weights, &rows(inputs));
}

pub fn root(data: &[u8]) {
    if let Ok(root) = Root::decode(data) {
        assert_eq!(root.encode(), data);
        let _ = root.check_signature();
        json_again(root.normalization());
        json_again(root.fixed_point());
        json_again(root.architecture());
    }
}

pub fn node(data: &[u8]) {
    fn of<C: Curve<ScalarField: WideField>>(data: &[u8]) {
        if let Ok(node) = Node::<C>::decode(data) {
            assert_eq!(node.encode(), data);
            node.schedule();
        }
    }
    of::<Pallas>(data);
    of::<Bls12381>(data);
}

pub fn node_file(data: &[u8]) {
    if let Ok(file) = NodeFile::<Pallas>::decode(data) {
        assert_eq!(file.encode(), data);
        file.id();
    }
}

/// As bytes, and as JSON.
pub fn normalization(data: &[u8]) {
    if let Ok(read) = Normalization::from_bytes(data) {
        assert_eq!(read.to_bytes(), data);
    }
    if let Ok(read) = serde_json::from_slice::<Normalization>(data) {
        json_again(&read);
        assert_eq!(Normalization::from_bytes(&read.to_bytes()), Ok(read));
    }
}

/// Values that are words of a command or strings of JSON.
pub fn text(data: &[u8]) {
    fn of<T: FromStr<Err: Display> + Display + PartialEq + std::fmt::Debug>(text: &str) {
        match text.parse::<T>() {
            Ok(read) => assert_eq!(read.to_string().parse::<T>().ok(), Some(read)),
            // What went wrong is said in few words, whatever was given.
            Err(error) => assert!(error.to_string().len() < 1000 + 4 * text.len()),
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        of::<Architecture>(text);
        of::<NodeId>(text);
        of::<AuthorKey>(text);
        of::<Head>(text);
        let _ = FixedPoint::from_preset(text);
    }
}

/// Values that are JSON, in a file or in one.
pub fn json(data: &[u8]) {
    fn of<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) {
        if let Ok(read) = serde_json::from_slice::<T>(data) {
            json_again(&read);
        }
    }
    of::<Architecture>(data);
    of::<FixedPoint>(data);
    of::<LearningRate>(data);
    of::<NodeId>(data);
    of::<Head>(data);
    of::<SignedHead>(data);
    of::<AuthorKey>(data);
}

/// Proofs about logs, which are JSON and name the heads that they are about.
pub fn log_proof(data: &[u8]) {
    if let Ok(proof) = serde_json::from_slice::<InclusionProof>(data) {
        json_again(&proof);
        let _ = proof.verify();
    }
    if let Ok(proof) = serde_json::from_slice::<ConsistencyProof>(data) {
        json_again(&proof);
        let _ = proof.verify();
    }
    if let Ok(head) = serde_json::from_slice::<SignedHead>(data) {
        json_again(&head);
        let _ = head.verify();
    }
}

fn json_again<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_vec(value).unwrap();
    assert_eq!(&serde_json::from_slice::<T>(&text).unwrap(), value);
}

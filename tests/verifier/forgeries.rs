//! False trees that this library once accepted.
use crate::{
    compare::{Case, Tampered},
    files,
    honest::{Family, author, normalization, tiny},
};
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zktree::{
    Pallas,
    commit::Curve,
    nn::{
        Architecture, Layer, WeightCommitment, WeightGrid, WeightOpening, Weights,
        argument::{Argument, KnownMatrix, Source},
        commitment::{row_vars, weight_layout},
        encoding::{Decoder, Encoder},
        grid::WeightRange,
        layout::weight_values,
        relation::count_multiplicities,
    },
    tree::{Labels, Root},
};

type Scalar = <Pallas as ark_ec::PrimeGroup>::ScalarField;

const GRID: WeightGrid = WeightGrid {
    step_bits: 4,
    range_bits: 6,
};
/// Units that the architecture says, and for which the commitment has room.
const UNITS: usize = 5;
const ROOM: usize = 8;

/// An imported network that is wider than it says: the padding of its commitment holds biases, and the
/// proof of range says of the public gates there that they are open.
pub fn wider_root(family: &Family<Pallas>) -> Case {
    let architecture = Architecture::new(vec![3, UNITS, 2]).unwrap();
    let (narrow, wide) = (weights(UNITS), weights(ROOM));
    let opening = WeightOpening::<Scalar>::new(wide.clone(), true, &mut OsRng);
    let points = opening.commit::<Pallas>().encode();
    let commitment = WeightCommitment::<Pallas>::decode(&points, &architecture).unwrap();
    let claim = claim(&narrow, &points);
    let statement = Encoder::new("zktree/v3/weight-range")
        .string(Pallas::NAME)
        .bytes(&architecture.encode())
        .hash(&commitment.digest())
        .number(GRID.step_bits.into())
        .number(GRID.range_bits.into())
        .flag(true)
        .hash(&Sha256::digest(&claim).into())
        .finish();
    let proof = forge(&architecture, (&narrow, &wide), &opening, &statement);
    let root = Encoder::new("zktree/v2/imported-root")
        .bytes(&claim)
        .bytes(&proof);
    let root = [root.finish(), vec![0; 64]].concat();
    let (id, tree) = files::lone_root(&family.files, root, &author());
    let tampered = Tampered {
        node: Some(id),
        reason: Some("weight"),
    };
    Case::tampered(
        "forgery: a network wider than it says".into(),
        tree,
        tampered,
    )
}

/// A network of so many hidden units, of which those behind the first ones have nothing but a bias.
fn weights(units: usize) -> Weights {
    let entry = |real: bool, k: usize| {
        if real {
            (k as i64 % 9 - 4) << GRID.step_bits
        } else {
            0
        }
    };
    let first = Layer::new(
        (0..3 * units)
            .map(|k| entry(k % units < UNITS, k / units + k % units))
            .collect(),
        (0..units).map(|j| entry(j >= UNITS, j)).collect(),
    );
    let weight = (0..units * 2).map(|k| entry(k / 2 < UNITS, k)).collect();
    let last = Layer::new(weight, vec![0; 2]);
    let architecture = Architecture::new(vec![3, units, 2]).unwrap();
    Weights::new(architecture, vec![first, last]).unwrap()
}

/// What an honest root of the narrow network says of itself, with another commitment.
fn claim(narrow: &Weights, points: &[u8]) -> Vec<u8> {
    let honest = WeightOpening::new(narrow.clone(), true, &mut OsRng);
    let normalization = normalization(3, 2);
    let source = (&honest, GRID);
    let root = Root::import::<Pallas>(tiny(), normalization, source, &author(), Labels::default());
    let root = root.unwrap().encode();
    let mut decoder = Decoder::new("zktree/v2/imported-root", &root).unwrap();
    let mut claim = decoder.bytes("pre-id").unwrap().to_vec();
    let old = honest.commit::<Pallas>().encode();
    let at = claim.windows(old.len()).position(|bytes| bytes == old);
    let at = at.unwrap();
    claim[at..at + old.len()].copy_from_slice(points);
    claim
}

/// A proof that the weights of the wide network are on the grid, in the relation of the narrow one.
fn forge(
    architecture: &Architecture,
    (narrow, wide): (&Weights, &Weights),
    opening: &WeightOpening<Scalar>,
    statement: &[u8],
) -> Vec<u8> {
    let range = WeightRange::<Scalar>::new(architecture, GRID.step_bits, GRID.range_bits);
    let relation = range.relation().clone();
    let mut values = range.witness(narrow).unwrap();
    for id in values.keys().copied().collect::<Vec<_>>() {
        match relation.name(id) {
            "b1 in steps" => {
                let biases = wide.layers()[0].bias().iter();
                let steps = biases.map(|bias| bias >> GRID.step_bits).collect();
                values.insert(id, Arc::new(steps));
            }
            "units" if values[&id].len() == UNITS => {
                values.insert(id, Arc::new(vec![1; ROOM]));
            }
            _ => {}
        }
    }
    count_multiplicities(&relation, &mut values).unwrap();
    let witness = std::slice::from_ref(range.multiplicities());
    let mut argument = Argument::new(relation, witness, row_vars(1 << GRID.range_bits), true);
    let mut known = Vec::new();
    for (layer, id) in range.weights().iter().enumerate() {
        let matrix = argument.known_matrix(weight_layout(architecture, layer));
        argument.input(*id, Source::Matrix(matrix));
        let tensor = Arc::new(weight_values(wide, layer));
        values.insert(*id, tensor.clone());
        known.push(KnownMatrix {
            values: tensor,
            blindings: opening.blindings()[layer].clone(),
        });
    }
    let forged = argument.prove::<Pallas>(statement, &values, &known, false);
    forged.unwrap()
}

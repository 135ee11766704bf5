//! A proof is of one statement: altered fields, and segments replayed, dropped or reordered.
use super::*;
use crate::{
    error::{ConfigError, StatementError},
    nn::{DataKind, DatasetCommitment},
};

fn plan(hiding: bool, root: bool) -> Plan {
    Plan {
        widths: vec![2, 3, 2],
        batch: 2,
        steps: 3,
        segment_steps: 1,
        hiding,
        root,
        activation: Nonlinearity::Relu,
        optimiser: one_unit(),
    }
}

/// All ways to alter one public thing.
fn alterations(scene: &Scene) -> Vec<(&'static str, TrainingStatement<C>)> {
    let mut all = Vec::new();
    let mut alter = |name, change: &dyn Fn(&mut TrainingStatement<C>)| {
        let mut statement = scene.statement.clone();
        change(&mut statement);
        all.push((name, statement));
    };
    for (name, widths) in [
        ("deeper", vec![2, 3, 3, 2]),
        ("shallower", vec![2, 2]),
        ("wider", vec![2, 4, 2]),
        ("narrower", vec![2, 2, 2]),
    ] {
        alter(name, &|s| {
            s.parameters.architecture = Architecture::new(widths.clone()).unwrap();
        });
    }
    let formats: [(&str, fn(&mut FixedPointConfig)); 10] = [
        ("activation bits", |c| c.activation_bits -= 1),
        ("gradient bits", |c| c.gradient_bits += 1),
        ("weight bits", |c| {
            c.weight_bits += 1;
            c.limbs = vec![4, 5];
        }),
        ("order of limbs", |c| c.limbs = vec![3, 5]),
        ("number of limbs", |c| c.limbs = vec![4, 2, 2]),
        ("hidden range", |c| c.hidden_range_bits += 1),
        ("output range", |c| c.output_range_bits += 1),
        ("gradient range", |c| c.gradient_range_bits += 1),
        ("smaller gradient range", |c| c.gradient_range_bits -= 1),
        ("data range", |c| c.data_range_bits += 1),
    ];
    for (name, change) in formats {
        alter(name, &|s| {
            let mut config = s.parameters.fixed_point.config().clone();
            change(&mut config);
            s.parameters.fixed_point = FixedPoint::new(config).unwrap();
        });
    }
    alter("rate", &|s| {
        s.parameters.optimiser = LearningRate::from_coefficient(2).unwrap().into();
    });
    alter("momentum", &|s| {
        let momentum = "momentum:0.9".parse().unwrap();
        let rate = LearningRate::from_coefficient(12).unwrap();
        s.parameters.optimiser = Optimiser::new(rate, momentum, Default::default()).unwrap();
    });
    alter("smaller batch", &|s| s.parameters.batch = 1);
    alter("larger batch", &|s| s.parameters.batch = 3);
    alter("more steps", &|s| s.parameters.steps = 4);
    alter("fewer steps", &|s| s.parameters.steps = 2);
    alter("no steps", &|s| s.parameters.steps = 0);
    alter("most steps", &|s| s.parameters.steps = 1 << 40);
    alter("longer segments", &|s| s.parameters.segment_steps = 2);
    alter("no segments", &|s| s.parameters.segment_steps = 0);
    alter("hiding", &|s| s.parameters.hiding = !s.parameters.hiding);
    match scene.statement.parent {
        ParentWeights::Root { seed } => {
            alter("seed", &|s| {
                s.parent = ParentWeights::Root { seed: seed ^ 1 }
            });
            alter("root committed", &|s| {
                s.parent = ParentWeights::Committed {
                    commitment: scene.parent.commit(),
                    bound: WeightBound::new(1 << 20),
                };
            });
        }
        ParentWeights::Committed { bound, .. } => {
            alter("parent", &|s| {
                let commitment = scene.statement.child.clone();
                s.parent = ParentWeights::Committed { commitment, bound };
            });
            alter("parent blinded anew", &|s| {
                let rng = &mut ChaCha20Rng::seed_from_u64(1);
                let weights = scene.parent.weights().clone();
                let commitment = WeightOpening::new(weights, true, rng).commit();
                s.parent = ParentWeights::Committed { commitment, bound };
            });
            alter("root", &|s| s.parent = ParentWeights::Root { seed: 0 });
            alter("largest bound", &|s| {
                if let ParentWeights::Committed { bound, .. } = &mut s.parent {
                    *bound = WeightBound::new(u128::MAX);
                }
            });
        }
    }
    alter("child", &|s| s.child = scene.parent.commit());
    alter("child's rows", &|s| {
        let mut layers = s.child.layers().to_vec();
        let row = layers[0].rows[0];
        layers[0].rows.push(row);
        s.child = WeightCommitment::from_layers(layers);
    });
    alter("child's layers", &|s| {
        s.child = WeightCommitment::from_layers(s.child.layers()[..1].to_vec());
    });
    let dataset = |s: &TrainingStatement<C>, change: &dyn Fn(&mut Vec<ark_pallas::Affine>)| {
        let mut rows = s.dataset.rows().clone();
        change(&mut rows.rows);
        DatasetCommitment::new(2, 2, rows)
    };
    alter("order of data", &|s| {
        s.dataset = dataset(s, &|rows| rows.swap(0, 1));
    });
    alter("a data row", &|s| {
        s.dataset = dataset(s, &|rows| rows[3] = rows[2]);
    });
    alter("one data row less", &|s| {
        s.dataset = dataset(s, &|rows| rows.truncate(3));
    });
    alter("one data row more", &|s| {
        s.dataset = dataset(s, &|rows| rows.push(rows[0]));
    });
    alter("columns of data", &|s| {
        s.dataset = DatasetCommitment::new(3, 1, s.dataset.rows().clone());
    });
    alter("kind of targets", &|s| {
        let kind = DataKind::Labels { classes: 2 };
        s.dataset = DatasetCommitment::of_kind(2, kind, s.dataset.rows().clone());
    });
    alter("schedule", &|s| s.schedule.0[31] ^= 1);
    alter("parent's identity", &|s| s.parent_id[0] ^= 1);
    alter("child's identity", &|s| s.child_pre_id[31] ^= 128);
    all
}

/// Refused before the proof is read.
const NO_STATEMENT: [&str; 9] = [
    "kind of targets",
    "deeper",
    "shallower",
    "no steps",
    "no segments",
    "largest bound",
    "child's rows",
    "child's layers",
    "columns of data",
];
/// Statements with other numbers of messages, so that something else is read in their place; the last
/// of them with hiding only, where more messages are fixed by the statement.
const OTHER_MESSAGES: [&str; 13] = [
    "number of limbs",
    "hidden range",
    "output range",
    "gradient range",
    "smaller gradient range",
    "hiding",
    "narrower",
    "smaller batch",
    "larger batch",
    "more steps",
    "fewer steps",
    "most steps",
    "longer segments",
];

/// All else is refused by the first check of the first segment: every challenge is another one. With
/// hiding checks are put off to the opening.
fn is_expected(name: &str, error: &VerifyError, hiding: bool) -> bool {
    if NO_STATEMENT.contains(&name) {
        return matches!(error, VerifyError::Shape { .. } | VerifyError::Statement(_));
    }
    let other = &OTHER_MESSAGES[..if hiding { 13 } else { 6 }];
    if other.contains(&name) {
        return matches!(error, VerifyError::In { location, .. } if location.starts_with("segment"));
    }
    if hiding {
        return *error == VerifyError::Opening;
    }
    let places = ["segment 0", "lookup argument", "lookup tree, layer 0"];
    let first = places.iter().rev().fold(fails(IN_TABLE), |source, place| {
        let location = place.to_string();
        VerifyError::In {
            location,
            source: Box::new(source),
        }
    });
    *error == first
}

#[test]
fn a_proof_is_of_one_statement() {
    for (hiding, root) in [(false, false), (false, true), (true, false), (true, true)] {
        let scene = plan(hiding, root).scene();
        let proof = scene.prove();
        assert_eq!(verdict(&scene.statement, &proof), Ok(()));
        for (name, statement) in alterations(&scene) {
            let error = verdict(&statement, &proof).expect_err(name);
            assert!(is_expected(name, &error, hiding), "{name}: {error}");
        }
    }
}

/// The bound on the parent's weights is what the verifier knows, not what is claimed: it is checked,
/// and it is no part of the statement.
#[test]
fn the_bound_is_the_verifiers() {
    let mut scene = plan(true, false).scene();
    let proof = scene.prove();
    let steps = scene.statement.parameters.steps;
    let mut set = |value| {
        if let ParentWeights::Committed { bound, .. } = &mut scene.statement.parent {
            *bound = WeightBound::new(value);
        }
        verdict(&scene.statement, &proof)
    };
    assert_eq!(set(1 << 60), Ok(()));
    let expected = ConfigError::WeightBoundOverflow { steps };
    assert_eq!(set(u128::MAX), Err(expected.into()));
}

/// Segments of a proof with the commitments behind them.
fn cut(scene: &Scene, proof: &TrainingProof) -> Vec<(Vec<u8>, Vec<u8>)> {
    let architecture = &scene.statement.parameters.architecture;
    let len = WeightCommitment::<C>::encoded_len(architecture);
    let mut rest = proof.0.as_slice();
    let mut segments = Vec::new();
    for k in 0..3 {
        let (commitment, after) = rest.split_at(if k < 2 { len } else { 0 });
        let (size, after) = after.split_at(8);
        let size = u64::from_le_bytes(size.try_into().unwrap()) as usize;
        let (bytes, after) = after.split_at(size);
        segments.push((commitment.to_vec(), bytes.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty());
    segments
}

fn join(segments: &[(Vec<u8>, Vec<u8>)]) -> TrainingProof {
    let mut proof = Vec::new();
    for (commitment, bytes) in segments {
        proof.extend(commitment);
        proof.extend((bytes.len() as u64).to_le_bytes());
        proof.extend(bytes);
    }
    TrainingProof(proof)
}

#[test]
fn segments_stay_where_they_are() {
    for (hiding, root) in [(false, false), (true, false), (true, true)] {
        let scene = plan(hiding, root).scene();
        let proof = scene.prove();
        let honest = cut(&scene, &proof);
        assert_eq!(join(&honest), proof);
        let refuse = |name: &str, change: &dyn Fn(&mut Vec<(Vec<u8>, Vec<u8>)>)| {
            let mut segments = honest.clone();
            change(&mut segments);
            assert!(
                verdict(&scene.statement, &join(&segments)).is_err(),
                "{name}"
            );
        };
        refuse("swapped", &|s| s.swap(0, 1));
        refuse("proofs swapped", &|s| {
            let first = s[0].1.clone();
            s[0].1 = std::mem::replace(&mut s[1].1, first);
        });
        refuse("commitments swapped", &|s| {
            let first = s[0].0.clone();
            s[0].0 = std::mem::replace(&mut s[1].0, first);
        });
        refuse("replayed", &|s| s[1] = s[0].clone());
        refuse("last replayed", &|s| s[2].1 = s[1].1.clone());
        refuse("first dropped", &|s| drop(s.remove(0)));
        refuse("last dropped", &|s| drop(s.pop()));
        refuse("repeated", &|s| s.insert(1, s[0].clone()));
        refuse("empty", &|s| s.clear());
        refuse("extended", &|s| s[2].1.push(0));
        refuse("child in between", &|s| {
            s[1].0 = scene.statement.child.encode()
        });
        // Lengths that lie, and no bytes at all.
        for len in [0, 1, u64::MAX, u64::MAX / 2, honest[0].1.len() as u64 - 1] {
            let mut bytes = proof.0.clone();
            let at = honest[0].0.len();
            bytes[at..at + 8].copy_from_slice(&len.to_le_bytes());
            assert!(verdict(&scene.statement, &TrainingProof(bytes)).is_err());
        }
        // A proof of the same training run as another edge.
        let other = plan(hiding, root).scene();
        let mut elsewhere = other.statement.clone();
        elsewhere.child_pre_id = [7; 32];
        let moved = Scene {
            statement: elsewhere,
            ..other
        };
        assert!(verdict(&scene.statement, &moved.prove()).is_err());
    }
}

/// Numbers in a statement that no memory could serve are refused, not tried.
#[test]
fn sizes_beyond_reason_are_refused() {
    let scene = plan(false, false).scene();
    let proof = scene.prove();
    let refuse = |change: &dyn Fn(&mut TrainingParameters)| {
        let mut statement = scene.statement.clone();
        change(&mut statement.parameters);
        assert!(verdict(&statement, &proof).is_err());
        let segment = statement.parameters.segments().next().unwrap();
        statement.segment_argument(segment, false).err().unwrap()
    };
    for (steps, segment_steps) in [(1 << 24, 1 << 24), (1 << 40, 1 << 20), (1 << 62, 1 << 62)] {
        let error = refuse(&|p| (p.steps, p.segment_steps) = (steps, segment_steps));
        let long = |e: &StatementError| matches!(e, StatementError::SegmentTooLong { .. });
        assert!(
            matches!(&error, VerifyError::Statement(e) if long(e)),
            "{error}"
        );
    }
    let error = refuse(&|p| {
        (p.steps, p.segment_steps) = (1 << 10, 1 << 10);
        let widths = [1, 1 << 16].into_iter().cycle().take(65).collect();
        p.architecture = Architecture::new(widths).unwrap();
    });
    assert_eq!(error, StatementError::SegmentTooLarge.into());
}

/// A parent that was committed with blinding needs a child that is proven with it.
#[test]
fn bare_proofs_of_blinded_weights_are_no_panic() {
    let scene = plan(true, false).scene();
    let mut bare = scene.clone();
    bare.statement.parameters.hiding = false;
    let go = &mut |_| ControlFlow::Continue(());
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let error = bare
        .statement
        .prove(&bare.parent, &bare.child, &bare.data, rng, go);
    assert_eq!(error, Err(StatementError::BlindedCommitment.into()));
}

/// Values that would wrap around a field are refused. The fields at hand are too large for any.
#[test]
fn nothing_wraps_around() {
    let scene = plan(false, false).scene();
    let wraps = |bits| {
        let error = scene.statement.validate_in(bits).err();
        matches!(
            error,
            Some(VerifyError::Statement(StatementError::Config(
                ConfigError::MayWrap { .. }
            )))
        )
    };
    // The bound of 2^40 on the parent's weights, times activations and rows.
    let enough = (0..255).find(|bits| !wraps(*bits)).unwrap();
    assert!((45..60).contains(&enough), "{enough}");
    assert!((0..enough).all(wraps) && !wraps(255));
}

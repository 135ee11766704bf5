//! Every message of a proof, altered in every way. Without hiding the error is known: a check that
//! the message takes part in, or the first one behind the next challenge; with hiding all checks
//! are one, the opening.
use super::{
    Proven, proven,
    recorder::{Event, Message, messages, record},
    story,
};
use ark_ec::{AffineRepr, CurveGroup};
use ark_pallas::{Affine, Fr, Projective};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use std::{collections::BTreeMap, ops::Range};
use zktree::{commit::Curve, error::VerifyError};

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alteration {
    /// One, or the group's generator, is added.
    Add,
    Negate,
    Zero,
    /// All bits are set: no encoding of anything.
    Wild,
    /// Exchanged with the next message of its kind.
    Swap,
    /// Replaced by the one at its place in another proof.
    Replace,
    Drop,
    Repeat,
    /// The proof ends before it.
    Cut,
}

const ALL: [Alteration; 9] = [
    Alteration::Add,
    Alteration::Negate,
    Alteration::Zero,
    Alteration::Wild,
    Alteration::Swap,
    Alteration::Replace,
    Alteration::Drop,
    Alteration::Repeat,
    Alteration::Cut,
];

/// One transcript's part of a proof.
struct Segment {
    events: Vec<Event>,
    messages: Vec<Message>,
    /// Where it lies in the proof.
    bytes: Range<usize>,
    /// Where it says how long it is, if it does.
    length: Option<usize>,
}

/// Cuts a proof into the parts of its transcripts.
fn segments(proven: &Proven) -> Vec<Segment> {
    let (result, mut transcripts) = record(|| proven.verify());
    assert!(result.is_ok());
    let applications = transcripts.iter().map(|events| events[0].clone());
    assert!(
        applications.eq(transcripts
            .iter()
            .map(|_| Event::Begin("tensor relation".into())))
    );
    let framed = matches!(proven, Proven::Training(..));
    let messages: Vec<_> = transcripts.iter().map(|events| messages(events)).collect();
    // Between segments: commitments to weights, which are as long as what is left over.
    let len = |messages: &Vec<Message>| messages.last().map_or(0, |m| m.bytes.end);
    let frames = if framed { 8 * messages.len() } else { 0 };
    let used = messages.iter().map(len).sum::<usize>() + frames;
    let commitment = (proven.bytes().len() - used) / (messages.len() - 1).max(1);
    let mut start = 0;
    let mut segments = Vec::new();
    let last = messages.len() - 1;
    for (k, messages) in messages.into_iter().enumerate() {
        start += if k < last { commitment } else { 0 };
        let length = framed.then_some(start);
        start += if framed { 8 } else { 0 };
        let bytes = start..start + len(&messages);
        start = bytes.end;
        let events = std::mem::take(&mut transcripts[k]);
        segments.push(Segment {
            events,
            messages,
            bytes,
            length,
        });
    }
    assert_eq!(start, proven.bytes().len());
    segments
}

impl Segment {
    /// The part of a proof that begins with it, with `bytes` in place of its own.
    fn replaced(&self, proof: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut altered = proof[..self.bytes.start].to_vec();
        if let Some(at) = self.length {
            altered[at..at + 8].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        }
        altered.extend(bytes);
        altered.extend(&proof[self.bytes.end..]);
        altered
    }

    /// The segment with one message altered; `None` where that changes nothing.
    fn altered(
        &self,
        own: &[u8],
        other: &[u8],
        k: usize,
        alteration: Alteration,
    ) -> Option<Vec<u8>> {
        let message = &self.messages[k];
        let here = message.bytes.clone();
        let mut bytes = own.to_vec();
        match alteration {
            Alteration::Add | Alteration::Negate | Alteration::Zero => {
                bytes[here.clone()].copy_from_slice(&calculate(&own[here], message, alteration));
            }
            Alteration::Wild => bytes[here].fill(0xff),
            Alteration::Swap => {
                let alike = |m: &&Message| m.point == message.point;
                let next = self.messages[k + 1..].iter().find(alike)?.bytes.clone();
                let (a, b) = (own[here.clone()].to_vec(), own[next.clone()].to_vec());
                bytes[here].copy_from_slice(&b);
                bytes[next].copy_from_slice(&a);
            }
            Alteration::Replace => bytes[here.clone()].copy_from_slice(&other[here]),
            Alteration::Drop => drop(bytes.drain(here)),
            Alteration::Repeat => {
                bytes.splice(here.start..here.start, own[here].to_vec());
            }
            Alteration::Cut => bytes.truncate(here.start),
        }
        (bytes != own).then_some(bytes)
    }

    /// The errors that an altered message may end in, without hiding.
    fn expected(&self, k: usize) -> Vec<VerifyError> {
        let message = Event::Message(self.messages[k].clone());
        let at = self.events.iter().position(|e| *e == message).unwrap();
        let mut drawn = false;
        let mut errors = Vec::new();
        for (i, event) in self.events.iter().enumerate().skip(at) {
            match event {
                Event::Challenge(_) => drawn = true,
                Event::Check(check) => {
                    let before = self.events[..i].iter().filter(|e| *e == event).count();
                    errors.push(failed(check, before));
                    // Numbers that are not zero stay so, but for one chance in `|F|`.
                    if drawn && !check.ends_with("is not zero") {
                        return errors;
                    }
                }
                _ => {}
            }
        }
        errors.push(VerifyError::Opening);
        errors
    }
}

/// The error of a check that was passed `before` times before.
fn failed(check: &str, before: usize) -> VerifyError {
    let check: &'static str = check.to_owned().leak();
    let inner = VerifyError::CheckFailed { check };
    let located = |location: String, source| VerifyError::In {
        location,
        source: Box::new(source),
    };
    let lookups =
        |location: String| located("lookup argument".into(), located(location, inner.clone()));
    match check {
        "the sumcheck of the lookups ends in the sum of two fractions" => {
            lookups(format!("lookup tree, layer {before}"))
        }
        "the numerators of the lookups are ones and multiplicities"
        | "the denominators of the lookups are those of columns and tables" => {
            lookups("lookup tree, leaves".into())
        }
        "the denominator at the root of the lookups is not zero" => {
            located("lookup argument".into(), inner)
        }
        _ => inner,
    }
}

/// The encoding of a scalar or point behind an alteration.
fn calculate(bytes: &[u8], message: &Message, alteration: Alteration) -> Vec<u8> {
    if message.point {
        let p = Projective::decode(bytes).unwrap();
        let q = match alteration {
            Alteration::Add => (p + Affine::generator()).into_affine(),
            Alteration::Negate => -p,
            _ => Affine::zero(),
        };
        return Projective::encode(&q);
    }
    let x = Fr::deserialize_compressed(bytes).unwrap();
    let y = match alteration {
        Alteration::Add => x + Fr::from(1u64),
        Alteration::Negate => -x,
        _ => Fr::from(0u64),
    };
    let mut bytes = Vec::new();
    y.serialize_compressed(&mut bytes).unwrap();
    bytes
}

/// Whether bytes could not be read: where messages are moved, anything may come first.
fn unreadable(error: &VerifyError) -> bool {
    match error {
        VerifyError::In { source, .. } => unreadable(source),
        VerifyError::Truncated { .. }
        | VerifyError::TrailingBytes { .. }
        | VerifyError::NonCanonicalScalar { .. }
        | VerifyError::InvalidPoint { .. } => true,
        _ => false,
    }
}

/// Whether bytes could not be read as the message of this label.
fn unreadable_as(error: &VerifyError, message: &Message, alteration: Alteration) -> bool {
    let here = |label: &str| label == message.label;
    match error {
        VerifyError::In { source, .. } => unreadable_as(source, message, alteration),
        VerifyError::Truncated { label } => alteration == Alteration::Cut && here(label),
        VerifyError::NonCanonicalScalar { label } => !message.point && here(label),
        VerifyError::InvalidPoint { label } => message.point && here(label),
        _ => false,
    }
}

/// Takes the outermost location off.
fn inside(error: VerifyError, outer: &str) -> VerifyError {
    match error {
        VerifyError::In { location, source } if location == outer => *source,
        // The group equation says nothing of where.
        VerifyError::Opening => VerifyError::Opening,
        error => panic!("not in {outer}: {error}"),
    }
}

fn is_expected(
    error: &VerifyError,
    alteration: Alteration,
    message: &Message,
    expected: &[VerifyError],
    hiding: bool,
) -> bool {
    match alteration {
        Alteration::Cut | Alteration::Wild => unreadable_as(error, message, alteration),
        Alteration::Drop | Alteration::Repeat if unreadable(error) => true,
        _ if hiding => *error == VerifyError::Opening,
        // A message that is moved may be read as a later one with an earlier effect.
        _ => expected.contains(error),
    }
}

/// Alters messages of every label: the first, the last, and every `stride`-th.
fn every_message_counts(hiding: bool, stride: usize) {
    let [ours, others] = [1, 100].map(|seed| proven(&story(seed, hiding)));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for ((name, ours), (_, other)) in ours.iter().zip(&others) {
        assert_eq!(ours.bytes().len(), other.bytes().len());
        for (number, segment) in segments(ours).iter().enumerate() {
            let outer = match ours {
                Proven::Training(..) => format!("segment {number}"),
                Proven::Data(..) => "data range".into(),
            };
            let [own, other] = [ours, other].map(|p| &p.bytes()[segment.bytes.clone()]);
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            for (k, message) in segment.messages.iter().enumerate() {
                let nth = seen.entry(&message.label).or_default();
                *nth += 1;
                let later = &segment.messages[k + 1..];
                let last = later.iter().all(|m| m.label != message.label);
                if *nth > 1 && !last && !nth.is_multiple_of(stride) {
                    continue;
                }
                let expected = segment.expected(k);
                for alteration in ALL {
                    let Some(bytes) = segment.altered(own, other, k, alteration) else {
                        continue;
                    };
                    let altered = ours.with(segment.replaced(ours.bytes(), &bytes));
                    let error = altered.verdict().expect_err(&message.label);
                    let error = inside(error, &outer);
                    assert!(
                        is_expected(&error, alteration, message, &expected, hiding),
                        "{name}, {outer}, {message:?}, {alteration:?}: {error}, not {expected:?}"
                    );
                    *counts.entry(message.label.clone()).or_default() += 1;
                }
            }
        }
    }
    println!(
        "alterations, hiding {hiding}: {} in all, {counts:?}",
        counts.values().sum::<usize>()
    );
    assert!(counts.len() >= if hiding { 12 } else { 8 });
}

#[test]
fn every_message_counts_without_hiding() {
    every_message_counts(false, 7);
}

#[test]
fn every_message_counts_with_hiding() {
    every_message_counts(true, 37);
}

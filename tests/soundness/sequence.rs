//! The sequence of all that transcripts do, against a recorded one: an absorb, a message or a
//! challenge that is taken out, added or moved fails here, and asks for another version of the protocol.
//!
//! `ZKTREE_RECORD=1 cargo test --test library sequence` records it anew.
use super::{
    proven,
    recorder::{Event, record},
    story,
};
use sha2::{Digest, Sha256};
use std::{fmt::Write, path::Path};
use zktree::transcript::PROTOCOL;

/// A line for each event; equal neighbours, and neighbours of up to six lines, as one.
fn lines(transcripts: &[Vec<Event>]) -> String {
    let line = |event: &Event| match event {
        Event::Begin(application) => format!("begin {application}"),
        Event::Absorb(label, len) => format!("  absorb {label}, {len} bytes"),
        Event::Message(m) if m.point => format!("  point {}", m.label),
        Event::Message(m) => format!("  scalar {}", m.label),
        Event::Challenge(label) => format!("  challenge {label}"),
        Event::Check(check) => format!("  check {check}"),
    };
    let lines = transcripts.iter().flatten().map(line).collect();
    let folded = (1..=6).fold(lines, repeats);
    folded.iter().map(|line| format!("{line}\n")).collect()
}

/// Writes `period` lines that follow each other several times once.
fn repeats(lines: Vec<String>, period: usize) -> Vec<String> {
    let (mut folded, mut rest) = (Vec::new(), lines.as_slice());
    while !rest.is_empty() {
        let block = &rest[..period.min(rest.len())];
        let times = rest.chunks(period).take_while(|c| *c == block).count();
        match (period, times) {
            (_, 1) => {
                folded.push(rest[0].clone());
                rest = &rest[1..];
                continue;
            }
            (1, n) => folded.push(format!("{} x {n}", block[0])),
            (_, n) => {
                folded.push(format!("  {n} times"));
                let block = block.join("\n").replace('\n', "\n  ");
                folded.push(format!("  {block}"));
            }
        }
        rest = &rest[times * period..];
    }
    folded
}

#[test]
fn transcripts_do_what_is_recorded() {
    let mut text = format!("{}\n", PROTOCOL.escape_ascii());
    for hiding in [false, true] {
        for (name, proven) in proven(&story(1, hiding)) {
            let (result, transcripts) = record(|| proven.verdict());
            assert_eq!(result, Ok(()));
            writeln!(text, "\n# {name}, hiding: {hiding}").unwrap();
            if !hiding {
                // Without hiding nothing is drawn: the same bytes whenever they are made.
                let hash = Sha256::digest(proven.bytes());
                writeln!(text, "{} bytes, {hash:x}", proven.bytes().len()).unwrap();
            }
            text += &lines(&transcripts);
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/soundness/sequence.txt");
    if std::env::var_os("ZKTREE_RECORD").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap();
    let differs = recorded.lines().zip(text.lines()).position(|(a, b)| a != b);
    let at = differs.map_or(recorded.lines().count().min(text.lines().count()), |at| at);
    assert!(
        recorded == text,
        "line {} of {}: recorded {:?}, done {:?}. If the protocol is meant to change, change \
         `transcript::PROTOCOL` and record anew",
        at + 1,
        path.display(),
        recorded.lines().nth(at),
        text.lines().nth(at),
    );
}

/// The prover does what the verifier does, but for checks.
#[test]
fn both_sides_do_the_same() {
    let without_checks = |events: Vec<Event>| -> Vec<Event> {
        let keep = |event: &Event| !matches!(event, Event::Check(_));
        events.into_iter().filter(keep).collect()
    };
    for hiding in [false, true] {
        let story = story(1, hiding);
        let ((statement, proof), proving) = record(|| story.prove_root());
        let (_, verifying) = record(|| statement.verify(&proof).unwrap());
        // The prover runs the verifier on its messages too, half way: that transcript is shorter.
        let whole =
            |events: &Vec<Event>| events.contains(&Event::Challenge("linear form: q".into()));
        let proving = proving.into_iter().filter(whole).map(without_checks);
        let verifying = verifying.into_iter().map(without_checks).map(|mut events| {
            assert_eq!(
                events.pop(),
                Some(Event::Challenge("batch of proofs".into()))
            );
            events
        });
        assert!(proving.eq(verifying));
    }
}

//! Everything that transcripts do, as their events tell it: `zktree::transcript` at level `TRACE`.
use std::{
    ops::Range,
    sync::{Arc, LazyLock, Mutex},
};
use tracing::{
    Dispatch, Event as Raw, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// What a transcript did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It began, for this application.
    Begin(String),
    /// It absorbed so many public bytes.
    Absorb(String, usize),
    /// It absorbed a message of the prover: these bytes of the proof.
    Message(Message),
    /// It gave a challenge.
    Challenge(String),
    /// The verifier checked something.
    Check(String),
}

/// A message of the prover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its label.
    pub label: String,
    /// Whether it is a point; else it is a scalar.
    pub point: bool,
    /// Where it lies in the proof.
    pub bytes: Range<usize>,
}

/// Runs `work` and lists what the transcripts of this thread do in it, each transcript apart.
pub fn record<T>(work: impl FnOnce() -> T) -> (T, Vec<Vec<Event>>) {
    LazyLock::force(&OTHERS);
    let recorder = Recorder::default();
    let subscriber = tracing_subscriber::registry().with(recorder.clone());
    let guard = subscriber.set_default();
    let result = work();
    drop(guard);
    let events = std::mem::take(&mut *recorder.0.lock().unwrap());
    (result, events)
}

/// The messages among events.
pub fn messages(events: &[Event]) -> Vec<Message> {
    let messages = events.iter().filter_map(|event| match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    });
    messages.collect()
}

/// While `tracing` knows of one subscriber only, an event that first happens in a thread without it
/// is off for all threads. So there are always more.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Vec<Event>>>>);

/// The fields of an event of a transcript.
#[derive(Default)]
struct Fields {
    event: String,
    label: String,
    kind: String,
    len: usize,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        assert_eq!(field.name(), "len");
        self.len = value as usize;
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.event = value.into(),
            "label" => self.label = value.into(),
            "kind" => self.kind = value.into(),
            name => panic!("an event of a transcript has no field {name}"),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, raw: &Raw<'_>, _: Context<'_, S>) {
        if raw.metadata().target() != "zktree::transcript" {
            return;
        }
        let mut fields = Fields::default();
        raw.record(&mut fields);
        let Fields {
            event,
            label,
            kind,
            len,
        } = fields;
        let mut transcripts = self.0.lock().unwrap();
        if event == "begin" {
            transcripts.push(vec![Event::Begin(label)]);
            return;
        }
        let transcript = transcripts.last_mut().expect("begun before");
        let event = match event.as_str() {
            "absorb" => Event::Absorb(label, len),
            "message" => {
                let start = messages(transcript).last().map_or(0, |m| m.bytes.end);
                Event::Message(Message {
                    label,
                    point: kind == "point",
                    bytes: start..start + len,
                })
            }
            "challenge" => Event::Challenge(label),
            "check" => Event::Check(label),
            event => panic!("no transcript does {event}"),
        };
        transcript.push(event);
    }
}

//! Time and operations of each kind of span, and bytes of each part of a proof, as `tracing` tells them.
use super::work::{Start, Work};
use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::Id,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// What was heard since the last [`take`](Self::take).
#[derive(Default)]
pub struct Heard {
    /// Time and operations by name of span. Phases follow one another, so that what all threads do
    /// in a span is its own.
    pub phases: BTreeMap<&'static str, Work>,
    /// Bytes by part of a proof.
    pub bytes: BTreeMap<String, u64>,
}

/// Adds up what it hears.
#[derive(Clone, Default)]
pub struct Phases(Arc<Mutex<Heard>>);

impl Phases {
    /// Listens to the whole process from now on.
    pub fn install() -> Result<Self, Box<dyn Error>> {
        let phases = Self::default();
        let subscriber = tracing_subscriber::registry().with(phases.clone());
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(phases)
    }

    /// Takes what was heard.
    pub fn take(&self) -> Heard {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Phases {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Start::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(start) = span.extensions().get::<Start>() {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *heard.phases.entry(span.name()).or_default() += start.work();
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut part = Part::default();
        event.record(&mut part);
        if let Some(name) = part.name {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *heard.bytes.entry(name).or_default() += part.bytes;
        }
    }
}

/// The fields of an event about a part of a proof.
#[derive(Default)]
struct Part {
    name: Option<String>,
    bytes: u64,
}

impl Visit for Part {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "bytes" {
            self.bytes = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "part" {
            self.name = Some(value.to_string());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

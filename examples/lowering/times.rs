//! How long the parts of a reduction take, as `tracing` tells them.
use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Subscriber, span::Id};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// Of one reduction.
#[derive(Clone, Default)]
pub struct Times {
    /// All of it.
    pub whole: Duration,
    /// By name of span.
    pub parts: BTreeMap<&'static str, Duration>,
}

impl Times {
    /// Of one kind of span.
    pub fn part(&self, name: &str) -> Duration {
        self.parts.get(name).copied().unwrap_or_default()
    }

    /// All of it, to its lookups.
    pub fn ratio(&self) -> f64 {
        self.whole.as_secs_f64() / self.part("lookups").as_secs_f64()
    }
}

/// Adds up what it hears.
#[derive(Clone, Default)]
pub struct Listener(Arc<Mutex<BTreeMap<&'static str, Duration>>>);

impl Listener {
    /// Listens to the whole process from now on.
    pub fn install() -> Result<Self, Box<dyn Error>> {
        let listener = Self::default();
        let subscriber = tracing_subscriber::registry().with(listener.clone());
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(listener)
    }

    fn take(&self) -> BTreeMap<&'static str, Duration> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does it, and measures.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> (T, Times) {
        self.take();
        let start = Instant::now();
        let done = work();
        let whole = start.elapsed();
        let parts = self.take();
        (done, Times { whole, parts })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Listener {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(start) = span.extensions().get::<Instant>() {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *heard.entry(span.name()).or_default() += start.elapsed();
        }
    }
}

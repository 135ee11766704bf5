//! The canonical encoding of an optimiser.
use super::{Millionths, Momentum, Optimiser, RateSchedule};
use crate::{
    error::DecodeError,
    nn::{
        encoding::{Decoder, Encoder},
        fixed::LearningRate,
    },
    text::quoted,
};

/// Where the coefficient of plain gradient descent stands, which is never this: another optimiser follows.
const OTHER: u64 = 0;
/// What becomes of velocity behind a segment.
const RESTART: &str = "restart";

impl Optimiser {
    /// The canonical encoding: plain gradient descent is its coefficient alone, all else is behind a zero.
    pub fn encode(self, start: Encoder) -> Encoder {
        let units = self.rate.coefficient();
        if self.is_plain() {
            return start.number(units);
        }
        let start = start.number(OTHER).number(units);
        let (start, beta) = match self.momentum {
            Momentum::None => (start.string("none"), None),
            Momentum::Heavy(beta) => (start.string("heavy ball"), Some(beta)),
            Momentum::Nesterov(beta) => (start.string("nesterov"), Some(beta)),
        };
        let start = match beta {
            Some(beta) => start.number(beta.get()).string(RESTART),
            None => start,
        };
        match self.schedule {
            RateSchedule::Constant => start.string("constant"),
            RateSchedule::Cosine { warmup, floor } => {
                start.string("cosine").number(warmup).number(floor.get())
            }
            RateSchedule::Step { warmup, every, by } => start
                .string("step")
                .number(warmup)
                .number(every)
                .number(by.get()),
        }
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    /// [`DecodeError`] if it is anything else.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let refuse = |error| DecodeError::value("rate", error);
        let first = decoder.number("rate")?;
        let units = match first {
            OTHER => decoder.number("rate")?,
            units => units,
        };
        let rate = LearningRate::from_coefficient(units).map_err(refuse)?;
        if first != OTHER {
            return Ok(rate.into());
        }
        let (momentum, schedule) = (momentum(decoder)?, schedule(decoder)?);
        match Self::new(rate, momentum, schedule).map_err(refuse)? {
            this if this.is_plain() => Err(DecodeError::NotCanonical),
            this => Ok(this),
        }
    }
}

fn millionths(decoder: &mut Decoder<'_>, field: &'static str) -> Result<Millionths, DecodeError> {
    let count = decoder.number(field)?;
    Millionths::new(count).map_err(|error| DecodeError::value(field, error))
}

fn momentum(decoder: &mut Decoder<'_>) -> Result<Momentum, DecodeError> {
    let field = "momentum";
    let of: fn(Millionths) -> Momentum = match decoder.string(field)? {
        "none" => return Ok(Momentum::None),
        "heavy ball" => Momentum::Heavy,
        "nesterov" => Momentum::Nesterov,
        other => return Err(DecodeError::value(field, quoted(other))),
    };
    let beta = millionths(decoder, field)?;
    match decoder.string(field)? {
        RESTART => Ok(of(beta)),
        other => {
            let what = quoted(other);
            let reason = format!("velocity at a segment's end: {what}; this version restarts it");
            Err(DecodeError::value(field, reason))
        }
    }
}

fn schedule(decoder: &mut Decoder<'_>) -> Result<RateSchedule, DecodeError> {
    let field = "schedule of rates";
    match decoder.string(field)? {
        "constant" => Ok(RateSchedule::Constant),
        "cosine" => Ok(RateSchedule::Cosine {
            warmup: decoder.number(field)?,
            floor: millionths(decoder, field)?,
        }),
        "step" => Ok(RateSchedule::Step {
            warmup: decoder.number(field)?,
            every: decoder.number(field)?,
            by: millionths(decoder, field)?,
        }),
        other => Err(DecodeError::value(field, quoted(other))),
    }
}

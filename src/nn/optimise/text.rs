//! Optimisers as texts.
use super::{MILLION, Millionths, Momentum, Optimiser, RateSchedule};
use crate::{error::ConfigError, text::quoted};
use std::{fmt, str::FromStr};

/// What a text of momentum may be.
const MOMENTA: &str = "take sgd, momentum:0.9 or nesterov:0.9";
/// What a text of a schedule may be.
const SCHEDULES: &str =
    "take constant, cosine:warmup=10,floor=0.1 or step:every=100,by=0.5,warmup=10";
/// Digits behind the point.
const DIGITS: usize = 6;

fn refuse(what: String) -> ConfigError {
    ConfigError::Optimiser { what }
}

/// A decimal from 0 to 1, of at most 6 digits behind the point.
impl FromStr for Millionths {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = || {
            let fits = digits(whole) && digits(part) && part.len() <= DIGITS;
            let padded = format!("{part:0<DIGITS$}").parse::<u64>().ok();
            let whole = whole.parse::<u64>().ok().filter(|n| *n <= 1);
            fits.then_some(whole? * MILLION as u64 + padded?)
        };
        let what = format!(
            "{}: a number from 0 to 1 is due, with at most {DIGITS} digits behind the point",
            quoted(text)
        );
        let number = number().filter(|n| u128::from(*n) <= MILLION);
        Self::new(number.ok_or_else(|| refuse(what))?)
    }
}

impl fmt::Display for Millionths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.get() / MILLION as u64, self.get() % MILLION as u64);
        let part = format!("{part:06}");
        let part = part.trim_end_matches('0');
        match part.is_empty() {
            true => write!(f, "{whole}"),
            false => write!(f, "{whole}.{part}"),
        }
    }
}

impl FromStr for Momentum {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (name, beta) = text
            .split_once(':')
            .map_or((text, None), |(name, rest)| (name, Some(rest)));
        let of = match (name, beta) {
            ("sgd", None) => return Ok(Self::None),
            ("momentum", Some(_)) => Self::Heavy,
            ("nesterov", Some(_)) => Self::Nesterov,
            ("adam" | "adamw", _) => {
                let what = format!("{name} is not yet proven: it is not linear in the gradients");
                return Err(refuse(format!("{what}; {MOMENTA}")));
            }
            _ => {
                return Err(refuse(format!(
                    "{} is no optimiser; {MOMENTA}",
                    quoted(text)
                )));
            }
        };
        let mut parts = beta.unwrap_or_default().split(',');
        let beta: Millionths = parts.next().unwrap_or_default().parse()?;
        of(beta).check()?;
        for part in parts {
            match part.split_once('=').map_or(part, |(key, _)| key) {
                "restart" => {}
                "carry" => {
                    let what = "velocity is not yet carried from segment to segment: leave `carry` out, so that it is \
                                restarted, and take longer segments (--segment-steps)";
                    return Err(refuse(what.to_owned()));
                }
                "decay" => {
                    let what = "weight decay is not yet proven: leave it out";
                    return Err(refuse(what.to_owned()));
                }
                _ => return Err(refuse(format!("{}: {MOMENTA}", quoted(part)))),
            }
        }
        Ok(of(beta))
    }
}

impl fmt::Display for Momentum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("sgd"),
            Self::Heavy(beta) => write!(f, "momentum:{beta}"),
            Self::Nesterov(beta) => write!(f, "nesterov:{beta}"),
        }
    }
}

/// The values of `key=value,...`, each key at most once, in the order of `keys`.
fn fields<'a, const N: usize>(
    text: &'a str,
    keys: [&str; N],
) -> Result<[Option<&'a str>; N], ConfigError> {
    let mut found = [None; N];
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let pair = part.split_once('=');
        let place = pair.and_then(|(key, _)| keys.iter().position(|k| *k == key));
        match (pair, place.and_then(|place| found.get_mut(place))) {
            (Some((_, value)), Some(slot @ None)) => *slot = Some(value),
            _ => {
                return Err(refuse(format!(
                    "{} in a schedule; {SCHEDULES}",
                    quoted(part)
                )));
            }
        }
    }
    Ok(found)
}

/// A number of steps.
fn steps(text: Option<&str>) -> Result<Option<u64>, ConfigError> {
    let what = |text| refuse(format!("{}: a number of steps is due", quoted(text)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.map(|text| {
        text.parse()
            .ok()
            .filter(|_| digits(text))
            .ok_or_else(|| what(text))
    })
    .transpose()
}

impl FromStr for RateSchedule {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "constant" if text == name => Ok(Self::Constant),
            "cosine" => {
                let [warmup, floor] = fields(rest, ["warmup", "floor"])?;
                Ok(Self::Cosine {
                    warmup: steps(warmup)?.unwrap_or(0),
                    floor: floor.unwrap_or("0").parse()?,
                })
            }
            "step" => {
                let [every, by, warmup] = fields(rest, ["every", "by", "warmup"])?;
                let missing = |what| refuse(format!("`{what}` is missing; {SCHEDULES}"));
                let this = Self::Step {
                    warmup: steps(warmup)?.unwrap_or(0),
                    every: steps(every)?.ok_or_else(|| missing("every"))?,
                    by: by.ok_or_else(|| missing("by"))?.parse()?,
                };
                this.check()?;
                Ok(this)
            }
            _ => Err(refuse(format!(
                "{} is no schedule of rates; {SCHEDULES}",
                quoted(text)
            ))),
        }
    }
}

impl fmt::Display for RateSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Cosine { warmup, floor } => write!(f, "cosine:warmup={warmup},floor={floor}"),
            Self::Step { warmup, every, by } => {
                write!(f, "step:every={every},by={by},warmup={warmup}")
            }
        }
    }
}

/// Momentum and schedule, without the rate.
impl fmt::Display for Optimiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schedule {
            RateSchedule::Constant => self.momentum.fmt(f),
            schedule => write!(f, "{} {schedule}", self.momentum),
        }
    }
}

//! Matrices against optimisers that run step by step.
use super::*;
use crate::nn::encoding::{Decoder, Encoder};
use proptest::prelude::*;

fn millionths() -> impl Strategy<Value = Millionths> {
    let any = prop_oneof![1_u64..1_000_000, Just(1), Just(500_000), Just(999_999)];
    any.prop_map(|n| Millionths::new(n).unwrap())
}

pub(crate) fn optimisers(units: impl Strategy<Value = u64>) -> impl Strategy<Value = Optimiser> {
    let momentum = prop_oneof![
        Just(Momentum::None),
        millionths().prop_map(Momentum::Heavy),
        millionths().prop_map(Momentum::Nesterov),
    ];
    let schedule = prop_oneof![
        Just(RateSchedule::Constant),
        (0_u64..6, 0_u64..=1_000_000).prop_map(|(warmup, floor)| RateSchedule::Cosine {
            warmup,
            floor: Millionths::new(floor).unwrap(),
        }),
        (0_u64..6, 1_u64..5, millionths()).prop_map(|(warmup, every, by)| RateSchedule::Step {
            warmup,
            every,
            by
        }),
    ];
    (units, momentum, schedule).prop_map(|(units, momentum, schedule)| {
        let rate = LearningRate::from_coefficient(units).unwrap();
        Optimiser::new(rate, momentum, schedule).unwrap()
    })
}

fn units() -> impl Strategy<Value = u64> {
    prop_oneof![12_u64..100, Just(12), Just(Optimiser::MOST_UNITS)]
}

/// The fraction of the largest rate in a step, in real numbers, as the other tools have it.
fn real_rate(schedule: RateSchedule, step: u64, steps: u64) -> f64 {
    let warm = |warmup: u64| ((step + 1) as f64 / warmup.max(1) as f64).min(1.0);
    let real = |x: Millionths| x.get() as f64 / 1e6;
    match schedule {
        RateSchedule::Constant => 1.0,
        RateSchedule::Cosine { warmup, floor } => {
            let (t, w) = (step as f64, warmup as f64);
            let x = ((t - w) / (steps as f64 - w).max(1.0)).clamp(0.0, 1.0);
            let wave = 0.5 * (1.0 + (std::f64::consts::PI * x).cos());
            warm(warmup) * (real(floor) + (1.0 - real(floor)) * wave)
        }
        RateSchedule::Step { warmup, every, by } => {
            let times = step.saturating_sub(warmup) / every;
            warm(warmup) * real(by).powf(times as f64)
        }
    }
}

/// Where a parameter is before each step and behind the last one if the gradient of step `tau` is -1 and all others
/// are 0: an optimiser that runs in real numbers. Steps are those of a segment that starts at `first`.
fn impulse(plan: &Plan, first: u64, steps: usize, tau: usize) -> Vec<f64> {
    let (mut w, mut v) = (0.0, 0.0);
    let mut places = vec![w];
    let beta = plan.optimiser.momentum().beta() as f64 / 1e6;
    for t in 0..steps {
        let gradient = if t == tau { -1.0 } else { 0.0 };
        v = beta * v + gradient;
        let step = match plan.optimiser.momentum() {
            Momentum::Nesterov(_) => gradient + beta * v,
            _ => v,
        };
        let rate = real_rate(plan.optimiser.schedule(), first + t as u64, plan.steps);
        w -= plan.optimiser.rate().coefficient() as f64 * rate * step;
        places.push(w);
    }
    places
}

proptest! {
    /// Equations 60 to 63, 65. Entries are the responses of a real optimiser, rounded; nothing is on the diagonal or above it; no sum of a row
    /// is above the bound.
    #[test]
    fn entries_are_rounded_responses(
        optimiser in optimisers(units()),
        (size, segments, rest) in (1_u64..20, 0_u64..4, 1_u64..20),
    ) {
        let plan = Plan {
            optimiser,
            steps: segments * size + rest.min(size),
            segment_steps: size,
        };
        let mut sums = 0;
        let mut first = 0;
        while first < plan.steps {
            let matrix = plan.matrix(first);
            let steps = size.min(plan.steps - first) as usize;
            for tau in 0..steps {
                let real = impulse(&plan, first, steps, tau);
                let ours = (0..steps).map(|t| matrix.entry(t, tau)).chain([matrix.last(tau)]);
                for (t, (entry, real)) in ours.zip(real).enumerate() {
                    if t <= tau {
                        prop_assert_eq!(entry, 0);
                    }
                    let error = (entry as f64 - real).abs();
                    // Half a unit, and 32 fraction bits of rates and weights.
                    let most = 0.5 + 1e-6 + 3e-8 * optimiser.rate().coefficient() as f64;
                    prop_assert!(error <= most, "[{t}, {tau}]: {entry}, {real}");
                }
            }
            let row = |row: &dyn Fn(usize) -> i64| (0..steps).map(|tau| row(tau) as u128).sum::<u128>();
            let last = row(&|tau| matrix.last(tau));
            for t in 0..steps {
                prop_assert!(row(&|tau| matrix.entry(t, tau)) <= last);
            }
            sums += last;
            first += size;
        }
        let bound = plan.largest_sum().unwrap();
        prop_assert!(sums <= bound);
        if optimiser.schedule() == RateSchedule::Constant {
            prop_assert!(bound - sums <= u128::from(plan.steps));
        }
    }

    /// Equations 62 and 63, the integers themselves.
    #[test]
    fn entries_follow_the_equations(optimiser in optimisers(units()), steps in 1_usize..20) {
        let plan = Plan { optimiser, steps: steps as u64, segment_steps: steps as u64 };
        let matrix = plan.matrix(0);
        let beta = u128::from(optimiser.momentum().beta());
        let power = |lag: usize| (0..lag).fold(1_u128 << 32, |p, _| p * beta / 1_000_000);
        let weight = |lag: usize| match optimiser.momentum() {
            Momentum::Nesterov(_) if lag == 0 => power(0) + power(1),
            Momentum::Nesterov(_) => power(lag + 1),
            _ => power(lag),
        };
        for tau in 0..steps {
            for t in 0..=steps {
                let terms = (tau..t.max(tau)).map(|j| {
                    let rate = optimiser.schedule().at(j as u64, steps as u64);
                    u128::from(optimiser.rate().coefficient()) * u128::from(rate) * weight(j - tau)
                });
                let expected = (terms.sum::<u128>() + (1 << 63)) >> 64;
                let found = if t == steps { matrix.last(tau) } else { matrix.entry(t, tau) };
                prop_assert_eq!(found as u128, expected);
            }
        }
        for step in 0..steps {
            let alone = Plan { segment_steps: 1, ..plan };
            if optimiser.momentum() == Momentum::None {
                let only = alone.matrix(step as u64).last(0) as u64;
                prop_assert_eq!(plan.coefficient(step as u64), only);
            }
        }
    }

    #[test]
    fn rates_are_within_the_largest(
        optimiser in optimisers(Just(12)),
        step: u64,
        steps: u64,
    ) {
        let rate = optimiser.schedule().at(step, steps);
        prop_assert!(rate <= ONE);
    }

    #[test]
    fn encodings_are_canonical(optimiser in optimisers(prop_oneof![units(), Just(12)])) {
        let bytes = optimiser.encode(Encoder::default()).finish();
        let mut decoder = Decoder::headless(&bytes);
        prop_assert_eq!(Optimiser::decode(&mut decoder).unwrap(), optimiser);
        prop_assert!(decoder.finish().is_ok());
        if optimiser.is_plain() {
            prop_assert_eq!(bytes, optimiser.rate().coefficient().to_le_bytes());
        }
    }

    #[test]
    fn texts_say_all(optimiser in optimisers(Just(12))) {
        let momentum = optimiser.momentum();
        prop_assert_eq!(momentum.to_string().parse::<Momentum>().unwrap(), momentum);
        let schedule = optimiser.schedule();
        prop_assert_eq!(schedule.to_string().parse::<RateSchedule>().unwrap(), schedule);
    }
}

/// What entries add up to where they are largest, and the longest sums.
#[test]
fn the_largest_entries_fit() {
    let rate = LearningRate::from_coefficient(Optimiser::MOST_UNITS).unwrap();
    let most = Millionths::new(999_999).unwrap();
    for momentum in [Momentum::Heavy(most), Momentum::Nesterov(most)] {
        let optimiser = Optimiser::new(rate, momentum, RateSchedule::Constant).unwrap();
        let size = MAX_SEGMENT_STEPS as u64;
        let plan = Plan {
            optimiser,
            steps: 3 * size,
            segment_steps: size,
        };
        let UpdateMatrix::Of(matrix) = plan.matrix(size) else {
            panic!("it has momentum");
        };
        assert_eq!(matrix.steps(), MAX_SEGMENT_STEPS);
        let column: Vec<i64> = matrix.column(0).collect();
        assert!(column.is_sorted() && column[0] > 0 && column[1023] > 1 << 61);
        assert!(plan.largest_sum().unwrap() >= matrix.last().map(|k| k as u128).sum());
        let endless = Plan {
            steps: u64::MAX,
            ..plan
        };
        assert!(endless.largest_sum().unwrap() < 1 << 126);
        let long = Plan {
            segment_steps: size + 1,
            ..plan
        };
        let error = ConfigError::LongSegment {
            steps: size + 1,
            max: MAX_SEGMENT_STEPS,
        };
        assert_eq!(long.check(), Err(error));
        assert_eq!(long.largest_sum(), None);
    }
}

#[test]
fn rates_that_are_too_coarse_are_refused() {
    let fixed = FixedPoint::compact();
    let momentum: Momentum = "momentum:0.9".parse().unwrap();
    let constant = RateSchedule::Constant;
    let cosine: RateSchedule = "cosine".parse().unwrap();
    // A unit for a batch of 32 is 2^-11.
    let at = |units: f64, momentum, schedule| {
        Optimiser::nearest((&fixed, 32), units / 2048.0, momentum, schedule)
    };
    let coarse = |units| Err(ConfigError::CoarseRate { units, least: 12 });
    assert_eq!(at(11.4, momentum, constant), coarse(11));
    assert_eq!(at(0.2, Momentum::None, cosine), coarse(0));
    assert_eq!(
        at(12.0, momentum, constant).unwrap().rate().coefficient(),
        12
    );
    assert_eq!(
        at(2.0, Momentum::None, constant)
            .unwrap()
            .rate()
            .coefficient(),
        2
    );
    let error = at(f64::NAN, momentum, constant).unwrap_err();
    assert!(matches!(error, ConfigError::InvalidRate { .. }));
    let most = Optimiser::MOST_UNITS;
    let large = LearningRate::from_coefficient(most + 1).unwrap();
    assert_eq!(
        Optimiser::new(large, momentum, constant),
        Err(ConfigError::CoefficientOutOfRange {
            coefficient: most + 1,
            max: most
        })
    );
    assert!(Optimiser::new(large, Momentum::None, constant).is_ok());
    let text = coarse_text(&at(11.0, momentum, constant).unwrap_err());
    for advice in ["more weight bits", "a smaller batch", "a larger rate"] {
        assert!(text.contains(advice), "{text}");
    }
}

fn coarse_text(error: &ConfigError) -> String {
    error.to_string()
}

#[test]
fn texts_that_are_none_say_what_would_be_right() {
    let momentum = |text: &str| text.parse::<Momentum>().unwrap_err().to_string();
    for (text, says) in [
        ("", "take sgd, momentum:0.9 or nesterov:0.9"),
        ("sgd:0.9", "take sgd"),
        ("momentum", "take sgd, momentum:0.9"),
        ("adam", "not yet proven"),
        ("momentum:", "a number from 0 to 1"),
        ("momentum:1", "between 0 and 1"),
        ("momentum:0", "between 0 and 1"),
        ("momentum:1.1", "a number from 0 to 1"),
        ("momentum:-0.5", "a number from 0 to 1"),
        ("momentum:0.1234567", "at most 6 digits"),
        ("momentum:9e-1", "a number from 0 to 1"),
        ("momentum:0.9,carry", "--segment-steps"),
        ("momentum:0.9,decay=0.1", "not yet"),
        ("momentum:0.9,gamma", "take sgd"),
    ] {
        assert!(momentum(text).contains(says), "{text}: {}", momentum(text));
    }
    assert_eq!(
        "momentum:0.9,restart".parse(),
        "momentum:0.9".parse::<Momentum>()
    );
    let schedule = |text: &str| text.parse::<RateSchedule>().unwrap_err().to_string();
    for (text, says) in [
        ("linear", "take constant, cosine:"),
        ("constant:", "take constant"),
        ("cosine:warm=3", "take constant, cosine:warmup=10,floor=0.1"),
        ("cosine:warmup=3,warmup=4", "warmup=4"),
        ("cosine:warmup=+3", "a number of steps"),
        ("cosine:floor=1.5", "a number from 0 to 1"),
        ("step:by=0.5", "`every` is missing"),
        ("step:every=3", "`by` is missing"),
        ("step:every=0,by=0.5", "at least 1"),
        ("step:every=3,by=1", "between 0 and 1"),
    ] {
        assert!(schedule(text).contains(says), "{text}: {}", schedule(text));
    }
    let cosine = RateSchedule::Cosine {
        warmup: 0,
        floor: Millionths::default(),
    };
    assert_eq!("cosine".parse(), Ok(cosine));
}

/// Every byte string that decodes is what encodes, and names that are not known are refused.
#[test]
fn other_encodings_are_refused() {
    let start = || Encoder::default().number(0).number(50);
    let decode = |encoder: Encoder| {
        let bytes = encoder.finish();
        Optimiser::decode(&mut Decoder::headless(&bytes)).map_err(|error| error.to_string())
    };
    let heavy = |end: &str| start().string("heavy ball").number(900_000).string(end);
    assert!(decode(heavy("restart").string("constant")).is_ok());
    for (encoder, says) in [
        (start().string("none").string("constant"), "canonical"),
        (start().string("adam"), "adam"),
        (heavy("carry"), "carry"),
        (heavy("restart").string("linear"), "linear"),
        (heavy("restart"), "schedule"),
        (
            start()
                .string("nesterov")
                .number(0)
                .string("restart")
                .string("constant"),
            "between",
        ),
        (
            start()
                .string("nesterov")
                .number(1_000_001)
                .string("restart"),
            "at most 1",
        ),
        (
            start()
                .string("none")
                .string("step")
                .number(0)
                .number(0)
                .number(1),
            "at least 1",
        ),
        (Encoder::default().number(0).number(0), "rate"),
        (
            Encoder::default()
                .number(0)
                .number(11)
                .string("none")
                .string("cosine")
                .number(0)
                .number(0),
            "12",
        ),
        (Encoder::default().number(u64::MAX), "rate"),
    ] {
        let error = decode(encoder).unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
    }
}

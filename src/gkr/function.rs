//! Smooth functions of fixed-point numbers, correctly rounded, by integers alone.
//!
//! *Tables of functions* in the [`notes`](crate::notes). A value is *defined* as that of the real function,
//! rounded to nearest, ties up: $\lfloor 2^s f(y 2^{-s}) + 1/2 \rfloor$,
//! $\lfloor 2^\varphi f^{\prime}(y 2^{-s}) + 1/2 \rfloor$ and $\lfloor 2^p \exp(-d 2^{-\sigma}) + 1/2 \rfloor$.
//! Here is no floating point and no library of the platform, so that everybody has the same tables.
//!
//! **How.** All four functions and their slopes are short expressions in the logistic function
//! $\sigma(a) = 1 / (1 + e^{-a})$ and in $\sigma (1 - \sigma)$, since $1 + \tanh z = 2 \sigma(2 z)$; $e^{-t}$ is
//! $2^{-k} e^{-r}$ with $t = k \ln 2 + r$ and $0 \le r < \ln 2$, and $e^{-r}$ is its Taylor polynomial.
//! Numbers have 62 fraction bits.
//!
//! **Error**, in units $u = 2^{-62}$. Each of 18 steps of Horner's rule rounds by less than $u$, and the
//! error before it shrinks by $r / n$; the rest of the series is below $u / 20$: $2.1 u$ for $e^{-r}$. The
//! shift by $k \ge 1$ makes $2.4 u$ of it, with the constant $\ln 2$, off by $u / 2$, taken $k$ times. The argument
//! of GELU is rounded too, and $\sqrt{8/\pi}$: $1 u$ more, so that $e^{-t}$ is right to $4 u$ ($12 u$ for $-1 \le t < 0$,
//! where $k$ is negative), $\sigma$ to $5 u$ and $\sigma (1 - \sigma)$ to $6 u$. Hence
//!
//! * $2^s f$ is right to $5 \max(\vert y \vert, 2^{s+1}) u \le 2^{-42}$;
//! * $f^{\prime}$ is right to $2^{10} u$: the factor of $\sigma (1 - \sigma)$ is at most 122, that of GELU at 8, from
//!   where on it is taken for saturated ($e^{-t} < 2^{-71}$). With $\varphi \le 17$ bits that is $2^{-35}$;
//! * $2^p e^{-t}$ is right to $12 \cdot 2^{24} u < 2^{-34}$.
//!
//! A test goes over *all* arguments within the limits: none but those at 0, which are exact, is nearer than
//! this to the middle between two integers. No distance is below $2^{-28}$, so that rounding is correct
//! without exception.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

/// Most bits of a key with its sign, for which arguments are $\vert y \vert \le 2^{17}$.
pub const MAX_KEY_BITS: u32 = 18;
/// Most fraction bits of arguments and values.
pub const MAX_VALUE_BITS: u32 = 12;
/// Most fraction bits of slopes.
pub const MAX_SLOPE_BITS: u32 = 17;
/// Most fraction bits of an exponential.
pub const MAX_EXPONENTIAL_BITS: u32 = 24;
/// Most fraction bits of the argument of an exponential: 12 of a score, and one more for half a score's unit,
/// of which the bound on the sum of a row of probabilities is made.
pub const MAX_DECAY_BITS: u32 = 13;
/// The argument of an exponential is below 2 to this power, before it is scaled.
pub const MAX_DEPTH: u32 = 18;

/// Fraction bits of all that is not an argument.
const FRACTION: u32 = 62;
const ONE: i128 = 1 << FRACTION;
/// Degree of the polynomial for `e^-r`.
const TERMS: u64 = 18;
/// `2^62 ln 2`, rounded to nearest.
const LN_2: i128 = 3_196_577_161_300_663_915;
/// `2^62 sqrt(8 / pi)`, rounded to nearest.
const ROOT: i128 = 7_359_186_146_747_302_452;
/// GELU's coefficient of the cube is 44715 / 1000000.
const CUBE: i128 = 44_715;
const MILLION: i128 = 1_000_000;

/// A smooth activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// $\frac{x}{2} \left( 1 + \tanh \left( \sqrt{2/\pi} \, (x + 0.044715 x^3) \right) \right)$, the form of GPT-2.
    Gelu,
    /// $x / (1 + e^{-x})$.
    Silu,
    /// $\tanh x$.
    Tanh,
    /// $1 / (1 + e^{-x})$.
    Sigmoid,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 4] = [Self::Gelu, Self::Silu, Self::Tanh, Self::Sigmoid];

    /// A name in small letters, part of a table's id.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// $2^s f(y 2^{-s})$ and $2^\varphi f^{\prime}(y 2^{-s})$, rounded to nearest, ties up. `None` unless
    /// $\vert y \vert \le 2^{17}$, $s \le 12$ and $\varphi \le 17$.
    pub fn at(self, y: i64, s: u32, phi: u32) -> Option<(i64, i64)> {
        let inside = y.unsigned_abs() <= 1 << (MAX_KEY_BITS - 1)
            && s <= MAX_VALUE_BITS
            && phi <= MAX_SLOPE_BITS;
        inside.then(|| self.rounded(y, s, phi))
    }

    /// As [`at`](Self::at), of arguments within the limits.
    pub(super) fn rounded(self, y: i64, s: u32, phi: u32) -> (i64, i64) {
        let (value, slope) = self.scaled(y, s);
        (round(value), round(slope << phi))
    }

    /// $2^s f(y 2^{-s})$ and $f^{\prime}(y 2^{-s})$ with 62 fraction bits.
    fn scaled(self, y: i64, s: u32) -> (i128, i128) {
        let y = i128::from(y);
        let x = y << (FRACTION - s);
        match self {
            Self::Gelu => Gate::gelu(y, s).times(y),
            Self::Silu => Gate { a: x, weight: x }.times(y),
            Self::Tanh => {
                let Logistic { sigma, bump } = Logistic::at(2 * x);
                ((2 * sigma - ONE) << s, 4 * bump)
            }
            Self::Sigmoid => {
                let Logistic { sigma, bump } = Logistic::at(x);
                (sigma << s, bump)
            }
        }
    }
}

/// $2^p \exp(-d 2^{-\sigma})$, rounded to nearest, ties up. `None` unless $-1 \le d < 2^{18}$, $p \le 24$ and
/// $\sigma \le 13$.
pub fn exponential(d: i64, p: u32, sigma: u32) -> Option<i64> {
    let inside =
        (-1..1 << MAX_DEPTH).contains(&d) && p <= MAX_EXPONENTIAL_BITS && sigma <= MAX_DECAY_BITS;
    inside.then(|| round(decay(i128::from(d) << (FRACTION - sigma)) << p))
}

/// The integer nearest to a number of 62 fraction bits, ties up.
fn round(v: i128) -> i64 {
    ((v + ONE / 2) >> FRACTION) as i64
}

/// $e^{-t}$ for $t \ge -1$.
fn decay(t: i128) -> i128 {
    let halvings = t.div_euclid(LN_2);
    if halvings > i128::from(FRACTION) {
        return 0;
    }
    let rest = (t - halvings * LN_2) as u64;
    // Words of 64 bits, for speed: all of this is at most 1.
    let step = |sum: u64, n: u64| {
        let product = (u128::from(rest) * u128::from(sum)) >> FRACTION;
        ONE as u64 - product as u64 / n
    };
    let power = i128::from((1..=TERMS).rev().fold(ONE as u64, step));
    match u32::try_from(halvings) {
        Ok(halvings) => power >> halvings,
        Err(_) => power << halvings.unsigned_abs(),
    }
}

/// $\sigma(a)$ and $\sigma(a) (1 - \sigma(a))$.
struct Logistic {
    sigma: i128,
    bump: i128,
}

impl Logistic {
    fn at(a: i128) -> Self {
        let upper = (1 << (2 * FRACTION)) / (ONE + decay(a.abs()));
        let sigma = if a < 0 { ONE - upper } else { upper };
        let bump = (upper * (ONE - upper)) >> FRACTION;
        Self { sigma, bump }
    }
}

/// $a(x)$ and $x a^{\prime}(x)$ of a function $x \sigma(a(x))$.
struct Gate {
    a: i128,
    weight: i128,
}

impl Gate {
    /// $a(x) = \sqrt{8/\pi} \, (x + 0.044715 x^3)$ at $x = y 2^{-s}$.
    fn gelu(y: i128, s: u32) -> Self {
        if y.abs() >= 8 << s {
            let a = y.signum() * (64 * ONE);
            return Self { a, weight: 0 };
        }
        // Below 2^125: the numerator below 2^62.4, the root below 2^62.7. Rounded towards 0, so that
        // the two halves of the curve are each other's mirror images.
        let root_times = |cube: i128| {
            let numerator = (MILLION << (2 * s)) * y + cube * y * y * y;
            ROOT * numerator / (MILLION << (3 * s))
        };
        Self {
            a: root_times(CUBE),
            weight: root_times(3 * CUBE),
        }
    }

    /// $2^s x \sigma$ and $\sigma + x a^{\prime} \sigma (1 - \sigma)$.
    fn times(&self, y: i128) -> (i128, i128) {
        let Logistic { sigma, bump } = Logistic::at(self.a);
        (y * sigma, sigma + ((self.weight * bump) >> FRACTION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance of a number of 62 fraction bits to the nearest middle between two integers.
    fn middle(v: i128) -> i128 {
        (v & (ONE - 1)).abs_diff(ONE / 2) as i128
    }

    /// Bounds on the errors of `scaled`, in its units.
    fn bounds(y: i64, s: u32) -> [i128; 2] {
        [5 * i128::from(y.abs().max(2 << s)), 1 << 10]
    }

    /// Bound on the error of `decay`.
    const DECAY: i128 = 12;

    #[test]
    fn errors_are_within_their_bounds() {
        let vectors = include_str!("../../tests/vectors/functions.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let values: Vec<(String, i64, u32, String, String)> =
            serde_json::from_value(vectors["long"].clone()).unwrap();
        assert_eq!(values.len(), 364);
        for (name, y, s, value, slope) in values {
            let [value, slope]: [i128; 2] = [value, slope].map(|v| v.parse().unwrap());
            let mut functions = Function::ALL.into_iter();
            let (ours, bounds) = match functions.find(|function| function.name() == name) {
                Some(function) => (function.scaled(y, s), bounds(y, s)),
                None => ((decay(i128::from(y) << (FRACTION - s)), 0), [DECAY, 0]),
            };
            let errors = [ours.0 - value, ours.1 - slope].map(i128::abs);
            let within = errors[0] <= bounds[0] && errors[1] <= bounds[1];
            assert!(within, "{name}({y} / 2^{s}): {errors:?}, {bounds:?}");
        }
    }

    /// Takes note of the distances of a value and a slope to a middle, less the bounds on errors.
    fn measure(least: &mut [i128; 2], function: Function, y: i64, s: u32) {
        let (value, slope) = function.scaled(y, s);
        let bounds = bounds(y, s);
        least[0] = least[0].min(middle(value) - bounds[0]);
        // An argument that is met with more fraction bits has the same slope.
        if s == MAX_VALUE_BITS || y.abs() > 1 << (MAX_KEY_BITS - 2) {
            for phi in 0..=MAX_SLOPE_BITS {
                least[1] = least[1].min(middle(slope << phi) - (bounds[1] << phi));
            }
        }
    }

    /// The table maker's dilemma does not occur: whatever the parameters, the bound on errors cannot
    /// decide how a value is rounded.
    #[test]
    fn no_value_is_near_a_middle() {
        let (mut least, end) = ([ONE; 2], 1 << (MAX_KEY_BITS - 1));
        for function in Function::ALL {
            for s in 0..=MAX_VALUE_BITS {
                for y in (1..=end).flat_map(|y| [y, -y]) {
                    measure(&mut least, function, y, s);
                }
            }
        }
        let [value, slope] = least;
        assert!(value.min(slope) > ONE >> 28, "{value}, {slope}");
    }

    #[test]
    fn no_exponential_is_near_a_middle() {
        let (mut least, end) = (ONE, 1i64 << MAX_DEPTH);
        for sigma in 0..=MAX_DECAY_BITS {
            // Below are arguments that are met with more fraction bits.
            let first = if sigma == MAX_DECAY_BITS { 1 } else { end / 2 };
            for d in (first..end).chain([-1]) {
                let power = decay(i128::from(d) << (FRACTION - sigma));
                for p in 0..=MAX_EXPONENTIAL_BITS {
                    least = least.min(middle(power << p) - (DECAY << p));
                }
            }
        }
        assert!(least > ONE >> 28, "{least}");
    }

    /// What is known exactly is computed exactly: ties are decided by the rule.
    #[test]
    fn values_at_0_are_exact() {
        for s in 0..=MAX_VALUE_BITS {
            let [half, one] = [ONE / 2, ONE];
            assert_eq!(Function::Gelu.scaled(0, s), (0, half));
            assert_eq!(Function::Silu.scaled(0, s), (0, half));
            assert_eq!(Function::Tanh.scaled(0, s), (0, one));
            assert_eq!(Function::Sigmoid.scaled(0, s), (half << s, one / 4));
        }
        assert_eq!(Function::Sigmoid.at(0, 0, 1), Some((1, 1)));
        assert_eq!(Function::Silu.at(0, 0, 0), Some((0, 1)));
        for p in 0..=MAX_EXPONENTIAL_BITS {
            assert_eq!(exponential(0, p, 7), Some(1 << p));
        }
    }

    /// $\sigma(a) + \sigma(-a) = 1$ makes the two halves of each curve mirror images, of integers too.
    #[test]
    fn halves_are_mirror_images() {
        for (y, s) in (1..1 << 12).flat_map(|y| [(y, 0), (y, 8), (y, 12)]) {
            for function in Function::ALL {
                let (f, slope) = function.at(y, s, 15).unwrap();
                let (g, other) = function.at(-y, s, 15).unwrap();
                match function {
                    Function::Gelu | Function::Silu => {
                        assert_eq!((f - g, slope + other), (y, 1 << 15));
                    }
                    Function::Tanh => assert_eq!((f + g, slope), (0, other)),
                    Function::Sigmoid => assert_eq!((f + g, slope), (1 << s, other)),
                }
            }
        }
    }

    #[test]
    fn arguments_outside_the_limits_have_no_value() {
        for function in Function::ALL {
            for (y, s, phi) in [
                (1 << 17, 12, 17),
                (-(1 << 17), 0, 0),
                (0, 0, 17),
                (1, 12, 0),
            ] {
                assert!(function.at(y, s, phi).is_some());
            }
            for (y, s, phi) in [
                ((1 << 17) + 1, 8, 5),
                (-(1 << 17) - 1, 8, 5),
                (i64::MIN, 8, 5),
                (i64::MAX, 8, 5),
                (0, 13, 5),
                (0, u32::MAX, 5),
                (0, 8, 18),
                (0, 8, u32::MAX),
            ] {
                assert_eq!(function.at(y, s, phi), None);
            }
        }
        for (d, p, sigma) in [(-1, 24, 13), ((1 << 18) - 1, 0, 0), (-1, 24, 0)] {
            assert!(exponential(d, p, sigma).is_some());
        }
        for (d, p, sigma) in [
            (-2, 10, 8),
            (1 << 18, 10, 8),
            (i64::MIN, 10, 8),
            (i64::MAX, 10, 8),
            (0, 25, 8),
            (0, u32::MAX, 8),
            (0, 10, 14),
            (0, 10, u32::MAX),
        ] {
            assert_eq!(exponential(d, p, sigma), None);
        }
    }
}

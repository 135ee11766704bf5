//! Softmax, without a maximum and without a division.
//!
//! A row of scores $z_j$ is rounded to $\zeta_j$ of $\sigma$ fraction bits, $k$ fewer than $z_j$ has. With
//! $E(d) = \mathrm{round}(2^p \exp(-d 2^{-\sigma}))$, the *level* $L$ of the row is the least integer with
//! $\sum_j E(L - \zeta_j) \le C$, where $C = \mathrm{round}(2^p \exp(2^{-\sigma-1}))$ is one and half a unit, and
//! $P_j = E(L - \zeta_j)$ are the probabilities.
//!
//! **Proof.** $L$ is committed, and so are the distances $d_j$, of which a table says $P_j$ and $D_j = E(d_j - 1) -
//! E(d_j)$. With $m_j$ for one on live entries, and $\rho$ for one on real rows,
//! $$ (m_j, d_j, P_j, D_j) \in \text{table}, \qquad m_j z_j - 2^k (m_j L - d_j) \in \lbrack -2^{k-1}, 2^{k-1}),
//! \qquad L \in \text{its range}, $$
//! $$ \rho C - \sum_j P_j \in \lbrack 0, 2^b), \qquad \sum_j (P_j + D_j) - \rho (C + 1) \in \lbrack 0, 2^b). $$
//!
//! **Why one row of $P$.** $L$ and $d_j$ are integers in ranges, so that the remainder, which does not wrap, says
//! $L - d_j = \zeta_j$ by (1). The table makes $P_j$ and $P_j + D_j$ the exponentials at $L$ and at $L - 1$. Sums of
//! exponentials do not grow with $L$: that at $L$ is at most $C$ and that at $L - 1$ is more, at one $L$ alone. No $d_j$ is
//! negative there, since $E(-1) > C$ by $p \ge \sigma + 2$. Without the range, $L = a / 2^k$ in the field would
//! move all roundings; without the flag, zeros would be another image of $d = 0$.
//!
//! **Padding.** Where no entry is live, $P = D = d = 0$ by the table. $z = 0$ on padding, so that $2^k L$ is a remainder of a
//! padded row: $L = 0$. On columns that are padding nothing is added to a row. With a mask that leaves out whole rows, $L$
//! is any number of its range there, which nothing reads.
use super::{ceil_log2, compute, look_up, rows as rows_of, shifted, within, zero};
use crate::{
    check::Check,
    error::ConfigError,
    gkr::function::exponential,
    nn::{
        fixed::round,
        program::{Axis, Outside, Program, Range, Rule, Table, Term, Value, at, over, term},
    },
};

/// Of which fraction bits probabilities are, and which field of a format says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probabilities {
    /// As gradients: those of a loss.
    Gradient,
    /// As the format says: those that are multiplied.
    Factor,
}

/// The softmax of scores along their last axis.
///
/// `live` is one at the entries that count, and zero at all others, padding too: known to everybody, of the axes of the
/// scores. Without it all real entries count.
///
/// # Errors
/// [`ConfigError`] if the format has no numbers for it, or too few for so long a row.
pub fn softmax(
    p: &mut Program,
    name: &str,
    z: Value,
    live: Option<Value>,
    kind: Probabilities,
) -> Result<Value, ConfigError> {
    let format = p.format();
    let bits = format.functions("softmax")?.clone();
    let (fraction, field) = match kind {
        Probabilities::Gradient => (format.gradient_bits(), "gradient_bits"),
        Probabilities::Factor => (bits.probability_bits, "probability_bits"),
    };
    let (rows, units) = rows_of(p, "softmax", z)?;
    let needed = ceil_log2(p.len(units) as u128) + 4;
    if needed > fraction {
        return Err(ConfigError::LongRow {
            row: p.len(units),
            bits: fraction,
            needed,
            field,
        });
    }
    let z = shifted(p, &format!("scores of {name}"), z, bits.score_bits);
    let axes = p.fact(z).axes.clone();
    let scale = Scale {
        p: fraction,
        sigma: bits.score_bits,
        shift: p.fact(z).fraction - bits.score_bits,
    };
    let flag = live.unwrap_or_else(|| p.one(&axes));
    let range = Range::Signed(bits.level_range_bits);
    let sigma = bits.score_bits;
    let level = p.commit(format!("level of {name}"), &rows, sigma, largest(range));
    let table = Table::Exponential {
        bits: bits.exponential_bits,
        fraction,
        scale: sigma,
    };
    let [_, far] = table.keys();
    let name_of = |what: &str| format!("{what} of {name}");
    let distance = p.commit(name_of("distance"), &axes, sigma, far.unsigned_abs());
    compute(p, scale, &rows, &[z, flag], &[level, distance]);
    let value = p.commit(name.into(), &axes, fraction, 1 << fraction);
    // None is longer than that to what is more than one, but for rounding.
    let step = scale.power(-1) - scale.power(0) + 2;
    let step = p.commit(name_of("step"), &axes, fraction, step.unsigned_abs().into());
    look_up(
        p,
        Some(flag),
        (distance, vec![value, step]),
        table,
        Check::Probability,
    );
    within(p, "the level of a softmax", level, range, Check::Level)?;
    distances(p, name, (z, level, distance), live, scale.shift)?;
    sums(p, name, (value, step), (&rows, units), scale)?;
    Ok(value)
}

fn largest(range: Range) -> u128 {
    range.ends()[0].unsigned_abs()
}

/// Distances are those from the level to rounded scores.
fn distances(
    p: &mut Program,
    name: &str,
    (z, level, distance): (Value, Value, Value),
    live: Option<Value>,
    shift: u32,
) -> Result<(), ConfigError> {
    let fact = p.fact(z).clone();
    let indices = over(&fact.axes);
    let rows = over(&p.fact(level).axes.clone());
    let z = at(z, &indices);
    let level = at(level, &rows);
    let scaled = 1_i128 << shift.min(126);
    let terms: Vec<Term> = match live {
        Some(live) => {
            let live = at(live, &indices);
            vec![
                term(1, [live.clone(), z], &indices),
                term(-scaled, [live, level], &indices),
            ]
        }
        None => {
            // Of one axis: rows that are padding have a level of zero.
            let units: Vec<Axis> = fact.axes.last().copied().into_iter().collect();
            let columns = p.one(&units);
            vec![
                term(1, [z], &indices),
                term(-scaled, [level, at(columns, &over(&units))], &indices),
            ]
        }
    };
    let mine = term(scaled, [at(distance, &indices)], &indices);
    let terms = terms.into_iter().chain([mine]).collect();
    let (name, what) = (
        format!("rest of the scores of {name}"),
        "the rest of a score",
    );
    if shift == 0 {
        zero(p, name, (&fact.axes, fact.fraction), terms, Check::Distance);
        return Ok(());
    }
    let rest = p.sum(name, &fact.axes, fact.fraction, terms);
    within(p, what, rest, Range::Signed(shift), Check::Distance)
}

/// Probabilities sum to what fits, and those of the level below to more.
fn sums(
    p: &mut Program,
    name: &str,
    (value, step): (Value, Value),
    (rows, units): (&[Axis], Axis),
    scale: Scale,
) -> Result<(), ConfigError> {
    let axes = over(&p.fact(value).axes.clone());
    let (top, of) = (i128::from(scale.top()), over(rows));
    let one = p.one(rows);
    let terms = vec![
        term(top, [at(one, &of)], &of),
        term(-1, [at(value, &axes)], &of),
    ];
    let room = p.sum(format!("room of {name}"), rows, scale.p, terms);
    let terms = vec![
        term(1, [at(value, &axes)], &of),
        term(1, [at(step, &axes)], &of),
        term(-top - 1, [at(one, &of)], &of),
    ];
    let excess = p.sum(format!("excess of {name}"), rows, scale.p, terms);
    let range = Range::Unsigned(scale.slack_bits(p.len(units)));
    let what = "the sum of a softmax";
    within(p, what, room, range, Check::LevelFits)?;
    within(p, what, excess, range, Check::LevelLeast)
}

/// The numbers of a softmax, and the rule of levels and distances.
#[derive(Debug, Clone, Copy)]
struct Scale {
    p: u32,
    sigma: u32,
    /// Bits that scores are rounded by.
    shift: u32,
}

impl Scale {
    fn power(self, d: i64) -> i64 {
        exponential(d, self.p, self.sigma).unwrap_or(0)
    }

    /// One, and half a unit of a score more.
    fn top(self) -> i64 {
        exponential(-1, self.p, self.sigma + 1).unwrap_or(0)
    }

    /// Bits of what a row of so many entries lacks of the top, and of what it would be above it one level below:
    /// together that is the sum of steps. One is $E(d) (e^{2^{-\sigma}} - 1)$ and one for rounding, $E(d)$ at most
    /// $P$ and one, and $e^x - 1 \le 2 x$ for $x \le 1$.
    fn slack_bits(self, entries: usize) -> u32 {
        let entries = entries as u128;
        let top = u128::from(self.top().unsigned_abs());
        let steps = ((2 * (top + entries)) >> self.sigma) + 1 + entries;
        ceil_log2(steps + 1)
    }

    /// The sum of exponentials of scores at a level, or something above any top.
    fn sum(self, scores: &[i128], level: i128) -> i128 {
        let mut sum = 0;
        for score in scores {
            match i64::try_from(level - score) {
                Ok(d) if d >= -1 => sum += i128::from(self.power(d)),
                Ok(_) => return i128::MAX,
                // Out of any table, unless the score lies far above.
                Err(_) if level < *score => return i128::MAX,
                Err(_) => (),
            }
        }
        sum
    }

    /// The least level of rounded scores, of which there is one: near the logarithm of the sum of their exponentials.
    fn level(self, scores: &[i128]) -> i128 {
        let Some(peak) = scores.iter().max() else {
            return 0;
        };
        let unit = f64::from(1_u32 << self.sigma);
        let below = scores.iter().map(|x| ((x - peak) as f64 / unit).exp());
        let guess = (below.sum::<f64>().ln() * unit).round();
        let mut level = peak + (guess as i128).max(0);
        let top = i128::from(self.top());
        while self.sum(scores, level) > top {
            level += 1;
        }
        while self.sum(scores, level - 1) <= top {
            level -= 1;
        }
        level
    }
}

impl Rule for Scale {
    fn integers(&self, of: &[&[i128]], made: &mut [Vec<i128>]) -> Result<(), Outside> {
        let ([z, live], [level, distance]) = (of, made) else {
            return Ok(());
        };
        let pairs = z.iter().zip(*live).filter(|(_, live)| **live != 0);
        let scores: Vec<i128> = pairs.map(|(z, _)| round(self.shift, *z)).collect();
        let least = self.level(&scores);
        level.fill(least);
        for ((d, z), live) in distance.iter_mut().zip(*z).zip(*live) {
            if *live != 0 {
                *d = least - round(self.shift, *z);
            }
        }
        Ok(())
    }

    fn reals(&self, of: &[&[f64]], made: &mut [Vec<f64>]) {
        let ([z, live], [level, distance]) = (of, made) else {
            return;
        };
        let scores = z.iter().zip(*live).filter(|(_, live)| **live != 0.0);
        let peak = scores.clone().map(|(z, _)| *z).fold(f64::MIN, f64::max);
        let sum: f64 = scores.map(|(z, _)| (z - peak).exp()).sum();
        let whole = if sum > 0.0 { peak + sum.ln() } else { 0.0 };
        level.fill(whole);
        for ((d, z), live) in distance.iter_mut().zip(*z).zip(*live) {
            *d = if *live == 0.0 { 0.0 } else { whole - z };
        }
    }
}

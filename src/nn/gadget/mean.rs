//! The mean of a row.
//!
//! $\mu = \lfloor x / d + 1/2 \rfloor$, of a sum $x$ and the number $d$ of what was summed.
//!
//! **Proof.** With $\rho$ for one on real rows, $\mu$ is committed, in a range that holds every mean of such sums, and
//! $$ e = 2 x + \rho d - 2 d \mu, \qquad e \ge 0, \qquad (2 d - 1) \rho - e \ge 0. $$
//!
//! **Why one number.** $e$ is in $\lbrack 0, 2 d)$, exactly: a range up to a power of two would have room for
//! $\mu - 1$. Its two ranges and that of $\mu$ keep it from wrapping, so that $\mu$ is the quotient of $2 x + d$ by $2 d$.
//! For any rest there is a $\mu$ in the field: without its own range it would be anything.
//!
//! **Padding.** $x = \rho = 0$ leaves $0 \le e \le 0$, and $\mu = 0$.
use super::{between, bounded, ceil_log2, compute, within};
use crate::{
    check::Check,
    error::ConfigError,
    nn::program::{Outside, Program, Range, Rule, Value, at, over, term},
};

/// A value divided by `count`, rounded to nearest, ties up, with as many fraction bits.
///
/// # Errors
/// [`ConfigError`] if the value depends on parameters, or is so large that the ranges would be too wide.
pub fn mean(p: &mut Program, name: &str, x: Value, count: usize) -> Result<Value, ConfigError> {
    let bound = bounded(p, "mean", x)?;
    let fact = p.fact(x).clone();
    let d = count.max(1) as u128;
    // The largest magnitude is that of the bound's mean, and one for rounding.
    let bits = ceil_log2((bound / d).saturating_add(2)) + 1;
    let range = Range::Signed(bits.min(Range::MAX_BITS + 1));
    let one = p.one(&fact.axes);
    let [least, _] = range.ends();
    let mu = p.commit(name.into(), &fact.axes, fact.fraction, least.unsigned_abs());
    compute(p, Mean(count.max(1)), &fact.axes, &[x, one], &[mu]);
    let what = "a mean";
    within(p, what, mu, range, Check::Mean)?;
    let (indices, d) = (over(&fact.axes), d as i128);
    let terms = vec![
        term(2, [at(x, &indices)], &indices),
        term(d, [at(one, &indices)], &indices),
        term(-2 * d, [at(mu, &indices)], &indices),
    ];
    let rest = p.sum(format!("rest of {name}"), &fact.axes, fact.fraction, terms);
    let high = 2 * d.unsigned_abs() - 1;
    between(p, what, (rest, one), high, Check::MeanRest)?;
    Ok(mu)
}

#[derive(Debug)]
struct Mean(usize);

impl Rule for Mean {
    fn integers(&self, of: &[&[i128]], made: &mut [Vec<i128>]) -> Result<(), Outside> {
        let ([x, one], [mu]) = (of, made) else {
            return Ok(());
        };
        let d = self.0 as i128;
        for ((mu, x), one) in mu.iter_mut().zip(*x).zip(*one) {
            *mu = (2 * x + d * one).div_euclid(2 * d);
        }
        Ok(())
    }

    fn reals(&self, of: &[&[f64]], made: &mut [Vec<f64>]) {
        if let ([x, _], [mu]) = (of, made) {
            let pairs = mu.iter_mut().zip(*x);
            pairs.for_each(|(mu, x)| *mu = x / self.0 as f64);
        }
    }
}
